"""An edition taken back: nothing of it is read any more but that it was withdrawn, when and why."""

import shutil
from pathlib import Path

import pytest
from factories.notebooks import code, notebook
from factories.pages import CHINESE, MONTHLY, page
from support.line import write_report

import workbench as wb
from workbench import figures
from workbench.errors import InputError, LeakFound, Refused, UnknownName
from workbench.reporting.published import editions, failures
from workbench.reporting.published.record import Withdrawal, latest, read
from workbench.store.published_files import strange

WHY = "A price list was loaded twice."
WITHDRAWAL = Withdrawal(at="2026-10-05T09:00:00+00:00", reason=WHY)
CELLS = notebook(
    code("wb.figures.kpis(m)", figures.kpis(MONTHLY)),
    code("l", figures.line(MONTHLY, x="month", y="customers")),
)


def _publish(folder, period="2026-09", **context):
    pages = [
        page(CELLS, period=period, **context),
        page(CELLS, period=period, language="zh", translations=CHINESE, **context),
    ]
    return editions.publish(folder, "overview", period, pages)


def _texts(folder):
    return {p.relative_to(folder).as_posix(): p.read_text("utf-8") for p in folder.rglob("*.*ml")}


@pytest.fixture(scope="module")
def three(tmp_path_factory):
    folder = tmp_path_factory.mktemp("three")
    for period in ("2026-07", "2026-08", "2026-09"):
        _publish(folder, period)
    _publish(folder, "2026-08", subtitle="Mended")
    editions.add_standalone(folder, "overview", "2026-08")
    return folder


@pytest.fixture
def published(three, tmp_path):
    return Path(shutil.copytree(three, tmp_path / "published"))


def _withdraw(folder, period="2026-08"):
    return failures.withdraw(folder, latest(folder, "overview", period), WITHDRAWAL)


def test_its_pages_say_so_in_every_language_and_revision_and_show_no_figure(published):
    before = _texts(published)
    assert "1,259" in before["overview/2026-08/r1/index.html"]
    shown = _withdraw(published)
    assert shown == published / "overview/2026-08/index.html"
    texts = {name: each for name, each in _texts(published).items() if "2026-08/" in name}
    assert len(texts) == 6
    for name, text in texts.items():
        assert WHY in text
        assert "1,259" not in text
        word = "已于2026年10月5日撤回" if ".zh." in name else "was withdrawn on Oct 5, 2026."
        assert word in text
    assert not (published / "overview/2026-08/standalone.html").exists()
    assert list(strange(published)) == []


def test_nothing_leads_to_it_and_it_leads_on(published):
    _withdraw(published)
    index = (published / "index.html").read_text("utf-8")
    assert "2026-08" not in index
    july, september = (
        (published / f"overview/{period}/index.html").read_text("utf-8")
        for period in ("2026-07", "2026-09")
    )
    assert 'rel="next" href="../../overview/2026-09/index.html"' in july
    assert 'rel="prev" href="../../overview/2026-07/index.html"' in september
    own = (published / "overview/2026-08/index.html").read_text("utf-8")
    assert 'rel="prev"' in own


def test_its_records_keep_what_witnesses_need_and_nothing_that_was_said(published):
    before = read(published / "overview/2026-08/r1")
    _withdraw(published)
    for number in (1, 2):
        kept = read(published / f"overview/2026-08/r{number}")
        assert kept.withdrawn == WITHDRAWAL
        assert (kept.headline, kept.cards, kept.changed_in) == ({}, {}, {})
    kept = read(published / "overview/2026-08/r1")
    assert (kept.releases, kept.sha256) == (before.releases, before.sha256)


def test_what_a_kill_interrupted_is_finished(published, monkeypatch):
    edition = latest(published, "overview", "2026-08")
    failures._mark(published, edition.model_copy(update={"withdrawn": WITHDRAWAL}))
    assert "1,259" in (published / "overview/2026-08/r1/index.html").read_text("utf-8")
    editions.clean(published)
    mine = [text for name, text in _texts(published).items() if "2026-08/" in name]
    assert all(WHY in text and "1,259" not in text for text in mine)
    after = _texts(published)
    editions.clean(published)
    assert _texts(published) == after


def test_the_same_figures_again_are_a_revision_that_says_whose_place_it_takes(published):
    _withdraw(published, "2026-09")
    made = _publish(published, "2026-09")
    assert (made.new, made.edition.revision) == (True, 2)
    assert made.edition.changed[0].endswith(f"was withdrawn on Oct 5, 2026: {WHY}")
    assert "1,259" in made.page.read_text("utf-8")
    old = (published / "overview/2026-09/r1/index.html").read_text("utf-8")
    assert WHY in old
    assert "1,259" not in old
    assert "A later revision replaces this one." in old
    index = (published / "index.html").read_text("utf-8")
    assert "overview/2026-09/index.html" in index
    assert "2026-09/r1" not in index
    assert not _publish(published, "2026-09").new


def test_no_copy_is_made_of_it(published):
    _withdraw(published)
    with pytest.raises(InputError, match=rf"overview/2026-08' was withdrawn on .*{WHY}"):
        editions.add_standalone(published, "overview", "2026-08")


@pytest.fixture
def made(warm_shop):
    write_report(warm_shop.settings.root)
    warm_shop.reports.render("customers")
    return warm_shop


def _take_back(ws: wb.Workspace, name="customers", period="2026-09", reason=WHY, role="officer"):
    return ws.reports.withdraw(name, period=period, reason=reason, role=role)


def test_an_officers_word_is_recorded_and_a_run_publishes_it_anew_at_no_cost(made):
    page = _take_back(made)
    assert WHY in page.read_text("utf-8")
    assert [e.body["reason"] for e in made.events.entries("withdrawn")] == [WHY]
    assert made.reports.due() == ()
    with pytest.raises(InputError, match=r"was withdrawn on 2026-10-02 \(A price list"):
        _take_back(made)
    with pytest.raises(InputError, match=r"was withdrawn on 2026-10-02 \(A price list"):
        made.reports.export_standalone("customers", made.settings.root / "x.html")
    again = made.reports.render("customers")
    assert (again.unchanged, again.revision, again.spent_now) == (False, 2, 0)
    assert made.reports.render("customers").unchanged


def test_what_may_not_be_withdrawn_stays_as_it_was(made):
    published = made.settings.path("published")
    before = _texts(published)
    for asked, error, said in (
        ({"period": "2026-08"}, UnknownName, "2026-08"),
        ({"name": "others"}, UnknownName, "others"),
        ({"reason": "Given17 Family17"}, LeakFound, "the reason holds a value of customers"),
        ({"reason": "  "}, InputError, "say why"),
        ({"role": "analyst"}, Refused, "to withdraw an edition is an officer's decision"),
    ):
        with pytest.raises(error, match=said):
            _take_back(made, **asked)
    assert _texts(published) == before
    assert made.events.entries("withdrawn") == []
