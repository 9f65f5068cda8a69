"""What happened to keys, retention, erasures, backups and requests, as plain facts for a summary.

A fact that nobody measured is None, never zero.
"""

import datetime as dt
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from workbench.lifecycle import retention
from workbench.lifecycle.backups.rotation import ROTATED
from workbench.lifecycle.backups.taking import BACKED_UP, TESTED, witnesses
from workbench.lifecycle.holds import in_force
from workbench.lifecycle.office import Office
from workbench.lifecycle.rights.erasure import still_findable
from workbench.lifecycle.rights.requests import on_record
from workbench.store.keys.master import Seal
from workbench.store.logs.events import Verdict, verify
from workbench.store.rewriting import unfinished


def facts(office: Office) -> Mapping[str, Any]:
    """Return the facts.

    Returns
    -------
    mapping
        ``key``: where it is, ``made_on``, ``age_days``. ``retention``: rows past their time, on
        hold, tables not measured, ``oldest``. ``erasures``: how many customers, rows still findable
        by place, ``unfinished``. ``backups``: days since the last one and since the last restore
        test that held. ``audit``: entries, whether the chain holds, faults. ``requests``: open,
        overdue, answered in time, oldest open in days. ``holds``: in force.
    """
    today = office.now.date()
    due = retention.plan(office)
    oldest = [each.oldest for each in due if each.rows and each.oldest]
    verdict = log_verdict(office)
    erased = office.store.marks.erased()
    tests = office.events.acts(TESTED)
    held = [e for e in tests if e.body["ok"]]
    return {
        "key": _key(office),
        "retention": {
            **retention.summary(due),
            "oldest": min(oldest, default=None),
            "by_table": {each.table: each.rows for each in due},
        },
        "erasures": {
            "customers": len(erased),
            "findable": still_findable(office),
            "unfinished": unfinished(office.store),
        },
        "backups": {
            "last_days": _days(office.events.last(BACKED_UP), office),
            "last_test_days": _days(held[-1] if held else None, office),
            "last_test_held": tests[-1].body["ok"] if tests else None,
        },
        "audit": {
            "entries": verdict.entries,
            "holds": verdict.holds,
            "faults": [f"entry {each.seq}: {each.what}" for each in verdict.faults],
        },
        "requests": _requests(office, today),
        "holds": len(in_force(office)),
    }


def log_verdict(office: Office) -> Verdict:
    """Return whether the audit log is whole, by itself, published editions and backups."""
    published, seal = office.settings.path("published"), Seal(office.private).head
    return verify(office.events, published, seal, witnesses(office))


def _key(office: Office) -> dict[str, Any]:
    source = office.store.key_source
    rotated = office.events.last(ROTATED)
    made: dt.date | None = rotated.at.date() if rotated else None
    path = Path(source.place())
    if made is None and source.kind == "file" and path.exists():
        made = dt.datetime.fromtimestamp(path.stat().st_mtime, office.settings.zone).date()
    age = None if made is None else (office.now.date() - made).days
    return {"place": source.kind, "made_on": made, "age_days": age}


def _days(entry: Any, office: Office) -> int | None:
    return None if entry is None else (office.now - entry.at).days


def _requests(office: Office, today: dt.date) -> dict[str, Any]:
    found = on_record(office)
    open_ = [each for each in found if each.closed is None]
    closed = [each for each in found if each.closed is not None]
    return {
        "received": len(found),
        "open": len(open_),
        "overdue": sum(each.due < today for each in open_),
        "closed": len(closed),
        "in_time": sum(each.on_time(today) for each in closed),
        "oldest_open_days": max(((today - each.received).days for each in open_), default=None),
    }
