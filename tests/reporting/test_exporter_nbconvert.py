"""The exporter as nbconvert and JupyterLab's menu find it."""

import nbformat
import pytest
from factories.notebooks import code, markdown, notebook
from factories.pages import RELEASES, overview
from nbconvert.exporters import get_exporter

import workbench as wb
from workbench import figures
from workbench.errors import LeakFound, RunFailed, StoreMissing
from workbench.reporting import exporter_nbconvert
from workbench.reporting.exporter_nbconvert import WorkbenchReportExporter


@pytest.fixture
def exporter():
    return WorkbenchReportExporter(lookup=RELEASES.__getitem__)


def test_it_is_found_by_name_and_stands_in_the_menu():
    found = get_exporter("workbench-report")
    assert found is WorkbenchReportExporter
    assert found.export_from_notebook == "Workbench report"


def test_a_notebook_becomes_one_page(exporter):
    html, resources = exporter.from_notebook_node(nbformat.from_dict(overview()))
    assert resources["output_extension"] == ".html"
    assert "<h1>How are our customers doing?</h1>" in html
    assert html.count('class="chart ') == 4
    assert "<script src" not in html


def test_a_notebook_in_a_file_becomes_one_page(exporter, tmp_path):
    path = tmp_path / "overview.ipynb"
    nbformat.write(nbformat.from_dict(overview()), path)
    html, _ = exporter.from_filename(str(path))
    assert "Spending keeps its yearly rhythm." in html


def test_a_notebook_that_was_not_run_says_so(exporter):
    empty = nbformat.from_dict(notebook(markdown("# Hello"), code("1 + 1")))
    with pytest.raises(RunFailed, match="no released figure"):
        exporter.from_notebook_node(empty)


def test_without_a_workspace_nothing_is_invented(monkeypatch, tmp_path):
    monkeypatch.setattr(exporter_nbconvert, "LOOKUP_GROUP", "workbench.no-such-group")
    with pytest.raises(StoreMissing, match="no ledger is at hand"):
        exporter_nbconvert.lookup_from_workspace(tmp_path)


def test_what_lab_saves_is_searched_as_a_page_is(shop):
    tx = shop.open("transactions", "reporting")
    query = wb.query(tx, by="region", period="2026-09").customers()
    release = shop.release(query, name="regions", epsilon="0.1")
    folder = shop.settings.path("notebooks")
    folder.mkdir(exist_ok=True)

    def saved(*cells):
        path = folder / "mine.ipynb"
        nbformat.write(nbformat.from_dict(notebook(*cells)), path)
        return WorkbenchReportExporter().from_filename(str(path))

    shown = code("wb.figures.table(x)", figures.table(release))
    assert "north" in saved(markdown("# Regions"), shown)[0]
    with pytest.raises(LeakFound, match=r"customers\.full_name"):
        saved(markdown("# As Family7, Given7 said"), shown)
