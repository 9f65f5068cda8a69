"""A page on A4 paper."""

import re
import shutil
import subprocess

import pytest
from factories.pages import CHINESE, page

from workbench.errors import InputError, PublishError
from workbench.reporting.published import editions
from workbench.reporting.published.copies import pdf


@pytest.fixture(scope="module")
def sheet(tmp_path_factory):
    assert shutil.which("pdftotext"), "poppler is missing: apt-get install poppler-utils"
    folder = tmp_path_factory.mktemp("pdf")
    pages = [page(), page(language="zh", translations=CHINESE)]
    made = editions.publish(folder, "overview", "2026-09", pages)
    return pdf(made.page, folder / "out" / "page.pdf")


def _said(sheet, *options):
    done = subprocess.run(
        ["pdftotext", *options, sheet, "-"], capture_output=True, text=True, check=True
    )
    return done.stdout


def test_it_is_a4_and_a_few_sheets(sheet):
    told = subprocess.run(["pdfinfo", sheet], capture_output=True, text=True, check=True).stdout
    assert re.search(r"Page size:\s+59\d\.\d+ x 84[12]\.?\d* pts \(A4\)", told)
    assert 2 <= int(re.search(r"Pages:\s+(\d+)", told)[1]) <= 6


def test_every_table_is_open_and_every_chart_drawn(sheet):
    text = _said(sheet, "-layout")
    assert "Customer overview" in text
    assert len(re.findall(r"Overseas", text)) >= 3  # tables, legend and heat map
    for label in ("Housing and utilities", "under 1,000", "Active customers", "± 61,000"):
        assert label in text
    assert "Show the numbers" not in text


def test_no_word_of_a_chart_is_outside_the_sheet(sheet):
    boxes = re.findall(
        r'<word xMin="([-\d.]+)" yMin="([-\d.]+)" xMax="([-\d.]+)" yMax="([-\d.]+)">([^<]*)<',
        _said(sheet, "-bbox"),
    )
    assert len(boxes) > 500
    below = [box for box in boxes if float(box[3]) > 842 - 30]
    sheets = len(below) // 3  # "1 / 3" at the foot of each, and nothing else
    assert [box[4] for box in below] == [
        part for number in range(1, sheets + 1) for part in (str(number), "/", str(sheets))
    ]
    for left, top, right, bottom in (map(float, box[:4]) for box in boxes if box not in below):
        assert left > 30
        assert top > 25  # a heading's box is taller than its letters, which begin at the margin
        assert right < 595 - 30
        assert bottom < 842 - 30


def test_a_missing_browser_is_told(sheet, tmp_path):
    there = sheet.parents[1] / "overview/2026-09/index.html"
    with pytest.raises(PublishError, match=r"none of no-such-browser is on PATH.*chromium"):
        pdf(there, tmp_path / "x.pdf", browsers=["no-such-browser"])
    with pytest.raises(PublishError, match=r"did not print .* \(exit code 1; it said: nothing\)"):
        pdf(there, tmp_path / "x.pdf", browsers=["false"])
    assert list(tmp_path.iterdir()) == []


def test_a_browser_that_hangs_is_stopped(sheet, tmp_path):
    there = sheet.parents[1] / "overview/2026-09/index.html"
    sleeper = tmp_path / "sleeper"
    sleeper.write_text("#!/bin/sh\nexec sleep 60\n")
    sleeper.chmod(0o755)
    with pytest.raises(PublishError, match=r"within 0\.5 s and was stopped"):
        pdf(there, tmp_path / "x.pdf", browsers=[str(sleeper)], timeout_seconds=0.5)


def test_a_missing_page_is_told(tmp_path):
    with pytest.raises(InputError, match="no page at"):
        pdf(tmp_path / "none.html", tmp_path / "x.pdf")
