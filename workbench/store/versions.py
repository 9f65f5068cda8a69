"""What the data of a snapshot is named by, month by month; and the snapshots a store still has.

A month's rows are named by how many they are and the sum of their hashes. Sums add up: what a file
brings is added, what it replaces is taken off, and the rows that were there are not read again.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from workbench.catalog import Table
from workbench.errors import InputError, StoreMissing
from workbench.periods import local
from workbench.store import Connection
from workbench.store.quality.rules import literal, number

if TYPE_CHECKING:
    from workbench.store.engine import Store


@dataclass(frozen=True)
class Change:
    """What one write did to one table.

    Attributes
    ----------
    digest : str
        Of the file it was loaded from.
    version : str
        What the content is named by, where rows were taken away since it was loaded.
    before : tuple of str or None
        What earlier contents were named by, where their snapshots are gone.
    """

    snapshot: int
    table: str
    digest: str
    as_of: str | None
    months: Mapping[str, str] = field(default_factory=dict)
    version: str = ""
    before: tuple[str, ...] | None = None

    @property
    def names(self) -> tuple[str, ...]:
        """What this content and those before it are named by, where that is known."""
        return (*(self.before or ()), self.version or self.digest)


def changes_of(connection: Connection) -> list[Change]:
    """Return every change of an attached snapshot's history, oldest first."""
    rows = connection.execute(
        "SELECT snapshot_id, commit_extra_info FROM lake.snapshots() "
        "WHERE commit_extra_info IS NOT NULL ORDER BY snapshot_id"
    ).fetchall()
    found: list[Change] = []
    for snapshot, info in rows:
        for table, each in sorted(json.loads(info).items()):
            before = each.get("before")
            if before is not None:  # the whole history, told anew
                found = [change for change in found if change.table != table]
                before = tuple(before)
            version = each.get("version", "")
            months = each["months"]
            found.append(
                Change(snapshot, table, each["digest"], each["as_of"], months, version, before)
            )
    return found


@dataclass(frozen=True)
class DataVersions:
    """What exactly the data of one snapshot is, per table and month.

    The same files loaded in the same order give the same versions in any store.
    """

    changes: Sequence[Change]

    def of(self, table: str, months: Sequence[str] | None = None) -> str:
        """Return the version of a table, or of some of its months only."""
        mine = [change for change in self.changes if change.table == table]
        if not mine:
            raise StoreMissing(f"table '{table}' was never loaded. Run 'workbench init'.")
        if months is None or not mine[-1].months:
            parts = [name for change in mine for name in change.names]
        else:
            parts = [f"{month} {digest(mine[-1].months.get(month, ''))}" for month in months]
        return hashlib.sha256("\n".join(parts).encode()).hexdigest()[:16]

    def before(self, table: str, month: str) -> list[str]:
        """Return the months before one that a table has rows of."""
        loaded = [change.months for change in self.changes if change.table == table][-1:]
        return sorted(each for months in loaded for each in months if each < month)

    def of_all(self) -> str:
        """Return one version for everything together."""
        tables = sorted({change.table for change in self.changes})
        parts = "".join(self.of(table) for table in tables)
        return hashlib.sha256(parts.encode()).hexdigest()[:16]


def newest(connection: Connection) -> int:
    """Return the number of an attached lake's newest snapshot."""
    return number(connection, "SELECT max(snapshot_id) FROM lake.snapshots()")


def ended(what: str) -> str:
    """Return what to say of a snapshot that is no more."""
    return (
        f"{what} has ended: rows were erased or removed for good since this workspace was opened. "
        "Open it again (restart the kernel); a report is run again."
    )


Sums = Mapping[str, tuple[int, int]]  # of a month: rows, and the sum of their hashes


def hash_sql(table: Table) -> str:
    """Return SQL for the hash of a row of a table."""
    return "hash(" + ", ".join(f'"{column}"' for column in table.columns) + ")"


def coverage(
    connection: Connection, name: str, table: Table, today: dt.date
) -> tuple[str | None, dict[str, str]]:
    """Return the last day that is not in the future, and what names each month's rows."""
    sums, latest = _sums(connection, name, table, today, "true")
    return latest, _named(sums, _kind(table))


def coverage_after(
    connection: Connection,
    name: str,
    table: Table,
    today: dt.date,
    *,
    before: Change | None,
    replaced: Sums,
) -> tuple[str | None, dict[str, str]]:
    """Return the same as `coverage`, from what this transaction changed.

    Parameters
    ----------
    before : Change
        The table's last change; None where it had no rows.
    replaced : mapping of month to (rows, sum of hashes)
        Rows that were there, and that this transaction deleted.
    """
    kind = _kind(table)
    known = {} if before is None else _known(before, kind)
    if known is None or before is None or before.as_of is None:
        return coverage(connection, name, table, today)
    fresh, latest = _sums(connection, name, table, today, "snapshot_id IS NULL")
    sums = {}
    for month in sorted({*known, *fresh}):
        parts = [each.get(month, (0, 0)) for each in (known, fresh, replaced)]
        rows, total = (old + new - gone for old, new, gone in zip(*parts, strict=True))
        if rows:
            sums[month] = (rows, total)
    # why asked for: the day that was the last may be gone, a day to come have come
    since = max(filter(None, (before.as_of, latest)))
    last = _last(connection, name, table, today, since) or _last(connection, name, table, today)
    return last, _named(sums, kind)


def digest(named: str) -> str:
    """Return what a month's rows are named by in versions of the data.

    Examples
    --------
    >>> digest("12 3456 ab12") == digest("12 3456 cd34"), digest("94ee059335e587e5")
    (True, '94ee059335e587e5')
    """
    rows, _, rest = named.partition(" ")
    if not rest:  # as stores of before keep it
        return named
    return hashlib.sha256(f"{rows} {rest.partition(' ')[0]}".encode()).hexdigest()[:16]


def _sums(
    connection: Connection, name: str, table: Table, today: dt.date, where: str
) -> tuple[dict[str, tuple[int, int]], str | None]:
    """Return the sums of some rows, and their last day that is not in the future."""
    # why by day first: a day is a number, and a month's name a text to be made of every row
    rows = connection.execute(
        f"""
        SELECT strftime(day, '%Y-%m') AS month, sum(n)::VARCHAR, sum(total)::VARCHAR,
            max(day) FILTER (day <= {literal(today)})::VARCHAR
        FROM (
            SELECT CAST("{table.time}" AS DATE) AS day, count(*) AS n,
                sum({hash_sql(table)}) AS total
            FROM lake."{name}" WHERE "{table.time}" IS NOT NULL AND {where} GROUP BY day
        ) GROUP BY month
        """
    ).fetchall()
    sums = {month: (int(count), int(total)) for month, count, total, _ in rows}
    return sums, max((day for *_, day in rows if day), default=None)


def _last(
    connection: Connection, name: str, table: Table, today: dt.date, since: str | None = None
) -> str | None:
    tomorrow = literal(today + dt.timedelta(days=1))
    from_there = "" if since is None else f'"{table.time}" >= DATE {literal(since)} AND '
    row = connection.execute(
        f'SELECT max(CAST("{table.time}" AS DATE))::VARCHAR FROM lake."{name}" '
        f'WHERE {from_there}"{table.time}" < {tomorrow}'
    ).fetchone()
    return row[0] if row else None


def _kind(table: Table) -> str:
    """Return what the hashes depend on besides the rows."""
    import duckdb

    columns = [f"{name} {each.type} {each.scale}" for name, each in table.columns.items()]
    text = "\n".join([duckdb.__version__, str(table.time), *columns])
    return hashlib.sha256(text.encode()).hexdigest()[:8]


def _named(sums: Sums, kind: str) -> dict[str, str]:
    return {month: f"{rows} {total} {kind}" for month, (rows, total) in sorted(sums.items())}


def _known(before: Change, kind: str) -> dict[str, tuple[int, int]] | None:
    """Return the sums of a change; None where they are of other columns, or were not kept."""
    found = {}
    for month, named in before.months.items():
        rows, _, rest = named.partition(" ")
        total, _, of = rest.partition(" ")
        if of != kind:
            return None
        found[month] = (int(rows), int(total))
    return found


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


def chosen_snapshot(
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
