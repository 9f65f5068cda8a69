"""What commands share: options, the workspace they mean, steps shown, JSON."""

from __future__ import annotations

import datetime as dt
import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from workbench.workspace import Workspace

in_workspace = click.option(
    "--workspace",
    "-w",
    metavar="DIR",
    help="Folder of workbench.toml; by default this one or one above it.",
)
for_period = click.option(
    "--period", metavar="PERIOD", help="2026-09; by default the last complete month."
)
with_parameters = click.option(
    "--parameter",
    "-p",
    "parameters",
    multiple=True,
    metavar="NAME=VALUE",
    help="A parameter of the report; may be given several times.",
)
with_earlier_answers = click.option(
    "--reuse-answers",
    is_flag=True,
    help="Show answers from before the data changed again, and pay for none of them.",
)
verbosely = click.option(
    "--verbose",
    "-v",
    is_flag=True,
    help="Tell every step, also where nobody watches: cells, the page.",
)
as_json_too = click.option("--json", "as_json", is_flag=True, help="Print JSON for machines.")


def opened(folder: str | None) -> Workspace:
    """Return the workspace a command means."""
    from workbench.workspace import open_workspace

    return open_workspace(folder)


def in_zone(moment: dt.datetime) -> str:
    """Return a time with the name of its zone, whose short form may mean several; else its offset.

    Examples
    --------
    >>> from zoneinfo import ZoneInfo
    >>> in_zone(dt.datetime(2026, 10, 5, 6, tzinfo=ZoneInfo("Asia/Shanghai")))
    '2026-10-05 06:00 Asia/Shanghai'
    >>> in_zone(dt.datetime(2026, 10, 5, 6, tzinfo=dt.timezone(dt.timedelta(hours=8))))
    '2026-10-05 06:00+08:00'
    """
    name = getattr(moment.tzinfo, "key", None)
    if name is None:
        return moment.isoformat(" ", "minutes")
    return f"{moment:%Y-%m-%d %H:%M} {name}"


def print_json(content: Any) -> None:
    """Print JSON; what JSON does not know, as text."""
    click.echo(json.dumps(content, indent=2, default=str, ensure_ascii=False))


@contextmanager
def steps(as_json: bool, verbose: bool = False) -> Iterator[Any]:
    """Yield a function that tells a step: a bar on a terminal, plain lines otherwise.

    Details, such as each cell of a notebook, are on a line only where they are asked for.
    """
    if as_json:
        yield lambda _text: None
    elif sys.stderr.isatty() and not verbose:
        with _bar() as tell:
            yield tell
    else:
        yield partial(_line, verbose)


def _line(verbose: bool, text: str) -> None:
    if verbose or type(text) is str:  # a detail is of a kind of its own
        click.echo(text, err=True)


@contextmanager
def _bar() -> Iterator[Any]:
    """Yield a function that shows a step, and how far it is where it says ``3 of 15``."""
    import re

    from rich.console import Console
    from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn

    words = TextColumn("{task.description}", markup=False)
    columns = (SpinnerColumn(), words, BarColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("starting", total=None)

        def tell(text: str) -> None:
            bar.update(task, description=text)
            if step := re.search(r"([\d,]+) of ([\d,]+)", text):
                done, total = (int(each.replace(",", "")) for each in step.groups())
                bar.update(task, completed=done, total=total)

        yield tell
