"""What an incident may concern: from who read what, an upper bound, never a guess downwards."""

import datetime as dt
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from workbench.catalog import Catalog
from workbench.errors import InputError, require_known
from workbench.lifecycle.incidents.reads import Read, between


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

    def to_json(self) -> dict[str, Any]:
        """Return it as a register keeps it."""
        return {
            **{name: list(value) for name, value in vars(self).items() if isinstance(value, tuple)},
            "reads": self.reads,
            "refused": self.refused,
            "subjects_at_most": self.subjects_at_most,
            "records_at_most": self.records_at_most,
            "first": self.first.isoformat() if self.first else None,
            "last": self.last.isoformat() if self.last else None,
        }


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
