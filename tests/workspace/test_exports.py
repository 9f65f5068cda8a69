"""Published editions as files to send: what is chosen, what is refused, what follows a revision."""

import pytest
from factories.pages import CHINESE, page

from workbench.errors import InputError, UnknownName
from workbench.reporting import editions
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
    out = ws.export_standalone("overview", tmp_path / "sent" / "page.html")
    html = out.read_text(encoding="utf-8")
    assert html == page().alone()
    assert "August" in ws.export_standalone(
        "overview", tmp_path / "old.html", period="2026-08"
    ).read_text(encoding="utf-8")


def test_an_edition_is_chosen_by_language_and_parameters(ws, tmp_path):
    chinese = ws.export_standalone("overview", tmp_path / "zh.html", language="zh")
    assert '<html lang="zh-Hans">' in chinese.read_text(encoding="utf-8")
    south = ws.export_standalone("regions", tmp_path / "s.html", parameters=["region=south"])
    assert ">south<" in south.read_text(encoding="utf-8")


def test_the_newest_revision_is_meant(ws, tmp_path):
    published = ws.settings.path("published")
    for number in range(2, 11):
        editions.publish(published, "overview", "2026-08", page(subtitle=f"Time {number}"))
    out = ws.export_standalone("overview", tmp_path / "page.html", period="2026-08")
    assert "Time 10" in out.read_text(encoding="utf-8")


def test_what_is_not_published_is_told(ws, tmp_path):
    out = tmp_path / "page.html"
    with pytest.raises(UnknownName, match=r"edition named 'overview/2026-07'.*overview/2026-0"):
        ws.export_standalone("overview", out, period="2026-07")
    with pytest.raises(UnknownName, match=r"no published edition named 'overviews'"):
        ws.export_pdf("overviews", out)
    with pytest.raises(UnknownName, match=r"no language of this edition named 'zh'"):
        ws.export_standalone("overview", out, period="2026-08", language="zh")
    with pytest.raises(InputError, match=r"several editions for 2026-09: region=north; region="):
        ws.export_standalone("regions", out)
    assert not out.exists()


def test_an_edition_has_its_files_beside_it(ws, tmp_path):
    published = ws.settings.path("published")
    there = editions.latest(published, "overview", "2026-09")
    rendered = Edition("overview", "2026-09", there.page, published, False, 0.0, 0.0, ())
    made = ws.add_files(rendered, standalone=True, pdf=True)
    names = ["standalone.html", "standalone.zh.html", "report.pdf", "report.zh.pdf"]
    assert [file.name for file in made] == names
    assert made[2].read_bytes().startswith(b"%PDF")
    assert made[2].read_bytes() != made[3].read_bytes()
    editions.publish(published, "overview", "2026-09", [page(subtitle="Once more")])
    assert "Once more" in made[0].read_text(encoding="utf-8")
    assert not made[2].exists()  # it would contradict its page
    assert ws.add_files(rendered) == ()
