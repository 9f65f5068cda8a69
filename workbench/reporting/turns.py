"""One run at a time in a workspace: who holds it, and who waits for whom."""

from __future__ import annotations

import contextlib
import datetime as dt
import json
import os
import time
from collections.abc import Iterator
from pathlib import Path

from workbench.documents import read_json
from workbench.errors import Busy
from workbench.reporting.desk import Tell
from workbench.store.chain import file_lock

WAIT_SECONDS = 3600.0
_PAUSE_SECONDS = 0.2


@contextlib.contextmanager
def turn(
    private: Path,
    what: str,
    now: dt.datetime,
    *,
    wait_seconds: float = WAIT_SECONDS,
    tell: Tell = lambda _: None,
) -> Iterator[None]:
    """Hold a workspace for a run; wait for the run that holds it, and say for whom.

    The lock goes with its process, however it ends.

    Parameters
    ----------
    private : Path
        The workspace's private folder.
    what : str
        What runs, for those who wait.
    now : datetime
    wait_seconds : float
        How long to wait.

    Raises
    ------
    Busy
        It was held for longer than that; names the run, its process and since when.
    """
    deadline, told = time.monotonic() + wait_seconds, ""
    with contextlib.ExitStack() as stack:
        while True:
            try:
                stack.enter_context(
                    file_lock(
                        private / "run.lock",
                        wait_seconds=0.0,
                        busy=lambda process: _holder(private, process),
                    )
                )
                break
            except Busy as busy:
                if time.monotonic() >= deadline:
                    raise Busy(
                        f"another run is at work in this workspace: {busy}. Wait until it is done; "
                        "nothing was started."
                    ) from None
                if told != str(busy):
                    told = str(busy)
                    tell(f"waiting for {told}")
                time.sleep(_PAUSE_SECONDS)
        content = {"process": os.getpid(), "what": what, "since": now.isoformat(timespec="seconds")}
        with contextlib.suppress(OSError):  # on a full disk nobody learns the name; the lock holds
            _file(private).write_text(json.dumps(content), encoding="utf-8")
        yield


def _file(private: Path) -> Path:
    return private / "run.holder.json"


def _holder(private: Path, process: str) -> str:
    """Return who holds the workspace, in words; ``process 123`` is as the lock knows it."""
    try:
        content = read_json(_file(private))
        if process == f"process {content['process']}":
            return f"{content['what']}, {process}, since {content['since']}"
    except (OSError, ValueError, KeyError, TypeError):  # it has just begun, or the disk is full
        pass
    return process
