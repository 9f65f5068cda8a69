"""Drift: PSI and CSI by period, with the band in which they stay where nothing has changed.

PSI grows as samples shrink, so a fixed 0.1 or 0.25 finds drift in every small month. Here the band
is exact for the sizes at hand: where nothing changed, a period is a draw without replacement from
both samples together, whatever their common shares are, so periods are drawn like that, given the
privacy noise that the counts carry, and go through the same arithmetic.

Yurdakul & Naranjo, *Statistical properties of the population stability index*, J. Risk Model
Validation 14, 2020: for large samples n·m/(n + m)·PSI is chi-square with a degree of freedom less
than bins. Its shape, with the mean and spread drawn, carries the band to several periods at once.
"""

from typing import Any

import numpy as np
import pandas as pd
from scipy import stats

from workbench.analytics.validation.estimates import one_of_many
from workbench.errors import InputError
from workbench.privacy.operations import scoring


def psi(
    reference: Any,
    current: Any,
    *,
    noise_sd: float = 0.0,
    level: float = 0.95,
    looked_at: int | None = None,
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
    level : float
        Chance of a period without drift to stay below ``limit``.
    looked_at : int, optional
        Figures that ``limit_all`` holds for at once; the number of periods when left out.

    Returns
    -------
    DataFrame
        A row a period: ``n``, ``psi``, ``no_drift`` (its mean where nothing changed), ``limit``,
        ``drift`` (beyond it), ``limit_all`` and ``drift_all``, which hold for all at once.

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
    counts = table.to_numpy(dtype=float)
    if base.ndim != 1 or len(base) < 2 or counts.shape[1] != len(base):
        raise InputError(
            f"the reference has {base.size} bins and the periods {counts.shape[1]}; give counts of "
            "the same two bins or more, periods as rows."
        )
    if not np.isfinite(counts).all() or not np.isfinite(base).all() or noise_sd < 0:
        raise InputError("counts are finite numbers, and noise_sd is 0 or more.")
    if not noise_sd and (min(base.min(), counts.min()) < 0):
        raise InputError(
            "counts below 0 carry privacy noise; give its standard deviation, noise_sd."
        )
    beyond = 1 - level, 1 - one_of_many(level, looked_at or len(counts))
    rows = []
    for row in counts:
        if base.sum() + row.sum() < 2:
            raise InputError("a period or its reference has no case; leave it out.")
        unchanged = scoring.unchanged(np.stack([base, row]), np.full((2, len(base)), noise_sd))
        middle, limit = unchanged.mean(), np.quantile(unchanged, level)
        dof = 2 * middle**2 / unchanged.var()
        wider = stats.chi2.isf(beyond[1], dof) / stats.chi2.isf(beyond[0], dof)
        rows.append((round(row.sum()), float(scoring.psi(base, row)), middle, limit, limit * wider))
    names = ["n", "psi", "no_drift", "limit", "limit_all"]
    found = pd.DataFrame(rows, index=table.index, columns=names)
    found["drift"] = found["psi"] > found["limit"]
    found["drift_all"] = found["psi"] > found["limit_all"]
    return found


def psi_by_period(
    reference: Any,
    values: Any,
    period: Any,
    *,
    bins: int = 10,
    level: float = 0.95,
    looked_at: int | None = None,
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
        level=level,
        looked_at=looked_at,
    )


def csi(
    reference: pd.DataFrame,
    frame: pd.DataFrame,
    period: Any,
    *,
    bins: int = 10,
    level: float = 0.95,
) -> pd.DataFrame:
    """Return the characteristic stability index: `psi_by_period` of each feature.

    ``limit_all`` and ``drift_all`` hold for all periods of all features at once.
    """
    looked_at = len(reference.columns) * pd.Series(np.asarray(period)).nunique()
    found = {
        name: psi_by_period(
            reference[name], frame[name], period, bins=bins, level=level, looked_at=looked_at
        )
        for name in reference.columns
    }
    return pd.concat(found, names=["feature"])
