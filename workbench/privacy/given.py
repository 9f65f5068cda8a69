"""What an analyst gave a question beside columns: its filters; and numbers, names and days.

The last are kept with the answer. Each shapes it, and a computed one can hold a
figure counted on raw rows: a limit, a bound, an edge. So an answer remembers them, and whoever
publishes it asks where they stand written.
"""

import datetime as dt
from collections.abc import Iterator, Mapping
from dataclasses import fields, is_dataclass
from decimal import Decimal
from typing import Any

from workbench.catalog import Column, Ladder
from workbench.errors import QuestionRefused, require_known, suggest
from workbench.privacy.grouping.opened import require_declared, require_value, row_by_row
from workbench.privacy.groups import GroupRule, Scope, day_literal, require_type
from workbench.privacy.query import Query

Given = Mapping[str, Any]


def given(query: Query) -> Given:
    """Return what was given: numbers by what they are, names, and first and last days.

    Examples
    --------
    >>> from workbench.privacy.query import Query, bands
    >>> given(Query(None, by=(bands("amount", [50, 200]),)))["numbers"]
    {'the edges of amount_band': ['50', '200']}
    """
    if query.given is not None:
        return query.given
    numbers: dict[str, list[str]] = {}
    names: list[str] = []
    days: list[str] = []

    def note(what: str, *found: Any) -> None:
        several = list(dict.fromkeys(text for each in found for text in _numbers(each)))
        if several:
            numbers[what] = list(dict.fromkeys([*numbers.get(what, ()), *several]))

    note("cells=", query.cells)
    note("rows=", query.rows)
    for ask in query.asks:
        bounds = ask.bounds.ladder if isinstance(ask.bounds, Ladder) else ask.bounds
        note(f"the bounds of '{ask.column}'", bounds)
        note(f"the candidates of '{ask.column}'", ask.candidates)
        if ask.quantile != Decimal("0.5"):  # the median has no number
            note(f"the quantile of '{ask.column}'", ask.quantile)
        note(f"most= of '{ask.column}'", ask.most)
        if ask.kind == "rate":
            names.append(str(ask.column))
            note(f"the condition of the rate '{ask.column}'", *_literals(ask.condition))
            days += _days(_literals(ask.condition))
    for each in query.where:
        condition = each if isinstance(each, Mapping) else query.table.bind(each)[0]
        values = each.values() if isinstance(each, Mapping) else _literals(condition)
        note("where=", *values)
        days += _days(values)
    for each in query.by:
        if isinstance(each, GroupRule):
            told = each.given()
            names += told.get("names", ())
            days += told.get("days", ())
            for what, several in told.get("numbers", {}).items():
                note(what, several)
        elif not isinstance(each, str):
            note("the limits of a group", *_literals(each))
            days += _days(_literals(each))
            names += _called(each)
    found = {"numbers": numbers, "names": list(dict.fromkeys(names)), "days": sorted(set(days))}
    return {key: value for key, value in found.items() if value}


def _numbers(value: Any) -> Iterator[str]:
    """Yield the numbers a value holds, however it is put together."""
    if isinstance(value, bool) or value is None:
        return
    if isinstance(value, int | float | Decimal):
        yield str(value)
    elif isinstance(value, list | tuple | set | frozenset):
        for each in value:
            yield from _numbers(each)
    elif is_dataclass(value) and not isinstance(value, type):
        for each in fields(value):
            yield from _numbers(getattr(value, each.name))


def _days(values: Any) -> list[str]:
    """Return the days among values, as text."""
    several = (v if isinstance(v, list | tuple | set | frozenset) else [v] for v in values)
    plain = [each for value in several for each in value]
    return [each.isoformat()[:10] for each in plain if isinstance(each, dt.date)]


def _literals(expression: Any) -> list[Any]:
    """Return the plain values within an Ibis expression."""
    import ibis.expr.operations as ops
    from ibis.expr.types import Expr

    if not isinstance(expression, Expr):
        return []
    found = [each.value for each in expression.op().find(ops.Literal)]
    for bucket in expression.op().find(ops.Bucket):
        found += [getattr(edge, "value", edge) for edge in bucket.buckets]
    return found


def _called(expression: Any) -> list[str]:
    """Return the name an expression was given, if it was."""
    import ibis.expr.operations as ops
    from ibis.expr.types import Value

    if isinstance(expression, Value) and isinstance(expression.op(), ops.Alias):
        return [str(expression.get_name())]
    return []


def in_first_month(scope: Scope) -> Any:
    """Return whether a row is of its customer's first month, among those it is asked of."""
    import ibis

    time = scope.source[str(scope.table.time)]
    month = time.year() * 12 + time.month()
    # why not without a customer: NULL keys fall into one window, as all of them are one customer
    return month == month.min().over(ibis.window(group_by=scope.source[scope.key]))


def period_predicates(scope: Scope) -> list[Any]:
    """Return what a row of the span meets."""
    table, period = scope.table, scope.period
    if period is None or table.time is None:
        return []
    time = scope.source[table.time]
    return [time >= day_literal(period.start, table), time < day_literal(period.end, table)]


def filters_of(query: Query, allowed: Mapping[str, Column]) -> list[Any]:
    """Return a query's filters as conditions on one row each, or refuse them."""
    import ibis
    from ibis.common.exceptions import IbisError

    predicates: list[Any] = []
    for each in query.where:
        if isinstance(each, Mapping):
            for column, value in each.items():
                require_known("column", allowed, column)
                values = value if isinstance(value, list | tuple | set) else [value]
                for one in values:
                    require_type(one, column, allowed[column])
                    require_value(column, allowed[column], one)
                predicates.append(query.table[column].isin(sorted(set(values), key=str)))
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
        row_by_row(bound, query.table)
        require_declared(bound, allowed)
        predicates.append(bound)
    return predicates
