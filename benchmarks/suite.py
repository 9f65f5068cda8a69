"""A month's suite of four reports, ours against the two public commands in sequence."""

from __future__ import annotations

import copy
import json
import os
import shutil
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median

from benchmarks.harness import Measured, Result, Run, benchmark, measure, script
from workbench.documents import load_yaml
from workbench.errors import DefinitionError

REPOSITORY = Path(__file__).parents[1]
MODEL, PERIOD = "customer-overview", "2026-09"
CUSTOMERS = 1_210  # of the sample bank: 100,000 transactions
JOBS = 2
LIMITS = "limits: {month: 1.5, year: 3, lifetime: 12}"


@dataclass
class _Times:
    """Seconds of one side, one figure a turn."""

    wall: list[float] = field(default_factory=list)
    cpu: list[float] = field(default_factory=list)

    def add(self, parts: list[Measured]) -> None:
        self.wall.append(sum(part.wall_seconds for part in parts))
        self.cpu.append(sum(part.cpu_seconds for part in parts))


@benchmark("suite", bar="≤ 0.1666 (6 times faster)", smoke_informative=True)
def suite(run: Run) -> Iterator[Result]:
    """Wall and CPU time of ``workbench run --all`` against ``papermill`` and ``nbconvert``.

    Four notebooks over 100,000 transactions. The two commands take one after another; ours two at
    a time: first in a workspace where nothing ran before, then again. On both sides the first suite
    pays for its answers and the second finds them in the ledger. CPU time is of all processes.
    """
    names = [f"customers-{n}" for n in range(1 if run.smoke else 4)]
    model = run.folder / "model"
    _prepare(model, names, customers=300 if run.smoke else CUSTOMERS)
    ours, plain = ({part: _Times() for part in ("first", "again")} for _ in range(2))
    for turn in range(1 if run.smoke else 3):
        ours_at, plain_at = run.folder / f"ours-{turn}", run.folder / f"plain-{turn}"
        shutil.copytree(model, ours_at)
        shutil.copytree(model, plain_at)
        for part in ("first", "again"):
            plain[part].add(_plain(plain_at, names))
            ours[part].add([_ours(ours_at)])
    for part in ("first", "again"):
        mine, theirs = median(ours[part].wall), median(plain[part].wall)
        yield run.result(f"{part}-wall", mine, reference=theirs)
        mine, theirs = median(ours[part].cpu), median(plain[part].cpu)
        yield run.result(f"{part}-cpu", mine, reference=theirs, bar="≤ 0.25 (4 times less)")


def _prepare(folder: Path, names: list[str], customers: int) -> None:
    """Make a workspace on a sample estate, with reports that ask questions of their own."""
    source = folder / "data" / "sample"
    measure([script("workbench"), "sample", "--customers", str(customers), "--out", source])
    catalog = source / "catalog.yaml"
    # the two commands release outside of any report's share, and four reports are a lot for a month
    catalog.write_text(
        _replaced(catalog.read_text(), LIMITS, "limits: {month: 9, year: 24, lifetime: 99}")
    )
    shutil.copy(REPOSITORY / "workbench.toml", folder)
    for kind in ("notebooks", "reports"):
        (folder / kind).mkdir()
    notebook = (REPOSITORY / "notebooks" / f"{MODEL}.ipynb").read_text()
    definition = load_yaml(REPOSITORY / "reports" / f"{MODEL}.yaml", DefinitionError, "report")
    for number, name in enumerate(names):
        text = _replaced(notebook, "months = 6", f"months = {6 - number}")
        (folder / "notebooks" / f"{name}.ipynb").write_text(text)
        content = copy.deepcopy(definition.content)
        # one page each, as the two commands make; fewer months make each of them dearer
        del content["translations"]
        content |= {"notebook": f"{name}.ipynb", "lang": "en", "budget": {"epsilon": 3}}
        content["parameters"]["months"]["default"] = 6 - number
        (folder / "reports" / f"{name}.yaml").write_text(json.dumps(content))
    measure([script("workbench"), "init", "-w", folder])


def _replaced(text: str, old: str, new: str) -> str:
    if old not in text:
        raise RuntimeError(f"'{old}' is no longer where the suite is made from; look at it again")
    return text.replace(old, new)


def _ours(folder: Path) -> Measured:
    words = ["run", "--all", "--jobs", str(JOBS), "--period", PERIOD, "--force", "-w", str(folder)]
    return measure([script("workbench"), *words])


def _plain(folder: Path, names: list[str]) -> list[Measured]:
    environment = {**os.environ, "WORKBENCH_WORKSPACE": str(folder)}
    parts = []
    for name in names:
        notebook, executed = folder / "notebooks" / f"{name}.ipynb", folder / f"{name}.ipynb"
        page = executed.with_suffix(".html")
        page.unlink(missing_ok=True)
        words = ("-p", "period", PERIOD, "-k", "python3")
        # why by module: 'jupyter' looks its commands up on PATH, where another one may stand
        nbconvert = (sys.executable, "-m", "nbconvert", "--no-input", "--to", "html")
        parts += [
            measure([script("papermill"), notebook, executed, *words], env=environment),
            measure([*nbconvert, executed], env=environment),
        ]
        if not page.stat().st_size:
            raise RuntimeError(f"nbconvert wrote nothing to {page}")
    return parts
