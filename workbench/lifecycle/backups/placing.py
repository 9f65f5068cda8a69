"""Folders beside the private one that a restore, or a test of one, fills, places and removes."""

import glob
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from workbench.store.durable import file_lock, remove_file, sync

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
