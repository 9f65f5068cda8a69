"""How far forecasts are off, how often their margins hold, and how soon a break is named."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmarks.harness import Result, Run, benchmark

if TYPE_CHECKING:
    import numpy as np

NOISE, CHANGE = 10.0, 3.0  # a monthly change of 0.3 of the noise


@benchmark("forecast", bar="< 1", smoke_informative=True)
def forecast(run: Run) -> Iterator[Result]:
    """MASE of the chosen rule on weekly sales; coverage, smoothing and breaks on planted series.

    ``mase`` is over the mean naive error within the series, ``sigma`` of it the noise that is
    planted. ``smoothed`` is the error of the smoothed line over that of the release, ``break`` how
    many planted trend breaks are named within two periods of their place and two figures after.
    """
    import numpy as np

    for name, weeks in _weekly(run).items():
        yield run.result(f"{name}-mase", _mase(weeks, 0.0))
        sigma = float(np.std(weeks)) / 2
        shown = weeks + np.random.default_rng(1).normal(0, sigma, len(weeks))
        yield run.result(f"{name}-noisy-mase", _mase(shown, sigma))
    worlds = 24 if run.smoke else 1000
    ours, released = _smoothed(worlds)
    yield run.result("smoothed", ours, reference=released, bar="≤ 0.55")
    off = abs(_coverage(worlds) - 0.80)
    yield run.result("coverage-80-off-by", off, bar="≤ 0.02")
    found, alarms = _breaks(6 if run.smoke else 300)
    yield run.result("break-within-two", found, bar="≥ 0.9")
    yield run.result("break-false-alarms", alarms, bar="≤ 0.07")


def _weekly(run: Run) -> dict[str, np.ndarray]:
    """Return whole weeks of sales: the sample bank's, and Complete Journey's at full size."""
    import pandas as pd

    from workbench.estates.datasets import DATASETS, carrier_folder

    sources = {"sample": _sample()}
    if not run.smoke:
        name = "completejourney"
        rows = DATASETS[name].read(carrier_folder(name, DATASETS[name]))["transactions"]
        columns = {each: rows[each] for each in ("booked_on", "amount")}
        sources[name] = pd.DataFrame(columns)
    found = {}
    for name, frame in sources.items():
        days = pd.to_datetime(frame.booked_on)
        weeks = frame.amount.astype(float).abs().groupby(days.dt.to_period("W")).sum()
        found[name] = weeks.sort_index().to_numpy()[1:-1]
    return found


def _sample() -> Any:
    import pandas as pd

    folder = Path(__file__).resolve().parents[1] / "data" / "sample"
    return pd.read_parquet(folder / "transactions.parquet", columns=["booked_on", "amount"])


def _mase(shown: np.ndarray, sigma: float) -> float:
    import numpy as np

    from workbench.analytics.forecasting.rules import best, scored, season_seen

    season = season_seen(52, len(shown))
    table = scored(shown, np.full(len(shown), sigma), season, 4)
    rule = best([table])
    return float(np.mean([row["mase"] for row in table if row["rule"] == rule]))


def _world(dice: np.random.Generator, n: int, change: float, season: float = 0.0) -> np.ndarray:
    import numpy as np

    around = season * np.sin(2 * np.pi * np.arange(n) / 12)
    return np.asarray(1000 + np.cumsum(dice.normal(0, change, n)) + around)


def _smoothed(worlds: int) -> tuple[float, float]:
    """Return the root mean square errors of smoothed lines, and of what was released."""
    import numpy as np

    from workbench.analytics.forecasting.structural import Structural

    dice, off, released = np.random.default_rng(2), 0.0, 0.0
    for _ in range(worlds):
        truth = _world(dice, 36, CHANGE)
        shown = truth + dice.normal(0, NOISE, 36)
        line, _ = Structural(shown, np.full(36, NOISE), 12, 1, False).smoothed(36)
        off += float(np.mean((line - truth) ** 2))
        released += float(np.mean((shown - truth) ** 2))
    return (off / worlds) ** 0.5, (released / worlds) ** 0.5


def _coverage(worlds: int) -> float:
    """Return how many 80 % intervals hold the true figure, over worlds and three months ahead."""
    import numpy as np

    from workbench.analytics.forecasting.structural import Structural

    dice, held = np.random.default_rng(5), []
    for _ in range(worlds):
        change, own, noise = dice.uniform(1, 5), dice.uniform(0, 5), dice.uniform(2, 10)
        truth = _world(dice, 39, change, dice.choice([0.0, 10.0])) + dice.normal(0, own, 39)
        shown = truth[:36] + dice.normal(0, noise, 36)
        mean, spread = Structural(shown, np.full(36, noise), 12, 3, False).ahead
        held.append(np.abs(truth[36:] - mean) <= 1.2816 * np.sqrt(np.diag(spread)))
    return float(np.mean(held))


def _breaks(worlds: int) -> tuple[float, float]:
    """Return how many planted trend breaks are named, and how many that are none."""
    import numpy as np

    from workbench.analytics.forecasting.structural import breaks

    dice, n, found, alarms = np.random.default_rng(8), 36, 0, 0
    planted = 4 * NOISE * np.maximum(0, np.arange(n) - (n - 2) + 1)
    for _ in range(worlds):
        shown = _world(dice, n, CHANGE) + dice.normal(0, NOISE, n)
        named = breaks(tuple(shown + planted), (NOISE,) * n, 1)
        found += any(abs(each.at - (n - 2)) <= 2 for each in named)
        alarms += bool(breaks(tuple(shown), (NOISE,) * n, 1))
    return found / worlds, alarms / worlds
