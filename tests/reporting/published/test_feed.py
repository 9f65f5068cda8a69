"""A feed and mails: what they say, that their addresses stay, and that they name no host."""

import datetime as dt
import re
from xml.etree import ElementTree

import pytest
from factories.notebooks import code, notebook
from factories.pages import CHINESE, MONTHLY, SENTENCE, TOTAL, page

from workbench import figures
from workbench.reporting.pages.parts import Brand
from workbench.reporting.published import editions, failures
from workbench.reporting.published.index import rebuild_index
from workbench.reporting.published.record import Withdrawal, latest
from workbench.store.published_files import strange

ATOM = "{http://www.w3.org/2005/Atom}"
CELLS = notebook(
    code(repr(SENTENCE), figures.text(SENTENCE, TOTAL)),
    code("target=1_200", figures.kpis(MONTHLY, target={"customers": 1200})),
)


def _publish(folder, period, day=1, **context):
    pages = [
        page(CELLS, period=period, **context),
        page(CELLS, period=period, language="zh", translations=CHINESE, **context),
    ]
    now = dt.datetime(2026, 10, day, 9, tzinfo=dt.UTC)
    return editions.publish(folder, "overview", period, pages, now=now)


def _feed(folder):
    root = ElementTree.parse(folder / "feed.xml").getroot()  # noqa: S314  # why: we wrote it
    found = [{part.tag.removeprefix(ATOM): part for part in e} for e in root.iter(f"{ATOM}entry")]
    return root, found


def test_it_is_a_valid_feed_of_editions_newest_first(tmp_path):
    _publish(tmp_path, "2026-08", 1)
    _publish(tmp_path, "2026-09", 2)
    root, entries = _feed(tmp_path)
    # RFC 4287, 4.1.1 and 4.1.2: what every feed and entry must have, once
    for name in ("id", "title", "updated", "author"):
        assert len(root.findall(f"{ATOM}{name}")) == 1
    assert root.find(f"{ATOM}updated").text == "2026-10-02T09:00:00+00:00"
    for entry in entries:
        assert {"id", "title", "updated", "link", "summary"} <= set(entry)
        assert entry["id"].text.startswith("urn:uuid:")
        assert (tmp_path / entry["link"].get("href")).is_file()
    assert [e["title"].text for e in entries] == [
        "Customer overview, September 2026",
        "Customer overview, August 2026",
    ]
    assert entries[0]["summary"].text.startswith("In Sep 2026, 874 customers")
    assert "http" not in re.sub(r'xmlns="[^"]+"', "", (tmp_path / "feed.xml").read_text("utf-8"))
    assert list(strange(tmp_path)) == []


def test_a_title_of_any_signs_leaves_a_feed_that_can_be_read(tmp_path):
    _publish(tmp_path, "2026-09", title="Over\x0bview\ufffe <b> & 客户 😀")
    _, (entry,) = _feed(tmp_path)
    assert entry["title"].text == "Overview <b> & 客户 😀, September 2026"


def test_an_entrys_address_stays_through_revisions_and_withdrawal(tmp_path):
    _publish(tmp_path, "2026-09", 1)
    root, (first,) = _feed(tmp_path)
    _publish(tmp_path, "2026-08", 2)
    _publish(tmp_path, "2026-09", 3, subtitle="Mended")
    feed, (revised, _) = _feed(tmp_path)
    assert feed.find(f"{ATOM}id").text == root.find(f"{ATOM}id").text
    assert revised["id"].text == first["id"].text
    assert revised["published"].text == first["published"].text
    assert revised["updated"].text > first["updated"].text
    taken = Withdrawal(at="2026-10-09T08:00:00+00:00", reason="Rows <twice>.")
    failures.withdraw(tmp_path, latest(tmp_path, "overview", "2026-09"), taken)
    gone = _feed(tmp_path)[1][0]
    assert gone["id"].text == first["id"].text
    assert gone["title"].text.endswith("September 2026 · withdrawn")
    assert gone["summary"].text == "This edition was withdrawn on Oct 9, 2026. Rows <twice>."


def test_the_same_records_give_the_same_bytes(tmp_path):
    _publish(tmp_path, "2026-09")
    before = (tmp_path / "feed.xml").read_bytes()
    rebuild_index(tmp_path)
    assert (tmp_path / "feed.xml").read_bytes() == before


def test_where_pages_are_served_is_in_feed_and_mail_only_where_it_is_declared(tmp_path):
    address = "https://reports.example.org/bank/"
    made = _publish(tmp_path, "2026-09", brand=Brand(address=address))
    _, (entry,) = _feed(tmp_path)
    assert entry["link"].get("href") == f"{address}overview/2026-09/index.html"
    mail = (made.page.parent / "mail.zh.txt").read_text("utf-8")
    assert mail.endswith(f"\n{address}overview/2026-09/index.zh.html\n")


def test_a_mail_says_headline_key_figures_and_the_way(tmp_path):
    made = _publish(tmp_path, "2026-09")
    subject, headline, cards, way = (
        (made.page.parent / "mail.txt").read_text("utf-8").rstrip().split("\n\n")
    )
    assert subject == "Customer overview, September 2026"
    assert headline.startswith("In Sep 2026, 874 customers (± 25)")
    first, *rest = cards.split("\n")
    assert first.startswith("Customers: 1,259 ± 25 · up 4.7% since Aug 2026 (± 3.")
    assert first.endswith("· target 1,200: above")
    assert len(rest) == 3
    assert way == "overview/2026-09/index.html"


def test_a_mail_follows_revisions_and_goes_with_a_withdrawal(tmp_path):
    made = _publish(tmp_path, "2026-09")
    mail = made.page.parent / "mail.txt"
    _publish(tmp_path, "2026-09", title="Overview of customers")
    assert mail.read_text("utf-8").startswith("Overview of customers, ")
    taken = Withdrawal(at="2026-10-09T08:00:00+00:00", reason="Why.")
    failures.withdraw(tmp_path, latest(tmp_path, "overview", "2026-09"), taken)
    assert not mail.exists()


@pytest.fixture(scope="module")
def shelves(tmp_path_factory):
    folder = tmp_path_factory.mktemp("shelves")
    for name, audience in (("overview", "managers"), ("risk", "risk board"), ("spend", "managers")):
        made = page(CELLS, title=name.title(), audience=audience)
        editions.publish(folder, name, "2026-09", made)
    return folder


SHOWN = "return [...document.querySelectorAll('.shelf')].filter((e) => !e.hidden).map((e) => e.id)"


def test_the_index_shows_an_audience_its_own_and_an_address_keeps_it(browser, shelves):
    browser.show(shelves / "index.html")
    assert browser.run(SHOWN) == ["overview", "risk", "spend"]
    browser.run(
        "const s = document.getElementById('audience'); s.value = 'risk board';"
        "s.dispatchEvent(new Event('change'))"
    )
    assert browser.run(SHOWN) == ["risk"]
    address = browser.run("return location.href")
    assert address.endswith("#audience=risk%20board")
    browser.show("about:blank")
    browser.show(address)
    assert browser.run(SHOWN) == ["risk"]
    browser.run(
        "const s = document.getElementById('search'); s.value = 'overview';"
        "s.dispatchEvent(new Event('input'))"
    )
    assert browser.run(SHOWN) == []
    assert browser.complaints() == []


def test_an_audience_that_is_gone_hides_nothing(browser, shelves):
    browser.show("about:blank")
    for broken in ("nobody", "%E0%A4%A", ""):
        browser.show("about:blank")
        browser.show(f"{(shelves / 'index.html').as_uri()}#audience={broken}")
        assert browser.run(SHOWN) == ["overview", "risk", "spend"]
        assert browser.complaints() == []
    browser.run("location.hash = '#audience=risk%20board'")
    browser.wait(f"{SHOWN}.join() === 'risk'")
