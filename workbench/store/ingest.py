"""Load an estate's source files into the store, each checked against the catalog first."""

from __future__ import annotations

import csv
import datetime as dt
import hashlib
import os
from collections import Counter
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from workbench.catalog import Catalog, Column, Table
from workbench.errors import SourceError, suggest
from workbench.store.corrections import replay
from workbench.store.engine import Store, StoreWriter
from workbench.store.marks import marked_sql
from workbench.store.months import coverage
from workbench.store.quality_rules import literal
from workbench.store.quarantine import forget_files, taken_in

if TYPE_CHECKING:
    import duckdb

_ALWAYS_FILLED = ("subject key", "measure", "time", "target")


def sql_type(column: Column) -> str:
    """Return the store's type of a declared column; money and scaled numbers are exact."""
    if column.type == "number":
        return "DOUBLE" if column.scale is None else f"DECIMAL(18,{column.scale})"
    return {
        "text": "VARCHAR",
        "integer": "BIGINT",
        "money": "DECIMAL(18,2)",
        "date": "DATE",
        "timestamp": "TIMESTAMP",
        "boolean": "BOOLEAN",
    }[column.type]


def load_estate(
    store: Store,
    catalog: Catalog,
    source: Path,
    *,
    today: dt.date,
    progress: Callable[[str], None] = lambda _: None,
    reload: Collection[str] = (),
) -> Mapping[str, int]:
    """Load every table whose file is new or changed, as one snapshot; return rows per table.

    Running it again on unchanged files does nothing.

    Parameters
    ----------
    reload : collection of str
        Tables to load anew though files were taken into them, whose rows go with that.

    Raises
    ------
    SourceError
        A file is missing, corrupt, truncated, empty, or does not match the catalog; or it changed
        and would replace rows that other files were taken in for. Nothing is changed then.
    UnknownName
        No table of a name in ``reload``.
    """
    loaded: dict[str, int] = {}
    for name in reload:
        catalog.table(name)
    fed = {name: files for name, files in fed_tables(store).items() if name not in reload}
    digests = {
        name: file_digest(source / table.source)
        for name, table in catalog.tables.items()
        if name not in fed or (source / table.source).exists()
    }
    before = current_digests(store)
    _require_unfed(fed, {name for name in _changed(digests, before) if name in fed}, before)
    digests = {name: digest for name, digest in digests.items() if before.get(name) != ""
               or name not in fed}  # fmt: skip  # why: one condition
    if _changed(digests, before) or reload:
        with store.writing("load the estate") as writer:
            # why again: another load may have ended while this one waited, or a crash may have
            # left a load committed and unseen
            for name in _changed(digests, writer.digests(), reload):
                progress(f"loading {name}")
                table, path = catalog.tables[name], source / catalog.tables[name].source
                forget_files(writer.connection, name)
                choose_format(writer.connection, table)
                loaded[name] = _load(store, writer, name, table, path, digests[name], today)
    return loaded


def _changed(
    digests: Mapping[str, str], current: Mapping[str, str], reload: Collection[str] = ()
) -> list[str]:
    return [n for n, digest in digests.items() if current.get(n) != digest or n in reload]


def fed_tables(store: Store) -> Mapping[str, int]:
    """Return tables that files were taken into, and how many, as `workbench.store.intake` does."""
    if not store.exists:
        return {}
    connection = store.connect()
    try:
        store.attach(connection, store.latest_snapshot())
        return Counter(each.table for each in taken_in(connection))
    finally:
        connection.close()


def _require_unfed(
    fed: Mapping[str, int], changed: Collection[str], before: Mapping[str, str]
) -> None:
    """Refuse to replace rows that were taken in by the content of a changed source file."""
    for name in sorted(changed):
        if before.get(name):  # it was loaded, and its file is another one now
            files = f"{fed[name]} file{'s' if fed[name] > 1 else ''}"
            raise SourceError(
                f"the source file of table '{name}' changed, and loading it would replace the rows "
                f"of {files} taken in since. Take it in with "
                f"'workbench ingest {name} FILE', or replace them with 'workbench init --reload "
                f"{name}'. Nothing was loaded."
            )


def current_digests(store: Store) -> Mapping[str, str]:
    """Return the digest of the file each table was last loaded from."""
    if not store.exists:
        return {}
    connection = store.connect()
    try:
        store.attach(connection, store.latest_snapshot())
        return {change.table: change.digest for change in store.changes(connection)}
    finally:
        connection.close()


def file_digest(path: Path) -> str:
    """Return the SHA-256 of a source file."""
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as problem:
        raise SourceError(
            f"the source file {path} cannot be read: {problem.strerror}. "
            "Put it there, or correct 'source' in the catalog."
        ) from None


def _load(
    store: Store,
    writer: StoreWriter,
    name: str,
    table: Table,
    path: Path,
    digest: str,
    today: dt.date,
) -> int:
    connection = writer.connection
    relation = _reader(path)
    found = _columns(connection, relation, path)
    same_columns(name, table, found, path)
    _castable(connection, relation, name, table, found, path)
    casts = ", ".join(
        f'CAST("{column}" AS {sql_type(declared)}) AS "{column}"'
        for column, declared in table.columns.items()
    )
    kept = not_erased(writer, table)
    _run(
        connection,
        f'CREATE OR REPLACE TABLE lake."{name}" AS '
        f"SELECT * FROM (SELECT {casts} FROM {relation}){kept}",
        path,
    )
    rows = _filled(connection, name, table, path)
    correct_again(store, connection, name, table)
    as_of, months = coverage(connection, name, table, today) if table.time else (None, {})
    writer.record(name, digest, as_of, months)
    return rows


def choose_format(connection: duckdb.DuckDBPyConnection, table: Table) -> None:
    """Have the lake write a table's data files in a form that is soon written and read.

    The second version of Parquet writes keys, codes and numbers as differences: of payments, fewer
    bytes than the first one compressed. Only where people write as they like is there much left to
    compress.
    """
    free = any(
        each.type == "text" and not each.domain and not any(rule.pattern for rule in each.rules)
        for name, each in table.columns.items()
        if name not in {table.subject_key, *table.key_columns}
    )
    compression = "lz4_raw" if free else "uncompressed"
    connection.execute("CALL lake.set_option('parquet_version', '2')")
    connection.execute(f"CALL lake.set_option('parquet_compression', '{compression}')")


def correct_again(
    store: Store, connection: duckdb.DuckDBPyConnection, name: str, table: Table
) -> int:
    """Correct what a load brought back of values that were corrected; return how many rows."""
    types = {column: sql_type(declared) for column, declared in table.columns.items()}
    return replay(connection, table, store.corrections.of(name), types)


def not_erased(writer: StoreWriter, table: Table) -> str:
    """Return the condition that keeps erased customers from coming back; empty without any."""
    if not table.subject_key or not writer.erased:
        return ""
    return f" WHERE NOT {marked_sql(table.subject_key, 'erased')}"


def _reader(path: Path) -> str:
    quoted = literal(str(path))
    if path.suffix == ".parquet":
        return f"read_parquet({quoted})"
    if path.suffix == ".csv":
        names, delimiter = _header(path)
        columns = ", ".join(f"{literal(name)}: 'VARCHAR'" for name in names)
        # why nothing is detected: a guess reads a broken file as something else, without a word
        return (
            f"read_csv({quoted}, auto_detect = false, header = true, columns = {{{columns}}}, "
            f"delim = {literal(delimiter)}, quote = '\"', escape = '\"', strict_mode = true)"
        )
    raise SourceError(f"{path}: only .parquet and .csv files are read, not '{path.suffix}'.")


def _header(path: Path) -> tuple[list[str], str]:
    """Return the column names a CSV file starts with, and what separates them."""
    with path.open("rb") as file:
        first = file.readline()
        if not first.strip():
            raise SourceError(f"{path} is empty or does not start with a line of column names.")
        file.seek(-1, os.SEEK_END)
        if file.read(1) not in b"\r\n":
            raise SourceError(
                f"{path} looks truncated: its last line has no end. Fetch it again, or end "
                "the line if the file is whole."
            )
    try:
        line = first.decode("utf-8-sig").rstrip("\r\n")
    except UnicodeDecodeError:
        raise SourceError(f"{path} is not UTF-8 text. Export it again as UTF-8.") from None
    delimiter = max(",;\t|", key=line.count)
    names = next(csv.reader([line], delimiter=delimiter))
    if "" in names or len(set(names)) < len(names):
        raise SourceError(
            f"{path} does not start with a line of column names, each there once. Export it anew."
        )
    return names, delimiter


@contextmanager
def failing_as(path: Path, done: str = "loaded") -> Iterator[None]:
    """Tell of a file the engine cannot read; a full disk or memory is not the file's fault."""
    import duckdb

    try:
        yield
    except duckdb.OutOfMemoryException:
        raise
    except duckdb.Error as problem:
        if "No space left" in str(problem):
            raise
        # why: the engine's own text may quote a row, so only its kind is passed on
        raise SourceError(
            f"{path} is corrupt or truncated ({type(problem).__name__}). Fetch it again; nothing "
            f"was {done}."
        ) from None


def _run(connection: duckdb.DuckDBPyConnection, sql: str, path: Path) -> None:
    with failing_as(path):
        connection.execute(sql)


def _columns(connection: duckdb.DuckDBPyConnection, relation: str, path: Path) -> dict[str, str]:
    _run(connection, f"DESCRIBE SELECT * FROM {relation}", path)
    return {row[0]: row[1] for row in connection.fetchall()}


def same_columns(
    name: str, table: Table, found: Collection[str], path: Path, kind: str = "A CSV file"
) -> None:
    """Refuse a file that has other columns than its table.

    Parameters
    ----------
    kind : str
        What starts with a line of column names, for the message.

    Raises
    ------
    SourceError
        Names what is missing and what is not declared.
    """
    if not set(found) & set(table.columns):
        # why not what was found: without a line of names, it is the first customer
        names = ", ".join(f"'{column}'" for column in table.columns)
        raise SourceError(
            f"{path} has none of the columns of table '{name}': {names}. {kind} starts with a line "
            "of column names."
        )
    missing = [column for column in table.columns if column not in found]
    extra = [column for column in found if column not in table.columns]
    if missing or extra:
        parts = []
        if missing:
            parts.append("missing: " + ", ".join(f"'{c}'" for c in missing))
        if extra:
            parts.append("not declared: " + ", ".join(f"'{c}'" for c in extra))
        hint = suggest(extra[0], table.columns) if extra else ""
        raise SourceError(f"{path} does not match table '{name}' ({'; '.join(parts)}).{hint}")


def _castable(
    connection: duckdb.DuckDBPyConnection,
    relation: str,
    name: str,
    table: Table,
    found: Mapping[str, str],
    path: Path,
) -> None:
    """Count values that are not of their declared type; tell the counts, never the values."""
    checks = {
        column: f"count(*) FILTER ({_not_of_type(column, declared)})"
        for column, declared in table.columns.items()
        if found[column] != sql_type(declared)
    }
    if not checks:
        return
    _run(connection, f"SELECT {', '.join(checks.values())} FROM {relation}", path)
    counts = connection.fetchone() or ()
    bad = [
        f"'{column}' in {count:,} rows is not {table.columns[column].type}"
        for column, count in zip(checks, counts, strict=True)
        if count
    ]
    if bad:
        raise SourceError(f"{path} does not match table '{name}': " + "; ".join(bad) + ".")


def _not_of_type(column: str, declared: Column) -> str:
    wrong = f'"{column}" IS NOT NULL AND TRY_CAST("{column}" AS {sql_type(declared)}) IS NULL'
    if declared.type == "integer":  # why: a cast would round 12.7 to 13 without a word
        wrong = f'({wrong}) OR TRY_CAST("{column}" AS DOUBLE) % 1 <> 0'
    return wrong


def _filled(connection: duckdb.DuckDBPyConnection, name: str, table: Table, path: Path) -> int:
    must = [c for c, declared in table.columns.items() if declared.role in _ALWAYS_FILLED]
    counts = ", ".join(f'count("{column}")' for column in must)
    row = connection.execute(
        f'SELECT count(*){", " if must else ""}{counts} FROM lake."{name}"'
    ).fetchone()
    rows, *filled = row or (0,)
    if rows == 0 and not table.operational:
        raise SourceError(f"{path} holds no rows; table '{name}' needs some. Nothing was loaded.")
    for column, count in zip(must, filled, strict=True):
        if rows and not count:
            raise SourceError(
                f"{path}: column '{column}' of table '{name}' is empty in all {rows:,} rows. "
                "Check the export; nothing was loaded."
            )
    return int(rows)
