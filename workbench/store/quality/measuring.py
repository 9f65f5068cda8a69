"""Measure the quality of a store: one aggregate query a table, counts only.

What is expected comes from the catalog. What it does not say is not measured, and says so.
"""

import datetime as dt
from collections.abc import Collection, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import Any

from workbench.catalog import Catalog, Table
from workbench.store import Connection, Tell, quiet
from workbench.store.engine import Store
from workbench.store.loading.quarantine import rows_aside
from workbench.store.quality import hints
from workbench.store.quality.result import NO_ROWS, Check, Hint, Quality, TableQuality
from workbench.store.quality.rules import (
    Reference,
    RowRule,
    literal,
    references,
    row_rules,
    unique_columns,
)

NOT_LOADED = "the table was never loaded"
_TABLES_AT_ONCE = 4
_COMPLETE_DAYS = 3  # a month that its newest row falls this short of counts as complete


def measure(
    store: Store,
    catalog: Catalog,
    snapshot: int,
    *,
    now: dt.datetime,
    tables: Sequence[str] | None = None,
    progress: Tell = quiet,
) -> Quality:
    """Measure tables of one snapshot against what the catalog expects.

    Parameters
    ----------
    tables : sequence of str, optional
        Which; all when left out.
    """
    names = list(catalog.tables) if tables is None else list(tables)
    with store.reading(snapshot) as connection:
        there, aside = store.tables(connection), rows_aside(connection)
        files = hints.encrypted_files(connection, store)

        def one(name: str) -> tuple[TableQuality, list[Hint]]:
            if name not in there:
                return _absent(catalog, name, now.date()), []
            with store.again(connection) as own:
                found, looks = _table(own, catalog, name, there, aside.get(name, 0), now.date())
                checks = hints.checks(catalog, name, looks, *files.get(name, (0, 0)))
                return replace(found, checks=(*found.checks, *checks)), looks

        found: list[tuple[TableQuality, list[Hint]]] = []
        # why at once: a small table keeps one core busy, planning and reading its few pages
        with ThreadPoolExecutor(_TABLES_AT_ONCE) as pool:
            for number, (name, result) in enumerate(
                zip(names, pool.map(one, names), strict=True), 1
            ):
                progress(f"measured {name}: {number} of {len(names)}")
                found.append(result)
        looks = tuple(hint for _, hints_found in found for hint in hints_found)
        return Quality(now, snapshot, tuple(table for table, _ in found), looks)


@dataclass(frozen=True)
class _Asked:
    """One check and the aggregates that answer it."""

    checked: str
    failed: str
    check: Check

    def answered(self, values: Mapping[str, Any]) -> Check:
        """Return the check with what its aggregates come to."""
        # why or 0: of a column with no value at all the engine counts nothing, and not 0
        checked, failed = int(values[self.checked]), int(values[self.failed] or 0)
        why = "" if checked else NO_ROWS
        return replace(self.check, checked=checked, failed=failed, why=why)


def _table(
    connection: Connection, catalog: Catalog, name: str, there: set[str], aside: int, today: dt.date
) -> tuple[TableQuality, list[Hint]]:
    table = catalog.tables[name]
    bad = _unusable(connection, row_rules(table, today))
    rules = [rule for rule in row_rules(table, today) if rule not in bad]
    refs = [ref for ref in references(table) if ref.table in there]
    newest, kept = _ends(connection, name, table, rules, today)
    asked = [*_of_rows(name, rules, kept), *_of_references(name, refs), *_of_keys(name, table)]
    month = _in_month(table, newest)
    parts = [part for each in asked for part in (each.checked, each.failed)]
    parts = list(dict.fromkeys(["count(*)", month, *parts]))
    row = connection.execute(f'SELECT {", ".join(parts)} FROM lake."{name}"').fetchone() or ()
    values = dict(zip(parts, row, strict=True))
    rows = int(values["count(*)"])
    checks = [each.answered(values) for each in asked]
    for rule in bad:
        told = (rule.column, rule.dimension, rule.rule)
        checks.append(Check(name, *told, None, None, why=_BAD_PATTERN))
    checks += [
        Check(name, ref.column, "consistency", ref.rule, None, None, why=NOT_LOADED)
        for ref in references(table)
        if ref.table not in there
    ]
    checks += _freshness(name, table, newest, today)
    checks += _volume(name, table, rows, newest, values[month])
    if aside:
        checks.append(Check(name, None, "completeness", "taken in", rows + aside, aside))
    looks = hints.scan(connection, catalog, name, rows)
    day = None if newest is None else str(newest)
    return TableQuality(name, rows, day, tuple(checks)), looks


_BAD_PATTERN = "the engine does not know this pattern: write it without look-around"


def _unusable(connection: Connection, rules: Sequence[RowRule]) -> list[RowRule]:
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


def _of_rows(name: str, rules: Sequence[RowRule], kept: Collection[RowRule]) -> Iterator[_Asked]:
    for rule in rules:
        share = None if rule.tolerance is None else float(rule.tolerance)
        check = Check(name, rule.column, rule.dimension, rule.rule, None, None, share)
        filled = f'count("{rule.column}")'
        if rule.about == "true":  # whether it is filled: what the others count tells
            yield _Asked("count(*)", f"count(*) - {filled}", check)
        else:
            about = f"count_if({rule.about})" if " AND " in rule.about else filled
            yield _Asked(about, "0" if rule in kept else f"count_if({rule.fails})", check)


def _of_references(name: str, refs: Sequence[Reference]) -> Iterator[_Asked]:
    for ref in refs:
        share = float(ref.tolerance)
        check = Check(name, ref.column, "consistency", ref.rule, None, None, share)
        yield _Asked(f'count("{ref.column}")', _unknown(name, ref), check)


def _unknown(name: str, ref: Reference) -> str:
    """Return SQL for the rows whose value the other table does not hold.

    Each value is looked for once, however often it stands there; the engine keeps the smaller side
    in memory.
    """
    return (
        "(SELECT coalesce(sum(times), 0) FROM "
        f'(SELECT "{ref.column}" AS value, count(*) AS times FROM lake."{name}" '
        f'WHERE "{ref.column}" IS NOT NULL GROUP BY value) AS held '
        f'ANTI JOIN lake."{ref.table}" AS known ON held.value = known."{ref.target}")'
    )


def _of_keys(name: str, table: Table) -> Iterator[_Asked]:
    for columns, tolerance in unique_columns(table).items():
        alone = columns[0] if len(columns) == 1 else None
        rule = "unique" if alone else f"unique {' + '.join(columns)}"
        check = Check(name, alone, "consistency", rule, None, None, float(tolerance))
        if len(columns) > 1:
            row = ", ".join(f'"{column}"' for column in columns)
            yield _Asked("count(*)", f"count(*) - count(DISTINCT ({row}))", check)
        else:
            filled = f'count("{columns[0]}")'
            distinct = f'count(DISTINCT "{columns[0]}")'
            if table.columns[columns[0]].type == "integer":
                distinct = distinct_numbers(name, columns[0])
            yield _Asked(filled, f"{filled} - {distinct}", check)


def distinct_numbers(name: str, column: str) -> str:
    """Return SQL that counts whole numbers once each.

    Of every 64 numbers that follow each other one word says which are there. Identifiers are mostly
    counted up, so that takes a fraction of the time and memory of a list of them all.
    """
    return (
        "(SELECT coalesce(sum(bit_count(there)), 0) FROM "
        f'(SELECT bit_or(1::UBIGINT << ("{column}" & 63)::UBIGINT) AS there FROM lake."{name}" '
        f'WHERE "{column}" IS NOT NULL GROUP BY "{column}" >> 6))'
    )


def _ends(
    connection: Connection, name: str, table: Table, rules: Sequence[RowRule], today: dt.date
) -> tuple[dt.date | None, list[RowRule]]:
    """Return the last day that rows are of and that has come, and rules that every row keeps.

    Of a range those that the least and the greatest value keep. The files say which these are, and
    no row has to be read for it.
    """
    spans = [rule for rule in rules if _is_span(rule, table)]
    columns = sorted({rule.column for rule in spans} | ({table.time} if table.time else set()))
    if not columns:
        return None, []
    ends = ", ".join(f'unnest([min("{c}"), max("{c}")]) AS "{c}"' for c in columns)
    day = f'max("{table.time}")::DATE' if table.time else "NULL"
    asked = ", ".join([day, *(f"bool_or({rule.fails})" for rule in spans)])
    query = f'SELECT {asked} FROM (SELECT {ends} FROM lake."{name}")'
    newest, *broken = connection.execute(query).fetchone() or (None,)
    kept = [rule for rule, some in zip(spans, broken, strict=True) if some is False]
    if newest is not None and newest > today:
        before = f'"{table.time}" < {literal(today + dt.timedelta(days=1))}'
        query = f'SELECT max("{table.time}")::DATE FROM lake."{name}" WHERE {before}'
        (newest,) = connection.execute(query).fetchone() or (None,)
    return newest, kept


def _is_span(rule: RowRule, table: Table) -> bool:
    """Return whether what keeps a rule are all values between two, of a type without NaN."""
    column = table.columns[rule.column]
    whole = rule.rule == "not_after today" or (rule.rule == "range" and not column.special_codes)
    return whole and column.type in ("integer", "money", "date", "timestamp")


def _in_month(table: Table, newest: dt.date | None) -> str:
    """Return SQL for the rows of the last complete month; NULL where that is not asked."""
    if newest is None or not table.expected_rows:
        return "NULL"
    first = _complete_month(newest)
    after = (first + dt.timedelta(days=31)).replace(day=1)
    return f'count_if("{table.time}" >= {literal(first)} AND "{table.time}" < {literal(after)})'


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
    name: str, table: Table, rows: int, newest: dt.date | None, in_month: Any
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
        month, found = f"in {_complete_month(newest):%Y-%m}", int(in_month)
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
