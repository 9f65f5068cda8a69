"""Incidents: scope from the log, clocks, drafts, and nothing closed before its time."""

import datetime as dt

import pytest

from workbench.errors import InputError, UnknownName
from workbench.lifecycle.drafts import draft
from workbench.lifecycle.incidents import Incidents, scope_of
from workbench.lifecycle.law import clock
from workbench.lifecycle.reads import Read

NOW = dt.datetime(2026, 10, 2, 9, tzinfo=dt.UTC)
SEEN = NOW - dt.timedelta(hours=3)
FACTS = {"personal_data": True, "cyber": True, "critical_infrastructure": False}


@pytest.fixture
def incidents(tmp_path):
    return Incidents(tmp_path)


@pytest.fixture
def opened(incidents):
    return incidents.open(
        "Open folder", nature="leak", detected_at=SEEN, occurred_at=None, facts=FACTS, now=NOW
    )


def reads():
    at = dt.datetime.fromisoformat("2026-09-01T02:00")
    return [
        Read(at, "eve", "contractor", "transactions", "reporting", 400, False),
        Read(at, "eve", "contractor", "customers", "reporting", 100, False),
        Read(at, "eve", "contractor", "customers", "reporting", 0, True),
        Read(at, "ana", "analyst", "transactions", "reporting", 9, False),
    ]


def scope(shop, **chosen):
    return scope_of(reads(), shop.catalog, lambda _: 600, **chosen)


def test_scope_is_worked_out_from_who_read_what(shop):
    found = scope(shop, readers=["eve"])
    assert (found.tables, found.kinds) == (
        ("customers", "transactions"),
        ("identity", "transactions"),
    )
    assert (found.reads, found.refused, found.sensitivities) == (2, 1, ("internal", "personal"))
    assert found.subjects_at_most == 500  # no more rows were read than that
    assert scope(shop, readers=["ana"]).subjects_at_most == 9
    assert scope(shop, tables=["incidents"]).subjects_at_most is None  # nobody read it


def test_people_are_counted_once_over_tables(shop):
    from workbench.lifecycle.reads import people

    count = people(shop.store, shop.catalog, 1, ["customers", "transactions", "incidents"])
    assert count == 600


def test_a_log_without_rows_means_everybody(shop):
    one = [
        Read(
            dt.datetime.fromisoformat("2026-09-01"), "eve", "x", "customers", "service", None, False
        )
    ]
    assert scope_of(one, shop.catalog, lambda _: 600).subjects_at_most == 600


def test_clocks_run_and_stop(incidents, opened, shop):
    running = {each.clock.id: each.state(NOW) for each in opened.deadlines()}
    assert running["gdpr-authority"] == "running"
    assert running["cirm-operator"] == "running"  # how many people is not known yet
    assert running["pipl-authority"] == "running"  # at once: a day's grace
    assessed = incidents.assess(
        opened.id, scope(shop), severity="high", facts={"high_risk": False}, now=NOW
    )
    left = {each.clock.id for each in assessed.deadlines()}
    assert "cirm-operator" not in left
    assert "gdpr-subjects" not in left
    late = {each.clock.id: each.state(NOW + dt.timedelta(days=4)) for each in assessed.deadlines()}
    assert set(late.values()) == {"overdue"}


def test_a_whole_life_with_lessons(incidents, opened, shop):
    name = opened.id
    incidents.assess(name, scope(shop), severity="low", facts={"high_risk": False}, now=NOW)
    with pytest.raises(InputError, match=r"to do first: contain, notify --clock pipl-authority"):
        incidents.close(name, ["lock folders"], now=NOW)
    incidents.contain(name, "folder closed", at=NOW, now=NOW)
    for each in incidents.get(name).deadlines():
        incidents.notify(name, each.clock.id, at=NOW, now=NOW)
    closed = incidents.close(name, ["lock folders"], now=NOW)
    assert (closed.state, closed.lessons) == ("closed", ("lock folders",))
    assert {each.state(NOW) for each in closed.deadlines()} == {"met"}
    assert incidents.register.verify() == len(incidents.register.events(name))
    with pytest.raises(InputError, match="was closed on 2026-10-02"):
        incidents.contain(name, "again", at=NOW, now=NOW)


def test_ids_count_within_the_year(incidents, opened):
    again = incidents.open(
        "Another", nature="loss", detected_at=SEEN, occurred_at=None, facts=FACTS, now=NOW
    )
    assert [each.id for each in incidents.all()] == ["IN-2026-001", "IN-2026-002"]
    assert again.state == "open"


def test_times_must_be_in_order(incidents):
    with pytest.raises(InputError, match="happens, is detected, then recorded"):
        incidents.open(
            "x",
            nature="leak",
            detected_at=NOW + dt.timedelta(1),
            occurred_at=None,
            facts={},
            now=NOW,
        )


def test_a_clock_that_does_not_run_is_not_notified(incidents, opened):
    with pytest.raises(InputError, match=r"clock 'gdpr-request' does not run for IN-2026-001"):
        incidents.notify(opened.id, "gdpr-request", at=NOW, now=NOW)


@pytest.mark.parametrize("hours", [-12, 1])
def test_a_notice_before_the_detection_or_in_the_future_is_refused(incidents, opened, hours):
    at = NOW + dt.timedelta(hours=hours)
    with pytest.raises(InputError, match=r"but from 2026-10-02 to 2026-10-02 09:00 UTC"):
        incidents.notify(opened.id, "gdpr-authority", at=at, now=NOW)


def test_people_at_high_risk_are_told_before_it_is_closed(incidents, opened, shop):
    incidents.assess(opened.id, scope(shop), severity="high", facts={"high_risk": True}, now=NOW)
    incidents.contain(opened.id, "folder closed", at=NOW, now=NOW)
    with pytest.raises(InputError, match="notify --clock gdpr-subjects"):
        incidents.close(opened.id, ["lock folders"], now=NOW)


def test_an_incident_that_is_not_there(incidents):
    with pytest.raises(UnknownName, match="no incident named 'IN-1'"):
        incidents.get("IN-1")


@pytest.mark.parametrize("lang", ["en", "zh"])
@pytest.mark.parametrize("name", ["gdpr-authority", "pipl-subjects"])
def test_drafts_say_what_is_known_and_leave_the_rest_open(incidents, opened, shop, lang, name):
    incidents.assess(opened.id, scope(shop), severity="high", facts={}, now=NOW)
    text = draft(
        incidents.get(opened.id), clock(name), lang=lang, controller="Shop", contact="", now=NOW
    )
    assert "DRAFT" in text or "草稿" in text
    assert "IN-2026-001" in text
    assert ("[contact]" if lang == "en" else "〔联系方式〕") in text
    assert "{" not in text
    if name == "gdpr-authority":
        assert "509" in text  # people at most


def test_a_late_notice_gives_reasons(opened):
    later = NOW + dt.timedelta(days=5)
    text = draft(opened, clock("gdpr-authority"), lang="en", controller="S", contact="c", now=later)
    assert "Reasons for the delay" in text
    assert "[to be assessed]" in text


def test_drafts_know_two_languages(opened):
    with pytest.raises(UnknownName, match="no language of notices named 'de'"):
        draft(opened, clock("gdpr-authority"), lang="de", controller="S", contact="c", now=NOW)
