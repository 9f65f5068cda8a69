"""Stocks by month: what a stay moves, what is decoded, and how much noise is left of it."""

import datetime as dt
import math
from fractions import Fraction
from itertools import combinations

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from support.lab import PRICELESS, Lab, booked, cents

import workbench as wb
from workbench.errors import QuestionRefused
from workbench.privacy.engine.answering import answer
from workbench.privacy.engine.bounding import LATTICE, norm_squared
from workbench.privacy.engine.running import compute, statements
from workbench.privacy.engine.stocks import Stocks, coefficients, decoded, decoding, spread_of

SPAN = {"period": ("2026-01", "2026-06")}
MONTHS = range(1, 7)
WHO = ("u1", "u2", "u3", None)


def visit(who, month, region="a"):
    day = dt.date(2026, month, 5)
    return {"customer_id": who, "day": day, "region": region, "amount": cents(1)}


def stocks(lab, **options):
    given = {"by": ["month", "region"], **SPAN, **options}
    return lab.resolve(wb.query(lab.table, changes=2, **given).customers())


def released(lab, question, pico=PRICELESS):
    """Return a row of customers for each month, as decoded."""
    before, found = None, []
    event = booked(question, pico)
    for i, computed in enumerate(lab.totals(question)):
        figures = answer(question, computed, event)
        figures = decoded(question, i, figures, f"r-{i}", before)
        before = figures.mechanism
        found.append(figures)
    return found


def test_the_weights_are_the_square_root_of_adding_up():
    """binom(2k, k)/4^k; Fichtenberger, Henzinger & Upadhyay, arXiv 2202.11205, Fact 1."""
    golden = [Fraction(1), Fraction(1, 2), Fraction(3, 8), Fraction(5, 16), Fraction(35, 128)]
    assert [Fraction(each, LATTICE) for each in coefficients(5, LATTICE)] == golden
    weights = np.array(coefficients(60, LATTICE)) / LATTICE
    assert np.convolve(weights, weights)[:60] == pytest.approx(np.ones(60), abs=1e-4)
    exact = np.convolve(weights, decoding(60, LATTICE))[:60]
    assert exact == pytest.approx(np.ones(60), abs=1e-12)


@pytest.mark.parametrize("months", [1, 2, 5, 12, 36])
def test_the_longest_stay_is_found_by_trying_all(months):
    weights = coefficients(months, LATTICE)
    columns = [[0] * i + list(weights[: months - i]) for i in range(months)] + [[0] * months]
    longest = max(
        sum((a - b) ** 2 for a, b in zip(one, other, strict=True))
        for one, other in combinations(columns, 2)
    )
    assert Stocks(("2026-01",) * months).norm_squared(LATTICE) == longest


def test_a_customer_counts_for_their_first_stay_where_it_began():
    lab = Lab(
        [
            *(visit("again", month) for month in (1, 2, 4, 5)),
            *(visit("moves", month, region) for month, region in ((2, "b"), (3, "a"), (4, "b"))),
            *(visit("both", 3, region) for region in "cb"),
            *(visit(None, month) for month in (5, 5, 6)),
            visit("elsewhere", 4, "elsewhere"),
        ]
    )
    found = [each.columns["customers"] for each in released(lab, stocks(lab))]
    assert found == [[1, 0, 0], [1, 1, 0], [0, 1, 0], [0, 0, 0], [1, 0, 0], [1, 0, 0]]
    shorter = stocks(lab, period=("2026-01", "2026-04"), until="2026-06")
    assert [each.columns["customers"] for each in released(lab, shorter)] == found[:4]


visits = st.lists(
    st.builds(visit, st.sampled_from(WHO), st.sampled_from(MONTHS), st.sampled_from("abx")),
    max_size=25,
)


@pytest.fixture(scope="module")
def lab():
    return Lab([])


def test_one_customer_moves_all_months_together_by_no_more_than_was_booked(lab, size):
    question = stocks(lab, until="2026-08")
    booked_squared = booked(question, 10**12)["vector"]["norm_squared"]
    assert booked_squared == norm_squared(question)
    sql = statements(question)

    def totals(rows):
        lab.fill(rows)
        return compute(question, sql, lab.connection.execute)

    @settings(
        max_examples=400 if size == "full" else 25,
        deadline=None,
        suppress_health_check=[HealthCheck.too_slow],
    )
    @given(st.sampled_from(WHO), visits)
    def check(who, rows):
        everybody = totals(rows)
        others = totals([each for each in rows if each["customer_id"] != who])
        moved = sum(
            (a.vector.get(cell, (0,))[0] - b.vector.get(cell, (0,))[0]) ** 2
            for a, b in zip(everybody, others, strict=True)
            for cell in {*a.vector, *b.vector}
        )
        assert moved <= booked_squared

    check()


@pytest.mark.parametrize("horizon", [2, 5, 6])
def test_the_longest_stay_moves_exactly_what_is_booked(horizon):
    lab = Lab([])
    question = stocks(lab, period=("2026-01", f"2026-{horizon:02}"))
    moved = []
    for stay in range(1, horizon + 1):
        lab.fill([visit("u1", month) for month in range(1, stay + 1)])
        moved.append(sum(each.vector.get(0, (0,))[0] ** 2 for each in lab.totals(question)))
    assert max(moved) == booked(question, 10**12)["vector"]["norm_squared"]


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(visits, st.sampled_from(MONTHS))
def test_rows_of_later_months_move_nothing_before_them(rows, upto):
    """So a month's draw stays true of what was drawn, whatever comes."""
    lab = Lab(rows)
    question = stocks(lab)
    all_of_it = lab.totals(question)
    lab.fill([each for each in rows if each["day"].month <= upto])
    known = lab.totals(question)
    for i in range(upto):
        mine, then = ({c: v for c, v in each[i].vector.items() if v != (0,)}
                      for each in (all_of_it, known))  # fmt: skip
        assert mine == then


@pytest.mark.parametrize(("months", "bar"), [(12, 0.60), (36, 0.43)])
def test_the_noise_is_a_good_part_of_that_of_monthly_answers(months, bar, size):
    """1.7 and 2.4 times less, root mean square over months: see benchmarks/series.py."""
    question = Stocks(("2026-01",) * months)
    spread = math.sqrt(question.norm_squared(LATTICE)) / LATTICE * spread_of(months)
    assert spread / math.sqrt(months) < bar


def test_the_stated_margin_is_that_of_the_noise_and_differences_know_what_they_share(size):
    lab, draws = Lab([]), 60 if size == "smoke" else 3_000
    question = stocks(lab, by="month")
    runs = [released(lab, question, pico=10**8) for _ in range(draws)]
    values = np.array([[each.columns["customers"][0] for each in run] for run in runs], float)
    stated = [
        (each.columns["customers_high"][0] - each.columns["customers_low"][0]) / 2 / 1.959964
        for each in runs[0]
    ]
    spread = np.sqrt((values**2).mean(axis=0))
    assert spread == pytest.approx(np.array(stated), rel=0.35 if size == "smoke" else 0.06)
    change = math.sqrt((np.diff(values, axis=1) ** 2).mean())
    assert change < 1.1 * spread.mean()  # of independent months it were 1.41 times


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"changes": 3}, "joins once and leaves once; 3 is not"),
        ({"by": "region"}, r"customers\(\) by 'month'"),
        ({"by": ["month", "region", "kind"]}, "one further group"),
        ({"once": True}, "without once, together or pure"),
        ({"together": True}, "without once, together or pure"),
        ({"by": ["month", wb.discovered("note", delta="1e-8")]}, "alone"),
        ({"by": ["month", wb.pairs("kind")]}, "one further group"),
        ({"period": None}, "of whole months"),
        ({"until": "2026-05"}, "until its last month"),
        ({"until": "2040-01"}, "120 months at most"),
        ({"changes": None, "until": "2026-12"}, "give changes=2 with it"),
    ],
)
def test_what_is_no_series_of_stocks_is_refused(lab, options, message):
    given = {"by": ["month", "region"], "changes": 2, **SPAN, **options}
    with pytest.raises(QuestionRefused, match=message):
        lab.resolve(wb.query(lab.table, **given).customers())


def test_a_stock_has_no_pure_answers(lab):
    with pytest.raises(QuestionRefused, match="without once, together or pure"):
        lab.resolve(wb.query(lab.table, by="month", changes=2, **SPAN).customers(), pure=True)


def test_a_stock_counts_customers_only(lab):
    with pytest.raises(QuestionRefused, match="counts customers by month"):
        lab.resolve(wb.query(lab.table, by="month", changes=2, **SPAN).sum("amount"))
