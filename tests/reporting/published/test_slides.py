"""Slides of a published page: 16:9, a section each, and nothing of it cut off."""

import re
import subprocess

import pytest
from factories.notebooks import code, markdown, notebook
from factories.pages import CHINESE, MONTHLY, REGIONAL, SENTENCE, SPENDING, TOTAL, page

from workbench import figures
from workbench.errors import InputError
from workbench.reporting.published import editions
from workbench.reporting.published.copies import slides

LINE = code("l", figures.line(MONTHLY, x="month", y="customers"))
BAR = code("b", figures.bar(SPENDING, x="category", y="amount_sum"))
CELLS = notebook(
    code(repr(SENTENCE), figures.text(SENTENCE, TOTAL)),
    code("k", figures.kpis(MONTHLY)),
    LINE,
    markdown("## Charts of many kinds\n\nEach with its margins."),
    *[BAR, LINE, BAR, LINE, BAR, LINE],
    markdown("## A long table"),
    code("t", figures.table(REGIONAL)),
    markdown("## What it means\n\nNothing here calls for action."),
)


@pytest.fixture(scope="module", params=["en", "zh"])
def deck(request, tmp_path_factory):
    folder = tmp_path_factory.mktemp("slides")
    words = {"language": "zh", "translations": CHINESE} if request.param == "zh" else {}
    made = editions.publish(folder, "overview", "2026-09", page(CELLS, **words))
    return slides(made.page, folder / "slides.pdf"), made.page.read_text("utf-8"), request.param


def _said(deck, *options):
    command = ["pdftotext", *options, deck, "-"]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout


def test_they_are_as_wide_as_a_wall_and_few(deck):
    told = subprocess.run(["pdfinfo", deck[0]], capture_output=True, text=True, check=True).stdout
    assert "Page size:       960 x 540 pts" in told
    count = int(re.search(r"Pages:\s+(\d+)", told)[1])
    assert 6 <= count <= 20
    assert f"1 / {count}" in _said(deck[0])


def test_every_row_of_every_table_is_there_and_in_order(deck):
    said = _said(deck[0], "-layout").replace("\N{NO-BREAK SPACE}", " ")
    table = max(deck[1].split("<tbody>"), key=len).partition("</tbody>")[0]
    amounts = re.findall(r'<td class="n">([\d,]+)', table)
    assert len(amounts) == 2 * len(REGIONAL)
    places = iter(re.findall(r"[\d,]{3,}", said))
    assert all(amount in places for amount in amounts)  # one after the other


def test_no_word_is_outside_its_slide_or_under_its_foot(deck):
    words = re.findall(
        r'<(page|word) (?:width|xMin)="([\d.]+)" (?:height|yMin)="([\d.]+)"'
        r'(?: xMax="([\d.]+)" yMax="([\d.]+)")?>([^<]*)',
        _said(deck[0], "-bbox"),
    )
    shown = [(float(y), float(right), float(low)) for kind, _, y, right, low, _ in words if right]
    assert len(shown) > 300
    for top, right, low in shown:
        assert right <= 960
        assert low <= 540
        middle = (top + low) / 2  # a Chinese letter's box is much taller than the letter
        assert middle <= 497 or middle >= 514, "words run into the foot"


def test_sections_begin_slides_and_say_their_title_where_they_go_on(deck):
    pages = _said(deck[0]).split("\f")
    assert sum("Charts of many kinds" in each for each in pages) >= 2
    assert sum("A long table" in each for each in pages) >= 2
    means = {"en": "What it means", "zh": "结论"}[deck[2]]
    (last,) = [each for each in pages if means in each]
    assert {"en": "Nothing here calls for action.", "zh": "无需采取行动。"}[deck[2]] in last


def test_a_missing_page_is_told(tmp_path):
    with pytest.raises(InputError, match="cannot be read as a page"):
        slides(tmp_path / "index.html", tmp_path / "x.pdf")
