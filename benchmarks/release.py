"""What privacy costs in time: a release against the plain, unbounded aggregate in SQL."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from benchmarks.asking import PLAIN, Desk
from benchmarks.data import CAP, write_transactions
from benchmarks.harness import Result, Run, benchmark, interleaved, measure
from workbench.privacy.query import ladder

LAYERS = ladder(CAP / 4, CAP * 2)
_CHILD = (
    "from pathlib import Path; from benchmarks.asking import Desk; "
    "Desk(Path({file!r}), Path({folder!r})).ask()"
)


@benchmark("release", bar="≤ 1.3", smoke_informative=True)
def release(run: Run) -> Iterator[Result]:
    """CPU time of a release by region and month against ``GROUP BY`` in SQL on the same file.

    Ours includes bounding, noise and ledger; the plain query is not private at all. 10 M rows of
    1 M customers, 360 cells. Every total brings its share at the bound; a ladder here has four
    layers.
    """
    rows, customers = (200_000, 20_000) if run.smoke else (10_000_000, 1_000_000)
    file = run.folder / "transactions.parquet"
    write_transactions(file, rows, customers)
    ours, plain = _compared(file, run.folder / "ledger", run.smoke)
    yield run.result("cpu", ours, reference=plain)
    ours, plain = _compared(file, run.folder / "ledger of ladders", run.smoke, LAYERS)
    yield run.result("cpu-ladder", ours, reference=plain, bar="≤ 1.6")
    words = run.folder / "words.parquet"
    _with_text_keys(file, words)
    ours, plain = _compared(words, run.folder / "ledger of words", run.smoke)
    yield run.result("cpu-text-keys", ours, reference=plain, informative=True)
    child = _CHILD.format(file=str(file), folder=str(run.folder / "child"))
    peak = measure([sys.executable, "-c", child], cwd=Path(__file__).parents[1]).peak_bytes
    yield run.result("peak-gigabytes", peak / 1e9, bar="≤ 1.0")


def _compared(file: Path, folder: Path, smoke: bool, bounds: Any = None) -> tuple[float, float]:
    """Return CPU seconds of ours and of the plain query, medians taken in turns."""
    import duckdb

    desk = Desk(file, folder, bounds=bounds)
    plain = duckdb.connect()
    sql = PLAIN.format(file=file, key="customer_id")
    taken = interleaved(
        {
            "ours": lambda: _cpu_seconds(desk.ask),
            "plain": lambda: _cpu_seconds(lambda: plain.execute(sql).fetchall()),
        },
        repeats=3 if smoke else 7,
    )
    return taken["ours"], taken["plain"]


def _cpu_seconds(call: Callable[[], object]) -> float:
    start = time.process_time()  # of all threads
    call()
    return time.process_time() - start


def _with_text_keys(file: Path, target: Path) -> None:
    import duckdb

    with duckdb.connect() as connection:
        connection.execute(
            f"COPY (SELECT * REPLACE ('C-' || lpad(customer_id::VARCHAR, 8, '0') AS customer_id) "
            f"FROM '{file}') TO '{target}' (FORMAT parquet)"
        )
