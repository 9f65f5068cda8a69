"""When a report is due: five cron fields read in a time zone, and the period a date is about."""

import datetime as dt
import re
from functools import cached_property
from typing import Literal
from zoneinfo import ZoneInfo

from cronsim import CronSim, CronSimError
from pydantic import field_validator

from workbench.documents import Strict
from workbench.errors import suggest
from workbench.periods import Period

_TERM = r"(\*|\d+|[a-z]{3})(-(\d+|[a-z]{3}))?(/\d+)?"
_PORTABLE = re.compile(rf"{_TERM}(,{_TERM})*", re.IGNORECASE)
_DAY = dt.timedelta(days=1)


class Schedule(Strict):
    """When a report is due, as cron says it, in a time zone.

    Attributes
    ----------
    cron : str
        Minute, hour, day of month, month, day of week.
    time_zone : str
        Where the clock hangs: ``Asia/Shanghai``.

    Examples
    --------
    >>> morning = Schedule(cron="0 6 5 * *", time_zone="Asia/Shanghai")
    >>> morning.last(dt.datetime(2026, 11, 24, tzinfo=dt.UTC)).isoformat()
    '2026-11-05T06:00:00+08:00'
    """

    cron: str
    time_zone: str

    @field_validator("cron")
    @classmethod
    def _five_fields(cls, cron: str) -> str:
        fields = cron.split()
        if len(fields) != 5:
            raise ValueError(
                f"'{cron}' has {len(fields)} fields; write five: minute, hour, day of month, "
                "month, day of week, such as '0 6 5 * *'"
            )
        if not all(_PORTABLE.fullmatch(each) for each in fields):
            raise ValueError(
                f"'{cron}' is more than every scheduler understands; write numbers, names such as "
                "mon and jan, and * , - /"
            )
        try:
            next(CronSim(cron, dt.datetime(2000, 1, 1, tzinfo=dt.UTC)))
        except CronSimError as problem:
            raise ValueError(f"'{cron}' is no schedule: {str(problem).lower()}") from None
        except StopIteration:
            raise ValueError(f"'{cron}' never comes") from None
        return " ".join(fields)

    @field_validator("time_zone")
    @classmethod
    def _known_zone(cls, name: str) -> str:
        try:
            ZoneInfo(name)
        except (KeyError, ValueError, OSError):
            raise ValueError(f"no time zone named '{name}'.{_near(name)}") from None
        return name

    @cached_property
    def zone(self) -> ZoneInfo:
        """The time zone."""
        return ZoneInfo(self.time_zone)

    def last(self, now: dt.datetime) -> dt.datetime | None:
        """Return the last time it came, ``now`` included; None if it never did."""
        # why forwards from a day before: looked back at from an hour that comes twice, what came
        # when it was there first has not come yet
        now = now.astimezone(dt.UTC)
        day_before = (now - _DAY).astimezone(self.zone)
        last = next(CronSim(self.cron, day_before, reverse=True), None)
        for came in CronSim(self.cron, last or day_before):
            if came.astimezone(dt.UTC) > now:
                break
            last = came
        return last

    def first_on_or_after(self, day: dt.date) -> dt.datetime | None:
        """Return the first time it comes on a day, by its own clock, or later."""
        before = dt.datetime.combine(day - _DAY, dt.time(23, 59, 59), self.zone)
        # why looked at: an hour before midnight may come twice
        return next((each for each in CronSim(self.cron, before) if each.date() >= day), None)


class PeriodRule(Strict):
    """Which period an edition is about.

    Attributes
    ----------
    kind : str
        Length of a period.
    rule : str
        ``last-complete``: the last one that is over. ``previous``: the one before it, for data
        that arrives a period late. A period that is not over cannot be asked about.

    Examples
    --------
    >>> PeriodRule(kind="quarter").on(dt.date(2026, 11, 24)).text
    '2026-Q3'
    >>> PeriodRule(rule="previous").on(dt.date(2026, 11, 24)).text
    '2026-09'
    """

    kind: Literal["month", "week", "quarter", "year"] = "month"
    rule: Literal["last-complete", "previous"] = "last-complete"

    def on(self, day: dt.date) -> Period:
        """Return the period that is due on a day."""
        over = Period.containing(day, self.kind).previous()
        return over.previous() if self.rule == "previous" else over

    def from_day(self, period: Period) -> dt.date:
        """Return the first day on which a period is due."""
        return period.next().end if self.rule == "previous" else period.end


def _near(name: str) -> str:
    from zoneinfo import available_timezones

    known = available_timezones()
    last_word = {each.rpartition("/")[2].casefold(): each for each in sorted(known)}
    exact = last_word.get(name.rpartition("/")[2].replace(" ", "_").casefold())
    if exact:
        return f" Did you mean '{exact}'?"
    hint, _, _ = suggest(name, known).partition(" Known:")
    return hint or " Write one such as Asia/Shanghai, Europe/Berlin or UTC."
