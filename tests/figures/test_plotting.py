"""Charts: margins always, declared order, ranges from released figures, words for the blind."""

from dataclasses import replace

import pytest
from factories.releases import (
    BAND,
    CATEGORY,
    CUSTOMERS,
    MONTH,
    MONTHS,
    RATE,
    REGION,
    REGIONS,
    release,
)

from workbench import figures
from workbench.errors import QuestionRefused
from workbench.figures import plotting
from workbench.figures.language import Language
from workbench.figures.plotting import nice_ticks


def test_a_line_draws_its_margin_as_a_band():
    made = release((MONTH,))
    data = figures.line(made, x="month", y="customers").drawn().figure["data"]
    band, line = data
    assert band["fill"] == "toself"
    assert band["y"][: len(MONTHS)] == made.columns["customers_high"]
    assert band["y"][len(MONTHS) :] == made.columns["customers_low"][::-1]
    assert line["y"] == made.columns["customers"]


def test_many_lines_draw_their_margins_as_whiskers():
    data = figures.line(release((MONTH, REGION)), x="month", y="customers", color="region").drawn()
    assert [trace["name"] for trace in data.figure["data"]] == list(REGIONS)
    for trace in data.figure["data"]:
        assert trace["error_y"]["array"] == [25] * len(MONTHS)
        assert trace["error_y"]["arrayminus"] == [25] * len(MONTHS)


@pytest.mark.parametrize("horizontal", [True, False])
def test_bars_draw_their_margins_and_begin_at_zero(horizontal):
    chart = figures.bar(
        release((REGION,)), x="region", y="customers", horizontal=horizontal
    ).drawn()
    (trace,) = chart.figure["data"]
    amount = "x" if horizontal else "y"
    assert trace[f"error_{amount}"]["array"] == [25] * len(REGIONS)
    assert chart.figure["layout"][f"{amount}axis"]["range"][0] == 0


def test_a_gap_breaks_the_line_and_its_band():
    made = release((MONTH,))
    columns = {name: list(values) for name, values in made.columns.items()}
    for name in ("customers", "customers_low", "customers_high"):
        columns[name][5] = None
    data = figures.line(replace(made, columns=columns), x="month", y="customers").drawn().figure
    *bands, line = data["data"]
    assert [len(band["x"]) for band in bands] == [10, 24]
    assert line["y"][5] is None
    assert line["customdata"][5] == "–"


def test_order_is_the_declared_one_whatever_the_rows_order():
    made = release((REGION,))
    columns = {name: values[::-1] for name, values in made.columns.items()}
    chart = figures.bar(replace(made, columns=columns), x="region", y="customers").drawn()
    assert chart.figure["data"][0]["x"] == list(REGIONS)
    assert [row[0].text for row in chart.grid.rows] == list(REGIONS)


def test_months_are_categories_in_words_with_a_year_where_one_begins():
    layout = figures.line(release((MONTH,)), x="month", y="customers").drawn().figure["layout"]
    axis = layout["xaxis"]
    assert axis["type"] == "category"
    assert axis["categoryarray"][-1] == "Sep 2026"
    assert axis["ticktext"][0] == "Apr<br>2025"
    assert axis["ticktext"][9] == "Jan<br>2026"
    assert axis["ticktext"][-1] == "Sep"
    assert layout["meta"]["long"][-1] == "Sep<br>2026"


def test_a_heat_map_shows_figures_over_their_margins():
    chart = figures.heatmap(
        release((REGION, BAND)), rows="region", columns="value_band", value="customers"
    ).drawn()
    (trace,) = chart.figure["data"]
    assert trace["text"][0][0].endswith("<br>± 25")
    assert trace["zmin"] == min(map(min, trace["z"]))
    assert trace["zmax"] == max(map(max, trace["z"]))


def test_figures_and_hover_text_are_rounded_to_what_is_shown():
    made = release((MONTH,))  # amounts with cents, and a margin in thousands
    data = figures.line(made, x="month", y="amount_sum").drawn().figure["data"]
    assert all(isinstance(value, int) for value in data[-1]["y"])
    assert data[-1]["customdata"][0].endswith("± 61,000")


def test_shares_are_percentages():
    chart = figures.line(release((MONTH,), (RATE,)), x="month", y="active_rate").drawn()
    assert chart.figure["layout"]["yaxis"]["ticktext"][-1].endswith("%")
    assert chart.grid.rows[0][1].text.endswith("%")
    assert chart.grid.rows[0][1].margin == "± 2.1%"


def test_a_count_is_never_shown_below_zero():
    made = release((REGION,), (CUSTOMERS,))
    columns = {**made.columns, "customers": [-4] * 5, "customers_low": [-29] * 5}
    chart = figures.bar(replace(made, columns=columns), x="region", y="customers").drawn()
    assert chart.figure["data"][0]["y"] == [0] * 5


def test_left_out_groups_are_refused_not_added_up():
    with pytest.raises(QuestionRefused, match=r"leaves out region.*not added up"):
        figures.line(release((MONTH, REGION)), x="month", y="customers")


def test_alternative_text_names_both_ends():
    chart = figures.bar(release((CATEGORY,)), x="category", y="customers").drawn()
    assert chart.alt.startswith("Bar chart: Customers by category. Lowest ")
    assert "(Groceries)" in chart.alt


def test_the_table_beneath_says_the_same_with_margins():
    made = release((MONTH, REGION))
    grid = figures.line(made, x="month", y="customers", color="region").drawn().grid
    assert [head.text for head in grid.heads] == ["Month", *REGIONS]
    assert len(grid.rows) == len(MONTHS)
    assert grid.rows[0][1].margin == "± 25"


def test_a_language_changes_words_and_not_figures():
    zh = Language("zh", {"Region": "地区", "Customers": "客户数", "North": "北部"})
    figure = figures.bar(release((REGION,)), x="region", y="customers")
    en, other = figure.drawn(), figure.spec.draw(figure.releases, zh)
    assert other.title == "客户数（按地区）"
    assert other.figure["data"][0]["x"][0] == "北部"
    assert other.figure["data"][0]["y"] == en.figure["data"][0]["y"]


def test_two_values_translated_alike_keep_their_places():
    zh = Language("zh", {"North": "北", "South": "北"})
    figure = figures.bar(release((REGION,)), x="region", y="customers")
    chart = figure.spec.draw(figure.releases, zh)
    assert chart.figure["data"][0]["x"] == list(REGIONS)


@pytest.mark.parametrize(
    ("low", "high", "ends"),
    [
        (0, 4810, (0, 5000)),
        (812, 1290, (800, 1300)),
        (-3, 3, (-4, 4)),
        (5, 5, (5, 10)),
        (0, 0, (0, 1)),
    ],
)
def test_ticks_are_round_and_enclose_the_figures(low, high, ends):
    ticks = nice_ticks(low, high)
    assert (ticks[0], ticks[-1]) == ends
    assert 2 <= len(ticks) <= 9


@pytest.mark.parametrize("high", [0.012, 0.12, 0.6, 1.1, 11, 41, 4810, 1.2e7])
@pytest.mark.parametrize("kind", ["rate", "derived"])
def test_ticks_say_the_places_they_stand_at(high, kind):
    series = plotting.series(release((MONTH,), (replace(RATE, kind=kind),)), "active_rate")
    axis = plotting.value_axis(series, 0, high, Language())
    for place, said in zip(axis["tickvals"], axis["ticktext"], strict=True):
        number = float(said.rstrip("%KMB").replace(",", ""))
        unit = {"%": 0.01, "K": 1e3, "M": 1e6, "B": 1e9}.get(said[-1], 1)
        assert number * unit == pytest.approx(place)


def _luminance(color):
    parts = [int(color[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    red, green, blue = (c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def _contrast(one, other):
    light, dark = sorted((_luminance(one), _luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


@pytest.mark.parametrize("color", plotting.PALETTE)
@pytest.mark.parametrize("page", ["#ffffff", "#182028"])
def test_series_stand_out_on_either_page_wcag_1_4_11(color, page):
    assert _contrast(color, page) >= 3


@pytest.mark.parametrize(("at", "shade"), plotting.SHADES)
def test_figures_on_shaded_cells_are_legible_wcag_1_4_3(at, shade):
    assert _contrast(plotting.INK, shade) >= 4.5
