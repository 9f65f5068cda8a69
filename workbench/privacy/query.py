"""A question as an analyst writes it: a table, groups, a filter, measures. Nothing is computed.

>>> # wb.query(tx, by=["region", "month"], period="2026-09").customers().sum("amount")
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from workbench.catalog import Ladder
from workbench.errors import QuestionRefused
from workbench.privacy.grouping.bands import bands
from workbench.privacy.groups import GroupRule, Number, decimal_of, listed, named_column

if TYPE_CHECKING:
    import ibis

Bounds = tuple[Number, Number] | Ladder


def ladder(first: Number, last: Number, *, negative: bool = False) -> Ladder:
    """Bound a total by growing bounds: how far up it is added is decided by what was released.

    Parameters
    ----------
    first, last : number
        The lowest bound and the highest; those between are each twice the one before.
    negative : bool
        Whether a customer's total may be negative, as where things are returned. The bounds then
        grow both ways; else what is below 0 counts as 0.

    Returns
    -------
    Ladder
        To give as ``bounds=``. It costs a little noise, and a heavy tail then widens the margin
        instead of being cut.

    Examples
    --------
    >>> ladder(500, 4000).ladder
    (Decimal('500'), Decimal('4000'))
    """
    ends = (decimal_of("a ladder's first bound", first), decimal_of("a ladder's last bound", last))
    if not all(each.is_finite() for each in ends) or not 0 < ends[0] < ends[1]:
        raise QuestionRefused(
            f"a ladder climbs from a first bound above 0 to a larger last one, not from {first} "
            f"to {last}. For one bound give bounds=(low, high)."
        )
    return Ladder(ladder=ends, negative=negative)


@dataclass(frozen=True, eq=False)
class Ask:
    """One measure asked for.

    ``kind`` is ``customers``, ``rows``, ``sum``, ``mean``, ``var``, ``std``, ``rate``,
    ``quantile`` or ``distinct``.
    """

    kind: str
    column: str | None = None
    bounds: Bounds | None = None
    condition: Any = None
    quantile: Decimal | None = None
    candidates: tuple[Number, ...] | None = None
    most: int | None = None


@dataclass(frozen=True, eq=False)
class Query:
    """A question under construction; every method returns a new one.

    With ``rest`` rows without a value of a group, or with an undeclared one, are in a last cell;
    with ``once`` a customer counts in the month of their first row alone.

    Examples
    --------
    ``wb.query(tx, by="region").customers().sum("amount").mean("amount")``
    """

    table: ibis.Table
    by: tuple[Any, ...] = ()
    where: tuple[Any, ...] = ()
    period: str | tuple[str, str] | None = None
    cells: int | None = None
    rows: int | None = None
    together: bool = False
    asks: tuple[Ask, ...] = ()
    rest: bool = False
    once: bool = False
    changes: int | None = None
    until: str | None = None
    # what was given of it, where workbench itself made the rest of the catalog; see `given`
    given: Mapping[str, Any] | None = None

    def customers(self) -> Query:
        """Ask for the number of distinct customers, as ``customers``."""
        return self._ask(Ask("customers"))

    def count(self) -> Query:
        """Ask for the number of rows, as ``rows``; each customer's are bounded by the catalog."""
        return self._ask(Ask("rows"))

    def sum(self, column: str, bounds: Bounds | None = None) -> Query:
        """Ask for the total of a column, as ``<column>_sum``.

        Parameters
        ----------
        column : str
            A number, integer or money column.
        bounds : pair of numbers, or from `ladder`, optional
            Least and most one customer's total within one cell counts for; from the catalog's
            ``customer_bounds`` when left out.
        """
        return self._ask(Ask("sum", column, bounds))

    def mean(self, column: str, bounds: Bounds | None = None) -> Query:
        """Ask for the mean of a column per row that has a value, as ``<column>_mean``.

        It is the bounded total over the bounded number of rows; parameters as `sum`.
        """
        return self._ask(Ask("mean", column, bounds))

    def var(self, column: str, bounds: Bounds | None = None) -> Query:
        """Ask for the variance of a column over rows, as ``<column>_var``; parameters as `sum`."""
        return self._ask(Ask("var", column, bounds))

    def std(self, column: str, bounds: Bounds | None = None) -> Query:
        """Ask for the standard deviation over rows, as ``<column>_std``; parameters as `sum`."""
        return self._ask(Ask("std", column, bounds))

    def rate(self, **conditions: Any) -> Query:
        """Ask for the share of rows that meet a condition, as ``<name>_rate``.

        Parameters
        ----------
        **conditions : Ibis boolean expressions
            ``late=loans.days_past_due > 30``.
        """
        query = self
        for name, condition in conditions.items():
            query = query._ask(Ask("rate", name, condition=condition))
        return query

    def quantile(
        self, column: str, q: Number | str, *, candidates: Sequence[Number] | None = None
    ) -> Query:
        """Ask for a quantile of a column, every customer weighing the same, as ``<column>_q50``.

        Parameters
        ----------
        column : str
            A number, integer or money column.
        q : number
            Between 0 and 1, to two digits.
        candidates : sequence of numbers, optional
            Public values to choose among; by default a grid over the catalog's ``bounds``.
        """
        given = None if candidates is None else listed("candidates", candidates)
        return self._ask(
            Ask("quantile", column, quantile=decimal_of("a quantile", q), candidates=given)
        )

    def median(self, column: str, *, candidates: Sequence[Number] | None = None) -> Query:
        """Ask for the median, as ``<column>_q50``; see `quantile`."""
        return self.quantile(column, "0.5", candidates=candidates)

    def distinct(self, column: str, *, most: int) -> Query:
        """Ask how many distinct values of a column occur, as ``<column>_distinct``.

        Parameters
        ----------
        column : str
        most : int
            Values of one customer that count at most; others are left out by a keyed choice.
        """
        return self._ask(Ask("distinct", column, most=most))

    def histogram(self, column: str, edges: Sequence[Number]) -> Query:
        """Ask for customers by ranges of a number: adds a group `bands` and ``customers``."""
        grouped = replace(self, by=(*self.by, bands(column, edges)))
        return grouped.customers()

    def _ask(self, ask: Ask) -> Query:
        if ask.column is not None:
            named_column(ask.column)
        return replace(self, asks=(*self.asks, ask))


def query(
    table: ibis.Table,
    by: Any = (),
    where: Any = (),
    *,
    period: str | tuple[str, str] | None = None,
    cells: int | None = None,
    rows: int | None = None,
    together: bool = False,
    once: bool = False,
    changes: int | None = None,
    until: str | None = None,
) -> Query:
    """Begin a question on a table that ``ws.open`` returned.

    Parameters
    ----------
    table : ibis.Table
        From ``ws.open(table, purpose)``.
    by : str, bands, Ibis expression, or a sequence of them
        Group columns: declared columns with a domain, ``"month"``, ``"week"`` (whole ISO weeks),
        ``"weekday"``, `bands`, `discovered`, `personas`, `cohorts`, `pairs`; an expression that is
        finite by itself, such
        as ``tx.booked_on.quarter()``, ``tx.amount.bucket([50, 200])`` or a condition with a name,
        ``(tx.amount > 100).name("large")``; or
        a column of another table of the same purpose, joined through the customer.
    where : mapping or Ibis boolean expression, or a sequence of them
        Filter: ``{"channel": "app"}`` or ``tx.amount > 100``, on columns of this table.
    period : str or pair of str, optional
        ``"2026-09"``, or first and last month.
    cells : int, optional
        Cells one customer may fill before being scaled down; from the catalog when left out.
        They are cells within one month where the question is grouped by month.
    rows : int, optional
        Rows of one customer that count within one cell; from the catalog when left out.
    together : bool
        Bound each customer over all months at once instead of month by month. Kinder to customers
        with many cells in few months; but the months are one answer then, and none of them is
        free when next month's report asks again.
    once : bool
        Count each customer in the month of their first row that meets the filter, of all rows
        there are, and in no other: first default, opening, closure. The months then share one
        price, also those that are asked in later editions, as long as a month is asked within a
        year of the last. Where rows of earlier months changed, who was first where may have too:
        that is a new series, which is paid for and says so.
    changes : int, optional
        2: count customers by month as a stock that each joins once and leaves once, as customers
        with a loan: from their first month until the first without a row, in the group they
        began in. The months share one price and a good part of their noise, so that over 12 months
        it is 1.7 times less and over 36 months 2.4 times, and of differences even less.
    until : str, optional
        Last month of a series of stocks that goes on in later editions, at no further cost; fixed
        when it begins, and begun with the period's first month. That of the period when left out.

    Returns
    -------
    Query
        Add measures with ``.customers()``, ``.count()``, ``.sum(…)``, ``.mean(…)`` and others.
    """
    one = str | GroupRule
    single = isinstance(by, one) or not isinstance(by, Sequence)
    groups = (by,) if single else tuple(by)
    if isinstance(where, Mapping) or not isinstance(where, Sequence):
        where = (where,)
    return Query(
        table, groups, tuple(where), period, cells, rows, together, (), False, once, changes, until
    )


@dataclass(frozen=True, eq=False)
class Marginals:
    """Several tables of the same measures, answered together and made to agree.

    Methods are those of `Query`; each adds a measure to every table.
    """

    queries: tuple[Query, ...]

    def customers(self) -> Marginals:
        """As `Query.customers`."""
        return Marginals(tuple(each.customers() for each in self.queries))

    def count(self) -> Marginals:
        """As `Query.count`."""
        return Marginals(tuple(each.count() for each in self.queries))

    def sum(self, column: str, bounds: Bounds | None = None) -> Marginals:
        """As `Query.sum`."""
        return Marginals(tuple(each.sum(column, bounds) for each in self.queries))

    def rate(self, **conditions: Any) -> Marginals:
        """As `Query.rate`."""
        return Marginals(tuple(each.rate(**conditions) for each in self.queries))


def marginals(table: ibis.Table, sets: Sequence[Any], **question: Any) -> Marginals:
    """Begin a set of tables that are answered together and made consistent.

    Parameters
    ----------
    table : ibis.Table
        From ``ws.open(table, purpose)``.
    sets : sequence
        What each table is grouped by: ``[[], "region", ["region", "category"]]``.
    **question
        ``where``, ``period``, ``cells``, ``rows``, as for `query`.

    Returns
    -------
    Marginals
        Add measures with ``.customers()``, ``.count()``, ``.sum(…)``, ``.rate(…)``;
        ``ws.release_marginals`` returns one release a table, in order. All of them count the same
        rows: what has no declared value of a group is in its last cell, "None of these". Totals
        agree with their parts by weighted least squares, which also makes margins smaller.
    """
    if len(sets) < 2:
        raise QuestionRefused("marginals are two tables or more; ask one with wb.query(…).")
    asked = [query(table, by=by, **question) for by in sets]
    by_month = [any(isinstance(g, str) and g == "month" for g in each.by) for each in asked]
    if asked[0].period is None and any(by_month) and not all(by_month):
        raise QuestionRefused(
            "tables by month and without it ask over the same rows only within a span: give "
            "period=('2026-01', '2026-09')."
        )
    return Marginals(tuple(replace(each, rest=True) for each in asked))
