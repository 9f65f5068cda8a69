"""The office's journal: holds, removals, backups, restores and rotations, as one chained log.

It names customers by their marks only (`workbench.store.keys.marks`). The audit log has a line for
each of these too; the journal is the one that is read to work with, and it refuses a clock that
went back, by which deadlines and retention would be reckoned wrongly.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from workbench.errors import InputError
from workbench.store.logs.audit import who
from workbench.store.logs.chain import Entry, log_in
from workbench.store.logs.clocks import require_clock

FILE = "journal.sqlite"


class Journal:
    """The journal of one workspace.

    Parameters
    ----------
    folder : Path
        The workspace's private folder.
    zone : tzinfo
        In which it tells when something was.
    """

    def __init__(self, folder: Path, zone: dt.tzinfo = dt.UTC) -> None:
        self.chain = log_in(folder, "journal", zone=zone, begun=folder)

    def record(
        self,
        kind: str,
        body: Mapping[str, Any],
        *,
        now: dt.datetime,
        ref: str | None = None,
        subject: str | None = None,
    ) -> Entry:
        """Append one event with the user's name; durable when this returns.

        Raises
        ------
        InputError
            The clock is behind the last entry.
        """
        with self.chain.writing() as write:
            self._require_clock(write.last(), now)
            return write.append(kind, {"who": who(), **body}, at=now, ref=ref, subject=subject)

    def number(
        self, kind: str, prefix: str, body: Mapping[str, Any], *, now: dt.datetime
    ) -> tuple[str, Entry]:
        """Append an event of a kind whose items are numbered; return its name, such as H-0001."""
        with self.chain.writing() as write:
            self._require_clock(write.last(), now)
            name = f"{prefix}-{len(write.entries(kind)) + 1:04d}"
            return name, write.append(kind, {"who": who(), **body}, at=now, ref=name)

    def entries(self, kind: str | None = None, **match: str) -> list[Entry]:
        """Return entries in order, of one kind, ``ref`` or ``subject`` when asked."""
        return self.chain.entries(kind, **match)

    def last(self, *kinds: str) -> Entry | None:
        """Return the last entry of some kinds."""
        with self.chain.reading() as read:
            return read.last(*kinds)

    def require_clock(self, now: dt.datetime) -> None:
        """Refuse a clock that is behind the last entry, before anything is done by it.

        Raises
        ------
        InputError
            It is.
        """
        self._require_clock(self.last(), now)

    def set_clock(self, body: Mapping[str, Any], *, now: dt.datetime) -> dt.datetime | None:
        """Go on by a clock that an officer says is right; return the mark that lay after it."""
        with self.chain.writing() as write:
            last = write.last()
            if last is None or last.at <= now:
                return None
            told = {"who": who(), **body, "ahead": last.at.isoformat()}
            write.append("clock set", told, at=now)
            return last.at

    def _require_clock(self, last: Entry | None, now: dt.datetime) -> None:
        at, what = (None, "") if last is None else (last.at, f"entry {last.seq} of the journal")
        what = f"{what} ({self.chain.path})"
        require_clock(now, at, what, "Nothing is done", InputError)
