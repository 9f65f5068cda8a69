"""Commands about backups and restoring them."""

from __future__ import annotations

from pathlib import Path

import click

from workbench.cli.common import as_json_too, in_workspace, opened, print_json, steps


@click.command()
@in_workspace
@click.option(
    "--out",
    type=click.Path(path_type=Path),
    help="Folder, or file ending in .backup; the setting 'backups' otherwise.",
)
@as_json_too
def backup(workspace: str | None, out: Path | None, as_json: bool) -> None:
    """Write an encrypted backup of data, ledger, audit log and registers; no key is in it."""
    ws = opened(workspace)
    with steps(as_json) as tell:
        made = ws.back_up(out, tell)
    if as_json:
        print_json(vars(made))
    else:
        click.echo(f"{made.file}: {made.files} files, {made.bytes:,} bytes, sha256 {made.sha256}")


@click.command()
@click.argument("file", type=click.Path(dir_okay=False, path_type=Path))
@in_workspace
@click.option("--test", is_flag=True, help="Restore beside, look it over, remove it, record it.")
@click.option("--into", type=click.Path(file_okay=False, path_type=Path), help="Another folder.")
@click.option("--over", is_flag=True, help="Even though data is loaded here.")
@click.option(
    "--key-file",
    type=click.Path(dir_okay=False, path_type=Path),
    help="The backup's key, where it is not the present one.",
)
@as_json_too
def restore(
    file: Path,
    workspace: str | None,
    test: bool,
    into: Path | None,
    over: bool,
    key_file: Path | None,
    as_json: bool,
) -> None:
    """Put a backup back; customers erased since then stay erased."""
    if into is not None:
        from workbench.lifecycle.backups import require_key
        from workbench.lifecycle.restoring import lay_settings
        from workbench.store.keys import read_key_file

        key = read_key_file(key_file) if key_file else require_key(opened(workspace).office, None)
        lay_settings(file, key, into)
        target = opened(str(into))
        if key_file is None:
            target.store.key_source.put(key)
    else:
        target = opened(workspace)
    with steps(as_json) as tell:
        if test:
            found = target.restore_test(file, key_file=key_file, progress=tell)
        else:
            found = target.restore(file, over=over, key_file=key_file, progress=tell)
    if as_json:
        print_json(vars(found))
        return
    done = "could be restored" if test else "is restored"
    rows, again = sum(found.rows.values()), sum(found.erased_again.values())
    click.echo(f"The backup of {found.made} {done}: {rows:,} rows in {len(found.rows)} tables.")
    if again:
        click.echo(f"{again:,} rows of customers erased since then were taken away again.")
    if corrected := sum(found.corrected_again.values()):
        click.echo(f"{corrected:,} rows corrected since then were corrected again.")
    for path in found.not_corrections:
        click.echo(f"Not replayed, for it is another workspace's or damaged: {path}", err=True)
    if found.kept:
        click.echo(f"Newer than the backup and left as they are: {', '.join(found.kept)}.")


@click.group()
def backups() -> None:
    """See, read through and prune the backups of the workspace's folder."""


@backups.command(name="list")
@in_workspace
@as_json_too
def list_(workspace: str | None, as_json: bool) -> None:
    """List the backups, newest first, and why each is kept by [keep_backups]."""
    from workbench.lifecycle.pruning import backups as found_in

    found = found_in(opened(workspace).office)
    if as_json:
        print_json([vars(each) for each in found])
        return
    for each in found:
        made = f"{each.made:%Y-%m-%d %H:%M}" if each.made else "when, nobody can read"
        why = (
            f"kept: {', '.join(each.kept)}" if each.kept else "goes with 'workbench backups prune'"
        )
        click.echo(f"{each.file}  {made}  {each.bytes:,} bytes  {why}")
    if not found:
        click.echo("There is no backup. Make one with 'workbench backup'.")


@backups.command()
@in_workspace
@click.option("--yes", is_flag=True, help="Mean it: what is shown goes for good.")
@as_json_too
def prune(workspace: str | None, yes: bool, as_json: bool) -> None:
    """Remove the backups that [keep_backups] does not keep: so many days, weeks and months."""
    from workbench.lifecycle import pruning

    office = opened(workspace).office
    found = pruning.backups(office)
    going = [each.file for each in found if not each.kept]
    if not as_json:
        for file in going:
            click.echo(f"{file} {'goes' if yes else 'would go'}")
    if going and not yes:
        raise click.UsageError(
            f"{len(going)} of {len(found)} backups would go for good. Say --yes if that is meant; "
            "nothing was removed."
        )
    removed = pruning.prune(office)
    if as_json:
        print_json({"removed": removed, "left": len(found) - len(removed)})
    else:
        click.echo(f"{len(removed)} backups removed, {len(found) - len(removed)} left.")


@backups.command()
@in_workspace
@as_json_too
def check(workspace: str | None, as_json: bool) -> None:
    """Read every backup to its end with the workspace's key; exit code 7 where one is not whole."""
    from workbench.lifecycle import pruning

    office = opened(workspace).office
    with steps(as_json) as tell:
        found = pruning.check(office, tell)
    if as_json:
        print_json(found)
    else:
        for file, wrong in found.items():
            click.echo(f"{file}: {wrong or 'whole'}")
        if not found:
            click.echo("There is no backup. Make one with 'workbench backup'.")
    if any(found.values()):
        raise SystemExit(7)


COMMANDS = [backup, backups, restore]
