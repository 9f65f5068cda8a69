"""Answers that a ledger holds already: what makes one the same, and when it serves again."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from workbench.privacy.accounting import Price
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


def answer_to(read: Reader, identity: str, spend: int) -> Release | None:
    """Return the answer that a spend paid for, if it was stored."""
    for each in read.entries("answer", subject=identity):
        if each.body["spend"] == spend:
            return Release.from_json(each.body["answer"])
    return None
