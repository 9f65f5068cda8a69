"""axe-core finds nothing to object to, whatever the page, the screen and the language."""

import gzip
import shutil
from dataclasses import replace

import pytest
from factories.notebooks import code, notebook
from factories.pages import MONTHLY, overview, page
from factories.releases import MONTH, release

from workbench import figures
from workbench.reporting.definitions.definition import Alert
from workbench.reporting.pages.brand import brand_of
from workbench.reporting.published import editions, failures
from workbench.reporting.published.record import Withdrawal
from workbench.settings import Settings

VERSION = "4.14.1"
RUN = """
const done = arguments[arguments.length - 1];
axe.run(document, { resultTypes: ["violations", "incomplete"] })
  .then((found) => done({
    version: found.testEngine.version,
    passed: found.passes.map((each) => each.id),
    violations: found.violations.flatMap((each) =>
      each.nodes.map((node) => `${each.id}: ${node.html.slice(0, 200)} ${node.failureSummary}`)),
  }))
  .catch((problem) => done({ violations: [String(problem)] }));
"""


@pytest.fixture(scope="module")
def axe(repository):
    packed = repository / "tests" / "assets" / "axe-core" / "axe.min.js.gz"
    return gzip.decompress(packed.read_bytes()).decode()


@pytest.fixture(scope="module")
def shelves(published, tmp_path_factory):
    """Return the published folder with a failure, a withdrawal, an empty chart, and all else."""
    folder = tmp_path_factory.mktemp("shelves") / "published"
    shutil.copytree(published, folder)
    planned = release((MONTH,))
    columns = {n: v if n == "month" else [None] * len(v) for n, v in planned.columns.items()}
    planned = replace(planned, columns=columns, notes=("Planned, not released.",))
    empty = page(
        notebook(
            code("kpis", figures.kpis(planned)),
            code("line", figures.line(planned, x="month", y="customers")),
        ),
        lookup=lambda _: planned,
        title="Risk",
        audience="risk board",
    )
    editions.publish(folder, "risk", "2026-09", empty)
    aimed = figures.line(MONTHLY, x="month", y="customers", target=1000)
    everything = notebook(
        *overview()["cells"],
        code("t", figures.kpis(MONTHLY, target={"customers": 1000})),
        code("target=1000", aimed),
    )
    full = {
        "audience": "managers",
        "alerts": [Alert(figure="customers", above=1)],
        "comments": {"": "North *grew*.\n\n### Why\n\n- [more](https://example.org)"},
        "notes": {"2026-03": "Branch closed"},
        "brand": brand_of(Settings(root=folder, accent="#8a1c5b")),
    }
    editions.publish(folder, "overview", "2026-09", page(everything, subtitle="Again", **full))
    for region in ("north", "south"):
        editions.publish(folder, "spend", "2026-09", page(), variant=f"region={region}")
    gone = editions.publish(folder, "overview", "2026-07", page(period="2026-07")).edition
    why = Withdrawal(at="2026-10-05T09:00:00+00:00", reason="A list was loaded twice.")
    failures.withdraw(folder, gone, why)
    failures.record_failure(folder, "overview", "2026-10", "Customer overview")
    return folder


def _objections(browser, axe):
    browser.run(axe)
    browser.driver.set_script_timeout(60)
    found = browser.driver.execute_async_script(RUN)
    assert found["version"] == VERSION
    assert {"color-contrast", "document-title", "html-has-lang"} <= set(found["passed"])
    return found["violations"]


SCREENS = {
    "light": {},
    "dark": {"dark": True},
    "phone": {"width": 390, "height": 844},
    "dark phone": {"width": 390, "height": 844, "dark": True},
}


@pytest.mark.parametrize("screen", SCREENS)
@pytest.mark.parametrize("place", ["overview/2026-09/index.html", "index.html"])
def test_page_and_index_on_every_screen(browser, axe, shelves, place, screen):
    browser.show(shelves / place, **SCREENS[screen])
    assert _objections(browser, axe) == []


@pytest.mark.parametrize(
    "place",
    [
        "overview/2026-08/index.zh.html",
        "index.zh.html",
        "alone.html",
        "overview/2026-09/r1/index.html",
        "risk/2026-09/index.html",
        "overview/2026-07/index.html",
        "spend/2026-09/region=north/index.html",
    ],
)
def test_other_pages(browser, axe, shelves, place):
    browser.show(shelves / place)
    browser.run("for (const each of document.querySelectorAll('details')) each.open = true")
    assert _objections(browser, axe) == []


def test_a_page_with_a_fault_is_objected_to(browser, axe, shelves, tmp_path):
    html = (shelves / "alone.html").read_text(encoding="utf-8")
    faulty = tmp_path / "faulty.html"
    faulty.write_text(html.replace(' role="img" aria-label="', ' role="img" data-label="'))
    browser.show(faulty)
    assert any("role-img-alt" in each for each in _objections(browser, axe))
