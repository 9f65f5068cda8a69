"""``workbench report`` and ``workbench decision``: editions, and what was decided on them.

An edition's cost, schedule and files, the folder shown; what managers decided on its figures, and
what came of it.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from workbench.cli.common import (
    DAY,
    FILE,
    Told,
    command,
    in_workspace,
    of_a_run,
    opened,
    several,
    steps,
    with_parameters,
)
from workbench.cli.top import ways_out

if TYPE_CHECKING:
    from workbench.lifecycle.decisions import Decision
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


@click.group()
def decision() -> None:
    """Keep the log of decisions: what each rests on, what was expected, what came of it."""


@command(decision)
@click.argument("title")
@click.option("--owner", required=True, help="Role or department that decided it.")
@click.option("--measure", required=True, help="What is expected to come of it, in words.")
@click.option("--expected", type=float, required=True, help="How much of it.")
@click.option("--low", type=float, required=True, help="Lower end of its 95 % interval.")
@click.option("--high", type=float, required=True, help="Upper end of its 95 % interval.")
@click.option("--unit", default="", help="In what it is counted, such as CNY or %.")
@click.option(
    "--edition", "editions", multiple=True, help="Edition it rests on: risk-scoring/2026-09."
)
@click.option("--release", "releases", multiple=True, help="Id of a release it rests on.")
@click.option("--on", type=DAY, help="When it was decided; today when left out.")
@click.option("--due", type=DAY, help="When its outcome is to be looked at.")
def record(ws: Workspace, title: str, **about: Any) -> Told:
    """Put a decision on the log."""
    return _decision(ws.decisions.record(title, **about))


@command(decision)
@click.argument("name")
@click.option("--value", type=float, help="The outcome, in the unit that was expected.")
@click.option("--margin", type=float, help="Half its 95 % interval; 0 where it is exact.")
@click.option("--release", help="Id of a release that holds the outcome, in place of --value.")
@click.option("--of", help="Which of the release's measures it is.")
@click.option("--where", multiple=True, metavar="COLUMN=VALUE", help="Which of its rows.")
@click.option("--on", type=DAY, help="The day the outcome is of.")
def review(ws: Workspace, name: str, where: tuple[str, ...], **about: Any) -> Told:
    """Record what came of a decision, and say whether the difference is more than noise."""
    rows = dict(each.partition("=")[::2] for each in where)
    return _decision(ws.decisions.review(name, where=rows, **about))


@command(decision, "list")
def list_(ws: Workspace) -> Told:
    """Show every decision, those whose outcome is due first."""
    today = ws.now().date()
    found = sorted(ws.decisions.all(), key=lambda each: (not _due(each, today), each.id))
    return several([_decision(each, today) for each in found], "No decision is on the log.")


def _due(each: Decision, today: dt.date) -> bool:
    return each.outcome is None and each.due is not None and each.due <= today


def _decision(each: Decision, today: dt.date | None = None) -> Told:
    from workbench.workspace.decisions import told

    words = told(each)
    lines = [
        f"  {words['decision']} ({each.owner}, {each.on})",
        f"    {each.measure}: expected {words['expected']}; actual {words['actual']}: "
        f"{words['verdict']}",
        f"    rests on {', '.join((*each.editions, *each.releases))}",
    ]
    if today and _due(each, today):
        lines.append(f"    its outcome was due on {each.due}")
    facts = {**asdict(each), "difference": each.difference, "margin": each.margin}
    return Told({**facts, "beyond_noise": each.beyond_noise}, lines)
