"""Commands about reports."""

from __future__ import annotations

from itertools import chain
from typing import TYPE_CHECKING

import click

from workbench.cli.common import (
    as_json_too,
    for_period,
    in_workspace,
    in_zone,
    opened,
    print_json,
    steps,
    verbosely,
    with_earlier_answers,
    with_parameters,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from workbench.reporting.suite import Outcome


@click.command()
@click.argument("name", required=False)
@click.option("--all", "every", is_flag=True, help="Every report, for one period.")
@click.option("--due", is_flag=True, help="What is missing, missed periods too, oldest first.")
@in_workspace
@for_period
@with_parameters
@click.option(
    "--jobs",
    type=click.IntRange(1, 64),
    metavar="N",
    help="How many editions at a time; by default as many as there are cores, 4 at most.",
)
@click.option("--force", is_flag=True, help="Render again even when the edition is there.")
@with_earlier_answers
@click.option(
    "--wait",
    "wait_seconds",
    type=click.FloatRange(0),
    default=3600.0,
    metavar="SECONDS",
    help="How long to wait for another run of this workspace; 3600 by default.",
)
@click.option("--standalone", is_flag=True, help="Also as one file: standalone.html beside it.")
@click.option("--pdf", is_flag=True, help="Also as report.pdf beside it, printed by Chromium.")
@verbosely
@as_json_too
@click.pass_context
def run(
    context: click.Context,
    name: str | None,
    every: bool,
    due: bool,
    workspace: str | None,
    period: str | None,
    parameters: tuple[str, ...],
    jobs: int | None,
    force: bool,
    reuse_answers: bool,
    wait_seconds: float,
    standalone: bool,
    pdf: bool,
    verbose: bool,
    as_json: bool,
) -> None:
    """Render reports for a period and publish them."""
    if (name is not None) + every + due != 1:
        raise click.UsageError("Name a report, or give --all or --due: one of the three.")
    if parameters and name is None:
        raise click.UsageError("Parameters are of one report: name it.")
    if pdf:
        from workbench.reporting.pdf import find_browser

        find_browser()  # before anything is run and paid for
    ws = opened(workspace)
    with steps(as_json, verbose) as tell:
        done = ws.run(
            name,
            due=due,
            period=period,
            parameters=parameters,
            jobs=jobs,
            force=force,
            reuse_answers=reuse_answers,
            wait_seconds=wait_seconds,
            progress=tell,
        )
        files = [
            str(file)
            for edition in done.editions
            for file in ws.add_files(
                edition, standalone=standalone, pdf=pdf, wait_seconds=wait_seconds, progress=tell
            )
        ]
    one = name is not None and len(done.editions) == 1 and not done.failures
    if as_json:
        print_json({**(done.editions[0].facts() if one else done.facts()), "files": files})
    else:
        _tell_editions(done, files)
    _tell_problems(done)
    context.exit(done.exit_code)


def _tell_editions(done: Outcome, files: list[str]) -> None:
    for edition in done.editions:
        which = f"{edition.period} {edition.variant}".rstrip()
        state = "was published already" if edition.unchanged else "is published"
        if edition.revision > 1 and not edition.unchanged:
            state = f"is published as revision {edition.revision}"
        click.echo(f"'{edition.report}' for {which} {state}: {edition.page}")
        for line in edition.changed:
            click.echo(f"  {line}")
        _tell_dropped(edition.dropped)
    for file in files:
        click.echo(f"Also: {file}")
    if not done.editions:
        if not done.failures and not done.waiting and not done.problems:
            click.echo("Nothing is due.")
        return
    click.echo(f"All reports: {done.editions[0].index}")
    if len(done.editions) > 1:
        click.echo("Epsilon that each spent now of the customers' privacy budget:")
        for edition in done.editions:
            which = f"{edition.report} {edition.period} {edition.variant}".rstrip()
            click.echo(f"  {which}: {edition.spent_now:.2f}")
    else:
        (edition,) = done.editions
        click.echo(
            f"This run spent epsilon {edition.spent_now:.2f} of the customers' privacy budget; the "
            f"edition's figures cost {edition.epsilon:.2f} in all."
        )
    for limit in done.editions[-1].left:
        click.echo(f"  {limit.scope}: {limit.left:.2f} of {limit.limit:.2f} left")


def _tell_dropped(lines: Sequence[str]) -> None:
    from workbench.reporting.remarks import WAY_OUT

    for line in (*lines, WAY_OUT) if lines else ():
        click.echo(f"  {line}")


def _tell_problems(done: Outcome) -> None:
    for problem in done.problems:
        click.echo(f"DefinitionError: {problem}", err=True)
    for failure in done.failures:
        error = failure.error
        click.echo(f"{type(error).__name__}: {error}", err=True)
        click.echo(f"  exit code {error.exit_code}; record of runs: {failure.log}", err=True)
    for each in done.waiting:
        which = f"'{each.definition.name}' for {each.period.text} {each.variant.name}".rstrip()
        click.echo(
            f"{which} is due since {in_zone(each.since)} and waits for its data. Load it "
            "with 'workbench init' and try again.",
            err=True,
        )
    hooks = [each.hooks for each in done.editions] + [each.hooks for each in done.failures]
    for problem in chain.from_iterable(hooks):
        click.echo(f"Hook: {problem}", err=True)


@click.command()
@in_workspace
@as_json_too
def due(workspace: str | None, as_json: bool) -> None:
    """List the editions that are missing, oldest period first."""
    ws = opened(workspace)
    found, problems = ws.due(), ws.wrong_definitions()
    if as_json:
        print_json({"due": [each.facts() for each in found], "problems": problems})
        return
    for problem in problems:
        click.echo(f"DefinitionError: {problem}", err=True)
    if not found:
        click.echo("Nothing is due.")
    for each in found:
        which = f"{each.definition.name} {each.period.text} {each.variant.name}".rstrip()
        click.echo(f"{which}: {each.state}, due since {in_zone(each.since)}")


@click.command()
@click.option(
    "--format",
    "scheduler",
    required=True,
    type=click.Choice(["cron", "systemd", "airflow", "kubernetes"]),
    help="Which scheduler is to call 'workbench run --due'.",
)
@in_workspace
def schedule(scheduler: str, workspace: str | None) -> None:
    """Print what to install so that reports are run when they are due."""
    click.echo(opened(workspace).schedule(scheduler), nl=False)


@click.command()
@click.argument("name")
@in_workspace
@for_period
@with_parameters
@with_earlier_answers
@verbosely
@as_json_too
@click.pass_context
def plan(
    context: click.Context,
    name: str,
    workspace: str | None,
    period: str | None,
    parameters: tuple[str, ...],
    reuse_answers: bool,
    verbose: bool,
    as_json: bool,
) -> None:
    """Show what a report would cost and how exact it would be, before anything is spent."""
    from dataclasses import asdict

    ws = opened(workspace)
    with steps(as_json, verbose) as tell:
        planned = ws.plan(
            name,
            period=period,
            parameters=parameters,
            reuse_answers=reuse_answers,
            progress=tell,
        )
    if as_json:
        lines = [
            {"scope": line.scope, "limit": line.limit, "left": line.left} for line in planned.left
        ]
        answers = [asdict(each) for each in planned.answers]
        short = [
            {"scope": each.line.scope, "needed": each.epsilon, "enough": each.enough}
            for each in planned.short
        ]
        facts = {"report": planned.report, "period": planned.period, "epsilon": planned.epsilon}
        more = {"left": lines, "short": short, "incomplete": planned.incomplete}
        told = {"wrong": planned.wrong, "dropped": planned.dropped}
        print_json({**facts, "answers": answers, **more, **told})
        context.exit(2 if planned.wrong else 0)
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
        for warning in each.warnings:
            click.echo(f"    {warning}")
    for line in planned.left:
        click.echo(f"  {line.scope}: {line.left:.2f} of {line.limit:.2f} left")
    for lack in planned.short:
        click.echo(
            f"It does not fit {lack.line.scope}: it needs epsilon {lack.epsilon:.2f}, and a run "
            f"would be refused before it starts. A limit of {lack.enough:.2f} would be enough."
        )
    if planned.renewed and not reuse_answers:
        click.echo(
            f"{planned.renewed} of these questions were answered before the data changed; with "
            "--reuse-answers those answers are shown again and cost nothing."
        )
    _tell_dropped(planned.dropped)
    if planned.incomplete:
        click.echo(f"Some questions may be missing: {planned.incomplete}", err=True)
    for problem in planned.wrong:
        click.echo(f"A run would fail: {problem}", err=True)
    context.exit(2 if planned.wrong else 0)


COMMANDS = [run, due, schedule, plan]
