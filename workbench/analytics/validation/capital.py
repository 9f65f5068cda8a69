"""Regulatory capital by the internal-ratings formula, and what chances that are off cost in it."""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy import stats

from workbench.analytics.validation.calibration import to_long_run
from workbench.analytics.validation.estimates import Array, Estimate, outcomes, share
from workbench.errors import UnknownName

ASSET_CLASSES = ("corporate", "residential mortgage", "other retail", "qualifying revolving")


def _correlation(p: Array, asset_class: str) -> Array:
    if asset_class == "residential mortgage":
        return np.full_like(p, 0.15)
    if asset_class == "qualifying revolving":
        return np.full_like(p, 0.04)
    low, high, rate = (0.12, 0.24, 50) if asset_class == "corporate" else (0.03, 0.16, 35)
    weight = np.expm1(-rate * p) / np.expm1(-rate)
    return np.asarray(low * weight + high * (1 - weight))


def irb_risk_weight(pd: Any, *, lgd: Any, asset_class: str, maturity_years: Any = 2.5) -> Array:
    """Return risk weights of exposures that are not in default, as shares of the exposure.

    Parameters
    ----------
    pd, lgd : array-like
        Probability of default in a year, and loss given default; from 0 to 1. No floor is applied:
        the law's own goes first.
    asset_class : str
        "corporate", "residential mortgage", "other retail" or "qualifying revolving".
    maturity_years : array-like
        Of corporate exposures.

    References
    ----------
    Basel Committee, *International convergence of capital measurement and capital standards*, 2006,
    paragraphs 272 and 328 to 330, without the scaling factor; now CRE31.

    Examples
    --------
    >>> round(100 * float(irb_risk_weight(0.01, lgd=0.45, asset_class="corporate")), 2)
    92.32
    """
    if asset_class not in ASSET_CLASSES:
        raise UnknownName("asset class", asset_class, ASSET_CLASSES)
    p, loss = np.asarray(pd, dtype=float), np.asarray(lgd, dtype=float)
    rho = _correlation(p, asset_class)
    stressed = stats.norm.ppf(p) + np.sqrt(rho) * stats.norm.ppf(0.999)
    capital = loss * (stats.norm.cdf(stressed / np.sqrt(1 - rho)) - p)
    if asset_class == "corporate":
        slope = (0.11852 - 0.05478 * np.log(p)) ** 2
        capital = capital * (1 + (np.asarray(maturity_years) - 2.5) * slope) / (1 - 1.5 * slope)
    return np.asarray(12.5 * capital)


def capital_gap(
    y_true: Any, y_prob: Any, exposure: Any, *, lgd: Any, asset_class: str, level: float = 0.95
) -> Estimate:
    """Return how much more capital (8 %) the observed default rate asks for than the predicted one.

    The chances are moved alike in log odds to the observed rate, and to the limits of its interval.

    Parameters
    ----------
    y_true, y_prob : array-like, shape (n,)
    exposure : array-like, shape (n,)
        Exposure at default, in currency.
    lgd, asset_class
        As for `irb_risk_weight`.

    Returns
    -------
    Estimate
        In currency; below 0 where too much is held. ``words`` is the line for the report.
    """
    y, p = outcomes(y_true, y_prob, chances=True)
    held = np.broadcast_to(np.asarray(exposure, dtype=float), y.shape)
    observed = share(int(y.sum()), len(y), level)

    def capital(chances: Array) -> float:
        weights = irb_risk_weight(chances, lgd=lgd, asset_class=asset_class)
        return float(0.08 * (weights * held).sum())

    now = capital(p)
    middle, *limits = (
        capital(to_long_run(p, rate)) - now
        for rate in (observed.estimate, observed.lower, observed.upper)
    )
    words = (
        f"predicted {p.mean():.1%}, observed {observed.estimate:.1%}: capital of {now:,.0f} would "
        f"be {now + middle:,.0f}, {middle:+,.0f} ({min(limits):+,.0f} to {max(limits):+,.0f})"
    )
    return Estimate(middle, min(limits), max(limits), len(y), words)
