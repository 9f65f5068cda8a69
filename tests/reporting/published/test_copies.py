"""One file with everything in it, made of a published page at any time."""

import base64
import gzip
import hashlib
import re
import stat
from html import unescape

import pytest
from factories.notebooks import code, notebook
from factories.pages import CHINESE, TOTAL, page
from hypothesis import given
from hypothesis import strategies as st

from workbench import figures
from workbench.errors import InputError, PublishError, UnknownName
from workbench.reporting.pages import page_assets
from workbench.reporting.published import editions
from workbench.reporting.published.copies import standalone, write_standalone

PLACE = "overview/2026-09"


@pytest.fixture
def published(tmp_path):
    pages = [page(), page(language="zh", translations=CHINESE)]
    editions.publish(tmp_path, "overview", "2026-09", pages)
    return tmp_path


@pytest.mark.parametrize("made", [page(), page(notebook(code("t", figures.table(TOTAL))))])
def test_a_published_page_becomes_the_page_that_would_stand_alone(made, tmp_path):
    done = editions.publish(tmp_path, "overview", "2026-09", made)
    for place in (done.page, done.page.parent / "r1/index.html"):
        alone = standalone(place.read_text(encoding="utf-8"))
        assert alone == made.alone()
        assert standalone(alone) == alone
        assert 'href="../' not in alone
        assert "src=" not in alone


def test_an_edition_has_one_file_a_language_beside_it_that_follows_its_revisions(published):
    made = editions.add_standalone(published, "overview", "2026-09")
    assert [path.name for path in made] == ["standalone.html", "standalone.zh.html"]
    assert '<html lang="zh-Hans">' in made[1].read_text(encoding="utf-8")
    editions.publish(published, "overview", "2026-09", page(subtitle="Once more"))
    assert "Once more" in made[0].read_text(encoding="utf-8")
    assert "Revision 2" in made[0].read_text(encoding="utf-8")


def test_an_old_revision_that_stands_alone_says_so_and_leads_nowhere(published, tmp_path):
    editions.publish(published, "overview", "2026-09", page(subtitle="Once more"))
    out = write_standalone(published / PLACE / "r1/index.html", tmp_path / "out/old.html")
    html = out.read_text(encoding="utf-8")
    assert '<p class="banner superseded">A later revision replaces this one.</p>' in html
    assert re.findall(r'href="(?!#)', html) == []
    assert stat.S_IMODE(out.stat().st_mode) & 0o444 == 0o444
    assert [each.name for each in out.parent.iterdir()] == ["old.html"]


def test_other_files_are_no_pages(published, tmp_path):
    with pytest.raises(InputError, match="not a published page"):
        standalone((published / "index.html").read_text(encoding="utf-8"))
    with pytest.raises(InputError, match="cannot be read as a page"):
        write_standalone(tmp_path / "none.html", tmp_path / "out.html")
    with pytest.raises(UnknownName, match="published edition named 'overview/2026-08'"):
        editions.add_standalone(published, "overview", "2026-08")


def test_a_page_of_another_version_is_not_given_the_wrong_script(published):
    html = (published / PLACE / "index.html").read_text(encoding="utf-8")
    with pytest.raises(InputError, match=r"plotly-0123\.min\.js.*--force"):
        standalone(re.sub(r"plotly-[0-9a-f]+", "plotly-0123", html))


def test_a_page_of_an_earlier_version_stands_alone_with_the_script_it_was_published_with(
    published, tmp_path
):
    script = b"window.Plotly = {};"
    name = f"plotly-{hashlib.sha256(script).hexdigest()[:12]}"
    (published / f"assets/{name}.min.js").write_bytes(script)
    page = published / PLACE / "index.html"
    page.write_text(re.sub(r"plotly-[0-9a-f]+", name, page.read_text(encoding="utf-8")))
    html = write_standalone(page, tmp_path / "old.html").read_text(encoding="utf-8")
    (packed,) = re.findall(r'id="plotly-packed">([^<]*)<', html)
    assert gzip.decompress(_unpacked(packed)) == script
    digest = base64.b64encode(hashlib.sha256(script).digest()).decode()
    assert f"sha256-{digest}" in unescape(html)
    assert "src=" not in html
    (made, _) = editions.add_standalone(published, "overview", "2026-09")
    assert made.read_text(encoding="utf-8") == html


def test_a_page_that_unpacks_base64_is_given_base64(published):
    html = (published / PLACE / "index.html").read_text(encoding="utf-8")
    alone = standalone(html.replace("const unpack", "atob('');\nconst unpack"))
    (packed,) = re.findall(r'id="plotly-packed">([^<]*)<', alone)
    assert gzip.decompress(base64.b64decode(packed)) == page_assets.bundle().script


@given(st.binary(max_size=40))
def test_bytes_come_back_from_the_text_they_are_carried_as(content):
    assert _unpacked(page_assets.as_text(content)) == content


def _unpacked(text):
    digits = [ord(each) - 35 - (each > "<") for each in text[1:]]
    bits = "".join(f"{a * 91 + b:013b}" for a, b in zip(digits[::2], digits[1::2], strict=True))
    content = bytes(int(bits[at : at + 8], 2) for at in range(0, len(bits) // 8 * 8, 8))
    return content[: len(content) - int(text[0])]


def test_a_place_that_cannot_be_written_is_told(published, tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(PublishError, match="cannot be written"):
        write_standalone(published / PLACE / "index.html", tmp_path / "file/out.html")
