"""Whether a page that answers back says what Python computes, how surely, and how quickly."""

from __future__ import annotations

import gzip
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from benchmarks.harness import Result, Run, benchmark, measure, script

_TESTS = Path(__file__).resolve().parent.parent / "tests"  # why: reports and browser are theirs
_REPAINT = """
const done = arguments[arguments.length - 1], select = document.querySelector("select");
const times = [], values = [...select.options].map((each) => each.value).filter(Boolean);
const turn = () => {
  if (times.length === arguments[0]) return done(times);
  const begun = performance.now();
  select.value = values[times.length % values.length];
  select.dispatchEvent(new Event("input", { bubbles: true }));
  requestAnimationFrame(() => setTimeout(() => {
    times.push(performance.now() - begun);
    const still = () => document.documentElement.dataset.answers === "still";
    const wait = () => (still() ? turn() : setTimeout(wait, 5));
    wait();
  }));
};
turn();
"""


@benchmark("whatif", bar="= 0 figures", smoke_informative=True)
def whatif(run: Run) -> Iterator[Result]:
    """Random filters and sliders in Chromium against Python; coverage of filtered sums; repaint.

    The sample's three reports for managers and three made by hand, from one file each with the
    network off; a figure differs where any digit, margin or word of it does, and so counts whatever
    the console says and whatever is asked for.
    """
    sys.path[:0] = [str(_TESTS)]
    from factories.live import REPORTS
    from support.browser import browsing
    from support.live import compared
    from support.screen import Screen

    from workbench.reporting.pages import page_assets

    pages: list[tuple[Any, str, int]] = [
        (report(), report().page().alone(), 3 if run.smoke else 60) for report in REPORTS.values()
    ]
    pages += _editions(run)
    tried, wrong, largest = 0, 0, 0
    with browsing(run.folder / "profile") as started:
        screen = Screen(started.driver)
        for report, html, count in pages:
            page = run.folder / f"{report.name}.html"
            page.write_text(html, encoding="utf-8")
            largest = max(largest, page.stat().st_size)
            states, found = compared(screen, report, page, count, report.name)
            tried, wrong = tried + states, wrong + len(found)
        yield run.result("differing", wrong, bar="= 0 figures", informative=False)
        yield run.result("states", tried, bar="≥ 5" if run.smoke else "≥ 1000", informative=False)
        yield run.result("largest-kb", largest / 1000, bar="≤ 750 kB", informative=False)
        times = _repaint(run, screen)
    yield run.result("first-input-ms", times[0], bar="≤ 50 ms at 10⁴ cells")
    yield run.result("repaint-ms", sorted(times)[len(times) // 2], bar="≤ 50 ms at 10⁴ cells")
    hits, figures = _coverage(30 if run.smoke else 1000)
    yield run.result("coverage", hits / figures, bar="≥ 0.94 of filtered sums")
    yield run.result("coverage-at-most", hits / figures, bar="≤ 0.96 of filtered sums")
    packed = len(gzip.compress(page_assets.asset("live.min.js"), 9)) / 1000
    yield run.result("script-kb", packed, bar="≤ 12 kB gzipped", informative=False)


def _editions(run: Run) -> Iterator[tuple[Any, str, int]]:
    """Yield the sample's reports for managers, rendered, their pages, and in how many states."""
    from factories.live import Edition

    from workbench.reporting.published.copies import standalone

    before = () if run.smoke else ("segmentation", "risk-scoring", "risk-monitoring")
    reports = ("customer-overview", *before, *(() if run.smoke else ("decision-dashboard",)))
    bank = run.folder / "bank"
    shutil.copytree(_TESTS.parent / "data/sample", bank / "data/sample")
    shutil.copy(_TESTS.parent / "workbench.toml", bank)
    for kind in ("notebooks", "reports"):
        ignore = shutil.ignore_patterns("published")
        shutil.copytree(_TESTS.parent / kind, bank / kind, ignore=ignore)
    measure([script("workbench"), "init", "-w", bank])
    for name in reports:
        measure([script("workbench"), "run", name, "--period", "2026-09", "-w", bank])
        if not name.startswith("risk"):
            page = bank / "reports/published" / name / "2026-09/index.html"
            html = standalone(page.read_text(encoding="utf-8"))
            yield Edition.of(bank, name), html, 3 if run.smoke else 340


def _repaint(run: Run, screen: Any) -> list[float]:
    """Return milliseconds from input to the next frame of a page that carries 10⁴ cells."""
    from factories.live import Report, asked
    from factories.noisy import Books

    from workbench import figures
    from workbench.privacy.columns import Dimension

    def column(name: str, count: int) -> Dimension:
        values = tuple(f"{name} {at}" for at in range(count))
        return Dimension(name, name.capitalize(), "category", values, exclusive=True)

    a, b, c = column("store", 20), column("product", 25), column("segment", 20)
    books = Books()
    tables = [asked(books, by, at, seed=9) for at, by in enumerate(([a], [b], [a, b, c]), 1)]
    shown = (
        figures.bar(tables[1], x="product", y="customers"),
        figures.bar(tables[0], x="store", y="customers"),
        figures.table(tables[0], columns=["store", "customers", "amount_sum"]),
        figures.table(tables[2], columns=["store", "product", "segment", "customers"]),
    )
    page = run.folder / "large.html"
    page.write_text(Report("Large", shown, books).page().alone(), encoding="utf-8")
    screen.show(page)
    times: list[float] = screen.driver.execute_async_script(_REPAINT, 5 if run.smoke else 40)
    return times


def _coverage(draws: int) -> tuple[int, int]:
    """Return how many margins of figures filtered by adding up hold the truth, and of how many."""
    from factories.live import TIER, asked
    from factories.noisy import CHANNEL, REGION, Books

    from workbench.figures.live.states import State, Tables

    hits = figures = 0
    for seed in range(draws):
        found, exact = (
            [
                asked(books, by, at, seed=seed, sigma=sigma)
                for at, by in enumerate(([TIER], [TIER, REGION, CHANNEL]), 1)
            ]
            for books, sigma in ((Books(), 5.0), (Books(), 1e-9))
        )
        restated = [
            Tables.of(each, {x.id: x for x in each}.__getitem__).restated(
                each[0], State({"region": "South"}), []
            )
            for each in (found, exact)
        ]
        for row in range(len(TIER.values)):
            for name in ("rows", "amount_mean"):
                low, high = (restated[0].columns[name + end][row] for end in ("_low", "_high"))
                if low is not None:
                    figures += 1
                    hits += low <= restated[1].columns[name][row] <= high
    return hits, figures
