"""The register of risks: what may happen, who answers for it, how grave it is and was."""

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from workbench.errors import InputError
from workbench.lifecycle.register import Register, said, told_of
from workbench.store.logs.chain import Entry
from workbench.store.logs.events import Events

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
        title = said(title, "say in a few words what may happen: the register names it so.")
        owner = said(owner, "say with --owner which role or department answers for it.")
        _require_risk(likelihood, impact, treatment, due)
        body = {
            "title": title,
            "owner": owner,
            "likelihood": likelihood,
            "impact": impact,
            "treatment": treatment,
            "plan": plan,
            "due": due.isoformat() if due else None,
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
        told = {
            key: value.isoformat() if isinstance(value, dt.date) else value
            for key, value in changes.items()
        }
        self.risks_register.record(name, "risk changed", told, now=now)
        return self.risk(name)

    def close_risk(self, name: str, reason: str, *, now: dt.datetime) -> Risk:
        """Close a risk, saying why.

        Raises
        ------
        InputError
            No reason is given, or it is closed already.
        """
        self._require_open(name)
        told = said(reason, "say with --reason why it is none any more.")
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
    due = dt.date.fromisoformat(now["due"]) if now["due"] else None
    closed = events[-1].kind == "risk closed"
    return Risk(**{**told_of(Risk, now), "due": due}, closed=closed, history=tuple(history))
