"""Warm kernels: forked from a process that has imported what reports import.

The process is started by the first run that may use it, belongs to one workspace and the
`conditions` of that run, listens on a socket in the private folder, and ends when no run came for
some minutes, or when the package changes. Where forking is not possible, kernels are started as
everywhere.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import select
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from workbench.errors import SettingsError
from workbench.reporting import conditions
from workbench.reporting.forkserver import FORK, KERNEL, STATUS
from workbench.settings import Settings, find_settings, load_settings

_WAIT_SECONDS = 60  # for a process that is importing, on a machine that is busy


@dataclass(frozen=True)
class Warm:
    """Where a workspace's warmed processes are found.

    Attributes
    ----------
    folder : Path
        For their sockets, in the private folder.
    minutes : float
        How long one waits for another run.
    """

    folder: Path
    minutes: float

    @classmethod
    def of(cls, settings: Settings) -> Warm:
        """Return where the warmed processes of a workspace are."""
        return cls(settings.path("private") / "warm", settings.warm_kernel_minutes)

    @classmethod
    def here(cls) -> Warm | None:
        """Return where those of the workspace around here are, if there is one."""
        try:
            settings = load_settings(find_settings())
        except SettingsError:  # papermill may run a notebook of no workspace
            return None
        return cls.of(settings) if settings.path("private").is_dir() else None

    def ready(self) -> str | None:
        """Have a process at hand, or on its way; return the name of its socket.

        None where forking is not possible: another system than Linux, or minutes set to 0.
        """
        if sys.platform != "linux" or not hasattr(os, "pidfd_open") or self.minutes <= 0:
            return None
        self.folder.mkdir(mode=0o700, exist_ok=True)
        name = conditions.stamp()
        lock = os.open(self.folder / f"{name}.lock", os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:  # it lives
            return name
        else:
            return name if self._start(name, lock) else None
        finally:
            os.close(lock)

    def _start(self, name: str, lock: int) -> bool:
        self._clear()
        path = self.folder / name
        path.unlink(missing_ok=True)
        with socket.socket(socket.AF_UNIX) as listener, _short(self.folder) as short:
            listener.bind(f"{short}/{name}")
            listener.listen(64)
            words = [str(each) for each in (listener.fileno(), lock, path, name, self.minutes)]
            log = os.open(self.folder / "server.log", os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
            try:
                # it leaves a child behind that nobody has to wait for
                done = subprocess.run(
                    [sys.executable, "-m", "workbench.reporting.forkserver", *words],
                    pass_fds=(listener.fileno(), lock),
                    env=conditions.environment(),
                    cwd=self.folder,  # nothing to import lies there
                    stdin=subprocess.DEVNULL,
                    stdout=log,
                    stderr=log,
                    check=False,  # it says why in its log, and kernels are started the plain way
                    start_new_session=True,
                )
            finally:
                os.close(log)
        return done.returncode == 0

    def _clear(self) -> None:
        """Remove what processes of other conditions left that live no longer."""
        for path in self.folder.glob("*.lock"):
            with path.open() as lock, contextlib.suppress(BlockingIOError):  # it lives
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                path.with_suffix("").unlink(missing_ok=True)
                path.unlink()

    def kernel(
        self,
        words: Sequence[str],
        variables: Mapping[str, str],
        stands: str | None,
        files: Sequence[int],
    ) -> Kernel | None:
        """Return a kernel just forked, or None when it has to be started the plain way.

        Parameters
        ----------
        words : sequence of str
            The words after ``python -m ipykernel_launcher``.
        variables : mapping
            Its whole environment.
        stands : str or None
            The folder it stands in; this process's own where there is none.
        files : sequence of int
            Descriptors of its input, output and errors.
        """
        folder = stands or str(Path.cwd())
        request = {"words": list(words), "environment": dict(variables), "folder": folder}
        content = json.dumps(request).encode()
        for _ in range(2):  # the first may just have ended for want of runs
            name = self.ready()
            if name is None:
                return None
            connection = self._connected(name)
            with contextlib.suppress(OSError):  # it ended meanwhile
                connection.sendall(FORK)
                socket.send_fds(connection, [len(content).to_bytes(4, "big")], list(files))
                connection.sendall(content)
                word, _, process = _line(connection).partition(" ")
                if word == KERNEL:
                    return Kernel(int(process), connection)
            connection.close()
        return None

    def _connected(self, name: str) -> socket.socket:
        connection = socket.socket(socket.AF_UNIX)
        connection.settimeout(_WAIT_SECONDS)
        with _short(self.folder) as short:
            for _ in range(100):  # another run may be just about to bind it
                # why suppressed: an unconnected socket fails when it is used, and is told there
                with contextlib.suppress(FileNotFoundError, ConnectionRefusedError):
                    connection.connect(f"{short}/{name}")
                    break
                time.sleep(0.01)
        return connection

    def status(self) -> list[dict[str, Any]]:
        """Return what every living process of this workspace says of itself: pid, kernels, CPU."""
        found = []
        for path in sorted(self.folder.glob("*.lock")):
            with self._connected(path.stem) as connection, contextlib.suppress(OSError):
                connection.sendall(STATUS)
                if line := _line(connection):
                    found.append(json.loads(line))
        return found

    def stop(self) -> None:
        """End every process of this workspace, and with it its kernels."""
        for each in self.status():
            os.kill(each["pid"], signal.SIGTERM)
            _until_ended(each["pid"])


def _until_ended(process: int) -> None:
    with contextlib.suppress(ProcessLookupError):
        watched = os.pidfd_open(process)
        _readable(watched, _WAIT_SECONDS)
        os.close(watched)


def _readable(descriptor: int, seconds: float | None) -> bool:
    poll = select.poll()
    poll.register(descriptor, select.POLLIN)
    return bool(poll.poll(None if seconds is None else seconds * 1000))


class Kernel:
    """A forked kernel, looked after as a `subprocess.Popen` is.

    Attributes
    ----------
    pid : int
    returncode : int or None
    """

    stdin = stdout = stderr = None  # as of a Popen without pipes

    def __init__(self, process: int, connection: socket.socket) -> None:
        self.pid, self.returncode = process, None
        self._connection = connection  # closing it ends the kernel

    returncode: int | None

    def poll(self) -> int | None:
        """Return how it ended, or None while it lives."""
        return self.wait(0) if self.returncode is None else self.returncode

    def wait(self, timeout: float | None = None) -> int | None:
        """Wait for its end; return how it ended, or None when time was up first."""
        if self.returncode is None:
            if not _readable(self._connection.fileno(), timeout):
                return None
            _, _, code = _line(self._connection).partition(" ")
            self.returncode = int(code) if code else -signal.SIGKILL  # with the warmed process
            self._connection.close()
        return self.returncode

    def send_signal(self, number: int) -> None:
        """Send a signal to it and to all it started."""
        if self.poll() is None:
            os.killpg(self.pid, number)

    def kill(self) -> None:
        """End it now."""
        self.send_signal(signal.SIGKILL)

    def terminate(self) -> None:
        """Ask it to end."""
        self.send_signal(signal.SIGTERM)


def _line(connection: socket.socket) -> str:
    """Return the next line, or an empty text at the end."""
    line = b""
    while not line.endswith(b"\n"):
        part = connection.recv(1)
        if not part:
            return ""
        line += part
    return line.decode()


@contextlib.contextmanager
def _short(folder: Path) -> Iterator[str]:
    """Give a short path of a folder: that of a socket may have 107 bytes only."""
    opened = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        yield f"/proc/self/fd/{opened}"
    finally:
        os.close(opened)
