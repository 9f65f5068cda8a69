"""Answers that a ledger holds already: what makes one the same, and when it serves again."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from workbench.documents import canonical
from workbench.periods import Period
from workbench.privacy.accounting import Price
from workbench.privacy.question import Part
from workbench.privacy.release import Release
from workbench.store.chain import Entry, Reader

Event = Mapping[str, Mapping[str, Any]]


@dataclass(frozen=True)
class Order:
    """One part of a question that is to be paid for, unless it was answered.

    Attributes
    ----------
    name : str
        What the analyst calls the answer.
    part : Part
    data_version : str
    cost : Price
        What is offered for it.
    event : callable
        What is drawn at a price: mechanisms with all their parameters.
    """

    name: str
    part: Part
    data_version: str
    cost: Price
    event: Callable[[Price], Event]


@dataclass(frozen=True)
class Reservation:
    """An answer that is paid for and not drawn yet, or the answer that was already there.

    ``cost`` and ``event`` are what was booked: a draw takes its parameters from there alone.
    """

    seq: int
    identity: str
    answer: Release | None
    cost: Price
    event: Event


def identity_of(question: Mapping[str, Any], data_version: str) -> str:
    """Return the identity of an answer: what was asked of which data, by which mechanism."""
    return digest({"question": question, "data_version": data_version})


def digest(content: Mapping[str, Any]) -> str:
    """Return what stands for a content, whatever its order."""
    return hashlib.sha256(canonical(content).encode()).hexdigest()


def stored_answer(
    read: Reader, order: Order, canonical: Mapping[str, Any], earlier: bool = False
) -> Reservation | None:
    """Return the most exact answer to a question on the same data, if it is exact enough.

    One that was paid for and not drawn is taken up only where what would be drawn is what was
    booked. ``earlier``: where there is none, the newest one on data before it changed.
    """
    identity = identity_of(canonical, order.data_version)
    spends = [
        (each, paid)
        for each in read.entries("spend", subject=digest(canonical))
        for paid in (price_of(each),)
        if paid.pico >= order.cost.pico and paid.delta >= order.cost.delta
    ]
    same = [each for each in spends if each[0].body["identity"] == identity]
    for each, paid in sorted(same, key=lambda pair: (-pair[1].pico, -pair[1].delta, pair[0].seq)):
        answer = answer_to(read, identity, each.seq)
        if answer is not None:
            return Reservation(each.seq, identity, answer, paid, {})
        event = order.event(paid)
        # why: entries from before events were kept hold the price alone, which tells all of it
        if each.body.get("event", event) == event:
            return Reservation(each.seq, identity, None, paid, event)
    for each, paid in reversed(spends) if earlier else ():
        answer = answer_to(read, each.body["identity"], each.seq)
        if answer is not None:
            return Reservation(each.seq, each.body["identity"], answer, paid, {})
    return None


def order_answered(read: Reader, order: Order, earlier: bool = False) -> Reservation | None:
    """Return the answer to a part of a question as `stored_answer` does, by either of its names."""
    found = stored_answer(read, order, order.part.canonical, earlier)
    if found is not None or order.part.earlier is None:
        return found
    canonical = order.part.earlier()
    found = stored_answer(read, order, canonical, earlier)
    if found is None or found.answer is None or not _of_its_span(read, found, canonical["period"]):
        return None
    return found


def _of_its_span(read: Reader, found: Reservation, span: Sequence[str] | None) -> bool:
    """Return whether an answer of before is to its whole span: a week was stored as its month.

    Months of one question were put together in the same moment, under the period that was asked.
    """
    if span is None or len(span[0]) != len("2026-09") or span[0] != span[1]:
        return True
    for answer in read.entries("answer", subject=found.identity):
        if answer.body["spend"] != found.seq:
            continue
        names = {answer.body["release"]}
        at = answer.at.isoformat(timespec="microseconds")
        for each in read.entries("derived", answer.seq, at=at):
            if names.isdisjoint(each.body["parents"]):
                continue
            made = Release.from_json(each.body["answer"])
            if made.mechanism.get("kind") == "joined":
                return _holds(made, span[0])
            names.add(made.id)  # the same under other labels
    return True


def _holds(joined: Release, month: str) -> bool:
    """Return whether the period of an answer by month holds a month from end to end."""
    if joined.period is None:  # the last month ended where the catalog's bounds did
        months = next(each.values for each in joined.by if each.kind == "month")
        return month != months[-1]
    first, _, last = joined.period.partition("..")
    asked = Period.parse(month)
    start, end = Period.parse(first).start, Period.parse(last or first).end
    return start <= asked.start and asked.end <= end


def price_of(spend: Entry) -> Price:
    """Return what a spend booked."""
    body = spend.body
    pure = body["pure_epsilon"]
    epsilon = None if pure is None else Fraction(pure)
    return Price(body["pico_rho"], Fraction(body["delta"]), epsilon)


def answer_to(read: Reader, identity: str, spend: int) -> Release | None:
    """Return the answer that a spend paid for, if it was stored."""
    for each in read.entries("answer", subject=identity):
        if each.body["spend"] == spend:
            return Release.from_json(each.body["answer"])
    return None
