"""``workbench store``: backups, restoring them, the master key."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from workbench.cli.common import (
    FILE,
    FOLDER,
    PATH,
    Told,
    command,
    in_workspace,
    meant,
    opened,
    say,
    steps,
)

if TYPE_CHECKING:
    from workbench.workspace import Workspace

NO_BACKUP = "There is no backup. Make one with 'workbench store backup'."


@click.group()
def store() -> None:
    """Back up, restore, and look after the master key."""


@command(store)
@click.option("--out", type=PATH, help="Folder, or file ending in .backup; the setting otherwise.")
def backup(ws: Workspace, out: Path | None) -> Told:
    """Write an encrypted backup of data, ledger, audit log and registers; no key is in it."""
    with steps() as tell:
        made = ws.office.back_up(out, tell)
    line = f"{made.file}: {made.files} files, {made.bytes:,} bytes, sha256 {made.sha256}"
    return Told(made, [line])


@command(store, opens=False)
@click.argument("file", type=FILE)
@in_workspace
@click.option("--test", is_flag=True, help="Restore beside, look it over, remove it, record it.")
@click.option("--into", type=FOLDER, help="Another folder.")
@click.option("--over", is_flag=True, help="Even though data is loaded here.")
@click.option("--key-file", type=FILE, help="The backup's key, where it is not the present one.")
def restore(
    file: Path,
    workspace: str | None,
    test: bool,
    into: Path | None,
    over: bool,
    key_file: Path | None,
) -> Told:
    """Put a backup back; customers erased since then stay erased."""
    if into is not None:
        from workbench.lifecycle.backups.restoring import lay_settings
        from workbench.lifecycle.backups.taking import require_key
        from workbench.store.keys.master import read_key_file

        key = read_key_file(key_file) if key_file else require_key(opened(workspace).office, None)
        lay_settings(file, key, into)
        target = opened(str(into))
        if key_file is None:
            target.store.key_source.put(key)
    else:
        target = opened(workspace)
    with steps() as tell:
        if test:
            found = target.office.restore_test(file, key_file=key_file, progress=tell)
        else:
            found = target.office.restore(file, over=over, key_file=key_file, progress=tell)
    done = "could be restored" if test else "is restored"
    rows, again = sum(found.rows.values()), sum(found.erased_again.values())
    lines = [f"The backup of {found.made} {done}: {rows:,} rows in {len(found.rows)} tables."]
    if again:
        lines.append(f"{again:,} rows of customers erased since then were taken away again.")
    if corrected := sum(found.corrected_again.values()):
        lines.append(f"{corrected:,} rows corrected since then were corrected again.")
    if found.kept:
        lines.append(f"Newer than the backup and left as they are: {', '.join(found.kept)}.")
    other = "Not replayed, for it is another workspace's or damaged"
    return Told(found, lines, [f"{other}: {path}" for path in found.not_corrections])


@store.group()
def backups() -> None:
    """See, read through and prune the backups of the workspace's folder."""


@command(backups, "list")
def list_(ws: Workspace) -> Told:
    """List the backups, newest first, and why each is kept by [keep_backups]."""
    found = ws.office.backups()
    lines = []
    for each in found:
        made = f"{each.made:%Y-%m-%d %H:%M}" if each.made else "when, nobody can read"
        goes = "goes with 'workbench store backups prune'"
        why = f"kept: {', '.join(each.kept)}" if each.kept else goes
        lines.append(f"{each.file}  {made}  {each.bytes:,} bytes  {why}")
    return Told(found, lines or [NO_BACKUP])


@command(backups)
@meant
def prune(ws: Workspace, yes: bool) -> Told:
    """Remove the backups that [keep_backups] does not keep: so many days, weeks and months."""
    found = ws.office.backups()
    going = [each.file for each in found if not each.kept]
    for file in going:
        say(f"{file} {'goes' if yes else 'would go'}")
    if going and not yes:
        raise click.UsageError(
            f"{len(going)} of {len(found)} backups would go for good. Say --yes if that is meant; "
            "nothing was removed."
        )
    removed = ws.office.prune_backups()
    left = len(found) - len(removed)
    line = f"{len(removed)} backups removed, {left} left."
    return Told({"removed": removed, "left": left}, [line])


@command(backups)
def check(ws: Workspace) -> Told:
    """Read every backup to its end with the workspace's key; exit code 7 where one is not whole."""
    with steps() as tell:
        found = ws.office.check_backups(tell)
    lines = [f"{file}: {wrong or 'whole'}" for file, wrong in found.items()]
    return Told(found, lines or [NO_BACKUP], code=7 if any(found.values()) else 0)


@store.group()
def keys() -> None:
    """Change the master key, or destroy it."""


@command(keys)
@click.option("--data", is_flag=True, help="Write the data files anew too; older snapshots end.")
def rotate(ws: Workspace, data: bool) -> Told:
    """Change to a new master key; the old one opens nothing more. Pseudonyms change with it."""
    with steps() as tell:
        fingerprint = ws.office.rotate_key(tell, data=data)
    lines = [
        f"The key is {fingerprint} now. Copy it once to a safe place, away from backups.",
        "All data files are new, under keys of their own; older snapshots have ended."
        if data
        else "Data files keep their own keys; --data writes them anew.",
        "Open kernels anew: pseudonyms have changed. Older backups need the older key.",
    ]
    return Told({"key": fingerprint}, lines)


@command(keys)
@click.option("--yes", is_flag=True, help="Mean it: the data cannot be read again by anybody.")
def shred(ws: Workspace, yes: bool) -> Told:
    """Destroy the keys, and with them everything the store holds."""
    if not yes:
        raise click.UsageError(
            f"this destroys the data of '{ws.settings.title}' for good, and every backup made with "
            "this key. Say --yes if that is meant."
        )
    backups = ws.office.shred_keys()
    where = "The key in the environment is not workbench's to destroy, and still opens"
    if ws.settings.key != "environment":
        where = "The key is destroyed. A copy of it still opens"
    gone = (
        "The data are destroyed: every file's key, the catalogs that held them, the files, and the "
        f"backups named here. {where} a backup that lies elsewhere: destroy it, wherever it is "
        "kept. Ledger, audit log and published pages stay."
    )
    facts = {"shredded": True, "key": ws.settings.key, "backups": backups}
    return Told(facts, [gone, *(f"{file}: {what}" for file, what in backups.items())])
