"""Flows between the values of two group columns; what noise may explain is not drawn."""

from dataclasses import replace

import pytest
from factories.releases import CUSTOMERS, release

from workbench import figures
from workbench.errors import QuestionRefused, UnknownName
from workbench.figures.language import Language
from workbench.privacy.columns import Dimension

BEFORE = Dimension("before", "Before", "category", ("good", "bad"), exclusive=True)
NOW = Dimension("now", "Now", "category", ("good", "bad", "gone"), exclusive=True)
MOVED = replace(
    release((BEFORE, NOW), (CUSTOMERS,)),
    columns={
        "before": ["good"] * 3 + ["bad"] * 3,
        "now": ["good", "bad", "gone"] * 2,
        "customers": [900, 120, 4, 60, 400, None],
        "customers_low": [880, 100, -16, 40, 380, None],
        "customers_high": [920, 140, 24, 80, 420, None],
    },
)


def drawn(moved=MOVED, **options):
    options = {"source": "before", "target": "now", "value": "customers", **options}
    return figures.sankey(moved, **options).drawn()


def test_flows_have_their_width_and_their_margin():
    (trace,) = drawn().figure["data"]
    node, link = trace["node"], trace["link"]
    ends = [
        (node["label"][a], node["label"][b])
        for a, b in zip(link["source"], link["target"], strict=True)
    ]
    assert dict(zip(ends, link["value"], strict=True)) == {
        ("good", "good"): 900, ("good", "bad"): 120, ("bad", "good"): 60, ("bad", "bad"): 400,
    }  # fmt: skip
    assert link["customdata"][1] == "120 ± 20"


def test_flows_within_the_noise_are_left_to_the_table():
    chart = drawn()
    (trace,) = chart.figure["data"]
    assert "gone" not in trace["node"]["label"]
    assert (
        chart.note == "Customers · Flows within the noise are not drawn; margins are in the table"
    )
    assert chart.grid.rows[0][3].text == "4"
    clear = replace(MOVED, columns={**MOVED.columns, "customers_low": [880, 100, 1, 40, 380, None]})
    assert drawn(clear).note == "Customers · Margins: in the table"


def test_one_value_has_one_colour_on_both_sides():
    (trace,) = drawn().figure["data"]
    colours = list(zip(trace["node"]["label"], trace["node"]["color"], strict=True))
    assert colours[0] == colours[2]
    assert colours[1] == colours[3]
    assert colours[0][1] != colours[1][1]


def test_it_has_a_title_and_words_for_who_cannot_see_it():
    chart = drawn()
    assert chart.title == "Customers by before and now"
    assert chart.alt.startswith("Flow chart: Customers by before and now. ")
    spec, releases = (
        figures.sankey(MOVED, source="before", target="now", value="customers").spec,
        [MOVED],
    )
    assert spec.draw(releases, Language("zh")).alt.startswith("流向图：")


def test_a_plan_without_figures_is_empty():
    nothing = {name: [None] * 6 if "customers" in name else column
               for name, column in MOVED.columns.items()}  # fmt: skip
    assert drawn(replace(MOVED, columns=nothing)).empty


def test_columns_that_do_not_fit_are_refused():
    with pytest.raises(UnknownName, match="Did you mean 'before'"):
        drawn(source="befor")
    with pytest.raises(QuestionRefused, match="the figure leaves out now"):
        drawn(target="before")
