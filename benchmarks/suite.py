"""A month's report, ours against the two public commands in sequence."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from statistics import median

from benchmarks.harness import Measured, Result, Run, benchmark, interleaved, measure, script

REPOSITORY = Path(__file__).parents[1]
REPORT, PERIOD = "customer-overview", "2026-09"


@benchmark("suite", bar="≤ 1.0", smoke_informative=True)
def suite(run: Run) -> Iterator[Result]:
    """CPU and wall time of ``workbench run`` against ``papermill`` and then ``jupyter nbconvert``.

    The same notebook on the same data, its answers already in the ledger; both render anew.
    """
    folder, work = run.folder / "bank", run.folder / "plain"
    work.mkdir()
    _prepare(folder, customers=300 if run.smoke else 5_000)
    wall: dict[str, list[float]] = {"ours": [], "plain": []}

    def cpu_seconds(name: str, render: Callable[[], list[Measured]]) -> float:
        parts = render()
        wall[name].append(sum(part.wall_seconds for part in parts))
        return sum(part.cpu_seconds for part in parts)

    warm_up = 0 if run.smoke else 1
    cpu = interleaved(
        {
            "ours": lambda: cpu_seconds("ours", lambda: [_ours(folder)]),
            "plain": lambda: cpu_seconds("plain", lambda: _plain(folder, work)),
        },
        repeats=1 if run.smoke else 5,
        warm_up=warm_up,
    )
    yield run.result("cpu", cpu["ours"], reference=cpu["plain"])
    ours, plain = (median(wall[name][warm_up:]) for name in ("ours", "plain"))
    yield run.result("wall", ours, reference=plain)


def _prepare(folder: Path, customers: int) -> None:
    """Make a workspace on a sample estate, and pay for the report's answers."""
    source = folder / "data" / "sample"
    measure([script("workbench"), "sample", "--customers", str(customers), "--out", source])
    shutil.copy(REPOSITORY / "workbench.toml", folder)
    for name in ("notebooks", "reports"):
        shutil.copytree(
            REPOSITORY / name, folder / name, ignore=shutil.ignore_patterns("published")
        )
    measure([script("workbench"), "init", "-w", folder])
    _ours(folder)


def _ours(folder: Path) -> Measured:
    return measure(
        [script("workbench"), "run", REPORT, "-w", folder, "--period", PERIOD, "--force"]
    )


def _plain(folder: Path, work: Path) -> list[Measured]:
    notebook, executed = folder / "notebooks" / f"{REPORT}.ipynb", work / "executed.ipynb"
    page = work / "executed.html"
    page.unlink(missing_ok=True)
    environment = {**os.environ, "WORKBENCH_WORKSPACE": str(folder)}
    words = ("-p", "period", PERIOD, "-k", "python3")
    # why by module: 'jupyter' looks its commands up on PATH, where another one may stand
    nbconvert = (sys.executable, "-m", "nbconvert", "--no-input", "--to", "html")
    parts = [
        measure([script("papermill"), notebook, executed, *words], env=environment),
        measure([*nbconvert, executed], env=environment),
    ]
    if not page.stat().st_size:
        raise RuntimeError(f"nbconvert wrote nothing to {page}")
    return parts
