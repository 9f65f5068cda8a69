"""The workspace's time zone says which day it is, for every deadline, cutoff and consent."""

import datetime as dt

import pytest
from click.testing import CliRunner
from support.shop import CATALOG

import workbench as wb
from workbench.cli import main
from workbench.errors import AccessRefused, InputError
from workbench.lifecycle.rights.customers import consents_of

SHANGHAI, NEW_YORK = "Asia/Shanghai", "America/New_York"
AROUND_MIDNIGHT = [
    (SHANGHAI, "2026-09-30T15:59:00", "2026-09-30"),
    (SHANGHAI, "2026-09-30T16:00:00", "2026-10-01"),
    (NEW_YORK, "2026-10-01T03:59:00", "2026-09-30"),
    (NEW_YORK, "2026-10-01T04:00:00", "2026-10-01"),
    ("UTC", "2026-09-30T23:59:00", "2026-09-30"),
]


def in_zone(shop, zone, moment):
    """Return the shop at a moment of UTC, in a time zone."""
    path = shop.settings.root / "workbench.toml"
    path.write_text(f'time_zone = "{zone}"\n{path.read_text()}')
    at = dt.datetime.fromisoformat(moment).replace(tzinfo=dt.UTC)
    return wb.open_workspace(shop.settings.root, now=lambda: at)


@pytest.mark.parametrize(("zone", "moment", "day"), AROUND_MIDNIGHT)
def test_today_is_the_day_in_the_workspaces_zone(shop, zone, moment, day):
    today = dt.date.fromisoformat(day)
    catalog = CATALOG.replace("expires: 2025-12-31", "expires: 2026-09-30")
    shop.settings.path("catalog").write_text(catalog)
    shop = in_zone(shop, zone, moment)
    assert shop.now() == dt.datetime.fromisoformat(moment).replace(tzinfo=dt.UTC)
    # a request of today is not of the future, one of tomorrow is
    assert shop.office.open_request("access", "K-000001", received=today).received == today
    assert shop.office.open_request("access", "K-000002").received == today
    with pytest.raises(InputError, match=f"and today is {today}"):
        shop.office.open_request("access", "K-000001", received=today + dt.timedelta(1))
    # what was written is read as of that day, and stands there in UTC
    (opened, *_) = shop.events.entries("request opened")
    assert opened.at.date() == today
    with shop.events.reading() as read:
        stamps = read._connection.exec_driver_sql("SELECT at FROM audit").scalars().all()
    assert all(stamp.endswith("+00:00") for stamp in stamps)
    # months begin there
    assert shop.budget()[0].scope == day[:7]
    # a purpose ends with its last day
    if today > dt.date(2026, 9, 30):
        with pytest.raises(AccessRefused, match=f"today is {today}"):
            shop.open("transactions", "old-partner")
    else:
        assert shop.open("transactions", "old-partner").count().execute() == 5400


@pytest.mark.parametrize(
    ("zone", "moment", "rows"),
    [
        (SHANGHAI, "2026-08-28T15:59:00", 0),
        (SHANGHAI, "2026-08-28T16:00:00", 21),  # customers 27, 55, … bought on 28 July
        (NEW_YORK, "2026-08-29T03:59:00", 0),
        (NEW_YORK, "2026-08-29T04:00:00", 21),
    ],
)
def test_rows_are_past_their_time_by_the_day_there(shop, zone, moment, rows):
    short = CATALOG.replace("months: 84, after: booked_on", "months: 1, after: booked_on")
    shop.settings.path("catalog").write_text(short)
    shop = in_zone(shop, zone, moment)
    before = 7 * 600 - 21  # January to July, but for the last day
    due = {each.table: each.rows for each in shop.office.retention_plan()}
    assert due["transactions"] == before + rows


CONSENTS = {  # by customer: at 17:00 in Shanghai, whether they agree, and the register's rows
    1: (True, ",2026-10-02 16:00:00,"),
    2: (False, ",2026-10-02 16:00:00,2026-10-02 17:00:00"),  # an hour later
    3: (False, ",2026-10-02 16:00:00,2026-10-02T16:30:00+08:00"),
    4: (False, ",2026-10-02 16:00:00,2026-10-02T08:59:00Z"),
    5: (False, ",2026-10-02 16:00:00,2026-10-02T04:30:00-04:00"),
    6: (True, ",2026-10-02 16:00:00,2026-10-02T17:01:00"),  # to come
    7: (False, ",2026-10-02T09:01:00Z,"),  # to come
    8: (False, ",2026-10-02 16:00:00,", ",,2026-10-02 16:30:00"),  # in a row of its own
    9: (False, ",2026-10-02 16:00:00,", ",,2026-10-02 16:00:00"),  # which was first, none knows
    10: (True, ",2026-10-02 16:00:00,", ",,2026-10-02 15:00:00"),  # came back
    11: (False, ",2026-10-01 16:00:00,", ",2026-10-01 16:00:00,2026-10-02 16:30:00"),
    12: (False, ",,2026-10-02 16:30:00"),
}


def with_consents(shop, zone, moment, given="timestamp", withdrawn="timestamp"):
    catalog = CATALOG.replace("given_on: {type: date}", f"given_on: {{type: {given}}}")
    catalog = catalog.replace("withdrawn_on: {type: date}", f"withdrawn_on: {{type: {withdrawn}}}")
    shop.settings.path("catalog").write_text(catalog)
    return in_zone(shop, zone, moment)


def agreeing(shop, rows):
    """Return who agrees by each place that asks, by the number of the customer."""
    lines = [f"K-{i:06d},marketing{row}" for i, (_, *theirs) in rows.items() for row in theirs]
    text = "\n".join(["customer_id,purpose,given_on,withdrawn_on", *lines]) + "\n"
    (shop.settings.path("source") / "consents.csv").write_text(text)
    shop.init()
    connection = shop.access.release_connection([("transactions", "marketing")], shop.now())
    sql = "SELECT DISTINCT customer_id FROM marketing.transactions"
    open_to = {int(key[2:]) for (key,) in connection.execute(sql).fetchall()}
    connection.close()
    assert shop.open("transactions", "marketing").customer_id.nunique().execute() == len(open_to)
    told = {i for i in rows if consents_of(shop.office, shop.office.mark(f"K-{i:06d}"))}
    return open_to, told


def test_a_withdrawal_counts_from_its_very_moment_wherever_it_is_asked_for(shop):
    shop = with_consents(shop, SHANGHAI, "2026-10-02T09:00:00")
    open_to, told = agreeing(shop, CONSENTS)
    assert open_to == told == {i for i, (agrees, *_) in CONSENTS.items() if agrees}


@pytest.mark.parametrize(
    ("given", "withdrawn", "rows"),
    [
        ("date", "date", {1: (False, ",2026-10-02,", ",,2026-10-02"), 2: (True, ",2026-10-02,")}),
        ("timestamp", "date", {
            1: (False, ",2026-10-02 10:00:00,", ",,2026-10-02"),
            2: (True, ",2026-10-02 10:00:00,", ",,2026-10-01"),
        }),
        ("date", "timestamp", {
            1: (False, ",2026-10-02,", ",,2026-10-02 08:00:00"),
            2: (True, ",2026-10-02,", ",,2026-10-01 23:59:59"),
        }),
    ],
)  # fmt: skip  # why: one case, one row
def test_what_may_have_come_before_a_withdrawal_counts_as_withdrawn(shop, given, withdrawn, rows):
    shop = with_consents(shop, SHANGHAI, "2026-10-02T09:00:00", given, withdrawn)
    assert agreeing(shop, rows) == ({2}, {2})


def test_clocks_of_an_incident_read_and_tell_the_time_there(shop, monkeypatch):
    ws = in_zone(shop, NEW_YORK, "2026-11-03T14:00:00")
    monkeypatch.setattr("workbench.cli.common.opened", lambda _: ws)

    def run(*words):
        result = CliRunner().invoke(
            main, ["office", "incident", *words, "-w", str(ws.settings.root)]
        )
        assert result.exit_code == 0, result.output
        return result.output

    told = run("open", "A folder", "--detected", "2026-10-31 12:00", "--occurred", "2026-10-30")
    assert "detected 2026-10-31 12:00 UTC-04:00" in told
    # summer time ends in between: 72 hours are 72 hours
    assert "gdpr-authority   running  by 2026-11-03 11:00" in told
    (found,) = ws.office.incidents.all()
    assert found.detected_at == dt.datetime(2026, 10, 31, 16, tzinfo=dt.UTC)
    assert found.occurred_at.date() == dt.date(2026, 10, 30)
    draft = run("notify", found.id, "--clock", "gdpr-authority")
    assert "on 2026-10-30 00:00 and was detected on 2026-10-31 12:00 (UTC-04:00)" in draft
    sent = run("notify", found.id, "--clock", "gdpr-authority", "--sent", "2026-10-31")
    assert "gdpr-authority   met" in sent


def test_items_of_a_register_are_numbered_by_the_year_there(shop):
    ws = in_zone(shop, SHANGHAI, "2026-12-31T17:00:00")
    for hours in (0, 1, 15):
        now = ws.now() + dt.timedelta(hours=hours)
        ws.office.incidents.open(
            "x", nature="leak", detected_at=now, occurred_at=None, facts={}, now=now
        )
    assert [each.id for each in ws.office.incidents.all()] == [
        f"IN-2027-{i:03d}" for i in (1, 2, 3)
    ]
