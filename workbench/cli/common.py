"""What commands share: the one place that opens the workspace, adds its options, and prints."""

from __future__ import annotations

import dataclasses
import datetime as dt
import json
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial, update_wrapper
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from workbench.errors import escaped

if TYPE_CHECKING:
    from workbench.workspace import Workspace

Act = Callable[..., "Told"]
GATE = 8  # the exit code where something is as bad as --fail-on says

FILE = click.Path(dir_okay=False, path_type=Path)
FOLDER = click.Path(file_okay=False, path_type=Path)
PATH = click.Path(path_type=Path)
MOMENT = click.DateTime(["%Y-%m-%dT%H:%M", "%Y-%m-%d %H:%M", "%Y-%m-%d"])

asks = partial(click.option, show_default=True)
in_workspace = click.option(
    "--workspace",
    "-w",
    metavar="DIR",
    help="Folder of workbench.toml; by default this one or one above it.",
)
with_parameters = click.option(
    "--parameter",
    "-p",
    "parameters",
    multiple=True,
    metavar="NAME=VALUE",
    help="A parameter of the report; may be given several times.",
)
in_language = asks(
    "--lang", type=click.Choice(["en", "zh"]), default="en", help="Language of what is written."
)
as_json_too = click.option(
    "--json",
    "as_json",
    is_flag=True,
    is_eager=True,  # so that what callbacks say knows of it
    expose_value=False,
    callback=lambda context, _, value: context.meta.update(as_json=value),
    help="Print JSON for machines.",
)
meant = click.option("--yes", is_flag=True, help="Mean it: what is shown goes for good.")
failing_on = asks(
    "--fail-on",
    type=click.Choice(["red", "amber", "never"]),
    default="never",
    help=f"End with exit code {GATE} where something is that bad.",
)


def of_a_run(act: Act) -> Act:
    """Give a command the words that say which editions are made, and how."""
    told = "Tell every step, also where nobody watches: cells, the page."
    again = "Show answers from before the data changed again, and pay for none of them."
    period = "2026-09; by default the last complete month."
    act = click.option(
        "--verbose",
        "-v",
        is_flag=True,
        expose_value=False,
        callback=lambda context, _, value: context.meta.update(verbose=value),
        help=told,
    )(act)
    act = click.option("--reuse-answers", is_flag=True, help=again)(act)
    return click.option("--period", metavar="PERIOD", help=period)(with_parameters(act))


class _Day(click.DateTime):
    """A day, as ``2026-09-30``."""

    def __init__(self) -> None:
        super().__init__(["%Y-%m-%d"])

    def convert(self, value: Any, param: Any, ctx: Any) -> Any:
        return super().convert(value, param, ctx).date()


DAY = _Day()


@dataclass(frozen=True)
class Told:
    """What a command returns: facts for machines, lines for people.

    Attributes
    ----------
    facts : dataclass, mapping or list of them
    lines : iterable of str
        Printed without ``--json``.
    aside : iterable of str
        For people and machines' keepers alike, on standard error.
    code : int
        The exit code.
    """

    facts: Any
    lines: Iterable[str] = ()
    aside: Iterable[str] = ()
    code: int = 0


def command(
    room: click.Group, name: str | None = None, *, opens: bool = True
) -> Callable[[Act], click.Command]:
    """Make a command of a function that returns what it found, in a group of commands.

    Parameters
    ----------
    room : click.Group
    name : str, optional
        The function's when left out.
    opens : bool
        Hand it the workspace that ``--workspace`` means, as its first argument.
    """

    def made(act: Act) -> click.Command:
        def call(**asked: Any) -> None:
            told = act(opened(asked.pop("workspace")), **asked) if opens else act(**asked)
            if as_json():
                content = json.dumps(told.facts, indent=2, default=_plain, ensure_ascii=False)
                click.echo(content)
            else:
                for line in told.lines:
                    click.echo(line)
            for line in told.aside:
                click.echo(escaped(line), err=True)
            click.get_current_context().exit(told.code)

        update_wrapper(call, act)
        made = as_json_too(call)
        return room.command(name or act.__name__)(in_workspace(made) if opens else made)

    return made


def opened(folder: str | None) -> Workspace:
    """Return the workspace a command means."""
    from workbench.workspace import open_workspace

    return open_workspace(folder)


def several(each: Sequence[Told], none: str) -> Told:
    """Return what a list tells, item by item; or that there is none."""
    lines = [line for one in each for line in one.lines]
    return Told([one.facts for one in each], lines or [none])


def say(line: str) -> None:
    """Print a line at once, for people: what follows takes long, asks, or may be refused."""
    if not as_json():
        click.echo(line)


def gate(light: str, fail_on: str) -> int:
    """Return the exit code for the worst light that was seen; what nobody measured is no green."""
    bad = {"red": ("red",), "amber": ("red", "amber", "not measured"), "never": ()}[fail_on]
    return GATE if light in bad else 0


def as_json() -> bool:
    """Return whether machines are to read what is printed."""
    return bool(click.get_current_context().meta.get("as_json"))


def _plain(value: Any) -> Any:
    """Return what JSON does not know: a dataclass by its fields, anything else as text."""
    known = dataclasses.is_dataclass(value) and not isinstance(value, type)
    return vars(value) if known else str(value)


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


@contextmanager
def steps() -> Iterator[Any]:
    """Yield a function that tells a step: a bar on a terminal, plain lines otherwise.

    Details, such as each cell of a notebook, are on a line only where they are asked for.
    """
    verbose = bool(click.get_current_context().meta.get("verbose"))
    if as_json():
        yield lambda _text: None
    elif sys.stderr.isatty() and not verbose:
        with _bar() as tell:
            yield tell
    else:
        yield partial(_line, verbose)


def _line(verbose: bool, text: str) -> None:
    if verbose or type(text) is str:  # a detail is of a kind of its own
        click.echo(escaped(text), err=True)


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
