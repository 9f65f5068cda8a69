"""Which period a run is of, which are missing once their time has come, and what to install for it.

Each format calls the same command, which reads what is missing off what is published; so one call
too many does nothing, and one that was missed is made up for by the next.
"""

import datetime as dt
import json
import shlex
import shutil
import sys
from collections.abc import Iterable, Iterator, Set
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cronsim import CronSim

from workbench.documents import templates
from workbench.errors import InputError, PeriodError, require_known
from workbench.periods import Period
from workbench.reporting.definitions.definition import Definition, Variant
from workbench.reporting.definitions.fields import PeriodRule, Schedule
from workbench.reporting.published.files import read_failures, revisions

QUIET_DAYS = 3  # by which data may fall short of the end of a month, quarter or year
_DAY = dt.timedelta(days=1)
MISSED_AT_MOST = 3  # periods before the newest that a definition without catch_up catches up


@dataclass(frozen=True)
class Span:
    """The days that the data covers.

    Attributes
    ----------
    start : date
        First day of the first month that anything is loaded of.
    last_day : date
        The latest day in it.
    """

    start: dt.date
    last_day: dt.date

    def last_complete(self, kind: str) -> Period:
        """Return the last period that the data covers to its end, give or take quiet days.

        Examples
        --------
        >>> Span(dt.date(2026, 1, 1), dt.date(2026, 9, 28)).last_complete("month").text
        '2026-09'
        """
        quiet_days = dt.timedelta(days=0 if kind == "week" else QUIET_DAYS)
        return Period.containing(self.last_day + quiet_days + _DAY, kind).previous()

    def covers(self, period: Period) -> bool:
        """Return whether the data reaches a period's end."""
        return period.end <= self.last_complete(period.kind).end


@dataclass(frozen=True)
class Due:
    """One edition that is missing.

    Attributes
    ----------
    definition, period, variant
        Which edition.
    since : datetime
        When its schedule first called for it, in the schedule's time zone.
    failed : bool
        Whether its last run failed.
    waiting : bool
        Whether the data does not reach its end yet.
    """

    definition: Definition
    period: Period
    variant: Variant
    since: dt.datetime
    failed: bool
    waiting: bool

    @property
    def state(self) -> str:
        """``missing``, ``failed`` or ``waiting for data``."""
        return "waiting for data" if self.waiting else "failed" if self.failed else "missing"

    def facts(self) -> dict[str, Any]:
        """Return plain values for machines."""
        return {
            "report": self.definition.name,
            "period": self.period.text,
            "variant": self.variant.name,
            "since": self.since.isoformat(),
            "state": self.state,
        }


def choose_period(text: str | None, rule: PeriodRule, span: Span, today: dt.date) -> Period:
    """Return the period an edition is about.

    Parameters
    ----------
    text : str or None
        As it was typed; None takes the last one by the definition's rule.
    rule : PeriodRule
    span : Span
        What the data covers.
    today : date

    Raises
    ------
    PeriodError
        It is malformed, of another length, not over, or not within the data.
    """
    last = span.last_complete(rule.kind)
    if text is None:
        return last.previous() if rule.rule == "previous" else last
    period = Period.parse(text)
    if period.kind != rule.kind:
        raise PeriodError(
            f"this report is about a {rule.kind}: give one such as {last.text}, not {text}."
        )
    period.require_past(today, last)
    if not span.covers(period):
        raise PeriodError(
            f"the data ends with {last.text}; {text} is not loaded yet. Load it with "
            f"'workbench init', or render an earlier {rule.kind}."
        )
    if period.end <= span.start:
        first = Period.containing(span.start, rule.kind)
        raise PeriodError(
            f"the data begins with {first.text}, and {text} is before it. What is loaded is "
            f"{first.text} to {last.text}."
        )
    return period


def due(
    definitions: Iterable[Definition], published: Path, now: dt.datetime, span: Span
) -> tuple[Due, ...]:
    """Return what is missing, oldest period first: read off what is published, not off the clock.

    A period is due once its report's schedule has come after the period's end. It is missing while
    no edition of it is published. The definition's ``catch_up`` says how many periods before the
    newest count; without one, those since the last edition do, three at most. What lies before the
    data is never due.

    Parameters
    ----------
    definitions : iterable of Definition
        Those without a schedule are never due.
    published : Path
    now : datetime
    span : Span
        What the data covers.
    """
    found = [each for definition in definitions for each in _of(definition, published, now, span)]
    return tuple(sorted(found, key=lambda each: each.period.end))


def _of(definition: Definition, published: Path, now: dt.datetime, span: Span) -> Iterator[Due]:
    schedule = definition.schedule
    last = schedule.last(now) if schedule else None
    if schedule is None or last is None:
        return
    newest = definition.period.on(last.date())
    failures = read_failures(published, definition.name)
    for variant in definition.editions():
        done = finished(published, definition.name, variant.name)
        failed = {
            text
            for text, _, name in (each.partition("/") for each in failures)
            if name == variant.name
        }
        for period in _wanted(definition, newest, done, failed, span):
            since = schedule.first_on_or_after(definition.period.from_day(period))
            if period.text not in done and since is not None:
                waiting = not span.covers(period)
                yield Due(definition, period, variant, since, period.text in failed, waiting)


def _wanted(
    definition: Definition, newest: Period, done: Set[str], failed: Set[str], span: Span
) -> Iterator[Period]:
    """Yield the periods there should be editions of, newest first."""
    begun = [Period.parse(text).start for text in done | failed]
    limit = MISSED_AT_MOST if definition.catch_up is None else definition.catch_up
    period, begins = newest, False
    for _ in range(limit + 1):
        if period.end <= span.start:
            return
        if not begins or period.text in failed:
            yield period
        if definition.catch_up is None:
            # why: a new report begins with the newest period there is data of
            first = span.covers(period) and min(begun, default=period.start) >= period.start
            begins = begins or first or period.text in done
        period = period.previous()


def finished(published: Path, report: str, variant: str) -> set[str]:
    """Return the periods of which an edition is published."""
    return {
        folder.name
        for folder in (published / report).glob("*/")
        if revisions(folder / variant if variant else folder)
    }


FORMATS = ("cron", "systemd", "airflow", "kubernetes")  # each a template of this name
_DAYS = ("Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat")


def schedule_for(scheduler: str, definitions: Iterable[Definition], root: Path) -> str:
    """Return what to install for a scheduler.

    Parameters
    ----------
    scheduler : str
        One of `FORMATS`.
    definitions : iterable of Definition
    root : Path
        The workspace.

    Raises
    ------
    UnknownName
        No such format.
    InputError
        No report has a schedule.
    """
    require_known("scheduler", FORMATS, scheduler)
    named: dict[Schedule, list[str]] = {}
    for definition in definitions:
        if definition.schedule is not None:
            named.setdefault(definition.schedule, []).append(definition.name)
    if not named:
        raise InputError(
            "no report has a schedule. Give one to a definition: schedule: {cron: '0 6 5 * *', "
            "time_zone: Asia/Shanghai}."
        )
    known = templates("reporting/templates")
    filters = {"json": json.dumps, "python": repr, "unit_word": _unit_word}
    known.filters |= {**filters, "calendar_events": calendar_events}
    words = [*_program(), "run", "--due", "--workspace", str(root)]
    template = known.get_template(f"schedule.{scheduler}.j2")
    return template.render(named=named, root=str(root), words=words, command=shlex.join(words))


def _program() -> list[str]:
    """Return the words that call this workbench, in full."""
    beside = Path(sys.executable).with_name("workbench")
    if beside.is_file():
        return [str(beside)]
    found = shutil.which("workbench")
    return [found] if found else [sys.executable, "-m", "workbench"]


def _unit_word(word: str) -> str:
    """Return a word as systemd reads it: ``%`` and ``$`` doubled, quoted where need be."""
    plain = word.replace("\\", "\\\\").replace("%", "%%").replace("$", "$$")
    if plain and all(letter.isalnum() or letter in "/._-%$=+:,@" for letter in plain):
        return plain
    return '"' + plain.replace('"', '\\"') + '"'


def calendar_events(schedule: Schedule) -> Iterator[str]:
    """Yield a schedule as systemd's calendar events; together they come when cron's does.

    Two where cron's days of the month and of the week are both given: cron means either, systemd
    means both.

    Examples
    --------
    >>> list(calendar_events(Schedule(cron="0 6 5 * *", time_zone="Asia/Shanghai")))
    ['*-*-5 6:0:00 Asia/Shanghai']
    """
    minute, hour, day, month, weekday = schedule.cron.split()
    read = CronSim(schedule.cron, dt.datetime(2000, 1, 1, tzinfo=dt.UTC))
    clock = f"{_listed(hour, read.hours)}:{_listed(minute, read.minutes)}:00"
    months, days = _listed(month, read.months), _listed(day, read.days)
    named = sorted({each % 7 for each in read.weekdays if isinstance(each, int)})
    weekdays = "" if weekday == "*" else ",".join(_DAYS[each] for each in named)
    if read.day_and:
        yield f"{weekdays} *-{months}-{days} {clock} {schedule.time_zone}".strip()
    else:
        yield f"*-{months}-{days} {clock} {schedule.time_zone}"
        yield f"{weekdays} *-{months}-* {clock} {schedule.time_zone}"


def _listed(field: str, numbers: Iterable[int]) -> str:
    """Return a field as systemd writes it: ``*``, or every number listed."""
    return "*" if field == "*" else ",".join(map(str, sorted(numbers)))
