"""Outliers, steps and trend breaks of a series, each with the chance that it is a false alarm.

Under a model without any, what the Kalman filter did not foretell is white noise; so is, for each
kind and month, the coefficient of its intervention (de Jong & Penzer, *Diagnosing shocks in time
series*, JASA 93, 1998). The largest gain in likelihood over kinds, months and models is compared
with the same of series without a break, drawn by dice of their own and searched in the same way.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import product

import numpy as np

from workbench.analytics.forecasting.structural import (
    Array,
    Model,
    filtered,
    model_of,
    structural,
)

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
        found.append(Break(at, kind, size * whole.unit, chance))
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
