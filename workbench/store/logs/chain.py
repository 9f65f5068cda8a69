"""An append-only, hash-chained log in a SQL database: what the ledger and the audit log stand on.

Every entry carries the hash of the one before it, so an altered, swapped or missing entry shows
where the chain breaks. One file lock in front of the database makes writers wait in line; without
it one of eight starves.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from sqlalchemy import Column, Connection, Integer, MetaData, Table, Text, select, text

from workbench.documents import canonical, parse_json
from workbench.errors import StorageError
from workbench.periods import local
from workbench.store.durable import LOCK_WAIT_SECONDS, file_lock
from workbench.store.logs.counted import known, remember, unmarked
from workbench.store.logs.counted import lost as lost_text
from workbench.store.logs.databases import engine_of, guarded, opened, path_of, unreadable

GENESIS = "0" * 64


@dataclass(frozen=True)
class Entry:
    """One line of a chained log."""

    seq: int
    at: dt.datetime
    kind: str
    body: Mapping[str, Any]
    hash: str
    subject: str | None = None
    ref: str | None = None


def entry_hash(
    previous: str, seq: int, at: str, kind: str, subject: str | None, ref: str | None, body: str
) -> str:
    """Return the hash that chains an entry, every field of it, to the one before it."""
    fields = [previous, seq, at, kind, subject, ref, body]
    content = json.dumps(fields, default=repr)  # why repr: a tampered field may be of any type
    return hashlib.sha256(content.encode()).hexdigest()


def fits(previous: str, row: Any) -> bool:
    """Return whether an entry was written as it stands after the one with this hash."""
    fields = (row.at, row.kind, row.subject, row.ref, row.body)
    return bool(entry_hash(previous, row.seq, *fields) == row.hash)


class Chain:
    """A chained log in one table of one database.

    Parameters
    ----------
    url, name : str
        SQLAlchemy's URL, ``sqlite:////…`` for a file; and the table's name.
    lock_path : Path
        File whose lock orders the writers of this machine.
    error : type
        What to raise when the log cannot be trusted or written.
    wait_seconds : float
        How long a write waits for others.
    zone : tzinfo
        In which entries tell their times; written they are in UTC.
    begun : Path, optional
        A private folder that keeps what the log held first, by which a lost one is missed.
    """

    def __init__(
        self,
        url: str,
        name: str,
        lock_path: Path,
        error: type[StorageError],
        *,
        wait_seconds: float = LOCK_WAIT_SECONDS,
        zone: dt.tzinfo = dt.UTC,
        begun: Path | None = None,
    ) -> None:
        self.url, self.name, self.error, self.zone = url, name, error, zone
        self._begun = begun
        self._lock_path, self._wait_seconds = lock_path, wait_seconds
        self._engine = engine_of(url, wait_seconds)
        self.table = Table(
            name,
            MetaData(),
            Column("seq", Integer, primary_key=True, autoincrement=True),
            Column("at", Text, nullable=False),
            Column("kind", Text, nullable=False),
            Column("subject", Text, index=True),
            Column("ref", Text, index=True),
            Column("body", Text, nullable=False),
            Column("hash", Text, nullable=False, unique=True),
            sqlite_autoincrement=True,
        )

    @property
    def path(self) -> str:
        """Where the log is, for messages."""
        return path_of(self.url)

    def take_over(self) -> None:
        """Bring what must be in this log before it is read or written: nothing, see `Events`."""

    @contextmanager
    def writing(
        self, committed: Callable[[], None] = lambda: None, *, mark: bool = False
    ) -> Iterator[Writer]:
        """Open one durable write: lock, ``BEGIN IMMEDIATE``, commit at the end, or nothing.

        Parameters
        ----------
        committed : callable
            Called once the write is durable and before the lock is given back.
        mark : bool
            Keep the end outside the log, too, so that it is missed when it is cut off.
        """
        self.take_over()
        engine = self._engine.execution_options(writes=True)
        with file_lock(self._lock_path, self.error, wait_seconds=self._wait_seconds):
            with guarded(self.path, self.error), engine.begin() as connection:
                if not self._engine.dialect.has_table(connection, self.name):
                    self.table.metadata.create_all(connection)
                writer = Writer(self, connection)
                self._require_begun(writer)
                yield writer
                head = writer.head()
            if self._begun is not None and head[0] and (mark or self.marked() == (0, "")):
                remember(self._begun, self.name, *head)
            committed()

    @contextmanager
    def reading(self, *, lost: bool = False) -> Iterator[Reader]:
        """Read at one moment in time; an absent log is an empty one.

        With ``lost`` one that is not what was begun is read too, to be looked over.
        """
        if not lost:
            self.take_over()
        with opened(self._engine, self.url, self.name, self.error) as connection:
            reader = Reader(self, connection)
            if not lost:
                self._require_begun(reader)
            yield reader

    def marked(self) -> tuple[int, str]:
        """Return number and hash of the entry it is known to have held; (0, "") if of none."""
        return (0, "") if self._begun is None else known(self._begun, self.name)

    def _require_begun(self, read: Reader) -> None:
        """Refuse a log that does not hold the entry it is known to have held."""
        seq, hash_ = self.marked()
        if hash_ and read.hash_at(seq) != hash_:
            raise self.error(lost_text(Path(self.path), f"it does not hold entry {seq} any more"))
        if not hash_ and self._begun and unmarked(self._begun, self.name) and not read.head()[0]:
            raise self.error(lost_text(Path(self.path), "the ledger beside it was written"))

    def lost(self) -> bool:
        """Return whether the log is not there, or not the one that was begun."""
        try:
            with self.reading(lost=True) as read:
                self._require_begun(read)
        except StorageError:
            return True
        return False

    def begin_anew(self) -> None:
        """Let a lost log begin anew; who may say so is asked before."""
        if self._begun is not None:
            remember(self._begun, self.name, 0)

    def entries(self, kind: str | None = None, **match: str) -> list[Entry]:
        """Return entries in order, of one ``kind``, ``subject`` or ``ref`` when asked."""
        with self.reading() as read:
            return read.entries(kind, 0, **match)

    def head(self) -> tuple[int, str]:
        """Return (sequence number, hash) of the last entry; (0, zeros) when empty."""
        with self.reading() as read:
            return read.head()

    def hash_at(self, seq: int) -> str | None:
        """Return the hash of one entry, or None when there is none."""
        with self.reading() as read:
            return read.hash_at(seq)

    def verify(self) -> int:
        """Recompute the whole chain; return how many entries hold.

        Raises
        ------
        StorageError
            Of this log's error class: names the first entry that does not fit.
        """
        with self.reading() as read:  # a lost log is told as one
            if read._connection is None:
                return 0
            previous, last, count = GENESIS, 0, 0
            for row in read._connection.execute(select(self.table).order_by(self.table.c.seq)):
                self._require_fit(row, previous, last)
                previous, last, count = row.hash, row.seq, count + 1
            self._require_end(read._connection, last)
            return count

    def _require_fit(self, row: Any, previous: str, last: int) -> None:
        """Refuse an entry whose hash is not that of its content and of the entry before it."""
        if fits(previous, row):
            return  # numbers may jump where the jump itself was hashed, see `Writer.append`
        if row.seq != last + 1:
            raise self.error(f"{self.path}: entry {last + 1} is missing before {row.seq}.")
        raise self.error(
            f"{self.path}: entry {row.seq} ({row.kind}, {row.at}) does not fit the one "
            "before it: it or its neighbour was altered, swapped or removed."
        )

    def _require_end(self, connection: Connection, last: int) -> None:
        """Refuse a log whose end was cut off: SQLite counts every entry there ever was."""
        ever = self._ever(connection)
        if ever > last:
            raise self.error(
                f"{self.path}: entry {last + 1} is missing: {ever - last} were cut off at the end. "
                "Restore it from the last backup with 'workbench store restore'; until then "
                "nothing is written to it."
            )

    def _ever(self, connection: Connection) -> int:
        """Return the largest number an entry ever had, by the database's own count; else 0."""
        if self._engine.dialect.name != "sqlite":
            return 0
        counted = "SELECT seq FROM sqlite_sequence WHERE name = ?"
        return int(connection.exec_driver_sql(counted, (self.name,)).scalar() or 0)

    def close(self) -> None:
        """Close the database."""
        self._engine.dispose()


def log_in(folder: Path, name: str, error: type[StorageError] = StorageError, **more: Any) -> Chain:
    """Return the chained log of a name in a folder; ``more`` is what `Chain` takes besides."""
    lock = folder / f"{name}.lock"
    return Chain(f"sqlite:///{folder / name}.sqlite", name, lock, error, **more)


_QUERY = """
SELECT e.seq, e.at, e.kind, e.subject, e.ref, e.body, e.hash,
    (SELECT p.hash FROM {table} p WHERE p.seq < e.seq ORDER BY p.seq DESC LIMIT 1) AS before,
    (SELECT max(p.seq) FROM {table} p WHERE p.seq < e.seq) AS last
FROM {table} e WHERE {where}
"""


_text = lru_cache(maxsize=128)(text)  # why: made anew it took longer than the look-up itself


class Reader:
    """What may be read at one moment in time; every entry is hashed again as it is read."""

    def __init__(self, chain: Chain, connection: Connection | None) -> None:
        self._chain, self._connection = chain, connection

    def entries(self, kind: str | None = None, after: int = 0, **match: str) -> list[Entry]:
        """Return entries in order, of one ``kind``, ``subject`` or ``ref``, after a number."""
        clauses = "".join(f" AND e.{column} = :{column}" for column in match)
        if kind is not None:
            clauses += " AND e.kind = :kind"
        where = f"e.seq > :after{clauses} ORDER BY e.seq"
        return self._read(where, {"after": after, "kind": kind, **match})

    def entry(self, seq: int) -> Entry | None:
        """Return one entry by its number."""
        return next(iter(self._read("e.seq = :seq", {"seq": seq})), None)

    def last(
        self,
        *kinds: str,
        upto: int | None = None,
        until: dt.datetime | None = None,
        after: int = 0,
        first: bool = False,
        **match: str,
    ) -> Entry | None:
        """Return the last or first entry of some kinds, after and up to numbers or a time."""
        values: dict[str, Any] = {f"kind{i}": kind for i, kind in enumerate(kinds)}
        clauses = [f"e.kind IN ({', '.join(f':{name}' for name in values)})"] if kinds else []
        # why a plus: the engine is to look up by something narrower
        clauses += [f"+e.seq > {after:d}", *(f"e.{column} = :{column}" for column in match)]
        order = "e.seq" if first else "e.seq DESC"
        if upto is not None:
            clauses.append("e.seq <= :upto")
        if until is not None:
            clauses.append("e.at <= :until")
            values["until"], order = _stamp(until), "e.at DESC, e.seq DESC"
        where = f"{' AND '.join(clauses)} ORDER BY {order} LIMIT 1"
        return next(iter(self._read(where, {**values, "upto": upto, **match})), None)

    def last_referring(self) -> Entry | None:
        """Return the last entry that refers to something."""
        return next(iter(self._read("e.ref IS NOT NULL ORDER BY e.seq DESC LIMIT 1", {})), None)

    def head(self) -> tuple[int, str]:
        """Return (sequence number, hash) of the last entry; (0, zeros) when empty."""
        if self._connection is None:
            return 0, GENESIS
        columns = self._chain.table.c
        query = select(columns.seq, columns.hash).order_by(columns.seq.desc()).limit(1)
        row = self._connection.execute(query).first()
        return (row.seq, row.hash) if row else (0, GENESIS)

    def hash_at(self, seq: int) -> str | None:
        """Return the hash of one entry, or None when there is none."""
        return self.hashes((seq,)).get(seq)

    def hashes(self, seqs: Sequence[int]) -> dict[int, str]:
        """Return the hashes of those entries that are there, by their numbers."""
        found = {0: GENESIS} if 0 in seqs else {}
        if self._connection is not None:
            columns = self._chain.table.c
            query = select(columns.seq, columns.hash).where(columns.seq.in_(seqs))
            found |= {row.seq: row.hash for row in self._connection.execute(query)}
        return found

    def refs(self, kind: str) -> set[str]:
        """Return what the entries of a kind refer to."""
        if self._connection is None:
            return set()
        columns = self._chain.table.c
        query = select(columns.ref).where(columns.kind == kind, columns.ref.is_not(None)).distinct()
        return {row.ref for row in self._connection.execute(query)}

    def ever(self) -> int:
        """Return the largest number an entry ever had, by the database's own count; else 0."""
        return 0 if self._connection is None else self._chain._ever(self._connection)

    def _read(self, where: str, values: Mapping[str, Any]) -> list[Entry]:
        if self._connection is None:
            return []
        found = []
        query = _QUERY.format(table=self._chain.name, where=where)
        for row in self._connection.execute(_text(query), values):
            try:
                at = local(dt.datetime.fromisoformat(row.at), self._chain.zone)
                body = parse_json(row.body)
            except (ValueError, TypeError) as problem:  # nobody here wrote that
                raise unreadable(self._chain.path, problem, self._chain.error) from None
            self._chain._require_fit(row, row.before or GENESIS, row.last or 0)
            found.append(Entry(row.seq, at, row.kind, body, row.hash, row.subject, row.ref))
        return found


class Writer(Reader):
    """What may be done inside one durable write."""

    def append(
        self,
        kind: str,
        body: Mapping[str, Any],
        *,
        at: dt.datetime,
        subject: str | None = None,
        ref: str | None = None,
        seq: int | None = None,
    ) -> Entry:
        """Add one entry; it is durable when the surrounding write ends.

        Parameters
        ----------
        seq : int, optional
            Its number, where numbers that are known to have been given away, by an end that is
            lost, must not be given away again. The next one when left out.
        """
        if self._connection is None:
            raise self._chain.error(f"{self._chain.path} is not open for writing.")
        last, previous = self.head()
        if seq is None:
            self._chain._require_end(self._connection, last)
        number = last + 1 if seq is None else max(seq, last + 1)
        content, stamp = canonical(body), _stamp(at)
        new = entry_hash(previous, number, stamp, kind, subject, ref, content)
        self._connection.execute(
            self._chain.table.insert().values(
                seq=number, at=stamp, kind=kind, subject=subject, ref=ref, body=content, hash=new
            )
        )
        return Entry(number, local(at, self._chain.zone), kind, body, new, subject, ref)


def _stamp(at: dt.datetime) -> str:
    """Return a time as it is written: all in UTC and of one length, so that text order is time."""
    return at.astimezone(dt.UTC).isoformat(timespec="microseconds")
