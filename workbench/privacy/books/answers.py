"""Stored answers as an analyst gets them; a derived one only once it is computed again.

A label is a name the analyst chose: of a group that is an expression, or of a rate. An answer is
stored under the labels it was first asked with, and remembers them by what they stand for, so that
the same answer under other names is not paid for again.
"""

import datetime as dt
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from functools import cache, partial
from itertools import chain
from typing import Any

from workbench.errors import LedgerError, QuestionRefused
from workbench.privacy.accounting import epsilon_of
from workbench.privacy.books import entries
from workbench.privacy.books.entries import Order, Part, digest, in_force, standing_of
from workbench.privacy.books.ledger import Ledger
from workbench.privacy.budget import Line
from workbench.privacy.release import Origin, Release
from workbench.privacy.replaying import parents_of, require_replayed
from workbench.privacy.sheets import apply
from workbench.privacy.tables import kept, renamed_columns, sheet_of
from workbench.store.logs.chain import Entry, Reader


class AnswerLedger(Ledger):
    """A ledger whose texts are read as releases, derived ones as what their operation makes."""

    def answer(self, release_id: str) -> Release:
        """Return a stored or derived answer by its id; see `Ledger.text`."""
        return Release.from_json(self.text(release_id))

    def answer_of(self, order: Order) -> Release:
        """Return what one part of a question was answered, which it was."""
        with self.chain.reading() as read:
            found = entries.order_answered(read, order, earlier=True)
        if found is None or found.answer is None:
            raise LedgerError(f"'{order.name}' has no answer yet; ask it with ws.release(…) first.")
        return Release.from_json(found.answer)

    def checked(self, release_id: str) -> Release:
        """Return an answer as `answer` does; a derived one only once it is computed again.

        Raises
        ------
        LedgerError
            It is not what its operation makes of its parents.
        """
        with self.chain.reading() as read:
            return checked(self._entry_of(read, release_id), partial(self._entry_of, read))

    def derive(
        self, made: Release, parents: Sequence[str], now: dt.datetime, kind: str = "derived"
    ) -> Release:
        """Store what was computed from answers alone, and return the stored one; see `Ledger.keep`.

        Raises
        ------
        QuestionRefused
            It was computed from other answers than ``parents``, or does not say how.
        """
        if kind == "derived" and parents_of(made) != tuple(parents):
            raise QuestionRefused(f"'{made.name}' was computed from other answers than it names.")
        text = self.keep(lambda name: replace(made, id=name).to_json(), parents, now, kind)
        return Release.from_json(text)

    def verify(self) -> int:
        """Check what `Ledger.verify` does, and compute every derived answer again."""
        count = super().verify()
        with self.chain.reading() as read:
            for entry in read.entries("derived"):
                checked(entry, partial(self._entry_of, read))
        return count

    def earlier_answers(self, part: Part, data_version: str) -> list[str]:
        """Return ids of answers to the same part on other versions of the data."""
        found = []
        with self.chain.reading() as read:
            before = part.earlier if entries.named_by_sql(read) else None
            names = [part.canonical] if before is None else [before(), part.canonical]
            for spend in chain(*(read.entries("spend", subject=digest(name)) for name in names)):
                if spend.body["data_version"] != data_version:
                    answers = read.entries("answer", subject=spend.body["identity"])
                    found += [a.body["release"] for a in answers if a.body["spend"] == spend.seq]
        return found

    def parents(self, release_id: str) -> list[str]:
        """Return the paid answers an answer stands on: itself, or what it was derived from."""
        with self.chain.reading() as read:
            return list(self._paid(read, [release_id]))

    def spent_by(self, releases: Iterable[str], after: int = 0) -> int:
        """Return what a set of answers cost when they were first answered, in pico-rho.

        Parameters
        ----------
        after : int
            Count only what was paid after this entry.
        """
        with self.chain.reading() as read:
            drawn = [read.entry(seq) for seq in set(self._paid(read, releases).values())]
            # a month that its series paid for stands on that charge
            paid = {e.body.get("series", {}).get("paid", e.seq) for e in drawn if e is not None}
            spends = [read.entry(seq) for seq in paid if seq > after]
        return sum(each.body["pico_rho"] for each in spends if each is not None)

    def summary(self) -> list[dict[str, Any]]:
        """Return every paid answer in short: id, name, period, who asked, epsilon, when."""
        spends = {entry.seq: entry.body for entry in self.chain.entries("spend")}
        found = []
        for entry in self.chain.entries("answer"):
            spend = spends[entry.body["spend"]]
            known = spend.get("gaussian", False)
            epsilon = epsilon_of(spend["pico_rho"], float(self.delta), known)
            shown = {key: spend[key] for key in ("name", "period", "report", "who")}
            at = entry.at.isoformat(timespec="seconds")
            found.append(
                {"release": entry.body["release"], **shown, "epsilon": round(epsilon, 4), "at": at}
            )
        return found

    def status_after(self, releases: Iterable[str]) -> tuple[Line, ...]:
        """Return period, year and lifetime as they stood once a set of answers was paid for."""
        names = list(releases)
        with self.chain.reading() as read:
            # why: exact figures alone stand on no paid answer; limits as they were when kept then
            paid = self._paid(read, names) or {x: self._entry_of(read, x).seq for x in names}
            upto = max(paid.values())
            last = read.last(*entries.CHARGES, upto=upto) or read.entry(upto)
            if last is None:
                raise LedgerError(f"{self._path} holds answers that nobody paid for.")
            period = last.body.get("period", f"{last.at:%Y-%m}")
            limits, delta = in_force(read, self.limits, self.delta, last.seq)
            return standing_of(read, period, last.at, last.seq).lines(limits, delta, period)

    def _paid(self, read: Reader, releases: Iterable[str]) -> dict[str, int]:
        """Return the paid answers that answers stand on, each with the number of its spend."""
        found: dict[str, int] = {}
        for each in releases:
            body = self._entry_of(read, each).body
            if "spend" in body:
                found[each] = body["spend"]
            else:
                found |= self._paid(read, body["parents"])
        return found


def handed_out(release: Release, ledger: AnswerLedger, now: Callable[[], dt.datetime]) -> Release:
    """Return a stored release that knows its ledger, so that more can be derived from it."""
    origin = Origin(ledger.answer, lambda made, parents: ledger.derive(made, parents, now()))
    return replace(release, origin=origin)


def relabelled(stored: Release, labels: Mapping[str, str]) -> Release:
    """Return a stored answer under the labels of the question asked now.

    Parameters
    ----------
    stored : Release
        Handed out by its ledger; its mechanism holds the labels it was stored with.
    labels : mapping
        What a label stands for, and the label.

    Returns
    -------
    Release
        ``stored`` itself where its labels are the same; else its very figures, stored as derived
        from it, at no cost.
    """
    had = stored.mechanism.get("labels", {})
    changed = {had[each]: label for each, label in labels.items() if had.get(each, label) != label}
    if not changed:
        return stored
    arguments = {"labels": changed}
    sheet = apply("rename", arguments, [sheet_of(stored)])
    columns = renamed_columns(stored, sheet)
    return kept("rename", [stored], arguments, sheet, columns=columns)


def checked(entry: Entry, entry_of: Callable[[str], Entry]) -> Release:
    """Return the answer of a ledger's entry; a derived one only once it is computed again."""

    @cache
    def find(release_id: str) -> Release:
        below = entry_of(release_id)
        found = Release.from_json(below.body["answer"])
        if below.kind == "answer":
            return found
        if below.kind != "derived" or parents_of(found) != tuple(below.body["parents"]):
            raise LedgerError(f"{release_id} is no private answer, so nothing is derived from it.")
        return found

    release = Release.from_json(entry.body["answer"])
    if entry.kind == "derived":
        require_replayed(release, find, ends=entry.body["schema"] >= entries.DERIVED)
    return release
