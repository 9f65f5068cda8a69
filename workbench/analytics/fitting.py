"""Models of purchases fitted by maximum likelihood, their published formulas, how sure they are.

The uncertainty of parameters is the inverse of the Hessian at the maximum, from which they are
drawn again.

``x`` is the number of days with a purchase after the first, ``t_x`` the time from the first to the
last, ``t`` the time from the first to now, ``m`` the mean spend on the days after the first.
"""

from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
from scipy.optimize import minimize
from scipy.special import betaln, expit, gammaln, hyp2f1

from workbench.errors import InputError, require_columns, require_customers

_TIMES = ("frequency", "recency_days", "T_days")
_FAR = 12.0  # logarithms of parameters lie within, in the units they are searched in
_STEP = 1e-3  # of a logarithm, for second differences


class Fitted:
    """Fitting, and the uncertainty of parameters."""

    names: tuple[str, ...] = ()

    def __init__(self, *, penalty: float = 0.0) -> None:
        self.penalty = penalty

    def maximise(
        self, loss: Callable[[Any], float], start: Any, customers: int, units: Any
    ) -> None:
        """Find the parameters of least loss, and the covariance of their logarithms.

        Parameters
        ----------
        units : array
            Added to the logarithms found, to tell parameters in days or money.
        """

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
            name for name, log in zip(self.names, found.x, strict=True) if not abs(log) < _FAR - 0.1
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
        for name, log in zip(self.names, self._logs, strict=True):
            setattr(self, f"{name}_", float(np.exp(log)))
        self.log_likelihood_ = -float(loss(found.x))

    @property
    def params_(self) -> pd.DataFrame:
        """Parameters with their standard errors and 95 % intervals."""
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
            index=pd.Index(self.names, name="parameter"),
        )

    def _require_fitted(self) -> None:
        if not hasattr(self, "_logs"):
            raise InputError(f"this {type(self).__name__} is not fitted yet; call fit(…) first.")

    def drawn(self, draws: int, seed: int) -> np.ndarray:
        """Return parameters as they might as well be, one row a draw."""
        generator = np.random.default_rng(seed)
        logs = generator.multivariate_normal(self._logs, self._covariance, size=draws)
        # why less their units: the box is of parameters as they were searched, whatever a euro is
        return np.asarray(np.exp(np.clip(logs - self._units, -_FAR, _FAR) + self._units))

    def values(self) -> tuple[float, ...]:
        """Return the parameters found."""
        self._require_fitted()
        return tuple(getattr(self, f"{name}_") for name in self.names)


def _inverse_hessian(loss: Callable[[Any], float], at: Any, model: str) -> np.ndarray:
    """Return the inverse of the second differences of a loss at its least point."""
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


def check_summary(frame: pd.DataFrame, *, monetary: bool = False) -> pd.DataFrame:
    """Return a summary's columns, having looked that they can be true.

    Raises
    ------
    InputError
        Columns are missing, there is no customer, one is there twice, or numbers cannot be true;
        says which and how many.
    """
    wanted = [*_TIMES, *(["monetary_value"] if monetary else [])]
    require_columns(frame, wanted, "make it with wb.purchase_summary(rows, until=…).")
    require_customers(frame)
    numbers = frame[wanted].astype(float)
    x, t_x, t = (numbers[name] for name in _TIMES)
    wrong = {
        "have a figure that is missing or not finite": ~np.isfinite(numbers).all(axis=1),
        "have a negative figure": (numbers < 0).any(axis=1),
        "have a frequency that is no whole number": x != x.round(),
        "have recency_days above T_days": t_x > t,
        "came back without any time going by, or the other way round": (x > 0) != (t_x > 0),
        "came back on more days than there were": x > np.ceil(t_x),
    }
    for what, which in wrong.items():
        if which.any():
            raise InputError(
                f"{int(which.sum()):,} of {len(frame):,} customers {what}. A summary has frequency "
                "(days with a purchase after the first), recency_days (first to last) and T_days "
                "(first to the end): make it with wb.purchase_summary(rows, until=…)."
            )
    return numbers


def purchases_log_likelihood(parameters: Any, x: Any, t_x: Any, t: Any) -> Any:
    """Fader, Hardie & Lee 2005, equation 6, in logarithms."""
    r, alpha, a, b = parameters
    common = gammaln(r + x) - gammaln(r) + r * np.log(alpha)
    beta = betaln(a, b)
    alive = betaln(a, b + x) - beta - (r + x) * np.log(alpha + t)
    again = np.maximum(x, 1)
    gone = betaln(a + 1, b + again - 1) - beta - (r + x) * np.log(alpha + t_x)
    return common + np.where(x > 0, np.logaddexp(alive, gone), alive)


def chance_alive(parameters: Any, x: Any, t_x: Any, t: Any) -> Any:
    """P(alive): Fader, Hardie & Lee 2008, *Computing P(alive) Using the BG/NBD Model*."""
    r, alpha, a, b = parameters
    odds = (r + x) * np.log((alpha + t) / (alpha + t_x)) + np.log(a / (b + np.maximum(x, 1) - 1))
    return np.where(x > 0, expit(-odds), 1.0)


def expected_purchases(parameters: Any, x: Any, t_x: Any, t: Any, horizon: float) -> Any:
    """Fader, Hardie & Lee 2005, equation 10: purchases to come, given those there were."""
    r, alpha, a, b = parameters
    ratio = horizon / (alpha + t + horizon)
    if abs(a - 1) < 1e-8:
        a = 1 + 1e-8  # the formula's limit
    # why not as printed: with Euler's identity nothing grows with the number of purchases
    grown = (1 - ratio) ** (a - 1) * hyp2f1(a + b - 1 - r, a - 1, a + b + x - 1, ratio)
    return (a + b + x - 1) / (a - 1) * (1 - grown) * chance_alive((r, alpha, a, b), x, t_x, t)


def spend_log_likelihood(parameters: Any, x: Any, m: Any) -> Any:
    """Fader & Hardie 2013, equation 1a, in logarithms."""
    p, q, v = parameters
    return (
        gammaln(p * x + q)
        - gammaln(p * x)
        - gammaln(q)
        + q * np.log(v)
        + (p * x - 1) * np.log(m)
        + p * x * np.log(x)
        - (p * x + q) * np.log(x * m + v)
    )


def expected_spend(parameters: Any, x: Any, m: Any) -> Any:
    """Fader & Hardie 2013, equation 5: between the customer's own mean and everybody's."""
    p, q, v = parameters
    return p * (v + x * np.where(x > 0, m, 0)) / (p * x + q - 1)
