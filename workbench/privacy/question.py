"""Resolve a question against the catalog: every group finite, every measure bounded, or refused.

The result says all that determines an answer besides the data, so its canonical form is half of an
answer's identity. Names chosen by the analyst and the order of columns are not part of it.
"""

from __future__ import annotations

import datetime as dt
import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from itertools import pairwise
from math import prod
from typing import TYPE_CHECKING, Any

from workbench.catalog import Catalog, Column, Table
from workbench.errors import QuestionRefused, UnknownName, suggest
from workbench.periods import Period, months_between
from workbench.privacy.query import Ask, Bands, Query
from workbench.privacy.release import Dimension

if TYPE_CHECKING:
    import ibis

MAX_CELLS = 1_000_000
_LARGEST_RANGE = 2**41  # of a measure in its smallest unit: keeps every product below 2**63
_TIME_GROUPS = ("month", "weekday")
_WEEKDAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
_NUMERIC = ("integer", "number", "money")


@dataclass(frozen=True)
class Coordinate:
    """One integer that every customer adds to every cell they are in.

    Attributes
    ----------
    name : str
        ``rows``, ``amount`` (a total) or ``amount:rows`` (rows with a value).
    column : str or None
        The summed column; None counts rows.
    kind : str
        ``sum``, ``rows`` or ``values``.
    low, high : int
        Contribution bound of one customer in one cell, in the smallest unit (cents, rows).
    digits : int
        Decimal digits of the smallest unit.
    """

    name: str
    column: str | None
    kind: str
    low: int
    high: int
    digits: int = 0


@dataclass(frozen=True)
class Part:
    """What is paid for and stored by itself: one month of a question grouped by month, or all.

    Splitting by month costs the same noise as asking at once, and a month that was answered
    before costs nothing again.
    """

    period: str | None
    paced_by: str | None
    months: tuple[str, ...] | None
    canonical: Mapping[str, Any]


@dataclass(frozen=True, eq=False)
class Question:
    """A question that can be answered: resolved, bounded, finite.

    Attributes
    ----------
    period : str or None
        The span asked about.
    dimensions : tuple of Dimension
        Group columns with their declared values.
    codes : tuple of Ibis integer expressions
        For each dimension, the index of a row's value; NULL outside the domain.
    predicates : tuple of Ibis boolean expressions
    cells : int
        Cells one customer may fill within one part before being scaled down.
    month_axis : int or None
        Position of the month among the dimensions, where each month is a part of its own.
    parts : tuple of Part
        One a month where it is grouped by month, else one.
    """

    source: ibis.Table
    table: str
    purpose: str
    key: str
    period: str | None
    dimensions: tuple[Dimension, ...]
    codes: tuple[Any, ...]
    predicates: tuple[Any, ...]
    coordinates: tuple[Coordinate, ...]
    cells: int
    month_axis: int | None
    parts: tuple[Part, ...]

    @property
    def within(self) -> tuple[Dimension, ...]:
        """The dimensions inside one part."""
        return tuple(d for i, d in enumerate(self.dimensions) if i != self.month_axis)

    @property
    def size(self) -> int:
        """How many cells are released within one part, empty ones too."""
        return prod(len(dimension.values) for dimension in self.within)


def resolve(query: Query, catalog: Catalog, today: dt.date) -> Question:
    """Check a query against the catalog.

    Raises
    ------
    QuestionRefused
        It cannot be answered privately as asked; the message says what would do.
    UnknownName
        It names a column that is not declared for this purpose.
    """
    name, purpose = source_of(query.table)
    table = catalog.table(name)
    if table.subject_key is None:
        raise QuestionRefused(
            f"table '{name}' is operational: it has no privacy unit and nobody to protect. Read "
            "its exact figures from ws.open(…); they are no releases."
        )
    if table.contribution is None or not query.asks:
        raise QuestionRefused(
            "the question asks for nothing. Add .customers(), .count(), .sum(…) or .mean(…)."
        )
    allowed = catalog.columns_for(name, purpose)
    period = _period(query.period, table, today)
    predicates = [
        *_period_predicates(query.table, table, period),
        *_where(query, allowed),
    ]
    groups = [_group(each, query.table, table, allowed, period) for each in query.by]
    names = [dimension.name for dimension, _, _ in groups]
    if len(set(names)) != len(names):
        raise QuestionRefused(f"a group column is named twice: {', '.join(names)}.")
    dimensions = tuple(dimension for dimension, _, _ in groups)
    size = prod(len(dimension.values) for dimension in dimensions)
    if size > MAX_CELLS:
        raise QuestionRefused(
            f"the question has {size:,} cells; at most {MAX_CELLS:,} are answered at once, and "
            "noise would drown so many anyway. Group by fewer columns or coarser values."
        )
    kinds = [dimension.kind for dimension in dimensions]
    axis = kinds.index("month") if "month" in kinds and not query.together else None
    reachable = prod(most for i, (_, _, most) in enumerate(groups) if i != axis)
    cells = min(query.cells or table.contribution.cells, reachable)
    if cells < 1:
        raise QuestionRefused(f"cells must be 1 or more, not {query.cells}.")
    coordinates = _coordinates(query.asks, allowed, table)
    canonical = {
        "table": name,
        "purpose": purpose,
        "by": sorted(
            [d.name, d.kind, *(str(v) for v in d.values)]
            for i, d in enumerate(dimensions)
            if i != axis
        ),
        "where": sorted(_fingerprint(query.table, each) for each in _where(query, allowed)),
        "measures": sorted([c.name, c.low, c.high, c.digits] for c in coordinates),
        "cells": cells,
        "mechanism": "discrete gaussian, vector scaled to its norm, 1",
    }
    return Question(
        query.table,
        name,
        purpose,
        table.subject_key,
        None if period is None else period.text,
        dimensions,
        tuple(code for _, code, _ in groups),
        tuple(predicates),
        coordinates,
        cells,
        axis,
        tuple(_parts(dimensions if axis is not None else (), period, canonical)),
    )


def _parts(
    dimensions: Sequence[Dimension], period: Period | None, canonical: Mapping[str, Any]
) -> Iterator[Part]:
    for dimension in dimensions:
        if dimension.kind == "month":
            for month in (str(value) for value in dimension.values):
                yield Part(month, month, (month,), {**canonical, "period": [month, month]})
            return
    if period is None:
        yield Part(None, None, None, {**canonical, "period": None})
        return
    months = period.months()
    whole = bool(months) and period.start.day == 1 and period.end.day == 1
    last = Period.containing(period.end - dt.timedelta(days=1)).text
    span = [months[0], months[-1]] if whole else [str(period.start), str(period.end)]
    covered = months_between(period.start, period.end)
    yield Part(period.text, last, covered, {**canonical, "period": span})


def source_of(table: ibis.Table) -> tuple[str, str]:
    """Return (table, purpose) of what ``ws.open`` returned; refuse anything derived from it."""
    from ibis.expr.operations import DatabaseTable

    operation = table.op()
    if not isinstance(operation, DatabaseTable) or operation.namespace.database is None:
        raise QuestionRefused(
            "a question starts from the table that ws.open(…) returned, not from one derived from "
            "it: say filters with where=… and groups with by=…, so that each customer's part can "
            "be bounded."
        )
    return operation.name, operation.namespace.database


def _period(given: str | tuple[str, str] | None, table: Table, today: dt.date) -> Period | None:
    if given is None:
        return None
    if table.time is None:
        raise QuestionRefused("this table declares no time column, so it has no periods.")
    if isinstance(given, str):
        return Period.parse(given).require_past(today)
    first, last = (Period.parse(each).require_past(today) for each in given)
    if last.end <= first.start:
        raise QuestionRefused(f"the periods are reversed: {first.text} is after {last.text}.")
    text = first.text if first == last else f"{first.text}..{last.text}"
    return Period(first.start, last.end, text, "span")


def _period_predicates(source: ibis.Table, table: Table, period: Period | None) -> list[Any]:
    if period is None or table.time is None:
        return []
    time = source[table.time]
    return [time >= _literal(period.start, table), time < _literal(period.end, table)]


def _literal(day: dt.date, table: Table) -> Any:
    import ibis

    kind = table.columns[str(table.time)].type
    return ibis.date(day.isoformat()) if kind == "date" else ibis.timestamp(day.isoformat())


def _where(query: Query, allowed: Mapping[str, Column]) -> list[Any]:
    import ibis
    from ibis.common.exceptions import IbisError

    predicates: list[Any] = []
    for each in query.where:
        if isinstance(each, Mapping):
            for column, value in each.items():
                if column not in allowed:
                    raise UnknownName("column", column, allowed)
                values = value if isinstance(value, list | tuple | set) else [value]
                predicates.append(query.table[column].isin(sorted(values, key=str)))
            continue
        try:
            bound = query.table.bind(each)[0]
        except (IbisError, AttributeError, TypeError, IndexError) as problem:
            raise QuestionRefused(
                f"where=… must be a mapping of column to value, or a condition on the columns of "
                f"this table ({problem}).{suggest('', allowed)}"
            ) from None
        if not isinstance(bound, ibis.expr.types.BooleanValue):
            raise QuestionRefused("where=… must be a condition, true or false for every row.")
        _row_by_row(bound, query.table)
        predicates.append(bound)
    return predicates


def _row_by_row(condition: Any, source: ibis.Table) -> None:
    """Refuse a condition that looks beyond its own row: it would tie customers together."""
    import ibis.expr.operations as ops

    beyond = (ops.Analytic, ops.Reduction, ops.Subquery, ops.WindowFunction, ops.Impure)
    if condition.op().find(beyond):
        raise QuestionRefused(
            "where=… may look only at its own row: an aggregate, window, subquery or random number "
            "in it would make one customer's presence change another's."
        )
    if any(table != source.op() for table in condition.op().find(ops.Relation)):
        raise QuestionRefused("where=… may use only columns of the table the question is about.")


def _fingerprint(source: ibis.Table, condition: Any) -> str:
    import ibis

    sql = str(ibis.to_sql(source.filter(condition), dialect="duckdb"))
    return hashlib.sha256(sql.encode()).hexdigest()[:24]


def _group(
    each: str | Bands,
    source: ibis.Table,
    table: Table,
    allowed: Mapping[str, Column],
    period: Period | None,
) -> tuple[Dimension, Any, int]:
    """Return a dimension, the expression of its code, and how many values a customer may have."""
    import ibis

    if isinstance(each, Bands):
        return _bands(each, source, allowed)
    if each not in allowed:
        if each in _TIME_GROUPS and table.time is not None:
            if each == "month":
                return _months(source, table, period)
            days = source[table.time].day_of_week.index().cast("int64")
            return Dimension("weekday", "Weekday", "category", _WEEKDAYS), days, len(_WEEKDAYS)
        raise UnknownName("column", each, [*allowed, *(_TIME_GROUPS if table.time else ())])
    column = allowed[each]
    if column.type == "boolean":
        values: Sequence[Any] = column.domain or (False, True)
    elif column.domain is not None:
        values = column.domain
    else:
        hint = f" For ranges use wb.bands('{each}', [...])." if column.type in _NUMERIC else ""
        raise QuestionRefused(
            f"column '{each}' has no declared domain, and reading its values off the data would "
            f"tell who is in it. Declare domain: [...] for it in the catalog.{hint}"
        )
    dimension = Dimension(each, column.title or each.replace("_", " "), "category", tuple(values))
    # why not CASE: DuckDB looks a list up once per dictionary entry, thirteen times faster
    code = ibis.array(list(values)).index(source[each]).nullif(-1)
    return dimension, code, min(column.values_per_customer or len(values), len(values))


def _months(source: ibis.Table, table: Table, period: Period | None) -> tuple[Dimension, Any, int]:
    declared = table.columns[str(table.time)].bounds
    if period is not None:
        start, end = period.start, period.end
    elif declared is not None and isinstance(declared[0], dt.date):
        start, end = declared[0], declared[1]  # type: ignore[assignment]  # why: dates, see catalog
    else:
        raise QuestionRefused(
            f"months need a span: give period=('2026-01', '2026-09'), or declare bounds for "
            f"'{table.time}' in the catalog."
        )
    months = months_between(start, end)
    time = source[str(table.time)]
    code = (time.year() * 12 + time.month() - (start.year * 12 + start.month)).cast("int64")
    inside = (time >= _literal(start.replace(day=1), table)) & (time < _literal(end, table))
    return Dimension("month", "Month", "month", months), inside.ifelse(code, None), len(months)


def _bands(
    each: Bands, source: ibis.Table, allowed: Mapping[str, Column]
) -> tuple[Dimension, Any, int]:
    if each.column not in allowed:
        raise UnknownName("column", each.column, allowed)
    if allowed[each.column].type not in _NUMERIC:
        kind = allowed[each.column].type
        raise QuestionRefused(f"bands need a number; '{each.column}' is {kind}.")
    edges = [Decimal(str(edge)) for edge in each.edges]
    if not edges or not all(edge.is_finite() for edge in edges) or edges != sorted(set(edges)):
        raise QuestionRefused("the edges of bands must be finite, rising, and at least one.")
    labels = [f"< {edges[0]:,}"]
    labels += [f"{low:,} to {high:,}" for low, high in pairwise(edges)]
    labels += [f"≥ {edges[-1]:,}"]
    value = source[each.column]
    code: Any = None
    for index, edge in reversed(list(enumerate(edges))):
        code = (value < edge).ifelse(index, len(edges) if code is None else code)
    code = value.isnull().ifelse(None, code)
    title = (allowed[each.column].title or each.column.replace("_", " ")) + ", band"
    return Dimension(each.name, title, "band", tuple(labels)), code, len(labels)


def _coordinates(
    asks: Sequence[Ask], allowed: Mapping[str, Column], table: Table
) -> tuple[Coordinate, ...]:
    if table.contribution is None:
        return ()
    rows = table.contribution.rows
    found: dict[str, Coordinate] = {}
    for ask in asks:
        if ask.kind == "customers":
            continue
        if ask.kind == "rows":
            found["rows"] = Coordinate("rows", None, "rows", 0, rows)
            continue
        name = str(ask.column)
        if name not in allowed:
            raise UnknownName("column", name, allowed)
        column = allowed[name]
        if column.type not in _NUMERIC:
            raise QuestionRefused(f"'{name}' is {column.type}; only numbers have totals and means.")
        low, high = _bounds(name, column, ask)
        previous = found.get(name)
        if previous is not None and (previous.low, previous.high) != (low, high):
            raise QuestionRefused(f"'{name}' is bounded twice, differently; give it one bound.")
        found[name] = Coordinate(name, name, "sum", low, high, column.digits)
        if ask.kind == "mean":
            found[f"{name}:rows"] = Coordinate(f"{name}:rows", name, "values", 0, rows)
    return tuple(found[name] for name in sorted(found))


def _bounds(name: str, column: Column, ask: Ask) -> tuple[int, int]:
    given = ask.bounds or column.customer_bounds
    if given is None:
        raise QuestionRefused(
            f"a total of '{name}' needs a contribution bound: the least and most one customer "
            f"counts for within one cell. Declare customer_bounds: [low, high] in the catalog or "
            f"give .{ask.kind}('{name}', bounds=(low, high)); never from the data."
        )
    ends = [Decimal(str(end)) for end in given]
    if not all(end.is_finite() for end in ends):
        raise QuestionRefused(f"the bounds of '{name}' must be finite, not {tuple(given)}.")
    low, high = (int(end.scaleb(column.digits).to_integral_value()) for end in ends)
    if low >= high:
        raise QuestionRefused(f"the bounds of '{name}' are reversed or equal: {tuple(given)}.")
    if high - low > _LARGEST_RANGE or max(abs(low), abs(high)) > _LARGEST_RANGE:
        raise QuestionRefused(
            f"the bounds of '{name}' span more than {_LARGEST_RANGE:,} of its smallest unit; sums "
            "would overflow. Use tighter bounds or a smaller scale; nothing was spent."
        )
    return low, high
