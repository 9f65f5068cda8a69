"""``python -m benchmarks``: run benchmarks, print their rows, fail when a bar does not hold."""

from __future__ import annotations

import sys
import traceback
from collections.abc import Sequence

import click

from benchmarks.harness import Benchmark, Result, Size, as_json, failed, load_all
from workbench.errors import suggest


@click.command(context_settings={"help_option_names": ["-h", "--help"]})
@click.argument("names", nargs=-1, metavar="[NAME]...")
@click.option("--all", "everything", is_flag=True, help="Run every benchmark.")
@click.option("--list", "listing", is_flag=True, help="Name the benchmarks and stop.")
@click.option(
    "--size",
    type=click.Choice(["smoke", "full"]),
    default="full",
    show_default=True,
    help="full: the bars' own size. smoke: seconds, to see that everything still works.",
)
@click.option("--json", "machine", is_flag=True, help="Print one JSON list instead of a table.")
def main(
    names: tuple[str, ...], everything: bool, listing: bool, size: Size, machine: bool
) -> None:
    """Measure, compare with a reference of the same run, and hold to a bar.

    Exit code 1 when a bar does not hold or a benchmark fails, 2 for a wrong name.
    """
    known = load_all()
    if listing:
        for bench in known.values():
            click.echo(f"{bench.name:<14} {bench.bar:<10} {bench.about}")
        return
    for name in names:
        if name not in known:
            raise click.UsageError(f"no benchmark named '{name}'.{suggest(name, known)}")
    if not names and not everything:
        raise click.UsageError("name a benchmark, or say --all. --list names them.")
    chosen = list(known) if everything else list(dict.fromkeys(names))
    rows, broken = _run([known[name] for name in chosen], size)
    if machine:
        click.echo(as_json(rows))
    elif rows:
        _print_table(rows)
    for row in failed(rows):
        click.echo(f"{row.name}: the bar {row.bar} does not hold.", err=True)
    sys.exit(1 if broken or failed(rows) else 0)


def _run(chosen: Sequence[Benchmark], size: Size) -> tuple[list[Result], list[str]]:
    """Run benchmarks one after the other; one that breaks does not keep the others from running."""
    rows: list[Result] = []
    broken: list[str] = []
    for bench in chosen:
        click.echo(f"{bench.name} ({size}) …", err=True)
        try:
            rows += bench.run(size)
        except Exception:  # noqa: BLE001  # why: its traceback is printed and the run fails below
            traceback.print_exc()
            broken.append(bench.name)
    if broken:
        click.echo(f"did not run to its end: {', '.join(broken)}", err=True)
    return rows, broken


def _print_table(rows: Sequence[Result]) -> None:
    from rich.console import Console
    from rich.table import Table

    table = Table("name", "size")
    for heading in ("figure", "reference", "ratio"):
        table.add_column(heading, justify="right")
    table.add_column("bar")
    table.add_column("holds")
    for row in rows:
        table.add_row(
            row.name,
            row.size,
            _short(row.figure),
            _short(row.reference),
            _short(row.ratio),
            row.bar,
            "yes" if row.holds else "no",
        )
    # A pipe has no width of its own, and 80 columns would cut the names.
    Console(width=None if sys.stdout.isatty() else 120, highlight=False).print(table)


def _short(number: float | None) -> str:
    return "–" if number is None else f"{number:,.4g}" if abs(number) < 1e4 else f"{number:,.0f}"


if __name__ == "__main__":
    main(prog_name="python -m benchmarks")
