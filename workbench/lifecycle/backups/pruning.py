"""Which backups are kept and which may go, and whether each can still be opened to its end.

As restic has it: of each of the newest days, weeks and months that have a backup, the last one
stays. The newest stays whatever is declared, and so does a file that cannot be read: a person looks
at it.
"""

import datetime as dt
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from workbench.errors import StorageError, StoreMissing
from workbench.lifecycle.backups.archive import ArchiveReader, read_header
from workbench.lifecycle.backups.taking import SUFFIX, require_key
from workbench.lifecycle.office import Office
from workbench.store import Tell, quiet
from workbench.store.durable import sync
from workbench.store.keys.master import Seal
from workbench.store.keys.sources import fingerprint
from workbench.store.logs.counted import CLOCK_SLACK

PRUNED = "backups pruned"
_PARTS = {"daily": "%Y-%m-%d", "weekly": "%G-%V", "monthly": "%Y-%m"}


@dataclass(frozen=True)
class KeptBackup:
    """One file of the folder of backups.

    Attributes
    ----------
    file : str
    made : datetime or None
        None where its beginning cannot be read.
    bytes : int
    kept : tuple of str
        Why it stays: newest, daily, weekly, monthly; not readable, ahead of the clock, not known to
        this workspace; empty: it may go.
    """

    file: str
    made: dt.datetime | None
    bytes: int
    kept: tuple[str, ...] = ()


def backups(office: Office) -> list[KeptBackup]:
    """Return the backups of the workspace's folder, newest first, and why each stays."""
    dated, others = [], []
    for path in sorted(office.settings.path("backups").glob(f"*{SUFFIX}")):
        try:
            size = path.stat().st_size
            header = read_header(path)
            made = dt.datetime.fromisoformat(header["made"]).astimezone(office.settings.zone)
            ours = _ours(office, header)
        except FileNotFoundError:  # pruned meanwhile
            continue
        except (StorageError, KeyError, ValueError, TypeError):  # damaged
            others.append(KeptBackup(str(path), None, size, ("not readable",)))
            continue
        if ours and made <= office.now + CLOCK_SLACK:
            dated.append(KeptBackup(str(path), made, size))
        else:  # why neither counts: for its sake our newest would go
            why_not = "ahead of the clock" if ours else "not known to this workspace"
            others.append(KeptBackup(str(path), made, size, (why_not,)))
    dated.sort(key=lambda each: (each.made, each.file), reverse=True)
    why: dict[str, list[str]] = {each.file: [] for each in dated}
    for each in dated[:1]:
        why[each.file].append("newest")
    for name, form in _PARTS.items():
        last: dict[str, str] = {}  # of each part of the calendar, newest first
        for each in dated:
            last.setdefault(f"{each.made:{form}}", each.file)
        for file in list(last.values())[: getattr(office.settings.keep_backups, name)]:
            why[file].append(name)
    return [KeptBackup(b.file, b.made, b.bytes, tuple(why[b.file])) for b in dated] + others


def _ours(office: Office, header: Mapping[str, Any]) -> bool:
    """Return whether the audit log knows a backup; where it was made before it said so, its key."""
    if "audit_head" not in header:
        return bool(header["key"] in map(fingerprint, office.store.key_source.candidates()))
    seq, sealed = header["audit_head"]
    known = office.events.hash_at(int(seq))
    return known is not None and Seal(office.private).head(known) == sealed


def prune(office: Office) -> list[str]:
    """Remove the backups that nothing keeps, and their checksums; return their files."""
    office.events.require_clock(office.now)  # why: under a wrong clock the newest may not be
    found = backups(office)
    going = [Path(each.file) for each in found if not each.kept]
    if going:
        names = [path.name for path in going]
        office.note(PRUNED, {"files": names, "left": len(found) - len(going)})
    for path in going:
        path.unlink(missing_ok=True)
    folder = office.settings.path("backups")
    # why by what is there: a prune that was cut off leaves checksums of files that are gone
    left = [each for each in folder.glob(f"*{SUFFIX}.sha256") if not each.with_suffix("").exists()]
    for path in left:
        path.unlink(missing_ok=True)
    if going or left:
        sync(folder)
    return [str(path) for path in going]


def check(office: Office, progress: Tell = quiet) -> dict[str, str]:
    """Read every backup to its end; return what is wrong by file, empty where it is whole.

    Each block is opened with the workspace's key. A restore test finds more: it opens the tables.
    """
    master, found = require_key(office, None), {}
    for number, each in enumerate(listed := backups(office), 1):
        progress(f"reading backup {number} of {len(listed)}")
        found[each.file] = _wrong(Path(each.file), master)
    return found


def _wrong(path: Path, master: bytes) -> str:
    try:
        beside = path.with_name(f"{path.name}.sha256")
        if beside.exists():
            with path.open("rb") as file:
                digest = hashlib.file_digest(file, "sha256").hexdigest()
            if digest != beside.read_text(encoding="ascii", errors="replace").partition(" ")[0]:
                return "it is not the file its checksum was made of"
        with path.open("rb") as file:
            reader = ArchiveReader(file, path, master)
            while reader.read(1 << 20):
                pass
    except (StorageError, StoreMissing) as problem:
        return str(problem)
    except OSError as problem:
        return f"it cannot be read: {problem.strerror}"
    return ""
