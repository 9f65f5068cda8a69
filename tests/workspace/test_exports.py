"""Published editions as files to send: what is chosen, what is refused, what follows a revision."""

import shutil

import pytest
from factories.pages import CHINESE, page
from support.line import DEFINITION, PARAMETERS, write_report

from workbench.errors import Busy, InputError, UnknownName
from workbench.reporting.desk import turn
from workbench.reporting.published import editions
from workbench.reporting.runner import Edition


@pytest.fixture
def ws(shop):
    """Return a shop with editions of three reports: two months, two languages, a grid."""
    published = shop.settings.path("published")
    both = [page(), page(language="zh", translations=CHINESE)]
    editions.publish(published, "overview", "2026-08", page(subtitle="August"))
    editions.publish(published, "overview", "2026-09", both)
    for region in ("north", "south"):
        variant = f"region={region}"
        editions.publish(published, "regions", "2026-09", page(subtitle=region), variant=variant)
    return shop


def test_the_newest_edition_becomes_one_file(ws, tmp_path):
    out = ws.reports.export_standalone("overview", tmp_path / "sent" / "page.html")
    html = out.read_text(encoding="utf-8")
    assert html == page().alone()
    assert "August" in ws.reports.export_standalone(
        "overview", tmp_path / "old.html", period="2026-08"
    ).read_text(encoding="utf-8")


def test_an_edition_is_chosen_by_language_and_parameters(ws, tmp_path):
    chinese = ws.reports.export_standalone("overview", tmp_path / "zh.html", language="zh")
    assert '<html lang="zh-Hans">' in chinese.read_text(encoding="utf-8")
    south = ws.reports.export_standalone(
        "regions", tmp_path / "s.html", parameters=["region=south"]
    )
    assert ">south<" in south.read_text(encoding="utf-8")


def test_the_newest_revision_is_meant(ws, tmp_path):
    published = ws.settings.path("published")
    for number in range(2, 11):
        editions.publish(published, "overview", "2026-08", page(subtitle=f"Time {number}"))
    out = ws.reports.export_standalone("overview", tmp_path / "page.html", period="2026-08")
    assert "Time 10" in out.read_text(encoding="utf-8")


def test_what_is_not_published_is_told(ws, tmp_path):
    out = tmp_path / "page.html"
    with pytest.raises(UnknownName, match=r"edition named 'overview/2026-07'.*overview/2026-0"):
        ws.reports.export_standalone("overview", out, period="2026-07")
    with pytest.raises(UnknownName, match=r"no published edition named 'overviews'"):
        ws.reports.export_pdf("overviews", out)
    with pytest.raises(UnknownName, match=r"no language of this edition named 'zh'"):
        ws.reports.export_standalone("overview", out, period="2026-08", language="zh")
    with pytest.raises(InputError, match=r"several editions for 2026-09: region=north; region="):
        ws.reports.export_standalone("regions", out)
    assert not out.exists()


def test_an_edition_has_its_files_beside_it(ws, tmp_path):
    published = ws.settings.path("published")
    there = editions.latest(published, "overview", "2026-09")
    rendered = Edition("overview", "2026-09", there.page, published, False, 0.0, 0.0, ())
    made = ws.reports.add_files(rendered, standalone=True, pdf=True)
    names = ["standalone.html", "standalone.zh.html", "report.pdf", "report.zh.pdf"]
    assert [file.name for file in made] == names
    assert made[2].read_bytes().startswith(b"%PDF")
    assert made[2].read_bytes() != made[3].read_bytes()
    editions.publish(published, "overview", "2026-09", [page(subtitle="Once more")])
    assert "Once more" in made[0].read_text(encoding="utf-8")
    assert not made[2].exists()  # it would contradict its page
    assert ws.reports.add_files(rendered) == ()


def test_files_are_added_in_a_turn_of_their_own(ws):
    published = ws.settings.path("published")
    there = editions.latest(published, "overview", "2026-09")
    rendered = Edition("overview", "2026-09", there.page, published, False, 0.0, 0.0, ())
    before = sorted(published.rglob("*"))
    with turn(ws.private, "'overview' 2026-09", ws.now()):
        for files in ({"standalone": True}, {"pdf": True}):
            with pytest.raises(Busy, match="another run is at work"):
                ws.reports.add_files(rendered, wait_seconds=0.1, **files)
        assert ws.reports.add_files(rendered) == ()  # nothing to wait for
    assert sorted(published.rglob("*")) == before


def test_no_file_contradicts_its_page_after_a_run_that_died(ws, tmp_path):
    published = ws.settings.path("published")
    folder = editions.add_standalone(published, "overview", "2026-09")[0].parent
    (folder / "report.pdf").write_bytes(b"%PDF of the first revision")
    shutil.copytree(published, tmp_path / "copy")
    both = [page(subtitle="Later"), page(language="zh", translations=CHINESE)]
    editions.publish(tmp_path / "copy", "overview", "2026-09", both)
    # what is there when a run dies after its revision is whole and before it is shown
    shutil.copytree(tmp_path / "copy" / "overview" / "2026-09" / "r2", folder / "r2")
    editions.clean(published)
    for name in ("index.html", "standalone.html"):
        assert "Later" in (folder / name).read_text(encoding="utf-8")
    assert not (folder / "report.pdf").exists()


GRID = (
    DEFINITION
    + "  region: {{type: text, required: true}}\n"
    + "  share: {{type: number, required: true}}\n"
    + "grid: {{region: [North West, 北京, K.1], share: [0.5, 1]}}\n"
)


@pytest.mark.parametrize("declared", [True, False])
def test_an_edition_is_chosen_by_what_is_typed_not_by_its_folders_name(ws, tmp_path, declared):
    parameters = f'{PARAMETERS}\nregion = ""\nshare = 1'
    write_report(ws.settings.root, name="grid", definition=GRID, parameters=parameters)
    published, places = ws.settings.path("published"), {}
    for region, word in {"North West": "North-West", "北京": "2", "K.1": "K.1"}.items():
        for share in (0.5, 1.0):
            variant = f"region={word},share={share}"
            subtitle = places[region, share] = f"{region} with {share}"
            editions.publish(published, "grid", "2026-09", page(subtitle=subtitle), variant=variant)
    editions.publish(
        published, "grid", "2026-10", page(subtitle="new"), variant="region=K.1,share=0.5"
    )
    if not declared:
        (ws.settings.path("reports") / "grid.yaml").unlink()
    out = tmp_path / "page.html"

    def chosen(*words):
        return ws.reports.export_standalone("grid", out, parameters=words).read_text(
            encoding="utf-8"
        )

    assert places["North West", 0.5] in chosen("region=North West", "share=0.5")
    assert places["K.1", 1.0] in chosen("share=1.0", "region=K.1")
    assert ">new<" in chosen("region=K.1", "share=0.5")  # its own newest
    if declared:
        assert places["北京", 0.5] in chosen("region=北京", "share=0.50")
        assert places["North West", 1.0] in chosen("region=North West", "share=1")
    for wrong in (["region=South"], ["epsilon=0.1"], ["region=North West", "share=0.7"]):
        with pytest.raises(UnknownName, match="no published edition named 'grid/"):
            chosen(*wrong)
    with pytest.raises(InputError, match="has several editions for 2026-09"):
        chosen("region=North West")
