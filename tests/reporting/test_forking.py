"""Forked kernels: from a process that holds nothing and is the run's own; nobody is left behind."""

import ast
import contextlib
import json
import os
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import nbformat
import papermill
import pytest
from jupyter_core.utils import ensure_event_loop
from nbclient.exceptions import DeadKernelError
from support.line import notebook, workbench_json, write_report

from workbench.reporting.forking import ForkServer, forking
from workbench.settings import Settings

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="kernels are forked on Linux only")

ASKED = "import os\nprint(os.getpid(), os.getppid())"


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    """Return the process that the kernels of this module's tests are forked from."""
    with forking(_settings(tmp_path_factory.mktemp("server"))) as server:
        yield server


def _settings(folder, **given):
    return Settings(root=folder, private=folder, **given)


@pytest.fixture
def run(server, tmp_path):
    """Return a function that runs cells in a kernel, and returns what they print."""

    def call(*code, name="one", server=server, **options):
        source, target = tmp_path / f"{name}-in.ipynb", tmp_path / f"{name}-out.ipynb"
        nbformat.write(nbformat.from_dict(notebook(*code)), source)
        papermill.execute_notebook(
            source,
            target,
            engine_name="workbench",
            kernel_name="python3",
            progress_bar=False,
            **{"server": server, "kernel_log": tmp_path / "kernel.log", **options},
        )
        if threading.current_thread() is not threading.main_thread():
            ensure_event_loop().close()  # the one by which this thread spoke with its kernel
        return "\n".join(_printed(target))

    return call


def _ended(process, seconds=1):
    until = time.monotonic() + seconds
    while _alive(process):
        assert time.monotonic() < until, f"process {process} is still there"
        time.sleep(0.05)


def _alive(process):
    try:
        return "Z" not in Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return False


# ---------------------------------------------------------------- what a kernel is


def test_a_kernel_is_forked_from_the_runs_process_and_ends_before_it(run, server):
    kernel, parent = map(int, run(ASKED).split())
    assert parent == server.pid
    _ended(kernel)
    again, parent = map(int, run(ASKED).split())
    assert (parent, again == kernel) == (server.pid, False)


def test_what_reports_import_is_there_already(run):
    named = "('pandas', 'ibis', 'duckdb', 'plotly.graph_objects', 'workbench.workspace')"
    printed = run(f"import sys\nprint(all(name in sys.modules for name in {named}))")
    assert printed == "True"


def test_variables_folder_words_and_log_are_the_runs_own(run, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    code = (
        "import os, sys, time\nos.system('echo from the process')\n"
        "print([os.environ.get('GIVEN'), os.getcwd(), sys.argv[0], time.tzname[0],"
        " len(os.environ), '' in sys.path])"
    )
    given = {"GIVEN": "this", "TZ": "Asia/Shanghai"}
    printed = run(code, kernel_env=given).splitlines()
    value, folder, word, zone, count, here = ast.literal_eval(printed[-1])
    assert (value, folder, word) == ("this", str(tmp_path), "ipykernel_launcher")
    assert (zone, here) == ("CST", True)
    assert count >= len({**os.environ, **given})
    assert (tmp_path / "kernel.log").stat().st_mode & 0o777 == 0o600


def test_the_process_holds_no_secret_of_its_run(tmp_path, run, monkeypatch):
    monkeypatch.setenv("WORKBENCH_KEY", "planted-secret")
    monkeypatch.setenv("OTHER", "kept")
    server = ForkServer(_settings(tmp_path))
    try:
        asked = "import os\nprint('WORKBENCH_KEY' in os.environ, os.environ['GIVEN'])"
        given = {"GIVEN": "another-secret"}
        assert run(asked, server=server, kernel_env=given) == "False another-secret"
        words = Path(f"/proc/{server.pid}/environ").read_bytes()
        assert b"OTHER=kept" in words
        held = [str(each.readlink()) for each in Path(f"/proc/{server.pid}/fd").iterdir()]
        assert not [each for each in held if each.endswith((".sqlite", ".key", ".ducklake"))]
        for memory in (words, _memory(server.pid)):
            assert b"planted-secret" not in memory
            assert b"another-secret" not in memory
    finally:
        server.close()


def _memory(process):
    """Return what a process has written to memory."""
    found = []
    with Path(f"/proc/{process}/mem").open("rb", 0) as memory:
        for line in Path(f"/proc/{process}/maps").read_text().splitlines():
            place, access, *_ = line.split()
            if access.startswith("rw") and "[v" not in line:
                first, last = (int(each, 16) for each in place.split("-"))
                memory.seek(first)
                found.append(memory.read(last - first))
    return b"".join(found)


RANDOM = """\
import hashlib, json, random, secrets, tempfile, uuid
import duckdb, ibis, numpy as np, pandas as pd, zmq
from fractions import Fraction
from workbench.privacy.engine.mechanisms import discrete_gaussian
print(json.dumps({
    "noise": discrete_gaussian(Fraction(10**18), 4),
    "secrets": secrets.token_hex(8), "random": random.random(),
    "numpy": float(np.random.random()), "rng": float(np.random.default_rng().random()),
    "pandas": int(pd.Series(range(10**6)).sample(1).iloc[0]),
    "uuid1": str(uuid.uuid1()), "uuid4": str(uuid.uuid4()),
    "temporary": next(tempfile._get_candidate_names()),
    "duckdb": duckdb.sql("SELECT random(), uuid()::VARCHAR").fetchone(),
    "connection": duckdb.connect().sql("SELECT random()").fetchone(),
    "ibis": float(ibis.duckdb.connect().raw_sql("SELECT random()").fetchone()[0]),
    "curve": zmq.curve_keypair()[0].decode(), "session": get_ipython().kernel.session.session,
}))"""


def test_no_two_forks_draw_the_same(run, size):
    count = 4 if size == "smoke" else 40
    with ThreadPoolExecutor(2) as pool:
        drawn = list(pool.map(lambda n: json.loads(run(RANDOM, name=f"r{n}")), range(count)))
    for name in drawn[0]:
        assert len({str(each[name]) for each in drawn}) == count, name


def test_the_default_engine_works_in_a_fork_with_threads_of_its_own(run):
    code = (
        "import duckdb\nduckdb.sql('SET threads = 3')\n"
        "print(duckdb.sql('SELECT count(*) FROM range(3000000) WHERE hash(range) % 2 < 2'))"
    )
    assert "3000000" in run(code)


# ---------------------------------------------------------------- ends and errors


def test_kernels_of_two_threads_run_side_by_side(run):
    code = "import time\nbegun = time.time()\ntime.sleep(1)\nprint(begun, time.time())"
    with ThreadPoolExecutor(2) as pool:
        spans = list(pool.map(lambda n: run(code, name=f"side-{n}").split(), range(2)))
    (one_from, one_to), (two_from, two_to) = (tuple(map(float, each)) for each in spans)
    assert max(one_from, two_from) < min(one_to, two_to)


def test_a_kernel_that_dies_is_told_from_a_cell_that_fails(run):
    with pytest.raises(DeadKernelError):
        run("import os, signal\nos.kill(os.getpid(), signal.SIGKILL)")
    with pytest.raises(papermill.PapermillExecutionError, match="ZeroDivisionError"):
        run("1 / 0")


def test_a_cell_beyond_its_time_ends_with_what_it_started(run):
    from nbclient.exceptions import CellTimeoutError

    code = "import subprocess, time\nprint(subprocess.Popen(['sleep', '600']).pid, flush=True)"
    with pytest.raises(CellTimeoutError):
        run(code, "time.sleep(600)", execution_timeout=2, name="late")
    (line,) = _printed(Path(run.__closure__[0].cell_contents) / "late-out.ipynb")
    _ended(int(line))


def _printed(path):
    cells = nbformat.read(path, as_version=4).cells
    return [o["text"].strip() for c in cells for o in c.get("outputs", ()) if "text" in o]


RUNNING = """\
import sys
from pathlib import Path
from workbench.reporting.forking import forking
from workbench.settings import Settings
folder = Path(sys.argv[1])
with forking(Settings(root=folder, private=folder)) as server:
    print(server.pid, flush=True)
    import papermill
    papermill.execute_notebook(folder / "in.ipynb", folder / "out.ipynb", engine_name="workbench",
                               kernel_name="python3", progress_bar=False, server=server)
"""


def _running(folder, *code):
    """Start a run in a process of its own; return it and the process it forks kernels from."""
    nbformat.write(nbformat.from_dict(notebook(*code)), folder / "in.ipynb")
    words = [sys.executable, "-c", RUNNING, folder]
    process = subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    with process.stdout:
        return process, int(process.stdout.readline())


def _first(process, out):
    """Return what the first cell of a run prints, once it does."""
    until = time.monotonic() + 90
    while time.monotonic() < until:
        with contextlib.suppress(OSError, ValueError, nbformat.reader.NotJSONError):
            if printed := _printed(out):
                return [int(each) for each in printed[0].split()]
        time.sleep(0.05)
    process.kill()
    raise AssertionError("the notebook printed nothing")


LASTING = (
    "import os, subprocess, time\n"
    "print(os.getpid(), os.getppid(), subprocess.Popen(['sleep', '600']).pid)",
    "sum(range(10 ** 12))",
)


def test_a_killed_run_takes_everybody_along_even_a_kernel_that_computes(tmp_path):
    process, server = _running(tmp_path, *LASTING)
    kernel, parent, started = _first(process, tmp_path / "out.ipynb")
    assert parent == server
    process.kill()
    process.wait()
    for each in (kernel, server, started):
        _ended(each)


@pytest.mark.parametrize("seconds", [0, 0.3, 1])
def test_a_run_killed_while_its_process_imports_leaves_nobody(tmp_path, seconds):
    process, server = _running(tmp_path, *LASTING)
    time.sleep(seconds)
    process.kill()
    process.wait()
    _ended(server)


def test_a_killed_process_takes_its_kernels_along_and_the_next_is_a_plain_one(tmp_path, run):
    other = ForkServer(_settings(tmp_path))
    _, parent = run(ASKED, server=other).split()
    assert int(parent) == other.pid
    with pytest.raises(DeadKernelError):
        run(*LASTING[:1], f"os.kill({other.pid}, 9)\nsum(range(10 ** 12))", server=other)
    kernel, _, started = _first(None, tmp_path / "one-out.ipynb")
    for each in (kernel, started):
        _ended(each)
    _, parent = run(ASKED, server=other).split()
    assert int(parent) == os.getpid()
    other.close()


def test_a_run_that_ends_well_leaves_nothing(run, tmp_path):
    code = "import subprocess\nprint(subprocess.Popen(['sleep', '600']).pid)"
    _ended(int(run(code)))


# ---------------------------------------------------------------- whose it is, and if there is one


def test_it_ends_with_the_outermost_block_and_blocks_within_share_it(tmp_path, server):
    settings = _settings(tmp_path)
    with forking(settings) as one, forking(settings) as two:
        assert one is two is server
    assert _alive(server.pid)
    alone = "from workbench.reporting.forking import forking\n" + (
        "from workbench.settings import Settings\nimport sys; from pathlib import Path\n"
        "folder = Path(sys.argv[1]); settings = Settings(root=folder, private=folder)\n"
        "with forking(settings) as one:\n    with forking(settings) as two: assert one is two\n"
        "    print(one.pid)\n"
        "with forking(settings) as three: print(three.pid)"
    )
    done = subprocess.run(
        [sys.executable, "-c", alone, tmp_path], capture_output=True, text=True, check=True
    )
    first, second = map(int, done.stdout.split())
    assert first != second
    assert not _alive(first)
    assert not _alive(second)


@pytest.mark.parametrize("given", [{"fork_kernels": False}, {"private": "missing"}])
def test_there_is_none_where_a_setting_says_so_and_where_nothing_is_private(tmp_path, given):
    with forking(Settings(**{"root": tmp_path, "private": tmp_path, **given})) as server:
        assert server is None


def test_a_process_that_cannot_start_says_why_and_kernels_are_plain(tmp_path, run, monkeypatch):
    (tmp_path / "site").mkdir()
    (tmp_path / "site" / "plotly.py").write_text("raise RuntimeError('no plotly here')")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path / "site"))
    broken = ForkServer(_settings(tmp_path))
    _, parent = run(ASKED, server=broken).split()
    assert int(parent) == os.getpid()
    broken.close()
    assert "no plotly here" in (tmp_path / "kernels.log").read_text()
    assert (tmp_path / "kernels.log").stat().st_mode & 0o777 == 0o600


def test_a_process_imports_nothing_from_where_its_run_stands(tmp_path, run, monkeypatch):
    (tmp_path / "plotly.py").write_text("raise RuntimeError('not the one that is meant')")
    monkeypatch.chdir(tmp_path)
    (tmp_path / "private").mkdir()
    other = ForkServer(_settings(tmp_path / "private"))
    _, parent = run(ASKED, server=other, kernel_folder="/").split()
    other.close()
    assert int(parent) == other.pid


def test_a_report_is_the_same_byte_for_byte_from_a_forked_kernel_and_a_plain_one(shop):
    folder = shop.settings.root
    write_report(folder)
    settings = folder / "workbench.toml"
    text = settings.read_text()
    page = folder / "reports" / "published" / "customers" / "2026-09" / "index.html"
    made = []
    for forks in ("true", "false"):
        settings.write_text(text.replace("fork_kernels = false", f"fork_kernels = {forks}"))
        workbench_json("run", "customers", "-w", folder, "--period", "2026-09", "--force")
        made.append(page.read_bytes())
        assert (shop.private / "kernels.log").exists()
    assert made[0] == made[1]
