"""What all monthly reports of the sample book in a year, and how exact their first pages are."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator, Sequence
from decimal import Decimal
from pathlib import Path
from statistics import median

from benchmarks.harness import BenchmarkError, Result, Run, benchmark, measure, script

REPOSITORY = Path(__file__).parents[1]
BEFORE, PERIOD = "2026-06", "2026-09"
QUARTER = ("2026-07", "2026-08", PERIOD)
DELTA = 1e-6
LIMITS = "limits: {month: 1.95, year: 8, lifetime: 24}"
# Limit of the year, customers of the estate, most that the median margin of page one may be.
PROMISES = (("8", 5_000, None), ("3", 5_000, 0.04), ("1", 100_000, 0.006))


@benchmark("year", bar="≤ 8 epsilon in a rolling year", smoke_informative=True)
def year(run: Run) -> Iterator[Result]:
    """Epsilon that a year of all monthly reports books, and the median margin of their page one.

    A year is a first month and eleven like those of the quarter after it: answers that were paid
    for cost nothing again, and some are asked once a quarter. For each smaller limit all prices are
    lowered alike, to what a year then fits. A margin is half a key figure's interval over the
    figure; of shares and coefficients, which lie between 0 and 1, it is in points. ``itself`` is
    over the figure for all of them, as a reader may take it. ``reports`` are those that could be
    made at that price: some figures refuse to be told from more noise than they bear. The small
    size is one report's first month.
    """
    names = sorted(path.stem for path in (REPOSITORY / "reports").glob("*.yaml"))
    names, customers = (["customer-overview"], 300) if run.smoke else (names, 0)
    whole = run.folder / "whole"
    _prepare(whole, names, customers, 1.0)
    months = (PERIOD,) if run.smoke else (BEFORE, *QUARTER)
    for period in months:
        _run(whole, period)
    first, rest = _booked(whole, months[0])
    booked = first if run.smoke else first + 11 * rest / len(QUARTER)
    yield run.result("booked", _epsilon(booked))
    for limit, wanted, most in PROMISES[: 1 if run.smoke else None]:
        share = min(1.0, _pico(limit) / booked)
        folder = whole
        if share < 1 or wanted != PROMISES[0][1]:
            folder = run.folder / f"year-{limit}"
            _prepare(folder, names, 0 if wanted == PROMISES[0][1] else wanted, share)
            _run(folder, PERIOD)
        points, itself, made = _margins(folder)
        bar = None if most is None else f"≤ {most}"
        yield run.result(f"reports-{limit}", made, bar=f"≥ {len(names)} reports")
        yield run.result(f"margin-{limit}", points, bar=bar or "≤ 1", informative=most is None)
        yield run.result(f"margin-{limit}-itself", itself, bar=bar or "≤ 1", informative=True)


def _prepare(folder: Path, names: Sequence[str], customers: int, share: float) -> None:
    """Make a workspace on the sample estate, its reports' prices at a share of theirs, in rho."""
    source = folder / "data" / "sample"
    if customers:
        measure([script("workbench"), "sample", "--customers", str(customers), "--out", source])
    else:
        shutil.copytree(REPOSITORY / "data" / "sample", source)
    catalog = source / "catalog.yaml"
    text = catalog.read_text()
    if LIMITS not in text:
        raise BenchmarkError(f"{catalog} has other limits than '{LIMITS}'; say here which.")
    # why so much: what a year books is measured, whether or not it fits
    catalog.write_text(text.replace(LIMITS, "limits: {month: 9, year: 24, lifetime: 99}"))
    shutil.copy(REPOSITORY / "workbench.toml", folder)
    shutil.copytree(REPOSITORY / "notebooks", folder / "notebooks")
    for path in (folder / "notebooks").iterdir():  # prices that are written where they are asked
        text = path.read_text()
        price = r"(epsilon=)([\d.]+)(?=[),\\])"
        path.write_text(re.sub(price, lambda found: found[1] + _lowered(found[2], share), text))
    (folder / "reports").mkdir()
    for name in names:
        text = (REPOSITORY / "reports" / f"{name}.yaml").read_text()
        price = r"(\s+epsilon_\w+:\s*\{type: number, default: )([\d.]+)"
        text = re.sub(price, lambda found: found[1] + _lowered(found[2], share), text)
        text = re.sub(r"range: \[0\.01,", "range: [0.0001,", text)
        (folder / "reports" / f"{name}.yaml").write_text(text)
    measure([script("workbench"), "init", "-w", folder])


def _run(folder: Path, period: str) -> None:
    # why unchecked: a report that is refused is counted, not a fault of the measurement
    words = ["run", "--all", "--period", period, "--json", "-w", str(folder)]
    measure([script("workbench"), *words], check=False)


def _booked(folder: Path, month: str) -> tuple[int, int]:
    """Return what a first month's reports booked, and all later ones, in pico-rho."""
    from workbench.reporting.published.record import editions
    from workbench.workspace import open_workspace

    ws = open_workspace(folder)
    found = [each for each in editions(ws.settings.path("published")) if each.period == month]
    last = max(each.ledger_head[0] for each in found if each.ledger_head)
    spends = ws.ledger.chain.entries("spend")
    first = sum(each.body["pico_rho"] for each in spends if each.seq <= last)
    rest = sum(each.body["pico_rho"] for each in spends if each.seq > last)
    return first, rest


def _margins(folder: Path) -> tuple[float, float, int]:
    """Return the median margin of page one in both ways, and how many reports have one."""
    from workbench.reporting.published.record import editions

    points, itself, made = [], [], 0
    for edition in editions(folder / "reports" / "published"):
        if edition.period != PERIOD:
            continue
        made += 1
        for card in next(iter(edition.cards.values()), ()):
            if card.interval is None:  # exact, as the lights of the compliance summary
                continue
            half = (card.interval[1] - card.interval[0]) / 2
            size = abs(card.value or 0.0)
            points.append(half if card.rate or size <= 1 else half / size)
            if size:
                itself.append(half / size)
    if not points:
        raise BenchmarkError(f"no report of {folder} was made; see 'workbench run --all' there.")
    return median(points), median(itself), made


def _pico(epsilon: str) -> int:
    from workbench.privacy.accounting import pico_of

    return pico_of(Decimal(epsilon), DELTA)


def _epsilon(pico: float) -> float:
    from workbench.privacy.accounting import epsilon_of

    return epsilon_of(round(pico), DELTA)


def _lowered(epsilon: str, share: float) -> str:
    return epsilon if share == 1 else f"{_epsilon(_pico(epsilon) * share):.6f}"
