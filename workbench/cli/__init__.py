"""The command line: every command is one call, and every refusal one message.

Exit codes: 0 done; 1 a fault of workbench itself; 2 something written down is wrong; 3 refused
(purpose, question, budget); 4 a report failed, also when its notebook was refused something, which
the message then quotes; 5 somebody else is at work; 6 a page held an identifier; 7 a disk, file,
store or ledger failed; 8 something is as bad as ``--fail-on`` says.
"""

import atexit
import gc
import re
from typing import Any

import click

from workbench.cli import (
    data,
    incidents,  # noqa: F401  # why: its commands are of `office`
    office,
    report,
    store,
    subject,
    top,
)
from workbench.errors import InputError, Refused, Renamed, UnknownName, WorkbenchError, escaped

# What was typed before, and what is now. A command has one name: those that are typed every day
# have no group, and are found by the group's name as well.
MOVED = {
    **{name: f"data {name}" for name in ("ingest", "quarantine", "quality", "import")},
    **{name: f"report {name}" for name in ("plan", "schedule", "serve", "export")},
    **{f"export {name}": f"office {name}" for name in ("notice", "ropa", "minimisation")},
    **{name: f"office {name}" for name in ("incident", "detect", "retention", "risk", "review")},
    **{name: f"office {name}" for name in ("share", "audit", "budget", "acknowledge")},
    **{name: f"store {name}" for name in ("backup", "backups", "restore", "keys")},
    **{f"report {name}": name for name in ("run", "due")},
    **{f"store {name}": name for name in ("init", "check", "status")},
}

_NAME = re.compile(r"-.*|[a-z][a-z_-]*|\d{4}(-[QW\d]\d?){0,2}")  # an option, a name, a period
_FULL = "No space left on device"
atexit.register(gc.freeze)  # why: what a command made goes with it; to sort it first takes a sixth


class _Main(click.Group):
    """Commands in the order of a day's work; refusals as one message and an exit code."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(self.commands)

    def resolve_command(self, ctx: click.Context, args: list[str]) -> Any:
        typed = [" ".join(args[:count]) for count in (2, 1)]
        for before in typed:
            if now := MOVED.get(before):
                raise Renamed(f"workbench {before}", f"workbench {now}")
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        groups = {name: each for name, each in self.commands.items() if hasattr(each, "commands")}
        single = {name: each for name, each in self.commands.items() if name not in groups}
        with formatter.section("Every day"):
            formatter.write_dl([(n, each.get_short_help_str(80)) for n, each in single.items()])
        with formatter.section("Groups"):
            formatter.write_dl([(n, ", ".join(each.commands)) for n, each in groups.items()])

    def invoke(self, ctx: click.Context) -> Any:
        typed = [*ctx._protected_args, *ctx.args]
        # why: imports make some hundred thousand objects that stay; to look through them for
        # garbage again and again takes a tenth of a command's start
        gc.set_threshold(50_000, 20, 100)
        try:
            return super().invoke(ctx)
        except WorkbenchError as refusal:
            said = escaped(_untyped(str(refusal), refusal, typed))
            click.echo(f"{type(refusal).__name__}: {said}", err=True)
            ctx.exit(refusal.exit_code)
        except click.exceptions.NoArgsIsHelpError:
            raise  # its message is the help of a group that was typed alone
        except click.UsageError as refusal:
            said = escaped(_untyped(refusal.format_message(), refusal, typed))
            raise click.UsageError(said, refusal.ctx) from None
        except (click.ClickException, click.exceptions.Exit, click.Abort):
            raise
        except BrokenPipeError as fault:  # as in 'workbench budget | head -1'
            if _is_read():
                click.echo(_fault(fault), err=True)
                ctx.exit(1)
            raise  # click ends quietly
        except Exception as fault:  # noqa: BLE001  # why: the last line before the terminal
            if told := _of_disk(fault):
                click.echo(escaped(f"StorageError: {told}"), err=True)
                ctx.exit(7)
            click.echo(_fault(fault), err=True)
            ctx.exit(1)


def _untyped(message: str, refusal: Exception, typed: list[str]) -> str:
    """Return a refusal with what was typed and is no name told by its place: mails keep it.

    Examples
    --------
    >>> from workbench.errors import ParameterError, UnknownName
    >>> _untyped("bad 'Anna'", ParameterError(), ["run", "r", "-p", "who=Anna"])
    "bad '[-p who=…]'"
    >>> _untyped("no report named 'Anna'.", UnknownName("report", "Anna", ()), ["run", "Anna"])
    "no report named '[argument 1]'."
    >>> _untyped("no hold 'Anna'; you act as 'Anna'.", InputError(), ["release", "Anna"])
    'no hold [argument 1]; you act as [argument 1].'
    >>> _untyped("no table 'a@b'.", UnknownName("table", "a@b", ()), ["--set", "a@b.org=c.d"])
    "no table '[--set]'."
    >>> _untyped("Got unexpected extra argument (Anna)", click.UsageError(""), ["check", "Anna"])
    'Got unexpected extra argument'
    >>> in_zh = click.Option(["--lang"], type=click.Choice(["en", "zh"]))
    >>> refusal = click.BadParameter("'no' is not 'en'.", param=in_zh)
    >>> _untyped(str(refusal), refusal, ["run", "en", "--lang", "no"])
    "[--lang] is not 'en'."
    >>> place = click.Argument(["file"], type=click.Path())
    >>> refusal = click.BadParameter("'data/x.csv' is a folder.", param=place)
    >>> _untyped(str(refusal), refusal, ["data", "ingest", "data/x.csv"])
    "'data/x.csv' is a folder."
    """
    if not isinstance(refusal, (InputError, Refused, click.UsageError)):
        return message
    if isinstance(refusal, click.UsageError):
        message = re.sub(r"(unexpected extra arguments?) \(.*\)", r"\1", message, flags=re.DOTALL)
    param = refusal.param if isinstance(refusal, click.BadParameter) else None
    file = param is not None and isinstance(param.type, click.Path)  # whose place is no value
    known = getattr(param and param.type, "choices", ())  # what is allowed is told as it is
    option = ""
    for number, word in enumerate(typed):
        name, equals, value = word.partition("=")
        place = f"{option} {name}=…".strip() if equals and "/" not in value else ""
        unknown = getattr(refusal, "name", "") if isinstance(refusal, UnknownName) else ""
        if unknown and (unknown in word or word in unknown.split("/")):
            value, place = unknown, option or f"argument {number}"
        said = value if name.startswith("-") else word
        if place and value and not isinstance(refusal, click.UsageError):
            forms = "|".join(map(re.escape, {value, repr(value)[1:-1]}))
            message = f"[{place}]".join(re.split(rf"(?<!\w)(?:{forms})(?!\w)", message))
        if said not in known and not file and (param is not None or not _NAME.fullmatch(said)):
            message = message.replace(repr(said), f"[{place or option or f'argument {number}'}]")
        option = word if word.startswith("-") and not equals else ""
    return message


def _of_disk(fault: Exception) -> str:
    """Return what to say of a full disk or of a place that is not there; nothing of other faults.

    Examples
    --------
    >>> _of_disk(FileNotFoundError(2, "No such file or directory", "/no/out.csv"))
    '/no/out.csv: No such file or directory. Name a place that is there, or make it.'
    """
    if _FULL in str(fault):  # of the system, or of an engine
        return "the disk is full. Make room and run it again; what was recorded as done is done."
    if isinstance(fault, (FileNotFoundError, NotADirectoryError, IsADirectoryError)):
        return f"{fault.filename}: {fault.strerror}. Name a place that is there, or make it."
    return ""


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


@click.group(cls=_Main, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="workbench", message="workbench %(version)s")
def main() -> None:
    """Customer analytics that can be published without betraying a customer."""


for _command in top.top.commands.values():
    main.add_command(_command)
_groups = (data.data, report.report, report.decision, subject.subject, office.office, store.store)
for _group in _groups:
    main.add_command(_group)
