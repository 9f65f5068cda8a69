"""The warmed process that kernels are forked from: libraries imported, nothing of anybody's inside.

It is started by `workbench.reporting.warm`, which says when it is used and how long it lives. It
imports what reports import, draws one figure, and then waits. For a kernel it forks at once: only
the child reads what it is to run, in which environment, so that this process never holds a name,
a key or a row. A kernel ends with the run that asked for it, and with this process.
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
import select
import signal
import socket
import sys
import tempfile
import threading
import time
import traceback
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from workbench.reporting.conditions import stamp
from workbench.reporting.light import import_light

FORK, STATUS = b"F", b"S"  # wishes
KERNEL, ENDED = "kernel", "ended"  # answers, each with a number
_LOOK_SECONDS = 5.0
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
    "tornado.platform.asyncio",
)
_OURS = ("catalog", "figures", "periods", "privacy", "settings", "store", "workspace")
_LEFT_OUT = "workbench.privacy.models"  # what trains is imported by those who train: it is large


def main(words: Sequence[str]) -> None:
    """Serve kernels: ``python -m workbench.reporting.forkserver LISTENER LOCK NAME STAMP MINUTES``.

    Parameters
    ----------
    words : sequence of str
        Descriptors of the listening socket and of the lock, both inherited; the socket's path;
        the conditions this was started under; how long to wait for a run.
    """
    listener, lock = socket.socket(fileno=int(words[0])), int(words[1])
    if os.fork():  # whoever started this must not have to wait for its end
        os._exit(0)
    _end_with_nobody()
    del sys.path[0]  # the folder this was started in, as ipykernel does
    os.chdir("/")
    warm_up()
    if stamp() != words[3]:  # the package changed while it was imported
        return
    Server(listener, lock, Path(words[2]), words[3], float(words[4]) * 60).serve()


def warm_up() -> None:
    """Import what reports import, and do once what is slow the first time."""
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
    gc.collect()
    gc.freeze()  # why: a collection in a kernel would copy every page it looks at


def _rehearse() -> None:
    """Draw a figure, since plotly picks its renderer when it first does; compile a question."""
    import duckdb
    import ibis
    import plotly.graph_objects as go

    from workbench.store.engine import Store

    with tempfile.TemporaryDirectory() as folder:  # no store of anybody's: an engine without data
        Store(Path(folder)).connect().close()
    go.Figure(go.Bar(x=["a"], y=[1], error_y={"array": [1]})).to_plotly_json()
    table = ibis.table({"a": "string", "b": "int64", "c": "timestamp"}, name="t")
    asked = table.filter(table.b > 0).group_by(table.a, table.c.truncate("M"))
    ibis.to_sql(asked.agg(n=table.b.nunique(), s=table.b.sum()), dialect="duckdb")
    # why: an engine has threads, which do not survive a fork; a kernel gets a new one
    duckdb.default_connection().close()


class Server:
    """Waits for runs and forks their kernels.

    Parameters
    ----------
    listener : socket
    lock : int
        Descriptor of the lock that says this server lives.
    path : Path
        Where the listener is bound.
    conditions : str
        The stamp of what was imported and how.
    idle_seconds : float
        How long it waits for a run before it ends.
    """

    def __init__(
        self, listener: socket.socket, lock: int, path: Path, conditions: str, idle_seconds: float
    ) -> None:
        self._listener, self._lock, self._path = listener, lock, path
        self._conditions, self._idle_seconds = conditions, idle_seconds
        self._bound = path.stat().st_ino
        self._kernels: dict[int, tuple[socket.socket, int, int]] = {}  # by pidfd and by connection
        self._poll = select.poll()
        self._poll.register(listener, select.POLLIN)

    def serve(self) -> None:
        """Serve until nobody came for a while, or the package or the folder is another."""
        used = time.monotonic()
        while self._kernels or time.monotonic() - used < self._idle_seconds:
            events = self._poll.poll(_LOOK_SECONDS * 1000)
            for descriptor, _ in events:
                if descriptor == self._listener.fileno():
                    self._accept()
                elif descriptor in self._kernels:
                    self._ended(*self._kernels[descriptor])
            if events or self._kernels:
                used = time.monotonic()
            elif not self._current():
                break
        if self._is_bound():
            self._path.unlink()

    def _current(self) -> bool:
        return self._is_bound() and stamp() == self._conditions

    def _is_bound(self) -> bool:
        return self._path.exists() and self._path.stat().st_ino == self._bound

    def _accept(self) -> None:
        connection, _ = self._listener.accept()
        connection.settimeout(5)
        wish = b""
        with contextlib.suppress(OSError):  # whoever came has gone
            wish = connection.recv(1)
        if wish == FORK and _may_fork():
            self._fork(connection)
            return
        if wish == STATUS:
            times = os.times()
            cpu = times.user + times.system + times.children_user + times.children_system
            facts = {"pid": os.getpid(), "kernels": len(self._kernels) // 2, "cpu_seconds": cpu}
            with contextlib.suppress(OSError):
                connection.sendall(json.dumps(facts).encode() + b"\n")
        connection.close()

    def _fork(self, connection: socket.socket) -> None:
        server = os.getpid()
        process = os.fork()
        if process == 0:
            try:
                self._become_kernel(connection, server)
            except BaseException:  # noqa: BLE001  # why: a forked child must not return into the loop
                traceback.print_exc()
            finally:
                os._exit(1)
        watched = os.pidfd_open(process)
        kernel = (connection, process, watched)
        self._kernels |= {watched: kernel, connection.fileno(): kernel}
        self._poll.register(watched, select.POLLIN)
        self._poll.register(connection, select.POLLRDHUP)  # not what the kernel is yet to read

    def _become_kernel(self, connection: socket.socket, server: int) -> None:
        _end_with(server)
        self._listener.close()
        os.close(self._lock)
        for other, _, watched in {each[1]: each for each in self._kernels.values()}.values():
            other.close()
            os.close(watched)
        run_kernel(connection)

    def _ended(self, connection: socket.socket, process: int, watched: int) -> None:
        """Reap a kernel, which has ended by itself or whose run is gone, and all it started."""
        for kill in (os.killpg, os.kill):
            with contextlib.suppress(ProcessLookupError):
                kill(process, signal.SIGKILL)
        _, status = os.waitpid(process, 0)
        with contextlib.suppress(OSError):  # its run is gone
            connection.sendall(f"{ENDED} {os.waitstatus_to_exitcode(status)}\n".encode())
        for descriptor in (watched, connection.fileno()):
            self._poll.unregister(descriptor)
            del self._kernels[descriptor]
        os.close(watched)
        connection.close()


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


def run_kernel(connection: socket.socket) -> None:
    """Be the kernel a run asks for, and end."""
    request, files = receive(connection)
    os.setsid()
    for target, file in enumerate(files):
        os.dup2(file, target)
        os.close(file)
    os.environ.clear()
    os.environ.update(request["environment"])
    time.tzset()
    os.chdir(request["folder"])
    connection.sendall(f"{KERNEL} {os.getpid()}\n".encode())
    connection.close()
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


def receive(connection: socket.socket) -> tuple[Mapping[str, Any], list[int]]:
    """Return a request and the descriptors that came with it: its input, output and errors."""
    connection.settimeout(30)
    first, files, _, _ = socket.recv_fds(connection, 4, 3)
    size = int.from_bytes(first, "big")
    content = b""
    while len(content) < size:
        part = connection.recv(size - len(content))
        if not part:
            raise EOFError("whoever asked for a kernel has gone")
        content += part
    request: dict[str, Any] = json.loads(content)
    return request, files


def _end_with(parent: int) -> None:
    """Have the system end this process when its parent ends."""
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    if os.getppid() != parent:
        os._exit(1)


def _end_with_nobody() -> None:
    os.setsid()
    signal.signal(signal.SIGHUP, signal.SIG_IGN)


if __name__ == "__main__":
    main(sys.argv[1:])
