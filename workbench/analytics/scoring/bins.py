"""The fitted bins of one column, or of two: where a value lies, what each holds, and its WoE."""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any, Self

import numpy as np
import pandas as pd
from scipy.special import expit

from workbench.analytics.scoring.guarding import read_column
from workbench.errors import DataError

SURE = 1.959963984540054  # standard normal, 95 %
FAR = float(np.finfo(float).max)  # beyond lies what is not finite
EVERYWHERE = (-FAR, FAR)


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


class Characteristic:
    """What a card gives points for: bins, what each holds, and its weight of evidence."""

    counts: Counts
    why: str = ""  # all its rows are in one bin, should they be

    @property
    def parts(self) -> tuple[Bins, ...]:
        """The bins of each of its columns."""
        raise NotImplementedError

    @property
    def name(self) -> str:
        """What the card's table calls it."""
        return " × ".join(part.column for part in self.parts)

    @cached_property
    def labels(self) -> tuple[str, ...]:
        """What a reader calls each bin."""
        found = itertools.product(*(part.labels for part in self.parts))
        return tuple(" & ".join(each) for each in found)

    @property
    def shape(self) -> tuple[int, ...]:
        """How many bins each of its columns has."""
        return tuple(len(part.labels) for part in self.parts)

    def place(self, columns: Mapping[str, Any]) -> np.ndarray:
        """Return the bin of each row."""
        places = tuple(part.place(columns) for part in self.parts)
        return np.asarray(np.ravel_multi_index(places, self.shape))

    def counted(self, place: np.ndarray, bad: np.ndarray, weight: np.ndarray | None = None) -> Self:
        """Return the same bins with the counts of other rows."""
        counts = Counts.of(place, bad, weight, len(self.labels))
        return replace(self, counts=counts)  # type: ignore[type-var]  # why: both are dataclasses

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
        rows = self.counts.rows
        whole = 1 / self.counts.goods.sum() + 1 / self.counts.bads.sum()
        with np.errstate(divide="ignore", invalid="ignore"):
            rate = self.counts.bads / rows
            # of goods and bads that are multinomial over the bins
            variance = 1 / self.evidence.goods + 1 / self.evidence.bads - whole
        known = self.evidence.rows > 0
        spread = np.where(known, SURE * np.sqrt(np.maximum(variance, 0.0)), np.nan)
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
    bounds: tuple[float, float] = EVERYWHERE
    counts: Counts = field(default_factory=lambda: Counts(np.zeros(0), np.zeros(0)))
    why: str = ""

    @property
    def parts(self) -> tuple[Bins, ...]:
        """Itself."""
        return (self,)

    @property
    def regular(self) -> int:
        """How many bins are of ordinary values."""
        return len(self.groups) if self.edges is None else len(self.edges) + 1

    @property
    def named(self) -> tuple[tuple[Any, ...], ...]:
        """The values of each bin that holds no others."""
        return (*self.groups, *((code,) for code in self.codes))

    @cached_property
    def labels(self) -> tuple[str, ...]:
        """What a reader calls each bin; last come other categories, and missing values."""
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
        number = self.edges is not None
        return self.placed(read_column(self.column, columns[self.column], number=number))

    def placed(self, values: Any) -> np.ndarray:
        """As `place`, of a column that has been read."""
        missing = len(self.labels) - 1
        if isinstance(values, pd.Categorical):
            places = {value: at for at, group in enumerate(self.named) for value in group}
            kinds = [places.get(value, missing - 1) for value in values.categories]
            return np.asarray(np.array([*kinds, missing])[values.codes])
        found: np.ndarray = np.searchsorted(
            np.asarray(self.edges, dtype=float), values, side="right"
        )
        beyond = (values < self.bounds[0]) | (values > self.bounds[1])
        for at, code in enumerate(self.codes, self.regular):
            which = values == code
            found[which] = at
            beyond &= ~which
        if beyond.any():
            low, high = self.bounds
            allowed = "finite" if high == FAR else f"{low:.15g} to {high:.15g}"
            codes = ", ".join(f"{code:.15g}" for code in self.codes) or "none"
            raise DataError(
                f"column '{self.column}': {int(beyond.sum()):,} of {len(values):,} values lie "
                f"beyond what is allowed ({allowed}; infinity never) and are no special code "
                f"({codes}). Declare special_codes for them, or mend them."
            )
        found[np.isnan(values)] = missing
        return found


@dataclass(frozen=True, eq=False)
class PairBins(Characteristic):
    """Every bin of one feature with every bin of another.

    A cell of few rows tells little by itself: each has pseudo-rows, as many as the least bin, at
    the rate that its row and column foretell together.
    """

    rows: Bins
    across: Bins
    counts: Counts
    least_rows: float

    @property
    def parts(self) -> tuple[Bins, ...]:
        """Both."""
        return (self.rows, self.across)

    @cached_property
    def evidence(self) -> Counts:
        """Counts with the pseudo-rows."""
        woe = np.add.outer(self.rows.woe, self.across.woe).ravel()
        rate = expit(-woe - math.log(self.counts.goods.sum() / self.counts.bads.sum()))
        more = self.least_rows * rate
        return Counts(self.counts.goods + self.least_rows - more, self.counts.bads + more)


@dataclass(frozen=True, eq=False)
class Weighed:
    """A characteristic of a card with its coefficient and the points of each bin."""

    bins: Characteristic
    coefficient: float  # of the logarithm of bad odds; never above 0
    points: np.ndarray
