"""Commands: one call each, every refusal one message and its exit code, JSON for machines."""

import contextlib
import json
import os
import pty
import shutil
import subprocess
import sys

import duckdb
import pytest
from click.testing import CliRunner
from support.line import DEFINITION, command, workbench, write_report

import workbench as wb
from workbench.cli import MOVED, main


@pytest.fixture
def run(shop_folder, tmp_path, monkeypatch, warmed):
    """Return a function that runs a command in a loaded shop of the test's own."""
    folder = tmp_path / "shop"
    shutil.copytree(shop_folder, folder)
    write_report(warmed(folder))
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
    catalog = wb.open_workspace(run.folder).catalog
    counts = f"4 tables, 17 columns, 4 purposes, catalog {catalog.hash[:12]}."
    assert f"All good: {counts}" in good.output
    (run.folder / "reports" / "customers.yaml").write_text("title: x\n")
    bad = run("check", "--json")
    assert bad.exit_code == 2
    assert {problem["part"] for problem in json.loads(bad.output)["problems"]} == {"reports"}


def test_budget_shows_limits_and_answers(run):
    ws = wb.open_workspace(run.folder)
    tx = ws.open("transactions", "reporting")
    ws.release(wb.query(tx, period="2026-09").customers(), name="total", epsilon="0.1")
    shown = run("office", "budget", "--period", "2026-09").output
    assert "2026-09" in shown
    assert "rolling year" in shown
    assert "total" in shown
    facts = json.loads(run("office", "budget", "--period", "2026-09", "--json").output)
    assert facts["answers"][0]["epsilon"] == pytest.approx(0.1)
    assert facts["limits"][0]["spent_pico"] > 0


def test_budget_shows_a_second_figure_for_information(run):
    ws = wb.open_workspace(run.folder)
    tx = ws.open("transactions", "reporting")
    ws.release(wb.query(tx, period="2026-09").customers(), name="total", epsilon="1")
    facts = json.loads(run("office", "budget", "--pld", "--json").output)
    assert facts["pld_epsilon"] == pytest.approx(1, abs=1e-4)  # the ledger's own, another way
    assert "by privacy loss distributions: 1.00" in run("office", "budget", "--pld").output


def test_a_lost_end_of_the_ledger_is_acknowledged_by_an_officer(run):
    ledger = run.folder / ".workbench" / "ledger.sqlite"
    words = ["office", "acknowledge", "--reason", "The disk died.", "--role", "officer"]
    ws = wb.open_workspace(run.folder)
    tx = ws.open("transactions", "reporting")
    question = wb.query(tx, period="2026-09")
    ws.release(question.customers(), name="first", epsilon="0.1")
    nothing = run(*words)
    assert nothing.exit_code == 2
    assert "nothing is lost" in nothing.output
    older = ledger.read_bytes()
    ws.release(question.count(), name="second", epsilon="0.5")
    ws.ledger.chain.close()
    ledger.write_bytes(older)
    refused = run("run", "customers", "--period", "2026-09")
    assert "'workbench office acknowledge --reason" in refused.output
    assert run(*words, "--lost-rho", "many").exit_code == 2
    charged = json.loads(run(*words, "--json").output)["charged_epsilon"]
    assert charged == pytest.approx(0.5, rel=1e-3)  # what the anchor knew
    lines = {line.scope: line.spent for line in wb.open_workspace(run.folder).budget("2026-09")}
    assert lines["lifetime"] > 0.5


def test_plan_spends_nothing_and_tells_cost_and_margin(run):
    told = run("report", "plan", "customers", "--period", "2026-09", "--json")
    assert told.exit_code == 0, told.output
    facts = json.loads(told.stdout)
    (answer,) = facts["answers"]
    assert answer["epsilon"] == pytest.approx(0.1, rel=1e-3)
    assert answer["margins"]["customers"] > 0
    assert answer["relative"]["customers"] > 0
    assert wb.open_workspace(run.folder).ledger.head()[0] == 0
    told = run("report", "plan", "customers", "--period", "2026-09")
    assert "would spend epsilon 0.10" in told.stdout
    assert "customers ±" in told.stdout


@pytest.mark.parametrize(
    ("words", "code", "message"),
    [
        (["run", "customrs"], 2, "UnknownName: no report named '[argument 1]'. Did you mean 'cust"),
        (["run", "customers", "-p", "epsilon=much"], 2, "ParameterError: parameter 'epsilon'"),
        (["run", "customers", "-p", "epsilno=1"], 2, "Did you mean 'epsilon'"),
        (["run", "customers", "--period", "september"], 2, "PeriodError: 'september' is not a"),
        (["run", "customers", "--period", "2099-01"], 2, "is not over"),
        (["run", "customers", "--period", "2026-Q3"], 2, "this report is about a month: give one"),
        (["run", "customers", "--period", "2025-12"], 2, "the data begins with 2026-01"),
        (["run"], 2, "Name a report, or give --all or --due: one of the three."),
        (["run", "customers", "--due"], 2, "Name a report, or give --all or --due"),
        (["run", "--all", "-p", "epsilon=1"], 2, "Parameters are of one report: name it."),
        (["run", "customers", "--jobs", "0"], 2, "0 is not in the range 1<=x<=64"),
        (
            ["report", "schedule", "--format", "corn"],
            2,
            "[--format] is not one of 'cron', 'systemd'",
        ),
        (["report", "schedule", "--format", "cron"], 2, "InputError: no report has a schedule"),
        (["office", "budget", "--period", "2026-13"], 2, "PeriodError"),
        (["data", "import", "cdnw"], 2, "Did you mean 'cdnow'"),
        (["init", "-w", "nowhere"], 2, "SettingsError: no workbench.toml"),
        (["rnu"], 2, "No such command 'rnu'. Did you mean 'run'"),
        (["subject", "exprot", "K-1"], 2, "No such command 'exprot'. Did you mean 'export'"),
        (
            ["data", "ingest", "--encodng", "x"],
            2,
            "No such option '--encodng'. Did you mean '--encoding'",
        ),
    ],
)
def test_bad_input_is_one_message_and_an_exit_code(run, words, code, message):
    told = run(*words)
    assert told.exit_code == code
    assert message in told.output
    assert "Traceback" not in told.output


@pytest.mark.parametrize(("before", "now"), MOVED.items())
def test_a_name_of_before_answers_with_the_one_of_now(run, before, now):
    told = run(*before.split(), "--json")
    assert told.exit_code == 2
    assert told.output == f"Renamed: 'workbench {before}' is now 'workbench {now}'.\n"
    assert run(*now.split(), "--help").exit_code == 0


@pytest.mark.parametrize("typed", [[], ["subject"], ["store", "backups"], ["office", "incident"]])
def test_a_group_typed_alone_lists_its_commands(typed):
    told = CliRunner().invoke(main, typed)
    assert told.exit_code in (0, 2)
    assert told.output == CliRunner().invoke(main, [*typed, "--help"]).output
    assert "Commands:" in told.output or "Groups:" in told.output


def test_a_month_that_is_not_loaded_is_refused(run):
    told = run("run", "customers", "--period", "2026-10")
    assert told.exit_code == 2
    assert "the data ends with 2026-09" in told.output


SCHEDULED = DEFINITION + "schedule: {{cron: 0 6 5 * *, time_zone: Asia/Shanghai}}\n"


def test_what_is_due_is_listed_and_run_by_one_command(run):
    assert run("due").output == "Nothing is due.\n"
    assert run("run", "--due").output == "Nothing is due.\n"
    write_report(run.folder, definition=SCHEDULED)
    told = run("due").output
    assert "customers 2026-09: missing, due since 2026-10-05 06:00 Asia/Shanghai\n" in told
    found = json.loads(run("due", "--json").output)["due"]
    assert [(each["period"], each["state"]) for each in found][:2] == [
        ("2026-09", "missing"),
        ("2026-10", "waiting for data"),
    ]
    done = run("run", "--due", "--json")
    assert done.exit_code == 5
    facts = json.loads(done.stdout)
    assert [each["period"] for each in facts["editions"]] == ["2026-09"]
    told = "'customers' for 2026-10 is due since 2026-11-05 06:00 Asia/Shanghai and waits for its"
    assert told in done.stderr
    first, *_ = json.loads(run("due", "--json").output)["due"]
    assert first["period"] == "2026-10"


def test_every_report_is_run_and_a_failure_is_told_with_its_log(run):
    write_report(run.folder, "1 / 0", name="broken")
    path = write_report(run.folder, name="wrong")
    path.write_text("title: x\n")
    done = run("run", "--all", "--jobs", "2")
    assert done.exit_code == 4
    assert "'customers' for 2026-09 is published: " in done.stdout
    assert "RunFailed: 'broken' for 2026-09 failed in cell 3 with ZeroDivisionError." in done.stderr
    assert "exit code 4; record of runs: " in done.stderr
    assert f"DefinitionError: {path}" in done.stderr
    facts = json.loads(run("run", "--all", "--json").stdout)
    assert [each["unchanged"] for each in facts["editions"]] == [True]
    assert facts["failures"][0]["kind"] == "ZeroDivisionError"
    assert any("'audience' is missing" in each for each in facts["problems"])


def test_what_to_install_is_printed(run):
    write_report(run.folder, definition=SCHEDULED)
    told = run("report", "schedule", "--format", "cron")
    assert told.exit_code == 0
    assert "CRON_TZ=Asia/Shanghai\n0 6 5 * *  " in told.output


def test_a_list_of_what_is_due_is_quick(run):
    write_report(run.folder, definition=SCHEDULED)
    assert run("due").exit_code == 0  # the first one opens the store
    assert (run.folder / ".workbench" / "span.json").is_file()
    modules = (
        "import sys\nfrom workbench.cli import main\nmain(['due'], standalone_mode=False)\n"
        "slow = {'duckdb', 'pandas', 'ibis', 'plotly', 'papermill', 'sqlalchemy'}\n"
        "slow.add('workbench.figures')\n"
        "assert not slow & set(sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", modules], capture_output=True, check=False)
    assert done.returncode == 0, done.stderr


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
    def broken(self, progress=None, reload=()):
        raise ZeroDivisionError("a value of a row")

    monkeypatch.setattr(wb.Workspace, "init", broken)
    told = run("init")
    assert told.exit_code == 1
    assert "a fault in workbench itself (ZeroDivisionError)" in told.output
    assert "a value of a row" not in told.output


def test_a_reader_who_has_enough_is_no_fault(run):
    reader, writer = os.pipe()
    os.close(reader)  # as 'workbench check | head -0' leaves it
    start = [sys.executable, "-c", "from workbench.cli import main; main(['check'])"]
    done = subprocess.run(start, stdout=writer, stderr=subprocess.PIPE, text=True, check=False)
    os.close(writer)
    told = [line for line in done.stderr.splitlines() if "rehearsing" not in line]
    assert (done.returncode, told) == (1, [])


def test_sample_and_import_write_where_they_say(run, tmp_path):
    told = run("sample", "--customers", 60, "--months", 3, "--out", tmp_path / "bank")
    assert told.exit_code == 0, told.output
    assert (tmp_path / "bank" / "catalog.yaml").is_file()
    told = run("data", "import", "cdnow", "--out", tmp_path / "cdnow", "--json")
    assert told.exit_code == 0, told.output
    assert (tmp_path / "cdnow" / "reports" / "customer-overview.yaml").is_file()


# ---------------------------------------------------------------- source files that are not good


def _cut(path):
    path.write_bytes(path.read_bytes()[:-200])


def _flip(path):
    content = bytearray(path.read_bytes())
    content[-100:-8] = bytes(92)
    path.write_bytes(content)


def _rewrite(sql):
    def change(path):
        other = path.with_suffix(".new")
        with duckdb.connect() as connection:
            connection.execute(f"COPY ({sql.format(path)}) TO '{other}' (FORMAT parquet)")
        other.replace(path)

    return change


BROKEN = {
    "cut Parquet": ("transactions.parquet", _cut, "is corrupt or truncated"),
    "corrupt Parquet": ("transactions.parquet", _flip, "is corrupt or truncated"),
    "not Parquet at all": (
        "customers.parquet",
        lambda path: path.write_text("customer_id\nK-1\n"),
        "is corrupt or truncated",
    ),
    "cut CSV": ("consents.csv", _cut, "has no end: the file may be cut"),
    "empty CSV": ("consents.csv", lambda path: path.write_text(""), "is empty"),
    "empty table": (
        "transactions.parquet",
        _rewrite("FROM '{}' WHERE false"),
        "holds no rows; table 'transactions' needs some",
    ),
    "column of nulls": (
        "transactions.parquet",
        _rewrite("SELECT * REPLACE (NULL::DECIMAL(18, 2) AS amount) FROM '{}'"),
        "column 'amount' of table 'transactions' is empty in all 5,400 rows",
    ),
    "missing column": (
        "transactions.parquet",
        _rewrite("SELECT * EXCLUDE (region) FROM '{}'"),
        "does not match table 'transactions' (missing: 'region')",
    ),
    "renamed column": (
        "transactions.parquet",
        _rewrite("SELECT * RENAME (region AS regoin) FROM '{}'"),
        "Did you mean 'region'?",
    ),
    "wrong type": (
        "transactions.parquet",
        _rewrite("SELECT * REPLACE ('much' AS amount) FROM '{}'"),
        "'amount' in 5,400 rows is not money",
    ),
    "missing file": ("incidents.csv", lambda path: path.unlink(), "cannot be read: No such file"),
}


@pytest.mark.parametrize("case", BROKEN)
def test_a_source_file_that_is_not_good_changes_nothing(run, case):
    name, spoil, message = BROKEN[case]
    before = wb.open_workspace(run.folder).store.latest_snapshot()
    spoil(run.folder / "data" / name)
    told = run("init")
    assert told.exit_code == 7, told.output
    assert "SourceError: " in told.stderr
    assert name in told.stderr
    assert message in told.stderr
    assert wb.open_workspace(run.folder).store.latest_snapshot() == before
    assert run("check").exit_code == 2


# ---------------------------------------------------------------- what is missing


def test_before_the_first_load_the_message_says_what_to_run(run):
    shutil.rmtree(run.folder / ".workbench")
    told = run("run", "customers")
    assert told.exit_code == 7
    assert "StoreMissing: no data at" in told.stderr
    assert "Run 'workbench init'" in told.stderr
    told = run("check")
    assert told.exit_code == 2
    assert "nothing is loaded" in told.output


def test_a_lost_key_is_told(run):
    (run.folder / ".workbench" / "keys" / "master.key").unlink()
    told = run("run", "customers")
    assert told.exit_code == 7
    assert "StoreMissing: no key at" in told.stderr


def test_a_missing_notebook_is_told_before_anything_runs(run):
    (run.folder / "notebooks" / "customers.ipynb").unlink()
    told = run("run", "customers")
    assert told.exit_code == 2
    assert "DefinitionError" in told.stderr
    assert "no notebook at" in told.stderr
    assert not (run.folder / ".workbench" / "runs").exists()


def test_a_required_parameter_and_one_given_twice_are_told(run):
    definition = run.folder / "reports" / "customers.yaml"
    definition.write_text(definition.read_text().replace("default: 0.1, ", "required: true, "))
    assert "needs -p epsilon=a number such as 0.25" in run("run", "customers").stderr
    twice = run("run", "customers", "-p", "epsilon=1", "-p", "epsilon=2")
    assert (twice.exit_code, "is given twice" in twice.stderr) == (2, True)


def test_a_private_folder_that_others_may_enter_is_told(run):
    (run.folder / ".workbench").chmod(0o755)
    told = run("check")
    assert told.exit_code == 2
    assert "private: others than its owner may enter" in told.output


# ---------------------------------------------------------------- the command itself


def test_the_command_ends_with_the_code_and_one_line(run):
    told = workbench("run", "custmers", "-w", run.folder)
    assert (told.returncode, told.stdout) == (2, "")
    assert told.stderr.startswith("UnknownName: no report named '[argument 1]'.")
    assert len(told.stderr.splitlines()) == 1


def test_on_a_terminal_steps_are_a_bar_and_elsewhere_lines(run):
    words = ("sample", "--customers", 40, "--months", 2, "--out", run.folder / "bank")
    plain = workbench(*words)
    assert plain.returncode == 0, plain.stderr
    assert plain.stderr.splitlines()[-1] == "40 of 40 customers"
    ours, theirs = pty.openpty()
    process = subprocess.Popen(command(*words), stderr=theirs, stdout=subprocess.DEVNULL)
    os.close(theirs)
    read = bytearray()
    with contextlib.suppress(OSError):  # a terminal nobody writes to any more ends so
        while part := os.read(ours, 4096):
            read += part
    os.close(ours)
    assert process.wait() == 0
    seen = read.decode()
    assert "\x1b[" in seen
    assert "40 of 40 customers" in seen
    assert "━" in seen
