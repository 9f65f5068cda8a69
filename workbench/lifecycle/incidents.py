"""Incidents from opened to closed, and their clocks from the law.

Clocks begin with awareness, which is when the incident was detected.
"""

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from workbench.errors import InputError
from workbench.lifecycle.law import Clock, clocks
from workbench.lifecycle.reads import Scope
from workbench.lifecycle.register import Register
from workbench.periods import local
from workbench.store.logs.chain import Entry
from workbench.store.logs.events import Events


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
        if event.kind == "incident assessed":
            told |= {"scope": body["scope"], "severity": body["severity"]}
            told["facts"] |= body["facts"]
        elif event.kind == "incident notified":
            notified[body["clock"]] = _time(body["at"], zone)
        elif event.kind == "incident contained":
            told["contained_at"] = _time(body["at"], zone)
        elif event.kind == "incident closed":
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
    """The incidents of one workspace."""

    def __init__(self, events: Events) -> None:
        self._zone = events.zone
        self.register = Register(events, "IN", "incident")

    def all(self) -> tuple[Incident, ...]:
        """Return every incident, oldest first."""
        items = self.register.items().items()
        return tuple(incident_of(name, events, self._zone) for name, events in items)

    def get(self, name: str) -> Incident:
        """Return one incident, or raise `UnknownName`."""
        return incident_of(name, self.register.of(name), self._zone)

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
        told = self.register.events.said(
            title, "say in a few words what happened: the register names it so."
        )
        times = [at for at in (occurred_at, detected_at, now) if at is not None]
        if times != sorted(times):
            raise InputError(
                "an incident happens, is detected, then recorded: not "
                f"{', '.join(f'{at:%Y-%m-%d %H:%M}' for at in times)} {now:%Z}. Correct the times."
            )
        body = {
            "title": told,
            "nature": nature,
            "began_at": occurred_at,
            "detected_at": detected_at,
            "facts": dict(facts),
        }
        return self.get(self.register.begin("incident opened", body, now=now))

    def assess(
        self, name: str, scope: Scope, *, severity: str, facts: Mapping[str, bool], now: dt.datetime
    ) -> Incident:
        """Record scope and risk; a later assessment counts, the earlier one stays on record."""
        self._require_open(name)
        body = {"scope": vars(scope), "severity": severity, "facts": dict(facts)}
        return self._record(name, "incident assessed", body, now)

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
        return self._record(name, "incident notified", {"clock": clock, "at": at}, now)

    def contain(self, name: str, how: str, *, at: dt.datetime, now: dt.datetime) -> Incident:
        """Record that it was contained, and how.

        Raises
        ------
        InputError
            Nothing is said, it is closed, or the time is before the incident or later than now.
        """
        incident = self._require_open(name)
        told = self.register.events.said(how, "say with --how what stopped it.")
        what = f"{name} is contained after it began, or was detected, and before it is recorded"
        _require_between(incident.occurred_at or incident.detected_at, at, now, what)
        return self._record(name, "incident contained", {"how": told, "at": at}, now)

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
        learned = [each for lesson in lessons if (each := self.register.events.said(lesson))]
        if missing or not learned:
            steps = ", ".join(missing) or "say at least one lesson"
            raise InputError(f"{name} cannot be closed yet; to do first: {steps}.")
        return self._record(name, "incident closed", {"lessons": learned}, now)

    def _record(self, name: str, kind: str, body: Mapping[str, Any], now: dt.datetime) -> Incident:
        self.register.record(name, kind, body, now=now)
        return self.get(name)

    def _require_open(self, name: str) -> Incident:
        incident = self.get(name)
        if incident.closed_at:
            raise InputError(
                f"{name} was closed on {incident.closed_at:%Y-%m-%d}. Open a new incident that "
                "names it in its title."
            )
        return incident


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
