"""A page's order, words, size and safety."""

import gzip
import re
from dataclasses import replace
from html.parser import HTMLParser

import pytest
from factories.notebooks import code, markdown, notebook
from factories.pages import FACTS, MONTHLY, SPENDING, TOTAL, page

from workbench import figures
from workbench.figures.drawn import Cell, Grid, Sheet
from workbench.reporting.pages.layout import Item, arrange
from workbench.reporting.pages.parts import ROOT, Drawing
from workbench.reporting.pages.template import compact
from workbench.reporting.pages.text import Heading, Prose

LINE = figures.line(MONTHLY, x="month", y="customers")


def _order(html, *texts):
    places = [html.index(text) for text in texts]
    return places == sorted(places)


def test_the_first_screen_answers_the_question():
    html = page().html
    assert _order(
        html,
        "<h1>Customer overview</h1>",
        "How are our customers doing?",
        "Who was active, and what did they spend?",
        '<p class="answer"',
        '<ul class="kpis n4">',
        "Spending keeps its yearly rhythm.",
        'class="chart ',
        '<nav class="contents"',
        "Where they live",
    )


def test_a_card_that_counts_a_light_shows_it_by_shape_and_colour():
    executed = notebook(
        code("x", figures.kpis(TOTAL, measures=["customers"], lights={"customers": "not measured"}))
    )
    html = page(executed).html
    assert '<li class="kpi not-measured">' in html
    assert '<span class="light not-measured" aria-hidden="true">○</span>' in html


def test_no_line_breaks_between_a_sign_and_its_number():
    html = page().html
    (answer,) = re.findall(r'<p class="answer"[^>]*>(.*?)</p>', html)
    assert "(±\N{NO-BREAK SPACE}" in answer
    assert "± " not in answer


def test_a_long_list_among_the_parameters_is_folded():
    rules = [f"Persona {n} | 4-5 | any | Invite" for n in range(9)]
    html = page(parameters={"region": "all", "personas": ", ".join(rules)}).html
    assert "<dd>region = all</dd>" in html
    assert "<summary>personas: 9 entries</summary>" in html
    assert all(f"<li>{rule}</li>" in html for rule in rules)


def test_a_chinese_page_says_parameters_in_chinese():
    rules = ["persona | recency | action", *(f"Lost{i} | any | Ask {i}" for i in range(9))]
    words = {"caps": "上限", "personas": "规则", "Lost3": "已流失", "Ask 3": "询问"}
    given = {"caps": "[1, 2]", "personas": ", ".join(rules)}
    html = page(language="zh", translations=words, parameters=given).html
    assert "上限 = [1, 2]" in html
    assert "规则" in html
    assert "<li>客户类型 | 最近一次 | 行动</li>" in html
    assert "<li>已流失 | 任意 | 询问</li>" in html


def _places(html):
    return re.findall(r'<(?:section|div|figure)[^>]* id="([^"]+)"', html)


def test_links_to_figures_stay_when_cells_move_and_are_the_same_in_every_language():
    trend = [markdown("## Trend"), code("x", figures.table(MONTHLY)), code("x", LINE)]
    short = [markdown("## 2026 in short"), code("x", figures.table(SPENDING))]
    titled = figures.table(SPENDING, title="Where it goes")
    report = [markdown("### Report"), code("x = 'Where it goes'", titled)]
    executed = notebook(*trend, *short, *report)
    found = _places(page(executed).html)
    moved = _places(page(notebook(*short, *report, *trend)).html)
    assert set(found) == set(moved)
    assert len(set(found)) == len(found)
    assert {"trend", "2026-in-short", "table-customers-category", "report-2"} <= {*found}
    words = {"Trend": "趋势", "Report": "报告"}
    chinese = page(executed, language="zh", translations=words).html
    assert ">趋势</h2>" in chinese
    assert _places(chinese) == found


def test_prose_that_introduces_a_figure_moves_with_it():
    executed = notebook(
        markdown("# Title\n\nQuestion?"),
        markdown("## Trend\n\nIt rises."),
        code("x", LINE),
        markdown("## Rest"),
        code("x", figures.table(SPENDING)),
    )
    html = page(executed).html
    assert _order(html, "Question?", "It rises.", 'class="chart ', "Rest</h2>")
    assert "Trend" not in html  # its section is empty now


def test_no_prose_is_lost():
    executed = notebook(
        markdown("alpha\n\n## beta\n\ngamma"),
        markdown("delta"),
        markdown("### epsilon"),
        code("x", figures.kpis(TOTAL)),
        markdown("zeta\n\n## eta\n\ntheta\n\n### iota\n\nkappa"),
    )
    html = page(executed).html.partition("<h1>")[2]
    for word in ("alpha", "gamma", "delta", "zeta", "eta", "theta", "iota", "kappa"):
        assert re.search(rf">\s*{word}\s*<", html), word


def test_a_notebooks_own_heading_is_the_title_when_none_is_given():
    assert "<h1>How are our customers doing?</h1>" in page(title="").html


def test_arranging_nothing_but_prose():
    layout = arrange([Heading(1, "One"), Prose("<p>a</p>", "a")], "")
    assert (layout.title, layout.main, layout.sections) == ("One", (), ())


@pytest.mark.parametrize(
    ("columns", "margin", "wide"),
    [(2, "17.9% to 32.0%", False), (3, "17.9% to 32.0%", True), (4, "± 6%", False)],
)
def test_a_table_that_does_not_fit_in_half_a_page_takes_the_whole(columns, margin, wide):
    head, share = Cell("Found on later loans"), Cell("24.1%", margin=margin, numeric=True)
    grid = Grid("Shares", (head,) * columns, ((share,) * columns,), 0)
    assert Item("", (), Drawing(Sheet("Shares", "", grid), ()), "shares").wide == wide


def test_sizes():
    html = page().html
    assert len(re.sub(r"<script>.*?</script>", "", html, flags=re.DOTALL).encode()) <= 60_000
    scripts = "".join(map(compact, ("page.js", "downloads.js")))
    assert len(gzip.compress(scripts.encode())) <= 5_000
    assert len(page().alone().encode()) <= 750_000


def test_a_standalone_page_needs_nothing_beside_it():
    html = page().alone()
    assert ROOT not in html
    assert "<script src" not in html


def test_a_sharing_page_leads_to_the_script_and_the_index():
    html = page().at("../../../")
    assert re.search(
        r'<script src="\.\./\.\./\.\./assets/plotly-[0-9a-f]{12}\.min\.js" defer>', html
    )
    assert '<a href="../../../index.html">All reports</a>' in html
    assert ROOT not in html


class _Page(HTMLParser):
    def __init__(self):
        super().__init__()
        self.tags = []

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))


@pytest.mark.parametrize("standalone", [True, False])
def test_nothing_is_loaded_and_nothing_runs_that_the_policy_does_not_name(standalone):
    reader = _Page()
    reader.feed(page().alone() if standalone else page().at("./"))
    policies = [a["content"] for t, a in reader.tags if t == "meta" and "http-equiv" in a]
    (policy,) = policies
    assert policy.startswith("default-src 'none'; script-src 'sha256-")
    assert "unsafe" not in policy
    assert ("'self'" in policy) != standalone
    for tag, attributes in reader.tags:
        assert "style" not in attributes
        assert not any(name.startswith("on") for name in attributes)
        assert tag not in ("iframe", "object", "embed", "link", "base", "form")
        source = attributes.get("src")
        assert source is None or source.startswith("./assets/plotly-")


def test_tables_are_tables_for_a_screen_reader():
    html = page().html
    assert html.count("<table") == html.count("<caption>")
    assert '<th scope="col" class="n">Amount, total (CNY)</th>' in html
    assert '<th scope="row">Groceries</th>' in html
    assert re.search(r'<td class="n">[\d,]+ <small>± 25</small></td>', html)


def test_every_chart_has_words_and_a_table():
    html = page().html
    for chart in re.findall(r'<div class="chart .*?</figure>', html, re.DOTALL):
        assert 'role="img"' in chart
        assert re.search(r'aria-label="[^"]{40,}"', chart)
        assert "<details><summary>Show the numbers</summary>" in chart
        assert "<caption>" in chart


def test_the_footer_says_where_figures_come_from_and_what_they_cost():
    footer = page().html.partition("<footer")[2]
    for text in (
        "How to read the margins",
        "One customer, with all their records",
        "This edition took 6.1% of what a year may spend.",
        "Used by all reports and questions so far: 64% of the month, 43% of the year, under 0.1% "
        "of the lifetime. Shares add up.",
        "<dd>v17</dd>",
        "<dd>Sep 30, 2026</dd>",
        f"<dd>{FACTS.catalog_hash[:12]}</dd>",
        f"<dd>{FACTS.commit[:12]}</dd>",
        "<dd>workbench 0.1.0</dd>",
        "<dd>region = all</dd>",
        "r-000001, r-000002",
    ):
        assert text in footer


def test_notes_of_a_release_stand_by_its_figure():
    assert "<li>Fewer than 20 customers: not shown.</li>" in page().html


def test_a_revision_says_so_and_what_changed():
    revised = page().revised(2, ("It rained.", "Customers: 9; before, 8"), {"en": "index.html"})
    assert '<span class="tag">Revision 2</span>' in revised.html
    assert "<li>Customers: 9; before, 8</li>" in revised.html
    assert page().revised(1, (), {"en": "index.html"}).html == page().html


def test_other_languages_are_linked():
    html = page(editions={"en": "index.html", "zh": "index.zh.html"}).html
    assert '<a href="index.zh.html" lang="zh-Hans" hreflang="zh-Hans">简体中文</a>' in html


def test_words_that_look_like_markup_are_words():
    executed = notebook(
        code("'<b>\"Spend\" & more</b>'", figures.table(TOTAL, title='<b>"Spend" & more</b>')),
        code("x", LINE),
    )
    html = page(executed, subtitle="</main><script>", parameters={"a": "<i>"}).html
    assert "<b>" not in html.partition("<caption>")[2].partition("</caption>")[0]
    assert "</main><script>" not in html
    assert "&lt;/main&gt;&lt;script&gt;" in html


def test_data_of_charts_cannot_end_their_element():
    strange = figures.line(MONTHLY, x="month", y="customers", title="</script><script>alert(1)")
    html = page(notebook(code("'</script><script>alert(1)'", strange))).html
    assert "</script><script>alert" not in html


def test_the_first_screen_says_each_note_once():
    noted = replace(TOTAL, notes=("A.", "B."))
    monthly = replace(MONTHLY, notes=("B.", "C."))
    drawn = [
        Drawing(figure.drawn(), (), notes)
        for figure, notes in (
            (figures.text("{customers}", noted), ("A.",)),
            (figures.kpis(noted), ("A.", "B.")),
            (figures.line(monthly, x="month", y="customers"), ("B.", "C.")),
        )
    ]
    layout = arrange(drawn, "Title")
    shown = [each.drawing.notes for each in (layout.answer, layout.cards, *layout.main)]
    assert shown == [(), ("A.", "B."), ("C.",)]
    alone = arrange(drawn[:1], "Title")
    assert alone.answer.drawing.notes == ("A.",)


def test_tables_that_ask_for_it_are_all_on_the_first_screen():
    told = [figures.table(SPENDING, first=each, title=f"Table {each}") for each in (True, False)]
    again = figures.table(SPENDING, first=True, title="Table again")
    drawn = [Drawing(figure.drawn(), (), ("A.",)) for figure in (*told, again)]
    layout = arrange(drawn, "Title")
    assert [each.drawing.drawn.title for each in layout.main] == ["Table True", "Table again"]
    assert [each.drawing.notes for each in layout.main] == [("A.",), ()]
    (section,) = layout.sections
    assert [each.drawing.drawn.title for each in section.items] == ["Table False"]


def test_a_table_may_take_the_first_charts_place():
    table = figures.table(SPENDING, first=True)
    bar = figures.bar(SPENDING, x="category", y="amount_sum", title="Spending by bars")
    executed = notebook(
        markdown("# Who?"),
        code("bar(title='Spending by bars')", bar),
        markdown("## Then"),
        code("t", table),
    )
    first = page(executed).at("./")
    assert first.index("Spending by bars") < first.index("<table")  # the chart came first
    executed = notebook(
        markdown("# Who?"),
        code("t", table),
        markdown("## Then"),
        code("bar(title='Spending by bars')", bar),
    )
    first = page(executed).at("./")
    assert first.index("<table") < first.index("Then")
    plain = notebook(
        markdown("# Who?"),
        markdown("## Now"),
        code("t", figures.table(SPENDING)),
        code("bar(title='Spending by bars')", bar),
    )
    other = page(plain).at("./")
    assert other.index("Spending by bars") < other.index("Now")
