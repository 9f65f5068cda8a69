"""Commands about the master key."""

from __future__ import annotations

import click

from workbench.cli.common import as_json_too, in_workspace, opened, print_json, steps


@click.group()
def keys() -> None:
    """Change the master key, or destroy it."""


@keys.command()
@in_workspace
@click.option("--data", is_flag=True, help="Write the data files anew too; older snapshots end.")
@as_json_too
def rotate(workspace: str | None, data: bool, as_json: bool) -> None:
    """Change to a new master key; the old one opens nothing more. Pseudonyms change with it."""
    ws = opened(workspace)
    with steps(as_json) as tell:
        fingerprint = ws.rotate_key(tell, data=data)
    if as_json:
        print_json({"key": fingerprint})
        return
    click.echo(f"The key is {fingerprint} now. Copy it once to a safe place, away from backups.")
    if data:
        click.echo("All data files are new, under keys of their own; older snapshots have ended.")
    else:
        click.echo("Data files keep their own keys; --data writes them anew.")
    click.echo("Open kernels anew: pseudonyms have changed. Older backups need the older key.")


@keys.command()
@in_workspace
@click.option("--yes", is_flag=True, help="Mean it: the data cannot be read again by anybody.")
@as_json_too
def shred(workspace: str | None, yes: bool, as_json: bool) -> None:
    """Destroy the keys, and with them everything the store holds."""
    ws = opened(workspace)
    if not yes:
        raise click.UsageError(
            f"this destroys the data of '{ws.settings.title}' for good, and every backup made with "
            "this key. Say --yes if that is meant."
        )
    ws.shred_keys()
    if as_json:
        print_json({"shredded": True, "key": ws.settings.key})
    elif ws.settings.key == "environment":
        click.echo(
            "The data are destroyed: every file's key, the catalogs that held them, the files. The "
            "key in the environment is not workbench's to destroy, and still opens every backup "
            "made with it: destroy it where it is kept, or the backups. Ledger, audit log and "
            "published pages stay."
        )
    else:
        click.echo(
            "The key is destroyed. Ledger, audit log and published pages stay. Copies of the key "
            "elsewhere still open the data: destroy them too."
        )


COMMANDS = [keys]
