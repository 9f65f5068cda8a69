"""`ws.office`: what the office and the operator do, watch and decide."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from workbench.errors import InputError, StorageError
from workbench.lifecycle import office as lifecycle
from workbench.lifecycle.detection import Detection
from workbench.lifecycle.detection import detect as unusual
from workbench.lifecycle.incidents import Incident
from workbench.lifecycle.reads import COLUMNS, Read, from_audit, from_frame, gone, people, scope_of
from workbench.lifecycle.review import Review, unrecorded
from workbench.lifecycle.review import review as looked_over
from workbench.lifecycle.rights.requests import IN_TABLE, Request
from workbench.periods import Period
from workbench.store.logs.chain import GENESIS
from workbench.store.logs.counted import BEGAN
from workbench.store.logs.events import Events, Verdict, broken_of, set_aside, told
from workbench.store.reading.roles import officers_word

if TYPE_CHECKING:
    from workbench.privacy.provenance import Approval
    from workbench.store.corrections import Corrections
    from workbench.store.keys.marks import Marks
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
        "reads": "workspace.office.reads",
        "detect": "workspace.office.detect",
        "assess": "workspace.office.assess",
        "requests_of_table": "workspace.office.requests_of_table",
        "review": "workspace.office.review",
        "look_over": "workspace.office.look_over",
        "verify_logs": "workspace.office.verify_logs",
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

    officers_word("acknowledging what is lost", reason, role)  # first: the reason is searched
    office.events.said(reason)
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
    store, events = office.store, office.events
    kept: dict[str, Events | Marks | Corrections] = {
        "audit": events, "marks": store.marks, "corrections": store.corrections
    }  # fmt: skip  # why: one thought
    lost = [name for name, each in kept.items() if each.lost()]
    names = [*(each.name for each in broken_of(office.private)), *lost]
    if names:
        word = officers_word("to acknowledge that a register is lost", reason, role)
        set_aside(office.private)
        for name in lost:
            kept[name].begin_anew()
        events.act("register lost", {**word, "registers": names}, now=office.now)
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
    from workbench.reporting import telling

    word, now = officers_word("setting the clock's marks back", reason, role), office.now
    word["reason"] = office.events.said(word["reason"])
    if now < BEGAN:
        raise InputError(
            f"this machine's clock shows {now:%Y-%m-%d %H:%M %Z}, before any workspace was "
            "begun: it is the clock that is wrong. Set it right. Nothing was recorded."
        )
    found = {
        "ledger": office.ws.ledger.set_clock(word, now) if office.ws.ledger.head()[0] else None,
        "audit log": office.events.ahead(now),
        "runs": telling.set_clock(office.private, now, word),
    }
    ahead = {name: at.astimezone(now.tzinfo) for name, at in found.items() if at}
    if not ahead:
        raise InputError(
            f"no mark lies after {now:%Y-%m-%d %H:%M %Z}, which this machine's clock shows. "
            "Nothing was recorded."
        )
    office.events.set_clock({**word, "ahead": ahead}, now=now)
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
    officers_word(f"approving {what}", reason, role)  # first: what is said is searched
    for text in (what, reason):
        office.events.said(text)
    return office.ws.ledger.approve(what, reason, role=role, now=office.now)


EXAMINED_MONTHS = 6


def reads(office: Office) -> list[Read]:
    """Return every read on record: of the audit log, and of tables that are logs of reads."""
    found = from_audit(office.events.entries())
    for name, table in office.catalog.tables.items():
        if table.operational and set(COLUMNS) <= set(table.columns):
            frame = office.ws.operational(name)
            if frame is not None:
                found += from_frame(frame)
    return sorted(found, key=lambda read: read.at)


def detect(office: Office, *, until: str | None = None, months: int = EXAMINED_MONTHS) -> Detection:
    """Return unusual reads of the last months, and how often the rule is wrong.

    Parameters
    ----------
    until : str, optional
        Last month examined, ``2026-09``; the last of the log when left out.
    months : int
        How many months are examined; all before them show what is usual.

    Raises
    ------
    InputError
        The log is too short to say what is usual.
    """
    known = reads(office)
    if not known:
        raise InputError("no read is on record yet, so nothing can be unusual.")
    last = Period.parse(until) if until else Period.containing(known[-1].at.date())
    first = last
    for _ in range(months - 1):
        first = first.previous()
    found = unusual(known, first.start, last.end - dt.timedelta(days=1))
    office.events.record(
        "detection",
        {"until": last.text, "months": months, "found": len(found.found)},
        now=office.now,
    )
    return found


def assess(
    office: Office,
    incident: str,
    *,
    severity: str,
    readers: Sequence[str] = (),
    tables: Sequence[str] = (),
    since: dt.date | None = None,
    until: dt.date | None = None,
    high_risk: bool | None = None,
    harm_avoided: bool | None = None,
) -> Incident:
    """Work out from the log what an incident may concern, and record it.

    Parameters
    ----------
    incident : str
    severity : {"low", "medium", "high"}
    readers, tables : sequence of str
        Only their reads; all when left out.
    since, until : date, optional
        First and last day of the reads.
    high_risk, harm_avoided : bool, optional
        What the officer judges; decides which clocks apply.
    """
    from workbench.store.versions import snapshots

    known, newest = reads(office), office.store.latest_snapshot()
    left = {each.number for each in snapshots(office.store)}
    before = {(r.table, r.snapshot) for r in known if r.snapshot in left and not r.refused}
    scope = scope_of(
        known,
        office.catalog,
        lambda names: people(
            office.store, office.catalog, newest, names, [b for b in before if b[0] in names]
        ),
        gone=lambda read: gone(
            [r for r in read if r.snapshot not in {None, *left}], office.events.entries()
        ),
        readers=readers,
        tables=tables,
        since=since,
        until=until,
    )
    judged = {"high_risk": high_risk, "harm_avoided": harm_avoided}
    facts = {name: value for name, value in judged.items() if value is not None}
    return office.incidents.assess(incident, scope, severity=severity, facts=facts, now=office.now)


def requests_of_table(office: Office) -> list[Request]:
    """Return the requests of customers that an operational table holds, as the office's are."""
    declared = office.catalog.tables.get(IN_TABLE)
    names = ("request_id", "kind", "law", "received_on", "due_on", "closed_on")
    if not office.store.exists or declared is None or not set(names) <= set(declared.columns):
        return []
    return [
        Request(str(name), kind, law, "", received, due, closed=closed)
        for each in office.ws.rows_of(IN_TABLE)
        for name, kind, law, received, due, closed in [[each[column] for column in names]]
    ]


def review(office: Office, advisories: str | Path | None = None) -> Review:
    """Look settings, permissions, encryption, logs and dependencies over; record the review.

    Parameters
    ----------
    advisories : path, optional
        A list of known weaknesses: of ``pip-audit -f json``, or of OSV.
    """
    found = look_over(office, advisories)
    try:
        office.reviews.keep(found)
    except StorageError as problem:  # why: what stops the record is what the review has to tell
        return unrecorded(found, problem)
    return found


def look_over(office: Office, advisories: str | Path | None = None) -> Review:
    """Return what `review` would find, without recording it."""
    return looked_over(office, verify_logs(office), Path(advisories) if advisories else None)


def verify_logs(office: Office) -> Mapping[str, Verdict]:
    """Return what a check of every log and file of entries finds, by its name."""
    from workbench.lifecycle.facts import log_verdict

    ws, store, none = office.ws, office.store, (0, GENESIS)
    checks: dict[str, Callable[[], Verdict]] = {
        "audit log": lambda: log_verdict(office),
        "ledger": lambda: Verdict(ws.ledger.verify(), ws.ledger.head(), ()),
        "file of marks": lambda: Verdict(len(store.marks.all()), none, ()),
        "file of corrections": lambda: Verdict(len(store.corrections.all()), none, ()),
    }
    return {name: told(check) for name, check in checks.items()}
