"""Examples in docstrings are true, and every module can be imported by itself."""

import doctest
import importlib
import pkgutil
import subprocess
import sys

import pytest

import benchmarks
import workbench

MODULES = sorted(
    info.name
    for package in (workbench, benchmarks)
    for info in pkgutil.walk_packages(package.__path__, f"{package.__name__}.")
    if not info.name.endswith("__main__")
)
OPTIONS = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE
FINDER = doctest.DocTestFinder(exclude_empty=True)


def _examples(name):
    module = importlib.import_module(name)
    return [test for test in FINDER.find(module) if test.examples]


def test_examples_are_found():
    found = [test.name for test in _examples("workbench.errors")]
    assert found == ["workbench.errors.escaped", "workbench.errors.suggest"]


@pytest.mark.parametrize("name", MODULES)
def test_examples_are_true(name, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)  # an example that writes a file leaves it here
    for test in _examples(name):
        told: list[str] = []
        result = doctest.DocTestRunner(optionflags=OPTIONS).run(test, out=told.append)
        assert result.failed == 0, "".join(told)


def test_the_door_opens_without_the_heavy_libraries():
    heavy = [
        "pandas",
        "ibis",
        "duckdb",
        "plotly",
        "nbconvert",
        "sqlalchemy",
        "sklearn",
        "papermill",
    ]
    code = f"import sys, workbench; print([m for m in {heavy!r} if m in sys.modules])"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout.strip() == "[]"
