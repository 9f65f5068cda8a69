"""Whether a ledger is the one it was: anchors outside it, what a lost end had spent, where it lies.

Three witnesses know a ledger's last entry: the anchor file beside it, every published edition, and
the database's own count. A ledger that does not fit one of them is an older copy, was cut, or was
altered. It may be read, and spends nothing until an officer has acknowledged the loss; what the
anchor knew to be spent in the lost end is then charged to the year, the lifetime, every period so
far and every report in it. Where no witness knows the amount, it is taken to be a year's whole
limit, the most that can have been spent, or what the officer states.

This finds accidents and honest restores. Whoever may write every file of the workspace and of the
published folder can write all witnesses anew.
"""

from __future__ import annotations

import datetime as dt
import json
import os
import re
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path

from workbench.errors import InputError, LedgerError, Refused
from workbench.privacy.accounting import PICO
from workbench.privacy.budget import Spent
from workbench.privacy.standing import CHARGES, SCHEMA, charge_upto, lifetime_of
from workbench.store.chain import GENESIS, Chain, Reader, Writer

ROLE = "WORKBENCH_ROLE"
OFFICER = "officer"
MISSING = "missing"
Seal = Callable[[str], str]
CLOCK_SLACK = dt.timedelta(minutes=5)
MOUNTS = Path("/proc/self/mountinfo")
# Locks or durable writes of these do not hold between machines, or not at all.
_NETWORK = re.compile(
    r"nfs\d?|cifs|smb\w*|9p|afs|ceph|lustre|gpfs|beegfs|ocfs2|gfs2|davfs|ncpfs|vboxsf|prl_fs|"
    r"glusterfs|drvfs|fuse\.(?!ecryptfs|gocryptfs|encfs|fuse-overlayfs|bindfs|ntfs|exfat).+"
)


@dataclass(frozen=True)
class Witness:
    """What something outside the ledger knows of it.

    Attributes
    ----------
    place : str
        What it is, for messages.
    seq, hash : int, str
        An entry the ledger held.
    spent : Spent or None
        Everything spent by then, where it is known.
    before : tuple of (int, str)
        Earlier entries, ever sparser, by which two histories' common start is found.
    schema : int
        Of the version that wrote it.
    """

    place: str
    seq: int
    hash: str
    spent: Spent | None = None
    before: tuple[tuple[int, str], ...] = ()
    schema: int = 1


def read_anchor(path: Path) -> Witness | None:
    """Return what the anchor file knows; None when there is none.

    A file that cannot be understood fits no ledger.
    """
    place = f"its anchor {path}"
    try:
        content = json.loads(path.read_text())
        spent = Spent.from_json(content["spent"])
        before = tuple((int(seq), str(hash_)) for seq, hash_ in content["before"])
        schema = int(content["schema"])
        return Witness(place, int(content["seq"]), str(content["hash"]), spent, before, schema)
    except FileNotFoundError:
        return None
    except (OSError, ValueError, KeyError, TypeError):
        return Witness(place, 0, "unreadable")


def write_anchor(path: Path, anchor: Witness) -> None:
    """Write the anchor file durably and whole.

    Raises
    ------
    LedgerError
        It cannot be written; what was spent stays spent.
    """
    spent = (anchor.spent or Spent()).to_json()
    content = {
        "schema": anchor.schema,
        "seq": anchor.seq,
        "hash": anchor.hash,
        "spent": spent,
        "before": [list(each) for each in anchor.before],
    }
    partial = path.with_name(f"{path.name}.{os.getpid()}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        with partial.open("w") as file:
            json.dump(content, file)
            file.flush()
            os.fsync(file.fileno())
        partial.rename(path)
    except OSError as problem:
        raise LedgerError(
            f"the ledger's anchor {path} cannot be written: {problem.strerror}. Free some space or "
            "correct its permissions and ask again: what was paid for is not paid for twice."
        ) from None


def anchor_at(read: Reader, path: Path) -> Witness:
    """Return the anchor of a ledger as it stands now."""
    seq, hash_ = read.head()
    steps = [seq - 2**power for power in range(seq.bit_length()) if 2**power < seq]
    before = tuple(sorted(read.hashes(steps).items(), reverse=True))
    spent = lifetime_of(read.last(*CHARGES))
    return Witness(f"its anchor {path}", seq, hash_, spent, before, SCHEMA)


def edition_witnesses(published: Path | None) -> list[Witness]:
    """Return what every published edition knows of the ledger."""
    found: list[Witness] = []
    if published is None:
        return found
    for path in sorted(published.glob("**/edition.json")):
        try:
            seq, hash_ = json.loads(path.read_text())["ledger_head"]
            found.append(Witness(f"the published edition {path.parent}", int(seq), str(hash_)))
        except (OSError, ValueError, KeyError, TypeError):
            continue  # no record of an edition, or of one without a ledger: knows nothing
    return found


def unfit(read: Reader, witnesses: Iterable[Witness], seal: Seal = str) -> list[Witness]:
    """Return the witnesses whose entry the ledger does not hold, plain or sealed."""
    listed = list(witnesses)
    held = read.hashes([each.seq for each in listed])
    return [
        each
        for each in listed
        if (known := held.get(each.seq)) is None or each.hash not in (known, seal(known))
    ]


def common_start(read: Reader, witness: Witness) -> int:
    """Return the last entry that the ledger is known to share with what a witness saw."""
    points = [(0, GENESIS), (witness.seq, witness.hash), *witness.before]
    held = read.hashes([seq for seq, _ in points])
    return max(seq for seq, hash_ in points if held.get(seq) == hash_)


def loss(read: Reader, missing: Sequence[Witness], unknown: Spent) -> tuple[Spent, int]:
    """Return what a lost end had spent, and the largest number of its entries.

    Parameters
    ----------
    missing : sequence of Witness
        Whatever the ledger does not fit.
    unknown : Spent
        What to take it for at least, where no witness knew the amount up to the very end.
    """
    furthest = max([read.ever(), read.head()[0], *(each.seq for each in missing)])
    known = [each for each in missing if each.spent is not None]
    lost = Spent()
    for each in known:
        shared = lifetime_of(charge_upto(read, common_start(read, each)))
        lost = lost.at_least((each.spent or Spent()) - shared)
    last = max(each.seq for each in missing)
    if not any(each.seq >= last for each in known):
        lost = lost.at_least(unknown)
    return lost, furthest


class Guard:
    """Lets nobody write to a ledger that is not the one it was.

    Parameters
    ----------
    chain : Chain
    path, anchor_path : Path
        The ledger's file and its anchor's.
    published : Path or None
        Where editions are.
    seal : callable
        Makes of an entry's hash what stands outside the private folder.
    """

    def __init__(
        self, chain: Chain, path: Path, anchor_path: Path, published: Path | None, seal: Seal = str
    ) -> None:
        self._seal = seal
        self._chain, self._path, self._published = chain, path, published
        self._anchor_path = anchor_path
        self._seen: Witness | None = None

    @contextmanager
    def writing(self, now: dt.datetime) -> Iterator[Writer]:
        """Open one durable write on a trusted ledger; anchor it before others may write."""
        if self._seen is None:
            require_local(self._path)
        after: list[Witness] = []
        with self._chain.writing(lambda: self._anchor(after)) as write:
            anchor = read_anchor(self._anchor_path)
            if anchor is None and write.head() == (0, GENESIS):
                # why before the first entry: from then on, no anchor means it was taken away
                anchor = anchor_at(write, self._anchor_path)
                write_anchor(self._anchor_path, anchor)
            self._require_fit(write, anchor, self._witnesses(anchor, self._seen is None))
            self._require_readable(write, anchor, now)
            self._seen = anchor
            yield write
            if anchor is None or write.head() != (anchor.seq, anchor.hash):
                after.append(anchor_at(write, self._anchor_path))

    @contextmanager
    def acknowledging(self) -> Iterator[tuple[Writer, list[Witness]]]:
        """Open the one write that is allowed on a ledger with a lost end; tell what knows of it.

        Raises
        ------
        InputError
            Nothing is lost.
        """
        require_local(self._path)
        after: list[Witness] = []
        with self._chain.writing(lambda: self._anchor(after)) as write:
            anchor = read_anchor(self._anchor_path)
            missing = self._amiss(write, anchor, self._witnesses(anchor, everywhere=True))
            if not missing:
                raise InputError(
                    f"nothing is lost: {self._path} fits everything that knows it. "
                    "Nothing was recorded."
                )
            yield write, missing
            after.append(anchor_at(write, self._anchor_path))

    @contextmanager
    def reading(self, everywhere: bool = False) -> Iterator[Reader]:
        """Read a ledger that fits what is known of it.

        Parameters
        ----------
        everywhere : bool
            Look at every published edition too, which takes longer.
        """
        # why first: what was known before the moment that is read is in it; what came after is not
        anchor = read_anchor(self._anchor_path)
        witnesses = self._witnesses(anchor, everywhere)
        with self._chain.reading() as read:
            self._require_fit(read, anchor, witnesses)
            yield read

    def _require_fit(
        self, read: Reader, anchor: Witness | None, witnesses: Sequence[Witness]
    ) -> None:
        for each in self._amiss(read, anchor, witnesses):
            raise LedgerError(
                f"{self._path} ends with entry {read.head()[0]} and does not fit {each.place} "
                f"(entry {each.seq}): it is an older copy, was cut or was altered. Put the newest "
                "ledger back from a backup. If that is lost, an officer acknowledges it with "
                "'workbench acknowledge --reason … --role officer', and what was lost counts "
                "as spent. Nothing is spent until then."
            )

    def _anchor(self, after: Sequence[Witness]) -> None:
        for anchor in after:
            write_anchor(self._anchor_path, anchor)
            self._seen = anchor

    def _witnesses(self, anchor: Witness | None, everywhere: bool) -> list[Witness]:
        found = [each for each in (anchor, self._seen) if each is not None]
        if everywhere:
            found += edition_witnesses(self._published)
        return list(dict.fromkeys(found))

    def _amiss(
        self, read: Reader, anchor: Witness | None, witnesses: Sequence[Witness]
    ) -> list[Witness]:
        """Return every witness that the ledger does not fit and no officer has acknowledged."""
        head = read.head()[0]
        found = unfit(read, witnesses, self._seal)
        # why twice: it may just have been made, by whoever wrote the first entry
        if anchor is None and head > 0 and read_anchor(self._anchor_path) is None:
            place = f"its anchor {self._anchor_path}, which is {MISSING}"
            found.append(Witness(place, head, MISSING))
        if read.ever() > head:
            found.append(Witness("the database's own count", read.ever(), MISSING))
        if not found:
            return []
        acknowledged = read.entries("acknowledged", subject="acknowledged")
        known = {tuple(each[1:]) for entry in acknowledged for each in entry.body["witnesses"]}
        last = max((entry.seq for entry in acknowledged), default=0)
        return [
            each
            for each in found
            # why: what this process saw was anchored too, and the anchor is what was acknowledged
            if (each.seq, each.hash) not in known and not (each == self._seen and each.seq < last)
        ]

    def _require_readable(self, read: Reader, anchor: Witness | None, now: dt.datetime) -> None:
        """Refuse a newer version's ledger, and a clock that was set back."""
        last = read.last(*CHARGES)
        schemas = {SCHEMA if last is None else last.body.get("schema")}
        if anchor is not None:
            schemas.add(anchor.schema)
            read.entries(None, anchor.seq)  # a tail that no anchor knows yet is hashed again
        for schema in sorted(schemas - {SCHEMA}, key=str):
            newer = isinstance(schema, int) and schema > SCHEMA
            way_out = (
                "Update workbench"
                if newer
                else "What it spent cannot be summed: begin with a new private folder"
            )
            raise LedgerError(
                f"{self._path} was written by {'a newer' if newer else 'an unfinished'} version "
                f"(schema {schema}; this one knows {SCHEMA}). {way_out}; nothing was spent."
            )
        if last is not None and now < last.at - CLOCK_SLACK:
            raise LedgerError(
                f"the clock says {now:%Y-%m-%d %H:%M} and the ledger's last spend is from "
                f"{last.at:%Y-%m-%d %H:%M}. Set the clock right; nothing was spent."
            )


def require_officer(role: str | None, act: str) -> str:
    """Return the role somebody acts in, self-declared; refuse whoever does not claim to be one.

    Raises
    ------
    Refused
        The role is not an officer's.
    """
    claimed = role or os.environ.get(ROLE) or "analyst"
    if claimed != OFFICER:
        raise Refused(
            f"{act} is an officer's decision, and you act as '{claimed}'. An officer says "
            f"role='{OFFICER}' or sets {ROLE}={OFFICER}; name, role and reason are recorded."
        )
    return claimed


def require_reason(reason: str) -> str:
    """Return a reason in one line; refuse an empty one."""
    text = " ".join(reason.split())
    if not text:
        raise InputError("say why: the reason is recorded, and whoever reads the ledger sees it.")
    return text


def stated_pico(lost_rho: Decimal | str) -> int:
    """Return what an officer states was lost, in pico-rho."""
    try:
        amount = Decimal(str(lost_rho))
    except ArithmeticError:
        amount = Decimal("NaN")
    if not amount.is_finite() or amount < 0:
        raise InputError(f"what was lost is a number of rho, 0 or more, not {lost_rho!r}.")
    return int(amount * PICO)


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
