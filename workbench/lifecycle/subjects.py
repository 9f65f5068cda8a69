"""What is held of one customer, and for whom: shown, exported, corrected, restricted."""

from __future__ import annotations

import csv
import datetime as dt
import json
import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from workbench.catalog import Column
from workbench.errors import InputError, StorageError, UnknownName
from workbench.lifecycle.customers import identifiers, unknown_subject
from workbench.lifecycle.kept_aside import KeptAside, lines_of, pairs_of, unclear_lines
from workbench.lifecycle.office import Office
from workbench.store.engine import newest, one_commit
from workbench.store.ingest import sql_type
from workbench.store.marks import EVERY_PURPOSE, Kind, marked_sql
from workbench.store.rewriting import contents

if TYPE_CHECKING:
    import duckdb

KEPT_ASIDE = "kept-aside"  # no table has such a name
OBJECTION_NOTE = (
    "Answers given before stay: they are differentially private and say nothing of one customer. "
    "What was fitted on raw rows has learned from them: fit it again."
)


@dataclass(frozen=True)
class HeldTable:
    """What one table holds of a customer, without the values.

    Attributes
    ----------
    table, title, kind, source, owner, retention : str
    rows : int
    columns : tuple of str
    purposes : mapping of purpose to (title, basis, recipients)
        For what it may be read, on which basis, and who receives what comes of it.
    kept_aside : tuple of KeptAside
        Lines of theirs that never became rows of it: held back from use, with file and reasons.
    unclear : int
        Lines kept aside without a known customer's key that hold one of their identifiers.
    """

    table: str
    title: str
    kind: str
    source: str
    owner: str
    retention: str
    rows: int
    columns: tuple[str, ...]
    purposes: Mapping[str, Mapping[str, str]]
    kept_aside: tuple[KeptAside, ...] = ()
    unclear: int = 0

    def told(self) -> dict[str, Any]:
        """Return it for machines, without the values of lines that were kept aside."""
        return {**vars(self), "kept_aside": [line.told() for line in self.kept_aside]}


@contextmanager
def _reading(office: Office, mark: str) -> Iterator[duckdb.DuckDBPyConnection]:
    store = office.store
    connection = store.connect()
    try:
        store.attach(connection, store.latest_snapshot())
        store.marks.prepare(connection, [mark])
        yield connection
    finally:
        connection.close()


def held(office: Office, mark: str) -> list[HeldTable]:
    """Return what every table holds of a customer, for what, from where, for whom, how long.

    Lines of theirs that never became rows belong to it (`workbench.lifecycle.kept_aside`).

    Raises
    ------
    InputError
        No table holds anything of them.
    """
    found, values, keys = [], identifiers(office, mark), office.subject_tables
    with _reading(office, mark) as connection:
        loaded = office.store.tables(connection)
        aside = lines_of(office.store, connection)
        unclear = unclear_lines(office.store, connection, keys, values)
        for name, key in keys.items():
            rows = _count(office, connection, name, key) if name in loaded else 0
            lines = tuple(line for line in aside if line.table == name)
            if rows or lines or name in unclear:
                described = _described(office, name, rows)
                found.append(replace(described, kept_aside=lines, unclear=unclear.get(name, 0)))
    if not found:
        raise unknown_subject(office)
    return found


def _count(office: Office, connection: duckdb.DuckDBPyConnection, name: str, key: str) -> int:
    theirs = office.store.marks.look_up(connection, name, key)
    row = connection.execute(f'SELECT count(*) FROM lake."{name}" WHERE {theirs}').fetchone()
    return int(row[0]) if row else 0


def _described(office: Office, name: str, rows: int) -> HeldTable:
    catalog, table = office.catalog, office.catalog.tables[name]
    purposes = {
        purpose: {
            "title": declared.title,
            "basis": declared.basis,
            "recipients": declared.audience,
            "until": declared.expires.isoformat(),
        }
        for purpose, declared in catalog.purposes.items()
        if set(catalog.columns_for(name, purpose)) - {table.subject_key}
    }
    return HeldTable(
        name,
        table.title,
        table.kind,
        table.source,
        table.owner,
        f"{table.retention.months} months after {table.retention.after}",
        rows,
        tuple(table.columns),
        purposes,
    )


def export(office: Office, mark: str, out: Path) -> dict[str, int]:
    """Write everything held of a customer as JSON and CSV into a new folder; rows by table.

    What was kept aside of loads is there too, as `KEPT_ASIDE`, marked as held back from use.

    The files are plain text, mode 0600, and meant for the person: hand them over and remove them.

    Raises
    ------
    InputError
        The folder is there already, or lies inside the private or the published one.
    """
    described = held(office, mark)
    target = out.absolute()
    for name in ("private", "published"):
        if office.settings.path(name) in (target, *target.parents):
            raise InputError(f"{out} lies in the {name} folder. Choose a place outside of it.")
    if target.exists():
        raise InputError(f"{out} is there already. Name a folder that is not.")
    try:
        target.mkdir(parents=True, mode=0o700)
        tables: dict[str, Any] = {}
        with _reading(office, mark) as connection:
            for each in described:
                if not each.rows:
                    continue
                key = office.subject_tables[each.table]
                columns = ", ".join(f'"{column}"' for column in each.columns)
                rows = connection.execute(
                    f'SELECT {columns} FROM lake."{each.table}" WHERE {marked_sql(key)} '
                    f"ORDER BY ALL"
                ).fetchall()
                _write_csv(target / f"{each.table}.csv", each.columns, rows)
                tables[each.table] = [
                    {c: _plain(v) for c, v in zip(each.columns, row, strict=True)} for row in rows
                ]
            doubles = pairs_of(office.store, connection)
        aside = [
            {"table": e.table, **e.told(), "row": e.row()} for t in described for e in t.kept_aside
        ]
        if aside:
            told = [{**each, "row": _text(each["row"])} for each in aside]
            _write_csv(target / f"{KEPT_ASIDE}.csv", [*told[0]], [[*e.values()] for e in told])
        content = {
            "title": office.catalog.title,
            "exported_on": office.now.date().isoformat(),
            "about": [each.told() for each in described],
            "data": tables,
            "kept_aside": aside,
            "possible_duplicates": doubles,
        }
        with _private_file(target / "subject.json") as file:
            json.dump(content, file, ensure_ascii=False, indent=2)
    except OSError as problem:
        raise StorageError(f"{out} cannot be written: {problem.strerror}.") from None
    rows_of = {each.table: each.rows for each in described if each.rows}
    return rows_of | ({KEPT_ASIDE: len(aside)} if aside else {})


def _text(row: Any) -> str:
    return row if isinstance(row, str) else json.dumps(row, ensure_ascii=False)


def _write_csv(path: Path, columns: Sequence[str], rows: Sequence[Sequence[Any]]) -> None:
    with _private_file(path) as file:
        writer = csv.writer(file)
        writer.writerow(columns)
        writer.writerows([[_plain(value) for value in row] for row in rows])


def _private_file(path: Path) -> Any:
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    return os.fdopen(handle, "w", encoding="utf-8", newline="")


def _plain(value: Any) -> Any:
    """Return a value as JSON and CSV have it; amounts and dates as text, exactly."""
    return value if value is None or isinstance(value, bool | int | str) else str(value)


def correct(
    office: Office,
    mark: str,
    changes: Mapping[str, str],
    where: Mapping[str, str],
) -> dict[str, int]:
    """Correct values of a customer; return the rows changed, by table.

    Parameters
    ----------
    changes : mapping of table.column to text
        The right values; an empty text means none.
    where : mapping of table.column to text
        Which of the customer's rows, where a table has several.

    Raises
    ------
    InputError
        A value is not of its column's type, outside its domain or bounds, or the rows meant are
        not told. Nothing was changed.
    """
    by_table: dict[str, dict[str, str]] = {}
    for place, value in changes.items():
        table, column = _place(office, place)
        _require_valid(office.catalog.tables[table].columns[column], place, value)
        by_table.setdefault(table, {})[column] = value
    chosen: dict[str, dict[str, str]] = {}
    for place, value in where.items():
        table, column = _place(office, place, key=True)
        chosen.setdefault(table, {})[column] = value
    today, rows = office.now.date(), {}
    with office.store.exclusive() as connection:
        office.store.marks.prepare(connection, [mark])
        for table in by_table:
            rows[table] = _require_rows(office, connection, table, chosen.get(table, {}))
        with one_commit(connection, "correction", office.store.marks) as writer:
            for table, values in by_table.items():
                condition, given = _condition(office, table, chosen.get(table, {}))
                sets = ", ".join(f'"{name}" = {_cast(office, table, name)}' for name in values)
                connection.execute(
                    f'UPDATE lake."{table}" SET {sets} WHERE {condition}',
                    [*[value or None for value in values.values()], *given],
                )
            names = {each: contents(connection, office.catalog, each, today) for each in by_table}
            writer.carry(names)
        snapshot = newest(connection)
        connection.execute("DETACH lake")
        office.store.publish(snapshot)
    return rows


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


def _require_valid(column: Column, place: str, value: str) -> None:
    """Refuse a value the catalog does not allow; the value itself is not repeated."""
    if value == "":
        return
    if column.domain is not None and value not in {str(each).lower() for each in column.domain} | {
        str(each) for each in column.domain
    }:
        allowed = ", ".join(str(each) for each in column.domain)
        raise InputError(f"{place}: the value is not in its domain: {allowed}.")
    import duckdb

    with duckdb.connect() as connection:
        row = connection.execute(f"SELECT TRY_CAST(? AS {sql_type(column)})", [value]).fetchone()
    if row is None or row[0] is None:
        raise InputError(f"{place}: the value is not {column.type}.")
    if (
        column.bounds is not None
        and not column.bounds[0] <= _comparable(row[0]) <= column.bounds[1]
    ):
        low, high = column.bounds
        raise InputError(f"{place}: the value lies outside its bounds, {low} to {high}.")


def _comparable(value: Any) -> Any:
    return value.date() if isinstance(value, dt.datetime) else value


def _cast(office: Office, table: str, column: str) -> str:
    return f"CAST(? AS {sql_type(office.catalog.tables[table].columns[column])})"


def _condition(office: Office, table: str, where: Mapping[str, str]) -> tuple[str, list[str]]:
    parts = [marked_sql(office.subject_tables[table])]
    parts += [f'"{name}" = {_cast(office, table, name)}' for name in where]
    return " AND ".join(parts), list(where.values())


def _require_rows(
    office: Office, connection: duckdb.DuckDBPyConnection, table: str, where: Mapping[str, str]
) -> int:
    condition, given = _condition(office, table, where)
    row = connection.execute(
        f'SELECT count(*) FROM lake."{table}" WHERE {condition}', given
    ).fetchone()
    rows = int(row[0]) if row else 0
    if rows == 0:
        raise InputError(f"table '{table}' has no such row of this customer; nothing was changed.")
    if rows > 1:
        raise InputError(
            f"table '{table}' has {rows} such rows of this customer. Say which one is meant with "
            f"--where {table}.column=value; nothing was changed."
        )
    return rows


def bar(office: Office, kind: Kind, mark: str, purposes: Sequence[str]) -> tuple[str, ...]:
    """Restrict a customer's rows or record an objection: reads for these purposes leave them out.

    Parameters
    ----------
    kind : {"restricted", "objected", "lifted"}
    purposes : sequence of str
        Names of purposes; none means every purpose.

    Raises
    ------
    UnknownName
        No such purpose.
    """
    held(office, mark)
    for purpose in purposes:
        if purpose not in office.catalog.purposes:
            raise UnknownName("purpose", purpose, office.catalog.purposes)
    chosen = tuple(purposes) or (EVERY_PURPOSE,)
    office.store.marks.add(kind, mark, at=office.now, purposes=chosen)
    return chosen
