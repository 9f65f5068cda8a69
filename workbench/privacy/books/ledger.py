"""The ledger: what every answer cost, for as long as the data lives, and the answers' texts.

One ledger guards one privacy unit, the customers of a workspace, whoever asks: analyst, notebook or
schedule. An answer is reserved durably before anything is computed, so a crash leaves it spent; the
answer is stored before anybody sees it, so the same question is never paid for, or drawn, twice.

Each spend carries the sums up to itself, of all customers' life, of its period and of the reports
in it. So the next one reads a handful of entries and not the whole ledger, and every entry that is
read is hashed again. `Ledger.verify` recomputes all of them.
"""

import datetime as dt
from collections.abc import Callable, Iterable, Mapping, Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any

from sqlalchemy import Index

from workbench.catalog import Limits
from workbench.errors import BudgetExhausted, LedgerError, UnknownName
from workbench.privacy.accounting import Cost, pico_of
from workbench.privacy.books import entries
from workbench.privacy.books.entries import Order, Reservation
from workbench.privacy.books.trust import LEDGER, Guard, signed, stated_pico
from workbench.privacy.books.witnesses import Seal
from workbench.privacy.budget import Line, Share, Standing, open_series, refusal
from workbench.privacy.provenance import Approval, approval_of
from workbench.store.logs.chain import Entry, Reader, log_in
from workbench.store.logs.events import who
from workbench.store.reading.roles import officers_word

_ANSWERS = ("answer", "derived", "operational")


class Ledger:
    """The ledger of one workspace.

    Parameters
    ----------
    folder : Path
        The workspace's private folder.
    limits : Limits
        The catalog's limits.
    delta : Decimal
        The catalog's delta.
    published : Path, optional
        Where editions are; each names the ledger's head it was made at.
    seal : callable
        Makes of an entry's hash what editions may hold of it: keyed, for entries tell of rows.
    trace : Path, optional
        Folder outside the private one, where a second anchor is kept.
    """

    def __init__(
        self,
        folder: Path,
        limits: Limits,
        delta: Decimal,
        published: Path | None = None,
        seal: Seal = str,
        trace: Path | None = None,
    ) -> None:
        self.limits, self.delta, self.seal = limits, delta, seal
        self._path = folder / LEDGER
        self.chain = log_in(folder, "ledger", LedgerError)
        Index("ix_ledger_at", self.chain.table.c.at)  # the rolling year looks a time up
        self._guard = Guard(self.chain, folder, published, seal, trace)

    # ------------------------------------------------------------------ spending

    def reserve(
        self,
        orders: Sequence[Order],
        *,
        share: Share | None,
        now: dt.datetime,
        label: str,
        earlier: bool = False,
    ) -> list[Reservation]:
        """Pay for the parts of questions durably, all or none; parts already answered are free.

        A stored answer serves when it is at least as exact as the one asked for. A reservation
        whose process died before its answer was stored is taken up again: nobody saw a draw. It
        is drawn as it was booked, whatever is asked now.

        Parameters
        ----------
        earlier : bool
            Take an answer on data before it changed, where there is none on this data.

        Raises
        ------
        BudgetExhausted
            A limit does not cover the cost; nothing was spent.
        LedgerError
            The ledger is altered, older than it once was, or cannot be written.
        """
        found: list[Reservation] = []
        report = share.report if share else None
        with self._guard.writing(now) as write:
            limits, delta = entries.in_force(write, self.limits, self.delta)
            for order in orders:
                stored = entries.order_answered(write, order, earlier)
                if stored is not None:
                    found.append(stored)
                    continue
                part, name = order.part, order.name
                question = entries.digest(part.canonical)
                identity = entries.identity_of(part.canonical, order.data_version)
                at = entries.in_order(write, now)
                period = part.paced_by or f"{now:%Y-%m}"
                last, seq = write.last(*entries.CHARGES), write.head()[0] + 1
                cost, price, before = entries.charge_of(write, order, last, at)
                event = order.event(price)
                standing = entries.standing_of(write, period, at)
                for line in standing.lines(limits, delta, period, share, cost.delta):
                    if before is None and not line.covers(cost):
                        raised = (limits, delta) != (self.limits, self.delta)
                        told = refusal(line, cost, label, name) + (entries.RAISED if raised else "")
                        raise BudgetExhausted(told)
                # why of the last spend: what was drawn stays in the year after an officer's word
                series = open_series(write.last("spend"), at)
                body: dict[str, Any] = {
                    "schema": entries.SCHEMA,
                    "identity": identity,
                    "question": part.canonical,
                    "data_version": order.data_version,
                    "event": event,
                    **entries.cost_json(cost),
                    "name": name,
                    "report": report,
                    "period": period,
                    "who": who(),
                    "limits": entries.limits_json(limits, delta),
                    "sums": entries.sums_json(standing, cost, report),
                }
                if order.series is not None:
                    drawn = order.series.drawn_with(before, seq)
                    body["series"], body["drawn_at"] = drawn, entries.cost_json(price)
                    series = order.series.still_open(series, drawn, price, seq, at)
                body["sums"] |= {"series": series} if series else {}
                entry = write.append("spend", body, at=at, subject=question, ref=period)
                found.append(Reservation(entry.seq, identity, None, cost, event))
        return found

    def store(self, answers: Sequence[tuple[Reservation, str]], now: dt.datetime) -> list[str]:
        """Store the texts of answers once each; return the stored ones, whoever stored them first.

        Raises
        ------
        LedgerError
            What was paid for is not in the ledger any more; the answers are dropped unseen.
        """
        stored: list[str] = []
        with self._guard.writing(now) as write:
            for reservation, answer in answers:
                earlier = entries.answer_to(write, reservation.identity, reservation.seq)
                if earlier is not None:
                    stored.append(earlier)
                    continue
                paid = write.entry(reservation.seq)
                if paid is None or paid.body.get("identity") != reservation.identity:
                    raise LedgerError(
                        f"{self._path} no longer holds entry {reservation.seq}, which paid for "
                        "this answer: it was replaced meanwhile. The answer was dropped; ask again."
                    )
                body = {
                    "schema": entries.SCHEMA,
                    "spend": reservation.seq,
                    "release": reservation.release_id,
                    "answer": answer,
                }
                ref = reservation.release_id
                write.append("answer", body, at=now, subject=reservation.identity, ref=ref)
                stored.append(answer)
        return stored

    def keep(
        self,
        made: Callable[[str], str],
        parents: Sequence[str],
        now: dt.datetime,
        kind: str = "derived",
    ) -> str:
        """Store what costs nothing, once; return the text that is stored.

        Parameters
        ----------
        made : callable
            Takes the id it will have and returns its text.
        parents : sequence of str
            Ids of the answers it was computed from.
        kind : {"derived", "operational"}
            Operational ones are exact figures of `workbench.privacy.operational`.
        """
        subject = entries.digest({"parents": list(parents), "is": made("")})
        with self._guard.writing(now) as write:
            for parent in parents if kind == "derived" else ():
                self._entry_of(write, parent)
            for each in write.entries(kind, subject=subject):
                return str(each.body["answer"])
            name = f"{'e' if kind == 'operational' else 'd'}-{write.head()[0] + 1:06d}"
            body = {
                "schema": entries.DERIVED,
                "release": name,
                "parents": list(parents),
                "answer": made(name),
            }
            return str(write.append(kind, body, at=now, subject=subject, ref=name).body["answer"])

    # ------------------------------------------------------------------ reading

    def text(self, release_id: str) -> str:
        """Return a stored or derived answer's text by its id.

        Raises
        ------
        UnknownName
            The ledger holds no such answer.
        """
        with self.chain.reading() as read:
            return str(self._entry_of(read, release_id).body["answer"])

    def unanswered(
        self, orders: Sequence[Order], earlier: bool = False, now: dt.datetime | None = None
    ) -> list[tuple[str, str | None]]:
        """Return the parts that would have to be paid for: identity, and the period that paces it.

        ``earlier``: as for `reserve`. ``now``: when it would be paid, which ends old series.
        """
        found: list[tuple[str, str | None]] = []
        begun: set[str] = set()  # series that one of these pays for
        with self.chain.reading() as read:
            last = read.last(*entries.CHARGES)
            for each in orders:
                if entries.order_answered(read, each, earlier) is not None:
                    continue
                if each.series is not None:
                    paid = entries.charge_of(read, each, last, now)[2] is not None
                    if paid or each.series.identity in begun:
                        continue
                    begun.add(each.series.identity)
                identity = entries.identity_of(each.part.canonical, each.data_version)
                found.append((identity, each.part.paced_by))
        return found

    def releases(self) -> list[str]:
        """Return the ids of all stored answers, oldest first."""
        return [entry.body["release"] for entry in self.chain.entries("answer")]

    def prices(self) -> list[Cost]:
        """Return what every spend cost, lost ones too: for a second opinion on their sum."""
        found = [entries.price_of(entry) for entry in self.chain.entries("spend")]
        for entry in self.chain.entries("acknowledged", subject="acknowledged"):
            lost = Cost.from_json(entry.body["lost"])
            found.append(Cost(lost.pico, lost.delta))
        return found

    def status(self, period: str, now: dt.datetime, share: Share | None = None) -> tuple[Line, ...]:
        """Return every limit that a question about ``period`` meets, tightest scope first.

        Raises
        ------
        LedgerError
            The ledger lost its end, and would show less than was spent.
        """
        standing = self.standings([period], now)[period]
        return standing.lines(*self.in_force(), period, share)

    @property
    def gaussian(self) -> bool:
        """Whether its costs are Gaussian: unless it was begun before they were."""
        with self.chain.reading() as read:
            return entries.lifetime_of(read.last(*entries.CHARGES)).gaussian

    def in_force(self) -> tuple[Limits, Decimal]:
        """Return limits and delta that count: raised ones once an officer acknowledged them."""
        with self.chain.reading() as read:
            return entries.in_force(read, self.limits, self.delta)

    def standings(self, periods: Iterable[str], now: dt.datetime) -> dict[str, Standing]:
        """Return what was spent so far by everything that limits questions about some periods."""
        with self._guard.reading() as read:
            return {period: entries.standing_of(read, period, now) for period in periods}

    def periods(self) -> set[str]:
        """Return the periods that anything was spent on."""
        with self.chain.reading() as read:
            return read.refs("spend")

    def _entry_of(self, read: Reader, release_id: str) -> Entry:
        entry = read.last(*_ANSWERS, ref=release_id)
        if entry is None:
            with self._guard.reading(everywhere=True):
                pass  # why: of a ledger that lost its answers it is no slip in a name
            raise UnknownName("release", release_id, self.releases())
        return entry

    # ------------------------------------------------------------------ officers

    def approve(
        self, what: str, reason: str, *, role: str | None = None, now: dt.datetime
    ) -> Approval:
        """Record an officer's named exception; pages that rest on it show it.

        Parameters
        ----------
        what : str
            The exception's name, as the refusal gave it.
        role : str, optional
            Self-declared; else ``$WORKBENCH_ROLE``.
        """
        word = officers_word(f"approving {what}", reason, role)
        body = {"schema": entries.SCHEMA, "what": what, **signed(word)}
        with self._guard.writing(now) as write:
            return approval_of(write.append("approved", body, at=now, subject="approved"))

    def approvals(self) -> tuple[Approval, ...]:
        """Return every exception an officer approved, oldest first."""
        return tuple(map(approval_of, self.chain.entries("approved", subject="approved")))

    def acknowledge(
        self,
        reason: str,
        *,
        role: str | None = None,
        now: dt.datetime,
        lost_rho: Decimal | str | None = None,
    ) -> Cost:
        """Record that the end of this ledger is lost, and charge what it had spent.

        The same word lets a ledger go on that lies in another folder than it was written in, and
        lets limits count that were raised in the catalog; neither charges anything.

        The amount is what the anchor knew, counted from the last entry both share. It is charged
        to the rolling year from now on, to the lifetime, to every period up to now and to every
        report within. Where no anchor knows it, it is a year's whole limit.

        Parameters
        ----------
        role : str, optional
            Self-declared; else ``$WORKBENCH_ROLE``.
        lost_rho : number, optional
            What the officer states was lost, where no witness knows. Never lowers what one knows.

        Returns
        -------
        Cost
            What was charged.

        Raises
        ------
        InputError
            Nothing is lost, moved or raised, or ``lost_rho`` is no amount.
        LedgerError
            The entries that are there do not fit each other: only a backup helps.
        """
        word = officers_word("acknowledging a lost end of the ledger", reason, role)
        # why: where nothing is left that says how costs were counted, the dearer way
        known = bool(self.head()[0]) and self.gaussian
        stated = None if lost_rho is None else Cost(stated_pico(lost_rho), gaussian=known)
        year = Cost(pico_of(self.limits.year, float(self.delta), known), gaussian=known)
        return self._guard.acknowledge(word, (self.limits, self.delta), stated, year, now)

    def set_clock(self, word: Mapping[str, str], now: dt.datetime) -> dt.datetime | None:
        """Record an officer's word that the clock is right; return the mark that lay after it."""
        return self._guard.set_clock(word, now)

    def head(self) -> tuple[int, str]:
        """Return (number, hash) of the last entry."""
        return self.chain.head()

    def sealed(self, head: tuple[int, str]) -> tuple[int, str]:
        """Return what may leave the private folder of a log's last entry."""
        return head[0], self.seal(head[1])

    def verify(self) -> int:
        """Check the chain, its sums and every anchor; return how many entries hold."""
        count = self.chain.verify()
        with self._guard.reading(everywhere=True) as read:
            charges = [entry for kind in entries.CHARGES for entry in read.entries(kind)]
            entries.recomputed(sorted(charges, key=lambda entry: entry.seq))
        return count
