"""From notebook to page by an allow-list."""

import re
import subprocess
import sys
from dataclasses import replace

import pytest
from factories.notebooks import code, displayed, figure_output, markdown, notebook, written
from factories.pages import (
    CHINESE,
    CONTEXT,
    MONTHLY,
    RELEASES,
    SENTENCE,
    TOTAL,
    overview,
    page,
)
from factories.releases import CUSTOMERS, release

from workbench import figures
from workbench.errors import DefinitionError, RunFailed, UnknownName
from workbench.reporting.exporter import export, export_languages, literals_of

TABLE = figures.table(TOTAL)


def test_every_kind_of_figure_is_drawn():
    html = page().html
    assert html.count('class="chart ') == 4
    assert html.count('class="kpi"') == 4
    assert '<p class="answer"' in html
    assert html.count("<table") == 4 + 1  # beneath charts, of its own


def test_figures_come_from_the_ledger_and_not_from_the_notebook():
    other = replace(TOTAL, columns={name: [777] for name in TOTAL.columns})
    executed = notebook(
        code("wb.text('{customers} here', t)", figures.text("{customers} here", TOTAL))
    )
    html = page(executed, lookup=lambda name: other).html
    assert "777 here" in html
    assert str(TOTAL.columns["customers"][0]) not in html


def test_the_same_inputs_give_the_same_bytes():
    assert page().html == page().html


def test_no_figure_no_page():
    with pytest.raises(RunFailed, match="showed no released figure"):
        page(notebook(markdown("# Hello"), code("1 + 1", displayed({"text/plain": "2"}))))


def test_a_release_that_is_not_in_the_ledger_is_refused():
    def lookup(name):
        raise UnknownName("release", name, [])

    with pytest.raises(
        RunFailed, match="cell 1: release r-000001 is not in this workspace's ledger"
    ):
        page(notebook(code("x", TABLE)), lookup=lookup)


@pytest.mark.parametrize(
    "source",
    [
        "name = 'Zhang'\nwb.figures.table(t, title=f'Spend of {name}')",
        "wb.figures.table(t, title='Spend of ' + name)",
        "wb.figures.table(t, title='Spend of %s' % name)",
        "# 'Spend of Zhang'",
        "f'Spend of Zhang'",
        "f'{name:Spend of Zhang}'",
    ],
)
def test_a_computed_title_is_refused_and_not_repeated(source):
    executed = notebook(markdown("a"), code(source, figures.table(TOTAL, title="Spend of Zhang")))
    with pytest.raises(DefinitionError, match=r"^cell 2: a title, label or template") as refusal:
        page(executed)
    assert "Zhang" not in str(refusal.value)


@pytest.mark.parametrize(
    ("source", "stands"),
    [
        ("target=1_234", True),
        ("goal = 1234\nwb.figures.line(m, target=goal)", True),
        ("target=1000 + 234", True),
        ("target=len(frame)", False),
        ("target=frame.amount.sum()", False),
        ("target=1_235", False),
    ],
)
def test_a_target_stands_written(source, stands):
    aimed = figures.line(MONTHLY, x="month", y="customers", target=1234)
    carded = figures.kpis(MONTHLY, target={"customers": 1234})
    for figure in (aimed, carded):
        executed = notebook(code(source, figure))
        if stands:
            assert "1,234" in page(executed).html
        else:
            with pytest.raises(DefinitionError, match="cell 1: a target of this figure") as refusal:
                page(executed)
            assert "234" not in str(refusal.value)


def test_a_target_may_be_a_parameter():
    aimed = notebook(code("x", figures.kpis(MONTHLY, target={"customers": 1234})))
    assert "1,234" in page(aimed, parameters={"goal": "1234"}).html


def test_a_title_from_injected_parameters_is_refused():
    executed = notebook(
        code("title = 'Spend'", tags=["parameters"]),
        code("title = 'Spend of Zhang'", tags=["injected-parameters"]),
        code("wb.figures.table(t, title=title)", figures.table(TOTAL, title="Spend of Zhang")),
    )
    with pytest.raises(DefinitionError, match=r"^cell 2: "):
        page(executed)


def test_a_literal_may_stand_anywhere_in_the_source():
    titled = figures.table(TOTAL, title="Spend")
    for source in (
        "title = 'Spend'",
        '"""Spend"""',
        "'Sp' 'end'",
        "%load_ext workbench\ntitle = 'Spend'",
        "%%time\ntitle = 'Spend'",
        "!ls\ntitle = 'Spend'",
    ):
        assert "Spend</caption>" in page(notebook(code(source, titled))).html


def test_labels_and_templates_are_literals_too():
    labelled = figures.kpis(TOTAL, labels={"customers": "Zhang"})
    templated = figures.text("Zhang {customers}", TOTAL)
    for figure in (labelled, templated):
        with pytest.raises(DefinitionError, match="computed"):
            page(notebook(code("x", figure)))


def test_an_edited_output_is_refused():
    edited = figure_output("table", ["r-000001"], {"columns": ["customers"], "note": "Zhang"})
    with pytest.raises(
        DefinitionError, match=r"^cell 1: the figure is not one that wb.figures draws"
    ):
        page(notebook(code("x", edited)))


def test_a_column_that_is_not_the_releases_is_refused():
    edited = figure_output("bar", ["r-000002"], {"x": "month", "y": "Zhang"})
    with pytest.raises(DefinitionError, match=r"^cell 1: no measure named"):
        page(notebook(code("x", edited)))


def test_markdown_that_was_not_written_is_refused():
    executed = notebook(markdown("Written."), code("x", TABLE))
    source = written(executed)
    executed["cells"][0] = markdown("Written. Zhang.")
    with pytest.raises(DefinitionError, match="cell 1: this text does not stand in the source"):
        page(executed, source=source)


def test_analysts_cells_and_other_languages_stay_out():
    executed = notebook(
        markdown("For analysts.", tags=["analysts-only"]),
        markdown("In English.", tags=["lang-en"]),
        markdown("中文。", tags=["lang-zh"]),
        code("x", TABLE),
        code(
            "'Not for readers'",
            figures.table(TOTAL, title="Not for readers"),
            tags=["analysts-only"],
        ),
    )
    english, chinese = page(executed).html, page(executed, language="zh").html
    assert "In English." in english
    assert "中文。" not in english
    assert "中文。" in chinese
    assert "In English." not in chinese
    for html in (english, chinese):
        assert "For analysts." not in html
        assert "Not for readers" not in html


def test_both_languages_come_from_the_same_releases():
    english, chinese = page(), page(language="zh", translations=CHINESE)
    assert chinese.releases == english.releases
    assert '<html lang="zh-Hans">' in chinese.html
    assert "客户概览" in chinese.html
    assert "2026年9月有 " in chinese.html
    assert "Customers" not in chinese.html.partition("</main>")[0]


def test_cells_are_numbered_as_in_the_source():
    executed = overview()
    executed["cells"].append(code("x", figure_output("table", ["r-9"], {})))
    with pytest.raises(DefinitionError, match=r"^cell 15: "):
        page(executed)


def test_authored_words_are_told_apart_from_released_ones():
    made = page()
    authored = {words.text for words in made.authored}
    assert {
        "Active customers",
        "Customer overview",
        "all",
        "Nothing here calls for action.",
    } <= authored
    assert " customers (± " in authored  # of the sentence's template, without its figures
    assert SENTENCE not in authored
    assert made.headline in made.known
    assert not authored & {made.headline}


def test_literals_leave_out_injected_cells():
    cells = notebook(code("'a'"), code("'b'", tags=["injected-parameters"]))
    assert literals_of(cells) == {"a"}


def test_releases_of_a_page_are_named():
    made = page()
    assert made.releases == tuple(sorted(RELEASES))
    assert [card.key for card in made.cards] == [measure.name for measure in MONTHLY.measures]


def test_a_chinese_page_has_no_english_word_left_but_names():
    html = page(language="zh", translations=CHINESE).html
    html = re.sub(r"<(script|style|head)[ >].*?</\1>", "", html, flags=re.DOTALL)
    alternatives = re.findall(r'(?:aria-label|title)="([^"]*)"', html)
    text = " ".join([*alternatives, re.sub(r"<[^>]+>", " ", html).partition("数据来源")[0]])
    assert re.findall(r"[A-Za-z]{2,}", text) == []


def test_languages_come_in_the_order_they_are_given():
    executed = overview()
    pages = export_languages(
        executed,
        source_notebook=written(executed),
        lookup=RELEASES.__getitem__,
        context=CONTEXT,
        languages={"zh": CHINESE, "en": {}},
    )
    assert [each.html for each in pages] == [
        page(language="zh", translations=CHINESE).html,
        page().html,
    ]


def test_the_changes_of_all_key_figures_of_a_page_are_judged_together():
    def total(number, value):
        ends = {"": value, "_low": value - 100, "_high": value + 100}
        columns = {f"customers{end}": [each] for end, each in ends.items()}
        return release(
            (), (CUSTOMERS,), number=number, period=f"2026-{number:02d}", columns=columns
        )

    # about 150 less than before, beside a margin of 141: an arrow alone, none among four
    releases = [total(number, 2000 + number - 155 * (number % 2)) for number in range(1, 9)]
    pairs = [
        figures.kpis(now, previous=before)
        for before, now in zip(releases[1::2], releases[::2], strict=True)
    ]
    assert [pair.drawn().cards[0].direction for pair in pairs] == ["down"] * 4
    by_id = {each.id: each for each in releases}
    executed = notebook(*(code("wb.figures.kpis(…)", each) for each in pairs))
    made = export(
        executed, source_notebook=written(executed), lookup=by_id.__getitem__, context=CONTEXT
    )
    told = made.at("./")
    assert told.count("no clear change") == 4
    assert "−7.8% ±" in told.replace("\N{NO-BREAK SPACE}", " ")


def test_a_page_is_drawn_without_the_libraries_of_ledgers_frames_and_arrays():
    """A third of its time, where nothing is asked of them."""
    code = (
        "import sys\n"
        "from workbench.reporting.exporter import export\n"
        "from workbench.reporting.pages.page_assets import bundle\n"
        "from workbench.reporting.published.copies import standalone\n"
        "bundle().packed\n"
        "unused = {'sqlalchemy', 'numpy', 'pandas', 'duckdb', 'ibis', 'plotly', 'IPython'}\n"
        "assert not unused & set(sys.modules), unused & set(sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
