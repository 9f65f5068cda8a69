"""The columns of what an estimator is given: numbers as floats, categories as codes, or refused."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from pandas.api import types
from sklearn.utils import assert_all_finite
from sklearn.utils.multiclass import type_of_target
from sklearn.utils.validation import column_or_1d, validate_data

from workbench.errors import DataError, require_known
from workbench.privacy.models.bins import framed


@dataclass(frozen=True, eq=False)
class Categories:
    """A column of texts or truth values: the place of each row's value among those there are."""

    codes: np.ndarray  # -1 where missing
    values: list[Any]

    def placed(self, places: Mapping[Any, int], *, other: int, missing: int) -> np.ndarray:
        """Return the place of each row's value."""
        found = [places.get(value, other) for value in self.values]
        where: np.ndarray = np.asarray([*found, missing])[self.codes]
        return where


def columns_of(estimator: Any, X: Any, *, reset: bool) -> dict[str, Any]:
    """Return the columns of a frame or an array by name, as scikit-learn's contract has them."""
    X = framed(X)
    if not isinstance(X, pd.DataFrame):
        X = validate_data(estimator, X, reset=reset, dtype=None, ensure_all_finite="allow-nan")
        names = getattr(estimator, "feature_names_in_", [f"x{i}" for i in range(X.shape[1])])
        return {str(name): X[:, i] for i, name in enumerate(names)}
    if X.columns.has_duplicates or not len(X) or not len(X.columns):
        raise DataError(
            f"a frame of {len(X):,} rows and {len(X.columns)} columns, "
            f"{int(X.columns.duplicated().sum())} of them by a name that is there before, cannot "
            "be read. Give at least 1 sample, and each column a name of its own."
        )
    validate_data(estimator, X, reset=reset, skip_check_array=True)
    return {str(name): X[name] for name in X.columns}


_BAD = ("bad", "default", "defaulted")  # labels that say so themselves


def bad_rows(y: Any, rows: int, bad: Any = None) -> tuple[Any, np.ndarray]:
    """Return the label that means bad, and which rows are."""
    y = column_or_1d(y, warn=True)
    if missing := int(pd.isna(y).sum()):
        raise DataError(
            f"Input y contains NaN: {missing:,} of {len(y):,} outcomes are not known. Fit on rows "
            "whose outcome is, see wb.development_sample."
        )
    assert_all_finite(y, input_name="y")
    kind, classes = type_of_target(y, input_name="y"), np.unique(y)
    if kind != "binary":
        raise DataError(
            f"Only binary classification is supported. The type of the target is {kind}. "
            "Unknown label type: give y with two values, such as 0 and 1, 1 for bad."
        )
    if len(y) != rows:
        raise DataError(f"X has {rows:,} rows and y {len(y):,}: inconsistent numbers of samples.")
    if len(classes) < 2:
        raise DataError(
            "Classifier can't train when only one class is present: y holds one class, and a card "
            "tells good from bad. Give rows of both; are outcomes matured?"
        )
    known = classes.tolist()
    if bad is None:
        bad = next((each for each in known if str(each).lower() in _BAD), known[1])
    require_known("class", known, bad)
    return bad, y == bad


def read_column(name: str, column: Any, *, number: bool | None = None) -> np.ndarray | Categories:
    """Return a column as floats, missing ones not a number, or as categories.

    Parameters
    ----------
    number : bool, optional
        What it was at fit; refused when it is the other kind now.
    """
    found = _read(name, pd.Series(column) if isinstance(column, np.ndarray) else column)
    if number is None or (number == isinstance(found, np.ndarray)):
        return found
    if number is False and isinstance(found, np.ndarray) and np.isnan(found).all():
        return Categories(np.full(len(found), -1), [])  # nothing but missing values is either
    was, now = ("numbers", "categories") if number else ("categories", "numbers")
    raise DataError(f"column '{name}' held {was} at fit and holds {now} now; give it as it was.")


def _read(name: str, column: pd.Series) -> np.ndarray | Categories:
    dtype = column.dtype
    if isinstance(dtype, pd.CategoricalDtype):
        values = dtype.categories
        read = _read(name, pd.Series(values))
        codes = column.cat.codes.to_numpy()
        if isinstance(read, Categories):
            return Categories(codes, values.tolist())
        return np.asarray(np.append(read, np.nan)[codes])
    kind = "boolean" if types.is_bool_dtype(dtype) else None
    if kind is None and types.is_numeric_dtype(dtype):
        return np.asarray(column.to_numpy(dtype=float, na_value=np.nan))
    kind = kind or (types.infer_dtype(column, skipna=True))
    if kind in ("string", "boolean"):
        codes, uniques = pd.factorize(column)
        return Categories(codes, uniques.tolist())
    if kind == "empty":
        return np.full(len(column), np.nan)
    if kind.startswith(("date", "time", "period", "interval")):
        raise DataError(
            f"column '{name}' holds dates or times, which go on while a card stays; make it a "
            "number, such as days before the application."
        )
    if kind.startswith("mixed") and any(isinstance(each, str) for each in column):
        raise DataError(f"column '{name}' mixes text and numbers; make it one of them.")
    try:
        return np.asarray(column.to_numpy(dtype=float, na_value=np.nan))
    except (TypeError, ValueError):
        raise DataError(
            f"column '{name}' holds what is neither number nor text ({kind}); make it one of them."
        ) from None
