"""``workbench check``: every problem of every part, at once."""

from support.line import write_report

import workbench as wb
from workbench.checks import check


def _told(ws):
    return [f"{problem.part}: {problem.text}" for problem in check(ws)]


def test_a_good_workspace_has_no_problem(shop):
    write_report(shop.settings.root)
    assert _told(shop) == []


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
