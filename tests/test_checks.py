"""``workbench check``: every problem of every part, at once."""

import datetime as dt
import shutil

from support.line import write_report
from support.shop import make_shop

import workbench as wb
from workbench.checks import check


def _told(ws):
    return [f"{problem.part}: {problem.text}" for problem in check(ws)]


def test_a_good_workspace_has_no_problem(shop):
    write_report(shop.settings.root)
    assert _told(shop) == []


def test_tables_fed_by_ingest_alone_are_good(tmp_path):
    root = make_shop(tmp_path)
    inbox = (root / "data").rename(root / "inbox")
    (root / "data").mkdir()
    ws = wb.open_workspace(root, now=lambda: dt.datetime(2026, 10, 2, 9, tzinfo=dt.UTC))
    for name in ("customers", "transactions", "consents", "incidents"):
        ws.ingest(name, inbox / ws.catalog.tables[name].source)
    write_report(root)
    assert _told(ws) == []
    shutil.copy(inbox / ws.catalog.tables["incidents"].source, root / "data")
    assert _told(ws) == []  # it is the table's by `ingest`, and `init` leaves it so
    assert ws.init() == {}


def test_problems_of_all_parts_are_told_at_once(shop):
    root = shop.settings.root
    path = write_report(root, definition="title: x\nnotebook: {name}.ipynb\n")
    (root / "data" / "consents.csv").write_text("customer_id,purpose,given_on,withdrawn_on\n")
    (root / "data" / "customers.parquet").unlink()
    told = "\n".join(_told(shop))
    assert "consents.csv is newer than table 'consents'" in told
    assert "customers.parquet" in told
    assert "cannot be read" in told
    assert f"{path}" in told
    assert "'audience' is missing" in told
    assert "'budget' is missing" in told


def test_a_broken_catalog_does_not_hide_a_broken_report(shop):
    root = shop.settings.root
    write_report(root, definition="title: x\n")
    catalog = root / "catalog.yaml"
    catalog.write_text(catalog.read_text().replace("kind: identity", "kind: identty", 1))
    told = _told(wb.open_workspace(root, now=shop.now))
    assert any(line.startswith("catalog: ") and "identty" in line for line in told)
    assert any(line.startswith("reports: ") for line in told)


def test_an_altered_ledger_is_told(shop):
    import sqlite3

    write_report(shop.settings.root)
    tx = shop.open("transactions", "reporting")
    shop.release(wb.query(tx, period="2026-09").customers(), name="total", epsilon="0.1")
    with sqlite3.connect(shop.private / "ledger.sqlite") as ledger:
        ledger.execute("UPDATE ledger SET body = replace(body, '\"pico_rho\":', '\"pico_rho\":1')")
    assert any(line.startswith("ledger: ") for line in _told(shop))
