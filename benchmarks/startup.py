"""How fast the command line answers."""

from __future__ import annotations

from collections.abc import Iterator

from benchmarks.harness import Result, Run, benchmark, cpu_seconds, interleaved, script


@benchmark("startup", bar="≤ 0.10")
def startup(run: Run) -> Iterator[Result]:
    """CPU time of ``workbench --help`` against ``papermill --help``, medians taken in turns."""
    seconds = interleaved(
        {
            "workbench": lambda: cpu_seconds([script("workbench"), "--help"]),
            "papermill": lambda: cpu_seconds([script("papermill"), "--help"]),
        },
        repeats=3 if run.smoke else 11,
    )
    yield run.result("help-cpu", seconds["workbench"], reference=seconds["papermill"])
