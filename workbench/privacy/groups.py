"""Group columns of a question: every one finite by declaration or by construction, or refused."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal, InvalidOperation
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from workbench.catalog import NUMERIC, Catalog, Column, Table
from workbench.errors import QuestionRefused, UnknownName
from workbench.periods import Period, add_months, months_between
from workbench.privacy.domains import declared_code, declared_group, meaning_of
from workbench.privacy.identity import normal_form
from workbench.privacy.opened import (
    require_declared,
    require_opened,
    require_purpose,
    row_by_row,
)
from workbench.privacy.provenance import FittedLabel
from workbench.privacy.query import CUSTOMER_DAYS, Bands, CustomerRule, Discovered, Labelled
from workbench.privacy.release import Dimension

if TYPE_CHECKING:
    import ibis

MAX_EDGES = 100
REST = "None of these"
_TIME_GROUPS = ("month", "weekday")
WEEKDAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
# Ibis operations whose result is finite by itself: operation, values, first value.
_FINITE = {
    "ExtractMonth": tuple(range(1, 13)),
    "ExtractQuarter": tuple(range(1, 5)),
    "ExtractDay": tuple(range(1, 32)),
    "ExtractHour": tuple(range(24)),
    "DayOfWeekIndex": tuple(range(7)),
}


@dataclass(frozen=True)
class CustomerDays:
    """What the days of a customer's rows say: how many there are, or how long the last is ago.

    Attributes
    ----------
    kind : str
        ``frequency_days`` or ``recency_days``.
    time : str
        The table's time column.
    edges : tuple of int
    until : date or None
        The day recency is counted to, the last of the period asked about.
    """

    kind: str
    time: str
    edges: tuple[int, ...]
    until: dt.date | None = None


@dataclass(frozen=True, eq=False)
class OfCustomer:
    """Values that declared rules give each customer, computed inside the engine.

    Attributes
    ----------
    codes : Ibis table
        ``joined_k`` and ``code``: one row a customer, made of that customer's rows alone.
    identity : tuple of str
        All that determines the codes, besides the data.
    months : tuple of str
        Months of the table whose rows matter; none named, all of them.
    ever : bool
        Whether rows of the months before them matter, too.
    otherwise : int or None
        The code of customers who have no row there; None leaves them in no cell.
    note : str
        What a reader must know of the rules.
    """

    codes: Any
    identity: tuple[str, ...]
    months: tuple[str, ...]
    otherwise: int | None = None
    note: str = ""
    ever: bool = False


@dataclass(frozen=True, eq=False)
class Group:
    """One resolved group column.

    Attributes
    ----------
    dimension : Dimension
        Its name and values.
    most : int
        Values one customer normally has.
    code : Ibis integer expression or None
        Index of a row's value, NULL outside the domain; on the question's own table.
    meaning : plain JSON
        What ``code`` tells apart, besides the values.
    rest : bool
        Whether its last value holds the rows that are in none of the others.
    joined : (Ibis table, code) or None
        Another table of the same customers, and the code on it.
    total : (column, edges in the smallest unit) or None
        Bands of each customer's total.
    days : CustomerDays or None
        Bands of each customer's number of days, or days since the last.
    labels : Labelled or None
        Labels a model gave to customers.
    rule : OfCustomer or None
        Values that declared rules give customers.
    fitted : FittedLabel or None
        Where a rule comes from that a model learned.
    pairs : bool
        Whether its values are pairs of what ``code`` says, of which a customer has several.
    discovered, delta : str and Decimal, or None
        A column whose values are found privately, and the chance of a false one.
    table : str or None
        Name of the joined table, or of the one a rule looks at.
    """

    dimension: Dimension
    most: int
    code: Any = None
    joined: tuple[Any, Any] | None = None
    total: tuple[str, tuple[int, ...]] | None = None
    days: CustomerDays | None = None
    labels: Labelled | None = None
    rule: OfCustomer | None = None
    fitted: FittedLabel | None = None
    pairs: bool = False
    discovered: str | None = None
    delta: Decimal | None = None
    table: str | None = None
    meaning: Any = None
    rest: bool = False


@dataclass(frozen=True, eq=False)
class Scope:
    """What groups are resolved against."""

    source: ibis.Table
    catalog: Catalog
    table: Table
    table_name: str
    purpose: str
    period: Period | None
    today: dt.date

    @property
    def allowed(self) -> Mapping[str, Column]:
        """Columns of the table this purpose may read."""
        return self.catalog.columns_for(self.table_name, self.purpose)


def resolve_group(each: Any, scope: Scope) -> Group:
    """Return a resolved group column.

    Raises
    ------
    QuestionRefused
        It is neither declared nor finite by construction.
    UnknownName
        It names a column this purpose may not read.
    """
    if isinstance(each, CustomerRule):
        group: Group = each.group(scope)
        return group
    if isinstance(each, Bands):
        return _bands(each, scope)
    if isinstance(each, Discovered):
        return _discovered(each, scope)
    if isinstance(each, Labelled):
        title = each.label.name.replace("_", " ").capitalize()
        return Group(
            Dimension(each.label.name, title, "category", each.label.values), 1, labels=each
        )
    if not isinstance(each, str):
        return _expression(each, scope)
    if each in scope.allowed:
        column = scope.allowed[each]
        code = declared_code(scope.source[each], each, column)
        return Group(*declared_group(each, column), code=code, meaning=meaning_of(each, column))
    if each in _TIME_GROUPS and scope.table.time is not None:
        if each == "month":
            return _months(scope)
        days = scope.source[scope.table.time].day_of_week.index().cast("int64")
        dimension = Dimension("weekday", "Weekday", "category", WEEKDAYS)
        return Group(dimension, len(WEEKDAYS), code=days, meaning=["weekday", scope.table.time])
    raise UnknownName("column", each, [*scope.allowed, *(_TIME_GROUPS if scope.table.time else ())])


def with_rest(group: Group) -> Group:
    """Return a group with one more value, for rows that are in none of its own.

    Months are asked within a span, and what is found has no rest that is known.
    """
    values = group.dimension.values
    if group.dimension.kind == "month" or group.discovered is not None or group.pairs:
        return group
    if REST in values:
        raise QuestionRefused(f"'{REST}' is a value of '{group.dimension.name}' already.")
    return replace(group, dimension=replace(group.dimension, values=(*values, REST)), rest=True)


def _months(scope: Scope) -> Group:
    table, period = scope.table, scope.period
    name = str(table.time)
    declared = table.columns[name].bounds
    if period is not None:
        start, end = period.start, period.end
    elif declared is not None and isinstance(declared[0], dt.date):
        start, end = declared[0], declared[1]  # type: ignore[assignment]  # why: dates, see catalog
        # why whole months: each is stored as the month's answer, and serves as that
        end = add_months(end - dt.timedelta(days=1), 1)
    else:
        raise QuestionRefused(
            f"months need a span: give period=('2026-01', '2026-09'), or declare bounds for "
            f"'{name}' in the catalog."
        )
    months = months_between(start, end)
    time = scope.source[name]
    code = (time.year() * 12 + time.month() - (start.year * 12 + start.month)).cast("int64")
    first, last = day_literal(start.replace(day=1), table), day_literal(end, table)
    code = ((time >= first) & (time < last)).ifelse(code, None)
    dimension = Dimension("month", "Month", "month", months)
    return Group(dimension, len(months), code=code, meaning=["month", name])


def day_literal(day: dt.date, table: Table) -> Any:
    """Return a day as a literal of the type of a table's time column."""
    import ibis

    kind = table.columns[str(table.time)].type
    return ibis.date(day.isoformat()) if kind == "date" else ibis.timestamp(day.isoformat())


def numeric(name: str, allowed: Mapping[str, Column], what: str) -> Column:
    """Return a declared number column; refuse others, saying what it was wanted for."""
    if name not in allowed:
        raise UnknownName("column", name, allowed)
    if allowed[name].type not in NUMERIC:
        raise QuestionRefused(f"'{name}' is {allowed[name].type}; only numbers have {what}.")
    return allowed[name]


def rising(edges: Sequence[Any], what: str) -> list[Decimal]:
    """Return numbers as decimals; refuse any that are not finite and rising."""
    try:
        numbers = [] if isinstance(edges, str) else [Decimal(str(edge)) for edge in edges]
    except (InvalidOperation, TypeError):
        numbers = []
    if not numbers or not all(n.is_finite() for n in numbers) or numbers != sorted(set(numbers)):
        raise QuestionRefused(f"{what} must be finite numbers, rising, and at least one.")
    return numbers


def in_units(numbers: Sequence[Decimal], digits: int, what: str) -> list[int]:
    """Return numbers in a column's smallest unit; refuse any that are finer than it."""
    for each in numbers:
        if each.scaleb(digits) != int(each.scaleb(digits)):
            step = Decimal(1).scaleb(-digits)
            raise QuestionRefused(
                f"{what} are counted in steps of {step:f}, and {each} lies between two of them. "
                "Give multiples of it; a number column that has decimals declares how many in the "
                "catalog, such as scale: 2."
            )
    return [int(each.scaleb(digits)) for each in numbers]


def _bands(each: Bands, scope: Scope) -> Group:
    if each.column in CUSTOMER_DAYS and each.column not in scope.allowed:
        return _customer_days(each, scope)
    column = numeric(each.column, scope.allowed, "bands")
    edges, labels = _edges(each)
    title = column.title or each.column.replace("_", " ").capitalize()
    of_customer = each.of == "customer"
    words = f"{title} of a customer, band" if of_customer else f"{title}, band"
    dimension = Dimension(each.name, words, "band", tuple(labels))
    if of_customer:
        units = tuple(in_units(edges, column.digits, f"the edges of bands of '{each.column}'"))
        return Group(dimension, 1, total=(each.column, units))
    code = band_code(scope.source[each.column], edges)
    return Group(dimension, len(labels), code=code, meaning=["bands", each.column])


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
    labels = [f"< {edges[0]:,}"]
    labels += [f"{low:,} to {high:,}" for low, high in pairwise(edges)]
    return [*labels, f"≥ {edges[-1]:,}"]


def _customer_days(each: Bands, scope: Scope) -> Group:
    """Resolve bands of how many days a customer has rows on, or of the days since the last."""
    time = scope.table.time
    if time is None:
        raise QuestionRefused(
            f"'{each.column}' is counted from the days of rows, and table '{scope.table_name}' "
            "declares no time column."
        )
    if each.of != "customer":
        raise QuestionRefused(f"'{each.column}' is a customer's, not a row's: say of='customer'.")
    until = None
    if each.column == "recency_days":
        if scope.period is None:
            raise QuestionRefused(
                "'recency_days' is counted to the end of a period that is the same for everybody: "
                "give period=('2026-01', '2026-09')."
            )
        until = scope.period.end - dt.timedelta(days=1)
    edges, labels = _edges(each)
    if any(edge != int(edge) for edge in edges):
        raise QuestionRefused(f"the edges of '{each.column}' are whole numbers of days.")
    dimension = Dimension(each.name, CUSTOMER_DAYS[each.column], "band", tuple(labels))
    days = CustomerDays(each.column, time, tuple(int(edge) for edge in edges), until)
    return Group(dimension, 1, days=days)


def band_code(value: Any, edges: Sequence[Any]) -> Any:
    """Return the index of the band a value falls into; NULL for NULL and NaN."""
    code: Any = len(edges)
    for index, edge in reversed(list(enumerate(edges))):
        code = (value < edge).ifelse(index, code)
    none = value.isnull()
    if value.type().is_floating():
        none = none | value.isnan()  # why: the engine sorts NaN above all numbers
    return none.ifelse(None, code)


def _discovered(each: Discovered, scope: Scope) -> Group:
    if each.column not in scope.allowed:
        raise UnknownName("column", each.column, scope.allowed)
    column = scope.allowed[each.column]
    if column.role in ("subject key", "direct identifier"):
        raise QuestionRefused(
            f"'{each.column}' is a {column.role}: its values name customers and are never found."
        )
    if column.type not in ("text", "integer"):
        raise QuestionRefused(
            f"'{each.column}' is {column.type}; only text and integers are found."
        )
    if not (each.delta.is_finite() and 0 < each.delta < 1):
        raise QuestionRefused(f"delta must lie between 0 and 1, not {each.delta}.")
    title = column.title or each.column.replace("_", " ").capitalize()
    return Group(
        Dimension(each.column, title, "category", ()),
        column.values_per_customer or 2**31,
        discovered=each.column,
        delta=each.delta,
    )


def _expression(each: Any, scope: Scope) -> Group:
    import ibis.expr.operations as ops
    from ibis.expr.types import Value

    if not isinstance(each, Value):
        raise QuestionRefused(
            f"a group is a column's name, bands, or an Ibis expression, not {type(each).__name__}."
        )
    operation = each.op()
    relations = set(operation.find(ops.DatabaseTable))
    if relations and relations != {scope.source.op()}:
        return _joined(operation, relations, scope)
    inner = operation.arg if isinstance(operation, ops.Alias) else operation
    name = each.get_name()
    kind = type(inner).__name__
    if isinstance(inner, ops.Field):
        require_opened(inner, scope.source.op())
        group = resolve_group(inner.name, scope)
        if name == inner.name:
            return group
        called = replace(group.dimension, name=plain_name(name), title=name)
        return replace(group, dimension=called)
    row_by_row(each, scope.source)
    require_declared(each, scope.allowed)
    values: tuple[Any, ...]
    if kind in _FINITE:
        values = _FINITE[kind]
        code = each.cast("int64") - values[0]
        code = ((code >= 0) & (code < len(values))).ifelse(code, None)
    elif kind == "Bucket":
        values, code = _bucket_labels(inner), each.cast("int64")
    elif inner.dtype.is_boolean():
        values, code = (False, True), each.cast("int64")
    else:
        raise QuestionRefused(
            f"the group '{name}' could take any value. Use wb.bands, .bucket([...]), a date part "
            "such as .quarter(), a condition, or declare a column with a domain in the catalog."
        )
    shaped = inner.arg if isinstance(inner, ops.Bucket) else inner
    if inner is operation and shaped.find(ops.Literal):
        raise QuestionRefused(
            "a group that is a condition needs a name of its own, or its values would be its name "
            "on the page: (tx.amount > 100).name('large')."
        )
    dimension = Dimension(plain_name(name), name, "category", values)
    return Group(dimension, len(values), code=code, meaning=normal_form(inner))


def _bucket_labels(bucket: Any) -> tuple[str, ...]:
    edges = [getattr(edge, "value", edge) for edge in bucket.buckets]
    labels = [f"{low:,} to {high:,}" for low, high in pairwise(edges)]
    under = [f"< {edges[0]:,}"] if bucket.include_under else []
    return (*under, *labels, *([f"≥ {edges[-1]:,}"] if bucket.include_over else []))


def plain_name(name: str) -> str:
    """Return an expression's name as a column is called."""
    plain = "".join(c if c.isalnum() else "_" for c in name).strip("_").lower()
    return plain[:60] or "group"


def _joined(operation: Any, relations: set[Any], scope: Scope) -> Group:
    """Resolve a column of another table, joined through the customer."""
    import ibis.expr.operations as ops

    other = next(iter(relations))
    called = operation.name if isinstance(operation, ops.Alias) else None
    operation = operation.arg if isinstance(operation, ops.Alias) else operation
    if not isinstance(operation, ops.Field) or len(relations) != 1:
        raise QuestionRefused(
            "from another table take a plain column, such as customers.region; tables are joined "
            "through the customer only."
        )
    name, purpose = other.name, other.namespace.database
    require_purpose(name, purpose, scope.purpose)
    require_opened(operation, other)
    declared = scope.catalog.table(name)
    if declared.subject_key is None:
        raise QuestionRefused(f"'{name}' is operational; it has no customer to join through.")
    column = scope.catalog.columns_for(name, purpose).get(operation.name)
    if column is None:
        raise UnknownName("column", operation.name, scope.catalog.columns_for(name, purpose))
    dimension, _ = declared_group(operation.name, column)
    relation = other.to_expr()
    code = declared_code(relation[operation.name], operation.name, column)
    if called is not None:
        dimension = replace(dimension, name=plain_name(called), title=called)
    meaning = operation.name if column.rest is None else meaning_of(operation.name, column)
    # why 1: of several rows the smallest code is taken, so a customer has one value
    return Group(dimension, 1, joined=(relation, code), table=name, meaning=meaning)
