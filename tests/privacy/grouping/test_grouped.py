"""Values put together: by a declared rest, and by groups of the question's own."""

import pytest
from support.lab import COLUMNS, Lab

import workbench as wb
from workbench.errors import QuestionRefused, UnknownName

ROWS = [
    {"customer_id": who, "note": country, "kind": kind}
    for who, country, kind in (
        ("u1", "Norway", "p"), ("u2", "Sweden", "q"), ("u3", "Peru", "r"), ("u4", None, None),
        ("u5", "Elsewhere", "p"), ("u1", "Sweden", "p"),
    )
]  # fmt: skip
NORTH = {"Nordics": ["Norway", "Sweden"], "Andes": ["Peru", "Chile"]}


def _by(found, name):
    return {row[name]: row["customers"] for row in found}


def test_groups_of_a_question_hold_their_values_and_the_rest_all_others():
    lab = Lab(ROWS)
    asked = wb.query(lab.table, by=wb.grouped("note", NORTH, rest="Other")).customers()
    assert _by(lab.ask(asked), "note_group") == {"Nordics": 2, "Andes": 1, "Other": 1}
    asked = wb.query(lab.table, by=wb.grouped("note", NORTH)).customers()
    assert _by(lab.ask(asked), "note_group") == {"Nordics": 2, "Andes": 1}


def test_a_declared_rest_holds_what_the_domain_leaves_out():
    note = {"type": "text", "domain": ["Norway", "Sweden"], "rest": "Elsewhere"}
    lab = Lab(ROWS, columns={**COLUMNS, "note": note})
    asked = wb.query(lab.table, by="note").customers()
    # who has no country is not known to be elsewhere
    assert _by(lab.ask(asked), "note") == {"Norway": 1, "Sweden": 2, "Elsewhere": 2}
    listed = {"type": "text", "domain": ["Norway", "Sweden", "Elsewhere"]}
    closed = Lab(ROWS, columns={**COLUMNS, "note": listed})
    other = wb.query(closed.table, by="note").customers()
    # the same values, and not the same question: its answers must never serve for each other
    ours, theirs = lab.resolve(asked), closed.resolve(other)
    assert ours.parts[0].canonical != theirs.parts[0].canonical


@pytest.mark.parametrize(
    ("column", "groups", "rest", "error", "told"),
    [
        ("note", {}, None, QuestionRefused, "by name"),
        ("note", {"A": "Norway"}, None, QuestionRefused, "a list of values"),
        ("note", {"A": []}, None, QuestionRefused, "always be empty"),
        ("note", {"A": ["x"], "B": ["x"]}, None, QuestionRefused, "in two groups"),
        ("note", {"A": ["x"]}, "A", QuestionRefused, "a name of its own"),
        ("note", {"A": [1]}, None, QuestionRefused, "is text"),
        ("level", {"A": ["1"]}, None, QuestionRefused, "is integer"),
        ("amount", {"A": [1]}, None, QuestionRefused, "wb.bands"),
        ("customer_id", {"A": ["u1"]}, None, QuestionRefused, "its values name customers"),
        ("kind", {"A": ["pp"]}, None, UnknownName, "pp"),
        ("nothing", {"A": ["x"]}, None, UnknownName, "nothing"),
    ],
)
def test_what_is_no_group_is_refused(column, groups, rest, error, told):
    lab = Lab(ROWS)
    with pytest.raises(error, match=told):
        lab.ask(wb.query(lab.table, by=wb.grouped(column, groups, rest=rest)).customers())
