"""Summaries of purchases: a day counts once, nothing later enters, bad rows are refused."""

import datetime as dt
import re

import pandas as pd
import pytest

from workbench.analytics.fitting import check_summary
from workbench.analytics.purchases import holdout_check, purchase_summary
from workbench.errors import InputError


def rows(*given, **columns):
    frame = pd.DataFrame(given, columns=["customer_id", "booked_on", "amount"])
    return frame.assign(**columns)


ORDERS = (
    ("a", "2026-01-01", 10.0),
    ("a", "2026-01-11", 4.0),
    ("a", "2026-01-11", 6.0),
    ("a", "2026-01-21", 30.0),
    ("b", "2026-01-05", 7.0),
)


def test_a_day_counts_once_and_spend_is_of_the_days_after_the_first():
    found = purchase_summary(rows(*ORDERS), until="2026-01-31")
    assert found.loc["a"].to_dict() == {
        "frequency": 2,
        "recency_days": 20,
        "T_days": 30,
        "monetary_value": 20.0,
    }
    assert found.loc["b"].tolist() == [0, 0, 26, 0]
    assert found.index.name == "customer_id"


def test_nothing_after_the_last_day_enters():
    planted = (*ORDERS, ("b", "2026-02-01", 9e9), ("c", "2026-02-02", 1.0))
    assert purchase_summary(rows(*planted), until="2026-01-31").equals(
        purchase_summary(rows(*ORDERS), until="2026-01-31")
    )


def test_a_moment_counts_on_the_day_it_was_there():
    moments = ["2026-01-01 23:30", "2026-01-02 00:30"]
    zone = "Asia/Shanghai"
    local = pd.to_datetime(pd.Series(moments)).dt.tz_localize(zone)
    frame = pd.DataFrame({"customer_id": "a", "booked_on": local, "amount": 1.0})
    assert purchase_summary(frame, until="2026-01-31").loc["a", "frequency"] == 1
    utc = frame.assign(booked_on=local.dt.tz_convert("UTC"))  # both on the first, there
    assert purchase_summary(utc, until="2026-01-31").loc["a", "frequency"] == 0


def test_order_of_rows_does_not_matter():
    frame = rows(*ORDERS)
    shuffled = frame.sample(frac=1, random_state=1)
    assert purchase_summary(frame, until="2026-01-31").equals(
        purchase_summary(shuffled, until="2026-01-31")
    )


def test_returns_are_refused_or_taken_off_the_spend():
    back = (*ORDERS, ("a", "2026-01-25", -12.0), ("b", "2026-01-20", -100.0))
    with pytest.raises(InputError, match=r"2 rows have a negative amount.*returns='subtract'"):
        purchase_summary(rows(*back), until="2026-01-31")
    found = purchase_summary(rows(*back), until="2026-01-31", returns="subtract")
    assert found.loc["a"].tolist() == [2, 20, 30, 14.0]  # a day of returns is no day of purchase
    assert found.loc["b"].tolist() == [0, 0, 26, 0]
    with pytest.raises(InputError, match="'refuse' or 'subtract', not 'ignore'"):
        purchase_summary(rows(*ORDERS), until="2026-01-31", returns="ignore")


def test_returns_alone_are_no_customers():
    with pytest.raises(InputError, match="all rows are returns"):
        purchase_summary(rows(("a", "2026-01-01", -1.0)), until="2026-01-31", returns="subtract")


def test_spend_is_never_below_0():
    back = (*ORDERS, ("a", "2026-01-25", -1000.0))
    found = purchase_summary(rows(*back), until="2026-01-31", returns="subtract")
    assert found.loc["a", "monetary_value"] == 0


@pytest.mark.parametrize("column", ["customer_id", "booked_on", "amount"])
def test_rows_that_lack_something_are_counted_and_refused(column):
    frame = rows(*ORDERS)
    frame.loc[1, column] = None
    with pytest.raises(InputError, match=f"1 of 5 rows have no '{column}'"):
        purchase_summary(frame, until="2026-01-31")


def test_rows_given_twice_are_refused_by_their_id():
    frame = rows(*ORDERS, transaction_id=[1, 2, 3, 4, 4])
    with pytest.raises(InputError, match="1 rows repeat a transaction_id"):
        purchase_summary(frame, until="2026-01-31")


def test_no_rows_and_no_columns_are_refused():
    with pytest.raises(InputError, match="no purchase was made up to 2025-12-31"):
        purchase_summary(rows(*ORDERS), until="2025-12-31")
    with pytest.raises(InputError, match="no purchase was made"):
        purchase_summary(rows(*ORDERS).head(0), until="2026-01-31")
    with pytest.raises(InputError, match="lacks amount; name yours"):
        purchase_summary(rows(*ORDERS).drop(columns="amount"), until="2026-01-31")


def test_times_alone_need_no_amount():
    frame = rows(*ORDERS).drop(columns="amount")
    found = purchase_summary(frame, until="2026-01-31", amount=None)
    assert list(found.columns) == ["frequency", "recency_days", "T_days"]


def summary(**changes):
    one = {"frequency": 1.0, "recency_days": 5.0, "T_days": 9.0, "monetary_value": 3.0}
    return pd.DataFrame([one, {**one, **changes}])


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"recency_days": float("nan")}, "1 of 2 customers have a figure that is missing"),
        ({"T_days": float("inf")}, "missing or not finite"),
        ({"monetary_value": -1}, "negative figure"),
        ({"frequency": 1.5}, "no whole number"),
        ({"recency_days": 10}, "recency_days above T_days"),
        ({"frequency": 0}, "without any time going by, or the other way round"),
        ({"recency_days": 0}, "without any time going by, or the other way round"),
        ({"frequency": 7}, "more days than there were"),
    ],
)
def test_a_summary_that_cannot_be_true_is_refused(changes, message):
    with pytest.raises(InputError, match=message):
        check_summary(summary(**changes), monetary=True)


def test_a_summary_without_customers_columns_or_with_one_twice_is_refused():
    with pytest.raises(InputError, match="holds no customer"):
        check_summary(summary().head(0))
    with pytest.raises(InputError, match="lacks T_days"):
        check_summary(summary().drop(columns="T_days"))
    with pytest.raises(InputError, match="1 customers are there twice"):
        check_summary(summary().set_axis([4, 4]))


@pytest.mark.parametrize(
    ("given", "value"),
    [
        ([20260301, 20260401], "20260301"),
        ([20260301.0, 20260401.0], "20260301.0"),
        (["03/04/2026", "13/04/2026"], "'03/04/2026'"),
        (["2026-04-03", "03.04.2026"], "'03.04.2026'"),
        (["April 3, 2026", "2026-04-03"], "'April 3, 2026'"),
        (["soon", "later"], "'soon'"),
        ([True, False], "True"),
        ([dt.date(2026, 1, 1), 20260101], "20260101"),
    ],
)
def test_a_day_that_can_be_read_in_two_ways_is_refused(given, value):
    frame = pd.DataFrame({"customer_id": ["a", "b"], "booked_on": given, "amount": [1.0, 2.0]})
    with pytest.raises(InputError, match=rf"holds {re.escape(value)}.*%d/%m/%Y"):
        purchase_summary(frame, until="2026-12-31")


@pytest.mark.parametrize(
    "given",
    [
        ["2026-03-01", "2026-04-01T10:00:00"],
        [dt.date(2026, 3, 1), dt.date(2026, 4, 1)],
        [dt.datetime.fromisoformat(f"2026-0{m}-01T09:00") for m in (3, 4)],
        list(pd.to_datetime(["2026-03-01", "2026-04-01"]).as_unit("s")),
        list(pd.to_datetime(["2026-03-01 09:00", "2026-04-01 10:00"]).tz_localize("Asia/Shanghai")),
    ],
)
def test_days_that_are_told_plainly_are_all_the_same_days(given):
    frame = pd.DataFrame({"customer_id": ["a", "a"], "booked_on": given, "amount": [1.0, 2.0]})
    assert purchase_summary(frame, until="2026-04-30").loc["a"].tolist() == [1, 31, 60, 2]


@pytest.mark.parametrize("until", [20260301, "03/04/2026", "2026-13-01", None, "soon", 2026.5])
def test_the_last_day_is_a_day(until):
    with pytest.raises(InputError, match="until is a day"):
        purchase_summary(rows(*ORDERS), until=until)
    with pytest.raises(InputError, match="split is a day"):
        holdout_check(rows(*ORDERS), split=until, until="2026-01-31")


@pytest.mark.parametrize("amount", ["1,5", "€ 3", "much", float("inf"), True])
def test_an_amount_that_is_none_is_refused(amount):
    frame = rows(*ORDERS).astype({"amount": object})
    frame["amount"] = [amount] * len(frame)
    with pytest.raises(InputError, match=r"5 of 5 rows have a 'amount' that is no amount"):
        purchase_summary(frame, until="2026-01-31")
