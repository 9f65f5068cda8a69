"""The process a run's kernels are forked from: libraries imported, nothing of anybody's inside.

The run starts it (`workbench.reporting.forking`) and owns it: it ends when its standard
input, a socket to the run, does. It imports what reports import, draws one figure, and then waits.
For a kernel it forks at once: only the child reads what it is to run, in which environment, so that
this process never holds a name, a key or a row.
"""

from __future__ import annotations

import atexit
import contextlib
import ctypes
import gc
import importlib
import json
import os
import pkgutil
import signal
import socket
import sys
import tempfile
import threading
import time
import traceback
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from workbench.reporting.forking import import_light

FILES_AT_MOST = 4  # of a request: where it is read, and the kernel's input, output and errors
_PR_SET_PDEATHSIG = 1
_LIBRARIES = (
    "IPython.core.completerlib",
    "IPython.extensions.storemagic",
    "ibis.backends.duckdb",
    "ipykernel.kernelapp",
    "ipykernel.ipkernel",
    "ipykernel.zmqshell",
    "pandas",
    "pyarrow.dataset",
    "pytz",
    "sqlalchemy.dialects.sqlite",
    "tornado.platform.asyncio",
    "workbench.analytics.operations",
)
_OURS = (
    *("catalog", "figures", "periods", "settings", "workspace"),
    *("privacy", "privacy.engine", "privacy.grouping", "store", "store.reading"),
)
_LEFT_OUT = "workbench.privacy.models"  # what trains is imported by those who train: it is large


def serve() -> None:
    """Fork a kernel for each request of the run, and end with the run."""
    requests = socket.socket(fileno=os.dup(0))
    with Path(os.devnull).open() as nothing:
        os.dup2(nothing.fileno(), 0)
    del sys.path[0]  # the folder this was started in, as ipykernel does
    os.chdir("/")
    warm_up()
    signal.signal(signal.SIGCHLD, _reap)
    server = os.getpid()
    while True:
        word, files, _, _ = socket.recv_fds(requests, 1, FILES_AT_MOST)
        if not word:
            os._exit(0)  # without taking thousands of modules apart
        if _may_fork() and os.fork() == 0:
            requests.close()
            _be_kernel(server, files)
        for each in files:
            os.close(each)


def _reap(*_: object) -> None:
    with contextlib.suppress(ChildProcessError):
        while os.waitpid(-1, os.WNOHANG)[0]:
            pass


def warm_up() -> None:
    """Import what reports import, and do once what is slow the first time."""
    gc.disable()  # why: nearly all of it stays, and to look for what goes takes a quarter
    for name in _LIBRARIES:
        importlib.import_module(name)
    import_light("nbformat.v4")  # for plotly, which asks for it
    import_light("ipykernel.debugger", without=["debugpy"])  # nobody debugs the kernel of a run
    for part in _OURS:
        module = importlib.import_module(f"workbench.{part}")
        for found in pkgutil.iter_modules(getattr(module, "__path__", []), f"{module.__name__}."):
            if found.name != _LEFT_OUT:
                importlib.import_module(found.name)
    _rehearse()
    gc.freeze()  # why: a collection in a kernel would copy every page it looks at
    gc.set_threshold(50_000, 20, 100)  # why: what a report makes stays for its second or two
    gc.enable()


def _rehearse() -> None:
    """Draw a figure, since plotly picks its renderer when it first does; compile a question.

    Words and notes are read, for the kernels.
    """
    import duckdb
    import ibis
    import plotly.graph_objects as go

    from workbench.figures.language import LANGUAGES, spoken
    from workbench.privacy.columns import read
    from workbench.store.engine import Store

    read("")
    for code in LANGUAGES:
        spoken(code)
    with tempfile.TemporaryDirectory() as folder:  # no store of anybody's: an engine without data
        Store(Path(folder)).connect().close()
    go.Figure(go.Bar(x=["a"], y=[1], error_y={"array": [1]})).to_plotly_json()
    table = ibis.table({"a": "string", "b": "int64", "c": "timestamp"}, name="t")
    asked = table.filter(table.b > 0).group_by(table.a, table.c.truncate("M"))
    ibis.to_sql(asked.agg(n=table.b.nunique(), s=table.b.sum()), dialect="duckdb")
    # why: an engine has threads, which do not survive a fork; a kernel gets a new one
    duckdb.default_connection().close()


def _may_fork() -> bool:
    """Whether no thread is at work that a fork would cut off, holding its locks.

    Threads of Python forbid it. Those of libraries' allocators and of BLAS prepare for a fork by
    themselves, and sleep.
    """
    if threading.active_count() > 1:
        return False
    others = [each for each in Path("/proc/self/task").iterdir() if int(each.name) != os.getpid()]
    for _ in range(50):
        states = [(each / "stat").read_text().rpartition(")")[2].split()[0] for each in others]
        if all(state == "S" for state in states):
            return True
        time.sleep(0.01)
    return False


def _be_kernel(server: int, files: Sequence[int]) -> None:
    """Be the kernel the run asks for, and end with it; never return into the loop."""
    try:
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
        if os.getppid() == server:
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            _run_kernel(*files)
    except BaseException:  # noqa: BLE001  # why: as above
        traceback.print_exc()
    finally:
        os._exit(1)


def _run_kernel(asked: int, *files: int) -> None:
    os.setsid()
    with socket.socket(fileno=asked) as run, run.makefile() as lines:
        request: dict[str, Any] = json.loads(lines.readline())
        for target, file in enumerate(files):
            os.dup2(file, target)
            os.close(file)
        os.environ.clear()
        os.environ.update(request["environment"])
        time.tzset()
        os.chdir(request["folder"])
        run.sendall(f"{os.getpid()}\n".encode())
    _draw_anew()
    sys.argv = ["ipykernel_launcher", *request["words"]]
    from ipykernel.kernelapp import IPKernelApp

    application = IPKernelApp.instance(parent_handle=os.getppid())
    application.initialize(request["words"])  # type: ignore[no-untyped-call]  # why: as ipykernel
    application.start()  # type: ignore[no-untyped-call]  # why: does itself
    # why not its own end: now and then its threads wait for each other, seconds long
    atexit.unregister(application.close)
    application.reset_io()  # type: ignore[no-untyped-call]  # why: as above
    threading._shutdown()  # type: ignore[attr-defined]  # why: as at the end of any Python, but
    atexit._run_exitfuncs()  # without taking thousands of modules apart
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(0)


def _draw_anew() -> None:
    """Give this process random numbers of its own; ``random`` and ``uuid`` see to it themselves."""
    import duckdb
    import numpy as np

    np.random.seed()  # this is the generator libraries share
    duckdb.set_default_connection(duckdb.connect())


if __name__ == "__main__":
    serve()
