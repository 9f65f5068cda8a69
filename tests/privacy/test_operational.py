"""Exact figures of the organisation's own work: kept once, at no cost, and never of customers."""

import datetime as dt

import pytest

from workbench.errors import QuestionRefused, UnknownName
from workbench.privacy.operational import Exact, kept, operational
from workbench.privacy.release import Dimension, Measure

NOW = dt.datetime(2026, 10, 2, 9, tzinfo=dt.UTC)
COUNT = Measure("incidents", "rows", "Incidents", None)


def exact(sources=("incidents",), **other):
    return Exact("incidents-opened", sources, {"incidents": [1]}, measures=(COUNT,), **other)


def keep(ws, figures):
    return ws.ledger.derive(
        lambda name: operational(figures, ws.catalog, name, "v"),
        list(figures.private),
        NOW,
        kind="operational",
    )


def test_what_is_kept_costs_nothing_and_is_found_by_its_id(shop):
    release = keep(shop, exact())
    assert release.id.startswith("e-")
    assert shop.ledger.answer(release.id) == release
    assert (release.cost.epsilon, shop.ledger.spent_by([release.id])) == (0.0, 0)
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


def test_people_on_the_staff_are_no_group(shop):
    personal = (
        shop.catalog.tables["incidents"]
        .columns["incident_id"]
        .model_copy(update={"sensitivity": "personal"})
    )
    table = shop.catalog.tables["incidents"].model_copy(
        update={"columns": {"incident_id": personal}}
    )
    catalog = shop.catalog.model_copy(update={"tables": {"incidents": table}})
    axis = Dimension("incident_id", "Incident", "category", ("I-1",))
    with pytest.raises(QuestionRefused, match="names people on the staff"):
        operational(exact(by=(axis,)), catalog, "e-1", "v")
