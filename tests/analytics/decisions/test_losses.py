"""Simulated losses: Vasicek's quantile, dense simulation, bounded memory, and bad input."""

import numpy as np
import pytest
from scipy.special import ndtri

from workbench.analytics.decisions.losses import simulate_losses
from workbench.errors import InputError

# Vasicek 2002: Φ((Φ⁻¹(0.01) + √0.2 Φ⁻¹(0.999)) / √0.8)
VASICEK = 0.145525


def errors(estimate):
    return (estimate.upper - estimate.lower) / 2 / 1.959964


@pytest.mark.parametrize("unlike", [False, True])
def test_the_quantile_of_a_large_pool_is_vasiceks(unlike, size):
    loans, draws = (20_000, 20_000) if size == "smoke" else (100_000, 100_000)
    if unlike:
        made = simulate_losses(
            np.full(loans, 0.01), lgd=1, ead=1 / loans, correlation=0.2, draws=draws // 10, seed=3
        )
        found, wanted = made.value_at_risk(0.99), 0.07530
    else:
        made = simulate_losses(
            [0.01], lgd=1, ead=1e-6, correlation=0.2, count=[1_000_000], draws=draws, seed=3
        )
        found, wanted = made.value_at_risk(0.999), VASICEK
    assert abs(found.estimate - wanted) <= 3 * errors(found)
    assert made.expected == pytest.approx(0.01)


def test_the_shortfall_of_a_large_pool_is_the_mean_of_vasiceks_tail():
    made = simulate_losses([0.01], lgd=1, ead=1e-6, correlation=0.2, count=[10**6], draws=50_000)
    beyond = (np.arange(2000) + 0.5) / 2000 * 0.01
    factor = (ndtri(0.01) - np.sqrt(0.2) * ndtri(beyond)) / np.sqrt(0.8)
    from scipy.special import ndtr

    found = made.expected_shortfall(0.99)
    assert abs(found.estimate - ndtr(factor).mean()) <= 3 * errors(found)


def test_unlike_loans_lose_as_in_a_simulation_of_every_one():
    chance, worth, draws = np.array([0.0, 0.01, 0.05, 0.2, 0.5, 1.0]), np.arange(1.0, 7), 40_000
    made = simulate_losses(chance, lgd=0.5, ead=2 * worth, correlation=0.3, draws=draws, seed=1)
    dice = np.random.default_rng(2)
    joint = np.sqrt(0.3) * dice.standard_normal((draws, 1)) + np.sqrt(0.7) * dice.standard_normal(
        (draws, 6)
    )
    dense = (joint < ndtri(chance)) @ worth
    assert made.losses.mean() == pytest.approx(dense.mean(), rel=0.015)
    assert made.losses.std() == pytest.approx(dense.std(), rel=0.02)
    quantiles = [0.1, 0.5, 0.9, 0.99]
    np.testing.assert_allclose(
        np.quantile(made.losses, quantiles), np.quantile(dense, quantiles), atol=1.0
    )


def test_a_bad_year_of_the_factor_loses_more_and_the_mean_is_exact():
    calm, bad = (
        simulate_losses(
            [0.02, 0.1], lgd=0.4, ead=100, correlation=0.15, count=[900, 100], factor_shift=shift,
            draws=20_000,
        )
        for shift in (0.0, -1.5)
    )  # fmt: skip
    assert calm.expected == pytest.approx(0.4 * 100 * (900 * 0.02 + 100 * 0.1))
    assert bad.expected > 2 * calm.expected
    assert bad.losses.mean() == pytest.approx(bad.expected, rel=0.02)


def test_intervals_of_the_simulation_hold(size):
    held, tries = 0, 60 if size == "smoke" else 1000
    for seed in range(tries):
        made = simulate_losses(
            [0.01], lgd=1, ead=1e-6, correlation=0.2, count=[10**6], draws=3000, seed=seed
        )
        found = made.value_at_risk(0.99)
        held += found.lower <= 0.07530 <= found.upper
    assert held >= 0.95 * tries - 3 * np.sqrt(0.05 * 0.95 * tries)


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"pd": [-0.1]}, "pd is from 0 to 1"),
        ({"pd": [np.nan]}, "pd is from 0 to 1"),
        ({"lgd": 1.2}, "lgd is from 0 to 1"),
        ({"ead": -5}, "ead is 0 or more"),
        ({"correlation": 1.0}, "correlation is from 0 to below 1"),
        ({"draws": 0}, "draws is a number of years"),
        ({"count": [-1]}, "whole number, 0 or more"),
        ({"count": [1.5]}, "whole number, 0 or more"),
        ({"count": [1, 2]}, "for each entry of pd"),
        ({"count": [1e20]}, "whole number, 0 or more"),
        ({"pd": [[0.1, 0.2]]}, "a list of one for each loan"),
        ({"ead": 1e308}, r"ead is 0 or more, up to 1e\+30"),
        ({"draws": 10**9}, "up to 10,000,000"),
        ({"seed": -1}, "seed is a whole number"),
        ({"factor_shift": float("nan")}, "factor_shift is a number"),
    ],
)
def test_what_no_portfolio_is_is_refused(changed, message):
    given = {"pd": [0.1], "lgd": 0.5, "ead": 1.0, "correlation": 0.1, **changed}
    with pytest.raises(InputError, match=message):
        simulate_losses(given.pop("pd"), **given)


@pytest.mark.parametrize("level", [0.3, 1.0, 0.9999])
def test_a_level_that_the_years_do_not_reach_is_refused(level):
    made = simulate_losses([0.1], lgd=1, ead=1, correlation=0.1, draws=1000)
    with pytest.raises(InputError, match="fewer than 10 are beyond it"):
        made.value_at_risk(level)
