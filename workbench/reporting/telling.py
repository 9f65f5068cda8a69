"""Whoever is to know of a run is told, and a private line is kept of each: the record of runs.

What is told are declared names, places and exit codes, and of an edition that was published what
stands on its page: headline, key figures, alerts. Never a value of a row.
A hook that fails undoes nothing; it is reported. What ``${NAME}`` in a hook stands for is read from
the environment when it is told, and is written nowhere: it often is a secret. The record is in
``logs/runs.jsonl``; a clock that shows less than it does was set back.
"""

import contextlib
import datetime as dt
import json
import os
import re
import shlex
import subprocess
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from workbench.documents import parse_json
from workbench.errors import PeriodError
from workbench.reporting.definitions.definition import Definition, Hooks
from workbench.reporting.definitions.reading import definition_paths
from workbench.store.keys.sources import without_keys
from workbench.store.logs.counted import require_clock

COMMAND_SECONDS, ADDRESS_SECONDS = 60, 20
REMIND_AFTER = dt.timedelta(days=7)
_VARIABLE = re.compile(r"\$\{(\w+)\}")
_CAUSE = ("error", "cell", "kind", "exit_code")


def tellable(
    definitions: Mapping[str, Definition], reports: Path
) -> tuple[dict[str, Definition], list[str]]:
    """Return the reports whose hooks can be told here, and what is wrong with the others."""
    paths = definition_paths(reports)
    mute = {name: _missing_variables(each.hooks) for name, each in definitions.items()}
    problems = [
        f"{paths[name]}: hooks: ${{{each}}} is not set. Set it in the environment that "
        "'workbench run' is called from, or take it out."
        for name, missing in mute.items()
        for each in missing
    ]
    return {name: each for name, each in definitions.items() if not mute[name]}, problems


def _missing_variables(hooks: Hooks) -> list[str]:
    """Return the names of variables that hooks stand on and that are not set."""
    texts = filter(None, (hooks.published, hooks.failed, hooks.webhook))
    names = dict.fromkeys(name for text in texts for name in _VARIABLE.findall(text))
    return [name for name in names if not os.environ.get(name)]


def is_news(failure: Mapping[str, Any], last: Mapping[str, Any] | None, now: dt.datetime) -> bool:
    """Return whether an edition's failure is to be told: not for the same cause again and again.

    Parameters
    ----------
    failure : mapping
        What happened now.
    last : mapping or None
        The last run of the same edition, as the record of runs has it.
    now : datetime

    Examples
    --------
    >>> monday = dt.datetime(2026, 10, 5, 7, tzinfo=dt.UTC)
    >>> cause = {"state": "failed", "error": "RunFailed", "cell": 4}
    >>> told = {**cause, "told": monday.isoformat()}
    >>> is_news(cause, told, monday), is_news({**cause, "cell": 5}, told, monday)
    (False, True)
    >>> is_news(cause, told, monday + REMIND_AFTER)
    True
    """
    if last is None or last.get("state") != "failed" or not last.get("told"):
        return True
    if any(failure.get(name) != last.get(name) for name in _CAUSE):
        return True
    since = now - dt.datetime.fromisoformat(last["told"])
    return not dt.timedelta(0) <= since < REMIND_AFTER  # told in time to come: by a wrong clock


def tell_hooks(hooks: Hooks, event: str, facts: Mapping[str, Any], root: Path) -> list[str]:
    """Tell a report's hooks; return what went wrong with them, in words.

    Parameters
    ----------
    hooks : Hooks
    event : str
        ``published`` or ``failed``.
    facts : mapping
        What happened.
    root : Path
        The workspace, where a command runs.
    """
    content = json.dumps({"event": event, **facts}, ensure_ascii=False, default=str).encode()
    return [*_command(getattr(hooks, event), event, content, root), *_address(hooks, content)]


def _command(command: str | None, event: str, content: bytes, root: Path) -> Iterator[str]:
    if command is None:
        return
    what = f"the hook '{event}' ({shlex.split(command)[0]})"
    try:
        done = subprocess.run(
            [_filled(word) for word in shlex.split(command)],
            input=content,
            cwd=root,
            env=without_keys(),
            capture_output=True,
            check=False,
            timeout=COMMAND_SECONDS,
        )
    except subprocess.TimeoutExpired:
        yield f"{what} took longer than {COMMAND_SECONDS} s and was ended."
    except OSError as problem:
        yield f"{what} did not start: {problem.strerror}."
    else:
        if done.returncode:
            yield f"{what} failed with exit code {done.returncode}."


def _address(hooks: Hooks, content: bytes) -> Iterator[str]:
    if hooks.webhook is None:
        return
    from http.client import HTTPException
    from urllib.request import Request, urlopen

    address = _filled(hooks.webhook)
    if not re.match(r"https?://[^\s/]+\S*$", address):
        yield "the webhook was not reached: with its variables it is no http or https address."
        return
    try:
        request = Request(  # noqa: S310  # why: it is http or https, see above
            address, content, {"Content-Type": "application/json; charset=utf-8"}
        )
        with urlopen(request, timeout=ADDRESS_SECONDS):  # noqa: S310  # why: see above
            pass
    except (OSError, HTTPException, ValueError) as problem:
        # why no address: its path often is the secret that lets one post there
        said = getattr(problem, "code", None) or getattr(problem, "reason", None)
        yield f"the webhook was not reached: {said or type(problem).__name__}."


def _filled(text: str) -> str:
    """Return a text with what its variables stand for."""
    return _VARIABLE.sub(lambda found: os.environ.get(found[1], ""), text)


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
    line = line.encode("utf-8", "replace").decode()  # half a letter is no text
    if not line.isprintable():  # what ends a line, or moves a cursor
        line = json.dumps(json.loads(line)).replace("\x7f", "\\u007f")
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
