"""The engine that papermill finds by its entry point: ``papermill --engine workbench``."""

from typing import Any


class WorkbenchEngine:
    """Runs a notebook as a report's run does, and keeps what ran so far at less cost."""

    # why within: papermill loads this while it is imported itself, before it has anything to give

    @staticmethod
    def execute_notebook(nb: Any, kernel_name: str, **asked: Any) -> Any:
        """Execute a notebook whose parameters papermill has put in."""
        from workbench.reporting.kernels import execute

        return execute(nb, kernel_name, **asked)

    @staticmethod
    def nb_kernel_name(nb: Any, name: str | None = None) -> Any:
        """Return the kernel a notebook asks for."""
        from papermill.utils import nb_kernel_name

        return nb_kernel_name(nb, name)

    @staticmethod
    def nb_language(nb: Any, language: str | None = None) -> Any:
        """Return the language a notebook is written in."""
        from papermill.utils import nb_language

        return nb_language(nb, language)
