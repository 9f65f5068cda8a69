"""What must not enter a card: columns by their role, and rows by when they were observed."""

import datetime as dt
from collections.abc import Iterable
from typing import NamedTuple

import pandas as pd

from workbench.catalog import Table
from workbench.errors import DataError
from workbench.privacy.grouping.rules import day_of, span_start
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
    future = int((moments.dt.normalize() > pd.Timestamp(day)).sum())
    if future:
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
    out = kept_out(declared, frame.columns)
    features = [
        name for name in frame.columns if name not in out and name not in (target, observed)
    ]
    return Sample(
        frame.loc[kept, features],
        frame.loc[kept, target].astype(bool),
        moments[kept].dt.strftime("%Y-%m").rename("period"),
        {why: int(which.sum()) for why, which in left_out.items()},
    )
