"""What a customer will buy: BG/NBD for how often, gamma-gamma for how much, and how sure that is.

BG/NBD: Fader, Hardie & Lee, *"Counting Your Customers" the Easy Way*, Marketing Science 24(2),
2005. Gamma-gamma: Fader & Hardie, *The Gamma-Gamma Model of Monetary Value*, 2013. Intervals
are of the parameters' uncertainty; how single customers scatter around what is expected of them
comes on top.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from workbench.analytics.fitting import (
    Fitted,
    chance_alive,
    check_summary,
    expected_purchases,
    expected_spend,
    purchases_log_likelihood,
    spend_log_likelihood,
)
from workbench.errors import InputError

_DRAWS = 200


class BetaGeoModel(Fitted):
    """How often customers buy, and whether they still do (BG/NBD).

    Parameters
    ----------
    penalty : float
        Times the squared logarithms of the parameters, added to the loss per customer; it keeps
        them near 1, with time in units of the longest and money of the typical. 0 is plain maximum
        likelihood.

    Attributes
    ----------
    r_, alpha_ : float
        Shape and rate of customers' purchase rates; ``alpha_`` in days.
    a_, b_ : float
        Of the chance to drop out after a purchase.
    params_ : DataFrame
        The four with standard errors and 95 % intervals, from the Hessian.
    log_likelihood_ : float
        Of all customers, time in days.

    Examples
    --------
    >>> # summary = wb.purchase_summary(rows, until="2026-09-30")
    >>> # wb.BetaGeoModel().fit(summary).predict_purchases(summary, horizon_days=90)
    """

    names = ("r", "alpha", "a", "b")
    r_: float
    alpha_: float
    a_: float
    b_: float

    def fit(self, X: pd.DataFrame, y: object = None) -> BetaGeoModel:
        """Find the parameters under which what customers did is likeliest.

        Parameters
        ----------
        X : DataFrame
            Of `workbench.analytics.purchases.summary`: ``frequency``, ``recency_days``, ``T_days``.
        y : ignored
        """
        frame = check_summary(X)
        columns = ["frequency", "recency_days", "T_days"]
        grouped = frame.groupby(columns, sort=False).size()  # alike customers count together
        x, t_x, t = (grouped.index.get_level_values(name).to_numpy(float) for name in columns)
        weight = grouped.to_numpy(float)
        scale = float(t.max())
        t_x, t = t_x / scale, t / scale
        if x.max() == 0:
            raise InputError(
                "no customer bought on a second day, so nothing tells how often they come back; "
                "give a longer period."
            )

        def loss(logs: Any) -> float:
            return -float((weight * purchases_log_likelihood(np.exp(logs), x, t_x, t)).sum())

        self.n_customers_ = len(frame)
        start = np.log([0.5, 0.1, 1.0, 2.0])
        # why in units of the longest time: then no parameter is huge
        self.maximise(loss, start, self.n_customers_, np.array([0, np.log(scale), 0, 0]))
        self.log_likelihood_ -= float((weight * x).sum() * np.log(scale))
        return self

    def predict_purchases(self, X: pd.DataFrame, horizon_days: float) -> pd.Series:
        """Return each customer's expected number of days with a purchase in the time to come."""
        frame = check_summary(X)
        _check_horizon(horizon_days)
        values = expected_purchases(self.values(), *_columns(frame), horizon_days)
        return pd.Series(values, index=frame.index, name="expected_purchases")

    def predict(self, X: pd.DataFrame, horizon_days: float = 365) -> pd.Series:
        """As `predict_purchases`, over a year."""
        return self.predict_purchases(X, horizon_days)

    def predict_alive(self, X: pd.DataFrame) -> pd.Series:
        """Return each customer's chance to buy ever again, P(alive)."""
        frame = check_summary(X)
        return pd.Series(
            chance_alive(self.values(), *_columns(frame)), index=frame.index, name="p_alive"
        )

    def purchases_interval(
        self,
        X: pd.DataFrame,
        horizon_days: float,
        *,
        level: float = 0.95,
        draws: int = _DRAWS,
        seed: int = 0,
    ) -> pd.DataFrame:
        """Return expected purchases with their interval, each customer's and of all together.

        The interval is of what is expected, by the parameters' uncertainty (draws from the normal
        with the inverse Hessian as covariance); what a customer does will scatter more.

        Returns
        -------
        DataFrame
            ``expected_purchases``, ``low``, ``high``; ``.attrs["total"]`` holds value, low and high
            of the sum over all customers.
        """
        frame = check_summary(X)
        _check_horizon(horizon_days)
        value = expected_purchases(self.values(), *_columns(frame), horizon_days)
        alike, of_alike = _alike(frame)
        sampled = [
            expected_purchases(tuple(each), *_columns(alike), horizon_days)[of_alike]
            for each in self.drawn(draws, seed)
        ]
        return interval_frame("expected_purchases", frame.index, value, sampled, level)


class GammaGammaModel(Fitted):
    """How much customers spend on a day they buy, given what they spent (gamma-gamma).

    Parameters
    ----------
    penalty : float
        As for `BetaGeoModel`.

    Attributes
    ----------
    p_, q_, v_ : float
        Parameters; ``v_`` in the unit of money.
    params_ : DataFrame
        With standard errors and 95 % intervals, from the Hessian.
    correlation_ : float
        Of frequency and mean spend among customers who came back: the model takes it for none, and
        is off where it is far from 0.
    """

    names = ("p", "q", "v")
    p_: float
    q_: float
    v_: float

    def fit(self, X: pd.DataFrame, y: object = None) -> GammaGammaModel:
        """Find the parameters from customers who came back and spent something.

        Parameters
        ----------
        X : DataFrame
            Of `workbench.analytics.purchases.summary`, with ``monetary_value``.
        y : ignored
        """
        frame = check_summary(X, monetary=True)
        kept = frame[(frame["frequency"] > 0) & (frame["monetary_value"] > 0)]
        if len(kept) < 2 or kept["monetary_value"].nunique() < 2:
            raise InputError(
                "the spend of at least two customers who came back, and not all the same, is "
                f"needed; there are {len(kept):,}. Give more customers or a longer period."
            )
        x, m = kept["frequency"].to_numpy(float), kept["monetary_value"].to_numpy(float)
        scale = float(np.exp(np.log(m).mean()))

        def loss(logs: Any) -> float:
            return -float(spend_log_likelihood(np.exp(logs), x, m / scale).sum())

        self.n_customers_ = len(kept)
        frequent = len(set(x)) > 1
        self.correlation_ = float(np.corrcoef(x, m)[0, 1]) if frequent else 0.0
        start = np.log([2.0, 3.0, 2.0])
        self.maximise(loss, start, self.n_customers_, np.array([0, 0, np.log(scale)]))
        if self.q_ <= 1:
            raise InputError(
                "the spend is so uneven that its mean over customers does not exist (q below 1); "
                "set a few extreme amounts apart, or give a penalty such as penalty=0.01."
            )
        return self

    def predict(self, X: pd.DataFrame) -> pd.Series:
        """Return each customer's expected spend on a day they buy."""
        frame = check_summary(X, monetary=True)
        return pd.Series(
            expected_spend(self.values(), *_spent(frame)), index=frame.index, name="expected_spend"
        )


def lifetime_value(
    purchases: BetaGeoModel,
    spend: GammaGammaModel,
    X: pd.DataFrame,
    *,
    horizon_days: float,
    yearly_discount: float,
    margin: float = 1.0,
    level: float = 0.95,
    draws: int = _DRAWS,
    seed: int = 0,
) -> pd.DataFrame:
    """Return what customers are worth over a time to come, discounted, with intervals.

    Parameters
    ----------
    purchases, spend : fitted models
    X : DataFrame
        Of `workbench.analytics.purchases.summary`, with ``monetary_value``.
    horizon_days : float
        How far to look.
    yearly_discount : float
        0.1 for 10 % a year; no default, for it changes the answer.
    margin : float
        Share of spend that is earned.
    level, draws, seed
        Of the interval: by draws of both models' parameters from their inverse Hessians.

    Returns
    -------
    DataFrame
        ``lifetime_value``, ``low``, ``high``; ``.attrs["total"]`` holds those of all customers.
    """
    frame = check_summary(X, monetary=True)
    _check_horizon(horizon_days)
    if not yearly_discount > -1:
        raise InputError(f"yearly_discount must be above -1, such as 0.1, not {yearly_discount}.")
    alike, of_alike = _alike(frame)
    times, spent = _columns(alike), _spent(alike)
    steps = np.linspace(0, horizon_days, max(2, int(np.ceil(horizon_days / 30.4375)) + 1))
    discount = (1 + yearly_discount) ** (-(steps[:-1] + steps[1:]) / 2 / 365.25)

    def value(of_purchases: Any, of_spend: Any) -> np.ndarray:
        bought = np.array([expected_purchases(of_purchases, *times, step) for step in steps[1:]])
        each = np.diff(bought, axis=0, prepend=np.zeros((1, len(alike))))
        worth = margin * (discount @ each) * expected_spend(of_spend, *spent)
        return np.asarray(worth[of_alike])

    sampled = [
        value(tuple(one), tuple(other))
        for one, other in zip(
            purchases.drawn(draws, seed), spend.drawn(draws, seed + 1), strict=True
        )
        if other[1] > 1
    ]
    best = value(purchases.values(), spend.values())
    return interval_frame("lifetime_value", frame.index, best, sampled, level)


def interval_frame(
    name: str, index: Any, value: np.ndarray, sampled: list[np.ndarray], level: float
) -> pd.DataFrame:
    """Return values with the ends of their intervals, and the total's in ``attrs``."""
    if not 0 < level < 1:
        raise InputError(f"level must lie between 0 and 1, not {level}.")
    ends = [(1 - level) / 2, (1 + level) / 2]
    low, high = np.quantile(np.array(sampled), ends, axis=0)
    frame = pd.DataFrame({name: value, "low": low, "high": high}, index=index)
    totals = np.quantile([each.sum() for each in sampled], ends)
    frame.attrs["total"] = {
        "value": float(value.sum()),
        "low": float(totals[0]),
        "high": float(totals[1]),
    }
    return frame


def _alike(frame: pd.DataFrame) -> tuple[pd.DataFrame, Any]:
    """Return one row for all customers of the same numbers, and each customer's place in it."""
    values, place = np.unique(frame.to_numpy(float), axis=0, return_inverse=True)
    return pd.DataFrame(values, columns=frame.columns), place.ravel()


def _columns(frame: pd.DataFrame) -> tuple[Any, Any, Any]:
    x, t_x, t = (frame[name].to_numpy(float) for name in ("frequency", "recency_days", "T_days"))
    return x, t_x, t


def _spent(frame: pd.DataFrame) -> tuple[Any, Any]:
    return frame["frequency"].to_numpy(float), frame["monetary_value"].to_numpy(float)


def _check_horizon(horizon_days: float) -> None:
    if not 0 < horizon_days < float("inf"):
        raise InputError(f"horizon_days must be a finite number above 0, not {horizon_days}.")
