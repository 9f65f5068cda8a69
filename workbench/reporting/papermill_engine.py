"""The engine papermill finds by entry point: ``papermill --engine workbench``.

Papermill imports this while it is itself being imported, so it stands apart from what it calls.
"""

from __future__ import annotations

from typing import Any

from papermill.engines import NBClientEngine, NotebookExecutionManager

_OURS = (
    "kernel_env", "kernel_log", "on_cell", "start_timeout", "execution_timeout", "watch", "warm",
)  # fmt: skip


class WorkbenchEngine(NBClientEngine):
    """Runs a notebook as a report's run does; see `workbench.reporting.kernels.execute`."""

    @classmethod
    def execute_managed_notebook(
        cls, nb_man: NotebookExecutionManager, kernel_name: str, **options: Any
    ) -> None:
        """Execute a notebook whose parameters papermill has put in."""
        from workbench.reporting.kernels import execute
        from workbench.reporting.warm import Warm

        given = {name: value for name, value in options.items() if name in _OURS}
        if "warm" not in given:
            given["warm"] = Warm.here()
        execute(nb_man, kernel_name, **given)
