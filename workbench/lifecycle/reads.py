"""Who read what, from any log of reads, as one sequence."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from workbench.catalog import Catalog
from workbench.store.chain import Entry

if TYPE_CHECKING:
    import pandas as pd

    from workbench.store.engine import Store

COLUMNS = ("read_at", "reader", "role", "table_name", "purpose", "rows_read", "outcome")
# whatever hands out rows of customers, or tried to
READS = (
    "open",
    "refused",
    "release",
    "bulk read",
    "look-up",
    "quarantine opened",
    "possible duplicates opened",
)


@dataclass(frozen=True)
class Read:
    """One read, or a refused attempt at one; ``rows`` is None where the log does not say.

    ``among_others``: smaller reads of the same opening are in no log.
    """

    at: dt.datetime
    reader: str
    role: str
    table: str
    purpose: str
    rows: int | None
    refused: bool
    among_others: bool = False


def from_audit(entries: Iterable[Entry]) -> list[Read]:
    """Return the reads the workbench's own audit log holds, one a table.

    A bulk read is one of its own, with its rows, beside the opening that led to it.
    """
    return [
        Read(
            entry.at.replace(tzinfo=None),
            str(entry.body.get("who", "")),
            str(entry.body.get("role") or "workbench"),
            table,
            str(entry.body.get("purpose", "")),
            entry.body.get("rows"),
            entry.kind == "refused",
            entry.kind == "bulk read",
        )
        for entry in entries
        if entry.kind in READS
        for table in str(entry.body.get("table") or entry.body.get("tables") or "").split(", ")
        if table
    ]


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


def people(store: Store, catalog: Catalog, snapshot: int, tables: Iterable[str]) -> int:
    """Return how many people some tables hold together, each once; for the officer's eyes."""
    keys = [
        (name, catalog.tables[name].subject_key)
        for name in tables
        if name in catalog.tables and catalog.tables[name].subject_key
    ]
    if not keys:
        return 0
    everyone = " UNION ".join(f'SELECT "{key}" AS person FROM lake."{name}"' for name, key in keys)
    connection = store.connect()
    try:
        store.attach(connection, snapshot)
        row = connection.execute(
            f"SELECT count(DISTINCT person) FROM ({everyone})"
        ).fetchone()  # why: names are the catalog's, checked there
        return int(row[0]) if row else 0
    finally:
        connection.close()
