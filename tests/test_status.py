"""One look at everything, and its gate."""

import datetime as dt
import json

import pytest
from click.testing import CliRunner

import workbench as wb
from workbench.cli import main
from workbench.status import light_of, status


def _open_incident(ws):
    ws.office.incidents.open(
        "leak", nature="leak", detected_at=ws.now(), occurred_at=None, facts={}, now=ws.now()
    )


def _ask(ws, received):
    ws.office.open_request("access", "K-000010", law="GDPR", received=received)


def _spend(ws, epsilon):
    asked = wb.query(ws.open("transactions", "reporting")).customers()
    ws.release(asked, name="customers", epsilon=epsilon)


def _aside(ws):
    file = ws.settings.root / "a.csv"
    columns = "customer_id,booked_on,region,category,note,amount,is_online"
    file.write_text(
        f"{columns}\nK-000001,2026-10-01,north,food,x,5,true\n"
        "K-000001,2026-10-01,nowhere,food,x,5,true\n"
    )
    ws.ingest("transactions", file)


def _damage(ws):
    path = ws.private / "ledger.sqlite"
    path.write_bytes(b"no ledger")


CASES = {
    "a backup": (lambda ws: ws.office.back_up(), "backup", "green", "less than a day old"),
    "a restore test": (
        lambda ws: ws.office.restore_test(ws.office.back_up().file),
        "restore test",
        "green",
        "held, less than a day ago",
    ),
    "a review that found something": (lambda ws: ws.office.review(), "review", "red", "failed"),
    "an incident": (_open_incident, "incidents", "amber", "is open"),
    "a late request": (
        lambda ws: _ask(ws, ws.now().date() - dt.timedelta(days=60)),
        "requests",
        "red",
        "1 overdue: R-0001",
    ),
    "a request for soon": (
        lambda ws: _ask(ws, ws.now().date() - dt.timedelta(days=28)),
        "requests",
        "amber",
        "1 due within a week: R-0001",
    ),
    "a limit nearly used up": (lambda ws: _spend(ws, 1.99), "budget", "amber", "2026-"),
    "rows kept aside": (_aside, "kept aside", "amber", "1 rows"),
    "a damaged ledger": (_damage, "health: ledger", "red", "not a readable log"),
}


@pytest.mark.parametrize("case", CASES)
def test_what_needs_somebody_is_seen(shop, case):
    act, part, light, words = CASES[case]
    act(shop)
    seen = status(wb.open_workspace(shop.settings.root, now=shop.now))
    mine = [each for each in seen if each.part == part and words in each.what]
    assert [each.light for each in mine][:1] == [light], seen
    assert {"health", "due", "budget", "backup", "review", "requests"} <= {
        each.part.partition(":")[0] for each in seen
    }  # what is wrong with one keeps no other from being told


def test_what_was_never_done_is_never_green(shop):
    seen = {each.part: each for each in status(shop)}
    assert (seen["backup"].light, seen["backup"].todo) == ("red", "workbench store backup")
    assert seen["restore test"].light == seen["review"].light == "not measured"
    assert seen["head of the ledger"].what.startswith("entry 0,")
    assert light_of(list(seen.values())) == "red"


@pytest.mark.parametrize(("fail_on", "code"), [("red", 8), ("amber", 8), ("never", 0)])
def test_it_can_gate(shop, fail_on, code):
    words = ["status", "-w", str(shop.settings.root), "--fail-on", fail_on]
    told = CliRunner().invoke(main, words)
    assert told.exit_code == code
    assert "there was never one → workbench store backup" in told.stdout
    facts = json.loads(CliRunner().invoke(main, [*words, "--json"]).stdout)
    assert facts["light"] == "red"
    assert {"part", "light", "what", "todo"} == set(facts["seen"][0])
