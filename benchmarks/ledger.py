"""What durable bookkeeping costs: spends against plain rows written as durably."""

from __future__ import annotations

import datetime as dt
import sqlite3
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

from benchmarks.harness import Result, Run, benchmark

NOW = dt.datetime(2026, 11, 1, tzinfo=dt.UTC)
PROCESSES = 16
_CHILD = "from benchmarks.ledger import spender; spender({folder!r}, {which}, {times})"


@benchmark("ledger", bar="≤ 15", smoke_informative=True)
def ledger(run: Run) -> Iterator[Result]:
    """Seconds of a spend against an insert in SQLite as durable (rollback journal, EXTRA).

    A spend checks the chain's end and its anchors, all limits, and writes an anchor of its own.
    Then 16 processes at once spend a budget of 100: exactly 100 are accepted, none waits 10 s.
    """
    times = 40 if run.smoke else 400
    ours, plain = _spends(run.folder / "ours", times), _inserts(run.folder / "plain.sqlite", times)
    yield run.result("spend", statistics.median(ours), reference=statistics.median(plain))
    late = _spends(run.folder / "ours", times, first=times)
    yield run.result(
        "spend-when-long", statistics.median(late), reference=statistics.median(ours), bar="≤ 1.5"
    )
    accepted, longest = _crowd(run.folder / "crowd", 2 if run.smoke else 7)
    yield run.result("accepted-of-a-crowd", float(accepted), bar=f"≥ {_budget(run)}")
    yield run.result("longest-wait-seconds", longest, bar="≤ 10")


def _budget(run: Run) -> int:
    return PROCESSES * 2 if run.smoke else 100


def _open(folder: Path, answers: int) -> Any:
    """Return a ledger whose year covers so many answers of one milli-rho."""
    from workbench.catalog import Limits
    from workbench.privacy.accounting import epsilon_of
    from workbench.privacy.ledger import Ledger

    # a hair more than so many answers cost, for epsilon is a rounded number
    epsilon = Decimal(epsilon_of(answers * 10**9 + 10**6, 1e-6))
    limits = Limits(month=epsilon, year=epsilon, lifetime=epsilon)
    return Ledger(folder, limits, Decimal("1e-6"))


def _spend(book: Any, name: str) -> float:
    from workbench.privacy.accounting import Price
    from workbench.privacy.question import Part

    part = Part(None, "2026-10", None, {"question": name})
    start = time.perf_counter()
    book.reserve([part], ["v"], Price(10**9), name="q", share=None, now=NOW, label="q")
    return time.perf_counter() - start


def _spends(folder: Path, times: int, first: int = 0) -> list[float]:
    book = _open(folder, 100_000)
    return [_spend(book, f"{first + number}") for number in range(times)]


def _inserts(path: Path, times: int) -> list[float]:
    connection = sqlite3.connect(path, isolation_level=None)
    connection.execute("PRAGMA synchronous = EXTRA")
    connection.execute("CREATE TABLE spends (seq INTEGER PRIMARY KEY, body TEXT)")
    taken = []
    for number in range(times):
        start = time.perf_counter()
        connection.execute("BEGIN IMMEDIATE")
        connection.execute("INSERT INTO spends (body) VALUES (?)", [f"{number}" * 50])
        connection.execute("COMMIT")
        taken.append(time.perf_counter() - start)
    connection.close()
    return taken


def spender(folder: str, which: int, times: int) -> None:
    """Spend so many times, if the budget covers it; print each wait in seconds."""
    from workbench.errors import BudgetExhausted

    accepted = 100 if times > 2 else PROCESSES * times
    book = _open(Path(folder), accepted)
    for number in range(times):
        try:
            sys.stdout.write(f"{_spend(book, f'{which}-{number}')}\n")
        except BudgetExhausted:
            sys.stdout.write("refused\n")


def _crowd(folder: Path, times: int) -> tuple[int, float]:
    """Return how many spends of 16 processes were accepted, and the longest wait of one."""
    children = [
        subprocess.Popen(
            [sys.executable, "-c", _CHILD.format(folder=str(folder), which=i, times=times)],
            cwd=Path(__file__).parents[1],
            stdout=subprocess.PIPE,
            text=True,
        )
        for i in range(PROCESSES)
    ]
    lines = [line for child in children for line in child.communicate()[0].splitlines()]
    waits = [float(line) for line in lines if line != "refused"]
    return len(waits), max(waits, default=0.0)
