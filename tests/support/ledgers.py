"""A ledger without a workspace: small questions, empty answers, prices in whole pico-rho."""

from __future__ import annotations

import datetime as dt
import sqlite3
from contextlib import closing
from decimal import Decimal
from pathlib import Path
from typing import Any

from support.forked import FORKED
from workbench.catalog import Limits
from workbench.errors import BudgetExhausted
from workbench.privacy.accounting import Cost, epsilon_of
from workbench.privacy.books.answers import AnswerLedger
from workbench.privacy.books.entries import Order, Part, Reservation
from workbench.privacy.budget import Share
from workbench.privacy.release import Release

NOW = dt.datetime(2026, 10, 2, 9, tzinfo=dt.UTC)
DELTA = Decimal("1e-6")
WIDE = Decimal(24)


def epsilon_for(pico: int) -> Decimal:
    """Return an epsilon whose limit is exactly so many pico-rho."""
    return Decimal(repr(epsilon_of(pico, float(DELTA)))).quantize(Decimal("1e-13"), "ROUND_UP")


def make_ledger(
    folder: Path,
    month: Decimal = WIDE,
    year: Decimal = WIDE,
    lifetime: Decimal = WIDE,
    published: Path | None = None,
) -> AnswerLedger:
    """Return a ledger in a folder."""
    folder.mkdir(parents=True, exist_ok=True)
    limits = Limits(month=month, year=year, lifetime=lifetime)
    return AnswerLedger(folder, limits, DELTA, published)


def part(question: Any, period: str | None = "2026-09") -> Part:
    """Return a part of a question that is nothing but a name."""
    return Part(period, period, None, {"q": question, "period": period})


def order(
    question: Any,
    cost: Cost | int = 1000,
    *,
    period: str | None = "2026-09",
    version: str = "v1",
    name: str = "a name",
) -> Order:
    """Return what is to be paid for a question of which nothing is drawn."""
    price = Cost(cost) if isinstance(cost, int) else cost
    return Order(name, part(question, period), version, price, lambda _: {})


def reserve(
    ledger: AnswerLedger,
    question: Any,
    cost: Cost | int = 1000,
    *,
    period: str | None = "2026-09",
    version: str = "v1",
    name: str = "a name",
    share: Share | None = None,
    now: dt.datetime = NOW,
) -> Reservation:
    """Pay for a question."""
    price = Cost(cost) if isinstance(cost, int) else cost
    asked = order(question, price, period=period, version=version, name=name)
    return ledger.reserve([asked], share=share, now=now, label="this question")[0]


def answer_for(reservation: Reservation, value: float = 1.0, pico: int = 1000) -> Release:
    """Return an answer to be stored."""
    told = {"epsilon": epsilon_of(pico, float(DELTA)), "delta": float(DELTA)}
    number = f"r-{reservation.seq:06d}"
    columns = {"customers": [value], "customers_low": [value], "customers_high": [value]}
    return Release(
        number, "n", "t", "reporting", "2026-09", (), (), columns, Cost(pico), "v1", **told
    )


def spend(ledger: AnswerLedger, question: Any, cost: Cost | int = 1000, **more: Any) -> Release:
    """Pay for a question and store its answer; return the answer it has."""
    reservation = reserve(ledger, question, cost, **more)
    if reservation.answer is not None:
        return Release.from_json(reservation.answer)
    answer = answer_for(reservation).to_json()
    return Release.from_json(ledger.store([(reservation, answer)], more.get("now", NOW))[0])


def spent(
    ledger: AnswerLedger, scope: str = "lifetime", period: str = "2026-09", **more: Any
) -> int:
    """Return what one line counts as spent."""
    lines = ledger.status(period, more.pop("now", NOW), **more)
    return next(line.spent_pico for line in lines if line.scope == scope)


def tamper(folder: Path, *statements: str) -> None:
    """Change the ledger's database behind its back."""
    with closing(sqlite3.connect(folder / "ledger.sqlite")) as connection:
        for statement in statements:
            connection.execute(statement)
        connection.commit()


def spend_many(
    folder: Path, limit: Decimal, worker: int, tries: int, start: Any, told: Any
) -> None:
    """Spend from a process of its own; tell what was accepted, refused, and waited for longest.

    Parameters
    ----------
    start : a barrier
        All processes begin together.
    told : a queue
    """
    import time

    ledger = make_ledger(folder, month=limit)
    start.wait()
    accepted = refused = 0
    longest = 0.0
    for number in range(tries):
        began = time.monotonic()
        try:
            spend(ledger, [worker, number])
            accepted += 1
        except BudgetExhausted:
            refused += 1
        longest = max(longest, time.monotonic() - began)
    told.put((accepted, refused, longest))


def many_at_once(folder: Path, limit: Decimal, processes: int, tries: int) -> list[Any]:
    """Return what each of many processes told that spend from one ledger at the same time."""
    start, told = FORKED.Barrier(processes), FORKED.Queue()
    workers = [
        FORKED.Process(target=spend_many, args=(folder, limit, number, tries, start, told))
        for number in range(processes)
    ]
    for each in workers:
        each.start()
    results = [told.get(timeout=120) for _ in workers]
    for each in workers:
        each.join()
    told.close()
    return results
