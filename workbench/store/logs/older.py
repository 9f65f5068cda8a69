"""Logs that were files of their own before: taken over into the one log, whole or not at all.

Their files go when what they held is durable there, so a take-over that was cut off begins again
and finds what it brought. Their marks stay and say so: an earlier workbench, which would take a log
that is not there for an empty one and see no hold, calls it lost and does nothing.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from workbench.documents import canonical
from workbench.errors import StorageError
from workbench.store.logs.chain import Chain, Entry, log_in
from workbench.store.logs.counted import known, remember

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
