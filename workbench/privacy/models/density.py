"""From noisy counts on grids of several resolutions to one density: post-processing only.

Coarse cells are counted with the same noise as fine ones, so their sums are far more exact than
sums of fine cells. First all levels are made to agree, by least squares (Hay, Rastogi, Miklau &
Suciu, *Boosting the Accuracy of Differentially Private Histograms Through Consistency*, 2010).
Then, from the coarsest level down, every cell's customers are given to the cells it is made of: in
proportions read off the smoothed level above, moved towards the noisy counts by as much as these
stand out of their noise (James & Stein 1961), and never below zero, by the nearest point that keeps
the sum. Most cells of a grid are empty; so they come out empty, instead of adding up to a crowd.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from math import prod

import numpy as np
from scipy.ndimage import gaussian_filter

CAUTION = 1.5  # how many times their noise variance counts must stand out to be followed fully
_BLUR_CELLS = 0.5  # of the cell above: proportions change smoothly between neighbours


@dataclass(frozen=True, eq=False)
class NoisyCounts:
    """Customers by the cells of one grid, with noise.

    Attributes
    ----------
    counts : array
        One dimension an axis.
    variance : float
        Of each count's noise.
    """

    counts: np.ndarray
    variance: float


def density(levels: Sequence[NoisyCounts]) -> np.ndarray:
    """Return customers by the cells of the finest grid, not negative.

    Parameters
    ----------
    levels : sequence of NoisyCounts
        Coarsest first; every axis of a level is divided evenly by the next.

    Examples
    --------
    >>> import numpy as np
    >>> exact = [NoisyCounts(np.array([6.0]), 1e-9), NoisyCounts(np.array([6.2, -0.2]), 1e-9)]
    >>> density(exact).round(3).tolist()
    [6.0, 0.0]
    """
    agreed = _agreed(levels)
    found = np.maximum(agreed[0].counts, 0)
    for level in agreed[1:]:
        factors = _factors(found.shape, level.counts.shape)
        parts, whole = prod(factors), found.reshape(-1, 1)
        expected = _expected(found, factors)
        counts = _blocks(level.counts, factors)
        seen = counts - counts.mean(axis=1, keepdims=True) + whole / parts
        squares = ((seen - expected) ** 2).sum(axis=1, keepdims=True)
        noise = CAUTION * (parts - 1) * level.variance
        # why not over the squares alone: of counts just as expected they are nothing
        trust = 1 - noise / np.maximum(squares, max(noise, np.finfo(float).tiny))
        nearest = _not_negative(expected + trust * (seen - expected), whole[:, 0])
        found = _joined(nearest, found.shape, factors)
    return np.asarray(found)


def refined(counts: np.ndarray, parts: int) -> np.ndarray:
    """Return each cell cut into so many on every axis, as its neighbours suggest.

    Nothing is learned by it; but the customers of a cell beside a crowded one stand nearer to it.
    """
    factors = (parts,) * counts.ndim
    return _joined(_expected(counts, factors), counts.shape, factors)


def _expected(counts: np.ndarray, factors: Sequence[int]) -> np.ndarray:
    """Return one row for each cell: its customers in the cells it is made of, cut smoothly."""
    finer = counts
    for axis, factor in enumerate(factors):
        finer = finer.repeat(factor, axis)
    blur = [_BLUR_CELLS * factor for factor in factors]
    rows = _blocks(gaussian_filter(finer, blur, mode="nearest"), factors)
    sums = rows.sum(axis=1, keepdims=True)
    shares = np.where(sums > 0, rows / np.where(sums > 0, sums, 1), 1 / prod(factors))
    return np.asarray(shares * counts.reshape(-1, 1))


def _agreed(levels: Sequence[NoisyCounts]) -> list[NoisyCounts]:
    """Return every level's best guess from itself and all finer ones, by their variances."""
    found = [levels[-1]]
    for level in reversed(levels[:-1]):
        finer = found[0]
        factors = _factors(level.counts.shape, finer.counts.shape)
        summed = _blocks(finer.counts, factors).sum(axis=1).reshape(level.counts.shape)
        variance = finer.variance * prod(factors)
        weight = variance / (variance + level.variance)
        counts = weight * level.counts + (1 - weight) * summed
        found.insert(0, NoisyCounts(counts, weight * level.variance))
    return found


def _factors(coarse: Sequence[int], fine: Sequence[int]) -> tuple[int, ...]:
    return tuple(many // few for many, few in zip(fine, coarse, strict=True))


def _blocks(counts: np.ndarray, factors: Sequence[int]) -> np.ndarray:
    """Return one row for each coarse cell, of the fine cells it is made of."""
    rank = counts.ndim
    pairs = [
        size
        for many, factor in zip(counts.shape, factors, strict=True)
        for size in (many // factor, factor)
    ]
    order = [*range(0, 2 * rank, 2), *range(1, 2 * rank, 2)]
    return counts.reshape(pairs).transpose(order).reshape(-1, prod(factors))


def _joined(blocks: np.ndarray, coarse: Sequence[int], factors: Sequence[int]) -> np.ndarray:
    """Undo `_blocks`."""
    rank = len(factors)
    order = [axis for pair in zip(range(rank), range(rank, 2 * rank), strict=True) for axis in pair]
    fine = [few * factor for few, factor in zip(coarse, factors, strict=True)]
    return blocks.reshape([*coarse, *factors]).transpose(order).reshape(fine)


def _not_negative(rows: np.ndarray, sums: np.ndarray) -> np.ndarray:
    """Return the nearest rows without a negative entry that have the wanted sums."""
    falling = -np.sort(-rows, axis=1)
    over = falling.cumsum(axis=1) - sums[:, None]
    counted = np.arange(1, rows.shape[1] + 1)
    kept = np.maximum((falling - over / counted > 0).sum(axis=1), 1)
    least = rows - over[np.arange(len(rows)), kept - 1, None] / kept[:, None]
    return np.asarray(np.maximum(least, 0))
