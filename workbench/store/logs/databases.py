"""A SQL database of our own: how it is opened, and what is said when it says no.

SQLite runs with a rollback journal and ``synchronous=EXTRA``: the write-ahead log of SQLite
3.7–3.51 has a corruption bug and Python 3.11 ships such a version.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import URL, Connection, Engine, NullPool, create_engine, event
from sqlalchemy.exc import DatabaseError, OperationalError

from workbench.errors import Busy, StorageError


def path_of(url: str) -> str:
    """Return where a database is, for messages."""
    return url.removeprefix("sqlite:///")


def engine_of(url: str, wait_seconds: float) -> Engine:
    """Return what opens a database; the execution option ``writes`` takes its lock at once."""
    if not url.startswith("sqlite:"):
        return create_engine(url)
    # why no pool: a kept SQLite connection would be shared by forked kernels, and would go on
    # writing to a file that was replaced by a backup meanwhile
    place = URL.create("sqlite", database=path_of(url))  # why: a file's name is no URL
    engine = create_engine(place, poolclass=NullPool, connect_args={"timeout": wait_seconds})
    event.listen(engine, "connect", _sqlite_settings)
    event.listen(engine, "begin", _sqlite_begin)
    return engine


@contextmanager
def guarded(path: str, error: type[StorageError]) -> Iterator[None]:
    """Turn a database's own errors into ours, with the way out."""
    try:
        yield
    except OperationalError as problem:
        said = str(problem.orig)
        if "readonly" in said or "read-only" in said or "unable to open" in said:
            hint = "it cannot be written. Check the permissions of the file and its folder."
        elif "full" in said:
            hint = "the disk is full. Free some space and run again; nothing was lost."
        elif "locked" in said:
            raise Busy(f"{path} is in use by another program. Try again.") from None
        else:
            hint = f"the database says: {said}"
        raise error(f"{path}: {hint}") from None
    except DatabaseError as problem:
        raise unreadable(path, problem.orig, error) from None


@contextmanager
def opened(
    engine: Engine, url: str, table: str, error: type[StorageError]
) -> Iterator[Connection | None]:
    """Open a database to read; None where its table is not there: a look makes no file of one."""
    path = Path(path_of(url))
    if url.startswith("sqlite:") and path.parent.is_dir() and not path.exists():
        yield None
        return
    with guarded(str(path), error), engine.connect() as connection:
        yield connection if engine.dialect.has_table(connection, table) else None


def unreadable(path: str, reason: object, error: type[StorageError]) -> StorageError:
    """Return what to say of a database that does not hold what was written to it."""
    return error(
        f"{path} is not a readable log ({reason}). Restore it from the last backup with "
        "'workbench store restore'; until then nothing is written to it."
    )


def _sqlite_settings(connection: Any, _record: Any) -> None:
    connection.isolation_level = None  # why: we begin transactions ourselves, see below
    cursor = connection.cursor()
    cursor.execute("PRAGMA journal_mode = DELETE")
    cursor.execute("PRAGMA synchronous = EXTRA")
    cursor.close()


def _sqlite_begin(connection: Connection) -> None:
    # why: a write takes its lock at once, so that what it read before writing is still true
    writes = connection.get_execution_options().get("writes", False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")
