"""Files of the engine's: whether the lake's are whole, durable and named; where engines spill.

The lake's catalog knows each file's size, rows and key. A file is whole when it is there, has
its size and every row of it can be read: what is encrypted is authenticated too, so a changed bit
shows.

Engines spill into a folder a process and one a engine in it, emptied when either ends: an engine
names its files alike in every process, so two in one folder would write into each other's. A
process holds a lock on its folder; one whose lock is free belonged to a process that was killed.
"""

import atexit
import datetime as dt
import fcntl
import filecmp
import itertools
import os
import re
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from workbench.errors import StorageError, StoreMissing, WorkbenchError
from workbench.store import Connection, Tell, quiet
from workbench.store.durable import file_lock, files_below, sync

META = "__ducklake_metadata_lake"
ENCRYPTED = b"PARE"  # how an encrypted Parquet file begins; a plain one begins with PAR1
_TORN = "Computed AES tag differs"  # what the engine says of a block that is not as written
_UNREAD = re.compile(rf"{_TORN}|TProtocolException|^(?!.*No space).*ducklake-[^ ]*\.parquet", re.S)
WAY_OUT = (
    "Put the store back with 'workbench store restore' from the last backup that was tested, or "
    "load the table anew with 'workbench init --reload TABLE'"
)
PUT_BACK = "catalog put back"  # an event
SHREDDED = b"shredded\n"  # what is left of a catalog whose file keys were destroyed


def is_shredded(catalog: Path) -> bool:
    """Return whether the keys of a catalog's files were destroyed."""
    with suppress(FileNotFoundError):
        return catalog.stat().st_size == len(SHREDDED)
    return False


@dataclass(frozen=True)
class LakeFile:
    """One file that a lake's catalog names, and what it knows of it.

    ``current``: whether it holds rows of a table of the newest snapshot.
    """

    table: str
    path: Path
    bytes: int
    rows: int
    key: str
    current: bool


def named(connection: Connection, data: Path) -> list[LakeFile]:
    """Return every file the attached lake names, of every snapshot it still has."""
    found = connection.execute(
        f"""
        SELECT schemas.schema_name || '.' || tables.table_name, files.path, files.path_is_relative,
            tables.path, schemas.path, file_size_bytes, rows, coalesce(encryption_key, ''),
            current AND tables.end_snapshot IS NULL
        FROM (
            SELECT table_id, path, path_is_relative, file_size_bytes, record_count AS rows,
                encryption_key, end_snapshot IS NULL AS current FROM {META}.ducklake_data_file
            UNION ALL
            SELECT table_id, path, path_is_relative, file_size_bytes, delete_count AS rows,
                encryption_key, false AS current FROM {META}.ducklake_delete_file
        ) files
        -- why distinct: a table that was renamed or changed has a line for each of its states
        JOIN (SELECT DISTINCT ON (table_id) * FROM {META}.ducklake_table
            ORDER BY table_id, begin_snapshot DESC) tables USING (table_id)
        JOIN {META}.ducklake_schema schemas USING (schema_id)
        ORDER BY 1, 2
        """
    ).fetchall()
    return [
        LakeFile(
            table.removeprefix("main."),
            data / schema / folder / path if relative else Path(path),
            *known,
        )
        for table, path, relative, folder, schema, *known in found
    ]


def faults(connection: Connection, data: Path, progress: Tell = quiet) -> Iterator[str]:
    """Yield what is wrong with the attached lake's catalog and files, each file read to its end."""
    # why: what was read before and is kept in memory says nothing of the disk
    connection.execute("SET enable_external_file_cache = false")
    damaged = unreadable(connection, META)
    if damaged:
        yield f"the lake's catalog is damaged: {damaged}"
        return
    files = named(connection, data)
    for number, file in enumerate(files, 1):
        if number % max(1, len(files) // 10) == 0:
            progress(f"reading file {number} of {len(files)}")
        wrong = _wrong(connection, file)
        if wrong:
            yield f"table '{file.table}': the data file {file.path} {wrong}"


def unreadable(connection: Connection, database: str) -> str:
    """Read every table of an attached catalog to its end; return what fails, or nothing."""
    import duckdb

    try:
        tables = connection.execute(
            f"SELECT table_name FROM duckdb_tables() WHERE database_name = '{database}'"
        ).fetchall()
        for (name,) in tables:
            connection.execute(f'SELECT bit_xor(hash(t)) FROM {database}."{name}" t').fetchall()
    except duckdb.Error as problem:
        return f"it cannot be read to its end ({type(problem).__name__})"
    return ""


def _wrong(connection: Connection, file: LakeFile) -> str:
    """Return what is wrong with one file, or nothing."""
    import duckdb

    try:
        size = file.path.stat().st_size
    except OSError as problem:
        return f"is not there ({problem.strerror})"
    if size != file.bytes:
        return f"has {size:,} bytes, not the {file.bytes:,} that were written"
    if file.key and _ends(file.path) != (ENCRYPTED, ENCRYPTED):
        return "does not begin and end as an encrypted file does"
    key = f", encryption_config = {{footer_key_value: from_base64('{file.key}')}}"
    try:
        row = connection.execute(  # why a hash: a count alone is read off the file's last lines
            f"SELECT count(*), bit_xor(hash(t)) FROM read_parquet({literal(file.path)}"
            f"{key if file.key else ''}) t"
        ).fetchone()
    except duckdb.Error as problem:
        return f"is damaged: it cannot be read to its end ({type(problem).__name__})"
    if row is None or row[0] != file.rows:
        return f"has {row[0] if row else 0:,} rows, not the {file.rows:,} that were written"
    return ""


@contextmanager
def losses_told(otherwise: Callable[[], WorkbenchError | None] = lambda: None) -> Iterator[None]:
    """Tell of a data file that is gone or damaged in our words; the engine's say nothing to do.

    ``otherwise`` returns the error to raise instead where it is no loss, as of rows that were
    erased since.

    Raises
    ------
    StoreMissing
        The engine could not read one.
    """
    try:
        yield
    except Exception as problem:
        if not _UNREAD.search(str(problem)) or isinstance(problem, WorkbenchError):
            raise
        raise otherwise() or StoreMissing(
            "data is lost: a data file is gone or damaged. 'workbench check' names each. "
            f"{WAY_OUT}."
        ) from None


def begins_encrypted(path: Path) -> bool:
    """Return whether a data file begins as an encrypted one does, or was taken away just now."""
    with suppress(FileNotFoundError), path.open("rb") as file:
        return file.read(4) == ENCRYPTED
    return True


def _ends(path: Path) -> tuple[bytes, bytes]:
    """Return the first and the last four bytes of a file."""
    with path.open("rb") as file:
        first = file.read(4)
        file.seek(-4, os.SEEK_END)
        return first, file.read(4)


def literal(path: Path) -> str:
    """Return a file's name as SQL text in which no sign is a pattern.

    Examples
    --------
    >>> literal(Path("/srv/bank[1]/what?.parquet"))
    "'/srv/bank[[]1]/what[?].parquet'"
    """
    text = "".join(f"[{each}]" if each in "[*?" else each for each in str(path))
    return "'" + text.replace("'", "''") + "'"


def there(data: Path) -> set[Path]:
    """Return the files in a lake's folder, by whatever they were left."""
    return set(files_below(data))


def sync_new(data: Path, before: set[Path]) -> None:
    """Make files that came since, and the folders they are in, durable.

    Called before a commit names them: what a catalog names must outlive a power cut.
    """
    new = there(data) - before
    folders: set[Path] = set()
    for path in sorted(new):
        sync(path)
        folders.update(each for each in path.parents if each == data or data in each.parents)
    for folder in sorted(folders, reverse=True):  # a folder's own name is in the one above it
        sync(folder)
    if new:
        sync(data.parent)


def remove_unnamed(connection: Connection, data: Path) -> None:
    """Remove files that writes left behind which were cut off; the caller is the only writer.

    Not by the engine's own call: it takes a folder's name for a pattern, and would remove files of
    another workspace whose name the pattern fits.
    """
    known = {file.path.resolve() for file in named(connection, data)}
    waiting = connection.execute(
        f"SELECT path, path_is_relative FROM {META}.ducklake_files_scheduled_for_deletion"
    ).fetchall()
    known |= {(data / path if relative else Path(path)).resolve() for path, relative in waiting}
    for path in there(data):
        if path.resolve() not in known:
            path.unlink()


def put_back(catalog: Path, problem: str) -> bool:
    """Put readers' newest copy in the place of a catalog that is torn or gone; say if that helps.

    The engine writes a block of 256 kB where it stood, and a kill or a power cut in the middle of
    that leaves a part of it. The copy holds all that was said to be done: it is made before. The
    audit log says so.
    """
    from workbench.store.logs.events import Events  # why here: few need SQLAlchemy for it

    copies = [p for p in catalog.parent.glob("snapshots/*.ducklake") if p.stem.isdigit()]
    newest = max(copies, key=lambda path: int(path.stem), default=None)
    if newest is None or not newest.stat().st_size:
        return False
    there = catalog.exists() and catalog.stat().st_size
    if there and (_TORN not in problem or filecmp.cmp(newest, catalog, shallow=False)):
        return False
    partial = catalog.with_suffix(".part")
    shutil.copyfile(newest, partial)
    sync(partial)
    catalog.with_name(f"{catalog.name}.wal").unlink(missing_ok=True)  # it goes on from the torn one
    sync(catalog.parent)
    partial.replace(catalog)
    sync(catalog.parent)
    note = {"snapshot": int(newest.stem)}
    Events(catalog.parents[1]).record(PUT_BACK, note, now=dt.datetime.now(dt.UTC))
    return True


def sync_folders(data: Path) -> None:
    """Have files that were removed, here or by the engine, stay away."""
    for folder, _, _ in os.walk(data):
        sync(Path(folder))


def in_lake(name: str) -> str:
    """Return SQL for a table of the lake, named ``table`` or ``schema.table``."""
    return "lake." + ".".join(f'"{part}"' for part in name.split("."))


_PREFIX, _LOCK = "spill-", "lock"
_mine: dict[tuple[int, Path], tuple[Path, int]] = {}  # by process: a fork has folders of its own
_numbers = itertools.count(1)


def spill_folder(temp: Path) -> Path:
    """Return a folder for one engine of this process; what dead processes left goes first."""
    known = _mine.get((os.getpid(), temp))
    if known is None or not known[0].exists():  # a restore may have put another in its place
        try:
            with file_lock(temp / "spill.lock"):
                _clear(temp)
                folder = Path(tempfile.mkdtemp(prefix=_PREFIX, dir=temp))
                (folder / _LOCK).touch(mode=0o600)
                handle = os.open(folder / _LOCK, os.O_RDONLY | os.O_CLOEXEC)
                fcntl.flock(handle, fcntl.LOCK_EX)
        except (OSError, StorageError):  # nothing can be written: it fails if it must spill
            return temp / f"nowhere-{os.getpid()}"
        known = _mine[os.getpid(), temp] = folder, handle
    return known[0] / str(next(_numbers))  # the engine makes it when it spills, and removes it


def _clear(temp: Path) -> None:
    for path in temp.glob(f"{_PREFIX}*/{_LOCK}"):
        # its process has just ended and taken it away, or it lives
        with suppress(FileNotFoundError, BlockingIOError), path.open("rb") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            shutil.rmtree(path.parent, ignore_errors=True)


@atexit.register
def _end() -> None:
    for (process, _), (folder, _) in list(_mine.items()):
        if process == os.getpid():
            shutil.rmtree(folder, ignore_errors=True)
