"""Commands that set a workspace up and look it over."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from workbench.cli.common import as_json_too, in_workspace, opened, print_json, steps


@click.command()
@click.option(
    "--reload",
    multiple=True,
    metavar="TABLE",
    help="Load a table anew, in place of rows taken in by ingest; may be given several times.",
)
@in_workspace
@as_json_too
def init(reload: tuple[str, ...], workspace: str | None, as_json: bool) -> None:
    """Make the key and load the estate's files where they are new or changed."""
    ws = opened(workspace)
    with steps(as_json) as tell:
        rows = ws.init(tell, reload=reload)
    if as_json:
        print_json({"loaded": dict(rows), "snapshot": ws.store.latest_snapshot()})
    elif rows:
        total = sum(rows.values())
        click.echo(f"Loaded {total:,} rows in {len(rows)} tables into {ws.store.folder}.")
    else:
        click.echo("Everything is loaded already.")


@click.command()
@in_workspace
@as_json_too
def check(workspace: str | None, as_json: bool) -> None:
    """Check settings, catalog, store, ledger, definitions, notebooks; say all problems at once."""
    from workbench.checks import check as run_checks
    from workbench.checks import describe, next_step

    ws = opened(workspace)
    with steps(as_json) as tell:
        problems = run_checks(ws, tell)
    if as_json:
        print_json({"problems": [vars(problem) for problem in problems]})
    elif problems:
        for problem in problems:
            click.echo(f"{problem.part}: {problem.text}")
        click.echo(f"{len(problems)} problem{'s' if len(problems) > 1 else ''} found.")
        click.echo(next_step(ws, problems))
    else:
        facts = describe(ws.catalog)
        click.echo(
            f"All good: {facts['tables']} tables, {facts['columns']} columns, "
            f"{facts['purposes']} purposes, catalog {facts['hash']}."
        )
        if following := next_step(ws, problems):
            click.echo(following)
    if problems:
        sys.exit(2)


@click.command()
@click.option(
    "--customers", type=click.IntRange(1), default=5000, show_default=True, help="How many."
)
@click.option(
    "--months",
    type=click.IntRange(1, 240),
    default=18,
    show_default=True,
    help="Over how many months.",
)
@click.option(
    "--seed", type=int, default=2026, show_default=True, help="Same seed, same customers."
)
@click.option(
    "--out",
    type=click.Path(file_okay=False, path_type=Path),
    required=True,
    help="Folder to write into; made if absent.",
)
@as_json_too
def sample(customers: int, months: int, seed: int, out: Path, as_json: bool) -> None:
    """Write an invented bank's customer data, with its catalog, into a folder."""
    from workbench.estates.sample.build import generate

    with steps(as_json) as tell:
        rows = generate(
            out,
            customers=customers,
            months=months,
            seed=seed,
            progress=lambda done, total: tell(f"{done:,} of {total:,} customers"),
        )
    if as_json:
        print_json({"out": str(out), "rows": rows})
    else:
        click.echo(f"Wrote {sum(rows.values()):,} rows in {len(rows)} tables into {out}.")


@click.command(name="import")
@click.argument("name")
@click.option(
    "--out",
    type=click.Path(file_okay=False, path_type=Path),
    help="Where; by default estates/NAME.",
)
@as_json_too
def import_(name: str, out: Path | None, as_json: bool) -> None:
    """Bring a public dataset (cdnow, completejourney) into a workspace of its own."""
    from workbench.estates.datasets import import_dataset

    target = out or Path("estates") / name
    rows = import_dataset(name, target)
    if as_json:
        print_json({"out": str(target), "rows": rows})
    else:
        click.echo(f"Wrote {sum(rows.values()):,} rows in {len(rows)} tables into {target}.")
        click.echo(
            f"Next: workbench init -w {target} && workbench run customer-overview -w {target}"
        )


@click.command()
@click.argument("folder", metavar="NAME", type=click.Path(file_okay=False, path_type=Path))
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
@as_json_too
def new(folder: Path, sources: tuple[str, ...], customer: str | None, as_json: bool) -> None:
    """Make a workspace of your own data: its catalog drafted, and a first report."""
    from workbench.estates.drafting import new_workspace

    tables = new_workspace(folder, sources, customer)
    if as_json:
        print_json(
            {"out": str(folder), "rows": {table.name: table.looked.rows for table in tables}}
        )
        return
    for table in tables:
        for line in table.said():
            click.echo(line)
    click.echo(
        f"Wrote {folder}. The files were copied into {folder}/data, which is yours alone to read; "
        "nothing outside it is read again."
    )
    # why init last: it refuses a file of which some rows do not fit, and leaves out what is fed
    loads = sorted({table.load for table in tables}, key=lambda each: each == "init")
    click.echo(
        f"Next: answer the questions in {folder}/catalog.yaml; then "
        + "".join(f"'workbench {each} -w {folder}', " for each in loads)
        + f"and 'workbench run first-page -w {folder}'. 'workbench check -w {folder}' says where "
        "you are on the way."
    )


COMMANDS = [init, check, new, sample, import_]
