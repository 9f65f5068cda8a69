"""How many answers a budget carries, against the limit of the accounting itself."""

from __future__ import annotations

import math
from collections.abc import Iterator
from decimal import Decimal

from benchmarks.harness import Result, Run, benchmark

RELEASES = 480  # forty a month


@benchmark("accounting", bar="≤ 99.4")
def accounting(run: Run) -> Iterator[Result]:
    """480 counting answers in a year within (1, 1e-6): noise of each; zCDP allows 99.3.

    Every answer is paid for in a real ledger, in whole pico-rho; the last one must still fit.
    Google's PLD accounting of the same answers is shown beside it, where installed.
    """
    from workbench.privacy.accounting import PICO, Price, epsilon_of, pico_of

    delta = 1e-6
    whole = pico_of(Decimal(1), delta)
    each = whole // RELEASES
    accepted = _spend(run, Price(each), RELEASES)
    yield run.result("accepted", float(accepted), bar=f"≥ {RELEASES}")
    yield run.result("noise-of-each", math.sqrt(PICO / (2 * each)))
    yield run.result("epsilon-spent", epsilon_of(each * RELEASES, delta), bar="≤ 1")
    refused = accepted == _spend(run, Price(each), RELEASES + 1, "one more")
    yield run.result("one-more-is-refused", float(refused), bar="≥ 1")
    pld = _pld_epsilon(each, delta)
    if pld is not None:
        yield run.result("epsilon-by-pld", pld, bar="≤ 1")


def _spend(run: Run, cost: object, times: int, name: str = "a year") -> int:
    """Return how many of so many answers a fresh ledger accepts within (1, 1e-6)."""
    import datetime as dt
    from typing import Any, cast

    from workbench.catalog import Limits
    from workbench.errors import BudgetExhausted
    from workbench.privacy.ledger import Ledger
    from workbench.privacy.question import Part

    one = Decimal(1)
    limits = Limits(month=one, year=one, lifetime=one)
    ledger = Ledger(run.folder / name, limits, Decimal("1e-6"))
    now = dt.datetime(2026, 11, 1, tzinfo=dt.UTC)
    for number in range(times):
        part = Part(None, "2026-10", None, {"question": number})
        try:
            ledger.reserve([part], ["v"], cast(Any, cost), name="q", share=None, now=now, label="q")
        except BudgetExhausted:
            return number
    return times


def _pld_epsilon(pico: int, delta: float) -> float | None:
    from workbench.errors import InputError
    from workbench.privacy.accounting import Price, pld_epsilon

    try:
        return pld_epsilon([Price(pico)] * RELEASES, delta)
    except InputError:
        return None  # why: an extra, see the message
