"""Figures are no finer than their margins, and figures without any are drawn all the same."""

from dataclasses import replace

import pytest
from factories.noisy import RATE as RATE_DRAWN
from factories.noisy import answer
from factories.releases import AMOUNT, BAND, MONTH, RATE, REGION, release

from workbench import figures
from workbench.figures import Chart
from workbench.figures.language import Language
from workbench.figures.values import series
from workbench.privacy.columns import Measure

MEDIAN = Measure("amount_q50", "quantile", "Amount, median", "CNY", 2)


def _total(value, margin, measure=AMOUNT):
    name = measure.name
    columns = {name: [value], f"{name}_low": [value - margin], f"{name}_high": [value + margin]}
    return release((), (measure,), columns=columns)


@pytest.mark.parametrize(
    ("value", "margin", "shown"),
    [
        (3_286_417.25, 72_009.0, "3,286,000 ± 72,000"),
        (482_464.07, 66_042.71, "482,000 ± 66,000"),
        (412.37, 9.5, "412.4 ± 9.5"),
        (412.37, 0.004, "412.37 ± 0.00"),
        (12.0, 99.9, "10 ± 100"),
        (412.37, 0.0, "412.37"),
    ],
)
def test_a_figure_is_as_fine_as_its_margin(value, margin, shown):
    made = series(_total(value, margin), "amount_sum")
    assert made.both(made.values[0], Language()) == shown


def test_a_sentence_says_of_what_no_noise_moves_that_nothing_does():
    template = "{amount_sum} (± {amount_sum_margin})"
    assert figures.text(template, _total(412.37, 0.0)).drawn().text == "CN¥412.37 (± 0.00)"


def test_a_key_figure_of_money_has_a_round_margin():
    (card,) = figures.kpis(_total(3_286_417.25, 72_009.0)).drawn().cards
    assert (card.text, card.margin) == ("CN¥3.29M", "± 72,000")
    assert (card.value, card.interval, card.digits) == (3_286_000, (3_214_000, 3_358_000), 0)


def test_an_amount_is_shown_no_lower_than_it_can_be():
    made = series(_total(-5.0, 20.0, replace(AMOUNT, least=0.0)), "amount_sum")
    assert made.values[0].low == 0.0
    assert made.both(made.values[0], Language()) == "0 to 20"


def test_a_share_of_a_whole_is_a_percentage():
    made = series(_total(0.4213, 0.021, replace(RATE, kind="derived", unit="fraction")), RATE.name)
    assert made.both(made.values[0], Language()) == "42.1% ± 2.1%"


def _without(release_, *suffixes):
    columns = {
        name: [None] * len(values) if name.endswith(suffixes) else values
        for name, values in release_.columns.items()
    }
    return replace(release_, columns=columns)


def _quantiles(by):
    return _without(release(by, (MEDIAN,)), "_low", "_high")


def test_quantiles_have_no_margin_and_claim_none():
    chart = figures.line(_quantiles((MONTH,)), x="month", y="amount_q50").drawn()
    assert chart.note == "Amount, median (CNY)"
    assert [trace["mode"] for trace in chart.figure["data"]] == ["lines+markers"]
    assert not chart.empty
    (card,) = figures.kpis(_quantiles((MONTH,))).drawn().cards
    assert (card.margin, card.change, card.interval) == ("", "", None)
    assert figures.table(_quantiles((MONTH,))).drawn().note == ""
    assert "±" not in figures.text("{amount_q50}", _quantiles(())).drawn().text


def planned(by):
    """Return a release as `workbench.privacy.planning` makes it: ids and domains, no figure."""
    made = release(by)
    axes = {axis.name for axis in by}
    columns = {n: v if n in axes else [None] * len(v) for n, v in made.columns.items()}
    return replace(made, id="p-000001", columns=columns)


@pytest.mark.parametrize("language", ["en", "zh"])
@pytest.mark.parametrize(
    "figure",
    [
        figures.line(planned((MONTH,)), x="month", y="customers"),
        figures.line(planned((MONTH, REGION)), x="month", y="customers", color="region"),
        figures.bar(planned((REGION,)), x="region", y="amount_sum"),
        figures.heatmap(
            planned((REGION, BAND)), rows="region", columns="value_band", value="customers"
        ),
    ],
)
def test_a_chart_without_a_figure_says_so(figure, language):
    chart = figure.spec.draw(figure.releases, Language(language))
    assert isinstance(chart, Chart)
    assert chart.empty
    said = Language(language).word("no values")
    assert chart.note.endswith(said)
    assert said in chart.alt
    assert {cell.text for row in chart.grid.rows for cell in row[1:]} == {"–"}


def test_tables_cards_and_sentences_without_a_figure_show_dashes():
    assert figures.table(planned((REGION,))).drawn().grid.rows[0][1].text == "–"
    cards = figures.kpis(planned((MONTH,))).drawn().cards
    assert [(card.text, card.margin, card.change) for card in cards] == [("–", "", "")] * 2
    total = planned(())
    assert figures.text("{customers:,} ± {customers_margin:.0f}", total).drawn().text == "– ± –"


def test_the_same_measure_of_two_releases_is_two_key_figures():
    pair = release(number=1), replace(release(number=2), name="others")
    spec = figures.kpis(*pair, measures=["customers"]).spec
    items = tuple(spec.items[0].model_copy(update={"release": at}) for at in (0, 1))
    drawn = spec.model_copy(update={"items": items}).draw(pair)
    assert [card.key for card in drawn.cards] == ["spend/customers", "others/customers"]
    assert [card.key for card in figures.kpis(pair[0]).drawn().cards] == [
        "customers",
        "amount_sum",
    ]


@pytest.mark.parametrize(
    ("ends", "said"),
    [((-60_000.0, 48_000.0), "0 to 48,000"), ((10_000.0, 48_000.0), "10,000 (0 to 58,000)")],
)
def test_a_margin_at_a_limit_is_honest_in_every_figure(ends, said):
    value, margin = ends
    amount = replace(AMOUNT, least=0.0)
    total = _total(value, margin, amount)
    assert (
        series(total, "amount_sum").both(series(total, "amount_sum").values[0], Language()) == said
    )
    (card,) = figures.kpis(total).drawn().cards
    assert (card.full, card.interval) == (f"CN¥{said}", (0, max(value, 0) + margin))
    cell = figures.table(total).drawn().grid.rows[0][0]
    assert cell.margin == said.split("(")[-1].strip(")")
    columns = {"region": ["North"], **total.columns}
    by = replace(REGION, values=("North",))
    bars = figures.bar(
        replace(total, by=(by,), columns=columns), x="region", y="amount_sum"
    ).drawn()
    whisker = bars.figure["data"][0]["error_y"]
    assert (whisker["array"], whisker["arrayminus"]) == ([margin], [max(value, 0)])


def test_a_share_that_was_stored_cut_at_both_ends_is_shown_with_its_noise():
    share = answer([], {"n": [1000.0], "app": [1010.0]}, sigma=2.0, measures=(RATE_DRAWN,))
    columns = {f"{RATE_DRAWN.name}{end}": [1.0] for end in ("", "_low", "_high")}
    made = series(replace(share, columns=columns), RATE_DRAWN.name)
    assert made.both(made.values[0], Language()) == "99.44% to 100.00%"


@pytest.mark.parametrize("value", [842_113.0, 1_126_815.0, 12_345_678.0, 123_456_789.0, 4.32e9])
@pytest.mark.parametrize("share", [1e-6, 1e-5, 3e-5, 1e-4, 1e-3, 0.02, 0.3])
@pytest.mark.parametrize("language", ["en", "zh"])
def test_a_number_in_short_is_finer_than_its_margin(value, share, language):
    made = series(_total(value, value * share), "amount_sum")
    text = made.text(value, Language(language), compact=True)
    units = {"K": 1e3, "M": 1e6, "B": 1e9, "万": 1e4, "亿": 1e8}
    number = float(text.rstrip("".join(units)).replace(",", "")) * units.get(text[-1], 1)
    assert abs(number - value) <= 0.5 * value * share
