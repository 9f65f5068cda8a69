"""A figure with its interval, a share's interval, and what every check of outcomes is given."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from scipy import stats

from workbench.errors import InputError
from workbench.privacy.models.bins import numbers_of

Array = np.ndarray[Any, Any]


@dataclass(frozen=True)
class Estimate:
    """A figure with its interval.

    Attributes
    ----------
    estimate, lower, upper : float
    n : int
        Cases it stands on.
    words : str
        What it says, where a number alone would not do.
    """

    estimate: float
    lower: float
    upper: float
    n: int
    words: str = ""


@dataclass(frozen=True)
class Significance:
    """A statistic and how often chance alone brings one as large.

    Attributes
    ----------
    statistic, p_value : float
    dof : int
        Degrees of freedom; 0 where the statistic has none.
    n : int
    expected : float
        What the statistic is on average where nothing is wrong.
    """

    statistic: float
    p_value: float
    dof: int
    n: int
    expected: float


def share_interval(events: Any, n: Any, level: float = 0.95) -> tuple[Array, Array]:
    """Return lower and upper Jeffreys limits of shares, which reach 0 and 1 where all are alike.

    Brown, Cai & DasGupta, *Interval estimation for a binomial proportion*, Statist. Sci. 16, 2001.
    """
    events, n = np.asarray(events, dtype=float), np.asarray(n, dtype=float)
    tail = (1 - level) / 2
    lower = stats.beta.ppf(tail, events + 0.5, n - events + 0.5)
    upper = stats.beta.isf(tail, events + 0.5, n - events + 0.5)
    return np.where(events <= 0, 0.0, lower), np.where(events >= n, 1.0, upper)


def shares(events: Any, n: Any, level: float = 0.95, name: str = "share") -> pd.DataFrame:
    """Return shares with ``lower`` and ``upper`` beside; not a number where there is no case."""
    events = pd.Series(events).astype(float)
    n = pd.Series(n, events.index).astype(float)
    lower, upper = share_interval(events, n, level)
    columns = {name: events / n.where(n > 0), "lower": lower, "upper": upper}
    return pd.DataFrame(columns, index=events.index).where(n > 0)


def share(events: float, n: float, level: float = 0.95) -> Estimate:
    """Return one share with its Jeffreys interval."""
    lower, upper = share_interval(events, n, level)
    return Estimate(float(events / n), float(lower), float(upper), int(n))


def one_of_many(level: float, figures: int) -> float:
    """Return the level each of several figures needs for all to hold at once (Šidák 1967)."""
    return float(level ** (1 / max(1, figures)))


def outcomes(y_true: Any, *figures: Any, chances: bool = False) -> tuple[Array, ...]:
    """Return outcomes as 0 and 1 and figures beside them as floats, or say what is wrong."""
    y = known_outcomes(y_true)
    if missing := int(np.isnan(y).sum()):
        raise InputError(
            f"{missing:,} of {len(y):,} outcomes are not known. An outcome is known once its "
            "performance window is over: keep the matured cases, frame[frame.y.notna()]."
        )
    if len(np.unique(y)) < 2:
        raise InputError(
            f"all {len(y):,} outcomes are alike; a check needs goods and bads. Take more cases."
        )
    return y.astype(int), *(figures_of(each, y.shape, chances=chances) for each in figures)


def known_outcomes(y_true: Any) -> Array:
    """Return outcomes as 0 and 1, not a number where they are not known."""
    given = pd.Series(np.asarray(y_true))
    y = numbers_of(given)
    if not (np.isin(y, (0.0, 1.0)) | given.isna()).all():
        raise InputError("outcomes are 0 (good) and 1 (bad), or False and True.")
    return y


def decided(values: Any) -> Array:
    """Return decisions as True and False."""
    found = numbers_of(np.asarray(values))
    if not np.isin(found, (0.0, 1.0)).all():
        raise InputError("decisions are True or False of each case: decision == 'approved'.")
    return np.asarray(found == 1)


def figures_of(figure: Any, shape: Any = None, *, chances: bool = False) -> Array:
    """Return figures of cases as floats, or say what is wrong with them."""
    if shape is not None and np.shape(figure) != shape:
        raise InputError(
            f"there are {shape[0]:,} outcomes and figures of shape {np.shape(figure)}: one "
            "figure a case, such as model.predict_proba(X)[:, 1]."
        )
    column = numbers_of(np.ravel(figure)).reshape(np.shape(figure))
    if not np.isfinite(column).all():
        raise InputError(
            f"{int((~np.isfinite(column)).sum()):,} figures are missing or infinite; score "
            "every case, or leave it out on both sides."
        )
    if chances and not ((column >= 0) & (column <= 1)).all():
        raise InputError(
            "y_prob is the chance of a bad outcome, from 0 to 1. Points are not: give "
            "model.predict_proba(X)[:, 1]."
        )
    return column
