"""Bins of one column, found by what it tells of the outcome, and in which bin each value lies.

A number's bins begin as many of equal size and are merged: first until the bad rate keeps to the
trend (pooling of adjacent violators: Ayer et al. 1955), then by dynamic programming to the bins
of largest log-likelihood among those that hold enough rows. A coarsening of bins in order stays
in order, so the trend is kept. Without a trend each bin costs half the logarithm of the number of
rows (Schwarz 1978).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

TRENDS = ("auto", "ascending", "descending", "none")
FINE_BINS = 100  # of about equal size, from which bins are merged
FAR = float(np.finfo(float).max)  # beyond lies what is not finite


@dataclass(frozen=True)
class Counts:
    """Good and bad rows, or their weights, of bins."""

    goods: np.ndarray
    bads: np.ndarray

    @classmethod
    def of(cls, place: np.ndarray, bad: np.ndarray, weight: np.ndarray | None, bins: int) -> Counts:
        """Count the rows of each bin; ``place`` is the bin of each row."""
        total = np.bincount(place, weight, minlength=bins)
        held = np.bincount(place[bad], None if weight is None else weight[bad], minlength=bins)
        return cls(total - held, held)

    @property
    def rows(self) -> np.ndarray:
        """Rows of each bin."""
        return np.asarray(self.goods + self.bads)

    def __getitem__(self, which: Any) -> Counts:
        return Counts(self.goods[which], self.bads[which])

    def merged(self, starts: Sequence[int] | np.ndarray) -> Counts:
        """Return the counts of runs of bins, each from a start to the next."""
        return Counts(np.add.reduceat(self.goods, starts), np.add.reduceat(self.bads, starts))


def number_edges(
    values: np.ndarray, bad: np.ndarray, weight: np.ndarray | None, *, trend: str, least_rows: float
) -> tuple[float, ...]:
    """Return where bins of a number begin, the first aside, which begins below everything.

    ``values`` are finite, at least one.
    """
    fine = _fine_edges(values, weight)
    counts = Counts.of(np.searchsorted(fine, values, side="right"), bad, weight, len(fine) + 1)
    starts = best_starts(counts, trend=trend, least_rows=least_rows)
    found = fine[np.asarray(starts[1:], dtype=int) - 1]
    return tuple(_short(float(values[values < each].max()), each) for each in found)


def best_starts(counts: Counts, *, trend: str, least_rows: float) -> list[int]:
    """Return at which of the ordered fine bins the merged ones begin."""
    ways = {"auto": (1, -1), "ascending": (1,), "descending": (-1,), "none": (0,)}[trend]
    found = [_cheapest(counts, way, least_rows) for way in ways]
    return min(found, key=lambda each: each[0])[1]


def _fine_edges(values: np.ndarray, weight: np.ndarray | None) -> np.ndarray:
    """Return values that split the sorted rows into at most `FINE_BINS` parts of equal weight."""
    share = np.arange(1, FINE_BINS)
    if weight is None:
        ordered = np.sort(values)
        edges = ordered[share * len(ordered) // FINE_BINS]
    else:
        order = np.argsort(values, kind="stable")
        ordered, total = values[order], np.cumsum(weight[order])
        at = np.searchsorted(total, share * (total[-1] / FINE_BINS), side="right")
        edges = ordered[np.minimum(at, len(ordered) - 1)]
    edges = np.unique(edges)
    return np.asarray(edges[edges > ordered[0]])


def _short(low: float, high: float) -> float:
    """Return the shortest decimal above ``low`` and not above ``high``."""
    for digits in range(1, 17):
        short = float(f"{high:.{digits}g}")
        if short > high:
            last = 10.0 ** (math.floor(math.log10(abs(high))) + 1 - digits)
            short = float(f"{short - last:.{digits}g}")
        if low < short <= high:
            return short
    return high


def _pooled(counts: Counts, way: int) -> list[int]:
    """Return where runs begin whose bad rate rises (1) or falls (-1) from each to the next."""
    runs: list[tuple[int, float, float]] = []
    for at, (bads, rows) in enumerate(zip(counts.bads.tolist(), counts.rows.tolist(), strict=True)):
        start = at
        while runs and way * (bads * runs[-1][2] - runs[-1][1] * rows) <= 0:
            start, before_bads, before_rows = runs.pop()
            bads, rows = bads + before_bads, rows + before_rows
        runs.append((start, bads, rows))
    return [start for start, _, _ in runs]


def _cheapest(counts: Counts, way: int, least_rows: float) -> tuple[float, list[int]]:
    """Return the least deviance of merged bins, and where they begin."""
    # why none where there is a trend: that alone keeps chance from making bins
    price = 0.0 if way else 0.5 * np.log(max(counts.rows.sum(), 1.0))
    starts = np.asarray(_pooled(counts, way) if way else range(len(counts.rows)))
    runs = counts.merged(starts)
    bads, rows = (np.concatenate([[0.0], np.cumsum(each)]) for each in (runs.bads, runs.rows))
    size = len(starts)
    cost, before = np.full(size + 1, np.inf), np.zeros(size + 1, dtype=int)
    cost[0] = 0.0
    for end in range(1, size + 1):
        b, n = bads[end] - bads[:end], rows[end] - rows[:end]
        with np.errstate(divide="ignore", invalid="ignore"):
            deviance = -np.nan_to_num(b * np.log(b / n)) - np.nan_to_num((n - b) * np.log1p(-b / n))
        total = cost[:end] + deviance + price
        total[(n < least_rows) & (np.arange(end) > 0 if end == size else True)] = np.inf
        before[end] = int(total.argmin())
        cost[end] = total[before[end]]
    found, end = [], size
    while end:
        end = int(before[end])
        found.append(int(starts[end]))
    return float(cost[size]), found[::-1]
