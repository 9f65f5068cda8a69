"""Warm kernels: forked from a process that holds nothing, never out of date, never left behind."""

import ast
import contextlib
import json
import os
import signal
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

from workbench.reporting import conditions
from workbench.reporting.warm import Warm

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="kernels are forked on Linux only")

ASKED = "import os\nprint(os.getpid(), os.getppid())"


@pytest.fixture(scope="module")
def warm(tmp_path_factory):
    """Return where a warmed process of this module's own is, in a folder of a very long name."""
    folder = tmp_path_factory.mktemp("warm") / ("long" * 30)
    folder.mkdir()
    warm = Warm(folder / "warm", minutes=5)
    yield warm
    warm.stop()


@pytest.fixture
def run(warm, tmp_path):
    """Return a function that runs cells in a kernel, and returns what they print."""

    def call(*code, name="one", warm=warm, **options):
        source, target = tmp_path / f"{name}-in.ipynb", tmp_path / f"{name}-out.ipynb"
        nbformat.write(nbformat.from_dict(notebook(*code)), source)
        papermill.execute_notebook(
            source,
            target,
            engine_name="workbench",
            kernel_name="python3",
            progress_bar=False,
            **{"warm": warm, "kernel_log": tmp_path / "kernel.log", **options},
        )
        if threading.current_thread() is not threading.main_thread():
            ensure_event_loop().close()  # the one by which this thread spoke with its kernel
        cells = nbformat.read(target, as_version=4).cells
        return "".join(o.get("text", "") for c in cells for o in c.get("outputs", ()))

    return call


def _server(warm):
    (status,) = warm.status()
    return status["pid"]


def _ended(process, seconds=15):
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


def test_a_kernel_is_forked_from_the_warmed_process_and_ends_with_its_run(run, warm):
    kernel, parent = map(int, run(ASKED).split())
    assert parent == _server(warm)
    _ended(kernel)
    again, parent = map(int, run(ASKED).split())
    assert (parent, again == kernel) == (_server(warm), False)


def test_what_reports_import_is_there_already(run):
    named = "('pandas', 'ibis', 'duckdb', 'plotly.graph_objects', 'workbench.workspace')"
    printed = run(f"import sys\nprint(all(name in sys.modules for name in {named}))")
    assert printed == "True\n"


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


def test_the_warmed_process_holds_no_secret_of_the_run_that_started_it(warm, run, monkeypatch):
    run("pass")
    words = Path(f"/proc/{_server(warm)}/environ").read_bytes()
    monkeypatch.setenv("WORKBENCH_MASTER_KEY", "planted-secret")
    other = Warm(warm.folder.parent / "other", minutes=5)
    try:
        assert run("import os\nprint(os.environ['WORKBENCH_MASTER_KEY'])", warm=other) == (
            "planted-secret\n"
        )
        server = _server(other)
        words = Path(f"/proc/{server}/environ").read_bytes()
        assert b"PATH=" in words
        assert b"planted-secret" not in words
        held = [str(each.readlink()) for each in Path(f"/proc/{server}/fd").iterdir()]
        assert not [each for each in held if each.endswith((".sqlite", ".key", ".ducklake"))]
        assert b"planted-secret" not in _memory(server)
    finally:
        other.stop()


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
from workbench.privacy.mechanisms import discrete_gaussian
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


def _started(tmp_path, warm, *code):
    """Start a run in a process of its own; return it, and what its first cell prints."""
    nbformat.write(nbformat.from_dict(notebook(*code)), tmp_path / "in.ipynb")
    words = (
        "import papermill, sys; from pathlib import Path\n"
        "from workbench.reporting.warm import Warm\n"
        "papermill.execute_notebook(sys.argv[1], sys.argv[2], engine_name='workbench',"
        " kernel_name='python3', progress_bar=False, warm=Warm(Path(sys.argv[3]), 5))"
    )
    out = tmp_path / "out.ipynb"
    call = [sys.executable, "-c", words, tmp_path / "in.ipynb", out, warm.folder]
    process = subprocess.Popen(call, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    until = time.monotonic() + 90
    while time.monotonic() < until:
        with contextlib.suppress(OSError, ValueError, nbformat.reader.NotJSONError):
            if printed := _printed(out):
                return process, printed[0]
        time.sleep(0.05)
    process.kill()
    raise AssertionError("the notebook printed nothing")


LASTING = (
    "import os, subprocess, time\nprint(os.getpid(), subprocess.Popen(['sleep', '600']).pid)",
    "sum(range(10 ** 12))",
)


def test_a_killed_run_takes_its_kernel_along_even_one_that_computes(tmp_path, warm):
    process, printed = _started(tmp_path, warm, *LASTING)
    process.kill()
    process.wait()
    for each in printed.split():
        _ended(int(each))
    assert warm.status()[0]["kernels"] == 0


def test_a_killed_warmed_process_takes_its_kernels_along_and_the_next_run_starts_another(
    tmp_path, run
):
    warm = Warm(tmp_path / "warm", minutes=5)
    process, printed = _started(tmp_path, warm, *LASTING)
    server = _server(warm)
    os.kill(server, signal.SIGKILL)
    _ended(int(printed.split()[0]))
    assert process.wait(60) != 0
    os.kill(int(printed.split()[1]), signal.SIGKILL)
    _, parent = run(ASKED, warm=warm).split()
    assert int(parent) not in (server, os.getpid())
    warm.stop()


def test_a_run_that_ends_well_leaves_nothing(run, tmp_path):
    code = "import subprocess\nprint(subprocess.Popen(['sleep', '600']).pid)"
    _ended(int(run(code)))


# ---------------------------------------------------------------- when it ends, when it is not used


def test_it_ends_when_no_run_comes_and_the_next_one_clears_up(tmp_path, run, monkeypatch):
    warm = Warm(tmp_path / "warm", minutes=0.02)
    _, parent = run(ASKED, warm=warm).split()
    _ended(int(parent), seconds=30)
    assert not [each for each in warm.folder.iterdir() if each.is_socket()]
    assert warm.status() == []
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    _, parent = run(ASKED, warm=warm).split()
    assert len(list(warm.folder.glob("*.lock"))) == 1, "what the first one left is there"
    warm.stop()


def test_it_ends_when_its_folder_goes(tmp_path, run):
    warm = Warm(tmp_path / "warm", minutes=5)
    _, parent = run(ASKED, warm=warm).split()
    warm.folder.rename(tmp_path / "moved")
    _ended(int(parent), seconds=30)


def test_another_environment_has_another_process(tmp_path, run, monkeypatch):
    warm = Warm(tmp_path / "warm", minutes=5)
    try:
        _, one = run(ASKED, warm=warm).split()
        monkeypatch.setenv("OMP_NUM_THREADS", "1")
        _, two = run(ASKED, warm=warm).split()
        assert {int(one), int(two)} == {each["pid"] for each in warm.status()}
        assert one != two
    finally:
        warm.stop()


def test_a_stamp_changes_with_code_packages_limits_and_mask(tmp_path, monkeypatch):
    stamps = [conditions.stamp()]
    assert conditions.stamp() == stamps[0]
    package = tmp_path / "package"
    package.mkdir()
    (package / "module.py").write_text("a = 1")
    monkeypatch.setattr(conditions, "_PACKAGE", package)
    stamps.append(conditions.stamp())
    (package / "module.py").write_text("a = 12")
    stamps.append(conditions.stamp())
    installed = tmp_path / "site-packages"
    (installed / "thing-1.0.dist-info").mkdir(parents=True)
    monkeypatch.syspath_prepend(str(installed))
    stamps.append(conditions.stamp())
    (installed / "thing-1.0.dist-info").rename(installed / "thing-1.1.dist-info")
    stamps.append(conditions.stamp())
    monkeypatch.setenv("PYTHONHASHSEED", "7")
    stamps.append(conditions.stamp())
    before = os.umask(0o027)
    try:
        os.umask(0o077)
        stamps.append(conditions.stamp())
    finally:
        os.umask(before)
    assert len(set(stamps)) == len(stamps)


@pytest.mark.skipif(os.getuid() != 0, reason="only root may change its groups")
def test_a_stamp_changes_when_the_account_loses_a_group():
    code = "from workbench.reporting.conditions import stamp; print(stamp())"

    def stamped(groups):
        command = [sys.executable, "-c", code]
        done = subprocess.run(
            command, extra_groups=groups, stdout=subprocess.PIPE, text=True, check=True
        )
        return done.stdout

    assert stamped([4, 20]) == stamped([20, 4]) != stamped([4])


def test_a_process_whose_package_changes_while_it_starts_is_not_used(tmp_path, run, monkeypatch):
    monkeypatch.setattr(conditions, "stamp", lambda: "of-another-package")
    warm = Warm(tmp_path / "warm", minutes=5)
    _, parent = run(ASKED, warm=warm).split()
    assert int(parent) == os.getpid()
    assert warm.status() == []


def test_a_process_that_cannot_start_says_why_and_kernels_are_plain(tmp_path, run, monkeypatch):
    (tmp_path / "site").mkdir()
    (tmp_path / "site" / "plotly.py").write_text("raise RuntimeError('no plotly here')")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path / "site"))
    warm = Warm(tmp_path / "warm", minutes=5)
    _, parent = run(ASKED, warm=warm).split()
    assert int(parent) == os.getpid()
    assert "no plotly here" in (warm.folder / "server.log").read_text()


def test_no_minutes_no_process(tmp_path, run):
    warm = Warm(tmp_path / "warm", minutes=0)
    _, parent = run(ASKED, warm=warm).split()
    assert int(parent) == os.getpid()
    assert not warm.folder.exists()


def test_its_folder_and_files_are_private(run, warm):
    run("pass")
    assert warm.folder.stat().st_mode & 0o777 == 0o700
    assert (warm.folder / "server.log").stat().st_mode & 0o777 == 0o600


# ---------------------------------------------------------------- by papermill, and by a report


def _papermill(tmp_path, folder, *more):
    nbformat.write(nbformat.from_dict(notebook(ASKED)), tmp_path / "in.ipynb")
    words = [sys.executable, "-m", "papermill", "--engine", "workbench", "-k", "python3", *more]
    environment = {**os.environ, "WORKBENCH_WORKSPACE": str(folder)}
    subprocess.run(
        [*words, "--no-progress-bar", tmp_path / "in.ipynb", tmp_path / "out.ipynb"],
        env=environment,
        capture_output=True,
        check=True,
    )
    (printed,) = _printed(tmp_path / "out.ipynb")
    return int(printed.split()[1])


def test_papermill_uses_a_workspaces_warmed_process_where_it_may(shop, tmp_path):
    folder = shop.settings.root
    _papermill(tmp_path, folder)
    assert not (shop.private / "warm").exists()
    settings = folder / "workbench.toml"
    settings.write_text(settings.read_text().replace("minutes = 0", "minutes = 5"))
    warm = Warm(shop.private / "warm", 5)
    try:
        assert _papermill(tmp_path, folder) == _server(warm)
    finally:
        warm.stop()


def test_a_report_is_the_same_byte_for_byte_from_a_warm_kernel_and_a_plain_one(shop):
    folder = shop.settings.root
    write_report(folder)
    settings = folder / "workbench.toml"
    text = settings.read_text()
    page = folder / "reports" / "published" / "customers" / "2026-09" / "index.html"
    warm = Warm(shop.private / "warm", 5)
    try:
        made = []
        for minutes in (5, 0):
            settings.write_text(text.replace("minutes = 0", f"minutes = {minutes}"))
            done = workbench_json(
                "run", "customers", "-w", folder, "--period", "2026-09", "--force"
            )
            made.append((page.read_bytes(), done))
        assert warm.status()[0]["kernels"] == 0
        assert made[0][0] == made[1][0]
    finally:
        warm.stop()
