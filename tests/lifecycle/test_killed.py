"""kill -9 anywhere: nothing is lost, nothing is half-done, and running again completes."""

import datetime as dt
import random
import shutil
from pathlib import Path

import pytest
from support.killing import run_and_kill

import workbench as wb
from workbench.errors import Busy
from workbench.lifecycle.backups import archive
from workbench.lifecycle.backups.archive import ArchiveWriter
from workbench.lifecycle.backups.pruning import check, prune
from workbench.lifecycle.rights.erasure import still_findable
from workbench.store.durable import file_lock
from workbench.store.rewriting import unfinished

LATER = dt.datetime(2032, 6, 15, 9, tzinfo=dt.UTC)
PAST = 330  # customers whose account was opened more than 84 months before
NOW = dt.datetime(2026, 10, 2, 9, tzinfo=dt.UTC)


def opened(folder, now=NOW):
    return wb.open_workspace(folder, now=lambda: now)


def customers(folder, now=NOW):
    return int(opened(folder, now).open("customers", "service").count().execute())


def data_files(ws):
    return sorted(path.name for path in (ws.store.folder / "data").rglob("*.parquet"))


def listed_files(ws):
    connection = ws.store.connect()
    try:
        ws.store.attach(connection, ws.store.latest_snapshot())
        return sorted(
            row[0].rsplit("/", 1)[-1]
            for table in ws.store.tables(connection)
            for row in connection.execute(
                f"SELECT data_file FROM ducklake_list_files('lake', '{table}')"
            ).fetchall()
        )
    finally:
        connection.close()


def require_whole(ws):
    """Nothing is half-done: one snapshot, exactly its files, no note of a removal, sound logs."""
    assert not unfinished(ws.store)
    assert [p.name for p in ws.store.folder.glob("snapshots/*")] == [
        f"{ws.store.latest_snapshot()}.ducklake"
    ]
    assert data_files(ws) == listed_files(ws)
    assert ws.office.verify_logs()["audit log"].holds
    ws.events.verify()


def killed(shop, tmp_path, size, code, now=NOW):
    """Yield folders in which ``code`` was killed, at moments spread over the time it takes."""
    base = shop.settings.root
    whole = tmp_path / "whole"
    shutil.copytree(base, whole)
    takes = run_and_kill(whole, code.replace("FOLDER", str(whole)), now)
    dice = random.Random(1)
    times = 3 if size == "smoke" else 50
    for number in range(times):
        folder = tmp_path / f"killed-{number}"
        shutil.copytree(base, folder)
        after = takes * (number + dice.random()) / times
        run_and_kill(folder, code.replace("FOLDER", str(folder)), now, after)
        yield folder
        shutil.rmtree(folder)


def test_killed_while_rows_past_their_time_go(shop, tmp_path, size):
    for folder in killed(shop, tmp_path, size, "ws.office.apply_retention()", LATER):
        assert customers(folder, LATER) in (600, 600 - PAST)
        ws = opened(folder, LATER)
        ws.office.apply_retention()
        ws = opened(folder, LATER)
        assert customers(folder, LATER) == 600 - PAST
        assert all(not due.rows for due in ws.office.retention_plan())
        require_whole(ws)


def test_killed_while_a_customer_is_erased(shop, tmp_path, size):
    for folder in killed(
        shop, tmp_path, size, "ws.office.erase_subject('K-000010', verified_by='id card')"
    ):
        assert customers(folder) in (600, 599)
        ws = opened(folder)
        ws.office.erase_subject("K-000010", verified_by="id card")
        ws = opened(folder)
        assert customers(folder) == 599
        assert ws.open("transactions", "reporting").count().execute() == 5391
        assert still_findable(ws.office) == {}
        require_whole(ws)


def test_killed_while_the_key_is_rotated(shop, tmp_path, size):
    old = shop.store.master_key
    for folder in killed(shop, tmp_path, size, "ws.office.rotate_key()"):
        assert customers(folder) == 600
        opened(folder).office.rotate_key()
        assert customers(folder) == 600
        ws = opened(folder)
        assert ws.store.master_key != old
        assert ws.store.key_source.next() is None
        assert not list(folder.rglob("*.new"))
        require_whole(ws)


def test_killed_while_the_data_is_written_anew(shop, tmp_path, size):
    versions = shop.access.versions.of_all()
    for folder in killed(shop, tmp_path, size, "ws.office.rotate_key(data=True)"):
        assert customers(folder) == 600
        opened(folder).office.rotate_key(data=True)
        assert customers(folder) == 600
        ws = opened(folder)
        assert ws.access.versions.of_all() == versions
        assert ws.store.key_source.next() is None
        require_whole(ws)


def test_killed_while_a_backup_is_written(shop, tmp_path, size):
    for folder in killed(shop, tmp_path, size, "ws.office.back_up()"):
        for file in (folder / "backups").glob("*.backup"):
            assert opened(folder).office.restore_test(file).rows["customers"] == 600
            file.unlink()
        made = opened(folder).office.back_up()
        assert opened(folder).office.restore_test(made.file).rows["customers"] == 600
        assert [p.suffix for p in (folder / "backups").glob("work*")].count(".part") == 0
        assert not list(folder.glob(".workbench.*"))


def test_killed_while_a_backup_is_restored(shop, tmp_path, size):
    made = shop.office.back_up(tmp_path / "one.backup")
    shop.office.erase_subject("K-000010", verified_by="id card")
    code = f"ws.office.restore({made.file!r}, over=True)"
    for folder in killed(shop, tmp_path, size, code):
        assert customers(folder) == 599  # erased since the backup, before as after
        restored = opened(folder).office.restore(made.file, over=True)
        assert restored.rows["customers"] == 599
        assert customers(folder) == 599
        ws = opened(folder)
        assert still_findable(ws.office) == {}
        require_whole(ws)
        assert not list(folder.glob(".workbench.*"))


def test_killed_while_backups_are_pruned(shop, tmp_path, size):
    made = Path(shop.office.back_up().file)
    first = made.read_bytes()
    for number in range(40):  # of the day before, of which one stays
        older = made.with_name(f"older-{number:02d}.backup")
        at = NOW - dt.timedelta(days=1, minutes=number)
        with older.open("wb") as file:
            writer = ArchiveWriter(file, shop.store.master_key, {"made": at.isoformat()})
            writer.write(b"anything")
            digest = writer.finish()
        older.with_name(f"{older.name}.sha256").write_text(f"{digest}  {older.name}\n")
    code = "import workbench.lifecycle.backups.pruning as p; p.prune(ws.office)"
    for place in killed(shop, tmp_path, size, code):
        there = place / "backups"
        assert (there / made.name).read_bytes() == first
        assert len(list(there.glob("*.backup"))) >= 2
        prune(opened(place).office)
        kept = sorted(each.name for each in there.glob("*.backup"))
        assert kept == ["older-00.backup", made.name]
        assert sorted(each.name for each in there.glob("*.sha256")) == [
            f"{name}.sha256" for name in kept
        ]
        assert set(check(opened(place).office).values()) == {""}
        assert opened(place).events.entries("backups pruned")
        require_whole(opened(place))


def test_a_restore_cut_off_between_two_renames_is_ended_by_whatever_comes_next(shop, tmp_path):
    private = shop.private
    beside = private.with_name(".workbench.restoring")
    shutil.copytree(private, beside)
    (beside / "restored.ready").touch()
    private.rename(private.with_name(".workbench.replaced"))
    assert customers(shop.settings.root) == 600
    assert not list(shop.settings.root.glob(".workbench.*"))
    assert not (private / "restored.ready").exists()


@pytest.mark.parametrize(
    "act",
    [
        lambda ws: ws.office.erase_subject("K-000010", verified_by="id card"),
        lambda ws: ws.office.apply_retention(),
        lambda ws: ws.office.shred_keys(),
        lambda ws: ws.office.restore(ws.settings.root / "one.backup", over=True),
    ],
    ids=["erase", "retention", "shred", "restore"],
)
def test_what_a_killed_restore_left_of_rows_goes_with_what_must_go(shop, act):
    shop.office.back_up(shop.settings.root / "one.backup")
    for name in ("restoring", "restoring.unpacked", "replaced", "test-x"):
        shutil.copytree(shop.private, shop.private.with_name(f".workbench.{name}"))
    others = shop.private.with_name(".workbench-of-another")
    others.mkdir()
    act(opened(shop.settings.root))
    left = {each.name for each in shop.settings.root.glob(".workbench*")}
    assert left == {".workbench", others.name}


def test_rows_do_not_go_while_a_backup_is_tested_that_has_them(shop, monkeypatch):
    monkeypatch.setitem(file_lock.__wrapped__.__kwdefaults__, "wait_seconds", 0.1)
    made = shop.office.back_up()
    with archive.tested_in(shop.private) as place:
        for act in (
            lambda ws: ws.office.erase_subject("K-000010", verified_by="id card"),
            lambda ws: ws.office.restore_test(made.file),
        ):
            with pytest.raises(Busy, match=r"a backup is being tested .* nothing was changed"):
                act(opened(shop.settings.root))
        assert place.exists()
    assert not list(shop.settings.root.glob(".workbench.*"))
    assert shop.store.marks.all() == []
