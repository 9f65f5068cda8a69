"""What broke, and when: planted breaks, and how often one is named that is none."""

import numpy as np
import pytest

from workbench.analytics.forecasting.structural import OUTLIER, STEP, TREND_BREAK, breaks

N, NOISE = 36, 3.0


def shown(dice):
    return 100 + np.cumsum(dice.normal(0, 1, N)) + dice.normal(0, NOISE, N)


def named(series):
    return breaks(tuple(series), (NOISE,) * N, 1)


@pytest.mark.parametrize(
    ("kind", "at", "column"),
    [
        (OUTLIER, 20, lambda t, at: 30.0 * (t == at)),
        (STEP, 20, lambda t, at: 25.0 * (t >= at)),
        (TREND_BREAK, 20, lambda t, at: 8.0 * np.maximum(0, t - at + 1)),
    ],
)
def test_a_planted_break_is_named_with_its_kind_place_and_size(kind, at, column):
    planted = column(np.arange(N), at)
    (found, *_) = named(shown(np.random.default_rng(3)) + planted)
    assert (found.kind, found.at) == (kind, pytest.approx(at, abs=2))
    assert found.size == pytest.approx(planted.max() if kind != TREND_BREAK else 8.0, rel=0.35)
    assert found.false_alarm < 0.01


def test_a_trend_break_is_named_once_two_figures_are_in_it(size):
    dice, worlds, seen = np.random.default_rng(8), 5 if size == "smoke" else 200, 0
    for _ in range(worlds):
        # four times the noise a period: from the second figure on
        planted = 4 * NOISE * np.maximum(0, np.arange(N) - (N - 2) + 1)
        seen += any(abs(each.at - (N - 2)) <= 2 for each in named(shown(dice) + planted))
    assert seen >= 0.9 * worlds - (1 if size == "smoke" else 0)


def test_five_of_a_hundred_series_without_a_break_show_one(size):
    dice, worlds = np.random.default_rng(9), 15 if size == "smoke" else 1000
    alarms = sum(bool(named(shown(dice))) for _ in range(worlds))
    assert alarms <= 0.05 * worlds + 3 * np.sqrt(0.05 * 0.95 * worlds)


def test_a_figure_that_is_not_known_breaks_nothing():
    series = shown(np.random.default_rng(5))
    series[[4, 17]] = np.nan
    assert all(np.isfinite(each.size) for each in named(series))
