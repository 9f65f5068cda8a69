"""Weights of evidence as a scikit-learn transformer."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from sklearn.base import BaseEstimator, OneToOneFeatureMixin, TransformerMixin
from sklearn.utils import ClassifierTags
from sklearn.utils.validation import _check_sample_weight, check_is_fitted

from workbench.analytics.scoring.binning import TRENDS, Asked, fitted_bins, fitted_pair
from workbench.analytics.scoring.bins import EVERYWHERE, Characteristic
from workbench.analytics.scoring.guarding import bad_rows, columns_of
from workbench.catalog import NUMERIC, Table
from workbench.errors import DataError, require_known

Learned = tuple[list[tuple[Characteristic, np.ndarray]], np.ndarray, np.ndarray | None]


class Binned:
    """What both estimators learn bins by, and tell scikit-learn of themselves."""

    pair: tuple[str, str] | None = None
    declared: Table | None = None

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

    def _columns(self, X: Any) -> pd.DataFrame:
        check_is_fitted(self)
        return columns_of(self, X, reset=False)

    def _learned(self, columns: pd.DataFrame, bad: np.ndarray, sample_weight: Any) -> Learned:
        """Return bins and the bin of each row, for each column; and which rows are bad, and weigh.

        A row without weight counts as one that is not there.
        """
        asked, pair = self._asked(columns), self.pair or ()
        weight = None
        if sample_weight is not None:
            weight = _check_sample_weight(sample_weight, bad, dtype=float, ensure_non_negative=True)
            kept = weight > 0
            columns, bad, weight = columns[kept], bad[kept], weight[kept]
            bad_rows(bad, len(bad))
        alone = [name for name in asked if name not in pair]
        found: list[tuple[Characteristic, np.ndarray]] = [
            fitted_bins(name, columns[name], bad, weight, asked[name]) for name in alone
        ]
        if self.pair:
            found.append(fitted_pair(self.pair, columns, bad, weight, asked))
        return found, bad, weight

    def _asked(self, columns: pd.DataFrame) -> dict[str, Asked]:
        """Return what the parameters ask of each column."""
        share, trend = self.min_bin_share, self.trend
        if not 0 < share <= 0.5:
            raise DataError(f"min_bin_share is above 0 and at most 0.5, not {share}.")
        trends = dict.fromkeys(columns, trend) if isinstance(trend, str) else trend
        edges, bounds = self.edges or {}, self.bounds or {}
        special = self.special_codes or {}
        require_known("column", columns, *trends, *edges, *special, *bounds, *(self.pair or ()))
        require_known("trend", TRENDS, *trends.values())
        found = {}
        for name in columns:
            codes, allowed = special.get(name) or {}, bounds.get(name)
            if self.declared is not None and (known := self.declared.columns.get(name)):
                codes = codes or known.special_codes
                if known.type in NUMERIC and known.bounds:
                    low, high = known.bounds
                    allowed = allowed or (float(low), float(high))  # type: ignore[arg-type]  # why: numbers
            codes = codes if isinstance(codes, Mapping) else dict.fromkeys(codes, "")
            low, high = np.clip(np.asarray(allowed or EVERYWHERE, float), *EVERYWHERE).tolist()
            if not low <= high:
                raise DataError(f"bounds of '{name}' are its least and its most, not {allowed}.")
            found[name] = Asked(
                trends.get(name, "auto"), share, edges.get(name), dict(codes), (low, high)
            )
        return found

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()  # type: ignore[misc]  # why: of what it is mixed with
        tags.target_tags.required = True
        tags.classifier_tags = ClassifierTags(multi_class=False)
        tags.input_tags.allow_nan = True
        tags.input_tags.string = True
        tags.input_tags.categorical = True
        return tags


class WoeEncoder(Binned, OneToOneFeatureMixin, TransformerMixin, BaseEstimator):
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

    def fit(self, X: Any, y: Any = None, sample_weight: Any = None) -> WoeEncoder:
        """Find the bins of each column; ``y`` is 1 where a row went bad."""
        columns = columns_of(self, X, reset=True)
        _, bad = bad_rows(y, len(columns))
        self.bins_ = tuple(bins for bins, _ in self._learned(columns, bad, sample_weight)[0])
        return self

    def transform(self, X: Any) -> Any:
        """Return the weight of evidence of each value."""
        columns = self._columns(X)
        return np.column_stack([each.woe[each.place(columns)] for each in self.bins_])

    @property
    def table_(self) -> pd.DataFrame:
        """One row a bin."""
        check_is_fitted(self)
        return pd.concat([each.table() for each in self.bins_], ignore_index=True)

    @property
    def iv_(self) -> pd.Series:
        """Information value of each column."""
        check_is_fitted(self)
        return pd.Series({each.name: each.iv.sum() for each in self.bins_}, name="iv", dtype=float)
