"""The lake's files: a loss shows in every place that calls data good, and power may go any time."""

import datetime as dt
import shutil
import subprocess
from pathlib import Path

import pytest
from support.shop import make_shop

import workbench as wb
from workbench.checks import _files, check
from workbench.errors import StorageError
from workbench.lifecycle.backups import taking as backups
from workbench.status import status
from workbench.store.lake_files import META, faults, named, remove_unnamed

LAKE_TABLES = ("ducklake_data_file", "ducklake_table", "ducklake_column", "ducklake_snapshot")
NOW = dt.datetime(2026, 10, 2, 9, tzinfo=dt.UTC)


def files(ws, table="transactions"):
    with ws.store.exclusive() as connection:
        return [f for f in named(connection, ws.store.data) if f.table == table]


def losses(ws):
    with ws.store.exclusive() as connection:
        return list(faults(connection, ws.store.data))


def flip(at):
    def damage(path):
        content = bytearray(path.read_bytes())
        content[int(at * (len(content) - 1))] ^= 1
        path.write_bytes(content)

    return damage


def cut(path):
    path.write_bytes(path.read_bytes()[:-1])


DAMAGE = {
    "deleted": (Path.unlink, "is not there"),
    "emptied": (lambda path: path.write_bytes(b""), "has 0 bytes, not the"),
    "cut": (cut, "bytes, not the"),
    "first bit": (flip(0), "does not begin and end as an encrypted file does"),
    "a bit near the start": (flip(0.01), "cannot be read to its end"),
    "a bit within": (flip(0.5), "cannot be read to its end"),
    "a bit near the end": (flip(0.999), "cannot be read to its end"),
}


@pytest.mark.parametrize(("damage", "told"), DAMAGE.values(), ids=DAMAGE)
def test_a_loss_is_told_by_check_and_no_backup_hides_it(shop, damage, told, tmp_path, monkeypatch):
    assert losses(shop) == []
    damage(files(shop)[0].path)
    (found,) = losses(shop)
    assert found.startswith("table 'transactions': the data file ")
    assert told in found
    assert [p for p in check(shop) if p.part == "store" and told in p.text]
    with pytest.raises(StorageError, match=r"data is lost: table 'transactions'.* no backup"):
        shop.office.back_up(tmp_path / "one.backup")
    assert not list(tmp_path.glob("one.backup*"))
    if damage is not Path.unlink:
        with monkeypatch.context() as patched:  # as earlier versions backed up
            patched.setattr(backups, "look_over", lambda *_: None)
            made = shop.office.back_up(tmp_path / "one.backup")
        with pytest.raises(StorageError, match="data is lost: table 'transactions'"):
            shop.office.restore_test(made.file)
        assert shop.events.last("restore tested").body["ok"] is False


@pytest.mark.parametrize("damage", ["deleted", "a bit near the end"])
def test_whoever_reads_what_is_lost_is_told_so(shop, damage, tmp_path):
    table = shop.open("transactions", "reporting")
    question = wb.query(table, period="2026-03").customers().sum("amount")
    DAMAGE[damage][0](files(shop)[0].path)
    for read in (
        table.execute,
        lambda: table.to_csv(tmp_path / "x.csv"),
        lambda: list(table.to_pyarrow_batches(chunk_size=100)),
        lambda: list(table.to_pandas_batches(chunk_size=100)),
        lambda: shop.release(question, name="n", epsilon=0.1),
        lambda: shop.quality(),
        lambda: shop.office.export_subject("K-000010", tmp_path / "x", verified_by="id card"),
        lambda: shop.office.erase_subject("K-000010", verified_by="id card"),
    ):
        with pytest.raises(StorageError, match=r"data is lost: .*'workbench check' names each"):
            read()


def test_a_catalog_with_a_changed_bit_is_told_or_says_what_it_said(shop):
    """A bit that is in no use changes nothing; any other one is told."""
    path = next(shop.store.folder.glob("snapshots/*.ducklake"))
    whole, told = path.read_bytes(), 0

    def content():
        connection = shop.store.connect()
        try:
            shop.store.attach(connection, shop.store.latest_snapshot())
            return [connection.execute(f"FROM {META}.{t}").fetchall() for t in LAKE_TABLES]
        finally:
            connection.close()

    before = content()
    for part in range(8):
        path.unlink()  # why: an engine may still have the one of before in memory
        path.write_bytes(whole)
        flip((part + 0.5) / 8)(path)
        problems = [p.text for p in _files(shop)]
        told += bool(problems)
        assert problems or content() == before
    assert told


def torn(path):
    """Change the block that the engine writes where it stood, as a cut-off write does."""
    content = bytearray(path.read_bytes())
    content[12_288 + 100] ^= 1
    path.write_bytes(content)


@pytest.mark.parametrize(
    ("damage", "act"),
    [
        (Path.unlink, lambda ws: ws.office.erase_subject("K-000001", verified_by="id card")),
        (Path.unlink, check),
        (lambda path: path.write_bytes(b""), lambda ws: ws.office.apply_retention()),
        (lambda path: path.write_bytes(b""), lambda ws: ws.office.back_up()),
    ],
)
def test_no_empty_catalog_is_begun_where_one_is_gone(shop, damage, act):
    damage(shop.store.catalog_path)
    act(shop)
    again = wb.open_workspace(shop.settings.root, now=shop.now)
    assert len(again.events.entries("catalog put back")) == 1
    made = again.office.back_up(shop.settings.root / "made.backup")
    assert made.rows["transactions"] in (5400, 5391)
    assert again.office.restore_test(made.file).rows == made.rows
    assert losses(again) == []


@pytest.mark.parametrize(
    ("act", "left"),
    [
        (lambda ws: ws.office.rotate_key(), 600),
        (lambda ws: ws.office.rotate_key(data=True), 600),
        (lambda ws: ws.office.erase_subject("K-000001", verified_by="id card"), 599),
        (lambda ws: ws.init(reload=["customers"]), 600),
        (lambda ws: ws.office.back_up(), 600),
    ],
)
def test_a_catalog_torn_by_a_cut_is_put_back_from_what_readers_have(shop, act, left):
    catalog = shop.store.catalog_path
    torn(catalog)
    catalog.with_name(f"{catalog.name}.wal").write_bytes(b"of the torn one")
    act(shop)
    again = wb.open_workspace(shop.settings.root, now=shop.now)
    assert again.open("customers", "service").count().execute() == left
    assert losses(again) == []
    assert again.office.verify_logs()["audit log"].holds
    (event,) = again.events.entries("catalog put back")
    assert event.body["snapshot"] == 1
    told = [
        each for each in status(wb.open_workspace(shop.settings.root)) if each.part == "catalog"
    ]
    assert [each.light for each in told] == ["amber"]


def test_a_catalog_whose_copy_is_torn_as_well_is_told_and_nothing_is_changed(shop):
    (copy,) = shop.store.folder.glob("snapshots/*.ducklake")
    catalog = shop.store.catalog_path
    shutil.copyfile(catalog, copy)
    torn(copy)
    torn(catalog)
    before = catalog.read_bytes()
    with pytest.raises(StorageError, match=r"cannot be opened: .*AES tag differs"):
        shop.office.rotate_key()
    with pytest.raises(StorageError, match=r"cannot be opened: .*AES tag differs"):
        losses(shop)
    assert catalog.read_bytes() == before


def test_files_nobody_names_go_and_a_neighbours_stay(tmp_path):
    one, other = (
        wb.open_workspace(make_shop(tmp_path / n), now=lambda: NOW) for n in ("a[1]", "a1")
    )
    one.init()
    other.init()
    left, kept = one.store.data / "main" / "left.parquet", other.store.data / "main" / "x.parquet"
    left.write_bytes(b"left")
    kept.write_bytes(b"kept")
    with one.store.exclusive() as connection:
        remove_unnamed(connection, one.store.data)
    assert not left.exists()
    assert kept.exists()
    assert losses(one) == losses(other) == []


@pytest.fixture
def power(tmp_path):
    """Yield (folder on a disk of its own, function that returns the disk after a power cut)."""
    mounted = []

    def mount(image, folder):
        folder.mkdir()
        done = subprocess.run(
            ["mount", "-o", "loop", str(image), str(folder)], capture_output=True, check=False
        )
        if done.returncode:
            pytest.skip("this machine mounts no disk image")
        mounted.append(folder)
        return folder

    image = tmp_path / "disk.img"
    with image.open("wb") as file:
        file.truncate(160 << 20)
    if not shutil.which("mkfs.ext4"):
        pytest.skip("this machine makes no ext4")
    # why a long commit: what is not synced by name must not be written by the disk's own clock
    subprocess.run(["mkfs.ext4", "-q", "-E", "lazy_itable_init=0", str(image)], check=True)
    folder = mount(image, tmp_path / "disk")
    subprocess.run(["mount", "-o", "remount,commit=600", str(folder)], check=True)

    def cut_power(number):
        copy = tmp_path / f"after-{number}.img"
        shutil.copyfile(image, copy)
        return mount(copy, tmp_path / f"after-{number}")

    yield folder, cut_power
    for each in mounted:
        subprocess.run(["umount", "-l", str(each)], check=True)


def test_what_was_said_to_be_done_outlives_a_power_cut(power):
    disk, cut_power = power
    ws = wb.open_workspace(make_shop(disk / "shop"), now=lambda: NOW)
    subprocess.run(["sync", "-f", str(disk)], check=True)  # the files that were there before

    def after(number):
        found = wb.open_workspace(cut_power(number) / "shop", now=lambda: NOW)
        assert losses(found) == []
        assert found.office.verify_logs()["audit log"].holds
        return found

    ws.init()
    assert after(1).open("customers", "service").count().execute() == 600
    ws.office.erase_subject("K-000001", verified_by="id card")
    found = after(2)
    assert found.open("customers", "service").count().execute() == 599
    assert len(found.store.marks.erased()) == 1
    ws.office.back_up(disk / "one.backup")
    found = after(3)
    assert (
        found.office.restore_test(found.settings.root.parent / "one.backup").rows["customers"]
        == 599
    )
    wb.open_workspace(ws.settings.root, now=lambda: NOW).office.restore(
        disk / "one.backup", over=True
    )
    assert after(4).open("customers", "service").count().execute() == 599
