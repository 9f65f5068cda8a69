"""How close private quantiles come, against OpenDP's at the same price."""

from __future__ import annotations

import statistics
from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Sequence
from decimal import Decimal
from fractions import Fraction
from math import isqrt
from typing import Any

from benchmarks.harness import Result, Run, benchmark

RHO = Fraction(1, 200)  # of each draw, in zCDP
QUANTILES = ("0.1", "0.25", "0.5", "0.75", "0.9")


@benchmark("quantiles", bar="≤ 1.0", smoke_informative=True)
def quantiles(run: Run) -> Iterator[Result]:
    """Mean error in rank of quantiles of skewed data with ties, ours over OpenDP 0.16's.

    One row a customer, the same public candidates, the same zCDP, both by the exponential
    mechanism. OpenDP scores a candidate by the middle of its ties, we by the nearest of them: equal
    without ties; with them ours finds a value that many share, and is a little less sharp beside
    one. So the mean over the quantiles is held, and each is shown. Without the group ``oracles``
    only our own error is.
    """
    customers, draws = (500, 60) if run.smoke else (2_000, 2_000)
    values = _skewed(customers)
    candidates = list(range(0, 20_001, 50))
    ours = {q: _error(values, _ours(values, candidates, q, draws), q) for q in QUANTILES}
    found = _opendp(values, candidates, draws)
    theirs = None if found is None else {q: _error(values, found[q], q) for q in QUANTILES}
    for q in QUANTILES:
        reference = None if theirs is None else theirs[q]
        yield run.result(f"q{q}-rank-error", ours[q], reference=reference, informative=True)
    mean = statistics.fmean(ours.values())
    if theirs is None:
        yield run.result("mean-rank-error", mean, bar="≤ 1000", informative=True)
    else:
        yield run.result("mean-rank-error", mean, reference=statistics.fmean(theirs.values()))


def _skewed(customers: int) -> list[int]:
    """Return lognormal cents, a third of them rounded to whole hundreds: ties at public places."""
    import duckdb

    normal = (
        "sqrt(-2 * ln(((hash(i * 8 + 1) >> 11)::DOUBLE + 0.5) / 9007199254740992)) "
        "* cos(2 * pi() * ((hash(i * 8 + 2) >> 11)::DOUBLE + 0.5) / 9007199254740992)"
    )
    rows = duckdb.sql(
        f"SELECT least(20000, CASE WHEN i % 3 = 0 THEN round(v, -2) ELSE round(v) END)::BIGINT "
        f"FROM (SELECT i, exp(7 + {normal}) AS v FROM range({customers}) r(i))"
    ).fetchall()
    return sorted(int(value) for (value,) in rows)


def _error(values: Sequence[int], found: Sequence[int], q: str) -> float:
    """Return by how many customers, on average, what was found misses the wanted place."""
    wanted = float(q) * len(values)
    return statistics.fmean(
        max(0.0, bisect_left(values, each) - wanted, wanted - bisect_right(values, each))
        for each in found
    )


def _ours(values: Sequence[int], candidates: Sequence[int], q: str, draws: int) -> list[int]:
    """Ask our mechanism so often, through its scores and choice, on the engine's weights."""
    from workbench.privacy.engine.answering import scores
    from workbench.privacy.engine.bounding import WEIGHT
    from workbench.privacy.engine.mechanisms import exponential_choice

    weights: dict[tuple[int, bool], int] = {}
    for value in values:
        place = bisect_right(candidates, value) - 1
        exact = place >= 0 and candidates[place] == value
        weights[(place, exact)] = weights.get((place, exact), 0) + WEIGHT
    utility = scores(weights, len(candidates), Decimal(q))
    most = int(100 * max(Decimal(q), 1 - Decimal(q))) * WEIGHT
    epsilon = Fraction(isqrt(int(8 * RHO * 10**12)), 10**6)
    return [candidates[exponential_choice(utility, epsilon, most)] for _ in range(draws)]


def _opendp(
    values: Sequence[int], candidates: Sequence[int], draws: int
) -> dict[str, list[int]] | None:
    """Return OpenDP's choices at the same price, or None where it is not installed."""
    try:
        import opendp.prelude as dp
    except ImportError:
        return None
    dp.enable_features("contrib")
    space = dp.vector_domain(dp.atom_domain(T=int)), dp.symmetric_distance()
    measure = dp.zero_concentrated_divergence()
    found: dict[str, list[int]] = {}
    for q in QUANTILES:

        def make(scale: float, q: str = q) -> Any:
            score = dp.t.make_quantile_score_candidates(*space, list(candidates), float(q))
            # its scores are distances: the least is the best
            return score >> dp.m.then_noisy_max(measure, scale, negate=True)

        scale = dp.binary_search_param(make, d_in=1, d_out=float(RHO), T=float)
        mechanism = make(scale)
        found[q] = [candidates[mechanism(list(values))] for _ in range(draws)]
    return found
