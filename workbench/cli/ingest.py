"""Commands that take files in, and look after what was kept aside."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from workbench.cli.common import as_json_too, in_workspace, opened, print_json, steps

if TYPE_CHECKING:
    from workbench.store.quarantine import Ingested


@click.command()
@click.argument("table")
@click.argument(
    "files", nargs=-1, required=True, metavar="FILE...", type=click.Path(path_type=Path)
)
@click.option("--encoding", metavar="NAME", help="Of CSV files: gb18030, utf-16, latin-1, …")
@click.option("--sheet", metavar="NAME", help="Of a workbook; the first by default.")
@click.option("--date-format", metavar="FORMAT", help="How days are written as text: %d/%m/%Y.")
@click.option("--decimal", metavar="MARK", help="The decimal mark within text: . or ,")
@click.option("--thousands", metavar="MARK", help="The mark between thousands within text.")
@in_workspace
@as_json_too
def ingest(
    table: str,
    files: tuple[Path, ...],
    encoding: str | None,
    sheet: str | None,
    date_format: str | None,
    decimal: str | None,
    thousands: str | None,
    workspace: str | None,
    as_json: bool,
) -> None:
    """Take files into a table: good rows in, bad ones aside; the same file twice adds nothing."""
    # why: of what libraries do when they are imported, nothing here has a use for these
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # starts threads that wait, busily
    os.environ.setdefault("PYDANTIC_DISABLE_PLUGINS", "__all__")  # asks every package installed
    ws = opened(workspace)
    done = []
    with steps(as_json) as tell:
        for file in files:
            done.append(
                ws.ingest(
                    table,
                    file,
                    encoding=encoding,
                    sheet=sheet,
                    date_format=date_format,
                    decimal=decimal,
                    thousands=thousands,
                    progress=tell,
                )
            )
            if not as_json:
                click.echo(_line(done[-1], Path(file).name))
    if as_json:
        print_json({"files": [_plain(each) for each in done]})
    elif any(each.quarantined for each in done):
        click.echo("Kept aside: see 'workbench quarantine'.")


def _plain(taken: Ingested) -> dict[str, Any]:
    return {**vars(taken), "at": taken.at.isoformat()}


def _line(taken: Ingested, file: str) -> str:
    if taken.known:
        other = "" if taken.file == file else f" as {taken.file}"
        return f"{file}: taken in before{other} on {taken.at:%Y-%m-%d}; nothing was added."
    counts = {
        "added": taken.added,
        "updated": taken.updated,
        "unchanged": taken.unchanged,
        "repeated in the file": taken.repeated,
        "kept aside": taken.quarantined,
        "of erased customers left out": taken.erased,
    }
    told = ", ".join(f"{count:,} {what}" for what, count in counts.items() if count)
    pairs = taken.possible_duplicates
    more = f"; {pairs:,} pairs of customers may be one person" if pairs else ""
    if taken.not_compared:
        more += (
            f"; {taken.not_compared:,} customers share their dates with too many others to be "
            "compared with all of them"
        )
    return f"{taken.file}: {taken.rows:,} rows: {told or 'nothing'}{more}."


@click.command()
@click.option("--empty", metavar="TABLE", help="Take this table's kept-aside rows away for good.")
@in_workspace
@as_json_too
def quarantine(empty: str | None, workspace: str | None, as_json: bool) -> None:
    """Show what was kept aside and why: counts by table, file and reason."""
    ws = opened(workspace)
    if empty is not None:
        gone = ws.empty_quarantine(empty)
        if as_json:
            print_json({"table": empty, "rows": gone})
        else:
            click.echo(f"{gone:,} rows of '{empty}' that were kept aside are gone.")
        return
    found = ws.kept_aside()
    if as_json:
        names = ("table", "file", "reasons", "rows")
        print_json([dict(zip(names, each, strict=True)) for each in found])
        return
    if not found:
        click.echo("Nothing is kept aside.")
        return
    lines = [("table", "file", "rows", "reasons")]
    lines += [(table, file, f"{rows:,}", reasons) for table, file, reasons, rows in found]
    wide = [max(len(line[place]) for line in lines) for place in range(3)]
    for table, file, count, reasons in lines:
        click.echo(f"{table:{wide[0]}}  {file:{wide[1]}}  {count:>{wide[2]}}  {reasons}")
    click.echo(f"Lines and rows: ws.quarantine('{found[0][0]}', purpose=…) in Python.")
    days = ws.settings.quarantine.keep_days
    click.echo(f"'workbench retention apply' takes them away {days} days after their file came in.")


COMMANDS = [ingest, quarantine]
