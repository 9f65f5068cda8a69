"""A command under a clock years ahead leaves marks: each is named, and set back by a word."""

import datetime as dt
import json

import pytest
from click.testing import CliRunner

import workbench as wb
from workbench.cli import main
from workbench.errors import InputError, LedgerError, PeriodError, Refused
from workbench.reporting.telling import is_news, note, require_running_clock

AHEAD = dt.timedelta(days=1830)


def at(shop, now):
    return wb.open_workspace(shop.settings.root, now=lambda: now)


def ask(ws, name, epsilon="0.1"):
    query = wb.query(ws.open("transactions", "reporting"), period="2026-09").customers()
    return ws.release(query, name=name, epsilon=epsilon)


def test_one_wrong_clock_stops_nothing_once_an_officer_has_said_so(shop):
    late = at(shop, shop.now() + AHEAD)
    ask(late, "late")
    late.office.hold("dispute", table="customers")
    note(shop.private, late.now(), {"state": "published"})
    ws = at(shop, shop.now())
    acts = {
        lambda: ask(ws, "now", "0.2"): (LedgerError, "of the ledger, its last spend"),
        lambda: ws.office.hold("another", table="customers"): (
            InputError,
            "of the audit log",
        ),
        lambda: require_running_clock(ws.private, ws.now()): (PeriodError, "runs.jsonl"),
    }
    for act, (error, mark) in acts.items():
        with pytest.raises(error, match=rf"clock shows 2026-.*{mark}.*is of 2031-.*--clock"):
            act()
    with pytest.raises(Refused, match="officer"):
        ws.office.set_clock("The battery died.", role="analyst")
    with pytest.raises(InputError, match="before any workspace was begun"):
        at(shop, dt.datetime(1970, 1, 1, tzinfo=dt.UTC)).office.set_clock(
            "I say so.", role="officer"
        )
    words = [
        "office",
        "acknowledge",
        "--clock",
        "--reason",
        "The battery died.",
        "--role",
        "officer",
    ]
    assert set(ws.office.set_clock("The battery died.", role="officer")) == {
        "ledger",
        "audit log",
        "runs",
    }
    for act in acts:
        act()
    with pytest.raises(InputError, match="no mark lies after"):
        ws.office.set_clock("Again.", role="officer")
    [told] = ws.events.entries("clock set")
    assert told.body["reason"] == "The battery died."
    [paid] = ws.ledger.chain.entries("acknowledged")
    assert paid.body["role_is"] == "self-declared"
    spent = {line.scope: line.spent_pico for line in ws.budget("2026-09")}
    assert spent["2026-09"] == spent["rolling year"] == spent["lifetime"] > 0
    assert all(each.holds for each in dict(ws.office.verify_logs()).values())
    note(shop.private, dt.datetime.now(dt.UTC) + AHEAD, {"state": "published"})
    said = CliRunner().invoke(main, [*words, "--workspace", str(shop.settings.root)])
    assert (said.exit_code, said.output[:19]) == (0, "runs: set back from")


def test_the_later_word_counts_though_the_earlier_clock_was_ahead(shop):
    marks = shop.store.marks
    mark = marks.of("K-000001")
    marks.add("restricted", mark, at=shop.now() + AHEAD, purposes=["*"])
    marks.add("restriction lifted", mark, at=shop.now(), purposes=["*"])
    assert marks.barred("service") == {}
    marks.add("restricted", mark, at=shop.now(), purposes=["*"])
    assert marks.barred("service") == {mark: {"restricted"}}


def test_the_later_correction_counts_though_the_earlier_clock_was_ahead(shop):
    for now, email in ((shop.now() + AHEAD, "old@example.org"), (shop.now(), "new@example.org")):
        from workbench.store.corrections import Correction

        one = Correction(
            now.isoformat(), "m", "customers", "K", {}, {"email": None}, {"email": email}
        )
        shop.store.corrections.add(one)
    assert [each.after["email"] for each in shop.store.corrections.all()][-1] == "new@example.org"


def test_a_failure_told_by_a_wrong_clock_is_told_again(shop):
    cause = {"state": "failed", "error": "RunFailed", "cell": 4}
    told = {**cause, "told": (shop.now() + AHEAD).isoformat()}
    assert is_news(cause, json.loads(json.dumps(told)), shop.now())
