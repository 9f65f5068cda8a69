"""What a question's expressions may look at: tables as they were opened, rows, numbers, days."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from decimal import ROUND_CEILING, Context, Decimal
from typing import TYPE_CHECKING, Any

from workbench.catalog import NUMERIC, Column, Table
from workbench.errors import QuestionRefused, UnknownName, one_of
from workbench.periods import Period, add_months
from workbench.store import THEN

if TYPE_CHECKING:
    import ibis

    from workbench.privacy.groups import Scope


def require_opened(field: Any, opened: Any) -> None:
    """Refuse a column of a table that was changed since: its name would be taken for another's."""
    if field.rel != opened:
        raise QuestionRefused(
            f"'{field.name}' is a column of a table that was filtered, joined or changed after "
            f"ws.open(…), and a group is made of the opened table itself. Say filters with "
            f"where=…, and take columns and conditions from what ws.open('{opened.name}', …) "
            "returned; .name('…') calls one otherwise."
        )


def row_by_row(condition: Any, source: ibis.Table) -> None:
    """Refuse an expression that looks beyond its own row: it would tie customers together."""
    import ibis.expr.operations as ops

    beyond = (ops.Analytic, ops.Reduction, ops.Subquery, ops.WindowFunction, ops.Impure)
    if condition.op().find(beyond):
        raise QuestionRefused(
            "a filter, condition or group may look only at its own row: an aggregate, window, "
            "subquery or random number in it would make one customer's presence change another's."
        )
    if any(table != source.op() for table in condition.op().find(ops.Relation)):
        raise QuestionRefused(
            "a filter or condition may use only columns of the table the question is about, as "
            "ws.open(…) returned it: not of another, nor of one that was filtered, joined or "
            "changed since. Write each filter and computation into the condition itself."
        )


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
    name, purpose = operation.name, operation.namespace.database
    if THEN in purpose:
        raise QuestionRefused(
            f"'{name}' was opened on an older snapshot. Answers are about the newest data, so that "
            "no month is paid for twice: open it without snapshot= and as_of=."
        )
    return name, purpose


def table_of(table: ibis.Table, scope: Scope, *, dated: str = "") -> tuple[str, Any]:
    """Return the name and declaration of a table a rule looks at; refuse another purpose's.

    ``dated`` is what needs rows with a day, if that does.
    """
    name, purpose = source_of(table)
    if purpose != scope.purpose:
        raise QuestionRefused(
            f"'{name}' was opened for '{purpose}' and the question is asked for "
            f"'{scope.purpose}'; customers cannot be joined across purposes."
        )
    declared = scope.catalog.table(name)
    if declared.subject_key is None:
        raise QuestionRefused(f"'{name}' is operational; it has no customers to group.")
    if dated and declared.time is None:
        raise QuestionRefused(
            f"{dated} are of rows with a day, and table '{name}' declares no time column."
        )
    return name, declared


def require_declared(condition: Any, allowed: Mapping[str, Column]) -> None:
    """Refuse a value that a column's domain does not have: it would be paid for and find nobody."""
    import ibis.expr.operations as ops

    for each in condition.op().find((ops.Equals, ops.NotEquals, ops.InValues)):
        sides = (each.value, *each.options) if isinstance(each, ops.InValues) else each.args
        columns = [side.name for side in sides if isinstance(side, ops.Field)]
        literals = [side.value for side in sides if isinstance(side, ops.Literal)]
        if len(columns) == 1 and columns[0] in allowed:
            for value in literals:
                require_value(columns[0], allowed[columns[0]], value)


def require_value(name: str, column: Column, value: Any) -> None:
    """Refuse a value that a column's declared domain does not have."""
    if column.domain is None or not column.closed or value is None:
        return
    known = [*column.domain, *column.special_codes]
    if value not in column.domain and str(value) not in column.special_codes:
        raise UnknownName(f"value of {name}", str(value), [str(each) for each in known])


_PLAIN = Decimal("0.001")  # what the engine takes a decimal to
_MOST_DIGITS = 38
_WIDE = Context(prec=80)


def numeric(name: str, allowed: Mapping[str, Column], what: str) -> Column:
    """Return a declared number column; refuse others, saying what it was wanted for."""
    column = one_of("column", allowed, name)
    if column.type not in NUMERIC:
        raise QuestionRefused(f"'{name}' is {column.type}; only numbers have {what}.")
    return column


def number(source: Any, name: str, column: Column) -> Any:
    """Return a number column; where a special code stands, such as "not reported", is no number."""
    import ibis

    value: Any = source[name]
    kind = value.type()
    for code in column.special_codes:
        # why of its type: else the engine takes a decimal to three digits, and fails on a row
        # where that is too long
        same = exactly(Decimal(code), kind)
        value = value if same is None else value.nullif(ibis.literal(same, kind))
    return value


def exactly(number: Decimal, kind: Any) -> Decimal | int | float | None:
    """Return a number as values of an Ibis type have it; None where none of them can be it."""
    whole = in_steps(number, kind)
    return whole if kind.is_floating() or whole == number else None


def below(value: Any, edge: Decimal | int) -> Any:
    """Return whether values of an Ibis column are below a number, however many digits it has."""
    import ibis

    kind = value.type()
    if isinstance(edge, int) or (edge.adjusted() < 15 and edge == edge.quantize(_PLAIN)):
        return value < edge  # why: names of before are the SQL of this
    whole = in_steps(edge, kind)
    return ibis.literal(edge > 0) if whole is None else value < ibis.literal(whole, kind)


def in_steps(number: Decimal, kind: Any) -> Decimal | int | float | None:
    """Return the least value of a type that is no less than a number; None if it has no room."""
    if kind.is_floating():
        return float(number)
    if number.adjusted() > _MOST_DIGITS:
        return None
    scale = (kind.scale or 0) if kind.is_decimal() else 0
    whole = number.quantize(Decimal(1).scaleb(-scale), ROUND_CEILING, _WIDE)
    if kind.is_decimal():
        return whole if whole.adjusted() < (kind.precision or _MOST_DIGITS) - scale else None
    return int(whole) if kind.bounds.lower <= whole <= kind.bounds.upper else None


def span_of(table: Table, period: Period | None) -> tuple[dt.date, dt.date]:
    """Return from which day to before which the months or weeks of a question are."""
    name = str(table.time)
    declared = table.columns[name].bounds
    if period is not None:
        return period.start, period.end
    if declared is not None and isinstance(declared[0], dt.date):
        start, end = declared[0], declared[1]
        # why whole months: each is stored as the month's answer, and serves as that
        return start, add_months(end - dt.timedelta(days=1), 1)  # type: ignore[operator]
    raise QuestionRefused(
        f"months and weeks need a span: give period=('2026-01', '2026-09'), or declare bounds for "
        f"'{name}' in the catalog."
    )


def whole_weeks(start: dt.date, end: dt.date) -> tuple[dt.date, tuple[str, ...]]:
    """Return the first day and the names of the ISO weeks that lie in a span as a whole."""
    week = Period.containing(start, "week")
    week = week if week.start >= start else week.next()
    first, weeks = week.start, list[str]()
    while week.end <= end:
        weeks.append(week.text)
        week = week.next()
    if not weeks:
        raise QuestionRefused(f"no whole week lies between {start} and {end}; ask a longer period.")
    return first, tuple(weeks)
