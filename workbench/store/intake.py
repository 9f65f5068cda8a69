"""Take files into a table: good rows in, bad rows aside with reason and line; all or nothing.

A file is read once. Every row that keeps the catalog's rules becomes a row of the table; any other
one goes to the quarantine (`workbench.store.quarantine`) in the same transaction. One file is one
snapshot; the same file a second time adds nothing.
"""

from __future__ import annotations

import datetime as dt
import hashlib
from bisect import bisect_left
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from workbench.catalog import Catalog, Table
from workbench.errors import SourceError
from workbench.store import near_duplicates, quarantine, upserts
from workbench.store.engine import Store, StoreWriter
from workbench.store.ingest import (
    choose_format,
    correct_again,
    failing_as,
    sql_type,
)
from workbench.store.months import Sums, coverage, coverage_after
from workbench.store.progress import watched_progress
from workbench.store.quarantine import Aside, Ingested
from workbench.store.readers import Reading, read_through, reading, require_fitting, wrong_encoding
from workbench.store.rejects import rejected
from workbench.store.sifting import kind_of, sift

if TYPE_CHECKING:
    import duckdb

Tell = Callable[[str], None]
_REASONS_SHOWN = 5
_MEMORY = "1GB"  # beyond it the engine goes on in encrypted temporary files


@dataclass(frozen=True)
class Options:
    """How a file is read, where it does not say so itself."""

    encoding: str | None = None
    sheet: str | None = None
    date_format: str | None = None


def take_in(
    store: Store,
    catalog: Catalog,
    name: str,
    path: Path,
    *,
    now: dt.datetime,
    options: Options | None = None,
    progress: Tell = lambda _: None,
) -> Ingested:
    """Take one file into a table; return what became of its rows.

    A file that was taken in before is not read again: all of its good rows count as unchanged.

    Raises
    ------
    UnknownName
        No such table.
    SourceError
        The file cannot be read, has other columns, is in another encoding, or none of its rows can
        be taken in. Nothing is changed then.
    """
    table, chosen = catalog.table(name), options or Options()
    require_fitting(path, **vars(chosen))  # also of a file that is known already
    progress(f"reading {path.name}")
    digest, long_lines = read_through(path)
    with store.writing(f"ingest into {name}", tidy=True) as writer:
        # why one: rows are numbered in their order, so that others would only wait, and burn time
        writer.connection.execute("SET threads = 1")
        writer.connection.execute(f"SET memory_limit = '{_MEMORY}'")
        choose_format(writer.connection, table)
        quarantine.prepare(writer.connection)
        for before in quarantine.taken_in(writer.connection, name):
            if before.digest == digest:
                return _again(before)
        taken, replaced = _take(
            store, writer, catalog, name, table, path, digest, long_lines, now, chosen, progress
        )
        corrected = correct_again(store, writer.connection, name, table)
        progress(f"comparing people in {name}")
        found = near_duplicates.find(writer.connection, name, table, digest, quarantine.PAIRS)
        taken = replace(taken, possible_duplicates=found)
        quarantine.note(writer.connection, taken)
        progress(f"naming the content of {name}")
        _record(writer, name, table, digest, now.date(), None if corrected else replaced)
    return taken


def _again(before: Ingested) -> Ingested:
    known = before.added + before.updated + before.unchanged
    return replace(before, added=0, updated=0, unchanged=known, known=True)


def _take(
    store: Store,
    writer: StoreWriter,
    catalog: Catalog,
    name: str,
    table: Table,
    path: Path,
    digest: str,
    long_lines: bool,
    now: dt.datetime,
    options: Options,
    progress: Tell,
) -> tuple[Ingested, Sums]:
    connection = writer.connection
    there = store.tables(connection)
    if name not in there:
        columns = ", ".join(f'"{c}" {sql_type(d)}' for c, d in table.columns.items())
        connection.execute(f'CREATE TABLE lake."{name}" ({columns})')
    with store.again(connection) as side:
        aside = Aside(side)
        connection.create_function(  # type: ignore[call-overload]  # why: its stub knows no names
            "keep_aside",
            aside.take,
            ["BIGINT", "VARCHAR"],
            "BOOLEAN",
            type="native",  # why not by Arrow: few rows of many batches, and a batch costs the most
            null_handling="special",
            side_effects=True,
        )
        with reading(
            connection, lambda extension: store.load_extension(connection, extension),
            path, name, table, long_lines=long_lines, **vars(options),
        ) as source:  # fmt: skip  # why: one call, three lines
            how = sift(source, catalog, name, there, today=now.date(), erased=writer.erased)
            aside.told = how.told
            with watched_progress(connection, f"taking in {path.name}", progress):
                inserted = _run(connection, how.insert, path)
        _keep_rejected(connection, source, table, path, options, aside)
        if not inserted:
            raise _nothing_good(path, name, aside)
        settled = _settled(connection, source, name, table, inserted, aside)
        aside.write(connection, name, digest)
        taken = Ingested(
            name,
            path.name,
            digest,
            now,
            inserted + aside.rows - settled.contradicting + aside.erased,
            settled.added,
            settled.updated,
            settled.unchanged,
            settled.repeated,
            aside.rows,
            aside.erased,
        )
        return taken, settled.replaced


def _run(connection: duckdb.DuckDBPyConnection, sql: str, path: Path) -> int:
    with failing_as(path, "taken in"):
        row = connection.execute(sql).fetchone()
    return int(row[0]) if row else 0


def _keep_rejected(
    connection: duckdb.DuckDBPyConnection,
    source: Reading,
    table: Table,
    path: Path,
    options: Options,
    aside: Aside,
) -> None:
    """Keep aside what the reader of CSV files could not read."""
    if not source.header:
        return
    kinds = {column: kind_of(declared.type) for column, declared in table.columns.items()}
    found = rejected(connection, table, kinds, source.header, source.delimiter)
    if found.badly_encoded:
        raise wrong_encoding(path, options.encoding or "utf-8")
    # why only now: the engine numbers the rows it could read, and lines count the others too
    aside.renumber([each.line for each in found.rows])
    for each in found.rows:
        aside.add(each.line, each.reasons, each.subject, each.content)


def _settled(
    connection: duckdb.DuckDBPyConnection,
    source: Reading,
    name: str,
    table: Table,
    inserted: int,
    aside: Aside,
) -> upserts.Settled:
    """Settle rows of one key; contradicting ones go aside under their line."""
    skipped: list[int] | None = None
    above = source.first_line - 1

    def keep(place: int, subject: str | None, content: str) -> None:
        nonlocal skipped
        if skipped is None:  # before any of these is added
            skipped = [line - above - n for n, line in enumerate(aside.lines(), 1)]
        line = place + bisect_left(skipped, place) + above
        aside.add(line, upserts.CONTRADICTS, subject, content)

    return upserts.settle(connection, name, table, inserted, keep)


def _nothing_good(path: Path, name: str, aside: Aside) -> SourceError:
    reasons = aside.reasons()
    if not reasons:
        return SourceError(f"{path} holds no rows. Nothing was taken into '{name}'.")
    shown = "; ".join(f"{why} ({count:,})" for why, count in reasons[:_REASONS_SHOWN])
    return SourceError(
        f"none of the {aside.rows:,} rows of {path} can be taken into '{name}': {shown}. Check the "
        "export, or the catalog; nothing was changed."
    )


def _record(
    writer: StoreWriter,
    name: str,
    table: Table,
    digest: str,
    today: dt.date,
    replaced: Sums | None,
) -> None:
    """Note what names the table's content now.

    ``replaced`` is None where other rows changed too, so that all are to be counted.
    """
    connection, before = writer.connection, writer.last_changes().get(name)
    as_of: str | None = None
    months: Mapping[str, str] = {}
    if table.time and replaced is not None:
        as_of, months = coverage_after(
            connection, name, table, today, before=before, replaced=replaced
        )
    elif table.time:
        as_of, months = coverage(connection, name, table, today)
    version = hashlib.sha256(f"ingest {digest}".encode()).hexdigest()
    writer.record(name, before.digest if before else "", as_of, months, version=version)
