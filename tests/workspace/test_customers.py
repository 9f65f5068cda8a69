"""One customer looked up: within a purpose, recorded before it is seen."""

import json

import pytest

import workbench as wb
from workbench.errors import AccessRefused, InputError


@pytest.fixture
def who(shop):
    """Return a customer's pseudonym for reporting."""
    tx = shop.open("transactions", "reporting")
    return tx.order_by("customer_id").limit(1).execute().customer_id[0]


def events(shop):
    return [entry for entry in shop.events.entries() if entry.kind == "look-up"]


def test_all_that_the_purpose_may_read_of_a_customer(shop, who):
    found = shop.look_up(who, "reporting", reason="complaint 42")
    assert list(found) == ["transactions"]
    rows = found["transactions"]
    assert len(rows) == 9
    assert set(rows.customer_id) == {who}
    assert list(rows.booked_on) == sorted(rows.booked_on, reverse=True)
    assert "full_name" not in rows


def test_it_is_recorded_without_saying_of_whom(shop, who):
    shop.look_up(who, "reporting", reason="complaint 42")
    (event,) = events(shop)
    body = event.body if isinstance(event.body, dict) else json.loads(event.body)
    assert body["reason"] == "complaint 42"
    assert body["purpose"] == "reporting"
    assert body["mark"] == shop.store.marks.of(who)
    assert who.encode() not in (shop.private / "audit.sqlite").read_bytes()


def test_a_reason_is_asked_for(shop, who):
    with pytest.raises(InputError, match="needs its reason"):
        shop.look_up(who, "reporting", reason=" ")
    assert events(shop) == []


def test_another_purposes_pseudonym_is_nobody_here(shop, who):
    with pytest.raises(InputError, match="'marketing' reads no row of this customer"):
        shop.look_up(who, "marketing", reason="complaint 42")
    assert len(events(shop)) == 1


def test_a_purpose_that_ended_looks_up_nobody(shop, who):
    with pytest.raises(AccessRefused, match="expired"):
        shop.look_up(who, "old-partner", reason="complaint 42")


def test_a_purpose_without_customers_looks_up_nobody(shop, who):
    catalog = shop.settings.path("catalog")
    text = catalog.read_text().replace(
        "purposes: [reporting, marketing, old-partner]", "purposes: [marketing, old-partner]"
    )
    catalog.write_text(
        text.replace("purposes: [service, reporting, marketing]", "purposes: [service]")
    )

    shop = wb.open_workspace(shop.settings.root, now=shop.now)
    with pytest.raises(AccessRefused, match="may read no table with customers"):
        shop.look_up(who, "reporting", reason="complaint 42")
