"""Months are named by sums that a file adds to; counting all rows again gives the same."""

import datetime as dt
import json

import pytest

import workbench as wb
from benchmarks.catalogs import catalog_of
from workbench.store.versions import DataVersions, changes_of, coverage, digest

CATALOG = catalog_of(
    "bookings",
    """\
booking_id: {type: integer, rules: [{unique: true}]}
customer_id: {type: text, role: subject key, sensitivity: personal}
booked_on: {type: date, role: time}
amount: {type: money, role: measure, bounds: [0, 500]}
""",
    kept_from="booked_on",
    more="time: booked_on",
)
HEADER = "booking_id,customer_id,booked_on,amount\n"


def opened(folder, day=dt.date(2026, 10, 2), catalog=CATALOG):
    (folder / "workbench.toml").write_text("")
    (folder / "catalog.yaml").write_text(catalog)
    now = dt.datetime.combine(day, dt.time(9), dt.UTC)
    return wb.open_workspace(folder, now=lambda: now)


def take(ws, *lines):
    path = ws.settings.root / "bookings.csv"
    path.write_text(HEADER + "".join(f"{line}\n" for line in lines))
    return ws.ingest("bookings", path)


def kept_and_counted(ws):
    """Return what the store says of its months, and what counting every row says."""
    today = ws.now().date()
    with ws.store.reading() as connection:
        change = [each for each in changes_of(connection) if each.table == "bookings"][-1]
        counted = coverage(connection, "bookings", ws.catalog.tables["bookings"], today)
    return (change.as_of, dict(change.months)), counted


def agree(ws):
    kept, counted = kept_and_counted(ws)
    assert kept == counted
    return kept


def test_files_of_every_sort_add_up(tmp_path):
    ws = opened(tmp_path)
    take(ws, "1,K-1,2026-01-05,5", "2,K-2,2026-01-06,5", "3,K-3,2026-02-05,5", "4,K-4,,5")
    assert agree(ws)[0] == "2026-02-05"
    take(ws, "5,K-1,2026-03-05,5", "6,K-2,2026-03-06,5")
    assert agree(ws)[0] == "2026-03-06"
    # replaced within a month, out of it, known, twice, contradicting, and with a bad one between
    lines = ["1,K-1,2026-01-05,6", "6,K-2,2026-01-06,5", "2,K-2,2026-01-06,5", "9,K-2,2026-04-01,x"]
    lines += ["7,K-7,2026-04-01,1"] * 2 + ["8,K-8,2026-04-01,1", "8,K-8,2026-05-01,1"]
    take(ws, *lines)
    last, months = agree(ws)
    assert last == "2026-04-01"
    assert sorted(months) == ["2026-01", "2026-02", "2026-03", "2026-04"]
    take(ws, "3,K-3,,5", "7,K-7,2026-01-31,1")  # the only rows of February and April
    assert sorted(agree(ws)[1]) == ["2026-01", "2026-03"]
    assert agree(ws)[0] == "2026-03-05"
    ws.office.erase_subject("K-1", verified_by="id card")
    take(ws, "1,K-1,2026-01-05,6", "20,K-2,2026-06-01,1")
    assert agree(ws)[0] == "2026-06-01"


def test_a_day_to_come_is_the_last_once_it_has_come(tmp_path):
    take(opened(tmp_path), "1,K-1,2026-10-01,5", "2,K-2,2026-12-24,5")
    ws = opened(tmp_path)
    assert agree(ws)[0] == "2026-10-01"
    ws = opened(tmp_path, dt.date(2026, 12, 31))
    take(ws, "3,K-1,2026-11-05,5")
    assert agree(ws)[0] == "2026-12-24"


def test_other_columns_are_counted_anew(tmp_path):
    ws = opened(tmp_path)
    take(ws, "1,K-1,2026-01-05,5", "2,K-2,2026-02-05,5")
    before = agree(ws)[1]
    with ws.store.writing("fewer columns") as writer:
        writer.connection.execute("ALTER TABLE lake.bookings DROP COLUMN amount")
    ws = opened(tmp_path, catalog=CATALOG[: CATALOG.index("      amount")])
    path = tmp_path / "more.csv"
    path.write_text("booking_id,customer_id,booked_on\n3,K-1,2026-03-05\n")
    ws.ingest("bookings", path)
    after = agree(ws)[1]
    assert set(before) < set(after)
    assert not set(before.values()) & set(after.values())


def test_months_of_an_older_store_keep_their_versions(tmp_path):
    ws = opened(tmp_path)
    take(ws, "1,K-1,2026-01-05,5", "2,K-2,2026-02-05,5")
    (as_of, months), _ = kept_and_counted(ws)
    with ws.store.reading() as connection:
        version = DataVersions(changes_of(connection)).of("bookings", ["2026-01"])
    old = {month: digest(named) for month, named in months.items()}
    with ws.store.writing("as it was written before") as writer:
        writer.connection.execute("CREATE TABLE lake.other (a INTEGER)")  # else nothing is written
        writer.record("bookings", "", as_of, old, version="x")
    take(ws, "3,K-1,2026-03-05,5")
    assert agree(ws)[1]["2026-01"] == months["2026-01"]
    with ws.store.reading() as connection:
        changes = changes_of(connection)
    assert json.dumps(old) in json.dumps([dict(each.months) for each in changes])
    for upto in range(1, len(changes) + 1):
        assert DataVersions(changes[:upto]).of("bookings", ["2026-01"]) == version


@pytest.mark.parametrize("kind", ["date", "timestamp"])
def test_the_last_day_is_a_day(tmp_path, kind):
    ws = opened(tmp_path, catalog=CATALOG.replace("{type: date,", f"{{type: {kind},"))
    take(ws, "1,K-1,2026-10-02,5", "2,K-1,2026-10-03,5")
    assert agree(ws)[0] == "2026-10-02"
    take(ws, "3,K-1,2026-09-02,5")
    assert agree(ws)[0] == "2026-10-02"
