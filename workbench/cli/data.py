"""``workbench data``: files taken in, what was kept aside, quality, the states of the store."""

from __future__ import annotations

import os
from pathlib import Path
from shlex import quote
from typing import TYPE_CHECKING, Any

import click

from workbench.cli.common import FOLDER, PATH, Told, command, failing_on, gate, in_zone, say, steps

if TYPE_CHECKING:
    from workbench.store.loading.quarantine import Ingested
    from workbench.store.quality.result import Check, Quality
    from workbench.workspace import Workspace


@click.group()
def data() -> None:
    """Take data in, look after what was kept aside, measure quality, list older states."""


@command(data)
@click.argument("table")
@click.argument("files", nargs=-1, required=True, metavar="FILE...", type=PATH)
@click.option("--encoding", metavar="NAME", help="Of CSV files: gb18030, utf-16, latin-1, …")
@click.option("--sheet", metavar="NAME", help="Of a workbook; the first by default.")
@click.option("--date-format", metavar="FORMAT", help="How days are written as text: %d/%m/%Y.")
@click.option("--decimal", metavar="MARK", help="The decimal mark within text: . or ,")
@click.option("--thousands", metavar="MARK", help="The mark between thousands within text.")
def ingest(ws: Workspace, table: str, files: tuple[Path, ...], **options: Any) -> Told:
    """Take files into a table: good rows in, bad ones aside; the same file twice adds nothing."""
    # why: of what libraries do when they are imported, nothing here has a use for these
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # starts threads that wait, busily
    os.environ.setdefault("PYDANTIC_DISABLE_PLUGINS", "__all__")  # asks every package installed
    done = []
    with steps() as tell:
        for file in files:
            done.append(ws.ingest(table, file, **options, progress=tell))
            say(_taken(done[-1], file.name))  # at once: the next may be refused
    facts = [{**vars(each), "at": each.at.isoformat()} for each in done]
    aside = any(each.quarantined for each in done)
    return Told({"files": facts}, ["Kept aside: see 'workbench data quarantine'."] * aside)


def _taken(taken: Ingested, file: str) -> str:
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


@command(data)
@click.option("--empty", metavar="TABLE", help="Take this table's kept-aside rows away for good.")
def quarantine(ws: Workspace, empty: str | None) -> Told:
    """Show what was kept aside and why: counts by table, file and reason."""
    if empty is not None:
        gone = ws.empty_quarantine(empty)
        told = f"{gone:,} rows of '{empty}' that were kept aside are gone."
        return Told({"table": empty, "rows": gone}, [told])
    found = ws.kept_aside()
    names = ("table", "file", "reasons", "rows")
    facts = [dict(zip(names, each, strict=True)) for each in found]
    if not found:
        return Told(facts, ["Nothing is kept aside."])
    rows = [("table", "file", "rows", "reasons")]
    rows += [(table, file, f"{count:,}", reasons) for table, file, reasons, count in found]
    wide = [max(len(row[place]) for row in rows) for place in range(3)]
    lines = [
        f"{a:{wide[0]}}  {b:{wide[1]}}  {c:>{wide[2]}}  {reasons}" for a, b, c, reasons in rows
    ]
    days = ws.settings.quarantine.keep_days
    return Told(
        facts,
        [
            *lines,
            f"Lines and rows: ws.quarantine('{found[0][0]}', purpose=…) in Python.",
            f"'workbench office retention apply' takes them away {days} days after their file came "
            "in.",
        ],
    )


@command(data)
@click.argument("tables", nargs=-1, metavar="[TABLE]...")
@click.option("--all", "everything", is_flag=True, help="Show what is green too.")
@failing_on
def quality(ws: Workspace, tables: tuple[str, ...], everything: bool, fail_on: str) -> Told:
    """Measure the data's quality by the catalog's rules: counts only, kept for control limits."""
    from workbench.store.quality.result import rows

    with steps() as tell:
        measured = ws.quality(*tables, progress=tell)
    facts = {
        "at": measured.at.isoformat(),
        "snapshot": measured.snapshot,
        "light": measured.light,
        "dimensions": measured.dimensions(),
        "tables": {
            table.table: {"rows": table.rows, "as_of": table.as_of, "light": table.light}
            for table in measured.tables
        },
        "checks": rows(measured.checks),
        "hints": measured.hints,
    }
    return Told(facts, _measured(measured, everything), code=gate(measured.light, fail_on))


def _measured(measured: Quality, everything: bool) -> list[str]:
    quiet = () if everything else ("green", "no threshold")
    lines = []
    for table in measured.tables:
        rows = "not loaded" if table.rows is None else f"{table.rows:,} rows"
        lines.append(f"{table.table}: {table.light} ({rows}, {len(table.checks)} checks)")
        lines += [f"  {_checked(check)}" for check in table.checks if check.light not in quiet]
    for name, lights in measured.counts().items():
        told = ", ".join(f"{count} {light}" for light, count in lights.items() if count)
        lines.append(f"{name}: {told or 'not measured'}")
    return lines


def _checked(check: Check) -> str:
    what = f"{check.light:<12} {check.column or 'table'}: {check.rule}"
    if check.rate is None:
        return f"{what} ({check.why})"
    count = f"{check.failed:,} of {check.checked:,} ({check.rate:.3%})"
    usual = f", usual {check.usual[0]:.3%} to {check.usual[1]:.3%}" if check.usual else ""
    trend = f", {check.trend}" if check.trend not in (None, "steady") else ""
    why = f": {check.why}" if check.why else ""
    return f"{what}: {count}{usual}{trend}{why}"


@command(data)
def snapshots(ws: Workspace) -> Told:
    """List the states of the store that can be opened, oldest first: number, when, what changed."""
    found = ws.snapshots()
    lines = [f"{each.number:>6}  {in_zone(each.at)}  {each.what}" for each in found]
    return Told(found, lines)


@command(data, "import", opens=False)
@click.argument("name")
@click.option("--out", type=FOLDER, help="Where; by default estates/NAME.")
def import_(name: str, out: Path | None) -> Told:
    """Bring a public dataset (cdnow, completejourney) into a workspace of its own."""
    from workbench.estates.datasets import import_dataset

    target = out or Path("estates") / name
    rows = import_dataset(name, target)
    at = quote(str(target))
    lines = [
        f"Wrote {sum(rows.values()):,} rows in {len(rows)} tables into {target}.",
        f"Next: workbench init -w {at} && workbench run customer-overview -w {at}",
    ]
    return Told({"out": str(target), "rows": rows}, lines)
