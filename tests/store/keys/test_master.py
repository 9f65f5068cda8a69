"""The master key: made once, for its owner's eyes, and refused when it is not right."""

import hashlib
import hmac
import os
import threading

import pytest

from workbench.errors import StorageError, StoreMissing
from workbench.store.keys.master import derive, make_master_key, read_key_file


@pytest.fixture
def folder(tmp_path):
    folder = tmp_path / "keys"
    make_master_key(folder)
    return folder


def test_a_key_is_random_and_its_owners_only(folder, tmp_path):
    make_master_key(tmp_path / "other")
    assert len(read_key_file(folder / "master.key")) == 32
    assert read_key_file(folder / "master.key") != read_key_file(tmp_path / "other" / "master.key")
    assert (folder / "master.key").stat().st_mode & 0o777 == 0o600
    assert folder.stat().st_mode & 0o777 == 0o700


def test_the_mode_does_not_hang_on_the_shell(tmp_path):
    before = os.umask(0)
    try:
        make_master_key(tmp_path / "keys")
    finally:
        os.umask(before)
    assert (tmp_path / "keys" / "master.key").stat().st_mode & 0o777 == 0o600


def test_a_key_that_is_there_stays(folder):
    before = read_key_file(folder / "master.key")
    make_master_key(folder)
    assert read_key_file(folder / "master.key") == before


def test_of_two_makers_at_once_both_get_the_same_key(tmp_path):
    seen, start = set(), threading.Barrier(6)

    def make():
        start.wait()
        make_master_key(tmp_path / "keys")
        seen.add(read_key_file(tmp_path / "keys" / "master.key"))

    threads = [threading.Thread(target=make) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(seen) == 1


@pytest.mark.parametrize("left", ["master.part", "master.key.4711.part"])
def test_what_a_crash_left_is_no_key(folder, left):
    before = read_key_file(folder / "master.key")
    (folder / "master.key").rename(folder / left)
    (folder / left).write_text("ab")
    make_master_key(folder)
    assert read_key_file(folder / "master.key") not in (before, b"\xab")
    assert not (folder / left).exists()


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o660, 0o610])
def test_a_key_others_may_read_is_refused(folder, mode):
    path = folder / "master.key"
    path.chmod(mode)
    with pytest.raises(StoreMissing, match=f"mode {mode:04o}.*Run 'chmod 600 {path}'"):
        read_key_file(folder / "master.key")


@pytest.mark.parametrize(
    "content", [b"", b"ab", b"0" * 63, b"0" * 65, b"g" * 64, b"A" * 64, b"\xff" * 64]
)
def test_what_is_no_key_is_refused_without_being_shown(folder, content):
    (folder / "master.key").write_bytes(content)
    with pytest.raises(StoreMissing, match="is not a key: it must hold 64 hex") as caught:
        read_key_file(folder / "master.key")
    assert not content or content.decode(errors="replace") not in str(caught.value)


def test_a_missing_key_is_told_with_what_to_do(tmp_path):
    with pytest.raises(StoreMissing, match=r"no key at .*'workbench init'"):
        read_key_file(tmp_path / "master.key")


def test_a_folder_in_its_place_is_told(folder):
    (folder / "master.key").unlink()
    (folder / "master.key").mkdir()
    with pytest.raises(StoreMissing, match="cannot be read: Is a directory"):
        read_key_file(folder / "master.key")


def test_a_key_that_cannot_be_written_is_told(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(StorageError, match="cannot be opened for writing"):
        make_master_key(tmp_path / "file" / "keys")


def test_a_full_disk_leaves_no_half_key(small_disk):
    disk = small_disk(20_000)
    with pytest.raises(OSError, match="No space"):
        (disk / "ballast").write_bytes(bytes(100_000))
    with pytest.raises(StorageError, match="No space left"):
        make_master_key(disk / "keys")
    assert not (disk / "keys" / "master.key").exists()


def test_each_use_has_its_own_key():
    master = bytes(range(32))
    derived = derive(master, "purpose:reporting")
    assert derived == hmac.new(master, b"purpose:reporting", hashlib.sha256).digest()
    assert derived == derive(master, "purpose:reporting")
    assert derived not in (master, derive(master, "purpose:marketing"), derive(b"x", "purpose:a"))
