"""Fraud: behaviour as it was seen then, the planted bursts found, nothing of later days read."""

import decimal

import duckdb
import numpy as np
import pandas as pd
import pytest

import workbench as wb
from workbench.errors import InputError


@pytest.fixture(scope="module")
def bank(sample_source):
    features = wb.risk.behaviour_features(
        duckdb.sql(f"SELECT * FROM '{sample_source}/transactions.parquet'").df()
    )
    return features, pd.read_csv(sample_source / "fraud_cases.csv")


@pytest.fixture(scope="module")
def alerts(bank):
    return wb.risk.fraud_alerts(*bank, as_of="2026-03-31")


def confirmed_after(bank, day):
    features, cases = bank
    later = features.index[features["booked_on"] > day]
    ids = cases.loc[cases["outcome"] == "confirmed", "transaction_id"]
    return ids[ids.isin(later)]


def test_behaviour_is_that_of_two_days_and_of_the_customers_own_past():
    columns = ["transaction_id", "customer_id", "booked_on", "amount", "merchant", "is_refund"]
    rows = [
        (1, "a", "2026-01-01", 10.0, "m", False),
        (2, "a", "2026-01-02", 1_000.0, "m", False),
        (3, "a", "2026-01-02", 300.0, "n", False),
        (3, "a", "2026-01-02", 300.0, "n", False),  # booked twice
        (4, "a", "2026-01-04", 50.0, "m", False),
        (5, "b", "2026-01-02", 70.0, "m", False),
        (6, "a", "2026-01-02", 99.0, "m", True),
    ]
    frame = pd.DataFrame(rows, columns=columns)
    found = wb.risk.behaviour_features(frame).sort_index()
    money = frame.assign(amount=frame["amount"].map(decimal.Decimal))  # as a store gives it
    assert wb.risk.behaviour_features(money).sort_index().equals(found)
    assert found.index.tolist() == [1, 2, 3, 4, 5]
    assert found["count_2d"].tolist() == [1, 3, 3, 1, 1]
    assert found["same_merchant_2d"].tolist() == [1, 2, 1, 1, 1]
    assert found["round_hundred"].tolist() == [False, True, True, False, False]
    everybody = (10 * 1_000 * 300 * 70) ** 0.25  # what is usual so far
    usual = np.sqrt(10 * everybody)
    assert found.loc[2, "amount_to_usual"] == pytest.approx(1_000 / usual)
    assert found.loc[2, "spent_2d_to_usual"] == pytest.approx(1_310 / usual)


def test_behaviour_of_a_day_does_not_change_with_later_days(bank, sample_source):
    early = duckdb.sql(
        f"SELECT * FROM '{sample_source}/transactions.parquet' WHERE booked_on <= '2026-03-31'"
    ).df()
    then = wb.risk.behaviour_features(early)
    pd.testing.assert_frame_equal(then, bank[0].loc[then.index], rtol=1e-9)


def test_the_planted_bursts_are_found_at_the_review_capacity(bank, alerts):
    table = wb.risk.precision_at_capacity(
        alerts, confirmed_after(bank, "2026-03-31"), [50, 100, 9_999]
    )
    assert table.loc[50, "precision"] > 0.85
    assert table.loc[100, "found"] > 0.9
    assert table.loc[9_999, "reviewed"] == len(alerts)
    assert table["amount_found"].is_monotonic_increasing
    assert alerts["expected_loss"].is_monotonic_decreasing
    assert alerts["expected_loss"].equals(alerts["chance"] * alerts["amount"])


def test_a_case_opened_later_teaches_nothing(bank, alerts):
    features, cases = bank
    known = cases[pd.to_datetime(cases["opened_on"]) <= "2026-03-31"]
    assert len(known) < len(cases)
    again = wb.risk.fraud_alerts(features, known, as_of="2026-03-31")
    assert again.equals(alerts)


def test_rules_of_ones_own_are_named_on_their_alerts(bank):
    found = wb.risk.fraud_alerts(*bank, as_of="2026-08-31", rules={"large": "amount > 2000"})
    assert (found["rules"] == "large").sum() == (
        (bank[0]["amount"] > 2_000) & (bank[0]["booked_on"] > "2026-08-31")
    ).sum()


def test_a_day_before_any_case_is_refused(bank):
    with pytest.raises(InputError, match="no confirmed case to learn from"):
        wb.risk.fraud_alerts(*bank, as_of="2025-04-01")


def test_alert_volumes_are_published_privately(shop):
    tx = shop.open("transactions", purpose="reporting")
    rule = (tx.amount >= 100) & (tx.amount % 100 == 0)
    asked = wb.query(tx, by="month", where=rule, period="2026-09").count()
    release = shop.release(asked, name="alert-volume", epsilon=0.3)
    assert shop.budget("2026-09")[0].left < 2
    exact = int(tx.filter(rule & (tx.booked_on >= "2026-09-01")).count().execute())
    told = release.intervals(0.9999).iloc[0]
    assert told["rows_low"] <= exact <= told["rows_high"]
