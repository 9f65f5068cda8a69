"""Commands about the customers' privacy budget."""

from __future__ import annotations

import click

from workbench.cli.common import as_json_too, in_workspace, opened, print_json


@click.command()
@in_workspace
@click.option("--period", metavar="MONTH", help="Month whose allowance to show; this one else.")
@click.option(
    "--pld",
    is_flag=True,
    help="Add a second, tighter figure of all answers: by privacy loss distributions.",
)
@as_json_too
def budget(workspace: str | None, period: str | None, pld: bool, as_json: bool) -> None:
    """Show what was spent of the customers' privacy budget, what is left, and the answers."""
    from workbench.errors import PeriodError
    from workbench.periods import Period
    from workbench.privacy.accounting import pld_epsilon
    from workbench.privacy.standing import RAISED

    ws = opened(workspace)
    month = Period.parse(period) if period else None
    if month and month.kind != "month":
        raise PeriodError(f"allowances are by month: give one such as 2026-09, not {period}.")
    lines = ws.budget(month.text if month else None)
    answers = ws.ledger.summary()
    second = pld_epsilon(ws.ledger.prices(), ws.catalog.privacy.delta) if pld else None
    if as_json:
        print_json(
            {
                "delta": float(ws.catalog.privacy.delta),
                "limits": [vars(line) for line in lines],
                "answers": answers,
                **({"pld_epsilon": second} if pld else {}),
            }
        )
        return
    counting = ws.ledger.in_force()
    click.echo(f"Privacy budget of the customers (epsilon at delta {counting[1]}):")
    for line in lines:
        spent = f"spent {line.spent:6.2f} of {line.limit:6.2f}"
        click.echo(f"  {line.scope:14} {spent}   left {line.left:6.2f}")
    if counting != (ws.catalog.privacy.limits, ws.catalog.privacy.delta):
        click.echo(RAISED.strip())
    if second is not None:
        click.echo(f"  all by privacy loss distributions: {second:.2f}, for information only")
    newest = " The newest ten; --json has all:" if len(answers) > 10 else ""
    click.echo(f"{len(answers)} answers are paid for and free to use again.{newest}")
    for each in answers[-10:]:
        click.echo(
            f"  {each['release']}  {each['period'] or '':10}  {each['name']:28} "
            f"epsilon {each['epsilon']:.2f}"
        )


@click.command()
@in_workspace
@click.option("--reason", required=True, help="What happened to the ledger.")
@click.option("--role", help="officer; else $WORKBENCH_ROLE. It is self-declared.")
@click.option("--lost-rho", metavar="RHO", help="What was lost, where no witness knows it.")
@click.option("--clock", is_flag=True, help="The clock is right now, and was ahead before.")
@as_json_too
def acknowledge(
    workspace: str | None,
    reason: str,
    role: str | None,
    lost_rho: str | None,
    clock: bool,
    as_json: bool,
) -> None:
    """Record that the ledger lost its end or was moved, or that limits were raised, and why.

    With --clock: that the clock was ahead when something was marked, and is right now.
    """
    if clock:
        ahead = opened(workspace).set_clock(reason, role=role)
        if as_json:
            print_json({"set_back": ahead})
        for name, at in ahead.items() if not as_json else ():
            click.echo(f"{name}: set back from {at:%Y-%m-%d %H:%M}. What was spent stays spent.")
        return
    charged = opened(workspace).acknowledge(reason, role=role, lost_rho=lost_rho)
    if as_json:
        print_json({"charged_epsilon": charged})
    else:
        click.echo(f"Recorded. Epsilon {charged:.2f} of what was lost counts as spent from now on.")


COMMANDS = [budget, acknowledge]
