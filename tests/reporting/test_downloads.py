"""Figures leave a page as files, made on it from what stands there, with the network off."""

import csv
import io
import re
import time
import zipfile
from xml.etree import ElementTree

import openpyxl
import pandas as pd
import pytest
from factories.notebooks import code, markdown, notebook
from factories.pages import CHINESE, RELEASES, SPENDING, page
from factories.releases import release

from workbench import figures
from workbench.privacy.columns import Dimension

TRAPS = ("=1+1", "+cmd", "-2", "@sum", 'say "hi", <b>')


def _odd():
    names = Dimension("kind", "=HYPERLINK", "category", TRAPS)
    return release((names,), SPENDING.measures[:1], number=7)


@pytest.fixture(scope="module")
def saved(browser, tmp_path_factory):
    """Return a function that opens a page, clicks a button and returns the file it gave."""
    folder = tmp_path_factory.mktemp("saved")
    browser.command("Browser.setDownloadBehavior", behavior="allow", downloadPath=str(folder))

    def save(made, label, before=""):
        (folder / "page.html").write_text(made.alone(), encoding="utf-8")
        browser.show(folder / "page.html")
        if before:
            browser.run(before)
        for old in set(folder.iterdir()) - {folder / "page.html"}:
            old.unlink()
        browser.run("document.querySelector(`[aria-label='${arguments[0]}']`).click()", label)
        until = time.monotonic() + 20
        while not (new := [*folder.glob("*.csv"), *folder.glob("*.xlsx")]):
            assert time.monotonic() < until, label
            time.sleep(0.05)
        assert browser.complaints() == []
        assert all(each.startswith(("file:", "blob:", "data:")) for each in browser.requests())
        return new[0]

    return save


def _cells(executed=None, **context):
    odd = _odd()
    executed = executed or notebook(
        markdown("## Spending"),
        code("t", figures.table(SPENDING)),
        code("title='Odd'", figures.table(odd, title="Odd")),
    )
    return page(executed, lookup={**RELEASES, odd.id: odd}.__getitem__, **context)


def test_a_table_is_a_file_of_numbers_with_their_margins(saved):
    file = saved(_cells(), "Download CSV: Customers, amount, total by category")
    assert (
        file.name == "Customer overview · September 2026 · Customers, amount, total by category.csv"
    )
    assert file.read_bytes().startswith(b"\xef\xbb\xbf")
    frame = pd.read_csv(file, encoding="utf-8-sig")
    assert list(frame["Category"]) == [str(each) for each in SPENDING.columns["category"]]
    shown = [round(each) for each in SPENDING.columns["customers"]]
    assert list(frame["Customers"]) == shown
    assert (frame["Customers ± (95 %)"] > 0).all()


SHOWN = """
const body = document.querySelector("tbody"), note = document.querySelector(".first-rows");
return [body.rows.length, !note.hidden];
"""


def test_a_long_table_shows_its_first_rows_and_a_file_and_print_hold_all(saved, browser):
    shops = Dimension("shop", "Shop", "category", tuple(f"Shop {at}" for at in range(501)))
    long = release((shops,), SPENDING.measures[:1], number=8)
    cells = notebook(code("title='Shops'", figures.table(long, title="Shops")))
    made = page(cells, lookup={long.id: long}.__getitem__)
    assert len(pd.read_csv(saved(made, "Download CSV: Shops"))) == 501
    assert browser.run(SHOWN) == [200, True]
    for event, shown in (("beforeprint", [501, False]), ("afterprint", [200, True])):
        browser.run("dispatchEvent(new Event(arguments[0]))", event)
        assert browser.run(SHOWN) == shown
    browser.run("document.querySelector('.first-rows button').click()")
    assert browser.run(SHOWN) == [501, False]
    assert browser.run("return document.activeElement.className") == "scroll long"


def test_no_text_is_a_formula(saved):
    made = _cells()
    rows = list(csv.reader(io.StringIO(saved(made, "Download CSV: Odd").read_text("utf-8-sig"))))
    assert rows[0][0] == "'=HYPERLINK"
    assert [row[0] for row in rows[1:]] == [*(f"'{each}" for each in TRAPS[:4]), TRAPS[4]]
    with zipfile.ZipFile(saved(made, "Download XLSX: Odd")) as book:
        assert book.testzip() is None
        sheet = book.read("xl/sheet1.xml").decode()
    assert "<f>" not in sheet
    assert "=1+1</t>" in sheet


def test_a_workbook_holds_together(saved):
    """Every part that another names is there, of a kind that is declared: ECMA-376, part 2."""
    with zipfile.ZipFile(saved(_cells(), "Download XLSX: Odd")) as book:
        parts = {name: book.read(name).decode() for name in book.namelist()}
    for text in parts.values():
        ElementTree.fromstring(text)  # noqa: S314  # why: we wrote it
    declared = re.findall(r'PartName="/([^"]+)"', parts["[Content_Types].xml"])
    linked = [f"xl/{each}" for each in _targets(parts["xl/_rels/workbook.xml.rels"])]
    assert _targets(parts["_rels/.rels"]) == ["xl/workbook.xml"]
    assert sorted(declared) == sorted(["xl/workbook.xml", *linked])
    assert set(declared) == {name for name in parts if "rels" not in name and name[0] != "["}
    assert "<fill><patternFill/></fill>" in parts["xl/styles.xml"]  # else readers refuse all of it


def _targets(relations):
    return re.findall(r'Target="([^"]+)"', relations)


def test_a_workbook_says_what_it_is(saved):
    file = saved(_cells(), "Download XLSX: Odd")
    with zipfile.ZipFile(file) as book:
        names = book.read("xl/workbook.xml").decode()
        sheet = book.read("xl/sheet2.xml").decode()
    assert 'name="What this is"' in names
    for told in (
        "Customer overview",
        "September 2026",
        "r-000007",
        "v17",
        "How to read the margins",
    ):
        assert told in sheet


def test_percentages_are_fractions_and_a_filter_is_told(saved):
    monthly = RELEASES["r-000002"]
    made = _cells(notebook(code("r", figures.line(monthly, x="month", y="active_rate"))))
    filtered = (
        "document.querySelector('h1').outerHTML += '<p data-filter>North only</p>';"
        "document.querySelector('figure').insertAdjacentHTML("
        "'beforeend', '<p class=live-not>Not this one</p>');"
    )
    label = "Download XLSX: Active share by month"
    file = saved(made, label)
    first = openpyxl.load_workbook(file, read_only=True)["Figures"]["A1"].value
    assert first == "Month"
    with zipfile.ZipFile(saved(made, label, filtered)) as book:
        told = book.read("xl/sheet2.xml").decode()
        assert "North only" in told
        assert "Not this one" in told
        figures_of = book.read("xl/sheet1.xml").decode()
    values = [float(v.partition("<")[0]) for v in figures_of.split('<c s="1"><v>')[1:]]
    assert values
    assert all(0 < each < 1 for each in values)


def test_a_chinese_page_gives_chinese_files(saved):
    made = _cells(language="zh", translations=CHINESE)
    text = saved(made, "下载 CSV: 客户数、金额总计（按类别）").read_text("utf-8-sig")
    assert text.startswith('"类别","客户数","客户数 ±（95%）"')
