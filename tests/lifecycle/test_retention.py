"""Rows past their time: found, kept by holds, and gone from every file."""

import datetime as dt

import pytest

import workbench as wb
from workbench.errors import InputError, UnknownName
from workbench.lifecycle.retention import summary

LATER = dt.datetime(2032, 6, 15, 9, tzinfo=dt.UTC)
PAST = 330  # opened before 2025-06-15: the first 165 days of 2025, by two customers each


@pytest.fixture
def later(shop):
    """Return the shop, years later."""
    return wb.open_workspace(shop.settings.root, now=lambda: LATER)


def rows(ws):
    return {due.table: due.rows for due in ws.office.retention_plan()}


def again(ws):
    return wb.open_workspace(ws.settings.root, now=ws.now)


def test_the_plan_counts_what_is_past_and_says_why(later):
    found = {due.table: due for due in later.office.retention_plan()}
    assert rows(later) == {"customers": PAST, "transactions": 0, "consents": 0, "incidents": 1}
    assert found["customers"].why == "84 months after opened_on"
    assert found["customers"].oldest == dt.date(2025, 1, 1)


@pytest.mark.parametrize(("day", "past"), [(8, 0), (9, 2)])
def test_a_row_is_past_its_time_on_the_day_after(shop, day, past):
    # why: opened on 2025-01-08 are two customers, kept until 2032-01-08
    now = dt.datetime(2032, 1, day, 9, tzinfo=dt.UTC)
    ws = wb.open_workspace(shop.settings.root, now=lambda: now)
    before = 14  # of the seven days before
    assert rows(ws)["customers"] == before + past


def test_nothing_is_past_its_time_today(shop):
    assert set(rows(shop).values()) == {0}
    assert shop.office.apply_retention() == {}


def test_applying_takes_the_rows_from_tables_and_files(later):
    assert later.office.apply_retention() == {"customers": PAST, "incidents": 1}
    ws = again(later)
    assert ws.open("customers", "service").count().execute() == 600 - PAST
    assert ws.open("customers", "service").opened_on.min().execute().date() == dt.date(2025, 6, 15)
    assert ws.open("transactions", "reporting").count().execute() == 5400
    assert len(list(ws.store.folder.glob("snapshots/*.ducklake"))) == 1
    assert ws.office.retention_plan() == [
        type(due)(due.table, 0, 0, None, due.why) for due in later.office.retention_plan()
    ]


def test_an_empty_date_has_not_begun_its_time(shop, later):
    path = shop.settings.path("catalog")
    text = path.read_text().replace("months: 84, after: given_on", "months: 1, after: withdrawn_on")
    path.write_text(text)
    assert rows(again(later))["consents"] == 60  # those who took it back


def test_an_event_that_is_no_column_is_not_measured(shop, later):
    path = shop.settings.path("catalog")
    path.write_text(path.read_text().replace("after: opened_on", "after: end of contract", 1))
    due = again(later).office.retention_plan()
    assert due[0].rows is None
    assert "not a column of the table, so it is not measured" in due[0].why
    assert summary(due) == {"past": 1, "on_hold": 0, "not_measured": 1}
    assert again(later).office.apply_retention() == {"incidents": 1}


def test_a_hold_of_a_table_keeps_all_of_it(later):
    later.office.hold("inquiry", table="customers")
    due = later.office.retention_plan()[0]
    assert (due.rows, due.on_hold, due.holds) == (0, PAST, ("H-0001",))
    assert later.office.apply_retention() == {"incidents": 1}


def test_a_hold_of_a_customer_keeps_theirs(later):
    later.office.hold("dispute", subject="K-000000")
    assert later.office.apply_retention() == {"customers": PAST - 1, "incidents": 1}
    assert (
        again(later).office.subject_held("K-000000", verified_by="id card")[1][0].table
        == "customers"
    )


def test_a_hold_of_a_customers_rows_in_one_table(later):
    later.office.hold("dispute", subject="K-000000", table="transactions")
    assert later.office.apply_retention()["customers"] == PAST


def test_holds_of_customers_hold_beside_erasures(later):
    later.office.hold("dispute", subject="K-000000")
    later.office.erase_subject("K-000001", verified_by="id card")
    assert again(later).office.apply_retention() == {"customers": PAST - 2, "incidents": 1}
    assert (
        again(later).office.subject_held("K-000000", verified_by="id card")[1][0].table
        == "customers"
    )


def test_a_released_hold_keeps_nothing(later):
    hold = later.office.hold("inquiry", table="customers")
    later.office.release_hold(hold.id, "closed")
    assert later.office.holds() == []
    assert later.office.apply_retention()["customers"] == PAST


def test_holds_that_make_no_sense_are_refused(shop):
    with pytest.raises(InputError, match="say what to hold: a table with --table"):
        shop.office.hold("x")
    with pytest.raises(InputError, match="say why with --reason"):
        shop.office.hold(" ", table="customers")
    with pytest.raises(InputError, match="no table holds anything of this customer"):
        shop.office.hold("x", subject="K-nobody")
    with pytest.raises(UnknownName, match="no table named 'custmers'"):
        shop.office.hold("x", table="custmers")
    with pytest.raises(InputError, match=r"no hold 'H-0009' is in force. In force: none"):
        shop.office.release_hold("H-0009", "x")
    hold = shop.office.hold("dispute", table="customers")
    with pytest.raises(InputError, match="say why with --reason: what the hold kept may be rem"):
        shop.office.release_hold(hold.id, " ")


def test_a_clock_that_went_back_removes_nothing(later, shop):
    later.office.apply_retention()
    with pytest.raises(InputError, match=r"clock shows 2026-10-02 .* Set the clock right"):
        shop.office.apply_retention()
    with pytest.raises(InputError, match="Set the clock right"):
        shop.office.hold("x", table="customers")
    with pytest.raises(InputError, match="Set the clock right"):
        shop.office.erase_subject("K-000599", verified_by="id card")


def test_removals_are_recorded(later):
    later.office.apply_retention()
    entry = later.events.last("retention applied")
    assert entry.body["rows"] == {"customers": PAST, "incidents": 1}
    assert later.events.entries("retention applied")


@pytest.mark.parametrize("after", ["given_on", "withdrawn_on"])
def test_a_consent_in_force_is_not_past_its_time(shop, after):
    """Given in January 2026 by 300, and withdrawn in March by every fifth of them."""
    path = shop.settings.path("catalog")
    path.write_text(path.read_text().replace("after: given_on", f"after: {after}"))
    ws = wb.open_workspace(shop.settings.root, now=lambda: LATER.replace(year=2033, month=2))
    (due,) = (each for each in ws.office.retention_plan() if each.table == "consents")
    assert (due.rows, due.in_force) == (0, 240 if after == "given_on" else 0)
    ws = wb.open_workspace(shop.settings.root, now=lambda: LATER.replace(year=2033, month=3))
    assert ws.office.apply_retention()["consents"] == 60
    assert again(ws).open("consents", "service").count().execute() == 240
