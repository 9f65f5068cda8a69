"""Purchases of customers as value models read them, by days at a place's clock.

A day counts once, whatever was bought on it. The first day makes somebody a customer; what models
explain are the days after it.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from workbench.errors import InputError, require_columns

if TYPE_CHECKING:
    from workbench.analytics.lifetime_value import BetaGeoModel


def purchase_summary(
    rows: pd.DataFrame,
    *,
    until: dt.date | str,
    customer: str = "customer_id",
    date: str = "booked_on",
    amount: str | None = "amount",
    returns: str = "refuse",
) -> pd.DataFrame:
    """Return one row a customer of what value models are fitted on.

    Parameters
    ----------
    rows : DataFrame
        One row a purchase. A moment with a time zone counts on the day it was there. If there is
        a column ``transaction_id``, each id may occur once.
    until : date or str
        Last day that counts; later rows are left out.
    customer, date, amount : str
        Names of the columns; ``amount=None`` where only times are wanted.
    returns : {"refuse", "subtract"}
        What to do with negative amounts: refuse them, or take them off the customer's spend. A day
        with nothing but returns is no day of purchase.

    Returns
    -------
    DataFrame
        By customer: ``frequency`` (days with a purchase after the first), ``recency_days`` (from
        first to last), ``T_days`` (from first to ``until``), and ``monetary_value`` (mean spend on
        the days after the first, 0 where there is none, at least 0).

    Raises
    ------
    InputError
        A column is missing, there is no row, or rows lack what they need; says how many.

    Examples
    --------
    >>> import pandas as pd
    >>> rows = pd.DataFrame({
    ...     "customer_id": ["a", "a", "a", "b"],
    ...     "booked_on": ["2026-01-01", "2026-01-11", "2026-01-11", "2026-01-05"],
    ...     "amount": [10.0, 4.0, 6.0, 7.0],
    ... })
    >>> purchase_summary(rows, until="2026-01-31").loc["a"].tolist()
    [1.0, 10.0, 30.0, 10.0]
    """
    if returns not in ("refuse", "subtract"):
        raise InputError(f"returns is 'refuse' or 'subtract', not '{returns}'.")
    wanted = [customer, date, *([amount] if amount else [])]
    require_columns(rows, wanted, "name yours with customer=…, date=…, amount=….")
    for name in wanted:
        missing = int(rows[name].isna().sum())
        if missing:
            raise InputError(
                f"{missing:,} of {len(rows):,} rows have no '{name}'. Leave them out on purpose, "
                "rows.dropna(subset=[…]), or mend them at the source."
            )
    if "transaction_id" in rows.columns:
        again = int(rows["transaction_id"].duplicated().sum())
        if again:
            raise InputError(
                f"{again:,} rows repeat a transaction_id, and would count their spend twice. Drop "
                "them first: rows.drop_duplicates('transaction_id')."
            )
    table = pd.DataFrame({"customer": rows[customer], "day": _days(rows[date], date)})
    table["amount"] = _amounts(rows[amount], amount) if amount else 0.0
    end = pd.Timestamp(_day("until", until))
    table = table[table["day"] <= end]
    if table.empty:
        raise InputError(f"no purchase was made up to {end.date()}; name a later day.")
    negative = table["amount"] < 0
    if negative.any() and returns == "refuse":
        raise InputError(
            f"{int(negative.sum()):,} rows have a negative amount. If they are returns, say "
            "returns='subtract'; else mend them at the source."
        )
    bought = table[~negative]
    if bought.empty:
        raise InputError("all rows are returns, so nobody bought anything; there is no value.")
    first = bought.groupby("customer")["day"].min()
    by = bought.groupby("customer")["day"]
    found = pd.DataFrame(
        {
            "frequency": by.nunique() - 1,
            "recency_days": (by.max() - first).dt.days,
            "T_days": (end - first).dt.days,
        }
    )
    if amount:
        # returns count from the first day on: one of something bought before it is nobody's loss
        later = table[table["day"] > table["customer"].map(first)]
        spent = later.groupby("customer")["amount"].sum().reindex(found.index).fillna(0)
        days = found["frequency"].where(found["frequency"] > 0, 1)
        found["monetary_value"] = (spent / days).clip(lower=0).where(found["frequency"] > 0, 0.0)
    found.index.name = customer
    return found


def _days(given: pd.Series, name: str) -> pd.Series:
    """Return the days of moments; refuse numbers, and texts that two countries read differently."""
    kind = pd.api.types.infer_dtype(given, skipna=True)
    try:
        if kind not in ("string", "date", "datetime", "datetime64", "empty"):
            raise ValueError(kind)
        day = pd.to_datetime(given, format="ISO8601" if kind == "string" else None)
    except ValueError:
        first = next((each for each in given if not _is_iso(each)), given.iloc[0])
        raise InputError(
            f"'{name}' holds {first!r}, which is no day as it stands. Give dates, or texts such as "
            f"2026-04-03; read others in the way they were written: "
            f"pd.to_datetime(rows['{name}'], format='%d/%m/%Y'), or '%Y%m%d' for numbers."
        ) from None
    if day.dt.tz is not None:
        day = day.dt.tz_localize(None)  # keeps the local clock
    return day.dt.normalize()


def _is_iso(value: object) -> bool:
    if not isinstance(value, str):
        return isinstance(value, dt.date)
    try:
        dt.datetime.fromisoformat(value)
    except ValueError:
        return False
    return True


def _amounts(given: pd.Series, name: str) -> pd.Series:
    """Return amounts as floats; refuse texts and numbers that are none."""
    kind = pd.api.types.infer_dtype(given, skipna=True)
    amounts = pd.to_numeric(given, errors="coerce").astype(float)
    wrong = ~np.isfinite(amounts) if kind != "boolean" else pd.Series(True, index=given.index)
    if wrong.any():
        raise InputError(
            f"{int(wrong.sum()):,} of {len(given):,} rows have a '{name}' that is no amount, such "
            f"as {given[wrong].iloc[0]!r}. Give numbers with a point and no sign of a currency."
        )
    return amounts


def _day(name: str, given: dt.date | str) -> dt.date:
    """Return a day; refuse whatever two readers may take for two."""
    try:
        moment: object = dt.datetime.fromisoformat(given) if isinstance(given, str) else given
    except ValueError:
        moment = None
    if not isinstance(moment, dt.date):
        raise InputError(f"{name} is a day, a date or text such as '2026-09-30', not {given!r}.")
    return moment.date() if isinstance(moment, dt.datetime) else moment


@dataclass(frozen=True, eq=False)
class Holdout:
    """How well purchases were foreseen that the model had not seen.

    Attributes
    ----------
    model : BetaGeoModel
        As fitted on the days up to the split.
    horizon_days : int
    mean_absolute_error, naive_mean_absolute_error : float
        Purchases a customer, the model's and the naive rate's: everybody goes on as before.
    expected_total, actual_total, naive_total : float
        Purchases of all customers.
    table : DataFrame
        By past frequency: customers, actual, expected and naive purchases on average.
    """

    model: BetaGeoModel
    horizon_days: int
    mean_absolute_error: float
    naive_mean_absolute_error: float
    expected_total: float
    actual_total: float
    naive_total: float
    table: pd.DataFrame

    @property
    def gain(self) -> float:
        """Share by which the model's error is below the naive rate's."""
        return 1 - self.mean_absolute_error / self.naive_mean_absolute_error


def holdout_check(
    rows: pd.DataFrame,
    *,
    split: dt.date | str,
    until: dt.date | str,
    customer: str = "customer_id",
    date: str = "booked_on",
) -> Holdout:
    """Fit on the days up to a split, and compare what is expected after it with what came.

    Parameters
    ----------
    rows, until, customer, date
        As for `purchase_summary`.
    split : date or str
        Last day the model sees.

    Raises
    ------
    InputError
        The split is not before ``until``, or the rows are not fit for a summary.
    """
    from workbench.analytics.lifetime_value import BetaGeoModel

    horizon_days = (_day("until", until) - _day("split", split)).days
    if horizon_days <= 0:
        raise InputError(f"the split, {split}, must lie before until, {until}.")
    names: dict[str, Any] = {"customer": customer, "date": date, "amount": None}
    past = purchase_summary(rows, until=split, **names)
    whole = purchase_summary(rows, until=until, **names)
    actual = (whole["frequency"].reindex(past.index) - past["frequency"]).astype(float)
    model = BetaGeoModel().fit(past)
    expected = model.predict_purchases(past, horizon_days)
    naive = past["frequency"] / past["T_days"].clip(lower=1) * horizon_days
    group = past["frequency"].clip(upper=7).rename("frequency")
    each = pd.DataFrame({"actual": actual, "expected": expected, "naive": naive}).groupby(group)
    return Holdout(
        model=model,
        horizon_days=horizon_days,
        mean_absolute_error=float((expected - actual).abs().mean()),
        naive_mean_absolute_error=float((naive - actual).abs().mean()),
        expected_total=float(expected.sum()),
        actual_total=float(actual.sum()),
        naive_total=float(naive.sum()),
        table=each.mean().assign(customers=each.size()),
    )
