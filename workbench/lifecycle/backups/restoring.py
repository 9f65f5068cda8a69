"""Restore a backup: beside what is there, checked, erasures replayed, and only then put in place.

Whoever was erased since the backup stays erased: the marks are taken from the workspace as it is
and from the file that lies beside the backups. Logs that went on since the backup (ledger and
audit log) stay as they are; a backup's log is taken only where the present one is lost. An older
ledger is recognised by its anchor and by published editions all the same, and spends nothing until
an officer acknowledged the loss.
"""

import dataclasses
import errno
import os
import shutil
import tempfile
import time
from collections.abc import Mapping
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field
from pathlib import Path

from workbench.errors import InputError, Refused, StorageError, StoreMissing, WorkbenchError
from workbench.lifecycle.backups import taking
from workbench.lifecycle.backups.archive import (
    READY,
    ArchiveReader,
    finish_swap,
    read_header,
    remove,
    remove_leftovers,
    swap,
    tested_in,
)
from workbench.lifecycle.backups.rotation import rekey
from workbench.lifecycle.office import Office
from workbench.lifecycle.rights.correcting import replay
from workbench.lifecycle.rights.customers import known_by
from workbench.lifecycle.rights.erasure import still_findable, take_erased
from workbench.privacy.books.witnesses import move
from workbench.settings import FILE_NAME as SETTINGS_FILE
from workbench.settings import load_settings
from workbench.store import Tell, quiet
from workbench.store.corrections import FILE as CORRECTIONS_FILE
from workbench.store.durable import content_of, file_lock, sync, write_whole
from workbench.store.engine import Store
from workbench.store.keys.marks import FILE as MARKS_FILE
from workbench.store.keys.marks import read_marks
from workbench.store.keys.master import SEAL_FILE
from workbench.store.lake_files import sync_new
from workbench.store.logs.chain import Chain
from workbench.store.logs.events import Events

KEPT_ASIDE = ("runs", "logs", "ipython")  # in no backup, and no reason to lose them
MARK = Path("keys", "audit.mark")
Heads = Mapping[str, tuple[int, str]]  # of a backup's logs, as they were in it


@dataclass(frozen=True)
class Restored:
    """What a restore, or a test of one, found.

    Attributes
    ----------
    file, made : str
        The backup, and when it was made.
    rows : mapping of table to int
        Rows that are there now.
    erased_again : mapping of table to int
        Rows of customers erased since the backup, taken away again.
    corrected_again : mapping of table to int
        Rows whose values were corrected since the backup, and are again.
    not_corrections : tuple of str
        Files of corrections that cannot be opened: they are another workspace's, or damaged.
    kept : tuple of str
        Logs that went on since the backup and were left as they are.
    seconds : float
        How long it took.
    """

    file: str
    made: str
    rows: Mapping[str, int]
    erased_again: Mapping[str, int] = field(default_factory=dict)
    corrected_again: Mapping[str, int] = field(default_factory=dict)
    not_corrections: tuple[str, ...] = ()
    kept: tuple[str, ...] = ()
    seconds: float = 0.0


def restore(
    office: Office,
    file: str | Path,
    *,
    over: bool = False,
    key_file: str | Path | None = None,
    progress: Tell = quiet,
) -> Restored:
    """Put a backup in the place of this workspace's private folder.

    Parameters
    ----------
    over : bool
        Allow it although data is loaded here.
    key_file : Path, optional
        The key of the backup, where it is not the present one.

    Raises
    ------
    Refused
        Data is loaded here and ``over`` is not given.
    StoreMissing
        There is no key, or another one than the backup's.
    StorageError
        The backup is corrupted or cut off; nothing was changed.
    """
    began, private = time.monotonic(), office.private
    beside = private.with_name(f"{private.name}.restoring")
    finish_swap(private)
    read_header(Path(file))  # a slip in the file's name is not answered with a word about --over
    if office.store.exists and not over:
        raise Refused(
            f"data is loaded in {office.store.folder}, and a restore would put the backup's in its "
            "place. Say --over to do that, or --test to try the backup without touching anything."
        )
    file, master = Path(file), taking.require_key(office, Path(key_file) if key_file else None)
    with ExitStack() as locks:
        if private.exists():
            for name in ("run.lock", "store/writer.lock"):
                locks.enter_context(file_lock(private / name))
        remove_leftovers(private)
        with suppress(StorageError):  # what of before is lost or damaged is told of when it is used
            office.events.take_over()
        restored, there, heads = _prepare(office, file, master, beside, progress)
        if private.exists():
            for name in taking.LOGS.values():
                locks.enter_context(file_lock(private / f"{name}.lock"))
        kept = _keep_logs(private, beside, heads)
        there.store.marks.expect(private)
        there.store.corrections.expect(private)
        _take_key(office, there, master)
        restored = dataclasses.replace(
            restored, kept=kept, seconds=round(time.monotonic() - began, 1)
        )
        progress("putting it in place")
        there.note(taking.RESTORED, dataclasses.asdict(restored))
        if (private / MARK).exists() and office.events.lost():  # what the backup lacks is missed
            shutil.copy2(private / MARK, beside / MARK)
        sync_new(beside, set())
        (beside / READY).touch()
        sync(beside)
        swap(private)
    office.store.forget_key()
    office.look_anew()
    return restored


def restore_test(
    office: Office, file: str | Path, *, key_file: str | Path | None = None, progress: Tell = quiet
) -> Restored:
    """Restore a backup into a folder of its own, look everything over, remove it; record the test.

    Raises
    ------
    InputError, StoreMissing
        No backup is at that place, or it is under another key: nothing is tested or recorded.
    StorageError
        The backup is corrupted or gone, or something in it does not hold. That is recorded too.
    """
    began = time.monotonic()
    file, master = Path(file), taking.require_key(office, Path(key_file) if key_file else None)
    _require_backup(office, file, master)
    with tested_in(office.private) as folder:
        try:
            restored, there, _ = _prepare(office, file, master, folder / "private", progress)
            for name in taking.LOGS:
                taking.log_of(there.private, name).verify()
            left = still_findable(there)
            if left:
                raise StorageError(f"{file}: erased customers are still in {', '.join(left)}.")
        except WorkbenchError as problem:
            if not _no_room(problem):  # why: it says nothing of the backup
                office.note(taking.TESTED, {"ok": False, "file": str(file), "why": str(problem)})
            raise
        restored = dataclasses.replace(restored, seconds=round(time.monotonic() - began, 1))
        office.note(taking.TESTED, {"ok": True, **dataclasses.asdict(restored)})
        return restored


def _no_room(problem: WorkbenchError) -> bool:
    """Return whether a backup could not be laid out, for the disk is full or takes nothing."""
    why = problem.__context__
    return isinstance(why, OSError) and why.errno in (errno.ENOSPC, errno.EDQUOT, errno.EROFS)


def _require_backup(office: Office, file: Path, master: bytes) -> None:
    """Refuse a slip in the path or the key, which says nothing of any backup."""
    made = [entry.body["file"] for entry in office.events.acts(taking.BACKED_UP)]
    try:
        with file.open("rb") as archive:
            ArchiveReader(archive, file, master)
    except StoreMissing:
        raise
    except (OSError, StorageError) as problem:
        # why not one on record: that it is gone, or no longer a backup, is what a test has to tell
        if file.resolve() not in {Path(each).resolve() for each in made}:
            why = problem.strerror if isinstance(problem, OSError) else "it is no backup"
            last = f"The last one made is {made[-1]}." if made else "None was made yet."
            raise InputError(
                f"there is no backup of workbench at {file} ({why}). {last} Nothing was tested."
            ) from None


def _prepare(
    office: Office, file: Path, master: bytes, private: Path, progress: Tell
) -> tuple[Restored, Office, Heads]:
    """Unpack a backup into a private folder of its own and make it fit to be used."""
    progress("reading the backup")
    scratch = private.with_name(f"{private.name}.unpacked")
    scratch.mkdir(mode=0o700, parents=True)
    try:
        manifest = taking.unpack(file, master, scratch)
        (scratch / "private").rename(private)
    finally:
        remove(scratch)
    private.chmod(0o700)
    if taking.ledger_lost(private) and not (office.private / "ledger.sqlite").exists():
        raise StorageError(
            f"{file} is not whole: it holds no ledger though its anchor knows one. Take another "
            "backup; nothing was restored."
        )
    heads = {name: taking.log_of(private, name).head() for name in taking.LOGS}
    store = Store(private, given=master)  # why given: a key of the environment stands on no disk
    there = dataclasses.replace(
        office, store=store, events=Events(private, office.settings.zone), private=private
    )
    folders = (office.private, office.settings.path("backups"), file.absolute().parent)
    others, beside = [], [each for each in dict.fromkeys(folders) if each != private]
    for path in (folder / MARKS_FILE for folder in beside):
        if (content := content_of(path)) is not None:
            store.marks.merge(read_marks(content.decode(), path))
    for path in (folder / CORRECTIONS_FILE for folder in beside):
        try:  # corrections made since the backup
            store.corrections.merge(path)
        except StoreMissing:  # another workspace's, or damaged: nobody can read it here
            others.append(str(path))
    progress("looking over what was restored")
    taking.look_over(store, progress)
    counts = taking.row_counts(there)
    if counts != manifest["rows"]:
        raise StorageError(f"{file}: its tables do not have the rows its manifest says.")
    erased = store.marks.erased()
    # why by identifiers too: lines that were kept aside may name them and have no key
    again = take_erased(there, progress, known_by(there, *erased)) if erased else {}
    corrected = replay(there)
    told = (taking.row_counts(there), again, corrected, tuple(others))
    return Restored(str(file), manifest["made"], *told), there, heads


def _keep_logs(private: Path, beside: Path, heads: Heads) -> tuple[str, ...]:
    """Lay present logs that went on since the backup over the backup's; return their names."""
    kept = []
    for name in taking.LOGS:
        if not (private / name).exists():
            continue
        present, (seq, hash_) = taking.log_of(private, name), heads[name]
        if _sound(present) and present.hash_at(seq) == hash_:
            shutil.copy2(private / name, beside / name)
            kept.append(name)
    # why also where the ledger is lost: the anchor knows what it had spent
    if (private / "anchor").is_dir():
        shutil.copytree(private / "anchor", beside / "anchor", dirs_exist_ok=True)
        move(private, beside)
    if (private / SEAL_FILE).exists():  # why the present one: editions are sealed with it
        shutil.copy2(private / SEAL_FILE, beside / SEAL_FILE)
    for name in KEPT_ASIDE:
        if (private / name).is_dir():
            # why linked: what is replaced goes at once, and notebooks may be many
            shutil.copytree(
                private / name, beside / name, copy_function=os.link, dirs_exist_ok=True
            )
    return tuple(kept)


def _sound(log: Chain) -> bool:
    try:
        log.verify()
    except StorageError:
        return False
    return True


def _take_key(office: Office, there: Office, master: bytes) -> None:
    """Leave the restored folder under the workspace's own key, where there is one."""
    source = office.store.key_source
    try:
        present = source.read()
    except StoreMissing:
        source.put(master)
        present = master
    if present != master:
        with there.store.locked():
            rekey(there.store, present)
    if source.kind == "file":
        write_whole(there.store.keys / "master.key", present.hex().encode())
    elif source.kind == "keyring":
        shutil.copy2(source.folder / "keyring.id", there.store.keys / "keyring.id")


def lay_settings(file: Path, master: bytes, into: Path) -> None:
    """Write the settings and the catalog a backup holds into a folder that has none.

    Raises
    ------
    Refused
        There is a workspace already, or the backup's names places outside of its own folder.
    """
    if (into / SETTINGS_FILE).exists():
        return
    with tempfile.TemporaryDirectory(prefix="workbench-") as name:
        scratch = Path(name)
        taking.unpack(file, master, scratch)
        settings = load_settings(scratch / "config" / SETTINGS_FILE)
        for part in ("private", "catalog"):
            if getattr(settings, part).is_absolute():
                raise Refused(
                    f"the backup's {part} is at {settings.path(part)}, outside of its folder. "
                    f"Write a {SETTINGS_FILE} with another one into {into} first; nothing was "
                    "restored."
                )
        into.mkdir(parents=True, exist_ok=True)
        catalog = into / settings.catalog
        catalog.parent.mkdir(parents=True, exist_ok=True)
        if not catalog.exists():
            shutil.copy2(scratch / "config" / settings.catalog.name, catalog)
        shutil.copy2(scratch / "config" / SETTINGS_FILE, into / SETTINGS_FILE)
