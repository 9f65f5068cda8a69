"""ARCHITECTURE.md names what is there; rooms, modules and the whole house keep their size."""

import ast
import functools
import re
from pathlib import Path

import pytest
from markdown_it import MarkdownIt

ROOT = Path(__file__).resolve().parents[2]
PACKAGE = ROOT / "workbench"
PAGE = (ROOT / "ARCHITECTURE.md").read_text(encoding="utf-8")

LINES_AT_MOST = 400
MODULES_AT_MOST = 22
ROOMS_AT_MOST = 9
CODE_LINES_AT_MOST = 43_333
SLACK = 1_000

# What is still beyond a rule. Each leaves here when it is mended, and nothing comes in.
LONGER: set[str] = set()
FULLER: set[str] = set()
CIRCLING: set[str] = set()


@functools.cache
def _modules():
    """Return every module of the package by its dotted name: its lines and its tree."""
    found = {}
    for path in sorted(PACKAGE.rglob("*.py")):
        parts = path.relative_to(ROOT).with_suffix("").parts
        text = path.read_text(encoding="utf-8")
        name = ".".join(parts[:-1] if parts[-1] == "__init__" else parts)
        found[name] = (text.splitlines(), ast.parse(text))
    return found


def _imports(tree, names):
    """Return the modules of ``names`` that a tree imports anywhere, types aside."""
    typing = {
        id(inner)
        for node in ast.walk(tree)
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test)
        for inner in ast.walk(node)
    }
    wanted = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Import) and id(node) not in typing:
            wanted += [each.name for each in node.names]
        elif isinstance(node, ast.ImportFrom) and id(node) not in typing:
            wanted += [f"{node.module}.{each.name}" for each in node.names]
    found = set()
    for name in wanted:
        while name not in names and "." in name:
            name = name.rpartition(".")[0]
        found |= {name} & names
    return found


@functools.cache
def _graph():
    """Return which modules each module imports."""
    names = set(_modules())
    return {name: _imports(tree, names) - {name} for name, (_, tree) in _modules().items()}


def _reached(graph, start):
    """Return all that is reached from a node by one arrow or more."""
    found, waiting = set(), [*graph.get(start, ())]
    while waiting:
        if (node := waiting.pop()) not in found:
            found.add(node)
            waiting += graph.get(node, ())
    return found


def _code_lines(lines, tree):
    """Return how many lines are neither blank nor a comment nor part of a docstring."""
    told = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            first = node.body[0] if node.body else None
            value = first.value if isinstance(first, ast.Expr) else None
            if isinstance(value, ast.Constant) and isinstance(value.value, str):
                told.update(range(first.lineno, first.end_lineno + 1))
    return sum(
        1
        for number, line in enumerate(lines, 1)
        if number not in told and line.strip() and not line.lstrip().startswith("#")
    )


def _found(path, name=""):
    """Return whether a file is there, and in it the function, class or method of a name."""
    file = ROOT / path
    if not name or not file.is_file():
        return file.is_file() and not name
    body = ast.parse(file.read_text(encoding="utf-8")).body
    for part in name.split("."):
        within = [
            node
            for node in body
            if isinstance(node, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef)
            and node.name == part
        ]
        if not within:
            return False
        body = within[0].body
    return True


def _named(text):
    """Return every file, or file and name, that a page shows as code."""
    tokens = MarkdownIt("commonmark").enable("table").parse(text)
    code = [
        child.content
        for token in tokens
        for child in token.children or []
        if child.type == "code_inline"
    ]
    return [tuple(each.split("::")) for each in code if "/" in each.rstrip("/") and " " not in each]


NAMED = _named(PAGE)


@pytest.mark.parametrize("named", NAMED, ids="::".join)
def test_what_the_page_names_is_there(named):
    assert _found(*named), (
        f"ARCHITECTURE.md names {'::'.join(named)}, which is not there: name where it is now"
    )


def test_a_name_that_is_not_there_would_be_missed():
    text = "see `workbench/errors.py::Refused`, `workbench/gone.py`, and `cli/` or `a / b`"
    assert _named(text) == [("workbench/errors.py", "Refused"), ("workbench/gone.py",)]
    assert _found("workbench/errors.py", "Refused")
    assert _found("workbench/settings.py", "Settings.path")
    assert not _found("workbench/errors.py", "Refuse")
    assert not _found("workbench/settings.py", "Settings.paths")
    assert not _found("workbench/gone.py")


def test_every_place_of_a_decision_has_a_file_and_a_test():
    """Each line of the tables names where, and a test to copy."""
    for heading, least in (("## Where is it decided", 9), ("## How to add", 6)):
        section = PAGE.partition(f"{heading}\n")[2].partition("\n## ")[0]
        lines = [line for line in section.splitlines() if line.startswith("|")][2:]
        assert len(lines) >= least, f"{heading}: lines went missing"
        for line in lines:
            first, *_, last = line.strip("|").split("|")[1:]
            assert _named(first), f"no file in: {line}"
            assert any(path.startswith("tests/") for path, *_ in _named(last)), f"no test: {line}"


def test_the_way_of_a_figure_is_ten_lines_with_a_file_each():
    steps = re.findall(r"^\d+\. .*$", PAGE, flags=re.MULTILINE)
    assert len(steps) == 10
    assert [step for step in steps if "→" not in step or not _named(step)] == []


def test_the_picture_is_of_the_rooms_and_their_imports():
    """Whatever a room imports lies below it in the picture, and each arrow is an import."""
    rooms = {path.parent.name for path in PACKAGE.glob("*/__init__.py")}
    drawn = {}
    for above, below in re.findall(r"^  (\w+) --> (\w+)$", PAGE, flags=re.MULTILINE):
        drawn.setdefault(above, set()).add(below)
    assert drawn.keys() | set().union(*drawn.values()) == rooms
    imported = {}
    for module, targets in _graph().items():
        above, below = f"{module}.".split(".")[1], {f"{each}.".split(".")[1] for each in targets}
        imported.setdefault(above, set()).update((below & rooms) - {above})
    for room in rooms:
        assert imported[room] <= _reached(drawn, room), f"{room}/ imports what is not below it"
        assert drawn.get(room, set()) <= imported[room], f"an arrow of {room}/ is no import"


def test_no_module_imports_itself_through_others():
    circling = {name for name in _graph() if name in _reached(_graph(), name)}
    new = circling - CIRCLING
    assert not new, f"import each other in a circle: {sorted(new)}; move what they share below them"
    assert circling == CIRCLING, f"no circle any more, strike out: {sorted(CIRCLING - circling)}"


def test_a_circle_within_functions_is_seen_and_one_of_types_is_not():
    names = {"p", "p.a", "p.b"}
    lazy = ast.parse("def f():\n    from p.b import thing\n")
    typed = ast.parse("if TYPE_CHECKING:\n    from p.b import thing\n")
    assert _imports(lazy, names) == {"p.b"}
    assert _imports(typed, names) == set()
    assert _reached({"p.a": {"p.b"}, "p.b": {"p.a"}}, "p.a") == {"p.a", "p.b"}


def test_a_module_is_of_readable_length():
    longer = {name for name, (lines, _) in _modules().items() if len(lines) > LINES_AT_MOST}
    new = longer - LONGER
    assert not new, f"over {LINES_AT_MOST} lines: {sorted(new)}; split by idea, not by length"
    assert longer == LONGER, f"short enough now, strike out: {sorted(LONGER - longer)}"


def test_a_room_holds_no_more_modules_than_one_looks_over():
    fuller = {
        ".".join(folder.relative_to(ROOT).parts)
        for folder in {path.parent for path in PACKAGE.rglob("*.py")}
        if len(list(folder.glob("*.py"))) > MODULES_AT_MOST
    }
    new = fuller - FULLER
    assert not new, f"over {MODULES_AT_MOST} modules: {sorted(new)}; make a folder of what is one"
    assert fuller == FULLER, f"few enough now, strike out: {sorted(FULLER - fuller)}"


def test_the_house_has_no_more_rooms_than_one_keeps_in_mind():
    rooms = {path.parent.name for path in PACKAGE.glob("*/__init__.py")}
    assert len(rooms) <= ROOMS_AT_MOST, f"{sorted(rooms)}: put what is of one into one"


def test_the_house_grows_only_by_capabilities():
    count = sum(_code_lines(lines, tree) for lines, tree in _modules().values())
    assert count <= CODE_LINES_AT_MOST, (
        f"{count:,} code lines, {CODE_LINES_AT_MOST:,} at most. Take away what the change "
        "replaces. Where it adds a capability that CHANGELOG.md says, raise the ceiling by what "
        "that costs."
    )
    assert count > CODE_LINES_AT_MOST - SLACK, (
        f"{count:,} code lines: well done; lower CODE_LINES_AT_MOST to {-(-count // 50) * 50:,}"
    )


def test_code_lines_are_those_that_do_something():
    text = (
        '"""Told\n\nat length."""\n\nx = 1  # one\n# why\n\n\ndef f():\n    """Say."""\n    "x"\n'
    )
    assert _code_lines(text.splitlines(), ast.parse(text)) == 3
