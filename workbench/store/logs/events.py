"""The one log of a workspace's events: who read what, and what the office did.

What stands now (holds, requests, incidents, risks, shares, reviews, quality) is folded from it by
who asks. It names customers by their marks only (`workbench.store.keys.marks`).
"""

import datetime as dt
import os
import pwd
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import Index

from workbench.errors import InputError, StorageError
from workbench.store.logs.chain import Chain, Entry, Reader, Writer
from workbench.store.logs.clocks import require_clock
from workbench.store.logs.older import take_over

FILE = "audit.sqlite"
OFFICE = "office"  # the ref of an act of the office; that of an item's, see `Register`, is its own


def who() -> str:
    """Return the operating system's name of whose process this is; the environment has no say."""
    try:
        return pwd.getpwuid(os.getuid()).pw_name
    except KeyError:  # why: a container may run under a user id without a name
        return f"uid-{os.getuid()}"


class Events(Chain):
    """The events of one workspace.

    Parameters
    ----------
    folder : Path
        The workspace's private folder.
    zone : tzinfo
        In which it tells when something was.
    """

    def __init__(self, folder: Path, zone: dt.tzinfo = dt.UTC) -> None:
        url, lock = f"sqlite:///{folder / FILE}", folder / "audit.lock"
        super().__init__(url, "audit", lock, StorageError, zone=zone, begun=folder)
        Index("ix_audit_kind", self.table.c.kind)  # holds are looked up among many reads
        self._folder, self._taken = folder, False

    def take_over(self) -> None:
        """Bring what logs of before hold into this one, where any is left."""
        if not self._taken:
            self._taken = True  # first: what is taken over is written by this log, too
            try:
                take_over(self, self._folder)
            except BaseException:
                self._taken = False
                raise

    def record(self, kind: str, body: Mapping[str, Any], *, now: dt.datetime) -> Entry:
        """Append a read, or what else is no act of the office; durable when this returns."""
        with self.writing() as write:
            return write.append(kind, {"who": who(), **body}, at=now, subject=body.get("table"))

    @contextmanager
    def acting(self, now: dt.datetime) -> Iterator[Writer]:
        """Open a write of what the office does, by a clock that did not go back.

        Raises
        ------
        InputError
            The clock is behind the last act.
        """
        with self.writing(mark=True) as write:
            self._require_clock(write, now)
            yield write

    def act(
        self, kind: str, body: Mapping[str, Any], *, now: dt.datetime, subject: str | None = None
    ) -> Entry:
        """Append what the office did; durable, and known outside the log, when this returns."""
        with self.acting(now) as write:
            return write.append(kind, {"who": who(), **body}, at=now, subject=subject, ref=OFFICE)

    def acts(self, kind: str, **match: str) -> list[Entry]:
        """Return what the office did of a kind, in order."""
        return self.entries(kind, ref=OFFICE, **match)

    def last(self, kind: str) -> Entry | None:
        """Return the last act of a kind."""
        with self.reading() as read:
            return read.last(kind, ref=OFFICE)

    def require_clock(self, now: dt.datetime) -> None:
        """Refuse a clock that is behind the last act, before anything is done by it.

        Raises
        ------
        InputError
            It is: deadlines and retention would be reckoned wrongly.
        """
        with self.reading() as read:
            self._require_clock(read, now)

    def _require_clock(self, read: Reader, now: dt.datetime) -> None:
        if last := read.last_referring():
            what = f"entry {last.seq} of the audit log ({self.path})"
            require_clock(now, last.at, what, "Nothing is done", InputError)

    def ahead(self, now: dt.datetime) -> dt.datetime | None:
        """Return when the last act was, where that lies in the time to come."""
        with self.reading() as read:
            last = read.last_referring()
        return last.at if last and last.at > now else None

    def set_clock(self, body: Mapping[str, Any], *, now: dt.datetime) -> None:
        """Go on by a clock that an officer says is right."""
        with self.writing(mark=True) as write:
            write.append("clock set", {"who": who(), **body}, at=now, ref=OFFICE)
