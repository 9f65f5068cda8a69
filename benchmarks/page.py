"""How large and how fast a page is, against nbconvert's of the same notebook."""

from __future__ import annotations

import gzip
import json
import math
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmarks.harness import Command, Result, Run, benchmark, interleaved, measure, script

if TYPE_CHECKING:
    from workbench.privacy.release import Release

REGIONS = ("North", "East", "South", "West", "Overseas")
BANDS = ("under 1,000", "1,000 to 5,000", "5,000 to 20,000", "over 20,000")
MONTHS = tuple(f"{2025 + (3 + at) // 12}-{(3 + at) % 12 + 1:02d}" for at in range(18))
CHARTS = 4


@benchmark("page", bar="≤ 0.25", smoke_informative=True)
def page(run: Run) -> Iterator[Result]:
    """Size and CPU time of a page with 4 charts against ``nbconvert --no-input``.

    The notebook is one: our figures in the first, and Plotly's own renderer for notebooks in the
    second, draw the same releases. What is timed is a whole process each, from file to file.
    """
    ours, theirs = run.folder / "ours.ipynb", run.folder / "theirs.ipynb"
    releases = run.folder / "releases.json"
    made = list(_releases())
    releases.write_text(json.dumps([each.to_json() for each in made]), encoding="utf-8")
    ours.write_text(json.dumps(_notebook(made, plotly=False)), encoding="utf-8")
    theirs.write_text(json.dumps(_notebook(made, plotly=True)), encoding="utf-8")
    mine: Command = [sys.executable, "-m", "benchmarks.page", ours, releases]
    convert: Command = [script("jupyter"), "nbconvert", "--to", "html", "--no-input", theirs]
    seconds = interleaved(
        {
            "workbench": lambda: measure(mine).cpu_seconds,
            "nbconvert": lambda: measure(convert).cpu_seconds,
        },
        repeats=1 if run.smoke else 7,
        warm_up=0 if run.smoke else 1,
    )
    yield run.result("cpu", seconds["workbench"], reference=seconds["nbconvert"])
    reference = theirs.with_suffix(".html").stat().st_size / 1000
    alone = ours.with_name("alone.html").read_bytes()
    shared = ours.with_name("shared.html").read_bytes()
    size = len(alone) / 1000
    yield run.result(
        "standalone", size, reference=reference, bar="≤ 0.15 of nbconvert", informative=False
    )
    yield run.result("standalone-kb", size, bar="≤ 750 kB", informative=False)
    yield run.result("sharing-kb", len(shared) / 1000, bar="≤ 70 kB", informative=False)
    yield run.result("sharing-packed-kb", len(gzip.compress(shared, 6)) / 1000, bar="≤ 20 kB")
    measure(mine)
    again = (ours.with_name("alone.html"), alone), (ours.with_name("shared.html"), shared)
    changed = sum(path.read_bytes() != before for path, before in again)
    yield run.result("bytes-changed", changed, bar="= 0 pages", informative=False)


def _releases() -> Iterator[Release]:
    """Yield releases of a bank's size, made by a formula."""
    from workbench.privacy.accounting import Cost
    from workbench.privacy.columns import Dimension, Measure
    from workbench.privacy.release import Release

    month = Dimension("month", "Month", "month", MONTHS)
    region = Dimension("region", "Region", "category", REGIONS)
    band = Dimension("value_band", "Value band", "band", BANDS)
    for number, by in enumerate(((month,), (month, region), (region,), (region, band)), 1):
        cells: list[tuple[Any, ...]] = [()]
        for axis in by:
            cells = [(*cell, value) for cell in cells for value in axis.values]
        columns: dict[str, list[Any]] = {
            axis.name: [cell[at] for cell in cells] for at, axis in enumerate(by)
        }
        for name, size, margin in (("customers", 900, 25), ("amount_sum", 1_850_000, 61_000)):
            figures = [round(size * (1 + math.sin(number + at) / 3)) for at in range(len(cells))]
            columns |= {
                name: figures,
                f"{name}_low": [each - margin for each in figures],
                f"{name}_high": [each + margin for each in figures],
            }
        yield Release(
            id=f"r-{number:06d}",
            name="-".join(axis.name for axis in by),
            table="transactions",
            purpose="reporting",
            period="2026-09",
            by=by,
            measures=(
                Measure("customers", "customers", "Customers", "customers"),
                Measure("amount_sum", "sum", "Amount, total", "CNY", 2, 0.0),
            ),
            columns=columns,
            cost=Cost(1_250_000_000),
            epsilon=0.31,
            delta=1e-6,
            data_version="v1",
        )


def _notebook(releases: list[Release], *, plotly: bool) -> dict[str, Any]:
    """Return an executed notebook: key figures, four charts, a table, prose between them."""
    from workbench import figures

    monthly, regional, by_region, bands = releases
    drawn = (
        figures.kpis(monthly),
        figures.line(regional, x="month", y="amount_sum", color="region"),
        figures.line(monthly, x="month", y="customers"),
        figures.bar(by_region, x="region", y="amount_sum"),
        figures.heatmap(bands, rows="region", columns="value_band", value="customers"),
        figures.table(by_region),
    )
    cells: list[dict[str, Any]] = [_markdown(0, "# How are our customers doing?\n\nThe month.")]
    for number, figure in enumerate(drawn, 1):
        bundle = figure._repr_mimebundle_()
        if plotly and "application/vnd.plotly.v1+json" in bundle:
            bundle = _by_plotly(bundle["application/vnd.plotly.v1+json"])
        cells.append(_markdown(number, f"## Part {number}\n\nWhat it shows, in a sentence."))
        cells.append(
            {
                "cell_type": "code",
                "id": f"code-{number}",
                "metadata": {},
                "source": "figure",
                "execution_count": number,
                "outputs": [
                    {
                        "output_type": "execute_result",
                        "execution_count": number,
                        "data": bundle,
                        "metadata": {},
                    }
                ],
            }
        )
    kernel = {"name": "python3", "display_name": "Python 3", "language": "python"}
    return {
        "cells": cells,
        "metadata": {"kernelspec": kernel},
        "nbformat": 4,
        "nbformat_minor": 5,
    }


def _markdown(number: int, source: str) -> dict[str, Any]:
    return {"cell_type": "markdown", "id": f"text-{number}", "metadata": {}, "source": source}


_SCRIPT_SHOWN: list[bool] = []


def _by_plotly(figure: dict[str, Any]) -> dict[str, Any]:
    """Return what Plotly's own renderer shows: its script with the first figure, then figures."""
    import plotly.graph_objects as go
    import plotly.io as pio

    made = go.Figure(data=figure["data"], layout=figure["layout"])
    html = pio.to_html(made, include_plotlyjs=not _SCRIPT_SHOWN, full_html=False)
    _SCRIPT_SHOWN.append(True)
    return {"text/html": html, "text/plain": "Figure"}


def _export(notebook: Path, releases: Path) -> None:
    """Write both pages of a notebook beside it, as the exporter makes them."""
    from workbench.privacy.release import Release
    from workbench.reporting.exporter import export
    from workbench.reporting.pages.parts import Context

    texts = json.loads(releases.read_text(encoding="utf-8"))
    made = {each.id: each for each in map(Release.from_json, texts)}
    content = json.loads(notebook.read_text(encoding="utf-8"))
    page = export(
        content,
        source_notebook=content,
        lookup=made.__getitem__,
        context=Context(title="Customers", house="Sample bank", period="2026-09"),
    )
    notebook.with_name("shared.html").write_text(page.at("../../"), encoding="utf-8")
    notebook.with_name("alone.html").write_text(page.alone(), encoding="utf-8")


if __name__ == "__main__":
    _export(Path(sys.argv[1]), Path(sys.argv[2]))
