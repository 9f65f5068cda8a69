"""Comments on an edition and notes on periods: shown, kept, searched before anything is paid."""

import re

import pytest
from factories.notebooks import code, notebook
from factories.pages import MONTHLY, page
from support.line import DEFINITION, write_report

from workbench import figures
from workbench.errors import DefinitionError, LeakFound
from workbench.periods import Period
from workbench.reporting.definitions.reading import Remarks, load_definition, remarks_on

NAME = "Given17 Family17"
LINE = notebook(code("target=1000", figures.line(MONTHLY, x="month", y="customers", target=1000)))


def _beside(root, name, text):
    path = root / "reports" / "customers" / name
    path.parent.mkdir(exist_ok=True, parents=True)
    path.write_text(text, encoding="utf-8")
    return path


def test_a_comment_stands_on_its_page_in_the_pages_language():
    comments = {"": "# All *well*\n\nThe <b>north</b> grew.", "zh": "一切**正常**。"}
    html = page(comments=comments).html
    (said,) = re.findall(r'<section id="comment".*?</section>', html, re.DOTALL)
    assert '<h2 id="comment-title">Comment</h2><h3>All well</h3><p>The north grew.</p>' in said
    chinese = page(comments=comments, language="zh").html
    assert '<h2 id="comment-title">点评</h2><p>一切<strong>正常</strong>。</p>' in chinese
    assert 'id="comment"' not in page().html


def test_a_note_is_marked_and_listed_under_every_chart_over_time():
    html = page(LINE, notes={"2026-03": "Branch closed"}).html
    assert "<li>1 · Mar 2026: Branch closed</li>" in html
    assert '"x0":"Mar 2026"' in html


def test_notes_hold_up_to_the_editions_own_period(tmp_path):
    _beside(tmp_path, "notes.yaml", '2026-03: "Branch closed"\n2026-Q4: Later\n2026: The year\n')
    _beside(tmp_path, "2026-09.md", "Well.")
    _beside(tmp_path, "2026-09.zh.md", "好。")
    found = remarks_on(tmp_path / "reports", "customers", Period.parse("2026-09"))
    assert found.notes == {"2026-03": "Branch closed", "2026": "The year"}
    assert found.comments == {"": "Well.", "zh": "好。"}
    assert remarks_on(tmp_path / "reports", "others", Period.parse("2026-09")) == Remarks()


@pytest.mark.parametrize(
    ("name", "text", "problem"),
    [
        ("2026-13.md", "x", "'2026-13' is not a period"),
        ("README.md", "x", "has its edition's period for a name"),
        ("2026-Q3.md", "x", "is a quarter, and the report is about a month"),
        ("2026-09.fr.md", "x", "in the language 'fr'; there are en, zh"),
        ("2026-09.md", "x" * 8001, "a comment has at most 8,000"),
        ("notes.yaml", "2026-03-05: Fair", "notes.yaml:1 .*'2026-03-05' is not a period"),
        ("notes.yaml", "2026-03: 5", "a note is a text of 1 to 200 letters"),
        ("notes.yaml", f"2026-03: {'x' * 201}", "a note is a text of 1 to 200 letters"),
        ("notes.yaml", "- x", "is empty or not a mapping"),
        ("notes.yaml", "2026-03: [", "notes.yaml"),
    ],
)
def test_what_is_wrong_with_a_remark_is_told_with_its_file(tmp_path, name, text, problem):
    path = write_report(tmp_path)
    load_definition(path, tmp_path / "notebooks")
    _beside(tmp_path, name, text)
    with pytest.raises(DefinitionError, match=problem):
        load_definition(path, tmp_path / "notebooks")


def test_a_comment_that_is_no_text_is_told(tmp_path):
    path = write_report(tmp_path)
    _beside(tmp_path, "2026-09.md", "").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(DefinitionError, match="cannot be read as UTF-8"):
        load_definition(path, tmp_path / "notebooks")


@pytest.mark.parametrize(
    ("name", "text"),
    [("2026-09.md", f"Ask {NAME}."), ("notes.yaml", "2026-03: K-000017 complained")],
)
def test_a_customers_name_in_a_remark_is_refused_before_anything_is_paid(shop, name, text):
    write_report(shop.settings.root)
    _beside(shop.settings.root, name, text)
    with pytest.raises(LeakFound, match=r"the (comment|note).* holds a value of customers\."):
        shop.reports.render("customers")
    assert shop.ledger.chain.entries("spend") == []
    assert not list(shop.settings.path("published").rglob("*.html"))


def test_a_comment_that_comes_later_is_a_revision_at_no_cost(warm_shop):
    root = warm_shop.settings.root
    write_report(root, definition=DEFINITION)
    warm_shop.reports.render("customers")
    assert warm_shop.reports.render("customers").unchanged
    _beside(root, "2026-09.md", "A quiet month.")
    made = warm_shop.reports.render("customers")
    assert (made.revision, made.spent_now) == (2, 0)
    assert made.changed[0] == "The comment, or a note on a period, was changed."
    assert "<p>A quiet month.</p>" in made.page.read_text(encoding="utf-8")
    assert warm_shop.reports.render("customers").unchanged
