"""Labels are text: no tag, entity, field or formula in one is taken for anything else."""

import json
from dataclasses import replace

import pytest
from factories.notebooks import code, markdown, notebook
from factories.pages import page
from factories.releases import CUSTOMERS, MONTH, release

from workbench import figures
from workbench.figures.language import Language
from workbench.privacy.columns import Dimension, plain

HOSTILE = (
    '<a href="https://example.org">North</a>',
    "<b>bold</b><br>two",
    "R&amp;D &lt;i&gt; R&D",
    "$x^2$ and $y$",
    "%{meta.long[0]} %{x}",
    "<img src=x onerror=alert(1)>",
    "</script><script>alert(1)</script>",
    "=HYPERLINK(1)",
)
SPAN = '<span style="color:red">red</span>'
KIND = Dimension("kind", "Kind <a href='https://example.org'>of</a> it", "category", HOSTILE)
OTHER = Dimension("other", "Other", "category", (SPAN, "<sup>1</sup>"))
BY_MONTH = release((MONTH, replace(KIND, values=HOSTILE[:3])), (CUSTOMERS,), number=1)
BY_KIND = release((KIND,), (CUSTOMERS,), number=2)
BY_BOTH = release((KIND, OTHER), (CUSTOMERS,), number=3)
RELEASES = {each.id: each for each in (BY_MONTH, BY_KIND, BY_BOTH)}
TITLE = "All of <a href='https://example.org'>it</a> & <b>more</b> %{x}"
FIGURES = (
    figures.line(BY_MONTH, x="month", y="customers", color="kind"),
    figures.bar(BY_KIND, x="kind", y="customers", title=TITLE),
    figures.bar(BY_BOTH, x="other", y="customers", color="kind", horizontal=False),
    figures.heatmap(BY_BOTH, rows="kind", columns="other", value="customers"),
    figures.sankey(BY_BOTH, source="kind", target="other", value="customers"),
    figures.table(BY_BOTH),
)


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    cells = [code(f"figures[{at}], {TITLE!r}", each) for at, each in enumerate(FIGURES)]
    path = tmp_path_factory.mktemp("labels") / "alone.html"
    executed = notebook(markdown("# What is in a label?"), *cells)
    told = page(executed, lookup=RELEASES.__getitem__)
    path.write_text(told.alone(), encoding="utf-8")
    return path


def test_no_label_becomes_an_element_and_each_is_shown_as_it_is(browser, made):
    browser.show(made)
    assert browser.run("return document.documentElement.className") == "drawn"
    foreign = (
        "return document.querySelectorAll('.chart a, .chart img, .chart tspan[style], %s').length"
    )
    assert browser.run(foreign % "td a, td b, th a, th b, h2 a, h3 a") == 0
    shown = browser.run(
        "return [...document.querySelectorAll('.chart svg text')].map((t) => t.textContent)"
    )
    for label in (*HOSTILE, *OTHER.values):
        assert label in shown, label
    cells = browser.run("return [...document.querySelectorAll('th')].map((t) => t.textContent)")
    assert set(HOSTILE) <= set(cells)
    assert browser.complaints() == []


PLACE = """
    const chart = document.querySelectorAll('.chart')[arguments[0]];
    chart.scrollIntoView({block: 'center', behavior: 'instant'});
    const mark = chart.querySelector(arguments[1]);
    const box = mark.getBoundingClientRect();
    for (let at = 1; at < 40; at++) for (const part of [0.5, 0.3, 0.7]) {
      const [x, y] = [box.left + box.width * part, box.top + box.height * at / 40];
      const hit = document.elementFromPoint(x, y);
      if (hit && (hit === mark || hit.closest('.draglayer'))) return [x, y];
    }
"""
MARKS = (".points path", ".point path", ".point path", ".heatmaplayer image", ".sankey-link")


@pytest.mark.parametrize(("chart", "mark"), list(enumerate(MARKS)))
def test_what_is_said_on_hover_is_text(browser, made, chart, mark):
    browser.show(made)
    text, elements = browser.hover(
        PLACE,
        "const layer = document.querySelectorAll('.chart')[arguments[0]]"
        ".querySelector('.hoverlayer'), tags = layer.querySelectorAll('a, img, tspan[style]');"
        "return layer.textContent && [layer.textContent, tags.length]",
        chart,
        mark,
    )
    assert elements == 0
    assert any(label in text for label in (*HOSTILE, *OTHER.values)), text


def test_every_string_of_a_figure_was_made_plain_or_is_ours():
    ours = ("<br>", "<extra></extra>", "%{x}", "%{y}", "%{customdata}", "%{text}")
    ours += ("%{source.label}", "%{target.label}")
    for figure in FIGURES[:5]:
        drawn = figure.drawn()
        for text in _strings(drawn.figure):
            for each in ours:
                text = text.replace(each, "")
            assert not set("<>$") & set(text), text
            assert "%{" not in text
        lab = json.dumps(figure._repr_mimebundle_()["application/vnd.plotly.v1+json"])
        assert "<a" not in lab
        assert "<img" not in lab


def _strings(content):
    if isinstance(content, str):
        yield content
    elif isinstance(content, dict):
        for each in content.values():
            yield from _strings(each)
    elif isinstance(content, list | tuple):
        for each in content:
            yield from _strings(each)


def test_a_month_that_is_none_is_text_too():
    months = Dimension("month", "Month", "month", ("<b>x</b>", "2026-09"))
    drawn = figures.line(release((months,), (CUSTOMERS,)), x="month", y="customers").drawn()
    assert drawn.figure["layout"]["xaxis"]["ticktext"][0] == plain("<b>x</b>")


def test_translated_labels_are_text_too():
    words = Language("zh", {"North": "<a href='x'>北</a>"})
    north = release((replace(KIND, values=("North",)),), (CUSTOMERS,))
    figure = figures.bar(north, x="kind", y="customers")
    assert "<a" not in json.dumps(figure.spec.draw(figure.releases, words).figure)
