"""The decision log: what was decided and why, what was expected of it, and what came of it.

An entry is never changed: what came of a decision is one more event of it, and so is a better
reading of it later.
"""

import datetime as dt
from dataclasses import dataclass
from math import hypot, isfinite

from workbench.errors import InputError
from workbench.lifecycle.register import CHECKED, Register, require_types, told_of
from workbench.store.logs.chain import Entry


@dataclass(frozen=True)
class Outcome:
    """What came of a decision, with its 95 % interval: as of a day, by a release or as told."""

    __pydantic_config__ = CHECKED
    on: dt.date
    value: float
    low: float
    high: float
    release: str | None = None


@dataclass(frozen=True)
class Decision:
    """One decision on the log, as it stands.

    Attributes
    ----------
    id, title, owner : str
        ``DC-2026-001``, what was decided, and which role or department decided it.
    on : date
    editions, releases : tuple of str
        What it rests on: ``risk-scoring/2026-09/r1``, and ids of releases.
    measure, unit : str
        What is expected to come, in words, and in what it is counted.
    expected, low, high : float
        With its 95 % interval.
    due : date or None
        When the outcome is to be looked at.
    outcome : Outcome or None
        The newest there is.
    """

    __pydantic_config__ = CHECKED
    id: str
    title: str
    owner: str
    on: dt.date
    editions: tuple[str, ...]
    releases: tuple[str, ...]
    measure: str
    unit: str
    expected: float
    low: float
    high: float
    due: dt.date | None
    outcome: Outcome | None = None

    @property
    def difference(self) -> float | None:
        """Actual less expected."""
        return None if self.outcome is None else self.outcome.value - self.expected

    @property
    def margin(self) -> float | None:
        """Half the 95 % interval of the difference: of each interval the side that faces the other.

        The two are taken as independent.
        """
        if self.outcome is None:
            return None
        if self.outcome.value >= self.expected:
            return hypot(self.high - self.expected, self.outcome.value - self.outcome.low)
        return hypot(self.expected - self.low, self.outcome.high - self.outcome.value)

    @property
    def beyond_noise(self) -> bool | None:
        """Whether the difference is more than noise; None as long as there is no outcome."""
        if self.difference is None or self.margin is None:
            return None
        return abs(self.difference) > self.margin


def decision(name: str, register: Register) -> Decision:
    """Return one decision as it stands, or raise `UnknownName`."""
    return _folded(register.of(name))


def decisions(register: Register) -> tuple[Decision, ...]:
    """Return every decision as it stands, in the order they were recorded."""
    return tuple(map(_folded, register.items().values()))


def record(register: Register, made: Decision, *, now: dt.datetime) -> Decision:
    """Put a decision on the log; what it rests on was found by who calls.

    Raises
    ------
    InputError
        It lacks its words or what it rests on, its day is to come, its outcome is due before it,
        or its interval does not hold what is expected.
    """
    require_types(made)
    said = register.events.said
    body = {
        "title": said(made.title, "say in a few words what was decided: the log names it so."),
        "owner": said(made.owner, "say with --owner which role or department decided it."),
        "measure": said(made.measure, "say with --measure in words what is expected of it."),
        "unit": said(made.unit),
        "editions": list(made.editions),
        "releases": list(made.releases),
        "on": made.on,
        "due": made.due,
        **_interval("expected", made.expected, made.low, made.high),
    }
    if not made.editions and not made.releases:
        raise InputError(
            "say what it rests on: --edition REPORT/PERIOD or --release ID, or several of them. "
            "Nothing was recorded."
        )
    if made.on > now.date():
        raise InputError(
            f"{made.on} is to come; today is {now.date()}. Record a decision once it is taken."
        )
    if made.due is not None and made.due <= made.on:
        raise InputError(
            f"its outcome would be due on {made.due}, and it is decided on {made.on}. Give a later "
            "--due."
        )
    return decision(register.begin("decision recorded", body, now=now), register)


def review(register: Register, name: str, outcome: Outcome, *, now: dt.datetime) -> Decision:
    """Record what came of a decision.

    Raises
    ------
    UnknownName
        There is no such decision.
    InputError
        The outcome is of before the decision or of a day to come, or its interval does not hold
        it.
    """
    found = decision(name, register)
    require_types(outcome)
    if outcome.on <= found.on or outcome.on > now.date():
        raise InputError(
            f"{name} was decided on {found.on}: its outcome is of a day after that, up to today "
            f"({now.date()}), not of {outcome.on}. Nothing was recorded."
        )
    if outcome == found.outcome:
        return found  # why: a command that is given twice tells nothing more
    body = {
        "on": outcome.on,
        "release": outcome.release,
        **_interval("value", outcome.value, outcome.low, outcome.high),
    }
    register.record(name, "decision reviewed", body, now=now)
    return decision(name, register)


def _interval(what: str, value: float, low: float, high: float) -> dict[str, float]:
    if not all(map(isfinite, (value, low, high))) or not low <= value <= high:
        raise InputError(
            f"the interval {low:g} to {high:g} does not hold {value:g}. Give both ends around it, "
            "with 95 % between them. Nothing was recorded."
        )
    return {what: float(value), "low": float(low), "high": float(high)}


def _folded(events: list[Entry]) -> Decision:
    reviewed = [told_of(Outcome, each.body) for each in events if each.kind == "decision reviewed"]
    newest = max(reversed(reviewed), key=lambda each: each.on, default=None)
    return told_of(Decision, events[0].body, outcome=newest)
