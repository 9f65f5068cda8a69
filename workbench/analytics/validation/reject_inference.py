"""Reject inference: what declined cases may have been, and whether assuming it helped."""

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from sklearn.base import clone
from sklearn.utils.validation import has_fit_parameter

from workbench.analytics.validation.discrimination import gini, gini_difference
from workbench.analytics.validation.estimates import Array, outcomes
from workbench.errors import InputError

_FEWEST = 20  # goods, and bads, of masked cases: below, an interval of Gini is wider than any gain


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
    p = np.asarray(y_prob, dtype=float)
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
    if factor <= 0:
        raise InputError("factor is above 0: how much worse declined cases are taken to be.")
    edges = np.unique(np.quantile(p, np.arange(1, bands) / bands))
    own, asked = (np.searchsorted(edges, np.asarray(x), side="right") for x in (p, declined_prob))
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
    level: float = 0.95,
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
        gap = gini_difference(truth, p, guess, level=level)
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
