"""One feature of a grid: where its cells end and what stands for each; declared, never learned."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import pairwise
from typing import Any

import numpy as np

from workbench.errors import QuestionRefused
from workbench.privacy.grouping.bands import CUSTOMER_DAYS, MAX_EDGES, Bands, bands

SCALES: Mapping[str, tuple[Callable[[Any], Any], Callable[[Any], Any]]] = {
    "log1p": (np.log1p, np.expm1),
    "linear": (np.asarray, np.asarray),
}


@dataclass(frozen=True)
class Axis:
    """A customer-level feature with declared bounds, cut into cells of equal width on its scale.

    A value counts on the axis as its place between the bounds, from 0 to 1; beyond them it counts
    as the nearer bound. So features are standardised by what was declared, not by the data.

    Parameters
    ----------
    column : str
        A number or money column, of which each customer's total is meant; or ``frequency_days``
        or ``recency_days``, see `workbench.bands`.
    low, high : float
        Bounds, from knowledge of the business. Totals of money mean whole units: 1000, not cents.
    cells : int
        How many; halved as often as the grid has coarser levels, so a multiple of 4. Finer ones
        follow prices closely where customers are many, and drown in noise where they are few: 12
        for thousands, 16 to 32 for ten thousands.
    scale : {"log1p", "linear"}
        ``log1p`` is ``log(1 + x)``, for what most customers have little of.
    digits : int, optional
        Decimal digits edges are rounded to; 0 where every value is whole. By default 0 for days,
        2 for others.

    Examples
    --------
    >>> Axis("amount", 0, 80, cells=4, scale="linear").edges
    (20.0, 40.0, 60.0)
    >>> Axis("frequency_days", 1, 9, cells=4).edges
    (2, 3, 6)
    """

    column: str
    low: float
    high: float
    cells: int = 12
    scale: str = "log1p"
    digits: int | None = None

    def __post_init__(self) -> None:
        low, high = float(self.low), float(self.high)
        if not (low < high < float("inf") and low > -float("inf")):
            raise QuestionRefused(
                f"the bounds of axis '{self.column}' must be two finite numbers, rising, not "
                f"{self.low} and {self.high}. Give what customers can plausibly have."
            )
        if self.scale not in SCALES:
            raise QuestionRefused(
                f"axis '{self.column}' has scale 'log1p' or 'linear', not '{self.scale}'."
            )
        if self.scale == "log1p" and low <= -1:
            raise QuestionRefused(
                f"axis '{self.column}' on a log1p scale begins above -1, not at {self.low}. "
                "Totals that may be negative have scale='linear'."
            )
        if type(self.cells) is not int or not 2 <= self.cells <= MAX_EDGES + 1:
            raise QuestionRefused(
                f"axis '{self.column}' has 2 to {MAX_EDGES + 1} cells, not {self.cells!r}."
            )
        if self._ends[-1] < self._ends[-2]:
            raise QuestionRefused(
                f"axis '{self.column}' has {self.cells} cells, more than there are values from "
                f"{self.low} to {self.high} at {self._digits} digits. Ask for fewer cells."
            )

    @property
    def _digits(self) -> int:
        if self.digits is not None:
            return self.digits
        return 0 if self.column in CUSTOMER_DAYS else 2

    @property
    def edges(self) -> tuple[float, ...]:
        """Where one cell ends and the next begins; the first and last cell are open."""
        return self._ends[1:-1]

    @cached_property
    def _ends(self) -> tuple[float, ...]:
        """Edges with both bounds, rounded, each at least one step above the one before."""
        forth, back = SCALES[self.scale]
        even = np.linspace(forth(float(self.low)), forth(float(self.high)), self.cells + 1)
        step, ends = 10.0**-self._digits, [float(self.low)]
        for each in back(even)[1:-1]:
            ends.append(round(max(float(each), ends[-1] + step), self._digits))
        ends.append(float(self.high))
        return tuple(int(end) if self._digits == 0 else end for end in ends)

    def bands(self, level: int = 0) -> Bands:
        """Return the axis as a group of a question, halved so many times."""
        made = bands(self.column, self._ends[:: 2**level][1:-1], of="customer")
        return replace(made, made_of=self.numbers)

    @property
    def numbers(self) -> tuple[float, ...]:
        """The numbers it was given: what they are may have been counted."""
        return (self.low, self.high, self.cells, *([] if self.digits is None else [self.digits]))

    def place(self, values: Any) -> np.ndarray:
        """Return where values stand between the bounds, from 0 to 1."""
        forth = SCALES[self.scale][0]
        low, high = forth(float(self.low)), forth(float(self.high))
        inside = np.clip(np.asarray(values, dtype=float), self.low, self.high)
        return np.asarray((forth(inside) - low) / (high - low))

    def place_of(self, value: Any) -> Any:
        """Return `place` of an Ibis number, to be computed inside the engine."""
        scaled = SCALES[self.scale][0]
        low, high = (float(scaled(float(end))) for end in (self.low, self.high))
        inside = value.clip(float(self.low), float(self.high))
        forth = (inside + 1.0).ln() if self.scale == "log1p" else inside
        return (forth - low) / (high - low)

    def value(self, places: Any) -> np.ndarray:
        """Return the values that stand at places from 0 to 1."""
        forth, back = SCALES[self.scale]
        low, high = forth(float(self.low)), forth(float(self.high))
        return np.asarray(back(low + np.asarray(places, dtype=float) * (high - low)))

    def cell(self, values: Any) -> np.ndarray:
        """Return the index of the cell each value falls into."""
        return np.searchsorted(np.array(self.edges), np.asarray(values, dtype=float), side="right")

    def middles(self, parts: int = 1) -> np.ndarray:
        """Return the place that stands for each cell, or for so many parts of each.

        It is the mean place of the values it can hold: where values are whole, of the whole numbers
        in it, so that the cell of customers who came once stands for once.
        """
        ends = np.array(self._ends, dtype=float)
        found: list[float] = []
        for first, last in pairwise(ends):
            if self._digits:
                low, high = self.place([first, last])
                found += [low + (high - low) * (part + 0.5) / parts for part in range(parts)]
                continue
            top = last if last == ends[-1] else last - 1  # the last cell holds its upper bound
            values = np.unique(np.linspace(first, top, 1000).round())
            places = self.place(values)
            cut = np.array_split(places, min(parts, len(places)))
            found += [cut[part * len(cut) // parts].mean() for part in range(parts)]
        return np.array(found)
