"""What is left of customers outside the tables: notebooks' outputs, kernels' logs and histories.

Archives and files of tables are searched by what they hold, as far as it is there: one that was cut
ends early.
"""

import base64
import contextlib
import io
import itertools
import json
import lzma
import os
import re
import zipfile
import zlib
from collections.abc import Callable, Collection, Iterable, Iterator
from functools import partial
from pathlib import Path
from typing import IO, Any

from workbench.documents import read_json
from workbench.lifecycle.rights.spellings import WIDE, folded_sql, forms, spelled, undivided
from workbench.store import Connection
from workbench.store.durable import files_below, remove_file, sync, write_whole
from workbench.store.quality.rules import literal, number

SHORTEST = 4  # bytes; shorter values are found in any file
_CHANCE = 6  # bytes; a shorter pattern stands by chance in what is no text
_BLOCK, _PIECE, _AROUND, _OVERLAP = 1 << 24, 1 << 12, 64, 1 << 14
# of one line or several, as notebooks and mails break it
_BASE64 = re.compile(rb"[\w+/-]{8,}(?:(?:\\r)?(?:\\n)?\r?\n? ?[\w+/-]{8,})*+")
_BASE64_LONG = 64  # signs; an archive is no shorter
_URL_SAFE = bytes.maketrans(b"-_", b"+/")
_PACKED = re.compile(rb"\x78[\x01\x5e\x9c\xda]|(?<=[\x00-\xff])\x1f\x8b\x08")  # RFC 1950, 1952
_DEEPEST = 3  # an archive in an archive in an archive
_KERNELS = re.compile(  # files is where a run's kernel stands
    r"runs/(.*/)?(files/.*|[^/]*\.log)|kernels\.log|ipython/(.*/)?(history\.sqlite[^/]*|[^/]*\.log)"
)


def clear(private: Path) -> int:
    """Take the outputs out of executed notebooks, and kernels' files, logs and histories away.

    An output or a file may hold a value in a form no search finds, inside a picture or an array in
    base64, so that all go. What the notebooks say stays, and figures are drawn from the ledger.

    Returns
    -------
    int
        How many files were changed or removed.
    """
    changed = 0
    for path in files_below(private):
        with contextlib.suppress(FileNotFoundError):  # a run has just taken it away
            of_kernel = _KERNELS.fullmatch(path.relative_to(private).as_posix())
            if of_kernel and path.stat().st_size:
                changed += 1
                if path.suffix == ".log":  # a kernel may still hold it open
                    path.write_bytes(b"")
                    sync(path)
                else:
                    remove_file(path)
            elif path.suffix == ".ipynb":
                changed += _clear_outputs(path)
    return changed


def _clear_outputs(path: Path) -> bool:
    try:
        content = read_json(path)
        cells = content["cells"]
    except (ValueError, KeyError, TypeError):  # no notebook after all, or one cut by a crash
        remove_file(path)
        return True
    full = [cell for cell in cells if cell.get("outputs")]
    if not full:
        return False
    for cell in full:
        cell["outputs"], cell["execution_count"] = [], None
    write_whole(path, (json.dumps(content, ensure_ascii=False, indent=1) + "\n").encode())
    return True


def search(
    folders: Iterable[Path], values: Iterable[str], *, leave: Collection[Path] = ()
) -> list[Path]:
    """Return the files that hold one of some values, as text of the usual encodings.

    Compressed files, base64, workbooks, files of tables (Parquet, Arrow, ORC, DuckDB) are opened
    and searched by what is in them. A pattern so short that it stands in any picture counts where
    it is within text, or beside another of the values.

    Parameters
    ----------
    leave : collection of Path
        Folders of encrypted files, whose bytes say nothing.

    Examples
    --------
    >>> search([], ["K-0001"])
    []
    """
    wanted = _Wanted({value for value in values if len(value.encode()) >= SHORTEST})
    found = []
    for path, name in _files(folders, leave) if wanted.texts else ():
        with contextlib.suppress(FileNotFoundError):  # a run has just taken it away
            if wanted.stream(io.BytesIO(os.fsencode(name)).read) or _file_holds(path, wanted):
                found.append(path)
    return found


def _files(folders: Iterable[Path], leave: Collection[Path]) -> Iterator[tuple[Path, Path]]:
    for folder in folders:
        for path in files_below(folder):
            if not any(each in path.parents for each in leave):
                yield path, path.relative_to(folder)


class _Wanted:
    """What is looked for: texts, and the bytes they may stand as."""

    def __init__(self, texts: Collection[str]) -> None:
        self.texts = texts
        self.means: dict[bytes, set[tuple[str, str]]] = {}
        for text in texts:
            for form, encoding in forms(text):
                self.means.setdefault(form.lower(), set()).add((text, encoding))
        self.longest = max(map(len, self.means), default=0)
        otherwise = [(text, *spelled(text)) for text in texts]
        self.spelled = {
            text: (undivided(guard.encode()), re.compile(pattern.encode()))
            for text, guard, pattern in otherwise
            if guard
        }

    def stream(
        self, read: Callable[[int], bytes], within: Callable[[bytes], bool] = lambda _: False
    ) -> bool:
        """Return whether the bytes of a stream hold one of the texts.

        ``within`` looks through what base64 in them says.
        """
        tail, seen, going = b"", set[str](), list[tuple[Any, bytes]]()
        while block := read(_BLOCK):
            here = tail + block
            small = here.lower()
            for place, end, meanings in self._places(small):
                if end - place >= _CHANCE:
                    return True
                if any(_is_text(here, place, end, encoding) for _, encoding in meanings):
                    return True
                seen |= {text for text, _ in meanings}
            # why two: by chance one stands in a picture, and hardly another
            if (
                len(seen) > 1
                or self._in_base64(here, within)
                or any(map(within, _unpacked(here, block, going)))
            ):
                return True
            tail = here[-2 * (self.longest + _AROUND) :]
        return False

    def _places(self, small: bytes) -> Iterator[tuple[int, int, set[tuple[str, str]]]]:
        for form, meanings in self.means.items():
            place = small.find(form)
            while place >= 0:
                yield place, place + len(form), meanings
                place = small.find(form, place + 1)
        together = undivided(small) if self.spelled else b""
        for text, (guard, pattern) in self.spelled.items():
            if guard in together:
                for found in pattern.finditer(small):
                    yield *found.span(), {(text, "utf-8")}

    def _in_base64(self, block: bytes, within: Callable[[bytes], bool]) -> bool:
        parts = [*_of_base64(block)]
        together = b"\n".join(parts).lower()  # why first: one search instead of one of each part
        if any(form in together for form in self.means):
            return any(map(within, parts))
        return any(within(part) for part in parts if len(part) >= _BASE64_LONG // 2)  # packed


def _of_base64(block: bytes) -> Iterator[bytes]:
    """Yield what base64 in some bytes says, whatever sign of it is the first of a group of four."""
    for run in {*_BASE64.findall(block)}:
        if run.isalpha() and (run[1:].islower() or run.isupper()):
            continue  # a word
        signs = re.sub(rb"\\[rn]|\s", b"", run).translate(_URL_SAFE)
        for skipped in range(1 if run.isalnum() and len(run) < _BASE64_LONG else 4):
            part = signs[skipped:]
            part = part[: len(part) - (len(part) % 4 == 1)]
            yield base64.b64decode(part + b"=" * (-len(part) % 4))


def _is_text(block: bytes, start: int, end: int, encoding: str) -> bool:
    """Return whether what is around a place can be read as text of an encoding, and as no other."""
    wide = WIDE.get(encoding, 0)
    before = block[max(0, start - _AROUND) : start]
    after = block[end : end + _AROUND]
    if wide:
        before, after = before[len(before) % wide :], after[: len(after) // wide * wide]
    else:  # within its line: a sign of several bytes does not run over its end
        before = before[before.rfind(b"\n") + 1 :]
        after = after.split(b"\n", 1)[0]
        if encoding != "utf-8" and _reads(before + block[start:end] + after, "utf-8"):
            return False
    return _reads(before, encoding) and _reads(block[start:end] + after, encoding)


def _reads(part: bytes, encoding: str) -> bool:
    for skipped in range(min(4, len(part) + 1)):  # it may begin and end within a sign
        for left in range(4):
            try:
                text = part[skipped : len(part) - left].decode(encoding)
            except UnicodeDecodeError:
                continue
            return all(sign.isprintable() or sign in "\t\r\n\ufeff\u3000\xa0" for sign in text)
    return False


def _file_holds(path: Path, wanted: _Wanted) -> bool:
    with path.open("rb") as file:
        start = file.read(12)
        file.seek(0)
        if _holds(file, wanted):
            return True
    return start[8:] == b"DUCK" and _database_holds(path, wanted)


def _holds(file: Any, wanted: _Wanted, depth: int = 0) -> bool:
    """Return whether a file holds one of the texts, in its bytes or in what they unpack to."""

    def within(content: bytes) -> bool:
        return depth < _DEEPEST and _holds(io.BytesIO(content), wanted, depth + 1)

    start = file.read(16)
    file.seek(0)
    # why as it comes: of an archive that was cut off, what there is
    if wanted.stream(getattr(file, "read1", file.read) if depth else file.read, within):
        return True
    file.seek(0)
    # why no fault: it may only begin like an archive, be cut, or be under a password
    with contextlib.suppress(*BROKEN):
        if depth < _DEEPEST and any(_holds(p, wanted, depth + 1) for p in parts(file, start)):
            return True
        return any(_batch_holds(batch, wanted) for batch in batches(file, start))
    return False


def _batch_holds(batch: Any, wanted: _Wanted) -> bool:
    import duckdb
    import pyarrow

    with duckdb.connect() as connection:
        connection.register("batch", pyarrow.Table.from_batches([batch]))
        with contextlib.suppress(duckdb.Error):  # of a type that the engine does not know
            return bool(rows_holding(connection, "batch", wanted.texts))
    return False


def _database_holds(path: Path, wanted: _Wanted) -> bool:
    """Return whether a table of a DuckDB file that no key closes holds one of the texts."""
    import duckdb

    quoted = str(path).replace("'", "''")
    with duckdb.connect() as connection:
        try:
            connection.execute(f"ATTACH '{quoted}' AS there (READ_ONLY)")
            rows = connection.execute(
                "SELECT schema_name, table_name FROM duckdb_tables() WHERE database_name = 'there'"
            ).fetchall()
            places = [f'there."{schema}"."{table}"' for schema, table in rows]
            return any(rows_holding(connection, each, wanted.texts) for each in places)
        except duckdb.Error:  # a key closes it, or it is none after all
            return False


def rows_holding(
    connection: Connection, place: str, texts: Iterable[str], columns: Iterable[str] | None = None
) -> int:
    """Return how many rows of a table, given as SQL, hold one of some texts in some columns."""
    if columns is None:
        columns = [row[0] for row in connection.execute(f"DESCRIBE FROM {place}").fetchall()]
    quoted = (each.replace('"', '""') for each in columns)
    cells = ", ".join(f'CAST("{each}" AS VARCHAR)' for each in quoted)
    asked = [f"contains(line, {folded_sql(literal(text))})" for text in sorted(texts)]
    otherwise = {pattern for guard, pattern in map(spelled, texts) if guard}
    asked += [f"regexp_matches(apart, {literal(pattern)})" for pattern in sorted(otherwise)]
    if not cells or not asked:
        return 0
    # why apart: a number does not run over into the next cell
    line, apart = (folded_sql(f"concat_ws(chr({sign}), {cells})") for sign in (10, 1))
    lines = f"SELECT {line} AS line, {apart} AS apart FROM {place}"
    return number(connection, f"SELECT count(*) FROM ({lines}) WHERE {' OR '.join(asked)}")


# what the readers raise of what only begins like an archive; those of pyarrow are some of these
BROKEN = (OSError, EOFError, ValueError, RuntimeError, NotImplementedError, zlib.error,
          lzma.LZMAError, zipfile.BadZipFile)  # fmt: skip  # why: a list


def parts(file: IO[bytes], start: bytes) -> Iterator[IO[bytes]]:
    """Yield what an archive unpacks to, from how it begins; nothing of another file."""
    import bz2
    import gzip

    openers: dict[bytes, Callable[[IO[bytes]], Any]] = {
        b"\x1f\x8b": gzip.open, b"BZh": bz2.open, b"\xfd7zXZ": lzma.open,
        b"\x28\xb5\x2f\xfd": partial(_streamed, "zstd"),
        b"\x04\x22\x4d\x18": partial(_streamed, "lz4"),
    }  # fmt: skip  # why: a table
    if start[:4] == b"PK\x03\x04":
        yield from _zipped(file)
    yield from (opener(file) for magic, opener in openers.items() if start.startswith(magic))


def _streamed(codec: str, file: IO[bytes]) -> IO[bytes]:
    import pyarrow

    with pyarrow.CompressedInputStream(file, codec) as stream:
        return _gathered(lambda: stream.read(1 << 20))


def _gathered(read: Callable[[], bytes]) -> IO[bytes]:
    made = io.BytesIO()
    with contextlib.suppress(*BROKEN):
        while block := read():
            made.write(block)
    made.seek(0)
    return made


def _zipped(file: IO[bytes]) -> Iterator[IO[bytes]]:
    try:
        with zipfile.ZipFile(file) as archive:
            for name in archive.namelist():
                with archive.open(name) as part:
                    yield part
    except zipfile.BadZipFile:  # its list of parts is at its end
        file.seek(0)
        content = file.read()
        for found in re.finditer(rb"PK\x03\x04", content):
            named, extra = (content[found.end() + n :][:2] for n in (22, 24))  # APPNOTE 4.3.7
            begin = 26 + int.from_bytes(named, "little") + int.from_bytes(extra, "little")
            yield _inflated(io.BytesIO(content[found.end() + begin :]), -zlib.MAX_WBITS)


def _unpacked(here: bytes, block: bytes, going: list[tuple[Any, bytes]]) -> Iterator[bytes]:
    """Yield what is packed by zlib anywhere in some bytes, as pictures and PDF have it.

    ``going`` keeps what goes on in the next block, with the end of what it said so far.
    """
    before = [(unpacking, said, block, 0) for unpacking, said in going]
    going.clear()
    begun = (
        (zlib.decompressobj(zlib.MAX_WBITS | 32), b"", here, found.start())  # of zlib or gzip
        for found in _PACKED.finditer(here)
    )
    for unpacking, said, packed, start in itertools.chain(before, begun):
        made = bytearray(said)
        with contextlib.suppress(zlib.error):  # what only looks so ends within its first piece
            for at in range(start, len(packed), _PIECE):
                made += unpacking.decompress(packed[at : at + _PIECE])
                if unpacking.eof:
                    break
                if len(made) > _BLOCK:
                    yield bytes(made)
                    del made[:-_OVERLAP]
            else:
                going.append((unpacking, bytes(made[-_OVERLAP:])))
        if made:
            yield bytes(made)


def _inflated(file: IO[bytes], window: int = zlib.MAX_WBITS) -> IO[bytes]:
    unpacking = zlib.decompressobj(window)
    return _gathered(lambda: unpacking.decompress(file.read(1 << 16)))


def batches(file: IO[bytes], start: bytes) -> Iterator[Any]:
    """Yield a table's batches, of Parquet, Arrow or ORC; nothing of another file."""
    if start[:4] == b"PAR1":
        from pyarrow.parquet import ParquetFile

        yield from ParquetFile(file).iter_batches()
    elif start[:6] == b"ARROW1" or start[:4] == b"\xff" * 4:
        from pyarrow import ipc

        # why a stream: a file is one between eight bytes and a list of its parts
        file.seek(8 if start[:1] == b"A" else 0)
        yield from ipc.open_stream(file)
    elif start[:3] == b"ORC":
        from pyarrow.orc import ORCFile

        found = ORCFile(file)
        yield from map(found.read_stripe, range(found.nstripes))
