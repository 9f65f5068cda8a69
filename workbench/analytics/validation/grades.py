"""Rating grades: a master scale, tests of its PDs with their power, PDs where few default."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
from scipy import stats
from statsmodels.stats.multitest import multipletests

from workbench.analytics.validation.estimates import Array, figures_of, shares
from workbench.errors import InputError, one_of

TESTS: dict[str, Callable[..., Array]] = {  # chance of k defaults or more where the PD is right
    "binomial": lambda k, n, p: stats.binom.sf(k - 1, n, p),
    "jeffreys": lambda k, n, p: stats.beta.cdf(p, k + 0.5, n - k + 0.5),
    "z": lambda k, n, p: stats.norm.sf((k / n - p) / np.sqrt(p * (1 - p) / n)),
}
AMBER, RED = 0.05, 0.001  # chances of as many defaults or more, where the PD is right


def master_scale(lowest: float, highest: float, grades: int) -> pd.DataFrame:
    """Return grades whose PD bounds grow by one factor, from ``lowest`` to ``highest``.

    Returns
    -------
    DataFrame
        Index ``grade`` from 1, the safest: ``lower`` and ``upper`` bound and ``pd``, their
        geometric mean. The first also takes lower chances, the last higher ones.

    Examples
    --------
    >>> master_scale(0.01, 0.16, 2).round(3)
           lower  upper    pd
    grade
    1       0.01   0.04  0.02
    2       0.04   0.16  0.08
    """
    if not 0 < lowest < highest < 1 or grades < 2:
        raise InputError("a master scale has two grades or more between PDs like 0.0003 and 0.2.")
    bounds = np.geomspace(lowest, highest, grades + 1)
    columns = {"lower": bounds[:-1], "upper": bounds[1:], "pd": np.sqrt(bounds[:-1] * bounds[1:])}
    return pd.DataFrame(columns, pd.RangeIndex(1, grades + 1, name="grade"))


def assign_grades(y_prob: Any, scale: pd.DataFrame) -> Array:
    """Return each case's grade on a master scale."""
    places = np.searchsorted(
        scale["upper"].to_numpy()[:-1], figures_of(y_prob, chances=True), side="right"
    )
    return np.asarray(scale.index.to_numpy()[places])


def backtest_power(
    n: Any, pd_assigned: Any, pd_true: Any, *, test: str = "binomial", alpha: float = AMBER
) -> Array:
    """Return how often a grade's test finds fault where the true PD is another one.

    Parameters
    ----------
    n : array-like of int
        Obligors in the grade.
    pd_assigned, pd_true : array-like of float
    test : {"binomial", "jeffreys", "z"}
    alpha : float
        Level of the test. The traffic light is the binomial test at 5 % (amber) and 0.1 % (red).

    Examples
    --------
    >>> round(float(backtest_power(53, 0.20, 0.25)), 2)
    0.15
    """
    n, assigned, true = np.broadcast_arrays(np.floor(n), pd_assigned, pd_true)
    p_value = one_of("test of a grade", TESTS, test)
    passed, failed = np.full(n.shape, -1.0), n + 1  # the fewest defaults that fail lie between
    while (failed - passed > 1).any():
        middle = (passed + failed) // 2
        fails = p_value(middle, n, assigned) <= alpha
        passed, failed = np.where(fails, passed, middle), np.where(fails, middle, failed)
    return np.asarray(stats.binom.sf(failed - 1, n, true))


def backtest_grades(
    n: Any, defaults: Any, pd_assigned: Any, *, too_low: float = 0.05, level: float = 0.95
) -> pd.DataFrame:
    """Test each grade's PD for being too low, with the power of each test beside it.

    Parameters
    ----------
    n, defaults, pd_assigned : array-like, shape (grades,)
        Of a Series the index names the grades.
    too_low : float
        Power is told for true PDs that are higher by this much.

    Returns
    -------
    DataFrame
        A row a grade: ``observed`` with ``lower`` and ``upper``; ``binomial_p``, ``jeffreys_p`` and
        ``z_p``, chances of as many defaults or more where the PD is right; ``binomial_power``,
        ``jeffreys_power`` and ``z_power`` at 5 %; ``light``, amber where the binomial chance is at
        most 5 % and red at most 0.1 %, with ``red_power``; ``all_p``, the binomial chance raised
        for the number of grades looked at (Holm); ``words``. Defaults are taken as independent:
        where they move together, more lights show than should.

    References
    ----------
    Tasche, *A traffic lights approach to PD validation*, 2003, arXiv cond-mat/0305038. Jeffreys:
    ECB, *Instructions for reporting the validation results of internal models*, 2019, 2.5.3.1.

    Examples
    --------
    >>> backtest_grades([141], [11], [0.05])[["binomial_p", "jeffreys_p", "z_p"]].round(4)
       binomial_p  jeffreys_p     z_p
    0      0.0966      0.0709  0.0635
    """
    names = next((g.index for g in (n, defaults, pd_assigned) if isinstance(g, pd.Series)), None)
    table = pd.DataFrame({"n": n, "defaults": defaults, "pd": pd_assigned}, index=names)
    n, k, p = table.to_numpy(dtype=float, na_value=np.nan).T
    if not ((n > 0) & (k >= 0) & (k <= n) & (p > 0) & (p + too_low < 1)).all():
        raise InputError(
            "a grade has obligors, from none to all of them in default, and a PD above 0 that "
            "stays below 1 when too_low is added; leave empty grades out."
        )
    # why int: released counts may have fractions
    table = table.astype({"n": int, "defaults": int, "pd": float})
    table = table.join(shares(table["defaults"], table["n"], level, "observed"))
    for test, p_value in TESTS.items():
        table[f"{test}_p"] = p_value(table["defaults"].to_numpy(), table["n"].to_numpy(), p)
        table[f"{test}_power"] = backtest_power(n, p, p + too_low, test=test)
    table["red_power"] = backtest_power(n, p, p + too_low, alpha=RED)
    table["all_p"] = multipletests(table["binomial_p"], method="holm")[1]
    table["light"] = np.select(
        [table["binomial_p"] <= RED, table["binomial_p"] <= AMBER], ["red", "amber"], "green"
    )
    table["words"] = [
        f"with {many:,} in this grade, {100 * too_low:g} points too low would be noticed "
        f"{100 * power:.0f} times in 100"
        for many, power in zip(table["n"], table["binomial_power"], strict=True)
    ]
    return table


def low_default_pd(obligors: Any, defaults: Any = 0, *, confidence: float) -> Array:
    """Return the most prudent PDs of grades with few or no defaults, from the safest on.

    Each is the highest under which so few defaults in this and all riskier grades still have a
    chance of 1 − ``confidence``.

    Parameters
    ----------
    obligors : array-like of int, shape (grades,)
    defaults : array-like of int, shape (grades,), or 0
    confidence : float
        Without a default: what the bank wants to hold, such as 0.5, 0.75 or 0.9.

    References
    ----------
    Pluto & Tasche, *Estimating probabilities of default for low default portfolios*, 2005, arXiv
    cond-mat/0411699; independent defaults.

    Examples
    --------
    >>> low_default_pd([100, 400, 300], confidence=0.9).round(4)
    array([0.0029, 0.0033, 0.0076])
    """
    n = np.asarray(obligors, dtype=int)
    k = np.broadcast_to(np.asarray(defaults, dtype=int), n.shape)
    if not ((n > 0) & (k >= 0) & (k <= n)).all() or not 0 < confidence < 1:
        raise InputError(
            "grades have obligors, from none to all of them in default; confidence lies between 0 "
            "and 1, such as 0.9."
        )
    at_least, fallen = n[::-1].cumsum()[::-1], k[::-1].cumsum()[::-1]
    upper = stats.beta.ppf(confidence, fallen + 1, at_least - fallen)
    return np.where(fallen == at_least, 1.0, upper)
