"""Columns whose content looks like an identifier, and whether protection is in force.

A hint, not a proof: rows of a large table are sampled, and only counts are told.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

from workbench.catalog import Catalog, Column
from workbench.store import Connection
from workbench.store.lake_files import begins_encrypted, named
from workbench.store.quality.result import Check, Hint
from workbench.store.quality.rules import iban_sql, luhn_sql, pattern_sql, resident_id_sql

if TYPE_CHECKING:
    from workbench.store.engine import Store


SAMPLE_ROWS = 200_000  # a table of more rows is sampled
LEAST_FOUND = 3  # fewer may be chance
_DECLARED = ("subject key", "direct identifier")
_MAY_BE = "@|[0-9]{9}|[A-Z]{2}[0-9]{2}[A-Z0-9]{11}"


def scan(connection: Connection, catalog: Catalog, name: str, rows: int) -> list[Hint]:
    """Return the columns of a table of so many rows that look like identifiers, undeclared."""
    texts = {
        column: f'"{column}"' if declared.type == "text" else f'"{column}"::VARCHAR'
        for column, declared in catalog.tables[name].columns.items()
        if _open(declared)
    }
    if not texts:
        return []
    share = SAMPLE_ROWS / max(rows, SAMPLE_ROWS)
    sample = f" USING SAMPLE {100 * share:.4f} PERCENT (system)" if share < 1 else ""
    names = ", ".join(f'"{column}"' for column in texts)
    source = f'(SELECT {names} FROM lake."{name}"{sample})'
    # why first: most columns hold nothing of the kind, and all the conditions are long to plan
    some = _counts(connection, [f"count_if({_may_be(text)})" for text in texts.values()], source)
    looks = {
        column: looks_like(f'"may {column}"')
        for column, candidates in zip(texts, some, strict=True)
        if candidates >= LEAST_FOUND
    }
    if not looks:
        return []
    may = ", ".join(
        f'"{column}", CASE WHEN {_may_be(texts[column])} THEN {texts[column]} END AS "may {column}"'
        for column in looks
    )
    counts = iter(
        _counts(
            connection,
            [
                part
                for column, kinds in looks.items()
                for part in (f'count("{column}")', *(f"count_if({sql})" for sql in kinds.values()))
            ],
            f"(SELECT {may} FROM {source})",
        )
    )
    hints = []
    for column, kinds in looks.items():
        looked_at = next(counts)
        told = {kind: next(counts) for kind in kinds}
        hints += [
            Hint(name, column, kind, looked_at, found)
            for kind, found in told.items()
            if found >= LEAST_FOUND
        ]
    return hints


def _counts(connection: Connection, aggregates: Sequence[str], source: str) -> list[int]:
    row = connection.execute(f"SELECT {', '.join(aggregates)} FROM {source}").fetchone() or ()
    return [int(count) for count in row]


def _open(declared: Column) -> bool:
    """Return whether a column may hold anything at all."""
    if declared.role in _DECLARED or declared.closed or declared.bounds is not None:
        return False
    numbered = any(rule.unique or rule.references for rule in declared.rules)
    return declared.type == "text" or (declared.type == "integer" and not numbered)


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


_ABOUT_PEOPLE = ("subject key", "direct identifier", "quasi-identifier", "protected")
_ENOUGH = ("personal", "sensitive")


def checks(
    catalog: Catalog, name: str, looks: Sequence[Hint], files: int, plain: int
) -> Iterator[Check]:
    """Yield the security checks of one table, of whose files so many are not encrypted."""
    why = "" if files else "no data file"
    yield Check(name, None, "security", "encrypted files", files, plain, why=why)
    for column, declared in catalog.tables[name].columns.items():
        if declared.role in _ABOUT_PEOPLE:
            low = int(declared.sensitivity not in _ENOUGH)
            why = f"a {declared.role} is declared '{declared.sensitivity}'" if low else ""
            yield Check(name, column, "security", "classified", 1, low, why=why)
    for hint in looks:
        why = f"holds what looks like {hint.looks_like}; declare it or take it out"
        yield Check(
            name, hint.column, "security", f"undeclared {hint.looks_like}",
            hint.rows, hint.found, why=why,
        )  # fmt: skip  # why: the three parts in three lines


def encrypted_files(connection: Connection, store: Store) -> Mapping[str, tuple[int, int]]:
    """Return how many data files each table has, and how many of them are not encrypted.

    A file counts as encrypted when the catalog holds its key and the file itself begins as an
    encrypted one does.
    """
    found: dict[str, tuple[int, int]] = {}
    for file in named(connection, store.data):
        if file.current and "." not in file.table:
            files, plain = found.get(file.table, (0, 0))
            found[file.table] = files + 1, plain + (not (file.key and begins_encrypted(file.path)))
    return found
