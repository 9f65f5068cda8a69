"""The command that hands data over."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import click

from workbench.cli.common import as_json_too, in_workspace, opened, print_json


@click.command()
@in_workspace
@click.option(
    "--release", "releases", multiple=True, metavar="ID", help="A private table to share."
)
@click.option("--extract", "table", metavar="TABLE", help="Rows of this table, pseudonymised.")
@click.option("--columns", default="", help="Columns of the extract, with commas between.")
@click.option("--to", "recipient", required=True, help="Who receives it.")
@click.option("--country", required=True, help="Where they are.")
@click.option("--purpose", required=True, help="Declared purpose it is for.")
@click.option("--terms", required=True, help="The agreement that binds them, by name or number.")
@click.option(
    "--expires",
    type=click.DateTime(["%Y-%m-%d"]),
    required=True,
    help="When it has to be deleted.",
)
@click.option("--mechanism", default="", help="Of a transfer abroad, such as 'standard contract'.")
@click.option("--people", type=int, default=0, help="Most people an extract may hold, as agreed.")
@click.option("--k", type=int, help="Least people of a group; the catalog's when left out.")
@click.option("--l", "values", type=int, help="Least values of a sensitive column in a group.")
@click.option("--t", "distance", type=float, help="Most distance of a group from everybody.")
@click.option(
    "--out",
    type=click.Path(file_okay=False, path_type=Path),
    required=True,
    help="New folder for the files.",
)
@as_json_too
def share(
    workspace: str | None,
    releases: tuple[str, ...],
    table: str | None,
    columns: str,
    recipient: str,
    country: str,
    purpose: str,
    terms: str,
    expires: dt.datetime,
    mechanism: str,
    people: int,
    k: int | None,
    values: int | None,
    distance: float | None,
    out: Path,
    as_json: bool,
) -> None:
    """Hand over private tables, or a minimised pseudonymised extract; recorded as a transfer."""
    if bool(releases) == bool(table):
        raise click.UsageError("name releases to share (--release) or a table (--extract).")
    from workbench.lifecycle.sharing import shares

    ws = opened(workspace)
    if table:
        chosen = [name.strip() for name in columns.split(",") if name.strip()]
        name = ws.share_extract(
            table,
            chosen,
            out,
            recipient=recipient,
            country=country,
            purpose=purpose,
            terms=terms,
            expires=expires.date(),
            mechanism=mechanism,
            people=people,
            k=k,
            l=values,
            t=distance,
        )
    else:
        name = ws.share(
            releases,
            out,
            recipient=recipient,
            country=country,
            purpose=purpose,
            terms=terms,
            expires=expires.date(),
            mechanism=mechanism,
        )
    (made,) = [each for each in shares(ws.shares) if each.id == name]
    if made.joinable_with:
        click.echo(
            f"{recipient} has {', '.join(made.joinable_with)} of '{table}' too: pseudonyms differ, "
            "but rows can be joined by columns that both hold. Have the old one deleted, or the "
            "terms forbid joining.",
            err=True,
        )
    if as_json:
        facts = {"share": name, "out": str(out), "joinable_with": list(made.joinable_with)}
        print_json({**facts, "k": made.k, "l": made.l, "t": made.t, **made.measured})
        return
    click.echo(f"{name} is on record: {out} for {recipient}, until {expires:%Y-%m-%d}.")
    if table:
        click.echo(f"The smallest group (k) has {made.measured['smallest_group']:,} people.")
    for column, spread in made.measured.get("sensitive", {}).items():
        click.echo(f"{column}: l = {spread['l']:,}, t = {spread['t']:.2f}.")


COMMANDS = [share]
