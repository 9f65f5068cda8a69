"""Whether predicted chances of default are those observed, and what it costs in capital if not."""

from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from scipy import optimize, special, stats
from statsmodels.discrete.discrete_model import Logit

from workbench.analytics.validation.estimates import (
    Array,
    Estimate,
    Significance,
    outcomes,
    share,
    shares,
)
from workbench.errors import InputError, one_of

_DRAWS = 4_000


def brier(y_true: Any, y_prob: Any, *, level: float = 0.95) -> Estimate:
    """Return the Brier score, the mean squared error of the chances, with its interval."""
    y, p = outcomes(y_true, y_prob, chances=True)
    squares, z = (y - p) ** 2, stats.norm.isf((1 - level) / 2)
    middle, margin = float(squares.mean()), float(z * stats.sem(squares))
    return Estimate(middle, middle - margin, middle + margin, len(y))


def _binned(y_true: Any, y_prob: Any, bins: int) -> tuple[Array, Array, Array, Array]:
    """Return of bins of equal size: cases, bads expected, bads, and the variance of the bads."""
    y, p = outcomes(y_true, y_prob, chances=True)
    edges = np.unique(np.quantile(p, np.arange(1, bins) / bins))
    codes = np.unique(np.searchsorted(edges, p, side="left"), return_inverse=True)[1]
    weights = (np.ones_like(p), p, y, p * (1 - p))
    n, expected, bads, variance = (np.bincount(codes, weights=each) for each in weights)
    return n, expected, bads, variance


def calibration_table(
    y_true: Any, y_prob: Any, *, bins: int = 10, level: float = 0.95
) -> pd.DataFrame:
    """Return predicted and observed rates by bins of equal size.

    Returns
    -------
    DataFrame
        A row a bin, from the safest on: ``n``, ``predicted`` (mean), ``bads``, ``observed`` with
        ``lower`` and ``upper`` (Jeffreys).
    """
    n, expected, bads, _ = _binned(y_true, y_prob, bins)
    table = pd.DataFrame({"n": n.astype(int), "predicted": expected / n, "bads": bads.astype(int)})
    return table.join(shares(table["bads"], table["n"], level, "observed")).rename_axis("bin")


def expected_calibration_error(y_true: Any, y_prob: Any, *, bins: int = 10) -> Significance:
    """Return the mean gap of predicted and observed rates over bins of equal size.

    Its ``expected`` is what it comes to by chance where every chance is right, which is not 0; its
    ``p_value`` is how often chance alone brings as much.
    """
    n, expected, bads, variance = _binned(y_true, y_prob, bins)
    gap = float(np.abs(bads - expected).sum() / n.sum())
    noise = np.random.default_rng(0).standard_normal((_DRAWS, len(n)))
    by_chance = np.abs(noise * np.sqrt(variance)).sum(axis=1) / n.sum()
    p_value = float((by_chance >= gap).mean())
    return Significance(gap, p_value, 0, int(n.sum()), float(by_chance.mean()))


def spiegelhalter(y_true: Any, y_prob: Any) -> Significance:
    """Return Spiegelhalter's z, two-sided: the calibration part of the Brier score.

    Spiegelhalter, *Probabilistic prediction in patient management*, Statistics in Medicine 5, 1986.
    """
    y, p = outcomes(y_true, y_prob, chances=True)
    variance = float(((1 - 2 * p) ** 2 * p * (1 - p)).sum())
    if not variance:
        raise InputError("every chance is 0, one half or 1: Spiegelhalter's z has no spread there.")
    z = float(((y - p) * (1 - 2 * p)).sum()) / np.sqrt(variance)
    return Significance(float(z), float(2 * stats.norm.sf(abs(z))), 0, len(y), 0.0)


def hosmer_lemeshow(y_true: Any, y_prob: Any, *, fresh: bool, groups: int = 10) -> Significance:
    """Return Hosmer and Lemeshow's test over groups of equal size.

    Parameters
    ----------
    y_true, y_prob : array-like, shape (n,)
    fresh : bool
        True for cases that the model was not fitted on: as many degrees of freedom as groups.
        False for those that it was: two fewer. Asked aloud, since the wrong one finds fault with
        a good model, or none with a bad one.
    groups : int
        Fewer come out where chances are equal.

    References
    ----------
    Hosmer, Lemeshow & Sturdivant, *Applied Logistic Regression*, 3rd edition, 2013, 5.2.2.
    """
    n, expected, bads, _ = _binned(y_true, y_prob, groups)
    dof = len(n) if fresh else len(n) - 2
    if dof < 1:
        raise InputError(
            f"{len(n)} groups are too few for the test; give chances that differ, or groups=10."
        )
    spread = expected * (1 - expected / n)  # the published form: of the group's mean chance
    if not spread.all():
        raise InputError("all chances of a group are 0 or 1; no test holds for certainties.")
    statistic = float(((bads - expected) ** 2 / spread).sum())
    p_value = float(stats.chi2.sf(statistic, dof))
    return Significance(statistic, p_value, dof, int(n.sum()), float(dof))


class Cox(NamedTuple):
    """Cox's recalibration: log odds observed = intercept + slope × log odds predicted."""

    intercept: Estimate
    slope: Estimate
    significance: Significance


def cox(y_true: Any, y_prob: Any, *, level: float = 0.95) -> Cox:
    """Return Cox's intercept and slope (0 and 1 are perfect) and the test of both together.

    A slope below 1 means chances too extreme: the model was fitted too closely.

    Cox, *Two further applications of a model for binary regression*, Biometrika 45, 1958.
    """
    y, p = outcomes(y_true, y_prob, chances=True)
    odds = special.logit(np.clip(p, 1e-15, 1 - 1e-15))
    if len(np.unique(odds)) < 2:
        raise InputError("all chances are equal: no slope can be told; compare the rates instead.")
    bad, good = odds[y == 1], odds[y == 0]
    if bad.min() >= good.max() or bad.max() <= good.min():
        raise InputError("the chances part goods from bads completely: no slope can be told.")
    model = Logit(y, np.column_stack([np.ones_like(odds), odds]))
    fit = model.fit(disp=False)
    intercept, slope = (
        Estimate(float(value), float(lower), float(upper), len(y))
        for value, (lower, upper) in zip(fit.params, fit.conf_int(1 - level), strict=True)
    )
    gain = float(2 * (fit.llf - model.loglike([0, 1])))
    return Cox(intercept, slope, Significance(gain, float(stats.chi2.sf(gain, 2)), 2, len(y), 2.0))


def long_run_average(rates: Any, *, level: float = 0.95) -> Estimate:
    """Return the mean of one-year default rates, each year alike, with the interval of the years.

    Years differ by more than chance, so the interval is Student's over years and not that of cases.

    EBA, *Guidelines on PD estimation, LGD estimation and treatment of defaulted exposures*
    (EBA/GL/2017/16), paragraphs 78 to 83.
    """
    years = np.asarray(rates, dtype=float)
    if len(years) < 2 or not ((years >= 0) & (years <= 1)).all():
        raise InputError(
            "a long-run average needs the default rates, 0 to 1, of two years or more."
        )
    middle = float(years.mean())
    margin = float(stats.t.isf((1 - level) / 2, len(years) - 1) * stats.sem(years))
    return Estimate(middle, max(middle - margin, 0.0), min(middle + margin, 1.0), len(years))


def to_long_run(y_prob: Any, average: float) -> Array:
    """Return the chances moved alike in log odds so that their mean is ``average``.

    The order of cases, and so Gini and KS, stay as they are.
    """
    p = np.asarray(y_prob, dtype=float)
    if not 0 < average < 1 or not ((p > 0) & (p < 1)).all():
        raise InputError("chances and their long-run average lie between 0 and 1, both excluded.")
    odds = special.logit(p)
    shift = optimize.brentq(lambda by: special.expit(odds + by).mean() - average, -40, 40)
    return np.asarray(special.expit(odds + shift))


# Correlation of the riskiest and of the safest obligors, and how fast it falls with the chance.
ASSET_CLASSES = {
    "corporate": (0.12, 0.24, 50),
    "residential mortgage": (0.15, 0.15, 1),
    "other retail": (0.03, 0.16, 35),
    "qualifying revolving": (0.04, 0.04, 1),
}


def irb_risk_weight(pd: Any, *, lgd: Any, asset_class: str, maturity_years: Any = 2.5) -> Array:
    """Return risk weights of exposures that are not in default, as shares of the exposure.

    Parameters
    ----------
    pd, lgd : array-like
        Probability of default in a year, above 0, and loss given default. No floor is applied: the
        law's own goes first.
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
    low, high, rate = one_of("asset class", ASSET_CLASSES, asset_class)
    p, loss = np.asarray(pd, dtype=float), np.asarray(lgd, dtype=float)
    if not ((p > 0) & (p <= 1)).all() or not ((loss >= 0) & (loss <= 1)).all():
        raise InputError("pd is above 0 and lgd 0 or more, both at most 1: 0.01 for one percent.")
    rho = high + (low - high) * np.expm1(-rate * p) / np.expm1(-rate)
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
