"""A suite of four editions killed at any moment: nothing lost, half-published or paid twice."""

import collections
import hashlib
import json
import random
import re
import shutil
import signal
import subprocess
import time
from pathlib import Path

import pytest
from support.line import OPENING, at_work, command, here_json, workbench_json, write_report

import workbench as wb
from workbench.reporting.pages.parts import ROOT
from workbench.reporting.published.index import without_ways

VARIANTS = [
    f"group={group},online={on}" for group in ("region", "category") for on in ("true", "false")
]
DEFINITION = """\
title: Customers
notebook: {name}.ipynb
audience: managers
budget: {{epsilon: 800}}
parameters:
  epsilon: {{type: number, default: 0.1, range: [0.01, 3]}}
  group: {{type: text, required: true, choices: [region, category]}}
  online: {{type: boolean, required: true}}
grid: {{group: choices, online: choices}}
"""
PARAMETERS = 'period = "2026-09"\nepsilon = 0.1\ngroup = "region"\nonline = True'
ASKING = (
    "asked = wb.query(tx, by=group, where=tx.is_online == online, period=period)\n"
    'answer = ws.release(asked.customers().sum("amount"), name="answer", epsilon=epsilon)'
)
SHOWING = 'wb.figures.table(answer, title="Customers by group")'


@pytest.mark.parametrize("forks", ["false", "true"], ids=["plain", "forked"])
def test_a_suite_killed_at_any_moment(shop_folder, tmp_path, warmed, size, forks):
    folder = tmp_path / "shop"
    shutil.copytree(shop_folder, folder)
    _prepare(folder, forks)
    few = 1 if forks == "false" else 2  # of plain kernels, each of which takes seconds
    _kill_and_look(folder, few if size == "smoke" else 100, warmed)


def _prepare(folder, forks):
    catalog, settings = folder / "catalog.yaml", folder / "workbench.toml"
    limits = "limits: {month: 900, year: 900, lifetime: 900}"
    catalog.write_text(re.sub(r"limits: \{.*\}", limits, catalog.read_text()))
    text = settings.read_text().replace("fork_kernels = false", f"fork_kernels = {forks}")
    settings.write_text(text)
    cells = (OPENING, ASKING, SHOWING)
    write_report(folder, *cells, name="grid", definition=DEFINITION, parameters=PARAMETERS)


def _kill_and_look(folder, kills, warmed):
    start = time.monotonic()
    made = workbench_json("run", "grid", "-w", folder, "--jobs", "2")
    seconds, dice = time.monotonic() - start, random.Random(20260901)
    assert [each["variant"] for each in made["editions"]] == VARIANTS
    _nobody_is_left(folder)
    published, ledger = folder / "reports" / "published" / "grid" / "2026-09", _ledger(folder)
    shown = {}
    for kill in range(kills):
        words = ["run", "grid", "-w", folder, "--jobs", "2", "-p", f"epsilon={0.11 + kill / 1000}"]
        process = subprocess.Popen(
            command(*words), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        time.sleep(seconds * 1.1 * (kill + dice.random()) / kills)
        process.send_signal(signal.SIGKILL)
        process.wait()
        for variant in VARIANTS:
            revisions = _revisions(published / variant)
            assert revisions[: len(shown.get(variant, []))] == shown.get(variant, [])
            shown[variant] = revisions
        now = _ledger(folder)
        assert now[: len(ledger)] == ledger, "an entry is gone"
        ledger = now
        _nobody_is_left(folder)
    _pays_once(folder)
    warmed(folder)
    last = here_json("run", "grid", "-w", folder, "-p", "epsilon=0.105")
    assert len(last["editions"]) == 4
    assert not any(each["unchanged"] for each in last["editions"])
    for variant in VARIANTS:  # what a killed run paid for answers this, and may be shown already
        assert _revisions(published / variant)[: len(shown[variant])] == shown[variant]
    _pays_once(folder)
    again = here_json("run", "grid", "-w", folder, "-p", "epsilon=0.105")
    assert all(each["unchanged"] for each in again["editions"])
    here_json("run", "grid", "-w", folder, "-p", "epsilon=0.3")  # no run paid as much
    for variant in VARIANTS:
        assert len(_revisions(published / variant)) > len(shown[variant])
    _pays_once(folder)
    assert not list((folder / "reports" / "published").glob(".staging"))


def _ledger(folder):
    """Return the ledger's entries; they must hold together."""
    ledger = wb.open_workspace(folder).ledger
    ledger.verify()
    entries = [(each.seq, each.hash) for each in ledger.chain.entries()]
    ledger.chain.close()
    return entries


def _pays_once(folder):
    """Check that no question at one price was paid for twice, whatever was killed."""
    spends = wb.open_workspace(folder).ledger.chain.entries("spend")
    paid = collections.Counter((each.body["identity"], each.body["pico_rho"]) for each in spends)
    assert set(paid.values()) == {1}


def _revisions(edition):
    """Return the hashes of an edition's revisions, each of which must be whole."""
    folders = sorted(edition.glob("r*"), key=lambda path: int(path.name[1:]))
    hashes = []
    for folder in folders:
        record = json.loads((folder / "edition.json").read_text(encoding="utf-8"))
        hashes.append(record["sha256"]["index.html"])
        assert _hash(folder / "index.html", "../../../../") == hashes[-1]
    # the newest, or the one before it where the kill fell between the two
    assert _hash(edition / "index.html", "../../../") in hashes[-2:]
    assert Path(edition.parents[2] / "index.html").read_text().endswith("</html>\n")
    return hashes


def _hash(page, root):
    """Return a page's hash as its record keeps it: before links, ways around and any banner."""
    text = without_ways(page.read_text(encoding="utf-8"))
    text = re.sub(r'\n<p class="banner superseded">.*?</p>', "", text)
    return hashlib.sha256(text.replace(root, ROOT).encode()).hexdigest()


def _nobody_is_left(folder, seconds=1):
    """Wait until no process works for the workspace: soon, whatever it was at."""
    until = time.monotonic() + seconds
    while left := at_work(folder):
        assert time.monotonic() < until, left
        time.sleep(0.1)
