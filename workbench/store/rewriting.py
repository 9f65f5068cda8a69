"""Take rows away for good: out of the newest snapshot, then out of every file that held them.

Deleted rows live on in old data files, in older snapshots, in the catalog's statistics and in the
copies that readers attach. So a deletion rewrites the files it touched, ends older snapshots,
removes their files, and writes the catalog anew, which forgets the old files' keys. A note that
this is under way stands in the store until all of it is done; running again finishes it.
"""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from workbench.catalog import Catalog
from workbench.errors import StoreMissing
from workbench.store import Connection, Tell, quiet
from workbench.store.durable import sync, write_whole
from workbench.store.engine import Store, StoreWriter, one_commit
from workbench.store.keys.master import derive
from workbench.store.lake_files import (
    META,
    in_lake,
    remove_unnamed,
    sync_folders,
    sync_new,
    there,
)
from workbench.store.quality.rules import literal
from workbench.store.versions import coverage, hash_sql, newest

if TYPE_CHECKING:
    import datetime as dt


_NOTE = "rewriting"


def unfinished(store: Store) -> bool:
    """Return whether a removal of rows was cut off."""
    return (store.folder / _NOTE).exists()


@dataclass(frozen=True)
class Cut:
    """Rows of one table that go: those that meet ``where``, but for what ``keep`` is true for.

    Attributes
    ----------
    table : str
        Of the lake; one that was never loaded is passed over.
    why : str
        The rule in words.
    of : str
        The catalog's table that they are about, where they are kept aside.
    since : str
        SQL of the day their time began.
    instead : str
        SQL of what is set in these rows, which stay.
    """

    table: str
    where: str
    keep: str = "false"
    why: str = ""
    of: str = ""
    since: str = "NULL"
    instead: str = ""

    def counted(self, connection: Connection) -> tuple[int, int, Any]:
        """Return how many rows go, how many are kept, and since when the oldest of them is due."""
        row = connection.execute(
            f"SELECT count(*) FILTER (NOT {self.keep}), count(*) FILTER ({self.keep}), "
            f"min({self.since}) FROM {in_lake(self.table)} WHERE {self.where}"
        ).fetchone()
        return row or (0, 0, None)


Cuts = Callable[["Connection"], Iterable[Cut]]


def take_away(
    store: Store,
    catalog: Catalog,
    cuts: Cuts,
    *,
    message: str,
    today: dt.date,
    progress: Tell = quiet,
) -> dict[str, int]:
    """Remove rows from every file and snapshot; return how many, of each table that lost any.

    Parameters
    ----------
    cuts : callable
        Gives an engine what the conditions refer to, and returns the cuts.
    message : str
        What this is, for the snapshot; it names no customer.
    """
    with store.exclusive() as connection:
        there = store.tables(connection) | set(store.kept_aside(connection))
        asked = [cut for cut in cuts(connection) if cut.table in there]
        counts: Counter[str] = Counter()
        going = [(cut, rows) for cut in asked if (rows := cut.counted(connection)[0])]
        for cut, rows in going:
            counts[cut.table] += 0 if cut.instead else rows
        counts = +counts
        if going:
            write_whole(store.folder / _NOTE, b"")
            with one_commit(store, connection, message) as writer:
                for cut, _ in going:
                    place = in_lake(cut.table)
                    act = f"UPDATE {place} SET {cut.instead}" if cut.instead else ""
                    where = f"({cut.where}) AND NOT {cut.keep}"
                    connection.execute(f"{act or f'DELETE FROM {place}'} WHERE {where}")
                # of what is kept aside no question is asked
                named = [name for name in counts if name in catalog.tables]
                writer.carry({n: contents(connection, catalog, n, today) for n in named})
        if unfinished(store):
            settle(store, connection, progress)
        return dict(counts)


def write_anew(store: Store, progress: Tell = quiet) -> int:
    """Write every table into new files under new keys; return how many tables.

    Older snapshots and all files of before go. Cut off, running it again finishes it.
    """
    with store.exclusive() as connection:
        names = [*sorted(store.tables(connection)), *sorted(store.kept_aside(connection))]
        write_whole(store.folder / _NOTE, b"")
        with one_commit(store, connection, "files written anew") as writer:
            for number, name in enumerate(names, 1):
                progress(f"writing {name} anew: {number} of {len(names)}")
                place = in_lake(name)
                connection.execute(f"CREATE OR REPLACE TABLE {place} AS SELECT * FROM {place}")
            writer.carry({})
        settle(store, connection, progress)
    return len(names)


def contents(
    connection: Connection, catalog: Catalog, name: str, today: dt.date
) -> tuple[str, Mapping[str, str]]:
    """Return what names the rows a table holds now, as a whole and by month."""
    table = catalog.tables[name]
    row = connection.execute(
        f'SELECT count(*), sum({hash_sql(table)})::VARCHAR FROM lake."{name}"'
    ).fetchone()
    version = hashlib.sha256(repr(row).encode()).hexdigest()
    return version, coverage(connection, name, table, today)[1] if table.time else {}


def settle(store: Store, connection: Connection, progress: Tell) -> None:
    """Leave the newest snapshot and nothing of what came before it. Detaches the lake."""
    progress("rewriting files")
    history = StoreWriter(connection, store.marks)
    history.carry({})
    before = there(store.data)
    connection.execute("BEGIN")
    connection.execute("CALL ducklake_rewrite_data_files('lake', delete_threshold => 0)")
    sync_new(store.data, before)
    connection.execute("COMMIT")
    snapshot = newest(connection)
    # why by hand: a snapshot's note goes with it, and what a table's content is named by must stay
    connection.execute(
        f"UPDATE {META}.ducklake_snapshot_changes SET author = 'workbench', "
        "commit_extra_info = ? WHERE snapshot_id = ?",
        [json.dumps(history.changes, sort_keys=True), snapshot],
    )
    # why: a table that lost its last row has no file to rewrite, and its smallest and largest
    # values would stay
    connection.execute(
        f"UPDATE {META}.ducklake_table_column_stats SET min_value = NULL, max_value = NULL "
        f"WHERE table_id NOT IN (SELECT table_id FROM {META}.ducklake_data_file "
        "WHERE end_snapshot IS NULL)"
    )
    connection.execute("DETACH lake")
    # why before the old files go: whoever opens the store meanwhile must find what it names
    store.publish(snapshot, again=True)
    for path in store.folder.glob("snapshots/*"):
        if path.name != f"{snapshot}.ducklake":
            path.unlink()
    sync(store.folder / "snapshots")
    progress("ending older snapshots")
    store.attach_writable(connection)
    rows = connection.execute("SELECT snapshot_id FROM lake.snapshots()").fetchall()
    older = [row[0] for row in rows if row[0] != snapshot]
    if older:
        connection.execute(f"CALL ducklake_expire_snapshots('lake', versions => {older})")
    connection.execute("CALL ducklake_cleanup_old_files('lake', cleanup_all => true)")
    remove_unnamed(connection, store.data)
    sync_folders(store.data)
    connection.execute("DETACH lake")
    progress("writing the catalog anew")
    rewrite_catalog(store, connection, store.catalog_path, store.master_key)
    store.publish(snapshot, again=True)
    (store.folder / _NOTE).unlink(missing_ok=True)
    sync(store.folder)


def rewrite_catalog(
    store: Store, connection: Connection, path: Path, master: bytes, *, unless_already: bool = False
) -> None:
    """Write a catalog anew under a key: what was deleted leaves it, and no other key opens it."""
    new = path.with_suffix(".new")
    for leftover in (new, new.with_suffix(".new.wal")):
        leftover.unlink(missing_ok=True)
    if attach_plain(store, connection, path, "present") == master and unless_already:
        connection.execute("DETACH present")
        return
    key = derive(master, "lake-catalog").hex()
    connection.execute(f"ATTACH {literal(new)} AS following (ENCRYPTION_KEY '{key}')")
    connection.execute("COPY FROM DATABASE present TO following")
    connection.execute("DETACH following")
    connection.execute("DETACH present")
    sync(new)
    new.replace(path)
    sync(path.parent)


def attach_plain(store: Store, connection: Connection, path: Path, name: str) -> bytes:
    """Attach a catalog as the database it is; return the master key that opened it.

    Raises
    ------
    StoreMissing
        No key of this store opens it.
    """
    # why: copies are opened by readers, also in this process, and the lake's own may have a log
    option = "READ_WRITE" if path == store.catalog_path else "READ_ONLY"

    def sql(key: str) -> str:
        return f"ATTACH {literal(path)} AS {name} (ENCRYPTION_KEY '{key}', {option})"

    if (master := store.attach_by_key(connection, path, sql, str(path))) is not None:
        return master
    raise StoreMissing(
        f"the key in {store.key_source.place()} does not open {path}. Put the right one back; "
        "nothing was changed."
    )
