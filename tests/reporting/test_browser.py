"""Pages in a real browser, from disk, with the network off."""

import base64
import re
import shutil

import pytest
from factories.notebooks import code, notebook
from factories.pages import BANDS, page
from factories.releases import release

from workbench import figures
from workbench.reporting.published import editions

CHARTS = 4
PAGES = {
    "sharing": "overview/2026-09/index.html",
    "older revision": "overview/2026-09/r1/index.html",
    "chinese": "overview/2026-09/index.zh.html",
    "standalone": "alone.html",
}


@pytest.mark.parametrize("which", PAGES)
def test_every_chart_is_drawn_from_disk_without_a_request_or_a_complaint(browser, published, which):
    browser.show(published / PAGES[which])
    assert browser.run("return document.documentElement.className") == "drawn"
    marks = browser.run(
        "return [...document.querySelectorAll('.chart')].map((chart) => chart.querySelectorAll("
        "'svg .scatterlayer .js-line, svg .barlayer .point path, svg .heatmaplayer image').length)"
    )
    assert len(marks) == CHARTS
    assert all(count > 0 for count in marks), marks
    assert browser.complaints() == []
    addresses = {re.match(r"[a-z]+:", address)[0] for address in browser.requests()}
    assert addresses <= {"file:", "data:", "blob:"}


def test_margins_are_drawn(browser, published):
    browser.show(published / PAGES["sharing"])
    bands = "return document.querySelectorAll('.chart .fills .js-fill').length"
    whiskers = (
        "return document.querySelectorAll('.chart .errorbar .yerror, .errorbar .xerror').length"
    )
    assert browser.run(bands) >= 1
    assert browser.run(whiskers) >= 5 * 18 + 6  # five regions by month, six categories


@pytest.mark.parametrize("width", [1280, 820, 390])
@pytest.mark.parametrize("which", ["sharing", "chinese"])
def test_nothing_is_wider_than_the_screen(browser, published, which, width):
    browser.show(published / PAGES[which], width=width)
    assert browser.run("return document.documentElement.scrollWidth") <= width
    outside = (
        "return [...document.querySelectorAll('.chart svg text')].filter((text) => {"
        "const box = text.getBoundingClientRect();"
        "return box.width && (box.right > innerWidth + 1 || box.left < -1)})"
        ".map((text) => text.textContent)"
    )
    assert browser.run(outside) == []


def test_labels_of_months_do_not_overlap_on_a_phone(browser, published):
    for width in (390, 820, 1280):
        browser.show(published / PAGES["sharing"], width=width)
        overlaps = browser.run(
            "return [...document.querySelectorAll('.chart')].flatMap((chart) => {"
            "const boxes = [...chart.querySelectorAll('.xtick text')]"
            ".filter((t) => !t.getAttribute('transform')?.includes('rotate(-'))"
            ".map((t) => t.getBoundingClientRect()).sort((a, b) => a.left - b.left);"
            "return boxes.slice(1).filter((b, at) => b.left < boxes[at].right"
            " && Math.abs(b.top - boxes[at].top) < 2).map((b) => b.left)})"
        )
        assert overlaps == [], width


def test_figures_of_cards_side_by_side_stand_on_one_line(browser, published):
    lines = (
        "document.querySelectorAll('.kpi:first-child :is(.change, .spark)')"
        ".forEach((each) => each.remove());"
        "return [...document.querySelectorAll('.kpi')].map((card) => [card, "
        "card.querySelector('.figure')].map((each) => each.getBoundingClientRect().bottom))"
    )
    for width in (390, 820, 1280):
        browser.show(published / "overview/2026-09/index.html", width=width)
        cards = browser.run(lines)
        assert len(cards) > 1
        assert len({figure for _, figure in cards}) == len({card for card, _ in cards}), width


def test_a_turned_phone_redraws_its_charts(browser, published):
    browser.show(published / PAGES["sharing"], width=390)
    narrow = browser.run("return document.querySelector('.main-svg').getAttribute('width')")
    browser.command(
        "Emulation.setDeviceMetricsOverride",
        width=844,
        height=390,
        deviceScaleFactor=1,
        mobile=True,
    )
    browser.wait(
        f"return document.querySelector('.main-svg').getAttribute('width') > {narrow} * 1.5"
    )
    assert browser.complaints() == []


@pytest.mark.parametrize("width", [1280, 390])
@pytest.mark.parametrize("place", [*PAGES.values(), "index.html"])
def test_nothing_moves_while_a_page_is_drawn(browser, published, place, width):
    browser.show(published / place, width=width)
    shift = browser.command(
        "Runtime.evaluate",
        expression="new Promise((done) => { setTimeout(() => done(0), 300);"
        "new PerformanceObserver((list) => done(list.getEntries().reduce("
        "(sum, each) => sum + each.value, 0))).observe({type: 'layout-shift', buffered: true}) })",
        awaitPromise=True,
        returnByValue=True,
    )["result"]["value"]
    assert shift < 0.01


def _luminance(browser, script):
    red, green, blue = map(int, re.findall(r"\d+", browser.run(script))[:3])
    return (0.2126 * red + 0.7152 * green + 0.0722 * blue) / 255


def test_a_dark_page_has_dark_paper_and_light_labels(browser, published):
    paper = "return getComputedStyle(document.body).backgroundColor"
    label = "return getComputedStyle(document.querySelector('.chart .ytick text')).fill"
    browser.show(published / PAGES["sharing"], dark=True)
    assert _luminance(browser, paper) < 0.15
    assert _luminance(browser, label) > 0.6
    browser.show(published / PAGES["sharing"])
    assert _luminance(browser, paper) > 0.9
    assert _luminance(browser, label) < 0.45


def test_hovering_a_point_shows_its_figure_and_margin(browser, published):
    browser.show(published / PAGES["sharing"])
    said = browser.hover(
        "const point = document.querySelectorAll('.chart .scatterlayer .point')[3];"
        "point.scrollIntoView({block: 'center', behavior: 'instant'});"
        "const box = point.getBoundingClientRect();"
        "return [box.left + box.width / 2, box.top + box.height / 2]",
        "return document.querySelector('.hoverlayer .hovertext')?.textContent",
    )
    assert "± 61,000" in said
    assert browser.complaints() == []


def test_printed_on_paper_no_chart_is_clipped_and_every_number_is_there(browser, published):
    browser.command("Emulation.clearDeviceMetricsOverride")
    browser.show(published / PAGES["sharing"], width=1600)
    browser.command("Emulation.setEmulatedMedia", media="print", features=[])
    browser.command(
        "Emulation.setDeviceMetricsOverride",
        width=700,
        height=990,
        deviceScaleFactor=1,
        mobile=False,
    )
    browser.run("dispatchEvent(new Event('beforeprint'))")
    clipped = browser.run(
        "return [...document.querySelectorAll('.chart')].filter((chart) => {"
        "const svg = chart.querySelector('.main-svg').getBoundingClientRect();"
        "const box = chart.getBoundingClientRect();"
        "return svg.right > box.right + 1 || svg.bottom > box.bottom + 1 || box.right > 700"
        "|| svg.height < 40})"
    )
    hidden = browser.run(
        "return [...document.querySelectorAll('figure table')]"
        ".filter((table) => !table.offsetHeight).length"
    )
    browser.run("dispatchEvent(new Event('afterprint'))")
    browser.command("Emulation.setEmulatedMedia", media="", features=[])
    assert clipped == []
    assert hidden == 0
    assert browser.run("return document.querySelectorAll('details[open]').length") == 0
    sheet = base64.b64decode(browser.command("Page.printToPDF", preferCSSPageSize=True)["data"])
    assert sheet.startswith(b"%PDF")
    assert 2 <= len(re.findall(rb"/Type\s*/Page\b", sheet)) <= 8


def test_without_scripts_the_numbers_are_there(browser, published):
    browser.command("Emulation.setScriptExecutionDisabled", value=True)
    try:
        browser.driver.get((published / PAGES["sharing"]).as_uri())
        root = browser.command("DOM.getDocument", depth=-1)["root"]["nodeId"]
        html = browser.command("DOM.getOuterHTML", nodeId=root)["outerHTML"]
    finally:
        browser.command("Emulation.setScriptExecutionDisabled", value=False)
    assert "Charts are drawn by a script" in html
    assert "<caption>Active customers</caption>" in html


def test_a_missing_script_opens_the_tables(browser, published, tmp_path):
    html = (published / PAGES["sharing"]).read_text(encoding="utf-8")
    lonely = tmp_path / "page.html"
    lonely.write_text(html, encoding="utf-8")
    browser.show(lonely)
    assert browser.run("return document.documentElement.className") == "failed"
    assert browser.run("return document.querySelectorAll('details[open]').length") == CHARTS


def test_the_policy_stops_a_script_it_does_not_name(browser, published, tmp_path):
    html = (published / "alone.html").read_text(encoding="utf-8")
    touched = tmp_path / "page.html"
    foreign = (
        "<script>document.title = 'run'</script><img src=x onerror=\"document.title = 'run'\">"
    )
    touched.write_text(html.replace("</main>", foreign + "</main>"), encoding="utf-8")
    browser.show(touched)
    assert browser.run("return document.title") != "run"
    assert any("Content Security Policy" in each for each in browser.complaints())


def test_the_index_searches_and_compares(browser, published, tmp_path):
    browser.show(published / "index.html")
    assert browser.complaints() == []
    rows = browser.run(
        "return [...document.querySelectorAll('#compared tbody tr')].map((r) => r.innerText)"
    )
    same = ["Customers", "1,259 ± 25", "1,259 ± 25", "0 ± 45: within the margins"]
    assert rows[0].split("\t") == same
    assert rows[1].split("\t")[-1] == "0 ± 110,000: within the margins"  # as exact as it is
    copied = tmp_path / "published"
    shutil.copytree(published, copied)
    editions.publish(copied, "risk", "2026-09", page(title="Risk monthly"))
    browser.show(copied / "index.html")
    browser.run(
        "const box = document.getElementById('search'); box.value = 'risk september';"
        "box.dispatchEvent(new Event('input'))"
    )
    shown = (
        "return [...document.querySelectorAll('.shelf:not([hidden]) h2')].map((h) => h.innerText)"
    )
    assert browser.run(shown) == ["Risk monthly"]
    browser.run(
        "const box = document.getElementById('search'); box.value = 'nothing of the kind';"
        "box.dispatchEvent(new Event('input'))"
    )
    assert browser.run("return document.getElementById('none').hidden") is False
    assert browser.complaints() == []
    assert {address[:5] for address in browser.requests()} == {"file:"}


def test_a_change_beyond_the_noise_is_told_from_one_within(browser, tmp_path):
    for period, customers in (("2026-08", 1000), ("2026-09", 1036)):  # the noise of both is 35
        _publish_total(tmp_path, period, customers)
    assert _compared(browser, tmp_path) == "+36 ± 35: more than the noise"
    _publish_total(tmp_path, "2026-09", 966)
    assert _compared(browser, tmp_path) == "−34 ± 35: within the margins"


def _publish_total(folder, period, customers):
    ends = {"customers": 0, "customers_low": -25, "customers_high": 25}
    columns = {name: [customers + change] for name, change in ends.items()}
    total = release((), release().measures[:1], period=period, columns=columns)
    made = page(notebook(code("kpis", figures.kpis(total))), lookup=lambda _: total, period=period)
    editions.publish(folder, "overview", period, made)


def _compared(browser, folder):
    browser.show(folder / "index.html")
    return browser.run("return document.querySelector('#compared tbody td:last-child').innerText")


def test_a_search_finds_an_earlier_period_and_shows_it(browser, published, tmp_path):
    copied = tmp_path / "published"
    shutil.copytree(published, copied)
    editions.publish(copied, "risk", "2026-09", page(title="Risk monthly"))
    browser.show(copied / "index.html")
    browser.run(
        "const box = document.getElementById('search'); box.value = 'august';"
        "box.dispatchEvent(new Event('input'))"
    )
    shown = "return [...document.querySelectorAll('.past a')].filter((a) => a.offsetHeight).length"
    assert browser.run(shown) == 1


@pytest.mark.parametrize("width", [1280, 390])
def test_flows_are_drawn_and_keep_to_the_screen(browser, tmp_path, width):
    by = figures.sankey(BANDS, source="region", target="value_band", value="customers")
    editions.publish(tmp_path, "flows", "2026-09", page(notebook(code("sankey", by))))
    browser.show(tmp_path / "flows" / "2026-09" / "index.html", width=width)
    assert browser.run("return document.documentElement.className") == "drawn"
    drawn = len(by.drawn().figure["data"][0]["link"]["value"])
    assert browser.run("return document.querySelectorAll('.sankey-link').length") == drawn > 0
    assert browser.complaints() == []
    assert browser.run("return document.documentElement.scrollWidth") <= width
