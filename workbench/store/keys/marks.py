"""Marks on customers who were erased, restricted or who objected, without saying who they are.

A mark is HMAC-SHA-256 of the customer's key under a secret of its own, sealed under the master key.
It outlives a rotation of the master key and goes into every backup, so that an erased customer is
recognised, and left out, whenever older data comes back: from a source file or from a backup.

Two purposes cannot be joined, and nobody without the key can go back.
"""

import datetime as dt
import hashlib
import hmac
import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from workbench.documents import parse_json
from workbench.errors import StorageError, StoreMissing
from workbench.store import Connection
from workbench.store.durable import content_of, file_lock, write_whole
from workbench.store.keys.master import derive, sealed_secret
from workbench.store.keys.sources import Keys
from workbench.store.lake_files import in_lake
from workbench.store.logs.counted import Counted, known, lost, remember

# "lifted" is of before: it ended both a restriction and an objection
Kind = Literal[
    "erased", "restricted", "objected", "restriction lifted", "objection lifted", "lifted"
]
EVERY_PURPOSE = "*"
REACHED = "* that an objection reaches"  # which these are, the catalog says
_ENDS = {
    "restriction lifted": ("restricted",),
    "objection lifted": ("objected",),
    "lifted": ("restricted", "objected"),
}
FILE = "marks.jsonl"
_BLOCK_BYTES = 64  # of SHA-256, see RFC 2104
_SCHEMA = "memory._marks"


@dataclass(frozen=True)
class Mark:
    """One line: what was marked, when, and for which purposes."""

    kind: Kind
    mark: str
    at: str
    purposes: tuple[str, ...] = ()

    def to_json(self) -> str:
        """Return it as one line."""
        return json.dumps(vars(self), sort_keys=True)


class Marks(Counted[Mark]):
    """The marks of one workspace.

    Parameters
    ----------
    private : Path
        The workspace's private folder.
    keys : Keys
        What the marks' own secret is sealed with.
    """

    missed = "marks, without which erased customers come back"

    def __init__(self, private: Path, keys: Keys) -> None:
        super().__init__(private, FILE)
        self._keys = keys
        self.copy: Path | None = None  # beside the backups
        self.secret_path = keys.folder / "marks.sealed"

    def of(self, subject: str) -> str:
        """Return a customer's mark."""
        return next(self.of_each([subject]))

    def of_each(self, subjects: Iterable[str]) -> Iterator[str]:
        """Yield customers' marks; the secret is opened once."""
        secret = self.secret()
        for subject in subjects:
            yield hmac.new(secret, subject.encode(), hashlib.sha256).hexdigest()

    def _read(self, path: Path) -> list[Mark]:
        try:
            content = content_of(path) or b""
        except OSError as problem:
            raise StorageError(f"{path} cannot be read: {problem.strerror}.") from None
        return read_marks(content.decode(errors="replace"), path)

    def _write(self, lines: Iterable[Mark]) -> None:
        write_whole(self.path, "".join(f"{each.to_json()}\n" for each in lines).encode())

    def erased(self) -> dict[str, str]:
        """Return the marks of erased customers, and when each was erased first."""
        found: dict[str, str] = {}
        for each in self.all():
            if each.kind == "erased":
                found.setdefault(each.mark, each.at)
        return found

    def barred(self, purpose: str, *, reached: bool = True) -> dict[str, set[str]]:
        """Return the marks of customers whose rows a purpose may not read, and why, by mark.

        Parameters
        ----------
        reached : bool
            Whether an objection to every purpose reaches this one.

        Returns
        -------
        dict
            Mark to "restricted", "objected" or both, each ended by itself alone.
        """
        scopes = {purpose, EVERY_PURPOSE} | ({REACHED} if reached else set())
        found: dict[str, set[str]] = {}
        for each in self.all():
            if each.kind == "erased" or not scopes & set(each.purposes):
                continue
            why = found.setdefault(each.mark, set())
            if each.kind in _ENDS:
                why.difference_update(_ENDS[each.kind])
            else:
                why.add(each.kind)
        return {mark: why for mark, why in found.items() if why}

    def add(self, kind: Kind, mark: str, *, at: dt.datetime, purposes: Sequence[str] = ()) -> None:
        """Add a mark; durable when this returns. It counts after all that are there."""
        there = self.all()  # why not as it is read: what was altered would be taken for whole
        # why not before: under a clock that was ahead one was set, and this one is the later word
        when = at.astimezone(dt.UTC)
        if there:
            when = max(when, dt.datetime.fromisoformat(there[-1].at) + dt.timedelta.resolution)
        stamp = when.isoformat(timespec="microseconds")
        self.merge([Mark(kind, mark, stamp, tuple(purposes))])

    def merge(self, others: Iterable[Mark]) -> int:
        """Add lines that are not there, such as those beside a backup; return how many."""
        return self._merge(dict.fromkeys(others))

    def prepare(self, connection: Connection, marks: Iterable[str], name: str = "chosen") -> None:
        """Give an engine the marks' key and some marks, in tables: a constant shows in plans."""
        inner, outer = padded(self.secret())
        connection.execute(f"CREATE SCHEMA IF NOT EXISTS {_SCHEMA}")
        connection.execute(f"CREATE OR REPLACE TABLE {_SCHEMA}.key (_inner BLOB, _outer BLOB)")
        connection.execute(f"INSERT INTO {_SCHEMA}.key VALUES (?, ?)", [inner, outer])
        # why no parameter: marks are hexadecimal digits, and a list as one would import pandas
        texts = ",".join(sorted(marks))
        connection.execute(
            f"CREATE OR REPLACE TABLE {_SCHEMA}.{name} AS SELECT mark FROM "
            f"(SELECT unnest(string_split('{texts}', ',')) AS mark) WHERE mark <> ''"
        )

    def look_up(self, connection: Connection, table: str, key: str, name: str = "chosen") -> str:
        """Look up which customers of a table are marked; return SQL that is true for their rows.

        A hash of each customer and not of each row. Not within a transaction on the lake.
        """
        people = f'{_SCHEMA}."{key} of {table}"'
        connection.execute(
            f'CREATE OR REPLACE TABLE {people} AS SELECT "{key}" FROM '
            f'(SELECT DISTINCT "{key}" FROM {in_lake(table)}) WHERE {marked_sql(key, name)}'
        )
        return f'coalesce("{key}" IN (SELECT "{key}" FROM {people}), false)'

    def lost(self) -> bool:
        """Return whether there are fewer than there were, or none can say whose they are."""
        return super().lost() or self._nobodys() or self._altered(self._read(self.path))

    def begin_anew(self) -> None:
        """Let what is lost be lost; who may say so is asked before."""
        if self._nobodys():
            self._write([])
        super().begin_anew()

    def all(self) -> list[Mark]:
        """Return every mark, oldest first."""
        self._require_somebodys()
        there = super().all()
        if self._altered(there):
            raise StorageError(lost(self.path, "a line is not the one that was written"))
        return there

    def _altered(self, there: Sequence[Mark]) -> bool:
        """Return whether a line is not the one that was counted."""
        count, digest = known(self._private, FILE)
        return digest not in ("", _digest(there[:count]))

    def _known(self) -> int:
        """Return how many there were; of a count that is lost itself, as many as were copied."""
        if self.copy is None or (self._keys.folder / f"{FILE}.mark").exists():
            return super()._known()
        return len(self._read(self.copy))

    def _remember(self, count: int) -> None:
        there = self._read(self.path)
        # why none of fewer: what is missing will be put back
        remember(self._private, FILE, count, _digest(there) if len(there) == count else "")

    def _nobodys(self) -> bool:
        return not self.secret_path.exists() and bool(self._read(self.path))

    def _require_somebodys(self) -> None:
        if self._nobodys():
            raise StoreMissing(lost(self.secret_path, f"nobody is known by {FILE} without it"))

    def secret(self) -> bytes:
        """Return the marks' own secret; made when it is not there, nor any mark.

        Raises
        ------
        StoreMissing
            It is lost: nobody would be known by their mark.
        """
        self._require_somebodys()
        if not self.secret_path.exists():
            with file_lock(self._keys.folder / "lock"):
                return sealed_secret(self.secret_path, self._keys.candidates())
        return sealed_secret(self.secret_path, self._keys.candidates())


def _digest(marks: Iterable[Mark]) -> str:
    return hashlib.sha256("".join(each.to_json() for each in marks).encode()).hexdigest()


def read_marks(text: str, place: object) -> list[Mark]:
    """Return the marks of a file's text.

    Raises
    ------
    StorageError
        A line is no mark: names it.
    """
    found = []
    for number, line in enumerate(text.splitlines(), 1):
        try:
            content: dict[str, Any] = parse_json(line)
            found.append(Mark(**{**content, "purposes": tuple(content["purposes"])}))
        except (ValueError, KeyError, TypeError):
            raise StorageError(
                f"{place}: line {number} is not a mark. Put the file back from a backup: without "
                "it, erased customers could come back."
            ) from None
    return found


def marked_sql(key: str, name: str = "chosen") -> str:
    """Return SQL that is true where a key column's customer is one of the prepared marks."""
    inner, outer = (f"(SELECT _{part} FROM {_SCHEMA}.key)" for part in ("inner", "outer"))
    mark = hmac_sql(f'CAST("{key}" AS VARCHAR)', inner, outer)
    return f"coalesce({mark} IN (SELECT mark FROM {_SCHEMA}.{name}), false)"


def hmac_sql(value: str, inner: str, outer: str) -> str:
    """Return SQL for HMAC-SHA-256 of a text, of a key padded both ways (RFC 2104)."""
    return f"sha256({outer} || unhex(sha256({inner} || encode({value}))))"


def padded(key: bytes) -> tuple[bytes, bytes]:
    """Return a key padded both ways, as HMAC wants it."""
    block = key.ljust(_BLOCK_BYTES, b"\0")
    inner, outer = (bytes(each ^ byte for each in block) for byte in (0x36, 0x5C))
    return inner, outer


KEYS = "memory._keys"  # one table of one row a purpose; no purpose's name starts so


def pseudonym_sql(key: str, purpose: str) -> str:
    """Return SQL for HMAC-SHA-256 of a key column; the key material is a row of a table."""
    inner, outer = (f'{KEYS}."{purpose}"._{part}' for part in ("inner", "outer"))
    return f'{hmac_sql(f"""CAST("{key}" AS VARCHAR)""", inner, outer)} AS "{key}"'


def set_pseudonym_key(connection: Connection, purpose: str, master_key: bytes) -> None:
    """Give the engine the padded key of one purpose (RFC 2104), outside any SQL text.

    In a table, for a constant would stand in query plans, which notebooks show.
    """
    inner, outer = padded(derive(master_key, f"purpose:{purpose}"))
    connection.execute(f"CREATE SCHEMA IF NOT EXISTS {KEYS}")
    connection.execute(f'CREATE OR REPLACE TABLE {KEYS}."{purpose}" (_inner BLOB, _outer BLOB)')
    connection.execute(f'INSERT INTO {KEYS}."{purpose}" VALUES (?, ?)', [inner, outer])
