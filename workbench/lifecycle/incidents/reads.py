"""Who read what, from any log of reads, as one sequence."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from workbench.catalog import Catalog
from workbench.store.logs.chain import Entry
from workbench.store.quality.rules import number

if TYPE_CHECKING:
    import pandas as pd

    from workbench.store.engine import Store

COLUMNS = ("read_at", "reader", "role", "table_name", "purpose", "rows_read", "outcome")
_RESULTS = ("read", "bulk read")  # of an opening that has an entry of its own
_ASIDE = ("quarantine opened", "possible duplicates opened")
# whatever hands out rows of customers, or tried to
READS = ("open", "refused", "release", *_RESULTS, "look-up", "subject exported", *_ASIDE)


@dataclass(frozen=True)
class Read:
    """One read, or a refused attempt at one.

    Attributes
    ----------
    rows : int or None
        Handed out; None of an opening, and where the log does not say.
    among_others : bool
        Other reads of the same opening may be in no log.
    held : int or None
        Rows that could be handed out at most, of the table as it was; None where no log says.
    snapshot : int or None
        Of this workspace's store.
    aside : bool
        Of lines that were kept aside, and are no rows of the table.
    """

    at: dt.datetime
    reader: str
    role: str
    table: str
    purpose: str
    rows: int | None
    refused: bool
    among_others: bool = False
    held: int | None = None
    snapshot: int | None = None
    aside: bool = False


def from_audit(entries: Iterable[Entry]) -> list[Read]:
    """Return the reads the workbench's own audit log holds, one a table.

    What was handed out is one of its own, with its rows, beside the opening that led to it.
    """
    return [
        Read(
            entry.at.replace(tzinfo=None),
            str(entry.body.get("who", "")),
            str(entry.body.get("role") or "workbench"),
            table,
            str(entry.body.get("purpose", "")),
            _rows(entry),
            entry.kind == "refused",
            entry.kind in _RESULTS,
            held,
            snapshot,
            entry.kind in _ASIDE,
        )
        for entry in entries
        if entry.kind in READS
        for table, snapshot, held in _of_tables(entry)
    ]


def _of_tables(entry: Entry) -> list[tuple[str, int | None, int | None]]:
    """Return (table, snapshot, rows at most) of an entry; older ones do not say how many."""
    if "held" in entry.body:
        return [(table, snapshot, rows) for table, snapshot, rows in entry.body["held"]]
    tables = str(entry.body.get("table") or entry.body.get("tables") or "").split(", ")
    return [(table, entry.body.get("snapshot"), None) for table in tables if table]


def _rows(entry: Entry) -> int | None:
    rows: int | None = entry.body.get("rows")
    # why twice: each line is a pair of customers
    return 2 * rows if rows and entry.kind == "possible duplicates opened" else rows


def from_frame(frame: pd.DataFrame) -> list[Read]:
    """Return the reads of a table with the columns of `COLUMNS`."""
    rows = zip(*(frame[name] for name in COLUMNS), strict=True)
    return [
        Read(at.to_pydatetime(), reader, role, table, purpose, int(count), outcome == "refused")
        for at, reader, role, table, purpose, count, outcome in rows
    ]


def between(
    reads: Sequence[Read], since: dt.date | None = None, until: dt.date | None = None
) -> list[Read]:
    """Return the reads from the first day to the last, both included."""
    return [
        read
        for read in reads
        if (since is None or read.at.date() >= since) and (until is None or read.at.date() <= until)
    ]


def people(
    store: Store,
    catalog: Catalog,
    snapshot: int,
    tables: Iterable[str],
    before: Iterable[tuple[str, int]] = (),
) -> int:
    """Return how many people some tables hold together, each once; for the officer's eyes.

    ``before``: (table, older snapshot that can be opened) to count along.
    """
    keys = {name: table.subject_key for name, table in catalog.tables.items() if table.subject_key}
    held = {(name, snapshot) for name in tables if name in keys}
    held |= {(name, older) for name, older in before if name in keys}
    if not held:
        return 0
    with store.connect() as connection:
        for snapshot in {snapshot for _, snapshot in held}:
            store.attach(connection, snapshot, f"lake_{snapshot}")
        everyone = " UNION ".join(
            f'SELECT "{keys[name]}" AS person FROM lake_{snapshot}."{name}"'
            for name, snapshot in held
        )
        return number(connection, f"SELECT count(DISTINCT person) FROM ({everyone})")


def gone(reads: Iterable[Read], audit: Iterable[Entry]) -> int | None:
    """Return how many people at most were read whom the tables hold no more, by the audit log.

    ``reads`` are those of snapshots that have ended. None where no log says how many it held.
    """
    lost = {(read.table, read.snapshot): read for read in reads}
    if not lost:
        return 0
    tables, replaced, count = {table for table, _ in lost}, set(), 0
    first = min(read.at for read in lost.values())
    for entry in audit:
        if entry.at.replace(tzinfo=None) < first:
            continue
        if entry.kind == "erased":
            count += 1
        elif entry.kind == "retention applied":
            count += sum(entry.body["rows"].get(table, 0) for table in tables)
        elif entry.kind == "ingest" and entry.body["table"] in tables:
            count += entry.body.get("updated", 0)
        elif entry.kind == "load":
            replaced |= tables & set(entry.body["tables"])
        elif entry.kind == "restored":
            replaced |= tables
    for (table, _), read in lost.items():
        if table in replaced:
            if read.held is None:
                return None
            count += read.held
    return count
