"""Ordered ranges of a number as a group: of a row, or of a customer's total or days."""

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from itertools import pairwise
from typing import Any

from workbench.errors import QuestionRefused
from workbench.privacy.columns import Dimension, between
from workbench.privacy.grouping.codes import CustomerBand, RowCode, band_code
from workbench.privacy.grouping.opened import number, numeric
from workbench.privacy.groups import (
    Group,
    GroupRule,
    Number,
    Scope,
    in_units,
    listed,
    named_column,
    rising,
)

MAX_EDGES = 100
# What the days of a customer's rows say, and how a reader is told.
CUSTOMER_DAYS = {
    "frequency_days": "Days with a row of a customer, band",
    "recency_days": "Days since the last row of a customer, band",
}


@dataclass(frozen=True)
class Bands(GroupRule):
    """Ordered ranges of a number column, used as a group: finite because its edges are given.

    A value ``x`` falls into ``[edge, next edge)``; below the first edge and from the last edge on
    there are two open bands. With ``of="customer"`` the number is each customer's total.
    ``made_of``: what edges were reckoned from that nobody wrote, such as the bounds of an axis.
    """

    column: str
    edges: tuple[Number, ...]
    of: str = "row"
    made_of: tuple[Number, ...] = ()

    @property
    def name(self) -> str:
        """Name of the group column: ``<column>_band``, ``<column>_total_band`` for customers."""
        total = self.of == "customer" and self.column not in CUSTOMER_DAYS
        return f"{self.column}_total_band" if total else f"{self.column}_band"

    def given(self) -> Mapping[str, Any]:
        """Return the edges."""
        return {"numbers": {f"the edges of {self.name}": self.made_of or self.edges}}

    def group(self, scope: Scope) -> Group:
        """Return them resolved against a question."""
        if self.column in CUSTOMER_DAYS and self.column not in scope.allowed:
            return self._customer_days(scope)
        column = numeric(self.column, scope.allowed, "bands")
        edges, labels = _edges(self)
        value = number(scope.source, self.column, column)
        title = column.title or self.column.replace("_", " ").capitalize()
        of_customer = self.of == "customer"
        words = f"{title} of a customer, band" if of_customer else f"{title}, band"
        dimension = Dimension(self.name, words, "band", tuple(labels))
        if of_customer:
            units = tuple(in_units(edges, column.digits, f"the edges of bands of '{self.column}'"))
            band = CustomerBand(value, "total", units, ("total", self.column))
            return Group(dimension, 1, band, number=self.column)
        code = RowCode(band_code(value, edges), ["bands", self.column])
        return Group(dimension, len(labels), code, number=self.column)

    def _customer_days(self, scope: Scope) -> Group:
        """Resolve bands of how many days a customer has rows on, or of the days since the last."""
        time = scope.table.time
        if time is None:
            raise QuestionRefused(
                f"'{self.column}' is counted from the days of rows, and table "
                f"'{scope.table_name}' declares no time column."
            )
        if self.of != "customer":
            raise QuestionRefused(
                f"'{self.column}' is a customer's, not a row's: say of='customer'."
            )
        until = None
        if self.column == "recency_days":
            if scope.period is None:
                raise QuestionRefused(
                    "'recency_days' is counted to the end of a period that is the same for "
                    "everybody: give period=('2026-01', '2026-09')."
                )
            until = scope.period.end - dt.timedelta(days=1)
        edges, labels = _edges(self)
        if any(edge != int(edge) for edge in edges):
            raise QuestionRefused(f"the edges of '{self.column}' are whole numbers of days.")
        dimension = Dimension(self.name, CUSTOMER_DAYS[self.column], "band", tuple(labels))
        whole = tuple(int(edge) for edge in edges)
        told = ("days", self.column, time, str(until))
        day = scope.source[time].cast("date")
        return Group(dimension, 1, CustomerBand(day, self.column, whole, told, until))


def _edges(each: Bands) -> tuple[list[Decimal], list[str]]:
    """Return the edges of bands, and what each band is called."""
    if len(each.edges) > MAX_EDGES:
        raise QuestionRefused(
            f"bands have at most {MAX_EDGES} edges, not {len(each.edges):,}: in finer ones noise "
            "would drown every figure."
        )
    edges = rising(each.edges, "the edges of bands")
    return edges, band_labels(edges)


def band_labels(edges: Sequence[Decimal]) -> list[str]:
    """Return what the bands between rising edges are called."""
    ends = [None, *(f"{edge:,}" for edge in edges), None]
    return [between(low, high) for low, high in pairwise(ends)]


def bands(column: str, edges: Sequence[Number], *, of: str = "row") -> Bands:
    """Group a number by declared ranges.

    Parameters
    ----------
    column : str
        A number, integer or money column; with ``of="customer"`` also ``"frequency_days"``, the
        number of days the customer has rows on, and ``"recency_days"``, the days from the last of
        them to the last day of the period.
    edges : sequence of numbers
        Where one band ends and the next begins, rising.
    of : {"row", "customer"}
        Whether the number is one row's, or the customer's total over the rows asked about.

    Examples
    --------
    >>> bands("amount", [50, 200]).name
    'amount_band'
    >>> bands("amount", [500, 2000], of="customer").name
    'amount_total_band'
    """
    if of not in ("row", "customer"):
        raise QuestionRefused(f"bands are of='row' or of='customer', not of='{of}'.")
    return Bands(named_column(column), listed("edges", edges), of)
