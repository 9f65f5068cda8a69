"""What the data of a snapshot is named by: every change of every table, and versions of them."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from workbench.errors import StoreMissing
from workbench.store.months import digest

if TYPE_CHECKING:
    import duckdb


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


def changes_of(connection: duckdb.DuckDBPyConnection) -> list[Change]:
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


def newest(connection: duckdb.DuckDBPyConnection) -> int:
    """Return the number of an attached lake's newest snapshot."""
    row = connection.execute("SELECT max(snapshot_id) FROM lake.snapshots()").fetchone()
    return int(row[0]) if row else 0


def ended(what: str) -> str:
    """Return what to say of a snapshot that is no more."""
    return (
        f"{what} has ended: rows were erased or removed for good since this workspace was opened. "
        "Open it again (restart the kernel); a report is run again."
    )
