"""Pages that answer back, in a real browser: every figure as Python draws it in that state."""

import gzip
import json
import re
from dataclasses import replace
from html import escape

import pytest
from factories.live import (
    AMOUNT,
    BEYOND,
    LESS,
    REGION,
    REPORTS,
    TIER,
    Report,
    asked,
    cutoffs,
    language_of,
    overview,
    products,
)
from factories.noisy import CHANNEL, Books
from support.live import SEEN, SETTLED, address, differences, go, states

from workbench import figures
from workbench.errors import LeakFound
from workbench.figures.changes import Together
from workbench.figures.live.embedded import embedded
from workbench.figures.live.states import State
from workbench.figures.spec import Figure
from workbench.privacy.columns import Dimension
from workbench.reporting.gate.leaks import refuse_leaks


@pytest.fixture(scope="module")
def pages(tmp_path_factory):
    """Return where each report's page stands alone, by its name and language."""
    folder = tmp_path_factory.mktemp("live")
    found = {}
    for name, report in REPORTS.items():
        for language in ("en", "zh"):
            found[name, language] = folder / f"{name}-{language}.html"
            found[name, language].write_text(report().page(language).alone(), encoding="utf-8")
    return found


@pytest.mark.parametrize("language", ["en", "zh"])
@pytest.mark.parametrize("name", REPORTS)
def test_every_figure_is_what_python_computes(browser, pages, size, name, language):
    report, said = REPORTS[name](), language_of(language)
    browser.show(pages[name, language])
    count = 6 if size == "smoke" else 170
    tried = [*states(report, count, f"{name}{language}"), State()]
    for state in (each for at, each in enumerate(tried) if at == 0 or each != tried[at - 1]):
        go(browser, address(state))
        seen = browser.run(SEEN)
        assert len(seen) == len(report.figures)
        assert differences(report, state, seen, said) == [], state
    assert browser.complaints() == []
    assert {each.partition(":")[0] for each in browser.requests()} <= {"file", "data", "blob"}


ENTER = {"key": "Enter", "code": "Enter", "windowsVirtualKeyCode": 13, "text": "\r"}
ODD = {
    "#~planet=Mars": "planet=Mars",
    "#~region=Atlantis": "region=Atlantis",
    "#~region": "region",
    "#~%E0%A4%A=1": "%E0%A4%A=1",
    "#~region=<img src=x onerror=alert(1)>": "region=%3Cimg%20src=x%20onerror=alert(1)%3E",
    "#~=~=~": "=",
    "#~" + "~".join(f"a{at}={at}" for at in range(3000)): "a7=7, a8=8. It is left out.",
}


def test_decisions_that_wait_are_advised_anew_by_what_is_assumed(browser, pages):
    rows = "return [...document.querySelectorAll('[data-live]')][arguments[0]].innerText"
    report = cutoffs()
    at = next(i for i, each in enumerate(report.figures) if each.releases[0].id == "e-000900")
    browser.show(pages["cutoffs", "en"])
    assert "Go ahead" in browser.run(rows, at)
    go(browser, "#~gain=500~loss=32000~price=0")
    told = browser.run(rows, at)
    assert "Leave it" in told
    assert "Wait" in told


def test_a_total_that_counts_less_of_a_customer_answers_where_its_bound_is_said(browser, pages):
    browser.show(pages["overview", "en"])
    go(browser, "#~tier=plus")
    (sentence, cards, line, *_), said = browser.run(SEEN), "counting up to CN¥300 a customer"
    assert said in sentence["text"]
    assert [said in each["margin"] for each in cards["cards"]][:2] == [False, True]
    assert "no released table" in line["stays"]


def test_it_answers_too_where_the_tables_have_nothing_else_in_common(browser, tmp_path):
    books, less = Books(), replace(AMOUNT, bound=LESS)
    total = asked(books, [], 1, seed=1, measures=(AMOUNT, BEYOND))
    tiers = asked(books, [TIER], 2, seed=1, measures=(less, BEYOND))
    report = Report(
        "Less", (figures.kpis(total), figures.bar(tiers, x="tier", y="amount_sum")), books
    )
    page, state = tmp_path / "less.html", State({"tier": "plus"})
    page.write_text(report.page().alone(), encoding="utf-8")
    browser.show(page)
    go(browser, address(state))
    seen = browser.run(SEEN)
    assert "counting up to CN¥300 a customer" in seen[0]["cards"][0]["margin"]
    assert differences(report, state, seen, language_of("en")) == []


def test_a_row_is_filtered_by_its_button_and_everything_comes_back_by_it(browser, pages):
    browser.show(pages["products", "en"])
    browser.wait(SETTLED)
    for wanted in ("#~tier=plus", "#"):
        browser.run(
            "[...document.querySelectorAll('[data-live=\"1\"] tbody button')]"
            ".find((each) => each.textContent === 'plus').focus()"
        )
        for kind in ("keyDown", "keyUp"):
            browser.command("Input.dispatchKeyEvent", type=kind, **ENTER)
        browser.wait(
            f"return location.hash === '{wanted}' || ('{wanted}' === '#' && !location.hash)"
        )


def test_a_long_table_is_filtered_as_a_whole(browser, tmp_path):
    """Also its rows that do not stand on the page, of which a file holds those that are left."""
    shops = Dimension("shop", "Shop", "category", tuple(f"Shop {at}" for at in range(20)))
    goods = Dimension("goods", "Goods", "category", tuple(f"Goods {at}" for at in range(26)))
    books = Books()
    asks = enumerate(([shops, goods], [goods], [shops]), 1)
    fine, few, totals = (asked(books, by, at, seed=2) for at, by in asks)
    drawn = (
        figures.table(fine, columns=["shop", "goods", "customers"]),
        figures.table(few),
        figures.table(totals, columns=["customers", "shop"]),
    )
    page = tmp_path / "long.html"
    page.write_text(Report("Long", drawn, books).page().alone(), encoding="utf-8")
    browser.show(page)
    body = "document.querySelector('[data-live=\"0\"] tbody')"
    for fragment, shown, left in (("#~", 200, 520), ("#~goods=Goods 25", 20, 20), ("#~", 200, 520)):
        go(browser, fragment)
        rows = browser.run(f"return [...{body}.rows].map((row) => row.cells[1].innerText)")
        assert len(rows) == shown
        assert fragment == "#~" or set(rows) == {"Goods 25"}
        kept = f"return page.rows({body}).filter((row) => !row.hidden).length"
        assert browser.run(kept) == left
        # a row's button stands with its group, wherever that is, and stays when figures change
        named = "return document.querySelector('[data-live=\"2\"] tbody button').innerText"
        assert browser.run(named) == "Shop 0"


def test_what_is_too_fine_says_how_fine_it_is(browser, tmp_path):
    books = Books()
    tiers, both = (
        asked(books, by, at, seed=8, size=60.0, sigma=sigma)
        for at, (by, sigma) in enumerate((([TIER], 1.0), ([TIER, REGION], 90.0)), 1)
    )
    drawn = (
        figures.bar(tiers, x="tier", y="customers"),
        figures.heatmap(both, rows="tier", columns="region", value="customers"),
    )
    report = Report("Fine", drawn, books)
    page = tmp_path / "fine.html"
    page.write_text(report.page().alone(), encoding="utf-8")
    browser.show(page)
    go(browser, "#~region=West")
    seen = browser.run(SEEN)
    assert re.search(r"too fine, margins are as large as figures: \d+ .* at best", seen[0]["stays"])
    assert differences(report, State({"region": "West"}), seen, language_of("en")) == []


def test_a_sentence_says_what_a_filter_leaves_too_small_to_be_known(browser, tmp_path):
    books = Books()
    total, fine = (asked(books, by, at, seed=4) for at, by in enumerate(([], [TIER]), 1))
    small = total.suppress(min_customers=int(total.columns["customers"][0]))
    template = "{0.customers:,} came, {1.customers:,} (± {1.customers_margin}) of many."
    drawn = (figures.text(template, total, small), figures.bar(fine, x="tier", y="customers"))
    report, page = Report("Small", drawn, books), tmp_path / "small.html"
    page.write_text(report.page().alone(), encoding="utf-8")
    browser.show(page)
    counts = fine.columns["customers"]
    state = State({"tier": fine.columns["tier"][counts.index(min(counts))]})
    go(browser, address(state))
    seen = browser.run(SEEN)
    assert "not known (too little to tell)" in seen[0]["text"]
    assert differences(report, state, seen, language_of("en")) == []


def test_a_sentence_that_does_not_follow_for_two_reasons_says_one(browser, tmp_path):
    books = Books()
    total, tiers = (asked(books, by, at, seed=4) for at, by in enumerate(([], [TIER]), 1))
    counts = tiers.columns["customers"]
    plus = tiers.derive("customers", where={"tier": "plus"}, name="plus")
    drawn = (
        figures.text("{0.customers} came, {1.customers} of them plus.", total, plus),
        figures.bar(tiers.suppress(min_customers=sorted(counts)[1]), x="tier", y="customers"),
    )
    report, page = Report("Reasons", drawn, books), tmp_path / "reasons.html"
    page.write_text(report.page().alone(), encoding="utf-8")
    browser.show(page)
    state = State({"tier": tiers.columns["tier"][counts.index(min(counts))]})
    go(browser, address(state))
    seen = browser.run(SEEN)
    assert "in a way that needs everything" in seen[0]["stays"]
    assert differences(report, state, seen, language_of("en")) == []


def test_a_link_holds_whatever_a_group_is_called(browser, tmp_path):
    called = ("18~25", "a=b", "50%", "北京", "a/b?c#d")
    books, odd = Books(), Dimension("odd", "Odd", "category", called)
    drawn = figures.table(asked(books, [odd], 1, seed=2, size=9000.0))
    page = tmp_path / "odd.html"
    page.write_text(Report("Odd", (drawn,), books).page().alone(), encoding="utf-8")
    browser.show(page)
    for each in called:
        browser.run(
            "const [odd] = document.getElementsByName('f:odd'); odd.value = arguments[0];"
            "odd.dispatchEvent(new Event('input', { bubbles: true }));",
            each,
        )
        linked = browser.run("return location.hash")
        go(browser, "#~")
        go(browser, linked)
        said = browser.run("return document.getElementById('live-said').textContent")
        assert said == f"Shown only for Odd: {each}."


def test_a_page_without_its_charts_answers_too(browser, pages, tmp_path):
    html = pages["overview", "en"].read_text(encoding="utf-8")
    lonely = tmp_path / "lonely.html"
    lonely.write_text(html.replace('id="plotly-packed"', ""), encoding="utf-8")
    browser.show(lonely.as_uri() + "#~region=South")
    assert browser.run("return document.documentElement.className") == "failed"
    browser.wait("return document.getElementById('live-said').textContent")
    left = "'[data-live=\"5\"] tbody tr:not([hidden]) button'"
    named = f"return [...document.querySelectorAll({left})].map((each) => each.textContent)"
    assert browser.run(named) == ["South"]


def test_what_does_not_follow_names_the_other_period_or_the_small_groups(browser, tmp_path):
    books, now = Books(), "2026-09"
    month, tiers, fine, quarter = (
        asked(books, by, at, seed=4, size=90.0, period=period)
        for at, (by, period) in enumerate(
            (([], now), ([TIER], now), ([TIER, REGION], now), ([CHANNEL], "2026-07..2026-09")), 1
        )
    )
    counts = fine.columns["customers"]
    small = fine.suppress(min_customers=sorted(counts)[1])
    assert small.columns["customers"].count(None) in (1, 2)
    region = fine.columns["region"][counts.index(min(counts))]
    drawn = (
        figures.kpis(month),
        figures.bar(quarter, x="channel", y="customers"),
        figures.bar(tiers, x="tier", y="customers"),
        figures.table(small),
    )
    report, page = Report("Stays", drawn, books), tmp_path / "stays.html"
    page.write_text(report.page().alone(), encoding="utf-8")
    browser.show(page)
    for state, at, wanted in (
        (
            State({"channel": "app"}),
            0,
            "by these groups it is released for Jul 2026 to Sep 2026 alone",
        ),
        (State({"region": region}), 2, "groups too small to be shown are part of it"),
    ):
        go(browser, address(state))
        seen = browser.run(SEEN)
        assert wanted in (seen[at]["stays"] or seen[at]["cards"][0]["stays"])
        assert differences(report, state, seen, language_of("en")) == []


def test_an_address_that_asks_for_what_is_not_there_is_said_and_left_out(browser, pages):
    report, said = overview(), language_of("en")
    browser.show(pages["overview", "en"])
    for fragment, wanted in ODD.items():
        go(browser, fragment)
        text = browser.run("return document.getElementById('live-said').textContent")
        assert text.startswith("This address asks for what the page does not have: "), fragment
        assert wanted in text
        assert browser.run("return document.querySelectorAll('#live-said *, img').length") == 0
        assert differences(report, State(), browser.run(SEEN), said) == []
    assert browser.complaints() == []


@pytest.mark.parametrize("language", ["en", "zh"])
def test_a_slider_says_its_value_before_it_is_moved_as_after(browser, pages, language):
    says = "return [...document.querySelectorAll('output')].map((each) => each.textContent)"
    browser.show(pages["cutoffs", language])
    first = browser.run(says)
    sign = {"en": "CN¥", "zh": "¥"}[language]
    assert first == [f"{sign}2,500", "0.50"]
    go(browser, "#~gain=3000~price=1")
    assert browser.run(says) != first
    go(browser, "#~")
    assert browser.run(says) == first


def test_a_choice_out_of_range_is_said(browser, pages):
    browser.show(pages["cutoffs", "en"])
    go(browser, "#~gain=99999~loss=8000~price=x")
    text = browser.run("return document.getElementById('live-said').textContent")
    assert "Assumed by the reader: A bad one costs: half." in text
    assert "gain=99999" in text
    assert "price=x" in text


def test_a_filtered_view_is_linked_and_printed_with_its_filter_in_words(browser, pages):
    browser.show(pages["overview", "en"].as_uri() + "#~region=South~channel=app")
    browser.wait(SETTLED)
    browser.wait("return document.getElementById('live-said').textContent")
    said = "Shown only for Region: South, Channel: app."
    assert browser.run("return document.getElementById('live-said').textContent") == said
    browser.command("Emulation.setEmulatedMedia", media="print")
    seen = "return ['live-said', 'live-form'].map((id) => document.getElementById(id).offsetHeight)"
    words, controls = browser.run(seen)
    browser.command("Emulation.setEmulatedMedia", media="")
    assert words > 0
    assert controls == 0


def test_a_keyboard_alone_filters_and_shows_everything_again(browser, pages):
    browser.show(pages["overview", "en"])
    tab = {"key": "Tab", "code": "Tab", "windowsVirtualKeyCode": 9}
    for _ in range(12):
        for kind in ("keyDown", "keyUp"):
            browser.command("Input.dispatchKeyEvent", type=kind, **tab)
        if browser.run("return document.activeElement.name === 'f:region'"):
            break
    for kind, text in (("keyDown", "S"), ("keyUp", "S")):
        browser.command("Input.dispatchKeyEvent", type=kind, key=text, text=text)
    browser.wait("return location.hash === '#~region=South'")
    assert "South" in browser.run("return document.getElementById('live-said').textContent")
    focused = "return document.activeElement.closest('[data-live=\"4\"]')?.dataset.live ?? ''"
    browser.run(
        "const place = document.querySelector('[data-live=\"4\"]');"
        "place.querySelector('details').open = true; place.querySelector('tbody button').focus()"
    )
    for left in ("region=South~channel=", "region=South"):  # drawn anew, it keeps the focus
        for kind in ("keyDown", "keyUp"):
            browser.command("Input.dispatchKeyEvent", type=kind, **ENTER)
        browser.wait(
            f"return location.hash.includes('{left}') && {SETTLED.removeprefix('return ')}"
        )
        assert browser.run(focused) == "4"
    browser.run("document.querySelector('#live-form button').focus()")
    for kind in ("keyDown", "keyUp"):
        browser.command("Input.dispatchKeyEvent", type=kind, **ENTER)
    browser.wait("return document.getElementById('live-said').textContent === ''")
    browser.wait(SETTLED)
    assert browser.run("return document.activeElement.name") == "f:region"
    assert differences(overview(), State(), browser.run(SEEN), language_of("en")) == []


CHOOSE_SOUTH = """
const region = document.getElementsByName("f:region")[0];
region.value = "South";
region.dispatchEvent(new Event(arguments[0], { bubbles: true }));
"""


def test_a_choice_that_a_script_makes_filters_too(browser, pages):
    """An assistive tool or a test sets a value and fires a change event, and nothing else."""
    browser.show(pages["overview", "en"])
    browser.run(CHOOSE_SOUTH, "change")
    browser.wait("return location.hash === '#~region=South'")
    assert "South" in browser.run("return document.getElementById('live-said').textContent")


def test_a_preview_in_a_frame_without_an_address_filters_too(browser, pages, tmp_path):
    page = escape(pages["overview", "en"].read_text(encoding="utf-8"))
    framed = tmp_path / "framed.html"
    framed.write_text(f'<iframe sandbox="allow-scripts" srcdoc="{page}"></iframe>')
    browser.driver.get(framed.as_uri())
    browser.driver.switch_to.frame(0)
    browser.wait("return /drawn|failed/.test(document.documentElement.className)")
    browser.run(CHOOSE_SOUTH, "input")
    said = browser.run("return document.getElementById('live-said').textContent")
    assert said == "Shown only for Region: South."
    assert browser.complaints() == []


BARRIERS = """
const done = arguments[arguments.length - 1];
axe.run(document, { resultTypes: ["violations"] }).then((found) => done(found.violations.flatMap(
  (each) => each.nodes.map((node) => `${each.id}: ${node.html.slice(0, 200)}`))));
"""


@pytest.mark.parametrize(("name", "language"), [("cutoffs", "en"), ("overview", "zh")])
def test_nothing_bars_the_way(browser, pages, repository, name, language):
    packed = repository / "tests" / "assets" / "axe-core" / "axe.min.js.gz"
    browser.show(pages[name, language])
    browser.run(gzip.decompress(packed.read_bytes()).decode())
    for fragment in ("#~", "#~region=South", "#~tier=plus"):
        go(browser, fragment)
        assert browser.driver.execute_async_script(BARRIERS) == []


def test_a_bar_that_is_clicked_is_filtered_by(browser, pages):
    browser.show(pages["products", "en"])
    point = (
        "const chart = document.querySelectorAll('.chart')[0];"
        "scrollTo({top: chart.getBoundingClientRect().top + scrollY - 200, behavior: 'instant'});"
        "const box = chart.querySelectorAll('.barlayer .point path')[1].getBoundingClientRect();"
        "return [box.left + box.width / 2, box.top + box.height / 2]"
    )
    browser.wait(SETTLED)
    browser.hover(point, "return document.querySelectorAll('.chart')[0]._hoverdata?.length")
    x, y = browser.run(point)
    mouse = {"x": x, "y": y, "button": "left", "clickCount": 1}
    for kind in ("mousePressed", "mouseReleased"):
        browser.command("Input.dispatchMouseEvent", type=kind, **mouse)
    browser.wait("return location.hash === '#~tier=plus'")


def test_what_a_page_suppressed_is_not_in_it():
    report = products()
    small = report.figures[6].releases[0]
    fine = report.books.answers[small.mechanism["parents"][0]]
    hidden = [row for row, each in enumerate(small.columns["customers"]) if each is None]
    assert hidden
    made = embedded(report.shown, language_of("en"), report.together, report.books.answers.get)
    leaf = made["leaves"][fine.id]
    assert [leaf["rows"][row] for row in hidden] == [[-1, -1]] * len(hidden)
    content = json.dumps(made)
    for values in fine.mechanism["noisy"].values():
        assert not [row for row in hidden if str(values[row]) in content]


SUPPRESSED = {
    "its own table": lambda small: small,
    "put together": lambda small: small.regroup(
        ["tier"], "paying", {"no": [["basic"]], "yes": [["plus"], ["premium"]]}
    ),
    "added up": lambda small: small.derive(over="tier", name="all"),
}


@pytest.mark.parametrize("way", SUPPRESSED)
def test_a_finer_table_does_not_open_what_was_suppressed(way):
    books = Books()
    tiers, fine, others = (
        asked(books, by, at, seed=4, size=90.0)
        for at, by in enumerate(([TIER], [TIER, REGION], [REGION]), 1)
    )
    small = SUPPRESSED[way](tiers).suppress(min_customers=10**6)
    drawn = [figures.table(each) for each in (small, fine.derive(over="tier", name="r"), others)]
    made = embedded(
        [Figure(each.spec, each.releases) for each in drawn],
        language_of("en"),
        Together(),
        books.answers.get,
    )
    assert others.id in made["leaves"]
    for each in (tiers, fine):
        rows = made["leaves"].get(each.id, {"rows": []})["rows"]
        assert all(row == [-1, -1] for row in rows), way
        content = json.dumps(made)
        assert not [x for x in each.mechanism["noisy"]["n"] if str(x) in content]


def test_a_page_carries_its_own_released_tables_alone():
    report = overview()
    made = embedded(report.shown, language_of("en"), report.together, report.books.answers.get)
    shown = {each.id for figure in report.figures for each in figure.releases}
    assert set(made["leaves"]) <= shown
    known = {abs(x) for each in report.books.answers.values()
             for values in each.mechanism.get("noisy", {}).values() for x in values}  # fmt: skip
    numbers = {
        abs(x)
        for leaf in made["leaves"].values()
        for part in leaf["parts"]
        for values in part["noisy"].values()
        for x in values
    }
    assert numbers <= known


def test_the_gate_searches_what_a_page_carries():
    page = overview().page()
    refuse_leaks(page, lambda asked: [])
    words = {**page.live["words"], "Ottokar Wendelin": "x"}
    planted = replace(page, live={**page.live, "words": words})
    assert "Ottokar Wendelin" in planted.html
    with pytest.raises(LeakFound, match="a chart's data"):
        refuse_leaks(
            planted, lambda asked: [("customers", "name", x) for x in asked if "ottokar" in x]
        )
