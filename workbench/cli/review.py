"""Commands of the security review and the register of risks."""

from __future__ import annotations

import datetime as dt
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from workbench.cli.common import as_json_too, in_workspace, opened, print_json
from workbench.errors import StorageError

if TYPE_CHECKING:
    from workbench.lifecycle.review import Risk

_DAY = click.DateTime(["%Y-%m-%d"])
_TREATMENT = click.Choice(["mitigate", "accept", "avoid", "transfer"])
_FIVE = click.IntRange(1, 5)


@click.command()
@in_workspace
@click.option(
    "--advisories",
    type=click.Path(path_type=Path),
    help="List of known weaknesses: of 'pip-audit -f json', or of OSV; a file or a folder.",
)
@as_json_too
def review(workspace: str | None, advisories: Path | None, as_json: bool) -> None:
    """Look settings, permissions, encryption, logs and dependencies over, and record it."""
    ws = opened(workspace)
    found = ws.review(advisories)
    try:
        risks = [risk for risk in ws.reviews.risks() if not risk.closed]
        counted = f"{len(risks)} open risks."
    except StorageError:  # its check says what is wrong with it
        risks, counted = [], "The register of risks cannot be read."
    if as_json:
        print_json(
            {
                "at": found.at,
                "checks": [vars(check) for check in found.checks],
                "risks": [_facts(risk) for risk in risks],
            }
        )
    else:
        marks = {True: "ok      ", False: "FAILED  ", None: "unknown "}
        for check in found.checks:
            detail = f" ({check.detail})" if check.detail else ""
            click.echo(f"  {marks[check.ok]} {check.part}: {check.what}{detail}")
        click.echo(counted)
        for risk in risks:
            click.echo(_line(risk))
    if found.failed:
        sys.exit(2)


@click.group()
def risk() -> None:
    """Keep the register of risks: owner, severity = likelihood × impact, treatment."""


@risk.command()
@click.argument("title")
@in_workspace
@click.option("--owner", required=True, help="Role or department that answers for it.")
@click.option("--likelihood", type=_FIVE, required=True, help="1 rare to 5 almost certain.")
@click.option("--impact", type=_FIVE, required=True, help="1 slight to 5 grave.")
@click.option("--treatment", type=_TREATMENT, required=True, help="What is done about it.")
@click.option("--plan", default="", help="How.")
@click.option("--due", type=_DAY, help="By when; not needed for what is accepted.")
@as_json_too
def add(
    title: str,
    workspace: str | None,
    owner: str,
    likelihood: int,
    impact: int,
    treatment: str,
    plan: str,
    due: dt.datetime | None,
    as_json: bool,
) -> None:
    """Put a risk on the register."""
    ws = opened(workspace)
    made = ws.reviews.add_risk(
        title,
        owner=owner,
        likelihood=likelihood,
        impact=impact,
        treatment=treatment,
        plan=plan,
        due=due.date() if due else None,
        now=ws.now(),
    )
    _show(made, as_json)


@risk.command()
@click.argument("name")
@in_workspace
@click.option("--likelihood", type=_FIVE, help="1 rare to 5 almost certain.")
@click.option("--impact", type=_FIVE, help="1 slight to 5 grave.")
@click.option("--treatment", type=_TREATMENT, help="What is done about it.")
@click.option("--plan", help="How.")
@click.option("--due", type=_DAY, help="By when.")
@as_json_too
def change(
    name: str,
    workspace: str | None,
    likelihood: int | None,
    impact: int | None,
    treatment: str | None,
    plan: str | None,
    due: dt.datetime | None,
    as_json: bool,
) -> None:
    """Record what changed; what it was stays on record."""
    told: dict[str, Any] = {
        "likelihood": likelihood,
        "impact": impact,
        "treatment": treatment,
        "plan": plan,
        "due": due.date() if due else None,
    }
    ws = opened(workspace)
    changes = {key: value for key, value in told.items() if value is not None}
    _show(ws.reviews.change_risk(name, changes, now=ws.now()), as_json)


@risk.command(name="close")
@click.argument("name")
@in_workspace
@click.option("--reason", required=True, help="Why it is none any more.")
@as_json_too
def close_(name: str, workspace: str | None, reason: str, as_json: bool) -> None:
    """Close a risk."""
    ws = opened(workspace)
    _show(ws.reviews.close_risk(name, reason, now=ws.now()), as_json)


@risk.command(name="list")
@in_workspace
@as_json_too
def list_(workspace: str | None, as_json: bool) -> None:
    """Show every risk, gravest first."""
    found = opened(workspace).reviews.risks()
    if as_json:
        print_json([_facts(each) for each in found])
        return
    for each in found:
        click.echo(_line(each))
    if not found:
        click.echo("No risk is on record.")


def _facts(each: Risk) -> dict[str, Any]:
    return {**vars(each), "severity": each.severity, "level": each.level}


def _line(each: Risk) -> str:
    state = "closed" if each.closed else f"{each.treatment}, due {each.due or 'never'}"
    return (
        f"  {each.id} {each.level:6} {each.severity:2} = {each.likelihood} × {each.impact}  "
        f"{each.title} ({each.owner}; {state})"
    )


def _show(each: Risk, as_json: bool) -> None:
    if as_json:
        print_json(_facts(each))
    else:
        click.echo(_line(each))


COMMANDS = [review, risk]
