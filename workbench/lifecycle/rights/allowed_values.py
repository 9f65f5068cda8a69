"""What the catalog allows a corrected value to be: its type, domain, bounds, and a row's rules.

A value that an ingest would keep aside is no correction. The value itself is never repeated.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from workbench.catalog import Column
from workbench.errors import InputError
from workbench.lifecycle.office import Office
from workbench.store.loading.values import kind_of, sql_type, value_of
from workbench.store.quality.rules import references, row_rules, unique_columns

if TYPE_CHECKING:
    import duckdb


def require_value(column: Column, place: str, value: str, zone: str) -> str:
    """Return a value as it is kept, unless not of its column's type, domain or bounds.

    Raises
    ------
    InputError
        Names the place and what is allowed.
    """
    if value == "":
        return value
    text, typed = require_type(column, place, value, zone)
    if column.domain is not None and column.closed:
        allowed = [
            str(each).lower() if each in (True, False) else str(each) for each in column.domain
        ]
        if text not in allowed:
            raise InputError(f"{place}: the value is not in its domain: {', '.join(allowed)}.")
    if column.bounds is not None and not column.bounds[0] <= _comparable(typed) <= column.bounds[1]:
        low, high = column.bounds
        raise InputError(f"{place}: the value lies outside its bounds, {low} to {high}.")
    return text


def require_type(column: Column, place: str, value: str, zone: str) -> tuple[str, Any]:
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


def require_rules(
    office: Office,
    connection: duckdb.DuckDBPyConnection,
    name: str,
    values: Mapping[str, str],
    row: tuple[str, Sequence[str]],
) -> None:
    """Refuse values with which a row would break a rule that an ingest holds rows back for.

    Parameters
    ----------
    values : mapping of column to text
        The right values; an empty text means none.
    row : condition, values
        Which row they are for; it is there once.

    Raises
    ------
    InputError
        Names the rules.
    """
    table, today = office.catalog.tables[name], office.now.date()
    typed = {column: f"CAST(? AS {sql_type(table.columns[column])})" for column in values}
    changed = ", ".join(f'{text} AS "{column}"' for column, text in typed.items())
    condition, given = row
    wanted = {
        f"{rule.column}: {rule.rule}": rule.fails
        for rule in row_rules(table, today)
        if rule.holds_back and _touched(rule.fails, values)
    }
    lake = office.store.tables(connection)
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
    found = connection.execute(
        f"SELECT {', '.join(f'coalesce({each}, false)' for each in wanted.values())} FROM ("
        f'SELECT * REPLACE ({changed}), rowid AS _at FROM lake."{name}" WHERE {condition}'
        ") AS corrected",
        [*[value or None for value in values.values()], *given],
    ).fetchone()
    broken = [rule for rule, fails in zip(wanted, found or (), strict=True) if fails]
    if broken:
        raise InputError(
            f"with this value the row of table '{name}' would break a rule of the catalog "
            f"({'; '.join(broken)}). Check the value, or the catalog; nothing was changed."
        )


def _touched(condition: str, columns: Mapping[str, str]) -> bool:
    """Return whether a condition is about one of these columns: older faults are no matter."""
    return any(f'"{column}"' in condition for column in columns)


def _comparable(value: Any) -> Any:
    return value.date() if isinstance(value, dt.datetime) else value
