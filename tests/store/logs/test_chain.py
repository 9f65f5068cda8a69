"""The chained log: whole, in order, durable, and telling where it is not."""

import datetime as dt
import os
import signal
import sqlite3
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from workbench.errors import Busy, LedgerError, StorageError
from workbench.store.durable import file_lock
from workbench.store.logs.chain import GENESIS, Chain

NOW = dt.datetime(2026, 10, 2, 9, tzinfo=dt.UTC)


def make(folder, **settings):
    return Chain(
        f"sqlite:///{folder / 'log.sqlite'}", "log", folder / "log.lock", LedgerError, **settings
    )


def add(chain, number, **more):
    with chain.writing() as write:
        return write.append("note", {"number": number, "text": "Grüße 你好"}, at=NOW, **more)


def tamper(folder, *statements):
    with sqlite3.connect(folder / "log.sqlite") as connection:
        for statement in statements:
            connection.execute(statement)
    connection.close()


@pytest.fixture
def chain(tmp_path):
    chain = make(tmp_path)
    with chain.writing() as write:
        for number in range(1, 6):
            body = {"number": number, "text": "Grüße 你好"}
            write.append("note", body, at=NOW, subject=f"s{number}", ref=f"r{number % 2}")
    yield chain
    chain.close()


def test_what_is_added_is_there_in_order(chain):
    assert [entry.body["number"] for entry in chain.entries()] == [1, 2, 3, 4, 5]
    assert [entry.body["number"] for entry in chain.entries("note", ref="r0")] == [2, 4]
    assert [entry.seq for entry in chain.entries(subject="s3")] == [3]
    assert chain.entries("other") == []
    assert chain.verify() == 5


def test_an_entry_comes_back_as_it_was_added(chain):
    added = add(chain, 6, subject="s")
    assert chain.entries(subject="s") == [added]
    assert chain.head() == (6, added.hash)
    assert chain.hash_at(6) == added.hash
    assert chain.hash_at(7) is None


def test_an_empty_log_is_empty_and_reading_it_writes_no_table(tmp_path):
    chain = make(tmp_path)
    assert (chain.entries(), chain.head(), chain.verify()) == ([], (0, GENESIS), 0)
    assert (chain.hash_at(0), chain.hash_at(1)) == (GENESIS, None)


def test_a_write_that_fails_leaves_nothing(chain):
    def fail():
        with chain.writing() as write:
            write.append("note", {}, at=NOW)
            assert write.head()[0] == 6
            _ = 1 / 0

    with pytest.raises(ZeroDivisionError):
        fail()
    assert chain.verify() == 5
    assert add(chain, 6).seq == 6


def test_several_entries_of_one_write_are_chained(chain):
    with chain.writing() as write:
        first = write.append("a", {}, at=NOW)
        assert write.entries("a") == [first]
        write.append("b", {}, at=NOW)
    assert chain.verify() == 7


def test_what_is_no_number_is_not_written(chain):
    with pytest.raises(ValueError, match="not JSON compliant"):
        add(chain, float("nan"))
    assert chain.verify() == 5


@pytest.mark.parametrize("seq", [1, 3, 5])
@pytest.mark.parametrize(
    "change",
    ["at = '2020-01-01T00:00:00+00:00'", "kind = 'other'", "subject = 'x'", "subject = NULL",
     "ref = 'x'", "ref = NULL", "body = '{}'", "body = x'ff'", "hash = 'abc'",
     "body = replace(body, 'number', 'numbEr')"],
)  # fmt: skip
def test_an_altered_entry_is_named(chain, tmp_path, seq, change):
    tamper(tmp_path, f"UPDATE log SET {change} WHERE seq = {seq}")
    with pytest.raises(LedgerError, match=rf"entry {seq} \(.*does not fit the one before it"):
        chain.verify()


def test_swapped_entries_are_named(chain, tmp_path):
    tamper(
        tmp_path,
        "UPDATE log SET seq = 99 WHERE seq = 2",
        "UPDATE log SET seq = 2 WHERE seq = 3",
        "UPDATE log SET seq = 3 WHERE seq = 99",
    )
    with pytest.raises(LedgerError, match=r"entry 2 .* does not fit"):
        chain.verify()


@pytest.mark.parametrize(("seq", "following"), [(1, 2), (3, 4)])
def test_a_removed_entry_is_named(chain, tmp_path, seq, following):
    tamper(tmp_path, f"DELETE FROM log WHERE seq = {seq}")
    with pytest.raises(LedgerError, match=f"entry {seq} is missing before {following}"):
        chain.verify()


@pytest.mark.parametrize(("first_gone", "count"), [(5, 1), (3, 3), (1, 5)])
def test_a_cut_end_is_named_and_not_written_over(chain, tmp_path, first_gone, count):
    tamper(tmp_path, f"DELETE FROM log WHERE seq >= {first_gone}")
    message = f"entry {first_gone} is missing: {count} were cut off at the end"
    with pytest.raises(LedgerError, match=message):
        chain.verify()
    with pytest.raises(LedgerError, match=message):
        add(chain, 6)


def test_a_moved_entry_between_two_renumbered_ones_is_named(chain, tmp_path):
    tamper(
        tmp_path,
        "DELETE FROM log WHERE seq = 3",
        "UPDATE log SET seq = 3 WHERE seq = 4",
        "UPDATE log SET seq = 4 WHERE seq = 5",
        "UPDATE sqlite_sequence SET seq = 4",
    )
    with pytest.raises(LedgerError, match=r"entry 3 .* does not fit"):
        chain.verify()


@pytest.mark.parametrize("change", ["body = '{'", "at = 'noon'"])
def test_an_entry_that_cannot_be_read_is_refused(chain, tmp_path, change):
    tamper(tmp_path, f"UPDATE log SET {change} WHERE seq = 2")
    with pytest.raises(LedgerError, match=r"not a readable log .* 'workbench store restore'"):
        chain.entries()
    with pytest.raises(LedgerError, match="not a readable log"), chain.writing() as write:
        write.entries()


def test_a_file_that_is_no_database_is_refused(tmp_path):
    (tmp_path / "log.sqlite").write_bytes(b"\x00garbage" * 1000)
    chain = make(tmp_path)
    for act in (chain.entries, chain.head, chain.verify, lambda: add(chain, 1)):
        with pytest.raises(LedgerError, match=r"is not a readable log .*'workbench store restore'"):
            act()


def test_corrupted_pages_are_refused(chain, tmp_path):
    with chain.writing() as write:
        for _ in range(60):
            write.append("note", {}, at=NOW)
    chain.close()
    path = tmp_path / "log.sqlite"
    content = path.read_bytes()
    path.write_bytes(content[:4096] + b"\xff" * (len(content) - 4096))
    with pytest.raises(LedgerError, match=r"log.sqlite"):
        chain.verify()


def test_a_missing_folder_is_made_private(tmp_path):
    folder = tmp_path / "new" / "private"
    assert add(make(folder), 1).seq == 1
    assert folder.stat().st_mode & 0o777 == 0o700


def test_a_folder_that_cannot_be_made_is_told(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(LedgerError, match="cannot be opened for writing: Not a directory"):
        add(make(tmp_path / "file" / "private"), 1)


def test_a_log_missing_where_only_a_reader_looks_is_told(tmp_path):
    with pytest.raises(LedgerError, match=r"cannot be written. Check the permissions"):
        make(tmp_path / "absent").entries()


def test_a_log_that_is_not_there_is_empty_where_nothing_can_be_written(
    small_disk, read_only, tmp_path
):
    folder = small_disk(1_000_000)
    read_only(folder)
    assert make(folder).entries() == []
    assert make(folder).verify() == 0
    assert make(tmp_path).head()[0] == 0
    assert list(tmp_path.glob("*.sqlite")) == []  # a look makes no file of it


def test_a_read_only_disk_is_told(small_disk, read_only):
    folder = small_disk(1_000_000)
    chain = make(folder)
    add(chain, 1)
    chain.close()
    read_only(folder)
    with pytest.raises(LedgerError, match="cannot be opened for writing: Read-only file system"):
        add(chain, 2)
    assert chain.verify() == 1


def test_a_database_file_that_is_read_only_is_told(small_disk, read_only, tmp_path):
    folder = small_disk(1_000_000)
    chain = Chain(f"sqlite:///{folder / 'log.sqlite'}", "log", tmp_path / "log.lock", LedgerError)
    add(chain, 1)
    chain.close()
    read_only(folder)
    with pytest.raises(LedgerError, match=r"cannot be written. Check the permissions"):
        add(chain, 2)


def test_a_full_disk_is_told_and_nothing_is_lost(small_disk):
    folder = small_disk(160_000)
    chain = make(folder)

    def fill():
        for number in range(1000):
            with chain.writing() as write:
                write.append("note", {"number": number, "text": "x" * 5000}, at=NOW)

    with pytest.raises(LedgerError, match=r"the disk is full. Free some space"):
        fill()
    held = chain.verify()
    assert held > 5
    with pytest.raises(LedgerError, match="disk is full"):
        fill()
    assert chain.verify() == held


def test_a_full_disk_from_the_start_is_told(small_disk):
    folder = small_disk(20_000)
    with pytest.raises(OSError, match="No space"):
        (folder / "ballast").write_bytes(bytes(100_000))
    with pytest.raises(LedgerError, match=r"full|No space"):
        add(make(folder), 1)


PRELUDE = f"""
import datetime as dt, sys, time
from pathlib import Path
from workbench.errors import LedgerError
from workbench.store.logs.chain import Chain
from workbench.store.durable import file_lock
NOW = dt.datetime({NOW.year}, 10, 2, tzinfo=dt.UTC)
folder = Path(sys.argv[1])
chain = Chain(f"sqlite:///{{folder / 'log.sqlite'}}", "log", folder / "log.lock", LedgerError)
"""
ENDLESS = """
while True:
    with chain.writing() as write:
        seq = write.append("note", {"text": "x" * 3000}, at=NOW).seq
    print(seq, flush=True)
"""
TWENTY = """
import os
for number in range(20):
    with chain.writing() as write:
        write.append("note", {"number": number}, at=NOW, subject=str(os.getpid()))
"""
HANGING = """
with chain.writing() as write:
    write.append("note", {"text": "never committed"}, at=NOW)
    write._connection.exec_driver_sql("PRAGMA cache_spill = 1")
    print("inside", flush=True)
    time.sleep(60)
"""
HOLDING = """
with file_lock(folder / "log.lock"):
    print("inside", flush=True)
    time.sleep(60)
"""


@pytest.fixture
def process(tmp_path):
    """Return a function that starts a program, killed at the end of the test."""
    started = []

    def start(text):
        words = [sys.executable, "-c", PRELUDE + text, str(tmp_path)]
        started.append(subprocess.Popen(words, stdout=subprocess.PIPE, text=True))
        return started[-1]

    yield start
    for each in started:
        each.kill()
        each.wait()
        each.stdout.close()


def test_eight_processes_writing_at_once_lose_nothing(tmp_path, process):
    writers = [process(TWENTY) for _ in range(8)]
    assert [writer.wait(60) for writer in writers] == [0] * 8
    chain = make(tmp_path)
    assert chain.verify() == 160
    for writer in writers:
        numbers = [entry.body["number"] for entry in chain.entries(subject=str(writer.pid))]
        assert numbers == list(range(20))


def test_a_writer_killed_at_any_moment_leaves_what_it_was_told_was_written(tmp_path, process):
    chain = make(tmp_path)
    for wait_ms in (0, 3, 7):
        writer = process(ENDLESS)
        for _ in range(5):
            told = int(writer.stdout.readline())
        time.sleep(wait_ms / 1000)
        writer.send_signal(signal.SIGKILL)
        rest = writer.stdout.read().split()
        told = int(rest[-1]) if rest else told
        assert chain.verify() in (told, told + 1)
    assert add(chain, 1).seq == chain.verify()


def test_a_writer_killed_inside_its_write_leaves_no_trace_of_it(chain, tmp_path, process):
    writer = process(HANGING)
    assert writer.stdout.readline() == "inside\n"
    writer.send_signal(signal.SIGKILL)
    writer.wait()
    assert chain.verify() == 5
    assert add(chain, 6).seq == 6


def test_a_held_lock_names_its_holder(tmp_path, process):
    holder = process(HOLDING)
    holder.stdout.readline()
    chain = make(tmp_path, wait_seconds=0.1)
    with pytest.raises(Busy, match=rf"log.lock is held by process {holder.pid}. Try again"):
        add(chain, 1)
    holder.kill()
    holder.wait()
    assert add(chain, 1).seq == 1


def test_a_caller_may_say_what_is_busy(tmp_path):
    path = tmp_path / "lock"
    second = file_lock(path, wait_seconds=0, busy=lambda who: f"the report is run by {who}")
    message = f"^the report is run by process {os.getpid()}$"
    with file_lock(path), pytest.raises(Busy, match=message), second:
        pass


def test_a_lock_is_waited_for(tmp_path):
    path, order = tmp_path / "lock", []

    def hold():
        with file_lock(path):
            held.set()
            time.sleep(0.1)
            order.append("first")

    held = threading.Event()
    thread = threading.Thread(target=hold)
    thread.start()
    held.wait()
    with file_lock(path, wait_seconds=10):
        order.append("second")
    thread.join()
    assert order == ["first", "second"]


def test_who_takes_a_lock_again_and_again_does_not_overtake_who_waits(tmp_path):
    path, taken, stop = tmp_path / "lock", [], threading.Event()

    def again_and_again():
        while not stop.is_set():
            with file_lock(path):
                taken.append(1)
                time.sleep(0.02)

    thread = threading.Thread(target=again_and_again)
    thread.start()
    overtaken = []
    for _ in range(5):
        before = len(taken)
        with file_lock(path):
            overtaken.append(len(taken) - before)
    stop.set()
    thread.join()
    assert sorted(overtaken)[2] <= 2


def test_a_lock_goes_with_its_block_even_when_a_child_was_forked_inside(tmp_path):
    path = tmp_path / "lock"
    with file_lock(path):
        child = subprocess.Popen(["sleep", "30"])
        copy = os.dup(next(h for h in _open_files() if _is(h, path)))  # as a forked kernel has one
    with file_lock(path, wait_seconds=0):
        pass
    os.close(copy)
    child.kill()
    child.wait()


def _open_files():
    return [int(path.name) for path in Path("/proc/self/fd").iterdir()]


def _is(handle, path):
    try:
        return os.path.samestat(os.fstat(handle), path.stat())
    except OSError:
        return False


def test_a_database_held_by_another_program_is_busy(chain, tmp_path):
    hasty = make(tmp_path, wait_seconds=0.1)
    other = sqlite3.connect(tmp_path / "log.sqlite", isolation_level=None)
    other.execute("BEGIN EXCLUSIVE")
    with pytest.raises(Busy, match=r"log.sqlite is in use by another program. Try again."):
        add(hasty, 6)
    other.execute("ROLLBACK")
    other.close()
    assert add(hasty, 6).seq == 6


def test_another_error_class_may_be_asked_for(tmp_path):
    (tmp_path / "log.sqlite").write_bytes(b"garbage" * 1000)
    chain = Chain(f"sqlite:///{tmp_path / 'log.sqlite'}", "log", tmp_path / "l", StorageError)
    with pytest.raises(StorageError, match="not a readable log") as caught:
        chain.head()
    assert type(caught.value) is StorageError
