"""Which rows a question looks at by their time: of its span, or of a customer's first month."""

from __future__ import annotations

from typing import Any

from workbench.privacy.groups import Scope, day_literal


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
