"""Report definitions: everything wrong at once, and parameters typed before a kernel starts."""

import json

import pytest
from support.line import write_report

from workbench.errors import DefinitionError, ParameterError, UnknownName
from workbench.reporting.definition_files import find_definition, load_definition

TYPED = """\
title: Typed
notebook: {name}.ipynb
audience: managers
budget: {{epsilon: 1}}
parameters:
  epsilon: {{type: number, default: 0.1, range: [0.01, 3]}}
  top: {{type: integer, default: 5, range: [1, 20]}}
  region: {{type: text, default: north, choices: [north, south]}}
  deep: {{type: boolean, default: false}}
  day: {{type: date, default: 2026-09-30}}
  first: {{type: month, default: 2026-01}}
  groups: {{type: list, default: [region, category]}}
  code: {{type: text, required: true}}
"""
CELL = (
    'period = "2026-09"\nepsilon = 0.1\ntop = 5\nregion = "north"\ndeep = False\n'
    'day = "2026-09-30"\nfirst = "2026-01"\ngroups = []\ncode = ""'
)


@pytest.fixture
def typed(tmp_path):
    write_report(tmp_path, name="typed", definition=TYPED, parameters=CELL)
    return find_definition("typed", tmp_path / "reports", tmp_path / "notebooks")


def test_defaults_have_their_types(typed):
    assert typed.values(["code=007"]) == {
        "epsilon": 0.1,
        "top": 5,
        "region": "north",
        "deep": False,
        "day": "2026-09-30",
        "first": "2026-01",
        "groups": ["region", "category"],
        "code": "007",
    }


@pytest.mark.parametrize(
    ("given", "value"),
    [
        ("top=7", 7),
        ("epsilon=1e0", 1.0),
        ("deep=true", True),
        ("groups=region, 12,0.5", ["region", 12, 0.5]),
        ("first=2026-02", "2026-02"),
        ("code=12:30", "12:30"),
        ("code=yes", "yes"),
        ("code=a=b", "a=b"),
    ],
)
def test_values_are_read_by_their_type(typed, given, value):
    name = given.partition("=")[0]
    more = [] if name == "code" else ["code=x"]
    assert typed.values([given, *more])[name] == value


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ("top=many", "'top' takes a whole number such as 5, not 'many'"),
        ("top=1e3", "'top' takes a whole number"),
        ("top=99", "'top' takes 1 to 20, not 99"),
        ("epsilon=nan", "'epsilon' takes a number"),
        ("deep=yes", "'deep' takes true or false, not 'yes'"),
        ("day=30.9.2026", "'day' takes a date such as"),
        ("first=2026-13", "'first' takes a month"),
        ("region=nroth", "Did you mean 'north'"),
        ("tpo=3", "has no parameter 'tpo'. Did you mean 'top'"),
        ("period=2026-08", "the period is given with --period"),
        ("top", "write parameters as name=value"),
    ],
)
def test_what_does_not_fit_is_refused_before_a_kernel_starts(typed, given, message):
    with pytest.raises(ParameterError) as refusal:
        typed.values(["code=x", given])
    assert message in str(refusal.value)


def test_a_parameter_given_twice_or_missing_is_refused(typed):
    with pytest.raises(ParameterError, match="'top' is given twice"):
        typed.values(["code=x", "top=1", "top=2"])
    with pytest.raises(ParameterError, match="needs -p code="):
        typed.values([])


def test_an_unknown_report_is_refused_with_a_suggestion(tmp_path):
    write_report(tmp_path, name="customers")
    with pytest.raises(UnknownName, match="Did you mean 'customers'"):
        find_definition("custmers", tmp_path / "reports", tmp_path / "notebooks")


def test_everything_wrong_is_told_at_once_with_its_line(tmp_path):
    path = write_report(
        tmp_path,
        definition=(
            "titel: Customers\nnotebook: {name}.ipynb\naudience: managers\n"
            "budget: {{epsilon: -1}}\nparameters:\n  top: {{type: integr}}\n"
        ),
    )
    with pytest.raises(DefinitionError) as refusal:
        load_definition(path, tmp_path / "notebooks")
    text = str(refusal.value)
    assert f"{path}:1" in text
    assert "Did you mean 'title'" in text
    assert f"{path}:4" in text
    assert "greater than 0" in text
    assert f"{path}:6" in text
    assert "integr" in text
    assert "'title' is missing" in text


def test_a_missing_notebook_and_a_missing_parameters_cell_are_told(tmp_path):
    path = write_report(tmp_path)
    notebook = tmp_path / "notebooks" / "customers.ipynb"
    content = json.loads(notebook.read_text())
    content["cells"][1]["metadata"] = {}
    notebook.write_text(json.dumps(content))
    with pytest.raises(DefinitionError, match="tagged 'parameters'"):
        load_definition(path, tmp_path / "notebooks")
    notebook.write_text("no notebook")
    with pytest.raises(DefinitionError, match="is not a notebook"):
        load_definition(path, tmp_path / "notebooks")
    notebook.unlink()
    with pytest.raises(DefinitionError, match="no notebook at"):
        load_definition(path, tmp_path / "notebooks")


def test_a_parameter_the_cell_does_not_set_is_told(tmp_path):
    path = write_report(tmp_path, parameters='period = "2026-09"')
    with pytest.raises(DefinitionError, match="does not set 'epsilon'"):
        load_definition(path, tmp_path / "notebooks")
