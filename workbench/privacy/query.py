"""A question as an analyst writes it: a table, groups, a filter, measures. Nothing is computed.

>>> # wb.query(tx, by=["region", "month"], period="2026-09").customers().sum("amount")
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from workbench.catalog import Ladder
from workbench.errors import QuestionRefused, UnknownName
from workbench.privacy.provenance import FittedLabel, Provenance

if TYPE_CHECKING:
    import ibis

Number = int | float | Decimal
Bounds = tuple[Number, Number] | Ladder
# Why labels that are handed in are raw, whatever model they are of.
_FRAME = "labels were handed in, and what the features beneath them look at is not known"
# What the days of a customer's rows say, and how a reader is told.
CUSTOMER_DAYS = {
    "frequency_days": "Days with a row of a customer, band",
    "recency_days": "Days since the last row of a customer, band",
}


@dataclass(frozen=True)
class Bands:
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


@dataclass(frozen=True)
class Discovered:
    """A column without a declared domain, whose values are found privately."""

    column: str
    delta: Decimal


class CustomerRule:
    """A group column that declared rules give each customer, from that customer's own rows."""

    def group(self, scope: Any) -> Any:
        """Return it resolved against a question's `workbench.privacy.groups.Scope`."""
        raise NotImplementedError

    def given(self) -> Mapping[str, Any]:
        """Return the numbers by what they are, names and days that an analyst gave it."""
        return {}


@dataclass(frozen=True, eq=False)
class Labelled:
    """A group column whose values a model gave to customers, with where the model comes from."""

    label: FittedLabel
    customers: Any
    labels: Any


def labelled(label: FittedLabel, customers: Any, labels: Any) -> Labelled:
    """Group by labels that a model gave to customers, such as segments.

    Parameters
    ----------
    label : FittedLabel
        Name and values of the labels. Labels that are handed in count as raw, whatever model gave
        them, since a feature may look at other customers; they are refused when they are asked
        about, and an officer may approve an exception with ``ws.approve``. Labels of a private
        model are made inside the engine: ``model.label(tx, period=…)``.
    customers : sequence of str
        Pseudonyms, as in the table the model was given; under the question's own purpose.
    labels : sequence of str
        The label of each.
    """
    unknown = {each for each in labels if isinstance(each, str)} - set(label.values)
    if unknown:
        raise UnknownName(f"value of {label.name}", min(unknown), label.values)
    if len(customers) != len(labels):
        raise QuestionRefused(
            f"there are {len(customers):,} customers and {len(labels):,} labels; give one each."
        )
    words = "; ".join(filter(None, (label.provenance.description, _FRAME)))
    return Labelled(replace(label, provenance=Provenance("raw", (), words)), customers, labels)


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
    return Bands(named_column(column), _listed("edges", edges), of)


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
    ends = (_decimal("a ladder's first bound", first), _decimal("a ladder's last bound", last))
    if not all(each.is_finite() for each in ends) or not 0 < ends[0] < ends[1]:
        raise QuestionRefused(
            f"a ladder climbs from a first bound above 0 to a larger last one, not from {first} "
            f"to {last}. For one bound give bounds=(low, high)."
        )
    return Ladder(ladder=ends, negative=negative)


def discovered(column: str, *, delta: Number | str) -> Discovered:
    """Group by a column whose values are not declared; only values many customers share appear.

    Parameters
    ----------
    column : str
        A text or integer column.
    delta : number
        The chance, taken out of the customers' delta, that a value one customer alone has is
        shown. It has no default.

    Examples
    --------
    >>> discovered("merchant", delta="1e-8").column
    'merchant'
    """
    return Discovered(named_column(column), _decimal("delta", delta))


def _listed(what: str, given: Any) -> tuple[Number, ...]:
    """Return numbers as they were listed; refuse a text, whose letters would be taken for them."""
    if isinstance(given, str) or not isinstance(given, Iterable):
        raise QuestionRefused(f"{what} are numbers in a list, such as [50, 200], not {given!r}.")
    return tuple(given)


def named_column(given: Any) -> str:
    """Return a column's name; refuse an expression, whose name may be another column's."""
    if not isinstance(given, str):
        raise QuestionRefused(
            f"say the column by its name, such as 'amount', not as {type(given).__name__}: only "
            "declared columns have bounds. Write a computation into a condition or a group."
        )
    return given


def _decimal(what: str, given: Number | str) -> Decimal:
    try:
        return Decimal(str(given))
    except ArithmeticError:
        raise QuestionRefused(f"{what} must be a number, not {given!r}.") from None


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

    With ``rest`` rows without a value of a group, or with an undeclared one, are in a last cell.

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
        given = None if candidates is None else _listed("candidates", candidates)
        return self._ask(
            Ask("quantile", column, quantile=_decimal("a quantile", q), candidates=given)
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
) -> Query:
    """Begin a question on a table that ``ws.open`` returned.

    Parameters
    ----------
    table : ibis.Table
        From ``ws.open(table, purpose)``.
    by : str, bands, Ibis expression, or a sequence of them
        Group columns: declared columns with a domain, ``"month"``, ``"weekday"``, `bands`,
        `discovered`, `personas`, `cohorts`, `pairs`; an expression that is finite by itself, such
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

    Returns
    -------
    Query
        Add measures with ``.customers()``, ``.count()``, ``.sum(…)``, ``.mean(…)`` and others.
    """
    one = str | Bands | Discovered | Labelled | CustomerRule
    single = isinstance(by, one) or not isinstance(by, Sequence)
    groups = (by,) if single else tuple(by)
    if isinstance(where, Mapping) or not isinstance(where, Sequence):
        where = (where,)
    return Query(table, groups, tuple(where), period, cells, rows, together)


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
