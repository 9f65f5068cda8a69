"""Files that outlast a power cut: written whole or not at all, flushed, renamed into place."""

from __future__ import annotations

import contextlib
import errno
import os
from pathlib import Path
from typing import IO, TextIO

from workbench.errors import StorageError


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
    partial = path.with_name(f"{path.name}.{os.getpid()}.part")
    try:
        make_folder(path.parent)
        handle = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(handle, "wb") as file:
            file.write(content)
            flush(file)
        partial.replace(path)
        sync(path.parent)
    except OSError:
        with contextlib.suppress(OSError):  # why: what cannot be written may not be there at all
            partial.unlink(missing_ok=True)
        raise


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
