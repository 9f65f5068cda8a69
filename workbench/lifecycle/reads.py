"""Who read what, from any log of reads: what an incident may concern, and what nobody reads."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from workbench.catalog import Catalog
from workbench.errors import InputError, require_known
from workbench.lifecycle.law import add_months
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


@dataclass(frozen=True)
class Scope:
    """What a log of reads says an incident may concern.

    Attributes
    ----------
    readers, tables, kinds, sensitivities : tuple of str
        Who read; which tables; the catalog's kinds of data, and sensitivities of their columns.
    reads, refused : int
    subjects_at_most : int or None
        People whose data may have been read; None where no log says.
    records_at_most : int or None
        Rows that were read of them; None where the log does not say of every read.
    first, last : datetime or None
    """

    readers: tuple[str, ...]
    tables: tuple[str, ...]
    kinds: tuple[str, ...]
    sensitivities: tuple[str, ...]
    reads: int
    refused: int
    subjects_at_most: int | None
    records_at_most: int | None
    first: dt.datetime | None
    last: dt.datetime | None


def scope_of(
    reads: Sequence[Read],
    catalog: Catalog,
    people: Callable[[Sequence[str]], int],
    *,
    gone: Callable[[Sequence[Read]], int | None] = lambda _: 0,
    readers: Sequence[str] = (),
    tables: Sequence[str] = (),
    since: dt.date | None = None,
    until: dt.date | None = None,
) -> Scope:
    """Return what some readers, tables and days of a log amount to.

    Parameters
    ----------
    reads : sequence of Read
    catalog : Catalog
    people : callable
        How many people some tables about customers hold together.
    gone : callable
        How many people at most some reads of such tables met, besides; None where no log says.
    readers, tables : sequence of str
        Only these; all when empty.
    since, until : date, optional

    Returns
    -------
    Scope
        People at most: no more than the tables read hold or held together, and no more than rows
        were read of them where the log says how many.

    Raises
    ------
    UnknownName, InputError
        No read on record is by such a reader, or no such table is declared or on record; the days
        are none.
    """
    # why refused: a slip would leave out reads that happened
    if since is not None and until is not None and since > until:
        raise InputError(f"reads from {since} to {until} are none. Correct one of the two days.")
    require_known("reader on record", {read.reader for read in reads}, *readers)
    require_known("table", {*catalog.tables, *(read.table for read in reads)}, *tables)
    chosen = [
        read
        for read in between(reads, since, until)
        if (not readers or read.reader in readers) and (not tables or read.table in tables)
    ]
    allowed = [read for read in chosen if not read.refused]
    touched = tuple(sorted({read.table for read in allowed}))
    known = [catalog.tables[name] for name in touched if name in catalog.tables]
    about = [n for n in touched if n in catalog.tables and not catalog.tables[n].operational]
    of_people = [read for read in allowed if read.table in about]
    more = gone(of_people)
    aside = [read.rows for read in of_people if read.aside]  # why added: of people in no table
    records = _records(of_people)
    bounds = [records]
    if more is not None and None not in aside:
        bounds.append((people(about) if about else 0) + more + sum(filter(None, aside)))
    at_most = min((each for each in bounds if each is not None), default=None)
    sensitivities = {column.sensitivity for table in known for column in table.columns.values()}
    order = ("public", "internal", "personal", "sensitive")
    return Scope(
        tuple(sorted({read.reader for read in chosen})),
        touched,
        tuple(sorted({table.kind for table in known})),
        tuple(name for name in order if name in sensitivities),
        len(allowed),
        len(chosen) - len(allowed),
        at_most if chosen else None,
        records if chosen else None,
        min((read.at for read in chosen), default=None),
        max((read.at for read in chosen), default=None),
    )


def _records(reads: Sequence[Read]) -> int | None:
    """Return how many rows some reads met at most; None where the log does not say of every one."""
    rows: list[int | None] = []
    held: dict[tuple[str, int | None], int] = {}
    for read in reads:
        if read.held is not None:  # why once a snapshot: it has the same rows for every read
            place = read.table, read.snapshot
            held[place] = max(held.get(place, 0), read.held)
        else:  # why none of a result: with it went others that no log has
            rows.append(None if read.among_others else read.rows)
    known = [each for each in rows if each is not None]
    return sum(known) + sum(held.values()) if len(known) == len(rows) else None


@dataclass(frozen=True)
class Unread:
    """One column no purpose read.

    ``last_read`` is None where it was never read as far as the log goes back.
    """

    table: str
    column: str
    sensitivity: str
    last_read: dt.date | None


@dataclass(frozen=True)
class Minimisation:
    """Columns about customers that were not read in a span.

    Attributes
    ----------
    unread : tuple of Unread
    columns : int
        Columns about customers in all, keys left out.
    since : date
        Begin of the span.
    log_begins : date or None
        First entry of the log; later than ``since``, the span is not covered yet.
    """

    unread: tuple[Unread, ...]
    columns: int
    since: dt.date
    log_begins: dt.date | None

    @property
    def covered(self) -> bool:
        """Whether the log goes back as far as the span."""
        return self.log_begins is not None and self.log_begins <= self.since


def minimisation(
    catalog: Catalog, entries: Iterable[Entry], *, today: dt.date, months: int
) -> Minimisation:
    """Return the columns no purpose opened in the last months, by the audit log.

    Subject keys are left out: every read needs them.
    """
    since = add_months(dt.datetime.combine(today, dt.time()), -months).date()
    last: dict[tuple[str, str], dt.date] = {}
    begins: dt.date | None = None
    for entry in entries:
        day = entry.at.date()
        begins = begins or day
        if entry.kind == "open":
            for column in entry.body.get("columns", ()):
                last[entry.body["table"], column] = day
    columns = [
        (table_name, name, column)
        for table_name, table in catalog.tables.items()
        if not table.operational
        for name, column in table.columns.items()
        if name != table.subject_key
    ]
    unread = tuple(
        Unread(table, name, column.sensitivity, last.get((table, name)))
        for table, name, column in columns
        if last.get((table, name), dt.date.min) < since
    )
    return Minimisation(unread, len(columns), since, begins)
