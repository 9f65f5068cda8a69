"""What ``workbench run`` and ``workbench report plan`` say where nobody watches, and before they "
"start."""

import pytest
from click.testing import CliRunner
from support.line import write_report

import workbench as wb
from workbench.cli import main


@pytest.fixture
def run(warm_shop):
    """Return a function that runs a command in a shop with a report."""
    write_report(warm_shop.settings.root)
    where = ["-w", str(warm_shop.settings.root), "--period", "2026-09"]
    return lambda *words: CliRunner().invoke(main, [*words, *where])


def test_without_a_terminal_a_report_has_a_line_at_its_start_and_at_its_end(run, warm_shop):
    planned = run("report", "plan", "customers").stderr.splitlines()
    assert planned == ["'customers' 2026-09: planning; nothing is paid"]
    started, ended = run("run", "customers").stderr.splitlines()
    assert started == "'customers' 2026-09: started"
    assert ended.startswith("'customers' 2026-09: published after ")
    assert (
        run("run", "customers").stderr.splitlines()[1]
        == "'customers' 2026-09: was published already"
    )
    assert run("run", "customers", "--force", "--json").stderr == ""
    write_report(warm_shop.settings.root, "1 / 0")
    failed = run("run", "customers").stderr.splitlines()
    assert failed[1].startswith("'customers' 2026-09: failed after ")
    assert failed[1].endswith(" s, exit code 4")
    assert failed[2].startswith("RunFailed: ")


def test_every_step_is_told_to_who_asks(run):
    steps = run("run", "customers", "--verbose").stderr.splitlines()
    assert "customers 2026-09: cell 1 of 6" in steps
    assert "customers 2026-09: drawing the page" in steps
    assert (
        "customers 2026-09: cell 1 of 6"
        in run("report", "plan", "customers", "-v").stderr.splitlines()
    )


def test_a_pdf_that_nothing_can_print_is_refused_before_anything_is_run(
    run, warm_shop, monkeypatch
):
    root = warm_shop.settings.root
    monkeypatch.setenv("PATH", str(root))
    done = run("run", "customers", "--pdf")
    assert done.exit_code == 7
    assert "PublishError: a PDF is printed by Chromium, and none of chromium, " in done.stderr
    assert done.stderr.rstrip().endswith("print the page from any browser. Nothing was started.")
    assert not (root / "reports" / "published").exists()
    assert wb.open_workspace(root).ledger.head()[0] == 0
