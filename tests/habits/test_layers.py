"""Imports go down the layers only, also those inside functions."""

import ast
import functools
import graphlib
from pathlib import Path

import pytest

PACKAGE = Path(__file__).resolve().parents[2] / "workbench"

# A unit is a module or folder directly inside workbench/. A new one takes its place here.
LAYER = {
    "errors": 0,
    "documents": 0,
    "settings": 0,
    "catalog": 0,
    "catalog_files": 0,
    "computed": 0,
    "periods": 0,
    "store": 1,
    "estates": 1,
    "privacy": 2,
    "lifecycle": 2,
    "analytics": 3,
    "figures": 3,
    "reporting": 4,
    "workspace": 5,
    "checks": 6,
    "status": 6,
    "lab": 6,
    "cli": 7,
    "__init__": 8,
    "__main__": 8,
}
# Downward, and still not allowed: (who, whom, why).
NEVER = [
    (
        "workbench.analytics",
        "workbench.privacy.books",
        "models learn from frames, not ledgers",
    ),
    ("workbench.privacy", "workbench.reporting", "privacy knows nothing of notebooks"),
    ("workbench.store", "workbench.estates", "a store does not know how an estate was made"),
]


def _name(path):
    parts = path.relative_to(PACKAGE.parent).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" and len(parts) > 2 else parts)


MODULES = {_name(path): path for path in sorted(PACKAGE.rglob("*.py"))}


def _unit(module):
    return module.split(".")[1]


@functools.cache
def _imports(module):
    """Return the workbench modules one module imports, and the line of each import."""
    found = []
    for node in ast.walk(ast.parse(MODULES[module].read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{module}:{node.lineno}: write the import in full"
            names = [f"{node.module}.{alias.name}" for alias in node.names]
        else:
            continue
        ours = [name for name in names if name.split(".")[0] == "workbench"]
        found += [(_resolve(name), node.lineno) for name in ours]
    return found


def _resolve(name):
    """Return the longest prefix of a dotted name that is a module; the door when it is none."""
    parts = name.split(".")
    while len(parts) > 1:
        if ".".join(parts) in MODULES:
            return ".".join(parts)
        parts.pop()
    return "workbench.__init__"


def _within(module, package):
    return module == package or module.startswith(f"{package}.")


def test_the_reader_of_imports_sees_them_all(monkeypatch, tmp_path):
    source = tmp_path / "probe.py"
    source.write_text(
        "import workbench\n"
        "from workbench import errors, unknown\n"
        "def lazy():\n"
        "    from workbench.privacy.release import Release\n"
    )
    monkeypatch.setitem(MODULES, "workbench.probe", source)
    assert _imports("workbench.probe") == [
        ("workbench.__init__", 1),
        ("workbench.errors", 2),
        ("workbench.__init__", 2),
        ("workbench.privacy.release", 4),
    ]


def test_every_module_has_a_layer():
    assert {_unit(module) for module in MODULES} <= set(LAYER)


@pytest.mark.parametrize("module", MODULES)
def test_imports_go_down(module):
    for imported, line in _imports(module):
        assert LAYER[_unit(imported)] <= LAYER[_unit(module)], (
            f"{module}:{line} imports {imported}, which lies above it"
        )


def test_units_of_one_layer_do_not_import_each_other_in_a_circle():
    graph = {}
    for module in MODULES:
        targets = graph.setdefault(_unit(module), set())
        targets |= {_unit(name) for name, _ in _imports(module)} - {_unit(module)}
    list(graphlib.TopologicalSorter(graph).static_order())  # raises CycleError, naming the circle


@pytest.mark.parametrize(("who", "whom", "why"), NEVER)
def test_what_is_kept_apart(who, whom, why):
    for module in MODULES:
        if _within(module, who):
            for imported, line in _imports(module):
                assert not _within(imported, whom), f"{module}:{line} imports {imported}: {why}"
