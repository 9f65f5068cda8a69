"""Incidents from opened to closed: their scope from the log of reads, their clocks from the law.

How many people an incident may concern is worked out from who read what: it is an upper bound,
never a guess downwards. Clocks begin with awareness, which is when the incident was detected.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from workbench.catalog import Catalog
from workbench.errors import InputError, UnknownName
from workbench.lifecycle.incidents.reads import Read, between
from workbench.lifecycle.law import Clock, clocks
from workbench.lifecycle.register import Register, said
from workbench.periods import local
from workbench.store.chain import Entry


@dataclass(frozen=True)
class Scope:
    """What a log of reads says an incident may concern.

    Attributes
    ----------
    readers, tables, kinds, sensitivities : tuple of str
        Who read; which tables; the catalog's kinds of data, and sensitivities of their columns.
    reads, refused : int
    subjects_at_most : int or None
        People whose data may have been read; None where no log says.
    records_at_most : int or None
        Rows that were read of them; None where the log does not say of every read.
    first, last : datetime or None
    """

    readers: tuple[str, ...]
    tables: tuple[str, ...]
    kinds: tuple[str, ...]
    sensitivities: tuple[str, ...]
    reads: int
    refused: int
    subjects_at_most: int | None
    records_at_most: int | None
    first: dt.datetime | None
    last: dt.datetime | None

    def to_json(self) -> dict[str, Any]:
        """Return it as a register keeps it."""
        return {
            **{name: list(value) for name, value in vars(self).items() if isinstance(value, tuple)},
            "reads": self.reads,
            "refused": self.refused,
            "subjects_at_most": self.subjects_at_most,
            "records_at_most": self.records_at_most,
            "first": self.first.isoformat() if self.first else None,
            "last": self.last.isoformat() if self.last else None,
        }


@dataclass(frozen=True)
class Deadline:
    """One clock of an incident: when it runs out, and whether it was met."""

    clock: Clock
    due: dt.datetime
    done: dt.datetime | None

    def state(self, now: dt.datetime) -> str:
        """Return ``met``, ``late``, ``overdue`` or ``running``; at once has a day's grace."""
        due = self.due + dt.timedelta(days=1) if self.clock.hours == 0 else self.due
        if self.done is not None:
            return "met" if self.done <= due else "late"
        return "overdue" if now > due else "running"


@dataclass(frozen=True)
class Incident:
    """What an incident is now."""

    id: str
    title: str
    nature: str
    occurred_at: dt.datetime | None  # None where nobody said when it began
    detected_at: dt.datetime
    facts: Mapping[str, Any]
    scope: Mapping[str, Any] | None = None
    severity: str = ""
    notified: Mapping[str, dt.datetime] = field(default_factory=dict)
    contained_at: dt.datetime | None = None
    closed_at: dt.datetime | None = None
    lessons: tuple[str, ...] = ()
    zone: dt.tzinfo = dt.UTC

    @property
    def state(self) -> str:
        """Where it stands: ``open``, ``assessed``, ``contained`` or ``closed``."""
        if self.closed_at:
            return "closed"
        if self.contained_at:
            return "contained"
        return "assessed" if self.scope is not None else "open"

    def deadlines(self) -> tuple[Deadline, ...]:
        """Return every clock that applies to it, first due first."""
        subjects = (self.scope or {}).get("subjects_at_most")
        facts = {**self.facts, "subjects": subjects}
        found = []
        for clock in clocks("incident"):
            start = self.closed_at if clock.start == "closing" else self.detected_at
            if start is not None and clock.applies(facts):
                due = local(clock.due(start), self.zone)
                found.append(Deadline(clock, due, self.notified.get(clock.id)))
        return tuple(sorted(found, key=lambda each: each.due))


def incident_of(name: str, events: Sequence[Entry], zone: dt.tzinfo = dt.UTC) -> Incident:
    """Return what an incident is, from its events; its times in a time zone."""
    first = events[0].body
    told: dict[str, Any] = {"facts": dict(first["facts"])}
    notified: dict[str, dt.datetime] = {}
    for event in events[1:]:
        body = event.body
        if event.kind == "assessed":
            told |= {"scope": body["scope"], "severity": body["severity"]}
            told["facts"] |= body["facts"]
        elif event.kind == "notified":
            notified[body["clock"]] = _time(body["at"], zone)
        elif event.kind == "contained":
            told["contained_at"] = _time(body["at"], zone)
        elif event.kind == "closed":
            told |= {"closed_at": event.at, "lessons": tuple(body["lessons"])}
    return Incident(
        id=name,
        title=first["title"],
        nature=first["nature"],
        occurred_at=_began(first, zone),
        detected_at=_time(first["detected_at"], zone),
        notified=notified,
        zone=zone,
        **told,
    )


class Incidents:
    """The incidents of one workspace.

    Parameters
    ----------
    folder : Path
        The workspace's private folder.
    zone : tzinfo
        In which times are told.
    """

    def __init__(self, folder: Path, zone: dt.tzinfo = dt.UTC) -> None:
        self._zone = zone
        self.register = Register(folder, "incidents", "IN", "incident", zone)

    def all(self) -> tuple[Incident, ...]:
        """Return every incident, oldest first."""
        items = self.register.items().items()
        return tuple(incident_of(name, events, self._zone) for name, events in items)

    def get(self, name: str) -> Incident:
        """Return one incident, or raise `UnknownName`."""
        return incident_of(name, self.register.events(name), self._zone)

    def open(
        self,
        title: str,
        *,
        nature: str,
        detected_at: dt.datetime,
        occurred_at: dt.datetime | None,
        facts: Mapping[str, bool],
        now: dt.datetime,
    ) -> Incident:
        """Begin an incident; its clocks run from its detection.

        Raises
        ------
        InputError
            It has no title, a time lies in the future, or detection before the event.
        """
        told = said(title, "say in a few words what happened: the register names it so.")
        times = [at for at in (occurred_at, detected_at, now) if at is not None]
        if times != sorted(times):
            raise InputError(
                "an incident happens, is detected, then recorded: not "
                f"{', '.join(f'{at:%Y-%m-%d %H:%M}' for at in times)} {now:%Z}. Correct the times."
            )
        body = {
            "title": told,
            "nature": nature,
            "began_at": occurred_at.isoformat() if occurred_at else None,
            "detected_at": detected_at.isoformat(),
            "facts": dict(facts),
        }
        return self.get(self.register.begin("opened", body, now=now))

    def assess(
        self,
        name: str,
        scope: Scope,
        *,
        severity: str,
        facts: Mapping[str, bool],
        now: dt.datetime,
    ) -> Incident:
        """Record scope and risk; a later assessment counts, the earlier one stays on record."""
        self._require_open(name)
        body = {"scope": scope.to_json(), "severity": severity, "facts": dict(facts)}
        self.register.record(name, "assessed", body, now=now)
        return self.get(name)

    def notify(self, name: str, clock: str, *, at: dt.datetime, now: dt.datetime) -> Incident:
        """Record that a notice went out, for one clock of the incident.

        Raises
        ------
        InputError
            The clock does not apply to it, or the notice went out before it was detected or later
            than now.
        """
        incident = self.get(name)
        known = [each.clock.id for each in incident.deadlines()]
        if clock not in known:
            raise InputError(
                f"clock '{clock}' does not run for {name}. Running: {', '.join(known)}."
            )
        what = f"a notice goes out after {name} was detected and before it is recorded"
        _require_between(incident.detected_at, at, now, what)
        self.register.record(name, "notified", {"clock": clock, "at": at.isoformat()}, now=now)
        return self.get(name)

    def contain(self, name: str, how: str, *, at: dt.datetime, now: dt.datetime) -> Incident:
        """Record that it was contained, and how.

        Raises
        ------
        InputError
            Nothing is said, it is closed, or the time is before the incident or later than now.
        """
        incident = self._require_open(name)
        told = said(how, "say with --how what stopped it.")
        what = f"{name} is contained after it began, or was detected, and before it is recorded"
        _require_between(incident.occurred_at or incident.detected_at, at, now, what)
        self.register.record(name, "contained", {"how": told, "at": at.isoformat()}, now=now)
        return self.get(name)

    def close(self, name: str, lessons: Sequence[str], *, now: dt.datetime) -> Incident:
        """Close it with what was learned.

        Raises
        ------
        InputError
            It was not assessed or contained, a notice is missing, or nothing was learned.
        """
        incident = self._require_open(name)
        missing = [
            step
            for step, done in (
                ("assess", incident.scope is not None),
                ("contain", incident.contained_at is not None),
            )
            if not done
        ]
        missing += [
            f"notify --clock {each.clock.id}"
            for each in incident.deadlines()
            if each.done is None and each.clock.start != "closing"
        ]
        learned = [each for lesson in lessons if (each := " ".join(lesson.split()))]
        if missing or not learned:
            steps = ", ".join(missing) or "say at least one lesson"
            raise InputError(f"{name} cannot be closed yet; to do first: {steps}.")
        self.register.record(name, "closed", {"lessons": learned}, now=now)
        return self.get(name)

    def _require_open(self, name: str) -> Incident:
        incident = self.get(name)
        if incident.closed_at:
            raise InputError(
                f"{name} was closed on {incident.closed_at:%Y-%m-%d}. Open a new incident that "
                "names it in its title."
            )
        return incident


def scope_of(
    reads: Sequence[Read],
    catalog: Catalog,
    people: Callable[[Sequence[str]], int],
    *,
    gone: Callable[[Sequence[Read]], int | None] = lambda _: 0,
    readers: Sequence[str] = (),
    tables: Sequence[str] = (),
    since: dt.date | None = None,
    until: dt.date | None = None,
) -> Scope:
    """Return what some readers, tables and days of a log amount to.

    Parameters
    ----------
    reads : sequence of Read
    catalog : Catalog
    people : callable
        How many people some tables about customers hold together.
    gone : callable
        How many people at most some reads of such tables met, besides; None where no log says.
    readers, tables : sequence of str
        Only these; all when empty.
    since, until : date, optional

    Returns
    -------
    Scope
        People at most: no more than the tables read hold or held together, and no more than rows
        were read of them where the log says how many.

    Raises
    ------
    UnknownName, InputError
        No read on record is by such a reader, or no such table is declared or on record; the days
        are none.
    """
    # why refused: a slip would leave out reads that happened
    if since is not None and until is not None and since > until:
        raise InputError(f"reads from {since} to {until} are none. Correct one of the two days.")
    for name in readers:
        if name not in (there := {read.reader for read in reads}):
            raise UnknownName("reader on record", name, there)
    for name in tables:
        if name not in (held := {*catalog.tables, *(read.table for read in reads)}):
            raise UnknownName("table", name, held)
    chosen = [
        read
        for read in between(reads, since, until)
        if (not readers or read.reader in readers) and (not tables or read.table in tables)
    ]
    allowed = [read for read in chosen if not read.refused]
    touched = tuple(sorted({read.table for read in allowed}))
    known = [catalog.tables[name] for name in touched if name in catalog.tables]
    about = [n for n in touched if n in catalog.tables and not catalog.tables[n].operational]
    of_people = [read for read in allowed if read.table in about]
    more = gone(of_people)
    aside = [read.rows for read in of_people if read.aside]  # why added: of people in no table
    records = _records(of_people)
    bounds = [records]
    if more is not None and None not in aside:
        bounds.append((people(about) if about else 0) + more + sum(filter(None, aside)))
    at_most = min((each for each in bounds if each is not None), default=None)
    sensitivities = {column.sensitivity for table in known for column in table.columns.values()}
    order = ("public", "internal", "personal", "sensitive")
    return Scope(
        tuple(sorted({read.reader for read in chosen})),
        touched,
        tuple(sorted({table.kind for table in known})),
        tuple(name for name in order if name in sensitivities),
        len(allowed),
        len(chosen) - len(allowed),
        at_most if chosen else None,
        records if chosen else None,
        min((read.at for read in chosen), default=None),
        max((read.at for read in chosen), default=None),
    )


def _records(reads: Sequence[Read]) -> int | None:
    """Return how many rows some reads met at most; None where the log does not say of every one."""
    rows: list[int | None] = []
    held: dict[tuple[str, int | None], int] = {}
    for read in reads:
        if read.held is not None:  # why once a snapshot: it has the same rows for every read
            place = read.table, read.snapshot
            held[place] = max(held.get(place, 0), read.held)
        else:  # why none of a result: with it went others that no log has
            rows.append(None if read.among_others else read.rows)
    known = [each for each in rows if each is not None]
    return sum(known) + sum(held.values()) if len(known) == len(rows) else None


def _began(first: Mapping[str, Any], zone: dt.tzinfo) -> dt.datetime | None:
    """Return when an incident began, if anybody said so."""
    if "began_at" in first:
        return _time(first["began_at"], zone) if first["began_at"] else None
    # why: older entries have the time of detection where nothing was said
    said_so = first["occurred_at"] != first["detected_at"]
    return _time(first["occurred_at"], zone) if said_so else None


def _require_between(first: dt.datetime, at: dt.datetime, now: dt.datetime, what: str) -> None:
    """Refuse a time before the first that is possible, or later than now."""
    # why days: a time may be known by its day alone
    earliest = first.replace(second=0, microsecond=0)
    if at.time() == dt.time():
        earliest = earliest.replace(hour=0, minute=0)
    if at > now or at < earliest:
        raise InputError(
            f"{what}: not {at:%Y-%m-%d %H:%M}, but from {earliest:%Y-%m-%d %H:%M} to "
            f"{now:%Y-%m-%d %H:%M %Z}. Correct the time."
        )


def _time(text: str, zone: dt.tzinfo) -> dt.datetime:
    return local(dt.datetime.fromisoformat(text), zone)
