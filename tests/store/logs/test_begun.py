"""A register that is lost is a loss: told by check, and by every act that needs it."""

import json

import pytest

import workbench as wb
from workbench.checks import check
from workbench.errors import InputError, Refused, StorageError
from workbench.lifecycle.backups import taking as backups


def again(shop):
    return wb.open_workspace(shop.settings.root, now=shop.now)


def emptied(path):
    path.unlink()


def emptied_of_its_mark_too(path):
    path.unlink()
    (path.parent / "keys" / "audit.mark").unlink()


def begun_anew(path):
    import sqlite3

    with sqlite3.connect(path) as log:
        log.execute("UPDATE " + path.stem + " SET hash = 'x' || hash")
    log.close()


@pytest.mark.parametrize("damage", [emptied, emptied_of_its_mark_too, begun_anew])
def test_a_lost_log_is_told_until_an_officer_says_so(shop, damage):
    shop.open("customers", "service")
    counted = wb.query(shop.open("transactions", "reporting")).customers()
    shop.release(counted, name="active", epsilon=0.1)
    shop.office.hold("dispute", table="customers")
    damage(shop.private / "audit.sqlite")
    ws = again(shop)
    assert [p for p in check(ws) if p.part == LOG and "is lost, was cut or begun anew" in p.text]
    for act in (ws.office.back_up, lambda: ws.open("customers", "service"), ws.office.holds):
        with pytest.raises(StorageError, match=r"audit\.sqlite is lost"):
            act()
    if damage is not begun_anew:
        with pytest.raises(Refused, match="officer"):
            ws.office.acknowledge("disk broke", role="analyst")
        assert ws.office.acknowledge("disk broke", role="officer") == 0
        assert ws.events.entries("register lost")[0].body["registers"] == ["audit"]
        assert [p for p in check(again(shop)) if p.part == LOG] == []
        with pytest.raises(InputError, match="nothing is lost"):
            ws.office.acknowledge("again", role="officer")


def test_without_the_marks_nobody_comes_back(shop):
    shop.office.erase_subject("K-000001", verified_by="id card")
    kept = shop.store.marks.path.read_text()
    shop.store.marks.path.unlink()
    ws = again(shop)
    assert [p for p in check(ws) if "has 0 of 1 marks" in p.text]
    for act in (lambda: ws.init(reload=["customers"]), ws.office.back_up):
        with pytest.raises(StorageError, match=r"marks.jsonl is lost.* has 0 of 1 marks"):
            act()
    shop.store.marks.path.write_text(kept.replace('"mark": "', '"mark": "0'))
    assert [p for p in check(again(shop)) if "a line is not the one that was written" in p.text]
    with pytest.raises(StorageError, match="a line is not the one"):
        again(shop).office.erase_subject("K-000002", verified_by="id card")
    count, beside = shop.private / "keys" / "marks.jsonl.mark", shop.settings.path("backups")
    counted = count.read_bytes()
    count.unlink()
    shop.store.marks.path.unlink()  # how many there were is known beside the backups alone
    with pytest.raises(StorageError, match="has 0 of 1 marks"):
        again(shop).office.erase_subject("K-000002", verified_by="id card")
    assert (beside / "marks.jsonl").read_text() == kept
    count.write_bytes(counted)
    shop.store.marks.path.write_text(kept)
    again(shop).init(reload=["customers"])
    assert int(again(shop).open("customers", "service").count().execute()) == 599


def test_without_the_marks_secret_nobody_comes_back(shop):
    shop.office.restrict_subject("K-000002", verified_by="id card")
    corrected(again(shop))
    again(shop).office.erase_subject("K-000003", verified_by="id card")
    secret = shop.store.marks.secret_path
    kept = secret.read_bytes()
    secret.unlink()
    ws = again(shop)
    assert [p.part for p in check(ws) if "marks.sealed is lost" in p.text] == [
        "marks",
        "corrections",
    ]
    for act in (
        lambda: ws.init(reload=["customers"]),
        lambda: ws.open("customers", "service"),
        lambda: ws.office.erase_subject("K-000004", verified_by="id card"),
        ws.office.back_up,
        ws.office.apply_retention,
    ):
        with pytest.raises(StorageError, match=r"marks.sealed is lost"):
            act()
    assert not secret.exists()
    secret.write_bytes(kept)
    assert again(shop).open("customers", "service").count().execute() == 598
    secret.unlink()
    again(shop).office.acknowledge("disk broke", role="officer")
    assert [p for p in check(again(shop)) if "lost" in p.text] == []
    again(shop).init(reload=["customers"])
    assert again(shop).open("customers", "service").count().execute() == 600


LOG = "audit log"
ITEMS = {  # what lies in the one log: what begins it, what then refuses
    "incidents": (
        lambda ws: ws.office.incidents.open(
            "leak", nature="leak", detected_at=ws.now(), occurred_at=None, facts={}, now=ws.now()
        ),
        lambda ws: ws.office.incidents.all(),
    ),
    "reviews": (lambda ws: ws.office.review(), lambda ws: ws.office.reviews.past()),
    "risks": (
        lambda ws: ws.office.reviews.add_risk(
            "keys",
            owner="it",
            likelihood=1,
            impact=1,
            treatment="accept",
            plan="",
            due=None,
            now=ws.now(),
        ),
        lambda ws: ws.office.reviews.risks(),
    ),
    "history of quality": (lambda ws: ws.quality("customers"),) * 2,
}


def corrected(ws):
    ws.office.correct_subject(
        "K-000001", {"customers.email": "a@example.org"}, verified_by="id card"
    )


def begun(ws):
    for begin, _ in ITEMS.values():
        begin(ws)


KEPT = {  # part: what begins it, its file, what then refuses
    "corrections": (
        corrected,
        "corrections.sealed",
        [
            lambda ws: ws.init(reload=["customers"]),
            lambda ws: ws.office.subject_held("K-000001", verified_by="id card"),
        ],
    ),
    LOG: (begun, "audit.sqlite", [act for _, act in ITEMS.values()]),
}


@pytest.mark.parametrize("part", KEPT)
def test_whatever_is_gone_is_told_until_an_officer_says_so(shop, part):
    begin, name, acts = KEPT[part]
    begin(shop)
    (shop.private / name).unlink()
    ws = again(shop)
    assert [p for p in check(ws) if p.part == part and "is lost, was cut or begun anew" in p.text]
    assert [each.what for each in ws.office.look_over().failed if part in each.what]
    for act in [*acts, lambda ws: ws.office.back_up()]:
        with pytest.raises(StorageError, match="is lost, was cut or begun anew"):
            act(ws)
    with pytest.raises(Refused, match="officer"):
        ws.office.acknowledge("disk broke", role="analyst")
    assert ws.office.acknowledge("disk broke", role="officer") == 0
    lost = ws.events.entries("register lost")[0].body["registers"]
    assert lost == ["audit" if part == LOG else part]
    ws = again(shop)
    assert [p for p in check(ws) if p.part == part] == []
    for act in acts if part == LOG else acts[:1]:
        act(ws)


def test_a_restore_does_not_make_lost_registers_look_whole(shop, tmp_path):
    made = shop.office.back_up(tmp_path / "one.backup")
    corrected(shop)
    ITEMS["incidents"][0](shop)
    for folder in (shop.private, shop.settings.path("backups")):
        (folder / "corrections.sealed").unlink()
    (shop.private / "audit.sqlite").unlink()
    again(shop).office.restore(made.file, over=True)
    parts = {p.part for p in check(again(shop))}
    assert {"corrections", LOG} <= parts


def test_corrections_of_the_erased_are_forgotten_and_not_lost(shop):
    corrected(shop)
    shop.office.erase_subject("K-000001", verified_by="id card")
    ws = again(shop)
    assert ws.store.corrections.all() == []
    assert [p for p in check(ws) if p.part == "corrections"] == []


def test_a_restore_does_not_make_lost_marks_look_whole(shop, tmp_path):
    made = shop.office.back_up(tmp_path / "one.backup")
    shop.office.erase_subject("K-000001", verified_by="id card")
    shop.store.marks.path.unlink()
    (shop.settings.path("backups") / "marks.jsonl").unlink()
    ws = again(shop)
    ws.office.restore(made.file, over=True)
    with pytest.raises(StorageError, match="has 0 of 1 marks"):
        again(shop).open("customers", "service")


def test_a_backup_without_its_ledger_is_neither_made_nor_restored(shop, tmp_path, monkeypatch):
    question = wb.query(shop.open("transactions", "reporting"), period="2026-03").customers()
    shop.release(question, name="all", epsilon=0.1)
    (shop.private / "ledger.sqlite").unlink()
    with pytest.raises(StorageError, match=r"ledger.sqlite is lost.* no backup"):
        shop.office.back_up(tmp_path / "one.backup")
    with monkeypatch.context() as patched:  # as earlier versions backed up
        patched.setattr(backups, "ledger_lost", lambda _: False)
        made = shop.office.back_up(tmp_path / "one.backup")
    with pytest.raises(StorageError, match="is not whole: it holds no ledger"):
        again(shop).office.restore_test(made.file)


@pytest.mark.parametrize("text", ["", "{", "[" * 100_000, "[1]", json.dumps({"a": 1})])
def test_an_odd_mark_is_a_loss_and_no_fault(shop, text):
    (shop.private / "keys" / "audit.mark").write_text(text)
    with pytest.raises(StorageError, match=r"audit\.sqlite is lost"):
        again(shop).open("customers", "service")


def test_audit_verify_tells_of_a_log_that_is_gone(shop):
    shop.open("customers", "service")
    (shop.private / "audit.sqlite").unlink()
    assert [each.what for each in again(shop).office.verify_logs()["audit log"].faults] == [
        "missing: the log is gone, or was begun anew"
    ]
