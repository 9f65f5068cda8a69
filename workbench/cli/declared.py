"""Commands that write what the catalog declares for others: notice, record of processing."""

from __future__ import annotations

from pathlib import Path

import click

from workbench.cli.common import as_json_too, in_workspace, opened, print_json
from workbench.cli.export import export

_out = click.option(
    "--out", type=click.Path(dir_okay=False, path_type=Path), help="File; the screen if left out."
)


@export.command()
@in_workspace
@click.option(
    "--lang",
    type=click.Choice(["en", "zh"]),
    default="en",
    show_default=True,
    help="Language of the notice.",
)
@click.option("--contact", default="", help="Whom customers ask.")
@_out
def notice(workspace: str | None, lang: str, contact: str, out: Path | None) -> None:
    """Write the plain-language privacy notice: what is held, why, how long, whom to ask."""
    _write(opened(workspace).privacy_notice(lang=lang, contact=contact), out)


@export.command()
@in_workspace
@click.option(
    "--form",
    type=click.Choice(["csv", "fides"]),
    default="csv",
    show_default=True,
    help="CSV, or YAML that Fides reads.",
)
@click.option("--contact", default="", help="Contact, data protection officer, representative.")
@_out
def ropa(workspace: str | None, form: str, contact: str, out: Path | None) -> None:
    """Write the record of processing (GDPR 30, PIPL 55-56)."""
    _write(opened(workspace).record_of_processing(form, contact=contact), out)


@export.command()
@in_workspace
@click.option(
    "--months",
    type=click.IntRange(1, 120),
    default=12,
    show_default=True,
    help="How long nobody read them.",
)
@as_json_too
def minimisation(workspace: str | None, months: int, as_json: bool) -> None:
    """List the columns no purpose read in the last months: candidates to stop collecting."""
    found = opened(workspace).minimisation(months)
    if as_json:
        print_json(
            {
                "since": found.since,
                "log_begins": found.log_begins,
                "columns": found.columns,
                "unread": [vars(each) for each in found.unread],
            }
        )
        return
    click.echo(f"{len(found.unread)} of {found.columns} columns were not read since {found.since}.")
    if not found.covered:
        begins = found.log_begins or "not yet"
        click.echo(f"The log begins {begins}: it does not cover these {months} months.")
    for each in found.unread:
        last = f"last read {each.last_read}" if each.last_read else "never read"
        click.echo(f"  {each.table}.{each.column} ({each.sensitivity}): {last}")


def _write(text: str, out: Path | None) -> None:
    if out is None:
        click.echo(text, nl=False)
    else:
        out.write_text(text, encoding="utf-8")
        click.echo(str(out))


COMMANDS: list[click.Command] = []  # they are commands of `export`
