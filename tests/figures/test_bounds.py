"""A figure that a bound cuts says so in its own words, wherever it stands, and whom it cuts."""

import re
from dataclasses import replace

import pytest
from factories.releases import BAND, CUSTOMERS, REGION, release

from workbench import figures
from workbench.figures.language import Language
from workbench.figures.notes import bounded
from workbench.figures.values import series
from workbench.privacy.columns import Bound, Dimension, Measure

UPPER, BOTH = Bound(0.0, 3000.0, "upper"), Bound(-500.0, 3000.0, "both")
LADDER = Bound(0.0, 3000.0, "upper", (750.0, 1500.0, 3000.0))
AMOUNT = Measure("amount_sum", "sum", "Amount, total", "CNY", 2, 0.0, UPPER)
SHARE = Measure("amount_at_bound", "rate", "beyond", None, 4, at_bound_of="amount")
EN, ZH = Language(), Language("zh")


def total(measure=AMOUNT, share=(0.04, 0.03, 0.05), ends=(842_000, 794_000, 890_000), by=()):
    rows = 1
    columns = {}
    for axis in by:
        rows = len(axis.values)
        columns[axis.name] = list(axis.values)
    for name, triple in ((measure.name, ends), (SHARE.name, share), ("customers", (900, 875, 925))):
        for suffix, value in zip(("", "_low", "_high"), triple, strict=True):
            columns[name + suffix] = [value] * rows
    return release(by, (CUSTOMERS, measure, SHARE), columns=columns)


def drawn(figure, language=EN):
    return figure.spec.draw(figure.releases, language)


CASES = [
    (AMOUNT, "counting up to CN¥3,000 a customer", "每位客户最多计 ¥3,000"),
    (replace(AMOUNT, bound=LADDER), "counting up to CN¥3,000 a customer", "每位客户最多计 ¥3,000"),
    (
        replace(AMOUNT, bound=BOTH),
        "counting −CN¥500 to CN¥3,000 a customer",
        "每位客户计 −¥500 至 ¥3,000",
    ),
    (
        replace(AMOUNT, unit="km", bound=Bound(0.0, 12.5, "upper")),
        "counting up to 12.50 km a customer",
        "每位客户最多计 12.50 km",
    ),
    (
        Measure("rows", "rows", "Rows", "rows", 0, 0.0, Bound(0.0, 20.0, "upper")),
        "counting up to 20 records a customer",
        "每位客户最多计 20 条记录",
    ),
    (
        Measure("rows", "rows", "Rows", "rows", 0, 0.0, Bound(0.0, 1.0, "upper")),
        "counting one record a customer in each group counted",
        "每个计数组中每位客户只计一条记录",
    ),
    (
        Measure("x", "rate", "Share of spend", None, 4, bound=UPPER),
        "counting up to 3,000 a customer",
        "每位客户最多计 3,000",
    ),
    (
        Measure("x", "rate", "Share of spend", None, 4, bound=replace(UPPER, unit="CNY")),
        "counting up to CN¥3,000 a customer",
        "每位客户最多计 ¥3,000",
    ),
    (
        Measure("x", "derived", "Rows each", "rows", 2, bound=Bound(0, 15, "upper", unit="rows")),
        "counting up to 15 records a customer",
        "每位客户最多计 15 条记录",
    ),
    (
        Measure("x", "rate", "Answered", None, 4, bound=Bound(0.0, 1.0, "upper", unit="rows")),
        "counting one record a customer in each group counted",
        "每个计数组中每位客户只计一条记录",
    ),
    (CUSTOMERS, "", ""),
]


@pytest.mark.parametrize(("measure", "en", "zh"), CASES)
def test_a_bound_in_words(measure, en, zh):
    assert [bounded(measure, each, alone=True) for each in (EN, ZH)] == [en, zh]
    by_a_note = "one record" in en
    assert [bounded(measure, each) for each in (EN, ZH)] == (["", ""] if by_a_note else [en, zh])


@pytest.mark.parametrize("language", [EN, ZH])
@pytest.mark.parametrize("bound", [UPPER, BOTH, LADDER])
def test_it_is_said_wherever_the_figure_stands(bound, language):
    measure = replace(AMOUNT, bound=bound)
    said = bounded(measure, language)
    one, many = total(measure), total(measure, by=(REGION,))
    template = "{customers} spent {amount_sum} (± {amount_sum_margin})."
    assert said in drawn(figures.text(template, one), language).text
    cards = drawn(figures.kpis(one), language).cards
    assert [said in card.bound for card in cards] == [False, True]
    head, *_ = drawn(figures.table(many, columns=["region", "amount_sum"]), language).grid.heads[1:]
    assert head.below == said
    crossed = release((REGION, BAND), (measure,))
    for figure in (
        figures.bar(many, x="region", y="amount_sum"),
        figures.line(many, x="region", y="amount_sum"),
        figures.heatmap(crossed, rows="region", columns="value_band", value="amount_sum"),
        figures.sankey(crossed, source="region", target="value_band", value="amount_sum"),
    ):
        chart = drawn(figure, language)
        trace = chart.figure["data"][-1]
        hover = trace.get("hovertemplate") or trace["link"]["hovertemplate"]
        assert said in chart.note
        assert said[1:] in chart.alt
        assert said in hover
        assert said in chart.grid.caption + chart.grid.heads[1].below


@pytest.mark.parametrize(
    ("measure", "shown"),
    [
        (AMOUNT, "spent at least CN¥842,000."),
        (replace(AMOUNT, bound=BOTH), "spent CN¥842,000 (counting −CN¥500 to CN¥3,000 a customer"),
        (replace(AMOUNT, kind="mean"), "spent CN¥842,000 (counting up to CN¥3,000 a customer"),
        (replace(AMOUNT, bound=None), "spent CN¥842,000."),
    ],
)
def test_a_figure_alone_is_at_least_where_only_its_upper_end_is_cut(measure, shown):
    assert drawn(figures.text("spent {amount_sum}.", total(measure))).text.startswith(shown)


@pytest.mark.parametrize(
    ("share", "said"),
    [
        ((0.04, 0.03, 0.05), ", 4.0% ± 1.0% of customers are above it"),
        ((0.01, -0.004, 0.024), ""),  # within its noise
        ((None, None, None), ""),
    ],
)
def test_who_is_cut_is_said_when_it_is_more_than_noise(share, said):
    card = drawn(figures.kpis(total(share=share))).cards[1]
    assert card.bound == "counting up to CN¥3,000 a customer" + said
    text = drawn(figures.text("{amount_sum} (± {amount_sum_margin})", total(share=share))).text
    assert text == f"CN¥842,000 (± 48,000, {card.bound})"
    cells = drawn(figures.table(total(share=share, by=(REGION,)))).grid
    assert len(cells.heads) == 3  # the share is no column of its own
    assert cells.rows[0][2].below == said.removeprefix(", ")


def test_a_chart_names_the_groups_that_are_cut_most():
    made = total(by=(REGION,))
    columns = dict(made.columns)
    columns["amount_at_bound"] = [0.06, 0.0, 0.04, 0.05, 0.012]
    columns["amount_at_bound_low"] = [0.05, -0.01, 0.03, 0.04, 0.002]  # the last: but for choice
    columns["amount_at_bound_high"] = [0.07, 0.01, 0.05, 0.06, 0.022]
    note = drawn(figures.bar(replace(made, columns=columns), x="region", y="amount_sum")).note
    assert note.startswith(
        "Amount, total (CNY), counting up to CN¥3,000 a customer; customers beyond it: "
        "North 6.0% ± 1.3%, West 5.0% ± 1.3%, South 4.0% ± 1.3%"  # Šidák: 2.569/1.960
    )
    assert "Overseas" not in note


@pytest.mark.parametrize("spec", [":,.0f", ""])
def test_an_uneven_margin_is_told_as_a_range(spec):
    made = total(ends=(1_026_000, 1_000_000, 1_300_000), share=(0.0, -0.01, 0.01))
    template = f"{{amount_sum{spec}}} (± {{amount_sum_margin{spec}}})"
    told = drawn(figures.text(template, made)).text
    assert told.endswith("(1,000,000 to 1,300,000, counting up to CN¥3,000 a customer)")
    zh = "消费 {amount_sum}（± {amount_sum_margin}）"
    assert "±" not in drawn(figures.text(zh, made), ZH).text
    assert drawn(figures.kpis(made)).cards[1].margin == "1M to 1.3M"


def test_a_format_never_makes_a_margin_nothing():
    made = total(Measure("amount_sum", "rate", "Paid", None, 4), ends=(0.62, 0.617, 0.623))
    told = drawn(figures.text("{amount_sum:.0%} (± {amount_sum_margin:.0%})", made)).text
    assert re.search(r"± 0\.30?%", told)


def test_declared_units_are_text_in_charts():
    made = total(
        replace(AMOUNT, unit="<b>km</b>"), by=(Dimension("region", "R", "category", ("N",)),)
    )
    chart = drawn(figures.bar(made, x="region", y="amount_sum"))
    assert "<b>" not in chart.figure["data"][0]["hovertemplate"]
    assert series(made, "amount_sum").measure.unit == "<b>km</b>"
