"""Files that outlast a power cut, written whole or not at all; locks that order programs.

Where others are at work, too, what they take away while it is listed or read is not there.
"""

import contextlib
import errno
import fcntl
import os
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from fnmatch import filter as fitting
from pathlib import Path
from typing import IO, BinaryIO, TextIO

from workbench.errors import Busy, StorageError


def write_whole(path: Path, content: bytes) -> None:
    """Replace a file durably: the old content or the new one is there, never a part; mode 0600.

    Raises
    ------
    StorageError
        It cannot be written.
    """
    try:
        replace_whole(path, content)
    except OSError as problem:
        raise StorageError(
            f"{path} cannot be written: {problem.strerror}. Make room or let this user write "
            "there, and run it again; what was there is unchanged."
        ) from None


def replace_whole(path: Path, content: bytes) -> None:
    """Replace a file as `write_whole` does, for whoever has words of their own for a disk's no."""
    # why not of the process: two of its threads may write one file
    partial = path.with_name(f"{path.name}.{threading.get_native_id()}.part")
    try:
        make_folder(path.parent)
        with private_file(partial) as file:
            file.write(content)
            flush(file)
        partial.replace(path)
        sync(path.parent)
    except OSError:
        with contextlib.suppress(OSError):  # why: what cannot be written may not be there at all
            partial.unlink(missing_ok=True)
        raise


def private_file(path: Path) -> BinaryIO:
    """Open a file to be written anew, mode 0600 where it is made."""
    return os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb")


def new_file(path: Path) -> TextIO:
    """Open a file that is not there yet, mode 0600, for text whose line ends stay as written."""
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    return os.fdopen(handle, "w", encoding="utf-8", newline="")


def make_folder(folder: Path) -> None:
    """Make a folder where none is, mode 0700, and have its name stay."""
    new = [each for each in (folder, *folder.parents) if not each.exists()]
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    for each in new:
        sync(each.parent)


def remove_file(path: Path) -> None:
    """Remove a file, and have it stay away."""
    path.unlink()
    sync(path.parent)


def refusal(problem: OSError) -> str:
    """Return what a disk's no means, in words that go on with what to do."""
    full = problem.errno in (errno.ENOSPC, errno.EDQUOT)
    return "the disk is full" if full else f"it cannot be written ({problem.strerror})"


def flush(file: IO[bytes]) -> None:
    """Make durable what was written to an open file so far."""
    file.flush()
    os.fsync(file.fileno())


def sync(path: Path) -> None:
    """Make what was written to a file durable, or the renames and removals in a folder."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def files_below(folder: Path, name: str = "*") -> list[Path]:
    """Return the files below a folder whose names fit a pattern, in order.

    Not by ``Path.rglob``: before Python 3.13 it fails when a folder goes while it lists.
    """
    walked = ((place, fitting(names, name)) for place, _, names in os.walk(folder))
    found = (Path(place, each) for place, names in walked for each in names)
    return sorted(path for path in found if path.is_file())


def content_of(path: Path) -> bytes | None:
    """Return what a file holds; None where there is none, or none any more."""
    try:
        return path.read_bytes()
    except (FileNotFoundError, NotADirectoryError):
        return None


LOCK_WAIT_SECONDS = 30.0


@contextmanager
def file_lock(
    path: Path,
    error: type[StorageError] = StorageError,
    *,
    wait_seconds: float = LOCK_WAIT_SECONDS,
    busy: Callable[[str], str] | None = None,
) -> Iterator[None]:
    """Hold an exclusive lock on a file; the lock goes with the process, however it ends.

    Raises
    ------
    Busy
        Another process held it for longer than ``wait_seconds``; names that process.
    """
    deadline = time.monotonic() + wait_seconds
    handle = _open_lock(path, error)
    # why a second lock: who gives the first one back and wants it again at once would get it before
    # any sleeper wakes; so all but one wait at the turnstile, and he who returns waits there too
    turnstile = _open_lock(path.with_name(f"{path.name}.turn"), error) if wait_seconds else None
    try:
        free = turnstile is None or _locked(turnstile, deadline, pause_seconds=0.005)
        free = free and _locked(handle, deadline, pause_seconds=0.001)
        if turnstile is not None:
            fcntl.flock(turnstile, fcntl.LOCK_UN)
        if not free:
            holder = os.pread(handle, 200, 0).decode(errors="replace").strip() or "unknown"
            told = busy(holder) if busy else f"{path} is held by {holder}. Try again later."
            raise Busy(told) from None
        with suppress(OSError):  # why: on a full disk the name is missing, the lock is not
            # why padded: cutting the file to its length would wait for the disk at every lock
            os.pwrite(handle, f"process {os.getpid():<20}".encode(), 0)
        yield
    finally:
        for each in filter(None, (handle, turnstile)):
            # why: a child forked meanwhile shares the lock, and closing our end would keep it
            fcntl.flock(each, fcntl.LOCK_UN)
            os.close(each)


def _open_lock(path: Path, error: type[StorageError]) -> int:
    try:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        return os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as problem:
        raise error(f"{path} cannot be opened for writing: {problem.strerror}.") from None


def _locked(handle: int, deadline: float, pause_seconds: float) -> bool:
    """Wait for an exclusive lock; return whether it was free before the deadline."""
    while True:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() >= deadline:
                return False
            time.sleep(pause_seconds)
        else:
            return True
