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


@dataclass(frozen=True)
class Read:
    """One read, or a refused attempt at one; ``rows`` is None where the log does not say."""

    at: dt.datetime
    reader: str
    role: str
    table: str
    purpose: str
    rows: int | None
    refused: bool


def from_audit(entries: Iterable[Entry]) -> list[Read]:
    """Return the reads the workbench's own audit log holds."""
    found = []
    for entry in entries:
        if entry.kind in ("open", "refused", "release") and entry.body.get("table"):
            body = entry.body
            found.append(
                Read(
                    entry.at.replace(tzinfo=None),
                    str(body.get("who", "")),
                    str(body.get("role") or "workbench"),
                    str(body["table"]),
                    str(body.get("purpose", "")),
                    body.get("rows"),
                    entry.kind == "refused",
                )
            )
    return found


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
