"""Take files into a table: good rows in, bad rows aside with reason and line; all or nothing.

A file is read once. Every row that keeps the catalog's rules becomes a row of the table; any other
one goes to the quarantine (`workbench.store.loading.quarantine`) in the same transaction. One
file is one snapshot; the same file a second time adds nothing.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import re
from bisect import bisect_left
from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import cache
from pathlib import Path

from workbench.catalog import Catalog, Table
from workbench.errors import SourceError
from workbench.store.engine import Store, StoreWriter
from workbench.store.loading import near_duplicates, quarantine, upserts
from workbench.store.loading.ingest import (
    called,
    choose_format,
    correct_again,
    failing_as,
    files_seen,
)
from workbench.store.loading.open_quotes import lines_of
from workbench.store.loading.options import Options, require_fitting
from workbench.store.loading.progress import watched_progress
from workbench.store.loading.quarantine import Aside, Ingested
from workbench.store.loading.readers import reading
from workbench.store.loading.rejects import unreadable_lines
from workbench.store.loading.sifting import sift
from workbench.store.loading.text_files import read_through
from workbench.store.loading.values import sql_type
from workbench.store.quality.rules import number
from workbench.store.versions import Sums, coverage, coverage_after

Tell = Callable[[str], None]
_REASONS_SHOWN = 5
_SHEET = re.compile(r" --sheet ('.*?'|\".*?\")( --|$)")
_MEMORY = "1GB"  # beyond it the engine goes on in encrypted temporary files


def take_in(
    store: Store,
    catalog: Catalog,
    name: str,
    path: Path,
    *,
    now: dt.datetime,
    options: Options | None = None,
    zone: str = "UTC",
    progress: Tell = lambda _: None,
) -> Ingested:
    """Take one file into a table; return what became of its rows.

    A file that was taken in before, and read in the same way, is not read again: all of its good
    rows count as unchanged. Read in another way, its rows replace those of then by their key.

    Raises
    ------
    UnknownName
        No such table.
    SourceError
        The file cannot be read, has other columns, is in another encoding, or none of its rows can
        be taken in. Nothing is changed then.
    """
    table = catalog.table(name)
    declared = dict(table.source_format)
    chosen = Options(
        **{**declared, **{k: v for k, v in vars(options or Options()).items() if v is not None}}
    )
    require_fitting(path, chosen)  # also of a file that is known already
    progress(f"reading {path.name}")
    content, quoted = read_through(path)
    digest = content + (f" {chosen.said}" if chosen.said else "")
    with store.writing(f"ingest into {name}", tidy=True) as writer:
        # why one: rows are numbered in their order, so that others would only wait, and burn time
        writer.connection.execute("SET threads = 1")
        writer.connection.execute(f"SET memory_limit = '{_MEMORY}'")
        choose_format(writer.connection, table)
        quarantine.prepare(writer.connection)
        known = quarantine.taken_in(writer.connection, name)
        same = [before for before in known if _same_rows(before.digest, digest)]
        if same and same[-1].digest == digest:  # later ones replaced what earlier ones brought
            if store.unseen(writer.connection) and same[-1] not in files_seen(store):
                return same[-1]  # why: it was cut off before anybody was told
            return _again(same[-1])
        if same and not table.key_columns:
            raise SourceError(
                f"{path} was taken into '{name}' before, read in another way, and the table has no "
                "key by which its rows could replace those of then. Declare row_key: in the "
                f"catalog, or 'workbench init --reload {name}' to load the table anew."
            )
        for before in same:  # judged anew
            quarantine.forget_aside(writer.connection, name, before.digest)
        taken, replaced = _take(
            store, writer, catalog, name, table, path, digest, quoted, now, chosen, zone, progress,
        )  # fmt: skip  # why: one call, two lines
        corrected = correct_again(store, writer.connection, name, table)
        progress(f"comparing people in {name}")
        found, left_out = near_duplicates.find(
            writer.connection, name, table, digest, quarantine.PAIRS
        )
        taken = replace(taken, possible_duplicates=found, not_compared=left_out)
        quarantine.note(writer.connection, taken)
        progress(f"naming the content of {name}")
        _record(writer, name, table, digest, now.date(), None if corrected else replaced)
    return taken


def _same_rows(one: str, other: str) -> bool:
    """Whether two files are one, read in whichever way; two sheets are not."""
    sheets = [match[1] for each in (one, other) if (match := _SHEET.search(each))]
    return one.partition(" ")[0] == other.partition(" ")[0] and len({*sheets}) < 2


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
    quoted: bool,
    now: dt.datetime,
    options: Options,
    zone: str,
    progress: Tell,
) -> tuple[Ingested, Sums]:
    connection = writer.connection
    there = store.tables(connection)
    if name not in there:
        columns = ", ".join(f'"{c}" {sql_type(d)}' for c, d in table.columns.items())
        connection.execute(f'CREATE TABLE lake."{name}" ({columns})')
    with store.again(connection) as side:
        aside = Aside(side)
        called(connection, "keep_aside", aside.take, ["BIGINT", "VARCHAR"])
        with reading(connection, path, name, table, options, zone, quoted) as source:
            how = sift(source, catalog, name, there, today=now.date(), erased=writer.erased)
            aside.told = how.told
            with (
                watched_progress(connection, f"taking in {path.name}", progress),
                failing_as(path, "taken in"),
            ):
                inserted = number(connection, how.insert)
        found = unreadable_lines(connection, source, table, path, options)
        above = source.first_line - 1
        if source.header:
            # why only now: the engine numbers the rows it could read, and lines count all
            aside.renumber(above, [each.line for each in found])
        for each in found:
            aside.add(each.line, each.reasons, each.subject, each.content)
        if not inserted:
            raise _nothing_good(path, name, aside)

        @cache
        def skipped() -> list[int]:  # before any that contradicts is added
            lines = sorted([*aside.lines(), *source.passed_over])
            return [line - above - n for n, line in enumerate(lines, 1)]

        def keep(place: int, subject: str | None, content: str) -> None:
            line = place + bisect_left(skipped(), place) + above
            aside.add(line, upserts.CONTRADICTS, subject, content)

        settled = upserts.settle(connection, name, table, inserted, keep)
        rows = inserted + aside.rows - settled.contradicting + aside.erased
        if source.header:
            places = {*aside.lines()}
            aside.move(lines_of(path, options.encoding, source, places, rows + 1))
        aside.write(connection, name, digest)
        counts = {n: getattr(settled, n) for n in ("added", "updated", "unchanged", "repeated")}
        counts |= {"quarantined": aside.rows, "erased": aside.erased}
        return Ingested(name, path.name, digest, now, rows, *counts.values()), settled.replaced


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
    writer: StoreWriter, name: str, table: Table, digest: str, today: dt.date, replaced: Sums | None
) -> None:
    """Note what names the table's content now.

    ``replaced`` is None where other rows changed too, so that all are to be counted.
    """
    connection, before = writer.connection, writer.last_changes().get(name)
    as_of: str | None = None
    months: Mapping[str, str] = {}
    if table.time:
        about = (connection, name, table, today)
        as_of, months = (
            coverage(*about)
            if replaced is None
            else coverage_after(*about, before=before, replaced=replaced)
        )
    version = hashlib.sha256(f"ingest {digest}".encode()).hexdigest()
    writer.record(name, before.digest if before else "", as_of, months, version=version)
