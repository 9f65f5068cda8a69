"""Backups: whole or not at all, encrypted, tried, restored without bringing anybody back."""

import hashlib
import json
import shutil
import sqlite3
from pathlib import Path

import pytest
from support.shop import make_shop

import workbench as wb
from workbench.errors import InputError, LedgerError, Refused, StorageError, StoreMissing
from workbench.lifecycle.backups.archive import ArchiveReader, ArchiveWriter, read_header
from workbench.lifecycle.backups.restoring import lay_settings
from workbench.lifecycle.backups.taking import log_of

PLANTED = (b"K-0000", b"Family", b"@example.org", b"customer_id", b"lake-catalog")


def again(shop):
    return wb.open_workspace(shop.settings.root, now=shop.now)


def release(ws, name="all"):
    question = wb.query(ws.open("transactions", "reporting"), period="2026-03").customers()
    return ws.release(question, name=name, epsilon=0.1)


@pytest.fixture
def made(shop, tmp_path):
    """Return a backup of the shop."""
    return shop.office.back_up(tmp_path / "one.backup")


def counts(ws):
    return int(ws.open("customers", "service").count().execute())


def test_a_backup_is_one_file_with_its_checksum_and_an_entry(shop, made):
    file = Path(made.file)
    assert hashlib.sha256(file.read_bytes()).hexdigest() == made.sha256
    assert file.with_name("one.backup.sha256").read_text() == f"{made.sha256}  one.backup\n"
    assert file.stat().st_mode & 0o777 == 0o600
    assert made.rows == {"customers": 600, "transactions": 5400, "consents": 300, "incidents": 1}
    assert shop.events.last("backup").body["sha256"] == made.sha256
    assert read_header(file)["made"] == "2026-10-02T09:00:00+00:00"


def test_it_goes_into_the_folder_of_the_settings_by_its_time(shop):
    made = shop.office.back_up()
    assert made.file == str(shop.settings.root / "backups" / "workbench-20261002T090000Z.backup")


def test_nothing_can_be_read_in_it_and_the_key_is_not_there(shop, made):
    content = Path(made.file).read_bytes()
    key = shop.store.master_key
    for word in (*PLANTED, key, key.hex().encode()):
        assert word not in content


def test_a_test_restores_beside_and_records_that_it_held(shop, made):
    before = sorted(shop.settings.root.iterdir())
    found = again(shop).office.restore_test(made.file)
    assert found.rows == made.rows
    assert sorted(shop.settings.root.iterdir()) == before
    entry = shop.events.last("restore tested")
    assert entry.body["ok"] is True
    assert shop.events.entries("restore tested")


def test_a_lost_store_comes_back(shop, made):
    answer = release(shop)
    made = shop.office.back_up(Path(made.file).with_name("two.backup"))
    key = (shop.private / "keys" / "master.key").read_text()
    shutil.rmtree(shop.private)
    ws = again(shop)
    (ws.private / "keys").mkdir(mode=0o700)
    (ws.private / "keys" / "master.key").write_text(key)
    (ws.private / "keys" / "master.key").chmod(0o600)
    restored = ws.office.restore(made.file)
    assert (restored.rows, restored.kept) == (made.rows, ())
    ws = again(shop)
    assert counts(ws) == 600
    assert ws.ledger.answer(answer.id).id == answer.id
    assert ws.office.verify_logs()["audit log"].holds
    assert ws.private.stat().st_mode & 0o777 == 0o700
    assert release(ws, "again").id == answer.id  # nothing is paid for twice


def test_live_data_is_replaced_only_when_asked(shop, made):
    with pytest.raises(Refused, match=r"data is loaded in .* Say --over to do that, or --test"):
        again(shop).office.restore(made.file)
    assert again(shop).office.restore(made.file, over=True).rows == made.rows


def test_logs_that_went_on_stay(shop, made):
    release(shop)
    made = shop.office.back_up(Path(made.file).with_name("two.backup"))
    later = wb.query(shop.open("transactions", "reporting"), period="2026-04").customers()
    answer = shop.release(later, name="later", epsilon=0.1)
    kept = again(shop).office.restore(made.file, over=True).kept
    assert set(kept) == {"ledger.sqlite", "audit.sqlite"}
    assert again(shop).ledger.answer(answer.id).id == answer.id
    assert again(shop).ledger.verify()


def test_an_older_ledger_is_recognised_and_spends_nothing(shop, made):
    release(shop)
    made = shop.office.back_up(Path(made.file).with_name("two.backup"))
    later = wb.query(shop.open("transactions", "reporting"), period="2026-04").customers()
    shop.release(later, name="later", epsilon=0.1)
    (shop.private / "ledger.sqlite").unlink()  # lost, and the anchor beside it is not
    assert "ledger.sqlite" not in again(shop).office.restore(made.file, over=True).kept
    ws = again(shop)
    again_later = wb.query(ws.open("transactions", "reporting"), period="2026-04").customers()
    with pytest.raises(LedgerError, match=r"does not fit its anchor .* it is an older copy"):
        ws.release(again_later, name="later", epsilon=0.1)


def test_a_log_that_was_changed_is_put_back(shop, made):
    shop.open("customers", "service")
    made = shop.office.back_up(Path(made.file).with_name("two.backup"))
    with sqlite3.connect(shop.private / "audit.sqlite") as database:
        database.execute("UPDATE audit SET body = '{}' WHERE seq = 1")
    database.close()
    assert not again(shop).office.verify_logs()["audit log"].holds
    again(shop).office.restore(made.file, over=True)
    assert again(shop).office.verify_logs()["audit log"].holds


def test_a_log_cut_with_its_count_and_its_mark_is_known_by_the_backup(shop):
    for _ in range(3):
        shop.open("customers", "service")
    made = shop.office.back_up()
    assert shop.office.verify_logs()["audit log"].witnesses == 1
    with sqlite3.connect(shop.private / "audit.sqlite") as database:
        database.execute("DELETE FROM audit WHERE seq > 2")
        database.execute("UPDATE sqlite_sequence SET seq = 2")
        [row] = database.execute("SELECT seq, hash FROM audit WHERE seq = 2").fetchall()
    database.close()
    (shop.private / "keys" / "audit.mark").write_text(json.dumps(row))
    (fault,) = again(shop).office.verify_logs()["audit log"].faults
    assert fault.seq == 4
    assert fault.what == f"missing: cut off at the end; the backup {made.file} knew it"
    assert again(shop).office.lifecycle_facts()["audit"]["holds"] is False


@pytest.mark.parametrize("share", [0.0001, 0.3, 0.7, 0.999])
def test_a_changed_byte_is_named_with_its_block(shop, made, share):
    file = Path(made.file)
    content = bytearray(file.read_bytes())
    header = 19 + 4 + int.from_bytes(content[19:23], "big")
    at = header + int((len(content) - header) * share)
    content[at] ^= 1
    file.write_bytes(content)
    block = (at - header) // ((1 << 20) + 16) + 1
    with pytest.raises(StorageError, match=rf"corrupted.* in block {block} .*Nothing was restored"):
        again(shop).office.restore(file, over=True)
    assert counts(again(shop)) == 600
    with pytest.raises(StorageError, match="corrupted"):
        again(shop).office.restore_test(file)
    assert shop.events.last("restore tested").body["ok"] is False
    assert not list(shop.settings.root.glob(".workbench.*"))


@pytest.mark.parametrize("slip", ["none.backup", "workbench.toml", "."])
def test_a_slip_in_the_path_is_no_failed_test(shop, made, slip):
    again(shop).office.restore_test(made.file)
    told = rf"there is no backup of workbench at .*{made.file}.* Nothing was tested"
    with pytest.raises(InputError, match=told):
        again(shop).office.restore_test(shop.settings.root / slip)
    assert [entry.body["ok"] for entry in shop.events.entries("restore tested")] == [True]
    assert shop.office.lifecycle_facts()["backups"]["last_test_held"] is True


def test_a_backup_on_record_that_is_gone_is_a_failed_test(shop, made):
    Path(made.file).unlink()
    with pytest.raises(StorageError, match="there is no backup at"):
        again(shop).office.restore_test(made.file)
    assert shop.events.last("restore tested").body["ok"] is False


@pytest.mark.parametrize("cut", [1, 17, (1 << 20) + 16, 3 << 20])
def test_a_cut_backup_is_named_and_not_half_restored(shop, made, cut):
    file = Path(made.file)
    content = file.read_bytes()
    file.write_bytes(content[:-cut])
    with pytest.raises(StorageError, match=r"is cut off or corrupted at its end, in block \d"):
        again(shop).office.restore(file, over=True)
    assert counts(again(shop)) == 600


def test_a_backup_cut_between_two_blocks_is_cut_all_the_same(shop, made):
    file = Path(made.file)
    content = file.read_bytes()
    header = 19 + 4 + int.from_bytes(content[19:23], "big")
    file.write_bytes(content[: header + 2 * ((1 << 20) + 16)])
    with pytest.raises(StorageError, match="is cut off or corrupted at its end, in block 2"):
        again(shop).office.restore(file, over=True)


def test_swapped_blocks_and_more_at_the_end_are_seen(shop, made):
    file = Path(made.file)
    content = file.read_bytes()
    header, size = 19 + 4 + int.from_bytes(content[19:23], "big"), (1 << 20) + 16
    begin, one, two = content[:header], *(content[header + i * size :][:size] for i in (0, 1))
    file.write_bytes(begin + two + one + content[header + 2 * size :])
    with pytest.raises(StorageError, match="is corrupted in block 1"):
        again(shop).office.restore(file, over=True)
    file.write_bytes(content + b"more")
    with pytest.raises(StorageError, match="corrupted"):
        again(shop).office.restore(file, over=True)


@pytest.mark.parametrize("content", [b"", b"workbench backup 1\n", b"PK\x03\x04 something else"])
def test_what_is_no_backup_is_told(shop, tmp_path, content):
    (tmp_path / "x.backup").write_bytes(content)
    with pytest.raises(StorageError, match="is not a backup of workbench"):
        again(shop).office.restore(tmp_path / "x.backup", over=True)


def test_a_missing_backup_is_told(shop, tmp_path):
    with pytest.raises(StorageError, match=r"there is no backup at .*none.backup"):
        again(shop).office.restore(tmp_path / "none.backup", over=True)
    with pytest.raises(StorageError, match="there is no backup at"):
        read_header(tmp_path / "none.backup")


def test_another_key_is_named(shop, made, tmp_path):
    shop.office.rotate_key()
    with pytest.raises(StoreMissing, match=r"was made with the key .*, and the key here is"):
        again(shop).office.restore(made.file, over=True)
    (shop.private / "keys" / "master.key").unlink()
    with pytest.raises(StoreMissing, match=r"no key at .* Or name the backup's key"):
        again(shop).office.restore(made.file, over=True)


def test_an_older_key_opens_an_older_backup_and_the_present_one_what_comes_of_it(
    shop, made, tmp_path
):
    shutil.copy2(shop.private / "keys" / "master.key", tmp_path / "old.key")
    old = shop.store.master_key
    shop.office.rotate_key()
    shop.office.erase_subject("K-000010", verified_by="id card")
    ws = again(shop)
    assert ws.office.restore_test(made.file, key_file=tmp_path / "old.key").rows["customers"] == 599
    ws.office.restore(made.file, over=True, key_file=tmp_path / "old.key")
    ws = again(shop)
    assert ws.store.master_key != old
    assert counts(ws) == 599
    assert not (ws.private / "keys" / "next.key").exists()


def test_a_key_file_others_may_read_is_refused(shop, made, tmp_path):
    shutil.copy2(shop.private / "keys" / "master.key", tmp_path / "old.key")
    (tmp_path / "old.key").chmod(0o644)
    with pytest.raises(StoreMissing, match="others may read the key"):
        again(shop).office.restore(made.file, over=True, key_file=tmp_path / "old.key")


def test_marks_beside_the_backups_outlive_the_workspace(shop):
    made = shop.office.back_up()
    shop.office.erase_subject("K-000010", verified_by="id card")
    beside = json.loads((shop.settings.path("backups") / "marks.jsonl").read_text())
    assert beside["kind"] == "erased"
    key = (shop.private / "keys" / "master.key").read_text()
    shutil.rmtree(shop.private)
    ws = again(shop)
    ws.store.key_source.put(bytes.fromhex(key))
    assert ws.office.restore(made.file).erased_again == {
        "customers": 1,
        "transactions": 9,
        "consents": 1,
    }
    assert counts(again(shop)) == 599


def test_a_backup_is_restored_elsewhere_with_its_settings(shop, made, tmp_path):
    into = tmp_path / "elsewhere"
    lay_settings(Path(made.file), shop.store.master_key, into)
    ws = wb.open_workspace(into, now=shop.now)
    ws.store.key_source.put(shop.store.master_key)
    ws.office.restore(made.file)
    assert counts(wb.open_workspace(into, now=shop.now)) == 600
    assert (into / "catalog.yaml").read_text() == shop.settings.path("catalog").read_text()


def test_a_backup_whose_folders_lie_elsewhere_is_not_restored_over_them(shop, tmp_path):
    path = shop.settings.root / "workbench.toml"
    path.write_text(path.read_text() + f'private = "{shop.private}"\n')
    made = again(shop).office.back_up(tmp_path / "far.backup")
    with pytest.raises(Refused, match=r"the backup's private is at .*, outside of its folder"):
        lay_settings(Path(made.file), shop.store.master_key, tmp_path / "elsewhere")


def test_a_backup_of_nothing_is_refused(tmp_path):
    ws = wb.open_workspace(make_shop(tmp_path / "empty", customers=2))
    with pytest.raises(StoreMissing, match="no key at"):
        ws.office.back_up()


def test_a_rotation_that_was_cut_off_comes_first(shop, tmp_path):
    shop.store.key_source.begin()
    with pytest.raises(
        StorageError, match=r"a rotation of the key was cut off.*'workbench store keys"
    ):
        shop.office.back_up(tmp_path / "x.backup")
    shop.office.rotate_key()
    shop.office.back_up(tmp_path / "x.backup")


def test_what_a_crash_left_unseen_is_in_the_backup(shop, tmp_path):
    (shop.settings.path("source") / "incidents.csv").write_text(
        "incident_id,opened_on\nI-1,2026-02-03\nI-2,2026-02-04\n"
    )
    before = shop.store.latest_snapshot()
    again(shop).init()
    (shop.store.folder / "snapshots" / f"{before + 1}.ducklake").unlink()  # committed, unpublished
    made = again(shop).office.back_up(tmp_path / "x.backup")
    assert made.rows["incidents"] == 2
    assert again(shop).office.restore_test(made.file).rows["incidents"] == 2


def test_executed_notebooks_outlive_a_restore(shop, made):
    folder = shop.private / "runs" / "overview"
    folder.mkdir(parents=True)
    (folder / "overview.ipynb").write_text("{}")
    again(shop).office.restore(made.file, over=True)
    assert (shop.private / "runs" / "overview" / "overview.ipynb").read_text() == "{}"


def test_a_file_that_is_there_is_not_written_over(shop, made):
    with pytest.raises(StorageError, match=r"one.backup is there already. Name another file"):
        shop.office.back_up(made.file)


def test_a_place_that_cannot_be_written_is_told(shop, tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(StorageError, match=r"cannot be written: File exists. There is none"):
        shop.office.back_up(tmp_path / "file" / "x.backup")


def test_what_a_manifest_does_not_say_is_refused(shop, tmp_path):
    import io
    import tarfile

    key, file = shop.store.master_key, tmp_path / "odd.backup"
    for name in ("../escaped", "private/store/catalog.ducklake"):
        with file.open("wb") as out:
            writer = ArchiveWriter(out, key, {})
            with tarfile.open(fileobj=writer, mode="w|") as tar:
                info = tarfile.TarInfo(name)
                info.size = 1
                tar.addfile(info, io.BytesIO(b"x"))
            writer.finish()
        told = "names a file outside" if "escaped" in name else "not hold what its manifest says"
        with pytest.raises(StorageError, match=told):
            again(shop).office.restore(file, over=True)
    assert not (shop.settings.root / "escaped").exists()


@pytest.mark.parametrize("size", [0, 1, (1 << 20) - 1, 1 << 20, (1 << 20) + 1, 3 << 20])
def test_any_amount_goes_in_and_comes_out(tmp_path, size):
    content, path = bytes(size), tmp_path / "x"
    with path.open("wb") as file:
        writer = ArchiveWriter(file, bytes(32), {})
        writer.write(content)
        digest = writer.finish()
    assert hashlib.sha256(path.read_bytes()).hexdigest() == digest
    with path.open("rb") as file:
        reader = ArchiveReader(file, path, bytes(32))
        assert reader.read(1) + reader.read() == content


def test_each_log_is_a_chain_of_its_own_name(shop):
    shop.open("customers", "service")
    assert log_of(shop.private, "audit.sqlite").verify() == 2  # a load and a read


def test_copies_that_a_killed_backup_left_go_with_the_next_one(shop, tmp_path):
    left = shop.private / ".copy-abc"
    left.mkdir()
    (left / "copy.part").write_bytes(b"audit")
    shop.office.back_up(tmp_path / "one.backup")
    assert not left.exists()
