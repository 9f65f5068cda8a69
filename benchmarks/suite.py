"""A month's report, ours against the two public commands in sequence."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Iterator
from functools import partial
from pathlib import Path

from benchmarks.harness import Measured, Result, Run, benchmark, interleaved, measure, script

REPOSITORY = Path(__file__).parents[1]
PERIOD = "2026-09"


@benchmark("suite", bar="≤ 1.0", smoke_informative=True)
def suite(run: Run) -> Iterator[Result]:
    """CPU and wall time of ``workbench run`` against ``papermill`` and then ``jupyter nbconvert``.

    The same notebook on the same data, its answers already in the ledger; both render anew.
    """
    folder = run.folder / "bank"
    customers = 300 if run.smoke else 5_000
    _prepare(folder, customers)
    work = run.folder / "plain"
    work.mkdir()
    taken: dict[str, dict[str, float]] = {}
    for kind in ("cpu_seconds", "wall_seconds"):
        taken[kind] = interleaved(
            {
                "ours": partial(_taken_by_ours, folder, kind),
                "plain": partial(_plain, folder, work, kind),
            },
            repeats=1 if run.smoke else 5,
            warm_up=0 if run.smoke else 1,
        )
    yield run.result("cpu", taken["cpu_seconds"]["ours"], reference=taken["cpu_seconds"]["plain"])
    yield run.result(
        "wall", taken["wall_seconds"]["ours"], reference=taken["wall_seconds"]["plain"]
    )


def _prepare(folder: Path, customers: int) -> None:
    generate = "from pathlib import Path; from workbench.estates.sample import generate; "
    generate += f"generate(Path({str(folder / 'data' / 'sample')!r}), customers={customers})"
    measure([sys.executable, "-c", generate])
    shutil.copy(REPOSITORY / "workbench.toml", folder)
    for name in ("notebooks", "reports"):
        shutil.copytree(
            REPOSITORY / name, folder / name, ignore=shutil.ignore_patterns("published")
        )
    measure([script("workbench"), "init", "-w", str(folder)])
    _ours(folder)


def _ours(folder: Path) -> Measured:
    command: list[str] = [
        str(script("workbench")),
        "run",
        "customer-overview",
        "-w",
        str(folder),
        "--force",
    ]
    return measure([*command, "--period", PERIOD])


def _taken_by_ours(folder: Path, kind: str) -> float:
    return float(getattr(_ours(folder), kind))


def _plain(folder: Path, work: Path, kind: str) -> float:
    notebook, executed = folder / "notebooks" / "customer-overview.ipynb", work / "executed.ipynb"
    environment = {"WORKBENCH_WORKSPACE": str(folder)}
    first = measure(
        [
            script("papermill"),
            str(notebook),
            str(executed),
            "-p",
            "period",
            PERIOD,
            "-k",
            "python3",
        ],
        env=environment,
    )
    command: list[str] = [
        str(script("jupyter")),
        "nbconvert",
        "--no-input",
        "--to",
        "html",
        str(executed),
    ]
    second = measure(command, env=environment)
    return float(getattr(first, kind) + getattr(second, kind))
