"""The error tree is drawn as it is, and each error is shown to happen, with its message."""

import ast
import inspect
import re
from functools import cache
from pathlib import Path

import pytest

from workbench import errors

TESTS = Path(__file__).resolve().parents[1]
ERRORS = {
    name: kind
    for name, kind in vars(errors).items()
    if inspect.isclass(kind) and issubclass(kind, errors.WorkbenchError)
}
SHAPES = {"ProblemsError"}  # a way to list problems, never raised itself
LEAVES = sorted(name for name, kind in ERRORS.items() if not kind.__subclasses__())


def _drawn():
    """Return name, depth and exit code (inherited where none is drawn) of each drawn error."""
    codes, rows = {}, []
    for line in errors.__doc__.splitlines():
        match = re.match(
            r"    (?P<branch>[│ ├└─]*)(?P<name>[A-Z]\w+)(?: +exit (?P<code>\d))?", line
        )
        if match:
            depth = len(match["branch"]) // 4
            codes[depth] = int(match["code"]) if match["code"] else codes.get(depth - 1, 1)
            rows.append((match["name"], depth, codes[depth]))
    return rows


@cache  # every test file is read, once for all names
def _raised():
    """Return the names tests expect with ``pytest.raises`` whose message they then look at."""
    names = set()
    for path in TESTS.rglob("test_*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.With):
                for item in node.items:
                    names |= _expected(item.context_expr, kept=item.optional_vars is not None)
    return names


def _expected(call, *, kept):
    if not (isinstance(call, ast.Call) and ast.unparse(call.func) == "pytest.raises" and call.args):
        return set()
    if not kept and "match" not in {keyword.arg for keyword in call.keywords}:
        return set()
    wanted = call.args[0].elts if isinstance(call.args[0], ast.Tuple) else [call.args[0]]
    return {ast.unparse(each).rpartition(".")[2] for each in wanted}


def test_the_tree_at_the_top_is_complete():
    assert sorted(name for name, _, _ in _drawn()) == sorted(set(ERRORS) - SHAPES)


def test_the_tree_at_the_top_tells_the_exit_codes():
    assert {name: code for name, _, code in _drawn()} == {
        name: kind.exit_code for name, kind in ERRORS.items() if name not in SHAPES
    }


def test_the_tree_at_the_top_tells_the_parents():
    path = []
    for name, depth, _ in _drawn():
        path[depth:] = [name]
        if depth:
            assert issubclass(ERRORS[name], ERRORS[path[depth - 1]]), name


def test_every_error_descends_from_the_root_and_says_when():
    for name, kind in ERRORS.items():
        assert kind.__doc__, name
    strays = [n for n, k in vars(errors).items() if inspect.isclass(k) and issubclass(k, Exception)]
    assert set(strays) == set(ERRORS)


@pytest.mark.parametrize("name", LEAVES)
def test_some_test_sees_it_raised_and_reads_its_message(name):
    assert name in _raised(), (
        f"no test has 'with pytest.raises({name}, match=…)' or '… as error'; write one"
    )
