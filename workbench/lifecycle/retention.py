"""Retention: which rows are past their time, why, what a hold keeps, and taking the rest away.

What was kept aside when files came in has a time of its own, counted from the day of the file.
"""

import datetime as dt
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from workbench.catalog import Table
from workbench.lifecycle import kept_aside
from workbench.lifecycle.backups.archive import remove_leftovers
from workbench.lifecycle.holds import Hold, holds, kept_sql, of_table
from workbench.lifecycle.office import Office
from workbench.lifecycle.rights.correcting import drop_past
from workbench.lifecycle.rights.erasure import take_erased
from workbench.store import Tell, quiet
from workbench.store.durable import files_below, sync
from workbench.store.keys.marks import marked_sql
from workbench.store.reading.roles import agreeing_sql
from workbench.store.rewriting import Cut, take_away

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
    in_force, due = holds(office.events), {}
    with office.reading() as connection:
        loaded = office.store.tables(connection)
        for name, table in office.catalog.tables.items():
            if name in loaded and not _measured(table):
                why = f"{_rule(table)}: not a column of the table, so it is not measured"
                due[name] = Due(name, None, 0, None, why)
        for cut in _cuts(office, connection, in_force):
            rows, on_hold, oldest = cut.counted(connection)
            what = kept_aside.NAMED.get(cut.table, "{}").format(cut.of or cut.table)
            here = of_table(in_force, cut.of or cut.table) if on_hold else []
            names, agreed = tuple(each.id for each in here), _agreed(office, connection, cut.table)
            due[what] = Due(what, rows, on_hold, oldest, cut.why, names, agreed)
    order = [*office.catalog.tables, *due]
    return sorted(due.values(), key=lambda each: order.index(each.table)) + _runs(office)


def apply(office: Office, progress: Tell = quiet) -> dict[str, int]:
    """Take away every row past its time that no hold keeps; return how many, by table.

    Runs that were cut off are finished by running again, and so are erasures.
    """
    store, in_force = office.store, holds(office.events)
    office.events.require_clock(office.now)
    with store.locked():
        remove_leftovers(office.private)
    if store.marks.erased():  # an erasure may have been cut off before its rows went
        take_erased(office, progress)
    removed = take_away(
        store,
        office.catalog,
        lambda connection: _cuts(office, connection, in_force),
        message="retention",
        today=office.now.date(),
        progress=progress,
    )
    if old := [path for path, day in _run_files(office) if _is_old(office, day)]:
        removed[RUNS] = len(old)
        for path in old:
            path.unlink(missing_ok=True)
        for folder in {path.parent for path in old}:
            with suppress(FileNotFoundError):  # a run has just made it anew
                sync(folder)
    drop_past(office)
    office.note("retention applied", {"rows": removed})
    office.look_anew()
    return removed


def _cuts(office: Office, connection: Any, in_force: Sequence[Hold]) -> Iterator[Cut]:
    """Yield the rows past their time, and which of them a hold keeps."""
    store = office.store
    store.marks.prepare(connection, [each.mark for each in in_force if each.mark is not None])
    loaded = store.tables(connection)
    for name, table in office.catalog.tables.items():
        if name in loaded and _measured(table):
            why = _rule(table)
            if _in_force(office, name):
                why += ", and not while a consent is in force"
            since = f'CAST("{table.retention.after}" AS DATE)'
            theirs = marked_sql(table.subject_key) if table.subject_key else "false"
            held = kept_sql(in_force, name, theirs)
            yield Cut(name, _past(office, name), held, why, since=since)
    yield from kept_aside.cuts(office, connection, in_force)


def _agreed(office: Office, connection: Any, name: str) -> int:
    """Count the consents past the time their table states that stay, for they are in force."""
    table = office.catalog.tables.get(name)
    if table is None or not (agreed := _in_force(office, name)):
        return 0
    return Cut(name, f"{_ended(table, office.now.date())} AND {agreed}").counted(connection)[0]


def _rule(table: Table) -> str:
    return f"{table.retention.months} months after {table.retention.after}"


def _runs(office: Office) -> list[Due]:
    """Return what is past its time of executed notebooks and their logs, which may show rows."""
    files = _run_files(office)
    if not files:
        return []
    days = office.settings.runs.keep_days
    old = [day for _, day in files if _is_old(office, day)]
    why = f"{days} days after they were written ([runs] keep_days), one row a file"
    return [Due(RUNS, len(old), 0, min(old, default=None), why)]


def _run_files(office: Office) -> list[tuple[Path, dt.date]]:
    """Return the files of runs, and the day each was written."""
    found, zone = [], office.settings.zone
    for path in files_below(office.private / "runs"):
        with suppress(FileNotFoundError):
            written = dt.datetime.fromtimestamp(path.stat().st_mtime, zone)
            found.append((path, written.date()))
    return found


def _is_old(office: Office, written: dt.date) -> bool:
    return written + dt.timedelta(days=office.settings.runs.keep_days) < office.now.date()


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


def summary(due: Sequence[Due]) -> Mapping[str, int]:
    """Return rows past their time, those on hold, and tables that are not measured."""
    return {
        "past": sum(each.rows or 0 for each in due),
        "on_hold": sum(each.on_hold for each in due),
        "not_measured": sum(each.rows is None for each in due),
    }
