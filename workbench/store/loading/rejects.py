"""What the engine's CSV reader could not read: line by line, with what was wrong in words."""

from __future__ import annotations

import csv
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from workbench.catalog import Table
from workbench.store.loading.options import Options
from workbench.store.loading.text_files import wrong_encoding
from workbench.store.loading.values import normal_key

if TYPE_CHECKING:
    import duckdb

    from workbench.store.loading.readers import Reading

OPEN_QUOTE = "a quote that does not end"
_WORDS = {
    "TOO MANY COLUMNS": "more fields than the line of column names",
    "MISSING COLUMNS": "fewer fields than the line of column names",
    "UNQUOTED VALUE": OPEN_QUOTE,
    "LINE SIZE OVER MAXIMUM": "a line longer than any row",
}
UNENDED = "no end: the file may be cut"  # of its last line
LEFT_OUT = "\ue000"  # before the place of a line that was left out, in the one that stands for it
_ENCODING = "INVALID ENCODING"


@dataclass(frozen=True)
class Rejected:
    """One line that is no row."""

    line: int
    reasons: str
    subject: str | None
    content: str | None


def unreadable_lines(
    connection: duckdb.DuckDBPyConnection,
    source: Reading,
    table: Table,
    path: Path,
    options: Options,
) -> list[Rejected]:
    """Return the lines of a file just read that are no rows, in order; the engine forgets them.

    Raises
    ------
    SourceError
        One is in another encoding.
    """
    header, delimiter, found = source.header, source.delimiter, list[Rejected]()
    if not header:
        return found
    rows = connection.execute(
        "SELECT line, list(DISTINCT error_type), "
        "any_value(CASE WHEN error_type <> 'LINE SIZE OVER MAXIMUM' THEN csv_line END) "
        "FROM reject_errors GROUP BY line, line_byte_position "
        "ORDER BY line, line_byte_position"
    ).fetchall()
    connection.execute("DROP TABLE temp.reject_errors; DROP TABLE temp.reject_scans")
    place = header.index(table.subject_key) if table.subject_key else None
    for line, errors, content in rows:
        if _ENCODING in errors:
            raise wrong_encoding(path, options.encoding or "utf-8")
        why = "; ".join(sorted(_WORDS.get(e, f"not readable ({e.lower()})") for e in errors))
        stands = (content or "").lstrip(delimiter)
        if source.left_out and stands.startswith(LEFT_OUT):
            why, content = OPEN_QUOTE, source.left_out[int(stands.removeprefix(LEFT_OUT))]
        content = content and content.strip("\r\n")  # of an empty line above it
        subject = _field(content, place, delimiter, len(header))
        found.append(Rejected(int(line), why, subject, content))
    return [*found, *(Rejected(line, UNENDED, None, content) for line, content in source.unended)]


def _field(content: str | None, place: int | None, delimiter: str, most: int) -> str | None:
    """Return one field of a line that is no row, where it has so many.

    None of what may hold several rows, such as all lines to a quote that does not end, or two rows
    on one line: whose it is, nobody knows, and the first customer must not be handed the second's.
    """
    if content is None or place is None or len(content.splitlines()) > 1:
        return None
    try:
        fields = next(csv.reader([content], delimiter=delimiter, strict=True), [])
    except csv.Error:  # from the quote on, nobody knows where a field ends
        fields = content.partition('"')[0].split(delimiter)[:-1]
    if not place < len(fields) <= most:
        return None
    return normal_key(fields[place]) or fields[place]
