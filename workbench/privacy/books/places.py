"""Where a ledger may lie: on a disk of one machine, whose locks hold."""

from __future__ import annotations

import re
import sys
from pathlib import Path

from workbench.errors import LedgerError

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
