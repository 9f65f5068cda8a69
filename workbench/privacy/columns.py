"""Columns of an answer: group columns with their declared values, and figures with their bounds."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product
from typing import Any

Scalar = str | int | float | bool | None
AND = " + "  # between the two values of a pair


@dataclass(frozen=True)
class Dimension:
    """A group column of an answer and its declared values, in declared order.

    ``kind`` is ``category``, ``month``, ``date`` or ``band`` (ordered ranges of a number).
    ``exclusive``: one customer is declared to have one value only (``values_per_customer: 1``), so
    that distinct customers may be added over it.
    """

    name: str
    title: str
    kind: str
    values: tuple[Scalar, ...]
    exclusive: bool = False


@dataclass(frozen=True)
class Bound:
    """What one customer's total within one cell counts for at least and at most, in a figure.

    Attributes
    ----------
    low, high : float
        In the figure's unit; of a ladder, ``high`` is its last rung.
    cuts : str
        ``upper``: no value is negative, so that the figure says "at least", or "counting up to
        3,000 a customer"; ``both``: totals below ``low`` may be cut, too.
    rungs : tuple of float
        Bounds of a ladder, rising; the margin's upper end holds what lies up to the last of them.
        Empty for a single bound.
    unit : str or None
        Its own: what is derived from the figure may be in another.
    """

    low: float
    high: float
    cuts: str = "both"
    rungs: tuple[float, ...] = ()
    unit: str | None = None


@dataclass(frozen=True)
class Measure:
    """One column of figures.

    Attributes
    ----------
    name : str
        Column name: ``customers``, ``rows``, ``amount_sum``, ``amount_mean``.
    kind : str
        ``customers``, ``rows``, ``sum``, ``mean``, ``rate``, ``quantile``, ``derived``.
    title : str
        Words for a reader: "Customers", "Amount, total".
    unit : str or None
        ``customers``, ``rows``, a currency such as ``CNY``, a unit from the catalog, or None.
    digits : int
        Decimal digits worth showing.
    least : float or None
        The least it can be; shown no lower, stored as drawn.
    bound : Bound or None
        How one customer's part in it is bounded; None: not at all, or not known (old answers).
    at_bound_of : str or None
        Of ``amount_at_bound``: ``amount``, beside whose totals and means it is said in words: the
        share of customers' totals that lie beyond the bound, a rate with its own margin.
    contrast : str or None
        Of a difference: ``amount``, ``points``, ``relative``, or ``gain``, one times something
        else. Where its margin holds zero it is told as not known, never as nothing.
    """

    name: str
    kind: str
    title: str
    unit: str | None
    digits: int = 0
    least: float | None = None
    bound: Bound | None = None
    at_bound_of: str | None = None
    contrast: str | None = None

    @property
    def columns(self) -> tuple[str, str, str]:
        """Names of its columns: the figure, and the ends of its margin."""
        return self.name, f"{self.name}_low", f"{self.name}_high"


def cells(by: Sequence[Dimension]) -> dict[str, list[Any]]:
    """Return group columns with a row for each combination of their values."""
    keys = list(product(*(each.values for each in by)))
    return {each.name: [key[i] for key in keys] for i, each in enumerate(by)}
