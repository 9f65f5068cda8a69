"""The officer's commands as a person types them: incidents, sharing, review, exports."""

import datetime as dt
import json
import os
import re

import pytest
from support.commands import runner_in

import workbench as wb


@pytest.fixture
def bank(tmp_path, sample_source):
    """Return a function that runs a command in the sample bank."""
    text = f'catalog = "{sample_source}/catalog.yaml"\nsource = "{sample_source}"\n'
    (tmp_path / "workbench.toml").write_text(text)
    wb.open_workspace(tmp_path).init()
    return runner_in(tmp_path)


def test_an_incident_from_found_to_closed(bank, tmp_path):
    found = bank("office", "detect", "--until", "2026-09", "--months", "3")
    assert "contractor-07 (contractor), week of 2026-08-10: volume, hour, new table" in found
    assert "False alarms: 0 of " in found
    assert "no read on record in these months" in bank("office", "detect", "--until", "2031-01")
    bank("office", "detect", "--until", "2026-09", "--fail-on", "red", code=8)
    bank("office", "detect", "--until", "2031-01", "--fail-on", "red")
    bank("office", "detect", "--until", "2031-01", "--fail-on", "amber", code=8)
    assert (
        json.loads(bank("office", "detect", "--until", "2026-09", "--json"))["found"][0]["refused"]
        == 3
    )

    opened = bank(
        "office", "incident", "open", "Whole tables at night", "--occurred", "2026-08-12T01:30"
    )
    name = opened.split()[0]
    assert "pipl-authority   running  at once: PIPL 57" in opened
    assessed = bank(
        "office", "incident", "assess", name, "--severity", "high", "--reader", "contractor-07",
        "--since", "2026-08-01", "--until", "2026-08-31", "--no-high-risk", "--harm-avoided",
    )  # fmt: skip  # why: as it is typed
    assert "18 reads and 5 refusals by contractor-07 of bureau, customers, transactions" in assessed
    out = tmp_path / "notice.md"
    notify = ("office", "incident", "notify", name, "--clock", "gdpr-authority")
    bank(*notify, "--lang", "zh", "--out", str(out))
    assert "向主管部门报告" in out.read_text()
    assert "other contact: a@b.example" in bank(*notify, "--contact", "a@b.example")
    refused = bank("office", "incident", "close", name, "--lesson", "narrow roles", code=2)
    assert "to do first: contain" in refused
    assert "contained" in bank("office", "incident", "contain", name, "--how", "account closed")
    facts = json.loads(bank("office", "incident", "list", "--json"))[0]
    sent = f"{dt.datetime.now(dt.UTC):%Y-%m-%dT%H:%M}"
    for clock in facts["clocks"]:
        bank("office", "incident", "notify", name, "--clock", clock["clock"], "--sent", sent)
    closed = bank("office", "incident", "close", name, "--lesson", "narrow roles")
    assert "closed" in closed
    assert "lesson: narrow roles" in bank("office", "incident", "list")


def test_no_incident_and_no_read(run, shop):
    assert run("office", "incident", "list") == "No incident is on record.\n"
    assert "no read is on record yet" in run("office", "detect", code=2)


def test_notice_record_and_unread_columns(run, shop, tmp_path):
    wrong = shop.settings.path("reports") / "wrong.yaml"
    wrong.parent.mkdir(exist_ok=True)
    wrong.write_text("title: 1")  # a notice is no matter of it
    assert "# Corner shop隐私告知书" in run("office", "notice", "--lang", "zh")
    assert "ask@shop.example" in run("office", "notice", "--contact", "ask@shop.example")
    out = tmp_path / "record.yml"
    assert run("office", "ropa", "--form", "fides", "--out", str(out)).strip() == str(out)
    assert "fides_key: corner_shop" in out.read_text()
    before = os.umask(0)
    try:
        run("office", "notice", "--out", str(tmp_path / "notice.md"))
    finally:
        os.umask(before)
    assert (tmp_path / "notice.md").stat().st_mode & 0o777 == 0o644
    assert run("office", "ropa").startswith("controller,contact,purpose,")
    told = run("office", "minimisation", "--months", "6")
    assert "transactions.amount (internal): never read" in told
    assert "it does not cover these 6 months" in told
    assert json.loads(run("office", "minimisation", "--json"))["columns"] == 12


def test_sharing_private_tables(run, shop, tmp_path):
    tx = shop.open("transactions", "reporting")
    release = shop.release(
        wb.query(tx, by="region", period="2026-09").customers(), name="regions", epsilon=0.3
    )
    deal = ["--to", "Institute", "--country", "Germany", "--purpose", "reporting"]
    deal += ["--terms", "contract 7", "--expires", "2031-03-31", "--out"]
    computed = run("office", "share", "--release", release.id, *deal, str(tmp_path / "no"), code=3)
    assert "Write it into the notebook that asks" in computed
    folder = shop.settings.path("notebooks")
    folder.mkdir(exist_ok=True)
    cells = [{"cell_type": "code", "source": "ws.release(asked, name='regions', epsilon=0.3)"}]
    (folder / "asks.ipynb").write_text(json.dumps({"cells": cells}))
    told = run("office", "share", "--release", release.id, *deal, str(tmp_path / "out"))
    assert told.startswith("SH-")
    assert "for Institute, until 2031-03-31" in told
    refused = run(
        "office", "share", "--extract", "transactions", *deal, str(tmp_path / "no"), code=3
    )
    assert "does not allow extracts" in refused
    assert "--release" in run("office", "share", *deal, str(tmp_path / "no"), code=2)


def shared(shop, columns, declared, *more):
    """Declare that extracts may be shared, and more; return the words that share one."""
    path = shop.settings.path("catalog")
    text = path.read_text()
    declared |= {"audience: managers\n": "audience: managers\n    share_extracts: true\n"}
    for before, now in declared.items():
        assert before in text
        text = text.replace(before, now)
    path.write_text(text)
    words = f"office share --extract transactions --columns {columns} --to Institute"
    words += " --country Germany --purpose reporting --expires 2031-03-31 --people 600"
    return [*words.split(), "--terms", "contract 7", *more, "--out"]


def test_an_extract_that_can_be_joined_with_another_says_so(run, shop, tmp_path):
    asked = shared(shop, "region", {})
    told = run(*asked, str(tmp_path / "a"))
    assert "joined" not in told
    first = told.split()[0]
    told = run(*asked, str(tmp_path / "b"))
    assert f"Institute has {first} of 'transactions' too: pseudonyms differ" in told


def test_an_extract_says_how_well_people_hide_in_it(run, shop, tmp_path):
    declared = {
        "amount: {type: money,": "amount: {type: money, sensitivity: sensitive,",
        "region: {type: text,": "region: {type: text, role: quasi-identifier,",
    }
    asked = shared(shop, "region,amount", declared, "--k", "20", "--l", "4")
    told = run(*asked, str(tmp_path / "a"))
    assert "The smallest group (k) has 200 people." in told
    assert re.search(r"amount: l = [\d,]+, t = 0\.\d\d\.", told)
    facts = json.loads(run(*asked, str(tmp_path / "b"), "--json").rsplit("\n", 2)[0])
    assert (facts["k"], facts["l"], facts["t"], facts["smallest_group"]) == (20, 4, None, 200)
    refused = run(*asked, str(tmp_path / "c"), "--t", "0.0001", code=3)
    assert "at most t = 0.0001 was agreed" in refused


def test_review_and_risks(run, shop):
    shop.settings.path("source").chmod(0o700)
    assert "ok       encryption: every data file of the store is encrypted" in run(
        "office", "review"
    )
    assert "No risk is on record." in run("office", "risk", "list")
    added = run(
        "office", "risk", "add", "Wide reads", "--owner", "security", "--likelihood", "3",
        "--impact", "5", "--treatment", "mitigate", "--plan", "roles", "--due", "2031-01-31",
    )  # fmt: skip  # why: as it is typed
    name = added.split()[0]
    assert "high   15 = 3 × 5  Wide reads (security; mitigate, due 2031-01-31)" in added
    assert " 5 = 1 × 5" in run("office", "risk", "change", name, "--likelihood", "1")
    assert json.loads(run("office", "risk", "list", "--json"))[0]["severity"] == 5
    assert "1 open risks" in run("office", "review")
    assert "closed" in run("office", "risk", "close", name, "--reason", "roles in force")
    shop.private.chmod(0o755)
    failed = run("office", "review", code=2)
    assert "FAILED   permissions: the private folder is its owner's alone (0755: run 'ch" in failed
    facts = json.loads(run("office", "review", "--json", code=2))
    assert {check["part"] for check in facts["checks"]} >= {"permissions", "encryption", "logs"}
