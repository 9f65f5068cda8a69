"""What a run starts has no master key in its environment; who opens the store gets it by pipe."""

import json
import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from support.line import CELLS, write_report

import workbench as wb
from workbench.errors import StoreMissing
from workbench.reporting.published.copies import pdf
from workbench.reporting.telling import Hooks, tell_hooks
from workbench.store.keys.sources import KEY, NEW_KEY, PIPE, Keys, offered

TELLS = "import json, os; json.dump(dict(os.environ), open({!r}, 'w'))"
READS = "from workbench.store.keys.sources import Keys; import pathlib;" + (
    "print(Keys(pathlib.Path('.'), 'environment').read().hex())"
)


@pytest.fixture
def key(monkeypatch):
    monkeypatch.setenv(KEY, "a1" * 32)
    monkeypatch.setenv(NEW_KEY, "b2" * 32)
    monkeypatch.setenv("OTHER", "kept")
    return "a1" * 32


def given(path):
    found = json.loads(path.read_text())
    assert found["OTHER"] == "kept"
    return found


def test_a_hook_gets_no_key(key, tmp_path):
    script = tmp_path / "tell.py"
    script.write_text(TELLS.format(str(tmp_path / "told.json")))
    hooks = Hooks(published=f"{sys.executable} {script}")
    assert tell_hooks(hooks, "published", {}, tmp_path) == []
    assert not {KEY, NEW_KEY} & set(given(tmp_path / "told.json"))


def test_the_browser_gets_no_key(key, tmp_path):
    told, page = tmp_path / "told.json", tmp_path / "page.html"
    page.write_text("<html></html>")
    browser = tmp_path / "browser"
    browser.write_text(
        f"#!{sys.executable}\nimport sys\n{TELLS.format(str(told))}\n"
        "out = [w for w in sys.argv if w.startswith('--print-to-pdf=')][0].partition('=')[2]\n"
        "open(out, 'wb').write(b'%PDF')\n"
    )
    browser.chmod(0o700)
    pdf(page, tmp_path / "page.pdf", browsers=[str(browser)])
    assert not {KEY, NEW_KEY} & set(given(told))


def test_who_opens_the_store_takes_the_key_from_the_pipe(key, tmp_path):
    environment = {k: v for k, v in os.environ.items() if k not in (KEY, NEW_KEY)}
    with offered(tmp_path) as named, ThreadPoolExecutor(3) as pool:
        assert (tmp_path / "key").stat().st_mode & 0o777 == 0o600
        words = [sys.executable, "-c", READS]
        runs = pool.map(
            lambda _: subprocess.run(
                words, env={**environment, **named}, capture_output=True, text=True, check=True
            ).stdout.strip(),
            range(3),
        )
        assert list(runs) == [key] * 3
    assert list(tmp_path.iterdir()) == []


def test_a_key_in_a_file_is_offered_to_nobody(tmp_path):
    with offered(tmp_path) as named:
        assert named == {}
    assert list(tmp_path.iterdir()) == []


def test_a_pipe_that_has_gone_is_no_key(monkeypatch, tmp_path):
    monkeypatch.setenv(PIPE, str(tmp_path / "key"))
    with pytest.raises(StoreMissing, match=r"\$WORKBENCH_KEY is not set"):
        Keys(tmp_path, "environment").read()


def test_a_report_runs_though_its_kernel_has_no_key_in_its_environment(warm_shop, monkeypatch):
    root = warm_shop.settings.root
    file = warm_shop.private / "keys" / "master.key"
    monkeypatch.setenv(KEY, file.read_text().strip())
    monkeypatch.setenv("OTHER", "kept")
    file.unlink()
    settings = root / "workbench.toml"
    settings.write_text(f'key = "environment"\n{settings.read_text()}')
    told = Path(root, "told.json")
    write_report(root, TELLS.format(str(told)), *CELLS)
    made = wb.open_workspace(root, now=warm_shop.now).reports.render("customers", period="2026-09")
    assert made.page.is_file()
    found = given(told)
    assert KEY not in found
    assert PIPE in found
