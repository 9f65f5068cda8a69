"""Retention: which rows are past their time, why, what a hold keeps, and taking the rest away.

What was kept aside when files came in has a time of its own, counted from the day of the file.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from workbench.catalog import Table
from workbench.lifecycle import kept_aside
from workbench.lifecycle.holds import Hold, holds
from workbench.lifecycle.office import Office
from workbench.lifecycle.rights.correcting import drop_past
from workbench.lifecycle.rights.erasure import take_erased
from workbench.store.consents import agreeing_sql
from workbench.store.marks import marked_sql
from workbench.store.rewriting import take_away

RUNS = "executed notebooks"


@dataclass(frozen=True)
class Due:
    """What retention says of one table on one day.

    Attributes
    ----------
    table : str
        Or ``executed notebooks``, or what is kept aside of one: ``quarantine of TABLE``,
        ``possible duplicates of TABLE``.
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
    in_force : int
        Consents past the time their table states that stay, for they are in force.
    """

    table: str
    rows: int | None
    on_hold: int
    oldest: dt.date | None
    why: str
    holds: tuple[str, ...] = ()
    in_force: int = 0


def plan(office: Office) -> list[Due]:
    """Return, for every table and its quarantine, which rows are past their time.

    A row whose date is empty has not begun its time: an account that is open has no closing day.
    """
    store, in_force, today = office.store, holds(office.journal), office.now.date()
    with office.reading(*_marks(in_force)) as connection:
        loaded = store.tables(connection)
        return (
            [
                _due(office, connection, name, in_force)
                for name, table in office.catalog.tables.items()
                if name in loaded
            ]
            + _aside(office, connection, in_force, today)
            + _runs(office)
        )


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
        name: f"{_past(office, name)} AND NOT {_held(name, table, in_force)}"
        for name, table in catalog.tables.items()
        if _measured(table)
    }
    past = kept_aside.past_time(office.settings.quarantine.keep_days, today)
    conditions |= {
        name: f"{past} AND NOT {kept_aside.held(name, in_force)}"
        for name in (kept_aside.LINES, kept_aside.DOUBLES)
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
    if old := [path for path, _ in _run_files(office) if _is_old(office, path)]:
        removed[RUNS] = len(old)
        for path in old:
            path.unlink(missing_ok=True)
    drop_past(office)
    office.note("retention applied", {"rows": removed})
    office.look_anew()
    return removed


def _due(office: Office, connection: Any, name: str, in_force: Sequence[Hold]) -> Due:
    table = office.catalog.tables[name]
    kept = table.retention
    why = f"{kept.months} months after {kept.after}"
    if not _measured(table):
        return Due(name, None, 0, None, f"{why}: not a column of the table, so it is not measured")
    held, agreed = _held(name, table, in_force), 0
    if _in_force(office, name):
        why += ", and not while a consent is in force"
        row = connection.execute(
            f'SELECT count(*) FROM lake."{name}" WHERE {_ended(table, office.now.date())} '
            f"AND {_in_force(office, name)}"
        ).fetchone()
        agreed = int(row[0])
    row = connection.execute(
        f"SELECT count(*) FILTER (NOT {held}), count(*) FILTER ({held}), "
        f'min(CAST("{kept.after}" AS DATE)) FROM lake."{name}" WHERE {_past(office, name)}'
    ).fetchone()
    names = tuple(each.id for each in in_force if each.table in (None, name)) if row[1] else ()
    return Due(name, int(row[0]), int(row[1]), row[2], why, names, agreed)


def _runs(office: Office) -> list[Due]:
    """Return what is past its time of executed notebooks and their logs, which may show rows."""
    files = _run_files(office)
    if not files:
        return []
    days = office.settings.runs.keep_days
    old = [day for path, day in files if _is_old(office, path)]
    why = f"{days} days after they were written ([runs] keep_days), one row a file"
    return [Due(RUNS, len(old), 0, min(old, default=None), why)]


def _run_files(office: Office) -> list[tuple[Path, dt.date]]:
    """Return the files of runs, and the day each was written."""
    files = (path for path in (office.private / "runs").rglob("*") if path.is_file())
    zone = office.settings.zone
    return [(p, dt.datetime.fromtimestamp(p.stat().st_mtime, zone).date()) for p in sorted(files)]


def _is_old(office: Office, path: Path) -> bool:
    written = dt.datetime.fromtimestamp(path.stat().st_mtime, office.settings.zone).date()
    return written + dt.timedelta(days=office.settings.runs.keep_days) < office.now.date()


def _aside(office: Office, connection: Any, in_force: Sequence[Hold], today: dt.date) -> list[Due]:
    days = office.settings.quarantine.keep_days
    why = f"{days} days after the file came in ([quarantine] keep_days)"
    return [
        Due(
            what,
            rows,
            on_hold,
            oldest,
            why,
            tuple(each.id for each in in_force if each.table in (None, table)) if on_hold else (),
        )
        for what, table, rows, on_hold, oldest in kept_aside.due(
            office.store, connection, in_force, days, today
        )
    ]


def _measured(table: Table) -> bool:
    return table.retention.after in table.columns


def _past(office: Office, name: str) -> str:
    """Return SQL that is true for rows past their time; a consent in force has not begun its."""
    table = office.catalog.tables[name]
    ended, agreed = _ended(table, office.now.date()), _in_force(office, name)
    if not agreed or office.catalog.consents is None:
        return ended
    # why both days: what a consent allowed must be provable as long after its end
    withdrawn = _ended(table, office.now.date(), office.catalog.consents.withdrawn)
    return f"({ended} AND coalesce({withdrawn}, true) AND NOT {agreed})"


def _ended(table: Table, today: dt.date, after: str | None = None) -> str:
    kept = table.retention
    day = f'CAST("{after or kept.after}" AS DATE)'
    return f"({day} + INTERVAL {kept.months} MONTH) < DATE '{today}'"


def _in_force(office: Office, name: str) -> str:
    """Return SQL true for consents in force, where retention is not counted from withdrawal."""
    source = office.catalog.consents
    table = office.catalog.tables[name]
    if source is None or source.table != name or table.retention.after == source.withdrawn:
        return ""
    agreeing = agreeing_sql(office.catalog, source, office.now)
    return (
        f'coalesce(("{table.subject_key}", CAST("{source.purpose}" AS VARCHAR)) IN '
        f"(SELECT (person, purpose) FROM ({agreeing})), false)"
    )


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
