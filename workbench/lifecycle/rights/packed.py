"""What archives and files of tables hold, as far as it is there: one that was cut ends early."""

from __future__ import annotations

import contextlib
import io
import lzma
import re
import zipfile
import zlib
from collections.abc import Callable, Iterator
from functools import partial
from typing import IO, Any

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
    elif start[:1] == b"\x78" and int.from_bytes(start[:2]) % 31 == 0:  # RFC 1950
        yield _inflated(file)
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
