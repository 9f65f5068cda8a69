"""How well and how fast a scorecard is fitted and scores, beside optbinning and beside Python."""

from __future__ import annotations

import importlib.util
import statistics
import sys
import time
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from benchmarks.harness import Result, Run, benchmark, interleaved, measure, wall_seconds

# Gini of optbinning 1.0 by five folds, trends forced up or down; it is measured again where it is
# installed (group ``oracles``).
_KNOWN = {"german": 0.584, "credit_data": 0.663}
_CHILD = """
import sys, time, warnings
warnings.simplefilter("ignore")
import pandas as pd
from benchmarks.scorecard import ours, theirs
frame = pd.read_parquet(sys.argv[1])
y = frame.pop("bad")
make = dict(ours=ours, theirs=theirs)[sys.argv[2]]
card = make(frame)
start = time.process_time()
if sys.argv[3] == "fit":
    card.fit(frame, y)
print(time.process_time() - start)
"""


def ours(frame: Any) -> Any:
    """Return our card, not fitted."""
    from workbench.analytics.scoring.scorecard import Scorecard

    return Scorecard()


def theirs(frame: Any) -> Any:
    """Return optbinning's card, not fitted, with trends forced up or down."""
    from optbinning import BinningProcess, Scorecard
    from sklearn.linear_model import LogisticRegression

    numbers = list(frame.select_dtypes("number"))
    process = BinningProcess(
        list(frame.columns),
        categorical_variables=[name for name in frame if name not in numbers],
        binning_fit_params={name: {"monotonic_trend": "auto_asc_desc"} for name in numbers},
    )
    return Scorecard(
        binning_process=process,
        estimator=LogisticRegression(max_iter=1000),
        scaling_method="pdo_odds",
        scaling_method_params={"pdo": 20, "odds": 50, "scorecard_points": 600},
    )


@benchmark("scorecard", bar="≥ 0.9955 of optbinning", smoke_informative=True)
def scorecard(run: Run) -> Iterator[Result]:
    """Gini in five folds, CPU time of a fit and its memory, beside optbinning 1.0.

    Gini is the mean over the very same folds of ten splittings. CPU seconds are of ``fit`` in a
    child process; the peak is of the whole child, less that of one which only reads. Where
    optbinning is not installed the Gini it is known for stands in, and nothing is timed; at smoke
    size a card for made-up loans is fitted by itself.
    """
    if run.smoke:
        ((name, (frame, bad)),) = _made_up().items()
        yield run.result(f"{name}-gini", _gini(ours, frame, bad, 1))
        return
    sets, known = _public(), importlib.util.find_spec("optbinning") is not None
    ratios = []
    for name, (frame, bad) in sets.items():
        mine = _gini(ours, frame, bad, 10)
        other = _gini(theirs, frame, bad, 10) if known else _KNOWN[name]
        ratios.append(mine / other)
        yield run.result(f"{name}-gini", mine, reference=other)
    yield run.result("better-on-one", max(ratios), bar="> 1")
    if known:
        for name, (frame, bad) in sets.items():
            yield from _timed(run, name, frame, bad, "≥ 5 times faster", repeats=5)
        frame, bad = _many(*sets["credit_data"], 1_000_000)
        yield from _timed(run, "million", frame, bad, "≥ 2 times faster", repeats=1)


def _timed(
    run: Run, name: str, frame: Any, bad: Any, bar: str, *, repeats: int
) -> Iterator[Result]:
    path = run.folder / f"{name}.parquet"
    frame.assign(bad=bad).to_parquet(path)
    seconds: dict[str, list[float]] = {"ours": [], "theirs": []}
    peaks: dict[str, list[int]] = {"ours": [], "theirs": []}
    for _ in range(repeats):
        for who, taken in seconds.items():
            command = [sys.executable, "-c", _CHILD, str(path), who]
            read, fitted = (measure([*command, what], cwd=_ROOT) for what in ("read", "fit"))
            taken.append(float(fitted.stdout))
            peaks[who].append(fitted.peak_bytes - read.peak_bytes)
    our, their = (statistics.median(taken) for taken in seconds.values())
    yield run.result(f"{name}-times-faster", their, reference=our, bar=bar)
    if name == "million":
        most = {who: statistics.median(each) / 1e6 for who, each in peaks.items()}
        yield run.result("million-peak-mb", most["ours"], reference=most["theirs"], bar="≤ 1")


def _gini(make: Callable[[Any], Any], frame: Any, bad: Any, splittings: int) -> float:
    """Return the mean Gini over the folds of so many splittings."""
    from benchmarks.lending import gini

    def foretold(rows: Any, bad: Any, others: Any) -> Any:
        with warnings.catch_warnings():  # why: optbinning's solvers warn
            warnings.simplefilter("ignore")
            return make(frame).fit(rows, bad).predict_proba(others)[:, 1]

    return gini(frame, bad, foretold, splittings)


def _public() -> dict[str, tuple[Any, Any]]:
    from benchmarks.lending import credit_data, german

    return {"german": german()[:2], "credit_data": credit_data()[:2]}


def _made_up() -> dict[str, tuple[Any, Any]]:
    import numpy as np
    import pandas as pd

    rng, rows = np.random.default_rng(0), 1000
    made = {f"n{i}": rng.normal(size=rows) for i in range(6)}
    kind = rng.choice(["own", "rent", "free"], rows)
    odds = sum(made.values()) / 2 + (kind == "rent") - 1.5
    bad = (rng.random(rows) < 1 / (1 + np.exp(-odds))).astype(int)
    return {"made-up": (pd.DataFrame({**made, "kind": kind}), bad)}


def _many(frame: Any, bad: Any, rows: int) -> tuple[Any, Any]:
    """Return as many rows drawn again, numbers with a little noise so that few are alike."""
    import numpy as np

    rng = np.random.default_rng(0)
    drawn = rng.integers(0, len(frame), rows)
    many = frame.iloc[drawn].reset_index(drop=True)
    for name in many.select_dtypes("number"):
        many[name] = many[name] * rng.uniform(0.98, 1.02, rows)
    return many, bad[drawn]


_ROOT = Path(__file__).resolve().parents[1]


@benchmark("sql-scoring", bar="≥ 5 times faster", smoke_informative=True)
def sql_scoring(run: Run) -> Iterator[Result]:
    """Seconds from a table in DuckDB to a table of its points: in SQL, and through Python.

    Python reads the table into a frame, scores it with ``card.points`` and writes the points back;
    SQL does it in place. Both have the same connection and threads, and the clock is on the wall
    since waiting is what is measured. Of a million loans no point may differ.
    """
    import duckdb

    rows = 20_000 if run.smoke else 1_000_000
    frame, bad = _made_up()["made-up"] if run.smoke else _public()["credit_data"]
    card = ours(frame).fit(frame, bad)
    with duckdb.connect(str(run.folder / "loans.duckdb")) as connection:
        many = frame.sample(rows, replace=True, random_state=0, ignore_index=True)
        connection.register("many", many)
        connection.execute("CREATE TABLE loans AS SELECT * FROM many")
        query = card.to_sql("duckdb", table="loans")

        def in_sql() -> None:
            connection.execute(f"CREATE OR REPLACE TABLE by_sql AS SELECT points FROM ({query})")

        def in_python() -> None:
            scored = card.points(connection.execute("FROM loans").df()).to_frame()
            connection.register("scored", scored)
            connection.execute("CREATE OR REPLACE TABLE by_python AS SELECT points FROM scored")

        taken = interleaved(
            {"sql": lambda: wall_seconds(in_sql), "python": lambda: wall_seconds(in_python)},
            repeats=2 if run.smoke else 5,
        )
        differ = connection.execute(
            "SELECT count(*) FROM by_sql POSITIONAL JOIN by_python "
            "WHERE by_sql.points IS DISTINCT FROM by_python.points"
        ).fetchone()
        start = time.perf_counter()
        card.points(many)
        alone = time.perf_counter() - start
    yield run.result("times-faster", taken["python"], reference=taken["sql"])
    yield run.result(
        "differing", float(differ[0] if differ else -1), bar="= 0 rows", informative=False
    )
    yield run.result(
        "python-alone", alone, reference=taken["sql"], bar="≥ 0 a frame in memory", informative=True
    )
