"""Registers: an item (a hold, a request, an incident, a share, a risk) is the fold of its events.

They lie in the one log of events; nothing is ever changed or taken out. The register of risks says
what may happen, who answers for it, how grave it is and was.
"""

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Any, TypeVar

from pydantic import ConfigDict, TypeAdapter, ValidationError

from workbench.errors import InputError, one_of
from workbench.periods import local
from workbench.store.logs.chain import Entry
from workbench.store.logs.events import Events, who

Item = TypeVar("Item")
_reader: Any = cache(TypeAdapter)
CHECKED = ConfigDict(revalidate_instances="always")  # of what `require_types` reads


def told_of(kind: type[Item], body: Mapping[str, Any], /, **more: Any) -> Item:
    """Return what an event, and more, says of the fields of a dataclass."""
    found: Item = _reader(kind).validate_python({**body, **more})
    return found


def require_types(made: Any) -> None:
    """Refuse a dataclass with a field of another type than it says."""
    try:
        _reader(type(made)).validate_python(made, strict=True)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        raise InputError(f"{first['loc'][0]}= {first['msg']}. Nothing was recorded.") from None


@dataclass(frozen=True)
class Register:
    """One register.

    Parameters
    ----------
    events : Events
    prefix : str
        Begins the ids it gives, such as ``IN`` for IN-2026-001, and what its events refer to.
    noun : str
        What its items are called in messages.
    called : str
        What an item's id is called in its events.
    yearly : bool
        Whether ids name their year and begin anew in each.
    """

    events: Events
    prefix: str
    noun: str
    called: str = "id"
    yearly: bool = True

    def begin(self, kind: str, body: Mapping[str, Any], *, now: dt.datetime) -> str:
        """Record the first event of a new item; return the item's id."""
        year = f"{local(now, self.events.zone):%Y}-" if self.yearly else ""
        begins = f"{self.prefix}-{year}"
        with self.events.acting(now) as write:
            there = {entry.subject for entry in write.entries(ref=self.prefix)}
            number = sum(str(name).startswith(begins) for name in there) + 1
            name = f"{begins}{number:03d}" if self.yearly else f"{begins}{number:04d}"
            told = {"who": who(), self.called: name, **body}
            write.append(kind, told, at=now, subject=name, ref=self.prefix)
        return name

    def record(self, name: str, kind: str, body: Mapping[str, Any], *, now: dt.datetime) -> Entry:
        """Record a further event of an item.

        Raises
        ------
        UnknownName
            There is no such item.
        """
        self.of(name)
        with self.events.acting(now) as write:
            told = {"who": who(), self.called: name, **body}
            return write.append(kind, told, at=now, subject=name, ref=self.prefix)

    def items(self) -> dict[str, list[Entry]]:
        """Return every item's events, items and events in order."""
        found: dict[str, list[Entry]] = {}
        for entry in self.events.entries(ref=self.prefix):
            found.setdefault(str(entry.subject), []).append(entry)
        return found

    def of(self, name: str) -> list[Entry]:
        """Return one item's events.

        Raises
        ------
        UnknownName
            There is no such item.
        """
        return one_of(self.noun, self.items(), name)


MIDDLE, HIGH = 8, 15  # of 25: likelihood times impact
TREATMENTS = ("mitigate", "accept", "avoid", "transfer")


@dataclass(frozen=True)
class Risk:
    """One risk on the register, as it stands.

    ``owner`` is a role or department. ``likelihood`` and ``impact`` are 1 to 5.
    """

    id: str
    title: str
    owner: str
    likelihood: int
    impact: int
    treatment: str
    plan: str
    due: dt.date | None
    closed: bool
    history: tuple[tuple[dt.datetime, int], ...] = field(default=())

    @property
    def severity(self) -> int:
        """Likelihood times impact, 1 to 25."""
        return self.likelihood * self.impact

    @property
    def level(self) -> str:
        """``low``, ``medium`` or ``high``."""
        return "high" if self.severity >= HIGH else "medium" if self.severity >= MIDDLE else "low"


class Risks:
    """The risks of one workspace."""

    def __init__(self, events: Events) -> None:
        self.risks_register = Register(events, "RK", "risk")

    def risk(self, name: str) -> Risk:
        """Return one risk as it stands, or raise `UnknownName`."""
        return _risk(self.risks_register.of(name))

    def risks(self) -> tuple[Risk, ...]:
        """Return every risk as it stands, gravest first, closed ones last."""
        found = [_risk(events) for events in self.risks_register.items().values()]
        return tuple(sorted(found, key=lambda risk: (risk.closed, -risk.severity, risk.id)))

    def add_risk(
        self,
        title: str,
        *,
        owner: str,
        likelihood: int,
        impact: int,
        treatment: str,
        plan: str,
        due: dt.date | None,
        now: dt.datetime,
    ) -> Risk:
        """Put a risk on the register.

        Raises
        ------
        InputError
            It has no title or owner, likelihood or impact is not 1 to 5, or a risk that is not
            accepted has no day.
        """
        said = self.risks_register.events.said
        title = said(title, "say in a few words what may happen: the register names it so.")
        owner = said(owner, "say with --owner which role or department answers for it.")
        _require_risk(likelihood, impact, treatment, due)
        body = {
            "title": title,
            "owner": owner,
            "likelihood": likelihood,
            "impact": impact,
            "treatment": treatment,
            "plan": said(plan),
            "due": due,
        }
        name = self.risks_register.begin("risk added", body, now=now)
        return self.risk(name)

    def change_risk(self, name: str, changes: Mapping[str, Any], *, now: dt.datetime) -> Risk:
        """Record what changed of a risk; what it was stays on record.

        Raises
        ------
        InputError
            Nothing changed, a value is not allowed, or it is closed.
        """
        there = self._require_open(name)
        if not changes:
            raise InputError(
                "say what changed: --likelihood, --impact, --treatment, --plan, --due."
            )
        after = {
            each: changes.get(each, getattr(there, each))
            for each in ("likelihood", "impact", "treatment", "due")
        }
        _require_risk(**after)
        self.risks_register.events.said(changes.get("plan", ""))
        self.risks_register.record(name, "risk changed", changes, now=now)
        return self.risk(name)

    def close_risk(self, name: str, reason: str, *, now: dt.datetime) -> Risk:
        """Close a risk, saying why.

        Raises
        ------
        InputError
            No reason is given, or it is closed already.
        """
        self._require_open(name)
        told = self.risks_register.events.said(reason, "say with --reason why it is none any more.")
        self.risks_register.record(name, "risk closed", {"reason": told}, now=now)
        return self.risk(name)

    def _require_open(self, name: str) -> Risk:
        found = self.risk(name)
        if found.closed:
            raise InputError(f"{name} is closed. Put a new risk on the register if it is back.")
        return found


def _require_risk(likelihood: int, impact: int, treatment: str, due: dt.date | None) -> None:
    if not (1 <= likelihood <= 5 and 1 <= impact <= 5):
        raise InputError(
            f"likelihood and impact are 1 to 5, not {likelihood} and {impact}; their product is "
            "the severity."
        )
    if treatment not in TREATMENTS:
        raise InputError(f"a treatment is one of {', '.join(TREATMENTS)}, not '{treatment}'.")
    if treatment != "accept" and due is None:
        raise InputError(f"a risk to {treatment} has a day by which that is done: --due.")


def _risk(events: list[Entry]) -> Risk:
    now = dict(events[0].body)
    history = []
    for event in events:
        if event.kind == "risk changed":
            now |= event.body
        history.append((event.at, now["likelihood"] * now["impact"]))
    return told_of(Risk, now, closed=events[-1].kind == "risk closed", history=history)
