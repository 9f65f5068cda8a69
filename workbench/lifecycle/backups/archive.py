"""A backup's container, and the folders beside the private one that a restore fills and places.

A container is a stream, encrypted in blocks, each of which is told from any other: AES-256-GCM in
the STREAM construction (Hoang, Reyhanitabar, Rogaway & Vizár 2015). Every block's nonce holds its
number and whether it is the last. So a block that was changed, moved or left out, and an end that
was cut off, show, and where.
"""

import glob
import hashlib
import json
import secrets
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, Any

from workbench.documents import parse_json
from workbench.errors import StorageError, StoreMissing
from workbench.store.durable import file_lock, remove_file, sync
from workbench.store.keys.sources import fingerprint

_MAGIC = b"workbench backup 1\n"
_BLOCK_BYTES = 1 << 20
_TAG_BYTES = 16


def _cipher(master: bytes, header: bytes) -> Any:
    """Return what encrypts and opens the blocks of one backup."""
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM
    from cryptography.hazmat.primitives.hashes import SHA256
    from cryptography.hazmat.primitives.kdf.hkdf import HKDF

    salt = bytes.fromhex(parse_json(header)["salt"])
    return AESGCM(HKDF(SHA256(), 32, salt=salt, info=b"workbench backup").derive(master))


def _nonce(number: int, last: bool) -> bytes:
    return number.to_bytes(11, "big") + bytes([last])


class ArchiveWriter:
    """A file to write a backup's content to; `finish` ends it.

    Parameters
    ----------
    file : binary file
    master : bytes
    facts : mapping
        Readable without the key: when it was made and by which version.
    """

    def __init__(self, file: IO[bytes], master: bytes, facts: Mapping[str, Any]) -> None:
        content = {**facts, "key": fingerprint(master), "salt": secrets.token_hex(16)}
        self._header = header = json.dumps(content, sort_keys=True).encode()
        self._file, self._number, self._held = file, 0, bytearray()
        self._hash, self._cipher = hashlib.sha256(), _cipher(master, header)
        self._put(_MAGIC + len(header).to_bytes(4, "big") + header)

    def write(self, content: bytes) -> int:
        """Take some content; whole blocks of it go to the file."""
        self._held += content
        while len(self._held) > _BLOCK_BYTES:  # why not at equal: the last block is never empty
            self._block(bytes(self._held[:_BLOCK_BYTES]), last=False)
            del self._held[:_BLOCK_BYTES]
        return len(content)

    def finish(self) -> str:
        """Write the last block; return the SHA-256 of the file."""
        self._block(bytes(self._held), last=True)
        return self._hash.hexdigest()

    def _block(self, content: bytes, *, last: bool) -> None:
        self._put(self._cipher.encrypt(_nonce(self._number, last), content, self._header))
        self._number += 1

    def _put(self, content: bytes) -> None:
        self._hash.update(content)
        self._file.write(content)


def read_header(path: Path) -> dict[str, Any]:
    """Return what a backup says of itself without its key.

    Raises
    ------
    StorageError
        It is no backup, or cannot be read.
    """
    try:
        with path.open("rb") as file:
            return _header(file, path)[0]
    except FileNotFoundError:
        raise StorageError(
            f"there is no backup at {path}. Name the file that 'workbench store backup' wrote."
        ) from None
    except OSError as problem:
        raise StorageError(f"the backup {path} cannot be read: {problem.strerror}.") from None


def _header(file: IO[bytes], path: Path) -> tuple[dict[str, Any], bytes]:
    begin = file.read(len(_MAGIC) + 4)
    size = int.from_bytes(begin[len(_MAGIC) :], "big")
    text = file.read(size) if begin.startswith(_MAGIC) and size < 1 << 16 else b""
    try:
        content: dict[str, Any] = parse_json(text)
        bytes.fromhex(content["salt"])
        return content, text
    except (ValueError, KeyError, TypeError):
        raise StorageError(
            f"{path} is not a backup of workbench, or its beginning is corrupted. Take another one."
        ) from None


class ArchiveReader:
    """A backup's content as a file to read; refuses whatever is not exactly what was written."""

    def __init__(self, file: IO[bytes], path: Path, master: bytes) -> None:
        content, self._header = _header(file, path)
        if content["key"] != fingerprint(master):
            raise StoreMissing(
                f"{path} was made with the key {content['key']}, and the key here is "
                f"{fingerprint(master)}. Give the right one with --key-file; nothing was changed."
            )
        self._file, self._path, self._number = file, path, 0
        self._cipher = _cipher(master, self._header)
        self._held, self._ended = b"", False
        self._next = file.read(_BLOCK_BYTES + _TAG_BYTES)

    def read(self, size: int = -1) -> bytes:
        """Return the next bytes; fewer at the end."""
        while not self._ended and (size < 0 or len(self._held) < size):
            self._held += self._block()
        cut = len(self._held) if size < 0 else size
        found, self._held = self._held[:cut], self._held[cut:]
        return found

    def _block(self) -> bytes:
        from cryptography.exceptions import InvalidTag

        sealed, self._next = self._next, self._file.read(_BLOCK_BYTES + _TAG_BYTES)
        last = not self._next
        try:
            content: bytes = self._cipher.decrypt(_nonce(self._number, last), sealed, self._header)
        except InvalidTag:
            start = self._number * (_BLOCK_BYTES + _TAG_BYTES)
            at = f"block {self._number + 1} (from byte {start:,} after its header)"
            cut = last  # the last there is, and not the last there was
            what = "is cut off or corrupted at its end, in" if cut else "is corrupted in"
            raise StorageError(
                f"the backup {self._path} {what} {at}. Nothing was restored; take another one."
            ) from None
        self._number += 1
        self._ended = last
        return content


READY = "restored.ready"


def remove(folder: Path) -> None:
    """Remove a folder that a restore made, for good."""
    while folder.exists():
        with suppress(FileNotFoundError):  # somebody else removes it too
            shutil.rmtree(folder)
            sync(folder.parent)


def swap(private: Path) -> None:
    """Put what was restored in a private folder's place; cut off in between, see `finish_swap`."""
    old = private.with_name(f"{private.name}.replaced")
    remove(old)
    private.rename(old)
    finish_swap(private)


def finish_swap(private: Path) -> None:
    """End a restore that was being put in place; does nothing where none was."""
    beside = private.with_name(f"{private.name}.restoring")
    if not private.exists() and (beside / READY).exists():
        beside.rename(private)
        sync(private.parent)
    if (private / READY).exists():
        remove(private.with_name(f"{private.name}.replaced"))
        remove_file(private / READY)


@contextmanager
def tested_in(private: Path) -> Iterator[Path]:
    """Yield a folder to restore into for a test, one at a time; it goes with its block."""
    with file_lock(private / "test.lock", busy=_busy):
        _remove_tests(private)
        place = Path(tempfile.mkdtemp(prefix=f"{private.name}.test-", dir=private.parent))
        try:
            yield place
        finally:
            remove(place)


def remove_leftovers(private: Path) -> None:
    """Remove what restores that were cut off have left of rows; no restore is under way.

    Raises
    ------
    Busy
        A backup is being tested, and holds what may have to go.
    """
    finish_swap(private)
    for name in ("restoring", "restoring.unpacked", "replaced"):
        remove(private.with_name(f"{private.name}.{name}"))
    with file_lock(private / "test.lock", busy=_busy):
        _remove_tests(private)


def _remove_tests(private: Path) -> None:
    for folder in private.parent.glob(f"{glob.escape(private.name)}.test-*"):
        remove(folder)


def _busy(holder: str) -> str:
    return (
        f"a backup is being tested ({holder}), restored beside the workspace. Wait until that is "
        "done; nothing was changed."
    )
