"""How a report's notebook is executed: papermill, with an engine that tells where it is.

The engine is registered with papermill by entry point, so ``papermill --engine workbench`` runs a
notebook as a report's run does.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable, Mapping
from typing import Any

from jupyter_client.manager import AsyncKernelManager
from papermill.clientwrap import PapermillNotebookClient
from papermill.engines import NBClientEngine, NotebookExecutionManager, papermill_engines
from papermill.log import logger

ENGINE = "workbench"
OnCell = Callable[[int, int], None]


class WorkbenchEngine(NBClientEngine):
    """Papermill's own engine, with an environment for the kernel and a call before each cell."""

    @classmethod
    def execute_managed_notebook(
        cls,
        nb_man: NotebookExecutionManager,
        kernel_name: str,
        *,
        kernel_env: Mapping[str, str] | None = None,
        on_cell: OnCell | None = None,
        start_timeout: int = 60,
        execution_timeout: int | None = None,
        **_: Any,
    ) -> None:
        """Execute a notebook whose parameters papermill has put in."""
        if on_cell is not None:
            _tell(nb_man, on_cell)
        with tempfile.TemporaryDirectory(prefix="wb-") as folder:
            # why: what passes between kernel and run is private; sockets in a folder of mode 0700
            # are, ports on the loopback are open to every user of the machine
            manager = AsyncKernelManager(
                kernel_name=kernel_name,
                transport="ipc",
                ip=os.path.join(folder, "k"),
                connection_file=os.path.join(folder, "kernel.json"),
            )
            client = PapermillNotebookClient(
                nb_man,
                km=manager,
                timeout=execution_timeout,
                startup_timeout=start_timeout,
                kernel_name=kernel_name,
                log=logger,
            )
            client.owns_km = True  # it shuts down what it started
            client.execute(env={**os.environ, **(kernel_env or {})})


def _tell(nb_man: NotebookExecutionManager, on_cell: OnCell) -> None:
    original = nb_man.cell_start

    def cell_start(cell: Any, cell_index: int | None = None, **kwargs: Any) -> None:
        on_cell((cell_index or 0) + 1, len(nb_man.nb.cells))
        original(cell, cell_index, **kwargs)

    nb_man.cell_start = cell_start


papermill_engines.register(ENGINE, WorkbenchEngine)
