"""Correct a customer's values, and keep them corrected when older data comes back.

What the catalog does not allow (type, domain, bounds, a row's rules), and an ingest would keep
aside, is no correction. The value itself is never repeated.
"""

import datetime as dt
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Unpack

from workbench.catalog import Column, Table
from workbench.errors import InputError
from workbench.lifecycle.office import Office
from workbench.lifecycle.rights.requests import Asked, Served, serve
from workbench.store import Connection
from workbench.store.corrections import Correction, compute_again
from workbench.store.engine import one_commit
from workbench.store.keys.marks import marked_sql
from workbench.store.loading.ingest import correct_again
from workbench.store.loading.values import kind_of, sql_type, value_of
from workbench.store.quality.rules import references, row_rules, unique_columns
from workbench.store.rewriting import contents


def correct(
    office: Office, mark: str, changes: Mapping[str, str], where: Mapping[str, str]
) -> dict[str, int]:
    """Correct values of a customer; return the rows changed, by table.

    A value that stands there already is left as it is. Each correction is kept, so that a load or a
    restore that brings the old value back is corrected again (`workbench.store.corrections`).

    Parameters
    ----------
    changes : mapping of table.column to text
        The right values; an empty text means none.
    where : mapping of table.column to text
        Which of the customer's rows, where a table has several.

    Raises
    ------
    InputError
        A value is not of its column's type, outside its domain or bounds, or breaks a rule; or the
        rows meant are not told. Nothing was changed.
    """
    by_table: dict[str, dict[str, str]] = {}
    zone = office.settings.time_zone
    for place, value in changes.items():
        table, column = _place(office, place)
        declared = office.catalog.tables[table].columns[column]
        if declared.computed is not None:
            raise InputError(
                f"{place} is computed: {declared.computed}. Correct what it is computed of."
            )
        by_table.setdefault(table, {})[column] = _require_value(declared, place, value, zone)
    chosen: dict[str, dict[str, str]] = {}
    for place, value in where.items():
        table, column = _place(office, place, key=True)
        declared = office.catalog.tables[table].columns[column]
        chosen.setdefault(table, {})[column], _ = _require_type(declared, place, value, zone)
    today, rows, kept = office.now.date(), dict.fromkeys(by_table, 0), []
    with office.store.exclusive() as connection:
        office.store.marks.prepare(connection, [mark])
        for table, values in by_table.items():
            row = _Row(office, connection, table, chosen.get(table, {}))
            _require_one(row)
            _require_rules(row, values)
            correction = _correction(row, mark, values)
            if correction.after:
                kept.append(correction)
        for each in kept:  # why first: cut off in between, the next load corrects the row
            office.store.corrections.add(each)
        if kept:
            with one_commit(office.store, connection, "correction") as writer:
                for each in kept:
                    _update(office, connection, each)
                    rows[each.table] = 1
                changed = [each.table for each in kept]
                writer.carry({t: contents(connection, office.catalog, t, today) for t in changed})
        office.store.end(connection)
    office.mirror_marks()
    return rows


@dataclass(frozen=True)
class _Row:
    """A row of the customer whose mark is prepared: of which table, and which where of several."""

    office: Office
    connection: Connection
    name: str
    where: Mapping[str, str]

    @property
    def table(self) -> Table:
        return self.office.catalog.tables[self.name]

    def cast(self, column: str) -> str:
        return f"CAST(? AS {sql_type(self.table.columns[column])})"

    @property
    def condition(self) -> str:
        parts = [marked_sql(str(self.table.subject_key))]
        return " AND ".join([*parts, *(f'"{name}" = {self.cast(name)}' for name in self.where)])

    def ask(self, sql: str, values: Iterable[str | None] = (), end: str = "") -> tuple[Any, ...]:
        """Return the first row that SQL up to its condition comes to, empty texts being none."""
        given = [*(value or None for value in values), *self.where.values()]
        return self.connection.execute(f"{sql} WHERE {self.condition}{end}", given).fetchone() or ()


def _correction(row: _Row, mark: str, values: Mapping[str, str]) -> Correction:
    """Return a correction: the row it is of, and those of its values that change."""
    named = ", ".join(
        f'CAST("{name}" AS VARCHAR), "{name}" IS DISTINCT FROM {row.cast(name)}' for name in values
    )
    key = f'CAST("{row.table.subject_key}" AS VARCHAR)'
    subject, *found = row.ask(f'SELECT {key}, {named} FROM lake."{row.name}"', values.values())
    before = dict(zip(values, found[::2], strict=True))
    changed = [name for name, other in zip(values, found[1::2], strict=True) if other]
    return Correction(
        row.office.now.astimezone(dt.UTC).isoformat(timespec="microseconds"),
        mark,
        row.name,
        subject,
        dict(row.where),
        {name: before[name] for name in changed},
        {name: values[name] or None for name in changed},
    )


def _update(office: Office, connection: Connection, correction: Correction) -> None:
    row, values = _Row(office, connection, correction.table, correction.where), correction.after
    sets = ", ".join(f'"{name}" = {row.cast(name)}' for name in values)
    row.ask(f'UPDATE lake."{row.name}" SET {sets}', values.values())
    compute_again(connection, row.name, row.table)


def replay(office: Office) -> dict[str, int]:
    """Correct again what a restored store brought back; return how many rows, by table."""
    store, rows, today = office.store, {}, office.now.date()
    wanted = {each.table for each in store.corrections.all()}
    if not wanted:
        return {}
    with store.exclusive() as connection:
        with one_commit(store, connection, "correction") as writer:
            for name in sorted(wanted & store.tables(connection) & set(office.subject_tables)):
                count = correct_again(store, connection, name, office.catalog.tables[name])
                if count:
                    rows[name] = count
            if rows:
                named = {name: contents(connection, office.catalog, name, today) for name in rows}
                writer.carry(named)
        store.end(connection)
    return rows


def drop_past(office: Office) -> int:
    """Forget corrections of customers of whom a table holds no row any more; return how many."""
    store, gone = office.store, 0
    known = store.corrections.all()
    if not known:
        return 0
    with office.reading() as connection:
        loaded = store.tables(connection)
        for name in {each.table for each in known}:
            key = office.subject_tables.get(name)
            there = set()
            if name in loaded and key is not None:
                asked = "\n".join({each.subject for each in known if each.table == name})
                rows = connection.execute(
                    f'SELECT DISTINCT CAST("{key}" AS VARCHAR) AS known FROM lake."{name}" '
                    "WHERE known IN (SELECT unnest(string_split(?, chr(10))))",
                    [asked],
                ).fetchall()
                there = {row[0] for row in rows}
            past = {each.mark for each in known if each.table == name and each.subject not in there}
            gone += store.corrections.forget(past, name)
    office.mirror_marks()
    return gone


def _place(office: Office, place: str, *, key: bool = False) -> tuple[str, str]:
    table, dot, column = place.partition(".")
    if not (dot and column):
        raise InputError(f"'{place}' names no column: write table.column=value.")
    declared = office.catalog.table(table)
    declared.column(column)
    if table not in office.subject_tables:
        raise InputError(f"table '{table}' is not about customers; correct its source.")
    if column == declared.subject_key and not key:
        raise InputError(
            f"'{place}' is what the customer is known by; it cannot be corrected here."
        )
    return table, column


def _require_one(row: _Row) -> None:
    table, (rows,) = row.name, row.ask(f'SELECT count(*) FROM lake."{row.name}"')
    if rows == 0:
        raise InputError(f"table '{table}' has no such row of this customer; nothing was changed.")
    if rows > 1:
        raise InputError(
            f"table '{table}' has {rows} such rows of this customer. Say which one is meant with "
            f"--where {table}.column=value; nothing was changed."
        )


def _require_value(column: Column, place: str, value: str, zone: str) -> str:
    """Return a value as it is kept, unless not of its column's type, domain or bounds.

    Raises
    ------
    InputError
        Names the place and what is allowed.
    """
    if value == "":
        return value
    text, typed = _require_type(column, place, value, zone)
    if column.domain is not None and column.closed:
        allowed = [
            str(each).lower() if each in (True, False) else str(each) for each in column.domain
        ]
        if text not in allowed:
            raise InputError(f"{place}: the value is not in its domain: {', '.join(allowed)}.")
    if column.bounds is not None:
        low, high = column.bounds
        plain: Any = typed.date() if isinstance(typed, dt.datetime) else typed
        if not low <= plain <= high:
            raise InputError(f"{place}: the value lies outside its bounds, {low} to {high}.")
    return text


def _require_type(column: Column, place: str, value: str, zone: str) -> tuple[str, Any]:
    """Return a text as it is kept, and its value, by the rule that holds for files.

    Raises
    ------
    InputError
        It is none.
    """
    found = value_of(column, value, zone)
    if found is None:
        kind, _, _ = kind_of(column.type).partition(" (")
        form = {"date": ", such as 2026-09-30", "timestamp": ", such as 2026-09-30 14:05:00"}
        raise InputError(f"{place}: the value is not {kind}{form.get(column.type, '')}.")
    return found


def _require_rules(row: _Row, values: Mapping[str, str]) -> None:
    """Refuse values with which a row would break a rule that an ingest holds rows back for.

    Parameters
    ----------
    row : _Row
        It is there once.
    values : mapping of column to text
        The right values; an empty text means none.

    Raises
    ------
    InputError
        Names the rules.
    """
    table, name = row.table, row.name
    changed = ", ".join(f'{row.cast(column)} AS "{column}"' for column in values)
    wanted = {
        f"{rule.column}: {rule.rule}": rule.fails
        for rule in row_rules(table, row.office.now.date())
        # why touched: older faults are no matter
        if rule.holds_back and any(f'"{column}"' in rule.fails for column in values)
    }
    lake = row.office.store.tables(row.connection)
    for ref in references(table):
        if ref.column in values and ref.table in lake and ref.holds_back:
            wanted[f"{ref.column}: {ref.rule}"] = (
                f'"{ref.column}" IS NOT NULL AND "{ref.column}" NOT IN (SELECT "{ref.target}" '
                f'FROM lake."{ref.table}" WHERE "{ref.target}" IS NOT NULL)'
            )
    for columns, tolerance in unique_columns(table).items():
        if not tolerance and set(columns) & set(values):
            same = " AND ".join(f'other."{each}" = corrected."{each}"' for each in columns)
            wanted[f"{', '.join(columns)}: another row has it already"] = (
                f'EXISTS (SELECT 1 FROM lake."{name}" AS other '
                f"WHERE {same} AND other.rowid <> corrected._at)"
            )
    if not wanted:
        return
    found = row.ask(
        f"SELECT {', '.join(f'coalesce({each}, false)' for each in wanted.values())} FROM ("
        f'SELECT * REPLACE ({changed}), rowid AS _at FROM lake."{name}"',
        values.values(),
        end=") AS corrected",
    )
    broken = [rule for rule, fails in zip(wanted, found, strict=True) if fails]
    if broken:
        raise InputError(
            f"with this value the row of table '{name}' would break a rule of the catalog "
            f"({'; '.join(broken)}). Check the value, or the catalog; nothing was changed."
        )


def correct_subject(
    office: Office,
    subject: str,
    changes: Mapping[str, str],
    where: Mapping[str, str] | None = None,
    **asked: Unpack[Asked],
) -> Served[dict[str, int]]:
    """Correct values of a customer, ``{"customers.email": "…"}``; rows changed, by table."""

    def act(of: Office, mark: str, _: str) -> dict[str, int]:
        return correct(of, mark, changes, where or {})

    return serve(office, "correction", subject, act, **asked)
