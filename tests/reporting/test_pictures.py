"""Pages look as they looked when somebody last looked at them and found them good.

When a page is meant to change: ``UPDATE_PICTURES=1 make test PYTEST_ARGS=tests/reporting/\
test_pictures.py``, then look at every picture in ``tests/reporting/pictures`` before committing.
"""

import os
import shutil
import subprocess
from pathlib import Path

import pytest
from support.pictures import difference, keep, opened

from workbench.reporting.published.copies import pdf

PICTURES = Path(__file__).with_name("pictures")
LARGEST_BYTES = 100_000
PAGE, CHINESE = "overview/2026-09/index.html", "overview/2026-09/index.zh.html"
VIEWS = {
    "light": (PAGE, {}),
    "dark": (PAGE, {"dark": True}),
    "phone": (PAGE, {"width": 390, "height": 844}),
    "zh": (CHINESE, {}),
    "index": ("index.html", {}),
    "index-phone": ("index.html", {"width": 390, "height": 844, "dark": True}),
}


def _compared(name, image):
    """Compare a picture with the kept one; keep it instead when asked to."""
    path = PICTURES / f"{name}.png"
    if os.environ.get("UPDATE_PICTURES"):
        keep(image, path)
    apart = difference(image, opened(path))
    assert apart.small, f"{path.name}: {apart}; how to renew it stands at the top of this file"


@pytest.mark.parametrize("name", VIEWS)
def test_a_screen_looks_as_it_did(browser, published, name):
    place, screen = VIEWS[name]
    browser.show(published / place, **screen)
    _compared(name, opened(browser.picture()))


@pytest.fixture(scope="module")
def sheets(published, tmp_path_factory):
    assert shutil.which("pdftoppm"), "poppler is missing: apt-get install poppler-utils"
    folder = tmp_path_factory.mktemp("sheets")
    sheet = pdf(published / PAGE, folder / "page.pdf")
    subprocess.run(["pdftoppm", "-r", "72", "-png", sheet, folder / "sheet"], check=True)
    return sorted(folder.glob("sheet-*.png"))


@pytest.mark.parametrize("number", [1, 2, 3])
def test_a_printed_sheet_looks_as_it_did(sheets, number):
    _compared(f"print-{number}", opened(sheets[number - 1]))


def test_pictures_are_small_and_each_is_used():
    names = {path.stem for path in PICTURES.glob("*.png")}
    assert names == {*VIEWS, "print-1", "print-2", "print-3"}
    assert max(path.stat().st_size for path in PICTURES.glob("*.png")) < LARGEST_BYTES


@pytest.mark.parametrize(
    "spoil",
    [
        "document.querySelector('.chart').style.visibility = 'hidden'",
        "document.querySelector('.kpis').remove()",
        "document.documentElement.style.setProperty('--card', '#333')",
        "document.querySelectorAll('.chart')[2].style.visibility = 'hidden'",
    ],
)
def test_a_spoilt_page_is_noticed(browser, published, spoil):
    browser.show(published / PAGE)
    browser.run(spoil)
    assert not difference(opened(browser.picture()), opened(PICTURES / "light.png")).small


def test_other_letters_are_not(browser, published):
    browser.show(published / PAGE)
    browser.run("document.documentElement.style.setProperty('--sans', 'Liberation Sans, Arial')")
    browser.run("document.documentElement.style.setProperty('--serif', 'Liberation Serif')")
    assert difference(opened(browser.picture()), opened(PICTURES / "light.png")).small
