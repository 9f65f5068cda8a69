"""The columns of what an estimator is given: numbers as floats, categories as codes, or refused."""

from typing import Any

import numpy as np
import pandas as pd
from pandas.api import types
from sklearn.utils import assert_all_finite
from sklearn.utils.multiclass import type_of_target
from sklearn.utils.validation import column_or_1d, validate_data

from workbench.errors import DataError, require_known
from workbench.privacy.models.bins import framed


def columns_of(estimator: Any, X: Any, *, reset: bool) -> pd.DataFrame:
    """Return a frame or an array as a frame, as scikit-learn's contract has them."""
    X = framed(X)
    if not isinstance(X, pd.DataFrame):
        X = validate_data(estimator, X, reset=reset, dtype=None, ensure_all_finite="allow-nan")
        names = getattr(estimator, "feature_names_in_", [f"x{i}" for i in range(X.shape[1])])
        return pd.DataFrame(X, columns=names)
    if X.columns.has_duplicates or not len(X) or not len(X.columns):
        raise DataError(
            f"a frame of {len(X):,} rows and {len(X.columns)} columns, "
            f"{int(X.columns.duplicated().sum())} of them by a name that is there before, cannot "
            "be read. Give at least 1 sample, and each column a name of its own."
        )
    validate_data(estimator, X, reset=reset, skip_check_array=True)
    return X.set_axis(X.columns.astype(str), axis=1)


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


def read_column(name: str, column: Any, *, number: bool | None = None) -> Any:
    """Return a column as an array of floats, missing ones not a number, or as a `Categorical`.

    Parameters
    ----------
    number : bool, optional
        What it was at fit; refused when it is the other kind now.
    """
    found = _read(name, pd.Series(column))
    if number is None or number == isinstance(found, np.ndarray):
        return found
    if not number and pd.isna(found).all():
        return pd.Categorical(found)  # nothing but missing values is either
    was, now = ("numbers", "categories") if number else ("categories", "numbers")
    raise DataError(f"column '{name}' held {was} at fit and holds {now} now; give it as it was.")


def _read(name: str, column: pd.Series) -> Any:
    kind = types.infer_dtype(column, skipna=True)
    if kind == "categorical":
        read = _read(name, pd.Series(column.cat.categories))
        if isinstance(read, pd.Categorical):
            return column.array
        return np.asarray(np.append(read, np.nan)[column.cat.codes])
    if kind in ("string", "boolean"):
        return pd.Categorical(column)
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
