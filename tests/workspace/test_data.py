"""How well people hide in an extract or in the cells of a question."""

import pytest

import workbench as wb
from workbench.errors import InputError, QuestionRefused, UnknownName


def test_an_extract_is_measured_by_the_catalogs_roles(shop):
    people = shop.open("customers", "service")
    found = shop.reidentification_risk(people)
    assert (found.quasi_identifiers, found.people, found.smallest) == ((), 600, 600)
    found = shop.reidentification_risk(
        people, quasi_identifiers=["opened_on"], sensitive=["email"], under=3
    )
    assert (found.groups, found.smallest, found.share_under) == (300, 2, 1.0)
    assert found.sensitive["email"].l == 2
    entry = shop.events.entries("re-identification measured")[-1]
    assert entry.body["quasi_identifiers"] == ["opened_on"]


def test_rows_and_columns_of_a_table_are_an_extract_too(shop):
    tx = shop.open("transactions", "reporting")
    part = tx.filter(tx.region == "north")[["customer_id", "region", "category"]]
    found = shop.reidentification_risk(part, quasi_identifiers=["region", "category"])
    assert (found.people, found.groups, found.smallest) == (200, 1, 200)  # of all three


def test_a_computed_column_counts_as_one_people_are_known_by(shop):
    people = shop.open("customers", "service")
    table = people.select("customer_id", joined=people.opened_on.month())
    found = shop.reidentification_risk(table)
    assert found.quasi_identifiers == ("joined",)
    assert 1 < found.groups <= 12
    joined = people.join(table, "customer_id")
    assert shop.reidentification_risk(joined).groups == found.groups
    assert shop.reidentification_risk(table, quasi_identifiers=[]).groups == 1


def test_a_question_is_measured_by_its_cells(shop):
    tx = shop.open("transactions", "reporting")
    query = wb.query(tx, by=["region", "month"], period=("2026-08", "2026-09")).customers()
    found = shop.reidentification_risk(query)
    assert found.quasi_identifiers == ("region", "month")
    assert (found.people, found.groups, found.smallest) == (600, 6, 200)


def test_what_cannot_be_measured_says_why(shop):
    tx = shop.open("transactions", "reporting")
    with pytest.raises(InputError, match="no 'customer_id', so that nobody can count its people"):
        shop.reidentification_risk(tx[["region"]])
    with pytest.raises(UnknownName, match="no column of this extract named 'regoin'"):
        shop.reidentification_risk(tx, quasi_identifiers=["regoin"])
    found = wb.query(tx, by=wb.discovered("note", delta="1e-8")).customers()
    with pytest.raises(QuestionRefused, match="values of 'note' are found when the question is"):
        shop.reidentification_risk(found)
