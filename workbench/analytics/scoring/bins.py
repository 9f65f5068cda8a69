"""The fitted bins of one column: where a value lies, what each bin holds, and its WoE."""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any, Self

import numpy as np
import pandas as pd

from workbench.analytics.scoring.binning import FAR, Counts, best_starts, number_edges
from workbench.analytics.scoring.columns import Categories, read_column
from workbench.errors import DataError

SURE = 1.959963984540054  # standard normal, 95 %


class Characteristic:
    """What a card gives points for: bins, what each holds, and its weight of evidence."""

    counts: Counts
    why: str = ""  # all its rows are in one bin, should they be

    @property
    def name(self) -> str:
        """What the card's table calls it."""
        raise NotImplementedError

    @property
    def labels(self) -> tuple[str, ...]:
        """What a reader calls each bin."""
        raise NotImplementedError

    @property
    def parts(self) -> tuple[Bins, ...]:
        """The bins of each of its columns."""
        raise NotImplementedError

    def place(self, columns: Mapping[str, Any]) -> np.ndarray:
        """Return the bin of each row."""
        raise NotImplementedError

    def counted(self, place: np.ndarray, bad: np.ndarray, weight: np.ndarray | None = None) -> Self:
        """Return the same bins with the counts of other rows."""
        counts = Counts.of(place, bad, weight, len(self.labels))
        found: Self = replace(self, counts=counts)  # type: ignore[type-var]  # why: each is a dataclass
        return found

    @property
    def lonely(self) -> str:
        """Why all rows weigh the same, in words; empty where they differ."""
        if np.ptp(self.woe[self.counts.rows > 0]) > 0:
            return ""
        return self.why or "all its rows weigh the same"

    @cached_property
    def woe(self) -> np.ndarray:
        """Weight of evidence: logarithm of the share of goods over the share of bads.

        A bin that lacks goods or bads counts with half a row more of each; one without rows is 0.
        """
        odds = self.counts.goods.sum() / self.counts.bads.sum()
        with np.errstate(divide="ignore", invalid="ignore"):
            found = np.log(self.evidence.goods / self.evidence.bads / odds)
        return np.where(self.evidence.rows > 0, found, 0.0)

    @cached_property
    def woe_error(self) -> np.ndarray:
        """Standard error of the WoE, goods and bads being multinomial over the bins."""
        with np.errstate(divide="ignore"):
            variance = 1 / self.evidence.goods + 1 / self.evidence.bads
        whole = 1 / self.counts.goods.sum() + 1 / self.counts.bads.sum()
        known = self.evidence.rows > 0
        return np.where(known, np.sqrt(np.maximum(variance - whole, 0.0)), np.nan)

    @cached_property
    def evidence(self) -> Counts:
        """The counts that weights are taken from."""
        goods, bads = self.counts.goods, self.counts.bads
        half = np.where((goods > 0) ^ (bads > 0), 0.5, 0.0)
        return Counts(goods + half, bads + half)

    @property
    def iv(self) -> np.ndarray:
        """What each bin adds to the information value."""
        goods, bads = self.counts.goods, self.counts.bads
        return np.asarray((goods / goods.sum() - bads / bads.sum()) * self.woe)

    def table(self) -> pd.DataFrame:
        """Return one row a bin; the notes say where a bin is neutral for want of rows."""
        rows, spread = self.counts.rows, SURE * self.woe_error
        with np.errstate(invalid="ignore"):
            rate = self.counts.bads / rows
        return pd.DataFrame(
            {
                "variable": self.name,
                "bin": self.labels,
                "count": rows,
                "share": rows / rows.sum(),
                "bads": self.counts.bads,
                "bad_rate": rate,
                "woe": self.woe,
                "woe_low": self.woe - spread,
                "woe_high": self.woe + spread,
                "iv": self.iv,
                "note": np.where(rows > 0, "", "no rows at fit: neutral"),
            }
        )


@dataclass(frozen=True, eq=False)
class Bins(Characteristic):
    """Bins of one column: regular ones in order, special codes, other categories, missing values.

    Attributes
    ----------
    edges : tuple of float, optional
        Of a number: where each bin but the first begins; a bin reaches to below the next.
    groups : tuple of tuple
        Of a category: the values of each bin.
    codes : mapping
        Special code to what it means.
    bounds : pair of float
        A number beyond them that is no special code is refused.
    """

    column: str
    edges: tuple[float, ...] | None
    groups: tuple[tuple[Any, ...], ...] = ()
    codes: Mapping[Any, str] = field(default_factory=dict)
    bounds: tuple[float, float] = (-FAR, FAR)
    counts: Counts = field(default_factory=lambda: Counts(np.zeros(0), np.zeros(0)))
    why: str = ""

    @property
    def name(self) -> str:
        """What the card's table calls it."""
        return self.column

    @property
    def parts(self) -> tuple[Bins, ...]:
        """Itself."""
        return (self,)

    @property
    def regular(self) -> int:
        """How many bins are of ordinary values."""
        return len(self.groups) if self.edges is None else len(self.edges) + 1

    @property
    def categories(self) -> list[Any]:
        """All values that have a bin by name."""
        return [*itertools.chain(*self.groups), *self.codes]

    @property
    def size(self) -> int:
        """How many bins there are; the last is of missing values, before it other categories."""
        return self.regular + len(self.codes) + (self.edges is None) + 1

    @property
    def labels(self) -> tuple[str, ...]:
        """What a reader calls each bin."""
        if self.edges is None:
            found = [", ".join(map(str, group)) for group in self.groups]
        else:
            ends = ["-∞", *(f"{each:.15g}" for each in self.edges), "∞"]
            found = [f"[{a}, {b})" for a, b in itertools.pairwise(ends)]
            found[0] = "(" + found[0][1:]
        for code, text in self.codes.items():
            shown = f"{code:.15g}" if isinstance(code, float) else str(code)
            found.append(f"{shown}: {text}" if text else shown)
        return (*found, *(["other categories"] if self.edges is None else []), "missing")

    def place(self, columns: Mapping[str, Any]) -> np.ndarray:
        """Return the bin of each row.

        Raises
        ------
        DataError
            A number is infinite, or beyond its bounds and no special code.
        """
        return self.placed(
            read_column(self.name, columns[self.name], number=self.edges is not None)
        )

    def placed(self, values: np.ndarray | Categories) -> np.ndarray:
        """As `place`, of a column that has been read."""
        missing = self.size - 1
        if isinstance(values, Categories):
            places = {value: at for at, group in enumerate(self.groups) for value in group}
            places |= {code: self.regular + at for at, code in enumerate(self.codes)}
            return values.placed(places, other=missing - 1, missing=missing)
        found = np.searchsorted(np.asarray(self.edges, dtype=float), values, side="right")
        beyond = (values < self.bounds[0]) | (values > self.bounds[1])
        for at, code in enumerate(self.codes):
            which = values == code
            found[which] = self.regular + at
            beyond &= ~which
        if beyond.any():
            low, high = self.bounds
            allowed = "finite" if high == FAR else f"{low:.15g} to {high:.15g}"
            codes = ", ".join(f"{code:.15g}" for code in self.codes) or "none"
            raise DataError(
                f"column '{self.name}': {int(beyond.sum()):,} of {len(values):,} values lie beyond "
                f"what is allowed ({allowed}; infinity never) and are no special code ({codes}). "
                "Declare special_codes for them, or mend them."
            )
        found[np.isnan(values)] = missing
        return found


@dataclass(frozen=True, eq=False)
class Weighed:
    """A characteristic of a card with its coefficient and the points of each bin."""

    bins: Characteristic
    coefficient: float  # of the logarithm of bad odds; never above 0
    points: np.ndarray


@dataclass(frozen=True)
class Asked:
    """What is asked of the bins of one column."""

    trend: str = "auto"
    least_share: float = 0.05
    edges: Sequence[Any] | None = None
    codes: Mapping[Any, str] = field(default_factory=dict)
    bounds: tuple[float, float] = (-FAR, FAR)


def fitted_bins(
    name: str, column: Any, bad: np.ndarray, weight: np.ndarray | None, asked: Asked
) -> tuple[Bins, np.ndarray]:
    """Return the bins of one column, and the bin of each row."""
    values = read_column(name, column)
    least = asked.least_share * float(len(bad) if weight is None else weight.sum())
    if isinstance(values, Categories):
        if asked.edges is not None:
            groups = tuple(
                tuple([each] if isinstance(each, str | bool) else each) for each in asked.edges
            )
            known = [each for group in groups for each in group]
            if len(set(known)) < len(known):
                raise DataError(f"edges of '{name}' name a category twice; each is in one group.")
        else:
            groups = _groups(values, bad, weight, set(asked.codes), least)
        bins = Bins(name, None, groups, asked.codes)
    else:
        codes = {_number(name, code): text for code, text in asked.codes.items()}
        if asked.edges is not None:
            edges = tuple(_number(name, each) for each in asked.edges)
            if sorted(set(edges)) != list(edges):
                raise DataError(f"edges of '{name}' must rise, each once: {list(edges)} do not.")
        else:
            plain = np.isfinite(values)
            for code in codes:
                plain &= values != code
            kept = slice(None) if plain.all() else plain
            own = None if weight is None else weight[kept]
            edges = ()
            if plain.any():
                edges = number_edges(
                    values[kept], bad[kept], own, trend=asked.trend, least_rows=least
                )
        bins = Bins(name, edges, (), codes, asked.bounds)
    place = bins.placed(values)
    bins = bins.counted(place, bad, weight)
    held = bins.counts[bins.counts.rows > 0]
    if len(held.rows) == 1:
        bins = replace(bins, why=_why_one(values, asked))
    pure = len(held.rows) == 2 and not (held.goods * held.bads).any()
    # why not of few rows: there two values may go with the outcome by chance
    if pure and len(bad) >= 50 and _distinct(values) == 2:
        raise DataError(
            f"column '{name}' says who went bad: it is the target itself. Leave it out."
        )
    if asked.edges is not None:
        _require_both(bins)
    return bins, place.astype(np.uint8 if bins.size < 256 else np.int32)


def _distinct(values: np.ndarray | Categories) -> int:
    if isinstance(values, Categories):
        return len(values.values)
    return len(np.unique(values[~np.isnan(values)]))


def _why_one(values: np.ndarray | Categories, asked: Asked) -> str:
    """Say why a column has one bin."""
    if (distinct := _distinct(values)) < 2:
        return "it is constant" if distinct else "every value is missing"
    if isinstance(values, Categories):
        return (
            f"none of its {distinct:,} categories tells: each is rarer than "
            f"{asked.least_share / 2:.3g} of the rows; group them first, or leave it out"
        )
    return (
        f"with trend '{asked.trend}' one bin is left: the bad rate does not go that way; ask for "
        "'auto' or 'none', or leave it out"
    )


def _number(name: str, value: Any) -> float:
    try:
        found = float(value)
    except (TypeError, ValueError):
        found = math.nan
    if not math.isfinite(found):
        raise DataError(
            f"'{name}' is a number, so its edges and special codes are numbers, not {value!r}."
        )
    return found


def _groups(
    values: Categories, bad: np.ndarray, weight: np.ndarray | None, codes: set[Any], least: float
) -> tuple[tuple[Any, ...], ...]:
    """Return categories put together, by rising bad rate; rare ones are in none of them."""
    size = len(values.values)
    counts = Counts.of(np.where(values.codes < 0, size, values.codes), bad, weight, size + 1)
    # why not all: a rate of few rows is mostly chance, and sorting by it would read the outcome
    common = [
        at
        for at, value in enumerate(values.values)
        if counts.rows[at] >= max(least / 2, 1) and value not in codes
    ]
    if not common:
        return ()
    rate = (counts.bads[common] + 0.5) / (counts.rows[common] + 1)
    ordered = np.asarray(common)[np.lexsort(([str(values.values[at]) for at in common], rate))]
    starts = best_starts(counts[ordered], trend="ascending", least_rows=least / 2)
    return tuple(
        tuple(sorted((values.values[at] for at in ordered[a:b]), key=str))
        for a, b in zip(starts, [*starts[1:], len(ordered)], strict=True)
    )


def _require_both(bins: Bins) -> None:
    """Refuse edges that leave a bin without goods or bads."""
    lacking = (bins.counts.goods == 0) | (bins.counts.bads == 0)
    for at in np.flatnonzero(lacking[: bins.regular]):
        raise DataError(
            f"bin {bins.labels[at]} of '{bins.name}' has {bins.counts.goods[at]:,.0f} goods and "
            f"{bins.counts.bads[at]:,.0f} bads, too few for a weight of evidence; choose edges "
            "that leave some of both in each bin, or none for automatic ones."
        )
