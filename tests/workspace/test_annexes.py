"""Annexes of the compliance summary hold no word that somebody computed."""

import workbench as wb


def test_a_question_whose_name_could_hold_a_figure_is_called_by_its_id(shop):
    tx = shop.open("transactions", "reporting")
    query = wb.query(tx, by="region", period="2026-09")
    counted = tx.count().execute()
    odd = shop.release(query.customers(), name=f"rows {counted}", epsilon="0.1")
    shop.release(query.count(), name="by-region", epsilon="0.1")
    spending = shop.compliance("2026-09").spending
    assert set(spending.columns["question"]) == {odd.id, "by-region"}
