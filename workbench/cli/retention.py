"""Commands about how long rows are kept, and what keeps them longer."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

import click

from workbench.cli.common import as_json_too, in_workspace, opened, print_json, steps

if TYPE_CHECKING:
    from workbench.lifecycle.retention import Due


@click.group()
def retention() -> None:
    """See and remove rows that are past their time; hold what must be kept."""


@retention.command()
@in_workspace
@as_json_too
def plan(workspace: str | None, as_json: bool) -> None:
    """Show which rows are past their time, why, and what is on hold; nothing is removed."""
    ws = opened(workspace)
    due, kept = ws.retention_plan(), ws.holds()
    if as_json:
        print_json({"tables": [vars(each) for each in due], "holds": [vars(each) for each in kept]})
        return
    _tell(due)
    for hold in kept:
        who = "one customer" if hold.mark else ""
        what = " of ".join(filter(None, [f"table {hold.table}" if hold.table else "", who]))
        click.echo(f"{hold.id} holds {what} since {hold.since:%Y-%m-%d}: {hold.reason}")


def _tell(due: Iterable[Due]) -> None:
    for each in due:
        rows = "not measured" if each.rows is None else f"{each.rows:,} rows would go"
        held = f", {each.on_hold:,} on hold ({', '.join(each.holds)})" if each.on_hold else ""
        since = f", the oldest from {each.oldest}" if each.oldest else ""
        click.echo(f"{each.table:32} {rows}{held}{since}; kept {each.why}")
        if each.in_force:
            click.echo(
                f"WARNING: {each.in_force:,} rows of {each.table} past that time are consents in "
                "force, and stay. Count from withdrawal: say 'after:' the column of withdrawal.",
                err=True,
            )


@retention.command()
@in_workspace
@click.option("--yes", is_flag=True, help="Mean it: what is shown goes for good.")
@as_json_too
def apply(workspace: str | None, yes: bool, as_json: bool) -> None:
    """Take away every row past its time that nothing holds, from every file and snapshot."""
    ws = opened(workspace)
    going = [each for each in ws.retention_plan() if each.rows]
    if going and not as_json:
        _tell(going)
    if going and not yes:
        rows = sum(each.rows or 0 for each in going)
        raise click.UsageError(
            f"{rows:,} rows of {', '.join(each.table for each in going)} would go for good, from "
            "every file and snapshot. Say --yes if that is meant; nothing was removed."
        )
    with steps(as_json) as tell:
        removed = ws.apply_retention(tell)
    if as_json:
        print_json({"removed": removed})
    elif removed:
        for table, rows in removed.items():
            click.echo(f"{table:24} {rows:,} rows removed")
    else:
        click.echo("Nothing is past its time.")


@retention.command()
@in_workspace
@click.option("--table", metavar="TABLE", help="Keep this table's rows.")
@click.option("--subject", metavar="ID", help="Keep this customer's rows.")
@click.option("--reason", required=True, help="Why: the dispute, the authority's reference.")
@as_json_too
def hold(
    workspace: str | None, table: str | None, subject: str | None, reason: str, as_json: bool
) -> None:
    """Keep rows of a table, of a customer, or of both, until released."""
    made = opened(workspace).hold(reason, table=table, subject=subject)
    if as_json:
        print_json(vars(made))
    else:
        end = f"workbench retention release {made.id} --reason …"
        click.echo(f"{made.id} is in force. End it with '{end}'.")


@retention.command()
@click.argument("name", metavar="HOLD")
@in_workspace
@click.option("--reason", required=True, help="Why it may end.")
@as_json_too
def release(name: str, workspace: str | None, reason: str, as_json: bool) -> None:
    """End a hold."""
    ended = opened(workspace).release_hold(name, reason)
    if as_json:
        print_json(vars(ended))
    else:
        click.echo(f"{ended.id} is released.")


COMMANDS = [retention]
