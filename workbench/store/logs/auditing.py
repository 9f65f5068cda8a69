"""Whether a chained log is whole: every place that was altered, swapped, removed or cut off."""

import itertools
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sqlalchemy import select

from workbench.documents import read_json
from workbench.errors import StorageError
from workbench.store.durable import files_below
from workbench.store.logs.chain import GENESIS, Chain, fits
from workbench.store.logs.events import Events


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
