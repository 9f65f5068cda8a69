"""Kernels of a run: the process they are forked from, what they may take, and their end with it.

Where forking is safe, a block of `forking` has a process at hand that imports what reports import
while the run opens its data (`workbench.reporting.forkserver`); elsewhere kernels are started the
plain way. A process group that was started is watched by a shell on a pipe whose other end only the
run holds: when that closes, by the run's end or its death, the shell ends the group.
"""

from __future__ import annotations

import contextlib
import importlib
import json
import os
import select
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from workbench.settings import Settings
from workbench.store.durable import private_file
from workbench.store.keys.sources import without_keys

if TYPE_CHECKING:
    from workbench.reporting.definitions.definition import Limits

# what jsonschema checks formats with, and papermill reads HDFS with
SPARED = ("rfc3987_syntax", "rfc3986_validator", "isoduration", "pyarrow")
_importing = threading.Lock()


def import_light(name: str, without: Sequence[str] = SPARED) -> Any:
    """Import a package as if others that it can do without were missing.

    ``nbformat`` imports ``jsonschema``, which compiles 40 grammars of international addresses for
    a check that no notebook asks for: half the time of the import. It does without when the
    grammars' package is missing. So does ``papermill`` without ``pyarrow``, which it uses for
    notebooks on HDFS, and which brings NumPy along.

    Parameters
    ----------
    name : str
        What to import.
    without : sequence of str
        What is not there meanwhile, unless it was imported before.
    """
    if name in sys.modules:
        return importlib.import_module(name)  # which waits for another thread that is at it
    with _importing:
        hidden = [each for each in without if each not in sys.modules]
        sys.modules.update(dict.fromkeys(hidden))  # type: ignore[arg-type]  # why: as if missing
        try:
            return importlib.import_module(name)
        finally:
            for each in hidden:
                del sys.modules[each]


_WAIT_SECONDS = 60  # for a process that is importing, on a machine that is busy
# A run that dies before it has named a group has started nothing
_WATCH = 'read -r group || exit 0; while read -r more; do :; done; kill -s KILL -- "-$group"'
_held: list[ForkServer] = []  # the one there is, once for each block that is in it
_one = threading.Lock()


@contextlib.contextmanager
def forking(settings: Settings) -> Iterator[ForkServer | None]:
    """Have a process to fork kernels from; a block within another shares the other's.

    None where a setting says so, and where forking is not safe: on other systems than Linux.
    """
    safe = settings.fork_kernels and sys.platform == "linux"
    if not safe or not settings.path("private").is_dir():
        yield None
        return
    with _one:
        _held.append(_held[0] if _held else ForkServer(settings))
        server = _held[0]
    try:
        yield server
    finally:
        with _one:
            _held.remove(server)
            if not _held:
                server.close()


class ForkServer:
    """The run's side of the process that its kernels are forked from.

    Attributes
    ----------
    pid : int
    """

    def __init__(self, settings: Settings) -> None:
        self._requests, theirs = socket.socketpair()
        log = settings.path("private") / "kernels.log"
        self._watched = contextlib.ExitStack()
        watch = self._watched.enter_context(ended_with_this())
        with theirs, private_file(log) as said:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "workbench.reporting.forkserver"],
                stdin=theirs.fileno(),
                stdout=said,
                stderr=said,
                cwd=settings.path("private"),  # nothing to import lies there
                env={**without_keys(), "WORKBENCH_WORKSPACE": str(settings.root)},
                start_new_session=True,  # an interrupt is the run's to answer
            )
        self.pid = self._process.pid
        watch(self.pid)

    def kernel(
        self, words: Sequence[str], variables: Mapping[str, str], folder: str, output: int | None
    ) -> Forked | None:
        """Return a kernel just forked, or None when it has to be started the plain way.

        Parameters
        ----------
        words : sequence of str
            The words after ``python -m ipykernel_launcher``.
        variables : mapping
            Its whole environment.
        folder : str
            Where it stands.
        output : int or None
            Descriptor of the file it writes to; this process's own output where there is none.
        """
        request = {"words": list(words), "environment": dict(variables), "folder": folder}
        ours, theirs = socket.socketpair()
        # why suppressed: the process has ended, and its log says why
        with ours, contextlib.suppress(OSError), Path(os.devnull).open() as nothing:
            with theirs:
                outputs = [1, 2] if output is None else [output, output]
                files = [theirs.fileno(), nothing.fileno(), *outputs]
                socket.send_fds(self._requests, [b"K"], files)
            ours.settimeout(_WAIT_SECONDS)
            ours.sendall(json.dumps(request).encode() + b"\n")
            with ours.makefile() as lines:
                if told := lines.readline():
                    return Forked(int(told))
        return None

    def close(self) -> None:
        """End the process, and with it its kernels."""
        self._requests.close()
        with contextlib.suppress(subprocess.TimeoutExpired):  # it still imports
            self._process.wait(0.1)
        self._watched.close()
        self._process.wait()


class Forked:
    """A forked kernel, looked after as a `subprocess.Popen` is.

    Attributes
    ----------
    pid : int
    returncode : int or None
        None while it lives; how it ended, only its parent knows.
    """

    stdin = stdout = stderr = None  # as of a Popen without pipes

    def __init__(self, pid: int) -> None:
        self.pid = pid
        self.returncode: int | None = None
        self._watched = os.pidfd_open(pid)

    def poll(self) -> int | None:
        """Return None while it lives."""
        return self.wait(0)

    def wait(self, timeout: float | None = None) -> int | None:
        """Wait for its end; return None when time was up first."""
        if self.returncode is None:
            poll = select.poll()
            poll.register(self._watched, select.POLLIN)
            if poll.poll(None if timeout is None else timeout * 1000):
                os.close(self._watched)
                self.returncode = 0
        return self.returncode

    def send_signal(self, number: int) -> None:
        """Send it a signal."""
        if self.poll() is None:
            signal.pidfd_send_signal(self._watched, number)

    def kill(self) -> None:
        """End it now."""
        self.send_signal(signal.SIGKILL)

    def terminate(self) -> None:
        """Ask it to end."""
        self.send_signal(signal.SIGTERM)


def alive(process: int) -> bool:
    """Return whether a process is there, whoever's it is."""
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except OSError:  # somebody else's
        return True
    return True


@contextlib.contextmanager
def ended_with_this() -> Iterator[Callable[[int], None]]:
    """Yield a function that is told a process group, once; it ends with this block or process."""
    held: list[int] = []
    watching: list[subprocess.Popen[bytes]] = []

    def watch(group: int) -> None:
        if group == os.getpgrp() or held:  # ours would be ended too
            return
        reading, writing = os.pipe()  # neither is inherited by what is started
        held.append(writing)
        watching.append(
            subprocess.Popen(
                ["/bin/sh", "-c", _WATCH],
                stdin=reading,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,  # of a group that has ended already
                cwd="/",
                env=without_keys(),
                start_new_session=True,  # what is sent to the run's group is not for it
            )
        )
        os.close(reading)
        os.write(writing, f"{group}\n".encode())

    try:
        yield watch
    finally:
        for writing in held:
            os.close(writing)
        for each in watching:
            each.wait()


_LOOK_SECONDS = 0.25
_MEGABYTE = 1_000_000


class Watch:
    """What one run of a notebook may take.

    Attributes
    ----------
    beyond : str
        The limit for which its kernel was killed, if it was, in words.
    """

    def __init__(self, limits: Limits) -> None:
        self.limits, self.beyond = limits, ""
        self._end = time.monotonic() + limits.run_seconds
        self._cell_end = self._end
        self._output_bytes = 0
        self._kernel: Callable[[], int | None] = lambda: None

    def seconds_for(self, _cell: Any) -> float:
        """Return how long a cell that starts now may take."""
        self._cell_end = min(time.monotonic() + self.limits.cell_seconds, self._end)
        return max(self._cell_end - time.monotonic(), 0.001)  # why: none would mean no deadline

    def late(self) -> str:
        """Return which deadline a cell that was given up for its time has missed."""
        if self.beyond:
            return self.beyond
        if time.monotonic() < self._cell_end - _LOOK_SECONDS:  # a wait may end a moment early
            return "the cell was done, but what it printed did not arrive; let it print less"
        if self._cell_end == self._end:
            return f"the notebook took longer than run_seconds: {self.limits.run_seconds}"
        return f"a cell took longer than cell_seconds: {self.limits.cell_seconds}"

    def arrived(self, size_bytes: int) -> bool:
        """Count what a kernel sent; kill it once that is more than it may. Return if it goes on."""
        self._output_bytes += size_bytes
        if self._output_bytes > self.limits.output_mb * _MEGABYTE and not self.beyond:
            self._kill(f"its cells printed more than output_mb: {self.limits.output_mb}")
        return not self.beyond

    @contextlib.contextmanager
    def over(self, kernel: Callable[[], int | None]) -> Iterator[None]:
        """Kill a kernel that takes more memory than it may, children included.

        Parameters
        ----------
        kernel : callable
            Returns the kernel's process, or None while there is none.
        """
        self._kernel = kernel
        if self.limits.memory_mb is None:
            yield
            return
        done = threading.Event()
        look = threading.Thread(target=self._look, args=(done,), daemon=True)
        look.start()
        try:
            yield
        finally:
            done.set()
            look.join()

    def _look(self, done: threading.Event) -> None:
        import psutil

        allowed = (self.limits.memory_mb or 0) * _MEGABYTE
        while not done.wait(_LOOK_SECONDS):
            with contextlib.suppress(psutil.Error):  # it has just ended
                if sum(each.memory_info().rss for each in self._family()) > allowed:
                    self._kill(f"it took more than memory_mb: {self.limits.memory_mb}")
                    return

    def _kill(self, why: str) -> None:
        import psutil

        self.beyond = why
        with contextlib.suppress(psutil.NoSuchProcess):
            for each in self._family():
                with contextlib.suppress(psutil.NoSuchProcess):
                    each.kill()

    def _family(self) -> list[Any]:
        import psutil

        if (process := self._kernel()) is None:
            return []
        root = psutil.Process(process)
        return [root, *root.children(recursive=True)]
