"""Rows of one key: new, changed, unchanged, repeated or contradicting, settled in one transaction.

In the lake's own columns a row written by this transaction has no snapshot yet, so what is new and
what was there is told apart without copying either. Replaced rows stay readable in the snapshots
before.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from workbench.catalog import Table
from workbench.store.loading.quarantine import whose_sql
from workbench.store.loading.values import sql_type
from workbench.store.quality.rules import literal
from workbench.store.versions import Sums, hash_sql

if TYPE_CHECKING:
    import duckdb

_FIRST_ROW = 10**18  # the lake numbers rows from here on until they are committed
CONTRADICTS = "the key comes twice in this file with different content"


@dataclass(frozen=True)
class Settled:
    """How many rows of a file were what; contradicting ones are kept aside.

    ``replaced`` are the rows that were there and are no more, by month.
    """

    added: int
    updated: int = 0
    unchanged: int = 0
    repeated: int = 0
    contradicting: int = 0
    replaced: Sums = field(default_factory=dict)


def settle(
    connection: duckdb.DuckDBPyConnection,
    name: str,
    table: Table,
    inserted: int,
    keep_aside: Callable[[int, str | None, str], None],
) -> Settled:
    """Leave one row a key: the file's, where it says something new.

    Parameters
    ----------
    inserted : int
        Rows of the file that are in the table now.
    keep_aside : callable
        Takes a contradicting row: its place among the file's rows that were written, from 1 on;
        its subject; its content as JSON.
    """
    keys = table.key_columns
    if not keys or not inserted:
        return Settled(inserted)
    among, rising = _among(connection, name, table, keys[0])
    if len(keys) == 1 and rising == inserted and not _known(connection, among):
        return Settled(inserted)  # as exports with running numbers are, at a tenth of the cost
    key = ", ".join(f'"{column}"' for column in keys)
    filled = " AND ".join(f'"{column}" IS NOT NULL' for column in keys)
    connection.execute(
        f"CREATE OR REPLACE TEMP TABLE _again AS SELECT {key} FROM {among} WHERE {filled} "
        f"GROUP BY {key} HAVING count(*) > 1 AND bool_or(snapshot_id IS NULL)"
    )
    try:
        row = connection.execute("SELECT count(*) FROM _again").fetchone()
        if not row or not row[0]:
            return Settled(inserted)
        return _settle(connection, name, table, among, key, inserted, keep_aside)
    finally:
        connection.execute("DROP TABLE IF EXISTS temp._again")


def _among(
    connection: duckdb.DuckDBPyConnection, name: str, table: Table, column: str
) -> tuple[str, int]:
    """Return the rows the file's keys can be found among, and how many rise from row to row.

    Among those between its least and its greatest: of older files with other keys the lake knows so
    much without reading them.
    """
    low, high, rising = connection.execute(
        f"""
        SELECT min(k)::VARCHAR, max(k)::VARCHAR, count(k) FILTER (before IS NULL OR k > before)
        FROM (SELECT "{column}" AS k, lag("{column}") OVER () AS before
            FROM lake."{name}" WHERE snapshot_id IS NULL)
        """
    ).fetchone() or (None, None, 0)
    kind = sql_type(table.columns[column])
    least, most = (f"CAST({literal(each or '')} AS {kind})" for each in (low, high))
    within = "false" if low is None else f'"{column}" BETWEEN {least} AND {most}'
    return (f'(SELECT *, rowid, snapshot_id FROM lake."{name}" WHERE {within})', int(rising))


def _known(connection: duckdb.DuckDBPyConnection, among: str) -> bool:
    """Return whether some of these rows were there before."""
    found = connection.execute(f"SELECT 1 FROM {among} WHERE snapshot_id IS NOT NULL LIMIT 1")
    return found.fetchone() is not None


def _settle(
    connection: duckdb.DuckDBPyConnection,
    name: str,
    table: Table,
    among: str,
    key: str,
    inserted: int,
    keep_aside: Callable[[int, str | None, str], None],
) -> Settled:
    day = f'"{table.time}"' if table.time else "NULL::DATE"
    connection.execute(
        f"""
        CREATE OR REPLACE TEMP TABLE _rows AS
        SELECT {key}, rowid AS _id, snapshot_id IS NULL AS _new, {hash_sql(table)} AS _hash,
            strftime({day}, '%Y-%m') AS _month
        FROM {among} SEMI JOIN _again USING ({key});
        CREATE OR REPLACE TEMP TABLE _said AS
        SELECT {key}, count(*) FILTER (_new) AS n, count(DISTINCT _hash) FILTER (_new) AS kinds,
            min(_id) FILTER (_new) AS first, count(*) FILTER (NOT _new) AS old,
            len(list_intersect(list(DISTINCT _hash) FILTER (_new),
                coalesce(list(DISTINCT _hash) FILTER (NOT _new), []))) > 0 AS known
        FROM _rows GROUP BY {key};
        CREATE OR REPLACE TEMP TABLE _gone AS
        SELECT _id FROM _rows JOIN _said USING ({key})
        WHERE CASE WHEN kinds > 1 THEN _new WHEN known THEN _new
            WHEN _new THEN _id <> first ELSE true END
        """
    )
    row = connection.execute(
        """
        SELECT coalesce(sum(n) FILTER (kinds > 1), 0),
            coalesce(sum(1) FILTER (kinds = 1 AND known), 0),
            coalesce(sum(1) FILTER (kinds = 1 AND NOT known AND old > 0), 0),
            coalesce(sum(n - 1) FILTER (kinds = 1), 0)
        FROM _said
        """
    ).fetchone() or (0, 0, 0, 0)
    contradicting, unchanged, updated, repeated = (int(value) for value in row)
    replaced = connection.execute(
        "SELECT _month, count(*), sum(_hash)::VARCHAR FROM _rows "
        "WHERE NOT _new AND _month IS NOT NULL AND _id IN (SELECT _id FROM _gone) GROUP BY _month"
    ).fetchall()
    if contradicting:
        key_ = f'CAST("{table.subject_key}" AS VARCHAR)' if table.subject_key else "NULL"
        texts = (f'"{column}"' for column, each in table.columns.items() if each.type == "text")
        subject = whose_sql(key_, texts, len(table.columns))
        content = ", ".join(f'"{column}" := "{column}"' for column in table.columns)
        found = connection.execute(
            f"SELECT rowid - {_FIRST_ROW} + 1, {subject}, to_json(struct_pack({content}))::VARCHAR "
            f"FROM {among} WHERE rowid IN (SELECT _id FROM _rows JOIN _said USING ({key}) "
            "WHERE _new AND kinds > 1)"
        )
        while batch := found.fetchmany(1000):
            for place, whose, text in batch:
                keep_aside(int(place), whose, text)
    connection.execute(f'DELETE FROM lake."{name}" WHERE rowid IN (SELECT _id FROM _gone)')
    connection.execute("DROP TABLE temp._rows; DROP TABLE temp._said; DROP TABLE temp._gone")
    added = inserted - contradicting - unchanged - updated - repeated
    sums = {month: (int(rows), int(total)) for month, rows, total in replaced}
    return Settled(added, updated, unchanged, repeated, contradicting, sums)
