"""The audit log: whatever is altered, swapped, removed or cut off is named by its place."""

import datetime as dt
import json
import sqlite3

import pytest

from workbench.store.logs.chain import entry_hash
from workbench.store.logs.events import Events, verify

NOW = dt.datetime(2026, 10, 2, 9, tzinfo=dt.UTC)


@pytest.fixture
def audit(tmp_path):
    """Return a log of ten entries."""
    audit = Events(tmp_path)
    for number in range(10):
        audit.record("open", {"table": "t", "number": number}, now=NOW)
    return audit


def change(audit, *statements):
    database = sqlite3.connect(audit.path)
    with database:
        for statement in statements:
            database.execute(statement)
    database.close()


def places(audit, published=None):
    return [
        (fault.seq, fault.what.split(" ")[0].rstrip(",:"))
        for fault in verify(audit, published).faults
    ]


def test_a_whole_log_holds(audit):
    verdict = verify(audit)
    assert (verdict.holds, verdict.entries, verdict.head) == (True, 10, audit.head())


def test_an_empty_log_holds(tmp_path):
    verdict = verify(Events(tmp_path))
    assert (verdict.holds, verdict.entries) == (True, 0)


@pytest.mark.parametrize("column", ["at", "kind", "subject", "ref", "body"])
@pytest.mark.parametrize("seq", [1, 5, 10])
def test_an_altered_entry_is_named_and_no_other(audit, column, seq):
    change(audit, f"UPDATE audit SET {column} = 'x' WHERE seq = {seq}")
    assert places(audit) == [(seq, "altered")]


def test_an_entry_whose_hash_was_made_to_fit_shows_at_the_next(audit):
    row = ("x", "open", None, None, "{}")
    before = audit.hash_at(4)
    new = entry_hash(before, 5, *row)
    change(audit, f"UPDATE audit SET at='x', subject=NULL, body='{{}}', hash='{new}' WHERE seq = 5")
    assert places(audit) == [(6, "altered")]


def test_two_swapped_entries_are_both_named(audit):
    change(
        audit,
        "CREATE TEMP TABLE two AS SELECT * FROM audit WHERE seq IN (4, 7)",
        "DELETE FROM audit WHERE seq IN (4, 7)",
        "INSERT INTO audit SELECT 11 - seq, at, kind, subject, ref, body, hash FROM two",
    )
    assert {4, 7} <= {seq for seq, _ in places(audit)}
    assert min(places(audit))[0] == 4


@pytest.mark.parametrize(
    ("gone", "found"), [("seq = 5", (5, "missing")), ("seq < 3", (1, "missing"))]
)
def test_a_removed_entry_is_named(audit, gone, found):
    change(audit, f"DELETE FROM audit WHERE {gone}")
    assert places(audit)[0] == found


def test_several_faults_are_all_named(audit):
    change(
        audit, "UPDATE audit SET body = '{}' WHERE seq IN (2, 8)", "DELETE FROM audit WHERE seq = 5"
    )
    assert [seq for seq, _ in places(audit)] == [2, 5, 8]


def test_a_cut_tail_shows_by_the_databases_count(audit):
    change(audit, "DELETE FROM audit WHERE seq > 7")
    (fault,) = verify(audit).faults
    assert (fault.seq, fault.what) == (8, "missing: 3 cut off at the end")


def test_a_cut_tail_shows_by_a_published_edition_when_the_count_is_cut_too(audit, tmp_path):
    published = tmp_path / "published"
    folder = published / "overview" / "2026-09" / "r1"
    folder.mkdir(parents=True)
    (folder / "edition.json").write_text(json.dumps({"audit_head": [*audit.head()]}))
    (published / "other").mkdir()
    (published / "other" / "edition.json").write_text("{}")
    assert verify(audit, published).witnesses == 1
    change(audit, "DELETE FROM audit WHERE seq > 7", "UPDATE sqlite_sequence SET seq = 7")
    assert verify(audit).holds
    (fault,) = verify(audit, published).faults
    assert fault.seq == 10
    assert fault.what.startswith(f"missing: cut off at the end; the published edition {folder}")


def test_a_rewritten_log_does_not_fit_what_was_published(audit, tmp_path):
    published = tmp_path / "published"
    published.mkdir()
    (published / "edition.json").write_text(json.dumps({"audit_head": [3, "0" * 64]}))
    (fault,) = verify(audit, published).faults
    assert (fault.seq, fault.what.split(";")[0]) == (3, "another than was known")
