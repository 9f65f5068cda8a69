"""Rules against each other over all starts in the past; the naive one by hand; bad input."""

import numpy as np
import pandas as pd
import pytest

import workbench as wb
from workbench.analytics.forecasting.rules import LEVEL, NAIVE, Naive, best, rule_of, scored
from workbench.errors import InputError


def test_the_naive_rule_by_hand():
    shown = np.array([10.0, 20.0, 12.0, 22.0, 14.0])
    mean, spread = Naive(shown, np.full(5, 0.5), 2, 3).ahead
    assert list(mean) == [22.0, 14.0, 22.0]
    # changes of 2 from season to season, less the noise of both ends; then that of the last figure
    moved = 4 - 0.25 - 0.25
    np.testing.assert_allclose(np.diag(spread), [moved + 0.25, moved + 0.25, 2 * moved + 0.25])
    assert spread[0, 1] == 0
    assert spread[0, 2] == moved + 0.25


def test_the_naive_rule_reaches_over_a_figure_that_is_not_known():
    mean, _ = Naive(np.array([10.0, 20.0, 12.0, np.nan, 14.0]), np.zeros(5), 2, 1).ahead
    assert mean[0] == 20.0


def test_mase_of_the_naive_rule_by_hand():
    shown = np.array([1.0, 2, 4, 7, 11, 16, 22, 29])
    (row, *_) = scored(shown, np.zeros(8), 1, 1)
    # from six figures on: errors 6 and 7, over steps of 4 in the mean
    assert (row["rule"], row["forecasts"], row["mae"]) == (NAIVE, 2, 6.5)
    assert row["mase"] == pytest.approx(6.5 / 4)


def test_where_only_noise_moves_the_level_beats_the_naive_rule():
    shown = 100 + np.random.default_rng(1).normal(0, 5, 30)
    table = scored(shown, np.full(30, 5.0), 1, 2)
    assert best([table]) == LEVEL
    errors = {row["rule"]: row["mase"] for row in table if row["horizon"] == 1}
    assert errors[LEVEL] < 1 < errors[NAIVE] * 1.2


def test_a_season_that_comes_back_is_the_naive_rules():
    season = np.tile(np.random.default_rng(4).normal(0, 50, 12), 3)
    assert best([scored(500 + season, np.zeros(36), 12, 2)]) == NAIVE


@pytest.mark.parametrize(
    ("series", "sigma", "message"),
    [
        (range(7), 0.0, "at least 8 figures that are known, and there are 7"),
        ([*range(9), np.nan], 0.0, "last figure is not known"),
        (range(9), -1.0, "0 or more"),
        (range(9), np.nan, "0 or more"),
        ([*range(5), np.inf, *range(9)], 0.0, r"figures up to 1e\+100; where one is not known"),
        ([1e300 * each for each in range(9)], 0.0, "figures up to"),
        (["a"] * 9, 0.0, "a list of numbers"),
        (pd.Series(range(9), [f"m{each}" for each in range(9)]), 0.0, "of dates or periods"),
        (
            pd.Series(range(8), pd.period_range("2025-01", periods=12, freq="M")[[*range(7), 11]]),
            0.0,
            "in order, without gaps",
        ),
        (
            pd.Series(range(9), pd.date_range("2025-01-05", periods=9, freq="W")[::-1]),
            0.0,
            "in order, without gaps",
        ),
    ],
)  # fmt: skip
def test_what_nothing_can_be_foretold_from_is_refused(series, sigma, message):
    given = series if isinstance(series, pd.Series) else list(series)
    with pytest.raises(InputError, match=message):
        wb.backtest(given, sigma=sigma)


@pytest.mark.parametrize("horizon", [0, 54, 2.5, True])
def test_a_horizon_is_a_number_of_steps(horizon):
    with pytest.raises(InputError, match="1 to 53 steps"):
        wb.backtest(list(range(9)), horizon=horizon)


def test_a_season_is_a_number_of_periods():
    with pytest.raises(InputError, match="a season is a number of periods"):
        wb.backtest(list(range(9)), season=0)


def test_an_unknown_rule_is_refused():
    with pytest.raises(InputError, match="one of seasonal naive, level, trend"):
        rule_of("arima", np.arange(9.0), np.zeros(9), 1, 1)


def test_negative_figures_are_figures():
    assert np.isfinite(wb.backtest([-3.0, 2, -1, 0, 4, -2, 1, 3, -1, 0]).mae).all()


@pytest.mark.parametrize("series", [[5.0, np.nan] * 8 + [6.0], [np.nan] * 10 + [*range(10)]])
def test_where_no_two_figures_a_season_apart_are_known_errors_are_told(series):
    found = wb.backtest(series, sigma=1.0, season=12)
    assert found.mase.notna().all()
    assert (found.forecasts > 0).all()
