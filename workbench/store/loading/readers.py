"""Files of customer data as relations of the engine: CSV, Parquet and Excel, in their encodings.

Nothing is guessed that could go wrong without a word: columns are those of the catalog; encoding
is UTF-8 unless the file says otherwise in its first bytes or the caller names it.
"""

from __future__ import annotations

import re
from codecs import BOM_UTF8
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from functools import partial
from itertools import islice
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

from workbench.catalog import Table
from workbench.errors import SourceError, suggest
from workbench.store.loading import workbooks
from workbench.store.loading.open_quotes import has_open_quotes, without_open_quotes
from workbench.store.loading.options import Options, require_fitting
from workbench.store.loading.text_files import (
    LINE_BYTES_MOST,
    TITLE_LINES,
    as_utf8,
    first_line,
    named_plainly,
    names_all,
    pipe_of,
    text_of,
)
from workbench.store.loading.values import Form, computed, not_computed, sql_type, surely, taken
from workbench.store.quality.rules import literal

if TYPE_CHECKING:
    import duckdb

# of which the engine holds several at a time; with less than 32 MB it may leave out a line of more
# than 2 MB without a word
_BUFFER_BYTES = 32_000_000
_DIGITS_MOST = 38  # of a decimal
# how files begin that are called something else, and the ending they are read by
_BEGINS = {
    b"\x1f\x8b": ("a gzip archive", ""), b"BZh": ("a bzip2 archive", ""), b"%PDF": ("a PDF", ""),
    b"\xfd7zXZ": ("an xz archive", ""), b"\x28\xb5\x2f\xfd": ("a Zstandard archive", ""),
    b"PK\x03\x04": ("a zip archive or a workbook", ".xlsx"), b"SQLite": ("a database", ""),
    b"\xd0\xcf\x11\xe0": ("an old or protected workbook", ".xlsx"), b'{"': ("JSON", ""),
    b"7z\xbc\xaf": ("a 7-Zip archive", ""), b"Rar!": ("a RAR archive", ""), b"{\\rtf": ("RTF", ""),
    b"ARROW1": ("an Arrow file", ""), b"PAR1": ("a Parquet file", ".parquet"),
    b"[{": ("JSON", ""), b"<?xml": ("XML", ""),
    **dict.fromkeys((b"<html", b"<!doctype", b"<table"), ("a page of HTML", "")),
}  # fmt: skip  # why: a table
_AS = "Unpack it, or save it as .csv, .parquet or .xlsx and name it so; nothing was taken in."
# of a workbook's rows on their way
_LINE, _ROW = "workbench_line", "workbench_row"


@dataclass(frozen=True)
class Reading:
    """One file as the engine reads it.

    Attributes
    ----------
    relation : str
        SQL that yields its columns.
    values : mapping of column to SQL
        A value of its declared type, from the column as it was read; NULL where it is none.
    wrong : mapping of column to SQL
        Whether what was read, ``"read column"``, is not of its declared type: ``"column"``.
    sure : mapping of column to SQL
        The condition, soon looked at, that it is filled and of its type; empty where there is none.
    types : mapping of column to SQL type
        What it was read as.
    first_line : int
        Line of the file that row 1 is on.
    number : str
        Its column that numbers the rows, from 0 on; empty where they are to be counted.
    header, delimiter : tuple of str, str
        Of a CSV file, whose unreadable lines the engine keeps back; else empty.
    passed_over : list of int
        Lines between the rows that hold nothing, once it was read.
    unended : list of (int, str)
        A last line without an end, which may be cut, once it was read.
    left_out : list of str
        Lines with a quote that does not end, which others stand for, once it was read.
    """

    relation: str
    values: Mapping[str, str]
    wrong: Mapping[str, str]
    sure: Mapping[str, str]
    types: Mapping[str, str]
    first_line: int = 2
    number: str = ""
    header: tuple[str, ...] = ()
    delimiter: str = ""
    passed_over: list[int] = field(default_factory=list)
    unended: list[tuple[int, str]] = field(default_factory=list)
    left_out: list[str] = field(default_factory=list)


@contextmanager
def reading(
    connection: duckdb.DuckDBPyConnection,
    path: Path,
    name: str,
    table: Table,
    options: Options,
    zone: str = "UTC",
    quoted: bool = True,
) -> Iterator[Reading]:
    """Yield a file as a relation; its columns are checked against the catalog first.

    Parameters
    ----------
    zone : str
        The workspace's time zone.
    quoted : bool
        Whether a text file may have quotes.

    Raises
    ------
    SourceError
        It is missing, empty, cut, in another encoding, or has other columns.
    InputError
        An option does not fit the file, or no such encoding exists.
    """
    kind = require_fitting(path, options)
    _require_content(path)
    form = options.form(zone)
    if kind == ".csv":
        with _csv(path, name, table, options.encoding, form, quoted) as found:
            yield found
    elif kind == ".parquet":
        with named_plainly(path) as place:
            relation = f"read_parquet({literal(str(place))}, file_row_number = true)"
            types = _described(connection, relation, path)
            types.pop("file_row_number", None)
            _require_readable(connection, place, path)
            columns = columns_of(name, table, list(types), path)
            renamed = "".join(f', "{there}" AS "{column}"' for there, column in columns.items())
            chosen = {column: types[there] for there, column in columns.items()}
            relation = f"(SELECT file_row_number{renamed} FROM {relation})"
            lines = {"number": "file_row_number", "first_line": 1}
            yield _reading(table, relation, chosen, form, **lines)
    else:
        with _workbook(path, name, table, options.sheet, form) as found:
            yield found


def _reading(
    table: Table, relation: str, types: Mapping[str, str], form: Form, **more: Any
) -> Reading:
    found = {c: taken(c, declared, types[c], form) for c, declared in table.file_columns.items()}
    made = {c: each for c, each in table.columns.items() if each.computed is not None}
    if made:
        values = {column: value for column, (value, _) in found.items()}
        named = ", ".join(f'{computed(each, values)} AS "{c}"' for c, each in made.items())
        relation = f"(SELECT *, {named} FROM {relation})"
        # what cannot be computed of filled columns is no amount, and its row is kept aside
        found |= {c: (f'"{c}"', not_computed(c, each)) for c, each in made.items()}
        types = {**types, **{c: sql_type(each) for c, each in made.items()}}
    values, wrong = ({c: found[c][at] for c in table.columns} for at in (0, 1))
    sure = {c: surely(c, declared, types[c], form) for c, declared in table.file_columns.items()}
    return Reading(relation, values, wrong, sure, types, **more)


def columns_of(name: str, table: Table, found: Sequence[str], path: Path) -> dict[str, str]:
    """Return the declared column of each of a file's, in their order.

    A file calls a column as the catalog does, or by its declared ``header``.

    Raises
    ------
    SourceError
        Names what is missing and what is not declared.
    """
    headers = {declared.header or column: column for column, declared in table.file_columns.items()}
    known = {**{column: column for column in table.file_columns}, **headers}
    missing = [
        column
        for column, declared in table.file_columns.items()
        if not {column, declared.header or column} & set(found)
    ]
    extra = [each for each in found if each not in known]
    if not missing and not extra and len(set(found)) == len(table.file_columns) == len(found):
        return {each: known[each] for each in found}
    alike = {_plain(each): each for each in known}
    near = [
        f"'{each}' is nearly '{alike[_plain(each)]}'" for each in extra if _plain(each) in alike
    ]
    hint = ""
    if near:
        hint = (
            f" {'; '.join(near)}: give the column 'header:' with the file's spelling in the "
            "catalog."
        )
    if len(missing) == len(table.file_columns) and not near:
        # why not what was found: without a line of names, it is the first customer
        names = ", ".join(f"'{column}'" for column in table.file_columns)
        raise SourceError(
            f"{path} has none of the columns of table '{name}': {names}. A file starts with a line "
            "of column names."
        )
    parts = []
    if missing:
        parts.append("missing: " + ", ".join(f"'{c}'" for c in missing))
    if extra:
        parts.append("not declared: " + ", ".join(f"'{c}'" for c in extra))
    if not parts:
        parts.append("a column is there twice")
    if extra and not hint:
        hint = suggest(extra[0], table.file_columns)
        if missing:
            hint += " A column that a file calls otherwise gets 'header:' in the catalog."
    raise SourceError(f"{path} does not match table '{name}' ({'; '.join(parts)}).{hint}")


def _plain(header: str) -> str:
    return re.sub(r"[\W_]+", "", header).casefold()


def _require_content(path: Path) -> None:
    try:
        if not path.stat().st_size:
            raise SourceError(f"{path} is empty. Export it again; nothing was taken in.")
        with path.open("rb") as file:
            start = file.read(16).removeprefix(BOM_UTF8).lstrip()
        for begin, (what, kind) in _BEGINS.items():
            if start.lower().startswith(begin.lower()) and kind != path.suffix.lower():
                raise SourceError(f"{path} is {what}, whatever its name says. {_AS}")
    except OSError as problem:
        raise SourceError(f"{path} cannot be read: {problem.strerror}.") from None


@contextmanager
def _csv(
    path: Path, name: str, table: Table, encoding: str | None, form: Form, quoted: bool
) -> Iterator[Reading]:
    chosen, cut = text_of(path, encoding)
    names, delimiter, above = first_line(path, chosen, table)
    columns = columns_of(name, table, names, path)
    # why text: the engine reads 12.7 as 13, 1.234 as 1.23 and 'epoch' as a day, without a word
    header = [columns[each] for each in names]
    read_as = ", ".join(f"{literal(each)}: 'VARCHAR'" for each in header)
    unended, left_out = list[tuple[int, str]](), list[str]()
    opened = quoted and has_open_quotes(path, chosen, delimiter)
    rows = partial(without_open_quotes, delimiter, len(header), left_out) if opened else None
    with as_utf8(path, chosen, unended if cut else None, rows) as place:
        relation = (
            f"read_csv({literal(str(place))}, auto_detect = false, header = true, skip = {above}, "
            f"columns = {{{read_as}}}, delim = {literal(delimiter)}, quote = '\"', escape = '\"', "
            # why not parallel: a part that begins within quotes would be read as rows
            f"parallel = {not quoted}, strict_mode = true, store_rejects = true, "
            f"rejects_limit = 0, max_line_size = {LINE_BYTES_MOST}, buffer_size = {_BUFFER_BYTES})"
        )
        types = dict.fromkeys(header, "VARCHAR")
        more = {"first_line": above + 2, "header": tuple(header), "delimiter": delimiter}
        yield _reading(table, relation, types, form, **more, unended=unended, left_out=left_out)


@contextmanager
def _workbook(
    path: Path, name: str, table: Table, sheet: str | None, form: Form
) -> Iterator[Reading]:
    """Yield a sheet's rows as the texts its cells show, with their lines."""
    form = replace(form, cells=True)
    with workbooks.opened(path) as book:
        chosen = book.sheet(sheet)
        titles = list(islice(chosen.rows(), TITLE_LINES))
        if not titles:
            raise SourceError(f"{path} is empty or does not start with a line of column names.")
        found_at = next((row for row in titles if _fits(row[1], table)), None)
        at, cells = found_at or titles[0]  # a title may stand above
        others = [] if sheet or not found_at else book.shown[1:]
        starts = {each: islice(book.sheet(each).rows(), TITLE_LINES) for each in others}
        like = [each for each in others if any(_fits(row, table) for _, row in starts[each])]
        if like:
            raise SourceError(
                f"{path} has the columns of table '{name}' on several sheets: "
                f"{', '.join([book.shown[0], *like])}. Take them in one by one, each named with "
                "--sheet; nothing was taken in."
            )
        places = [place for place, cell in enumerate(cells) if cell]
        names = [cells[place] for place in places]
        try:
            columns = columns_of(name, table, names, path)
        except SourceError as refusal:
            if sheet or len(book.sheets) < 2:
                raise
            raise SourceError(
                f"{refusal} This is of its first sheet; of {', '.join(book.sheets)} another one is "
                "named with --sheet."
            ) from None
        passed_over: list[int] = []
        at_place = {columns[cells[place]]: place for place in places}
        words = [at_place[c] for c, d in table.file_columns.items() if d.type == "text"]
        key = at_place.get(table.subject_key or "")

        def feed(out: IO[bytes]) -> None:
            book.write(chosen, at, places, words, key, out, passed_over)

        read_as = ", ".join(f"{literal(columns[each])}: 'VARCHAR'" for each in names)
        with pipe_of(feed) as place:
            relation = (
                f"(SELECT *, {_LINE} - {at + 1} AS {_ROW} FROM "
                f"read_csv({literal(str(place))}, auto_detect = false, header = false, "
                f"columns = {{{literal(_LINE)}: 'BIGINT', {read_as}}}, delim = ',', quote = '\"', "
                f"escape = '\"', new_line = '\\n', strict_mode = true, "
                f"max_line_size = {LINE_BYTES_MOST}, buffer_size = {_BUFFER_BYTES}))"
            )
            types = dict.fromkeys(table.file_columns, "VARCHAR")
            lines = {"number": _ROW, "first_line": at + 1, "passed_over": passed_over}
            yield _reading(table, relation, types, form, **lines)


def _require_readable(connection: duckdb.DuckDBPyConnection, place: Path, path: Path) -> None:
    """Refuse decimals of more digits than the engine has, of which it makes other numbers."""
    wide = connection.execute(
        f"SELECT name FROM parquet_schema({literal(str(place))}) WHERE precision > {_DIGITS_MOST}"
    ).fetchall()
    if wide:
        raise SourceError(
            f"{path}: column '{wide[0][0]}' has decimals of more than {_DIGITS_MOST} digits. Write "
            "it with fewer; nothing was taken in."
        )


def _fits(cells: Sequence[str], table: Table) -> bool:
    return names_all([cell for cell in cells if cell], table)


def _described(connection: duckdb.DuckDBPyConnection, relation: str, path: Path) -> dict[str, str]:
    import duckdb

    try:
        connection.execute(f"DESCRIBE SELECT * FROM {relation}")
    except duckdb.Error as problem:
        # why: the engine's own text may quote a row, so only its kind is passed on
        raise SourceError(
            f"{path} is corrupt or truncated ({type(problem).__name__}). Fetch it again; nothing "
            "was taken in."
        ) from None
    return {row[0]: row[1] for row in connection.fetchall()}
