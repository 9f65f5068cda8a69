"""Kernels that notebooks run in: this Python, with private sockets and a log of its own."""

import asyncio
import contextlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
import uuid
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from queue import Empty
from typing import Any

from jupyter_client.asynchronous.client import AsyncKernelClient
from jupyter_client.channels import AsyncZMQSocketChannel
from jupyter_client.kernelspec import NATIVE_KERNEL_NAME, KernelSpec
from jupyter_client.manager import AsyncKernelManager
from jupyter_client.provisioning.local_provisioner import LocalProvisioner
from papermill.clientwrap import PapermillNotebookClient
from papermill.engines import NotebookExecutionManager
from papermill.iorw import papermill_io
from papermill.log import logger
from traitlets import Type

from workbench.reporting.forking import ForkServer, Watch, alive, ended_with_this
from workbench.store.durable import private_file
from workbench.store.keys.sources import offered, without_keys

OnCell = Callable[[int, int], None]
_SOCKETS = "wb-"
_LAUNCHER = [sys.executable, "-m", "ipykernel_launcher"]
_NO_HISTORY = ["--HistoryManager.enabled=False"]  # a file that runs would wait for each other for
_POLL_SECONDS = 0.01
_OUTPUT_SECONDS = 60  # after a cell's reply: what it printed may take longer to arrive
_MISSED_SECONDS = 0.05  # after the reply: nobody was listening yet when the kernel said it was idle


class Kernels(AsyncKernelManager):
    """Starts ``python3`` as the Python this runs in, whatever else is registered by that name.

    Attributes
    ----------
    server : ForkServer or None
        Where kernels of this Python are forked from, where that is possible.
    started : callable
        Told the process group of a kernel that was started.
    arrived : callable
        Told the bytes of each message of a kernel's outputs; says whether to read on.
    """

    server: ForkServer | None = None
    started: Callable[[int], None] = staticmethod(lambda _: None)
    arrived: Callable[[int], bool] = staticmethod(lambda _: True)

    def process(self) -> int | None:
        """Return the process of the kernel that was started, if one was."""
        return getattr(self.provisioner, "pid", None)

    def client(self, **kwargs: Any) -> AsyncKernelClient:  # type: ignore[override]  # why: as there
        """Return a client that does not wait longer than it must."""
        self.client_factory = _Client
        client = super().client(**kwargs)
        client.iopub_channel.arrived = self.arrived
        return client

    @property
    def kernel_spec(self) -> KernelSpec | None:
        """How a kernel is started."""
        if self.kernel_name != NATIVE_KERNEL_NAME:
            return super().kernel_spec
        command = [*_LAUNCHER, "-f", "{connection_file}", *_NO_HISTORY]
        return KernelSpec(argv=command, display_name="Python 3", language="python")

    async def _async_pre_start_kernel(self, **kw: Any) -> tuple[list[str], dict[str, Any]]:
        if self.kernel_name == NATIVE_KERNEL_NAME and self.provisioner is None:
            self.kernel_id = self.kernel_id or str(uuid.uuid4())
            self.provisioner = _Provisioner(
                kernel_id=self.kernel_id, kernel_spec=self.kernel_spec, parent=self
            )
        return await super()._async_pre_start_kernel(**kw)

    pre_start_kernel = _async_pre_start_kernel

    async def _async_launch_kernel(self, kernel_cmd: list[str], **kw: Any) -> None:
        await super()._async_launch_kernel(kernel_cmd, **kw)
        if isinstance(self.provisioner, LocalProvisioner) and self.provisioner.pgid is not None:
            self.started(self.provisioner.pgid)

    _launch_kernel = _async_launch_kernel

    async def _async_wait(self, pollinterval: float = 0.1) -> None:
        await super()._async_wait(min(pollinterval, _POLL_SECONDS))


class _Provisioner(LocalProvisioner):
    """Forks a kernel where there is a process to fork it from."""

    async def launch_kernel(self, cmd: list[str], **kwargs: Any) -> Any:
        server = self.parent.server if isinstance(self.parent, Kernels) else None
        forked = None
        if server is not None:
            output = kwargs["stdout"].fileno() if "stdout" in kwargs else None
            folder = kwargs.get("cwd") or str(Path.cwd())
            forked = server.kernel(cmd[len(_LAUNCHER) :], kwargs["env"], folder, output)
        if forked is None:
            return await super().launch_kernel(cmd, **kwargs)
        self.process = forked  # type: ignore[assignment]  # why: it is used as a Popen is
        self.pid = self.pgid = forked.pid
        return self.connection_info


class _Outputs(AsyncZMQSocketChannel):
    """Counts what a kernel prints before it is read."""

    arrived: Callable[[int], bool]
    socket: Any

    async def _recv(  # type: ignore[override]  # why: as in the class it extends
        self, **kwargs: Any
    ) -> dict[str, Any]:
        frames = await self.socket.recv_multipart(copy=False, **kwargs)
        if not self.arrived(sum(map(len, frames))):
            await asyncio.Event().wait()  # the kernel was killed; whoever waits is told so
        _, parts = self.session.feed_identities([frame.bytes for frame in frames])
        message: dict[str, Any] = self.session.deserialize(parts)
        return message


class _Client(AsyncKernelClient):
    """Takes a kernel for ready as soon as it is."""

    iopub_channel_class = Type(_Outputs)

    async def wait_for_ready(self, timeout: float | None = None) -> None:
        """Wait until the kernel has answered and said that it is idle.

        The client it extends waits further until nothing came for 0.2 s.
        """
        until = time.monotonic() + (timeout or float("inf"))
        while time.monotonic() < until:
            self.kernel_info()
            with contextlib.suppress(Empty):  # it is starting, or did not know yet who listens
                reply = await self.get_shell_msg(timeout=1)
                await self._idle_after(reply["parent_header"]["msg_id"])
                self._handle_kernel_info_reply(reply)
                return
            if not await self.is_alive():
                raise RuntimeError("the kernel died before it was ready")
        raise RuntimeError(f"the kernel was not ready within {timeout} s")

    async def _idle_after(self, asked: str) -> None:
        idle = False
        while not idle:
            message = await self.get_iopub_msg(timeout=_MISSED_SECONDS)
            state = message["content"].get("execution_state")
            idle = state == "idle" and message["parent_header"].get("msg_id") == asked


@contextlib.contextmanager
def _sockets() -> Iterator[Path]:
    """Give a folder for the sockets between run and kernel, and clear what dead runs left.

    What passes there is private: sockets in a folder of mode 0700 are, ports on the loopback are
    open to every user of the machine. The folder is temporary because its path must be short.
    """
    for left in Path(tempfile.gettempdir()).glob(f"{_SOCKETS}*-*"):
        process = left.name.removeprefix(_SOCKETS).partition("-")[0]
        with contextlib.suppress(OSError):
            if process.isdigit() and left.stat().st_uid == os.getuid() and not alive(int(process)):
                shutil.rmtree(left, ignore_errors=True)
    with tempfile.TemporaryDirectory(
        prefix=f"{_SOCKETS}{os.getpid()}-", ignore_cleanup_errors=True
    ) as folder:
        yield Path(folder)


@contextlib.contextmanager
def _output(log: Path | None) -> Iterator[dict[str, Any]]:
    """Give the output of a kernel's process: a private file."""
    if log is None:
        yield {}
        return
    with private_file(log) as file:
        yield {"stdout": file, "stderr": subprocess.STDOUT}


class _Manager(NotebookExecutionManager):
    """Writes the notebook before each cell and after it, without checking and indenting it.

    Papermill writes it in full when all is done.
    """

    on_cell: OnCell | None = None

    def save(self, **kwargs: Any) -> None:
        """Write what ran so far."""
        self.nb: Any = kwargs.get("nb") or self.nb
        if self.output_path:
            papermill_io.write(json.dumps(self.nb, ensure_ascii=False), self.output_path)
        self.last_save_time = self.now()

    def cell_start(self, cell: Any, cell_index: int | None = None, **kwargs: Any) -> None:
        """Tell of a cell before it runs."""
        if self.on_cell is not None:
            self.on_cell((cell_index or 0) + 1, len(self.nb.cells))
        super().cell_start(cell, cell_index, **kwargs)


def execute(
    nb: Any,
    kernel_name: str,
    output_path: str | None = None,
    progress_bar: Any = True,
    log_output: bool = False,
    autosave_cell_every: int = 30,
    *,
    kernel_env: Mapping[str, str] | None = None,
    kernel_log: Path | None = None,
    kernel_folder: Path | None = None,
    on_cell: OnCell | None = None,
    start_timeout: int = 60,
    execution_timeout: int | None = None,
    watch: Watch | None = None,
    server: ForkServer | None = None,
    **_: Any,
) -> Any:
    """Execute a notebook whose parameters papermill has put in.

    Parameters
    ----------
    kernel_env : mapping, optional
        What to add to the kernel's environment.
    kernel_log : Path, optional
        Where the kernel's process writes what it says; else where this process does. Rows may
        be quoted there, so a report's run keeps it private.
    kernel_folder : Path, optional
        Where the kernel stands: what a cell writes without saying where lies there.
    on_cell : callable, optional
        Told number and count before each cell.
    watch : Watch, optional
        What the run may take.
    server : ForkServer, optional
        Where kernels of this Python are forked from; else they are started.
    """
    notebook = _Manager(nb, output_path, log_output, progress_bar, autosave_cell_every)
    notebook.on_cell = on_cell
    notebook.notebook_start()
    try:
        with (
            _sockets() as folder,
            offered(folder) as key,
            _output(kernel_log) as output,
            ended_with_this() as watch_group,
        ):
            kernels = Kernels(
                kernel_name=kernel_name,
                transport="ipc",
                ip=str(folder / "k"),
                connection_file=str(folder / "kernel.json"),
            )
            kernels.server, kernels.started = server, watch_group
            if watch:
                kernels.arrived = watch.arrived
            client = PapermillNotebookClient(
                notebook,
                km=kernels,
                timeout=execution_timeout,
                timeout_func=watch.seconds_for if watch else None,
                iopub_timeout=_OUTPUT_SECONDS,
                startup_timeout=start_timeout,
                kernel_name=kernel_name,
                log=logger,
            )
            client.owns_km = True  # it shuts down what it started
            stands = {"cwd": str(kernel_folder)} if kernel_folder else {}
            env = {**without_keys(), **key, **(kernel_env or {})}
            watched = watch.over(kernels.process) if watch else contextlib.nullcontext()
            with watched:
                client.execute(env=env, **output, **stands)
    finally:
        notebook.cleanup_pbar()
        notebook.notebook_complete()
    return notebook.nb
