"""What was typed and is no name of the catalog is quoted nowhere but in the notebook."""

import json

import pytest
from click.testing import CliRunner
from support.line import DEFINITION, OPENING, write_report

from workbench.cli import main
from workbench.errors import escaped
from workbench.reporting import telling
from workbench.reporting.execution import untold

TYPED = [
    "Anna Schmidt",
    "O'Brien",
    "x' or 'Anna",
    "anna@example.org",
    "王芳",
    "13800138000",
    "line\nINFO all for Schmidt",
    "\u2028\x1b[2J",
    "Zürich\x85Ω",
]
FORMS = [
    "no table named {!r}. Known: 'customers'.",
    "not '{}', give one",
    "{} is no day",
    "got {!r}",
]


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("typed", TYPED)
def test_nothing_that_was_typed_is_told(typed, form):
    told = untold(form.format(typed), {"customers"}, "cell 4")
    assert "[what cell 4 gave]" in told
    for word in ("Anna", "Schmidt", "Brien", "王芳", "13800138000", "Zürich", "Ω"):
        assert word not in told
    assert ("customers" in told) == ("customers" in form)


def test_our_words_and_names_stay():
    said = (
        "'visits' needs epsilon 0.30 for 2026-10; 0.10 of 3.00 is left. Group by fewer columns, or "
        "reuse release r-0041; 'workbench office budget' lists them."
    )
    assert untold(said, {"visits"}, "cell 4") == said


@pytest.mark.parametrize("typed", TYPED)
def test_a_line_of_a_log_is_one_line(tmp_path, typed, shop):
    telling.note(tmp_path, shop.now(), {"report": "r", "message": typed, "half": "\udc80\x7f"})
    text = telling.runs_file(tmp_path).read_text()
    assert text.count("\n") == len(text.splitlines()) == 1
    assert text.strip("\n").isprintable()
    assert telling.last_of(tmp_path, {"report": "r"})["message"] == typed
    assert len(escaped(typed).splitlines()) == 1


CELL = "ws.open('customers', purpose={!r})"


@pytest.fixture
def shop(warm_shop):
    return warm_shop


@pytest.mark.parametrize("typed", ["Anna Schmidt\nINFO: all well", "王芳"])
def test_no_channel_of_a_run_quotes_what_a_cell_gave(shop, typed):
    root = shop.settings.root
    hook = root / "heard.json"
    hooks = f"hooks: {{{{failed: 'tee {hook}'}}}}\n"
    write_report(root, OPENING, CELL.format(typed), name="told", definition=DEFINITION + hooks)
    ran = CliRunner().invoke(main, ["run", "told", "--period", "2026-09", "-w", str(root)])
    assert ran.exit_code == 4
    assert "no purpose named [what cell" in ran.output
    audit = (shop.private / "audit.sqlite").read_bytes().decode("utf-8", "replace")
    files = [p for p in (root / "published").rglob("*") if p.is_file()]
    texts = [ran.output, audit, telling.runs_file(shop.private).read_text(), hook.read_text()]
    for text in [*texts, *(p.read_text(errors="replace") for p in files)]:
        for word in ("Schmidt", "all well", "王芳", json.dumps("王芳")[1:-1]):
            assert word not in text


@pytest.mark.parametrize(
    ("words", "place"),
    [
        (["run", "Anna\nINFO: well", "--period", "2026-09"], "no report named '[argument 1]'"),
        (["run", "told", "-p", "who=Anna Schmidt"], "no parameter 'who'"),
        (["run", "told", "-p", "epsilon=Anna Schmidt"], "[-p epsilon=…]"),
        (["run", "told", "-p", "Anna=1"], ""),
        (["office", "retention", "release", "Anna Schmidt", "--reason", "x"], "no hold [argument"),
        (["report", "export", "pdf", "told", "Schmidt", "--out", "x"], "no published edition"),
        (["office", "budget", "--period", "Anna Schmidt"], "[--period] is not a period"),
    ],
)
def test_a_command_tells_what_was_typed_by_its_place(shop, words, place):
    write_report(shop.settings.root, name="told")
    ran = CliRunner().invoke(main, [*words, "-w", str(shop.settings.root)])
    assert ran.exit_code == 2
    assert "Schmidt" not in ran.output
    assert "INFO" not in ran.output
    assert place in ran.output
