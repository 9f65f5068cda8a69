"""Within JupyterLab: previews, the budget, Lab on a workspace."""

import json
import os
import re
import subprocess
import sys

import duckdb
import pytest
from IPython.core.interactiveshell import InteractiveShell
from support.line import SHOWING, write_report

import workbench as wb
from workbench import lab
from workbench.errors import InputError, LeakFound
from workbench.reporting.budget_table import BudgetTable
from workbench.reporting.preview import preview, unsaved

ASKING = (
    'asked = wb.query(tx, by="region", period=period).customers().sum("amount")\n'
    'answer = ws.release(asked, name="by-region", epsilon=0.1)'
)
PRINTED = "print('not for readers')"


@pytest.fixture
def shell(monkeypatch, shop, tmp_path):
    """Return a session with the magics, within a shop."""
    monkeypatch.setenv("IPYTHONDIR", str(tmp_path / "ipython"))
    monkeypatch.setenv("WORKBENCH_WORKSPACE", str(shop.settings.root))
    monkeypatch.delenv("JPY_SESSION_NAME", raising=False)
    monkeypatch.delenv(lab.RUN_REPORT, raising=False)
    made = InteractiveShell()
    made.history_manager.enabled = False
    lab.load(made)
    yield made
    made.history_manager.end_session()


@pytest.fixture
def saved(shop):
    """Return a saved notebook that has been run, as a session leaves it, and its release."""
    tx = shop.open("transactions", "reporting")
    asked = wb.query(tx, by="region", period="2026-09").customers().sum("amount")
    answer = shop.release(asked, name="by-region", epsilon=0.1)
    figure = wb.figures.bar(answer, x="region", y="customers", title="Customers by region")
    root = shop.settings.root
    write_report(root, "import workbench as wb", ASKING, SHOWING, PRINTED)
    path = root / "notebooks" / "customers.ipynb"
    content = json.loads(path.read_text())
    stream = {"output_type": "stream", "name": "stdout", "text": "not for readers"}
    shown = {
        "output_type": "execute_result",
        "execution_count": 3,
        "data": figure._repr_mimebundle_(),
        "metadata": {},
    }
    codes = [cell for cell in content["cells"] if cell["cell_type"] == "code"]
    for count, cell in enumerate(codes):
        cell["execution_count"] = count
    codes[3]["outputs"], codes[4]["outputs"] = [shown], [stream]
    path.write_text(json.dumps(content))
    return path


def test_a_preview_is_the_page_a_manager_would_see(shell, saved):
    shell.user_ns["period"] = "2026-09"
    shown = shell.run_line_magic("preview", str(saved))
    (page,) = shown.pages
    assert page.title == "Customers"
    assert "September 2026" in page.html
    assert "Customers by region" in page.html
    assert "Data version" in page.html
    assert "not for readers" not in page.html
    html = shown._repr_html_()
    assert html.startswith('<iframe sandbox="allow-scripts" title="Customers"')
    assert "<!doctype" not in html  # it stands within an attribute
    assert repr(shown) == "Preview of 'Customers' (en)."
    assert shown.dropped == ("cell 6: what was printed is not on the page",)
    assert f"<p>{shown.dropped[0]}</p>" in html
    assert "is not on the page" not in page.html


def test_a_preview_takes_the_sessions_notebook_and_says_when_it_is_not_saved(
    shell, saved, monkeypatch
):
    monkeypatch.setenv("JPY_SESSION_NAME", str(saved))
    ran = ["", "", "", SHOWING, "%load_ext workbench\n%budget", "%preview"]
    shell.history_manager.input_hist_raw = ran
    assert shell.run_line_magic("preview", "").warning == ""
    shell.history_manager.input_hist_raw = [*ran[:3], SHOWING + "  # changed", *ran[4:]]
    shown = shell.run_line_magic("preview", "")
    assert shown._repr_html_().startswith("<p><b>The session has run cells that the saved")


def test_a_preview_of_what_was_never_saved_asks_to_save_it(shell, saved, monkeypatch, capsys):
    content = json.loads(saved.read_text())
    for cell in content["cells"]:
        if cell["cell_type"] == "code":
            cell["outputs"], cell["execution_count"] = [], None
    saved.write_text(json.dumps(content))
    monkeypatch.setenv("JPY_SESSION_NAME", str(saved))
    for source in ("shown = 1", "%preview"):
        shell.run_cell(source, store_history=True)
    assert "RunFailed: The session has run cells" in capsys.readouterr().err
    assert shell.run_line_magic("preview", str(saved)) is None
    assert "showed no released figure" in capsys.readouterr().err


def test_a_session_within_labs_root_is_found_from_the_notebooks_folder(saved, monkeypatch):
    monkeypatch.setenv("JPY_SESSION_NAME", "somewhere/customers.ipynb")
    monkeypatch.chdir(saved.parent)
    assert lab._notebook("", {}) == saved
    with pytest.raises(InputError, match="no notebook at"):
        lab._notebook("none.ipynb", {})
    monkeypatch.delenv("JPY_SESSION_NAME")
    with pytest.raises(InputError, match="does not say which notebook"):
        lab._notebook("", {})


def test_a_refusal_is_a_message(shell, capsys, tmp_path):
    assert shell.run_line_magic("preview", "") is None
    assert "InputError: this session does not say" in capsys.readouterr().err
    (tmp_path / "x.ipynb").write_text("no")
    assert shell.run_line_magic("preview", str(tmp_path / "x.ipynb")) is None
    assert "cannot be read as a notebook" in capsys.readouterr().err


def test_a_name_on_the_page_is_found_before_it_is_published(shop, saved):
    content = json.loads(saved.read_text())
    ((name,), *_) = _names(shop)
    content["cells"][0]["source"] = f"# About {name}"
    saved.write_text(json.dumps(content))
    with pytest.raises(LeakFound):
        preview(saved, shop.reports.desk(), {"period": "2026-09"})


def _names(shop):
    source = shop.settings.path("source") / "customers.parquet"
    return duckdb.sql(f"SELECT full_name FROM '{source}' ORDER BY 1").fetchall()


def test_scheduled_runs_pass_over_both(shell, monkeypatch):
    monkeypatch.setenv(lab.RUN_REPORT, "customers")
    assert shell.run_line_magic("preview", "none.ipynb") is None
    assert shell.run_line_magic("budget", "") is None


def test_the_budget_is_a_table(shell, saved, shop):
    shown = shell.run_line_magic("budget", "2026-09")
    assert tuple(shown) == tuple(shop.budget("2026-09"))
    html = shown._repr_html_()
    assert html.count("<tr>") == 1 + len(shown)
    assert "δ = 1e-06" in html
    spent = {line.scope: line.spent for line in shown}
    assert spent["2026-09"] > 0
    row = re.search(r"2026-09 +([\d.]+) +([\d.]+) +([\d.]+)", repr(shown))
    assert float(row[2]) == round(spent["2026-09"], 2)
    assert BudgetTable()._repr_html_() == "<p>no limit is declared</p>"
    assert repr(BudgetTable()) == "no limit is declared"


def test_only_what_was_run_since_counts_as_unsaved():
    cells = [{"cell_type": "code", "execution_count": 2, "source": "b\n"}]
    assert not unsaved({"cells": cells}, ["", "a", "b", "%preview"])
    assert not unsaved({"cells": cells}, ["", "a", "b", "%budget", "%preview"])
    assert unsaved({"cells": cells}, ["", "a", "c", "%preview"])
    assert unsaved({"cells": cells}, ["", "a", "b", "c", "%preview"])
    assert not unsaved({"cells": cells}, ["", "%preview"])


def test_lab_opens_on_the_workspace(shop):
    words, env = lab.lab_command(shop.settings, ["--version"])
    assert words[3] == f"--ServerApp.root_dir={shop.settings.root}"
    assert "--expose-app-in-browser" in words  # else a click of `ws.ask()` makes no cell
    assert env["WORKBENCH_WORKSPACE"] == str(shop.settings.root / "workbench.toml")
    code = (
        "from workbench.lab import lab; from workbench.settings import load_settings;"
        f"from pathlib import Path; lab(load_settings(Path({str(shop.settings.root)!r}, "
        "'workbench.toml')), ['--version'])"
    )
    done = subprocess.run(
        [words[0], "-c", code], capture_output=True, text=True, check=True, env=dict(os.environ)
    )
    assert re.match(r"4\.\d+", done.stdout)


def test_a_key_of_the_environment_reaches_lab_by_a_pipe_alone(shop, tmp_path, monkeypatch):
    monkeypatch.setenv("WORKBENCH_KEY", "ab" * 32)
    (tmp_path / "jupyterlab.py").write_text(
        "import os, sys; from pathlib import Path; from workbench.store.keys.sources import Keys\n"
        "print('ab' * 32 in str(os.environ), Keys(Path('x'), 'environment').read().hex())\n"
        "sys.exit(3)\n"
    )
    code = (
        "import sys; from pathlib import Path; from workbench.settings import load_settings\n"
        "from workbench.lab import lab; lab(load_settings(Path(sys.argv[1])))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(shop.settings.root / "workbench.toml")],
        capture_output=True, text=True, check=False, cwd=tmp_path,
    )  # fmt: skip  # why: one call
    assert (done.returncode, done.stdout.split()) == (3, ["False", "ab" * 32]), done.stderr


def test_the_extension_is_loaded_by_the_packages_name(shell):
    shell.magics_manager.magics["line"].pop("preview")
    assert shell.run_line_magic("load_ext", "workbench") is None
    assert {"preview", "budget"} <= set(shell.magics_manager.magics["line"])


def test_a_workspaces_budget_shows_itself_in_a_notebook(shop):
    shown = shop.budget("2026-09")
    assert shown._repr_html_().startswith("<table><caption>Privacy budget of the customers")
    assert next(iter(shown)).scope == "2026-09"
