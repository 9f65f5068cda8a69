"""Decisions: a cut-off by expected profit, bands, overrides, swap sets, one card or several."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from scipy import stats
from sklearn.model_selection import StratifiedKFold, cross_val_predict

from workbench.analytics.validation.discrimination import gini_difference
from workbench.analytics.validation.estimates import Array, Estimate, outcomes, share, shares
from workbench.errors import InputError

_DRAWS = 400
_CUTS = 1_000  # tried: a thousandth of the cases apart is finer than any interval of the best


@dataclass(frozen=True)
class Cutoff:
    """A cut-off chosen by expected profit.

    Attributes
    ----------
    cutoff, lower, upper : float
        Approve below it; the interval is of choosing anew on other cases.
    profit : Estimate
        Of a case on average, in the currency given. What choosing the best on the same cases adds
        is taken off.
    approval_rate, bad_rate : Estimate
    table : DataFrame
        ``cutoff``, ``approval_rate``, ``bad_rate`` and ``profit`` a case, at every one tried.
    """

    cutoff: float
    lower: float
    upper: float
    profit: Estimate
    approval_rate: Estimate
    bad_rate: Estimate
    table: pd.DataFrame


def best_cutoff(
    y_true: Any, y_prob: Any, *, gain_good: Any, loss_bad: Any, level: float = 0.95
) -> Cutoff:
    """Return the chance of default below which approving earns most.

    Parameters
    ----------
    y_true, y_prob : array-like, shape (n,)
        Cases that the model was not fitted on, and that went through no cut-off of their own: of
        cases approved before, the answer holds for applicants like those.
    gain_good, loss_bad : float or array-like, shape (n,)
        What approving earns of a good case and loses of a bad one; both above 0.

    Examples
    --------
    >>> y, p = [0, 0, 1, 0, 1, 1] * 50, [0.1, 0.2, 0.3, 0.4, 0.7, 0.9] * 50
    >>> found = best_cutoff(y, p, gain_good=1, loss_bad=5)
    >>> found.cutoff, found.approval_rate.estimate.__round__(2)
    (0.3, 0.33)
    """
    y, p = outcomes(y_true, y_prob, chances=True)
    gain, loss = (np.broadcast_to(np.asarray(x, float), y.shape) for x in (gain_good, loss_bad))
    if not ((gain > 0) & (loss > 0)).all():
        raise InputError("gain_good and loss_bad are amounts above 0; the loss is taken off.")
    order = np.argsort(p, kind="stable")
    p, y, worth = p[order], y[order], np.where(y == 1, -loss, gain)[order]
    places = np.unique(np.linspace(0, len(p), _CUTS + 1).astype(int))[1:-1]
    places = np.unique(np.searchsorted(p, p[places]))  # equal chances are cut together
    counts = np.unique(np.concatenate([[0], places, [len(p)]]))
    cuts = np.append(p[counts[:-1]], np.nextafter(p[-1], 2))  # approved are those below
    parts, squares = (np.add.reduceat(each, counts[:-1]) for each in (worth, worth**2))
    whole = np.append(0.0, np.cumsum(parts)) / len(p)
    best = int(whole.argmax())
    # why normal: with cases drawn anew (Poisson weights) a part's worth has this mean and spread
    normal = np.random.default_rng(0).standard_normal((_DRAWS, len(parts)))
    again = parts + np.sqrt(squares) * normal
    again = np.cumsum(np.insert(again, 0, 0.0, axis=1), axis=1) / len(p)
    place = again.argmax(axis=1)
    luck = float((again.max(axis=1) - whole[place]).mean())
    taken = int(counts[best])
    earned = np.where(np.arange(len(p)) < taken, worth, 0.0)
    middle = float(earned.mean()) - luck  # Efron's bootstrap estimate of optimism
    # why luck again: it is itself known to about its own size only
    spread = np.sqrt(earned.var(ddof=1) / len(p) + luck**2)
    margin = float(stats.norm.isf((1 - level) / 2) * spread)
    lower, upper = np.quantile(cuts[place], [(1 - level) / 2, (1 + level) / 2])
    bads = np.append(0, np.cumsum(y))[counts]
    rate = np.divide(bads, counts, out=np.full(len(cuts), np.nan), where=counts > 0)
    table = pd.DataFrame({"cutoff": cuts, "approval_rate": counts / len(p), "bad_rate": rate})
    return Cutoff(
        float(cuts[best]),
        float(lower),
        float(upper),
        Estimate(middle, middle - margin, middle + margin, len(p)),
        share(taken, len(p), level),
        share(float(y[:taken].sum()), max(taken, 1), level),
        table.assign(profit=whole),
    )


def _by(group: Array, y_true: Any, order: list[str], level: float) -> pd.DataFrame:
    """Return size and share of each group, and bad rate of its cases whose outcome is known."""
    y = pd.Series(np.full(len(group), np.nan) if y_true is None else np.asarray(y_true))
    y = y.astype(float).to_numpy()
    cases = pd.DataFrame({"group": pd.Categorical(group, order), "y": y})
    grouped = cases.groupby("group", observed=False)["y"]
    table = grouped.agg(n="size", known="count", bads="sum")
    table.insert(1, "share", table["n"] / len(cases))
    return table.join(shares(table["bads"], table["known"], level, "bad_rate"))


def decide(y_prob: Any, *, approve_below: float, decline_from: float) -> Array:
    """Return "approve", "refer" or "decline" of each case; a person decides what is referred."""
    if not 0 <= approve_below <= decline_from <= 1:
        raise InputError("bands need 0 ≤ approve_below ≤ decline_from ≤ 1.")
    places = np.digitize(np.asarray(y_prob, dtype=float), [approve_below, decline_from])
    return np.asarray(np.take(["approve", "refer", "decline"], places))


def decision_bands(
    y_prob: Any,
    *,
    approve_below: float,
    decline_from: float,
    y_true: Any = None,
    level: float = 0.95,
) -> pd.DataFrame:
    """Return how many cases are approved, referred to a person and declined, and their bad rates.

    Returns
    -------
    DataFrame
        ``n``, ``share``, ``known`` outcomes, ``bads`` among them, ``bad_rate`` with its limits.
    """
    group = decide(y_prob, approve_below=approve_below, decline_from=decline_from)
    return _by(group, y_true, ["approve", "refer", "decline"], level)


def override_table(
    recommended: Any, approved: Any, y_true: Any = None, *, level: float = 0.95
) -> pd.DataFrame:
    """Return how often people decide against the card.

    Parameters
    ----------
    recommended, approved : array-like of bool, shape (n,)
        What the card says, and what was decided.
    y_true : array-like, optional
        Outcomes, missing where not known: those of declined cases are.

    Returns
    -------
    DataFrame
        Rows ``approved as recommended``, ``low-side override`` (approved against the card),
        ``high-side override`` (declined against it), ``declined as recommended``; columns as of
        `decision_bands`.
    """
    card, final = (np.asarray(each, dtype=bool) for each in (recommended, approved))
    names = [
        "declined as recommended",
        "low-side override",
        "high-side override",
        "approved as recommended",
    ]
    return _by(np.asarray(names)[2 * card + final], y_true, names[::-1], level)


def swap_set(
    champion: Any, challenger: Any, *, approval_rate: float, y_true: Any = None, level: float = 0.95
) -> pd.DataFrame:
    """Return whom a challenger approves in place of whom, where both approve as many.

    Parameters
    ----------
    champion, challenger : array-like, shape (n,)
        Scores that rise with the risk.
    approval_rate : float
        Share approved by each.
    y_true : array-like, optional
        Outcomes, missing where not known.

    Returns
    -------
    DataFrame
        Rows ``both approve``, ``swapped in``, ``swapped out``, ``both decline``; columns as of
        `decision_bands`. Swapped-in cases that were declined before have no outcome: ``known``
        tells of how many cases a rate is.
    """
    if not 0 < approval_rate < 1:
        raise InputError("approval_rate is the share approved, between 0 and 1.")
    one, other = (
        stats.rankdata(np.asarray(each, dtype=float), method="ordinal")
        <= approval_rate * np.size(champion)
        for each in (champion, challenger)
    )
    names = ["both decline", "swapped in", "swapped out", "both approve"]
    return _by(np.asarray(names)[2 * one + other], y_true, names[::-1], level)


def split_gain(
    estimator: Any, X: pd.DataFrame, y: Any, segment: Any, *, folds: int = 5, level: float = 0.95
) -> Estimate:
    """Return what Gini a card of its own for every segment adds to one card for all.

    Both are judged on folds that they were not fitted on; below 0 the split loses more by its fewer
    cases than it gains.

    Parameters
    ----------
    estimator : scikit-learn classifier
        Fitted anew; the segment is not among its features unless X has it.
    X : DataFrame, shape (n, features)
    y : array-like of 0 and 1
    segment : array-like, shape (n,)
    """
    (labels,) = outcomes(y)
    groups = np.asarray(pd.factorize(np.asarray(segment))[0])
    rarest = pd.crosstab(groups, labels).to_numpy().min()
    if groups.min() < 0 or rarest < folds:
        raise InputError(
            f"each segment needs {folds} goods and {folds} bads or more, and each case a segment; "
            f"the rarest has {rarest}. Join small segments."
        )
    ask = {"cv": StratifiedKFold(folds, shuffle=True, random_state=0), "method": "predict_proba"}
    one = cross_val_predict(estimator, X, labels, **ask)[:, 1]
    split = np.empty(len(labels))
    for group in range(groups.max() + 1):
        own = groups == group
        split[own] = cross_val_predict(estimator, X[own], labels[own], **ask)[:, 1]
    return gini_difference(labels, split, one, level=level)
