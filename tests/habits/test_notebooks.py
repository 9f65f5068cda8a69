"""Notebooks are letters: a question, the parameters, then sentences and a few lines of code."""

import ast
import json
from pathlib import Path

import nbformat
import pytest

from workbench.reporting.definitions.reading import definition_paths, find_definition

NOTEBOOKS = sorted((Path(__file__).resolve().parents[2] / "notebooks").rglob("*.ipynb"))
LINES_AT_MOST = 12
NOT_IN_A_LETTER = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef, ast.Assert)


def test_there_are_notebooks():
    assert NOTEBOOKS


@pytest.fixture(params=NOTEBOOKS, ids=lambda path: path.stem)
def path(request):
    return request.param


@pytest.fixture
def notebook(path):
    return nbformat.read(path, as_version=4)


@pytest.fixture
def code(notebook):
    return [cell for cell in notebook.cells if cell.cell_type == "code"]


def _tree(source):
    """Parse a cell; a line of magic is for IPython, not for us."""
    lines = source.splitlines()
    return ast.parse("\n".join("pass" if line.startswith(("%", "!")) else line for line in lines))


def test_it_is_valid(notebook):
    nbformat.validate(notebook)
    ids = [cell.id for cell in notebook.cells]
    assert len(ids) == len(set(ids))


def test_it_names_the_python_kernel(notebook):
    assert notebook.metadata.kernelspec.name == "python3"


def test_it_stores_no_outputs(code):
    for cell in code:
        assert cell.outputs == []
        assert cell.execution_count is None


def test_it_begins_with_a_heading(notebook):
    first = notebook.cells[0]
    assert first.cell_type == "markdown"
    assert first.source.startswith("# ")


def test_it_has_exactly_one_parameters_cell(notebook):
    tagged = [c for c in notebook.cells if "parameters" in c.metadata.get("tags", [])]
    assert [cell.cell_type for cell in tagged] == ["code"]


def test_its_parameters_cell_only_assigns(code):
    (cell,) = (c for c in code if "parameters" in c.metadata.get("tags", []))
    for statement in _tree(cell.source).body:
        assert isinstance(statement, ast.Assign | ast.AnnAssign), ast.unparse(statement)
        ast.literal_eval(statement.value)


def test_its_cells_are_short(code):
    for cell in code:
        assert cell.source.strip(), "an empty cell"
        lines = len(cell.source.splitlines())
        if "parameters" in cell.metadata.get("tags", []):  # a table among them has rows
            lines = len(_tree(cell.source).body)
        assert lines <= LINES_AT_MOST, cell.source


def test_its_sources_are_stored_by_line(path):
    content = json.loads(path.read_text())
    for cell in content["cells"]:
        parts = cell["source"] if isinstance(cell["source"], list) else [cell["source"]]
        assert all(part.endswith("\n") for part in parts[:-1]), cell["id"]


def test_it_defines_and_asserts_nothing(code):
    for cell in code:
        for node in ast.walk(_tree(cell.source)):
            assert not isinstance(node, NOT_IN_A_LETTER), ast.unparse(node)


def test_its_prose_is_written_in_each_language_its_report_has(notebook, path):
    reports = path.parents[1] / "reports"
    written = path.stem in definition_paths(reports)  # else it is for those who open it
    languages = find_definition(path.stem, reports, path.parent).lang if written else ()
    tags = [set(c.metadata.get("tags", [])) for c in notebook.cells if c.cell_type == "markdown"]
    for code in languages if len(languages) > 1 else ():
        mine = [each for each in tags if f"lang-{code}" in each]
        assert len(mine) == sum("lang-en" in each for each in tags) > 0, code
    assert all({"lang-en", "lang-zh", "analysts-only"} & each for each in tags) or not any(tags)


def test_it_uses_the_one_door(code):
    for cell in code:
        for node in ast.walk(_tree(cell.source)):
            if isinstance(node, ast.ImportFrom):
                assert not (node.module or "").startswith("workbench"), ast.unparse(node)
            if isinstance(node, ast.Import):
                assert not [a for a in node.names if a.name.startswith("workbench.")]
