"""How well a score tells bads from goods: AUC, Gini, KS and the curves, with intervals.

A higher score means a higher risk. Points of a scorecard, where more is better, are given as
``-points``.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
from scipy import stats

from workbench.analytics.validation.estimates import Array, Estimate, outcomes, share_interval


def _placements(y: Array, score: Array) -> tuple[Array, Array]:
    """Return for each bad the share of goods below it, and for each good that of bads above it.

    By midranks: Sun & Xu, *Fast implementation of DeLong's algorithm*, IEEE SPL 21, 2014.
    """
    bad, good = score[y == 1], score[y == 0]
    ranks = stats.rankdata(np.concatenate([bad, good]))
    of_bads = (ranks[: len(bad)] - stats.rankdata(bad)) / len(good)
    of_goods = 1 - (ranks[len(bad) :] - stats.rankdata(good)) / len(bad)
    return of_bads, of_goods


def _spread(of_bads: Array, of_goods: Array) -> float:
    """Return the standard error of the mean placement."""
    parts = (np.var(e, ddof=1) / len(e) if len(e) > 1 else 0.0 for e in (of_bads, of_goods))
    return float(np.sqrt(sum(parts)))


def auc(y_true: Any, score: Any, *, level: float = 0.95) -> Estimate:
    """Return the area under the ROC curve with DeLong's interval.

    DeLong, DeLong & Clarke-Pearson, *Comparing the areas under two or more correlated receiver
    operating characteristic curves*, Biometrics 44, 1988.
    """
    y, values = outcomes(y_true, score)
    of_bads, of_goods = _placements(y, values)
    area, tail = float(of_bads.mean()), (1 - level) / 2
    margin = float(stats.norm.isf(tail)) * _spread(of_bads, of_goods)
    # why: without a single case out of order DeLong's margin is 0; all right in the smaller class
    # tells as much as that many cases do
    least = tail ** (1 / min(len(of_bads), len(of_goods)))
    lower = min(area - margin, least) if area == 1 else area - margin
    upper = max(area + margin, 1 - least) if area == 0 else area + margin
    return Estimate(area, max(lower, 0.0), min(upper, 1.0), len(y))


def gini(y_true: Any, score: Any, *, level: float = 0.95) -> Estimate:
    """Return the Gini coefficient, 2·AUC − 1, with DeLong's interval.

    Parameters
    ----------
    y_true : array-like of 0 and 1, shape (n,)
        1 is bad.
    score : array-like, shape (n,)
        Higher is riskier: ``model.predict_proba(X)[:, 1]``, or ``-card.points(X)``.

    Raises
    ------
    InputError
        One class only, outcomes not known, or scores missing.

    Examples
    --------
    >>> found = gini([0, 0, 0, 1, 0, 1, 1], [0.1, 0.2, 0.3, 0.3, 0.4, 0.6, 0.9])
    >>> round(found.estimate, 3), round(found.lower, 3)
    (0.75, 0.169)
    """
    area = auc(y_true, score, level=level)
    return Estimate(2 * area.estimate - 1, 2 * area.lower - 1, 2 * area.upper - 1, area.n)


def gini_difference(
    y_true: Any, challenger: Any, champion: Any, *, level: float = 0.95
) -> Estimate:
    """Return a challenger's Gini less the champion's, on the same cases (DeLong, paired)."""
    y, one, other = outcomes(y_true, challenger, champion)
    pairs = zip(_placements(y, one), _placements(y, other), strict=True)
    of_bads, of_goods = (a - b for a, b in pairs)
    gap = 2 * float(of_bads.mean())
    spread = 2 * _spread(of_bads, of_goods)
    margin = float(stats.norm.isf((1 - level) / 2)) * spread
    p_value = float(2 * stats.norm.sf(abs(gap) / spread)) if spread else float(gap == 0)
    words = f"where there is no difference, chance brings as large a one with p = {p_value:.2g}"
    return Estimate(gap, gap - margin, gap + margin, len(y), words)


def ks(y_true: Any, score: Any, *, level: float = 0.95) -> Estimate:
    """Return the largest gap between the bads' and goods' distributions, with its interval.

    The interval is that of the two shares at the score where the gap is largest, moved down by what
    looking for the largest adds.
    """
    y, values = outcomes(y_true, score)
    bad, good = values[y == 1], values[y == 0]
    found = stats.ks_2samp(bad, good, method="asymp")
    gap, at = float(found.statistic), found.statistic_location
    # why one and two: Agresti & Caffo, Simple and effective confidence intervals, Am. Statist. 2000
    parts = [((np.sum(each <= at) + 1) / (len(each) + 2), len(each) + 2) for each in (bad, good)]
    luck = _luck(y, values, gap)
    variance = sum(share * (1 - share) / n for share, n in parts)
    # why again: luck is itself known to about its own size only
    margin = float(stats.norm.isf((1 - level) / 2) * np.sqrt(variance + luck**2))
    middle = gap - luck
    lower, upper = max(middle - margin, 0.0), min(max(middle + margin, gap), 1.0)
    return Estimate(gap, lower, upper, len(y), f"at score {at:g}")


def _luck(y: Array, values: Array, gap: float) -> float:
    """Return how much larger the largest gap is than the true one, on average.

    Where it is sought on nine tenths of the cases and read on the others it is too small by about
    as much, so half of what the two differ by is luck.
    """
    edges = np.unique(np.quantile(values, np.arange(1, 200) / 200))
    codes, bins = np.searchsorted(edges, values, side="left"), len(edges) + 1
    dice, read = np.random.default_rng(0), []
    for _ in range(10):
        folds = dice.permutation(len(y)) % 10
        counts = np.bincount((10 * y + folds) * bins + codes, minlength=20 * bins)
        own = counts.reshape(2, 10, bins).cumsum(axis=2)
        rest = own.sum(axis=1, keepdims=True) - own
        gaps, held = (np.subtract(*(each / np.maximum(each[:, :, -1:], 1))) for each in (rest, own))
        known = (own[:, :, -1] > 0).all(axis=0)
        place = np.abs(gaps).argmax(axis=1)[:, None]
        signed = np.take_along_axis(held * np.sign(gaps), place, axis=1)[known]
        read.append(signed.mean() if known.any() else gap)
    return max(0.0, (gap - float(np.mean(read))) / 2)


def curves(y_true: Any, score: Any, *, points: int = 20, level: float = 0.95) -> pd.DataFrame:
    """Return the CAP, ROC and lift curves in one table, from the riskiest cases on.

    Parameters
    ----------
    y_true, score
        As for `gini`.
    points : int
        Rows: equal shares of all cases, as far as equal scores allow.

    Returns
    -------
    DataFrame
        ``score`` (this and riskier ones), ``share`` of all cases (CAP's and lift's x), ``bads``
        with ``lower`` and ``upper`` (share of bads found: CAP's and ROC's y), ``goods`` (ROC's x),
        ``lift`` with its limits, ``gap`` (whose largest is KS).

    Examples
    --------
    >>> curves([0, 0, 0, 1], [1, 2, 3, 4], points=2)[["share", "bads", "lift"]].round(2)
       share  bads  lift
    0    0.5   1.0   2.0
    1    1.0   1.0   1.0
    """
    y, values = outcomes(y_true, score)
    order = np.argsort(-values, kind="stable")
    falling, n, all_bads = values[order], len(y), int(y.sum())
    places = np.ceil(n * np.arange(1, points + 1) / points).astype(int) - 1
    above = np.unique(falling[places])[::-1]
    taken = np.searchsorted(-falling, -above, side="right")  # equal scores stand together
    bads = y[order].cumsum()[taken - 1]
    lower, upper = share_interval(bads, all_bads, level)
    share = taken / n
    table = pd.DataFrame(
        {
            "score": above,
            "share": share,
            "bads": bads / all_bads,
            "lower": lower,
            "upper": upper,
            "goods": (taken - bads) / (n - all_bads),
        }
    )
    for of, to in (("bads", "lift"), ("lower", "lift_lower"), ("upper", "lift_upper")):
        table[to] = table[of] / share
    return table.assign(gap=table["bads"] - table["goods"])


def discrimination(samples: Mapping[str, tuple[Any, Any]], *, level: float = 0.95) -> pd.DataFrame:
    """Return Gini and KS of several samples beside each other.

    Parameters
    ----------
    samples : mapping of str to (y_true, score)
        ``{"train": (…), "test": (…), "out-of-time": (…)}``; the last is the figure to believe.

    Returns
    -------
    DataFrame
        A row a sample: ``n``, ``bads``, ``bad_rate``, and ``gini`` and ``ks`` with their limits.
    """
    rows = {}
    for name, (y_true, score) in samples.items():
        y, values = outcomes(y_true, score)
        row: dict[str, float] = {"n": len(y), "bads": int(y.sum()), "bad_rate": float(y.mean())}
        for what, of in (("gini", gini), ("ks", ks)):
            e = of(y, values, level=level)
            row |= {what: e.estimate, f"{what}_lower": e.lower, f"{what}_upper": e.upper}
        rows[name] = row
    return pd.DataFrame.from_dict(rows, orient="index").astype({"n": int, "bads": int})
