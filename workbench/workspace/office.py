"""`ws.office`: what the office and the operator do, and what an officer decides by a word."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass, field
from decimal import Decimal
from typing import TYPE_CHECKING, ClassVar

from workbench.errors import InputError
from workbench.lifecycle import office as lifecycle

if TYPE_CHECKING:
    from workbench.privacy.provenance import Approval
    from workbench.store.corrections import Corrections
    from workbench.store.keys.marks import Marks
    from workbench.store.logs.events import Events
    from workbench.workspace import Workspace


@dataclass(frozen=True)
class Office(lifecycle.Office):
    """What the data protection office and the operator do, at the time it is.

    Every name is a function of the module that it is written in, with the office in hand.

    Examples
    --------
    >>> import workbench as wb
    >>> ws = wb.open_workspace()  # doctest: +SKIP
    >>> ws.office.back_up()  # doctest: +SKIP
    """

    does: ClassVar[dict[str, str]] = {
        **lifecycle.Office.does,
        "reads": "workspace.watching.reads",
        "detect": "workspace.watching.detect",
        "assess": "workspace.watching.assess",
        "requests_of_table": "workspace.watching.requests_of_table",
        "review": "workspace.watching.review",
        "look_over": "workspace.watching.look_over",
        "verify_logs": "workspace.watching.verify_logs",
        "privacy_notice": "workspace.sharing.privacy_notice",
        "record_of_processing": "workspace.sharing.record_of_processing",
        "minimisation": "workspace.sharing.minimisation",
        "share": "workspace.sharing.share",
        "share_extract": "workspace.sharing.share_extract",
        "acknowledge": "workspace.office.acknowledge",
        "set_clock": "workspace.office.set_clock",
        "approve": "workspace.office.approve",
    }
    ws: Workspace = field(kw_only=True)


def office_of(ws: Workspace) -> Office:
    """Return the office of a workspace."""
    return Office(
        ws.settings,
        ws.catalog,
        ws.store,
        ws.events,
        ws.private,
        ws.now(),
        look_anew=lambda: ws.__dict__.pop("access", None),
        fitted=lambda: [each.what for each in ws.ledger.approvals()],
        ws=ws,
    )


def acknowledge(
    office: Office, reason: str, *, role: str | None = None, lost_rho: Decimal | str | None = None
) -> float:
    """Record that the end of the ledger is lost, so that it may spend again.

    What was lost counts as spent: what witnesses know of it, or a year's limit.

    Parameters
    ----------
    reason : str
        What happened.
    role : str, optional
        ``officer``; ``$WORKBENCH_ROLE`` when left out. It is self-declared.
    lost_rho : number, optional
        What the officer states was lost; never lowers what a witness knows.

    Returns
    -------
    float
        What was charged, as epsilon at the catalog's delta.

    Raises
    ------
    InputError
        Nothing is lost.
    """
    from workbench.privacy.accounting import epsilon_of

    registers = _begin_anew(office, reason, role)
    try:
        lost = office.ws.ledger.acknowledge(reason, role=role, now=office.now, lost_rho=lost_rho)
    except InputError:
        if not registers:
            raise
        return 0.0
    return epsilon_of(lost.pico, float(office.catalog.privacy.delta), office.ws.ledger.gaussian)


def _begin_anew(office: Office, reason: str, role: str | None) -> list[str]:
    """Let what is lost begin anew, by an officer's recorded word and nothing else; return which."""
    from workbench.privacy.books.trust import require_officer, require_reason
    from workbench.store.logs.older import broken_of, set_aside

    store, events = office.store, office.events
    kept: dict[str, Events | Marks | Corrections] = {
        "audit": events, "marks": store.marks, "corrections": store.corrections
    }  # fmt: skip  # why: one thought
    lost = [name for name, each in kept.items() if each.lost()]
    names = [*(each.name for each in broken_of(office.private)), *lost]
    if names:
        claimed = require_officer(role, "to acknowledge that a register is lost")
        told = {"reason": require_reason(reason), "role": claimed, "registers": names}
        set_aside(office.private)
        for name in lost:
            kept[name].begin_anew()
        events.act("register lost", told, now=office.now)
    return names


def set_clock(office: Office, reason: str, *, role: str | None = None) -> dict[str, dt.datetime]:
    """Record that the clock is right now, though it was ahead when something was marked.

    Ledger, audit log and record of runs go on by it. Budgets gain nothing: what was spent under
    the clock that was ahead stays spent, and counts in this month too.

    Parameters
    ----------
    reason : str
        How the clock came to be wrong.
    role : str, optional
        ``officer``; ``$WORKBENCH_ROLE`` when left out. It is self-declared.

    Returns
    -------
    dict
        The time that each mark was set back from.

    Raises
    ------
    InputError
        No mark lies in the time to come, or the clock is behind.
    """
    from workbench.privacy.books.trust import require_officer, require_reason
    from workbench.reporting import telling
    from workbench.store.logs.clocks import BEGAN
    from workbench.store.logs.events import who

    claimed = require_officer(role, "setting the clock's marks back")
    word = {"reason": require_reason(reason), "role": claimed}
    now = office.now
    signed = {**word, "role_is": "self-declared", "who": who()}
    if now < BEGAN:
        raise InputError(
            f"this machine's clock shows {now:%Y-%m-%d %H:%M %Z}, before any workspace was "
            "begun: it is the clock that is wrong. Set it right. Nothing was recorded."
        )
    found = {
        "ledger": office.ws.ledger.set_clock(signed, now) if office.ws.ledger.head()[0] else None,
        "audit log": office.events.ahead(now),
        "runs": telling.set_clock(office.private, now, word),
    }
    ahead = {name: at.astimezone(now.tzinfo) for name, at in found.items() if at}
    if not ahead:
        raise InputError(
            f"no mark lies after {now:%Y-%m-%d %H:%M %Z}, which this machine's clock shows. "
            "Nothing was recorded."
        )
    told = {name: at.isoformat() for name, at in ahead.items()}
    office.events.set_clock({**word, "ahead": told}, now=now)
    return ahead


def approve(office: Office, what: str, reason: str, *, role: str | None = None) -> Approval:
    """Record an officer's exception for something that was fitted on raw rows.

    Parameters
    ----------
    what : str
        As the refusal named it.
    reason : str
        Why it may be published; pages show it.
    role : str, optional
        ``officer``; ``$WORKBENCH_ROLE`` when left out. It is self-declared.
    """
    return office.ws.ledger.approve(what, reason, role=role, now=office.now)
