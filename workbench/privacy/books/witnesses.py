"""What knows a ledger's last entry, and on which disks a ledger may lie.

They lie in different places, so that a ledger that was put back, deleted or left behind is missed
by at least one of them.
"""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path

from workbench.documents import read_json
from workbench.errors import LedgerError
from workbench.privacy.accounting import Cost
from workbench.privacy.books.entries import CHARGES, SCHEMA, lifetime_of
from workbench.store.durable import files_below, replace_whole, write_whole
from workbench.store.logs.chain import Reader
from workbench.store.logs.events import Events

ANCHOR = Path("anchor", "ledger.head")
TRACE = ".ledger"  # beside the settings
MISSING = "missing"
UNREADABLE = "unreadable"
MOVED = "moved "
ANSWERED = "answered "
_ANSWER = re.compile(r"[a-z]-\d{6,}")
MARK = "ledger.mark"
MARKED = ("store", "keys")
Seal = Callable[[str], str]
Home = tuple[str, int, int]  # a folder's path, device and number on it


@dataclass(frozen=True)
class Witness:
    """What something outside the ledger knows of it.

    Attributes
    ----------
    place : str
        What it is, for messages.
    seq, hash : int, str
        An entry the ledger held.
    spent : Cost or None
        Everything spent by then, where it is known.
    before : tuple of (int, str)
        Earlier entries, ever sparser, by which two histories' common start is found.
    schema : int
        Of the version that wrote it.
    home : tuple of (str, int, int) or None
        The private folder the ledger was written in: path, device, number on it.
    """

    place: str
    seq: int
    hash: str
    spent: Cost | None = None
    before: tuple[tuple[int, str], ...] = ()
    schema: int = 1
    home: Home | None = None

    @classmethod
    def at(cls, read: Reader, path: Path) -> Witness:
        """Return the anchor of a ledger as it stands now."""
        seq, hash_ = read.head()
        steps = [seq - 2**power for power in range(seq.bit_length()) if 2**power < seq]
        before = tuple(sorted(read.hashes(steps).items(), reverse=True))
        spent = lifetime_of(read.last(*CHARGES))
        home = home_of(path.parent.parent)
        return cls(f"its anchor {path}", seq, hash_, spent, before, SCHEMA, home)

    def write(self, path: Path) -> None:
        """Write it as an anchor file, durably and whole.

        Raises
        ------
        LedgerError
            It cannot be written; what was spent stays spent.
        """
        content = {
            "schema": self.schema,
            "seq": self.seq,
            "hash": self.hash,
            "spent": (self.spent or Cost()).to_json(),
            "before": [list(each) for each in self.before],
            "home": self.home,
        }
        try:
            replace_whole(path, json.dumps(content).encode())
        except OSError as problem:
            raise LedgerError(
                f"the ledger's anchor {path} cannot be written: {problem.strerror}. Free some "
                "space or correct its permissions and ask again: what was paid for is not paid for "
                "twice."
            ) from None

    def keep_trace(self, folder: Path, seal: Seal) -> None:
        """Keep it beside the workspace's settings: it stays when the private folder does not."""
        sealed = replace(
            self,
            hash=seal(self.hash),
            before=tuple((seq, seal(hash_)) for seq, hash_ in self.before),
            home=None,
        )
        # why suppressed: where nobody may write, an older trace still fits, and none is no witness
        with suppress(OSError, LedgerError):
            sealed.write(folder / "head")
            ignored = folder / ".gitignore"
            if not ignored.exists():
                ignored.write_text("# What is checked out anew begins a workspace of its own.\n*\n")

    def write_marks(self, private: Path) -> None:
        """Mark the store and the keys as those of this ledger, once."""
        for name in MARKED:
            path = private / name / MARK
            if self.seq and path.parent.is_dir() and not path.exists():
                write_whole(path, json.dumps([self.seq, self.hash]).encode())


def home_of(private: Path) -> Home:
    """Return what tells a folder from its copies."""
    found = private.stat()
    return str(private.resolve()), found.st_dev, found.st_ino


def same_home(one: Home, other: Home) -> bool:
    """Return whether it is one folder, renamed on its disk or its disk mounted anew.

    Examples
    --------
    >>> here = ("/srv/bank", 7, 41)
    >>> [same_home(here, each) for each in (("/new", 7, 41), ("/srv/bank", 9, 41))]
    [True, True]
    >>> [same_home(here, each) for each in (("/srv/bank", 7, 42), ("/copy", 9, 41))]
    [False, False]
    """
    return one[2] == other[2] and (one[1] == other[1] or one[0] == other[0])


def read_anchor(path: Path, what: str = "its anchor") -> Witness | None:
    """Return what an anchor file knows; None when there is none.

    A file that cannot be understood fits no ledger.
    """
    place = f"{what} {path}"
    try:
        content = read_json(path)
        spent = Cost.from_json(content["spent"])
        before = tuple((int(seq), str(hash_)) for seq, hash_ in content["before"])
        schema, seq, hash_ = int(content["schema"]), int(content["seq"]), str(content["hash"])
        home = content.get("home")  # of before: it is taken to be at home where it lies
        known = None if home is None else (str(home[0]), int(home[1]), int(home[2]))
        return Witness(place, seq, hash_, spent, before, schema, known)
    except FileNotFoundError:
        return None
    except (OSError, ValueError, KeyError, TypeError):
        return Witness(place, 0, UNREADABLE)


def move(private: Path, into: Path) -> None:
    """Let the anchor in a folder that replaces another say so, where the other was the ledger's."""
    anchor = read_anchor(into / ANCHOR)
    if anchor and anchor.home and same_home(anchor.home, home_of(private)):
        replace(anchor, home=home_of(into)).write(into / ANCHOR)


def elsewhere(private: Path, published: Path | None) -> list[Witness]:
    """Return what marks, the audit log and every published edition know of the ledger."""
    found = edition_witnesses(published)
    for path in (private / name / MARK for name in MARKED):
        try:
            seq, hash_ = read_json(path)
            found.append(Witness(f"the mark {path}", int(seq), str(hash_)))
        except FileNotFoundError:
            continue
        except (OSError, ValueError, TypeError):
            found.append(Witness(f"the mark {path}", 0, UNREADABLE))
    if (private / "audit.sqlite").exists():
        with Events(private).reading() as log:
            last = log.last("release")
        name = "" if last is None else str(last.body.get("release"))
        if _ANSWER.fullmatch(name):
            found.append(Witness("the audit log", int(name[2:]), ANSWERED + name))
    return found


def edition_witnesses(published: Path | None) -> list[Witness]:
    """Return what every published edition knows of the ledger."""
    found: list[Witness] = []
    if published is None:
        return found
    for path in files_below(published, "edition.json"):
        try:
            seq, hash_ = read_json(path)["ledger_head"]
            found.append(Witness(f"the published edition {path.parent}", int(seq), str(hash_)))
        except (OSError, ValueError, KeyError, TypeError):
            continue  # no record of an edition, or of one without a ledger: knows nothing
    return found


MOUNTS = Path("/proc/self/mountinfo")
# Locks or durable writes of these do not hold between machines, or not at all.
_NETWORK = re.compile(
    r"nfs\d?|cifs|smb\w*|9p|afs|ceph|lustre|gpfs|beegfs|ocfs2|gfs2|davfs|ncpfs|vboxsf|prl_fs|"
    r"glusterfs|drvfs|fuse\.(?!ecryptfs|gocryptfs|encfs|fuse-overlayfs|bindfs|ntfs|exfat).+"
)


def mounted(path: Path, mounts: str) -> tuple[str, str] | None:
    """Return (file system type, mount point) of a path, from the text of a Linux mount table.

    Examples
    --------
    >>> table = "36 1 98:0 / /data rw,noatime shared:1 - nfs4 server:/export rw"
    >>> mounted(Path("/data/team/ledger.sqlite"), table)
    ('nfs4', '/data')
    """
    found: tuple[str, str] | None = None
    for line in mounts.splitlines():
        before, _, after = line.partition(" - ")
        fields, kind = before.split(), after.split()
        if len(fields) < 5 or not kind:
            continue
        # why: the table writes a space or backslash in a name as three octal digits
        point = re.sub(r"\\([0-7]{3})", lambda match: chr(int(match[1], 8)), fields[4])
        inside = path == Path(point) or Path(point) in path.parents
        if inside and (found is None or len(point) >= len(found[1])):  # later ones cover earlier
            found = (kind[0], point)
    return found


def require_local(path: Path, mounts: str | None = None) -> None:
    """Refuse a ledger on a network file system, where two machines could spend one budget.

    Raises
    ------
    LedgerError
        It lies on one.
    """
    if mounts is None:
        if sys.platform != "linux":
            return  # no mount table to read
        try:
            mounts = MOUNTS.read_text(errors="surrogateescape")
        except OSError:
            return
    place = mounted(path.resolve(), mounts)
    if place is not None and _NETWORK.fullmatch(place[0]):
        raise LedgerError(
            f"{path} lies on a network file system ({place[0]} at {place[1]}), where locks do not "
            'hold between machines and two could spend the same budget. Set private = "…" in '
            "workbench.toml to a folder on a local disk; nothing was spent."
        )
