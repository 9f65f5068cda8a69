"""The command line: every command is one call, and every refusal one message.

Exit codes: 0 done; 1 a fault of workbench itself; 2 something written down is wrong; 3 refused
(purpose, question, budget); 4 a report failed, also when its notebook was refused something, which
the message then quotes; 5 somebody else is at work; 6 a page held an identifier; 7 a disk, file,
store or ledger failed.
"""

from __future__ import annotations

import gc
from typing import Any

import click

from workbench.cli import (
    audit,
    backups,
    basics,
    budgets,
    declared,
    desk,
    export,
    incidents,
    ingest,
    keys,
    quality,
    reports,
    retention,
    review,
    sharing,
    subjects,
)


class _Group(click.Group):
    """Commands in the order of a day's work; refusals as one message and an exit code."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(self.commands)

    def invoke(self, ctx: click.Context) -> Any:
        from workbench.errors import WorkbenchError

        # why: imports make some hundred thousand objects that stay; to look through them for
        # garbage again and again takes a tenth of a command's start
        gc.set_threshold(50_000, 20, 100)
        try:
            return super().invoke(ctx)
        except WorkbenchError as refusal:
            click.echo(f"{type(refusal).__name__}: {refusal}", err=True)
            ctx.exit(refusal.exit_code)
        except (click.ClickException, click.exceptions.Exit, click.Abort):
            raise
        except BrokenPipeError as fault:  # as in 'workbench budget | head -1'
            if _is_read():
                click.echo(_fault(fault), err=True)
                ctx.exit(1)
            raise  # click ends quietly
        except Exception as fault:  # noqa: BLE001  # why: the last line before the terminal
            click.echo(_fault(fault), err=True)
            ctx.exit(1)


def _is_read() -> bool:
    """Whether anybody still reads what is printed."""
    import select

    poll = select.poll()
    poll.register(1, select.POLLOUT)
    return not any(event & select.POLLERR for _, event in poll.poll(0))


def _fault(fault: Exception) -> str:
    """Keep a traceback for the operator in a private file; return the message that names it."""
    import os
    import tempfile
    import traceback

    what = f"a fault in workbench itself ({type(fault).__name__})"
    try:
        handle, path = tempfile.mkstemp(prefix="workbench-fault-", suffix=".log")
        with os.fdopen(handle, "w") as file:
            traceback.print_exception(fault, file=file)
    except OSError as problem:
        return f"{what}. Its details could not be kept in a private file ({problem.strerror})."
    return (
        f"{what}. Details are in {path}, which may quote data: keep it private, and send it to "
        "whoever maintains this installation."
    )


@click.group(cls=_Group, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="workbench", message="workbench %(version)s")
def main() -> None:
    """Customer analytics that can be published without betraying a customer."""


for _theme in (
    basics,
    ingest,
    quality,
    reports,
    budgets,
    export,
    declared,
    incidents,
    sharing,
    review,
    subjects,
    retention,
    audit,
    keys,
    backups,
    desk,
):
    for _command in _theme.COMMANDS:
        main.add_command(_command)
