"""The security review looks at what is; risks keep their history."""

import datetime as dt
import json
import shutil

import pytest

import workbench as wb
from workbench.errors import InputError, UnknownName
from workbench.lifecycle.reads import minimisation
from workbench.lifecycle.review import affected

NOW = dt.datetime(2026, 10, 2, 9, tzinfo=dt.UTC)


def failed(review):
    return {check.what for check in review.failed}


def test_a_sound_workspace_passes_and_the_review_is_kept(shop):
    shop.settings.path("source").chmod(0o700)
    found = shop.office.review()
    assert failed(found) == set()
    assert found.files == found.encrypted > 0
    unknown = [check.what for check in found.checks if check.ok is None]
    assert "no installed package has a known weakness" in unknown  # no list was given
    (kept,) = shop.office.reviews.past()
    assert kept.checks == found.checks
    body = shop.events.entries("reviewed")[0].body
    assert (body["who"], body["failed"]) == (kept.who, 0)


def test_open_doors_are_found(shop):
    shop.private.chmod(0o755)
    (shop.private / "keys" / "master.key").chmod(0o600)
    source = shop.settings.path("source")
    source.chmod(0o755)
    for file in source.iterdir():
        file.chmod(0o644)
    (shop.settings.root / "workbench.toml").chmod(0o666)
    details = {check.what: check.detail for check in shop.office.review().failed}
    assert "run 'chmod -R o-rwx data'" in details["source files are not for everybody"]
    assert "chmod 700 .workbench" in details["the private folder is its owner's alone"]
    assert failed(shop.office.review()) == {
        "the private folder is its owner's alone",
        "source files are not for everybody",
        "nobody else may change workbench.toml",
    }


def test_a_plain_data_file_is_found(shop):
    store = shop.private / "store" / "data"
    shutil.copyfile(shop.settings.path("source") / "customers.parquet", store / "stray.parquet")
    found = shop.office.review()
    assert "every data file of the store is encrypted" in failed(found)
    assert found.encrypted == found.files - 1


def test_an_altered_log_is_found(shop):
    shop.open("customers", "service").count().execute()
    import sqlite3

    with sqlite3.connect(shop.private / "audit.sqlite") as log:
        log.execute("UPDATE audit SET body = '{}' WHERE seq = 1")
    assert "the audit log is whole" in failed(shop.office.review())


def _tables(path):
    import sqlite3

    with sqlite3.connect(path) as log:
        names = log.execute("SELECT name FROM sqlite_sequence").fetchall()
    return [name for (name,) in names]


@pytest.fixture
def busy(shop):
    """Return a shop whose every log has several entries."""
    for number in range(3):
        shop.office.hold(f"dispute {number}", table="customers")
        shop.office.incidents.open(
            "x", nature="leak", detected_at=NOW, occurred_at=None, facts={}, now=NOW
        )
        shop.office.reviews.add_risk(
            "x", owner="it", likelihood=1, impact=1, treatment="accept", plan="", due=None, now=NOW
        )
        shop.office.shares.begin("shared", {"n": number}, now=NOW)
        shop.decisions.register.begin("decided", {"n": number}, now=NOW)
        shop.release(
            wb.query(shop.open("transactions", "reporting"), period="2026-09").customers(),
            name=f"n{number}",
            epsilon=0.01,
        )
        shop.quality("customers", "transactions"[: 12 * number] or "customers")
        shop.office.review()
    return shop


LOGS = {
    "audit log": "audit.sqlite",
    "ledger": "ledger.sqlite",
}


@pytest.mark.parametrize("name", LOGS)
def test_every_log_is_found_altered_shortened_or_cut(busy, tmp_path, name):
    import sqlite3

    file = LOGS[name]
    assert {n for n, each in busy.office.verify_logs().items() if not each.holds} == set()
    assert set(busy.office.verify_logs()) == {
        *LOGS,
        "file of marks",
        "file of corrections",
    }
    (table,) = _tables(busy.private / file)
    kept = (busy.private / file).read_bytes()
    for change in (
        f"UPDATE {table} SET body = '{{}}' WHERE seq = 2",
        f"DELETE FROM {table} WHERE seq = 1",
        f"DELETE FROM {table} WHERE seq = (SELECT max(seq) FROM {table})",
        f"DELETE FROM {table} WHERE seq > 1",
    ):
        with sqlite3.connect(busy.private / file) as log:
            log.execute(change)
        log.close()
        again = wb.open_workspace(busy.settings.root, now=busy.now)
        assert f"the {name} is whole" in failed(again.office.look_over()), change
        found = again.office.review()  # and it is told, whether or not it can be recorded
        assert f"the {name} is whole" in failed(found), change
        (busy.private / file).write_bytes(kept)


def test_a_hold_taken_out_of_the_log_with_its_count_is_known_by_the_mark_at_the_keys(shop):
    import sqlite3

    shop.office.hold("dispute", table="customers")
    with sqlite3.connect(shop.private / "audit.sqlite") as log:
        log.execute("DELETE FROM audit WHERE kind = 'hold'")
        log.execute("UPDATE sqlite_sequence SET seq = 1")
    log.close()
    (fault,) = shop.office.verify_logs()["audit log"].faults
    assert (fault.seq, fault.what) == (2, "missing: 1 cut off at the end")
    assert "the audit log is whole" in failed(shop.office.review())
    (shop.private / "audit.sqlite").unlink()
    assert "the audit log is whole" in failed(shop.office.review())


def test_with_a_cut_log_the_review_is_told_and_says_that_it_is_on_no_record(busy):
    import sqlite3

    from click.testing import CliRunner

    from workbench.cli import main

    with sqlite3.connect(busy.private / "audit.sqlite") as log:
        log.execute("DELETE FROM audit WHERE seq > 7")
    log.close()
    told = CliRunner().invoke(main, ["office", "review", "--workspace", str(busy.settings.root)])
    assert told.exit_code == 2
    for said in ("the audit log is whole", "cut off at the end", "the review is on record",
                 "The register of risks cannot be read."):  # fmt: skip
        assert said in told.output
    with sqlite3.connect(busy.private / "audit.sqlite") as log:
        log.execute("UPDATE audit SET body = '{}' WHERE seq = 3")
    log.close()
    told = CliRunner().invoke(
        main, ["office", "audit", "verify", "--workspace", str(busy.settings.root)]
    )
    assert told.exit_code == 7
    assert "entry 3: altered" in told.output


def test_pip_audit_and_osv_lists_are_understood(tmp_path):
    installed = {"Left_Pad": "1.2", "other": "3.0"}
    pip = tmp_path / "pip.json"
    pip.write_text(
        json.dumps(
            {
                "dependencies": [
                    {"name": "left-pad", "version": "1.2", "vulns": [{"id": "A-1"}]},
                    {"name": "other", "version": "2.9", "vulns": [{"id": "A-2"}]},
                ]
            }
        )
    )
    ranges = [{"type": "ECOSYSTEM", "events": [{"introduced": "0"}, {"fixed": "3.1"}]}]
    osv = tmp_path / "osv.json"
    osv.write_text(
        json.dumps(
            [
                {"id": "B-1", "affected": [{"package": {"name": "other"}, "ranges": ranges}]},
                {"id": "B-2", "affected": [{"package": {"name": "other"}, "versions": ["2.0"]}]},
                {
                    "id": "B-3",
                    "affected": [
                        {"package": {"name": "other", "ecosystem": "npm"}, "versions": ["3.0"]}
                    ],
                },
            ]
        )
    )
    assert [(each.package, each.id) for each in affected(tmp_path, installed)] == [
        ("left-pad", "A-1"),
        ("other", "B-1"),
    ]


def test_a_list_in_the_review(shop, tmp_path):
    path = tmp_path / "list.json"
    content = {
        "id": "X",
        "affected": [{"package": {"name": "click"}, "ranges": [{"events": [{"introduced": "0"}]}]}],
    }
    path.write_text(json.dumps(content))
    assert "no installed package has a known weakness" in failed(shop.office.review(path))


@pytest.mark.parametrize(
    ("content", "message"),
    [("{}", "is not a list of advisories"), ("[1", "is not a list of advisories")],
)
def test_what_is_no_list_of_advisories(tmp_path, content, message):
    path = tmp_path / "x.json"
    path.write_text(content)
    with pytest.raises(InputError, match=message):
        affected(path)


def test_a_list_that_is_not_there(tmp_path):
    with pytest.raises(InputError, match="cannot be read: No such file"):
        affected(tmp_path / "none.json")
    with pytest.raises(InputError, match=r"holds no \.json file"):
        affected(tmp_path)


def risk(shop, **other):
    given = {"owner": "security", "likelihood": 3, "impact": 5, "treatment": "mitigate", "plan": ""}
    given |= {"due": dt.date(2026, 12, 31), "now": NOW, **other}
    return shop.office.reviews.add_risk(given.pop("title", "Wide reads"), **given)


def test_risks_have_a_severity_and_keep_their_history(shop):
    made = risk(shop)
    assert (made.id, made.severity, made.level) == ("RK-2026-001", 15, "high")
    changed = shop.office.reviews.change_risk(made.id, {"likelihood": 2}, now=NOW)
    assert (changed.severity, changed.level) == (10, "medium")
    assert [severity for _, severity in changed.history] == [15, 10]
    with pytest.raises(InputError, match="say what changed: --likelihood, --impact"):
        shop.office.reviews.change_risk(made.id, {}, now=NOW)
    with pytest.raises(InputError, match="say with --reason why it is none any more"):
        shop.office.reviews.close_risk(made.id, " ", now=NOW)
    closed = shop.office.reviews.close_risk(made.id, "roles in force", now=NOW)
    assert closed.closed
    assert [each.id for each in shop.office.reviews.risks()] == [made.id]
    with pytest.raises(InputError, match=r"RK-2026-001 is closed\. Put a new risk on the register"):
        shop.office.reviews.close_risk(made.id, "again", now=NOW)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"impact": 6}, "likelihood and impact are 1 to 5, not 3 and 6"),
        ({"treatment": "hope"}, "a treatment is one of mitigate"),
        ({"due": None}, "a risk to mitigate has a day"),
        ({"owner": ""}, "say with --owner which role or department answers for it"),
        ({"title": " "}, "say in a few words what may happen"),
    ],
)
def test_risks_are_told_whole(shop, change, message):
    with pytest.raises(InputError, match=message):
        risk(shop, **change)


def test_a_risk_that_is_not_there(shop):
    with pytest.raises(UnknownName, match="no risk named 'RK-1'"):
        shop.office.reviews.close_risk("RK-1", "x", now=NOW)


def test_columns_nobody_read_and_how_far_the_log_goes_back(shop):
    shop.open("transactions", "reporting")
    found = minimisation(shop.catalog, shop.events.entries(), today=dt.date(2026, 10, 2), months=12)
    names = {(each.table, each.column) for each in found.unread}
    assert ("transactions", "amount") not in names
    assert ("customers", "email") in names
    assert ("customers", "customer_id") not in names  # every read needs the key
    assert ("incidents", "opened_on") not in names
    assert not found.covered
    assert shop.office.minimisation(12) == found
