"""Which rows a question looks at: filters, its span, and those of a customer's first month."""

from collections.abc import Mapping
from typing import Any

from workbench.catalog import Column
from workbench.errors import QuestionRefused, require_known, suggest
from workbench.privacy.grouping.opened import require_declared, require_value, row_by_row
from workbench.privacy.groups import Scope, day_literal, require_type
from workbench.privacy.query import Query


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
