"""Periods a report or a question is about: a month, quarter, year or ISO week, as text.

``2026-09``, ``2026-Q3``, ``2026``, ``2026-W36``.
"""

from __future__ import annotations

import datetime as dt
import re
from dataclasses import dataclass

from workbench.errors import PeriodError

# Years 1000 to 2999: four digits in every spelling, and far from where Python's calendar ends.
_YEAR = "([12][0-9]{3})"
_FORMS = {
    "month": re.compile(_YEAR + "-([0-9]{2})"),
    "quarter": re.compile(_YEAR + "-Q([1-4])"),
    "year": re.compile(_YEAR),
    "week": re.compile(_YEAR + "-W([0-9]{2})"),
}


def local(moment: dt.datetime, zone: dt.tzinfo) -> dt.datetime:
    """Return a moment as clocks in a zone show it: its day is the day there.

    Its offset is fixed, so that what lies between two moments is the time that passes.

    Examples
    --------
    >>> from zoneinfo import ZoneInfo
    >>> str(local(dt.datetime(2026, 9, 30, 16, 30, tzinfo=dt.UTC), ZoneInfo("Asia/Shanghai")))
    '2026-10-01 00:30:00+08:00'
    """
    if moment.tzinfo is dt.UTC is zone:
        return moment
    there = moment.astimezone(zone)
    return there.replace(tzinfo=dt.timezone(there.utcoffset() or dt.timedelta()))


@dataclass(frozen=True, order=True)
class Period:
    """A span of whole days, ``start`` included, ``end`` excluded.

    Examples
    --------
    >>> period = Period.parse("2026-09")
    >>> period.start.isoformat(), period.end.isoformat(), period.previous().text
    ('2026-09-01', '2026-10-01', '2026-08')
    """

    start: dt.date
    end: dt.date
    text: str
    kind: str = "month"

    @classmethod
    def parse(cls, text: str) -> Period:
        """Read a period; raise `PeriodError` when it is malformed."""
        try:
            for kind, form in _FORMS.items():
                match = form.fullmatch(text)
                if match:
                    return cls._make(kind, *(int(part) for part in match.groups()))
        except (ValueError, TypeError):
            pass  # why: an impossible month or week falls through to the one message below
        raise PeriodError(
            f"'{text}' is not a period. Write a month as 2026-09, a quarter as 2026-Q3, "
            "a year as 2026 or a week as 2026-W36."
        )

    @classmethod
    def _make(cls, kind: str, year: int, part: int = 1) -> Period:
        if kind == "week":
            start = dt.date.fromisocalendar(year, part, 1)
            return cls(start, start + dt.timedelta(days=7), f"{year:04d}-W{part:02d}", kind)
        months = {"month": 1, "quarter": 3, "year": 12}[kind]
        start = dt.date(year, (part - 1) * months + 1, 1)
        text = {"month": f"{year:04d}-{part:02d}", "quarter": f"{year:04d}-Q{part}"}.get(
            kind, f"{year:04d}"
        )
        return cls(start, add_months(start, months), text, kind)

    @classmethod
    def containing(cls, day: dt.date, kind: str = "month") -> Period:
        """Return the period of ``kind`` that holds ``day``."""
        if kind == "week":
            year, week, _ = day.isocalendar()
            return cls._make(kind, year, week)
        part = {"month": day.month, "quarter": (day.month - 1) // 3 + 1}.get(kind, 1)
        return cls._make(kind, day.year, part)

    def previous(self) -> Period:
        """Return the period just before this one."""
        return self.containing(self.start - dt.timedelta(days=1), self.kind)

    def next(self) -> Period:
        """Return the period just after this one."""
        return self.containing(self.end, self.kind)

    def months(self) -> tuple[str, ...]:
        """Return the months this period lies in, as ``YYYY-MM``; a week may lie in two."""
        return months_between(self.start, self.end)

    def require_past(self, today: dt.date, loaded: Period | None = None) -> Period:
        """Return itself, or raise `PeriodError` when it is not over on ``today``.

        The message names the last one that is complete: by the calendar, or ``loaded`` where it is
        known what is.
        """
        if self.end > today:
            last = loaded or self.containing(today, self.kind).previous()
            what = f"{self.kind} that is loaded" if loaded else self.kind
            raise PeriodError(
                f"{self.text} is not over: it ends on {self.end - dt.timedelta(days=1)} and today "
                f"is {today}. The last complete {what} is {last.text}."
            )
        return self


def ends_of(span: str) -> tuple[Period, Period]:
    """Return the first and last period of a span as a release says it.

    Examples
    --------
    >>> [each.text for each in ends_of("2026-07..2026-09")]
    ['2026-07', '2026-09']
    >>> ends_of("2026-09")[0] == ends_of("2026-09")[1]
    True
    """
    first, _, last = span.partition("..")
    return Period.parse(first), Period.parse(last or first)


def add_months(day: dt.date, months: int) -> dt.date:
    """Return the first day of the month ``months`` after that of ``day``."""
    index = day.year * 12 + day.month - 1 + months
    return dt.date(index // 12, index % 12 + 1, 1)


def months_between(start: dt.date, end: dt.date) -> tuple[str, ...]:
    """Return every month from that of ``start`` to the one before ``end``, as ``YYYY-MM``."""
    months, day = [], start.replace(day=1)
    while day < end:
        months.append(f"{day:%Y-%m}")
        day = add_months(day, 1)
    return tuple(months)


def trailing(period: str, months: int) -> tuple[str, str]:
    """Return the first and last of the ``months`` months that end with ``period``.

    Parameters
    ----------
    period : str
        A month.
    months : int
        How many, ``period`` included.

    Examples
    --------
    >>> trailing("2026-09", 6)
    ('2026-04', '2026-09')
    """
    last = Period.parse(period)
    if last.kind != "month" or type(months) is not int or months < 1:
        raise PeriodError(
            f"give a month and a number of months of 1 or more, not {period}, {months}."
        )
    return f"{add_months(last.start, 1 - months):%Y-%m}", last.text
