"""Backups: the private folder's records in one encrypted file, written whole.

The master key is in none of them. Left out too is what can be made again (executed notebooks, logs,
temporary files). What goes in is copied while the store's lock is held; ledger, audit log and the
other logs by the database's own backup, so that each is a state it really had.
"""

import contextlib
import datetime as dt
import hashlib
import io
import json
import shutil
import sqlite3
import tarfile
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from workbench.documents import parse_json
from workbench.errors import StorageError, StoreMissing
from workbench.lifecycle.backups.archive import ArchiveReader, ArchiveWriter, read_header
from workbench.lifecycle.office import Office
from workbench.store import Tell, quiet
from workbench.store.durable import files_below, flush, make_folder, private_file, sync, write_whole
from workbench.store.engine import Store
from workbench.store.keys.master import Seal, read_key_file
from workbench.store.lake_files import WAY_OUT, faults
from workbench.store.logs.chain import Chain, log_in
from workbench.store.published_files import require_outside
from workbench.store.quality.rules import number
from workbench.store.versions import newest

BACKED_UP, TESTED, RESTORED = "backup", "restore tested", "restored"
SUFFIX = ".backup"
MANIFEST = "manifest.json"
# the chained logs: file in the private folder, table
LOGS = {"ledger.sqlite": "ledger", "audit.sqlite": "audit"}
_LEFT_OUT = ("tmp", "runs", "ipython", "logs")
_LEFT_OUT_SUFFIXES = (
    ".lock", ".turn", ".part", ".new", ".key", ".sqlite-journal", ".sock", ".ready",
)  # fmt: skip  # why: a list


@dataclass(frozen=True)
class Backup:
    """A backup that was written.

    Attributes
    ----------
    file : str
    at : str
    bytes : int
    sha256 : str
        Of the file.
    files : int
        How many it holds.
    rows : mapping of table to int
    """

    file: str
    at: str
    bytes: int
    sha256: str
    files: int
    rows: Mapping[str, int] = field(default_factory=dict)


def back_up(office: Office, out: str | Path | None = None, progress: Tell = quiet) -> Backup:
    """Write a backup; until it is whole there is none.

    Parameters
    ----------
    out : Path, optional
        A folder, or the file to write. The folder of the setting ``backups`` when left out.

    Raises
    ------
    StoreMissing
        Nothing is loaded, or there is no key.
    StorageError
        It cannot be written.
    """
    office.events.require_clock(office.now)
    office.events.verify()
    office.store.marks.all()
    office.store.corrections.all()
    if ledger_lost(office.private):
        raise StorageError(
            f"{office.private / 'ledger.sqlite'} is lost: its anchor knows it. Put it back from a "
            "backup with 'workbench store restore', or an officer acknowledges the loss with "
            "'workbench office acknowledge'; no backup is made of a loss."
        )
    target = _target(office, Path(out) if out else None)
    master = office.store.key_source.read()
    if office.store.key_source.kind == "file" and office.store.key_source.next() is not None:
        raise StorageError(
            "a rotation of the key was cut off, so that files are under two keys. Run 'workbench "
            "store keys rotate' again, then back up; there is no backup yet."
        )
    office.store.marks.secret()  # made: a backup without it could replay no mark
    at = office.now.astimezone(dt.UTC).isoformat(timespec="seconds")
    partial = target.with_suffix(".part")
    try:
        make_folder(target.parent)
        if office.store.exists:
            look_over(office.store, progress)
        with office.store.locked(), private_file(partial) as file:
            for leftover in {*target.parent.glob("workbench-*.part")} - {partial}:
                leftover.unlink(missing_ok=True)
            for copies in office.private.glob(".copy-*"):  # of a backup that was killed
                shutil.rmtree(copies)
            rows = row_counts(office)
            seq, hash_ = office.events.head()
            known = {"audit_head": [seq, Seal(office.private).head(hash_)]}
            about = {"made": at, "title": office.settings.title, **known}
            writer = ArchiveWriter(file, master, about)
            files = _write(office, writer, {"made": at, "rows": rows}, progress)
            sha256 = writer.finish()
            flush(file)
        partial.rename(target)
        sync(target.parent)
        checksum = f"{sha256}  {target.name}\n"
        write_whole(target.with_name(f"{target.name}.sha256"), checksum.encode("ascii"))
    except OSError as problem:
        with contextlib.suppress(OSError):  # why: what cannot be written may not be there at all
            partial.unlink(missing_ok=True)
        raise StorageError(
            f"the backup {target} cannot be written: {problem.strerror}. There is none; the ones "
            "before it are unchanged. Make room, or name another place with --out."
        ) from None
    made = Backup(str(target), at, target.stat().st_size, sha256, files, rows)
    office.note(BACKED_UP, asdict(made))
    office.mirror_marks(target.parent)
    return made


def witnesses(office: Office) -> Iterator[tuple[int, str, str]]:
    """Yield what each backup knows of the audit log: an entry's number, sealed hash, the file."""
    for path in sorted(office.settings.path("backups").glob(f"*{SUFFIX}")):
        with contextlib.suppress(StorageError, KeyError, ValueError, TypeError):  # older or damaged
            seq, hash_ = read_header(path)["audit_head"]
            yield int(seq), str(hash_), f"the backup {path}"


def _target(office: Office, out: Path | None) -> Path:
    folder = out if out is not None else office.settings.path("backups")
    require_outside(folder, {"published": office.settings.path("published")})
    if folder.suffix == SUFFIX:
        if folder.exists():
            raise StorageError(f"{folder} is there already. Name another file.")
        return folder.absolute()
    stamp = f"{office.now.astimezone(dt.UTC):%Y%m%dT%H%M%SZ}"
    return folder.absolute() / f"workbench-{stamp}{SUFFIX}"


def ledger_lost(private: Path) -> bool:
    """Return whether a private folder has no ledger though an anchor or a mark knows of one."""
    from workbench.privacy.books.witnesses import ANCHOR, MARK, MARKED, read_anchor

    anchor = read_anchor(private / ANCHOR)
    seen = anchor is not None and anchor.seq > 0
    seen = seen or any((private / name / MARK).exists() for name in MARKED)
    return seen and not (private / "ledger.sqlite").exists()


def look_over(store: Store, progress: Tell = quiet) -> None:
    """Read every file of the store; publish what a crash left unseen, end the catalog's own log.

    Raises
    ------
    StorageError
        A file is lost or damaged.
    """
    with store.exclusive() as connection:
        snapshot = newest(connection)
        wrong = list(faults(connection, store.data, progress))
        if wrong:
            more = f", and {len(wrong) - 1:,} more" if len(wrong) > 1 else ""
            raise StorageError(
                f"data is lost: {wrong[0]}{more}. 'workbench check' names each. {WAY_OUT}; no "
                "backup is made of a loss."
            )
        connection.execute("DETACH lake")
        store.publish(snapshot)


def row_counts(office: Office) -> dict[str, int]:
    """Return the rows of every table in the newest snapshot."""
    with office.store.reading() as connection:
        counts = {}
        for name in sorted(office.store.tables(connection)):
            counts[name] = number(connection, f'SELECT count(*) FROM lake."{name}"')
        return counts


def _write(office: Office, writer: ArchiveWriter, facts: Mapping[str, Any], progress: Tell) -> int:
    digests: dict[str, str] = {}
    with tarfile.open(fileobj=writer, mode="w|", format=tarfile.PAX_FORMAT) as tar:  # type: ignore[call-overload]  # why: a stream only needs write()
        paths = _chosen(office.private)
        for number, path in enumerate(paths, 1):
            if number % max(1, len(paths) // 10) == 0:
                progress(f"backing up file {number} of {len(paths)}")
            name = f"private/{path.relative_to(office.private)}"
            with _steady(path) as source:
                digests[name] = _add(tar, name, source)
        for path in (office.settings.root / "workbench.toml", office.settings.path("catalog")):
            if path.is_file():
                digests[f"config/{path.name}"] = _add(tar, f"config/{path.name}", path)
        text = json.dumps({**facts, "sha256": digests}, sort_keys=True).encode()
        info = tarfile.TarInfo(MANIFEST)
        info.size = len(text)
        tar.addfile(info, io.BytesIO(text))
    return len(digests)


def _chosen(private: Path) -> list[Path]:
    """Return the files to back up; the anchor before the ledger, which may go on meanwhile."""
    found = []
    for path in files_below(private):
        inside = path.relative_to(private)
        copy = inside.parts[:2] == ("store", "snapshots")  # of the catalog, which goes in itself
        left = inside.parts[0] in _LEFT_OUT or path.suffix in _LEFT_OUT_SUFFIXES or copy
        if not left:
            found.append(path)
    return sorted(found, key=lambda path: (path.suffix == ".sqlite", path))


@contextmanager
def _steady(path: Path) -> Iterator[Path]:
    """Yield a file as it stands at one moment: a database's copy, made by the database."""
    if path.suffix != ".sqlite":
        yield path
        return
    with tempfile.TemporaryDirectory(dir=path.parent, prefix=".copy-") as folder:
        copy = Path(folder) / "copy.part"
        with closing(sqlite3.connect(path)) as source, closing(sqlite3.connect(copy)) as target:
            source.backup(target)
        yield copy


def _add(tar: tarfile.TarFile, name: str, path: Path) -> str:
    info = tarfile.TarInfo(name)
    info.size, info.mode = path.stat().st_size, 0o600
    digest = hashlib.sha256()
    with path.open("rb") as file:
        tar.addfile(info, _Hashing(file, digest))
    return digest.hexdigest()


class _Hashing:
    """A file whose bytes are hashed as they are read."""

    def __init__(self, file: Any, digest: Any) -> None:
        self._file, self._digest = file, digest

    def read(self, size: int = -1) -> bytes:
        """Return the next bytes."""
        block: bytes = self._file.read(size)
        self._digest.update(block)
        return block


def unpack(path: Path, master: bytes, into: Path) -> dict[str, Any]:
    """Write a backup's files into an empty folder, each checked; return its manifest.

    Raises
    ------
    StorageError
        It is corrupted, cut off, or holds something else than its manifest says.
    StoreMissing
        It was made with another key.
    """
    digests: dict[str, str] = {}
    manifest: dict[str, Any] = {}
    try:
        with path.open("rb") as file:
            reader = ArchiveReader(file, path, master)
            with tarfile.open(fileobj=reader, mode="r|") as tar:  # type: ignore[call-overload]  # why: a stream only needs read()
                for member in tar:
                    content = tar.extractfile(member)
                    if member.name == MANIFEST and content is not None:
                        manifest = parse_json(content.read())
                    elif content is not None:
                        digests[member.name] = _place(into, member.name, content, path)
            while reader.read(1 << 20):  # to the very end: what follows must be right too
                pass
    except (tarfile.TarError, ValueError) as problem:
        raise StorageError(f"the backup {path} is corrupted ({type(problem).__name__}).") from None
    except FileNotFoundError:
        raise StorageError(f"there is no backup at {path}.") from None
    except OSError as problem:
        raise StorageError(f"{path} cannot be restored: {problem.strerror}.") from None
    if manifest.get("sha256") != digests:
        raise StorageError(f"the backup {path} does not hold what its manifest says.")
    return manifest


def _place(into: Path, name: str, content: Any, path: Path) -> str:
    target = (into / name).resolve()
    if into.resolve() not in target.parents:
        raise StorageError(f"the backup {path} names a file outside of it. It was not made here.")
    target.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    digest = hashlib.sha256()
    with private_file(target) as file:
        while block := content.read(1 << 20):
            digest.update(block)
            file.write(block)
        flush(file)
    return digest.hexdigest()


def log_of(private: Path, name: str) -> Chain:
    """Return one of the chained logs of a private folder."""
    return log_in(private, LOGS[name])


def require_key(office: Office, key_file: Path | None) -> bytes:
    """Return the key a backup is to be opened with: of a file, else this workspace's own."""
    if key_file is not None:
        return read_key_file(key_file)
    try:
        return office.store.key_source.read()
    except StoreMissing as missing:
        raise StoreMissing(f"{missing} Or name the backup's key with --key-file.") from None
