"""Portfolio losses by simulation: Vasicek's quantile, and a million unlike loans in time."""

from __future__ import annotations

import sys
from collections.abc import Iterator

from benchmarks.harness import Result, Run, benchmark, measure

VASICEK = 0.145525  # the 99.9 % quantile of a large pool: PD 1 %, correlation 20 %
_UNLIKE = """
import numpy as np
from workbench.analytics.decisions.losses import simulate_losses
dice = np.random.default_rng(0)
pd = np.exp(dice.normal(-4.5, 1, {loans})).clip(0, 0.9)
lgd, ead = dice.beta(2, 3, {loans}), dice.lognormal(9, 1, {loans})
simulate_losses(pd, lgd=lgd, ead=ead, correlation=0.15, draws={years}).value_at_risk(0.99)
"""


@benchmark("montecarlo", bar="≤ 30 s")
def montecarlo(run: Run) -> Iterator[Result]:
    """Seconds and memory of unlike loans by years, and how far Vasicek's quantile is missed.

    ``vasicek`` is in simulation errors, of a million alike loans; the loans of ``unlike`` differ
    in everything.
    """
    from workbench.analytics.decisions.losses import simulate_losses

    years = 50_000 if run.smoke else 1_000_000
    made = simulate_losses([0.01], lgd=1, ead=1e-6, correlation=0.2, count=[10**6], draws=years)
    found = made.value_at_risk(0.999)
    error = (found.upper - found.lower) / 2 / 1.959964
    yield run.result("vasicek", abs(found.estimate - VASICEK) / error, bar="≤ 3")
    loans, years = (100_000, 1000) if run.smoke else (1_000_000, 1000)
    took = measure([sys.executable, "-c", _UNLIKE.format(loans=loans, years=years)])
    yield run.result("unlike", took.cpu_seconds)
    yield run.result("unlike-gb", took.peak_bytes / 1e9, bar="≤ 2 GB")
