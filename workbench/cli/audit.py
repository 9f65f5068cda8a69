"""Commands about the audit log."""

from __future__ import annotations

import sys

import click

from workbench.cli.common import as_json_too, in_workspace, opened, print_json


@click.group()
def audit() -> None:
    """Read the audit log, or check that nobody changed it."""


@audit.command()
@in_workspace
@as_json_too
def verify(workspace: str | None, as_json: bool) -> None:
    """Check every entry, the end of the log, and what published editions know of it.

    The journal, the ledger and the registers are checked with it.
    """
    logs = dict(opened(workspace).verify_logs())
    verdict, others = logs.pop("audit log"), logs
    whole = verdict.holds and all(each.holds for each in others.values())
    if as_json:
        print_json(
            {
                "holds": whole,
                "entries": verdict.entries,
                "head": list(verdict.head),
                "editions": verdict.witnesses,
                "faults": [vars(fault) for fault in verdict.faults],
                "others": {
                    name: [vars(fault) for fault in each.faults] for name, each in others.items()
                },
            }
        )
    elif verdict.holds:
        click.echo(
            f"All {verdict.entries:,} entries hold. The last one is {verdict.head[0]}, "
            f"{verdict.head[1][:16]}…; {verdict.witnesses} published editions know the log."
        )
    if not as_json:
        for fault in verdict.faults:
            click.echo(f"entry {fault.seq}: {fault.what}" if fault.seq else fault.what)
        for name, each in others.items():
            for fault in each.faults:
                place = f"entry {fault.seq}: " if fault.seq else ""
                click.echo(f"{name}: {place}{fault.what}")
        if not whole:
            click.echo("Put the log back from a backup, and find out who could write the file.")
    if not whole:
        sys.exit(7)


@audit.command()
@in_workspace
@click.option("--kind", metavar="KIND", help="Only entries of one kind, such as 'bulk read'.")
@click.option("--table", metavar="TABLE", help="Only entries about one table.")
@click.option(
    "--last", type=click.IntRange(1), default=20, show_default=True, help="How many, newest last."
)
@as_json_too
def show(
    workspace: str | None, kind: str | None, table: str | None, last: int, as_json: bool
) -> None:
    """Show the newest entries: who did what, when, and for which purpose."""
    from workbench.store.audit import NOTED

    match = {"subject": table} if table else {}
    entries = opened(workspace).audit.chain.entries(kind, **match)[-last:]
    if as_json:
        print_json(
            [{"entry": e.seq, "at": e.at.isoformat(), "kind": e.kind, **e.body} for e in entries]
        )
        return
    if not entries:
        click.echo("No such entry. Without --kind and --table all are shown.")
    for entry in entries:
        body = {k: v for k, v in entry.body.items() if k not in ("who", NOTED)}
        told = ", ".join(f"{name} {value}" for name, value in body.items() if value is not None)
        who = entry.body.get("who", "")
        click.echo(f"{entry.seq:>6}  {entry.at:%Y-%m-%d %H:%M}  {who:10} {entry.kind:10} {told}")


COMMANDS = [audit]
