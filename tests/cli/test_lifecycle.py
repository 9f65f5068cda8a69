"""The commands of the data's later life, as a person types them."""

import json
import shutil
import sqlite3

from click.testing import CliRunner

import workbench as wb
from workbench.cli import main


def test_a_day_of_the_office(run, shop, tmp_path):
    check = ("--verified-by", "id card")
    assert "customers: 1 rows (Customers), from customers.parquet" in run(
        "subject", "access", "K-000010", *check
    )
    out = run("subject", "export", "K-000010", "--out", str(tmp_path / "out"), *check)
    assert "11 rows of 3 tables in" in out
    said = run("subject", "correct", "K-000010", "--set", "customers.email=n@example.org", *check)
    assert "Corrected: customers.email." in said
    assert "- service desk (for service)" in said[said.index("(GDPR 19)") :]
    assert "(for reporting)" not in said  # which does not read the e-mail
    said = run("subject", "correct", "K-000010", "--set", "customers.email=n@example.org", *check)
    assert "Nothing to correct: customers.email stood there already." in said
    assert "GDPR 19" not in said
    for lift, words in ((), "leave the customer out"), (("--lift",), "include the customer again"):
        said = run("subject", "restrict", "K-000010", *lift, *check)
        assert words in said
        assert "- managers (for reporting)" in said[said.index("(GDPR 19)") :]
    said = run("subject", "object", "K-000010", "--purpose", "marketing", *check)
    assert "Reads for marketing leave" in said
    assert "GDPR 19" not in said
    assert "R-0008 is registered; it is due on" in run(
        "subject", "register", "K-000010", "--kind", "erasure", "--law", "GDPR"
    )
    assert "R-0008  erasure      GDPR" in run("subject", "requests")
    assert "identity not checked" in run("subject", "requests")
    asked = run("subject", "erase", "K-000010", "--request", "R-0008", *check, code=2)
    assert "customers: 1 rows, kept until 2032-01-11, for service (Answer a customer's" in asked
    assert "GDPR 17(3)(b)" in asked
    erased = run("subject", "erase", "K-000010", "--request", "R-0008", "--yes", *check)
    assert "- managers (for reporting)" in erased[erased.index("(GDPR 19)") :]
    assert "transactions             9 rows erased" in erased
    assert "R-0008 is closed" in erased
    assert run("subject", "register", "K-000010", "--kind", "erasure").startswith("R-0009 is")
    told = run("subject", "erase", "K-000010", *check)
    assert "was erased on" in told
    assert "R-0009, erasure of the same customer, is still open and due on" in told
    assert "R-0009 is closed" in run("subject", "close", "R-0009", "--outcome", "see R-0010")
    assert "No request is open." in run("subject", "requests")
    assert len(json.loads(run("subject", "requests", "--all", "--json"))) == 10
    assert "K-000010" not in run("office", "audit", "show", "--last", "1000")


def test_deadlines_are_extended_and_requests_closed(run):
    made = json.loads(
        run("subject", "register", "K-000010", "--kind", "access", "--law", "GDPR", "--json")
    )
    told = made["received"]
    assert "is due on" in run("subject", "extend", made["id"], "--told", told, "--reason", "many")
    assert ", extended" in run("subject", "requests")
    assert "is closed" in run("subject", "close", made["id"], "--outcome", "refused: not theirs")


def test_a_request_without_a_check_is_refused(run):
    out = run("subject", "access", "K-000010", code=2)
    assert "InputError: say with --verified-by how the person's identity was checked" in out


def test_a_key_may_come_from_standard_input(shop):
    words = ["subject", "access", "-", "--verified-by", "x", "-w", str(shop.settings.root)]
    result = CliRunner().invoke(main, words, input="K-000010\n")
    assert "customers: 1 rows" in result.output


def test_what_is_to_be_set_needs_an_equals_sign(run):
    out = run("subject", "correct", "K-1", "--set", "customers.email", "--verified-by", "x", code=2)
    assert "write table.column=value, with the equals sign" in out


def test_retention_is_planned_held_and_applied(run):
    told = " ".join(run("office", "retention", "plan").split())
    assert "customers 0 rows would go; kept 84 months" in told
    hold = run("office", "retention", "hold", "--subject", "K-000010", "--table", "consents",
               "--reason", "dispute")  # fmt: skip
    assert "H-0001 is in force" in hold
    assert "H-0001 holds table consents of one customer" in run("office", "retention", "plan")
    assert "Refused: a legal hold keeps rows of this customer" in run(
        "subject", "erase", "K-000010", "--yes", "--verified-by", "x", code=3
    )
    assert "H-0001 is released." in run(
        "office", "retention", "release", "H-0001", "--reason", "over"
    )
    assert "Nothing is past its time." in run("office", "retention", "apply")
    assert json.loads(run("office", "retention", "plan", "--json"))["holds"] == []


def test_retention_shows_what_goes_and_wants_to_be_meant(run, shop):
    path = shop.settings.path("catalog")
    path.write_text(
        path.read_text().replace("months: 84, after: opened_on", "months: 12, after: opened_on")
    )
    told = run("office", "retention", "apply", code=2)
    assert "customers" in told
    assert "600 rows would go, the oldest from 2025-01-01; kept 12 months after opened_on" in told
    assert "Say --yes if that is meant; nothing was removed." in " ".join(told.split())
    assert again_customers(shop) == 600
    assert "rows removed" in run("office", "retention", "apply", "--yes")
    assert again_customers(shop) < 600


def again_customers(shop):
    ws = wb.open_workspace(shop.settings.root)
    return ws.open("customers", "service").count().execute()


def test_a_backup_is_made_tried_and_restored(run, shop, tmp_path):
    made = json.loads(run("store", "backup", "--out", str(tmp_path / "x.backup"), "--json"))
    assert "could be restored: 6,301 rows in 4 tables." in run(
        "store", "restore", made["file"], "--test"
    )
    assert "Refused: data is loaded in" in run("store", "restore", made["file"], code=3)
    wrong = run("store", "restore", str(tmp_path / "y.backup"), code=7)
    assert "y.backup. Name the file that 'workbench store backup' wrote." in wrong
    assert "Newer than the backup and left as they are" in run(
        "store", "restore", made["file"], "--over"
    )
    into = tmp_path / "into"
    assert "is restored: 6,301 rows" in run("store", "restore", made["file"], "--into", str(into))
    assert wb.open_workspace(into).open("customers", "service").count().execute() == 600
    shutil.copy(shop.private / "keys" / "master.key", tmp_path / "old.key")
    assert "Data files keep their own keys; --data" in run("store", "keys", "rotate")
    assert "was made with the key" in run("store", "restore", made["file"], "--test", code=7)
    key = ("--key-file", str(tmp_path / "old.key"))
    assert "could be restored" in run("store", "restore", made["file"], "--test", *key)
    elsewhere = str(tmp_path / "elsewhere")
    assert "is restored" in run("store", "restore", made["file"], "--into", elsewhere, *key)


def test_lines_kept_aside_are_told_and_handed_out(run, shop, tmp_path):
    file = tmp_path / "late.csv"
    file.write_text(
        "customer_id,booked_on,region,category,note,amount,is_online\n"
        "K-000010,2026-10-01,nowhere,food,x,5,true\n,2026-10-01,x,food,person10@example.org,5,true\n"
        "K-000012,2026-10-01,north,food,x,5,true\n"
    )
    run("data", "ingest", "transactions", str(file))
    asked = ("--verified-by", "id card")
    told = run("subject", "access", "K-000010", *asked)
    assert "kept aside, held back from use: no purpose reads it: line 2 of late.csv (region" in told
    assert "1 more lines are kept aside that hold one of their identifiers" in told
    facts = json.loads(run("subject", "access", "K-000010", *asked, "--json"))
    (line,) = facts["held"][1]["kept_aside"]
    assert (line["file"], line["line"], line["reasons"]) == ("late.csv", 2, "region: domain")
    out = str(tmp_path / "out")
    told = run("subject", "export", "K-000010", "--out", out, *asked)
    assert f"11 rows of 3 tables, and 1 lines that were kept aside, in {out}" in told
    change = ("--set", "customers.email=quokka@example.org")
    told = run("subject", "correct", "K-000010", *change, *asked)
    assert "brings the old value back, it is corrected again" in told
    assert "1 lines of theirs that were kept aside stay as they came in." in told
    assert "1 corrections are kept" in run("subject", "access", "K-000010", *asked)
    plan = " ".join(run("office", "retention", "plan").split())
    assert "quarantine of transactions 0 rows would go; kept 90 days after the file came in" in plan


def test_data_files_are_written_anew_with_the_key(run):
    assert "All data files are new, under keys of their own" in run(
        "store", "keys", "rotate", "--data"
    )


def test_a_key_is_shredded_only_when_meant(run):
    assert "Say --yes if that is meant" in run("store", "keys", "shred", code=2)
    run("store", "backup")
    told = run("store", "keys", "shred", "--yes")
    assert "The key is destroyed" in told
    assert ".backup: destroyed" in told
    assert "no key at" in run("office", "retention", "plan", code=7)


def test_the_audit_log_is_shown_and_verified(run, shop):
    shop.open("customers", "service")
    shop.open("transactions", "reporting")
    assert "All 3 entries hold." in run("office", "audit", "verify")  # it was loaded first
    assert "purpose service" in run(
        "office", "audit", "show", "--kind", "open", "--table", "customers"
    )
    with sqlite3.connect(shop.private / "audit.sqlite") as database:
        database.execute("UPDATE audit SET body = '{}' WHERE seq = 2")
    database.close()
    out = run("office", "audit", "verify", code=7)
    assert "entry 2: altered" in out
    assert json.loads(run("office", "audit", "verify", "--json", code=7))["faults"][0]["seq"] == 2


def test_requests_of_the_table_are_listed_beside_the_offices_own(shop):
    root = shop.settings.root
    catalog = root / "catalog.yaml"
    columns = "request_id: {type: text}, kind: {type: text}, law: {type: text}"
    columns += ", received_on: {type: date}, due_on: {type: date}, closed_on: {type: date}"
    catalog.write_text(
        catalog.read_text()
        + "  subject_requests:\n    kind: operational\n    title: Requests\n    owner: office\n"
        "    source: subject_requests.csv\n    operational: true\n"
        "    retention: {months: 60, after: received_on}\n    purposes: [reporting]\n"
        f"    columns: {{{columns}}}\n"
    )
    (root / "data" / "subject_requests.csv").write_text(
        "request_id,kind,law,received_on,due_on,closed_on\n"
        "SR-1,access,GDPR,2026-08-01,2026-09-01,\n"
        "SR-2,erasure,PIPL,2026-08-01,2026-08-21,2026-08-20\n"
    )
    ws = wb.open_workspace(root, now=shop.now)
    ws.init()
    ws.office.open_request("access", "K-000003", law="GDPR")
    found = {
        each.id: each.closed for each in [*ws.office.requests(), *ws.office.requests_of_table()]
    }
    assert list(found) == ["R-0001", "SR-1", "SR-2"]
    assert str(found["SR-2"]) == "2026-08-20"
    for words, told in (([], ("R-0001", "SR-1")), (["--all"], ("R-0001", "SR-1", "SR-2"))):
        result = CliRunner().invoke(main, ["subject", "requests", *words, "-w", str(root)])
        assert result.exit_code == 0, result.output
        assert [line.split()[0] for line in result.output.splitlines()] == list(told)
        assert "overdue by" in result.output
        assert "of table subject_requests" in result.output
