"""Corrections of customers' values, kept sealed, so that older data does not bring the old back.

A source file that is loaded again and a backup that is restored may hold the value that was wrong.
Each correction is kept with the value before and after; whatever writes a table's rows replays
them: where the value before stands again it is corrected again, and any other value stays. They are
personal data: sealed under the marks' own secret, which outlives a rotation of the master key, and
forgotten with the customer.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from workbench.catalog import Table
from workbench.documents import parse_json
from workbench.store import Connection
from workbench.store.durable import file_lock, write_whole
from workbench.store.keys.master import seal, unseal
from workbench.store.loading.values import computed
from workbench.store.logs.counted import Counted
from workbench.store.quality.rules import number

if TYPE_CHECKING:
    from workbench.store.keys.marks import Marks

FILE = "corrections.sealed"
Values = Mapping[str, str | None]


@dataclass(frozen=True)
class Correction:
    """One row of a customer that was corrected, with values as text.

    Attributes
    ----------
    at, mark, table, subject : str
        When; whose, by mark and by key; where.
    where : mapping of column to text
        Which of their rows was meant.
    before, after : mapping of column to text or None
    """

    at: str
    mark: str
    table: str
    subject: str
    where: Mapping[str, str]
    before: Values
    after: Values


class Corrections(Counted[Correction]):
    """The corrections of one workspace.

    Parameters
    ----------
    private : Path
        The workspace's private folder.
    marks : Marks
        Whose secret they are sealed under.
    """

    missed = "corrections, without which values that were wrong come back"

    def __init__(self, private: Path, marks: Marks) -> None:
        super().__init__(private, FILE)
        self._marks = marks

    def of(self, table: str) -> list[Correction]:
        """Return a table's corrections that are to be replayed: not those of erased customers."""
        found = [each for each in self.all() if each.table == table]
        if not found:
            return []
        erased = self._marks.erased()
        return [each for each in found if each.mark not in erased]

    def add(self, correction: Correction) -> None:
        """Keep one; durable when this returns. It counts after all that are there."""
        # why not before: under a clock that was ahead one was made, and this one is the later word
        at = max([correction.at, *(each.at for each in self.all()[-1:])])
        self._merge([replace(correction, at=at)])

    def merge(self, path: Path) -> int:
        """Add what another file of this workspace holds, such as the one beside its backups.

        Raises
        ------
        StoreMissing
            It is sealed under another workspace's secret.
        """
        return self._merge(self._read(path))

    def forget(self, marks: Collection[str], table: str | None = None) -> int:
        """Forget what is known of some customers, in one table or in all; return how many."""
        with file_lock(self._lock):
            there = self.all()
            kept = [
                each
                for each in there
                if each.mark not in marks or (table is not None and each.table != table)
            ]
            if len(kept) < len(there):
                # why first: cut off in between, there are more than it knows of, not fewer
                self._remember(len(kept))
                self._write(kept)
            return len(there) - len(kept)

    def _read(self, path: Path) -> list[Correction]:
        if not path.exists():
            return []
        content = parse_json(unseal(path.read_bytes(), [self._marks.secret()], FILE))
        return [Correction(**each) for each in content]

    def _write(self, corrections: Iterable[Correction]) -> None:
        content = json.dumps([vars(each) for each in corrections], ensure_ascii=False)
        write_whole(self.path, seal(content.encode(), self._marks.secret(), FILE))


def replay(
    connection: Connection,
    table: Table,
    corrections: Iterable[Correction],
    sql_type: Mapping[str, str],
) -> int:
    """Correct again what older data brought back; return how many rows.

    Parameters
    ----------
    corrections : iterable of Correction
        Those of this table, oldest first.
    sql_type : mapping of column to text
        The store's types of the table's columns.
    """
    rows, names = 0, set()
    for each in corrections:
        rows += _replayed(connection, table, each, sql_type)
        names.add(each.table)
    for name in names:
        compute_again(connection, name, table)
    return rows


def compute_again(connection: Connection, name: str, table: Table) -> None:
    """Compute what follows from columns that were corrected."""
    plain = {column: f'"{column}"' for column in table.columns}
    for column, declared in table.columns.items():
        if declared.computed is not None:
            value = computed(declared, plain)
            connection.execute(
                f'UPDATE lake."{name}" SET "{column}" = {value} '
                f'WHERE "{column}" IS DISTINCT FROM {value}'
            )


def _replayed(
    connection: Connection, table: Table, each: Correction, sql_type: Mapping[str, str]
) -> int:
    named = {*each.after, *each.where}
    if not named <= set(sql_type) or table.subject_key is None:
        return 0  # the catalog has no such column any more
    was = {c: f'CAST("{c}" AS VARCHAR) IS NOT DISTINCT FROM ?' for c in each.after}
    sets = ", ".join(
        f'"{c}" = CASE WHEN {was[c]} THEN CAST(? AS {sql_type[c]}) ELSE "{c}" END' for c in was
    )
    given: list[str | None] = []
    for column, value in each.after.items():
        given += [each.before[column], value]
    chosen = [f'CAST("{table.subject_key}" AS VARCHAR) = ?']
    chosen += [f'"{c}" = CAST(? AS {sql_type[c]})' for c in each.where]
    given += [each.subject, *each.where.values(), *each.before.values()]
    return number(
        connection,
        f'UPDATE lake."{each.table}" SET {sets} WHERE {" AND ".join(chosen)} '
        f"AND ({' OR '.join(was.values())})",
        given,
    )
