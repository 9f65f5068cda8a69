"""The one log of a workspace's events: who read what, and what the office did; and if it is whole.

What stands now (holds, requests, incidents, risks, shares, reviews, quality) is folded from it by
who asks. It names customers by their marks only (`workbench.store.keys.marks`). A check names every
place of a log that was altered, swapped, removed or cut off.

Logs that were files of their own before are taken over into it, whole or not at all. Their files go
when what they held is durable there, so a take-over that was cut off begins again and finds what it
brought. Their marks stay and say so: an earlier workbench, which would take a log that is not there
for an empty one and see no hold, calls it lost and does nothing.
"""

import datetime as dt
import itertools
import os
import pwd
import re
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from sqlalchemy import Index, select

from workbench.documents import canonical, read_json
from workbench.errors import InputError, StorageError
from workbench.store.durable import files_below
from workbench.store.logs.chain import GENESIS, Chain, Entry, Reader, Writer, fits, log_in
from workbench.store.logs.counted import known, remember, require_clock
from workbench.store.reading.identifying import normal

FILE = "audit.sqlite"
_JOINERS = {0x200C: None, 0x200D: None}  # which words and emoji are written with
OFFICE = "office"  # the ref of an act of the office; that of an item's, see `Register`, is its own


def who() -> str:
    """Return the operating system's name of whose process this is; the environment has no say."""
    try:
        return pwd.getpwuid(os.getuid()).pw_name
    except KeyError:  # why: a container may run under a user id without a name
        return f"uid-{os.getuid()}"


class Events(Chain):
    """The events of one workspace.

    Parameters
    ----------
    folder : Path
        The workspace's private folder.
    zone : tzinfo
        In which it tells when something was.
    identifies : callable
        Says whether a text holds somebody's key or direct identifier.
    """

    def __init__(
        self,
        folder: Path,
        zone: dt.tzinfo = dt.UTC,
        identifies: Callable[[str], bool] = lambda _: False,
    ) -> None:
        url, lock = f"sqlite:///{folder / FILE}", folder / "audit.lock"
        super().__init__(url, "audit", lock, StorageError, zone=zone, begun=folder)
        Index("ix_audit_kind", self.table.c.kind)  # holds are looked up among many reads
        self._folder, self._taken, self._identifies = folder, False, identifies

    def take_over(self) -> None:
        """Bring what logs of before hold into this one, where any is left."""
        if not self._taken:
            self._taken = True  # first: what is taken over is written by this log, too
            try:
                take_over(self, self._folder)
            except BaseException:
                self._taken = False
                raise

    def said(self, text: str, wanted: str = "", of: Collection[str] = ()) -> str:
        """Return what somebody typed, in one line, for a log that nobody can take it out of again.

        Parameters
        ----------
        wanted : str
            What to say where nothing is typed; left out, nothing need be.
        of : collection of str
            Identifiers of whom it is about, of which any is refused: others' may be words.

        Raises
        ------
        InputError
            Nothing is typed, or it names a customer.
        """
        told = " ".join(text.split())
        if wanted and not told:
            raise InputError(wanted)
        if not told.translate(_JOINERS).isprintable():
            raise InputError(
                "what was typed holds a sign that cannot be shown, such as a control or half a "
                "letter. Type it anew. Nothing was recorded."
            )
        plain = normal(told)
        theirs = (rf"(?<![a-z0-9]){re.escape(normal(each))}(?![a-z0-9])" for each in of)
        if told and (any(re.search(each, plain) for each in theirs) or self._identifies(told)):
            raise InputError(
                "what was typed holds a customer's key, name or other identifier, and it would "
                "stay on record after an erasure. Say it without, such as by the number of a "
                "request or of a case file; a word that is only somebody's name too, in other "
                "words. Nothing was recorded."
            )
        return told

    def record(self, kind: str, body: Mapping[str, Any], *, now: dt.datetime) -> Entry:
        """Append a read, or what else is no act of the office; durable when this returns."""
        with self.writing() as write:
            return write.append(kind, {"who": who(), **body}, at=now, subject=body.get("table"))

    @contextmanager
    def acting(self, now: dt.datetime) -> Iterator[Writer]:
        """Open a write of what the office does, by a clock that did not go back.

        Raises
        ------
        InputError
            The clock is behind the last act.
        """
        with self.writing(mark=True) as write:
            self._require_clock(write, now)
            yield write

    def act(
        self, kind: str, body: Mapping[str, Any], *, now: dt.datetime, subject: str | None = None
    ) -> Entry:
        """Append what the office did; durable, and known outside the log, when this returns."""
        with self.acting(now) as write:
            return write.append(kind, {"who": who(), **body}, at=now, subject=subject, ref=OFFICE)

    def acts(self, kind: str, **match: str) -> list[Entry]:
        """Return what the office did of a kind, in order."""
        return self.entries(kind, ref=OFFICE, **match)

    def last(self, kind: str) -> Entry | None:
        """Return the last act of a kind."""
        with self.reading() as read:
            return read.last(kind, ref=OFFICE)

    def require_clock(self, now: dt.datetime) -> None:
        """Refuse a clock that is behind the last act, before anything is done by it.

        Raises
        ------
        InputError
            It is: deadlines and retention would be reckoned wrongly.
        """
        with self.reading() as read:
            self._require_clock(read, now)

    def _require_clock(self, read: Reader, now: dt.datetime) -> None:
        if last := read.last_referring():
            what = f"entry {last.seq} of the audit log ({self.path})"
            require_clock(now, last.at, what, "Nothing is done", InputError)

    def ahead(self, now: dt.datetime) -> dt.datetime | None:
        """Return when the last act was, where that lies in the time to come."""
        with self.reading() as read:
            last = read.last_referring()
        return last.at if last and last.at > now else None

    def set_clock(self, body: Mapping[str, Any], *, now: dt.datetime) -> None:
        """Go on by a clock that an officer says is right."""
        with self.writing(mark=True) as write:
            write.append("clock set", {"who": who(), **body}, at=now, ref=OFFICE)


TAKEN = (0, "taken over")
REQUEST = ("request opened", "identity checked", "request extended", "request closed")


@dataclass(frozen=True)
class Older:
    """A log of before: its file, and what its events are called and refer to now."""

    file: str
    kind: str = "{}"
    ref: str | None = "office"

    @property
    def name(self) -> str:
        """Its table, and its mark among the keys."""
        return Path(self.file).stem

    def chain(self, private: Path) -> Chain:
        """Return it as it was written."""
        path = private / self.file
        path.parent.mkdir(exist_ok=True, mode=0o700)  # one that is gone is looked for, and missed
        begun = None if known(private, self.name) == TAKEN else private
        return log_in(path.parent, self.name, begun=begun)

    def renewed(self, entry: Entry) -> Entry:
        """Return what stands in the one log for an entry."""
        ref, called, name, body = self.ref, "id", entry.subject, dict(entry.body)
        if self.name == "journal" and entry.kind in ("hold", "hold released"):
            ref, called, name = "H", "hold", entry.ref or body["hold"]
        elif self.name == "journal" and entry.kind in REQUEST:
            ref, called, name = "R", "request", entry.ref
        if ref not in (None, "office"):
            body[called] = name
        return replace(entry, kind=self.kind.format(entry.kind), body=body, subject=name, ref=ref)


OLDER = (
    Older("journal.sqlite"),
    Older("registers/incidents.sqlite", "incident {}", "IN"),
    Older("registers/shares.sqlite", "share {}", "SH"),
    Older("registers/risks.sqlite", "risk {}", "RK"),
    Older("registers/reviews.sqlite", "{}", "RV"),
    Older("quality.sqlite", "quality counts", None),
)


def take_over(into: Chain, private: Path) -> None:
    """Bring what older logs hold into the one log, then remove their files.

    Raises
    ------
    StorageError
        One of them is lost, cut or altered; all is as it was.
    """
    if not any(_left(private)):
        return
    left: list[Older] = []
    with into.writing(lambda: _clear(private, left), mark=True) as write:
        left += _left(private)  # again: another process may have been faster
        brought = []
        for each in left:
            chain = each.chain(private)
            chain.verify()
            brought += [each.renewed(entry) for entry in chain.entries()]
        there = set(map(_told, write.entries()))
        for new in sorted(brought, key=lambda new: new.at):
            if _told(new) not in there:
                write.append(new.kind, new.body, at=new.at, subject=new.subject, ref=new.ref)


def set_aside(private: Path) -> None:
    """Put away the older logs that are lost, cut or altered, as an officer said."""
    for each in list(broken_of(private)):
        remember(private, each.name, *TAKEN)
        path = private / each.file
        if path.exists():
            path.rename(path.with_suffix(".broken"))


def broken_of(private: Path) -> Iterator[Older]:
    """Yield the older logs that cannot be taken over."""
    for each in _left(private):
        try:
            each.chain(private).verify()
        except StorageError:
            yield each


def _left(private: Path) -> Iterator[Older]:
    """Yield the older logs that are there, or are known to have been."""
    for each in OLDER:
        if (private / each.file).exists() or known(private, each.name) not in ((0, ""), TAKEN):
            yield each


def _clear(private: Path, done: list[Older]) -> None:
    for each in done:
        remember(private, each.name, *TAKEN)  # first: else the file would be missed
        path = private / each.file
        for file in (path, *path.parent.glob(f"{each.name}.lock*")):
            file.unlink(missing_ok=True)
    registers = private / "registers"
    if registers.is_dir() and not any(registers.iterdir()):
        registers.rmdir()


def _told(entry: Entry) -> tuple[object, ...]:
    return entry.kind, entry.at, entry.subject, entry.ref, canonical(entry.body)


@dataclass(frozen=True)
class Fault:
    """One place where a log is not what was written: an entry's number, and what is wrong."""

    seq: int
    what: str


@dataclass(frozen=True)
class Verdict:
    """What a check of a log found.

    Attributes
    ----------
    entries : int
        How many there are.
    head : tuple of (int, str)
        Number and hash of the last one.
    faults : tuple of Fault
        Every place that does not hold; empty when all do.
    witnesses : int
        How many published editions and backups know an entry of it.
    """

    entries: int
    head: tuple[int, str]
    faults: tuple[Fault, ...]
    witnesses: int = 0

    @property
    def holds(self) -> bool:
        """Whether everything fits."""
        return not self.faults


def verify(
    events: Events,
    published: Path | None = None,
    seal: Callable[[str], str] = str,
    known: Iterable[tuple[int, str, str]] = (),
) -> Verdict:
    """Check every entry of the log of events, its end, and what others know of it.

    Parameters
    ----------
    published : Path, optional
        Where editions lie, each with the head it was published at.
    seal : callable
        Makes of an entry's hash what editions and backups hold of it.
    known : iterable of (int, str, str)
        What backups know: an entry's number, its sealed hash, the file.
    """
    events.take_over()
    faults = list(faults_of(events))
    heads = (*_published_heads(published), *known)
    with events.reading(lost=True) as read:
        head = read.head()
        held = read.hashes([seq for seq, _, _ in heads])
        found = {fault.seq for fault in faults}
        for seq, hash_, place in heads:
            mine = held.get(seq)
            if (mine is None or hash_ not in (mine, seal(mine))) and seq not in found:
                what = "missing: cut off at the end" if seq > head[0] else "another than was known"
                faults.append(Fault(seq, f"{what}; {place} knew it"))
    if not faults and events.lost():
        seq, _ = events.marked()
        if seq > head[0] > 0:
            faults.append(Fault(head[0] + 1, f"missing: {seq - head[0]} cut off at the end"))
        else:
            faults.append(Fault(1, "missing: the log is gone, or was begun anew"))
    return Verdict(head[0], head, tuple(sorted(faults, key=lambda each: each.seq)), len(heads))


def told(check: Callable[[], Verdict]) -> Verdict:
    """Return what a check of a log finds; a log that cannot be read, or a refusal, is a fault."""
    try:
        return check()
    except StorageError as problem:
        return Verdict(0, (0, GENESIS), (Fault(0, str(problem)),))


def faults_of(chain: Chain) -> Iterator[Fault]:
    """Yield every place of a chained log that does not fit, first to last."""
    previous, last = GENESIS, 0
    with chain.reading(lost=True) as read:
        if read._connection is None:
            return
        query = select(chain.table).order_by(chain.table.c.seq)
        found = read._connection.execute(query.execution_options(yield_per=1000))
        rows: Iterator[Any] = itertools.chain(found, [None])
        for row, after in itertools.pairwise(rows):
            if not fits(previous, row):
                if row.seq != last + 1:
                    gone = f"{last + 1}" if row.seq == last + 2 else f"{last + 1} to {row.seq - 1}"
                    yield Fault(last + 1, f"missing: {gone} removed")
                elif after is None or fits(row.hash, after):
                    yield Fault(row.seq, "altered")
                else:
                    yield Fault(row.seq, "altered, swapped with another, or written by another")
            previous, last = row.hash, row.seq
        ever = read.ever()
    if ever > last:
        yield Fault(last + 1, f"missing: {ever - last} cut off at the end")


def _published_heads(published: Path | None) -> Iterator[tuple[int, str, str]]:
    """Yield what every published edition knows of the log's end."""
    if published is None:
        return
    for path in files_below(published, "edition.json"):
        try:
            seq, hash_ = read_json(path)["audit_head"]
            yield int(seq), str(hash_), f"the published edition {path.parent}"
        except (OSError, ValueError, KeyError, TypeError):
            continue  # no record of an edition, or of one made before the log was noted in it
