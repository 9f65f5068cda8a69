"""Whoever is to know is told: a command or an address gets what happened, as JSON.

What is told are declared names, places and exit codes: never a figure, never a value of a row.
A hook that fails undoes nothing; it is reported. What ``${NAME}`` in a hook stands for is read from
the environment when it is told, and is written nowhere: it often is a secret.
"""

from __future__ import annotations

import datetime as dt
import json
import os
import re
import shlex
import subprocess
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from workbench.reporting.definition import Hooks
from workbench.store.key_sources import without_keys

COMMAND_SECONDS, ADDRESS_SECONDS = 60, 20
REMIND_AFTER = dt.timedelta(days=7)
_VARIABLE = re.compile(r"\$\{(\w+)\}")
_CAUSE = ("error", "cell", "kind", "exit_code")


def missing_variables(hooks: Hooks) -> tuple[str, ...]:
    """Return the names of variables that hooks stand on and that are not set."""
    texts = filter(None, (hooks.published, hooks.failed, hooks.webhook))
    names = dict.fromkeys(name for text in texts for name in _VARIABLE.findall(text))
    return tuple(name for name in names if not os.environ.get(name))


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
