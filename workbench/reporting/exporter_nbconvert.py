"""The exporter for nbconvert and JupyterLab's menu: ``jupyter nbconvert --to workbench-report``.

It stands apart from `workbench.reporting.exporter` because importing nbconvert takes two seconds,
which a report's run does not need.
"""

from importlib.metadata import entry_points
from pathlib import Path
from typing import Any

from nbconvert.exporters import Exporter
from nbconvert.exporters.exporter import ResourcesDict
from traitlets import Any as Any_
from traitlets import default

from workbench.errors import StoreMissing
from workbench.reporting.desk import Answers
from workbench.reporting.exporter import Lookup, export
from workbench.reporting.gate.leaks import refuse_leaks
from workbench.reporting.notebooks.remarks import dropped
from workbench.reporting.pages.parts import Context

LOOKUP_GROUP = "workbench.lookup"


class WorkbenchReportExporter(Exporter):
    """Draws a notebook as a manager would see it, in one file."""

    export_from_notebook = "Workbench report"
    lookup = Any_(help="From a release's id to the release; by default the workspace's ledger.")
    output_mimetype = "text/html"

    @default("file_extension")
    def _file_extension_default(self) -> str:
        return ".html"

    def from_notebook_node(  # type: ignore[override]  # why: every exporter returns text here
        self, nb: Any, resources: Any | None = None, **kw: Any
    ) -> tuple[str, ResourcesDict]:
        """Return the page of a notebook whose cells have been run.

        Raises
        ------
        LeakFound
            The page holds an identifier of the workspace's customers.
        """
        resources = self._init_resources(resources)  # type: ignore[no-untyped-call]  # why: as nbconvert's own exporters do
        resources["output_extension"] = self.file_extension
        metadata = resources.get("metadata", {})
        lookup = self.lookup or lookup_from_workspace(Path(metadata.get("path") or "."))
        desk = lookup.desk if isinstance(lookup, Answers) else None
        page = export(
            nb,
            source_notebook=nb,
            lookup=lookup,
            context=Context(declared=desk.catalog.words if desk else frozenset()),
        )
        if desk:  # a file that is saved leaves as a published page does
            refuse_leaks(page, desk.find, desk.catalog.declared_words)
        for line in dropped(nb):
            self.log.warning(line)
        return page.alone(), resources


def lookup_from_workspace(path: Path) -> Lookup:
    """Return the ledger's look-up of the workspace that holds ``path``.

    The workspace lies above this layer, so it is found by its entry point in the group
    ``workbench.lookup``: a function from a folder to a look-up by id.

    Raises
    ------
    StoreMissing
        No such function is installed.
    """
    for point in entry_points(group=LOOKUP_GROUP):
        lookup: Lookup = point.load()(path)
        return lookup
    raise StoreMissing(
        "no ledger is at hand to take released figures from: workbench is not installed whole. "
        "Run 'make env', or 'uv sync'."
    )
