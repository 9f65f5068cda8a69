"""Where engines spill: a folder a process and one a engine in it, emptied when either ends.

An engine names its files alike in every process, so two in one folder would write into each
other's. A process holds a lock on its folder; one whose lock is free belonged to a process that was
killed.
"""

import atexit
import fcntl
import itertools
import os
import shutil
import tempfile
from contextlib import suppress
from pathlib import Path

from workbench.errors import StorageError
from workbench.store.durable import file_lock

_PREFIX, _LOCK = "spill-", "lock"
_mine: dict[tuple[int, Path], tuple[Path, int]] = {}  # by process: a fork has folders of its own
_numbers = itertools.count(1)


def spill_folder(temp: Path) -> Path:
    """Return a folder for one engine of this process; what dead processes left goes first."""
    known = _mine.get((os.getpid(), temp))
    if known is None or not known[0].exists():  # a restore may have put another in its place
        try:
            with file_lock(temp / "spill.lock"):
                _clear(temp)
                folder = Path(tempfile.mkdtemp(prefix=_PREFIX, dir=temp))
                (folder / _LOCK).touch(mode=0o600)
                handle = os.open(folder / _LOCK, os.O_RDONLY | os.O_CLOEXEC)
                fcntl.flock(handle, fcntl.LOCK_EX)
        except (OSError, StorageError):  # nothing can be written: it fails if it must spill
            return temp / f"nowhere-{os.getpid()}"
        known = _mine[os.getpid(), temp] = folder, handle
    return known[0] / str(next(_numbers))  # the engine makes it when it spills, and removes it


def _clear(temp: Path) -> None:
    for path in temp.glob(f"{_PREFIX}*/{_LOCK}"):
        # its process has just ended and taken it away, or it lives
        with suppress(FileNotFoundError, BlockingIOError), path.open("rb") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            shutil.rmtree(path.parent, ignore_errors=True)


@atexit.register
def _end() -> None:
    for (process, _), (folder, _) in list(_mine.items()):
        if process == os.getpid():
            shutil.rmtree(folder, ignore_errors=True)
