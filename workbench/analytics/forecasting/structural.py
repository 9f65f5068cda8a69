"""Level, slope, season and a month's own chance of a series whose noise is known; its breaks.

A structural model in state-space form (Harvey, *Forecasting, Structural Time Series Models and the
Kalman Filter*, 1989), filtered and smoothed by statsmodels. The observation variance of each month
is the variance of its noise as the ledger booked it, so that nothing of it is guessed. How fast
level, slope and season move is not estimated at a point: every figure is the average over a grid
of models, weighted by how well each foretold the past. No optimiser runs, so that the same
releases give the same digits on every machine.

Under a model without any, what the Kalman filter did not foretell is white noise; so is, for each
kind and month, the coefficient of its intervention (de Jong & Penzer, *Diagnosing shocks in time
series*, JASA 93, 1998). The largest gain in likelihood over kinds, months and models is compared
with the same of series without a break, drawn by dice of their own and searched in the same way.
"""

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
    def lies(self) -> tuple[float, float]:
        """Where the series lies, and how much it changes: what the grid is in units of."""
        known = self.series[np.isfinite(self.series)]
        steps = np.abs(np.diff(known))
        unit = 1.4826 * float(np.median(steps)) or float(steps.mean()) or float(self.noise.max())
        return float(np.median(known)), unit or 1.0

    @cached_property
    def scaled(self) -> tuple[Array, Array]:
        """The series and its noise in such units, from its median."""
        middle, unit = self.lies
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
        middle, unit = self.lies
        weights, (_, _, means, variances, _) = self._weights, self._grid
        mean = np.einsum("gt,gth->th", weights, means)
        spread = np.einsum("gt,gth->th", weights, variances + means**2) - mean**2
        return middle + unit * mean, unit * np.sqrt(np.maximum(spread, 0.0))

    @cached_property
    def ahead(self) -> tuple[Array, Array]:
        """The forecast from the last figure on, and the covariance of its errors over months."""
        _, unit = self.lies
        weights, (_, _, means, _, ends) = self._weights[:, -1], self._grid
        last = means[:, -1]
        mean = weights @ last
        spread = np.einsum("g,gij->ij", weights, ends + np.einsum("gi,gj->gij", last, last))
        return self.origins[0][-1], unit**2 * (spread - np.outer(mean, mean))

    def smoothed(self, known: int) -> tuple[Array, Array]:
        """Return the line through the first ``known`` figures, and its standard deviation."""
        middle, unit = self.lies
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


_DRAWS = 1000
_AT_MOST = 3  # of one series
_NEVER_LESS = 3.0  # gained by what one series in twenty shows; of one place alone it is 1.9
OUTLIER, STEP, TREND_BREAK = "outlier", "step", "trend break"


@dataclass(frozen=True)
class Break:
    """What happened at a place of the series.

    Attributes
    ----------
    at : int
        The first figure it is in.
    kind : str
        ``outlier`` of one figure, ``step`` of all from there on, or ``trend break``.
    size : float
        In the series' unit; of a trend break, a month.
    false_alarm : float
        The chance that a series without any would show as much somewhere.
    """

    at: int
    kind: str
    size: float
    false_alarm: float


@lru_cache(maxsize=256)
def breaks(
    series: Sequence[float], noise: Sequence[float], season: int, alarm: float = 0.05
) -> tuple[Break, ...]:
    """Return what surely happened, the surest first; ``alarm`` is the chance of a false one."""
    whole = structural(tuple(series), tuple(noise), season, 1, False)
    z, sigma = whole.scaled
    kinds, columns = _interventions(len(z))
    models = [
        model_of(level, own, swing, (1.0, 0.0), season)
        for level, own, swing in product(
            (0.0, 0.1, 0.3, 0.8), (0.0, 0.35, 0.7), (0.6,) if season > 1 else (0.0,)
        )
    ]
    known = np.isfinite(z)
    white = [_whitening(each, z, sigma, known) for each in models]
    shapes = [_unit_columns(each, columns[known]) for each, _ in white]
    rest, found = z[known], list[Break]()
    while len(found) < _AT_MOST:
        (gain,), place, size, model = _search(rest[:, None], white, shapes)
        if gain < _NEVER_LESS:
            break
        dice = np.random.default_rng(0)  # of released figures alone: the same series, the same word
        drawn: Array = np.linalg.solve(
            white[model][0], dice.standard_normal((len(rest), _DRAWS))
        ).astype(np.float64)
        gains = _search(drawn, white, shapes)[0]
        chance = (1 + int((gains >= gain).sum())) / (_DRAWS + 1)
        if chance > alarm:
            break
        kind, at = kinds[place]
        found.append(Break(at, kind, size * whole.lies[1], chance))
        rest = rest - size * columns[known][:, place]
    return tuple(found)


def _interventions(n: int) -> tuple[list[tuple[str, int]], Array]:
    months = np.arange(n)
    made = [((OUTLIER, at), (months == at) * 1.0) for at in range(n)]
    made += [((STEP, at), (months >= at) * 1.0) for at in range(2, n - 1)]
    made += [((TREND_BREAK, at), np.maximum(0.0, months - at + 1)) for at in range(2, n - 1)]
    return [kind for kind, _ in made], np.stack([column for _, column in made], axis=1)


def _whitening(model: Model, z: Array, noise: Array, known: Array) -> tuple[Array, float]:
    """Return the matrix that makes a series of known figures white, and its log determinant."""
    run = filtered(model, z, noise)
    made, state = np.eye(len(z)), np.zeros((len(model.design), len(z)))
    for at in range(len(z)):
        state_next = model.transition @ state
        if known[at]:
            missed = made[at] - model.design @ state
            made[at] = missed / np.sqrt(run.forecasts_error_cov[0, 0, at])
            state_next = state_next + np.outer(run.kalman_gain[:, 0, at], missed)
        state = state_next
    white = made[np.ix_(known, known)]
    return white, float(np.log(np.diag(white)).sum())


def _unit_columns(white: Array, columns: Array) -> tuple[Array, Array]:
    seen = white @ columns
    lengths = np.maximum(np.linalg.norm(seen, axis=0), 1e-9)
    return seen / lengths, lengths


def _search(
    series: Array, white: Sequence[tuple[Array, float]], shapes: Sequence[tuple[Array, Array]]
) -> tuple[Array, int, float, int]:
    """Return the largest gain of each series; of the first its place, size and model without."""
    count = series.shape[1]
    plain, best = np.full((2, count), -np.inf)
    place, size, model = 0, 0.0, 0
    for at, ((matrix, determinant), (shape, lengths)) in enumerate(zip(white, shapes, strict=True)):
        seen = matrix @ series
        likely = determinant - 0.5 * np.square(seen).sum(axis=0)
        told = shape.T @ seen
        gained = likely + 0.5 * np.maximum(told.max(axis=0), -told.min(axis=0)) ** 2
        if gained[0] > best[0]:
            place = int(np.abs(told[:, 0]).argmax())
            size = float(told[place, 0] / lengths[place])
        model = at if likely[0] > plain[0] else model
        plain, best = np.maximum(plain, likely), np.maximum(best, gained)
    return best - plain, place, size, model
