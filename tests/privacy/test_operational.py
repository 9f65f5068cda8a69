"""Exact figures of the organisation's own work: kept once, at no cost, and never of customers."""

import datetime as dt

import pytest

from workbench.errors import QuestionRefused, UnknownName
from workbench.privacy.columns import Dimension, Measure
from workbench.privacy.operational import Exact, kept, operational

NOW = dt.datetime(2026, 10, 2, 9, tzinfo=dt.UTC)
COUNT = Measure("incidents", "rows", "Incidents", None)


def exact(sources=("incidents",), **other):
    return Exact("incidents-opened", sources, {"incidents": [1]}, measures=(COUNT,), **other)


def keep(ws, figures):
    return ws.ledger.derive(
        operational(figures, ws.catalog, "v"), list(figures.private), NOW, kind="operational"
    )


def test_what_is_kept_costs_nothing_and_is_found_by_its_id(shop):
    release = keep(shop, exact())
    assert release.id.startswith("e-")
    assert shop.ledger.answer(release.id) == release
    assert (release.epsilon, shop.ledger.spent_by([release.id])) == (0.0, 0)
    assert release.frame["incidents"].tolist() == [1]
    assert release.frame["incidents_low"].tolist() == [None]
    assert release.notes == ("Exact: counted in operational records, not in customers' rows.",)
    assert shop.ledger.verify() == 1


def test_the_same_figures_are_kept_once(shop):
    assert keep(shop, exact()) == keep(shop, exact())
    assert [release.id for _, release in kept(shop.ledger, "incidents-opened")] == ["e-000001"]
    assert kept(shop.ledger, "another") == []


def test_limits_are_shown_as_they_stood_when_nothing_was_paid(shop):
    release = keep(shop, exact())
    assert [line.spent for line in shop.ledger.status_after([release.id])] == [0, 0, 0]


def test_a_table_about_customers_gives_no_exact_figure(shop):
    with pytest.raises(QuestionRefused, match=r"exact figures of transactions, which is about"):
        keep(shop, exact(("incidents", "transactions")))
    assert shop.ledger.head()[0] == 0


def test_a_source_is_a_table_or_a_register(shop):
    with pytest.raises(UnknownName, match="no operational table or register named 'incident'"):
        keep(shop, exact(("incident",)))


@pytest.fixture
def staffed(shop):
    """Return a catalog whose incidents name a member of the staff."""
    personal = (
        shop.catalog.tables["incidents"]
        .columns["incident_id"]
        .model_copy(update={"sensitivity": "personal"})
    )
    columns = {**shop.catalog.tables["incidents"].columns, "incident_id": personal}
    table = shop.catalog.tables["incidents"].model_copy(update={"columns": columns})
    return shop.catalog.model_copy(update={"tables": {"incidents": table}})


def grouped(name, **other):
    return exact(by=(Dimension(name, "Incident", "category", ("I-1",)),), **other)


@pytest.mark.parametrize(
    "figures",
    [grouped("incident_id"), grouped("incident", origins={"incident": ("incident_id",)})],
    ids=["own name", "another name"],
)
def test_people_on_the_staff_are_no_group(staffed, figures):
    with pytest.raises(QuestionRefused, match="show incident_id, which names people on the staff"):
        operational(figures, staffed, "v")


def test_a_group_under_another_name_says_from_which_column_it_is(staffed):
    with pytest.raises(QuestionRefused, match=r"groups by incident, .* origins=\{'incident': "):
        operational(grouped("incident"), staffed, "v")
    with pytest.raises(UnknownName, match="no column of incidents named 'reporter'"):
        operational(grouped("incident", origins={"incident": ("reporter",)}), staffed, "v")
    month = grouped("month", origins={"month": ("opened_on",)})
    assert operational(month, staffed, "v").by[0].name == "month"


def test_registers_have_no_columns_to_name(staffed):
    figures = grouped("part", sources=("review register",))
    assert operational(figures, staffed, "v").by[0].name == "part"
