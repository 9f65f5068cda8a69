"""Change the master key, or destroy it.

With ``data`` the data files are written anew as well, each under a new key of its own.

What changes: the key that opens the store's catalogs, the seal of the marks' secret, the pseudonyms
of every purpose, and which rows a customer beyond a contribution bound keeps. What stays: the data,
its versions, the ledger and every answer in it, and the marks of erased and restricted customers.

The next key is written first. Then each file is replaced by one under it, whole; until all are done
both keys are there and whatever opens a file tries both. So a rotation may be cut off anywhere, and
running it again finishes it.
"""

from collections.abc import Collection
from contextlib import suppress
from pathlib import Path

from workbench.errors import Refused, StorageError
from workbench.lifecycle.backups.archive import read_header, remove_leftovers
from workbench.lifecycle.backups.pruning import PRUNED
from workbench.lifecycle.backups.taking import BACKED_UP, SUFFIX
from workbench.lifecycle.holds import holds
from workbench.lifecycle.office import Office
from workbench.store import Tell, quiet
from workbench.store.corrections import FILE as CORRECTIONS_FILE
from workbench.store.durable import files_below, write_whole
from workbench.store.engine import Store
from workbench.store.keys.master import reseal
from workbench.store.keys.sources import destroy, fingerprint
from workbench.store.lake_files import SHREDDED, sync_folders
from workbench.store.rewriting import rewrite_catalog, write_anew

ROTATED = "key rotated"
DESTROYED = "destroyed"
MOVED = "not where it was written; the key opens it wherever it is"
LEFT = "left: it was made with another key"
DAMAGED = "left: it is damaged, and which key made it is not known"


def rotate(office: Office, progress: Tell = quiet, *, data: bool = False) -> str:
    """Change to a new master key; return its fingerprint.

    Parameters
    ----------
    data : bool
        Write the data files anew too, each under a new key of its own: who has the old master key
        and an old catalog opens none of them. Older snapshots end.

    Raises
    ------
    StoreMissing
        There is no key, or it comes from the environment and no new one is named there.
    """
    office.events.require_clock(office.now)
    store = office.store
    with store.locked():
        old, new = store.key_source.read(), store.key_source.begin()
        rekey(store, new, progress)
        # why before the end: once the old key is gone, nobody would know that it was rotated
        told = {
            "old": fingerprint(old),
            "new": fingerprint(new),
            **({"data": True} if data else {}),
        }
        office.note(ROTATED, told)
        store.key_source.finish()
        store.forget_key()
    if data and store.exists:
        write_anew(store, progress)
    office.look_anew()
    return fingerprint(new)


def rekey(store: Store, new: bytes, progress: Tell = quiet) -> None:
    """Put every file that a master key opens under a new one; the caller holds the store's lock."""
    with store.connect() as connection:
        paths = [store.catalog_path, *sorted(store.folder.glob("snapshots/*.ducklake"))]
        there = [path for path in paths if path.exists()]
        for number, path in enumerate(there, 1):
            progress(f"putting {number} of {len(there)} catalogs under the new key")
            rewrite_catalog(store, connection, path, new, unless_already=True)
    reseal(store.marks.secret_path, [*store.masters(), new])


def shred(office: Office) -> dict[str, str]:
    """Destroy the master key and every key under it: nothing in the store can be read again.

    Returns what became of each backup that is known: destroyed, not there, left.

    A key of the environment is not ours to destroy, and of any other there may be a copy. So what
    it opens goes too: the catalogs, in which the key of each data file stands, the data files,
    corrections that are kept, and the backups made with it.

    Raises
    ------
    Refused
        A legal hold keeps rows.
    """
    kept = holds(office.events)
    if kept:
        raise Refused(
            f"a legal hold keeps rows ({', '.join(each.id for each in kept)}), and without the key "
            "they are lost. Release it first with 'workbench office retention release'; nothing "
            "was done."
        )
    store = office.store
    with store.locked():
        remove_leftovers(office.private)
        catalogs = files_below(store.folder, "*.ducklake*")
        backups = _backups(office, {*map(fingerprint, store.key_source.candidates())})
        going = [Path(file) for file, told in backups.items() if told == DESTROYED]
        told = {"key": fingerprint(store.key_source.read()), "of": store.key_source.kind}
        office.note("keys shredded", {**told, "catalogs": len(catalogs), "backups": len(going)})
        leftovers = [*store.folder.glob("*.new*"), *store.folder.glob("snapshots/*.part")]
        corrections = [store.corrections.path, office.settings.path("backups") / CORRECTIONS_FILE]
        for path in [*catalogs, *leftovers, *corrections, *going]:
            if path.exists():
                destroy(path)
            if path in catalogs:  # why not nothing: a new store would hide that this one is lost
                write_whole(path, SHREDDED)
        for path in files_below(store.data):
            path.unlink()
        sync_folders(store.data)
        store.key_source.shred()
        store.forget_key()
    return backups


def _backups(office: Office, keys: Collection[str]) -> dict[str, str]:
    """Return what becomes of the backups of the folder, and of those that the log knows."""
    pruned = {name for each in office.events.acts(PRUNED) for name in each.body["files"]}
    noted = {str(each.body["file"]) for each in office.events.acts(BACKED_UP)}
    there = {str(path) for path in office.settings.path("backups").glob(f"*{SUFFIX}")}
    found = {}
    for file in sorted(noted | there):
        if Path(file).exists():
            found[file] = DAMAGED
            with suppress(StorageError):  # of one that is damaged whoever looks at it decides
                found[file] = DESTROYED if read_header(Path(file)).get("key") in keys else LEFT
        elif Path(file).name not in pruned:
            found[file] = MOVED
    return found
