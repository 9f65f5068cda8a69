"""``workbench office share``, ``notice``, ``ropa`` and ``minimisation``: what goes to others."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from workbench.cli.common import DAY, FILE, FOLDER, Told, command, in_language
from workbench.cli.office import office

if TYPE_CHECKING:
    from workbench.workspace import Workspace


@command(office)
@click.option("--release", "releases", multiple=True, metavar="ID", help="A private table.")
@click.option("--extract", "table", metavar="TABLE", help="Rows of this table, pseudonymised.")
@click.option("--columns", default="", help="Columns of the extract, with commas between.")
@click.option("--to", "recipient", required=True, help="Who receives it.")
@click.option("--country", required=True, help="Where they are.")
@click.option("--purpose", required=True, help="Declared purpose it is for.")
@click.option("--terms", required=True, help="The agreement that binds them, by name or number.")
@click.option("--expires", type=DAY, required=True, help="When it has to be deleted.")
@click.option("--mechanism", default="", help="Of a transfer abroad, such as 'standard contract'.")
@click.option("--people", type=int, default=0, help="Most people an extract may hold, as agreed.")
@click.option("--k", type=int, help="Least people of a group; the catalog's when left out.")
@click.option("--l", type=int, help="Least values of a sensitive column in a group.")
@click.option("--t", type=float, help="Most distance of a group from everybody.")
@click.option("--out", type=FOLDER, required=True, help="New folder for the files.")
def share(
    ws: Workspace,
    releases: tuple[str, ...],
    table: str | None,
    columns: str,
    out: Path,
    **asked: Any,
) -> Told:
    """Hand over private tables, or a minimised pseudonymised extract; recorded as a transfer."""
    from workbench.lifecycle.sharing import shares

    if bool(releases) == bool(table):
        raise click.UsageError("name releases to share (--release) or a table (--extract).")
    if table:
        chosen = [name.strip() for name in columns.split(",") if name.strip()]
        name = ws.office.share_extract(table, chosen, out, **asked)
    else:
        of_extracts = ("people", "k", "l", "t")
        deal = {key: value for key, value in asked.items() if key not in of_extracts}
        name = ws.office.share(releases, out, **deal)
    (made,) = [each for each in shares(ws.office.shares) if each.id == name]
    until = f"{asked['expires']:%Y-%m-%d}"
    lines = [f"{name} is on record: {out} for {asked['recipient']}, until {until}."]
    if table:
        lines.append(f"The smallest group (k) has {made.measured['smallest_group']:,} people.")
    for column, spread in made.measured.get("sensitive", {}).items():
        lines.append(f"{column}: l = {spread['l']:,}, t = {spread['t']:.2f}.")
    facts: dict[str, Any] = {
        "share": name,
        "out": str(out),
        "joinable_with": list(made.joinable_with),
    }
    facts |= {"k": made.k, "l": made.l, "t": made.t, **made.measured}
    others = ", ".join(made.joinable_with)
    warning = (
        f"{asked['recipient']} has {others} of '{table}' too: pseudonyms differ, but rows can be "
        "joined by columns that both hold. Have the old one deleted, or the terms forbid joining."
    )
    return Told(facts, lines, [warning] if others else [])


to_file = click.option("--out", type=FILE, help="File; the screen if left out.")


@command(office)
@in_language
@click.option("--contact", default="", help="Whom customers ask.")
@to_file
def notice(ws: Workspace, out: Path | None, **words: str) -> Told:
    """Write the plain-language privacy notice: what is held, why, how long, whom to ask."""
    return _written(ws.office.privacy_notice(**words), out)


@command(office)
@click.option(
    "--form",
    type=click.Choice(["csv", "fides"]),
    default="csv",
    show_default=True,
    help="CSV, or YAML that Fides reads.",
)
@click.option("--contact", default="", help="Contact, data protection officer, representative.")
@to_file
def ropa(ws: Workspace, form: str, contact: str, out: Path | None) -> Told:
    """Write the record of processing (GDPR 30, PIPL 55-56)."""
    return _written(ws.office.record_of_processing(form, contact=contact), out)


def _written(text: str, out: Path | None) -> Told:
    if out is None:
        return Told({"text": text}, [text.removesuffix("\n")])
    out.write_text(text, encoding="utf-8")
    return Told({"file": str(out)}, [str(out)])


@command(office)
@click.option(
    "--months",
    type=click.IntRange(1, 120),
    default=12,
    show_default=True,
    help="How long nobody read them.",
)
def minimisation(ws: Workspace, months: int) -> Told:
    """List the columns no purpose read in the last months: candidates to stop collecting."""
    found = ws.office.minimisation(months)
    lines = [f"{len(found.unread)} of {found.columns} columns were not read since {found.since}."]
    if not found.covered:
        begins = found.log_begins or "not yet"
        lines.append(f"The log begins {begins}: it does not cover these {months} months.")
    for each in found.unread:
        last = f"last read {each.last_read}" if each.last_read else "never read"
        lines.append(f"  {each.table}.{each.column} ({each.sensitivity}): {last}")
    return Told(found, lines)
