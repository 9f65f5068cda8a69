"""Rows of different customers that may be one person: one identifier, or nearly one name.

Who is compared with whom is decided by equality (blocking), so that a million customers take
seconds. Two customers are a pair when a direct identifier with a pattern or check digit is the
same; or when a name is nearly the same and every date among the quasi-identifiers is the same. A
pair is a hint for a person to look at; nothing is merged.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from workbench.catalog import Column, Table
from workbench.store.quality_rules import literal

if TYPE_CHECKING:
    import duckdb

NEARLY = 0.92  # Jaro-Winkler similarity of names from which they may be one
_SHARED_MOST = 20  # an identifier of more customers is a placeholder, not a person


def find(
    connection: duckdb.DuckDBPyConnection, name: str, table: Table, digest: str, target: str
) -> int:
    """Write the pairs that rows of this transaction make into a table; return how many.

    Parameters
    ----------
    target : str
        Where to: table_name, digest, subject, other, agree.
    """
    key = table.subject_key
    if table.kind != "identity" or key is None:
        return 0
    fresh = f'(SELECT *, snapshot_id IS NULL AS _new FROM lake."{name}" WHERE "{key}" IS NOT NULL)'
    parts = list(_parts(table, key, fresh))
    if not parts:
        return 0
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
    return int(row[0]) if row else 0


def _parts(table: Table, key: str, fresh: str) -> Iterator[str]:
    """Yield one query a way to be alike; each gives one, two, agree."""
    direct = [n for n, c in table.columns.items() if c.role == "direct identifier"]
    codes = [n for n in direct if _is_code(table.columns[n])]
    names = [n for n in direct if n not in codes and table.columns[n].type == "text"]
    dates = [
        n for n, c in table.columns.items() if c.role == "quasi-identifier" and c.type == "date"
    ]
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
        for column in names:
            agree = literal(f"nearly {column}")
            one, two = (f'lower(CAST({side}."{column}" AS VARCHAR))' for side in "ab")
            yield (
                f'SELECT least(a."{key}", b."{key}")::VARCHAR AS one, '
                f'greatest(a."{key}", b."{key}")::VARCHAR AS two, {agree} AS agree '
                f'FROM {fresh} a JOIN {fresh} b ON {same} AND a."{key}" <> b."{key}" '
                f'WHERE a._new AND (NOT b._new OR a."{key}" < b."{key}") '
                f"AND jaro_winkler_similarity({one}, {two}) >= {NEARLY}"
            )


def _is_code(column: Column) -> bool:
    """Return whether an identifier is a number or code, which is equal or is another."""
    return column.type != "text" or any(rule.pattern or rule.check_digit for rule in column.rules)
