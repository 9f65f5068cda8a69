"""Commands that write what is published, or declared, as a file for somebody else."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from workbench.cli.common import in_workspace, opened, with_parameters


@click.group()
def export() -> None:
    """Write what is published or declared as a file to send, print or keep."""


to_file = click.option(
    "--out",
    type=click.Path(dir_okay=False, path_type=Path),
    required=True,
    help="File to write.",
)


def of_an_edition(command: Callable[..., None]) -> Callable[..., None]:
    """Give a command the words that choose one published edition, and a file."""
    words: tuple[Callable[[Any], Any], ...] = (
        click.argument("name"),
        click.argument("period", required=False),
        in_workspace,
        with_parameters,
        click.option("--lang", "language", metavar="CODE", help="en or zh; the first if left out."),
        to_file,
    )
    for each in reversed(words):
        command = each(command)
    return command


@export.command()
@of_an_edition
def pdf(
    name: str,
    period: str | None,
    workspace: str | None,
    parameters: tuple[str, ...],
    language: str | None,
    out: Path,
) -> None:
    """Print a published edition, by default the newest, to an A4 PDF; Chromium does it."""
    click.echo(
        opened(workspace).export_pdf(
            name, out, period=period, parameters=parameters, language=language
        )
    )


@export.command()
@of_an_edition
def standalone(
    name: str,
    period: str | None,
    workspace: str | None,
    parameters: tuple[str, ...],
    language: str | None,
    out: Path,
) -> None:
    """Write a published edition, by default the newest, as one HTML file for e-mail."""
    click.echo(
        opened(workspace).export_standalone(
            name, out, period=period, parameters=parameters, language=language
        )
    )


COMMANDS = [export]
