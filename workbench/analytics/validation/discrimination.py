"""How well a score tells bads from goods, and whether it still meets the same people.

AUC, Gini, KS and the curves, with intervals: a higher score means a higher risk. Points of a
scorecard, where more is better, are given as ``-points``.

PSI and CSI by period: PSI grows as samples shrink, so a fixed 0.1 or 0.25 finds drift in every
small month. Here the band in which it stays without drift is exact for the sizes at hand: where
nothing changed, a period is a draw without replacement from both samples together, whatever their
common shares are, so periods are drawn like that, given the privacy noise that the counts carry,
and go through the same arithmetic. Yurdakul & Naranjo, *Statistical properties of the population
stability index*, J. Risk Model Validation 14, 2020: for large samples n·m/(n + m)·PSI is chi-square
with a degree of freedom less than bins. Its shape, with the mean and spread drawn, carries the band
to several periods at once.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
from scipy import stats

from workbench.analytics.validation.estimates import (
    Array,
    Estimate,
    one_of_many,
    outcomes,
    shares,
)
from workbench.errors import InputError
from workbench.privacy.operations import scoring


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
    # why 0: whether there is any gap at all is told by the test of Kolmogorov and Smirnov
    lower = max(gap - luck - margin, 0.0) if found.pvalue < 1 - level else 0.0
    upper = min(max(gap - luck + margin, gap), 1.0)
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
    table = pd.DataFrame({"score": above, "share": taken / n})
    table = table.join(shares(bads, all_bads, level, "bads"))
    table["goods"] = (taken - bads) / (n - all_bads)
    for of, to in (("bads", "lift"), ("lower", "lift_lower"), ("upper", "lift_upper")):
        table[to] = table[of] / table["share"]
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


def psi(
    reference: Any, current: Any, *, noise_sd: float = 0.0, looked_at: int | None = None
) -> pd.DataFrame:
    """Return the population stability index of each period with its no-drift band.

    Parameters
    ----------
    reference : array-like of float, shape (bins,)
        Counts of the sample the model was made on.
    current : DataFrame, shape (periods, bins), or array-like, shape (bins,)
        Counts of each period in the same bins.
    noise_sd : float
        Standard deviation of the privacy noise on each count, of both: a released count's 95 %
        margin is 1.96 of it. 0 for exact counts.
    looked_at : int, optional
        Figures that ``limit_all`` holds for at once; the number of periods when left out.

    Returns
    -------
    DataFrame
        A row a period: ``n``, ``psi``, ``no_drift`` (its mean where nothing changed), ``limit``
        (95 of 100 such periods stay below), ``drift`` (beyond it), ``limit_all`` and ``drift_all``,
        which hold for all at once.

    Examples
    --------
    >>> found = psi([500, 300, 200], [[24, 15, 11], [10, 10, 30]])
    >>> found[["n", "psi", "drift"]].round(2)
        n   psi  drift
    0  50  0.00  False
    1  50  0.75   True
    """
    base = np.asarray(reference, dtype=float)
    table = pd.DataFrame(current if np.ndim(current) == 2 else [current])
    if isinstance(reference, pd.Series) and set(reference.index) == set(table.columns):
        table = table[reference.index]  # a bin is known by its name, in whichever order it came
    counts = table.to_numpy(dtype=float)
    if base.ndim != 1 or len(base) < 2 or counts.shape[1] != len(base):
        raise InputError(
            f"the reference has {base.size} bins and the periods {counts.shape[1]}; give counts of "
            "the same two bins or more, periods as rows."
        )
    both = np.vstack([base, counts])
    if not np.isfinite(both).all() or not noise_sd >= 0 or (not noise_sd and both.min() < 0):
        raise InputError(
            "counts are finite numbers, and 0 or more but for privacy noise: where they carry "
            "some, give its standard deviation, noise_sd, above 0."
        )
    beyond = 1 - one_of_many(0.95, looked_at or len(counts))
    rows = []
    for row in counts:
        if base.sum() + row.sum() < 2 or not (noise_sd or base.sum() * row.sum()):
            raise InputError("a period or its reference has no case; leave it out.")
        unchanged = scoring.unchanged(np.stack([base, row]), np.full((2, len(base)), noise_sd))
        middle, limit = unchanged.mean(), np.quantile(unchanged, 0.95)
        dof = 2 * middle**2 / unchanged.var()
        wider = stats.chi2.isf(beyond, dof) / stats.chi2.ppf(0.95, dof)
        rows.append((round(row.sum()), float(scoring.psi(base, row)), middle, limit, limit * wider))
    found = pd.DataFrame(rows, table.index, ["n", "psi", "no_drift", "limit", "limit_all"])
    found["drift"] = found["psi"] > found["limit"]
    found["drift_all"] = found["psi"] > found["limit_all"]
    return found


def psi_by_period(
    reference: Any, values: Any, period: Any, *, bins: int = 10, looked_at: int | None = None
) -> pd.DataFrame:
    """Return `psi` of a score by period, in bins of equal size of the reference.

    Parameters
    ----------
    reference : array-like, shape (m,)
        The score, or the feature, of the sample the model was made on. Numbers of ``bins`` values
        or fewer, and text, are taken value by value; what is missing is a bin of its own.
    values, period : array-like, shape (n,)
        The same of later cases, and the period each belongs to: the month of the decision.
    """
    before, now = pd.Series(np.asarray(reference)), pd.Series(np.asarray(values))
    if pd.api.types.is_numeric_dtype(before) and before.nunique() > bins:
        edges = np.unique(before.quantile(np.arange(1, bins) / bins).to_numpy())
        before, now = (
            pd.Series(np.searchsorted(edges, each, side="left")).where(each.notna(), -1)
            for each in (before, now)
        )
    else:
        before, now = (each.astype(object).where(each.notna(), "missing") for each in (before, now))
    table = pd.crosstab(np.asarray(period), now.to_numpy()).rename_axis(index="period")
    counts = before.value_counts()
    names = counts.index.union(table.columns, sort=False)
    return psi(
        counts.reindex(names, fill_value=0),
        table.reindex(columns=names, fill_value=0),
        looked_at=looked_at,
    )


def csi(
    reference: pd.DataFrame, frame: pd.DataFrame, period: Any, *, bins: int = 10
) -> pd.DataFrame:
    """Return the characteristic stability index: `psi_by_period` of each feature.

    ``limit_all`` and ``drift_all`` hold for all periods of all features at once.
    """
    looked_at = len(reference.columns) * pd.Series(np.asarray(period)).nunique()
    found = {
        name: psi_by_period(reference[name], frame[name], period, bins=bins, looked_at=looked_at)
        for name in reference.columns
    }
    return pd.concat(found, names=["feature"])
