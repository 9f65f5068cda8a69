"""Rows of different customers that may be one person: one identifier, or nearly one name.

Who is compared with whom is decided by equality (blocking), so that a million customers take
seconds. Two customers are a pair when a direct identifier with a pattern or check digit is the
same; or when a name is nearly the same and every date among the quasi-identifiers is the same.
Where a date stands for many, such as one that a form fills in, each is compared with those next to
them in the alphabet only. A pair is a hint for a person to look at; nothing is merged.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from workbench.catalog import Column, Table
from workbench.store.quality.rules import literal

if TYPE_CHECKING:
    import duckdb

NEARLY = 0.92  # Jaro-Winkler similarity of names from which they may be one
_SHARED_MOST = 20  # an identifier of more customers is a placeholder, not a person
_BLOCK_MOST = 200  # customers of the same dates of whom all are compared with all


def find(
    connection: duckdb.DuckDBPyConnection, name: str, table: Table, digest: str, target: str
) -> tuple[int, int]:
    """Write the pairs that rows of this transaction make into a table.

    Parameters
    ----------
    target : str
        Where to: table_name, digest, subject, other, agree.

    Returns
    -------
    pairs, left_out : int
        How many pairs; how many customers could not be compared with all of the same dates.
    """
    key = table.subject_key
    if table.kind != "identity" or key is None:
        return 0, 0
    fresh = f'(SELECT *, snapshot_id IS NULL AS _new FROM lake."{name}" WHERE "{key}" IS NOT NULL)'
    dates = [
        n for n, c in table.columns.items() if c.role == "quasi-identifier" and c.type == "date"
    ]
    left_out = _in_large_blocks(connection, fresh, dates) if dates and _names(table) else 0
    parts = list(_parts(table, key, fresh, dates, large=left_out > 0))
    if not parts:
        return 0, 0
    both = " UNION ALL ".join(parts)
    connection.execute(
        f"CREATE OR REPLACE TEMP TABLE _pairs AS SELECT one, two, "
        f"string_agg(agree, ', ' ORDER BY agree) AS agree FROM ({both}) GROUP BY one, two"
    )
    connection.execute(
        f"INSERT INTO {target} SELECT {literal(name)}, {literal(digest)}, one, two, agree "
        "FROM _pairs"
    )
    row = connection.execute("SELECT count(*) FROM _pairs").fetchone()
    connection.execute("DROP TABLE temp._pairs")
    return (int(row[0]) if row else 0), left_out


def _in_large_blocks(connection: duckdb.DuckDBPyConnection, fresh: str, dates: list[str]) -> int:
    """Return how many rows share their dates with too many, where one of these is new."""
    by = ", ".join(f'"{each}"' for each in dates)
    filled = " AND ".join(f'"{each}" IS NOT NULL' for each in dates)
    row = connection.execute(
        f"SELECT coalesce(sum(n), 0) FROM (SELECT count(*) AS n FROM {fresh} WHERE {filled} "
        f"GROUP BY {by} "
        f"HAVING count(*) > {_BLOCK_MOST} AND bool_or(_new))"
    ).fetchone()
    return int(row[0]) if row else 0


def _parts(table: Table, key: str, fresh: str, dates: list[str], *, large: bool) -> Iterator[str]:
    """Yield one query a way to be alike; each gives one, two, agree."""
    codes = [n for n, c in table.columns.items() if c.role == "direct identifier" and _is_code(c)]
    for column in codes:
        value = f'lower(trim(CAST("{column}" AS VARCHAR)))'
        # why not a join of the table with itself: most values are one customer's alone
        yield (
            f"SELECT a.k::VARCHAR AS one, b.k::VARCHAR AS two, {literal(column)} AS agree FROM ("
            f"SELECT list(DISTINCT {{'k': \"{key}\", 'n': _new}}) AS people FROM {fresh} "
            f'WHERE "{column}" IS NOT NULL GROUP BY {value} '
            f'HAVING count(DISTINCT "{key}") BETWEEN 2 AND {_SHARED_MOST} AND bool_or(_new)), '
            "unnest(people) AS l(a), unnest(people) AS r(b) "
            "WHERE a.k < b.k AND (a.n OR b.n)"
        )
    if dates:
        same = " AND ".join(f'a."{d}" = b."{d}"' for d in dates)
        for column in _names(table):
            agree = literal(f"nearly {column}")
            one, two = (f'lower(CAST({side}."{column}" AS VARCHAR))' for side in "ab")
            rows, block = fresh, same
            if large:  # in blocks of neighbours, so that its work grows with the rows only
                by = ", ".join(f'"{each}"' for each in dates)
                place = f'row_number() OVER (PARTITION BY {by} ORDER BY lower("{column}"), "{key}")'
                rows = f"(SELECT *, ({place} - 1) // {_BLOCK_MOST} AS _block FROM {fresh})"
                block = f"{same} AND a._block = b._block"
            yield (
                f'SELECT least(a."{key}", b."{key}")::VARCHAR AS one, '
                f'greatest(a."{key}", b."{key}")::VARCHAR AS two, {agree} AS agree '
                f'FROM {rows} a JOIN {rows} b ON {block} AND a."{key}" <> b."{key}" '
                f'WHERE a._new AND (NOT b._new OR a."{key}" < b."{key}") '
                f"AND jaro_winkler_similarity({one}, {two}) >= {NEARLY}"
            )


def _names(table: Table) -> list[str]:
    columns = table.columns.items()
    return [n for n, c in columns if c.role == "direct identifier" and not _is_code(c)]


def _is_code(column: Column) -> bool:
    """Return whether an identifier is a number or code, which is equal or is another."""
    return column.type != "text" or any(rule.pattern or rule.check_digit for rule in column.rules)
