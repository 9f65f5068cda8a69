"""The grid of structural models: against dense algebra, noise told from change, coverage."""

import numpy as np
import pytest

from workbench.analytics.forecasting.structural import Structural, _ahead, filtered, model_of


def walk(dice, n, change, noise, season=0.0):
    months = np.arange(n)
    truth = 1000 + np.cumsum(dice.normal(0, change, n)) + season * np.sin(2 * np.pi * months / 12)
    return truth, truth + dice.normal(0, noise, n)


@pytest.mark.parametrize("season", [1, 12])
@pytest.mark.parametrize("slope", [(1.0, 0.0), (0.9, 0.15)])
def test_filter_smoother_and_paths_are_those_of_the_joint_normal(season, slope):
    n, steps, noise = 15, 4, np.linspace(0.3, 1.2, 15)
    model = model_of(0.4, 0.35, 0.7 if season > 1 else 0.0, slope, season)
    shown = np.random.default_rng(1).normal(size=n)
    shown[5] = np.nan
    # covariance of all true figures, past and to come, from the states' own
    states, covariance = [model.first], {}
    for _ in range(n + steps - 1):
        states.append(
            model.transition @ states[-1] @ model.transition.T + model.moving @ model.moving.T
        )
    for i, spread in enumerate(states):
        for j in range(i, n + steps):
            moved = spread @ np.linalg.matrix_power(model.transition.T, j - i)
            covariance[i, j] = covariance[j, i] = model.design @ moved @ model.design
    joint = np.array([[covariance[i, j] for j in range(n + steps)] for i in range(n + steps)])
    known = np.flatnonzero(np.isfinite(shown))
    seen = joint[np.ix_(known, known)] + np.diag(noise[known] ** 2)
    told = np.linalg.solve(seen, joint[known]).T
    mean, spread = told @ shown[known], joint - told @ joint[known]
    run = filtered(model, shown, noise, smooth=True)
    line = model.design @ run.smoothed_state
    wide = np.einsum("k,klt,l->t", model.design, run.smoothed_state_cov, model.design)
    ahead, own = _ahead(model, steps)
    paths = ahead @ run.predicted_state_cov[:, :, -1] @ ahead.T + own
    np.testing.assert_allclose(line, mean[:n], atol=1e-6)
    np.testing.assert_allclose(wide, np.diag(spread)[:n], atol=1e-6)
    np.testing.assert_allclose(ahead @ run.predicted_state[:, -1], mean[n:], atol=1e-6)
    np.testing.assert_allclose(paths, spread[n:, n:], atol=1e-6)
    likely = -0.5 * (
        shown[known] @ np.linalg.solve(seen, shown[known])
        + np.linalg.slogdet(seen)[1]
        + len(known) * np.log(2 * np.pi)
    )
    assert run.llf_obs.sum() == pytest.approx(likely, abs=1e-6)


def test_a_line_through_noise_is_off_by_about_half_of_what_the_release_is(size):
    dice, worlds = np.random.default_rng(2), 25 if size == "smoke" else 400
    off, released = [], []
    for _ in range(worlds):
        truth, shown = walk(dice, 36, change=3.0, noise=10.0)
        line, _ = Structural(shown, np.full(36, 10.0), 12, 1, False).smoothed(36)
        off.append(line - truth)
        released.append(shown - truth)
    assert np.sqrt(np.mean(np.square(off)) / np.mean(np.square(released))) <= 0.55


def test_eighty_of_a_hundred_intervals_hold(size):
    dice, worlds, held = np.random.default_rng(5), 60 if size == "smoke" else 1000, []
    for _ in range(worlds):
        change, own, noise = dice.uniform(1, 5), dice.uniform(0, 5), dice.uniform(2, 10)
        truth, _ = walk(dice, 39, change, 0.0, dice.choice([0.0, 10.0]))
        truth = truth + dice.normal(0, own, 39)
        shown = truth[:36] + dice.normal(0, noise, 36)
        mean, spread = Structural(shown, np.full(36, noise), 12, 3, False).ahead
        held.append(np.abs(truth[36:] - mean) <= 1.2816 * np.sqrt(np.diag(spread)))
    low, high = (0.68, 0.92) if size == "smoke" else (0.77, 0.83)
    assert low <= np.mean(held) <= high


def test_a_forecast_of_the_past_knew_what_was_known_then():
    _, shown = walk(np.random.default_rng(3), 30, change=2.0, noise=3.0)
    other = np.append(shown[:25], shown[25:][::-1])
    one, two = (
        Structural(each, np.full(30, 3.0), 1, 2, True).origins[0] for each in (shown, other)
    )
    np.testing.assert_allclose(one[8:25], two[8:25], rtol=1e-3)  # but for the unit of the grid
    assert np.abs(one[-1] - two[-1]).max() > 1e-3


def test_a_series_that_never_changes_is_foretold_as_it_is():
    made = Structural(np.full(12, 7.0), np.zeros(12), 1, 3, True)
    np.testing.assert_allclose(made.ahead[0], 7.0, atol=0.1)
