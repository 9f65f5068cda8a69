"""What a customer will buy: BG/NBD for how often, gamma-gamma for how much, and how sure that is.

BG/NBD: Fader, Hardie & Lee, *"Counting Your Customers" the Easy Way*, Marketing Science 24(2),
2005. Gamma-gamma: Fader & Hardie, *The Gamma-Gamma Model of Monetary Value*, 2013. Both are fitted
by maximum likelihood on the logarithms of their parameters. Intervals are of the parameters'
uncertainty: the inverse of the Hessian at the maximum, from which parameters are drawn again; how
single customers scatter around what is expected of them comes on top.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from workbench.analytics.purchases import check_summary
from workbench.analytics.value_formulas import (
    chance_alive,
    expected_purchases,
    expected_spend,
    purchases_log_likelihood,
    spend_log_likelihood,
)
from workbench.errors import InputError

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd

_DRAWS = 200
_FAR = 12.0  # logarithms of parameters lie within, in the units they are searched in
_STEP = 1e-3  # of a logarithm, for second differences


class _Fitted:
    """Fitting, parameter uncertainty and intervals, the same for both models."""

    _names: tuple[str, ...] = ()

    def __init__(self, *, penalty: float = 0.0) -> None:
        self.penalty = penalty

    def _maximise(
        self, loss: Callable[[Any], float], start: Any, customers: int, units: Any
    ) -> None:
        """Find the parameters of least loss, and the covariance of their logarithms.

        Parameters
        ----------
        units : array
            Added to the logarithms found, to tell parameters in days or money.
        """
        import numpy as np
        from scipy.optimize import minimize

        def penalised(logs: Any) -> float:
            value = loss(logs) / customers + self.penalty * float((logs**2).sum())
            return value if np.isfinite(value) else 1e300

        box = [(-_FAR, _FAR)] * len(start)
        found = minimize(penalised, start, method="L-BFGS-B", bounds=box, options={"maxiter": 500})
        # why twice: the simplex does not stop where a difference quotient is too coarse
        found = minimize(
            penalised,
            found.x,
            method="Nelder-Mead",
            bounds=box,
            options={"xatol": 1e-6, "fatol": 1e-9, "maxiter": 4000},
        )
        at_end = [
            name
            for name, log in zip(self._names, found.x, strict=True)
            if not abs(log) < _FAR - 0.1
        ]
        if at_end or not found.success:
            raise InputError(
                f"{type(self).__name__} finds no best parameters for these customers: "
                f"{', '.join(at_end) or 'the search'} runs off. They may be too alike, or too few; "
                "give more customers or a longer period, or a penalty such as penalty=0.01."
            )
        self._covariance = _inverse_hessian(penalised, found.x, type(self).__name__) / customers
        self._units = units
        self._logs = found.x + units
        for name, log in zip(self._names, self._logs, strict=True):
            setattr(self, f"{name}_", float(np.exp(log)))
        self.log_likelihood_ = -float(loss(found.x))

    @property
    def params_(self) -> pd.DataFrame:
        """Parameters with their standard errors and 95 % intervals."""
        import numpy as np
        import pandas as pd

        self._require_fitted()
        spread = np.sqrt(np.diag(self._covariance))
        values = np.exp(self._logs)
        return pd.DataFrame(
            {
                "value": values,
                "standard_error": values * spread,
                "low": values * np.exp(-1.96 * spread),
                "high": values * np.exp(1.96 * spread),
            },
            index=pd.Index(self._names, name="parameter"),
        )

    def _require_fitted(self) -> None:
        if not hasattr(self, "_logs"):
            raise InputError(f"this {type(self).__name__} is not fitted yet; call fit(…) first.")

    def _drawn(self, draws: int, seed: int) -> np.ndarray:
        """Return parameters as they might as well be, one row a draw."""
        import numpy as np

        generator = np.random.default_rng(seed)
        logs = generator.multivariate_normal(self._logs, self._covariance, size=draws)
        # why less their units: the box is of parameters as they were searched, whatever a euro is
        return np.asarray(np.exp(np.clip(logs - self._units, -_FAR, _FAR) + self._units))

    def _values(self) -> tuple[float, ...]:
        self._require_fitted()
        return tuple(getattr(self, f"{name}_") for name in self._names)


class BetaGeoModel(_Fitted):
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

    _names = ("r", "alpha", "a", "b")
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
        import numpy as np

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
        self._maximise(loss, start, self.n_customers_, np.array([0, np.log(scale), 0, 0]))
        self.log_likelihood_ -= float((weight * x).sum() * np.log(scale))
        return self

    def predict_purchases(self, X: pd.DataFrame, horizon_days: float) -> pd.Series:
        """Return each customer's expected number of days with a purchase in the time to come."""
        import pandas as pd

        frame = check_summary(X)
        _check_horizon(horizon_days)
        values = expected_purchases(self._values(), *_columns(frame), horizon_days)
        return pd.Series(values, index=frame.index, name="expected_purchases")

    def predict(self, X: pd.DataFrame, horizon_days: float = 365) -> pd.Series:
        """As `predict_purchases`, over a year."""
        return self.predict_purchases(X, horizon_days)

    def predict_alive(self, X: pd.DataFrame) -> pd.Series:
        """Return each customer's chance to buy ever again, P(alive)."""
        import pandas as pd

        frame = check_summary(X)
        return pd.Series(
            chance_alive(self._values(), *_columns(frame)), index=frame.index, name="p_alive"
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
        value = expected_purchases(self._values(), *_columns(frame), horizon_days)
        alike, of_alike = _alike(frame)
        sampled = [
            expected_purchases(tuple(each), *_columns(alike), horizon_days)[of_alike]
            for each in self._drawn(draws, seed)
        ]
        return interval_frame("expected_purchases", frame.index, value, sampled, level)


class GammaGammaModel(_Fitted):
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

    _names = ("p", "q", "v")
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
        import numpy as np

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
        self._maximise(loss, start, self.n_customers_, np.array([0, 0, np.log(scale)]))
        if self.q_ <= 1:
            raise InputError(
                "the spend is so uneven that its mean over customers does not exist (q below 1); "
                "set a few extreme amounts apart, or give a penalty such as penalty=0.01."
            )
        return self

    def predict(self, X: pd.DataFrame) -> pd.Series:
        """Return each customer's expected spend on a day they buy."""
        import pandas as pd

        frame = check_summary(X, monetary=True)
        return pd.Series(
            expected_spend(self._values(), *_spent(frame)), index=frame.index, name="expected_spend"
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
    import numpy as np

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
            purchases._drawn(draws, seed), spend._drawn(draws, seed + 1), strict=True
        )
        if other[1] > 1
    ]
    best = value(purchases._values(), spend._values())
    return interval_frame("lifetime_value", frame.index, best, sampled, level)


def interval_frame(
    name: str, index: Any, value: np.ndarray, sampled: list[np.ndarray], level: float
) -> pd.DataFrame:
    """Return values with the ends of their intervals, and the total's in ``attrs``."""
    import numpy as np
    import pandas as pd

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
    import numpy as np
    import pandas as pd

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


def _inverse_hessian(loss: Callable[[Any], float], at: Any, model: str) -> np.ndarray:
    """Return the inverse of the second differences of a loss at its least point."""
    import numpy as np

    size = len(at)
    step = np.eye(size) * _STEP
    hessian = np.empty((size, size))
    for i in range(size):
        for j in range(size):
            ends = [loss(at + s * step[i] + t * step[j]) for s in (1, -1) for t in (1, -1)]
            hessian[i, j] = (ends[0] - ends[1] - ends[2] + ends[3]) / (4 * _STEP**2)
    hessian = (hessian + hessian.T) / 2
    if np.linalg.eigvalsh(hessian)[0] <= 0:
        raise InputError(
            f"{model} finds no definite best parameters for these customers: several explain them "
            "equally well. They may be too alike, or too few; give more customers or a longer "
            "period, or a penalty such as penalty=0.01."
        )
    return np.asarray(np.linalg.inv(hessian))
