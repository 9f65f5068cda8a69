"""The ledger: what every answer cost, for as long as the data lives, and the answers themselves.

One ledger guards one privacy unit, the customers of a workspace, whoever asks: analyst, notebook or
schedule. An answer is reserved durably before anything is computed, so a crash leaves it spent; the
answer is stored before anybody sees it, so the same question is never paid for, or drawn, twice.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import json
import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from pathlib import Path
from typing import Any

from workbench.catalog import Limits
from workbench.errors import BudgetExhausted, LedgerError, UnknownName
from workbench.privacy.accounting import Price, epsilon_of, pico_of
from workbench.privacy.question import Part
from workbench.privacy.release import Release
from workbench.store.audit import who
from workbench.store.chain import GENESIS, Chain, Entry, Writer, canonical

SCHEMA = 1
_YEAR = dt.timedelta(days=366)
_CLOCK_SLACK = dt.timedelta(minutes=5)


@dataclass(frozen=True)
class Share:
    """A report's own limit within one period, in epsilon at the ledger's delta."""

    report: str
    epsilon: Decimal


@dataclass(frozen=True)
class Line:
    """One limit and how far it is used.

    Attributes
    ----------
    scope : str
        ``2026-09``, ``rolling year``, ``lifetime``, or ``report NAME 2026-09``.
    limit, spent, left : float
        Epsilon at the ledger's delta. ``left`` is what one single answer could still cost;
        epsilons do not add up, the pico-rho do.
    limit_pico, spent_pico : int
        The same in exact pico-rho, which decide.
    """

    scope: str
    limit: float
    spent: float
    left: float
    limit_pico: int
    spent_pico: int

    @property
    def left_pico(self) -> int:
        """What is left, exactly."""
        return max(0, self.limit_pico - self.spent_pico)


@dataclass(frozen=True)
class Reservation:
    """An answer that is paid for and not drawn yet, or the answer that was already there."""

    seq: int
    identity: str
    answer: Release | None


def identity_of(question: Mapping[str, Any], data_version: str) -> str:
    """Return the identity of an answer: what was asked of which data, by which mechanism."""
    content = canonical({"question": question, "data_version": data_version})
    return hashlib.sha256(content.encode()).hexdigest()


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
    """

    def __init__(
        self, folder: Path, limits: Limits, delta: Decimal, published: Path | None = None
    ) -> None:
        self.limits, self.delta = limits, delta
        self._published = published
        self._anchor = folder / "anchor" / "ledger.head"
        self._path = folder / "ledger.sqlite"
        self.chain = Chain(f"sqlite:///{self._path}", "ledger", folder / "ledger.lock", LedgerError)

    # ------------------------------------------------------------------ spending

    def reserve(
        self,
        parts: Sequence[Part],
        data_versions: Sequence[str],
        cost: Price,
        *,
        name: str,
        share: Share | None,
        now: dt.datetime,
        label: str,
    ) -> list[Reservation]:
        """Pay for the parts of a question durably, all or none; parts already answered are free.

        A stored answer serves when it is at least as exact as the one asked for. A reservation
        whose process died before its answer was stored is taken up again: nobody saw a draw.

        Parameters
        ----------
        cost : Price
            Of each part.

        Raises
        ------
        BudgetExhausted
            A limit does not cover the cost; nothing was spent.
        LedgerError
            The ledger is altered, older than it once was, or cannot be written.
        """
        found: list[Reservation] = []
        entry: Entry | None = None
        with self.chain.writing() as write:
            self._trust(write, now)
            spends = write.entries("spend")
            for part, version in zip(parts, data_versions, strict=True):
                identity = identity_of(part.canonical, version)
                stored = self._stored(write, spends, identity, cost)
                if stored is not None:
                    found.append(stored)
                    continue
                period = part.paced_by or f"{now:%Y-%m}"
                for line in self._lines(spends, period, share, now, cost.delta):
                    if line.spent_pico + cost.pico > line.limit_pico:
                        raise BudgetExhausted(self._refusal(line, cost, label, name))
                body = {
                    "schema": SCHEMA,
                    "identity": identity,
                    "question": part.canonical,
                    "data_version": version,
                    "pico_rho": cost.pico,
                    "delta": str(cost.delta),
                    "name": name,
                    "report": share.report if share else None,
                    "period": period,
                    "who": who(),
                }
                entry = write.append("spend", body, at=now, subject=identity)
                spends.append(entry)
                found.append(Reservation(entry.seq, identity, None))
        if entry is not None:
            self._set_anchor(entry.seq, entry.hash)
        return found

    def store(
        self, answers: Sequence[tuple[Reservation, Release]], now: dt.datetime
    ) -> list[Release]:
        """Store answers once each; return the stored ones, whoever stored them first."""
        stored: list[Release] = []
        entry: Entry | None = None
        with self.chain.writing() as write:
            for reservation, answer in answers:
                texts = [
                    each.body["answer"]
                    for each in write.entries("answer", subject=reservation.identity)
                    if each.body["spend"] == reservation.seq
                ]
                if texts:
                    stored.append(Release.from_json(texts[0]))
                    continue
                body = {
                    "schema": SCHEMA,
                    "spend": reservation.seq,
                    "release": answer.id,
                    "answer": answer.to_json(),
                }
                entry = write.append(
                    "answer", body, at=now, subject=reservation.identity, ref=answer.id
                )
                stored.append(answer)
        if entry is not None:
            self._set_anchor(entry.seq, entry.hash)
        return stored

    def derive(
        self, content: Callable[[str], Release], parents: Sequence[str], now: dt.datetime
    ) -> Release:
        """Store what was computed from answers alone; it costs nothing. Return the stored one.

        Parameters
        ----------
        content : callable
            Takes the id the derived release will have and returns it.
        parents : sequence of str
            Ids of the answers it was computed from.
        """
        blank = content("").to_json()
        identity = hashlib.sha256(canonical({"parents": list(parents), "is": blank}).encode())
        subject = identity.hexdigest()
        with self.chain.writing() as write:
            for each in write.entries("derived", subject=subject):
                return Release.from_json(each.body["answer"])
            answer = content(f"d-{write.head()[0] + 1:06d}")
            body = {
                "schema": SCHEMA,
                "release": answer.id,
                "parents": list(parents),
                "answer": answer.to_json(),
            }
            entry = write.append("derived", body, at=now, subject=subject, ref=answer.id)
        self._set_anchor(entry.seq, entry.hash)
        return answer

    def _stored(
        self, write: Writer, spends: Sequence[Entry], identity: str, cost: Price
    ) -> Reservation | None:
        mine = [
            each
            for each in spends
            if each.body["identity"] == identity and each.body["pico_rho"] >= cost.pico
        ]
        if not mine:
            return None
        best = max(mine, key=lambda each: int(each.body["pico_rho"]))
        for answer in write.entries("answer", subject=identity):
            if answer.body["spend"] == best.seq:
                return Reservation(best.seq, identity, Release.from_json(answer.body["answer"]))
        return Reservation(best.seq, identity, None)

    def _refusal(self, line: Line, cost: Price, label: str, name: str) -> str:
        delta = float(self.delta)
        return (
            f"{label} needs epsilon {epsilon_of(cost.pico, delta):.2f} for '{name}'; "
            f"{line.left:.2f} of {line.limit:.2f} is left for {line.scope}. Group by fewer columns "
            "and ask at a smaller epsilon, or reuse an answer that is already paid for "
            "('workbench budget' lists them)."
        )

    # ------------------------------------------------------------------ reading

    def answer(self, release_id: str) -> Release:
        """Return a stored or derived answer by its id.

        Raises
        ------
        UnknownName
            The ledger holds no such answer.
        """
        for entry in self.chain.entries(ref=release_id):
            return Release.from_json(entry.body["answer"])
        raise UnknownName("release", release_id, self.releases())

    def releases(self) -> list[str]:
        """Return the ids of all stored answers, oldest first."""
        return [entry.body["release"] for entry in self.chain.entries("answer")]

    def earlier_answers(self, part: Part, data_version: str) -> list[str]:
        """Return ids of answers to the same part on other versions of the data."""
        spends = {
            entry.seq
            for entry in self.chain.entries("spend")
            if entry.body["question"] == part.canonical
            and entry.body["data_version"] != data_version
        }
        answers = self.chain.entries("answer")
        return [entry.body["release"] for entry in answers if entry.body["spend"] in spends]

    def parents(self, release_id: str) -> list[str]:
        """Return the paid answers an answer stands on: itself, or what it was derived from."""
        entries = self.chain.entries(ref=release_id)
        if not entries:
            raise UnknownName("release", release_id, self.releases())
        found: list[str] = []
        for parent in entries[0].body.get("parents", ()):
            found += self.parents(parent)
        return found or [release_id]

    def spent_by(self, releases: Iterable[str]) -> int:
        """Return what a set of answers cost when they were first answered, in pico-rho."""
        wanted = {paid for each in releases for paid in self.parents(each)}
        answers = self.chain.entries("answer")
        seqs = {each.body["spend"] for each in answers if each.body["release"] in wanted}
        spends = self.chain.entries("spend")
        return sum(each.body["pico_rho"] for each in spends if each.seq in seqs)

    def spent_since(self, seq: int) -> int:
        """Return what was spent after one entry, in pico-rho."""
        return sum(e.body["pico_rho"] for e in self.chain.entries("spend") if e.seq > seq)

    def summary(self) -> list[dict[str, Any]]:
        """Return every paid answer in short: id, name, period, who asked, epsilon, when."""
        spends = {entry.seq: entry.body for entry in self.chain.entries("spend")}
        found = []
        for entry in self.chain.entries("answer"):
            spend = spends[entry.body["spend"]]
            epsilon = epsilon_of(spend["pico_rho"], float(self.delta))
            shown = {key: spend[key] for key in ("name", "period", "report", "who")}
            at = entry.at.isoformat(timespec="seconds")
            found.append(
                {"release": entry.body["release"], **shown, "epsilon": round(epsilon, 4), "at": at}
            )
        return found

    def status_after(self, releases: Iterable[str]) -> tuple[Line, ...]:
        """Return period, year and lifetime as they stood once a set of answers was paid for."""
        wanted = {paid for each in releases for paid in self.parents(each)}
        answers = self.chain.entries("answer")
        last = max(each.body["spend"] for each in answers if each.body["release"] in wanted)
        spends = [entry for entry in self.chain.entries("spend") if entry.seq <= last]
        return self._lines(spends, spends[-1].body["period"], None, spends[-1].at, Fraction(0))

    def status(self, period: str, now: dt.datetime, share: Share | None = None) -> tuple[Line, ...]:
        """Return every limit that a question about ``period`` meets, tightest scope first."""
        return self._lines(self.chain.entries("spend"), period, share, now, Fraction(0))

    def _lines(
        self,
        spends: list[Entry],
        period: str,
        share: Share | None,
        now: dt.datetime,
        extra_delta: Fraction,
    ) -> tuple[Line, ...]:
        in_year = [entry for entry in spends if now - entry.at < _YEAR]
        in_period = [entry for entry in spends if entry.body["period"] == period]
        lines = []
        if share is not None:
            mine = [entry for entry in in_period if entry.body["report"] == share.report]
            lines.append(
                self._line(f"report {share.report} {period}", share.epsilon, mine, extra_delta)
            )
        lines.append(self._line(period, self.limits.month, in_period, extra_delta))
        lines.append(self._line("rolling year", self.limits.year, in_year, extra_delta))
        lines.append(self._line("lifetime", self.limits.lifetime, spends, extra_delta))
        return tuple(lines)

    def _line(self, scope: str, limit: Decimal, spends: list[Entry], extra_delta: Fraction) -> Line:
        pico = sum(entry.body["pico_rho"] for entry in spends)
        own = sum((Fraction(entry.body["delta"]) for entry in spends), extra_delta)
        # why: failure probabilities of single answers are taken out of the shared delta first
        delta = float(Fraction(self.delta) - own)
        limit_pico = pico_of(limit, delta) if delta > 0 else 0
        shown = float(self.delta)
        left = max(0, limit_pico - pico)
        return Line(
            scope, float(limit), epsilon_of(pico, shown), epsilon_of(left, shown), limit_pico, pico
        )

    # ------------------------------------------------------------------ trust

    def head(self) -> tuple[int, str]:
        """Return (number, hash) of the last entry."""
        return self.chain.head()

    def verify(self) -> int:
        """Check the whole chain and every anchor; return how many entries hold."""
        count = self.chain.verify()
        self._check_anchors(self.chain.head()[0], self.chain.hash_at)
        return count

    def _trust(self, write: Writer, now: dt.datetime) -> None:
        entries = write.entries()
        hashes = {entry.seq: entry.hash for entry in entries}
        self._check_anchors(len(entries), lambda seq: GENESIS if seq == 0 else hashes.get(seq))
        for entry in entries:
            schema = entry.body.get("schema", SCHEMA)
            if schema > SCHEMA:
                raise LedgerError(
                    f"{self._path} was written by a newer version (schema {schema}; this one knows "
                    f"{SCHEMA}). Update workbench; nothing was spent."
                )
        if entries and now < entries[-1].at - _CLOCK_SLACK:
            raise LedgerError(
                f"the clock says {now:%Y-%m-%d %H:%M} and the ledger's last entry is from "
                f"{entries[-1].at:%Y-%m-%d %H:%M}. Set the clock right; nothing was spent."
            )

    def _check_anchors(self, count: int, hash_at: Callable[[int], str | None]) -> None:
        for place, seq, known in self._anchors():
            if hash_at(seq) != known:
                raise LedgerError(
                    f"{self._path} holds {count} entries and does not fit {place}, which knew "
                    f"entry {seq}: it is an older copy or was altered. Put the newest ledger back; "
                    "nothing is spent until then."
                )

    def _anchors(self) -> list[tuple[str, int, str]]:
        anchors = []
        if self._anchor.exists():
            content = json.loads(self._anchor.read_text())
            anchors.append((f"its anchor {self._anchor}", content["seq"], content["hash"]))
        if self._published is not None:
            for path in sorted(self._published.glob("**/edition.json")):
                head = json.loads(path.read_text()).get("ledger_head")
                if head:
                    anchors.append((f"the published edition {path.parent}", head[0], head[1]))
        return anchors

    def _set_anchor(self, seq: int, hash_: str) -> None:
        self._anchor.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        partial = self._anchor.with_name(f"ledger.head.{os.getpid()}")
        with partial.open("w") as file:
            json.dump({"seq": seq, "hash": hash_}, file)
            file.flush()
            os.fsync(file.fileno())
        partial.rename(self._anchor)
