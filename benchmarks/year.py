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
PERIOD = "2026-09"
MONTHS = ("2026-04", "2026-05", "2026-06", "2026-07", "2026-08", PERIOD)
# What the year's second half is like: October and November like July and August, and so on.
AGAIN = ("2026-07", "2026-08", "2026-06", "2026-07", "2026-08", PERIOD)
DELTA = 1e-6
FORECAST = ("customers", "customers_low", "customers_high")
LIMITS = "limits: {month: 1.5, year: 3, lifetime: 12}"
# Limit of the year, customers of the estate, most that the median margin of page one may be.
PROMISES = (("3", 5_000, 0.04), ("1", 100_000, 0.006))


@benchmark("year", bar="≤ 3 epsilon in a rolling year", smoke_informative=True)
def year(run: Run) -> Iterator[Result]:
    """Epsilon that a year of all monthly reports books, and the median margin of their page one.

    A year begins in April, the dearest month to begin with: then five quarters' ends and three
    half-years' are asked about within twelve editions. Its first half is run; the second asks what
    months like its own asked. Answers that were paid for cost nothing again. For each smaller limit
    all prices are lowered alike, to what a year then fits. A margin is half a key figure's interval
    over the figure; of shares and coefficients, which lie between 0 and 1, it is in points.
    ``itself`` is over the figure for all of them, as a reader may take it; ``smoothed`` that of the
    dashboard's line without noise, its median over the months. ``reports`` are those that could be
    made at that price: some figures refuse to be told from more noise than they bear. The small
    size is one report's first month.
    """
    names = sorted(path.stem for path in (REPOSITORY / "reports").glob("*.yaml"))
    names, customers = (["customer-overview"], 300) if run.smoke else (names, 0)
    whole = run.folder / "whole"
    _prepare(whole, names, customers, 1.0)
    months = (PERIOD,) if run.smoke else MONTHS
    for period in months:
        _run(whole, period)
    by_month = _booked(whole, months)
    booked = sum(by_month.values()) + sum(by_month.get(each, 0) for each in AGAIN)
    yield run.result("booked", _epsilon(by_month[PERIOD] if run.smoke else booked))
    for limit, wanted, most in PROMISES[: 1 if run.smoke else None]:
        share = min(1.0, _pico(limit) / booked)
        folder = whole
        if share < 1 or wanted != PROMISES[0][1]:
            folder = run.folder / f"year-{limit}"
            _prepare(folder, names, 0 if wanted == PROMISES[0][1] else wanted, share)
            _run(folder, PERIOD)
        points, itself, smoothed, made = _margins(folder)
        yield run.result(f"reports-{limit}", made, bar=f"≥ {len(names)} reports")
        yield run.result(f"margin-{limit}", points, bar=f"≤ {most}")
        yield run.result(f"margin-{limit}-itself", itself, bar=f"≤ {most}", informative=True)
        if smoothed:
            yield run.result(f"margin-{limit}-smoothed", median(smoothed), bar="≤ 0.03")


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


def _booked(folder: Path, months: Sequence[str]) -> dict[str, int]:
    """Return what each month's reports booked, in pico-rho."""
    from workbench.reporting.published.record import editions
    from workbench.workspace import open_workspace

    ws = open_workspace(folder)
    made = list(editions(ws.settings.path("published")))
    spends = ws.ledger.chain.entries("spend")
    found, before = dict[str, int](), 0
    for month in months:
        heads = [each.ledger_head[0] for each in made if each.period == month and each.ledger_head]
        last = max(heads, default=before)
        found[month] = sum(each.body["pico_rho"] for each in spends if before < each.seq <= last)
        before = last
    return found


def _margins(folder: Path) -> tuple[float, float, list[float], int]:
    """Return the median margin of page one in both ways, the smoothed line's, and the reports."""
    from workbench.reporting.published.record import editions
    from workbench.workspace import open_workspace

    find = open_workspace(folder).ledger.answer
    points, itself, smoothed, made = [], [], list[float](), 0
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
        for columns in (find(each).columns for each in edition.releases):
            for line, value, low, high in zip(
                *(columns.get(name, ()) for name in ("line", *FORECAST)), strict=False
            ):
                if line == "smoothed" and edition.report == "decision-dashboard":
                    smoothed.append((high - low) / 2 / value)
    if not points:
        raise BenchmarkError(f"no report of {folder} was made; see 'workbench run --all' there.")
    return median(points), median(itself), smoothed, made


def _pico(epsilon: str) -> int:
    from workbench.privacy.accounting import pico_of

    return pico_of(Decimal(epsilon), DELTA)


def _epsilon(pico: float) -> float:
    from workbench.privacy.accounting import epsilon_of

    return epsilon_of(round(pico), DELTA)


def _lowered(epsilon: str, share: float) -> str:
    return epsilon if share == 1 else f"{_epsilon(_pico(epsilon) * share):.6f}"
