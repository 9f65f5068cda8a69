"""``workbench decision``: what managers decided on a report's figures, and what came of it."""

from __future__ import annotations

import datetime as dt
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import click

from workbench.cli.common import DAY, Told, command

if TYPE_CHECKING:
    from workbench.lifecycle.decisions import Decision
    from workbench.workspace import Workspace


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
    shown = [_decision(each, today) for each in found]
    lines = [line for each in shown for line in each.lines]
    return Told([each.facts for each in shown], lines or ["No decision is on the log."])


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
