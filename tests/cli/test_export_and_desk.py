"""Files to send, the published folder in a browser, JupyterLab: from the command line."""

import re
import signal
import subprocess
import urllib.request

import pytest
from click.testing import CliRunner
from factories.pages import page
from support.line import command, workbench

from workbench.cli import main
from workbench.reporting.published import editions


@pytest.fixture
def folder(shop):
    editions.publish(shop.settings.path("published"), "overview", "2026-09", page())
    return shop.settings.root


def _run(*words):
    return CliRunner().invoke(main, [str(word) for word in words])


def test_an_edition_is_exported(folder, tmp_path):
    out = tmp_path / "page.html"
    done = _run("report", "export", "standalone", "overview", "2026-09", "-w", folder, "--out", out)
    assert done.output == f"{out}\n"
    assert out.read_text(encoding="utf-8") == page().alone()
    done = _run("report", "export", "pdf", "overview", "-w", folder, "--out", tmp_path / "page.pdf")
    assert (done.exit_code, done.output) == (0, f"{tmp_path / 'page.pdf'}\n")
    assert (tmp_path / "page.pdf").read_bytes().startswith(b"%PDF")


def test_what_is_not_there_is_refused(folder, tmp_path):
    done = _run(
        "report", "export", "pdf", "overviews", "-w", folder, "--out", tmp_path / "page.pdf"
    )
    assert done.exit_code == 2
    assert "UnknownName: no published edition named '[argument 3]'." in done.stderr


def test_what_is_published_is_served_until_interrupted(folder):
    started = subprocess.Popen(
        command("report", "serve", "-w", folder),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        said = started.stdout.readline()
        address = re.match(r"(http://127\.0\.0\.1:\d+/) shows what is published", said)[1]
        with urllib.request.urlopen(address + "overview/2026-09/", timeout=10) as answer:  # noqa: S310  # why: our own
            assert b"Customer overview" in answer.read()
        started.send_signal(signal.SIGINT)
        said, problems = started.communicate(timeout=20)
        assert (said, problems, started.returncode) == ("Stopped.\n", "", 0)
    finally:
        started.kill()
        started.communicate()


def test_nothing_published_is_told(shop):
    done = _run("report", "serve", "-w", shop.settings.root, "--port", "0")
    assert done.exit_code == 2
    assert "nothing is published" in done.stderr


def test_lab_opens_and_takes_further_words(folder):
    done = workbench("lab", "-w", folder, "--version")
    assert done.returncode == 0, done.stderr
    assert re.match(r"4\.\d+", done.stdout)
