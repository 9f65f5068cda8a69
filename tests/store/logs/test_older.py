"""Logs that were files of their own before are taken over once, whole, whatever cuts it off."""

import datetime as dt
import shutil
import signal
import sqlite3
import subprocess
import sys
import tarfile

import pytest

import workbench as wb
from workbench.errors import InputError, StorageError
from workbench.lifecycle.holds import holds
from workbench.lifecycle.incidents import Incidents
from workbench.lifecycle.review import Reviews
from workbench.store.logs.chain import log_in
from workbench.store.logs.events import Events, verify
from workbench.store.quality.result import QualityHistory

READS, BROUGHT = 35, 21  # entries of the old audit log, and of the six others together
OLD = (
    "journal.sqlite",
    "quality.sqlite",
    *(f"registers/{name}.sqlite" for name in ("incidents", "risks", "reviews", "shares")),
)


@pytest.fixture(scope="module")
def written(tmp_path_factory, repository):
    """Return a private folder whose logs an earlier workbench wrote."""
    folder = tmp_path_factory.mktemp("written")
    with tarfile.open(repository / "tests/assets/workspace-2026-11/workspace.tar.xz") as packed:
        packed.extractall(folder, filter="tar")
    return folder / ".workbench"


@pytest.fixture
def old(written, tmp_path):
    return shutil.copytree(written, tmp_path / "private")


def require_whole(private):
    """All is there once, holds, and lies in one file."""
    events = Events(private)
    assert len(events.entries()) == READS + BROUGHT
    assert verify(events).holds
    assert [each for each in OLD if (private / each).exists()] == []
    assert list((private / "registers").glob("*")) == []
    for name in ("journal", "quality", "incidents", "risks", "reviews"):
        (private / "registers").mkdir(exist_ok=True)
        folder = private if name in ("journal", "quality") else private / "registers"
        with pytest.raises(StorageError, match=rf"{name}.sqlite is lost"):
            log_in(folder, name, begun=private).entries()  # as an earlier version reads it


def test_what_was_told_is_told(old):
    (old / "registers" / "risks.lock.turn").touch()  # of a writer
    with sqlite3.connect(old / "audit.sqlite") as database:
        (before,) = database.execute("SELECT hash FROM audit WHERE seq = 35").fetchone()
    database.close()
    events = Events(old)
    assert [(each.id, each.reason) for each in holds(events)] == [("H-0001", "Court file 12")]
    (incident,) = Incidents(events).all()
    assert (incident.id, incident.title, incident.state) == (
        "IN-2026-001",
        "A laptop was lost",
        "open",
    )
    assert [(r.id, r.title) for r in Reviews(events).risks()] == [("RK-2026-001", "Key lost")]
    assert [len(each.checks) > 3 for each in Reviews(events).past()] == [True]
    assert {point.snapshot for each in QualityHistory(events).points().values() for point in each
            } == {5}  # fmt: skip  # why: one set
    assert [each.body["request"] for each in events.acts("erased")] == ["R-0005"]
    assert not (old / "registers").exists()
    assert events.hash_at(READS) == before  # what published editions know of the log still fits
    with pytest.raises(InputError, match="is behind now"):
        events.require_clock(dt.datetime(2026, 11, 30, tzinfo=dt.UTC))
    require_whole(old)


def cut_off(private, after, cut):
    """Begin to take over, and be cut off once so many lines of it were run."""
    left = after

    def trace(frame, event, _):
        nonlocal left
        if not frame.f_code.co_filename.endswith(("logs/events.py", "logs/counted.py")):
            return None
        if event == "line":
            left -= 1
            if left == 0:
                cut()
        return trace

    sys.settrace(trace)
    try:
        Events(private).head()
    finally:
        sys.settrace(None)
    return after - left


class Cut(BaseException):
    pass


def test_cut_off_at_any_line_it_is_taken_up_again(written, tmp_path, size):
    def stop():
        raise Cut

    lines = cut_off(shutil.copytree(written, tmp_path / "whole"), 10**9, stop)
    for number in range(1, lines, lines // 10 if size == "smoke" else 3):
        private = shutil.copytree(written, tmp_path / f"cut-{number}")
        with pytest.raises(Cut):
            cut_off(private, number, stop)
        require_whole(private)
    require_whole(tmp_path / "whole")


def test_killed_at_any_line_it_is_taken_up_again(written, tmp_path, size):
    lines = cut_off(shutil.copytree(written, tmp_path / "whole"), 10**9, lambda: None)
    times = 3 if size == "smoke" else 60
    for number in range(times):
        private = shutil.copytree(written, tmp_path / f"killed-{number}")
        after = 1 + number * (lines - 1) // (times - 1)
        code = (
            "import os, signal; from pathlib import Path; from store.logs import test_older as t\n"
            f"t.cut_off(Path({str(private)!r}), {after}, "
            "lambda: os.kill(os.getpid(), signal.SIGKILL))"
        )
        ended = subprocess.run([sys.executable, "-c", code], cwd="tests", check=False)
        assert ended.returncode == -signal.SIGKILL
        require_whole(private)


@pytest.mark.parametrize("mark", [True, False])
def test_files_that_come_back_are_not_told_twice(written, old, mark):
    Events(old).head()
    (old / "registers").mkdir()
    for name in OLD:
        if (written / name).exists():
            shutil.copy(written / name, old / name)
    if mark:
        shutil.copy(written / "keys" / "journal.mark", old / "keys" / "journal.mark")
    require_whole(old)


def altered(private):
    with sqlite3.connect(private / "journal.sqlite") as log:
        log.execute("UPDATE journal SET body = '{}' WHERE seq = 17")
    log.close()


def gone(private):
    (private / "journal.sqlite").unlink()


@pytest.mark.parametrize(
    ("damage", "told"), [(altered, "entry 17 .* does not fit"), (gone, "journal.sqlite is lost")]
)
def test_a_damaged_log_is_told_and_nothing_moves_until_an_officer_says_so(
    written, shop, damage, told
):
    for name in ("journal.sqlite", "keys/journal.mark"):
        shutil.copy(written / name, shop.private / name)
    damage(shop.private)
    ws = wb.open_workspace(shop.settings.root, now=shop.now)
    for act in (ws.office.holds, lambda: ws.open("customers", "service"), ws.office.back_up):
        with pytest.raises(StorageError, match=told):
            act()
    (fault,) = ws.office.verify_logs()["audit log"].faults
    assert "journal" in fault.what
    assert ws.office.acknowledge("The disk broke.", role="officer") == 0
    assert ws.events.last("register lost").body["registers"] == ["journal"]
    assert ws.office.holds() == []
    assert ws.office.verify_logs()["audit log"].holds
    aside = shop.private / "journal.broken"  # none where there was nothing to keep
    assert (aside.exists() and aside.stat().st_size > 0) == (damage is altered)


def test_a_backup_of_before_is_restored_and_what_went_on_since_stays(
    written, shop, tmp_path, monkeypatch
):
    for name in ("journal.sqlite", "keys/journal.mark"):
        shutil.copy(written / name, shop.private / name)
    later = dt.datetime(2026, 12, 1, tzinfo=dt.UTC)
    ws = wb.open_workspace(shop.settings.root, now=lambda: later)
    with monkeypatch.context() as before:  # as earlier versions backed up
        before.setattr(Events, "take_over", lambda _: None)
        made = ws.office.back_up(tmp_path / "one.backup")
    ws = wb.open_workspace(shop.settings.root, now=lambda: later)
    ws.office.hold("Another file", table="customers")
    assert "audit.sqlite" in ws.office.restore(made.file, over=True).kept
    ws = wb.open_workspace(shop.settings.root, now=lambda: later)
    assert [each.reason for each in ws.office.holds()] == ["Court file 12", "Another file"]
    assert ws.office.verify_logs()["audit log"].holds
    assert not (ws.private / "journal.sqlite").exists()
