"""The snapshots a store still has: what made each, when, and which one a day means."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import TYPE_CHECKING

from workbench.errors import InputError, StoreMissing
from workbench.periods import local
from workbench.store.engine import Store

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection as Connection


@dataclass(frozen=True)
class Snapshot:
    """One state of the store that can still be opened.

    Attributes
    ----------
    number : int
        ``ws.open(…, snapshot=number)``.
    at : datetime
        When it was written.
    what : str
        What wrote it.
    tables : tuple of str
        Tables it wrote.
    """

    number: int
    at: dt.datetime
    what: str
    tables: tuple[str, ...]


def snapshots(store: Store, zone: dt.tzinfo = dt.UTC) -> list[Snapshot]:
    """Return the snapshots that are left, oldest first.

    Raises
    ------
    StoreMissing
        Nothing was ever loaded.
    """
    newest = store.latest_snapshot()
    with store.reading(newest) as connection:
        rows = connection.execute(
            "SELECT snapshot_id, CAST(epoch_ms(snapshot_time) AS BIGINT), commit_message, "
            "array_to_string(json_keys(commit_extra_info), ',') "
            "FROM lake.snapshots() ORDER BY snapshot_id"
        ).fetchall()
    left = {int(p.stem) for p in store.folder.glob("snapshots/*.ducklake") if p.stem.isdigit()}
    return [
        Snapshot(
            number,
            local(dt.datetime.fromtimestamp(at / 1000, dt.UTC), zone),
            what or "",
            tuple(tables.split(",")) if tables else (),
        )
        for number, at, what, tables in rows
        if number in left
    ]


def chosen(
    store: Store, snapshot: int | None, as_of: dt.date | str | None, zone: dt.tzinfo = dt.UTC
) -> int | None:
    """Return the snapshot that a number or a day means; None where neither is given.

    Raises
    ------
    InputError
        Both are given, a day is none, there is no such snapshot, or nothing was loaded by that day.
    StoreMissing
        The snapshot has ended.
    """
    if as_of is not None:
        if snapshot is not None:
            raise InputError("name a snapshot or a day with as_of=, not both.")
        return _of_day(store, _day(as_of), zone)
    if snapshot is None:
        return None
    newest = store.latest_snapshot()
    if not 1 <= snapshot <= newest:
        raise InputError(
            f"there is no snapshot {snapshot}; the newest is {newest}. ws.snapshots() lists those "
            "that can be opened."
        )
    if not (store.folder / "snapshots" / f"{snapshot}.ducklake").exists():
        left = ", ".join(str(each.number) for each in snapshots(store))
        raise StoreMissing(
            f"snapshot {snapshot} has ended: rows were erased or removed for good after it, and "
            f"what held them is gone. Left: {left}."
        )
    return snapshot


def _day(given: dt.date | str) -> dt.date:
    if isinstance(given, dt.datetime):
        return given.date()
    if isinstance(given, dt.date):
        return given
    try:
        return dt.date.fromisoformat(given)
    except ValueError:
        raise InputError(f"as_of is a day such as 2026-09-30, not '{given}'.") from None


def _of_day(store: Store, day: dt.date, zone: dt.tzinfo) -> int:
    known = snapshots(store, zone)
    there = [each.number for each in known if each.at.date() <= day]
    if not there:
        first = known[0]
        raise InputError(
            f"nothing that was loaded by {day} can be opened: the oldest snapshot that is left is "
            f"{first.number}, of {first.at:%Y-%m-%d}. Older ones never were, or ended when rows "
            "were erased or removed for good."
        )
    return max(there)


def columns_then(connection: Connection, lake: str, table: str, snapshot: int) -> set[str]:
    """Return the columns a table had in an attached snapshot.

    Raises
    ------
    StoreMissing
        It was not there yet.
    """
    rows = connection.execute(
        "SELECT column_name FROM duckdb_columns() "
        "WHERE database_name = ? AND schema_name = 'main' AND table_name = ?",
        [lake, table],
    ).fetchall()
    if not rows:
        raise StoreMissing(
            f"snapshot {snapshot} has no table '{table}': it was loaded later. ws.snapshots() says "
            "which snapshot wrote it first."
        )
    return {row[0] for row in rows}
