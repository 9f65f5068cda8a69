"""Files taken in, looked after and measured, from the command line."""

import json

import pytest
from click.testing import CliRunner

from workbench.cli import main

HEADER = "customer_id,booked_on,region,category,note,amount,is_online\n"
GOOD = "K-000001,2026-10-01,north,food,hello,5,true\n"


@pytest.fixture
def run(shop):
    def call(*words):
        result = CliRunner().invoke(main, [*words, "-w", str(shop.settings.root)])
        return result.exit_code, result.output

    return call


@pytest.fixture
def files(shop):
    def write(name, text):
        path = shop.settings.root / name
        path.write_text(text)
        return str(path)

    return write


def test_ingest_says_what_became_of_every_row(run, files):
    first = files("a.csv", HEADER + GOOD + GOOD.replace("north", "nowhere"))
    second = files("b.csv", HEADER + GOOD.replace("hello", "bye"))
    code, said = run("data", "ingest", "transactions", first, second)
    assert code == 0
    assert "a.csv: 2 rows: 1 added, 1 kept aside." in said
    assert "b.csv: 1 rows: 1 added." in said
    assert "Kept aside: see 'workbench data quarantine'." in said
    code, said = run("data", "ingest", "transactions", first)
    assert (code, "a.csv: taken in before on" in said) == (0, True)
    same = files("c.csv", HEADER + GOOD + GOOD.replace("north", "nowhere"))
    assert "c.csv: taken in before as a.csv on" in run("data", "ingest", "transactions", same)[1]
    code, said = run("data", "quarantine")
    assert said == (
        "table         file   rows  reasons\n"
        "transactions  a.csv     1  region: domain\n"
        "Lines and rows: ws.quarantine('transactions', purpose=…) in Python.\n"
        "'workbench office retention apply' takes them away 90 days after their file came in.\n"
    )
    code, said = run("data", "quarantine", "--json")
    assert json.loads(said) == [
        {"table": "transactions", "file": "a.csv", "reasons": "region: domain", "rows": 1}
    ]
    code, said = run("data", "quarantine", "--empty", "transactions")
    assert said == "1 rows of 'transactions' that were kept aside are gone.\n"
    assert run("data", "quarantine") == (0, "Nothing is kept aside.\n")


def test_ingest_speaks_json(run, files):
    code, said = run("data", "ingest", "transactions", files("a.csv", HEADER + GOOD), "--json")
    (one,) = json.loads(said)["files"]
    assert (code, one["rows"], one["added"], one["known"]) == (0, 1, 1, False)


def test_ingest_refuses_with_one_message_and_an_exit_code(run, files):
    code, said = run("data", "ingest", "transactions", files("a.csv", "x,y\n1,2\n"))
    assert code == 7
    assert "SourceError" in said
    assert "none of the columns of table 'transactions'" in said
    code, said = run("data", "ingest", "transaction", files("b.csv", HEADER + GOOD))
    assert (code, "Did you mean 'transactions'?" in said) == (2, True)


def test_quality_prints_what_is_not_green(run):
    code, said = run("data", "quality", "transactions")
    assert code == 0
    assert "transactions: red (5,400 rows" in said
    assert "not measured booked_on: fresh (declare freshness_days)" in said
    assert "green        region: domain" not in said
    assert "timeliness: 1 not measured" in said
    code, said = run("data", "quality", "transactions", "--all")
    assert "green        region: domain: 0 of 5,400 (0.000%)" in said
    assert run("data", "quality", "transactions", "--fail-on", "red")[0] == 8
    code, said = run("data", "quality", "incidents", "--json")
    told = json.loads(said)
    assert (told["tables"]["incidents"]["rows"], told["hints"]) == (1, [])
    assert {check["table"] for check in told["checks"]} == {"incidents"}


def test_init_reload_replaces_what_was_taken_in(run, files):
    run("data", "ingest", "transactions", files("a.csv", HEADER + GOOD))
    code, said = run("init")
    assert (code, said) == (0, "Everything is loaded already.\n")
    code, said = run("init", "--reload", "transactions")
    assert (code, "Loaded 5,400 rows in 1 tables" in said) == (0, True)


def test_snapshots_are_listed(run, files):
    run("data", "ingest", "transactions", files("a.csv", HEADER + GOOD))
    code, said = run("data", "snapshots")
    assert (code, len(said.splitlines())) == (0, 2)
    facts = json.loads(run("data", "snapshots", "--json")[1])
    assert facts[-1]["tables"] == ["transactions"]
