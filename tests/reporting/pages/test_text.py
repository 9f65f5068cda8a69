"""Markdown as static prose: what stays, what goes."""

import pytest

from workbench.reporting.pages.text import Heading, Prose, read_markdown


def _html(source):
    return "".join(part.html for part in read_markdown(source) if isinstance(part, Prose))


@pytest.mark.parametrize(
    ("source", "html"),
    [
        ("*so* **it** `is`", "<p><em>so</em> <strong>it</strong> <code>is</code></p>\n"),
        ("- a\n- b", "<ul>\n<li>a</li>\n<li>b</li>\n</ul>\n"),
        (
            "[m](https://example.org/a?b=1&c)",
            '<p><a href="https://example.org/a?b=1&amp;c" rel="noopener noreferrer">m</a></p>\n',
        ),
        ("[up](#section-1)", '<p><a href="#section-1" rel="noopener noreferrer">up</a></p>\n'),
        ("a < b & c", "<p>a &lt; b &amp; c</p>\n"),
        ("#### Small", "<h4>Small</h4>\n"),
    ],
)
def test_what_stays(source, html):
    assert _html(source) == html


SECRET = "Zhang-Wei-13800138000"


@pytest.mark.parametrize(
    "source",
    [
        "<!-- {} -->",
        "seen <!-- {} --> seen",
        "<div hidden>{}</div>",
        "<script>{}</script>",
        "seen <img alt='{}'> seen",
        "![{}](https://example.org/a.png)",
        "![a](attachment:{}.png)",
        "![a](https://example.org/{}.png '{}')",
        "[seen](javascript:alert('{}'))",
        "[seen](data:text/plain,{})",
        "[seen](file:///{})",
        "[seen](mailto:{})",
        "[seen](https://example.org '{}')",
        "[{}]: https://example.org",
        "seen\n\n[a]: https://example.org/{} '{}'",
        "seen <span title='{}'>seen</span>",
    ],
)
def test_what_goes(source):
    parts = list(read_markdown(source.replace("{}", SECRET)))
    assert SECRET not in "".join(part.html + part.text for part in parts)


def test_nested_refused_and_kept_links_close_what_they_open():
    html = _html("[a](javascript:x) [b](https://example.org) [c](data:,x)")
    assert html == '<p>a <a href="https://example.org" rel="noopener noreferrer">b</a> c</p>\n'


def test_headings_part_the_prose():
    parts = list(read_markdown("# One\n\ntext\n\n### Two *three*\n\nmore"))
    assert parts == [
        Heading(1, "One"),
        Prose("<p>text</p>\n", "text"),
        Heading(3, "Two three"),
        Prose("<p>more</p>\n", "more"),
    ]


def test_words_are_kept_for_the_search_with_their_spaces():
    (part,) = read_markdown("| a | b |\n|---|---|\n| Li | Wei |\n\n`x`\ny")
    assert part.text == "a b Li Wei x y"


def test_a_tables_columns_keep_their_alignment_without_a_style_of_their_own():
    (prose,) = read_markdown("| a | b | c | d |\n| --- | :-: | --: | :-- |\n| 1 | 2 | 3 | 4 |")
    assert "style" not in prose.html
    assert '<th>a</th>\n<th class="c">b</th>\n<th class="n">c</th>\n<th>d</th>' in prose.html
    assert '<td class="c">2</td>\n<td class="n">3</td>' in prose.html
