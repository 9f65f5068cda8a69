"""Who read what, for which purpose, and what was refused: an append-only chained log."""

from __future__ import annotations

import datetime as dt
import os
import pwd
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from workbench.store.logs.chain import Entry, log_in

NOTED = "journal"  # in the body of what the journal has too: number and hash of its entry there


def who() -> str:
    """Return the operating system's name of whose process this is; the environment has no say."""
    try:
        return pwd.getpwuid(os.getuid()).pw_name
    except KeyError:  # why: a container may run under a user id without a name
        return f"uid-{os.getuid()}"


class Audit:
    """The audit log of one workspace.

    Parameters
    ----------
    folder : Path
        The workspace's private folder.
    zone : tzinfo
        In which it tells when something was.
    """

    def __init__(self, folder: Path, zone: dt.tzinfo = dt.UTC) -> None:
        self.chain = log_in(folder, "audit", zone=zone, begun=folder)

    def head(self) -> tuple[int, str]:
        """Return (number, hash) of the last entry, by which a log that was cut is recognised."""
        return self.chain.head()

    def record(self, kind: str, body: Mapping[str, Any], *, now: dt.datetime) -> Entry:
        """Append one event with the user's name; durable when this returns."""
        with self.chain.writing() as write:
            return write.append(kind, {"who": who(), **body}, at=now, subject=body.get("table"))
