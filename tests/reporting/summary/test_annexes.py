"""Annexes of the compliance summary hold no word that somebody computed, and no customer's line."""

import datetime as dt
import json

import pytest

import workbench as wb
from workbench.figures.kinds.table import TableSpec
from workbench.figures.language import Language
from workbench.figures.notes import translated
from workbench.privacy.columns import noted
from workbench.reporting.summary.annexes import band_of
from workbench.reporting.summary.summarising import law_note


def test_a_question_whose_name_could_hold_a_figure_or_a_rows_word_is_called_by_its_id(shop):
    folder = shop.settings.path("notebooks")
    folder.mkdir(exist_ok=True)
    cells = [{"cell_type": "code", "source": "name = 'by-region'"}]
    (folder / "asks.ipynb").write_text(json.dumps({"cells": cells}))
    tx = shop.open("transactions", "reporting")
    query = wb.query(tx, by="region", period="2026-09")
    counted = tx.count().execute()
    odd = shop.release(query.customers(), name=f"rows {counted}", epsilon="0.1")
    shop.release(query.count(), name="by-region-2", epsilon="0.1")
    word = "price-too-high"  # as it was read from a row
    read = shop.release(query.sum("amount"), name=word, epsilon="0.1")
    spending = shop.compliance("2026-09").spending
    assert set(spending.columns["question"]) == {odd.id, read.id, "by-region"}


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
    drawn = TableSpec().draw([shop.compliance("2026-09").spending], Language()).grid
    assert [cell.text for cell in drawn.heads][-2:] == ["Answers", "Dearest (epsilon)"]
    assert [cell.text for cell in drawn.rows[0]][-2:] == ["1", "0.10"]


def test_requests_are_counted_by_kind_and_no_line_is_one_customers(shop):
    """What is told of a late request, its number, day and days late, was one customer's."""
    opened = [
        shop.office.open_request(kind, f"K-{number:06d}", received=dt.date(2026, 7, number))
        for kind, number in (("access", 3), ("access", 5), ("erasure", 7))
    ]
    sheet = shop.compliance("2026-09").overdue
    rows = list(zip(*(sheet.columns[name] for name in ("kind", "late", "requests")), strict=True))
    assert rows == [("access", "more than 30 days", 2), ("erasure", "more than 30 days", 1)]
    text = sheet.to_json()
    assert not [each.id for each in opened if each.id in text or f"{each.due}" in text]
    assert noted("people") in sheet.notes
    assert "一位客户的请求" in translated(noted("people"), Language("zh"))


@pytest.mark.parametrize(
    ("people", "neighbours"), [(1, 2), (3, 4), (42, 43), (4211, 4212), (120_000, 120_001)]
)
def test_people_of_an_incident_or_a_transfer_are_told_in_bands(people, neighbours):
    assert band_of(people) == band_of(neighbours)


def test_an_incident_of_one_customer_is_told_as_few_people(shop):
    data = shop.settings.path("source") / "incidents.csv"
    catalog = shop.settings.path("catalog")
    more = {"detected_at": "timestamp", "occurred_at": "timestamp", "notified_at": "timestamp"}
    more |= {"severity": "text", "notifiable": "boolean", "subjects_affected": "integer"}
    declared = "".join(f"      {name}: {{type: {kind}}}\n" for name, kind in more.items())
    catalog.write_text(catalog.read_text() + declared)
    data.write_text(
        f"incident_id,opened_on,{','.join(more)}\n"
        "I-1,2026-08-03,2026-08-03 10:00:00,2026-08-03 09:00:00,2026-08-03 11:00:00,low,true,1\n"
    )
    ws = wb.open_workspace(shop.settings.root, now=shop.now)
    ws.init()
    sheet = wb.open_workspace(shop.settings.root, now=shop.now).compliance("2026-09").incidents
    assert sheet.columns["people"] == ["fewer than 10"]
    assert noted("people") in sheet.notes
