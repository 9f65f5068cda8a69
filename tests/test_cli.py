"""Commands: one call each, every refusal one message and its exit code, JSON for machines."""

import json

import pytest
from click.testing import CliRunner
from support.line import write_report

import workbench as wb
from workbench.cli import main


@pytest.fixture
def run(shop_folder, tmp_path, monkeypatch):
    """Return a function that runs a command in a loaded shop of the test's own."""
    import shutil

    folder = tmp_path / "shop"
    shutil.copytree(shop_folder, folder)
    write_report(folder)
    monkeypatch.chdir(folder)
    runner = CliRunner()

    def call(*words):
        return runner.invoke(main, [str(word) for word in words])

    call.folder = folder
    return call


def test_init_loads_once_and_says_so(run):
    assert "Everything is loaded already." in run("init").output
    (run.folder / "data" / "incidents.csv").write_text(
        "incident_id,opened_on\nI-1,2026-02-03\nI-2,2026-02-04\n"
    )
    assert "Loaded 2 rows in 1 tables" in run("init").output
    assert json.loads(run("init", "--json").output)["loaded"] == {}


def test_check_says_all_is_good_or_what_is_not(run):
    good = run("check")
    assert good.exit_code == 0
    assert "All good: 4 tables" in good.output
    (run.folder / "reports" / "customers.yaml").write_text("title: x\n")
    bad = run("check", "--json")
    assert bad.exit_code == 2
    assert {problem["part"] for problem in json.loads(bad.output)["problems"]} == {"reports"}


def test_budget_shows_limits_and_answers(run):
    ws = wb.open_workspace(run.folder)
    tx = ws.open("transactions", "reporting")
    ws.release(wb.query(tx, period="2026-09").customers(), name="total", epsilon="0.1")
    shown = run("budget", "--period", "2026-09").output
    assert "2026-09" in shown
    assert "rolling year" in shown
    assert "total" in shown
    facts = json.loads(run("budget", "--period", "2026-09", "--json").output)
    assert facts["answers"][0]["epsilon"] == pytest.approx(0.1)
    assert facts["limits"][0]["spent_pico"] > 0


def test_plan_spends_nothing_and_tells_cost_and_margin(run):
    told = run("plan", "customers", "--period", "2026-09", "--json")
    assert told.exit_code == 0, told.output
    facts = json.loads(told.stdout)
    (answer,) = facts["answers"]
    assert answer["epsilon"] == pytest.approx(0.1, rel=1e-3)
    assert answer["margins"]["customers"] > 0
    assert answer["relative"]["customers"] > 0
    assert wb.open_workspace(run.folder).ledger.head()[0] == 0
    told = run("plan", "customers", "--period", "2026-09")
    assert "would spend epsilon 0.10" in told.stdout
    assert "customers ±" in told.stdout


@pytest.mark.parametrize(
    ("words", "code", "message"),
    [
        (["run", "customrs"], 2, "UnknownName: no report named 'customrs'. Did you mean 'cust"),
        (["run", "customers", "-p", "epsilon=much"], 2, "ParameterError: parameter 'epsilon'"),
        (["run", "customers", "-p", "epsilno=1"], 2, "Did you mean 'epsilon'"),
        (["run", "customers", "--period", "september"], 2, "PeriodError: 'september' is not a"),
        (["run", "customers", "--period", "2099-01"], 2, "is not over"),
        (["run", "customers", "--period", "2026-Q3"], 2, "this report is monthly"),
        (["budget", "--period", "2026-13"], 2, "PeriodError"),
        (["import", "cdnw"], 2, "Did you mean 'cdnow'"),
        (["init", "-w", "nowhere"], 2, "SettingsError: no workbench.toml"),
        (["rnu"], 2, "No such command 'rnu'"),
    ],
)
def test_bad_input_is_one_message_and_an_exit_code(run, words, code, message):
    told = run(*words)
    assert told.exit_code == code
    assert message in told.output
    assert "Traceback" not in told.output


def test_a_month_that_is_not_loaded_is_refused(run):
    told = run("run", "customers", "--period", "2026-10")
    assert told.exit_code == 2
    assert "the data ends with 2026-09" in told.output


def test_a_broken_catalog_is_told_with_its_line(run):
    catalog = run.folder / "catalog.yaml"
    catalog.write_text(catalog.read_text().replace("  unit: customer", "  unit: custmer"))
    told = run("run", "customers")
    assert told.exit_code == 2
    assert "catalog.yaml:5" in told.output
    catalog.unlink()
    told = run("run", "customers")
    assert told.exit_code == 2
    assert "CatalogError: no catalog at" in told.output


def test_a_fault_of_ours_is_told_without_a_traceback(run, monkeypatch):
    def broken(self, progress=None):
        raise ZeroDivisionError("a value of a row")

    monkeypatch.setattr(wb.Workspace, "init", broken)
    told = run("init")
    assert told.exit_code == 1
    assert "a fault in workbench itself (ZeroDivisionError)" in told.output
    assert "a value of a row" not in told.output


def test_sample_and_import_write_where_they_say(run, tmp_path):
    told = run("sample", "--customers", 60, "--months", 3, "--out", tmp_path / "bank")
    assert told.exit_code == 0, told.output
    assert (tmp_path / "bank" / "catalog.yaml").is_file()
    told = run("import", "cdnow", "--out", tmp_path / "cdnow", "--json")
    assert told.exit_code == 0, told.output
    assert (tmp_path / "cdnow" / "reports" / "customer-overview.yaml").is_file()
