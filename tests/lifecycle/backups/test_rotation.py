"""A rotated key: the old one opens nothing, everything else is as it was."""

import os
import shutil
from pathlib import Path

import duckdb
import keyring
import pytest
from keyring.backend import KeyringBackend
from support.shop import make_shop

import workbench as wb
from workbench.errors import Refused, StorageError, StoreMissing
from workbench.lifecycle.backups.archive import read_header
from workbench.lifecycle.backups.rotation import DAMAGED, DESTROYED, LEFT, MOVED
from workbench.store.keys.master import derive, unseal
from workbench.store.keys.sources import KEY, NEW_KEY, fingerprint
from workbench.store.rewriting import attach_plain


def again(shop):
    return wb.open_workspace(shop.settings.root, now=shop.now)


def pseudonyms(ws):
    return set(ws.open("transactions", "reporting").customer_id.execute())


def opens(path, master):
    """Return whether a key opens a catalog."""
    key = derive(master, "lake-catalog").hex()
    with duckdb.connect() as connection:
        try:
            connection.execute(f"ATTACH '{path}' AS c (ENCRYPTION_KEY '{key}', READ_ONLY)")
        except duckdb.Error:
            return False
        return True


def test_the_old_key_opens_nothing_any_more(shop):
    shop.store.marks.secret()
    old = shop.store.master_key
    paths = [shop.store.catalog_path, *shop.store.folder.glob("snapshots/*.ducklake")]
    assert [opens(path, old) for path in paths] == [True, True]
    told = shop.office.rotate_key()
    new = again(shop).store.master_key
    assert told == fingerprint(new) != fingerprint(old)
    assert [opens(path, old) for path in paths] == [False, False]
    assert [opens(path, new) for path in paths] == [True, True]
    sealed = shop.store.marks.secret_path.read_bytes()
    with pytest.raises(StoreMissing, match=r"'marks.sealed' cannot be opened: the key is not"):
        unseal(sealed, [old], "marks.sealed")
    assert old.hex() not in (shop.private / "keys" / "master.key").read_text()


def test_what_a_rotation_changes_and_what_stays(shop):
    shop.office.erase_subject("K-000004", verified_by="id card")
    before = again(shop)
    names, versions = pseudonyms(before), before.access.versions.of_all()
    mark = before.store.marks.of("K-000004")
    question = wb.query(before.open("transactions", "reporting"), period="2026-03").customers()
    answer = before.release(question, name="n", epsilon=0.1)
    before.office.rotate_key()
    after = again(shop)
    assert pseudonyms(after).isdisjoint(names)
    assert len(pseudonyms(after)) == len(names)
    assert after.access.versions.of_all() == versions
    assert after.store.marks.of("K-000004") == mark
    question = wb.query(after.open("transactions", "reporting"), period="2026-03").customers()
    assert after.release(question, name="n", epsilon=0.1).id == answer.id
    assert after.office.erase_subject("K-000004", verified_by="id card")[1].already


def test_a_kernel_that_is_open_reads_on_and_is_told_when_it_releases(shop):
    table = shop.open("customers", "service")
    other = again(shop)
    other.office.rotate_key()
    assert table.count().execute() == 600
    question = wb.query(shop.open("transactions", "reporting"), period="2026-03").customers()
    with pytest.raises(StoreMissing, match="was rotated since the workspace was opened"):
        shop.release(question, name="n", epsilon=0.1)


def test_who_rotates_goes_on(shop):
    shop.office.rotate_key()
    assert shop.store.connect() is not None
    shop.office.rotate_key()
    assert again(shop).open("customers", "service").count().execute() == 600
    assert len(shop.events.entries("key rotated")) == 2


def test_a_rotation_is_recorded_by_fingerprints(shop):
    old = fingerprint(shop.store.master_key)
    new = shop.office.rotate_key()
    body = dict(shop.events.entries("key rotated")[0].body)
    assert body == {
        "who": shop.events.entries()[0].body["who"],
        "old": old,
        "new": new,
    }


def test_a_shredded_key_leaves_nothing_to_read(shop):
    shop.office.hold("dispute", table="customers")
    with pytest.raises(Refused, match=r"a legal hold keeps rows \(H-0001\)"):
        shop.office.shred_keys()
    shop.office.release_hold("H-0001", "settled")
    shop.store.marks.secret()
    shop.office.shred_keys()
    assert list((shop.private / "keys").glob("*.key")) == []
    with pytest.raises(StoreMissing, match="no key at"):
        again(shop).open("customers", "service")
    assert shop.events.entries("keys shredded")
    with pytest.raises(StoreMissing, match="no key at"):  # none is made over data that is there
        again(shop).init()


@pytest.fixture
def own(tmp_path, shop):
    """Return a function that makes a small shop whose key is somewhere else."""

    def own(kind):
        folder = make_shop(tmp_path / kind, customers=30)
        path = folder / "workbench.toml"
        path.write_text(path.read_text() + f'key = "{kind}"\n')
        return wb.open_workspace(folder, now=shop.now)

    return own


@pytest.fixture
def environment(monkeypatch):
    """Let tests set the variables of keys."""
    monkeypatch.delenv(KEY, raising=False)
    monkeypatch.delenv(NEW_KEY, raising=False)
    return monkeypatch


def test_a_key_of_the_environment_lies_on_no_disk(own, environment):
    ws = own("environment")
    with pytest.raises(StoreMissing, match=r"\$WORKBENCH_KEY is not set, and workbench.toml says"):
        ws.init()
    environment.setenv(KEY, "ab" * 32)
    ws.init()
    assert list(ws.private.rglob("*.key")) == []
    assert again(ws).open("customers", "service").count().execute() == 30
    environment.setenv(KEY, "not a key")
    with pytest.raises(StoreMissing, match=r"\$WORKBENCH_KEY is not a key: it must hold 64"):
        again(ws).open("customers", "service")
    environment.setenv(KEY, "cd" * 32)
    with pytest.raises(StoreMissing, match=r"the key in \$WORKBENCH_KEY is not the key of this"):
        again(ws).open("customers", "service")


def test_a_key_of_the_environment_is_rotated_by_naming_the_next(own, environment):
    environment.setenv(KEY, "ab" * 32)
    ws = own("environment")
    ws.init()
    with pytest.raises(StoreMissing, match=r"set \$WORKBENCH_NEW_KEY to a new one"):
        ws.office.rotate_key()
    environment.setenv(NEW_KEY, "cd" * 32)
    ws.office.rotate_key()
    again(ws).office.rotate_key()  # once more changes nothing
    environment.delenv(NEW_KEY)
    with pytest.raises(StoreMissing, match="is not the key of this store"):
        again(ws).open("customers", "service")
    environment.setenv(KEY, "cd" * 32)
    assert again(ws).open("customers", "service").count().execute() == 30


def test_shredding_with_a_key_of_the_environment_leaves_nothing_that_it_opens(
    own, environment, tmp_path
):
    environment.setenv(KEY, "ab" * 32)
    ws = own("environment")
    ws.init()
    ws.office.correct_subject("K-000004", {"customers.email": "new@example.org"}, verified_by="id")
    made = again(ws).office.back_up()
    away = again(ws).office.back_up(tmp_path / "away")
    moved = Path(shutil.move(again(ws).office.back_up(tmp_path / "moved").file, tmp_path))
    kept = again(ws).settings.path("backups") / "older.backup"
    shutil.copy(made.file, kept)
    kept.write_bytes(kept.read_bytes().replace(read_header(kept)["key"].encode(), b"0" * 12))
    cut = kept.with_name("cut.backup")
    cut.write_bytes(b"half a line")
    master = ws.store.master_key
    old = {path.name: path.read_bytes() for path in ws.store.folder.rglob("*.ducklake")}
    assert old
    ws = again(ws)
    done = ws.office.shred_keys()
    elsewhere = str(tmp_path / "moved" / moved.name)
    gone, left = dict.fromkeys((made.file, away.file), DESTROYED), {str(kept): LEFT}
    assert done == {**gone, elsewhere: MOVED, **left, str(cut): DAMAGED}
    assert not Path(made.file).exists()
    assert not Path(away.file).exists()
    for path in (p for folder in (ws.private, ws.settings.path("backups"))
                 for p in folder.rglob("*") if p.is_file()):  # fmt: skip
        assert not opens(path, master)
        assert path.read_bytes() not in old.values()
        assert path.suffix != ".parquet"
        assert path.name != "corrections.sealed"
    for act in (lambda: again(ws).open("customers", "service"), lambda: again(ws).init()):
        with pytest.raises(StoreMissing, match="were destroyed by 'workbench store keys shred'"):
            act()
    (entry,) = ws.events.entries("keys shredded")
    assert (entry.body["of"], entry.body["catalogs"]) == ("environment", len(old))
    assert entry.body["backups"] == 2
    again(ws).office.restore(moved, over=True)  # as the command says: where it lies elsewhere
    assert again(ws).open("customers", "service").count().execute() == 30


@pytest.mark.parametrize("act", ["restore_test", "restore"])
@pytest.mark.parametrize("made_with", ["ab", "cd"])
def test_a_restore_writes_no_key_of_the_environment_to_disk(
    own, environment, act, made_with, tmp_path
):
    environment.setenv(KEY, made_with * 32)
    ws = own("environment")
    ws.init()
    made, handed = again(ws).office.back_up(), None
    if made_with != "ab":
        environment.setenv(NEW_KEY, "ab" * 32)
        again(ws).office.rotate_key()
        environment.delenv(NEW_KEY)
        handed = tmp_path / "handed.key"
        handed.write_text(made_with * 32)
        handed.chmod(0o600)
    environment.setenv(KEY, "ab" * 32)
    steps = []

    def look(step):
        steps.append(step)
        for path in ws.settings.root.rglob("*"):
            if path.is_file():
                content = path.read_bytes()
                for key in ("ab" * 32, "cd" * 32):
                    assert key.encode() not in content, (step, path)
                    assert bytes.fromhex(key) not in content, (step, path)

    more = {} if act == "restore_test" else {"over": True}
    getattr(again(ws).office, act)(made.file, key_file=handed, progress=look, **more)
    look("done")
    assert len(steps) > 2
    assert again(ws).open("customers", "service").count().execute() == 30


class Drawer(KeyringBackend):
    """A keyring that lasts as long as the test."""

    priority = 1

    def __init__(self):
        super().__init__()
        self.held = {}

    def get_password(self, service, username):
        return self.held.get((service, username))

    def set_password(self, service, username, password):
        self.held[service, username] = password

    def delete_password(self, service, username):
        del self.held[service, username]


@pytest.fixture
def drawer():
    before, drawer = keyring.get_keyring(), Drawer()
    keyring.set_keyring(drawer)
    yield drawer
    keyring.set_keyring(before)


def test_a_key_of_the_keyring_is_made_rotated_moved_and_shredded(own, drawer, tmp_path):
    ws = own("keyring")
    with pytest.raises(StoreMissing, match="the keyring holds no key for this workspace"):
        ws.store.key_source.read()
    ws.init()
    assert list(ws.private.rglob("*.key")) == []
    (first,) = drawer.held.values()
    again(ws).office.rotate_key()
    assert [*drawer.held.values()] != [first]
    assert len(drawer.held) == 1
    made = again(ws).office.back_up(tmp_path / "x.backup")
    again(ws).office.restore(made.file, over=True)
    assert list(ws.private.rglob("*.key")) == []
    moved = tmp_path / "moved"
    shutil.move(ws.settings.root, moved)
    there = wb.open_workspace(moved, now=ws.now)
    assert there.open("customers", "service").count().execute() == 30
    there.office.shred_keys()
    assert drawer.held == {}


def test_a_keyring_that_is_locked_is_told(own):
    import keyring.backends.fail

    before = keyring.get_keyring()
    keyring.set_keyring(keyring.backends.fail.Keyring())
    try:
        with pytest.raises(StoreMissing, match=r"keyring cannot be used \(NoKeyringError\)"):
            own("keyring").init()
    finally:
        keyring.set_keyring(before)


def test_a_key_that_cannot_be_destroyed_is_told(shop):
    path = shop.private / "keys" / "other.key"
    os.mkfifo(path)
    path.unlink()
    path.mkdir()
    with pytest.raises(StorageError, match="cannot be destroyed: Is a directory"):
        shop.store.key_source.shred()


def files_and_keys(shop, folder=None):
    """Return the data files an attached catalog names, each with its key."""
    connection = shop.store.connect()
    with_catalog = folder or shop.store.catalog_path
    attach_plain(shop.store, connection, with_catalog, "opened")
    rows = connection.execute("SELECT path, encryption_key FROM opened.ducklake_data_file")
    found = dict(rows.fetchall())
    connection.close()
    return found


def test_rotating_the_data_too_leaves_nothing_that_old_keys_open(shop, tmp_path):
    path = tmp_path / "more.csv"
    path.write_text(
        "customer_id,booked_on,region,category,note,amount,is_online\n"
        "K-000001,2026-10-01,north,food,hello,5,true\nK-000002,x,north,food,hello,5,true\n"
    )
    shop.ingest("transactions", path)
    before = files_and_keys(shop)
    old_files = {each: each.read_bytes() for each in shop.store.folder.rglob("*.parquet")}
    versions = again(shop).access.versions
    shop.office.rotate_key()
    assert files_and_keys(again(shop)) == before  # a plain rotation leaves them
    steps = []
    again(shop).office.rotate_key(steps.append, data=True)
    after = files_and_keys(again(shop))
    assert len(after) >= 6  # four tables, what was taken in, what was kept aside
    assert set(after).isdisjoint(before)
    assert set(after.values()).isdisjoint(before.values())
    assert not any(each.exists() for each in old_files)
    everything = [each.read_bytes() for each in shop.private.rglob("*") if each.is_file()]
    for content in old_files.values():
        assert not any(content in each for each in everything)
    ws = again(shop)
    assert ws.access.versions.of_all() == versions.of_all()
    assert ws.open("transactions", "reporting").count().execute() == 5401
    assert [each[3] for each in ws.kept_aside()] == [1]
    assert ws.ingest("transactions", path).known
    assert len(ws.snapshots()) == 1
    assert any(step.startswith("writing transactions anew") for step in steps)
    assert ws.events.last("key rotated").body["data"] is True


def test_a_store_without_data_may_be_rotated_so_too(tmp_path):
    ws = wb.open_workspace(make_shop(tmp_path / "new"))
    ws.store.make_key()
    assert len(ws.office.rotate_key(data=True)) > 0
