"""The record of runs: one private line each, in ``logs/runs.jsonl``; and the clock it shows."""

from __future__ import annotations

import contextlib
import datetime as dt
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from workbench.documents import parse_json
from workbench.errors import PeriodError
from workbench.store.clocks import require_clock

_TAIL_BYTES = 20_000
# a line that a full disk or a kill cut off, or that somebody else wrote
_ODD = (ValueError, KeyError, TypeError, RecursionError)


def runs_file(private: Path) -> Path:
    """Return the file of the record."""
    return private / "logs" / "runs.jsonl"


def note(private: Path, now: dt.datetime, facts: Mapping[str, Any]) -> None:
    """Add a run to the record; what it says is for operators and names no customer."""
    content = {"at": now.isoformat(), **facts}
    line = json.dumps(content, ensure_ascii=False, default=str)
    if not line.isprintable():  # what ends a line, moves a cursor, or is half a letter
        line = json.dumps(content, default=str).replace("\x7f", "\\u007f")
    with contextlib.suppress(OSError):  # a full disk is told by what failed on it
        runs_file(private).parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        with runs_file(private).open("a", encoding="utf-8") as file:
            file.write(line + "\n")


def last_of(private: Path, edition: Mapping[str, Any]) -> dict[str, Any] | None:
    """Return the last line about an edition: about the same report, period and variant."""
    try:
        lines = runs_file(private).read_text(encoding="utf-8", errors="replace").split("\n")
    except OSError:
        return None
    for line in reversed(lines):
        with contextlib.suppress(*_ODD):
            found = parse_json(line)
            if isinstance(found, dict) and edition.items() <= found.items():
                return found
    return None


def last_run(private: Path) -> dt.datetime | None:
    """Return when the last run of the record was."""
    try:
        with runs_file(private).open("rb") as file:
            size = file.seek(0, 2)
            file.seek(max(0, size - _TAIL_BYTES))
            lines = file.read().decode("utf-8", "replace").split("\n")
    except OSError:
        return None
    for line in reversed(lines):
        try:
            at = dt.datetime.fromisoformat(parse_json(line)["at"])
            return at if at.tzinfo else at.replace(tzinfo=dt.UTC)
        except _ODD:
            continue
    return None


def require_running_clock(private: Path, now: dt.datetime) -> None:
    """Refuse to tell what is due by a clock that shows less than it did.

    Raises
    ------
    PeriodError
        It was set back.
    """
    what = f"the last run ({runs_file(private)})"
    nothing = "A report named with its --period runs; what is due cannot be told"
    require_clock(now, last_run(private), what, nothing, PeriodError)


def set_clock(private: Path, now: dt.datetime, word: Mapping[str, Any]) -> dt.datetime | None:
    """Go on by a clock that an officer says is right; return the mark that lay after it."""
    last = last_run(private)
    if last is None or last <= now:
        return None
    note(private, now, {"clock set": {**word, "ahead": last.isoformat()}})
    return last
