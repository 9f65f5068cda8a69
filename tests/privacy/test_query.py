"""A question as it is written: a value, computed nowhere, refused where it makes no sense."""

from decimal import Decimal

import pytest
from support.lab import Lab

import workbench as wb
from workbench.errors import QuestionRefused


@pytest.fixture(scope="module")
def tx():
    return Lab([]).table


def test_every_method_returns_a_new_question(tx):
    one = wb.query(tx, by="region")
    two = one.customers()
    assert one.asks == ()
    assert [ask.kind for ask in two.asks] == ["customers"]
    assert two is not one


def test_measures_are_kept_in_order_with_what_they_were_given(tx):
    asked = (
        wb.query(tx)
        .customers()
        .count()
        .sum("amount", bounds=(0, 9))
        .mean("amount", bounds=(0, 9))
        .var("amount")
        .std("amount")
        .rate(big=tx.amount > 1, small=tx.amount < 1)
        .quantile("amount", 0.9)
        .median("amount", candidates=[1, 2])
        .distinct("note", most=3)
    )
    assert [ask.kind for ask in asked.asks] == [
        "customers", "rows", "sum", "mean", "var", "std", "rate", "rate", "quantile", "quantile",
        "distinct",
    ]  # fmt: skip
    assert asked.asks[2].bounds == (0, 9)
    assert [ask.column for ask in asked.asks[6:8]] == ["big", "small"]
    assert [ask.quantile for ask in asked.asks[8:10]] == [Decimal("0.9"), Decimal("0.5")]
    assert (asked.asks[9].candidates, asked.asks[10].most) == ((1, 2), 3)


def test_a_histogram_is_customers_by_ranges(tx):
    asked = wb.query(tx, by="region").histogram("amount", [10, 20])
    assert [getattr(each, "name", each) for each in asked.by] == ["region", "amount_band"]
    assert [ask.kind for ask in asked.asks] == ["customers"]


def test_one_group_or_filter_may_be_given_alone(tx):
    assert wb.query(tx, by="region").by == ("region",)
    assert wb.query(tx, by=wb.bands("amount", [1])).by == (wb.bands("amount", [1]),)
    assert len(wb.query(tx, by=tx.amount > 1).by) == 1
    assert len(wb.query(tx, where=tx.amount > 1).where) == 1
    assert wb.query(tx, where={"region": "a"}).where == ({"region": "a"},)
    assert len(wb.query(tx, where=[{"region": "a"}, tx.amount > 1]).where) == 2


def test_bands_say_whose_number_they_are_of():
    assert wb.bands("amount", [1, 2]).name == "amount_band"
    assert wb.bands("amount", [1, 2], of="customer").name == "amount_total_band"
    with pytest.raises(QuestionRefused, match="of='row' or of='customer', not of='household'"):
        wb.bands("amount", [1], of="household")


def test_found_values_need_a_delta():
    with pytest.raises(TypeError, match="delta"):
        wb.discovered("note")
    assert wb.discovered("note", delta=1e-8).delta == Decimal("1E-8")
