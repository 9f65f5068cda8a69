"""The index: every report, period and revision, from records alone."""

import json
import re

import pytest
from factories.notebooks import code, notebook
from factories.pages import CHINESE, page
from factories.releases import release

from workbench import figures
from workbench.reporting.published import editions, failures
from workbench.reporting.published.index import rebuild_index


def _total(period, customers):
    ends = {"customers": 0, "customers_low": -25, "customers_high": 25}
    columns = {name: [customers + change] for name, change in ends.items()}
    return release((), release().measures[:1], period=period, columns=columns)


def _publish(folder, report, period, customers, **context):
    total = _total(period, customers)
    cells = [code("wb.figures.kpis(t)", figures.kpis(total))]
    made = page(
        notebook(*cells), lookup=lambda name: total, title=report.title(), period=period, **context
    )
    return editions.publish(folder, report, period, made)


@pytest.fixture
def published(tmp_path):
    for period, customers in (("2026-07", 1000), ("2026-08", 1010), ("2026-09", 1200)):
        _publish(tmp_path, "overview", period, customers)
    _publish(tmp_path, "risk", "2026-09", 5)
    _publish(tmp_path, "overview", "2026-08", 1020)
    return tmp_path


def _index(folder):
    return (folder / "index.html").read_text(encoding="utf-8")


def test_each_report_shows_its_newest_period_and_links_all_others(published):
    html = _index(published)
    links = re.findall(r'href="([^"#]+)"', html)
    assert links == [
        "feed.xml",  # for readers of feeds, and in sight
        "feed.xml",
        "overview/2026-09/index.html",
        "overview/2026-08/index.html",
        "overview/2026-08/r1/index.html",
        "overview/2026-07/index.html",
        "risk/2026-09/index.html",
    ]
    assert all((published / link).is_file() for link in links)


def test_key_figures_have_a_history_from_earlier_editions(published):
    overview = _index(published).partition('id="risk"')[0]
    assert '<p class="figure">1,200</p>' in overview
    assert '<path d="M0.0 25.0L50.0 22.8L100.0 3.0"/>' in overview  # 1000, 1020, 1200


def test_periods_are_compared_on_released_figures(published):
    data = re.search(r'id="comparison">(.*?)</script>', _index(published))[1]
    (report,) = json.loads(data)["reports"]  # risk has one period only
    assert [each["period"] for each in report["periods"]] == ["Sep 2026", "Aug 2026", "Jul 2026"]
    card = report["periods"][0]["cards"][0]
    assert (card["value"], card["interval"], card["text"]) == (1200, [1175, 1225], "1,200")


def test_it_can_be_searched_by_report_and_period(published):
    words = re.findall(r'data-words="([^"]+)"', _index(published))
    assert words[0].startswith("Overview overview")
    assert "2026-08 August 2026" in words[0]


def test_the_same_records_give_the_same_bytes(published):
    before = _index(published)
    (published / "index.html").unlink()
    rebuild_index(published)
    assert _index(published) == before


def test_it_speaks_the_language_of_what_is_published(tmp_path):
    chinese = page(language="zh", translations=CHINESE, period="2026-09")
    editions.publish(tmp_path, "overview", "2026-09", chinese)
    html = _index(tmp_path)
    assert '<html lang="zh-Hans">' in html
    assert chinese.title in html
    assert "2026年9月" in html


def test_an_empty_folder_says_so(tmp_path):
    rebuild_index(tmp_path)
    assert "No report has been published yet." in _index(tmp_path)


def test_words_from_records_are_words(tmp_path):
    total = _total("2026-09", 5)
    made = page(
        notebook(code("k", figures.kpis(total))),
        lookup=lambda name: total,
        title="<script>x</script>",
    )
    editions.publish(tmp_path, "overview", "2026-09", made)
    assert "<script>x" not in _index(tmp_path)


def test_the_policy_names_every_script_and_nothing_else(published):
    html = _index(published)
    policy = re.search(r'Content-Security-Policy" content="([^"]+)"', html)[1]
    assert "unsafe" not in policy
    assert policy.count("sha256-") == 2


def test_editions_in_two_languages_have_an_index_in_each(tmp_path):
    pages = [page(), page(language="zh", translations=CHINESE)]
    made = editions.publish(tmp_path, "overview", "2026-09", pages)
    english, chinese = (tmp_path / f"index.{code}.html" for code in ("en", "zh"))
    html = chinese.read_text(encoding="utf-8")
    assert "<h2>客户概览</h2>" in html
    assert '<span class="house">示例银行</span>' in html
    assert 'href="overview/2026-09/index.zh.html"' in html
    assert '<a href="index.en.html" lang="en" hreflang="en">English</a>' in html
    assert english.read_text(encoding="utf-8") == _index(tmp_path)
    there = (made.page.parent / "index.zh.html").read_text(encoding="utf-8")
    assert '<a href="../../index.zh.html">全部报告</a>' in there
    assert '<a href="../../index.html">All reports</a>' in made.page.read_text(encoding="utf-8")


@pytest.mark.parametrize("orders", [
    [("zh", "en")],
    [("en",), ("zh", "en")],
    [("zh",), ("en", "zh"), ("en",)],
    [("en", "zh"), ("zh",)],
])  # fmt: skip  # why: one line a case
def test_every_page_leads_to_the_index_of_its_language(tmp_path, orders):
    for number, codes in enumerate(orders):
        pages = [page(language=code, translations=CHINESE) for code in codes]
        made = editions.publish(tmp_path, f"report-{number}", "2026-09", pages)
        editions.publish(tmp_path, f"report-{number}", "2026-09", [page(language=codes[0])])
        editions.publish(tmp_path, f"report-{number}", "2026-09", pages)
        failures.record_failure(
            tmp_path, f"report-{number}", "2026-10", "Title", languages={code: {} for code in codes}
        )
        record = editions.latest(tmp_path, f"report-{number}", "2026-09").edition
        assert tuple(record.languages) == tuple(record.cards) == tuple(record.titles) == codes
        assert editions.latest(tmp_path, f"report-{number}", "2026-09").page == made.page
        assert made.page.name == "index.html"
    seen = 0
    for path in tmp_path.rglob("*.html"):
        html = path.read_text(encoding="utf-8")
        said = re.search('<html lang="([^"]+)"', html)[1]
        if path.parent != tmp_path:
            back = re.search(r'<nav[^>]*><a href="((?:\.\./)+index[^"]*)"', html)[1]
            assert re.search('<html lang="([^"]+)"', (path.parent / back).read_text())[1] == said
            seen += 1
        else:
            for way, tag in re.findall(r'href="(index[^"]*)" lang="([^"]+)"', html):
                assert f'<html lang="{tag}"' in (tmp_path / way).read_text(encoding="utf-8")
    assert seen >= 4


def test_a_record_in_the_order_of_the_alphabet_opens_the_first_language(tmp_path):
    pages = [page(language="zh"), page()]
    made = editions.publish(tmp_path, "overview", "2026-09", pages)
    record = made.page.parent / "r1" / "edition.json"
    record.write_text(json.dumps(json.loads(record.read_text()), sort_keys=True))
    again = editions.latest(tmp_path, "overview", "2026-09")
    assert again.page == made.page
    assert list(again.edition.languages) == list(again.edition.cards) == ["zh", "en"]


def test_one_language_needs_one_index(published):
    assert [path.name for path in published.glob("index*.html")] == ["index.html"]


def test_each_report_shows_its_state(published):
    assert _index(published).count('<span class="status">Published</span>') == 2
    failures.record_failure(published, "overview", "2026-10", "Overview")
    html = _index(published)
    assert '<span class="status bad">Failed</span>' in html
    assert "October 2026: failed; last good edition: September 2026" in html
