"""What is typed every day, without a group: set up, run, look, work."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import chain
from pathlib import Path
from shlex import quote
from typing import TYPE_CHECKING, Any

import click

from workbench.cli.common import (
    FOLDER,
    Told,
    asks,
    command,
    failing_on,
    gate,
    in_workspace,
    in_zone,
    of_a_run,
    opened,
    steps,
)

if TYPE_CHECKING:
    from workbench.reporting.suite import Outcome
    from workbench.workspace import Workspace


@click.group()
def top() -> None:
    """Commands that are typed every day."""


@command(top)
@click.option(
    "--reload",
    multiple=True,
    metavar="TABLE",
    help="Load a table anew, in place of rows taken in by ingest; may be given several times.",
)
def init(ws: Workspace, reload: tuple[str, ...]) -> Told:
    """Make the key and load the estate's files where they are new or changed."""
    with steps() as tell:
        rows = ws.init(tell, reload=reload)
    total = f"Loaded {sum(rows.values()):,} rows in {len(rows)} tables into {ws.store.folder}."
    facts = {"loaded": dict(rows), "snapshot": ws.store.latest_snapshot()}
    return Told(facts, [total if rows else "Everything is loaded already."])


@command(top, opens=False)
@click.argument("folder", metavar="NAME", type=FOLDER)
@click.option(
    "--from",
    "sources",
    multiple=True,
    required=True,
    metavar="SOURCE",
    help="A .csv, .xlsx or .parquet file, a folder of them, or a database's address such as "
    "sqlite:///shop.db; may be given several times.",
)
@click.option(
    "--customer",
    metavar="COLUMN",
    help="Which column says whose row it is; 'row' where every row is a customer of its own.",
)
def new(folder: Path, sources: tuple[str, ...], customer: str | None) -> Told:
    """Make a workspace of your own data: its catalog drafted, and a first report."""
    from workbench.estates.drafting import new_workspace

    tables, left_out = new_workspace(folder, sources, customer)
    # why init last: it refuses a file of which some rows do not fit, and leaves out what is fed
    loads = sorted({table.load for table in tables}, key=lambda each: each == "init")
    rows = {table.name: table.looked.rows for table in tables}
    at = f"-w {quote(str(folder))}"
    return Told(
        {"out": str(folder), "rows": rows, "left_out": left_out},
        [
            *chain.from_iterable(table.said() for table in tables),
            *(f"LEFT OUT {name}: {why}" for name, why in left_out.items()),
            f"Wrote {folder}. The files were copied into {folder}/data, which is yours alone to "
            "read; nothing outside it is read again.",
            f"Next: answer the questions in {folder}/catalog.yaml; then "
            + "".join(f"'workbench {each} {at}', " for each in loads)
            + f"and 'workbench run first-page {at}'. 'workbench check {at}' says "
            "where you are on the way.",
        ],
    )


@command(top, opens=False)
@asks("--customers", type=click.IntRange(1), default=5000, help="How many.")
@asks("--months", type=click.IntRange(1, 240), default=18, help="Over how many months.")
@asks("--seed", type=int, default=2026, help="Same seed, same customers.")
@click.option("--out", type=FOLDER, required=True, help="Folder to write into; made if absent.")
def sample(out: Path, **size: Any) -> Told:
    """Write an invented bank's customer data, with its catalog, into a folder."""
    from workbench.estates.sample.build import generate

    with steps() as tell:
        rows = generate(
            out, **size, progress=lambda done, total: tell(f"{done:,} of {total:,} customers")
        )
    line = f"Wrote {sum(rows.values()):,} rows in {len(rows)} tables into {out}."
    return Told({"out": str(out), "rows": rows}, [line])


@command(top)
@click.argument("name", required=False)
@click.option("--all", "every", is_flag=True, help="Every report, for one period.")
@click.option("--due", is_flag=True, help="What is missing, missed periods too, oldest first.")
@of_a_run
@click.option(
    "--jobs",
    type=click.IntRange(1, 64),
    metavar="N",
    help="How many editions at a time; by default as many as there are cores, 4 at most.",
)
@click.option("--force", is_flag=True, help="Render again even when the edition is there.")
@click.option(
    "--wait",
    "wait_seconds",
    type=click.FloatRange(0),
    default=3600.0,
    metavar="SECONDS",
    help="How long to wait for another run of this workspace; 3600 by default.",
)
@click.option("--standalone", is_flag=True, help="Also as one file: standalone.html beside it.")
@click.option("--pdf", is_flag=True, help="Also as report.pdf beside it, printed by Chromium.")
def run(
    ws: Workspace, name: str | None, every: bool, standalone: bool, pdf: bool, **asked: Any
) -> Told:
    """Render reports for a period and publish them."""
    if (name is not None) + every + asked["due"] != 1:
        raise click.UsageError("Name a report, or give --all or --due: one of the three.")
    if asked["parameters"] and name is None:
        raise click.UsageError("Parameters are of one report: name it.")
    if pdf:
        from workbench.reporting.published.copies import find_browser

        find_browser()  # before anything is run and paid for
    wait = asked["wait_seconds"]
    with steps() as tell:
        done = ws.reports.run(name, **asked, progress=tell)
        files = [
            str(file)
            for edition in done.editions
            for file in ws.reports.add_files(
                edition, standalone=standalone, pdf=pdf, wait_seconds=wait, progress=tell
            )
        ]
    one = name is not None and len(done.editions) == 1 and not done.failures
    facts = {**(done.editions[0].facts() if one else done.facts()), "files": files}
    return Told(facts, _editions(done, files), _problems(done), done.exit_code)


def _editions(done: Outcome, files: list[str]) -> list[str]:
    lines = []
    for edition in done.editions:
        which = f"{edition.period} {edition.variant}".rstrip()
        state = "was published already" if edition.unchanged else "is published"
        if edition.revision > 1 and not edition.unchanged:
            state = f"is published as revision {edition.revision}"
        lines.append(f"'{edition.report}' for {which} {state}: {edition.page}")
        lines += [f"  {line}" for line in (*edition.changed, *ways_out(edition.dropped))]
    lines += [f"Also: {file}" for file in files]
    if not done.editions:
        nothing = not done.failures and not done.waiting and not done.problems
        return [*lines, *["Nothing is due."] * nothing]
    lines.append(f"All reports: {done.editions[0].index}")
    if len(done.editions) > 1:
        lines.append("Epsilon that each spent now of the customers' privacy budget:")
        for edition in done.editions:
            which = f"{edition.report} {edition.period} {edition.variant}".rstrip()
            lines.append(f"  {which}: {edition.spent_now:.2f}")
    else:
        (edition,) = done.editions
        lines.append(
            f"This run spent epsilon {edition.spent_now:.2f} of the customers' privacy budget; the "
            f"edition's figures cost {edition.epsilon:.2f} in all."
        )
    return lines + [
        f"  {limit.scope}: {limit.left:.2f} of {limit.limit:.2f} left"
        for limit in done.editions[-1].left
    ]


def ways_out(dropped: Sequence[str]) -> list[str]:
    """Return what a page will not hold, and what to do about it."""
    from workbench.reporting.notebooks.remarks import WAY_OUT

    return [*dropped, WAY_OUT] if dropped else []


def _problems(done: Outcome) -> list[str]:
    lines = [f"DefinitionError: {problem}" for problem in done.problems]
    for failure in done.failures:
        error = failure.error
        lines.append(f"{type(error).__name__}: {error}")
        lines.append(f"  exit code {error.exit_code}; record of runs: {failure.log}")
    for each in done.waiting:
        which = f"'{each.definition.name}' for {each.period.text} {each.variant.name}".rstrip()
        lines.append(
            f"{which} is due since {in_zone(each.since)} and waits for its data. Load it "
            "with 'workbench init' and try again."
        )
    hooks = [each.hooks for each in done.editions] + [each.hooks for each in done.failures]
    return lines + [f"Hook: {problem}" for problem in chain.from_iterable(hooks)]


@command(top)
def due(ws: Workspace) -> Told:
    """List the editions that are missing, oldest period first."""
    found, problems = ws.reports.due(), ws.reports.wrong_definitions()
    lines = [
        f"{each.definition.name} {each.period.text} {each.variant.name}".rstrip()
        + f": {each.state}, due since {in_zone(each.since)}"
        for each in found
    ]
    facts = {"due": [each.facts() for each in found], "problems": problems}
    wrong = [f"DefinitionError: {problem}" for problem in problems]
    return Told(facts, lines or ["Nothing is due."], wrong)


@command(top)
def check(ws: Workspace) -> Told:
    """Check settings, catalog, store, ledger, definitions, notebooks; say all problems at once."""
    from workbench.checks import check as run_checks
    from workbench.checks import next_step

    with steps() as tell:
        problems = run_checks(ws, tell)
    following = next_step(ws, problems)
    if problems:
        lines = [f"{problem.part}: {problem.text}" for problem in problems]
        lines.append(f"{len(problems)} problem{'s' if len(problems) > 1 else ''} found.")
    else:
        tables, purposes = ws.catalog.tables, ws.catalog.purposes
        columns = sum(len(table.columns) for table in tables.values())
        lines = [
            f"All good: {len(tables)} tables, {columns} columns, {len(purposes)} purposes, catalog "
            f"{ws.catalog.hash[:12]}."
        ]
    told = {"problems": problems}
    return Told(told, [*lines, *filter(None, [following])], code=2 if problems else 0)


@command(top)
@failing_on
def status(ws: Workspace, fail_on: str) -> Told:
    """Look at everything once: health, what is due, budget, backups, logs, what needs a person."""
    from workbench.status import light_of
    from workbench.status import status as look

    seen = look(ws)
    light = light_of(seen)
    wide = max(len(each.part) for each in seen)
    lines = [
        f"{each.light:<12} {each.part:<{wide}}  {each.what}" + (f" → {each.todo}" * bool(each.todo))
        for each in seen
    ]
    return Told({"light": light, "seen": seen}, lines, code=gate(light, fail_on))


@top.command(context_settings={"ignore_unknown_options": True})
@in_workspace
@click.argument("arguments", nargs=-1, type=click.UNPROCESSED)
def lab(workspace: str | None, arguments: tuple[str, ...]) -> None:
    """Open JupyterLab on the workspace; further words go to 'jupyter lab'."""
    from workbench.lab import lab as open_lab

    open_lab(opened(workspace).settings, arguments)
