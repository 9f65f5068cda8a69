"""A quote that does not end takes its own line out of a text file, and no other.

The engine reads on to the next quote, or to the end of the file, and takes the rows between for
one. So where there is one, each such line is put as one of too many fields, which it keeps back.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Collection, Iterator
from contextlib import suppress
from pathlib import Path
from typing import IO, TYPE_CHECKING

from workbench.store.loading.rejects import LEFT_OUT
from workbench.store.loading.text_files import text_of

if TYPE_CHECKING:
    from workbench.store.loading.readers import Reading

_BLOCK = 1 << 20
_ROW_MOST = 8 * _BLOCK  # a quote that has not ended by then does not
_END = re.compile(r"\r\n|\n|\r")


def has_open_quotes(path: Path, encoding: str, delimiter: str) -> bool:
    """Return whether some quote does not end; of a file in another encoding its reader tells."""
    left_out: list[str] = []
    with path.open(encoding=encoding, errors="replace", newline="") as text:
        return any(left_out for _ in without_open_quotes(delimiter, 1, left_out, text))


def lines_of(
    path: Path, encoding: str | None, source: Reading, places: Collection[int], rows: int
) -> dict[int, int]:
    """Return on which line of a text file each of some rows begins, where that is not its place.

    The engine counts rows: values of several lines and empty lines set them apart from lines.

    Parameters
    ----------
    places : collection of int
        Of rows, the line of names and those above it counted too.
    rows : int
        How many there are, with the line of names; a file of as many lines is not read again.
    """
    above, found, lines = source.first_line - 2, dict[int, int](), len(source.unended)
    with path.open("rb") as file:
        while block := file.read(_BLOCK):
            if b"\r" in block:
                block += file.readline()
                lines += block.count(b"\r") - block.count(b"\r\n")
            lines += block.count(b"\n")
    if lines == above + rows or not places:
        return found
    with path.open(encoding=text_of(path, encoding)[0], errors="replace", newline="") as text:
        for _ in range(above):
            text.readline()
        blocks = without_open_quotes(source.delimiter, len(source.header), [], text)
        each_line = (line for block in blocks for line in io.StringIO(block, newline=""))
        read = csv.reader(
            each_line if source.left_out else text,
            delimiter=source.delimiter,
            skipinitialspace=True,
        )
        place, begins = above, above + 1
        with suppress(csv.Error):  # a value too long: from there on places stay
            for row in read:
                place += bool(row)
                if row and place in places:
                    found[place] = begins
                begins = above + 1 + read.line_num
                if place >= max(places):
                    break
    return found


def without_open_quotes(
    delimiter: str, fields: int, left_out: list[str], text: IO[str]
) -> Iterator[str]:
    r"""Yield whole rows in blocks; ``left_out`` takes the lines with such a quote.

    Examples
    --------
    >>> import io
    >>> lines = []
    >>> "".join(without_open_quotes(",", 2, lines, io.StringIO('1,"a\n2,"b\nc"\n'))), lines
    (',,\ue0000\n2,"b\nc"\n', ['1,"a'])
    """
    plain = rf'[^ "{delimiter}\r\n][^{delimiter}\r\n]*+'
    field = rf' *+(?:"(?:[^"]++|"")*+" *+|{plain})?+'  # why possessive: found in one go, or not
    rows = re.compile(rf"(?:{field}(?:{re.escape(delimiter)}{field})*+(?:\r\n|\n|\r))*+")
    kept, more = "", True
    while more:
        block = text.read(_BLOCK)
        kept, more, made, at = kept + block, bool(block), list[str](), 0
        while match := rows.match(kept, at):
            made.append(match[0])
            at = match.end()
            end = _END.search(kept, at)
            if end is None or (more and at + _ROW_MOST >= len(kept)):
                break  # it may go on in the next block
            made.append(f"{delimiter * fields}{LEFT_OUT}{len(left_out)}{end[0]}")
            left_out.append(kept[at : end.start()])
            at = end.end()
        kept = kept[at:]
        yield "".join(made)
    yield kept
