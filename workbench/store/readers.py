"""Files of customer data as relations of the engine: CSV, Parquet and Excel, in their encodings.

Nothing is guessed that could go wrong without a word: columns are those of the catalog; encoding
is UTF-8 unless the file says otherwise in its first bytes or the caller names it.
"""

from __future__ import annotations

import codecs
import csv
import hashlib
import html
import os
import re
import tempfile
import threading
import zipfile
import zlib
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from workbench.catalog import Column, Table
from workbench.errors import InputError, SourceError
from workbench.store.ingest import same_columns, sql_type
from workbench.store.quality_rules import literal
from workbench.store.rejects import LINE_BYTES_MOST

if TYPE_CHECKING:
    import duckdb

_BLOCK_BYTES = 1 << 18  # small enough to stay in the processor's cache
_LINE_BYTES_CUT = 8_000_000  # without the end of a line; shorter lines the engine keeps back
_LINE_BYTES_USUAL = 1_000_000
# of which the engine holds several at a time; with less than 32 MB it may leave out a line of more
# than 2 MB without a word
_BUFFER_BYTES, _BUFFER_BYTES_LONG = 16_000_000, 32_000_000
_LOOKED_BYTES = 1_000_000  # of a file, when an error asks which encoding it may be
_MARKS = {
    codecs.BOM_UTF8: "utf-8-sig",
    codecs.BOM_UTF16_LE: "utf-16",
    codecs.BOM_UTF16_BE: "utf-16",
}
_LIKELY = ("utf-8", "gb18030", "utf-16")
_TENS = [10**digits for digits in range(19)]  # the least number of one digit, of two, …
_SHEET = re.compile(r'<(?:\w+:)?sheet\s[^>]*?\bname="([^"]*)"')
_EXCEL_DAY_ZERO = "DATE '1899-12-30'"


@dataclass(frozen=True)
class Reading:
    """One file as the engine reads it.

    Attributes
    ----------
    relation : str
        SQL that yields its columns.
    number : str
        Its column that numbers the rows, from 0 on; empty where they are to be counted.
    values : mapping of column to SQL
        A value of its declared type, from the column as it was read; NULL where it is none.
    wrong : mapping of column to SQL
        Whether what was read, ``"read column"``, is not of its declared type: ``"column"``.
    types : mapping of column to SQL type
        What it was read as.
    first_line : int
        Line of the file that row 1 is on.
    header, delimiter : tuple of str, str
        Of a CSV file, whose unreadable lines the engine keeps back; else empty.
    """

    relation: str
    number: str
    values: Mapping[str, str]
    wrong: Mapping[str, str]
    types: Mapping[str, str]
    first_line: int
    header: tuple[str, ...] = ()
    delimiter: str = ""


@contextmanager
def reading(
    connection: duckdb.DuckDBPyConnection,
    load_extension: Callable[[str], None],
    path: Path,
    name: str,
    table: Table,
    *,
    encoding: str | None = None,
    sheet: str | None = None,
    date_format: str | None = None,
    long_lines: bool = True,
) -> Iterator[Reading]:
    """Yield a file as a relation; its columns are checked against the catalog first.

    Parameters
    ----------
    long_lines : bool
        Whether a line may be of more than a megabyte.

    Raises
    ------
    SourceError
        It is missing, empty, cut, in another encoding, or has other columns.
    InputError
        An option does not fit the file, or no such encoding exists.
    """
    kind = require_fitting(path, encoding=encoding, sheet=sheet, date_format=date_format)
    _require_content(path)
    if kind == ".csv":
        buffer_bytes = _BUFFER_BYTES_LONG if long_lines else _BUFFER_BYTES
        with _csv(path, name, table, encoding, date_format, buffer_bytes) as found:
            yield found
    elif kind == ".parquet":
        relation = f"read_parquet({literal(str(path))}, file_row_number = true)"
        types = _described(connection, relation, path)
        types.pop("file_row_number", None)
        same_columns(name, table, list(types), path, "A file")
        yield Reading(
            relation,
            "file_row_number",
            {c: _cast(c, declared, types[c]) for c, declared in table.columns.items()},
            {c: _not_of_type(c, d, types[c]) for c, d in table.columns.items()},
            types,
            1,
        )
    else:
        load_extension("excel")
        sheets = _sheets(path)
        if sheet and sheet not in sheets:
            raise SourceError(
                f"{path} has no sheet '{sheet}'. Its sheets: {', '.join(sheets)}. Nothing was "
                "taken in."
            )
        chosen = f", sheet = {literal(sheet)}" if sheet else ""
        relation = f"read_xlsx({literal(str(path))}, all_varchar = true, header = true{chosen})"
        try:
            same_columns(name, table, list(_described(connection, relation, path)), path, "A file")
        except SourceError as refusal:
            if sheet or len(sheets) < 2:
                raise
            raise SourceError(
                f"{refusal} This is of its first sheet; of {', '.join(sheets)} another one is "
                "named with --sheet."
            ) from None
        yield Reading(
            relation,
            "",
            {c: _from_excel(c, declared) for c, declared in table.columns.items()},
            {c: _none(c) + _fraction(c, d) for c, d in table.columns.items()},
            dict.fromkeys(table.columns, "VARCHAR"),
            2,
        )


def require_fitting(
    path: Path, *, encoding: str | None, sheet: str | None, date_format: str | None
) -> str:
    """Return which kind of file it is; refuse options that are not of that kind.

    Raises
    ------
    SourceError
        It is of no kind that is read.
    InputError
        An option does not fit the file, or no such encoding exists.
    """
    kind = path.suffix.lower()
    if kind not in (".csv", ".parquet", ".xlsx"):
        raise SourceError(
            f"{path}: only .csv, .parquet and .xlsx files are read, not '{path.suffix}'."
        )
    if kind != ".csv" and (encoding or date_format):
        raise InputError("an encoding and a date format are of CSV files; leave them out.")
    if kind != ".xlsx" and sheet:
        raise InputError("a sheet is of an Excel file; leave it out.")
    if encoding:
        try:
            "".encode(encoding)
        except LookupError:
            raise InputError(
                f"no encoding named '{encoding}'. Known are utf-8, gb18030, gbk, utf-16, big5, "
                "latin-1 and every other that Python knows."
            ) from None
    if date_format is not None:
        _require_date_format(date_format)
    return kind


def _require_date_format(date_format: str) -> None:
    import duckdb

    with duckdb.connect() as connection:
        try:
            row = connection.execute("SELECT strftime(DATE '2026-09-30', ?)", [date_format])
            written = (row.fetchone() or ("",))[0]
        except duckdb.Error:
            written = date_format
    if written == date_format:  # no part of the day stands in it
        raise InputError(
            f"'{date_format}' is no form of a day. Write %d for the day, %m for the month, %Y for "
            "the year, such as %d/%m/%Y."
        )


def _require_content(path: Path) -> None:
    try:
        if not path.stat().st_size:
            raise SourceError(f"{path} is empty. Export it again; nothing was taken in.")
    except OSError as problem:
        raise SourceError(f"{path} cannot be read: {problem.strerror}.") from None


@contextmanager
def _csv(
    path: Path,
    name: str,
    table: Table,
    encoding: str | None,
    date_format: str | None,
    buffer_bytes: int,
) -> Iterator[Reading]:
    with path.open("rb") as file:
        begin = file.read(4)
    marked = next((each for mark, each in _MARKS.items() if begin.startswith(mark)), None)
    chosen = codecs.lookup(encoding or marked or "utf-8-sig").name
    names, delimiter = _header(path, chosen)
    same_columns(name, table, names, path, "A file")
    # why integers as text: the engine reads 12.7 as 13 without a word
    kinds = {c: "VARCHAR" if d.type == "integer" else sql_type(d) for c, d in table.columns.items()}
    columns = ", ".join(f"{literal(each)}: {literal(kinds[each])}" for each in names)
    formats = ""
    if date_format:
        formats = f", dateformat = {literal(date_format)}, timestampformat = {literal(date_format)}"
    with _as_utf8(path, chosen) as place:
        relation = (
            f"read_csv({literal(str(place))}, auto_detect = false, header = true, "
            f"columns = {{{columns}}}, delim = {literal(delimiter)}, quote = '\"', escape = '\"', "
            f"strict_mode = true, store_rejects = true, rejects_limit = 0, "
            f"max_line_size = {LINE_BYTES_MOST}, buffer_size = {buffer_bytes}{formats})"
        )
        yield Reading(
            relation,
            "",
            {c: f'TRY_CAST("{c}" AS BIGINT)' if d.type == "integer" else f'"{c}"'
             for c, d in table.columns.items()},
            {c: _not_of_type(c, d, kinds[c]) for c, d in table.columns.items()},
            kinds,
            2,
            tuple(names),
            delimiter,
        )  # fmt: skip  # why: two mappings alike


def _header(path: Path, encoding: str) -> tuple[list[str], str]:
    """Return the column names a CSV file starts with, and what separates them."""
    try:
        with path.open(encoding=encoding, newline="") as file:
            line = file.readline(LINE_BYTES_MOST + 1)
    except UnicodeError:
        raise wrong_encoding(path, encoding) from None
    if len(line) > LINE_BYTES_MOST:
        raise SourceError(
            f"{path} starts with a line of more than {LINE_BYTES_MOST:,} bytes, which is no line "
            "of column names. Check how it was exported; nothing was taken in."
        )
    if not line.strip():
        raise SourceError(f"{path} is empty or does not start with a line of column names.")
    line = line.rstrip("\r\n")
    delimiter = max(",;\t|", key=line.count)
    names = next(csv.reader([line], delimiter=delimiter))
    if "" in names or len(set(names)) < len(names):
        raise SourceError(
            f"{path} does not start with a line of column names, each there once. Export it anew."
        )
    return names, delimiter


def read_through(path: Path) -> tuple[str, bool]:
    """Read a file once; return its SHA-256, and whether it may have a line of over a megabyte.

    Raises
    ------
    SourceError
        It cannot be read; or a line of a CSV file is so long that the engine would leave it out
        without a word.
    """
    digest, block, since, most = hashlib.sha256(), bytearray(_BLOCK_BYTES), 0, 0
    text = path.suffix.lower() == ".csv"
    try:
        with path.open("rb", buffering=0) as file:
            while size := file.readinto(block):
                digest.update(memoryview(block)[:size])
                since = 0 if block.find(b"\n", 0, size) >= 0 else since + size
                most = max(most, since)
                if text and since >= _LINE_BYTES_CUT:
                    raise _endless(path, file.tell() - since)
    except OSError as problem:
        raise SourceError(
            f"the source file {path} cannot be read: {problem.strerror}. Check the name; nothing "
            "was taken in."
        ) from None
    # why two blocks less: a line may begin within one and end within another
    return digest.hexdigest(), most > _LINE_BYTES_USUAL - 2 * _BLOCK_BYTES


def _endless(path: Path, before: int) -> SourceError:
    lines = 1
    with path.open("rb") as file:
        while file.tell() < before:
            lines += file.read(min(_BLOCK_BYTES, before - file.tell())).count(b"\n")
    return SourceError(
        f"line {lines:,} of {path} is longer than {_LINE_BYTES_CUT // 1_000_000} MB, which is no "
        "row: a quote that does not end, or another kind of file. Nothing was taken in."
    )


def wrong_encoding(path: Path, encoding: str) -> SourceError:
    """Return the error of a file that is in another encoding, with those that would fit."""
    with path.open("rb") as file:
        start = file.read(_LOOKED_BYTES)
    fits = []
    for each in _LIKELY:
        decoder = codecs.getincrementaldecoder(each)()
        with suppress(UnicodeError):
            if decoder.decode(start).isprintable() or each != "utf-16":
                fits.append(each)
    fits = [each for each in fits if codecs.lookup(each).name != encoding.removesuffix("-sig")]
    # why latin-1 too: every file reads as that, and one of names with accents as gb18030 as well
    fits += [each for each in ("latin-1",) if encoding != "iso8859-1"]
    hint = (
        f" It could be {' or '.join(fits)}: name with --encoding the one it was exported in."
        if fits
        else ""
    )
    told = encoding.removesuffix("-sig")
    return SourceError(f"{path} is not {told} text.{hint} Nothing was taken in.")


@contextmanager
def _as_utf8(path: Path, encoding: str) -> Iterator[Path]:
    """Yield a place the engine reads UTF-8 from: the file itself, or a pipe; never another file."""
    if encoding in ("utf-8", "utf-8-sig", "ascii"):
        yield path
        return
    failed: list[Exception] = []
    with tempfile.TemporaryDirectory(prefix="workbench-pipe-") as folder:
        pipe = Path(folder) / "utf-8"
        os.mkfifo(pipe, 0o600)

        def feed() -> None:
            try:
                with pipe.open("wb") as out, path.open(encoding=encoding, newline="") as text:
                    while block := text.read(1 << 20):
                        out.write(block.encode())
            except BrokenPipeError:  # the engine stopped reading, and says why itself
                return
            except UnicodeError as problem:
                failed.append(problem)

        feeder = threading.Thread(target=feed, daemon=True)
        feeder.start()
        try:
            yield pipe
        finally:
            # why: a feeder whose pipe nobody opened waits for a reader forever
            with suppress(OSError):
                os.close(os.open(pipe, os.O_RDONLY | os.O_NONBLOCK))
            feeder.join()
        if failed:
            raise wrong_encoding(path, encoding)


def _sheets(path: Path) -> list[str]:
    """Return the names of a workbook's sheets, in their order."""
    try:
        with zipfile.ZipFile(path) as parts:
            book = parts.read("xl/workbook.xml").decode()
    except (OSError, zipfile.BadZipFile, zlib.error, KeyError, UnicodeError) as problem:
        raise SourceError(
            f"{path} is corrupt or truncated, or no .xlsx file ({type(problem).__name__}). Fetch "
            "it again; nothing was taken in."
        ) from None
    return [html.unescape(each) for each in _SHEET.findall(book)]


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


def _cast(column: str, declared: Column, found: str) -> str:
    wanted = sql_type(declared)
    return f'"{column}"' if found == wanted else f'TRY_CAST("{column}" AS {wanted})'


def _not_of_type(column: str, declared: Column, found: str) -> str:
    if found == sql_type(declared):
        return "false"
    return _none(column) + _fraction(column, declared)


def _none(column: str) -> str:
    """Return the condition that what was read is no value."""
    return f'"read {column}" IS NOT NULL AND "{column}" IS NULL'


def _fraction(column: str, declared: Column) -> str:
    """Return the condition that a whole number has a fraction, which a cast would round away."""
    if declared.type != "integer":
        return ""
    # why a CASE: of an OR both sides are computed for every row
    text, fraction = f'"read {column}"::VARCHAR', f'TRY_CAST("read {column}" AS DOUBLE) % 1 <> 0'
    may = " OR ".join(f"contains({text}, '{sign}')" for sign in (".", "e-", "E-"))  # 15e-1 is 1.5
    # why its size first: only a number that is all digits is as great as its text is long, and so
    # much is known at a fifth of the cost of looking into the text
    plain = f'"{column}" >= {_TENS}[strlen({text})]'
    return f" OR CASE WHEN {plain} THEN false WHEN {may} THEN {fraction} ELSE false END"


def _from_excel(column: str, declared: Column) -> str:
    """Return a cell's value; Excel keeps days as numbers, counted from the end of 1899."""
    if declared.type not in ("date", "timestamp"):
        return f'TRY_CAST("{column}" AS {sql_type(declared)})'
    number = f'TRY_CAST("{column}" AS DOUBLE)'
    moment = f"{_EXCEL_DAY_ZERO} + to_seconds(round({number} * 86400))"
    plain = f'TRY_CAST("{column}" AS {sql_type(declared)})'
    return f"CASE WHEN {number} IS NOT NULL THEN ({moment})::{sql_type(declared)} ELSE {plain} END"
