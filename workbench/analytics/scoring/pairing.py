"""A two-way table: the bins of one feature by those of another, as one characteristic."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np

from workbench.analytics.scoring.binning import Counts
from workbench.analytics.scoring.bins import Asked, Bins, Characteristic, fitted_bins


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
    def name(self) -> str:
        """Both names."""
        return f"{self.rows.name} × {self.across.name}"

    @property
    def parts(self) -> tuple[Bins, ...]:
        """Both."""
        return (self.rows, self.across)

    @property
    def labels(self) -> tuple[str, ...]:
        """What a reader calls each cell."""
        return tuple(f"{a} & {b}" for a in self.rows.labels for b in self.across.labels)

    def place(self, columns: Mapping[str, Any]) -> np.ndarray:
        """Return the cell of each row."""
        return np.asarray(self.rows.place(columns) * self.across.size + self.across.place(columns))

    @cached_property
    def evidence(self) -> Counts:
        """Counts with the pseudo-rows."""
        woe = np.add.outer(self.rows.woe, self.across.woe).ravel()
        goods, bads = self.counts.goods.sum(), self.counts.bads.sum()
        rate = 1 / (1 + np.exp(woe + math.log(goods / bads)))
        return Counts(
            self.counts.goods + self.least_rows * (1 - rate),
            self.counts.bads + self.least_rows * rate,
        )


def fitted_pair(
    names: tuple[str, str],
    columns: Mapping[str, Any],
    bad: np.ndarray,
    weight: np.ndarray | None,
    asked: Mapping[str, Asked],
) -> tuple[PairBins, np.ndarray]:
    """Return a two-way table of at most as many rows and columns as leave cells their share."""
    sides = [replace(asked[name], least_share=asked[name].least_share ** 0.5) for name in names]
    (rows, down), (across, along) = (
        fitted_bins(name, columns[name], bad, weight, side)
        for name, side in zip(names, sides, strict=True)
    )
    place = down.astype(np.int32) * across.size + along
    rowcount = float(len(bad) if weight is None else weight.sum())
    least_rows = asked[names[0]].least_share * rowcount
    pair = PairBins(rows, across, rows.counts, least_rows)
    return pair.counted(place, bad, weight), place
