"""What would fail a run is found by ``check`` and ``plan``; what no page holds is told."""

import datetime as dt
import shutil
from pathlib import Path

import nbformat
import pytest
from support.line import (
    ASKING,
    CELLS,
    OPENING,
    SHOWING,
    here,
    here_json,
    write_report,
)

import workbench as wb
from workbench.checks import check
from workbench.errors import RunFailed
from workbench.reporting.notebooks.remarks import dropped, miswritten

# A price is written first, so that a run without a rehearsal would pay it and then fail.
WRONG = {
    "a syntax error": ("answer = (1", "'(' was never closed"),
    "a magic beside a syntax error": ("%budget\nfor", "invalid syntax"),
    "a return outside a function": ("return 3", "'return' outside function"),
    "a group column that is not there": (
        'ws.release(wb.query(tx, by="regoin", period=period).customers(), name="x", epsilon=0.1)',
        "regoin",
    ),
    "a measured column that is not there": (
        'ws.release(wb.query(tx, period=period).sum("amuont"), name="x", epsilon=0.1)',
        "amuont",
    ),
    "a column of the table that is not there": ("tx.filter(tx.chanell == 'app')", "chanell"),
    "a name that is not there": ("wb.figures.table(answr)", "answr"),
    "a package that is not there": ("import pyspork", "pyspork"),
    "an argument that is not there": (
        'wb.figures.table(answer, tilte="By region")',
        "tilte",
    ),
    "a figure's column that is not there": (
        'wb.figures.bar(answer, x="region", y="custmers")',
        "custmers",
    ),
    "a computed title": ('wb.figures.table(answer, title=f"By {period}")', "was computed"),
    "a computed name of a figure": (
        'wb.figures.table(answer.derive(wb.share("customers", name=f"of{len(period)}")))',
        "was computed",
    ),
}


# With figures these may well succeed, so they are no problem.
FOR_WANT_OF_FIGURES = (
    "answer.frame.customers.sum() / len(answer)",
    "round(answer.columns['customers'][0])",
    "1 / sum(each or 0 for each in answer.columns['customers'])",
    "int(answer.frame.customers.astype(float).mean())",
)


@pytest.fixture(scope="module")
def workspace(shop_folder, tmp_path_factory, warmed):
    """Return a shop with a report for each kind of mistake, and one for each that is none."""
    folder = tmp_path_factory.mktemp("rehearsed") / "shop"
    shutil.copytree(shop_folder, folder)
    for number, (code, _) in enumerate(WRONG.values()):
        write_report(folder, OPENING, ASKING, SHOWING, code, name=f"wrong-{number:02}")
    for number, code in enumerate(FOR_WANT_OF_FIGURES):
        write_report(folder, OPENING, ASKING, SHOWING, code, name=f"sound-{number}")
    return wb.open_workspace(warmed(folder), now=shop_time)


def shop_time():
    return dt.datetime(2026, 10, 2, 9, tzinfo=dt.UTC)


def test_check_finds_every_kind_before_anything_is_paid(workspace):
    no_code = [f"{each.part}: {each.text}" for each in check(workspace)]
    for number, (code, _) in enumerate(WRONG.values()):  # what is no code is told without a kernel
        if miswritten({"cells": [{"cell_type": "code", "source": code}]}):
            (workspace.settings.root / "reports" / f"wrong-{number:02}.yaml").unlink()
    assert len(no_code) == 3
    problems = [*no_code, *(f"{each.part}: {each.text}" for each in check(workspace))]
    assert len(problems) == len(WRONG)
    for number, (kind, (_, told)) in enumerate(WRONG.items()):
        (mine,) = (each for each in problems if f"wrong-{number:02}" in each.replace(".ipynb", "'"))
        assert mine.startswith("notebooks: "), kind
        assert "cell 6" in mine, kind
        assert told in mine, kind
    assert workspace.ledger.head()[0] == 0


def test_a_plan_finds_them_too(workspace):
    for number in (len(WRONG) - 2, len(WRONG) - 9):
        planned = workspace.reports.plan(f"wrong-{number:02}", period="2026-09")
        assert tuple(WRONG.values())[number][1] in planned.wrong[0]


def test_a_run_does_not_start_a_notebook_that_is_no_code(shop):
    write_report(shop.settings.root, OPENING, ASKING, SHOWING, "answer = (1")
    with pytest.raises(RunFailed, match=r"not started: cell 6, line 1: .* Nothing was spent"):
        shop.reports.render("customers")
    assert shop.ledger.head()[0] == 0


def test_a_sound_report_is_rehearsed_once_until_it_changes(shop, warmed):
    warmed(shop.settings.root)
    write_report(shop.settings.root)
    told = []
    assert check(shop, told.append) == check(shop, told.append) == []
    assert len(told) == 1
    write_report(shop.settings.root, *CELLS, SHOWING)
    assert check(shop, told.append) == []
    assert len(told) == 2


def test_a_command_says_it_and_ends_with_an_error(workspace):
    number = list(WRONG).index("a computed title")
    words = (
        "report",
        "plan",
        f"wrong-{number:02}",
        "--period",
        "2026-09",
        "-w",
        workspace.settings.root,
    )
    done = here(*words)
    assert done.returncode == 2
    assert "A run would fail: cell 6: a title" in done.stderr


def output(kind="display_data", **data):
    return nbformat.v4.new_output(kind, data={f"{name}": "…" for name in data["of"]})


LEFT_OUT = {
    "a plotly figure": output(of=["application/vnd.plotly.v1+json", "text/html", "text/plain"]),
    "a widget": output(of=["application/vnd.jupyter.widget-view+json", "text/plain"]),
    "an Altair chart": output(of=["application/vnd.vegalite.v5+json", "text/plain"]),
    "a picture": output("execute_result", of=["image/png", "text/plain"]),
    "a printed value": output("execute_result", of=["text/plain"]),
    "a formula": output(of=["text/latex", "text/plain"]),
    "HTML": output(of=["text/html", "text/plain"]),
    "an output": output(of=["application/x-unheard-of"]),
    "what was printed": nbformat.v4.new_output("stream", name="stdout", text="7"),
    "a warning": nbformat.v4.new_output("stream", name="stderr", text="deprecated"),
    "an error": nbformat.v4.new_output("error", ename="ValueError", evalue="7"),
}


@pytest.mark.parametrize("what", LEFT_OUT)
def test_every_output_that_is_dropped_is_named(what):
    cell = nbformat.v4.new_code_cell("x", outputs=[LEFT_OUT[what]])
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_markdown_cell("# Q"), cell])
    assert dropped(notebook) == (f"cell 2: {what} is not on the page",)
    cell.metadata["tags"] = ["analysts-only"]
    assert dropped(notebook) == ()


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("![a chart](chart.png)", "a picture in the text"),
        ("![][1]", "a picture in the text"),
        ("<b>Bold</b>", "HTML in the text"),
        ("It `<b>` rose, 3 < 4 > 2. <!-- a draft --> <https://example.org>", None),
    ],
)
def test_what_a_text_loses_is_named(text, what):
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_markdown_cell(text)])
    assert dropped(notebook) == ((f"cell 1: {what} is not on the page",) if what else ())


def test_a_run_a_plan_and_machines_are_told_what_is_not_on_the_page(shop, warmed):
    warmed(shop.settings.root)
    raw = "import plotly.express as px\npx.bar(x=['a'], y=[1])"
    write_report(shop.settings.root, *CELLS, raw, "print(len(answer))\ntx.head(3).execute()")
    told = (
        "cell 6: a plotly figure is not on the page",
        "cell 7: what was printed is not on the page",
        "cell 7: a table is not on the page",
    )
    assert shop.reports.plan("customers", period="2026-09").dropped == told
    words = ("customers", "--period", "2026-09", "-w", shop.settings.root)
    done = here("run", *words)
    assert all(f"  {line}\n" in done.stdout for line in told)
    made = here_json("run", *words, "--force")
    assert made["dropped"] == list(told)
    page = Path(made["page"]).read_text(encoding="utf-8")
    assert not any(word in page for word in ("is not on the page", "cell 6"))


def test_cells_with_commands_of_ipython_are_code():
    code = "%load_ext workbench\n!ls\nx?\nfiles = !ls\nawait thing()\n'\\d'"
    cells = [nbformat.v4.new_code_cell(each) for each in (code, "%%time\nx = 1", "")]
    assert miswritten(nbformat.v4.new_notebook(cells=cells)) == ()
