"""Retention: which rows are past their time, why, what a hold keeps, and taking the rest away."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from workbench.catalog import Catalog, Table
from workbench.lifecycle.erasure import take_erased
from workbench.lifecycle.holds import Hold, holds
from workbench.lifecycle.journal import Journal
from workbench.lifecycle.office import Office
from workbench.store.engine import Store
from workbench.store.marks import marked_sql
from workbench.store.rewriting import take_away


@dataclass(frozen=True)
class Due:
    """What retention says of one table on one day.

    Attributes
    ----------
    table : str
    rows : int or None
        Rows past their time that nothing keeps; None where the table's clock cannot be read.
    on_hold : int
        Rows past their time that a legal hold keeps.
    oldest : date or None
        Of the rows past their time, the earliest day their clock began.
    why : str
        The rule in words.
    holds : tuple of str
        The holds that keep rows.
    """

    table: str
    rows: int | None
    on_hold: int
    oldest: dt.date | None
    why: str
    holds: tuple[str, ...] = ()


def plan(store: Store, catalog: Catalog, journal: Journal, today: dt.date) -> list[Due]:
    """Return, for every table, which rows are past their time; nothing is removed.

    A row whose date is empty has not begun its time: an account that is open has no closing day.
    """
    in_force = holds(journal)
    connection = store.connect()
    try:
        store.attach(connection, store.latest_snapshot())
        store.marks.prepare(connection, _marks(in_force))
        loaded = store.tables(connection)
        return [
            _due(connection, name, table, in_force, today)
            for name, table in catalog.tables.items()
            if name in loaded
        ]
    finally:
        connection.close()


def apply(office: Office, progress: Callable[[str], None] = lambda _: None) -> dict[str, int]:
    """Take away every row past its time that no hold keeps; return how many, by table.

    Runs that were cut off are finished by running again, and so are erasures.
    """
    store, catalog = office.store, office.catalog
    office.journal.require_clock(office.now)
    in_force, today = holds(office.journal), office.now.date()
    if store.marks.erased():  # an erasure may have been cut off before its rows went
        take_erased(office, progress)
    conditions = {
        name: f"{_past(table, today)} AND NOT {_held(name, table, in_force)}"
        for name, table in catalog.tables.items()
        if _measured(table)
    }
    taken = take_away(
        store,
        catalog,
        conditions,
        message="retention",
        today=today,
        prepare=lambda connection: store.marks.prepare(connection, _marks(in_force)),
        progress=progress,
    )
    removed = {table: rows for table, rows in taken.items() if rows}
    office.note("retention applied", {"rows": removed})
    return removed


def _due(
    connection: object, name: str, table: Table, in_force: Sequence[Hold], today: dt.date
) -> Due:
    kept = table.retention
    why = f"{kept.months} months after {kept.after}"
    if not _measured(table):
        return Due(name, None, 0, None, f"{why}: not a column of the table, so it is not measured")
    held = _held(name, table, in_force)
    row = connection.execute(  # type: ignore[attr-defined]  # why: duckdb is not imported here
        f"SELECT count(*) FILTER (NOT {held}), count(*) FILTER ({held}), "
        f'min(CAST("{kept.after}" AS DATE)) FROM lake."{name}" WHERE {_past(table, today)}'
    ).fetchone()
    names = tuple(each.id for each in in_force if each.table in (None, name)) if row[1] else ()
    return Due(name, int(row[0]), int(row[1]), row[2], why, names)


def _measured(table: Table) -> bool:
    return table.retention.after in table.columns


def _past(table: Table, today: dt.date) -> str:
    kept = table.retention
    return f"(CAST(\"{kept.after}\" AS DATE) + INTERVAL {kept.months} MONTH) < DATE '{today}'"


def _held(name: str, table: Table, in_force: Sequence[Hold]) -> str:
    """Return SQL that is true for rows a hold keeps."""
    here = [each for each in in_force if each.table in (None, name)]
    if any(each.mark is None for each in here):
        return "true"
    # why every held mark, also where its hold is of another table: keeping one too many is safe
    return marked_sql(table.subject_key) if here and table.subject_key else "false"


def _marks(in_force: Sequence[Hold]) -> list[str]:
    return [each.mark for each in in_force if each.mark is not None]


def summary(due: Sequence[Due]) -> Mapping[str, int]:
    """Return rows past their time, those on hold, and tables that are not measured."""
    return {
        "past": sum(each.rows or 0 for each in due),
        "on_hold": sum(each.on_hold for each in due),
        "not_measured": sum(each.rows is None for each in due),
    }
