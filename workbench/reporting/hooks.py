"""Whoever is to know is told: a command or an address gets what happened, as JSON.

What is told are declared names, places and exit codes: never a figure, never a value of a row.
A hook that fails undoes nothing; it is reported.
"""

from __future__ import annotations

import json
import shlex
import subprocess
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from workbench.reporting.definition import Hooks

COMMAND_SECONDS, ADDRESS_SECONDS = 60, 20


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
            shlex.split(command),
            input=content,
            cwd=root,
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

    request = Request(  # noqa: S310  # why: a definition's webhook is http or https
        hooks.webhook, content, {"Content-Type": "application/json; charset=utf-8"}
    )
    try:
        with urlopen(request, timeout=ADDRESS_SECONDS):  # noqa: S310  # why: see above
            pass
    except (OSError, HTTPException, ValueError) as problem:
        # why no address: its path often is the secret that lets one post there
        said = getattr(problem, "code", None) or getattr(problem, "reason", None) or problem
        yield f"the webhook was not reached: {said}."
