"""Every measure, without noise, is what a hand or pandas makes of the bounded rows."""

import datetime as dt
import random
import statistics
from itertools import pairwise

import pandas as pd
import pytest
from support.lab import COLUMNS, Lab, cents, exactly

import workbench as wb
from workbench.errors import QuestionRefused, UnknownName
from workbench.privacy.measuring import grid

DAY = dt.date(2026, 1, 15)


@pytest.fixture(scope="module")
def frame():
    """Return random rows of which no customer exceeds any bound."""
    dice = random.Random(7)
    rows = [
        {
            "customer_id": f"u{who}",
            "day": DAY,
            "region": dice.choice("abc"),
            "kind": dice.choice("pqrs"),
            "amount": None if dice.random() < 0.1 else cents(dice.randrange(0, 2000) / 100),
            "note": f"n{dice.randrange(9)}",
        }
        for who in range(80)
        for _ in range(dice.randrange(1, 9))
    ]
    return pd.DataFrame(rows)


@pytest.fixture(scope="module")
def lab(frame):
    rows = frame.astype(object).where(frame.notna(), None).to_dict("records")
    return Lab(rows, contribution={"cells": 12, "rows": 20})


def one(lab, query, **options):
    """Return the only row of a question."""
    (row,) = lab.ask(query, **options)
    return row


def test_customers_rows_and_totals_by_group_are_pandas(lab, frame):
    query = wb.query(lab.table, by=["region", "kind"]).customers().count().sum("amount")
    money = frame.assign(amount=frame.amount.astype(float))
    wanted = money.groupby(["region", "kind"]).agg(
        customers=("customer_id", "nunique"), rows=("day", "size"), amount_sum=("amount", "sum")
    )
    wanted["amount_at_bound"] = 0.0
    found = pd.DataFrame(lab.ask(query)).set_index(["region", "kind"])
    pd.testing.assert_frame_equal(
        found, wanted[found.columns], check_dtype=False, rtol=0, atol=0.02
    )


def test_means_and_spreads_are_of_rows_that_have_a_value(lab, frame):
    values = frame.amount.dropna().astype(float).to_list()
    row = one(lab, wb.query(lab.table).mean("amount").var("amount").std("amount"))
    assert row["amount_mean"] == pytest.approx(statistics.fmean(values), abs=0.01)
    # a square stands on a lattice of 200 euros times 500, a thousandth of its 10 or so a row
    assert row["amount_var"] == pytest.approx(statistics.pvariance(values), rel=0.01)
    assert row["amount_std"] == pytest.approx(statistics.pstdev(values), rel=0.005)


def test_rates_are_of_rows_for_which_the_condition_is_known(lab, frame):
    row = one(lab, wb.query(lab.table).rate(big=lab.table.amount > 15, app=lab.table.kind == "p"))
    known = frame.amount.dropna().astype(float)
    assert row["big_rate"] == pytest.approx((known > 15).mean(), abs=1e-4)
    assert row["app_rate"] == pytest.approx((frame.kind == "p").mean(), abs=1e-4)


def test_a_quantile_weighs_every_customer_the_same():
    rows = [{"customer_id": "u1", "amount": cents(90)}] * 50
    rows += [{"customer_id": f"v{i}", "amount": cents(10)} for i in range(2)]
    lab = Lab(rows)
    assert one(lab, wb.query(lab.table).median("amount", candidates=[10, 90]))["amount_q50"] == 10


@pytest.mark.parametrize(("q", "wanted"), [("0.1", 1), ("0.5", 5), ("0.9", 9), (0.25, 3)])
def test_quantiles_of_one_row_a_customer_are_the_ordinary_ones(q, wanted):
    lab = Lab([{"customer_id": f"u{i}", "amount": cents(i)} for i in range(1, 10)])
    row = one(lab, wb.query(lab.table).quantile("amount", q, candidates=range(12)))
    assert list(row.values()) == [wanted]


def test_the_median_of_ties_is_the_tied_value():
    amounts = [1, 5, 5, 5, 5, 5, 5, 9, 9]
    lab = Lab([{"customer_id": f"u{i}", "amount": cents(a)} for i, a in enumerate(amounts)])
    assert one(lab, wb.query(lab.table).median("amount", candidates=range(12))) == {"amount_q50": 5}


@pytest.mark.parametrize(("share", "q"), [(60, "0.5"), (90, "0.2"), (30, "0.25")])
def test_a_value_that_many_share_is_found_though_others_split_more_evenly(share, q):
    # 60 of 100 have 0, the others 50: the median is 0, though 1 has 60 below and 40 above
    amounts = [0] * share + [50] * (100 - share)
    lab = Lab([{"customer_id": f"u{i}", "amount": cents(a)} for i, a in enumerate(amounts)])
    row = one(lab, wb.query(lab.table).quantile("amount", q, candidates=[0, 1, 2, 49, 50]))
    assert list(row.values()) == [0]


def test_quantiles_leave_out_what_is_no_number():
    weights = [float("nan"), float("inf"), None, 3.0, 3.0, 4.0]
    lab = Lab([{"customer_id": f"u{i}", "weight": w} for i, w in enumerate(weights)])
    row = one(lab, wb.query(lab.table).median("weight", candidates=[0, 3, 4, 100]))
    assert row == {"weight_q50": 3}


def test_quantiles_of_huge_amounts_do_not_overflow():
    lab = Lab([{"customer_id": "u1", "amount": cents("9999999999999999.99")}])
    row = one(lab, wb.query(lab.table).quantile("amount", 0.99, candidates=[0, 500]))
    assert row["amount_q99"] in (0, 500)


def test_quantiles_by_group_choose_in_each(lab):
    found = lab.ask(wb.query(lab.table, by="region", cells=3).median("amount"))
    assert [row["region"] for row in found] == ["a", "b", "c"]
    assert all(5 < row["amount_q50"] < 15 for row in found)


def test_the_grid_of_a_quantile_lies_within_the_declared_bounds():
    assert grid(0, 10) == list(range(11))
    wide = grid(0, 50_000)
    assert (wide[0], wide[-1], wide == sorted(set(wide))) == (0, 50_000, True)
    assert max(b / a for a, b in pairwise(wide[60:])) < 1.06
    below = grid(-50_000, 50_000)
    assert (below[0], below[-1]) == (-50_000, 50_000)


def test_distinct_values_are_counted_up_to_each_customers_bound(lab, frame):
    found = lab.ask(wb.query(lab.table, by="region").distinct("note", most=50))
    assert [row["note_distinct"] for row in found] == list(frame.groupby("region").note.nunique())
    assert one(lab, wb.query(lab.table).distinct("note", most=1))["note_distinct"] <= 9
    hoarder = Lab([{"customer_id": "u1", "note": f"n{i}"} for i in range(30)] + [{"note": None}])
    assert one(hoarder, wb.query(hoarder.table).distinct("note", most=4)) == {"note_distinct": 4}


def test_a_histogram_counts_customers_by_ranges():
    lab = Lab([{"customer_id": f"u{i % 4}", "amount": cents(i * 10)} for i in range(8)], cells=3)
    found = lab.ask(wb.query(lab.table).histogram("amount", [20, 50]))
    assert [row["customers"] for row in found] == [2, 3, 3]


def test_several_measures_share_one_answer(lab):
    together = lab.ask(wb.query(lab.table, by="region").customers().sum("amount").median("amount"))
    apart = lab.ask(wb.query(lab.table, by="region").sum("amount"))
    assert [row["amount_sum"] for row in together] == [row["amount_sum"] for row in apart]
    assert list(together[0]) == [
        "region",
        "customers",
        "amount_sum",
        "amount_at_bound",
        "amount_q50",
    ]


def test_totals_are_cut_at_their_bounds_and_rows_at_theirs():
    rows = [{"customer_id": "u1", "amount": cents(150)}] * 5
    rows += [{"customer_id": "u2", "amount": cents(-40)}]
    lab = Lab(rows)
    row = one(lab, wb.query(lab.table).count().sum("amount"))
    assert row == {"customers": 2, "amount_sum": 200, "amount_at_bound": 1.0, "rows": 4}
    wide = one(lab, wb.query(lab.table, rows=9).count().sum("amount", bounds=(-50, 1000)))
    assert wide == {"customers": 2, "amount_sum": 710, "amount_at_bound": 0.0, "rows": 6}


def test_missing_amounts_add_nothing_and_are_not_averaged():
    rows = [{"customer_id": "u1", "amount": cents(30)}, {"customer_id": "u1", "amount": None}]
    lab = Lab([*rows, {"customer_id": "u2", "amount": None}])
    query = wb.query(lab.table).count().mean("amount").std("amount")
    row = one(lab, query)
    assert (row["customers"], row["rows"], row["amount_sum"]) == (2, 3, 30)
    assert row["amount_mean"] == pytest.approx(30, abs=0.01)
    assert row["amount_std"] == pytest.approx(0, abs=1)


def test_floats_that_are_no_numbers_add_nothing():
    weights = [float("nan"), float("inf"), float("-inf"), 10.4, None]
    lab = Lab([{"customer_id": f"u{i}", "weight": w} for i, w in enumerate(weights)])
    row = one(lab, wb.query(lab.table).mean("weight"))
    assert (row["customers"], row["weight_sum"], row["weight_mean"]) == (5, 10, 10)


def test_columns_called_like_our_own_coordinates_are_kept_apart():
    columns = {
        **COLUMNS,
        "n": {"type": "integer", "customer_bounds": [0, 50]},
        "rows": {"type": "integer", "customer_bounds": [0, 50], "bounds": [0, 9]},
    }
    lab = Lab([{"customer_id": f"u{i}", "n": 7, "rows": 2} for i in range(3)], columns=columns)
    row = one(lab, wb.query(lab.table).customers().count().mean("n").std("rows"))
    assert (row["customers"], row["rows"], row["n_sum"], row["rows_sum"]) == (3, 3, 21, 6)
    assert (row["n_mean"], row["rows_mean"]) == (7, 2)


def test_pure_counts_are_the_ordinary_ones_of_customers_within_their_cells(lab, frame):
    found = lab.ask(wb.query(lab.table, by=["region", "kind"]).customers().count(), pure=True)
    groups = frame.groupby(["region", "kind"])
    assert [row["customers"] for row in found] == list(groups.customer_id.nunique())
    assert [row["rows"] for row in found] == list(groups.size())


class TestTheShop:
    """The shop is known by formula: customer i spends 10 + i % 90 once a month."""

    def test_a_month(self, shop):
        tx = shop.open("transactions", "reporting")
        query = wb.query(tx, by="region", period="2026-09").customers().mean("amount").count()
        for number, row in enumerate(exactly(shop, query)):
            spent = [10 + i % 90 for i in range(600) if i % 3 == number]
            assert row["region"] == ["north", "south", "west"][number]
            assert (row["customers"], row["rows"]) == (200, 200)
            assert row["amount_sum"] == pytest.approx(sum(spent), abs=0.05)
            assert row["amount_mean"] == pytest.approx(statistics.fmean(spent), abs=0.01)

    def test_months_filters_and_conditions(self, shop):
        tx = shop.open("transactions", "reporting")
        query = wb.query(
            tx,
            by=["month", "category"],
            where=[{"is_online": True}, tx.amount >= 50],
            period=("2026-07", "2026-09"),
        )
        found = exactly(shop, query.customers().rate(dear=tx.amount > 90))
        assert len(found) == 9
        for row in found:
            month = int(row["month"][-2:])
            theirs = [
                10 + i % 90
                for i in range(0, 600, 4)
                if 10 + i % 90 >= 50
                and ["food", "home", "toys"][(i + month) % 3] == row["category"]
            ]
            assert row["customers"] == len(theirs)
            dear = sum(spent > 90 for spent in theirs) / len(theirs)
            assert row["dear_rate"] == pytest.approx(dear, abs=1e-4)

    def test_a_consent_based_purpose_counts_those_who_agree_now(self, shop):
        tx = shop.open("transactions", "marketing")
        (row,) = exactly(shop, wb.query(tx, period="2026-09").customers())
        assert row["customers"] == 240  # every second agreed, of these every fifth took it back


BOUNDS = {
    "reversed": ((200, 0), "are reversed or equal"),
    "equal": ((5, 5), "are reversed or equal"),
    "words": (("low", "high"), "must be numbers"),
    "not a number": ((0, float("nan")), "two finite numbers"),
    "infinite": ((0, float("inf")), "two finite numbers"),
    "three": ((0, 1, 2), "two finite numbers"),
    "one number": (7, "must be numbers"),
    "a text": ("07", "two finite numbers"),
    "too wide": ((0, 10**11), "sums would overflow.*nothing was spent"),
    "too far": ((10**11, 10**11 + 1), "sums would overflow"),
}


@pytest.mark.parametrize("what", BOUNDS)
def test_bounds_of_a_sum_are_two_finite_rising_numbers_that_do_not_overflow(lab, what):
    bounds, message = BOUNDS[what]
    with pytest.raises(QuestionRefused, match=message):
        lab.resolve(wb.query(lab.table).sum("amount", bounds=bounds))


def test_bounds_that_are_nowhere_declared_are_asked_for():
    columns = {**COLUMNS, "amount": {"type": "money"}}
    lab = Lab([], columns=columns)
    for query, message in [
        (wb.query(lab.table).mean("amount"), r"Declare customer_bounds.*\.mean\('amount', bounds="),
        (wb.query(lab.table).std("amount", bounds=(0, 1)), "bounds of one row's value"),
        (wb.query(lab.table).median("amount"), r"give candidates=\[\.\.\.\]; never from the data"),
    ]:
        with pytest.raises(QuestionRefused, match=message):
            lab.resolve(query)


def test_squares_that_would_overflow_are_refused(lab):
    columns = {**COLUMNS, "amount": {"type": "money", "bounds": [0, 10**9]}}
    wide = Lab([], columns=columns)
    with pytest.raises(QuestionRefused, match="'amount squared' span more than"):
        wide.resolve(wb.query(wide.table).var("amount", bounds=(0, 1)))


@pytest.mark.parametrize("q", [0, 1, -0.5, 1.5, "NaN", 0.333, "Infinity"])
def test_a_quantile_lies_between_0_and_1(lab, q):
    with pytest.raises(QuestionRefused, match="between 0 and 1, to two digits"):
        lab.resolve(wb.query(lab.table).quantile("amount", q))


@pytest.mark.parametrize(
    "candidates", [[], [3, 2], [1, 1], [1, float("nan")], ["x"], [float("inf")]]
)
def test_candidates_are_finite_and_rising(lab, candidates):
    with pytest.raises(QuestionRefused, match="candidates must be finite numbers, rising"):
        lab.resolve(wb.query(lab.table).median("amount", candidates=candidates))


@pytest.mark.parametrize("most", [None, 0, -1, 2.5, "3", True])
def test_distinct_values_need_a_whole_bound(lab, most):
    with pytest.raises(QuestionRefused, match="need most=…"):
        lab.resolve(wb.query(lab.table).distinct("note", most=most))


def test_distinct_customers_have_a_measure_of_their_own(lab):
    with pytest.raises(QuestionRefused, match=r"distinct customers are \.customers\(\)"):
        lab.resolve(wb.query(lab.table).distinct("customer_id", most=1))


def test_only_declared_numbers_are_measured(lab):
    for query in (
        wb.query(lab.table).sum("amuont"),
        wb.query(lab.table).median("amuont"),
        wb.query(lab.table).distinct("amuont", most=1),
    ):
        with pytest.raises(UnknownName, match="Did you mean 'amount'"):
            lab.resolve(query)
    with pytest.raises(QuestionRefused, match="'note' is text; only numbers have totals"):
        lab.resolve(wb.query(lab.table).sum("note"))


def test_a_measure_asked_twice_with_different_bounds_is_refused(lab):
    query = wb.query(lab.table)
    same = query.sum("amount", bounds=(0, 9)).mean("amount", bounds=(0, 9)).median("amount")
    assert lab.resolve(same.median("amount")).blocks == 2
    for twice in (
        query.sum("amount", bounds=(0, 9)).sum("amount", bounds=(0, 8)),
        query.median("amount").median("amount", candidates=[1, 2]),
        query.distinct("note", most=1).distinct("note", most=2),
    ):
        with pytest.raises(QuestionRefused, match="asked twice"):
            lab.resolve(twice)


def test_rates_need_a_name_and_a_condition_of_one_row(lab):
    tx = lab.table
    for rate, message in [
        ({"late": tx.amount}, "needs a condition"),
        ({"late": True}, "needs a condition"),
        ({"not a word": tx.amount > 1}, "must be a plain word"),
        ({"late": tx.amount > tx.amount.mean()}, "only at its own row"),
        ({"a": tx.amount > 1, "b": tx.amount > 1}, "asked twice"),
    ]:
        with pytest.raises(QuestionRefused, match=message):
            lab.resolve(wb.query(tx).rate(**rate))
    with pytest.raises(QuestionRefused, match="asked twice"):
        lab.resolve(wb.query(tx).rate(a=tx.amount > 1).rate(a=tx.amount > 2))
