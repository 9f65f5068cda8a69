"""Whether a ledger is the one it was: what a lost end had spent, where it lies, an officer's word.

Several witnesses know a ledger's last entry, as `workbench.privacy.books.witnesses` says: the
anchor beside it and one beside the settings, marks in the store and at the keys, the audit log,
every published edition, and the database's own count. A ledger that does not fit one of them is an
older copy, was cut, altered, or begun anew; one that lies in another folder than it was written in
was moved, restored or copied. It may be read, and spends nothing until an officer has acknowledged
that; what the anchors knew to be spent in the lost end is then charged to the year, the lifetime,
every period so far and every report in it. Where no witness knows the amount, it is taken to be a
year's whole limit, the most that can have been spent, or what the officer states.

This finds accidents and honest restores. Whoever may write every file of the workspace and of the
published folder can write all witnesses anew.
"""

import datetime as dt
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from decimal import Decimal
from pathlib import Path

from workbench.catalog import Limits
from workbench.errors import InputError, LedgerError
from workbench.privacy.accounting import PICO, Cost
from workbench.privacy.books import entries
from workbench.privacy.books.witnesses import (
    ANCHOR,
    ANSWERED,
    MISSING,
    MOVED,
    Seal,
    Witness,
    elsewhere,
    home_of,
    read_anchor,
    require_local,
    same_home,
)
from workbench.store.logs.chain import GENESIS, Chain, Reader, Writer
from workbench.store.logs.counted import require_clock
from workbench.store.logs.events import who

LEDGER = "ledger.sqlite"


def unfit(read: Reader, witnesses: Iterable[Witness], seal: Seal = str) -> list[Witness]:
    """Return the witnesses whose entry the ledger does not hold, plain or sealed."""
    listed = list(witnesses)
    held = read.hashes([each.seq for each in listed])
    found = []
    for each in listed:
        known = held.get(each.seq)
        if each.hash.startswith(ANSWERED):
            if read.last(ref=each.hash.removeprefix(ANSWERED)) is None:
                found.append(each)
        elif known is None or each.hash not in (known, seal(known)):
            found.append(each)
    return found


def common_start(read: Reader, witness: Witness, seal: Seal = str) -> int:
    """Return the last entry that the ledger is known to share with what a witness saw."""
    points = [(0, GENESIS), (witness.seq, witness.hash), *witness.before]
    held = read.hashes([seq for seq, _ in points])
    return max(
        seq for seq, hash_ in points if seq in held and hash_ in (held[seq], seal(held[seq]))
    )


def loss(
    read: Reader, missing: Sequence[Witness], unknown: Cost, seal: Seal = str
) -> tuple[Cost, int]:
    """Return what a lost end had spent, and the largest number of its entries.

    Parameters
    ----------
    missing : sequence of Witness
        Whatever the ledger does not fit.
    unknown : Cost
        What to take it for at least, where no witness knew the amount up to the very end.
    """
    furthest = max([read.ever(), read.head()[0], *(each.seq for each in missing)])
    if not missing:
        return Cost(), furthest
    known = [each for each in missing if each.spent is not None]
    lost = Cost()
    for each in known:
        start = common_start(read, each, seal)
        shared = entries.lifetime_of(read.last(*entries.CHARGES, upto=start))
        lost = lost.at_least((each.spent or Cost()) - shared)
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
    trace : Path, optional
        Folder outside the private one for a second anchor.
    """

    def __init__(
        self, chain: Chain, folder: Path, published: Path | None, seal: Seal, trace: Path | None
    ) -> None:
        self._seal, self._trace = seal, trace
        self._chain, self._path, self._published = chain, folder / LEDGER, published
        self._anchor_path = folder / ANCHOR
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
                anchor = Witness.at(write, self._anchor_path)
                anchor.write(self._anchor_path)
            self._require_fit(write, anchor, self._witnesses(anchor, self._seen is None))
            self._require_readable(write, anchor, now)
            self._seen = anchor
            yield write
            if anchor is None or write.head() != (anchor.seq, anchor.hash):
                after.append(Witness.at(write, self._anchor_path))

    def acknowledge(
        self,
        word: Mapping[str, str],
        wanted: tuple[Limits, Decimal],
        stated: Cost | None,
        unknown: Cost,
        now: dt.datetime,
    ) -> Cost:
        """Record an officer's word on what is lost, moved or raised; return what it charges.

        Parameters
        ----------
        word : mapping
            Who says it, as what, and why.
        wanted : (Limits, Decimal)
            The catalog's limits and delta, which count from now on.
        stated, unknown : Cost
            What was lost by the officer's statement, and where nobody knows.

        Raises
        ------
        InputError
            There is nothing to acknowledge.
        """
        require_local(self._path)
        after: list[Witness] = []
        with self._chain.writing(lambda: self._anchor(after)) as write:
            anchor = read_anchor(self._anchor_path)
            missing = self._amiss(write, anchor, self._witnesses(anchor, everywhere=True))
            sums, before = entries.recomputed(write.entries()), entries.in_force(write, *wanted)
            if not missing and before == wanted:
                raise InputError(
                    f"nothing is lost: {self._path} fits everything that knows it, and no limit "
                    "was raised. Nothing was recorded."
                )
            lost, furthest = loss(write, missing, stated or unknown, self._seal)
            lost = lost.at_least(stated or Cost())
            body = {
                "schema": entries.SCHEMA,
                **signed(word),
                "head": list(write.head()),
                "witnesses": [[each.place, each.seq, each.hash] for each in missing],
                "lost": lost.to_json(),
                "limits": entries.limits_json(*wanted),
                "limits_before": entries.limits_json(*before),
                "sums": {"lifetime": (sums + lost).to_json()},
            }
            at = entries.in_order(write, now)
            # why its number: answers of the lost end are in pages, and their ids are not reused
            write.append("acknowledged", body, at=at, subject="acknowledged", seq=furthest + 1)
            after.append(Witness.at(write, self._anchor_path))
        return lost

    def set_clock(self, word: Mapping[str, str], now: dt.datetime) -> dt.datetime | None:
        """Go on by a clock that an officer says is right; return the mark that lay after it.

        It charges nothing and takes nothing back: see `workbench.privacy.books.entries`.
        """
        after: list[Witness] = []
        with self._chain.writing(lambda: self._anchor(after)) as write:
            anchor = read_anchor(self._anchor_path)
            self._require_fit(write, anchor, self._witnesses(anchor, everywhere=True))
            last = write.last(*entries.CHARGES)
            if last is None or last.at <= now:
                return None
            body = {
                "schema": entries.SCHEMA,
                **signed(word),
                entries.CLOCK: {
                    "ahead": last.at.isoformat(),
                    "spent": entries.ahead_of(write, now).to_json(),
                },
                "head": list(write.head()),
                "witnesses": [],
                "lost": Cost().to_json(),
                "limits": last.body.get("limits"),
                "sums": {"lifetime": last.body["sums"]["lifetime"]},
            }
            write.append("acknowledged", body, at=now, subject="acknowledged")
            after.append(Witness.at(write, self._anchor_path))
        return last.at

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
            if each.hash.startswith(MOVED):
                raise LedgerError(
                    f"{self._path} was written in {each.place} and lies in another folder now: it "
                    "was moved to another disk, restored or copied, and two copies would spend one "
                    "budget twice. If this is the one to go on with, an officer says so with "
                    "'workbench office acknowledge --reason … --role officer', which costs nothing "
                    "(--lost-rho states what the other one spent since). Else work there. Nothing "
                    "is spent until then."
                )
            raise LedgerError(
                f"{self._path} ends with entry {read.head()[0]} and does not fit {each.place} "
                f"(entry {each.seq}): it is an older copy, was cut or was altered, or was begun "
                "anew. Put the newest ledger back from a backup, or private = in workbench.toml "
                "back to its folder. If it is lost, an officer acknowledges it with "
                "'workbench office acknowledge --reason … --role officer', and what was lost "
                "counts as spent. Nothing is spent until then."
            )

    def _anchor(self, after: Sequence[Witness]) -> None:
        for anchor in after:
            anchor.write(self._anchor_path)
            if self._trace is not None:
                anchor.keep_trace(self._trace, self._seal)
            anchor.write_marks(self._path.parent)
            self._seen = anchor

    def _witnesses(self, anchor: Witness | None, everywhere: bool) -> list[Witness]:
        found = [each for each in (anchor, self._seen, self._read_trace()) if each is not None]
        if everywhere:
            found += elsewhere(self._path.parent, self._published)
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
        found += self._moved(anchor)
        if not found:
            return []
        acknowledged = read.entries("acknowledged", subject="acknowledged")
        known = {tuple(each[1:]) for entry in acknowledged for each in entry.body["witnesses"]}
        last = max(
            (entry.seq for entry in acknowledged if entries.CLOCK not in entry.body), default=0
        )
        return [
            each
            for each in found
            # why: what this process saw was anchored too, and the anchor is what was acknowledged;
            # and who acknowledged a lost end acknowledged every answer in it
            if (each.seq, each.hash) not in known
            and not (each.seq < last and (each == self._seen or each.hash.startswith(ANSWERED)))
        ]

    def _read_trace(self) -> Witness | None:
        return None if self._trace is None else read_anchor(self._trace / "head", "the trace")

    def _moved(self, anchor: Witness | None) -> list[Witness]:
        """Return that a ledger somebody spent from lies elsewhere than it was written."""
        if anchor is None or anchor.home is None or not anchor.seq:
            return []
        here = home_of(self._path.parent)
        if same_home(anchor.home, here):
            return []
        trace = self._read_trace()
        newest = trace is not None and trace.hash == self._seal(anchor.hash)
        if newest and anchor.home[0] == here[0]:  # put back in its place, and nothing came since
            return []
        hash_ = f"{MOVED}{here[1]}:{here[2]}"
        known = ((anchor.seq, anchor.hash), *anchor.before)
        return [Witness(anchor.home[0], anchor.seq, hash_, anchor.spent, known)]

    def _require_readable(self, read: Reader, anchor: Witness | None, now: dt.datetime) -> None:
        """Refuse a newer version's ledger, and a clock that was set back."""
        last = read.last(*entries.CHARGES)
        schemas = {entries.SCHEMA if last is None else last.body.get("schema")}
        if anchor is not None:
            schemas.add(anchor.schema)
            read.entries(None, anchor.seq)  # a tail that no anchor knows yet is hashed again
        for schema in sorted(schemas - {entries.SCHEMA}, key=str):
            newer = isinstance(schema, int) and schema > entries.SCHEMA
            way_out = (
                "Update workbench"
                if newer
                else "What it spent cannot be summed: begin with a new private folder"
            )
            raise LedgerError(
                f"{self._path} was written by {'a newer' if newer else 'an unfinished'} version "
                f"(schema {schema}; this one knows {entries.SCHEMA}). {way_out}; nothing was spent."
            )
        if last is not None:
            what = f"entry {last.seq} of the ledger, its last spend ({self._path}),"
            require_clock(now, last.at, what, "Nothing is spent", LedgerError)


def signed(word: Mapping[str, str]) -> dict[str, str]:
    """Return an officer's word as a ledger keeps it: with whoever the operating system says."""
    return {**word, "role_is": "self-declared", "who": who()}


def stated_pico(lost_rho: Decimal | str) -> int:
    """Return what an officer states was lost, in pico-rho."""
    try:
        amount = Decimal(str(lost_rho))
    except ArithmeticError:
        amount = Decimal("NaN")
    if not amount.is_finite() or amount < 0:
        raise InputError(f"what was lost is a number of rho, 0 or more, not {lost_rho!r}.")
    return int(amount * PICO)
