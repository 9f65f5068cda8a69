"""The published formulas of BG/NBD and gamma-gamma, over arrays of customers.

``x`` is the number of days with a purchase after the first, ``t_x`` the time from the first to the
last, ``t`` the time from the first to now, ``m`` the mean spend on the days after the first.
"""

from __future__ import annotations

from typing import Any


def purchases_log_likelihood(parameters: Any, x: Any, t_x: Any, t: Any) -> Any:
    """Fader, Hardie & Lee 2005, equation 6, in logarithms."""
    import numpy as np
    from scipy.special import betaln, gammaln

    r, alpha, a, b = parameters
    common = gammaln(r + x) - gammaln(r) + r * np.log(alpha)
    beta = betaln(a, b)
    alive = betaln(a, b + x) - beta - (r + x) * np.log(alpha + t)
    again = np.maximum(x, 1)
    gone = betaln(a + 1, b + again - 1) - beta - (r + x) * np.log(alpha + t_x)
    return common + np.where(x > 0, np.logaddexp(alive, gone), alive)


def chance_alive(parameters: Any, x: Any, t_x: Any, t: Any) -> Any:
    """P(alive): Fader, Hardie & Lee 2008, *Computing P(alive) Using the BG/NBD Model*."""
    import numpy as np
    from scipy.special import expit

    r, alpha, a, b = parameters
    odds = (r + x) * np.log((alpha + t) / (alpha + t_x)) + np.log(a / (b + np.maximum(x, 1) - 1))
    return np.where(x > 0, expit(-odds), 1.0)


def expected_purchases(parameters: Any, x: Any, t_x: Any, t: Any, horizon: float) -> Any:
    """Fader, Hardie & Lee 2005, equation 10: purchases to come, given those there were."""
    from scipy.special import hyp2f1

    r, alpha, a, b = parameters
    ratio = horizon / (alpha + t + horizon)
    if abs(a - 1) < 1e-8:
        a = 1 + 1e-8  # the formula's limit
    # why not as printed: with Euler's identity nothing grows with the number of purchases
    grown = (1 - ratio) ** (a - 1) * hyp2f1(a + b - 1 - r, a - 1, a + b + x - 1, ratio)
    return (a + b + x - 1) / (a - 1) * (1 - grown) * chance_alive((r, alpha, a, b), x, t_x, t)


def spend_log_likelihood(parameters: Any, x: Any, m: Any) -> Any:
    """Fader & Hardie 2013, equation 1a, in logarithms."""
    import numpy as np
    from scipy.special import gammaln

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
    import numpy as np

    p, q, v = parameters
    return p * (v + x * np.where(x > 0, m, 0)) / (p * x + q - 1)
