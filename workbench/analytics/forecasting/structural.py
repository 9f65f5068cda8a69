"""Level, slope, season and a month's own chance of a series whose noise is known.

A structural model in state-space form (Harvey, *Forecasting, Structural Time Series Models and the
Kalman Filter*, 1989), filtered and smoothed by statsmodels. The observation variance of each month
is the variance of its noise as the ledger booked it, so that nothing of it is guessed. How fast
level, slope and season move is not estimated at a point: every figure is the average over a grid
of models, weighted by how well each foretold the past. No optimiser runs, so that the same
releases give the same digits on every machine.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from itertools import product
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

# standard deviations, in those of a month's change
_LEVELS = (0.0, 0.07, 0.15, 0.3, 0.6)
_OWN = (0.0, 0.2, 0.5)  # of what one month has and no other
_SEASONS = (0.7, 2.5)
_SLOPES = ((1.0, 0.0), (1.0, 0.05), (0.9, 0.15))  # part that stays, and how it moves
_HARMONICS = {12: 6, 52: 3, 4: 2}
_ANYWHERE, _STEEP = 1e4, 4.0  # variances before the first month: of the level, of a slope
_LEAST = 0.05
_WORTH = 1e-3  # a model with less weight is left out of smoothing


@dataclass(frozen=True)
class Model:
    """Matrices of one model of the grid, in units of a month's change."""

    design: Array  # states
    transition: Array
    moving: Array  # states × innovations, by their standard deviations
    first: Array  # covariance of the states before the first month


def _models(season: int, sloping: bool) -> list[Model]:
    seasons = (0.0, *_SEASONS) if season > 1 else (0.0,)
    slopes = _SLOPES if sloping else ((0.0, 0.0),)
    return [model_of(*each, season) for each in product(_LEVELS, _OWN, seasons, slopes)]


def model_of(
    level: float, own: float, swing: float, slope: tuple[float, float], season: int
) -> Model:
    """Return a model by how fast its level, a month's own, its season and its slope move."""
    harmonics = _HARMONICS.get(season, min(3, season // 2)) if swing else 0
    waves = [k for k in range(1, harmonics + 1) for _ in range(1 if 2 * k == season else 2)]
    size = 3 + len(waves)  # level, slope, own, and the waves of the season
    transition = np.zeros((size, size))
    transition[0, 0] = 1.0
    transition[0, 1] = transition[1, 1] = slope[0]
    design = np.zeros(size)
    design[[0, 2]] = 1.0
    at = 3
    while at < size:
        turn = 2 * np.pi * waves[at - 3] / season
        cos, sin = np.cos(turn), np.sin(turn)
        design[at] = 1.0
        if 2 * waves[at - 3] == season:
            transition[at, at] = cos
            at += 1
        else:
            transition[at : at + 2, at : at + 2] = [[cos, sin], [-sin, cos]]
            at += 2
    moving = np.zeros((size, 3))
    moving[0, 0], moving[1, 1], moving[2, 2] = level, slope[1], own
    spread = [_ANYWHERE, _STEEP if slope[0] else 0.0, own**2]
    # why by the square: a season is round before it is ragged
    first = np.diag([*spread, *((swing / wave) ** 2 for wave in waves)])
    return Model(design, transition, moving, first)


def filtered(model: Model, series: Array, noise: Array, smooth: bool = False) -> Any:
    """Return what statsmodels' Kalman filter, or smoother, makes of a series under a model."""
    from statsmodels.tsa.statespace.kalman_smoother import KalmanSmoother

    kalman = KalmanSmoother(1, len(model.design), model.moving.shape[1])
    kalman.bind(np.ascontiguousarray(series[:, None]))
    kalman["design"] = model.design[None, :]
    kalman["transition"] = model.transition
    kalman["selection"] = model.moving
    kalman["state_cov"] = np.eye(model.moving.shape[1])
    kalman["obs_cov"] = np.square(noise)[None, None, :]
    kalman.initialize_known(np.zeros(len(model.design)), model.first)
    return kalman.smooth() if smooth else kalman.filter()


@dataclass(frozen=True, eq=False)
class Structural:
    """A series under the average of a grid of structural models.

    Attributes
    ----------
    series, noise : ndarray of shape (n,)
        Figures, not a number where none is known, and the standard deviation of their noise.
    season : int
        Months, or weeks, of a season; 1 for none.
    horizon : int
        How many are foretold.
    sloping : bool
        Whether the models have a slope.
    """

    series: Array
    noise: Array
    season: int
    horizon: int
    sloping: bool

    @cached_property
    def _where(self) -> tuple[float, float]:
        """Where the series lies, and how much it changes: what the grid is in units of."""
        known = self.series[np.isfinite(self.series)]
        steps = np.abs(np.diff(known))
        unit = 1.4826 * float(np.median(steps)) or float(steps.mean()) or float(self.noise.max())
        return float(np.median(known)), unit or 1.0

    @property
    def unit(self) -> float:
        """How much the series changes from figure to figure."""
        return self._where[1]

    @cached_property
    def scaled(self) -> tuple[Array, Array]:
        """The series and its noise in such units, from its median."""
        middle, unit = self._where
        # why a floor: a model in which nothing moves and nothing is noise has no likelihood
        return (self.series - middle) / unit, np.maximum(self.noise / unit, _LEAST)

    @cached_property
    def _grid(self) -> tuple[list[Model], Array, Array, Array, Array]:
        """Return models; log-likelihoods up to each origin; forecasts; variances; last states' own.

        An origin t knows the first t figures, so that row t of each is a forecast made then.
        """
        models = _models(self.season, self.sloping)
        z, noise = self.scaled
        n, steps = len(z), self.horizon
        told = np.zeros((len(models), n + 1))
        means = np.zeros((len(models), n + 1, steps))
        variances = np.zeros((len(models), n + 1, steps))
        ends = np.zeros((len(models), steps, steps))
        for place, model in enumerate(models):
            run = filtered(model, z, noise)
            told[place, 1:] = np.cumsum(run.llf_obs)
            # the state foretold at t, before t is known, is where a forecast from t begins
            ahead, own = _ahead(model, steps)
            means[place] = run.predicted_state.T @ ahead.T
            spread = run.predicted_state_cov
            variances[place] = np.einsum("hk,klt,hl->th", ahead, spread, ahead) + np.diag(own)
            ends[place] = ahead @ spread[:, :, -1] @ ahead.T + own
        return models, told, means, variances, ends

    @cached_property
    def _weights(self) -> Array:
        """How well each model foretold what was known at each origin; of all models 1."""
        told = self._grid[1]
        weights = np.exp(told - told.max(axis=0))
        return np.asarray(weights / weights.sum(axis=0))

    @cached_property
    def origins(self) -> tuple[Array, Array]:
        """Forecasts from every origin, and their standard deviations: each n + 1 × horizon.

        Row t was foretold from the first t figures alone; the chance is of the true figure.
        """
        middle, unit = self._where
        weights, (_, _, means, variances, _) = self._weights, self._grid
        mean = np.einsum("gt,gth->th", weights, means)
        spread = np.einsum("gt,gth->th", weights, variances + means**2) - mean**2
        return middle + unit * mean, unit * np.sqrt(np.maximum(spread, 0.0))

    @cached_property
    def ahead(self) -> tuple[Array, Array]:
        """The forecast from the last figure on, and the covariance of its errors over months."""
        _, unit = self._where
        weights, (_, _, means, _, ends) = self._weights[:, -1], self._grid
        last = means[:, -1]
        mean = weights @ last
        spread = np.einsum("g,gij->ij", weights, ends + np.einsum("gi,gj->gij", last, last))
        return self.origins[0][-1], unit**2 * (spread - np.outer(mean, mean))

    def smoothed(self, known: int) -> tuple[Array, Array]:
        """Return the line through the first ``known`` figures, and its standard deviation."""
        middle, unit = self._where
        z, noise = (each[:known] for each in self.scaled)
        weights = self._weights[:, known]
        places = np.flatnonzero(weights > _WORTH * weights.max())
        mean, square = np.zeros(known), np.zeros(known)
        for place in places:
            model = self._grid[0][place]
            run = filtered(model, z, noise, smooth=True)
            line = model.design @ run.smoothed_state
            spread = np.einsum("k,klt,l->t", model.design, run.smoothed_state_cov, model.design)
            mean += weights[place] * line
            square += weights[place] * (spread + line**2)
        worth = weights[places].sum()
        mean, square = mean / worth, square / worth
        return middle + unit * mean, unit * np.sqrt(np.maximum(square - mean**2, 0.0))


def _ahead(model: Model, steps: int) -> tuple[Array, Array]:
    """Return what states add to each coming month, and the covariance that comes on the way."""
    rows = [model.design]
    for _ in range(steps - 1):
        rows.append(rows[-1] @ model.transition)
    ahead = np.stack(rows)
    pushed = ahead @ model.moving  # by an innovation so many months before
    moved = np.zeros((steps, steps, model.moving.shape[1]))
    for month in range(1, steps):
        moved[month, :month] = pushed[:month][::-1]
    flat = moved.reshape(steps, -1)
    return ahead, flat @ flat.T


@lru_cache(maxsize=256)  # why: a release is computed again by whoever shows or checks it
def structural(
    series: Sequence[float], noise: Sequence[float], season: int, horizon: int, sloping: bool
) -> Structural:
    """Return a series under its grid of models, computed once."""
    return Structural(np.array(series), np.array(noise), season, horizon, sloping)
