"""The store: a DuckLake of encrypted files, read at one exact snapshot.

Writers hold a file lock and write ``catalog.ducklake``; when done they publish an immutable copy of
it. Readers attach the newest copy read-only, so a kernel left open never blocks a writer and keeps
seeing the data it started with.
"""

from __future__ import annotations

import importlib
import json
import shutil
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from functools import cached_property
from pathlib import Path
from typing import Any

from workbench.errors import StorageError, StoreMissing
from workbench.store import Connection
from workbench.store.corrections import Corrections
from workbench.store.durable import file_lock, sync
from workbench.store.keys.marks import Marks
from workbench.store.keys.master import derive
from workbench.store.keys.sources import Keys, Kind
from workbench.store.lake_files import (
    is_shredded,
    losses_told,
    put_back,
    remove_unnamed,
    spill_folder,
    sync_new,
    there,
)
from workbench.store.quality.rules import literal
from workbench.store.versions import Change, changes_of, ended, newest

_EXTENSIONS = ("ducklake", "httpfs")
_CATALOG = "catalog.ducklake"
_UTC = "SET TimeZone = 'UTC'"  # of a connection, not of the engine
_checked: set[Path] = set()  # extensions whose signature this process has checked


class Store:
    """The data of one workspace, by its private folder and where its master key is.

    ``given`` is the key itself, where it is to stand on no disk.
    """

    def __init__(self, folder: Path, key: Kind = "file", given: bytes | None = None) -> None:
        self.folder = folder / "store"
        self.keys = folder / "keys"
        self.key_source = Keys(self.keys, key, given)
        self.marks = Marks(folder, self.key_source)
        self.corrections = Corrections(folder, self.marks)
        self.data = self.folder / "data"
        self._temp = folder / "tmp"

    @cached_property
    def master_key(self) -> bytes:
        """The workspace's master key."""
        return self.key_source.read()

    def forget_key(self) -> None:
        """Read the master key anew when it is needed next: it was rotated."""
        self.__dict__.pop("master_key", None)

    def make_key(self) -> None:
        """Make the master key of a new store.

        Raises
        ------
        StoreMissing
            There is data and no key: a new key would not open it, and would hide that it is lost.
        """
        if self.catalog_path.exists():
            self.key_source.read()
        else:
            self.key_source.make()

    @property
    def catalog_path(self) -> Path:
        """The lake's own catalog, which only writers open."""
        return self.folder / _CATALOG

    @property
    def exists(self) -> bool:
        """Whether anything was ever loaded."""
        return any(self.folder.glob("snapshots/*.ducklake"))

    def latest_snapshot(self) -> int:
        """Return the newest published snapshot."""
        numbers = self.published()
        if not numbers:
            raise StoreMissing(
                f"no data at {self.folder}. Run 'workbench init' to load the estate's files."
            )
        return max(numbers)

    def published(self) -> list[int]:
        """Return the snapshots that readers may attach."""
        return [int(p.stem) for p in self.folder.glob("snapshots/*.ducklake") if p.stem.isdigit()]

    def connect(self) -> Connection:
        """Open an engine with our extensions, private encrypted spill, and UTC."""
        import duckdb

        _folder(self._temp)
        paths = [_extension(name) for name in _EXTENSIONS]
        # why: a check of a signature reads the whole file, 0.1 s each; once a process is enough
        known = "true" if _checked.issuperset(paths) else "false"
        connection = duckdb.connect(config={"allow_unsigned_extensions": known})
        for path in paths:
            connection.execute(f"LOAD {literal(path)}")
        _checked.update(paths)
        connection.execute(_UTC)
        connection.execute("SET temp_file_encryption = true")
        connection.execute(f"SET temp_directory = {literal(spill_folder(self._temp))}")
        connection.execute("SET autoinstall_known_extensions = false")
        return connection

    @contextmanager
    def again(self, connection: Connection) -> Iterator[Connection]:
        """Open another connection to an engine and what it has attached, for another thread."""
        with connection.cursor() as another:
            another.execute(_UTC)
            yield another

    def attach(self, connection: Connection, snapshot: int, name: str = "lake") -> None:
        """Attach one snapshot, read-only; refuse one that has ended or that no key opens."""
        path = self.folder / "snapshots" / f"{snapshot}.ducklake"
        if self.exists and not path.exists():
            raise StoreMissing(ended(f"snapshot {snapshot}"))
        self._attach(connection, path, "READ_ONLY", name)

    def attach_writable(self, connection: Connection) -> None:
        """Attach the lake itself as ``lake``; the caller holds the writers' lock."""
        if not self.catalog_path.exists():  # why: the engine would begin an empty one
            put_back(self.catalog_path, "")
        self._attach(connection, self.catalog_path, "READ_WRITE")

    def _attach(self, connection: Connection, path: Path, option: str, name: str = "lake") -> None:
        self.masters()  # why first: without a key that is what is wrong
        if is_shredded(path):
            raise StoreMissing(
                f"the data at {self.folder} were destroyed by 'workbench store keys shred'. To "
                "begin anew, remove that folder and run 'workbench init'."
            )

        def sql(key: str) -> str:
            # why override: a workspace may be moved, the catalog knows where it was made
            return (
                f"ATTACH {literal(f'ducklake:{path}')} AS {name} (DATA_PATH {literal(self.data)}, "
                f"OVERRIDE_DATA_PATH true, ENCRYPTED, META_ENCRYPTION_KEY '{key}', "
                f"DATA_INLINING_ROW_LIMIT 0, {option})"
            )

        if self.attach_by_key(connection, path, sql, f"the store at {self.folder}") is not None:
            return
        if self.key_source.read() != self.master_key:
            raise StoreMissing(
                "the key of this store was rotated since the workspace was opened. Open it again "
                "(restart the kernel): pseudonyms are new too."
            )
        raise StoreMissing(
            f"the key in {self.key_source.place()} is not the key of this store. Put the right one "
            "back; nothing was changed."
        )

    def attach_by_key(
        self, connection: Connection, path: Path, sql: Callable[[str], str], what: str
    ) -> bytes | None:
        """Attach a catalog by whichever master key opens it, and return that; None where none."""
        import duckdb

        # why several: while the key is being rotated, some files are under the next one already
        for master in self.masters():
            key = derive(master, "lake-catalog").hex()
            try:
                connection.execute(sql(key))
                return master
            except duckdb.Error as problem:
                text = str(problem).replace(key, "…")
                if path == self.catalog_path and put_back(path, text):
                    return self.attach_by_key(connection, path, sql, what)
                if "encryption key" not in text:
                    raise StoreMissing(f"{what} cannot be opened: {text}") from None
        return None

    def masters(self) -> list[bytes]:
        """Return the keys that may open a file: two while the key is being rotated."""
        following = self.key_source.next()
        return [self.master_key] if following is None else [self.master_key, following]

    @contextmanager
    def reading(self, snapshot: int | None = None) -> Iterator[Connection]:
        """Yield an engine with a snapshot attached; the newest when left out."""
        with self.connect() as connection, losses_told():
            self.attach(connection, self.latest_snapshot() if snapshot is None else snapshot)
            yield connection

    @contextmanager
    def writing(self, message: str, *, tidy: bool = False) -> Iterator[StoreWriter]:
        """Open one write: a single snapshot, all of it or nothing.

        The snapshot's catalog copy is published after the commit; a crash in between leaves the
        commit unpublished and the next write publishes it. With ``tidy``, files that writes left
        behind which were cut off are removed first.
        """
        with self.exclusive() as connection:
            if tidy:
                remove_unnamed(connection, self.data)
            with one_commit(self, connection, message) as writer:
                yield writer
            self.end(connection)

    @contextmanager
    def exclusive(self) -> Iterator[Connection]:
        """Hold the store as its only writer, the lake attached for writing."""
        import duckdb

        for name in ("", "data", "snapshots"):
            _folder(self.folder / name)
        with self.locked():
            connection = self.connect()
            try:
                with losses_told():
                    self.attach_writable(connection)
                    yield connection
            except (
                duckdb.IOException,
                duckdb.OutOfMemoryException,
                duckdb.TransactionException,
            ) as problem:
                raise StorageError(_disk_message(self.folder, str(problem))) from None
            finally:
                connection.close()

    def end(self, connection: Connection) -> None:
        """End a write that is committed: let go of the lake, and have readers see it."""
        import duckdb

        try:
            snapshot = newest(connection)
            connection.execute("DETACH lake")
        except duckdb.Error as problem:
            raise StorageError(_disk_message(self.folder, str(problem), _KEPT)) from None
        self.publish(snapshot)

    def unseen(self, connection: Connection) -> bool:
        """Return whether a write is committed that was cut off before readers could see it."""
        return newest(connection) > max(self.published(), default=0)

    def locked(self) -> AbstractContextManager[None]:
        """Return the lock that writers of this store hold."""
        return file_lock(self.folder / "writer.lock")

    def publish(self, snapshot: int, *, again: bool = False) -> None:
        """Copy the catalog for readers, unless this snapshot's copy is there."""
        target = self.folder / "snapshots" / f"{snapshot}.ducklake"
        if target.exists() and not again:
            return
        partial = target.with_suffix(".part")
        try:
            shutil.copyfile(self.catalog_path, partial)
            for path in (self.catalog_path, partial):
                sync(path)
            partial.rename(target)
            for folder in (target.parent, self.folder, self.folder.parent):
                sync(folder)
        except OSError as problem:
            partial.unlink(missing_ok=True)
            raise StorageError(_disk_message(self.folder, problem.strerror or "", _KEPT)) from None

    def tables(self, connection: Connection) -> set[str]:
        """Return the names of the tables an attached snapshot holds."""
        rows = connection.execute(
            "SELECT table_name FROM duckdb_tables() "
            "WHERE database_name = 'lake' AND schema_name = 'main'"
        ).fetchall()
        return {row[0] for row in rows}

    def kept_aside(self, connection: Connection) -> dict[str, set[str]]:
        """Return tables beside those of the catalog, as ``schema.table``, and their columns."""
        rows = connection.execute(
            "SELECT schema_name || '.' || table_name, column_name FROM duckdb_columns() "
            "WHERE database_name = 'lake' AND schema_name <> 'main' AND NOT internal"
        ).fetchall()
        found: dict[str, set[str]] = {}
        for name, column in rows:
            found.setdefault(name, set()).add(column)
        return found


@contextmanager
def one_commit(store: Store, connection: Connection, message: str) -> Iterator[StoreWriter]:
    """Yield a writer whose changes become one snapshot at the end, or nothing."""
    writer = StoreWriter(connection, store.marks)
    before = there(store.data)
    connection.execute("BEGIN")
    yield writer
    sync_new(store.data, before)
    if writer.changes:
        info = json.dumps(writer.changes, sort_keys=True)
        connection.execute(  # why no parameters: they would import pandas
            f"CALL lake.set_commit_message('workbench', {literal(message)}, "
            f"extra_info => {literal(info)})"
        )
    connection.execute("COMMIT")


class StoreWriter:
    """What may be done inside one write; the marks of whoever was ``erased`` are prepared."""

    def __init__(self, connection: Connection, marks: Marks) -> None:
        self.connection = connection
        erased = marks.erased()
        self.erased = bool(erased)
        if erased:  # before anything is written: one transaction writes to one database
            marks.prepare(connection, erased, "erased")
        self.changes: dict[str, dict[str, Any]] = {}

    def record(
        self,
        table: str,
        digest: str,
        as_of: str | None,
        months: Mapping[str, str],
        *,
        version: str = "",
    ) -> None:
        """Note that this write changed ``table``; its digests name the new content.

        ``months`` names the rows of each month of the table's time column, so that a new month
        does not make last month's answers look outdated. ``version`` names the content where it is
        not that of the file the table was loaded from.
        """
        self.changes[table] = {"digest": digest, "as_of": as_of, "months": dict(months)}
        if version:
            self.changes[table]["version"] = version

    def carry(self, taken: Mapping[str, tuple[str, Mapping[str, str]]]) -> None:
        """Note every table's whole history, so that the snapshots that hold it may go.

        Parameters
        ----------
        taken : mapping of table to (version, months)
            Tables that rows were taken from, and what their content is named by now.
        """
        last: dict[str, Change] = {}
        names: dict[str, list[str]] = {}
        for change in changes_of(self.connection):
            names.setdefault(change.table, []).extend(change.names)
            last[change.table] = change
        for table, change in last.items():
            known = names[table] if table in taken else names[table][:-1]
            version, months = taken.get(table, (names[table][-1], change.months))
            self.changes[table] = {
                "digest": change.digest,
                "as_of": change.as_of,
                "months": dict(months),
                "version": version,
                "before": known,
            }

    def last_changes(self) -> dict[str, Change]:
        """Return each table's last change, as this write sees it."""
        return {change.table: change for change in changes_of(self.connection)}

    def digests(self) -> dict[str, str]:
        """Return the digest each table was last loaded with, as this write sees it."""
        return {table: change.digest for table, change in self.last_changes().items()}


def _extension(name: str) -> Path:
    import duckdb

    package = importlib.import_module(f"duckdb_extension_{name}")
    version = f"v{duckdb.__version__}"
    return Path(package.__path__[0]) / "extensions" / version / f"{name}.duckdb_extension"


def _folder(path: Path) -> None:
    try:
        path.mkdir(parents=True, exist_ok=True, mode=0o700)
    except OSError as problem:
        raise StorageError(_disk_message(path, problem.strerror or "")) from None


_KEPT = "what was written is kept, and is seen once this ran again."


def _disk_message(folder: Path, text: str, so: str = "no data is changed.") -> str:
    if "No space" in text or "disk is full" in text.lower():
        return f"the disk under {folder} is full. Free some space and run again; {so}"
    return f"the store at {folder} cannot be written: {text}; {so}"
