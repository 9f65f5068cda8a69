"""A report of the tests' own, the command line that renders it, and what it leaves behind."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

from click.testing import CliRunner

from workbench.cli import main

QUESTION = "# How many customers bought something?"
PARAMETERS = 'period = "2026-09"\nepsilon = 0.1'
OPENING = """\
import workbench as wb
ws = wb.open_workspace()
tx = ws.open("transactions", "reporting")"""
ASKING = (
    'asked = wb.query(tx, by="region", period=period).customers().sum("amount")\n'
    'answer = ws.release(asked, name="by-region", epsilon=epsilon)'
)
SHOWING = 'wb.figures.bar(answer, x="region", y="customers", title="Customers by region")'
CELLS = (OPENING, ASKING, SHOWING)

DEFINITION = """\
title: Customers
notebook: {name}.ipynb
audience: managers
budget: {{epsilon: 1.5}}
parameters:
  epsilon: {{type: number, default: 0.1, range: [0.01, 3]}}
"""


def notebook(*code: str, parameters: str = PARAMETERS, question: str = QUESTION) -> dict:
    """Return a notebook: a question, the parameters, and cells of code."""
    cells = [
        {"cell_type": "markdown", "id": "question", "metadata": {}, "source": question},
        _code("parameters", parameters, tags=["parameters"]),
        *(_code(f"cell-{number}", source) for number, source in enumerate(code, 3)),
    ]
    kernel = {"name": "python3", "display_name": "Python 3", "language": "python"}
    metadata = {"kernelspec": kernel}
    return {"cells": cells, "metadata": metadata, "nbformat": 4, "nbformat_minor": 5}


def _code(name: str, source: str, **metadata: object) -> dict:
    cell = {"cell_type": "code", "id": name, "metadata": metadata, "source": source}
    return {**cell, "execution_count": None, "outputs": []}


def write_report(
    folder: Path, *code: str, name: str = "customers", definition: str = DEFINITION, **words: str
) -> Path:
    """Write a report into a workspace: its notebook, of these cells or the usual ones, and more."""
    for each in ("notebooks", "reports"):
        (folder / each).mkdir(exist_ok=True)
    content = notebook(*(code or CELLS), **words)
    (folder / "notebooks" / f"{name}.ipynb").write_text(json.dumps(content), encoding="utf-8")
    path = folder / "reports" / f"{name}.yaml"
    path.write_text(definition.format(name=name), encoding="utf-8")
    return path


def command(*words: object) -> list[str]:
    """Return the command line's words for this Python."""
    return [sys.executable, "-m", "workbench", *(str(word) for word in words)]


def workbench(*words: object, **options: object) -> subprocess.CompletedProcess[str]:
    """Run a command in a process of its own."""
    return subprocess.run(
        command(*words), capture_output=True, text=True, check=False, timeout=300, **options
    )


def workbench_json(*words: object) -> dict:
    """Run a command that must succeed; return what it prints for machines."""
    done = workbench(*words, "--json")
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def here(*words: object) -> subprocess.CompletedProcess[str]:
    """Run a command in this process, which is quicker: where the process is not what is tested."""
    done = CliRunner().invoke(main, [str(word) for word in words])
    if done.exception is not None and not isinstance(done.exception, SystemExit):
        raise done.exception
    return subprocess.CompletedProcess(words, done.exit_code, done.stdout, done.stderr)


def here_json(*words: object) -> dict:
    """Run such a command that must succeed; return what it prints for machines."""
    done = here(*words, "--json")
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def at_work(folder: Path) -> list[str]:
    """Return the processes, other than this one, that were started for a workspace."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            told = (process / "environ").read_bytes() + (process / "cmdline").read_bytes()
        except OSError:  # it has ended, or is somebody else's
            continue
        if os.fsencode(folder) in told and int(process.name) != os.getpid():
            found.append(f"{process.name}: {(process / 'cmdline').read_bytes()!r}")
    return found


def contents(folder: Path) -> dict[str, bytes]:
    """Return every file below a folder."""
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }
