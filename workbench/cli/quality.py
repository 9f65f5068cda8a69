"""The command that measures the data's quality."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from workbench.cli.common import as_json_too, in_workspace, opened, print_json, steps

if TYPE_CHECKING:
    from workbench.store.quality_result import Check, Quality


@click.command()
@click.argument("tables", nargs=-1, metavar="[TABLE]...")
@click.option("--all", "everything", is_flag=True, help="Show what is green too.")
@in_workspace
@as_json_too
def quality(
    tables: tuple[str, ...], everything: bool, workspace: str | None, as_json: bool
) -> None:
    """Measure the data's quality by the catalog's rules: counts only, kept for control limits."""
    ws = opened(workspace)
    with steps(as_json) as tell:
        measured = ws.quality(*tables, progress=tell)
    if as_json:
        print_json(_plain(measured))
    else:
        _show(measured, everything)


def _plain(measured: Quality) -> dict[str, Any]:
    from workbench.store.quality_result import rows

    return {
        "at": measured.at.isoformat(),
        "snapshot": measured.snapshot,
        "light": measured.light,
        "dimensions": measured.dimensions(),
        "tables": {
            table.table: {"rows": table.rows, "as_of": table.as_of, "light": table.light}
            for table in measured.tables
        },
        "checks": rows(measured.checks),
        "hints": [vars(hint) for hint in measured.hints],
    }


def _show(measured: Quality, everything: bool) -> None:
    quiet = () if everything else ("green", "no threshold")
    for table in measured.tables:
        shown = [check for check in table.checks if check.light not in quiet]
        rows = "not loaded" if table.rows is None else f"{table.rows:,} rows"
        click.echo(f"{table.table}: {table.light} ({rows}, {len(table.checks)} checks)")
        for check in shown:
            click.echo(f"  {_line(check)}")
    for name, lights in measured.counts().items():
        told = ", ".join(f"{count} {light}" for light, count in lights.items() if count)
        click.echo(f"{name}: {told or 'not measured'}")


def _line(check: Check) -> str:
    what = f"{check.light:<12} {check.column or 'table'}: {check.rule}"
    if check.rate is None:
        return f"{what} ({check.why})"
    count = f"{check.failed:,} of {check.checked:,} ({check.rate:.3%})"
    usual = f", usual {check.usual[0]:.3%} to {check.usual[1]:.3%}" if check.usual else ""
    trend = f", {check.trend}" if check.trend not in (None, "steady") else ""
    why = f": {check.why}" if check.why else ""
    return f"{what}: {count}{usual}{trend}{why}"


COMMANDS = [quality]
