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


COMMANDS = [backup, restore]
