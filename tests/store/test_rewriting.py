"""Rows taken away leave every file; what stays keeps its name."""

import pytest

import workbench as wb
from workbench.errors import StorageError, StoreMissing
from workbench.store.durable import write_whole
from workbench.store.rewriting import Cut, attach_plain, take_away, unfinished


def again(shop):
    return wb.open_workspace(shop.settings.root, now=shop.now)


def take(shop, **conditions):
    day = shop.now().date()
    cuts = [Cut(table, where) for table, where in conditions.items()]
    return take_away(shop.store, shop.catalog, lambda _: cuts, message="test", today=day)


def test_what_is_kept_stays(shop):
    cut = Cut("incidents", "true", keep="true")
    day = shop.now().date()
    assert take_away(shop.store, shop.catalog, lambda _: [cut], message="test", today=day) == {}
    with shop.store.reading() as connection:
        assert cut.counted(connection) == (0, 1, None)


def test_tables_without_such_rows_keep_files_and_snapshots(shop):
    before = sorted(p.name for p in shop.store.folder.rglob("*") if p.is_file())
    assert take(shop, customers="false", transactions="amount < 0") == {}
    assert sorted(p.name for p in shop.store.folder.rglob("*") if p.is_file()) == before


def test_a_table_that_was_never_loaded_is_left_out(shop):
    assert take(shop, nothing="true") == {}


def test_a_table_may_lose_every_row(shop):
    assert take(shop, incidents="true") == {"incidents": 1}
    assert not unfinished(shop.store)
    assert again(shop).open("incidents", "reporting").count().execute() == 0
    assert list((shop.store.folder / "data" / "main" / "incidents").glob("*")) == []


def test_only_the_files_that_held_the_rows_are_written_anew(shop):
    files = {p.name for p in shop.store.folder.rglob("*.parquet")}
    take(shop, consents="customer_id = 'K-000010'")
    kept = files & {p.name for p in shop.store.folder.rglob("*.parquet")}
    assert len(kept) == len(files) - 1


def test_several_removals_keep_the_versions_apart(shop):
    seen, unchanged = [shop.access.versions.of("consents")], shop.access.versions.of("customers")
    for number in (10, 12, 14):
        take(shop, consents=f"customer_id = 'K-0000{number}'")
        seen.append(again(shop).access.versions.of("consents"))
    assert len(set(seen)) == 4
    assert again(shop).access.versions.of("customers") == unchanged
    assert again(shop).init() == {}


def test_a_load_after_a_removal_is_told_from_the_one_before(shop):
    before = shop.access
    take(shop, incidents="true")
    (shop.settings.path("source") / "incidents.csv").write_text(
        "incident_id,opened_on\nI-9,2026-02-03\n"
    )
    assert again(shop).init() == {"incidents": 1}
    after = again(shop).access
    assert after.versions.of("incidents") != before.versions.of("incidents")
    assert after.as_of["transactions"] == before.as_of["transactions"] == "2026-09-28"


def test_a_catalog_that_no_key_opens_is_told(shop, tmp_path):
    connection = shop.store.connect()
    shop.store.key_source.put(bytes(32))
    other = again(shop).store
    with pytest.raises(StoreMissing, match=r"does not open .*catalog.ducklake. Put the right"):
        attach_plain(other, connection, other.catalog_path, "c")
    write_whole(other.keys / "master.key", shop.store.master_key.hex().encode())
    (shop.store.folder / "snapshots" / "9.ducklake").write_bytes(b"no database")
    with pytest.raises(StorageError, match=r"9.ducklake cannot be opened"):
        attach_plain(
            again(shop).store, connection, shop.store.folder / "snapshots" / "9.ducklake", "c"
        )
    connection.close()
