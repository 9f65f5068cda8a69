"""Commands about the customers' privacy budget."""

from __future__ import annotations

import click

from workbench.cli.common import as_json_too, in_workspace, opened, print_json


@click.command()
@in_workspace
@click.option("--period", metavar="MONTH", help="Month whose allowance to show; this one else.")
@as_json_too
def budget(workspace: str | None, period: str | None, as_json: bool) -> None:
    """Show what was spent of the customers' privacy budget, what is left, and the answers."""
    from workbench.errors import PeriodError
    from workbench.periods import Period

    ws = opened(workspace)
    month = Period.parse(period) if period else None
    if month and month.kind != "month":
        raise PeriodError(f"allowances are by month: give one such as 2026-09, not {period}.")
    lines = ws.budget(month.text if month else None)
    answers = ws.ledger.summary()
    if as_json:
        print_json(
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


COMMANDS = [budget]
