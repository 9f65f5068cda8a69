"""Fairness of decisions between groups of a protected attribute.

The attribute is used here to look, never to score: features that hold it are refused.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from scipy import stats
from sklearn.base import clone
from sklearn.compose import make_column_transformer
from sklearn.model_selection import StratifiedKFold, cross_val_predict
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import TargetEncoder
from sklearn.tree import DecisionTreeClassifier

from workbench.analytics.validation import estimates
from workbench.analytics.validation.discrimination import auc, gini, gini_difference
from workbench.analytics.validation.estimates import Array, one_of_many, outcomes, shares
from workbench.documents import packaged
from workbench.errors import InputError, one_of, require_known

FOUR_FIFTHS = 0.8  # EEOC, Uniform guidelines on employee selection procedures, 29 CFR 1607.4(D)


def automated_decision_notice(language: str = "en") -> str:
    """Return what a person is told who is declined without anybody having looked."""
    told: str = one_of("language", packaged("analytics/data/automated-decision.yaml"), language)
    return told


def _groups(attribute: Any) -> Array:
    groups = pd.Series(np.asarray(attribute)).astype(object)
    groups = groups.where(groups.notna(), "not known").astype(str)
    if groups.nunique() < 2:
        raise InputError("fairness compares two groups or more; the attribute has one value.")
    return np.asarray(groups, dtype=object)


def fairness(
    approved: Any, attribute: Any, *, y_true: Any = None, level: float = 0.95
) -> pd.DataFrame:
    """Return how groups of a protected attribute fare, each against the best.

    Parameters
    ----------
    approved : array-like of bool, shape (n,)
        The decision, or what a card at its cut-off would decide.
    attribute : array-like, shape (n,)
    y_true : array-like, optional
        Outcomes, 1 is bad, missing where not known. Nobody knows those of cases declined before,
        so what is told by outcome is of cases accepted.

    Returns
    -------
    DataFrame
        A row a group: ``n``, ``selection_rate`` with limits; ``impact_ratio``, that rate to the
        best group's; ``light``, red where all of the ratio's interval is below four fifths, amber
        where a part is. With outcomes also ``goods``, ``good_selection_rate`` and
        ``opportunity_gap`` to the best group's. Limits of ratios and gaps hold for all groups and
        for having chosen the best: they are at Bonferroni's level over all pairs.

    References
    ----------
    Rates are those of fairlearn's `MetricFrame`. Katz et al., *Obtaining confidence intervals for
    the risk ratio in cohort studies*, Biometrics 34, 1978. Hardt, Price & Srebro, *Equality of
    opportunity in supervised learning*, 2016, arXiv 1610.02413.
    """
    from fairlearn.metrics import MetricFrame, selection_rate

    def rates(chosen: Array, groups: Array) -> tuple[pd.Series, pd.Series]:
        found = MetricFrame(
            metrics=selection_rate, y_true=chosen, y_pred=chosen, sensitive_features=groups
        ).by_group
        return pd.Series(groups).value_counts().reindex(found.index), found

    groups, chosen = _groups(attribute), estimates.decided(approved).astype(int)
    if not chosen.any():
        raise InputError("nobody was approved: no group's rate can be told beside another's.")
    n, rate = rates(chosen, groups)
    limits = {"lower": "selection_lower", "upper": "selection_upper"}
    table = pd.DataFrame({"n": n}).rename_axis("group")
    table = table.join(shares(rate * n, n, level, "selection_rate").rename(columns=limits))
    z = float(stats.norm.isf((1 - level) / (len(n) * (len(n) - 1))))
    best = rate.idxmax()
    # why a half: a group of which nobody is selected has a ratio and an interval; why one: where
    # everybody is, a single case would else be certain
    chosen_of, of = rate * n + 0.5, n + np.where(rate < 1, 0.5, 1.0)
    near, spread = chosen_of / of, 1 / chosen_of - 1 / of
    apart = z * np.sqrt(spread + spread[best]).where(n.index != best, 0.0)
    table["impact_ratio"] = rate / rate[best]
    table["impact_lower"] = near / near[best] * np.exp(-apart)
    table["impact_upper"] = near / near[best] * np.exp(apart)
    below = [table[each] < FOUR_FIFTHS for each in ("impact_upper", "impact_lower")]
    table["light"] = np.select(below, ["red", "amber"], "green")
    if y_true is None:
        return table
    good = estimates.known_outcomes(y_true) == 0
    if not good.any():
        raise InputError("no outcome is known to be good: equal opportunity is of those who paid.")
    goods, rate = rates(chosen[good], groups[good])
    best = rate.idxmax()
    # why one and two: Agresti & Caffo, Simple and effective confidence intervals, Am. Statist. 2000
    near = (rate * goods + 1) / (goods + 2)
    spread = near * (1 - near) / (goods + 2)
    apart = z * np.sqrt(spread + spread[best]).where(goods.index != best, 0.0)
    gap, middle = rate - rate[best], near - near[best]
    found = {"goods": goods, "good_selection_rate": rate, "opportunity_gap": gap}
    limits = {"gap_lower": middle - apart, "gap_upper": middle + apart}
    return table.join(pd.DataFrame({**found, **limits}))


def calibration_by_group(
    y_true: Any, y_prob: Any, attribute: Any, *, level: float = 0.95
) -> pd.DataFrame:
    """Return predicted and observed bad rates by group; limits hold for all groups at once."""
    y, p = outcomes(y_true, y_prob, chances=True)
    cases = pd.DataFrame({"group": _groups(attribute), "y": y, "p": p}).groupby("group")
    table = cases.agg(n=("y", "size"), predicted=("p", "mean"), bads=("y", "sum"))
    return table.join(shares(table["bads"], table["n"], one_of_many(level, len(table)), "observed"))


def _without_attribute(X: pd.DataFrame, attribute: Any) -> Array:
    """Return the groups as numbers, and refuse features that hold the attribute itself."""
    codes = np.asarray(pd.factorize(_groups(attribute))[0])
    for column in X.columns:
        pairs = pd.DataFrame({"one": pd.factorize(X[column])[0], "other": codes}).drop_duplicates()
        same = not pairs["one"].duplicated().any() and not pairs["other"].duplicated().any()
        if same or column == getattr(attribute, "name", None):
            raise InputError(
                f"the feature {column} is the protected attribute itself, which never enters "
                f"scoring. Leave it out: X.drop(columns={column!r})."
            )
    return codes


def _foretold(X: pd.DataFrame, codes: Array, level: float) -> tuple[float, float, float]:
    """Return the AUC by which features foretell the group that they foretell best."""
    words = X.select_dtypes(exclude="number").columns
    X = X.astype(dict.fromkeys(X.columns.difference(words), float))
    encoder = make_column_transformer(
        (TargetEncoder(random_state=0), words), remainder="passthrough"
    )
    tree = DecisionTreeClassifier(min_samples_leaf=max(10, len(X) // 100), random_state=0)
    parts = StratifiedKFold(5, shuffle=True, random_state=0)
    model = make_pipeline(encoder, tree)
    chance = cross_val_predict(model, X, codes, cv=parts, method="predict_proba")
    kinds = range(chance.shape[1]) if chance.shape[1] > 2 else [1]
    found = [auc(codes == kind, chance[:, kind], level=level) for kind in kinds]
    best = max(found, key=lambda each: each.estimate)
    return best.estimate, best.lower, best.upper


def proxies(X: pd.DataFrame, attribute: Any, *, level: float = 0.95) -> pd.DataFrame:
    """Return which features foretell a protected attribute, each alone and all together.

    Parameters
    ----------
    X : DataFrame, shape (n, features)
    attribute : array-like, shape (n,)
        Of several groups the one foretold best counts.

    Returns
    -------
    DataFrame
        A row a feature, the strongest first, and last ``all together``: ``auc`` on five folds not
        fitted on, with limits that hold for all rows at once; ``proxy`` where the lower one is
        above 0.5.
    """
    codes = _without_attribute(X, attribute)
    if (rarest := np.bincount(codes).min()) < 5:
        raise InputError(f"each group needs 5 cases, the rarest has {rarest}. Join small groups.")
    at = one_of_many(level, len(X.columns) + 1)
    rows = {name: _foretold(X[[name]], codes, at) for name in X.columns}
    table = pd.DataFrame.from_dict(rows, orient="index", columns=["auc", "lower", "upper"])
    table = table.sort_values("auc", ascending=False).rename_axis("feature")
    table.loc["all together"] = _foretold(X, codes, at)
    return table.assign(proxy=table["lower"] > 0.5)


def effect_of_leaving_out(
    estimator: Any,
    X: pd.DataFrame,
    y: Any,
    attribute: Any,
    features: Sequence[str],
    *,
    approval_rate: float,
    level: float = 0.95,
) -> pd.DataFrame:
    """Return what leaving features out does to Gini and to the impact ratio.

    Parameters
    ----------
    estimator : scikit-learn classifier
        Fitted anew on what is left of X.
    X, y, attribute : DataFrame, array-like, array-like
    features : sequence of str
        Each is left out alone, and all of several together.
    approval_rate : float
        Share approved, the same with and without.

    Returns
    -------
    DataFrame
        Rows ``all features``, one a feature, ``without all of these``: ``gini`` on five folds not
        fitted on, ``gini_change`` with limits, and the worst ``impact_ratio`` with limits.
    """
    _without_attribute(X, attribute)
    (labels,) = outcomes(y)
    require_known("feature", X.columns, *features)
    if not 0 < approval_rate < 1:
        raise InputError("approval_rate is the share approved, between 0 and 1.")
    left = {"all features": [], **{f"without {each}": [each] for each in features}}
    if len(features) > 1:
        left["without all of these"] = list(features)
    parts = list(StratifiedKFold(5, shuffle=True, random_state=0).split(X, labels))
    chances = {
        name: cross_val_predict(
            clone(estimator), X.drop(columns=gone), labels, cv=parts, method="predict_proba"
        )[:, 1]
        for name, gone in left.items()
    }
    rows = []
    for p in chances.values():
        change = gini_difference(labels, p, chances["all features"], level=level)
        approved = stats.rankdata(p, method="ordinal") <= approval_rate * len(p)
        worst = fairness(approved, attribute, level=level).sort_values("impact_ratio").iloc[0]
        impact = worst[["impact_ratio", "impact_lower", "impact_upper"]]
        rows.append(
            (gini(labels, p).estimate, change.estimate, change.lower, change.upper, *impact)
        )
    names = ["gini", "gini_change", "change_lower", "change_upper"]
    return pd.DataFrame(rows, index=list(left), columns=[*names, *impact.index])
