"""Laws, the provisions figures point to, and how long there is: read from one versioned file.

Nothing here is legal advice. A line whose wording nobody compared says so wherever it is printed.

Periods in months end on the same date, on the last day where that month is shorter, and on the next
working day where that is none (Regulation 1182/71, article 3). Hours run on through the night and
the weekend, from the very minute: never later than by that article, which leaves out the hour of
the event.
"""

import datetime as dt
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Any

from workbench.documents import packaged
from workbench.errors import one_of, require_known

UNCHECKED = {"en": "to be checked against the text", "zh": "有待与法律原文核对"}


@dataclass(frozen=True)
class Law:
    """One act: its names, since when it is in force, where it stands."""

    id: str
    title: Mapping[str, str]
    act: str
    in_force: dt.date
    source: str


@dataclass(frozen=True)
class Clock:
    """How long there is for one duty.

    Attributes
    ----------
    id, law, article : str
    kind : str
        ``incident`` or ``request``.
    to : str
        ``authority``, ``subjects`` or ``subject``.
    start : str
        ``awareness``, ``closing`` or ``receipt``.
    hours, days, working_days, months, extension_months : int or None
        The time there is; 0 hours means at once.
    when : mapping
        What must be the case for it to apply.
    says : mapping
        The duty in words, by language.
    rests_on : tuple of str
        Further provisions that the time or its reckoning comes from.
    own_target : bool
        Whether the time is the workspace's own, the law naming none.
    calendar : str
        Whose working days count, ``CN``; empty: the workspace's.
    checked : date or None
        When the wording was compared; None: recalled.
    checked_in : str
        In which of the file's copies.
    note : str
    """

    id: str
    law: str
    article: str
    kind: str
    to: str
    start: str
    hours: int | None = None
    days: int | None = None
    working_days: int | None = None
    months: int | None = None
    extension_months: int | None = None
    when: Mapping[str, Any] = field(default_factory=dict)
    says: Mapping[str, str] = field(default_factory=dict)
    rests_on: tuple[str, ...] = ()
    own_target: bool = False
    calendar: str = ""
    checked: dt.date | None = None
    checked_in: str = ""
    note: str = ""

    def due(
        self, start: dt.datetime, holidays: Collection[dt.date] = (), *, extended: bool = False
    ) -> dt.datetime:
        """Return when it runs out.

        Parameters
        ----------
        start : datetime
            When it began to run.
        holidays : collection of date
            Days off besides weekends, where the clock has no calendar that knows the year.
        extended : bool
            Whether the person was told in time that it takes longer.

        Examples
        --------
        >>> clock("gdpr-request").due(dt.datetime(2025, 1, 31)).date()
        datetime.date(2025, 2, 28)
        >>> clock("gdpr-request").due(dt.datetime(2026, 1, 31)).date()  # 28 February: a Saturday
        datetime.date(2026, 3, 2)
        >>> clock("pipl-request").due(dt.datetime(2026, 9, 4)).date()  # a Sunday in it is worked
        datetime.date(2026, 9, 24)
        """
        if self.months is not None:
            more = (self.extension_months or 0) if extended else 0
            due = add_months(start, self.months + more)
            while not is_working_day(due.date(), holidays, self.calendar):
                due += dt.timedelta(days=1)
            return due
        if self.working_days is not None:
            due, left = start, self.working_days
            while left:
                due += dt.timedelta(days=1)
                left -= is_working_day(due.date(), holidays, self.calendar)
            return due
        return start + dt.timedelta(hours=self.hours or 0, days=self.days or 0)

    def applies(self, facts: Mapping[str, Any]) -> bool:
        """Return whether it applies to an incident; what is not known counts as the worse case."""
        for name, wanted in self.when.items():
            if name == "subjects_from":
                people = facts.get("subjects")
                if people is not None and people < wanted:
                    return False
            elif facts.get(name, wanted) != wanted:
                return False
        return True


def add_months(start: dt.datetime, months: int) -> dt.datetime:
    """Return the same day some calendar months on; the last day where the month is shorter.

    Examples
    --------
    >>> add_months(dt.datetime(2026, 11, 30, 9), 3)
    datetime.datetime(2027, 2, 28, 9, 0)
    """
    import calendar

    number = start.year * 12 + start.month - 1 + months
    year, month = divmod(number, 12)
    last = calendar.monthrange(year, month + 1)[1]
    return start.replace(year=year, month=month + 1, day=min(start.day, last))


def is_working_day(day: dt.date, holidays: Collection[dt.date] = (), calendar: str = "") -> bool:
    """Return whether a day is worked.

    Parameters
    ----------
    day : date
    holidays : collection of date
        Days off besides Saturdays and Sundays, where the calendar does not know the year.
    calendar : str
        One of the file's; empty for none.

    Examples
    --------
    >>> is_working_day(dt.date(2026, 10, 10), calendar="CN")  # a Saturday, worked for National Day
    True
    """
    known = _days_off().get(calendar, {}).get(day.year)
    if known is None:
        return day.weekday() < 5 and day not in holidays
    off, worked = known
    return day in worked or (day.weekday() < 5 and day not in off)


@cache
def _days_off() -> Mapping[str, Mapping[int, tuple[frozenset[dt.date], frozenset[dt.date]]]]:
    """Return, by calendar and year, the holidays and the weekend days that are worked."""
    return {
        name: {
            year: (
                frozenset(
                    first + dt.timedelta(days=each)
                    for first, last in days["holidays"]
                    for each in range((last - first).days + 1)
                ),
                frozenset(days["worked"]),
            )
            for year, days in calendar["years"].items()
        }
        for name, calendar in _content()["calendars"].items()
    }


def _content() -> dict[str, Any]:
    return packaged("lifecycle/data/law.yaml")


def version() -> str:
    """Return the day this version of the file is of."""
    return str(_content()["version"])


@cache
def laws() -> Mapping[str, Law]:
    """Return every act by its short name."""
    return {name: Law(id=name, **each) for name, each in _content()["laws"].items()}


@cache
def clocks(kind: str | None = None) -> tuple[Clock, ...]:
    """Return every clock, or those of one kind, as they stand in the file."""
    found = []
    for each in _content()["clocks"]:
        fields = {("start" if name == "from" else name): value for name, value in each.items()}
        found.append(Clock(**{**fields, "rests_on": tuple(fields.get("rests_on", ()))}))
    return tuple(each for each in found if kind in (None, each.kind))


def clock(name: str) -> Clock:
    """Return one clock by its id, or raise `UnknownName` with a suggestion."""
    return one_of("clock of a law", {each.id: each for each in clocks()}, name)


@cache
def articles() -> Mapping[str, Mapping[str, Any]]:
    """Return what each provision is about, and the day its wording was compared."""
    return dict(_content()["articles"])


def copies() -> Mapping[str, str]:
    """Return the copies in which wordings were compared, by the names lines give them."""
    return dict(_content()["copies"])


def thresholds() -> Mapping[str, Mapping[str, Any]]:
    """Return numbers of people from which further duties begin."""
    return dict(_content()["thresholds"])


def cite(names: tuple[str, ...] | list[str]) -> str:
    """Return provisions as they are printed: those nobody compared carry a star.

    Examples
    --------
    >>> cite(["GDPR 33", "NDSR 23"])
    'GDPR 33; NDSR 23*'
    """
    known = articles()
    require_known("provision", known, *names)
    return "; ".join(name if known[name].get("checked") else f"{name}*" for name in names)
