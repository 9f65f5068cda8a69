"""A lock on a file that orders the programs of one machine."""

from __future__ import annotations

import fcntl
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from workbench.errors import Busy, StorageError

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
