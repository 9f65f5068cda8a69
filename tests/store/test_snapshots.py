"""Time travel: rows of then, of customers who may be read now; every opening on record."""

import datetime as dt

import pytest

import workbench as wb
from workbench.errors import InputError, QuestionRefused, StoreMissing, UnknownName
from workbench.store.reading.access import Access

HEADER = "customer_id,booked_on,region,category,note,amount,is_online\n"


def again(shop):
    return wb.open_workspace(shop.settings.root, now=shop.now)


@pytest.fixture
def desk(shop):
    """Return the shop after a second load: one row more in snapshot 2."""
    path = shop.settings.root / "more.csv"
    path.write_text(HEADER + "K-000001,2026-10-01,north,food,hello,5,true\n")
    shop.ingest("transactions", path)
    return again(shop)


def rows(table):
    return int(table.count().execute())


def test_snapshots_say_what_made_them_and_when(desk):
    first, second = desk.snapshots()
    assert (first.what, second.what) == ("load the estate", "ingest into transactions")
    assert first.tables == ("consents", "customers", "incidents", "transactions")
    assert second.tables == ("transactions",)
    assert first.at <= second.at <= dt.datetime.now(dt.UTC)
    assert second.number == desk.store.latest_snapshot()


def test_an_older_snapshot_has_the_rows_of_then(desk):
    first, second = (each.number for each in desk.snapshots())
    then = desk.open("transactions", "reporting", snapshot=first)
    assert (rows(then), rows(desk.open("transactions", "reporting"))) == (5400, 5401)
    assert rows(desk.open("transactions", "reporting", snapshot=second)) == 5401
    assert rows(then) == 5400  # opening the newest changes nothing of it


def test_then_and_now_can_be_joined_by_pseudonym(desk):
    then = desk.open("transactions", "reporting", snapshot=desk.snapshots()[0].number)
    now = desk.open("transactions", "reporting")
    new = now.anti_join(then, ["customer_id", "booked_on"])
    assert new.note.execute().tolist() == ["hello"]


def test_the_purposes_columns_and_pseudonyms_are_those_of_any_opening(desk):
    then = desk.open("transactions", "marketing", snapshot=1)
    now = desk.open("transactions", "marketing")
    assert then.columns == now.columns
    assert set(then.customer_id.execute()) == set(now.customer_id.execute())
    assert not any(key.startswith("K-") for key in then.customer_id.execute())


def test_a_day_means_the_last_snapshot_written_until_its_end(desk):
    with desk.store.exclusive() as connection:  # as if the first had been loaded in spring
        connection.execute(
            "UPDATE __ducklake_metadata_lake.ducklake_snapshot "
            "SET snapshot_time = TIMESTAMPTZ '2026-04-01 23:59:00+00' WHERE snapshot_id = 1"
        )
        connection.execute("DETACH lake")
        desk.store.publish(desk.store.latest_snapshot(), again=True)
    for day, count in (
        ("2026-04-01", 5400),
        (dt.date(2026, 6, 1), 5400),
        (dt.datetime(2026, 6, 1, 9, tzinfo=dt.UTC), 5400),
        ("2999-01-01", 5401),
    ):
        assert rows(again(desk).open("transactions", "reporting", as_of=day)) == count
    entry = desk.events.entries("open")[0]
    assert entry.body["snapshot"] == 1
    with pytest.raises(InputError, match=r"loaded by 2026-03-31 can be opened: the oldest .* is 1"):
        again(desk).open("transactions", "reporting", as_of="2026-03-31")


def test_a_day_that_is_none_is_refused(desk):
    with pytest.raises(InputError, match="as_of is a day such as 2026-09-30, not 'spring'"):
        desk.open("transactions", "reporting", as_of="spring")
    with pytest.raises(InputError, match="name a snapshot or a day with as_of=, not both"):
        desk.open("transactions", "reporting", as_of="2026-09-30", snapshot=1)


def test_who_took_consent_back_since_is_left_out_of_then(desk):
    assert rows(desk.open("transactions", "marketing", snapshot=1)) == 9 * 240
    path = desk.settings.path("source") / "consents.csv"
    path.write_text(path.read_text().replace("2,marketing,2026-01-05,\n", "2,other,2026-01-05,\n"))
    again(desk).init()
    now = rows(again(desk).open("transactions", "marketing"))
    assert now < 9 * 240
    assert rows(again(desk).open("transactions", "marketing", snapshot=1)) == now
    # a kernel left open reads its own snapshot and older ones, as far as today's consents allow
    assert rows(desk.open("transactions", "marketing", snapshot=1)) == now
    assert rows(desk.open("transactions", "marketing")) == now


def test_who_objected_since_is_left_out_of_then(desk):
    desk.office.restrict_subject("K-000001", verified_by="id card")
    assert rows(desk.open("transactions", "reporting", snapshot=1)) == 5400 - 9


def test_who_was_erased_is_left_out_even_where_the_old_rows_are_still_there(desk):
    """As between the mark and the removal of an erasure that was cut off."""
    desk.store.marks.add("erased", desk.store.marks.of("K-000001"), at=desk.now())
    assert rows(desk.open("transactions", "reporting", snapshot=1)) == 5400 - 9
    assert rows(desk.open("customers", "service", snapshot=1)) == 599


def test_a_snapshot_that_never_was_or_has_ended_is_refused_and_recorded(desk):
    with pytest.raises(InputError, match="there is no snapshot 99; the newest is 2"):
        desk.open("transactions", "reporting", snapshot=99)
    with pytest.raises(InputError, match="there is no snapshot 0"):
        desk.open("transactions", "reporting", snapshot=0)
    again(desk).office.erase_subject("K-000001", verified_by="id card")
    newest = again(desk).store.latest_snapshot()
    match = rf"snapshot 1 has ended: rows were erased .* Left: {newest}\."
    with pytest.raises(StoreMissing, match=match):
        again(desk).open("transactions", "reporting", snapshot=1)
    refused = desk.events.entries("refused")
    assert [entry.body["snapshot"] for entry in refused] == [99, 0, 1]


def test_a_table_that_was_loaded_later_is_not_there_yet(tmp_path, shop):
    folder = tmp_path / "new"
    folder.mkdir()
    for name in ("workbench.toml", "catalog.yaml"):
        (folder / name).write_text((shop.settings.root / name).read_text())
    ws = wb.open_workspace(folder, now=shop.now)
    source = shop.settings.path("source")
    ws.ingest("consents", source / "consents.csv")
    ws.ingest("transactions", source / "transactions.parquet")
    with pytest.raises(StoreMissing, match="snapshot 1 has no table 'transactions': it was loaded"):
        again(ws).open("transactions", "reporting", snapshot=1)


def test_columns_are_those_the_table_had(desk):
    with desk.store.exclusive() as connection:
        connection.execute("ALTER TABLE lake.transactions ADD COLUMN channel VARCHAR")
        connection.execute("DETACH lake")
        desk.store.publish(3)
    catalog = desk.settings.path("catalog")
    text = catalog.read_text()
    catalog.write_text(text.replace("is_online: {", "channel: {type: text}\n      is_online: {"))
    assert "channel" in again(desk).open("transactions", "reporting").columns
    assert "channel" not in again(desk).open("transactions", "reporting", snapshot=1).columns
    assert "channel" not in desk.events.entries("open")[-1].body["columns"]


def test_unknown_names_are_refused_as_ever(desk):
    with pytest.raises(UnknownName, match="no table named 'transaction'"):
        desk.open("transaction", "reporting", snapshot=1)
    with pytest.raises(UnknownName, match="no purpose named 'reportin'"):
        desk.open("transactions", "reportin", snapshot=1)


def test_answers_are_about_the_newest_data(desk):
    then = desk.open("transactions", "reporting", snapshot=1)
    question = wb.query(then, by=["region"]).customers()
    with pytest.raises(QuestionRefused, match="was opened on an older snapshot"):
        desk.release(question, name="n", epsilon=0.1)
    with pytest.raises(QuestionRefused, match="older snapshot"):
        desk.release(
            wb.query(desk.open("transactions", "reporting"), by=[then.region]).customers(),
            name="n",
            epsilon=0.1,
        )


def test_a_bulk_read_names_its_purpose_and_snapshot(desk):
    access = Access(desk.store, desk.catalog, desk.events, bulk_rows=10, clock=desk.now)
    access.open("transactions", "reporting", now=desk.now(), snapshot=1).execute()
    (entry,) = desk.events.entries("bulk read")
    told = {name: entry.body[name] for name in ("table", "purpose", "rows", "snapshots")}
    assert told == {
        "table": "transactions", "purpose": "reporting", "rows": 5400, "snapshots": [1],
    }  # fmt: skip
