"""``workbench report``: what an edition would cost, its schedule, its files, the folder shown."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from workbench.cli.common import (
    FILE,
    Told,
    command,
    in_workspace,
    of_a_run,
    opened,
    steps,
    with_parameters,
)
from workbench.cli.top import ways_out

if TYPE_CHECKING:
    from workbench.reporting.cost import Plan
    from workbench.workspace import Workspace


@click.group()
def report() -> None:
    """Plan, schedule, export and show reports; 'workbench run' and 'workbench due' are above."""


@command(report)
@click.argument("name")
@of_a_run
def plan(ws: Workspace, name: str, **asked: Any) -> Told:
    """Show what a report would cost and how exact it would be, before anything is spent."""
    from dataclasses import asdict

    with steps() as tell:
        planned = ws.reports.plan(name, **asked, progress=tell)
    names = ("report", "period", "epsilon", "incomplete", "wrong", "dropped")
    facts = {name: getattr(planned, name) for name in names} | {
        "answers": [asdict(each) for each in planned.answers],
        "left": [
            {"scope": line.scope, "limit": line.limit, "left": line.left} for line in planned.left
        ],
        "short": [
            {"scope": each.line.scope, "needed": each.epsilon, "enough": each.enough}
            for each in planned.short
        ],
    }
    aside = [f"A run would fail: {problem}" for problem in planned.wrong]
    if planned.incomplete:
        aside.insert(0, f"Some questions may be missing: {planned.incomplete}")
    lines = _planned(planned, renewable=not asked["reuse_answers"])
    return Told(facts, lines, aside, 2 if planned.wrong else 0)


def _planned(planned: Plan, *, renewable: bool) -> list[str]:
    lines = [f"'{planned.report}' for {planned.period} would spend epsilon {planned.epsilon:.2f}:"]
    for each in planned.answers:
        cost = f"epsilon {each.epsilon:.2f}" if each.pico else "nothing, it is answered"
        lines.append(f"  {each.name}: {cost}; by {each.by}, {each.cells} cells")
        for measure, margin in each.margins.items():
            relative = each.relative.get(measure)
            of = f", {relative:.1%} of a group of 1,000 customers" if relative else ""
            lines.append(f"    {measure} ± {margin:,.0f}{of}")
        lines += [f"    {warning}" for warning in each.warnings]
    for line in planned.left:
        lines.append(f"  {line.scope}: {line.left:.2f} of {line.limit:.2f} left")
    for lack in planned.short:
        lines.append(
            f"It does not fit {lack.line.scope}: it needs epsilon {lack.epsilon:.2f}, and a run "
            f"would be refused before it starts. A limit of {lack.enough:.2f} would be enough."
        )
    if planned.renewed and renewable:
        lines.append(
            f"{planned.renewed} of these questions were answered before the data changed; with "
            "--reuse-answers those answers are shown again and cost nothing."
        )
    return lines + [f"  {line}" for line in ways_out(planned.dropped)]


@command(report)
@click.option(
    "--format",
    "scheduler",
    required=True,
    type=click.Choice(["cron", "systemd", "airflow", "kubernetes"]),
    help="Which scheduler is to call 'workbench run --due'.",
)
def schedule(ws: Workspace, scheduler: str) -> Told:
    """Print what to install so that reports are run when they are due."""
    found = ws.reports.schedule(scheduler)
    return Told({"scheduler": scheduler, "install": found}, [found.removesuffix("\n")])


@command(report)
@click.argument("name")
@click.option("--period", required=True, metavar="PERIOD", help="2026-09; which edition.")
@with_parameters
@click.option("--reason", required=True, help="What readers see; it is searched for identifiers.")
@click.option("--role", help="officer; else $WORKBENCH_ROLE. It is self-declared.")
def withdraw(ws: Workspace, name: str, period: str, reason: str, **asked: Any) -> Told:
    """Take back a published edition: its page says so and why, and nothing leads to it any more."""
    page = str(ws.reports.withdraw(name, period=period, reason=reason, **asked))
    return Told({"page": page}, [f"Withdrawn. {page} says when and why."])


@report.group()
def export() -> None:
    """Write a published edition as a file to send, print or keep."""


def _of_an_edition(act: Callable[..., Told]) -> Callable[..., Told]:
    """Give a command the words that choose one published edition, and a file."""
    act = click.option("--out", type=FILE, required=True, help="File to write.")(act)
    words = "en or zh; the first if left out."
    act = click.option("--lang", "language", metavar="CODE", help=words)(act)
    act = click.argument("period", required=False)(with_parameters(act))
    return click.argument("name")(act)


@command(export)
@_of_an_edition
def pdf(ws: Workspace, name: str, out: Path, **chosen: Any) -> Told:
    """Print a published edition, by default the newest, to an A4 PDF; Chromium does it."""
    file = str(ws.reports.export_pdf(name, out, **chosen))
    return Told({"file": file}, [file])


@command(export)
@_of_an_edition
def slides(ws: Workspace, name: str, out: Path, **chosen: Any) -> Told:
    """Print a published edition as slides, 16:9, a section each, to a PDF; Chromium does it."""
    file = str(ws.reports.export_slides(name, out, **chosen))
    return Told({"file": file}, [file])


@command(export)
@_of_an_edition
def standalone(ws: Workspace, name: str, out: Path, **chosen: Any) -> Told:
    """Write a published edition, by default the newest, as one HTML file for e-mail."""
    file = str(ws.reports.export_standalone(name, out, **chosen))
    return Told({"file": file}, [file])


@report.command()
@in_workspace
@click.option(
    "--port",
    type=click.IntRange(0, 65535),
    default=0,
    help="Port to listen on; a free one when left out.",
)
def serve(workspace: str | None, port: int) -> None:
    """Show the published folder on this machine only, with the headers its server should send."""
    from workbench.reporting.published.serve import serve as start

    with start(opened(workspace).settings.path("published"), port) as server:
        host, bound = server.server_address[:2]
        click.echo(f"http://{host!s}:{bound}/ shows what is published. Stop with Ctrl+C.")
        try:
            server.serve_forever()
        except KeyboardInterrupt:
            click.echo("Stopped.")
