"""A scan for columns whose content looks like an identifier though they are declared as none.

A hint, not a proof: rows of a large table are sampled, and only counts are told.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import TYPE_CHECKING

from workbench.catalog import Catalog, Column
from workbench.store.quality.check_digits import iban_sql, luhn_sql, resident_id_sql
from workbench.store.quality.patterns import pattern_sql
from workbench.store.quality.result import Hint

if TYPE_CHECKING:
    import duckdb

SAMPLE_ROWS = 200_000  # a table of more rows is sampled
LEAST_FOUND = 3  # fewer may be chance
_DECLARED = ("subject key", "direct identifier")
_MAY_BE = "@|[0-9]{9}|[A-Z]{2}[0-9]{2}[A-Z0-9]{11}"


def scan(connection: duckdb.DuckDBPyConnection, catalog: Catalog, name: str) -> list[Hint]:
    """Return the columns of a table that look like identifiers and are not declared so."""
    texts = {
        column: f'"{column}"' if declared.type == "text" else f'"{column}"::VARCHAR'
        for column, declared in catalog.tables[name].columns.items()
        if _open(declared)
    }
    if not texts:
        return []
    source = _sample(connection, name, texts)
    # why first: most columns hold nothing of the kind, and all the conditions are long to plan
    some = _counts(connection, [f"count_if({_may_be(text)})" for text in texts.values()], source)
    looks = {
        column: looks_like(texts[column])
        for column, candidates in zip(texts, some, strict=True)
        if candidates >= LEAST_FOUND
    }
    if not looks:
        return []
    counts = iter(
        _counts(
            connection,
            [
                part
                for column, kinds in looks.items()
                for part in (f'count("{column}")', *(f"count_if({sql})" for sql in kinds.values()))
            ],
            source,
        )
    )
    hints = []
    for column, kinds in looks.items():
        rows = next(counts)
        told = {kind: next(counts) for kind in kinds}
        hints += [
            Hint(name, column, kind, rows, found)
            for kind, found in told.items()
            if found >= LEAST_FOUND
        ]
    return hints


def _sample(connection: duckdb.DuckDBPyConnection, name: str, columns: Collection[str]) -> str:
    (total,) = _counts(connection, ["count(*)"], f'lake."{name}"')
    share = ""
    if total > SAMPLE_ROWS:
        share = f" USING SAMPLE {100 * SAMPLE_ROWS / total:.4f} PERCENT (system)"
    names = ", ".join(f'"{column}"' for column in columns)
    return f'(SELECT {names} FROM lake."{name}"{share})'


def _counts(
    connection: duckdb.DuckDBPyConnection, aggregates: Sequence[str], source: str
) -> list[int]:
    row = connection.execute(f"SELECT {', '.join(aggregates)} FROM {source}").fetchone() or ()
    return [int(count) for count in row]


def _open(declared: Column) -> bool:
    """Return whether a column may hold anything at all."""
    if declared.role in _DECLARED or declared.closed or declared.bounds is not None:
        return False
    return declared.type in ("text", "integer") and not (
        declared.type == "integer"
        and any(rule.unique or rule.references for rule in declared.rules)
    )


def looks_like(text: str) -> dict[str, str]:
    """Return conditions by what a text looks like; alone or within other words."""

    def within(pattern: str) -> str:
        return (
            f"nullif(regexp_extract({text}, '(^|[^0-9A-Za-z])({pattern})($|[^0-9A-Za-z])', 2), '')"
        )

    resident, card = within("[0-9]{17}[0-9X]"), within("[1-9][0-9]{14,18}")
    looks = {
        "an e-mail address": f"regexp_matches({text}, '[^@\\s]+@[^@\\s]+\\.[A-Za-z]{{2,}}')",
        "a phone number": (
            f"regexp_matches({text}, '(^|[^0-9A-Za-z+])"
            "((\\+|00)[1-9][0-9]{8,13}|(86)?1[3-9][0-9]{9})"
            "($|[^0-9A-Za-z])')"
        ),
        "a Chinese resident number": resident_id_sql(resident),
        "a card number": f"{luhn_sql(card)} AND NOT {resident_id_sql(card)}",
        "an IBAN": iban_sql(within("[A-Z]{2}[0-9]{2}[A-Z0-9]{11,30}")),
    }
    return {
        kind: f"CASE WHEN {_may_be(text)} THEN {sql} ELSE false END" for kind, sql in looks.items()
    }


def _may_be(text: str) -> str:
    """Return the condition that a text holds what every identifier holds at least."""
    return pattern_sql(text, _MAY_BE)
