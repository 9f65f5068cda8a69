"""How much noise a year's limit leaves for each of many answers, against what theory allows."""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Iterator
from decimal import Decimal

from benchmarks.harness import Result, Run, benchmark

NOW = dt.datetime(2026, 10, 2, 9, tzinfo=dt.UTC)
RELEASES, EPSILON, DELTA = 480, 1.0, 1e-6


@benchmark("accounting", bar="≤ 92.7")
def accounting(run: Run) -> Iterator[Result]:
    """480 counts in a year within (1, 1e-6): noise sd of each, and against the exact Gaussian."""
    from workbench.catalog import Limits
    from workbench.errors import BudgetExhausted
    from workbench.privacy.accounting import PICO, Cost, epsilon_of, pico_of
    from workbench.privacy.books.answers import AnswerLedger
    from workbench.privacy.books.entries import Order, Part

    limits = Limits(month=Decimal(24), year=Decimal(1), lifetime=Decimal(24))
    ledger = AnswerLedger(run.folder, limits, Decimal("1e-6"), None)
    each = pico_of(Decimal(1), DELTA) // RELEASES
    noise_sd = math.sqrt(PICO / (2 * each))
    accepted = 0
    for number in range(RELEASES + 20):  # one a day and more, and some too many
        at = NOW + dt.timedelta(hours=number * 366 * 24 / (RELEASES + 20))
        period = f"{at:%Y-%m}"
        part = Part(period, period, None, {"q": number})
        try:
            order = Order("n", part, "v1", Cost(each), lambda _: {})
            ledger.reserve([order], share=None, now=at, label="the benchmark")
            accepted += 1
        except BudgetExhausted:
            pass
    yield run.result("accepted-of-500", accepted, bar="= 480")
    yield run.result("noise-sd", noise_sd)
    exact = _exact_sd(EPSILON, DELTA) * math.sqrt(RELEASES)
    yield run.result("noise-sd-against-exact", noise_sd, reference=exact, bar="≤ 1.0001")
    shown = epsilon_of(RELEASES * each, DELTA)
    yield run.result("epsilon-of-all", shown, bar="≤ 1")


def _exact_sd(epsilon: float, delta: float) -> float:
    """Return the least Gaussian noise of one (epsilon, delta) answer of sensitivity 1.

    Source: Balle & Wang, *Improving the Gaussian Mechanism for Differential Privacy* (ICML 2018),
    Theorem 8. As many answers together are one answer of their root mean square, nothing smaller
    is possible with Gaussian noise of equal size.
    """

    def reached(sd: float) -> float:
        upper = math.erfc((epsilon * sd - 1 / (2 * sd)) / math.sqrt(2)) / 2
        lower = math.erfc((epsilon * sd + 1 / (2 * sd)) / math.sqrt(2)) / 2
        return upper - math.exp(epsilon) * lower

    low, high = 0.1, 100.0
    for _ in range(200):
        middle = (low + high) / 2
        low, high = (middle, high) if reached(middle) > delta else (low, middle)
    return high
