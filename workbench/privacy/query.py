"""A question as an analyst writes it: a table, groups, a filter, measures. Nothing is computed.

>>> # wb.query(tx, by=["region", "month"], period="2026-09").customers().sum("amount")
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import ibis

Number = int | float | Decimal


@dataclass(frozen=True)
class Bands:
    """Ordered ranges of a number column, used as a group: finite because its edges are given.

    A value ``x`` falls into ``[edge, next edge)``; below the first edge and from the last edge on
    there are two open bands.
    """

    column: str
    edges: tuple[Number, ...]

    @property
    def name(self) -> str:
        """Name of the group column: ``<column>_band``."""
        return f"{self.column}_band"


def bands(column: str, edges: Sequence[Number]) -> Bands:
    """Group a number by declared ranges.

    Parameters
    ----------
    column : str
        A number, integer or money column.
    edges : sequence of numbers
        Where one band ends and the next begins, rising.

    Examples
    --------
    >>> bands("amount", [50, 200]).name
    'amount_band'
    """
    return Bands(column, tuple(edges))


@dataclass(frozen=True)
class Ask:
    """One measure asked for: its kind, column, and the customer's bounds where given."""

    kind: str
    column: str | None = None
    bounds: tuple[Number, Number] | None = None


@dataclass(frozen=True, eq=False)
class Query:
    """A question under construction; every method returns a new one.

    Examples
    --------
    ``wb.query(tx, by="region").customers().sum("amount").mean("amount")``
    """

    table: ibis.Table
    by: tuple[str | Bands, ...] = ()
    where: tuple[Any, ...] = ()
    period: str | tuple[str, str] | None = None
    cells: int | None = None
    together: bool = False
    asks: tuple[Ask, ...] = ()

    def customers(self) -> Query:
        """Ask for the number of distinct customers, as ``customers``."""
        return self._ask(Ask("customers"))

    def count(self) -> Query:
        """Ask for the number of rows, as ``rows``; each customer's are bounded by the catalog."""
        return self._ask(Ask("rows"))

    def sum(self, column: str, bounds: tuple[Number, Number] | None = None) -> Query:
        """Ask for the total of a column, as ``<column>_sum``.

        Parameters
        ----------
        column : str
            A number, integer or money column.
        bounds : pair of numbers, optional
            Least and most one customer's total within one cell counts for; from the catalog's
            ``customer_bounds`` when left out.
        """
        return self._ask(Ask("sum", column, bounds))

    def mean(self, column: str, bounds: tuple[Number, Number] | None = None) -> Query:
        """Ask for the mean of a column per row that has a value, as ``<column>_mean``."""
        return self._ask(Ask("mean", column, bounds))

    def _ask(self, ask: Ask) -> Query:
        return self if ask in self.asks else replace(self, asks=(*self.asks, ask))


def query(
    table: ibis.Table,
    by: str | Bands | Sequence[str | Bands] = (),
    where: Any = (),
    *,
    period: str | tuple[str, str] | None = None,
    cells: int | None = None,
    together: bool = False,
) -> Query:
    """Begin a question on a table that ``ws.open`` returned.

    Parameters
    ----------
    table : ibis.Table
        From ``ws.open(table, purpose)``.
    by : str, bands, or a sequence of them
        Group columns: declared columns with a domain, ``"month"``, or `bands`.
    where : mapping or Ibis boolean expression, or a sequence of them
        Filter: ``{"channel": "app"}`` or ``tx.amount > 100``, on columns of this table.
    period : str or pair of str, optional
        ``"2026-09"``, or first and last month.
    cells : int, optional
        Cells one customer may fill before being scaled down; from the catalog when left out.
        They are cells within one month where the question is grouped by month.
    together : bool
        Bound each customer over all months at once instead of month by month. Kinder to customers
        with many cells in few months; but the months are one answer then, and none of them is
        free when next month's report asks again.

    Returns
    -------
    Query
        Add measures with ``.customers()``, ``.count()``, ``.sum(…)``, ``.mean(…)``.
    """
    groups = (by,) if isinstance(by, str | Bands) else tuple(by)
    if isinstance(where, Mapping) or not isinstance(where, Sequence):
        where = (where,)
    return Query(table, groups, tuple(where), period, cells, together)
