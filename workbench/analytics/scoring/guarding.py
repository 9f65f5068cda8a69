"""What enters a card: columns by their role, rows by when they were observed; how both are read."""

import datetime as dt
from collections.abc import Iterable
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from pandas.api import types
from sklearn.utils import assert_all_finite
from sklearn.utils.multiclass import type_of_target
from sklearn.utils.validation import column_or_1d, validate_data

from workbench.analytics.validation.estimates import known_outcomes
from workbench.catalog import Table
from workbench.errors import DataError, require_known
from workbench.privacy.grouping.bands import day_of, span_start
from workbench.privacy.models.bins import framed
from workbench.privacy.models.card_tables import WHY_NOT


class Sample(NamedTuple):
    """Rows to learn a card from: features, which went bad, the month each is of, and what not."""

    X: pd.DataFrame
    y: pd.Series
    period: pd.Series
    left_out: dict[str, int]


def kept_out(declared: Table | None, columns: Iterable[str]) -> dict[str, str]:
    """Return the columns that must not enter a card, and why."""
    found = {}
    for name in columns:
        if declared is None or (column := declared.columns.get(name)) is None:
            continue
        role = "time" if column.type in ("date", "timestamp") else column.role
        if role in WHY_NOT:
            found[name] = f"{role}, {WHY_NOT[role]}"
        elif any(rule.unique for rule in column.rules):
            found[name] = "unique, says which row it is"
    return found


def refuse_kept_out(declared: Table | None, columns: Iterable[str]) -> None:
    """Refuse columns whose role keeps them out."""
    if found := kept_out(declared, columns):
        raise DataError(
            "columns that must not enter a card: "
            + "; ".join(f"'{name}' ({why})" for name, why in found.items())
            + ". Leave them out, or take X of wb.development_sample(frame, declared, …)."
        )


def development_sample(
    frame: pd.DataFrame,
    declared: Table,
    *,
    as_of: str | dt.date,
    observation_months: int,
    performance_months: int,
    observed: str | None = None,
    target: str | None = None,
) -> Sample:
    """Return the rows and columns that a card may be learned from, as of a day.

    A row counts when it was observed in the observation window, which ends where the performance
    window up to ``as_of`` begins: whoever had less time than others to go bad is left out, also
    those who did already.

    Parameters
    ----------
    frame : DataFrame
        Of ``ws.open(…).execute()``, with further columns if you like.
    declared : Table
        ``ws.catalog.table("credit_applications")``: its roles keep keys, targets, after-outcome,
        price, protected and time columns out.
    as_of : str or date
        The last day that is known: a date, or a month such as ``"2026-09"``.
    observation_months, performance_months : int
        How long rows are taken, and how long each is watched.
    observed : str, optional
        The date column by which a row is watched; the table's time column when left out.
    target : str, optional
        The outcome's column; the one of that role when left out.

    Returns
    -------
    Sample
        ``X, y, period, left_out``; the last counts the rows that were left out, by reason.

    Raises
    ------
    DataError
        Rows are of after ``as_of``, or none is left; no column of a date or of an outcome is there.

    Examples
    --------
    >>> # X, y, period, _ = wb.development_sample(
    >>> #     frame, ws.catalog.table("credit_applications"), as_of="2026-09",
    >>> #     observed="decided_on", observation_months=24, performance_months=12)
    """
    day = day_of(as_of)
    if observation_months < 1 or performance_months < 1:
        raise DataError("observation_months and performance_months are whole numbers, 1 or more.")
    names = [name for name, each in declared.columns.items() if each.role == "target"]
    target = target or (names[0] if len(names) == 1 else None)
    observed = observed or declared.time
    for what, name in (("target", target), ("observed", observed)):
        if name not in frame.columns:
            raise DataError(f"there is no column {what}='{name}' in the frame; name one that is.")
    moments = pd.to_datetime(frame[observed])
    if future := int((moments.dt.normalize() > pd.Timestamp(day)).sum()):
        raise DataError(
            f"{future:,} rows are of after {day} by '{observed}', and were not known then; filter "
            "them away, or give a later as_of."
        )
    begin = pd.Timestamp(span_start(day, performance_months + observation_months))
    end = pd.Timestamp(span_start(day, performance_months))
    within = (moments >= begin) & (moments < end)
    left_out = {
        "observed too late to be watched": moments >= end,
        "not observed, or before the window": (moments < begin) | moments.isna(),
        "without an outcome": within & frame[target].isna(),
    }
    kept = within & frame[target].notna()
    if not kept.any():
        raise DataError(
            f"no row observed from {begin.date()} to before {end.date()} has an outcome; give "
            "other windows, or another as_of."
        )
    out = {*kept_out(declared, frame.columns), target, observed}
    features = [name for name in frame.columns if name not in out]
    return Sample(
        frame.loc[kept, features],
        pd.Series(known_outcomes(frame.loc[kept, target]) == 1, frame.index[kept], name=target),
        moments[kept].dt.strftime("%Y-%m").rename("period"),
        {why: int(which.sum()) for why, which in left_out.items()},
    )


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
    # why inferred: of a column that had missing values once, booleans are objects
    y = pd.Series(column_or_1d(y, warn=True)).infer_objects().to_numpy()
    if missing := int(pd.isna(y).sum()):
        raise DataError(
            f"Input y contains NaN: {missing:,} of {len(y):,} outcomes are not known. Fit on rows "
            "whose outcome is, see wb.development_sample."
        )
    assert_all_finite(y, input_name="y")
    kind, known = type_of_target(y, input_name="y"), np.unique(y).tolist()
    if kind != "binary":
        raise DataError(
            f"Only binary classification is supported. The type of the target is {kind}. "
            "Unknown label type: give y with two values, such as 0 and 1, 1 for bad."
        )
    if len(y) != rows:
        raise DataError(f"X has {rows:,} rows and y {len(y):,}: inconsistent numbers of samples.")
    if len(known) < 2:
        raise DataError(
            "Classifier can't train when only one class is present: y holds one class, and a card "
            "tells good from bad. Give rows of both; are outcomes matured?"
        )
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
