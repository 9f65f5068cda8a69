"""The scorecard: logistic regression on weights of evidence, told in points."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from scipy.special import expit
from sklearn.utils.validation import check_is_fitted

from workbench.analytics.scoring.bins import Characteristic, Weighed
from workbench.analytics.scoring.explaining import Explained
from workbench.analytics.scoring.guarding import bad_rows, columns_of, refuse_kept_out
from workbench.catalog import Table
from workbench.errors import DataError
from workbench.privacy.provenance import Provenance

_ROWS = 16_384  # weights of evidence looked up at once: they fit into a processor's cache
_RIDGE = 1.0  # as scikit-learn's C=1


class Scorecard(Explained):
    """A credit scorecard: points for the bins of each feature, whose sum is the score.

    Bins and weights of evidence are those of `WoeEncoder`, found anew at each fit, so that a card
    may be cross-validated as it is. A logistic regression weighs them. A feature whose coefficient
    has the wrong sign (more evidence of being safe would cost points) is taken out, the worst one
    first, and so is one whose rows all lie in one bin; `removed_` says which and why.

    Parameters
    ----------
    pdo : float
        Points that double the odds of good to bad.
    base_score, base_odds : float
        The score at which odds of good to bad are ``base_odds``.
    decimals : int
        Digits that the points of each bin are rounded to. Points are rounded before they are added,
        as on paper.
    trend, min_bin_share, edges, special_codes, bounds
        As of `WoeEncoder`.
    pair : (str, str), optional
        Two features that enter as one two-way table.
    bad : label, optional
        The label of ``y`` that means bad. When left out it is a label that says so, such as
        ``"bad"`` or ``"default"``, else the larger one: 1, or True.
    declared : Table, optional
        What the catalog declares of the rows: ``ws.catalog.table("credit_applications")``. Columns
        that must not enter are refused, and special codes, bounds and titles are those declared.

    Attributes
    ----------
    table_ : DataFrame
        One row a bin, as of `WoeEncoder`, with ``points``.
    removed_ : dict of str to str
        Features that were taken out, and why.
    intercept_, coefficients_ : float, Series
        Of the logarithm of the odds of bad to good.
    classes_, bad_ : array, label
        The labels, in order, and the one that means bad.

    Raises
    ------
    DataError
        It cannot be fitted, or rows cannot be scored; says why.

    Notes
    -----
    Points are ``-(coefficient · woe + intercept / n) · factor + offset / n``, ``factor = pdo /
    ln 2`` and ``offset = base_score - factor · ln base_odds`` (Siddiqi 2006, *Credit Risk
    Scorecards*). A card was learned from rows: it is for analysts' eyes.

    Examples
    --------
    >>> import numpy as np
    >>> age = np.repeat([20.0, 30.0, 40.0, 50.0], 50)[:, None]
    >>> bad = np.tile(np.arange(50), 4) < np.repeat([20, 15, 10, 5], 50)
    >>> card = Scorecard().fit(age, bad)
    >>> card.points(age[[0, 199]]).tolist()
    [500, 548]
    """

    def __init__(
        self,
        *,
        pdo: float = 20,
        base_score: float = 600,
        base_odds: float = 50,
        decimals: int = 0,
        trend: str | Mapping[str, str] = "auto",
        min_bin_share: float = 0.05,
        edges: Mapping[str, Sequence[Any]] | None = None,
        special_codes: Mapping[str, Any] | None = None,
        bounds: Mapping[str, tuple[float, float]] | None = None,
        pair: tuple[str, str] | None = None,
        bad: Any = None,
        declared: Table | None = None,
    ) -> None:
        self.pdo = pdo
        self.base_score = base_score
        self.base_odds = base_odds
        self.decimals = decimals
        self.trend = trend
        self.min_bin_share = min_bin_share
        self.edges = edges
        self.special_codes = special_codes
        self.bounds = bounds
        self.pair = pair
        self.bad = bad
        self.declared = declared

    def fit(self, X: Any, y: Any, sample_weight: Any = None) -> Scorecard:
        """Find bins, weights and points.

        Parameters
        ----------
        X : DataFrame or array
        y : array
            Which rows went bad.
        sample_weight : array, optional
            As often as each row counts.
        """
        if not (0 < self.pdo < np.inf and self.base_odds > 0 and np.isfinite(self.base_score)):
            raise DataError("pdo and base_odds are above 0; ask for pdo=20, base_odds=50.")
        columns = columns_of(self, X, reset=True)
        refuse_kept_out(self.declared, columns)
        self.bad_, bad = bad_rows(y, len(columns), self.bad)
        self.classes_ = np.unique(np.asarray(y))
        if self.pair is not None and len(set(self.pair)) != 2:
            raise DataError(f"a pair is of two features, not {tuple(self.pair)}.")
        found, bad, weight = self._learned(columns, bad, sample_weight)
        self.removed_ = {bins.name: bins.lonely for bins, _ in found if bins.lonely}
        kept = [each for each in found if each[0].name not in self.removed_]
        start = np.array([math.log(bad.mean() / (1 - bad.mean())), *[-1.0] * len(kept)])
        while kept:
            start = likeliest(kept, bad, weight, start)
            worst = int(start[1:].argmax())
            if start[1 + worst] < 0:
                break
            gone, _ = kept.pop(worst)
            self.removed_[gone.name] = (
                f"its coefficient has the wrong sign ({start[1 + worst]:+.3f}): its safer bins "
                "would cost points, since other features tell what it does"
            )
            start = np.delete(start, 1 + worst)
        if not kept:
            raise DataError(
                "no feature is left for a card. "
                + "; ".join(f"'{name}': {why}" for name, why in self.removed_.items())
            )
        self.intercept_ = float(start[0])
        self.n_rows_, self.n_bads_ = len(bad), int(bad.sum())
        factor = self.pdo / math.log(2)
        offset = self.base_score - factor * math.log(self.base_odds)
        each = (offset - factor * self.intercept_) / len(kept)
        self.weighed_ = tuple(
            Weighed(bins, float(slope), np.round(each - factor * slope * bins.woe, self.decimals))
            for (bins, _), slope in zip(kept, start[1:], strict=True)
        )
        self.provenance_ = Provenance("raw", (), f"a scorecard of {len(kept)} features")
        return self

    def decision_function(self, X: Any) -> np.ndarray:
        """Return the logarithm of the odds of the second class to the first, without rounding."""
        columns = self._columns(X)
        found = np.full(len(columns), self.intercept_)
        for each in self.weighed_:
            found += (each.coefficient * each.bins.woe)[each.bins.place(columns)]
        return found if self.classes_[1] == self.bad_ else -found

    def predict_proba(self, X: Any) -> np.ndarray:
        """Return the chance of each class, as they stand in ``classes_``."""
        second = expit(self.decision_function(X))
        return np.column_stack([1 - second, second])

    def predict(self, X: Any) -> np.ndarray:
        """Return the likelier class; to decide on credit compare `points` with a cut-off."""
        second = self.decision_function(X) > 0
        return np.asarray(self.classes_[second.astype(int)])

    def points(self, X: Any) -> pd.Series:
        """Return the score of each row: more points are safer."""
        columns = self._columns(X)
        found = np.zeros(len(columns))
        for each in self.weighed_:
            found += each.points[each.bins.place(columns)]
        found = found.round(self.decimals)  # why again: sums of decimals are not decimals
        whole = found.astype(np.int64) if self.decimals <= 0 else found
        return pd.Series(whole, index=columns.index, name="points")

    @property
    def coefficients_(self) -> pd.Series:
        """Of each feature's weight of evidence."""
        check_is_fitted(self)
        found = {each.bins.name: each.coefficient for each in self.weighed_}
        return pd.Series(found, name="coefficient")

    @property
    def table_(self) -> pd.DataFrame:
        """One row a bin, with its points."""
        check_is_fitted(self)
        tables = [each.bins.table().assign(points=each.points) for each in self.weighed_]
        return pd.concat(tables, ignore_index=True)

    def table(self, on: Mapping[str, tuple[Any, Any]]) -> pd.DataFrame:
        """Return the bins as they are in several samples, side by side.

        Parameters
        ----------
        on : mapping of name to (X, y)
            ``{"train": (X, y), "test": (X_test, y_test), "out of time": (X_late, y_late)}``

        Returns
        -------
        DataFrame
            By ``variable`` and ``bin``, under each name: ``count``, ``share``, ``bads``,
            ``bad_rate``, ``woe``, ``iv``, of that sample; and the card's ``points``.
        """
        shown = ["count", "share", "bads", "bad_rate", "woe", "iv"]
        keys = ["variable", "bin"]
        found = {}
        for name, (X, y) in on.items():
            columns = self._columns(X)
            _, bad = bad_rows(y, len(columns), self.bad_)
            tables = (
                each.bins.counted(each.bins.place(columns), bad).table() for each in self.weighed_
            )
            found[name] = pd.concat(tables).set_index(keys)[shown]
        found["card"] = self.table_.set_index(keys)[["points"]]
        return pd.concat(found, axis=1)


def likeliest(
    found: Sequence[tuple[Characteristic, np.ndarray]],
    bad: np.ndarray,
    weight: np.ndarray | None,
    start: np.ndarray,
) -> np.ndarray:
    """Return intercept and coefficients of the logarithm of bad odds, by Newton's method.

    scikit-learn's holds a matrix of all weights of evidence, and one more to take steps: for a
    million rows that is more than everything else a card needs. Here they are looked up.
    """
    ridge = np.array([0.0, *[_RIDGE] * len(found)])
    least, best, at = np.inf, start, start
    for _ in range(100):
        loss, gradient, hessian = 0.5 * float(ridge @ at**2), ridge * at, np.diag(ridge)
        for first in range(0, len(bad), _ROWS):
            rows = slice(first, first + _ROWS)
            woe = np.stack([np.ones(len(bad[rows])), *(b.woe[p[rows]] for b, p in found)])
            odds, own = at @ woe, 1.0 if weight is None else weight[rows]
            chance = expit(odds)
            loss += float((own * (np.logaddexp(0, odds) - bad[rows] * odds)).sum())
            gradient += woe @ (own * (chance - bad[rows]))
            hessian += (woe * (own * chance * (1 - chance))) @ woe.T
        if loss > least + 1e-9 * abs(least):  # too far: halve the step
            at = (at + best) / 2
            continue
        step = np.linalg.lstsq(hessian, gradient)[0]
        least, best, at = loss, at, at - step
        if np.abs(step).max() < 1e-8:
            break
    return at
