"""Corrections last: loads, ingests and restores that bring the old value back change nothing."""

import datetime as dt
import json
import shutil
from pathlib import Path

import duckdb
import pytest
from support.shop import make_shop

import workbench as wb
from workbench.errors import StoreMissing
from workbench.store.corrections import FILE

HEADER = "customer_id,booked_on,region,category,note,amount,is_online\n"
GOOD = "K-000012,2026-10-01,north,food,ok,5,true\n"
OLD, NEW = "person10@example.org", "quokka@example.org"


def again(shop):
    return wb.open_workspace(shop.settings.root, now=shop.now)


def emails(shop):
    table = again(shop).open("customers", "service")
    return [e for e in table.email.execute() if e in (OLD, NEW, "later@example.org")]


def touch(shop, change):
    """Write the customers' source file anew, with a change."""
    path = shop.settings.path("source") / "customers.parquet"
    with duckdb.connect() as connection:
        connection.execute(f"CREATE TABLE old AS SELECT * FROM '{path}'")
        connection.execute(f"COPY ({change}) TO '{path}'")


@pytest.fixture
def corrected(shop):
    """Return the shop after a correction of one e-mail address."""
    shop.office.correct_subject("K-000010", {"customers.email": NEW}, verified_by="id card")
    assert emails(shop) == [NEW]
    return again(shop)


def test_a_source_that_still_has_the_old_value_is_corrected_again(corrected):
    touch(corrected, change="SELECT * FROM old ORDER BY customer_id DESC")
    assert again(corrected).init() == {"customers": 600}
    assert emails(corrected) == [NEW]


def test_a_table_loaded_anew_by_name_is_corrected_again(corrected):
    assert again(corrected).init(reload=["customers"]) == {"customers": 600}
    assert emails(corrected) == [NEW]


def test_another_value_that_a_source_brings_is_newer_and_stays(corrected):
    change = f"SELECT * REPLACE (replace(email, '{OLD}', 'later@example.org') AS email) FROM old"
    touch(corrected, change=change)
    again(corrected).init()
    assert emails(corrected) == ["later@example.org"]


def test_corrections_of_one_value_are_replayed_in_order(corrected):
    corrected.office.correct_subject(
        "K-000010", {"customers.email": "later@example.org"}, verified_by="id card"
    )
    again(corrected).init(reload=["customers"])
    assert emails(corrected) == ["later@example.org"]
    again(corrected).office.correct_subject(
        "K-000010", {"customers.email": OLD}, verified_by="id card"
    )
    again(corrected).init(reload=["customers"])
    assert emails(corrected) == [OLD]


def test_a_value_taken_away_stays_away(shop):
    shop.office.correct_subject("K-000010", {"customers.email": ""}, verified_by="id card")
    again(shop).init(reload=["customers"])
    assert emails(shop) == []


def test_the_row_that_was_meant_is_corrected_again_and_no_other(shop):
    change = {"transactions.category": "toys", "transactions.booked_on": "2026-03-12"}
    where = {"transactions.booked_on": "2026-03-11"}
    before = again(shop).access.versions
    shop.office.correct_subject("K-000010", change, where, verified_by="id card")
    after = again(shop).access.versions
    again(shop).init(reload=["transactions"])
    table = again(shop).open("transactions", "reporting")
    found = table.filter(table.booked_on == "2026-03-12", table.category == "toys").count()
    assert found.execute() == rows_of_source(shop, "2026-03-12", "toys") + 1
    loaded = again(shop).access.versions
    for month in ("2026-02", "2026-03"):  # the month's content is what it was when corrected
        assert loaded.of("transactions", [month]) == after.of("transactions", [month])
    assert before.of("transactions", ["2026-03"]) != after.of("transactions", ["2026-03"])


def rows_of_source(shop, day, category):
    path = shop.settings.path("source") / "transactions.parquet"
    sql = f"SELECT count(*) FROM '{path}' WHERE booked_on = '{day}' AND category = '{category}'"
    return duckdb.sql(sql).fetchone()[0]


def test_a_file_that_is_taken_in_with_the_old_value_is_corrected_again(shop):
    path = shop.settings.path("catalog")
    text = path.read_text()
    path.write_text(
        text.replace("    time: booked_on\n", "    time: booked_on\n    row_key: [note]\n")
    )
    file = shop.settings.root / "a.csv"
    file.write_text(HEADER + "K-000010,2026-10-01,north,food,n-1,5,true\n")
    again(shop).ingest("transactions", file)
    again(shop).office.correct_subject(
        "K-000010",
        {"transactions.amount": "7"},
        {"transactions.note": "n-1"},
        verified_by="id card",
    )
    file.write_text(
        HEADER
        + "K-000010,2026-10-01,north,food,n-1,5,true\n"
        + "K-000010,2026-10-01,north,food,n-2,5,true\n"
    )
    taken = again(shop).ingest("transactions", file)
    assert (taken.added, taken.updated) == (1, 1)
    table = again(shop).open("transactions", "reporting")
    found = table.filter(table.note.isin(["n-1", "n-2"])).order_by("note").amount.execute()
    assert [int(each) for each in found] == [7, 5]


def test_a_restore_corrects_again_what_was_corrected_since(shop, tmp_path):
    backup = shop.office.back_up(tmp_path / "before.backup")
    again(shop).office.correct_subject("K-000010", {"customers.email": NEW}, verified_by="id card")
    tested = again(shop).office.restore_test(backup.file)
    assert tested.corrected_again == {"customers": 1}
    assert again(shop).office.restore(backup.file, over=True).corrected_again == {"customers": 1}
    assert emails(shop) == [NEW]
    again(shop).init(reload=["customers"])  # and they are kept on
    assert emails(shop) == [NEW]


def test_a_restore_without_the_workspace_finds_them_beside_the_backups(shop, tmp_path):
    shop.settings.path("backups").mkdir()
    backup = again(shop).office.back_up()
    again(shop).office.correct_subject("K-000010", {"customers.email": NEW}, verified_by="id card")
    key = tmp_path / "kept.key"
    key.write_bytes((shop.private / "keys" / "master.key").read_bytes())
    key.chmod(0o600)
    shop.private.rename(tmp_path / "lost")
    restored = again(shop).office.restore(backup.file, key_file=key)
    assert restored.corrected_again == {"customers": 1}
    assert emails(shop) == [NEW]


def test_corrections_of_another_workspace_are_named_and_left(shop, tmp_path):
    other = wb.open_workspace(make_shop(tmp_path / "other"), now=shop.now)
    other.init()
    backup = other.office.back_up(tmp_path / "elsewhere" / "other.backup")
    shop.office.correct_subject("K-000010", {"customers.email": NEW}, verified_by="id card")
    own = shutil.copy2(shop.private / FILE, tmp_path)
    key = other.private / "keys" / "master.key"
    restored = again(shop).office.restore(backup.file, over=True, key_file=key)
    beside = shop.settings.path("backups") / FILE  # laid there when it was corrected
    assert set(restored.not_corrections) == {str(shop.private / FILE), str(beside)}
    assert emails(shop) == [OLD]
    with pytest.raises(StoreMissing, match=f"'{FILE}' cannot be opened"):
        other.store.corrections.merge(Path(own))


def test_they_are_sealed_told_to_the_customer_and_forgotten_with_them(corrected, tmp_path):
    corrected.settings.path("backups").mkdir(exist_ok=True)
    again(corrected).office.back_up()
    beside = corrected.settings.path("backups") / FILE
    for path in (corrected.private / FILE, beside):
        content = path.read_bytes()
        assert NEW.encode() not in content
        assert path.stat().st_mode & 0o777 == 0o600
    held = {
        each.table: each
        for each in corrected.office.subject_held("K-000010", verified_by="id card")[1]
    }
    assert (held["customers"].corrections, held["transactions"].corrections) == (1, 0)
    corrected.office.export_subject("K-000010", tmp_path / "out", verified_by="id card")
    told = json.loads((tmp_path / "out" / "subject.json").read_text())["corrections"]
    assert [(e["table"], e["before"], e["after"]) for e in told] == [
        ("customers", {"email": OLD}, {"email": NEW})
    ]
    again(corrected).office.erase_subject("K-000010", verified_by="id card")
    assert corrected.store.corrections.all() == []
    assert beside.read_bytes() == (corrected.private / FILE).read_bytes()


def test_an_erased_customers_corrections_in_an_older_backup_do_not_come_back(corrected, tmp_path):
    backup = corrected.office.back_up(tmp_path / "before.backup")
    again(corrected).office.erase_subject("K-000010", verified_by="id card")
    restored = again(corrected).office.restore(backup.file, over=True)
    assert restored.corrected_again == {}
    assert again(corrected).store.corrections.all() == []


def test_erasing_looks_for_values_that_were_corrected_too(corrected):
    path = corrected.settings.root / "late.csv"
    path.write_text(HEADER + f",2026-10-01,nowhere,food,{OLD},5,true\n" + GOOD)
    assert again(corrected).ingest("transactions", path).quarantined == 1
    assert (
        again(corrected)
        .office.erase_subject("K-000010", verified_by="id card")[1]
        .rows["intake.quarantine"]
        == 1
    )


def test_they_outlive_a_rotation_of_the_key(corrected):
    again(corrected).office.rotate_key()
    again(corrected).init(reload=["customers"])
    assert emails(corrected) == [NEW]


def test_they_go_with_the_rows_that_retention_takes_away(corrected):
    later = dt.datetime(2032, 6, 15, 9, tzinfo=dt.UTC)
    ws = wb.open_workspace(corrected.settings.root, now=lambda: later)
    ws.office.correct_subject(
        "K-000599", {"customers.email": "kept@example.org"}, verified_by="id card"
    )
    ws.office.apply_retention()
    assert [each.subject for each in ws.store.corrections.all()] == ["K-000599"]


def test_a_column_the_catalog_no_longer_has_is_left_alone(corrected):
    path = corrected.settings.path("catalog")
    text = path.read_text()
    line = next(line for line in text.splitlines(True) if line.strip().startswith("email:"))
    path.write_text(text.replace(line, ""))
    touch(corrected, change="SELECT * EXCLUDE email FROM old")
    assert again(corrected).init() == {"customers": 600}


def test_values_stand_in_no_log(corrected):
    logs = [e.body for e in corrected.events.entries()]
    assert NEW not in str(logs)
    assert OLD not in str(logs)
