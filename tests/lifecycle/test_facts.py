"""What the compliance summary is told: facts, and None where nobody measured."""

import datetime as dt
import os
from pathlib import Path

import pytest

import workbench as wb
from workbench.checks import check
from workbench.errors import StorageError
from workbench.lifecycle.facts import facts
from workbench.store.durable import write_whole

LATER = dt.datetime(2032, 6, 15, 9, tzinfo=dt.UTC)


def opened(shop, now):
    return wb.open_workspace(shop.settings.root, now=lambda: now)


def test_of_a_new_workspace_much_was_not_measured(shop):
    os.utime(shop.private / "keys" / "master.key", (1_790_000_000,) * 2)  # 2026-09-21
    found = facts(shop.office)
    assert found["key"] == {"place": "file", "made_on": dt.date(2026, 9, 21), "age_days": 11}
    assert found["backups"] == {"last_days": None, "last_test_days": None, "last_test_held": None}
    assert found["erasures"] == {"customers": 0, "findable": {}, "unfinished": False}
    assert found["audit"] == {"entries": 1, "holds": True, "faults": []}  # it was loaded
    assert found["requests"]["oldest_open_days"] is None
    assert found["retention"]["past"] == 0


def test_what_happened_is_counted(shop, tmp_path):
    made = shop.office.back_up(tmp_path / "x.backup")
    shop.office.restore_test(made.file)
    shop.office.rotate_key()
    shop.office.erase_subject("K-000599", verified_by="id card")
    shop.office.open_request("access", "K-000003", received=dt.date(2026, 8, 20))
    shop.office.close_request(shop.office.open_request("access", "K-000003").id, "done")
    shop.office.hold("x", table="consents")
    ws = opened(shop, shop.now() + dt.timedelta(days=12))
    found = ws.office.lifecycle_facts()
    assert found["key"]["age_days"] == 12
    assert found["backups"] == {"last_days": 12, "last_test_days": 12, "last_test_held": True}
    assert found["erasures"] == {"customers": 1, "findable": {}, "unfinished": False}
    requests = found["requests"]
    # the erasure is a request too
    assert (requests["received"], requests["open"], requests["overdue"]) == (3, 1, 1)
    assert (requests["in_time"], requests["oldest_open_days"]) == (2, 55)
    assert found["holds"] == 1
    assert opened(shop, LATER).office.lifecycle_facts()["retention"]["by_table"]["customers"] == 330


def test_a_test_that_failed_is_no_test_that_held(shop, tmp_path):
    made = shop.office.back_up(tmp_path / "x.backup")
    Path(made.file).write_bytes(b"no backup any more")
    with pytest.raises(StorageError):
        shop.office.restore_test(made.file)
    found = facts(shop.office)["backups"]
    assert (found["last_test_days"], found["last_test_held"]) == (None, False)


def test_rows_of_somebody_marked_are_findable_until_they_are_taken_away(shop):
    mark = shop.store.marks.of("K-000010")
    shop.store.marks.add("erased", mark, at=shop.now())
    found = facts(shop.office)["erasures"]["findable"]
    assert sum(found.values()) == 1 + 9 + 1
    assert any("removal of rows was cut off" in each.text for each in check(shop))
    shop.office.apply_retention()
    assert facts(opened(shop, shop.now()).office)["erasures"]["findable"] == {}


def test_a_check_says_what_was_cut_off(shop):
    assert [each.text for each in check(shop) if each.part in ("keys", "lifecycle")] == []
    shop.store.key_source.begin()
    write_whole(shop.store.folder / "rewriting", b"")
    assert [each.text.split(".")[0] for each in check(shop) if each.part != "reports"] == [
        "a rotation of the key was cut off",
        "a removal of rows was cut off",
    ]
    shop.office.rotate_key()
    shop.office.apply_retention()
    again = opened(shop, shop.now())
    assert [each.text for each in check(again) if each.part != "reports"] == []


def test_a_workspace_without_a_key_is_told_once(shop):
    (shop.private / "keys" / "master.key").unlink()
    parts = [each.part for each in check(opened(shop, shop.now()))]
    assert "lifecycle" not in parts
    assert "store" in parts
