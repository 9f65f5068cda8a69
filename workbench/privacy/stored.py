"""Answers that a ledger holds already: what makes one the same, and when it serves again."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from workbench.periods import Period
from workbench.privacy.accounting import Price
from workbench.privacy.question import Part
from workbench.privacy.release import Release
from workbench.store.chain import Reader, canonical


@dataclass(frozen=True)
class Reservation:
    """An answer that is paid for and not drawn yet, or the answer that was already there."""

    seq: int
    identity: str
    answer: Release | None


def identity_of(question: Mapping[str, Any], data_version: str) -> str:
    """Return the identity of an answer: what was asked of which data, by which mechanism."""
    return digest({"question": question, "data_version": data_version})


def digest(content: Mapping[str, Any]) -> str:
    """Return what stands for a content, whatever its order."""
    return hashlib.sha256(canonical(content).encode()).hexdigest()


def stored_answer(
    read: Reader, question: str, identity: str, cost: Price, earlier: bool = False
) -> Reservation | None:
    """Return the most exact answer to a question on the same data, if it is exact enough.

    ``earlier``: where there is none, the newest one on data before it changed.
    """
    spends = [
        each
        for each in read.entries("spend", subject=question)
        if each.body["pico_rho"] >= cost.pico
    ]
    same = [each for each in spends if each.body["identity"] == identity]
    if same:
        best = max(same, key=lambda each: each.body["pico_rho"])
        return Reservation(best.seq, identity, answer_to(read, identity, best.seq))
    for each in reversed(spends) if earlier else ():
        answer = answer_to(read, each.body["identity"], each.seq)
        if answer is not None:
            return Reservation(each.seq, each.body["identity"], answer)
    return None


def part_answered(
    read: Reader, part: Part, data_version: str, cost: Price, earlier: bool = False
) -> Reservation | None:
    """Return the answer to a part of a question as `stored_answer` does, by either of its names."""
    canonical = part.canonical
    identity = identity_of(canonical, data_version)
    found = stored_answer(read, digest(canonical), identity, cost, earlier)
    if found is not None or part.earlier is None:
        return found
    canonical = part.earlier()
    identity = identity_of(canonical, data_version)
    found = stored_answer(read, digest(canonical), identity, cost, earlier)
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


def answer_to(read: Reader, identity: str, spend: int) -> Release | None:
    """Return the answer that a spend paid for, if it was stored."""
    for each in read.entries("answer", subject=identity):
        if each.body["spend"] == spend:
            return Release.from_json(each.body["answer"])
    return None
