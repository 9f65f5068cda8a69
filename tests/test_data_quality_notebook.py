"""The notebook on quality, run for real: what changed, and control limits over snapshots."""

from pathlib import Path

import nbformat
import papermill

NOTEBOOK = Path(__file__).resolve().parents[1] / "notebooks" / "data-quality.ipynb"


def test_it_shows_what_changed_and_control_limits(shop, tmp_path):
    source = shop.settings.path("source") / "consents.csv"
    header, *rows = source.read_text().splitlines(keepends=True)
    for left_out in range(6):  # each load is a snapshot; the share without a withdrawal stays
        source.write_text("".join([header, *rows[left_out:]]))
        shop.init()
        shop.quality()
    source.write_text("".join([header, *(row for row in rows if row.endswith(",\n"))]))
    shop.init()  # now nobody has withdrawn
    papermill.execute_notebook(
        str(NOTEBOOK),
        str(tmp_path / "out.ipynb"),
        parameters={"table": "consents"},
        cwd=str(shop.settings.root),
        engine_name="workbench",
        kernel_name="python3",
        progress_bar=False,
    )
    executed = nbformat.read(tmp_path / "out.ipynb", as_version=4)
    shown = [output for cell in executed.cells for output in cell.get("outputs", [])]
    tables = [html for each in shown if (html := each.get("data", {}).get("text/html", ""))]
    (changed,) = (html for html in tables if "usual_high" in html and "dimension" not in html)
    assert "withdrawn_on" in changed
    (chart,) = (
        output.data["application/vnd.plotly.v1+json"]
        for output in shown
        if "application/vnd.plotly.v1+json" in output.get("data", {})
    )
    (line,) = (each for each in chart["data"] if each["name"] == "withdrawn_on: filled")
    assert len(line["x"]) == 7
    (band,) = (each for each in chart["layout"]["shapes"] if each["y0"] < each["y1"])
    assert 0 < band["y0"] < band["y1"] <= 1
