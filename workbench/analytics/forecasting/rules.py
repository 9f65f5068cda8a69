"""Rules of forecasting against each other from every start in the past, and sums that agree.

The rule to beat is the seasonal naive one: as a year ago, or as last month where no part of a
season was seen twice. Errors are against what was then released; margins are of the figure without
noise, so that the noise of what came is added before it is looked whether they held.

Wickramasuriya, Athanasopoulos & Hyndman, *Optimal forecast reconciliation for hierarchical and
grouped time series through trace minimization*, JASA 114 (2019), with the shrunk correlation of
errors one step ahead (Schäfer & Strimmer 2005). The map is linear, so every path of errors of the
parts' and totals' own forecasts goes through it, and intervals agree as the figures do.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from workbench.analytics.forecasting.structural import Array, Structural, structural
from workbench.errors import InputError
from workbench.privacy.columns import noted
from workbench.privacy.margins import quantile

if TYPE_CHECKING:
    import pandas as pd


NAIVE, LEVEL, TREND = "seasonal naive", "level", "trend"
RULES = (NAIVE, LEVEL, TREND)
FEWEST = 8  # figures known
_FIGURE_AT_MOST = 1e100
_STARTS_AFTER = 6  # figures known
_CLEARLY = 0.98  # of the naive rule's error, or it stays


@dataclass(frozen=True, eq=False)
class Naive:
    """As a season ago, with the noise of that figure and the changes from season to season."""

    series: Array
    noise: Array
    season: int
    horizon: int

    @cached_property
    def filled(self) -> tuple[Array, Array]:
        """The series and its noise; where a figure is not known, the one before it stands."""
        known, noise = self.series.copy(), self.noise.copy()
        for at in np.flatnonzero(np.isnan(known[1:])) + 1:
            back = at - self.season if at >= self.season else at - 1
            known[at], noise[at] = known[back], noise[back]
        return known, noise

    def _from(self, origin: int) -> tuple[Array, Array]:
        known, noise = (each[:origin] for each in self.filled)
        lag = self.season
        moved = np.square(known[lag:] - known[:-lag]) - noise[lag:] ** 2 - noise[:-lag] ** 2
        some = moved[np.isfinite(moved)]
        least = float(np.nanmean(np.square(noise))) / 10 or 1e-12
        moves = max(float(some.mean()) if len(some) else 0.0, least)
        months = np.arange(self.horizon)
        source = origin - lag + months % lag
        rounds = 1 + months // lag
        same = source[:, None] == source[None, :]
        spread = np.minimum(rounds[:, None], rounds[None, :]) * moves + noise[source] ** 2
        return known[source], np.where(same, spread, 0.0)

    @property
    def origins(self) -> tuple[Array, Array]:
        """Forecasts from every origin, and their standard deviations: each n + 1 × horizon."""
        n = len(self.series)
        mean, sd = np.full((2, n + 1, self.horizon), np.nan)
        for origin in range(self.season + 1, n + 1):
            mean[origin], spread = self._from(origin)
            sd[origin] = np.sqrt(np.diag(spread))
        return mean, sd

    @property
    def ahead(self) -> tuple[Array, Array]:
        """The forecast from the last figure on, and the covariance of its errors over months."""
        return self._from(len(self.series))


def rule_of(
    name: str, series: Array, noise: Array, season: int, horizon: int
) -> Naive | Structural:
    """Return a rule, ready to foretell a series."""
    if require_rule(name) == NAIVE:
        return Naive(series, noise, season, horizon)
    return structural(tuple(series), tuple(noise), season, horizon, name == TREND)


def require_rule(name: str) -> str:
    """Return the name of a rule, or refuse what is none."""
    if name not in RULES:
        raise InputError(f"a rule of forecasting is one of {', '.join(RULES)}, not '{name}'.")
    return name


def season_seen(season: int, figures: int) -> int:
    """Return the season where some of it was seen twice, else 1 for none."""
    if type(season) is not int or season < 1:
        raise InputError(f"a season is a number of periods, 1 for none, not {season!r}.")
    return season if figures >= season + max(2, season // 4) else 1


def season_known(season: int, series: Array) -> int:
    """Return the season where the last of it is known, or stands in from before, else 1."""
    filled, _ = Naive(series, np.zeros(len(series)), season, 1).filled
    return season if np.isfinite(filled[-season:]).all() else 1


def scored(series: Array, noise: Array, season: int, horizon: int) -> list[dict[str, Any]]:
    """Return of each rule and horizon the errors of its forecasts from all origins."""
    n, rows = len(series), []
    first = max(_STARTS_AFTER, season + 1)
    gaps = series[season:] - series[:-season]
    if np.isnan(gaps).all():  # no two figures a season apart are known
        gaps = np.diff(series[np.isfinite(series)])
    # why a least: where the naive rule never erred, any error is one too many
    scale = max(float(np.nanmean(np.abs(gaps))), 1e-12 * float(np.nanmax(np.abs(series))))
    for name in RULES:
        mean, sd = rule_of(name, series, noise, season, horizon).origins
        for step in range(horizon):
            starts = np.arange(first, n - step)
            actual, by_chance = series[starts + step], noise[starts + step]
            error = actual - mean[starts, step]
            wide = np.sqrt(sd[starts, step] ** 2 + by_chance**2)
            good = np.isfinite(error)
            held = np.abs(error[good]) / wide[good]
            rows.append(
                {
                    "rule": name,
                    "horizon": step + 1,
                    "forecasts": int(good.sum()),
                    "mae": _mean(np.abs(error[good])),
                    "mase": _mean(np.abs(error[good]) / scale) if scale else 0.0,
                    "coverage_80": _mean(held <= quantile(0.80)),
                    "coverage_95": _mean(held <= quantile(0.95)),
                }
            )
    return rows


def _mean(values: Any) -> float:
    return float(np.mean(values)) if len(values) else float("nan")


def errors(tables: Sequence[list[dict[str, Any]]]) -> dict[str, float]:
    """Return the mean scaled error of each rule, over all series; 0 where there was no start."""
    found = {}
    for name in RULES:
        rows = [row for table in tables for row in table if row["rule"] == name]
        scores = [row["mase"] for row in rows if row["forecasts"]]
        found[name] = sum(scores) / max(1, len(scores))
    return found


def best(tables: Sequence[list[dict[str, Any]]]) -> str:
    """Return the rule with the least error over all series; naive unless clearly beaten."""
    error = errors(tables)
    found = min((LEVEL, TREND), key=error.__getitem__)
    return NAIVE if error[NAIVE] * _CLEARLY <= error[found] else found


def told(rule: str, tables: Sequence[list[dict[str, Any]]]) -> str:
    """Say by which rule, how far it was off against the one to beat, and how often it held."""
    found, beaten = errors(tables), best(tables)
    rows = [row for table in tables for row in table if row["rule"] == rule and row["forecasts"]]
    held = sum(row["coverage_95"] for row in rows) / max(1, len(rows))
    ratio = found[rule] / found[NAIVE] if found[NAIVE] else 1.0
    if rule == NAIVE != beaten:
        rule, ratio = "asked", found[beaten] / found[NAIVE]
    keys = {
        "asked": "forecast as asked",
        NAIVE: "forecast as before",
        LEVEL: "forecast by level",
        TREND: "forecast by trend",
    }
    return noted(keys[rule], count=sum(row["forecasts"] for row in rows), ratio=ratio, held=held)


def checked(series: Any, noise: Any) -> tuple[Array, Array]:
    """Return a series and its noise as arrays; refuse what nothing can be foretold from."""
    try:
        values = np.array(series, dtype=float)
        sigma = np.broadcast_to(np.asarray(noise, dtype=float), values.shape).copy()
    except (TypeError, ValueError):
        raise InputError(
            "a series is a list of numbers; sigma is one, or as many as there are figures."
        ) from None
    if (np.abs(values) > _FIGURE_AT_MOST).any():
        raise InputError(
            f"a series is of figures up to {_FIGURE_AT_MOST:g}; where one is not known stands NaN."
        )
    known = int(np.isfinite(values).sum())
    if known < FEWEST:
        raise InputError(
            f"a forecast needs at least {FEWEST} figures that are known, and there are {known}. "
            "Ask for more months, such as period=wb.trailing(last, 24)."
        )
    if not np.isfinite(values[-1]):
        raise InputError("the last figure is not known, so that nothing is foretold from it.")
    sigma[~np.isfinite(values)] = 0.0
    if not (np.isfinite(sigma).all() and (sigma >= 0).all()):
        raise InputError("sigma is the standard deviation of each figure's noise: 0 or more.")
    return values, sigma


def contiguous(series: pd.Series) -> None:
    """Refuse a series whose index leaves months or weeks out."""
    index = series.index
    times = index.to_timestamp() if hasattr(index, "to_timestamp") else index
    try:
        steps = np.diff(times.to_numpy())
    except TypeError:
        raise InputError(
            "the index of a series is of dates or periods, such as pd.period_range('2025-01', "
            "periods=24, freq='M')."
        ) from None
    # why a fifth: months are of 28 to 31 days
    if len(steps) and not (steps.min() > 0 * steps[0] and steps.max() <= 1.2 * steps.min()):
        raise InputError(
            "a series is foretold from periods in order, without gaps. Put in what was sold in "
            "those left out, or NaN where it is not known."
        )


_LEAST_SHRUNK = 0.1


def shrunk_correlation(errors: Array) -> Array:
    """Return the correlation of standardised errors, times × series, drawn towards none."""
    known = np.where(np.isfinite(errors), errors, 0.0)
    known = known[np.abs(known).sum(axis=1) > 0]
    times, size = known.shape
    scale = np.sqrt(np.maximum(np.square(known).mean(axis=0), 1e-12)) if times else np.ones(size)
    unit = known / scale
    found = unit.T @ unit / max(1, times)
    chance = (np.square(unit).T @ np.square(unit) / max(1, times) - found**2) / max(1, times)
    apart = ~np.eye(size, dtype=bool)
    squares = float(np.square(found[apart]).sum())
    shrunk = float(chance[apart].sum()) / squares if squares else 1.0
    part = min(1.0, max(_LEAST_SHRUNK, shrunk))
    return np.where(apart, (1 - part) * found, 1.0)


def mapped(sums: Array, sd: Array, correlation: Array) -> Array:
    """Return the map from all series' own figures to agreeing ones.

    Parameters
    ----------
    sums : ndarray of shape (series, parts)
        Which parts each series is the sum of.
    sd : ndarray of shape (series,)
        Of the errors of each series' own figure.
    correlation : ndarray of shape (series, series)
    """
    # why a least: a figure without error would make all others superfluous
    wide = np.maximum(sd, 1e-6 * max(float(sd.max()), 1e-12))
    trusted = np.linalg.solve(correlation * np.outer(wide, wide), sums)
    return np.asarray(sums @ np.linalg.solve(sums.T @ trusted, trusted.T))
