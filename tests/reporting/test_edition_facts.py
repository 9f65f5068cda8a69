"""Readers see shares of the budget, which add up; epsilon stands in the officer's annex."""

import pytest

import workbench as wb
from workbench.reporting.facts import page_facts


def test_the_shares_of_editions_add_up_to_what_all_have_used(shop):
    tx = shop.open("transactions", "reporting")
    desk = shop.reports.desk()
    facts = []
    for epsilon, month in (("0.3", "2026-09"), ("0.05", "2026-08"), ("0.7", "2026-07")):
        asked = wb.query(tx, period=month).customers()
        found = shop.release(asked, name=f"at-{epsilon}", epsilon=epsilon)
        facts.append(page_facts(desk, [found.id]))
    year = {each.scope: each.used for each in facts[-1].budgets}["year"]
    assert 0 < sum(each.share for each in facts) == pytest.approx(year, abs=2e-4)


def test_no_page_of_a_reader_names_epsilon(shop):
    from support.line import write_report

    write_report(shop.settings.root)
    page = shop.reports.render("customers", period="2026-09").page.read_text(encoding="utf-8")
    words = page.partition("<body>")[2].lower()
    assert "% of what a year may spend" in words
    assert not any(each in words for each in ("ε", "epsilon", "limit"))
