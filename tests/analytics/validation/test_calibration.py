"""Calibration: what is right is found wrong five times in a hundred; what is wrong, always."""

import numpy as np
import pytest
from scipy import stats
from scipy.special import expit, logit
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import brier_score_loss

import workbench as wb
from workbench.errors import InputError


@pytest.fixture(scope="module")
def cases():
    rng = np.random.default_rng(0)
    p = expit(rng.normal(-2, 1, 6_000))
    return (rng.random(6_000) < p).astype(int), p


def test_the_brier_score_is_scikit_learns(cases):
    y, p = cases
    found = wb.risk.brier(y, p)
    assert found.estimate == pytest.approx(brier_score_loss(y, p))
    assert found.lower < found.estimate < found.upper


def test_right_chances_pass_and_wrong_ones_do_not(cases):
    y, p = cases
    off = expit(1.3 * logit(p) + 0.4)
    tests = [
        wb.risk.spiegelhalter,
        wb.risk.expected_calibration_error,
        lambda y, p: wb.risk.hosmer_lemeshow(y, p, fresh=True),
        lambda y, p: wb.risk.cox(y, p).significance,
    ]
    for test in tests:
        assert test(y, p).p_value > 0.05
        assert test(y, off).p_value < 0.001


def test_cox_finds_intercept_and_slope(cases):
    y, p = cases
    found = wb.risk.cox(y, expit(2 * logit(p) + 1))  # so logit p = 0.5 × predicted − 0.5
    assert found.slope.lower < 0.5 < found.slope.upper
    assert found.intercept.lower < -0.5 < found.intercept.upper
    assert found.slope.upper - found.slope.lower < 0.1


def test_spiegelhalter_by_hand():
    # Spiegelhalter 1986: z = Σ (y − p)(1 − 2p) / √Σ (1 − 2p)² p(1 − p)
    found = wb.risk.spiegelhalter([0, 1, 1], [0.2, 0.4, 0.9])
    by_hand = (-0.2 * 0.6 + 0.6 * 0.2 + 0.1 * -0.8) / np.sqrt(
        0.36 * 0.16 + 0.04 * 0.24 + 0.64 * 0.09
    )
    assert found.statistic == pytest.approx(by_hand)
    assert found.p_value == pytest.approx(2 * stats.norm.sf(abs(by_hand)))


def test_hosmer_lemeshow_has_g_degrees_of_freedom_fresh_and_two_fewer_in_sample(size):
    """As Hosmer, Lemeshow & Sturdivant 2013, 5.2.2, simulated: each finds fault 5 times in 100."""
    draws = 150 if size == "smoke" else 3_000
    rng, statistics = np.random.default_rng(1), []
    for _ in range(draws):
        X = rng.normal(size=(2, 500, 3))
        chance = expit(X @ [0.8, -0.5, 0.3] - 1)
        y = rng.random((2, 500)) < chance
        model = LogisticRegression(C=np.inf, solver="newton-cholesky").fit(X[0], y[0])
        own = wb.risk.hosmer_lemeshow(y[0], model.predict_proba(X[0])[:, 1], fresh=False)
        fresh = wb.risk.hosmer_lemeshow(y[1], chance[1], fresh=True)  # of the true chances
        statistics.append((own.statistic, fresh.statistic))
    assert (own.dof, fresh.dof) == (8, 10)
    own, fresh = np.array(statistics).T
    allowed = 4 / np.sqrt(draws)
    assert own.mean() == pytest.approx(8, abs=4 * allowed)
    assert fresh.mean() == pytest.approx(10, abs=np.sqrt(20) * allowed)
    for statistic, dof in ((own, 8), (fresh, 10)):
        wrong = (statistic > stats.chi2.isf(0.05, dof)).mean()
        assert wrong == pytest.approx(0.05, abs=0.22 * allowed)
    assert (own > stats.chi2.isf(0.05, 10)).mean() < 0.04  # taken for fresh: finds too little
    assert (fresh > stats.chi2.isf(0.05, 8)).mean() > 0.07  # taken for its own: finds too much


def test_expected_calibration_error_tells_what_chance_brings(size):
    draws = 100 if size == "smoke" else 2_000
    rng, found = np.random.default_rng(2), []
    for _ in range(draws):
        p = expit(rng.normal(-1, 1, 400))
        test = wb.risk.expected_calibration_error(rng.random(400) < p, p)
        found.append((test.statistic, test.expected, test.p_value < 0.05))
    gap, expected, wrong = np.mean(found, axis=0)
    assert gap == pytest.approx(expected, rel=0.1)
    assert wrong == pytest.approx(0.05, abs=0.06 if size == "smoke" else 0.02)


def test_bins_are_of_equal_size_and_hold_their_rate(cases):
    table = wb.risk.calibration_table(*cases)
    assert table["n"].tolist() == [600] * 10
    assert table["predicted"].is_monotonic_increasing
    held = (table["lower"] <= table["predicted"]) & (table["predicted"] <= table["upper"])
    assert held.sum() >= 8


def test_a_long_run_average_is_of_years_and_keeps_the_order(cases):
    _, p = cases
    found = wb.risk.long_run_average([0.02, 0.03, 0.07])  # EBA/GL/2017/16: each year alike
    assert found.estimate == pytest.approx(0.04)
    assert found.upper - found.estimate == pytest.approx(
        stats.t.isf(0.025, 2) * np.std([0.02, 0.03, 0.07], ddof=1) / np.sqrt(3)
    )
    moved = wb.risk.to_long_run(p, found.estimate)
    assert moved.mean() == pytest.approx(0.04)
    assert (np.argsort(moved) == np.argsort(p)).all()


@pytest.mark.parametrize(
    ("ask", "words"),
    [
        (lambda: wb.risk.brier([0, 1], [0.2, 1.7]), "Points are not"),
        (lambda: wb.risk.cox([0, 1, 0], [0.2] * 3), "no slope can be told"),
        (lambda: wb.risk.cox([0, 0, 1, 1], [0.1, 0.2, 0.7, 0.8]), "completely"),
        (lambda: wb.risk.spiegelhalter([0, 1], [0.5, 0.5]), "has no spread"),
        (lambda: wb.risk.hosmer_lemeshow([0, 1, 1], [0.5] * 3, fresh=False), "too few"),
        (lambda: wb.risk.long_run_average([0.1]), "two years or more"),
        (lambda: wb.risk.to_long_run([0.1, 0.0], 0.2), "both excluded"),
    ],
)
def test_what_cannot_be_told_is_said(ask, words):
    with pytest.raises(InputError, match=words):
        ask()
