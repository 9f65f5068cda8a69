"""Commands about reports."""

from __future__ import annotations

import click

from workbench.cli.common import (
    as_json_too,
    for_period,
    in_workspace,
    opened,
    print_json,
    steps,
    with_parameters,
)


@click.command()
@click.argument("name")
@in_workspace
@for_period
@with_parameters
@click.option("--force", is_flag=True, help="Render again even when the edition is there.")
@click.option("--standalone", is_flag=True, help="Also as one file: standalone.html beside it.")
@click.option("--pdf", is_flag=True, help="Also as report.pdf beside it, printed by Chromium.")
@as_json_too
def run(
    name: str,
    workspace: str | None,
    period: str | None,
    parameters: tuple[str, ...],
    force: bool,
    standalone: bool,
    pdf: bool,
    as_json: bool,
) -> None:
    """Render a report for a period and publish it."""
    ws = opened(workspace)
    with steps(as_json) as tell:
        edition = ws.render(name, period=period, parameters=parameters, force=force, progress=tell)
    files = ws.add_files(edition, standalone=standalone, pdf=pdf)
    if as_json:
        print_json({**edition.facts(), "files": [str(file) for file in files]})
        return
    state = "was published already" if edition.unchanged else "is published"
    click.echo(f"'{edition.report}' for {edition.period} {state}: {edition.page}")
    for file in files:
        click.echo(f"Also: {file}")
    click.echo(f"All reports: {edition.index}")
    click.echo(
        f"This run spent epsilon {edition.spent_now:.2f} of the customers' privacy budget; the "
        f"edition's figures cost {edition.epsilon:.2f} in all."
    )
    for line in edition.left:
        click.echo(f"  {line.scope}: {line.left:.2f} of {line.limit:.2f} left")


@click.command()
@click.argument("name")
@in_workspace
@for_period
@with_parameters
@as_json_too
def plan(
    name: str, workspace: str | None, period: str | None, parameters: tuple[str, ...], as_json: bool
) -> None:
    """Show what a report would cost and how exact it would be, before anything is spent."""
    from dataclasses import asdict

    ws = opened(workspace)
    with steps(as_json) as tell:
        planned = ws.plan(name, period=period, parameters=parameters, progress=tell)
    if as_json:
        lines = [
            {"scope": line.scope, "limit": line.limit, "left": line.left} for line in planned.left
        ]
        answers = [asdict(each) for each in planned.answers]
        facts = {"report": planned.report, "period": planned.period, "epsilon": planned.epsilon}
        print_json({**facts, "answers": answers, "left": lines, "incomplete": planned.incomplete})
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


COMMANDS = [run, plan]
