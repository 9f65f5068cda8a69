"""What a durable, chained, anchored spend costs beside a plain durable insert."""

from __future__ import annotations

import datetime as dt
import multiprocessing
import sqlite3
import time
from collections.abc import Callable, Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

from benchmarks.harness import Result, Run, benchmark, interleaved, wall_seconds

NOW = dt.datetime(2026, 10, 2, 9, tzinfo=dt.UTC)
QUESTION = {"table": "transactions", "by": [["region", "category"] + ["value"] * 30], "cells": 12}
FIGURES = [float(each) for each in range(360)]
WIDE = Decimal(24)
PROCESSES, BUDGET = 16, 100


@benchmark("ledger", bar="≤ 12", smoke_informative=True)
def ledger(run: Run) -> Iterator[Result]:
    """A spend and its answer against two plain SQLite inserts as durable; 16 processes at once."""
    spends = 40 if run.smoke else 200
    ours = _ledger(run.folder / "ours")
    plain = _plain(run.folder / "plain.sqlite")
    numbers = iter(range(10**9))
    seconds = interleaved(
        {
            "ours": lambda: wall_seconds(lambda: _times(10, lambda: _spend(ours, next(numbers)))),
            "plain": lambda: wall_seconds(lambda: _times(10, lambda: _insert(plain))),
        },
        repeats=spends // 10,
    )
    plain.close()
    yield run.result("spend-ms", seconds["ours"] * 100, reference=seconds["plain"] * 100)

    entries = 2_000 if run.smoke else 100_000
    long = _ledger(run.folder / "long")
    building = wall_seconds(lambda: _fill(long, entries // 2))
    yield run.result("fill-entries-per-second", entries / building, bar="≥ 100")
    _spend(long, "a process reads every edition once, at its first spend")
    turns = max(5, spends // 20)
    seconds = interleaved(
        {
            "long": lambda: wall_seconds(lambda: _times(10, lambda: _spend(long, next(numbers)))),
            "short": lambda: wall_seconds(lambda: _times(10, lambda: _spend(ours, next(numbers)))),
        },
        repeats=turns,
    )
    row = f"spend-ms-at-{entries}-entries"
    yield run.result(row, seconds["long"] * 100, reference=seconds["short"] * 100, bar="≤ 1.5")
    began = time.process_time()
    _times(50, lambda: _spend(long, next(numbers)))
    cpu = (time.process_time() - began) / 50 * 1000
    yield run.result(row.replace("-ms-", "-cpu-ms-"), cpu, bar="≤ 20 ms")
    checking = wall_seconds(long.verify)
    yield run.result("verify-entries-per-second", entries / checking, bar="≥ 2_000")

    told = _many(run.folder / "many", 4 if run.smoke else PROCESSES)
    yield run.result("accepted-of-100", sum(each[0] for each in told), bar="= 100")
    yield run.result("longest-wait-s", max(each[1] for each in told), bar="≤ 10 s")


def _times(count: int, act: Callable[[], None]) -> None:
    for _ in range(count):
        act()


def _ledger(folder: Path, limit: Decimal = WIDE) -> Any:
    from workbench.catalog import Limits
    from workbench.privacy.books.answers import AnswerLedger

    folder.mkdir(exist_ok=True)
    return AnswerLedger(
        folder, Limits(month=limit, year=WIDE, lifetime=WIDE), Decimal("1e-6"), folder
    )


def _part(question: object) -> Any:
    from workbench.privacy.books.entries import Part

    return Part("2026-09", "2026-09", None, {**QUESTION, "q": question})


def _spend(ledger: Any, question: object) -> None:
    """Reserve durably and store the answer, as a release does."""
    _spend_all(ledger, [question])


def _spend_all(ledger: Any, questions: list[Any], pico: int = 1) -> None:
    from workbench.privacy.accounting import Cost
    from workbench.privacy.books.entries import Order
    from workbench.privacy.release import Release

    reservations = ledger.reserve(
        [Order("benchmark", _part(each), "v1", Cost(pico), lambda _: {}) for each in questions],
        share=None,
        now=NOW,
        label="the benchmark",
    )
    cost = Cost(10**9)
    columns = {"customers": FIGURES}
    answers = [
        Release(
            f"r-{each.seq:06d}", "n", "t", "reporting", None, (), (), columns, cost, "v1"
        ).to_json()
        for each in reservations
    ]
    ledger.store(list(zip(reservations, answers, strict=True)), NOW)


def _fill(ledger: Any, spends: int) -> None:
    """Make a long ledger, a thousand spends in one write: only the building is faster."""
    for start in range(0, spends, 1000):
        _spend_all(ledger, [f"fill {number}" for number in range(start, start + 1000)])


def _plain(path: Path) -> sqlite3.Connection:
    """Return a database of one table, durable in the same way: journal and ``EXTRA``."""
    connection = sqlite3.connect(path, isolation_level=None)
    connection.execute("PRAGMA journal_mode = DELETE")
    connection.execute("PRAGMA synchronous = EXTRA")
    connection.execute("CREATE TABLE spends (id INTEGER PRIMARY KEY, body TEXT NOT NULL)")
    return connection


def _insert(connection: sqlite3.Connection) -> None:
    for body in (str(QUESTION), str(FIGURES)):
        connection.execute("BEGIN IMMEDIATE")
        connection.execute("INSERT INTO spends (body) VALUES (?)", (body,))
        connection.execute("COMMIT")


def _many(folder: Path, processes: int) -> list[tuple[int, float]]:
    """Return (accepted, longest wait) of processes that start together on one budget."""
    from workbench.privacy.accounting import PICO, epsilon_of

    folder.mkdir()
    exact = Decimal(repr(epsilon_of(BUDGET * PICO // 1000, 1e-6)))
    limit = exact.quantize(Decimal("1e-12"), "ROUND_UP")
    context = multiprocessing.get_context("spawn")
    start, told = context.Barrier(processes), context.Queue()
    workers = [
        context.Process(target=_work, args=(folder, limit, number, start, told))
        for number in range(processes)
    ]
    for each in workers:
        each.start()
    found = [told.get(timeout=300) for _ in workers]
    for each in workers:
        each.join()
    return found


def _work(folder: Path, limit: Decimal, worker: int, start: Any, told: Any) -> None:
    from workbench.errors import BudgetExhausted
    from workbench.privacy.accounting import PICO

    ours = _ledger(folder, limit)
    start.wait()
    accepted, longest = 0, 0.0
    for number in range(BUDGET // 2):
        began = time.monotonic()
        try:
            _spend_all(ours, [f"{worker}-{number}"], PICO // 1000)
            accepted += 1
        except BudgetExhausted:
            pass
        longest = max(longest, time.monotonic() - began)
    told.put((accepted, longest))
