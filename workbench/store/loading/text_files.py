"""Text files: their encoding, their line of column names, their lines, and pipes to the engine."""

from __future__ import annotations

import codecs
import csv
import hashlib
import os
import re
import stat
import tempfile
import threading
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO

from workbench.catalog import Table
from workbench.errors import SourceError

_BLOCK_BYTES = 1 << 18  # small enough to stay in the processor's cache
LINE_BYTES_MOST = 2_000_000  # a longer line is no row
_LINE_BYTES_CUT = 8_000_000  # without the end of a line; shorter lines the engine keeps back
_LOOKED_BYTES = 1_000_000  # of a file, when an error asks which encoding it may be
# two common signs or more beside each other, as words have them: of Latin letters with accents,
# which decode as Chinese with the letter behind, few stand so
_WORDS = {
    "euc_kr": re.compile(rb"(?:[\xb0-\xc8][\xa1-\xfe]){2,}"),
    "gb18030": re.compile(rb"(?:[\xb0-\xd7][\xa1-\xfe]){2,}"),
    "cp932": re.compile(
        rb"(?:\x82[\x9f-\xf1]|\x83[\x40-\x96]|[\x88-\x97][\x40-\x7e\x80-\xfc]){2,}"
    ),
    "euc_jp": re.compile(rb"(?:[\xa4\xa5\xb0-\xcf][\xa1-\xfe]){2,}"),
    "big5": re.compile(rb"(?:[\xa4-\xc6][\x40-\x7e\xa1-\xfe]){2,}"),
    "cp1251": re.compile(rb"[\xa8\xb8\xc0-\xff]{3,}"),
}
_KANA = re.compile(rb"(?:[\xa4\xa5][\xa1-\xfe]){3,}")  # else it may be Chinese, sign by sign
_HIGH = re.compile(rb"[\x80-\xff]")
_ENOUGH = 40  # signs; of fewer, Chinese may be in that part of them which Korean has
# of one byte a sign: which of them a text is in, its bytes do not say
LATIN = ("cp1252", "cp1250", "cp1254", "cp1257")
OTHER_LETTERS = ("cp1251", "cp1253", "cp1255", "cp1256")
UNLIKELY = ("cp850", "latin-1")
TITLE_LINES = 20  # before the column names, at most
_QUOTED = re.compile(rb'"[^"]*"')
_ENDS = re.compile(rb"\r\n|\n|\r")
_MARKS = {
    codecs.BOM_UTF8: "utf-8-sig",
    codecs.BOM_UTF32_LE: "utf-32",  # before UTF-16, whose mark it begins with
    codecs.BOM_UTF16_LE: "utf-16",
    codecs.BOM_UTF16_BE: "utf-16",
}


@contextmanager
def named_plainly(path: Path) -> Iterator[Path]:
    """Yield a name of the file that the engine takes for no pattern, and reads no column from."""
    if not set("*?[\\=") & set(str(path)):
        yield path
        return
    with tempfile.TemporaryDirectory(prefix="workbench-name-") as folder:
        link = Path(folder) / f"file{path.suffix.lower()}"
        link.symlink_to(path.absolute())
        yield link


def text_of(path: Path, encoding: str | None) -> tuple[str, bool]:
    """Return a text file's encoding, and whether its last line has no end.

    Raises
    ------
    SourceError
        It is UTF-16 and nothing says so.
    """
    with path.open("rb") as file:
        begin = file.read(4)
        cut = _ends_within_a_line(file)
    marked = next((each for mark, each in _MARKS.items() if begin.startswith(mark)), None)
    if encoding is None and marked is None and b"\0" in begin:
        raise SourceError(
            f"{path} is {unmarked(begin)[:6].upper()} text without a mark at its beginning. Name "
            f"it with --encoding {unmarked(begin)}; nothing was taken in."
        )
    return codecs.lookup(encoding or marked or "utf-8-sig").name, cut


def unmarked(begin: bytes) -> str:
    """Return which encoding a text is in whose first four bytes hold noughts and no mark."""
    width = "32" if begin.count(b"\0") == 3 else "16"
    return f"utf-{width}-" + ("be" if begin.startswith(b"\0") else "le")


def _ends_within_a_line(file: IO[bytes]) -> bool:
    file.seek(0, os.SEEK_END)
    file.seek(max(0, file.tell() - 2))
    return not file.read().rstrip(b"\0").endswith((b"\n", b"\r"))


def first_line(path: Path, encoding: str, table: Table) -> tuple[list[str], str, int]:
    """Return the column names a CSV file has, what separates them, and the lines above them."""
    try:
        with path.open(encoding=encoding, newline="") as file:
            # why newline="": a line of it also ends in \r alone
            lines = [file.readline(LINE_BYTES_MOST + 1) for _ in range(TITLE_LINES)]
    except UnicodeError:
        raise wrong_encoding(path, encoding) from None
    first = lines[0]
    if len(first) > LINE_BYTES_MOST:
        raise SourceError(
            f"{path} starts with a line of more than {LINE_BYTES_MOST:,} bytes, which is no line "
            "of column names. Check how it was exported; nothing was taken in."
        )
    for above, line in enumerate(lines):  # a title, or 'sep=;', may stand above
        names, delimiter = fields_of(line)
        if names_all(names, table):
            if any(each.count('"') % 2 for each in lines[:above]):
                raise SourceError(
                    f"{path} has a quote above its column names that does not end on its line. "
                    "Take the title away; nothing was taken in."
                )
            return names, delimiter, above
    if not first.strip():
        raise SourceError(f"{path} is empty or does not start with a line of column names.")
    require_whole(path, first)
    names, delimiter = fields_of(first)
    known = table.file_columns
    if len(names) == 1 < len(known) and all(each in first for each in known):
        raise SourceError(
            f"{path} has its column names, and neither , nor ; | or a tab between them. Export it "
            "anew with one of these; nothing was taken in."
        )
    if "" in names or len(set(names)) < len(names):
        raise SourceError(
            f"{path} does not start with a line of column names, each there once. Export it anew."
        )
    return names, delimiter, 0


def require_whole(path: Path, line: str) -> None:
    """Refuse a line of column names that goes on in the next one."""
    if line.count('"') % 2:
        raise SourceError(
            f"{path} has a column name on two lines, or a quote among its column names that does "
            "not end. Write each name on one line; nothing was taken in."
        )


def names_all(names: Sequence[str], table: Table) -> bool:
    """Whether these are a table's columns, each once."""
    known = {each: c for c, d in table.file_columns.items() for each in (c, d.header or c)}
    found = [known.get(name) for name in names]
    return len(found) == len(table.file_columns) and set(found) == set(table.file_columns)


def fields_of(line: str) -> tuple[list[str], str]:
    """Return the names on a line, without what a separator at its end leaves open."""
    line = line.rstrip("\r\n")
    delimiter = max(",;\t|", key=line.count)
    names = next(csv.reader([line], delimiter=delimiter), [""])
    while len(names) > 1 and not names[-1]:
        names.pop()
    return names, delimiter


def read_through(path: Path) -> tuple[str, bool]:
    """Read a file once; return its SHA-256, and whether it may have quotes.

    Raises
    ------
    SourceError
        It cannot be read; or a line of a CSV file is so long that the engine would leave it out
        without a word.
    """
    digest, block, since, quoted = hashlib.sha256(), bytearray(_BLOCK_BYTES), 0, False
    try:
        if not stat.S_ISREG(mode := path.stat().st_mode) and not stat.S_ISDIR(mode):
            raise SourceError(
                f"{path} is a pipe or a device, which is read once or never ends. Write what it "
                "gives into a file; nothing was taken in."
            )
        with path.open("rb", buffering=0) as file:
            while size := file.readinto(block):
                digest.update(memoryview(block)[:size])
                quoted = quoted or block.find(b'"', 0, size) >= 0
                ends = block.find(b"\n", 0, size) >= 0 or block.find(b"\r", 0, size) >= 0
                since = 0 if ends else since + size
                if since >= _LINE_BYTES_CUT and path.suffix.lower() == ".csv":
                    raise _endless(path, file.tell() - since)
    except OSError as problem:
        raise SourceError(
            f"the source file {path} cannot be read: {problem.strerror}. Check the name; nothing "
            "was taken in. For 'workbench init', put it there or correct 'source' in the catalog."
        ) from None
    return digest.hexdigest(), quoted


def _endless(path: Path, before: int) -> SourceError:
    ends: Counter[bytes] = Counter()
    with path.open("rb") as file:
        while file.tell() < before:
            block = file.read(min(_BLOCK_BYTES, before - file.tell()))
            ends.update({each: block.count(each) for each in (b"\n", b"\r")})
    line, most = 1 + max(ends.values(), default=0), _LINE_BYTES_CUT // 1_000_000
    return SourceError(
        f"line {line:,} of {path} is longer than {most} MB, which is no row: a quote that does not "
        "end, or another kind of file. Nothing was taken in."
    )


def wrong_encoding(path: Path, encoding: str) -> SourceError:
    """Return the error of a file that is in another encoding: where, and what would fit."""
    with path.open("rb") as file:
        start = file.read(_LOOKED_BYTES)
    line, bad = 1, list[int]()
    with path.open(encoding=encoding, newline="") as text, suppress(UnicodeError):
        while block := text.read(1 << 16):
            line += block.count("\n")
    # why again from its block on: a decoder tells of a block, not of a line
    with path.open(encoding=encoding, errors="replace", newline="") as text, suppress(UnicodeError):
        bad = [n for n, each in enumerate(text, 1) if n >= line and "\ufffd" in each][:1]
    fits = [each for each in ("utf-8", *likely(start), "utf-16") if _decodes(start, each)]
    fits = [each for each in fits if codecs.lookup(each).name != encoding.removesuffix("-sig")]
    told = encoding.removesuffix("-sig")
    where = f" (line {bad[0]:,})" if bad else ""
    read = start.decode(encoding, "replace")
    signs = sum(not sign.isascii() or "16" in told or "32" in told for sign in read)
    if not fits and read.count("\ufffd") * 2 < signs:
        return SourceError(
            f"{path} is not {told} text{where}, though all else of it is: it is cut there, or a "
            "part of another file was put in. Mend that line; nothing was taken in."
        )
    # why latin-1 too: every file reads as that
    others = [each for each in ("cp1252", "latin-1") if codecs.lookup(each).name != encoding]
    fits += [each for each in others if _decodes(start, each)]
    hint = (
        f" It could be {' or '.join(fits)}: name with --encoding the one it was exported in, or in "
        "the catalog with source_format:."
        if fits
        else ""
    )
    return SourceError(f"{path} is not {told} text{where}.{hint} Nothing was taken in.")


def likely(start: bytes) -> list[str]:
    """Return which encodings a text that is not UTF-8 may be in, by its common words; best first.

    Examples
    --------
    >>> [likely(text.encode(name))[0] for text, name in [("张三", "gbk"), ("山田", "cp932")]]
    ['gb18030', 'cp932']
    """
    high, share = len(_HIGH.findall(start)) or 1, {}
    for name, words in _WORDS.items():
        share[name] = sum(len(_HIGH.findall(run)) for run in words.findall(start)) / high
    share["euc_jp"] *= bool(_KANA.search(start))
    few = has_few_signs(start)
    ordered = sorted(share, key=lambda each: (-round(share[each], 2), few and each == "euc_kr"))
    return [name for name in ordered if share[name] > 0.5 and _decodes(start, name)]


def has_few_signs(start: bytes) -> bool:
    """Whether a text has too few signs of two bytes to tell Chinese and Korean apart."""
    return len({*re.findall(rb"[\xa1-\xfe]{2}", start)}) < _ENOUGH


def _decodes(start: bytes, encoding: str) -> bool:
    """Whether the start of a file is text of an encoding; of UTF-16, which most is, of words."""
    try:
        text = codecs.getincrementaldecoder(encoding)().decode(start)
    except UnicodeError:
        return False
    return encoding != "utf-16" or text.isprintable()


def two_ends_of_lines(path: Path) -> str:
    """Return what to say of a text file whose lines end in two ways; empty where they do not."""
    names, found = {b"\r\n": "CR LF", b"\n": "LF", b"\r": "CR"}, dict[str, None]()
    with path.open("rb") as file:
        while len(found) < 2 and (block := file.read(_LOOKED_BYTES)):
            block += file.readline(LINE_BYTES_MOST)  # ends are two bytes, or one
            found |= {names[end]: None for end in _ENDS.findall(_QUOTED.sub(b"", block))}
    if len(found) < 2:
        return ""
    return f"{path} mixes ends of lines ({', '.join(found)}). Export it anew with one of them."


@contextmanager
def as_utf8(
    path: Path,
    encoding: str,
    unended: list[tuple[int, str]] | None,
    rows: Callable[[IO[str]], Iterator[str]] | None = None,
) -> Iterator[Path]:
    """Yield a place the engine reads UTF-8 from: the file itself, or a pipe; never another file.

    ``unended`` takes a last line without an end, which is not handed on; ``rows`` makes the text in
    blocks.
    """
    if encoding in ("utf-8", "utf-8-sig", "ascii") and unended is None and rows is None:
        with named_plainly(path) as place:
            yield place
        return

    def feed(out: IO[bytes]) -> None:
        kept, ends = "", Counter[str]()
        with path.open(encoding=encoding, newline="") as text:
            for block in rows(text) if rows else iter(lambda: text.read(1 << 20), ""):
                block = kept + block
                whole = len(block)
                if unended is not None:
                    whole = max(block.rfind("\n"), block.rfind("\r")) + 1
                ends.update({each: block.count(each, 0, whole) for each in "\r\n"})
                kept = block[whole:]
                out.write(block[:whole].encode())
        if kept and unended is not None:
            unended.append((1 + max(ends.values()), kept))

    try:
        with pipe_of(feed) as place:
            yield place
    except UnicodeError:
        raise wrong_encoding(path, encoding) from None


@contextmanager
def pipe_of(feed: Callable[[IO[bytes]], None]) -> Iterator[Path]:
    """Yield the reading end of what ``feed`` writes; raise what it raised."""
    failed: list[Exception] = []
    with tempfile.TemporaryDirectory(prefix="workbench-pipe-") as folder:
        pipe = Path(folder) / "utf-8"
        os.mkfifo(pipe, 0o600)

        def run() -> None:
            try:
                with pipe.open("wb") as out:
                    feed(out)
            except BrokenPipeError:  # the engine stopped reading, and says why itself
                return
            except Exception as problem:  # noqa: BLE001  # why: raised below, in the caller's thread
                failed.append(problem)

        feeder = threading.Thread(target=run, daemon=True)
        feeder.start()
        try:
            yield pipe
        finally:
            # why: a feeder whose pipe nobody opened waits for a reader forever
            with suppress(OSError):
                os.close(os.open(pipe, os.O_RDONLY | os.O_NONBLOCK))
            feeder.join()
        if failed:
            raise failed[0]
