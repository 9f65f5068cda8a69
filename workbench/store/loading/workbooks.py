"""Workbooks as rows of texts: what their cells show, and why where they show no value."""

from __future__ import annotations

import csv
import datetime as dt
import io
import re
import warnings
import zipfile
import zlib
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

from workbench.errors import SourceError
from workbench.store.loading.values import NO_VALUE

_COMPOUND = b"\xd0\xcf\x11\xe0"  # of old workbooks, and of protected ones
_PROTECTED = "EncryptedPackage".encode("utf-16-le")
_NOUGHTS = re.compile(r"0+")  # a number format that shows 42 as 00042
_BROKEN = (
    OSError, ValueError, AttributeError, LookupError, OverflowError, SyntaxError, TypeError,
    zipfile.BadZipFile, zlib.error,
)  # fmt: skip  # why: a list
_DIGITS_KEPT = 15  # of a number; a workbook forgets the others
_UNPACKED_BYTES, _UNPACKED_TIMES = 20_000_000, 100  # seldom more than 60 times
# what is held at once is bounded too: the texts that cells share, a row, merged ranges
_HELD_BYTES, _ROW_BYTES, _MERGED_MOST = 200_000_000, 16_000_000, 100_000
_OVERLAP = 60  # bytes of a block that the next one has again
_MERGED = f"{NO_VALUE}a cell merged with another one"
_RANGE = re.compile(rb"<(?:\w+:)?mergeCell\s+ref=.([A-Z]+[0-9]+:[A-Z]+[0-9]+).")
# of a number format; a comma behind the digits divides, and signs between noughts are shown
_NO_SIGNS = re.compile(r"General|\[[^]$]*\]|_.|E\+0+|,(?=[0#?])|[0#?. ();@-]")
_BETWEEN = re.compile(r"0[^;.]*[-()][^;]*0")
_FORMULA = re.compile(rb"<(?:\w+:)?f[\s>]")
_LINE_OF_ROW = re.compile(rb'<(?:\w+:)?row\s(?:[^<>]*\s)?r="([^"]*)"')
_LINES_MOST = 1_048_576
_ESCAPED = re.compile(
    r"_x005F_(?=x[0-9A-F]{4}_)|_x00([01][0-9A-F])_"
)  # how a workbook writes the end of a line in a cell
_TWO_DAYS = dt.date(1900, 2, 28)
_STREAMED = ("xl/worksheets/", "xl/media/", "xl/drawings/", "xl/charts/", "xl/embeddings/")
_FIRST_DAY = dt.datetime(1900, 1, 1)  # noqa: DTZ001  # why: a cell has no zone


class Sheet:
    """One sheet, read row by row, as often as wanted."""

    def __init__(
        self, path: Path, values: Any, formulas: Any, merged: Sequence[Sequence[int]]
    ) -> None:
        self._path, self._values, self._formulas = path, values, formulas
        self._merged = sorted(merged, key=lambda each: each[1])  # columns and rows, from 1 on

    def rows(
        self, words: Collection[int] = (), key: int | None = None
    ) -> Iterator[tuple[int, list[str]]]:
        """Yield each row that holds anything: its line, and the texts of its cells.

        Of words a number is taken only where its cell shows nothing else, of keys no other value.
        """
        try:
            yield from self._rows(words, key)
        except _BROKEN as problem:
            # why not its text: it may quote a cell
            raise SourceError(
                f"{self._path} has a cell that no workbook has ({type(problem).__name__}). Save it "
                "anew, or as CSV; nothing was taken in."
            ) from None

    def _rows(self, words: Collection[int], key: int | None) -> Iterator[tuple[int, list[str]]]:
        coming, merged = iter([*self._merged, (0, 1 << 30, 0, 0)]), list[Sequence[int]]()
        following = next(coming)
        pairs = (
            zip(self._values.iter_rows(), self._formulas.iter_rows(), strict=True)
            if self._formulas is not None
            else ((row, ()) for row in self._values.iter_rows())
        )
        for line, (row, asked) in enumerate(pairs, 1):
            texts = [_text(cell) for cell in row]
            for place in words:
                if place < len(row):
                    texts[place] = _word(row[place], texts[place], place == key)
            for place, cell in enumerate(asked):
                if cell.data_type == "f" and not texts[place]:
                    texts[place] = f"{NO_VALUE}a formula that was never computed"
            while following[1] <= line:
                merged.append(following)
                following = next(coming)
            merged = [each for each in merged if each[3] >= line]
            if any(text.strip() for text in texts):
                for left, top, right, _ in merged:
                    texts += [""] * (right - len(texts))
                    first = left if top == line else left - 1  # its first cell has the value
                    texts[first:right] = [text or _MERGED for text in texts[first:right]]
                yield line, texts


class Book:
    """An opened workbook."""

    def __init__(self, path: Path, values: Any, formulas: Any) -> None:
        self._path, self._values, self._formulas = path, values, formulas
        self.sheets: Sequence[str] = [each.title for each in values.worksheets]
        self.shown = [e.title for e in values.worksheets if e.sheet_state == "visible"]

    def sheet(self, name: str | None) -> Sheet:
        """Return one sheet, the first that is not hidden by default.

        Raises
        ------
        SourceError
            There is none of that name.
        """
        if not self.sheets:
            raise SourceError(
                f"{self._path} has no sheet that can be read, as one in the strict form has none. "
                "Save it as an Excel workbook (.xlsx), or as CSV; nothing was taken in."
            )
        if name is not None and name not in self.sheets:
            raise SourceError(
                f"{self._path} has no sheet '{name}'. Its sheets: {', '.join(self.sheets)}. "
                "Nothing was taken in."
            )
        books = [self._values, self._formulas]
        found = [book and book[name or [*self.shown, *self.sheets][0]] for book in books]
        merged = _merged(self._path, found[0]._worksheet_path)
        for each in found:
            if each is not None:
                each.reset_dimensions()  # why: a size that is told may be of a million empty rows
        return Sheet(self._path, found[0], found[1], merged)

    def write(
        self,
        sheet: Sheet,
        above: int,
        places: Sequence[int],
        words: Collection[int],
        key: int | None,
        out: IO[bytes],
        passed_over: list[int],
    ) -> None:
        """Write a sheet's rows below a line as CSV: the line, then the cells at some places."""
        text = io.TextIOWrapper(out, encoding="utf-8", newline="", write_through=False)
        writer, last, named = csv.writer(text, lineterminator="\n"), above, set(places)
        telling = next((n for n, place in enumerate(places) if place != key), 0)
        for line, cells in sheet.rows(words, key):
            if line <= above:
                continue
            passed_over.extend(range(last + 1, line))
            last = line
            picked = [cells[place] if place < len(cells) else "" for place in places]
            beyond = (cell for place, cell in enumerate(cells) if place not in named)
            if any(cell and cell != _MERGED for cell in beyond):
                picked[telling] = f"{NO_VALUE}more cells than column names"
            writer.writerow([line, *picked])
        text.flush()
        text.detach()


@contextmanager
def opened(path: Path) -> Iterator[Book]:
    """Yield a workbook.

    Raises
    ------
    SourceError
        It is protected, an old one, cut, or none.
    """
    import openpyxl

    with path.open("rb") as file:
        compound = file.read(len(_COMPOUND)) == _COMPOUND
        rest = file.read() if compound else b""
    if compound:
        what = "protected by a password" if _PROTECTED in rest else "an old .xls workbook"
        raise SourceError(
            f"{path} is {what}. Save it as .xlsx without a password; nothing was taken in."
        )
    books: list[Any] = []
    with warnings.catch_warnings():
        # why: openpyxl warns of charts, styles and forms that it leaves out; values are all there
        warnings.simplefilter("ignore", UserWarning)
        try:
            _require_as_packed(path)
            books.append(openpyxl.load_workbook(path, read_only=True, data_only=True))
            books.append(
                openpyxl.load_workbook(path, read_only=True) if _has_formulas(path) else None
            )
            book = Book(path, *books)
        except _BROKEN as problem:
            raise SourceError(
                f"{path} is corrupt or truncated, or no .xlsx file ({type(problem).__name__}). "
                "Fetch it again; nothing was taken in."
            ) from None
        try:
            yield book
        finally:
            for each in books:
                if each is not None:
                    each.close()


def _require_as_packed(path: Path) -> None:
    """Refuse a workbook that fills the memory, such as with one cell of a gigabyte."""
    with zipfile.ZipFile(path) as parts:
        sizes = {part.filename: part.file_size for part in parts.infolist()}
    if sum(sizes.values()) > max(_UNPACKED_BYTES, _UNPACKED_TIMES * path.stat().st_size):
        raise _too_much(
            path,
            f"unpacks to more than {_UNPACKED_TIMES} times its size, as no workbook of rows does",
        )
    held = [size for name, size in sizes.items() if not name.startswith(_STREAMED)]
    if sum(held) > _HELD_BYTES:
        raise _too_much(path, f"has more than {_HELD_BYTES // 1_000_000} MB of texts")


def _too_much(path: Path, what: str) -> SourceError:
    return SourceError(f"{path} {what}. Save it anew, or as CSV; nothing was taken in.")


def _has_formulas(path: Path) -> bool:
    with zipfile.ZipFile(path) as parts:
        return any(
            _FORMULA.search(block) is not None
            for name in parts.namelist()
            if name.startswith("xl/worksheets/") and name.endswith(".xml")
            for block in _blocks(parts, name)
        )


def _merged(path: Path, sheet: str) -> list[Sequence[int]]:
    """Return the ranges of merged cells, of which a workbook holds the first one's value only."""
    from openpyxl.utils import range_boundaries

    found: set[bytes] = set()
    with zipfile.ZipFile(path) as parts:
        since = last = 0
        for place, block in enumerate(_blocks(parts, sheet)):
            for match in _LINE_OF_ROW.finditer(block):
                if not place or match.end() > _OVERLAP:  # else it stood in the block before
                    line = int(match[1]) if match[1].isdigit() else 0
                    if not last < line <= _LINES_MOST:
                        raise _too_much(path, "has rows that are not in their order")
                    last = line
            at = block.rfind(b"<row")
            since = since + len(block) if at < 0 else len(block) - at
            found.update(_RANGE.findall(block))
            if since > _ROW_BYTES:
                raise _too_much(path, f"has {_ROW_BYTES // 1_000_000} MB without a new row")
            if len(found) > _MERGED_MOST:
                raise _too_much(path, f"has more than {_MERGED_MOST:,} merged cells")
    return [range_boundaries(each.decode()) for each in found]


def _blocks(parts: zipfile.ZipFile, name: str) -> Iterator[bytes]:
    """Yield a part of a workbook in blocks, each with the end of the one before it."""
    with parts.open(name) as part:
        before = b""
        while block := part.read(1 << 20):
            yield before + block
            before = block[-_OVERLAP:]


def _word(cell: Any, text: str, key: bool) -> str:
    """Return a cell's text, or why it is none: its format shows other signs, or it is no key."""
    value = cell.value
    number = isinstance(value, int | float) and not isinstance(value, bool)
    form = cell.number_format or ""
    if number and (_NO_SIGNS.sub("", form) or _BETWEEN.search(form)):
        return f"{NO_VALUE}a number that its format shows with other signs"
    whole = isinstance(value, str | None) or (number and float(value).is_integer())
    return text if whole or not key else f"{NO_VALUE}no text and no whole number"


def _text(cell: Any) -> str:
    """Return what a cell shows, as the store reads texts."""
    value = cell.value
    if value is None:
        return ""
    if cell.data_type == "e":
        return f"{NO_VALUE}an error"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, dt.datetime) and value < _FIRST_DAY:
        return f"{NO_VALUE}a day before 1900"
    if isinstance(value, dt.datetime) and value.date() == _TWO_DAYS:
        return f"{NO_VALUE}28 or 29 February 1900: workbooks have both, the calendar has not"
    if isinstance(value, dt.datetime):
        return value.date().isoformat() if value.time() == dt.time() else value.isoformat(" ")
    if isinstance(value, dt.timedelta):
        seconds, sign = abs(value) // dt.timedelta(seconds=1), "-" * (value < dt.timedelta())
        return f"{sign}{seconds // 3600}:{seconds // 60 % 60:02}:{seconds % 60:02}"
    if isinstance(value, int | float):
        text = f"{value:.{_DIGITS_KEPT}g}"
        if abs(value) >= 10**_DIGITS_KEPT and float(text) != value:
            return f"{NO_VALUE}a number of more digits than a workbook keeps"
        if float(value).is_integer() and "e" in text:
            text = f"{value:.0f}"
        noughts = _NOUGHTS.fullmatch(cell.number_format or "")
        return text.zfill(len(noughts[0])) if noughts else text
    return _ESCAPED.sub(lambda match: chr(int(match[1] or "5F", 16)), str(value))
