"""Weights of evidence as a scikit-learn transformer."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from sklearn.base import BaseEstimator, OneToOneFeatureMixin, TransformerMixin
from sklearn.utils import ClassifierTags
from sklearn.utils.validation import _check_sample_weight, check_is_fitted

from workbench.analytics.scoring.binning import FAR, TRENDS
from workbench.analytics.scoring.bins import Asked, Characteristic, fitted_bins
from workbench.analytics.scoring.columns import bad_rows, columns_of
from workbench.analytics.scoring.pairing import fitted_pair
from workbench.catalog import NUMERIC, Column
from workbench.errors import DataError, require_known


class WoeEncoder(OneToOneFeatureMixin, TransformerMixin, BaseEstimator):
    """Replace each column by the weight of evidence of its bins.

    Bins are found by what they tell of the outcome. Missing values, special codes and categories
    that are rare or were not there at fit have bins of their own; one without rows at fit is
    neutral, WoE 0.

    Parameters
    ----------
    trend : str or mapping of column to str
        How the bad rate goes as a number rises: ``ascending``, ``descending``, ``auto`` for the one
        of both that tells more, or ``none`` for any. Columns that a mapping leaves out are
        ``auto``. Categories have no trend.
    min_bin_share : float
        Least share of rows in a regular bin. Categories with less than half of it are *other*.
    edges : mapping of column to sequence, optional
        Bins of your own: of a number where each but the first begins, of a category the groups.
    special_codes : mapping of column to codes, optional
        Values that are no measurement, as a list or ``{code: meaning}``.
    bounds : mapping of column to (least, most), optional
        A number beyond that is no special code is refused.

    Attributes
    ----------
    bins_ : tuple of `workbench.analytics.scoring.bins.Bins`
    table_ : DataFrame
        One row a bin: ``variable``, ``bin``, ``count``, ``share``, ``bads``, ``bad_rate``, ``woe``
        with its 95 % interval ``woe_low`` and ``woe_high``, ``iv``, ``note``. Positive WoE is safe.
    iv_ : Series
        Information value of each column.

    Raises
    ------
    DataError
        What it is given cannot be learned from; says why.

    Notes
    -----
    ``woe = ln(share of goods / share of bads)`` (Siddiqi 2006, *Credit Risk Scorecards*). An
    encoder has seen the outcome of its rows: keep it inside the folds, in a pipeline.

    Examples
    --------
    >>> import numpy as np
    >>> age = np.repeat([20.0, 30.0, 40.0, 50.0], 50)[:, None]
    >>> bad = np.tile(np.arange(50), 4) < np.repeat([20, 15, 10, 5], 50)
    >>> WoeEncoder().fit(age, bad).table_[["bin", "bads", "woe"]].round(2)
            bin  bads   woe
    0  (-∞, 30)    20 -0.69
    1  [30, 40)    15 -0.25
    2  [40, 50)    10  0.29
    3   [50, ∞)     5  1.10
    4   missing     0  0.00
    """

    def __init__(
        self,
        *,
        trend: str | Mapping[str, str] = "auto",
        min_bin_share: float = 0.05,
        edges: Mapping[str, Sequence[Any]] | None = None,
        special_codes: Mapping[str, Any] | None = None,
        bounds: Mapping[str, tuple[float, float]] | None = None,
    ) -> None:
        self.trend = trend
        self.min_bin_share = min_bin_share
        self.edges = edges
        self.special_codes = special_codes
        self.bounds = bounds

    def fit(self, X: Any, y: Any = None, sample_weight: Any = None) -> WoeEncoder:
        """Find the bins of each column; ``y`` is 1 where a row went bad."""
        self._learn(X, y, sample_weight)
        return self

    def fit_transform(self, X: Any, y: Any = None, sample_weight: Any = None) -> Any:
        """Find the bins, and return the weights of evidence of the same rows."""
        places = self._learn(X, y, sample_weight)
        return _woe(self.bins_, places)

    def transform(self, X: Any) -> Any:
        """Return the weight of evidence of each value."""
        check_is_fitted(self)
        columns = columns_of(self, X, reset=False)
        return _woe(self.bins_, (each.place(columns) for each in self.bins_))

    def _learn(self, X: Any, y: Any, sample_weight: Any) -> list[np.ndarray]:
        """Find the bins, and return the bin of each row in each column."""
        columns = columns_of(self, X, reset=True)
        _, bad = bad_rows(y, len(next(iter(columns.values()))))
        found, bad, _ = learned(asked_of(self, columns), columns, bad, sample_weight)
        self.bins_ = tuple(bins for bins, _ in found)
        return [place for _, place in found]

    @property
    def table_(self) -> pd.DataFrame:
        """One row a bin."""
        check_is_fitted(self)
        return pd.concat([each.table() for each in self.bins_], ignore_index=True)

    @property
    def iv_(self) -> pd.Series:
        """Information value of each column."""
        check_is_fitted(self)
        found = {each.name: float(each.iv.sum()) for each in self.bins_}
        return pd.Series(found, name="iv", dtype=float)

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.target_tags.required = True
        tags.classifier_tags = ClassifierTags(multi_class=False)
        tags.input_tags.allow_nan = True
        tags.input_tags.string = True
        tags.input_tags.categorical = True
        return tags


def asked_of(estimator: Any, columns: Mapping[str, Any]) -> dict[str, Asked]:
    """Return what an estimator's parameters ask of each column."""
    share, trend = estimator.min_bin_share, estimator.trend
    if not 0 < share <= 0.5:
        raise DataError(f"min_bin_share is above 0 and at most 0.5, not {share}.")
    trends = dict.fromkeys(columns, trend) if isinstance(trend, str) else trend
    edges, bounds = estimator.edges or {}, estimator.bounds or {}
    special = estimator.special_codes or {}
    declared = getattr(estimator, "declared", None)
    known = {} if declared is None else declared.columns
    pair = getattr(estimator, "pair", None) or ()
    require_known("column", columns, *trends, *edges, *special, *bounds, *pair)
    require_known("trend", TRENDS, *trends.values())
    return {
        name: Asked(
            trends.get(name, "auto"),
            share,
            edges.get(name),
            meanings(special.get(name) or (known[name].special_codes if name in known else ())),
            bounds.get(name) or (_bounds(known[name]) if name in known else (-FAR, FAR)),
        )
        for name in columns
    }


def _bounds(column: Column) -> tuple[float, float]:
    """Return the declared bounds of a number."""
    if column.type not in NUMERIC or column.bounds is None:
        return -FAR, FAR
    low, high = column.bounds
    return float(low), float(high)  # type: ignore[arg-type]  # why: a number's bounds are numbers


def meanings(codes: Any) -> Mapping[Any, str]:
    """Return special codes with what they mean."""
    return dict(codes) if isinstance(codes, Mapping) else dict.fromkeys(codes, "")


def learned(
    asked: Mapping[str, Asked],
    columns: Mapping[str, Any],
    bad: np.ndarray,
    sample_weight: Any,
    pair: tuple[str, str] | None = None,
) -> tuple[list[tuple[Characteristic, np.ndarray]], np.ndarray, np.ndarray | None]:
    """Return bins and the bin of each row, for each column; and which rows are bad, and weigh what.

    A row without weight counts as one that is not there.
    """
    weight = None
    if sample_weight is not None:
        weight = _check_sample_weight(sample_weight, bad, dtype=float, ensure_non_negative=True)
        kept = weight > 0
        columns = {name: column[kept] for name, column in columns.items()}
        bad, weight = bad[kept], weight[kept]
        bad_rows(bad, len(bad))
    found: list[tuple[Characteristic, np.ndarray]] = [
        fitted_bins(name, columns[name], bad, weight, asked[name])
        for name in columns
        if name not in (pair or ())
    ]
    if pair is not None:
        found.append(fitted_pair(pair, columns, bad, weight, asked))
    return found, bad, weight


def _woe(bins: Sequence[Characteristic], places: Iterable[np.ndarray]) -> np.ndarray:
    """Return one column of weights of evidence for each column's bins."""
    return np.column_stack([each.woe[place] for each, place in zip(bins, places, strict=True)])
