"""A notebook's run: what reaches it, and what is told when it fails."""

import ast
import subprocess
import sys

import nbformat
import pytest
from support.line import DEFINITION, PARAMETERS, write_report

from workbench.errors import RunFailed, StorageError
from workbench.periods import Period
from workbench.reporting.definitions.definition import Variant
from workbench.reporting.definitions.reading import find_definition
from workbench.reporting.desk import Asked
from workbench.reporting.execution import execute

SEPTEMBER = Period.parse("2026-09")


@pytest.fixture
def run(shop):
    """Return a function that writes a report of some cells, runs it, and returns its output."""

    def call(*code, given=(), **report):
        root = shop.settings.root
        write_report(root, *code, **report)
        definition = find_definition("customers", root / "reports", root / "notebooks")
        asked = Asked(definition, SEPTEMBER, Variant("", definition.values(given)))
        executed = execute(asked, shop.reports.desk(), call.told.append)
        cells = nbformat.read(executed, as_version=4).cells
        return [o["text"] for cell in cells for o in cell.get("outputs", ()) if "text" in o]

    call.shop, call.told = shop, []
    return call


NASTY = [
    "plain",
    "",
    "it's \"quoted\" '''thrice'''",
    "back\\slash\\",
    "{braces} {{twice}} %s",
    "line\nbreak\ttab",
    "客户 é \U0001f600",
    "$(rm) `x` ; # no comment",
    "a=b",
    "\\N{BULLET} \\x41",
]


def test_values_reach_the_notebook_as_they_were_typed(run):
    names = [f"text_{number}" for number in range(len(NASTY))]
    lines = [f"  {name}: {{{{type: text, default: x}}}}" for name in names]
    lines += ["  groups: {{type: list, default: [a]}}", "  deep: {{type: boolean, default: true}}"]
    cell = [PARAMETERS, "groups = []", "deep = None", *(f'{name} = ""' for name in names)]
    (printed,) = run(
        f"print(repr(([{', '.join(names)}], groups, deep, epsilon, period)))",
        given=[
            *(f"{name}={text}" for name, text in zip(names, NASTY, strict=True)),
            "groups=north,007,7,0.5",
            "deep=false",
            "epsilon=2",
        ],
        definition=DEFINITION + "\n".join(lines),
        parameters="\n".join(cell),
    )
    assert ast.literal_eval(printed) == (
        NASTY,
        ["north", "007", 7, 0.5],
        False,
        2.0,
        "2026-09",
    )


def test_a_run_tells_its_steps_and_keeps_its_copy_private(run):
    run("pass")
    assert run.told == [f"customers 2026-09: cell {number} of 4" for number in range(1, 5)]
    folder = run.shop.private / "runs" / "customers" / "2026-09"
    kept = sorted(path.name for path in folder.iterdir())
    assert kept == ["catalog.json", "customers.ipynb", "kernel.log"]
    assert {f.stat().st_mode & 0o777 for f in (folder, *list(folder.parents)[:3])} == {0o700}


def test_a_workspace_whose_path_has_braces_runs(run, tmp_path):
    moved = tmp_path / "{braces}"
    run.shop.settings.root.rename(moved)
    import workbench as wb

    shop = wb.open_workspace(moved, now=run.shop.now)
    write_report(moved, "print(1)")
    definition = find_definition("customers", moved / "reports", moved / "notebooks")
    asked = Asked(definition, SEPTEMBER, Variant("", definition.values()))
    executed = execute(asked, shop.reports.desk(), lambda _: None)
    assert executed.is_relative_to(moved)


@pytest.mark.parametrize("number", [3, 4])
def test_the_failed_cell_is_numbered_as_in_the_notebook(run, number):
    code = ["pass", "pass"]
    code[number - 3] = "1 / 0"
    with pytest.raises(
        RunFailed,
        match=f"'customers' for 2026-09 failed in cell {number} with ZeroDivisionError\\.",
    ) as told:
        run(*code)
    assert (told.value.cell, told.value.kind) == (number, "ZeroDivisionError")
    assert told.value.log.endswith("runs/customers/2026-09/customers.ipynb")


def test_a_kernel_that_dies_fails_the_run(run):
    with pytest.raises(RunFailed, match="its kernel died, most likely for want of memory") as told:
        run("import os, signal\nos.kill(os.getpid(), signal.SIGKILL)")
    assert (told.value.cell, told.value.kind, told.value.kernel_died) == (
        3,
        "DeadKernelError",
        True,
    )


@pytest.mark.parametrize(
    ("limits", "cells", "message"),
    [
        ("cell_seconds: 1", ["pass", "import time; time.sleep(60)"], "cell 4: a cell took longer"),
        (
            "run_seconds: 8",
            ["import time", "time.sleep(60)"],
            "cell 4: the notebook took longer than run_seconds: 8",
        ),
        (
            "memory_mb: 400",
            ["import time", "held = bytearray(500_000_000)\ntime.sleep(60)"],
            "cell 4: it took more than memory_mb: 400",
        ),
        (
            "output_mb: 3",
            ["print('x' * 2_000_000)", "while True: print('x' * 1_000_000)"],
            "cell 4: its cells printed more than output_mb: 3",
        ),
        (
            "output_mb: 3, run_seconds: 1000",
            ["pass", "print('x' * 600_000_000)"],  # one message, that takes seconds to arrive
            "cell 4: its cells printed more than output_mb: 3",
        ),
    ],
)
def test_a_run_that_takes_more_than_it_may_ends(run, limits, cells, message):
    definition = DEFINITION + f"limits: {{{{{limits}}}}}\n"
    with pytest.raises(RunFailed, match=f"failed in {message}") as told:
        run(*cells, definition=definition)
    assert told.value.cell == 4
    assert not told.value.kernel_died  # trying again would take as much


def test_a_private_folder_that_cannot_be_written_is_told(run):
    (run.shop.private / "runs").write_text("in the way")
    with pytest.raises(StorageError, match=r"it cannot be written .* costs nothing a second time"):
        run("pass")


def test_a_suite_is_imported_without_what_its_kernels_and_pages_need_later():
    """A second of it, several with the grammars, which are imported only where they are hidden."""
    code = (
        "import sys, workbench.workspace.reports, workbench.reporting.suite\n"
        "later = {'papermill', 'jupyter_client', 'IPython', 'pandas', 'plotly', 'ibis', 'duckdb'}\n"
        "assert not later & set(sys.modules), later & set(sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_papermill_is_imported_without_the_grammars_and_leaves_no_trace():
    code = (
        "import sys; from workbench.reporting.forking import import_light\n"
        "import_light('papermill'); assert 'rfc3987_syntax' not in sys.modules, 'there'\n"
        "import papermill, nbformat; nbformat.validate(nbformat.v4.new_notebook())\n"
        "import rfc3987_syntax; assert rfc3987_syntax.is_valid_syntax"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
