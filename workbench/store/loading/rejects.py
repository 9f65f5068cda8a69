"""What the engine's CSV reader could not read: line by line, with what was wrong in words."""

from __future__ import annotations

import csv
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from workbench.catalog import Table

if TYPE_CHECKING:
    import duckdb

LINE_BYTES_MOST = 2_000_000  # a longer line is no row
_WORDS = {
    "TOO MANY COLUMNS": "more fields than the line of column names",
    "MISSING COLUMNS": "fewer fields than the line of column names",
    "UNQUOTED VALUE": "a quote that does not end",
    "LINE SIZE OVER MAXIMUM": "a line longer than any row",
}
UNENDED = "no end: the file may be cut"  # of its last line
_ENCODING = "INVALID ENCODING"


@dataclass(frozen=True)
class Rejected:
    """One line that is no row."""

    line: int
    reasons: str
    subject: str | None
    content: str | None


@dataclass(frozen=True)
class Found:
    """Every line that is no row, in order."""

    rows: tuple[Rejected, ...]
    badly_encoded: bool


def rejected(
    connection: duckdb.DuckDBPyConnection,
    table: Table,
    kinds: Mapping[str, str],
    header: Sequence[str],
    delimiter: str,
) -> Found:
    """Return what the last read kept back, and empty the engine's own list of it.

    Parameters
    ----------
    kinds : mapping of column to words
        What a value of it should be.
    header, delimiter : sequence of str, str
        How a line is laid out.
    """
    rows = connection.execute(
        "SELECT line, list(DISTINCT error_type || ':' || coalesce(column_name, '')), "
        "any_value(CASE WHEN error_type <> 'LINE SIZE OVER MAXIMUM' THEN csv_line END) "
        "FROM reject_errors GROUP BY line, line_byte_position "
        "ORDER BY line, line_byte_position"
    ).fetchall()
    connection.execute("DROP TABLE temp.reject_errors; DROP TABLE temp.reject_scans")
    place = header.index(table.subject_key) if table.subject_key else None
    found, badly = [], False
    for line, errors, content in rows:
        badly = badly or any(error.startswith(_ENCODING) for error in errors)
        why = "; ".join(sorted({_why(error, kinds) for error in errors}))
        subject = _field(content, place, delimiter, len(header))
        found.append(Rejected(int(line), why, subject, content))
    return Found(tuple(found), badly)


def _why(error: str, kinds: Mapping[str, str]) -> str:
    kind, _, column = error.partition(":")
    if kind == "CAST" and column in kinds:
        return f"{column}: not {kinds[column]}"
    return _WORDS.get(kind, f"not readable ({kind.lower()})")


def _field(content: str | None, place: int | None, delimiter: str, most: int) -> str | None:
    """Return one field of a line that is no row, where it has so many.

    None of what may hold several rows, such as all lines to a quote that does not end, or two rows
    on one line: whose it is, nobody knows, and the first customer must not be handed the second's.
    """
    if content is None or place is None or len(content.splitlines()) > 1:
        return None
    fields = next(csv.reader([content], delimiter=delimiter), [])
    return fields[place] if place < len(fields) <= most else None
