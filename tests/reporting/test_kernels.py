"""Kernels of runs: this Python, private sockets, a private log, nobody left behind."""

import os
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import nbformat
import papermill
import pytest
from jupyter_client.kernelspec import NoSuchKernel
from support.line import notebook

from workbench.reporting.forking import ended_with_this
from workbench.reporting.kernels import Kernels


def _run(tmp_path, *code, kernel="python3", **options):
    """Run a notebook as ``papermill --engine workbench`` does; return its printed words."""
    source, target = tmp_path / "in.ipynb", tmp_path / "out.ipynb"
    nbformat.write(nbformat.from_dict(notebook(*code)), source)
    papermill.execute_notebook(
        str(source),
        str(target),
        engine_name="workbench",
        kernel_name=kernel,
        progress_bar=False,
        **options,
    )
    outputs = [
        o for cell in nbformat.read(target, as_version=4).cells for o in cell.get("outputs", ())
    ]
    return "".join(output.get("text", "") for output in outputs).split()


ASKED = """\
import os, stat, sys
from pathlib import Path
file = next(Path(word) for word in sys.argv if word.endswith("kernel.json"))
sockets = [str(path) for path in file.parent.iterdir() if path.is_socket()]
modes = oct(file.parent.stat().st_mode), oct(file.stat().st_mode)
print(os.environ["GIVEN"], sys.executable, os.getpid(), len(sockets), file.parent, *modes)"""


def test_a_kernel_is_this_python_with_a_given_environment_and_private_sockets(tmp_path):
    told = []
    words = _run(
        tmp_path, ASKED, kernel_env={"GIVEN": "this"}, on_cell=lambda *step: told.append(step)
    )
    given, python, process, sockets, folder, folder_mode, file_mode = words
    assert given == "this"
    assert Path(python) == Path(sys.executable)
    assert int(sockets) >= 4
    assert folder_mode.endswith("700")
    assert file_mode.endswith("600")
    assert told == [(1, 3), (2, 3), (3, 3)]
    assert not Path(folder).exists()
    with pytest.raises(ProcessLookupError):
        os.kill(int(process), 0)


def test_python3_is_this_python_even_where_another_is_registered(tmp_path, monkeypatch):
    folder = tmp_path / "share" / "kernels" / "python3"
    folder.mkdir(parents=True)
    (folder / "kernel.json").write_text(
        '{"argv": ["/nowhere/python", "-f", "{connection_file}"], "display_name": "other"}'
    )
    monkeypatch.setenv("JUPYTER_PATH", str(tmp_path / "share"))
    assert Kernels(kernel_name="python3").kernel_spec.argv[0] == sys.executable
    with pytest.raises(NoSuchKernel):
        assert Kernels(kernel_name="nobody").kernel_spec


def test_what_a_kernels_process_says_goes_to_its_log(tmp_path, capfd):
    log = tmp_path / "kernel.log"
    _run(
        tmp_path, "import os\nos.write(2, b'a row')\nos.system('echo another row')", kernel_log=log
    )
    seen = capfd.readouterr()
    assert "row" not in seen.out + seen.err
    assert log.stat().st_mode & 0o777 == 0o600


def test_folders_of_dead_runs_are_cleared_and_those_of_others_stay(tmp_path, monkeypatch):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "t"))
    ended = subprocess.Popen(["true"])
    ended.wait()
    dead, alive, other = (
        tmp_path / "t" / name for name in (f"wb-{ended.pid}-x", f"wb-{os.getppid()}-x", "wb-mine-x")
    )
    for folder in (dead, alive, other):
        folder.mkdir(parents=True)
    _run(tmp_path, "pass")
    assert [folder.exists() for folder in (dead, alive, other)] == [False, True, True]
    assert sorted(path.name for path in (tmp_path / "t").iterdir()) == sorted(
        [alive.name, other.name]
    )


STARTING = """\
import os, subprocess
words = ["sh", "-c", "trap '' HUP TERM INT; sleep 600 & echo $!; wait"]
child = subprocess.Popen(words, stdout=subprocess.PIPE, text=True)
print(os.getpid(), child.pid, child.stdout.readline())"""


def test_a_killed_run_takes_its_kernel_along_and_all_that_its_cells_started(tmp_path):
    """Killed with -9: nobody in it can tidy up, and what was started asked not to be ended."""
    source, target = tmp_path / "in.ipynb", tmp_path / "out.ipynb"
    nbformat.write(
        nbformat.from_dict(notebook(STARTING, "import time\ntime.sleep(600)")),
        source,
    )
    words = [sys.executable, "-m", "papermill", "--engine", "workbench", "-k", "python3"]
    run = subprocess.Popen(
        [*words, "--no-progress-bar", source, target],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        started = _printed(target)
        assert len(started) == 3
        assert all(map(_alive, started))
    finally:
        run.kill()
        run.wait()
    _ended(started)


def test_what_a_cell_started_ends_with_a_run_that_ends_well(tmp_path):
    started = [int(word) for word in _run(tmp_path, STARTING)]
    assert len(started) == 3
    _ended(started, seconds=2)


def test_only_a_group_of_its_own_is_ended_and_only_with_the_block():
    with ended_with_this() as watch:
        watch(os.getpgrp())  # this very test goes on
        other = subprocess.Popen(["sleep", "600"], start_new_session=True)
        watch(other.pid)
        time.sleep(0.2)
        assert other.poll() is None
    assert other.wait(10) == -signal.SIGKILL


def _alive(process):
    try:
        return "Z" not in Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return False


def _ended(processes, seconds=15):
    until = time.monotonic() + seconds
    while left := [each for each in processes if _alive(each)]:
        assert time.monotonic() < until, f"still there: {left}"
        time.sleep(0.05)


def _printed(path, seconds=60):
    """Wait for the numbers a running notebook prints."""
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        if path.is_file() and path.stat().st_size:
            for cell in nbformat.read(path, as_version=4).cells:
                for output in cell.get("outputs", ()):
                    return [int(word) for word in output["text"].split()]
        time.sleep(0.1)
    raise AssertionError("the notebook printed nothing")


def test_kernels_are_imported_first_though_papermill_loads_its_engine_meanwhile():
    code = "import workbench.reporting.kernels, papermill.engines as made; " + (
        "made.papermill_engines.get_engine('workbench').execute_notebook"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
