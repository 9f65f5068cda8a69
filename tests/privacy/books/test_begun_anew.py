"""A budget is not begun anew without an officer's recorded word, whatever was taken away or raised.

Each case asks the same question again; had nobody noticed, it would be drawn with fresh noise.
"""

import json
import re
import shutil
import subprocess
from decimal import Decimal

import pytest
from conftest import shop_time

import workbench as wb
from workbench.errors import BudgetExhausted, InputError, LedgerError, Refused, StorageError

NOTICED = r"(older copy, was cut or was altered, or was begun anew|lies in another folder now).*"
WAY_OUT = r"'workbench office acknowledge --reason … --role officer'"


def opened(folder, edit=lambda text: text, file="workbench.toml"):
    """Return a workspace as a new process opens it, after an edit of its settings or catalog."""
    path = folder / file
    path.write_text(edit(path.read_text()))
    return wb.open_workspace(folder, now=shop_time)


def ask(ws, epsilon=0.5, by="region"):
    tx = ws.open("transactions", "reporting")
    return ws.release(wb.query(tx, by=by).customers(), name="x", epsilon=epsilon)


def spent(ws):
    (line,) = (line for line in ws.budget() if line.scope == "lifetime")
    return line.spent_pico


def remove(ws, *names):
    """Delete files of the private folder, and the trace beside the settings."""
    for name in names:
        path = ws.settings.root / name if name == ".ledger" else ws.private / name
        shutil.rmtree(path) if path.is_dir() else path.unlink()
    return opened(ws.settings.root)


LEDGER = ("ledger.sqlite", "anchor")
MARKS = ("store/ledger.mark", "keys/ledger.mark")
AUDIT = ("audit.sqlite", "keys/audit.mark")  # with the mark, whose loss is told before the ledger's


def pointed_elsewhere(ws):
    root = ws.settings.root
    fresh = opened(root, lambda text: text + 'private = "elsewhere"\n')
    fresh.init()
    return fresh


def deleted_whole(ws):
    shutil.rmtree(ws.private)
    fresh = opened(ws.settings.root)
    fresh.init()
    return fresh


def put_back(ws, *gone):
    """Put the private folder of before back, by copying, and publish elsewhere."""
    root = ws.settings.root
    shutil.rmtree(ws.private)
    shutil.copytree(root / "before", ws.private)
    for name in gone:
        shutil.rmtree(root / name)
    return opened(root, lambda text: text + 'published = "elsewhere"\n')


def copied(ws):
    folder = ws.settings.root.with_name("copy")
    shutil.copytree(ws.settings.root, folder)
    return opened(folder)


CASES = {
    "ledger and anchor deleted": lambda ws: remove(ws, *LEDGER),
    "only the audit log knows": lambda ws: remove(ws, *LEDGER, *MARKS, ".ledger"),
    "only the store knows": lambda ws: remove(ws, *LEDGER, MARKS[1], ".ledger", *AUDIT),
    "only the key knows": lambda ws: remove(ws, *LEDGER, MARKS[0], ".ledger", *AUDIT),
    "only the trace knows": lambda ws: remove(ws, *LEDGER, *MARKS, *AUDIT),
    "private pointed elsewhere": pointed_elsewhere,
    "private folder deleted": deleted_whole,
    "older private folder put back": put_back,
    "older private folder put back, no trace": lambda ws: put_back(ws, ".ledger"),
    "workspace copied": copied,
}


@pytest.fixture
def asked(shop):
    """Return a shop that answered two questions, and its private folder of after the first."""
    ask(shop)
    shutil.copytree(shop.private, shop.settings.root / "before")
    ask(shop, by="category")
    return shop


@pytest.mark.parametrize("case", CASES)
def test_it_is_noticed_from_what_remains_and_asks_for_a_word(asked, case):
    before = spent(asked)
    ws = CASES[case](asked)
    with pytest.raises(LedgerError, match=NOTICED + WAY_OUT):
        ask(ws)
    with pytest.raises(Refused, match="officer's decision"):
        ws.office.acknowledge("I want to go on.", role="analyst")
    ws.office.acknowledge("The disk died on Friday.", role="officer")
    fresh = opened(ws.settings.root)
    if case != "older private folder put back, no trace":  # the second answer is unknown there
        assert spent(fresh) >= before
    [entry] = fresh.ledger.chain.entries("acknowledged")
    assert (entry.body["reason"], entry.body["role"]) == ("The disk died on Friday.", "officer")
    fresh.ledger.verify()


@pytest.mark.parametrize(
    ("case", "known"),
    [("only the audit log knows", False), ("older private folder put back", True)],
)
def test_a_loss_is_counted_as_gaussian_only_where_something_left_says_that_costs_were(
    asked, case, known
):
    ws = CASES[case](asked)
    ws.office.acknowledge("The disk died on Friday.", role="officer", lost_rho="0.001")
    assert opened(ws.settings.root).ledger.gaussian is known


WITNESSES = {"store": (MARKS[1], ".ledger"), "key": (MARKS[0], ".ledger"), "trace": MARKS}


@pytest.mark.parametrize("witness", WITNESSES)
def test_one_word_covers_the_ledger_and_the_audit_log_lost_with_it(asked, witness):
    before = spent(asked)
    question = wb.query(asked.open("transactions", "reporting"), by="region").customers()
    ws = remove(asked, *LEDGER, *WITNESSES[witness], "audit.sqlite")
    told = r"audit\.sqlite is lost, was cut .*" + WAY_OUT
    with pytest.raises(StorageError, match=told):
        ask(ws)
    with pytest.raises(StorageError, match=told):
        ws.release(question, name="x", epsilon=0.5)  # of data opened before the loss
    with pytest.raises(Refused, match="officer's decision"):
        ws.office.acknowledge("I want to go on.", role="analyst")
    with pytest.raises(StorageError, match=told):
        ws.release(question, name="x", epsilon=0.5)  # a word that does not count changed nothing
    stated = Decimal(before).scaleb(-12)  # else a mark that tells no amount costs a year's limit
    ws.office.acknowledge("The disk died on Friday.", role="officer", lost_rho=stated)
    fresh = opened(ws.settings.root)
    held = spent(fresh)
    assert held >= before
    [entry] = fresh.ledger.chain.entries("acknowledged")
    assert (entry.body["reason"], entry.body["role"]) == ("The disk died on Friday.", "officer")
    [lost] = fresh.events.entries("register lost")
    assert lost.body["registers"] == ["audit"]
    ask(fresh)
    assert spent(fresh) > held
    fresh.ledger.verify()
    with pytest.raises(InputError, match="nothing is lost"):
        fresh.office.acknowledge("Again.", role="officer")


@pytest.mark.parametrize("case", ["workspace copied", "older private folder put back, no trace"])
def test_a_word_on_a_copy_costs_nothing_unless_the_officer_states_it(asked, case):
    ws = CASES[case](asked)
    held = sum(price.pico for price in ws.ledger.prices())
    ws.office.acknowledge("The other one is gone.", role="officer", lost_rho="0.001")
    fresh = opened(ws.settings.root)
    assert spent(fresh) == held + 1_000_000_000
    assert ask(fresh).id == "r-000001"  # what it knows stays free
    with pytest.raises(InputError, match="nothing is lost"):
        fresh.office.acknowledge("Again.", role="officer")
    fresh.ledger.verify()


# ---------------------------------------------------------------- what must not ask


def test_a_moved_folder_a_fresh_checkout_and_a_copy_nobody_spent_from_go_on(shop, tmp_path):
    root = shop.settings.root
    never = copied(shop)
    ask(never)
    first = ask(shop)
    moved = root.rename(tmp_path / "moved")
    assert ask(opened(moved)).id == first.id
    ignored = shutil.ignore_patterns(".workbench", ".ledger")
    fresh = opened(shutil.copytree(moved, tmp_path / "fresh", ignore=ignored))
    fresh.init()
    ask(fresh)


def test_git_does_not_see_the_trace(shop):
    ask(shop)
    root = shop.settings.root
    subprocess.run(["git", "init", "-q", str(root)], check=True)
    done = subprocess.run(
        ["git", "-C", str(root), "status", "--porcelain", "--untracked-files=all"],
        capture_output=True,
        text=True,
        check=True,
    )
    assert "workbench.toml" in done.stdout
    assert ".ledger" not in done.stdout


def test_a_restore_in_place_goes_on_and_one_elsewhere_asks_once(asked, tmp_path):
    backup = asked.office.back_up(tmp_path / "x.backup").file
    asked.office.restore(backup, over=True)
    ws = opened(asked.settings.root)
    assert ask(ws).id == "r-000001"
    assert spent(ws) == spent(opened(ws.settings.root))
    ignored = shutil.ignore_patterns(".workbench", ".ledger")
    new = shutil.copytree(ws.settings.root, tmp_path / "new", ignore=ignored)
    elsewhere = opened(new)
    elsewhere.office.restore(backup, key_file=ws.private / "keys" / "master.key")
    with pytest.raises(LedgerError, match="lies in another folder now"):
        ask(opened(new))
    assert opened(new).office.acknowledge("A new machine.", role="officer") == 0
    assert ask(opened(new)).id == "r-000001"


def test_a_workspace_of_before_anchors_knew_their_folder_goes_on(asked):
    """Entries carry no limits, anchors no folder, nothing is marked: all of it is added."""
    anchor = asked.private / "anchor" / "ledger.head"
    content = json.loads(anchor.read_text())
    del content["home"]
    anchor.write_text(json.dumps(content))
    ws = remove(asked, *MARKS, ".ledger")
    assert ask(ws).id == "r-000001"
    ask(ws, epsilon=0.6)
    assert "home" in json.loads(anchor.read_text())
    assert all((ws.private / name).exists() for name in MARKS)
    assert (ws.settings.root / ".ledger" / "head").exists()


# ---------------------------------------------------------------- limits


RAISES = {
    "month": ("limits: {month: 2,", "limits: {month: 3,"),
    "year": ("year: 8,", "year: 9,"),
    "lifetime": ("lifetime: 24}", "lifetime: 30}"),
    "delta": ("delta: 1e-6", "delta: 1e-5"),
}


@pytest.mark.parametrize("raised", RAISES)
def test_a_raised_limit_counts_once_an_officer_said_why(shop, raised):
    ask(shop)
    root = shop.settings.root
    before = [line.limit_pico for line in shop.budget()]
    ws = opened(root, lambda text: text.replace(*RAISES[raised]), "catalog.yaml")
    assert [line.limit_pico for line in ws.budget()] == before
    ask(ws, epsilon=0.6)  # within the old ones work goes on
    assert [line.limit_pico for line in opened(root).budget()] == before
    opened(root).office.acknowledge("The board decided so.", role="officer")
    fresh = opened(root)
    now = [line.limit_pico for line in fresh.budget()]
    assert now != before
    assert all(new >= old for new, old in zip(now, before, strict=True))
    [entry] = fresh.ledger.chain.entries("acknowledged")
    told = [float(entry.body[name][raised]) for name in ("limits_before", "limits")]
    assert told == [float(re.search(r"[\d.e-]+(?=\W*$)", text)[0]) for text in RAISES[raised]]
    assert entry.body["reason"] == "The board decided so."
    assert spent(fresh) == spent(ws)


def test_a_refusal_by_the_old_limits_says_what_the_new_ones_need(shop):
    ask(shop)
    ws = opened(shop.settings.root, lambda text: text.replace(*RAISES["month"]), "catalog.yaml")
    with pytest.raises(BudgetExhausted, match=r"limits were raised since; .*" + WAY_OUT):
        ask(ws, epsilon=2.5)
    ws.office.acknowledge("The board decided so.", role="officer")
    ask(opened(shop.settings.root), epsilon=2.5)


def test_a_lowered_limit_counts_at_once_and_raising_it_again_asks(shop):
    ask(shop)
    root, words = shop.settings.root, RAISES["month"]
    lower = (words[0], "limits: {month: 1,")
    ws = opened(root, lambda text: text.replace(*lower), "catalog.yaml")
    with pytest.raises(BudgetExhausted, match=r"of 1\.00 is left"):
        ask(ws, epsilon=1.2)
    ask(ws, epsilon=0.6)
    again = opened(root, lambda text: text.replace(*lower[::-1]), "catalog.yaml")
    with pytest.raises(BudgetExhausted, match="limits were raised since"):
        ask(again, epsilon=1.2)
