"""Over which days a question's months and weeks go: its period's, or the declared ones."""

import datetime as dt

from workbench.catalog import Table
from workbench.errors import QuestionRefused
from workbench.periods import Period, add_months


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
