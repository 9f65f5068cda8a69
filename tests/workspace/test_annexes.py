"""Annexes of the compliance summary hold no word that somebody computed."""

import workbench as wb
from workbench.figures.draw import draw
from workbench.figures.language import Language
from workbench.figures.notes import translated
from workbench.figures.specs import TableSpec
from workbench.workspace.compliance import law_note


def test_a_question_whose_name_could_hold_a_figure_is_called_by_its_id(shop):
    tx = shop.open("transactions", "reporting")
    query = wb.query(tx, by="region", period="2026-09")
    counted = tx.count().execute()
    odd = shop.release(query.customers(), name=f"rows {counted}", epsilon="0.1")
    shop.release(query.count(), name="by-region-2", epsilon="0.1")
    spending = shop.compliance("2026-09").spending
    assert set(spending.columns["question"]) == {odd.id, "by-region"}


def test_an_indicator_is_counted_from_where_its_owner_answers_for_it(shop):
    lines = shop.compliance("2026-09").indicators.frame.set_index("indicator")
    assert lines.owner["quality-security"] == "data owners"
    assert lines.owner["past-retention"] == "data protection"


def test_the_law_files_note_explains_a_star_only_where_there_is_one(shop):
    assert shop.compliance("2026-09").indicators.notes[-1].startswith("Law file of 20")
    assert law_note(["GDPR 33", "NDSR 23"]).startswith("* Provision recalled, to be checked")
    told = [translated(law_note(names), Language("zh")) for names in (["GDPR 33"], ["NDSR 23"])]
    assert all("法规文件版本 20" in each for each in told)


def test_what_an_answer_cost_is_read_to_its_digits(shop):
    tx = shop.open("transactions", "reporting")
    shop.release(wb.query(tx, period="2026-09").customers(), name="people", epsilon="0.1")
    drawn = draw(TableSpec(), [shop.compliance("2026-09").spending], Language()).grid
    assert [cell.text for cell in drawn.heads][-2:] == ["Answers", "Dearest (epsilon)"]
    assert [cell.text for cell in drawn.rows[0]][-2:] == ["1", "0.10"]
