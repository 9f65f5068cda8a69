"""Decisions: a cut-off by expected profit, bands, overrides, swap sets, one card or several.

And of those declined: what they may have been, and whether assuming it helped.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from scipy import stats
from sklearn.base import clone
from sklearn.model_selection import StratifiedKFold, cross_val_predict
from sklearn.utils.validation import has_fit_parameter

from workbench.analytics.validation import estimates
from workbench.analytics.validation.discrimination import gini, gini_difference
from workbench.analytics.validation.estimates import Array, Estimate, outcomes, share, shares
from workbench.errors import InputError

_DRAWS = 400
_FEWEST = 20  # goods, and bads, of masked cases: below, an interval of Gini is wider than any gain
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


def best_cutoff(y_true: Any, y_prob: Any, *, gain_good: Any, loss_bad: Any) -> Cutoff:
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
    tried = np.linspace(0, len(p), _CUTS + 1).astype(int)[:-1]
    counts = np.unique([*np.searchsorted(p, p[tried]), len(p)])  # equal chances are cut together
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
    margin = float(stats.norm.isf(0.025) * spread)
    lower, upper = np.quantile(cuts[place], [0.025, 0.975]).tolist()
    bads = np.append(0, np.cumsum(y))[counts]
    rate = np.divide(bads, counts, out=np.full(len(cuts), np.nan), where=counts > 0)
    columns = {"cutoff": cuts, "approval_rate": counts / len(p), "bad_rate": rate}
    profit = Estimate(middle, middle - margin, middle + margin, len(p))
    approved = share(taken, len(p))
    bad = share(bads[best], taken) if taken else Estimate(np.nan, 0.0, 1.0, 0)
    columns["profit"] = whole
    return Cutoff(float(cuts[best]), lower, upper, profit, approved, bad, pd.DataFrame(columns))


def _by(group: Array, y_true: Any, order: list[str]) -> pd.DataFrame:
    """Return size and share of each group, and bad rate of its cases whose outcome is known."""
    y = np.nan if y_true is None else estimates.known_outcomes(y_true)
    cases = pd.DataFrame({"group": pd.Categorical(group, order), "y": y})
    grouped = cases.groupby("group", observed=False)["y"]
    table = grouped.agg(n="size", known="count", bads="sum")
    table.insert(1, "share", table["n"] / len(cases))
    return table.join(shares(table["bads"], table["known"], name="bad_rate"))


def decide(y_prob: Any, *, approve_below: float, decline_from: float) -> Array:
    """Return "approve", "refer" or "decline" of each case; a person decides what is referred."""
    if not 0 <= approve_below <= decline_from <= 1:
        raise InputError("bands need 0 ≤ approve_below ≤ decline_from ≤ 1.")
    places = np.digitize(estimates.figures_of(y_prob, chances=True), [approve_below, decline_from])
    return np.asarray(np.take(["approve", "refer", "decline"], places))


def decision_bands(
    y_prob: Any, *, approve_below: float, decline_from: float, y_true: Any = None
) -> pd.DataFrame:
    """Return how many cases are approved, referred to a person and declined, and their bad rates.

    Returns
    -------
    DataFrame
        ``n``, ``share``, ``known`` outcomes, ``bads`` among them, ``bad_rate`` with its limits.
    """
    group = decide(y_prob, approve_below=approve_below, decline_from=decline_from)
    return _by(group, y_true, ["approve", "refer", "decline"])


def override_table(recommended: Any, approved: Any, y_true: Any = None) -> pd.DataFrame:
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
    card, final = (estimates.decided(each) for each in (recommended, approved))
    names = [
        "declined as recommended",
        "low-side override",
        "high-side override",
        "approved as recommended",
    ]
    return _by(np.asarray(names)[2 * card + final], y_true, names[::-1])


def swap_set(
    champion: Any, challenger: Any, *, approval_rate: float, y_true: Any = None
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
        stats.rankdata(estimates.figures_of(each, np.shape(champion)), method="ordinal")
        <= approval_rate * np.size(champion)
        for each in (champion, challenger)
    )
    names = ["both decline", "swapped in", "swapped out", "both approve"]
    return _by(np.asarray(names)[2 * one + other], y_true, names[::-1])


def split_gain(
    estimator: Any, X: pd.DataFrame, y: Any, segment: Any, *, folds: int = 5
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
    return gini_difference(labels, split, one)


class Inferred(NamedTuple):
    """Cases to fit on: accepted ones as they are, declined ones with assumed outcomes."""

    X: pd.DataFrame
    y: Array
    sample_weight: Array


def fuzzy(X: pd.DataFrame, y: Any, declined: pd.DataFrame, y_prob: Any) -> Inferred:
    """Return the cases with each declined one twice: bad by its chance, good by the rest.

    Parameters
    ----------
    X, y : DataFrame, array-like
        Accepted cases.
    declined : DataFrame
    y_prob : array-like
        Chance of a bad outcome of each declined case, by the model of accepted ones.
    """
    (labels,) = outcomes(y)
    p = estimates.figures_of(y_prob, (len(declined),), chances=True)
    outcome = np.repeat([1, 0], len(declined))
    weight = np.concatenate([np.ones(len(X)), p, 1 - p])
    cases = pd.concat([X, declined, declined], ignore_index=True)
    return Inferred(cases, np.concatenate([labels, outcome]), weight)


def parcelling(
    X: pd.DataFrame,
    y: Any,
    y_prob: Any,
    declined: pd.DataFrame,
    declined_prob: Any,
    *,
    factor: float,
    bands: int = 10,
    random_state: int = 0,
) -> Inferred:
    """Return the cases with declined ones drawn bad at a factor times their score band's rate.

    Parameters
    ----------
    X, y, y_prob : DataFrame, array-like, array-like
        Accepted cases and their predicted chances.
    declined, declined_prob : DataFrame, array-like
    factor : float
        How much worse a declined case is taken to be than an accepted one of its band: 1 is as
        good. An assumption, so asked aloud.
    """
    labels, p = outcomes(y, y_prob, chances=True)
    if not factor > 0:
        raise InputError("factor is above 0: how much worse declined cases are taken to be.")
    edges = np.unique(np.quantile(p, np.arange(1, bands) / bands))
    worse = estimates.figures_of(declined_prob, (len(declined),), chances=True)
    own, asked = (np.searchsorted(edges, each, side="right") for each in (p, worse))
    size = np.bincount(own, minlength=len(edges) + 1)
    bads = np.bincount(own, weights=labels, minlength=len(edges) + 1)
    rate = (bads + labels.mean()) / (size + 1)
    drawn = np.random.default_rng(random_state).random(len(declined))
    outcome = (drawn < np.minimum(factor * rate[asked], 1.0)).astype(int)
    cases = pd.concat([X, declined], ignore_index=True)
    return Inferred(cases, np.concatenate([labels, outcome]), np.ones(len(cases)))


class Benchmark(NamedTuple):
    """What reject inference changed on accepted cases that were masked; or why nobody can tell."""

    table: pd.DataFrame
    words: str


def benchmark_reject_inference(
    estimator: Any,
    X: pd.DataFrame,
    y: Any,
    policy: Any,
    *,
    share_masked: float = 0.3,
    factors: Mapping[str, float] | None = None,
) -> Benchmark:
    """Compare reject inference with none, on accepted cases whose outcomes are hidden meanwhile.

    The accepted cases that the policy liked least are masked as if declined. Models are fitted with
    and without inference, and judged on the masked ones, whose outcomes are known.

    Parameters
    ----------
    estimator : scikit-learn classifier
        `fuzzy` is tried where its ``fit`` takes ``sample_weight``.
    X, y : DataFrame, array-like
        Accepted cases.
    policy : array-like
        What decided on them, rising with the risk: the score of then, not the new one.
    share_masked : float
    factors : mapping of str to float, optional
        Variants of `parcelling` by name.

    Returns
    -------
    Benchmark
        ``table``: a row a method with ``gini`` on the masked cases, ``gain`` over none with its
        limits, ``predicted`` and ``observed`` bad rate. ``words`` says in a sentence what it
        shows, or, with an empty table, that no benchmark is possible.
    """
    labels, rule = outcomes(y, policy)
    if not 0 < share_masked < 1:
        raise InputError("share_masked is the share of accepted cases hidden, between 0 and 1.")
    masked = rule > np.quantile(rule, 1 - share_masked)
    fewest = min(np.bincount(labels[each], minlength=2).min() for each in (masked, ~masked))
    if fewest < _FEWEST:
        words = (
            f"No honest benchmark is possible: masked and left cases have {fewest} goods or bads "
            f"where {_FEWEST} are needed. Whether reject inference helps here is not known."
        )
        return Benchmark(pd.DataFrame(), words)
    known, hidden, seen = X[~masked], X[masked], labels[~masked]
    base = clone(estimator).fit(known, seen)
    inside, guess = base.predict_proba(known)[:, 1], base.predict_proba(hidden)[:, 1]
    found = {"none": guess}
    if has_fit_parameter(estimator, "sample_weight"):
        data = fuzzy(known, seen, hidden, guess)
        fitted = clone(estimator).fit(data.X, data.y, sample_weight=data.sample_weight)
        found["fuzzy"] = fitted.predict_proba(hidden)[:, 1]
    for name, factor in (factors or {"parcelling × 1.5": 1.5}).items():
        data = parcelling(known, seen, inside, hidden, guess, factor=factor)
        fitted = clone(estimator).fit(data.X, data.y)
        found[name] = fitted.predict_proba(hidden)[:, 1]
    truth, rows = labels[masked], {}
    for name, p in found.items():
        gap = gini_difference(truth, p, guess)
        limits = (gap.estimate, gap.lower, gap.upper)
        rows[name] = (gini(truth, p).estimate, *limits, p.mean(), truth.mean())
    names = ["gini", "gain", "gain_lower", "gain_upper", "predicted", "observed"]
    table = pd.DataFrame.from_dict(rows, orient="index", columns=names)
    better = table.index[table["gain_lower"] > 0].tolist()
    told = (
        f"{' and '.join(better)} ranked them better" if better else "no method ranked them better"
    )
    words = (
        f"On {masked.sum():,} accepted cases that were masked, {told} than no inference. They are "
        "the worst of those accepted, not those declined: cases beyond them may differ."
    )
    return Benchmark(table, words)
