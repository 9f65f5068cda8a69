"""Ways between editions: right from every page, whatever comes later, and from any place."""

import re

import pytest
from factories.notebooks import code, notebook
from factories.pages import CHINESE, MONTHLY, page

from workbench import figures
from workbench.reporting.published import editions
from workbench.reporting.published.index import without_ways
from workbench.reporting.published.record import read
from workbench.store.published_files import digest, strange

CARDS = notebook(code("wb.figures.kpis(m)", figures.kpis(MONTHLY)))


def _publish(folder, period, variant="", languages=("en",), report="overview", **context):
    pages = [
        page(
            CARDS,
            period=period,
            language=code,
            translations=CHINESE if code == "zh" else {},
            **context,
        )
        for code in languages
    ]
    return editions.publish(folder, report, period, pages, variant=variant).page


def _ways(path):
    """Return where a page's ways lead, as paths, each to a page that is there."""
    nav = re.search(r'<nav class="around" .*?</nav>', path.read_text("utf-8"), re.DOTALL)
    links = re.findall(r'(?:rel="(\w+)" )?href="([^"]+)"', nav[0]) if nav else []
    found = [(kind, (path.parent / way).resolve()) for kind, way in links]
    assert all(target.is_file() for _, target in found)
    return found


def test_a_page_leads_to_the_periods_beside_it_in_whatever_order_they_came(tmp_path):
    pages = {each: _publish(tmp_path, each) for each in ("2026-09", "2026-07", "2026-08")}
    july, august, september = (pages[each] for each in sorted(pages))
    assert _ways(july) == [("next", august)]
    assert _ways(august) == [("prev", july), ("next", september)]
    assert _ways(september) == [("prev", august)]
    assert list(strange(tmp_path)) == []
    assert "‹ August 2026</a>" in september.read_text()


def test_a_page_leads_to_the_others_of_its_grid_and_stays_with_its_own(tmp_path):
    for period in ("2026-08", "2026-09"):
        for each in ("region=north", "region=south"):
            _publish(tmp_path, period, each)
    north = tmp_path / "overview/2026-09/region=north/index.html"
    before, beside = _ways(north)
    assert before == ("prev", tmp_path / "overview/2026-08/region=north/index.html")
    assert beside == ("", tmp_path / "overview/2026-09/region=south/index.html")


def test_every_language_leads_to_its_own_and_else_to_the_one_there_is(tmp_path):
    _publish(tmp_path, "2026-07")
    _publish(tmp_path, "2026-08", languages=("en", "zh"))
    _publish(tmp_path, "2026-09", languages=("en", "zh"))
    august, september = (tmp_path / "overview" / each for each in ("2026-08", "2026-09"))
    assert _ways(september / "index.zh.html") == [("prev", august / "index.zh.html")]
    assert _ways(august / "index.zh.html")[0] == ("prev", tmp_path / "overview/2026-07/index.html")
    assert "2026年7月" in (august / "index.zh.html").read_text("utf-8")


def test_ways_are_no_part_of_an_edition(tmp_path):
    """A neighbour changes neither the hash in a page's record, nor its revision."""
    _publish(tmp_path, "2026-08")
    before = read(tmp_path / "overview/2026-08/r1")
    _publish(tmp_path, "2026-09")
    assert read(tmp_path / "overview/2026-08/r1") == before
    shown = tmp_path / "overview/2026-08/index.html"
    assert _ways(shown)
    root = "@workbench-root@/"
    plain = without_ways(shown.read_text("utf-8")).replace('"../../', f'"{root}')
    assert digest(plain.encode()) == before.sha256["index.html"]
    _publish(tmp_path, "2026-08")
    assert _ways(shown)
    assert not (shown.parent / "r2").exists()


def test_a_run_restores_ways_that_were_cut_off(tmp_path):
    _publish(tmp_path, "2026-08")
    page = _publish(tmp_path, "2026-09")
    whole = page.read_text("utf-8")
    page.write_text(without_ways(whole), encoding="utf-8")
    editions.clean(tmp_path)
    assert page.read_text("utf-8") == whole


@pytest.mark.parametrize("report", ["other", "overview-2"])
def test_another_report_is_not_around(tmp_path, report):
    _publish(tmp_path, "2026-08", report=report)
    assert _ways(_publish(tmp_path, "2026-09")) == []


def test_a_page_that_stands_alone_leads_nowhere(tmp_path):
    for period in ("2026-08", "2026-09"):
        _publish(tmp_path, period)
    (alone,) = editions.add_standalone(tmp_path, "overview", "2026-09")
    assert 'class="around"' not in alone.read_text("utf-8")
