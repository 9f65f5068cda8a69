"""Targets and notes: what a line across a chart says, and what a card says of its target."""

from dataclasses import replace

import pytest
from factories.releases import AMOUNT, CUSTOMERS, MONTH, RATE, REGION, release

from workbench import figures
from workbench.errors import InputError, UnknownName
from workbench.figures.language import Language
from workbench.figures.marks import noted

MONTHLY = release((MONTH,), (CUSTOMERS, RATE))


def _total(low, value, high, measure=CUSTOMERS, **changes):
    columns = {measure.name: [value], f"{measure.name}_low": [low], f"{measure.name}_high": [high]}
    return release((), (measure,), columns=columns, **changes)


@pytest.mark.parametrize(
    ("interval", "said"),
    [
        ((5001, 5030, 5059), "target 5,000: above"),
        ((4971, 5000, 5029), "target 5,000: not known (within the margin)"),
        ((4999, 5028, 5057), "target 5,000: not known (within the margin)"),
        ((5000, 5030, 5060), "target 5,000: not known (within the margin)"),
        ((4940, 4970, 4999), "target 5,000: below"),
        ((None, 5100, None), "target 5,000: not known"),  # a quantile, which has no margin
        ((None, None, None), "target 5,000: not known"),
    ],
)
def test_a_card_judges_by_the_interval_and_never_by_the_point(interval, said):
    figure = figures.kpis(_total(*interval), target={"customers": 5000})
    assert figure.drawn().cards[0].target == said


@pytest.mark.parametrize(("value", "said"), [(5, "reached exactly"), (6, "above"), (4, "below")])
def test_an_exact_figure_needs_no_margin(value, said):
    exact = _total(None, value, None, mechanism={"kind": "operational"})
    assert figures.kpis(exact, target={"customers": 5}).drawn().cards[0].target.endswith(said)


@pytest.mark.parametrize(
    ("measure", "target", "said"),
    [
        (RATE, 0.125, "target 12.5%: above"),
        (AMOUNT, 0.25, "target CN¥0.25: above"),
        (CUSTOMERS, -1200000, "target −1,200,000: above"),
    ],
)
def test_a_target_is_said_as_it_was_written(measure, target, said):
    total = _total(0.6, 0.62, 0.64, measure)
    assert figures.kpis(total, target={measure.name: target}).drawn().cards[0].target == said


def test_a_line_stands_across_a_chart_within_its_axis_and_in_its_words():
    chart = figures.line(MONTHLY, x="month", y="customers", target=1400).drawn()
    (line,) = chart.figure["layout"]["shapes"]
    (word,) = chart.figure["layout"]["annotations"]
    low, high = chart.figure["layout"]["yaxis"]["range"]
    assert line["y0"] == line["y1"] == 1400 <= high
    assert low < 1400
    assert word["text"] == "Target 1,400"
    said = "Target 1,400: above it 0, below it 18, not known (within the margin) 0"
    assert said in chart.note
    assert said in chart.alt


def test_bars_that_lie_have_a_line_that_stands():
    regional = release((REGION,), (CUSTOMERS,))
    chart = figures.bar(regional, x="region", y="customers", horizontal=True, target=700).drawn()
    (line,) = chart.figure["layout"]["shapes"]
    assert (line["x0"], line["x1"], line["yref"]) == (700, 700, "paper")


def test_it_is_said_in_chinese():
    figure = figures.line(MONTHLY, x="month", y="active_rate", target=0.5)
    chart = figure.spec.draw(figure.releases, Language("zh"))
    assert "目标 50%：高于 18 个" in chart.note


def test_a_chart_without_figures_has_no_target_line():
    empty = {name: [None] * 18 for name in MONTHLY.columns if name != "month"}
    nothing = replace(MONTHLY, columns={**MONTHLY.columns, **empty})
    figure = figures.line(nothing, x="month", y="customers", target=5)
    assert "shapes" not in figure.drawn().figure["layout"]


@pytest.mark.parametrize("target", ["5000", float("nan"), float("inf"), True])
def test_a_target_is_a_number(target):
    with pytest.raises(InputError, match="target"):
        figures.line(MONTHLY, x="month", y="customers", target=target)


def test_a_target_is_of_a_measure_that_is_there():
    with pytest.raises(UnknownName, match="costumers"):
        figures.kpis(MONTHLY, target={"costumers": 5})


NOTES = {"2026-03": "Branch closed", "2025-Q3": "New fees", "2024-01": "Before", "2026-W36": "Fair"}


def test_notes_are_marked_where_they_are_on_an_axis_and_listed_in_order():
    figure = figures.line(MONTHLY, x="month", y="customers", target=900)
    chart, told = noted(figure.drawn(), figure.spec, MONTHLY, NOTES, Language())
    assert told == (
        "1 · Q3 2025: New fees",
        "2 · Mar 2026: Branch closed",
        "3 · 2026-W36: Fair",
    )
    target, *lines = chart.figure["layout"]["shapes"]
    assert target["y0"] == 900
    assert [line["x0"] for line in lines] == ["Jul 2025", "Mar 2026", "Aug 2026"]
    assert [each["text"] for each in chart.figure["layout"]["annotations"][1:]] == ["1", "2", "3"]


BY_REGION = release((REGION,), (CUSTOMERS,))
BOTH = release((MONTH, REGION), (CUSTOMERS,))
FIELD = figures.heatmap(BOTH, rows="month", columns="region", value="customers")


@pytest.mark.parametrize("figure", [figures.bar(BY_REGION, x="region", y="customers"), FIELD])
def test_other_figures_stay_as_they_are(figure):
    drawn = figure.drawn()
    assert noted(drawn, figure.spec, figure.releases[0], NOTES, Language()) == (drawn, ())
