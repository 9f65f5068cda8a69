"""Questions that cannot be answered privately: each refused with the way out, nothing spent."""

import math

import ibis
import pytest

import workbench as wb
from workbench.errors import (
    AccessRefused,
    BudgetExhausted,
    PeriodError,
    QuestionRefused,
    UnknownName,
)


@pytest.fixture
def ask(shop):
    """Return a function that asks and checks that a refusal spent nothing."""
    tx = shop.open("transactions", "reporting")

    def call(build, error, message, **price):
        with pytest.raises(error, match=message):
            shop.release(build(tx), name="x", **(price or {"epsilon": 1}))
        assert shop.ledger.head()[0] == 0

    return call


@pytest.mark.parametrize(
    ("price", "message"),
    [
        ({"epsilon": 0}, "above 0"),
        ({"epsilon": -1}, "above 0"),
        ({"epsilon": math.nan}, "finite"),
        ({"epsilon": math.inf}, "finite"),
        ({"epsilon": "much"}, "must be a number"),
        ({"epsilon": 1, "rho": 1}, "exactly one of the two"),
        ({"epsilon": None}, "There is no default"),
        ({"epsilon": 5000}, "protects nobody"),
        ({"rho": "1e-15"}, "too small"),
    ],
)
def test_a_price_that_is_none(ask, price, message):
    ask(lambda tx: wb.query(tx).customers(), QuestionRefused, message, **price)


@pytest.mark.parametrize(
    ("build", "message"),
    [
        (lambda tx: wb.query(tx), "asks for nothing"),
        (lambda tx: wb.query(tx, by="note").customers(), "no declared domain"),
        (lambda tx: wb.query(tx, by=tx.amount + 1).customers(), "could take any value"),
        (lambda tx: wb.query(tx, by=["region", "region"]).customers(), "named twice"),
        (lambda tx: wb.query(tx, cells=0).customers(), "1 or more, not 0"),
        (lambda tx: wb.query(tx).sum("amount", bounds=(200, 0)), "reversed or equal"),
        (lambda tx: wb.query(tx).sum("amount", bounds=(0, math.inf)), "finite"),
        (lambda tx: wb.query(tx).sum("amount", bounds=(0, 10**15)), "overflow"),
        (lambda tx: wb.query(tx).sum("region"), "only numbers have totals"),
        (
            lambda tx: wb.query(tx).sum("amount").sum("amount", bounds=(0, 5)),
            "asked twice",
        ),
        (lambda tx: wb.query(tx).quantile("amount", 1), "between 0 and 1"),
        (lambda tx: wb.query(tx).median("amount", candidates=[3, 2]), "rising"),
        (lambda tx: wb.query(tx).distinct("note", most=0), "most=…"),
        (lambda tx: wb.query(tx).distinct("customer_id", most=1), "distinct customers are"),
        (lambda tx: wb.query(tx, by=wb.bands("amount", [5, 1])).customers(), "rising"),
        (
            lambda tx: wb.query(tx, by=wb.bands("region", [5])).customers(),
            "only numbers have bands",
        ),
        (
            lambda tx: wb.query(tx, by=wb.discovered("customer_id", delta="1e-9")).customers(),
            "subject key",
        ),
        (
            lambda tx: wb.query(tx, by=wb.discovered("note", delta="1e-9")).sum("amount"),
            "alone",
        ),
        (lambda tx: wb.query(tx, where=tx.amount).customers(), "true or false for every row"),
        (
            lambda tx: wb.query(tx, where=tx.amount > tx.amount.mean()).customers(),
            "only at its own row",
        ),
        (
            lambda tx: wb.query(tx, where=ibis.random() < 0.5).customers(),
            "only at its own row",
        ),
        (lambda tx: wb.query(tx, where={"amount": "much"}).customers(), "the column is money"),
        (
            lambda tx: wb.query(tx.filter(tx.amount > 5)).customers(),
            "starts from the table that ws.open",
        ),
        (
            lambda tx: wb.query(tx, by=wb.bands("amount", range(1, 4_000_000))).customers(),
            "at most 100 edges",
        ),
        (
            lambda tx: wb.query(
                tx,
                by=[
                    *("region", "category", "month", "weekday"),
                    wb.bands("amount", range(1, 61)),
                    wb.bands("amount", range(1, 61), of="customer"),
                ],
            ).customers(),
            "at most 1,000,000",
        ),
        (
            lambda tx: wb.query(tx, period=("2026-09", "2026-01")).customers(),
            "the periods are reversed",
        ),
    ],
)
def test_a_question_that_cannot_be_bounded(ask, build, message):
    ask(build, QuestionRefused, message)


@pytest.mark.parametrize(
    ("build", "message"),
    [
        (lambda tx: wb.query(tx, by="regoin").customers(), "Did you mean 'region'"),
        (lambda tx: wb.query(tx).sum("amuont"), "Did you mean 'amount'"),
        (lambda tx: wb.query(tx, where={"regoin": "north"}).customers(), "Did you mean 'region'"),
    ],
)
def test_a_name_that_is_not_declared(ask, build, message):
    ask(build, UnknownName, message)


@pytest.mark.parametrize(
    ("period", "message"),
    [("2099-01", "is not over"), ("Sept", "is not a period"), ("2026-13", "is not a period")],
)
def test_a_period_that_is_none(ask, period, message):
    ask(lambda tx: wb.query(tx, period=period).customers(), PeriodError, message)


@pytest.mark.parametrize(
    ("build", "message"),
    [
        (lambda tx: wb.query(tx).quantile("amount", "half"), "a quantile must be a number"),
        (lambda tx: wb.discovered("note", delta="tiny"), "delta must be a number"),
    ],
)
def test_words_where_a_number_is_wanted(shop, build, message):
    with pytest.raises(QuestionRefused, match=message):
        build(shop.open("transactions", "reporting"))


def test_a_table_without_customers_has_no_releases(shop):
    incidents = shop.open("incidents", "reporting")
    with pytest.raises(QuestionRefused, match="operational"):
        shop.release(wb.query(incidents).count(), name="x", epsilon=1)


def test_sums_have_no_pure_answer(shop):
    tx = shop.open("transactions", "reporting")
    with pytest.raises(QuestionRefused, match=r"answers \.customers"):
        shop.release(wb.query(tx).sum("amount"), name="x", epsilon=1, pure=True)


def test_customers_are_not_joined_across_purposes(shop):
    tx, other = shop.open("transactions", "reporting"), shop.open("transactions", "marketing")
    with pytest.raises(QuestionRefused, match="cannot be joined across purposes"):
        shop.release(wb.query(tx, by=other.region).customers(), name="x", epsilon=1)


def test_a_purpose_that_expired_since_the_table_was_opened(shop):
    import datetime as dt

    tx = shop.open("transactions", "reporting")
    later = wb.Workspace(shop.settings, lambda: dt.datetime(2036, 1, 1, tzinfo=dt.UTC))
    with pytest.raises(AccessRefused, match="expired on 2035-12-31"):
        later.release(wb.query(tx, period="2026-09").customers(), name="x", epsilon=1)


def test_a_limit_says_what_was_asked_what_is_left_and_what_to_do(shop):
    tx = shop.open("transactions", "reporting")
    shop.release(wb.query(tx, period="2026-09").customers(), name="first", epsilon="1.9")
    with pytest.raises(BudgetExhausted) as refusal:
        shop.release(wb.query(tx, by="region", period="2026-09").customers(), name="y", epsilon=1)
    text = str(refusal.value)
    assert "epsilon 1.00 for 'y'" in text
    assert "of 2.00 is left for 2026-09" in text
    assert "Group by fewer columns" in text
