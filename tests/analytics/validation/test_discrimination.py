"""AUC, Gini, KS and curves against published figures, and intervals that hold."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats
from sklearn.metrics import roc_auc_score, roc_curve

import workbench as wb
from workbench.errors import InputError


def hanley_mcneil_1982():
    """Return the ratings 1 to 5 of 58 normal and 51 abnormal images, Radiology 143, table I."""
    normal, abnormal = [33, 6, 6, 11, 2], [3, 2, 2, 11, 33]
    rating = np.arange(1, 6)
    return (
        np.repeat([0, 1], [58, 51]),
        np.concatenate([np.repeat(rating, normal), np.repeat(rating, abnormal)]),
    )


def drawn(rng, n, gap=1.0, share=0.2):
    y = (rng.random(n) < share).astype(int)
    return y, rng.normal(gap * y)


def test_auc_matches_hanley_mcneil_1982():
    found = wb.risk.auc(*hanley_mcneil_1982())
    assert found.estimate == pytest.approx(1321 / 1479, abs=1e-12)
    assert found.n == 109


def test_delong_interval_matches_stata_roctab_of_hanley_mcneil():
    # Stata Base Reference Manual, roctab, example 1: 0.8932, standard error 0.0307
    found = wb.risk.auc(*hanley_mcneil_1982())
    assert (found.lower, found.upper) == pytest.approx((0.83295, 0.95339), abs=1e-5)


@given(st.lists(st.tuples(st.booleans(), st.integers(0, 9)), min_size=2, max_size=40))
def test_auc_is_scikit_learns_with_ties(cases):
    y, score = np.array([case[0] for case in cases]), np.array([case[1] for case in cases])
    if y.all() or not y.any():
        with pytest.raises(InputError, match="outcomes are alike"):
            wb.risk.auc(y, score)
        return
    found = wb.risk.auc(y, score)
    assert found.estimate == pytest.approx(roc_auc_score(y, score))
    assert 0 <= found.lower <= found.estimate <= found.upper <= 1
    assert wb.risk.gini(y, -score).estimate == pytest.approx(1 - 2 * found.estimate)


def test_a_perfect_score_of_few_bads_is_not_certain():
    found = wb.risk.gini([0] * 50 + [1] * 5, np.arange(55))
    assert found.estimate == found.upper == 1
    assert found.lower == pytest.approx(2 * 0.025 ** (1 / 5) - 1)


@pytest.mark.parametrize(("n", "share", "gap"), [(1_000, 0.2, 1.0), (300, 0.1, 1.0)])
def test_intervals_hold_the_truth_as_often_as_they_say(n, share, gap, size):
    """Of normal scores, whose AUC is Φ(gap/√2) and whose KS is 2Φ(gap/2) − 1."""
    draws = 150 if size == "smoke" else 2_000
    rng, held = np.random.default_rng(0), np.zeros(2)
    truth = stats.norm.cdf(gap / np.sqrt(2)), 2 * stats.norm.cdf(gap / 2) - 1
    for _ in range(draws):
        y, score = drawn(rng, n, gap, share)
        found = wb.risk.auc(y, score), wb.risk.ks(y, score)
        held += [one.lower <= of <= one.upper for one, of in zip(found, truth, strict=True)]
    assert held / draws == pytest.approx([0.95] * 2, abs=0.06 if size == "smoke" else 0.02)


def test_a_score_that_tells_nothing_is_found_to_tell_five_times_in_a_hundred(size):
    draws = 80 if size == "smoke" else 2_000
    rng = np.random.default_rng(4)
    told = [wb.risk.ks(*drawn(rng, 400, 0.0)).lower > 0 for _ in range(draws)]
    assert np.mean(told) <= (0.1 if size == "smoke" else 0.06)


def test_a_difference_is_paired():
    rng = np.random.default_rng(1)
    y, score = drawn(rng, 2_000)
    worse = score + rng.normal(0, 0.7, 2_000)
    gap = wb.risk.gini_difference(y, score, worse)
    one, other = wb.risk.gini(y, score), wb.risk.gini(y, worse)
    assert gap.estimate == pytest.approx(one.estimate - other.estimate)
    assert gap.upper - gap.lower < 0.75 * (one.upper - one.lower)
    assert gap.lower > 0
    none = wb.risk.gini_difference(y, score, 2 * score)
    assert (none.estimate, none.lower, none.upper) == (0, 0, 0)
    assert none.words.endswith("p = 1")


def test_differences_of_equals_are_found_five_times_in_a_hundred(size):
    draws = 300 if size == "smoke" else 3_000
    rng, found = np.random.default_rng(2), 0
    for _ in range(draws):
        y, score = drawn(rng, 600)
        pair = (score + rng.normal(0, 0.5, 600) for _ in range(2))
        gap = wb.risk.gini_difference(y, *pair)
        found += not gap.lower <= 0 <= gap.upper
    assert found / draws == pytest.approx(0.05, abs=0.03)


def test_curves_are_those_of_scikit_learn_and_their_gap_reaches_ks():
    rng = np.random.default_rng(3)
    y, score = drawn(rng, 500)
    table = wb.risk.curves(y, score, points=500)
    fpr, tpr, _ = roc_curve(y, score, drop_intermediate=False)
    assert np.allclose(table["bads"], tpr[1:])
    assert np.allclose(table["goods"], fpr[1:])
    assert table["gap"].max() == pytest.approx(wb.risk.ks(y, score).estimate)
    assert (table["lower"] <= table["bads"]).all()
    assert (table["bads"] <= table["upper"]).all()
    ten = wb.risk.curves(y, score, points=10)
    assert np.allclose(ten["share"], np.arange(1, 11) / 10)
    assert ten["lift"].iloc[-1] == pytest.approx(1)


def test_equal_scores_stand_together_in_curves():
    table = wb.risk.curves([0, 1, 0, 1], [1, 1, 1, 2], points=4)
    assert table["share"].tolist() == [0.25, 1.0]
    assert table["bads"].tolist() == [0.5, 1.0]


def test_samples_stand_side_by_side():
    rng = np.random.default_rng(4)
    table = wb.risk.discrimination({"train": drawn(rng, 800), "out-of-time": drawn(rng, 400)})
    assert table.index.tolist() == ["train", "out-of-time"]
    assert table["n"].tolist() == [800, 400]
    assert (table["gini_lower"] < table["gini"]).all()
    assert (table["ks"] <= table["ks_upper"]).all()


@pytest.mark.parametrize(
    ("y", "score", "words"),
    [
        ([0, 1, None], [1, 2, 3], "1 of 3 outcomes are not known"),
        ([0, 1, 2], [1, 2, 3], "0 .good. and 1 .bad."),
        (["good", "bad"], [1, 2], "0 .good. and 1 .bad."),
        ([0, 1], [[0.2, 0.8]] * 2, r"figures of shape \(2, 2\): one figure a case"),
        ([0, 1], ["low", 3], "1 figures are missing or infinite"),
        ([0, 1], [pd.NA, 3], "1 figures are missing or infinite"),
        ([0, 0], [1, 2], "all 2 outcomes are alike"),
        ([0, 1], [1, 2, 3], "2 outcomes and figures of shape"),
        ([0, 1], [1, np.inf], "1 figures are missing or infinite"),
    ],
)
def test_what_cannot_be_checked_is_said(y, score, words):
    with pytest.raises(InputError, match=words):
        wb.risk.gini(y, score)
