"""The store: encrypted on every disk, read at one snapshot, written whole or not at all."""

import json
import shutil
import subprocess
import sys

import duckdb
import pytest
from support.shop import make_shop

import workbench as wb
from workbench.errors import StorageError, StoreMissing
from workbench.store.engine import Store
from workbench.store.keys.master import derive, make_master_key
from workbench.store.versions import Change, DataVersions

PLANTED = (
    b"K-0000", b"Family", b"@example.org", b"note 1", b"marketing", b"north", b"full_name",
    b"customer_id", b"transactions",
)  # fmt: skip


def fewer_rows(shop, rows=10):
    """Change the customers' source file."""
    path = shop.settings.path("source") / "customers.parquet"
    with duckdb.connect() as connection:
        connection.execute(f"CREATE TABLE t AS SELECT * FROM '{path}' LIMIT {rows}")
        connection.execute(f"COPY t TO '{path}'")


def again(shop):
    return wb.open_workspace(shop.settings.root, now=shop.now)


def customers(shop):
    return shop.open("customers", "service").count().execute()


def test_nothing_readable_lies_in_any_file(shop):
    fewer_rows(shop, 300)
    shop.init()
    files = [path for path in (shop.private / "store").rglob("*") if path.is_file()]
    assert len([path for path in files if path.suffix == ".parquet"]) == 5
    assert len([path for path in files if path.suffix == ".ducklake"]) == 3
    for path in files:
        content = path.read_bytes()
        assert [word for word in PLANTED if word in content] == [], path
        assert derive(shop.store.master_key, "lake-catalog").hex().encode() not in content


def test_the_same_words_are_readable_in_the_source(shop):
    files = list(shop.settings.path("source").iterdir())
    content = b"".join(path.read_bytes() for path in files)
    assert b"marketing" in content
    assert b"customer_id" in content


@pytest.mark.parametrize("encrypted", [True, False])
def test_what_is_spilled_is_readable_only_where_encryption_is_off(shop, encrypted):
    connection = shop.store.connect()
    if not encrypted:  # the control: the words would be found
        connection.execute("SET temp_file_encryption = false")
    connection.execute("SET memory_limit = '40MB'; SET threads = 1")
    connection.execute(
        "CREATE TEMP TABLE t AS SELECT 'PLANTED-' || md5(i::VARCHAR) FROM range(1500000) r(i)"
    )
    spilled = [path for path in (shop.private / "tmp").rglob("*") if path.is_file()]
    assert sum(path.stat().st_size for path in spilled) > 1_000_000
    assert any(b"PLANTED-" in path.read_bytes() for path in spilled) is not encrypted
    connection.close()
    assert list((shop.private / "tmp").rglob("duckdb*")) == []


def test_folders_are_the_owners_only(shop):
    for name in ("tmp", "store", "store/data", "store/snapshots", "keys"):
        shop.store.connect().close()
        assert (shop.private / name).stat().st_mode & 0o077 == 0, name


def test_an_engine_asks_no_network_and_keeps_utc(shop):
    connection = shop.store.connect()
    settings = dict(connection.execute("SELECT name, value FROM duckdb_settings()").fetchall())
    assert settings["autoinstall_known_extensions"] == "false"
    assert settings["TimeZone"] == "UTC"
    assert settings["temp_directory"].startswith(f"{shop.private / 'tmp'}/spill-")
    connection.close()


def test_a_reader_keeps_its_snapshot_while_a_writer_goes_on(shop):
    table = shop.open("customers", "service")
    fewer_rows(shop)
    later = again(shop)
    assert later.init() == {"customers": 10}
    assert table.count().execute() == 600
    assert customers(shop) == 600
    assert customers(later) == 10
    assert later.access.snapshot == shop.access.snapshot + 1


def test_an_older_snapshot_can_still_be_opened(shop):
    before = shop.store.latest_snapshot()
    fewer_rows(shop)
    shop.init()
    connection = shop.store.connect()
    shop.store.attach(connection, before)
    assert connection.execute("SELECT count(*) FROM lake.customers").fetchone() == (600,)
    connection.close()


def test_a_snapshot_cannot_be_written(shop):
    connection = shop.store.connect()
    shop.store.attach(connection, shop.store.latest_snapshot())
    with pytest.raises(duckdb.Error, match="read-only"):
        connection.execute("DELETE FROM lake.customers")
    connection.close()


HOLDING = """
import sys, time
import workbench as wb
table = wb.open_workspace(sys.argv[1]).open("transactions", "reporting")
rows = table.count().execute()
print(rows, flush=True)
sys.stdin.readline()
print(table.count().execute(), flush=True)
"""
LOADING = """
import sys, time
import workbench as wb
def tell(text):
    print(text, flush=True)
    if text == "loading " + sys.argv[2]:
        time.sleep(60)
wb.open_workspace(sys.argv[1]).init(tell)
"""


@pytest.fixture
def process(shop):
    started = []

    def start(text, *words):
        command = [sys.executable, "-c", text, str(shop.settings.root), *words]
        pipe = subprocess.PIPE
        started.append(subprocess.Popen(command, stdin=pipe, stdout=pipe, text=True))
        return started[-1]

    yield start
    for each in started:
        each.kill()
        each.communicate()


def test_a_kernel_left_open_blocks_nobody(shop, process):
    kernel = process(HOLDING)
    assert kernel.stdout.readline() == "5400\n"
    fewer_rows(shop)
    assert shop.init() == {"customers": 10}
    kernel.stdin.write("\n")
    kernel.stdin.flush()
    assert kernel.stdout.readline() == "5400\n"


def test_a_load_killed_in_the_middle_leaves_the_last_one(shop, process):
    before = shop.store.latest_snapshot()
    fewer_rows(shop)
    consents = shop.settings.path("source") / "consents.csv"
    consents.write_text(
        "customer_id,purpose,given_on,withdrawn_on\nK-000001,marketing,2026-01-05,\n"
    )
    loader = process(LOADING, "consents")
    assert [loader.stdout.readline() for _ in range(2)] == [
        "loading customers\n",
        "loading consents\n",
    ]
    loader.kill()
    loader.wait()
    assert shop.store.latest_snapshot() == before
    assert customers(shop) == 600
    assert again(shop).init() == {"customers": 10, "consents": 1}
    assert customers(again(shop)) == 10


def test_a_crash_between_commit_and_publishing_is_healed(shop):
    before = shop.store.latest_snapshot()
    fewer_rows(shop)
    shop.init()
    wanted = again(shop).access.versions.of_all()
    (
        shop.store.folder / "snapshots" / f"{before + 1}.ducklake"
    ).unlink()  # what such a crash leaves
    (shop.store.folder / "snapshots" / f"{before + 1}.part").write_bytes(b"half")
    assert customers(again(shop)) == 600
    assert again(shop).init() == {"customers": 10}  # told by the run that lets readers see them
    assert customers(again(shop)) == 10
    assert again(shop).init() == {}
    assert again(shop).access.versions.of_all() == wanted
    assert shop.store.latest_snapshot() == before + 1


def test_a_write_without_changes_makes_no_snapshot(shop):
    before = shop.store.latest_snapshot()
    with shop.store.writing("nothing"):
        pass
    assert shop.store.latest_snapshot() == before


def test_a_write_that_fails_leaves_nothing(shop):
    before = shop.store.latest_snapshot()

    def fail():
        with shop.store.writing("half") as writer:
            writer.connection.execute("DELETE FROM lake.customers")
            _ = 1 / 0

    with pytest.raises(ZeroDivisionError):
        fail()
    assert shop.store.latest_snapshot() == before
    assert customers(again(shop)) == 600


def test_another_key_is_refused_without_being_shown(shop):
    own = shop.store.master_key
    (shop.private / "keys" / "master.key").unlink()
    make_master_key(shop.private / "keys")
    with pytest.raises(
        StoreMissing, match=r"is not the key of this store. Put the right"
    ) as caught:
        customers(again(shop))
    for key in (own, again(shop).store.master_key):
        assert key.hex() not in str(caught.value)
        assert derive(key, "lake-catalog").hex() not in str(caught.value)


def test_a_lost_key_is_told_and_no_new_one_hides_the_loss(shop):
    (shop.private / "keys" / "master.key").unlink()
    with pytest.raises(StoreMissing, match=r"no key at .*put its own key back"):
        customers(again(shop))
    with pytest.raises(StoreMissing, match=r"no key at .*put its own key back"):
        shop.store.make_key()
    assert not (shop.private / "keys" / "master.key").exists()


def test_a_key_is_made_for_a_new_store(tmp_path):
    store = Store(tmp_path / "private")
    store.make_key()
    assert len(store.master_key) == 32
    assert not store.exists
    with pytest.raises(StoreMissing, match=r"no data at .*Run 'workbench init'"):
        store.latest_snapshot()


def test_a_damaged_snapshot_is_told_without_the_key(shop):
    path = shop.store.folder / "snapshots" / f"{shop.store.latest_snapshot()}.ducklake"
    path.write_bytes(b"garbage" * 1000)
    with pytest.raises(StorageError, match=r"the store at .* cannot be opened") as caught:
        customers(shop)
    assert derive(shop.store.master_key, "lake-catalog").hex() not in str(caught.value)


@pytest.mark.parametrize("name", ["it's here", "2026 [final] *", 'say "hi"; -- ok', "客户"])
def test_a_workspace_may_lie_in_a_folder_of_any_name(tmp_path, name):
    folder = make_shop(tmp_path / "plain", 30).rename(tmp_path / name)
    shop = wb.open_workspace(folder)
    assert shop.init()["customers"] == 30
    assert customers(shop) == 30


def test_a_workspace_may_be_moved(shop, tmp_path):
    fewer_rows(shop)
    shop.settings.root.rename(tmp_path / "elsewhere")
    moved = wb.open_workspace(tmp_path / "elsewhere", now=shop.now)
    assert customers(moved) == 600
    assert moved.init() == {"customers": 10}


def test_a_full_disk_is_told_and_the_load_succeeds_after_some_space_is_freed(small_disk):
    disk = small_disk(6_000_000)
    shop = wb.open_workspace(make_shop(disk / "shop", 60))
    with pytest.raises(StorageError, match=r"the disk under .* is full. Free some space"):
        shop.init()
    assert not shop.store.exists
    subprocess.run(["mount", "-o", "remount,size=30000000", str(disk)], check=True)
    shop.init()
    assert customers(shop) == 60


def resized(disk, size_bytes):
    subprocess.run(["mount", "-o", f"remount,size={size_bytes}", str(disk)], check=True)


def test_a_disk_that_is_full_after_the_commit_says_so_and_what_was_loaded_is_on_record(
    small_disk,
):
    disk = small_disk(100_000_000)
    shop = wb.open_workspace(make_shop(disk / "shop", 60))
    shop.init()
    told = set()
    used = shutil.disk_usage(disk).used
    for room in (0, 50_000, *range(200_000, 12_000_000, 800_000)):  # the copy needs most
        path = shop.settings.path("source") / "incidents.csv"
        path.write_text(f"incident_id,opened_on\nI-{room},2026-02-03\n")
        before = shop.store.latest_snapshot()
        resized(disk, used + room)
        try:
            again(shop).init()
        except StorageError as problem:
            said = str(problem)
        else:
            break
        finally:
            resized(disk, 100_000_000)
        kept = "what was written is kept" in said
        assert kept or "no data is changed" in said
        assert again(shop).store.latest_snapshot() == before  # nobody sees it yet
        assert again(shop).init() == {"incidents": 1}
        load = shop.events.entries("load")[-1].body
        assert load["tables"] == ["incidents"]
        assert load["snapshot"] == shop.store.latest_snapshot() > before
        written = shop.store.latest_snapshot() - before
        assert written == 1 or not kept  # what was kept is not loaded twice
        told.add(kept)
        used = shutil.disk_usage(disk).used
    assert told == {True, False}


def test_a_file_taken_in_before_the_disk_was_full_counts_once_it_is_seen(small_disk):
    disk = small_disk(100_000_000)
    shop = wb.open_workspace(make_shop(disk / "shop", 60))
    shop.init()
    path = disk / "more.csv"
    path.write_text("incident_id,opened_on\nI-9,2026-02-03\n")
    resized(disk, shutil.disk_usage(disk).used + 600_000)
    with pytest.raises(StorageError, match="what was written is kept"):
        again(shop).ingest("incidents", path)
    resized(disk, 100_000_000)
    taken = [again(shop).ingest("incidents", path) for _ in range(2)]
    assert [(each.added, each.unchanged, each.known) for each in taken] == [
        (1, 0, False),
        (0, 1, True),
    ]
    assert again(shop).events.entries("ingest")[0].body["added"] == 1


def test_a_full_disk_in_the_middle_of_a_load_keeps_the_last_one(small_disk):
    disk = small_disk(24_000_000)
    shop = wb.open_workspace(make_shop(disk / "shop", 60))
    shop.init()
    path = shop.settings.path("source") / "transactions.parquet"
    with duckdb.connect() as connection:
        connection.execute(
            f"COPY (SELECT t.* REPLACE (md5(random()::VARCHAR) AS note) FROM '{path}' t, "
            f"range(500)) TO '{disk}/more.parquet'"
        )
    (disk / "more.parquet").rename(path)
    with pytest.raises(StorageError, match=r"the disk under .* is full"):
        shop.init()
    path.unlink()
    assert shop.open("transactions", "reporting").count().execute() == 540


def test_a_read_only_disk_is_told(small_disk, read_only):
    disk = small_disk(30_000_000)
    shop = wb.open_workspace(make_shop(disk / "shop", 60))
    shop.init()
    (shop.settings.path("source") / "incidents.csv").write_text("incident_id,opened_on\n")
    read_only(disk)
    with pytest.raises(StorageError, match=r"writer.lock cannot be opened for writing: Read-only"):
        again(shop).init()


def version_of(*changes):
    return DataVersions([Change(1, "t", *change) for change in changes])


def test_versions_are_of_files_and_months():
    first = version_of(("a", None, {"2026-01": "x", "2026-02": "y"}))
    second = version_of(
        ("a", None, {"2026-01": "x", "2026-02": "y"}), ("b", None, {"2026-01": "x", "2026-02": "z"})
    )
    assert first.of("t") != second.of("t")
    assert first.of("t", ["2026-01"]) == second.of("t", ["2026-01"])
    assert first.of("t", ["2026-02"]) != second.of("t", ["2026-02"])
    assert first.of("t", ["2026-01", "2026-02"]) != second.of("t", ["2026-01", "2026-02"])
    assert first.of("t", ["2026-03"]) == second.of("t", ["2026-03"])


def test_a_table_without_months_has_one_version():
    assert version_of(("a", None, {})).of("t", ["2026-01"]) == version_of(("a", None, {})).of("t")


def test_a_table_never_loaded_has_no_version():
    with pytest.raises(StoreMissing, match=r"table 'u' was never loaded. Run 'workbench init'"):
        version_of(("a", None, {})).of("u")


def test_the_same_files_give_the_same_versions_in_any_store(shop_folder, shop, tmp_path):
    other = wb.open_workspace(make_shop(tmp_path / "other"), now=shop.now)
    for table in ("customers", "transactions", "consents", "incidents"):
        suffix = "csv" if table in ("consents", "incidents") else "parquet"
        source = shop_folder / "data" / f"{table}.{suffix}"
        (other.settings.path("source") / source.name).write_bytes(source.read_bytes())
    other.init()
    assert other.access.versions.of_all() == shop.access.versions.of_all()
    assert json.dumps(other.access.as_of) == json.dumps(shop.access.as_of)
