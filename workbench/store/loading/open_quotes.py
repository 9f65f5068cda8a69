"""A quote that does not end takes its own line out of a text file, and no other.

The engine reads on to the next quote, or to the end of the file, and takes the rows between for
one. So where there is one, each such line is put as one of too many fields, which it keeps back.
"""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import IO

from workbench.store.loading.rejects import LEFT_OUT

_BLOCK = 1 << 20
_ROW_MOST = 8 * _BLOCK  # a quote that has not ended by then does not
_END = re.compile(r"\r\n|\n|\r")


def has_open_quotes(path: Path, encoding: str, delimiter: str) -> bool:
    """Return whether some quote does not end; of a file in another encoding its reader tells."""
    left_out: list[str] = []
    with path.open(encoding=encoding, errors="replace", newline="") as text:
        return any(left_out for _ in without_open_quotes(delimiter, 1, left_out, text))


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
