"""Group columns of a question: every one finite by declaration or by construction, or refused."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal, InvalidOperation
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from workbench.catalog import Catalog, Column, Table
from workbench.errors import QuestionRefused, UnknownName, one_of
from workbench.periods import Period, months_between
from workbench.privacy.columns import Dimension, between
from workbench.privacy.grouping import codes, opened
from workbench.privacy.identity import normal_form
from workbench.privacy.provenance import FittedLabel

if TYPE_CHECKING:
    import ibis

    from workbench.privacy.grouping.grouped import Labelled

Number = int | float | Decimal
REST = "None of these"
_TIME_GROUPS = ("month", "week", "weekday")
WEEKDAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
# Ibis operations whose result is finite by itself: operation, values, first value.
_FINITE = {
    "ExtractMonth": tuple(range(1, 13)),
    "ExtractQuarter": tuple(range(1, 5)),
    "ExtractDay": tuple(range(1, 32)),
    "ExtractHour": tuple(range(24)),
    "DayOfWeekIndex": tuple(range(7)),
}


@dataclass(frozen=True, eq=False)
class Group:
    """One resolved group column.

    Attributes
    ----------
    dimension : Dimension
        Its name and values.
    most : int
        Values one customer normally has.
    code : Code or None
        How rows find their place among the values; None where these are to be found.
    table : str or None
        Name of another table that ``code`` looks at.
    label : FittedLabel or None
        What a model learned that gives the values.
    labels : Labelled or None
        Labels that were handed in.
    discovered, delta : str and Decimal, or None
        A column whose values are found privately, and the chance of a false one.
    rest : bool
        Whether its last value holds the rows that are in none of the others.
    number : str or None
        The column whose values it reads as numbers.
    """

    dimension: Dimension
    most: int
    code: codes.Code | None = None
    table: str | None = None
    label: FittedLabel | None = None
    labels: Labelled | None = None
    discovered: str | None = None
    delta: Decimal | None = None
    rest: bool = False
    number: str | None = None

    @property
    def rule(self) -> codes.CustomerCode | None:
        """What declared rules give customers."""
        code = self.code
        return code if isinstance(code, codes.CustomerCode) and code.months is not None else None

    @property
    def joined(self) -> bool:
        """Whether its values are a column of another table of the same customers."""
        return self.table is not None and self.rule is None

    @property
    def identity(self) -> list[str]:
        """What makes it the same, whatever it is called."""
        if self.code is None:
            return ["discovered", str(self.discovered)]
        return [*self.code.identity, *map(str, self.dimension.values)]

    def earlier(self, source: ibis.Table) -> list[str]:
        """Return what made it the same when conditions were known by their SQL."""
        if self.code is None:
            return self.identity
        return [*self.code.earlier(source), *map(str, self.dimension.values)]


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
    def key(self) -> str:
        """The column that names a row's customer."""
        return str(self.table.subject_key)

    @property
    def allowed(self) -> Mapping[str, Column]:
        """Columns of the table this purpose may read."""
        return self.catalog.columns_for(self.table_name, self.purpose)


class GroupRule:
    """A group column that is more than a column: it says itself how rows find their place."""

    def group(self, scope: Scope) -> Group:
        """Return it resolved against a question's `Scope`."""
        raise NotImplementedError

    def given(self) -> Mapping[str, Any]:
        """Return the numbers by what they are, names and days that an analyst gave it."""
        return {}


def resolve_group(each: Any, scope: Scope) -> Group:
    """Return a resolved group column; refuse what is neither declared nor finite by itself."""
    if isinstance(each, GroupRule):
        return each.group(scope)
    if not isinstance(each, str):
        return _expression(each, scope)
    # why not the time column: what a table dates its rows by may be called "month", too
    if each in scope.allowed and not (each in _TIME_GROUPS and each == scope.table.time):
        column = scope.allowed[each]
        code = codes.RowCode(**codes.declared_places(scope.source[each], each, column))
        return Group(*codes.declared_group(each, column), code)
    if each in _TIME_GROUPS and scope.table.time is not None:
        if each == "month":
            return _months(scope)
        if each == "week":
            return _weeks(scope)
        days = scope.source[scope.table.time].day_of_week.index().cast("int64")
        dimension = Dimension("weekday", "Weekday", "category", WEEKDAYS)
        return Group(dimension, len(WEEKDAYS), codes.RowCode(days, ["weekday", scope.table.time]))
    raise UnknownName("column", each, [*scope.allowed, *(_TIME_GROUPS if scope.table.time else ())])


def with_rest(group: Group) -> Group:
    """Return a group with one more value, for rows that are in none of its own.

    Months are asked within a span, and what is found has no rest that is known.
    """
    values = group.dimension.values
    none = group.discovered is not None or isinstance(group.code, codes.PairCode)
    if group.dimension.kind == "month" or none:
        return group
    if REST in values:
        raise QuestionRefused(f"'{REST}' is a value of '{group.dimension.name}' already.")
    return replace(group, dimension=replace(group.dimension, values=(*values, REST)), rest=True)


def _weeks(scope: Scope) -> Group:
    name = str(scope.table.time)
    first, weeks = opened.whole_weeks(*opened.span_of(scope.table, scope.period))
    days = scope.source[name].cast("date").epoch_days() - (first - dt.date(1970, 1, 1)).days
    code = ((days >= 0) & (days < 7 * len(weeks))).ifelse((days // 7).cast("int64"), None)
    dimension = Dimension("week", "Week", "date", weeks)
    return Group(dimension, len(weeks), codes.RowCode(code, ["week", name, weeks[0], len(weeks)]))


def _months(scope: Scope) -> Group:
    table, name = scope.table, str(scope.table.time)
    start, end = opened.span_of(table, scope.period)
    months = months_between(start, end)
    time = scope.source[name]
    first, last = day_literal(start.replace(day=1), table), day_literal(end, table)
    within, zero = (time >= first) & (time < last), start.year * 12 + start.month
    code = codes.RowCode(
        within.ifelse(time.delta(first, unit="month"), None),
        ["month", name],
        lambda: within.ifelse((time.year() * 12 + time.month() - zero).cast("int64"), None),
    )
    return Group(Dimension("month", "Month", "month", months), len(months), code)


def day_literal(day: dt.date, table: Table) -> Any:
    """Return a day as a literal of the type of a table's time column."""
    import ibis

    kind = table.columns[str(table.time)].type
    return ibis.date(day.isoformat()) if kind == "date" else ibis.timestamp(day.isoformat())


def listed(what: str, given: Any) -> tuple[Number, ...]:
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


def decimal_of(what: str, given: Number | str) -> Decimal:
    """Return a number as a decimal; refuse what is none."""
    try:
        return Decimal(str(given))
    except ArithmeticError:
        raise QuestionRefused(f"{what} must be a number, not {given!r}.") from None


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
        opened.require_opened(inner, scope.source.op())
        group = resolve_group(inner.name, scope)
        if name == inner.name:
            return group
        called = replace(group.dimension, name=plain_name(name), title=name)
        return replace(group, dimension=called)
    opened.row_by_row(each, scope.source)
    opened.require_declared(each, scope.allowed)
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
    return Group(dimension, len(values), codes.RowCode(code, normal_form(inner)))


def _bucket_labels(bucket: Any) -> tuple[str, ...]:
    ends = [None, *(f"{getattr(edge, 'value', edge):,}" for edge in bucket.buckets), None]
    ends = ends[not bucket.include_under : len(ends) - (not bucket.include_over)]
    return tuple(between(low, high) for low, high in pairwise(ends))


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
    relation = other.to_expr()
    name, _ = opened.table_of(relation, scope)
    opened.require_opened(operation, other)
    columns = scope.catalog.columns_for(name, scope.purpose)
    column = one_of("column", columns, operation.name)
    dimension, _ = codes.declared_group(operation.name, column)
    code = codes.declared_code(relation[operation.name], operation.name, column)
    if called is not None:
        dimension = replace(dimension, name=plain_name(called), title=called)
    meaning = operation.name if column.rest is None else codes.meaning_of(operation.name, column)
    # why 1: of several rows the smallest code is taken, so a customer has one value
    places = relation.group_by(joined_k=relation[scope.key]).aggregate(code=code.min())
    return Group(dimension, 1, codes.CustomerCode(places, ("joined", name, str(meaning))), name)


_TYPES: Mapping[str, tuple[type, ...]] = {
    "text": (str,),
    "boolean": (bool,),
    "integer": (int,),
    "number": (int, float, Decimal),
    "money": (int, float, Decimal),
    "date": (dt.date, str),
    "timestamp": (dt.date, str),
}


def _is_moment(value: dt.date | str, kind: str) -> bool:
    """Whether the engine reads a day or time as it is written: 2026-09-30, and a clock after it."""
    try:
        read = dt.datetime.fromisoformat(value) if isinstance(value, str) else value
    except ValueError:
        return False
    if isinstance(value, str) and value[:10] != read.isoformat()[:10]:
        return False  # 20260930 and 2026-W40-3 are days, and none that the engine reads
    clock = read.time() if isinstance(read, dt.datetime) else dt.time()
    zoned = isinstance(read, dt.datetime) and read.tzinfo is not None
    return not zoned and (kind == "timestamp" or clock == dt.time())


def require_type(value: Any, column: str, declared: Column) -> None:
    """Refuse a value its column cannot have: the engine would fail after the answer was paid."""
    kind = declared.type
    right = isinstance(value, _TYPES[kind]) and (isinstance(value, bool) == (kind == "boolean"))
    if right and kind in ("date", "timestamp"):
        right = _is_moment(value, kind)
    elif right and kind in ("number", "money") and not Decimal(str(value)).is_finite():
        right = False
    elif right and (kind == "money" or (kind == "number" and declared.scale is not None)):
        in_units([Decimal(str(value))], declared.digits, f"values of '{column}'")
    if not right:
        raise QuestionRefused(
            f"where={{'{column}': {value!r}}}: the column is {kind}, and that is no value of it. "
            f"For a missing one write a condition, such as table.{column}.isnull()."
        )
