"""Load an estate's source files into the store, each checked against the catalog first."""

from __future__ import annotations

import datetime as dt
import threading
from collections import Counter
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from workbench.catalog import Catalog, Table
from workbench.errors import SourceError
from workbench.store.corrections import replay
from workbench.store.engine import Store, StoreWriter
from workbench.store.keys.marks import marked_sql
from workbench.store.loading.open_quotes import lines_of
from workbench.store.loading.options import Options
from workbench.store.loading.quarantine import Ingested, forget_files, taken_in
from workbench.store.loading.readers import reading
from workbench.store.loading.rejects import unreadable_lines
from workbench.store.loading.sifting import without_customer
from workbench.store.loading.text_files import read_through, two_ends_of_lines
from workbench.store.loading.values import sql_type
from workbench.store.quality.rules import number
from workbench.store.versions import changes_of, coverage

if TYPE_CHECKING:
    import duckdb

_ALWAYS_FILLED = ("subject key", "measure", "time", "target")


def load_estate(
    store: Store,
    catalog: Catalog,
    source: Path,
    *,
    today: dt.date,
    progress: Callable[[str], None] = lambda _: None,
    reload: Collection[str] = (),
    zone: str = "UTC",
) -> Mapping[str, int]:
    """Load every table whose file is new or changed, as one snapshot; return rows per table.

    Running it again on unchanged files does nothing.

    Parameters
    ----------
    reload : collection of str
        Tables to load anew though files were taken into them, whose rows go with that.
    zone : str
        The workspace's time zone.

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
    through = {
        name: read_through(source / table.source)
        for name, table in catalog.tables.items()
        if name not in fed or (source / table.source).exists()
    }
    before = current_digests(store)
    digests = {name: digest for name, (digest, _) in through.items() if before.get(name) != ""
               or name not in fed}  # fmt: skip  # why: one condition
    _require_unfed(fed, {name for name in _changed(digests, before) if name in fed}, before)
    if _changed(digests, before) or reload:
        with store.writing("load the estate") as writer:
            # why again: another load may have ended while this one waited, or a crash may have
            # left a load committed and unseen
            now = _changed(digests, writer.digests(), reload)
            if store.unseen(writer.connection):
                cut_off = [name for name in _changed(digests, before) if name not in now]
                loaded |= {name: _rows(writer.connection, name) for name in cut_off}
            faults: Counter[str] = Counter()  # stays empty: the first file that has one is refused
            lock = threading.Lock()  # the engine calls from several threads

            def note(which: str) -> None:
                with lock:
                    faults[which] += 1

            called(writer.connection, "note_faults", note, ["VARCHAR"])
            for name in now:
                progress(f"loading {name}")
                table, path = catalog.tables[name], source / catalog.tables[name].source
                forget_files(writer.connection, name)
                choose_format(writer.connection, table)
                made = (name, table, path, *through[name])
                loaded[name] = _load(store, writer, *made, today, zone, faults)
    return loaded


def _changed(
    digests: Mapping[str, str], current: Mapping[str, str], reload: Collection[str] = ()
) -> list[str]:
    return [n for n, digest in digests.items() if current.get(n) != digest or n in reload]


def fed_tables(store: Store) -> Mapping[str, int]:
    """Return tables that files were taken into, by how many, as `intake` does."""
    return Counter(each.table for each in files_seen(store))


def files_seen(store: Store) -> list[Ingested]:
    """Return every file that was taken in, as readers see it."""
    return _seen(store, taken_in)


def _seen(store: Store, what: Callable[[duckdb.DuckDBPyConnection], list[Any]]) -> list[Any]:
    if not store.exists:
        return []
    with store.reading() as connection:
        return what(connection)


def _rows(connection: duckdb.DuckDBPyConnection, name: str) -> int:
    return number(connection, f'SELECT count(*) FROM lake."{name}"')


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
                f"'workbench data ingest {name} FILE', or replace them with 'workbench init "
                f"--reload {name}'. Nothing was loaded."
            )


def current_digests(store: Store) -> Mapping[str, str]:
    """Return the digest of the file each table was last loaded from."""
    return {change.table: change.digest for change in _seen(store, changes_of)}


def _load(
    store: Store,
    writer: StoreWriter,
    name: str,
    table: Table,
    path: Path,
    digest: str,
    quoted: bool,
    today: dt.date,
    zone: str,
    faults: Mapping[str, int],
) -> int:
    connection, columns = writer.connection, list(table.columns)
    options = Options(**dict(table.source_format))
    with reading(connection, path, name, table, options, zone, quoted) as source, failing_as(path):
        read = ", ".join(f'"{c}" AS "read {c}", {source.values[c]} AS "{c}"' for c in columns)
        wrong = [*(source.wrong[c] for c in columns), without_customer(table) or "false"]
        noted = " || ".join(f"CASE WHEN {each} THEN '1' ELSE '0' END" for each in wrong)
        bad, named = " OR ".join(map("({})".format, wrong)), ", ".join(map('"{}"'.format, columns))
        erased = writer.erased and table.subject_key
        keep = f"NOT {marked_sql(str(erased), 'erased')}" if erased else "true"
        connection.execute(
            f'CREATE OR REPLACE TABLE lake."{name}" AS SELECT {named} FROM '
            f"(SELECT {read} FROM {source.relation}) "
            f"WHERE CASE WHEN {bad} THEN note_faults({noted}) ELSE {keep} END"
        )
    lines = unreadable_lines(connection, source, table, path, options)
    if lines:
        line = lines[0].line
        line = lines_of(path, options.encoding, source, [line], 0).get(line, line)
        raise SourceError(
            f"{path} is corrupt or truncated: line {line:,} has {lines[0].reasons}. Fetch "
            "it again; nothing was loaded."
        )
    _require_sound(faults, name, table, path)
    rows = _filled(connection, name, table, path)
    correct_again(store, connection, name, table)
    as_of, months = coverage(connection, name, table, today) if table.time else (None, {})
    writer.record(name, digest, as_of, months)
    return rows


def called(
    connection: duckdb.DuckDBPyConnection, name: str, act: Callable[..., None], kinds: list[str]
) -> None:
    """Have the engine call a function for a row; it says NULL, so that the row is left out.

    NULL and not false, which the engine would import pandas to tell from its missing values.
    """
    connection.create_function(  # type: ignore[call-overload]  # why: its stub knows no names
        name,
        act,
        kinds,
        "BOOLEAN",
        type="native",  # why not by Arrow: few rows of many batches, and a batch costs the most
        null_handling="special",
        side_effects=True,
    )


def _require_sound(faults: Mapping[str, int], name: str, table: Table, path: Path) -> None:
    """Refuse a file with rows that `ingest` would keep aside; counts them, and shows no value.

    Parameters
    ----------
    faults : mapping
        Which columns of a row are not of their type, and whether it is nobody's, as a text of
        zeros and ones; to how many rows.
    """
    kinds = range(len(table.columns) + 1)
    counts = [sum(n for which, n in faults.items() if which[at] == "1") for at in kinds]
    bad = [
        f"'{column}' in {count:,} rows is not "
        + ("a customer's key" if column == table.subject_key else declared.type)
        for (column, declared), count in zip(table.columns.items(), counts, strict=False)
        if count
    ]
    if bad:
        raise SourceError(
            f"{path} does not match table '{name}': {'; '.join(bad)}. Take it in with 'workbench "
            f"data ingest {name} FILE', which keeps those rows aside; nothing was loaded."
        )
    if counts[-1]:
        raise SourceError(
            f"{path}: '{table.subject_key}' is empty in {counts[-1]:,} rows of table '{name}', "
            "which are then nobody's. Keep them by 'without_customer: keep' in the catalog, or "
            f"take the file in with 'workbench data ingest {name} FILE', which keeps them aside; "
            "nothing was loaded."
        )


def choose_format(connection: duckdb.DuckDBPyConnection, table: Table) -> None:
    """Have the lake write a table's data files in a form that is soon written and read.

    The second version of Parquet writes keys, codes and numbers as differences: of payments, fewer
    bytes than the first one compressed. Only where people write as they like is there much left to
    compress.
    """
    free = any(
        each.type == "text" and not each.closed and not any(rule.pattern for rule in each.rules)
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
            (two_ends_of_lines(path) if path.suffix.lower() == ".csv" else "")
            or f"{path} is corrupt or truncated ({type(problem).__name__}). Fetch it again; "
            f"nothing was {done}."
        ) from None


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
