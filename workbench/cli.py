"""The command line: every command is one call, and every refusal one message.

Exit codes: 0 done; 1 a fault of workbench itself; 2 something written down is wrong; 3 refused
(purpose, question, budget); 4 a report failed, also when its notebook was refused something, which
the message then quotes; 5 somebody else is at work; 6 a page held an identifier; 7 a disk, file,
store or ledger failed.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from workbench.workspace import Workspace

_workspace = click.option(
    "--workspace",
    "-w",
    metavar="DIR",
    help="Folder of workbench.toml; by default this one or one above it.",
)
_period = click.option(
    "--period", metavar="PERIOD", help="2026-09; by default the last complete month."
)
_parameters = click.option(
    "--parameter",
    "-p",
    "parameters",
    multiple=True,
    metavar="NAME=VALUE",
    help="A parameter of the report; may be given several times.",
)
_json = click.option("--json", "as_json", is_flag=True, help="Print JSON for machines.")


class _Group(click.Group):
    """Commands in the order of a day's work; refusals as one message and an exit code."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(self.commands)

    def invoke(self, ctx: click.Context) -> Any:
        from workbench.errors import WorkbenchError

        try:
            return super().invoke(ctx)
        except WorkbenchError as refusal:
            click.echo(f"{type(refusal).__name__}: {refusal}", err=True)
            ctx.exit(refusal.exit_code)
        except (click.ClickException, click.exceptions.Exit, click.Abort):
            raise
        except Exception as fault:  # noqa: BLE001  # why: the last line before the terminal
            click.echo(_fault(fault), err=True)
            ctx.exit(1)


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


@main.command()
@_workspace
@_json
def init(workspace: str | None, as_json: bool) -> None:
    """Make the key and load the estate's files where they are new or changed."""
    ws = _open(workspace)
    with _progress(as_json) as tell:
        rows = ws.init(tell)
    if as_json:
        _print_json({"loaded": dict(rows), "snapshot": ws.store.latest_snapshot()})
    elif rows:
        total = sum(rows.values())
        click.echo(f"Loaded {total:,} rows in {len(rows)} tables into {ws.store.folder}.")
    else:
        click.echo("Everything is loaded already.")


@main.command()
@_workspace
@_json
def check(workspace: str | None, as_json: bool) -> None:
    """Check settings, catalog, store, ledger and report definitions; say all problems at once."""
    from workbench.catalog import describe
    from workbench.checks import check as run_checks

    ws = _open(workspace)
    problems = run_checks(ws)
    if as_json:
        _print_json({"problems": [vars(problem) for problem in problems]})
    elif problems:
        for problem in problems:
            click.echo(f"{problem.part}: {problem.text}")
        click.echo(f"{len(problems)} problem{'s' if len(problems) > 1 else ''} found.")
    else:
        facts = describe(ws.catalog)
        click.echo(
            f"All good: {facts['tables']} tables, {facts['columns']} columns, "
            f"{facts['purposes']} purposes, catalog {facts['hash']}."
        )
    if problems:
        sys.exit(2)


@main.command()
@click.argument("name")
@_workspace
@_period
@_parameters
@click.option("--force", is_flag=True, help="Render again even when the edition is there.")
@_json
def run(
    name: str,
    workspace: str | None,
    period: str | None,
    parameters: tuple[str, ...],
    force: bool,
    as_json: bool,
) -> None:
    """Render a report for a period and publish it."""
    ws = _open(workspace)
    with _progress(as_json) as tell:
        edition = ws.render(name, period=period, parameters=parameters, force=force, progress=tell)
    if as_json:
        _print_json(edition.facts())
        return
    state = "was published already" if edition.unchanged else "is published"
    click.echo(f"'{edition.report}' for {edition.period} {state}: {edition.page}")
    click.echo(f"All reports: {edition.index}")
    click.echo(
        f"This run spent epsilon {edition.spent_now:.2f} of the customers' privacy budget; the "
        f"edition's figures cost {edition.epsilon:.2f} in all."
    )
    for line in edition.left:
        click.echo(f"  {line.scope}: {line.left:.2f} of {line.limit:.2f} left")


@main.command()
@click.argument("name")
@_workspace
@_period
@_parameters
@_json
def plan(
    name: str, workspace: str | None, period: str | None, parameters: tuple[str, ...], as_json: bool
) -> None:
    """Show what a report would cost and how exact it would be, before anything is spent."""
    from dataclasses import asdict

    ws = _open(workspace)
    with _progress(as_json) as tell:
        planned = ws.plan(name, period=period, parameters=parameters, progress=tell)
    if as_json:
        lines = [
            {"scope": line.scope, "limit": line.limit, "left": line.left} for line in planned.left
        ]
        answers = [asdict(each) for each in planned.answers]
        facts = {"report": planned.report, "period": planned.period, "epsilon": planned.epsilon}
        _print_json({**facts, "answers": answers, "left": lines, "incomplete": planned.incomplete})
        return
    click.echo(
        f"'{planned.report}' for {planned.period} would spend epsilon {planned.epsilon:.2f}:"
    )
    for each in planned.answers:
        cost = f"epsilon {each.epsilon:.2f}" if each.pico else "nothing, it is answered"
        click.echo(f"  {each.name}: {cost}; by {each.by}, {each.cells} cells")
        for measure, margin in each.margins.items():
            relative = each.relative.get(measure)
            of = f", {relative:.1%} of a group of 1,000 customers" if relative else ""
            click.echo(f"    {measure} ± {margin:,.0f}{of}")
    for line in planned.left:
        click.echo(f"  {line.scope}: {line.left:.2f} of {line.limit:.2f} left")
    if planned.incomplete:
        click.echo(f"Some questions may be missing: {planned.incomplete}", err=True)


@main.command()
@_workspace
@click.option("--period", metavar="MONTH", help="Month whose allowance to show; this one else.")
@_json
def budget(workspace: str | None, period: str | None, as_json: bool) -> None:
    """Show what was spent of the customers' privacy budget, what is left, and the answers."""
    from workbench.errors import PeriodError
    from workbench.periods import Period

    ws = _open(workspace)
    month = Period.parse(period) if period else None
    if month and month.kind != "month":
        raise PeriodError(f"allowances are by month: give one such as 2026-09, not {period}.")
    lines = ws.budget(month.text if month else None)
    answers = ws.ledger.summary()
    if as_json:
        _print_json(
            {
                "delta": float(ws.catalog.privacy.delta),
                "limits": [vars(line) for line in lines],
                "answers": answers,
            }
        )
        return
    click.echo(f"Privacy budget of the customers (epsilon at delta {ws.catalog.privacy.delta}):")
    for line in lines:
        spent = f"spent {line.spent:6.2f} of {line.limit:6.2f}"
        click.echo(f"  {line.scope:14} {spent}   left {line.left:6.2f}")
    click.echo(f"{len(answers)} answers are paid for and free to use again.")
    for each in answers[-10:]:
        click.echo(
            f"  {each['release']}  {each['period'] or '':10}  {each['name']:28} "
            f"epsilon {each['epsilon']:.2f}"
        )


@main.command()
@click.option(
    "--customers", type=click.IntRange(1), default=5000, show_default=True, help="How many."
)
@click.option(
    "--months",
    type=click.IntRange(1, 240),
    default=18,
    show_default=True,
    help="Over how many months.",
)
@click.option(
    "--seed", type=int, default=2026, show_default=True, help="Same seed, same customers."
)
@click.option(
    "--out",
    type=click.Path(file_okay=False, path_type=Path),
    required=True,
    help="Folder to write into; made if absent.",
)
@_json
def sample(customers: int, months: int, seed: int, out: Path, as_json: bool) -> None:
    """Write an invented bank's customer data, with its catalog, into a folder."""
    from workbench.estates.sample import generate

    with _progress(as_json) as tell:
        rows = generate(
            out,
            customers=customers,
            months=months,
            seed=seed,
            progress=lambda done, total: tell(f"{done:,} of {total:,} customers"),
        )
    if as_json:
        _print_json({"out": str(out), "rows": rows})
    else:
        click.echo(f"Wrote {sum(rows.values()):,} rows in {len(rows)} tables into {out}.")


@main.command(name="import")
@click.argument("name")
@click.option(
    "--out",
    type=click.Path(file_okay=False, path_type=Path),
    help="Where; by default estates/NAME.",
)
@_json
def import_(name: str, out: Path | None, as_json: bool) -> None:
    """Bring a public dataset (cdnow, completejourney) into a workspace of its own."""
    from workbench.estates.datasets import import_dataset

    target = out or Path("estates") / name
    rows = import_dataset(name, target)
    if as_json:
        _print_json({"out": str(target), "rows": rows})
    else:
        click.echo(f"Wrote {sum(rows.values()):,} rows in {len(rows)} tables into {target}.")
        click.echo(
            f"Next: workbench init -w {target} && workbench run customer-overview -w {target}"
        )


@contextmanager
def _progress(as_json: bool) -> Iterator[Any]:
    """Yield a function that tells a step: a bar on a terminal, plain lines otherwise."""
    if as_json:
        yield lambda _text: None
    elif sys.stderr.isatty():
        with _bar() as tell:
            yield tell
    else:
        yield lambda text: click.echo(text, err=True)


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


def _open(folder: str | None) -> Workspace:
    from workbench.workspace import open_workspace

    return open_workspace(folder)


def _print_json(content: Any) -> None:
    click.echo(json.dumps(content, indent=2, default=str, ensure_ascii=False))


if __name__ == "__main__":
    main()
