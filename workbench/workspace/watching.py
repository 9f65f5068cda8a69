"""What the office watches: reads, requests of other registers, logs, the security review."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from workbench.errors import InputError, StorageError
from workbench.periods import Period
from workbench.store.logs.chain import GENESIS

if TYPE_CHECKING:
    from workbench.lifecycle.incidents.cases import Incident
    from workbench.lifecycle.incidents.detection import Detection
    from workbench.lifecycle.incidents.reads import Read
    from workbench.lifecycle.review import Review
    from workbench.lifecycle.rights.requests import Request
    from workbench.store.logs.auditing import Verdict
    from workbench.workspace.office import Office

EXAMINED_MONTHS = 6


def reads(office: Office) -> list[Read]:
    """Return every read on record: of the audit log, and of tables that are logs of reads."""
    from workbench.lifecycle.incidents.reads import COLUMNS, from_audit, from_frame

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
    from workbench.lifecycle.incidents.detection import detect as unusual

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
    from workbench.lifecycle.incidents.reads import gone, people
    from workbench.lifecycle.incidents.scope import scope_of
    from workbench.store.reading.snapshots import snapshots

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
    from workbench.lifecycle.rights.requests import IN_TABLE, Request

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
    from workbench.lifecycle.review import unrecorded

    found = look_over(office, advisories)
    try:
        office.reviews.keep(found)
    except StorageError as problem:  # why: what stops the record is what the review has to tell
        return unrecorded(found, problem)
    return found


def look_over(office: Office, advisories: str | Path | None = None) -> Review:
    """Return what `review` would find, without recording it."""
    from workbench.lifecycle.review import review as looked_over

    return looked_over(
        office.settings,
        office.private,
        logs=verify_logs(office),
        advisories=None if advisories is None else Path(advisories),
        now=office.now,
    )


def verify_logs(office: Office) -> Mapping[str, Verdict]:
    """Return what a check of every log and file of entries finds, by its name."""
    from workbench.lifecycle.facts import log_verdict
    from workbench.store.logs.auditing import Verdict, told

    ws, store, none = office.ws, office.store, (0, GENESIS)
    checks: dict[str, Callable[[], Verdict]] = {
        "audit log": lambda: log_verdict(office),
        "ledger": lambda: Verdict(ws.ledger.verify(), ws.ledger.head(), ()),
        "file of marks": lambda: Verdict(len(store.marks.all()), none, ()),
        "file of corrections": lambda: Verdict(len(store.corrections.all()), none, ()),
    }
    return {name: told(check) for name, check in checks.items()}
