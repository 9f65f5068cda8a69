"""Bins of one column, found by what it tells of the outcome, and in which bin each value lies.

A number's bins begin as many of equal size and are merged: first until the bad rate keeps to the
trend (pooling of adjacent violators: Ayer et al. 1955), then by dynamic programming to the bins
of largest log-likelihood among those that hold enough rows. A coarsening of bins in order stays
in order, so the trend is kept. Without a trend each bin costs half the logarithm of the number of
rows (Schwarz 1978).
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import pandas as pd
from scipy.optimize import isotonic_regression
from scipy.special import xlog1py, xlogy

from workbench.analytics.scoring.bins import EVERYWHERE, Bins, Counts, PairBins
from workbench.analytics.scoring.guarding import read_column
from workbench.errors import DataError
from workbench.privacy.models.bins import numbers_of

TRENDS = {"auto": (1, -1), "ascending": (1,), "descending": (-1,), "none": (0,)}
FINE_BINS = 100  # of about equal size, from which bins are merged


@dataclass(frozen=True)
class Asked:
    """What is asked of the bins of one column."""

    trend: str = "auto"
    least_share: float = 0.05
    edges: Sequence[Any] | None = None
    codes: Mapping[Any, str] = field(default_factory=dict)
    bounds: tuple[float, float] = EVERYWHERE


def fitted_bins(
    name: str, column: Any, bad: np.ndarray, weight: np.ndarray | None, asked: Asked
) -> tuple[Bins, np.ndarray]:
    """Return the bins of one column, and the bin of each row."""
    values = read_column(name, column)
    fit = _kinds if isinstance(values, pd.Categorical) else _ranges
    bins = fit(name, values, bad, weight, asked)
    place = bins.placed(values)
    bins = bins.counted(place, bad, weight)
    held = bins.counts[bins.counts.rows > 0]
    distinct = pd.Series(values).nunique() if len(held.rows) < 3 else len(values)
    if len(held.rows) == 1:
        bins = replace(bins, why=_why_one(distinct, bins, asked))
    pure = len(held.rows) == 2 and not (held.goods * held.bads).any()
    # why not of few rows: there two values may go with the outcome by chance
    if pure and len(bad) >= 50 and distinct == 2:
        raise DataError(
            f"column '{name}' says who went bad: it is the target itself. Leave it out."
        )
    lacking = (bins.counts.goods == 0) | (bins.counts.bads == 0)
    for at in np.flatnonzero(lacking[: bins.regular]) if asked.edges is not None else ():
        raise DataError(
            f"bin {bins.labels[at]} of '{name}' has {bins.counts.goods[at]:,.0f} goods and "
            f"{bins.counts.bads[at]:,.0f} bads, too few for a weight of evidence; choose edges "
            "that leave some of both in each bin, or none for automatic ones."
        )
    return bins, place.astype(np.min_scalar_type(len(bins.labels)))


def fitted_pair(
    names: tuple[str, str],
    columns: Mapping[str, Any],
    bad: np.ndarray,
    weight: np.ndarray | None,
    asked: Mapping[str, Asked],
) -> tuple[PairBins, np.ndarray]:
    """Return a two-way table of at most as many rows and columns as leave cells their share."""
    share = asked[names[0]].least_share
    (rows, down), (across, along) = (
        fitted_bins(name, columns[name], bad, weight, replace(asked[name], least_share=share**0.5))
        for name in names
    )
    pair = PairBins(rows, across, rows.counts, share * rows.counts.rows.sum())
    place = np.asarray(np.ravel_multi_index((down, along), pair.shape))
    return pair.counted(place, bad, weight), place


def _why_one(distinct: int, bins: Bins, asked: Asked) -> str:
    """Say why a column has one bin."""
    if distinct < 2:
        return "it is constant" if distinct else "every value is missing"
    if bins.edges is None:
        return (
            f"none of its {distinct:,} categories tells: each is rarer than "
            f"{asked.least_share / 2:.3g} of the rows; group them first, or leave it out"
        )
    return (
        f"with trend '{asked.trend}' one bin is left: the bad rate does not go that way; ask for "
        "'auto' or 'none', or leave it out"
    )


def _kinds(
    name: str, values: pd.Categorical, bad: np.ndarray, weight: np.ndarray | None, asked: Asked
) -> Bins:
    """Return categories put together, by rising bad rate; rare ones are in none of the bins."""
    if asked.edges is not None:
        groups = tuple(
            tuple([each] if isinstance(each, str | bool) else each) for each in asked.edges
        )
        known = [each for group in groups for each in group]
        if len(set(known)) < len(known):
            raise DataError(f"edges of '{name}' name a category twice; each is in one group.")
        return Bins(name, None, groups, asked.codes)
    names = np.array(values.categories.tolist(), dtype=object)
    # why one more: first those that are missing
    counts = Counts.of(values.codes + 1, bad, weight, len(names) + 1)[1:]
    least = asked.least_share / 2 * (len(bad) if weight is None else weight.sum())
    # why not all: a rate of few rows is mostly chance, and sorting by it would read the outcome
    common = np.flatnonzero((counts.rows >= max(least, 1)) & ~np.isin(names, list(asked.codes)))
    if not len(common):
        return Bins(name, None, (), asked.codes)
    rate = (counts.bads[common] + 0.5) / (counts.rows[common] + 1)
    ordered = common[np.lexsort((names[common].astype(str), rate))]
    starts = best_starts(counts[ordered], trend="ascending", least_rows=least)
    parts = np.split(names[ordered], starts[1:])
    return Bins(name, None, tuple(tuple(sorted(part, key=str)) for part in parts), asked.codes)


def _ranges(
    name: str, values: np.ndarray, bad: np.ndarray, weight: np.ndarray | None, asked: Asked
) -> Bins:
    """Return ranges of a number; the first begins below everything."""
    codes = {_number(name, code): text for code, text in asked.codes.items()}
    if asked.edges is not None:
        edges = tuple(_number(name, each) for each in asked.edges)
        if sorted(set(edges)) != list(edges):
            raise DataError(f"edges of '{name}' must rise, each once: {list(edges)} do not.")
        return Bins(name, edges, (), codes, asked.bounds)
    least = asked.least_share * (len(bad) if weight is None else weight.sum())
    plain = np.isfinite(values) & ~np.isin(values, list(codes))
    if not plain.all():
        values, bad = values[plain], bad[plain]
        weight = None if weight is None else weight[plain]
    if not len(values):
        return Bins(name, (), (), codes, asked.bounds)
    share = np.arange(1, FINE_BINS) / FINE_BINS
    # why turned: an edge belongs to the part above it
    fine = np.unique(-np.quantile(-values, share, weights=weight, method="inverted_cdf"))
    fine = fine[fine > values.min()]
    counts = Counts.of(np.searchsorted(fine, values, side="right"), bad, weight, len(fine) + 1)
    starts = best_starts(counts, trend=asked.trend, least_rows=least)
    found = fine[np.asarray(starts[1:], dtype=int) - 1]
    edges = tuple(_short(float(values[values < each].max()), each) for each in found)
    return Bins(name, edges, (), codes, asked.bounds)


def best_starts(counts: Counts, *, trend: str, least_rows: float) -> list[int]:
    """Return at which of the ordered fine bins the merged ones begin."""
    found = [_cheapest(counts, way, least_rows) for way in TRENDS[trend]]
    return min(found, key=lambda each: each[0])[1]


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


def _number(name: str, value: Any) -> float:
    found = float(numbers_of([value])[0])
    if not math.isfinite(found):
        raise DataError(
            f"'{name}' is a number, so its edges and special codes are numbers, not {value!r}."
        )
    return found


def _cheapest(counts: Counts, way: int, least_rows: float) -> tuple[float, list[int]]:
    """Return the least deviance of merged bins, and where they begin."""
    # why none where there is a trend: that alone keeps chance from making bins
    price = 0.0 if way else 0.5 * np.log(max(counts.rows.sum(), 1.0))
    bads, rows = (np.append(0.0, np.cumsum(each)) for each in (counts.bads, counts.rows))
    ends = np.arange(len(rows))
    if way:  # neighbours in the wrong order are pooled
        rates = counts.bads / counts.rows
        ends = isotonic_regression(rates, weights=counts.rows, increasing=way > 0).blocks
    bads, rows, size = bads[ends], rows[ends], len(ends) - 1
    cost, before = np.full(size + 1, np.inf), np.zeros(size + 1, dtype=int)
    cost[0] = 0.0
    for end in range(1, size + 1):
        b, n = bads[end] - bads[:end], rows[end] - rows[:end]
        total = cost[:end] + price - xlogy(b, b / n) - xlog1py(n - b, -b / n)
        total[(n < least_rows) & (np.arange(end) > 0 if end == size else True)] = np.inf
        before[end] = int(total.argmin())
        cost[end] = total[before[end]]
    found, end = [], size
    while end:
        end = int(before[end])
        found.append(int(ends[end]))
    return float(cost[size]), found[::-1]
