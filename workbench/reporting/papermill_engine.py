"""The engine papermill finds by entry point: ``papermill --engine workbench``.

Papermill imports this while it is itself being imported, so it stands apart from what it calls.
"""

import json
from typing import Any

from papermill.engines import NBClientEngine, NotebookExecutionManager
from papermill.iorw import papermill_io

_OURS = (
    "kernel_env", "kernel_log", "kernel_folder", "on_cell", "start_timeout", "execution_timeout",
    "watch", "server",
)  # fmt: skip


class _Manager(NotebookExecutionManager):
    """Writes the notebook before each cell and after it, without checking and indenting it.

    Papermill writes it in full when all is done.
    """

    def save(self, **kwargs: Any) -> None:
        """Write what ran so far."""
        self.nb: Any = kwargs.get("nb") or self.nb
        if self.output_path:
            papermill_io.write(json.dumps(self.nb, ensure_ascii=False), self.output_path)
        self.last_save_time = self.now()


class WorkbenchEngine(NBClientEngine):
    """Runs a notebook as a report's run does; see `workbench.reporting.kernels.execute`."""

    @classmethod
    def execute_notebook(
        cls,
        nb: Any,
        kernel_name: str,
        output_path: str | None = None,
        progress_bar: Any = True,
        log_output: bool = False,
        autosave_cell_every: int = 30,
        **options: Any,
    ) -> Any:
        """Execute a notebook as papermill's engines do, and keep what ran so far at less cost."""
        manager = _Manager(nb, output_path, log_output, progress_bar, autosave_cell_every)
        manager.notebook_start()
        try:
            cls.execute_managed_notebook(manager, kernel_name, log_output=log_output, **options)
        finally:
            manager.cleanup_pbar()
            manager.notebook_complete()
        return manager.nb

    @classmethod
    def execute_managed_notebook(
        cls, nb_man: NotebookExecutionManager, kernel_name: str, **options: Any
    ) -> None:
        """Execute a notebook whose parameters papermill has put in."""
        from workbench.reporting.kernels import execute

        given = {name: value for name, value in options.items() if name in _OURS}
        execute(nb_man, kernel_name, **given)
