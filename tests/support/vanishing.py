"""What somebody else takes away at the very moment before it is opened or listed."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

_MOMENTS = ("open", "os.scandir", "os.listdir", "os.remove", "os.rename")
_told: list[Callable[[Path], None]] = []


def _hear(event: str, arguments: tuple[object, ...]) -> None:
    if _told and event in _MOMENTS and isinstance(arguments[0], str | os.PathLike):
        _told[-1](Path(arguments[0]))


@contextmanager
def _hearing(tell: Callable[[Path], None]) -> Iterator[None]:
    if not hasattr(sys, "_hears_of_files"):  # a hook stays for good
        sys.addaudithook(_hear)
        sys._hears_of_files = True
    _told.append(tell)
    try:
        yield
    finally:
        _told.pop()


@contextmanager
def touched() -> Iterator[list[Path]]:
    """Yield a list of every path that is opened, listed, renamed or removed meanwhile."""
    found: list[Path] = []
    with _hearing(lambda path: found.append(path)):
        yield found


@contextmanager
def vanishing(path: Path) -> Iterator[None]:
    """Take a file or folder away just before it is opened or listed for the first time."""

    def tell(here: Path) -> None:
        if here == path and path.exists():
            _told[-1] = lambda _: None  # once
            shutil.rmtree(path) if path.is_dir() else path.unlink()

    with _hearing(tell):
        yield
