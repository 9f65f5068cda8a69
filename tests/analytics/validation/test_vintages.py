"""Vintages, transitions and the loss to come, by hand and on the sample bank."""

import duckdb
import numpy as np
import pandas as pd
import pytest

import workbench as wb
from workbench.errors import InputError, UnknownName


@pytest.fixture(scope="module")
def performance(sample_source):
    return duckdb.sql(f"SELECT * FROM '{sample_source}/loan_performance.parquet'").df()


def loans(*histories, first="2026-01"):
    """Return the rows of loans that all begin in the same month."""
    rows = [
        (loan, month.to_timestamp(), age, days, 100.0)
        for loan, history in enumerate(histories)
        for age, (month, days) in enumerate(
            zip(pd.period_range(first, periods=len(history), freq="M"), history, strict=True), 1
        )
    ]
    columns = ["application_id", "month", "month_on_book", "days_past_due", "balance"]
    return pd.DataFrame(rows, columns=columns)


def test_a_vintage_whose_loans_are_all_seen_is_a_plain_share():
    frame = loans([0, 30, 90, 120], [0, 0, 0, 0], [0, 997], [0, 0, 999, 0], [0, 0, 998])
    found = wb.risk.vintage_curves(frame)
    assert found["share"].tolist() == pytest.approx([0, 0, 0.4, 0.4])
    assert found["at_risk"].tolist() == [5, 5, 4, 2]
    assert (found["lower"] <= found["share"]).all()
    two_of_five = wb.risk.vintage_curves(loans(*[[90]] * 2, *[[0]] * 3)).iloc[0]
    assert (two_of_five["lower"], two_of_five["upper"]) == pytest.approx((0.094, 0.791), abs=1e-3)


def test_young_loans_count_for_the_months_they_were_seen():
    old, young = loans([0, 90], [0, 0], first="2026-02"), loans([0], [0], first="2026-03")
    young["application_id"] += 9
    found = wb.risk.vintage_curves(pd.concat([old, young]), freq="Y")
    assert found["share"].tolist() == [0, 0.5]  # not one of four
    assert found["at_risk"].tolist() == [4, 2]


def test_limits_of_vintages_hold_their_share(size):
    draws = 60 if size == "smoke" else 600
    rng, held = np.random.default_rng(0), 0
    for _ in range(draws):
        begun, hazard = rng.integers(0, 6, 300), rng.random((300, 8)) < 0.03
        loan, month = np.nonzero(begun[:, None] + np.arange(8) < 8)  # seen up to September
        frame = pd.DataFrame(
            {
                "application_id": loan,
                "month": pd.PeriodIndex.from_ordinals(
                    pd.Period("2026-02", "M").ordinal + begun[loan] + month, freq="M"
                ).to_timestamp(),
                "month_on_book": month + 1,
                "days_past_due": 90 * np.logical_or.accumulate(hazard, axis=1)[loan, month],
            }
        )
        found = wb.risk.vintage_curves(frame, freq="Y").loc[("2026", 6)]
        held += found["lower"] <= 1 - 0.97**6 <= found["upper"]
    assert held / draws == pytest.approx(0.95, abs=0.08 if size == "smoke" else 0.025)


def test_vintages_of_the_sample_are_its_default_rates(performance, sample_source):
    found = wb.risk.vintage_curves(performance)
    truth = duckdb.sql(
        f"""SELECT default_12m::INT AS y FROM '{sample_source}/credit_applications.parquet'
        WHERE default_12m IS NOT NULL AND quarter(decided_on) = 2 AND year(decided_on) = 2025"""
    ).df()["y"]
    row = found.loc[("2025Q2", 12)]
    assert row["lower"] < truth.mean() < row["upper"]
    assert found.index.get_level_values("vintage").min() == pd.Period("2025Q1")


def test_moves_are_counted_by_state_and_unknown_months_are_nobodys():
    frame = loans([0, 30, 60, 90, 998], [0, 5, 0, 999, 0], [0, 0, 997], [0, 0])
    moves = wb.risk.transitions(frame)
    told = moves["n"][moves["n"] > 0].to_dict()
    assert told == {
        ("current", "current"): 2,
        ("current", "1-29"): 1,
        ("current", "30-59"): 1,
        ("current", "settled early"): 1,
        ("current", "matured"): 1,
        ("1-29", "current"): 1,
        ("30-59", "60-89"): 1,
        ("60-89", "90+"): 1,
        ("90+", "written off"): 1,
    }
    rates = wb.risk.roll_rates(moves)
    assert rates.loc["current", ["of", "worse", "better"]].tolist() == pytest.approx(
        [6, 1 / 3, 1 / 3]
    )
    assert rates.loc["1-29", ["worse", "better"]].tolist() == [0, 1]
    assert rates.loc["90+", "worse"] == 1


@pytest.mark.parametrize(
    "held",
    [
        lambda frame: frame.convert_dtypes(),
        lambda frame: frame.convert_dtypes(dtype_backend="pyarrow"),
        lambda frame: frame.assign(month=frame["month"].dt.to_period("M")),
        lambda frame: frame.assign(month=frame["month"].dt.date),
        lambda frame: frame.assign(month=frame["month"].dt.strftime("%Y-%m")),
        lambda frame: frame.sample(frac=1, random_state=0).set_axis([7] * len(frame)),
    ],
    ids=["nullable", "arrow", "period", "date", "text", "in no order"],
)
def test_moves_are_the_same_however_pandas_holds_the_rows(held):
    frame = loans([0, 15, 45, 998], [0, 0, 997], [0, 0, 20, 0, 95], [0, 0])
    wanted = wb.risk.transitions(frame)
    assert wb.risk.transitions(held(frame)).equals(wanted)
    assert wb.risk.vintage_curves(held(frame)).equals(wb.risk.vintage_curves(frame))


def test_a_missing_month_is_nobodys_evidence():
    frame = loans([0, None, 90], [0, 0, 0])
    assert wb.risk.transitions(frame)["n"].sum() == 2
    assert wb.risk.vintage_curves(frame)["share"].tolist() == [0, 0, 0.5]
    days = frame.assign(month=frame["month"].dt.date)
    assert wb.risk.transitions(days).equals(wb.risk.transitions(frame))


def test_roll_rates_of_the_sample_are_those_planted(performance):
    moves = wb.risk.transitions(performance)
    rates = wb.risk.roll_rates(moves)
    assert rates.loc["1-29", "better"] > 0.95  # a stumble is over next month
    assert rates.loc["30-59", "worse"] > 0.95  # who reaches 30 days defaults
    row = moves.loc[("current", "1-29")]
    assert row["lower"] < 0.02 < row["upper"]
    sums = moves["share"].unstack().sum(axis=1)
    assert sums.tolist() == pytest.approx([1] * 5)


@pytest.mark.parametrize("until", ["2025-12-01", "2026-03-01"])
def test_the_loss_to_come_is_the_loss_that_came(performance, until):
    cut = pd.Timestamp(until)
    known = performance[performance["month"] <= cut]
    found = wb.risk.loss_to_come(known, horizon_months=6, lgd=0.6)
    open_loans = known[known["month"] == cut].set_index("application_id")["balance"]
    later = performance[(performance["month"] > cut) & (performance["days_past_due"] == 998)]
    lost = later[later["month"] <= cut + pd.DateOffset(months=6)]["application_id"]
    lost = open_loans[open_loans.index.intersection(lost)]
    total = found.loc["total"]
    assert total["lower"] < 0.6 * lost.sum() < total["upper"]
    assert total["written_off"] == pytest.approx(len(lost), rel=0.3)
    assert found["loans"].iloc[:-1].sum() == total["loans"]
    assert found["loss"].iloc[:-1].sum() == pytest.approx(total["loss"])


@pytest.mark.parametrize(
    ("frame", "error", "words"),
    [
        (loans([0, 996]), InputError, "has the codes 996, which nothing explains"),
        (
            loans([0]).drop(columns="month"),
            UnknownName,
            "no column of the performance named 'month'",
        ),
        (loans([0]).assign(month_on_book=5), InputError, "seen from its first month"),
    ],
)
def test_what_cannot_be_read_is_said(frame, error, words):
    with pytest.raises(error, match=words):
        wb.risk.vintage_curves(frame)


def test_a_meaning_nobody_knows_and_a_book_of_no_loans_are_said():
    with pytest.raises(UnknownName, match="meaning of a code named 'sold'"):
        wb.risk.transitions(loans([0, 990]), codes={990: "sold"})
    with pytest.raises(InputError, match="no loan is open"):
        wb.risk.loss_to_come(loans([0, 997]), horizon_months=3, lgd=0.5)
    with pytest.raises(InputError, match="a share from 0 to 1"):
        wb.risk.loss_to_come(loans([0, 0]), horizon_months=3, lgd=60)
