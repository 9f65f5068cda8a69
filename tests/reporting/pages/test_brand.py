"""A house's logo and colour: what is refused, what is shown, and that it can be read."""

import base64
import io
import re

import pytest
from factories.notebooks import code, notebook
from factories.pages import MONTHLY, page
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

import workbench as wb
from workbench import figures
from workbench.checks import check
from workbench.errors import LeakFound, SettingsError
from workbench.reporting.gate.leaks import refuse_leaks
from workbench.reporting.pages.brand import CONTRAST, brand_of, contrast
from workbench.reporting.published import editions
from workbench.settings import Settings, load_settings

SVG = '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 9 9">{}</svg>'
CIRCLE = SVG.format('<circle cx="4" cy="4" r="4" fill="url(#g)"/>')
CARDS = notebook(code("wb.figures.kpis(m)", figures.kpis(MONTHLY)))


def _png(size=(9, 9)):
    out = io.BytesIO()
    Image.effect_noise(size, 90).save(out, "PNG")
    return out.getvalue()


def _brand(folder, content, name="logo.svg"):
    content = content.encode() if isinstance(content, str) else content
    (folder / name).write_bytes(content)
    return brand_of(Settings(root=folder, logo=name))


def test_a_plain_picture_stands_on_page_and_index_as_it_is(tmp_path):
    for content, kind in ((CIRCLE.encode(), "svg+xml"), (_png(), "png")):
        brand = _brand(tmp_path, content)
        data = f"data:image/{kind};base64,{base64.b64encode(content).decode()}"
        assert brand.logo == data
        made = editions.publish(tmp_path / "p", "overview", "2026-09", page(CARDS, brand=brand))
        for path in (made.page, tmp_path / "p" / "index.html"):
            assert f'<img class="logo" src="{data}" alt="">' in path.read_text("utf-8")


@pytest.mark.parametrize(
    ("inner", "said"),
    [
        ("<script>alert(1)</script>", "holds <script>"),
        ("<foreignObject/>", "holds <foreignObject>"),
        ("<image href='https://example.org/x.png'/>", "holds <image>"),
        ("<style>@import url(https://example.org)</style>", "holds <style>"),
        ("<g onload='alert(1)'/>", "holds onload="),
        ("<use href='https://example.org/x.svg#a'/>", "leads elsewhere by href="),
        (
            "<use xmlns:x='http://www.w3.org/1999/xlink' x:href='data:x'/>",
            "leads elsewhere by href=",
        ),
        ("<rect fill='url(https://example.org/a)'/>", "holds fill="),
        ("<rect style='background:URL( &quot;//example.org&quot;)'/>", "holds style="),
        ("<animate attributeName='href' to='javascript:x'/>", "holds <animate>"),
        ("<h:p xmlns:h='http://www.w3.org/1999/xhtml'/>", "holds <p>"),
    ],
)
def test_an_svg_that_does_more_than_draw_is_refused(tmp_path, inner, said):
    with pytest.raises(SettingsError, match=f"logo: .*{re.escape(said)}"):
        _brand(tmp_path, SVG.format(inner))


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (f'<!DOCTYPE svg [<!ENTITY a "b">]>{CIRCLE}', "has a document type"),
        (f'<?xml-stylesheet href="x.css"?>{CIRCLE}', "has a document type or an instruction"),
        ("<html/>", "is neither PNG nor SVG"),
        ("", "is neither PNG nor SVG"),
        (b"GIF89a", "is neither PNG nor SVG"),
        (CIRCLE.encode("utf-16"), "is neither PNG nor SVG"),
        (_png()[:-9], "is a PNG that is damaged"),
        (_png() + b"more", "is a PNG that is damaged"),
        (_png().replace(b"IHDR", b"IHDX"), "is a PNG that is damaged"),
        (_png((300, 300)), "has .* bytes"),
    ],
)
def test_what_is_no_picture_is_refused(tmp_path, content, said):
    with pytest.raises(SettingsError, match=said):
        _brand(tmp_path, content)


def test_a_logo_that_is_not_there_is_told_by_check_too(shop):
    settings = shop.settings.model_copy(update={"logo": "gone.png"})
    with pytest.raises(SettingsError, match=r"gone\.png cannot be read"):
        brand_of(settings)
    toml = shop.settings.root / "workbench.toml"
    toml.write_text(toml.read_text() + 'logo = "gone.png"\n')
    told = check(wb.open_workspace(shop.settings.root), quick=True)
    assert any(each.part == "settings" and "gone.png" in each.text for each in told)


def test_noise_in_a_picture_is_no_customers_number_and_a_name_in_it_is_found(tmp_path):
    """Bytes of a picture read as numbers would fit any estate of numbered customers."""

    own = set()  # what a page without a picture asks about

    def find(asked):
        numbers = [("people", "number", each) for each in asked - own if each.isdigit()]
        return numbers + [("people", "name", each) for each in asked if "family17" in each]

    refuse_leaks(page(CARDS), lambda asked: own.update(asked) or [])
    refuse_leaks(page(CARDS, brand=_brand(tmp_path, _png((80, 80)))), find)
    named = SVG.format("<text>Given17 Family17</text>")
    with pytest.raises(LeakFound, match=r"people\.name"):
        refuse_leaks(page(CARDS, brand=_brand(tmp_path, named)), find)


def _colours(style):
    return [tuple(map(int, found)) for found in re.findall(r"rgb\((\d+) (\d+) (\d+)\)", style)]


@given(st.integers(0, 0xFFFFFF))
def test_text_in_any_accent_can_be_read_on_light_and_dark_or_it_is_refused(number):
    try:
        style = brand_of(Settings(root="/", accent=f"#{number:06x}")).style
    except SettingsError as refusal:
        darker = re.search(r"such as '(#[0-9a-f]{6})'", str(refusal))[1]
        style = brand_of(Settings(root="/", accent=darker)).style
    light, soft, dark, dark_soft = _colours(style)
    for paper in ((246, 247, 245), (255, 255, 255), soft):
        assert contrast(light, paper) >= CONTRAST
    for paper in ((16, 22, 28), (24, 32, 40), dark_soft):
        assert contrast(dark, paper) >= CONTRAST


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ('accent = "blue"', 'must be a colour such as "#14536f"'),
        ('accent = "#14536"', "must be a colour"),
        ('address = "reports.example.org"', "must be an http or https address that ends"),
        ('address = "https://example.org/x"', "must be an http or https address that ends"),
    ],
)
def test_a_setting_says_what_it_must_be(tmp_path, line, said):
    (tmp_path / "workbench.toml").write_text(line)
    with pytest.raises(SettingsError, match=said):
        load_settings(tmp_path / "workbench.toml")


def test_the_accent_is_what_a_browser_shows_light_and_dark(browser, tmp_path):
    brand = brand_of(Settings(root=tmp_path, accent="#8a1c5b"))
    (tmp_path / "x.html").write_text(page(CARDS, brand=brand).alone(), encoding="utf-8")
    script = "return getComputedStyle(document.querySelector('.eyebrow')).color"
    seen = []
    for dark in (False, True):
        browser.show(tmp_path / "x.html", dark=dark)
        seen.append(tuple(map(int, re.findall(r"\d+", browser.run(script)))))
        assert browser.complaints() == []
    light, _, dark, _ = _colours(brand.style)
    assert seen == [light, dark]
