"""Grades: published backtests and low-default PDs, and the power beside each."""

import numpy as np
import pandas as pd
import pytest
from scipy import stats

import workbench as wb
from workbench.errors import InputError, UnknownName


def test_backtests_of_11_defaults_among_141():
    # A. Djurovic, R package PDtoolkit, README: pp.testing of grade "06 [547,Inf)"
    row = wb.risk.backtest_grades([141], [11], [0.05]).iloc[0]
    assert row["binomial_p"] == pytest.approx(0.0966087, abs=1e-7)
    assert row["jeffreys_p"] == pytest.approx(0.07085215, abs=1e-8)
    assert row["z_p"] == pytest.approx(0.06346722, abs=1e-8)
    assert row["light"] == "green"


def test_backtests_of_a_whole_scale():
    # PDtoolkit, README: pp.testing of the application portfolio, grades 01 to 05
    found = wb.risk.backtest_grades(
        [47, 35, 93, 53, 131],
        [36, 21, 37, 15, 22],
        [0.7400826, 0.606983, 0.375035, 0.2516151, 0.1537853],
    )
    published = {
        "binomial_p": [0.4159984, 0.6059111, 0.3613128, 0.3479606, 0.3621511],
        "jeffreys_p": [0.35159815, 0.53854844, 0.32231637, 0.29276184, 0.31876653],
        "z_p": [0.34293973, 0.53370338, 0.32475205, 0.29914802, 0.32669329],
    }
    for name, values in published.items():
        assert found[name].tolist() == pytest.approx(values, abs=1e-6)


@pytest.mark.parametrize(("test", "published"), [("binomial", 0.088), ("jeffreys", 0.142)])
def test_a_grade_of_53_is_seldom_found_out(test, published):
    # PDtoolkit, README: power of grade "04 [506,515)", by 1,000 simulated samples
    found = wb.risk.backtest_power(53, 0.2516151, 0.28301887, test=test)
    assert found == pytest.approx(published, abs=3 * (0.14 * 0.86 / 1_000) ** 0.5)


@pytest.mark.parametrize(
    ("confidence", "percents"), [(0.5, [0.09, 0.10, 0.23]), (0.9, [0.29, 0.33, 0.76])]
)
def test_low_default_pds_without_defaults(confidence, percents):
    # Pluto & Tasche 2005, arXiv cond-mat/0411699, table 2: 100, 400 and 300 obligors
    found = wb.risk.low_default_pd([100, 400, 300], confidence=confidence)
    assert (100 * found).round(2).tolist() == percents


def test_low_default_pds_with_defaults_solve_their_equation():
    found = wb.risk.low_default_pd([100, 400, 300], [0, 2, 1], confidence=0.75)
    fallen, obligors = np.array([3, 3, 1]), np.array([800, 700, 300])
    assert stats.binom.cdf(fallen, obligors, found) == pytest.approx([0.25] * 3)
    assert wb.risk.low_default_pd([5], [5], confidence=0.5).tolist() == [1]


@pytest.mark.parametrize("test", ["binomial", "jeffreys", "z"])
@pytest.mark.parametrize(
    ("n", "assigned", "true"), [(53, 0.2, 0.25), (400, 0.02, 0.05), (9, 0.3, 0.9)]
)
def test_power_is_how_often_the_test_finds_fault(test, n, assigned, true):
    k = np.arange(n + 1)
    p_values = {
        "binomial": stats.binom.sf(k - 1, n, assigned),
        "jeffreys": stats.beta.cdf(assigned, k + 0.5, n - k + 0.5),
        "z": stats.norm.sf((k / n - assigned) / np.sqrt(assigned * (1 - assigned) / n)),
    }
    by_hand = stats.binom.pmf(k, n, true)[p_values[test] <= 0.05].sum()
    assert float(wb.risk.backtest_power(n, assigned, true, test=test)) == pytest.approx(by_hand)


def test_a_grade_is_known_by_its_name():
    n, defaults = pd.Series({"A": 200, "B": 100}), pd.Series({"B": 20, "A": 1}, dtype="Int64")
    found = wb.risk.backtest_grades(n, defaults, pd.Series({"B": 0.1, "A": 0.01}))
    assert found["observed"].to_dict() == {"A": 0.005, "B": 0.2}


def test_grades_keep_their_order_and_fractions_of_released_counts_are_cut():
    n = pd.Series({"AAA": 300.7, "AA": 200.2, "A": 100.0})
    found = wb.risk.backtest_grades(n, n[::-1] / 50, [0.01, 0.02, 0.03])
    assert list(found.index) == ["AAA", "AA", "A"]
    assert found["n"].tolist() == [300, 200, 100]
    assert found["pd"].tolist() == [0.01, 0.02, 0.03]
    with pytest.raises(InputError, match="leave empty grades out"):
        wb.risk.backtest_grades(n, n.rename({"A": "B"}), [0.01, 0.02, 0.03])


def test_power_is_said_in_words():
    table = wb.risk.backtest_grades([53], [11], [0.20])
    assert table["words"].item() == (
        "with 53 in this grade, 5 points too low would be noticed 15 times in 100"
    )


def test_lights_are_amber_and_red_and_raised_for_several_grades():
    grades = pd.Index(["A", "B", "C"], name="grade")
    table = wb.risk.backtest_grades(pd.Series([500] * 3, grades), [10, 17, 30], [0.02] * 3)
    assert table["light"].to_dict() == {"A": "green", "B": "amber", "C": "red"}
    assert table.loc["B", "all_p"] == pytest.approx(2 * table.loc["B", "binomial_p"])
    assert table.loc["C", "all_p"] == pytest.approx(3 * table.loc["C", "binomial_p"])
    assert (table["red_power"] < table["binomial_power"]).all()


def test_a_right_pd_is_found_wrong_no_more_often_than_said():
    assert (wb.risk.backtest_power(np.arange(20, 400), 0.05, 0.05) <= 0.05).all()


def test_a_master_scale_grows_by_one_factor_and_takes_every_chance():
    scale = wb.risk.master_scale(0.0003, 0.2, 12)
    factor = (scale["upper"] / scale["lower"]).to_numpy()
    assert factor == pytest.approx([factor[0]] * 12)
    assert (scale["lower"].to_numpy()[1:] == scale["upper"].to_numpy()[:-1]).all()
    assert wb.risk.assign_grades([0.0, *scale["pd"], 0.9], scale).tolist() == [1, *range(1, 13), 12]


@pytest.mark.parametrize(
    ("ask", "error", "words"),
    [
        (lambda: wb.risk.backtest_grades([0], [0], [0.1]), InputError, "leave empty grades out"),
        (lambda: wb.risk.backtest_power(9, 0.1, 0.2, test="t"), UnknownName, "test of a grade"),
        (lambda: wb.risk.low_default_pd([5], [9], confidence=0.5), InputError, "none to all"),
        (lambda: wb.risk.master_scale(0.2, 0.1, 5), InputError, "two grades or more"),
        (
            lambda: wb.risk.assign_grades([np.nan], wb.risk.master_scale(0.1, 0.2, 2)),
            InputError,
            "missing",
        ),
        (lambda: wb.risk.backtest_grades([9], [None], [0.1]), InputError, "a grade has obligors"),
    ],
)
def test_what_cannot_be_told_is_said(ask, error, words):
    with pytest.raises(error, match=words):
        ask()
