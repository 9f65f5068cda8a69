"""What outlasts a register outside of it: what it held, how many entries, and when it was written.

So a lost or cut one is missed. And what remembers when it was written last refuses a clock that
shows less: deadlines, retention and budgets would be reckoned wrongly. A command under a clock that
was ahead leaves such a mark in the time to come; an officer's recorded word sets it back.
"""

import datetime as dt
import json
from abc import ABC, abstractmethod
from collections.abc import Iterable
from pathlib import Path
from typing import ClassVar, Generic, Protocol, TypeVar

from workbench.documents import read_json
from workbench.errors import StorageError, StoreMissing, WorkbenchError
from workbench.store.durable import file_lock, write_whole


class _Dated(Protocol):
    @property
    def at(self) -> str: ...


Line = TypeVar("Line", bound=_Dated)


class Counted(ABC, Generic[Line]):
    """One such file of a private folder."""

    missed: ClassVar[str]  # the entries, and what comes of it when they are lost

    def __init__(self, private: Path, name: str) -> None:
        self.path, self._private = private / name, private
        self._lock = self.path.with_suffix(".lock")

    @abstractmethod
    def _read(self, path: Path) -> list[Line]:
        """Return what a file holds, oldest first; nothing where there is none."""

    @abstractmethod
    def _write(self, lines: Iterable[Line]) -> None:
        """Write the whole file; durable."""

    def all(self) -> list[Line]:
        """Return every entry, oldest first.

        Raises
        ------
        StorageError
            There are fewer than there were.
        """
        there, count = self._read(self.path), self._known()
        if len(there) < count:
            what = (
                f"it has {len(there)} of {count} {self.missed}. A copy lies beside the backups as "
                f"{self.path.name}"
            )
            raise StorageError(lost(self.path, what))
        return there

    def lost(self) -> bool:
        """Return whether there are fewer than there were, or they cannot be opened."""
        try:
            return len(self._read(self.path)) < self._known()
        except StoreMissing:
            return True

    def begin_anew(self) -> None:
        """Let what is lost be lost; who may say so is asked before."""
        try:
            self._remember(len(self._read(self.path)))
        except StoreMissing:
            self.path.unlink()
            self._remember(0)

    def expect(self, other: Path) -> None:
        """Expect as many entries as another private folder is known to have had."""
        if count := max(self._known(), known(other, self.path.name)[0]):
            self._remember(count)

    def _merge(self, others: Iterable[Line]) -> int:
        """Add entries that are not there; return how many."""
        with file_lock(self._lock):
            there = self._read(self.path)  # a copy that is put back is merged, too
            new = [each for each in others if each not in there]
            if new:
                lines = sorted([*there, *new], key=lambda each: each.at)
                self._write(lines)
                if len(lines) > self._known():
                    self._remember(len(lines))
            return len(new)

    def _known(self) -> int:
        return known(self._private, self.path.name)[0]

    def _remember(self, count: int) -> None:
        remember(self._private, self.path.name, count)


FOLDER = "keys"


def known(private: Path, name: str) -> tuple[int, str]:
    """Return the number and hash of an entry a register held; (0, "") where nothing is known."""
    try:
        seq, hash_ = read_json(private / FOLDER / f"{name}.mark")
        return int(seq), str(hash_)
    except FileNotFoundError:
        return 0, ""
    except (OSError, ValueError, TypeError, RecursionError):
        return 0, "unreadable"


def unmarked(private: Path, name: str) -> bool:
    """Return whether the audit log has no mark though the ledger, written after it, is there."""
    if name != "audit" or (private / FOLDER / f"{name}.mark").exists():
        return False
    return (private / "ledger.sqlite").exists() and known(private, "ledger") != (0, "")


def remember(private: Path, name: str, seq: int, hash_: str = "") -> None:
    """Keep what a register holds; durable."""
    write_whole(private / FOLDER / f"{name}.mark", json.dumps([seq, hash_]).encode())


def lost(path: Path, what: str) -> str:
    """Return what to say of a register that is gone, or holds less than it held."""
    return (
        f"{path} is lost, was cut or begun anew: {what}. Put it back from a backup with 'workbench "
        "store restore'. If it is lost for good, an officer says so with 'workbench office "
        "acknowledge --reason … --role officer'. Nothing is done without it."
    )


BEGAN = dt.datetime(2026, 1, 1, tzinfo=dt.UTC)  # no workspace is older: a clock before it is wrong
CLOCK_SLACK = dt.timedelta(minutes=5)  # what clocks are set right by


def require_clock(
    now: dt.datetime, last: dt.datetime | None, what: str, nothing: str, error: type[WorkbenchError]
) -> None:
    """Refuse a clock that shows less than a mark.

    Parameters
    ----------
    last : datetime, optional
        The mark's time; nothing was marked yet when left out.
    what : str
        The mark, for the message.
    nothing : str
        What was not done.
    error : type
        What to raise.
    """
    if last is None or now >= last - CLOCK_SLACK:
        return
    raise error(
        f"this machine's clock shows {now:%Y-%m-%d %H:%M %Z}, and {what} is of "
        f"{last.astimezone(now.tzinfo):%Y-%m-%d %H:%M}: either the clock is behind now, or it was "
        "ahead then. Set the clock right. If it is right, an officer says so with 'workbench "
        "office acknowledge --clock --reason … --role officer'; what was spent stays spent. "
        f"{nothing} until then."
    )
