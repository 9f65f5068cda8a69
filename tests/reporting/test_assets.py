"""The committed Plotly bundle: plotly.py's version, its traces, its licence."""

import gzip
import hashlib
import json
from pkgutil import iter_modules

from factories.pages import RELEASES

from workbench import figures
from workbench.figures import kinds
from workbench.reporting.pages import page_assets


def test_the_bundle_is_of_the_version_plotly_carries():
    from plotly.offline import get_plotlyjs_version

    assert page_assets.bundle().version == get_plotlyjs_version()
    head = page_assets.bundle().script[:80].decode()
    assert f"plotly.js {get_plotlyjs_version()} (MIT)" in head


def test_the_bundle_is_the_one_its_build_wrote():
    facts = json.loads(page_assets.asset("plotly.json"))
    assert hashlib.sha256(page_assets.bundle().script).hexdigest() == facts["sha256"]


def test_the_build_script_names_the_same_version_and_traces(repository):
    folder = repository / "tools" / "plotly-bundle"
    manifest = json.loads((folder / "package.json").read_text())
    assert manifest["devDependencies"]["plotly.js"] == page_assets.bundle().version
    traces = json.dumps(list(page_assets.bundle().traces))
    assert f"const TRACES = {traces};" in (folder / "build.mjs").read_text()


def test_the_script_of_pages_that_answer_back_is_built_from_its_sources(repository):
    sources = [repository / "tools/live-script" / name for name in ("tables.js", "page.js")]
    code = "\n".join(each.read_text(encoding="utf-8") for each in sources)
    built = page_assets.asset("live.min.js").decode()
    digest = hashlib.sha256(code.encode()).hexdigest()
    facts = json.loads(page_assets.asset("live.json"))
    assert facts["from"] == digest, "cd tools/live-script && npm run build"
    assert not [each for each in ("eval(", "Function(", "fetch(", "innerHTML") if each in built]


def test_the_script_of_pages_that_answer_back_is_small():
    assert len(gzip.compress(page_assets.asset("live.min.js"), 9)) <= 12_000


def test_the_licence_of_every_part_is_beside_it():
    text = page_assets.asset("plotly.LICENSE.txt").decode()
    assert f"plotly.js {page_assets.bundle().version} (MIT)" in text
    assert "Permission is hereby granted" in text


def test_the_bundle_holds_the_traces_that_figures_draw_and_no_other():
    """Else plotly.js draws a trace as a scatter, without a word: a new kind is added here."""
    without_traces = {"indicators", "kpis", "table", "text"}
    known = {each.name for each in iter_modules(kinds.__path__)}
    assert known - without_traces == {"line", "bar", "heatmap", "sankey"}
    drawn = set()
    for figure in (
        figures.line(RELEASES["r-000002"], x="month", y="customers"),
        figures.bar(RELEASES["r-000005"], x="category", y="customers"),
        figures.heatmap(
            RELEASES["r-000004"], rows="region", columns="value_band", value="customers"
        ),
        figures.sankey(
            RELEASES["r-000004"], source="region", target="value_band", value="customers"
        ),
    ):
        drawn |= {trace["type"] for trace in figure.drawn().figure["data"]}
    assert drawn == set(page_assets.bundle().traces)


def test_the_script_cannot_end_its_element():
    script = page_assets.bundle().script.lower()
    assert b"</script" not in script
    assert b"<!--" not in script
