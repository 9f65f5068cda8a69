"""Measure the quality of a store: one aggregate query a table, counts only.

What is expected comes from the catalog. What it does not say is not measured, and says so.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from workbench.catalog import Catalog, Table
from workbench.store import hints, protection
from workbench.store.engine import Store
from workbench.store.quality_result import NO_ROWS, Check, Hint, Quality, TableQuality
from workbench.store.quality_rules import (
    Reference,
    RowRule,
    literal,
    references,
    row_rules,
    unique_columns,
)

if TYPE_CHECKING:
    import duckdb

NOT_LOADED = "the table was never loaded"
_COMPLETE_DAYS = 3  # a month that its newest row falls this short of counts as complete


def measure(
    store: Store,
    catalog: Catalog,
    snapshot: int,
    *,
    now: dt.datetime,
    tables: Sequence[str] | None = None,
    progress: Callable[[str], None] = lambda _: None,
) -> Quality:
    """Measure tables of one snapshot against what the catalog expects.

    Parameters
    ----------
    tables : sequence of str, optional
        Which; all when left out.
    """
    names = list(catalog.tables) if tables is None else list(tables)
    connection = store.connect()
    try:
        store.attach(connection, snapshot)
        there = store.tables(connection)
        measured: list[TableQuality] = []
        found: list[Hint] = []
        for number, name in enumerate(names, 1):
            progress(f"measuring {name}: {number} of {len(names)}")
            if name in there:
                looks = hints.scan(connection, catalog, name)
                table = _table(connection, store, catalog, name, there, looks, now.date())
                found += looks
            else:
                table = _absent(catalog, name, now.date())
            measured.append(table)
        return Quality(now, snapshot, tuple(measured), tuple(found))
    finally:
        connection.close()


@dataclass(frozen=True)
class _Asked:
    """One check and the columns of the query that answer it."""

    checked: str
    failed: str
    make: Callable[[Any, Any], Check]


def _table(
    connection: duckdb.DuckDBPyConnection,
    store: Store,
    catalog: Catalog,
    name: str,
    there: set[str],
    looks: Sequence[Hint],
    today: dt.date,
) -> TableQuality:
    table = catalog.tables[name]
    bad = _unusable(connection, row_rules(table, today))
    rules = [rule for rule in row_rules(table, today) if rule not in bad]
    refs = [ref for ref in references(table) if ref.table in there]
    asked = [*_of_rows(name, rules), *_of_references(name, refs), *_of_keys(name, table)]
    whole = [*_of_time(table, today)]
    sql = ", ".join(
        ["count(*)", *whole, *(part for each in asked for part in (each.checked, each.failed))]
    )
    source = _source(connection, name, refs)
    row = connection.execute(f"SELECT {sql} FROM {source}").fetchone() or ()
    rows, values = int(row[0]), row[1 + len(whole) :]
    checks = [
        each.make(values[2 * place], values[2 * place + 1]) for place, each in enumerate(asked)
    ]
    checks += [
        Check(name, rule.column, rule.dimension, rule.rule, None, None, why=_BAD_PATTERN)
        for rule in bad
    ]
    checks += [
        Check(name, ref.column, "consistency", ref.rule, None, None, why=NOT_LOADED)
        for ref in references(table)
        if ref.table not in there
    ]
    newest = row[1] if table.time else None
    checks += _freshness(name, table, newest, today)
    checks += _volume(name, table, rows, newest, row[2] if len(whole) > 1 else None)
    checks += protection.checks(connection, store, catalog, name, looks)
    return TableQuality(name, rows, None if newest is None else str(newest), tuple(checks))


_BAD_PATTERN = "the engine does not know this pattern: write it without look-around"


def _unusable(connection: duckdb.DuckDBPyConnection, rules: Sequence[RowRule]) -> list[RowRule]:
    """Return the rules whose pattern Python knows and the engine (RE2) does not."""
    import duckdb

    bad = []
    for rule in rules:
        if rule.rule == "pattern":
            try:
                connection.execute(f"SELECT {rule.fails} FROM (SELECT '' AS \"{rule.column}\")")
            except duckdb.Error:
                bad.append(rule)
    return bad


def _source(connection: duckdb.DuckDBPyConnection, name: str, refs: Sequence[Reference]) -> str:
    """Return the table, with a column a reference that says whether the value is known."""
    if not refs:
        return f'lake."{name}"'
    known = []
    for place, ref in enumerate(refs):
        there = f'SELECT "{ref.target}" FROM lake."{ref.table}" WHERE "{ref.target}" IS NOT NULL'
        if _rows(connection, ref.table) > _rows(connection, name):
            # why: the engine keeps all of what is referred to in memory; this leaves what is asked
            there += f' AND "{ref.target}" IN (SELECT "{ref.column}" FROM lake."{name}")'
        known.append(f'"{ref.column}" IN ({there}) AS _known_{place}')
    return f'(SELECT *, {", ".join(known)} FROM lake."{name}")'


def _rows(connection: duckdb.DuckDBPyConnection, name: str) -> int:
    row = connection.execute(f'SELECT count(*) FROM lake."{name}"').fetchone()  # of its metadata
    return int(row[0]) if row else 0


def _of_rows(name: str, rules: Sequence[RowRule]) -> Iterator[_Asked]:
    for rule in rules:

        def make(checked: Any, failed: Any, rule: RowRule = rule) -> Check:
            why = "" if checked else NO_ROWS
            share = None if rule.tolerance is None else float(rule.tolerance)
            return Check(name, rule.column, rule.dimension, rule.rule, checked, failed, share, why)

        about = "count(*)" if rule.about == "true" else f'count("{rule.column}")'
        if " AND " in rule.about:
            about = f"count(*) FILTER ({rule.about})"
        yield _Asked(about, f"count(*) FILTER ({rule.fails})", make)


def _of_references(name: str, refs: Sequence[Reference]) -> Iterator[_Asked]:
    for place, ref in enumerate(refs):

        def make(checked: Any, failed: Any, ref: Reference = ref) -> Check:
            why = "" if checked else NO_ROWS
            share = float(ref.tolerance)
            return Check(name, ref.column, "consistency", ref.rule, checked, failed, share, why)

        failed = f"count(*) FILTER (NOT _known_{place})"
        yield _Asked(f'count("{ref.column}")', failed, make)


def _of_keys(name: str, table: Table) -> Iterator[_Asked]:
    for columns, tolerance in unique_columns(table).items():

        def make(
            checked: Any,
            failed: Any,
            columns: tuple[str, ...] = columns,
            tolerance: float = float(tolerance),
        ) -> Check:
            alone = columns[0] if len(columns) == 1 else None
            rule = "unique" if alone else f"unique {' + '.join(columns)}"
            why = "" if checked else NO_ROWS
            return Check(name, alone, "consistency", rule, checked, failed, tolerance, why)

        if len(columns) == 1:
            filled = f'count("{columns[0]}")'
            yield _Asked(filled, f'{filled} - count(DISTINCT "{columns[0]}")', make)
        else:
            row = ", ".join(f'"{column}"' for column in columns)
            yield _Asked("count(*)", f"count(*) - count(DISTINCT ({row}))", make)


def _of_time(table: Table, today: dt.date) -> Iterator[str]:
    if table.time:
        tomorrow = literal(today + dt.timedelta(days=1))
        yield f'max(CAST("{table.time}" AS DATE)) FILTER ("{table.time}" < {tomorrow})'
        if table.expected_rows:
            yield f"histogram(CAST(date_trunc('month', \"{table.time}\") AS DATE))"


def _freshness(name: str, table: Table, newest: dt.date | None, today: dt.date) -> Iterator[Check]:
    if not table.time:
        return
    if table.freshness_days is None:
        why = "declare freshness_days"
        yield Check(name, table.time, "timeliness", "fresh", None, None, why=why)
    elif newest is None:
        yield Check(name, table.time, "timeliness", "fresh", 1, 1, why="no row has a day")
    else:
        age = (today - newest).days
        why = f"newest row {age} days old, at most {table.freshness_days}"
        late = int(age > table.freshness_days)
        yield Check(name, table.time, "timeliness", "fresh", 1, late, why=why)


def _volume(
    name: str, table: Table, rows: int, newest: dt.date | None, months: Any
) -> Iterator[Check]:
    if table.expected_rows is None:
        return
    least, most = table.expected_rows
    if not table.time:
        month, found = "in all", rows
    elif newest is None:
        yield Check(name, None, "completeness", "volume", None, None, why="no row has a day")
        return
    else:
        first = _complete_month(newest)
        month, found = f"in {first:%Y-%m}", int((months or {}).get(first, 0))
    why = f"{found:,} rows {month}, expected {least:,} to {most:,}"
    wrong = int(not least <= found <= most)
    yield Check(name, None, "completeness", "volume", 1, wrong, why=why)


def _complete_month(newest: dt.date) -> dt.date:
    """Return the first day of the last month that rows reach the end of, nearly."""
    after = (newest + dt.timedelta(days=_COMPLETE_DAYS + 1)).replace(day=1)
    return (after - dt.timedelta(days=1)).replace(day=1)


def _absent(catalog: Catalog, name: str, today: dt.date) -> TableQuality:
    """Return a table's checks, none of which could be measured."""
    table = catalog.tables[name]
    rules = [(rule.column, rule.dimension, rule.rule) for rule in row_rules(table, today)]
    checks = [Check(name, *each, None, None, why=NOT_LOADED) for each in rules]
    return TableQuality(name, None, None, tuple(checks))
