"""Logistic regression on weights of evidence that are looked up as they are needed.

scikit-learn's holds a matrix of all weights, and one more to take steps: for a million rows that is
more than everything else a card needs.
"""

from collections.abc import Sequence

import numpy as np
from scipy.special import expit

from workbench.analytics.scoring.bins import Characteristic

_ROWS = 16_384  # looked up at once: they fit into a processor's cache
_RIDGE = 1.0  # as scikit-learn's C=1


def likeliest(
    found: Sequence[tuple[Characteristic, np.ndarray]],
    bad: np.ndarray,
    weight: np.ndarray | None,
    start: np.ndarray,
) -> np.ndarray:
    """Return intercept and coefficients of the logarithm of bad odds, by Newton's method."""
    ridge = np.array([0.0, *[_RIDGE] * len(found)])
    least, best, at = np.inf, start, start
    for _ in range(100):
        loss, gradient, hessian = 0.5 * float(ridge @ at**2), ridge * at, np.diag(ridge)
        for first in range(0, len(bad), _ROWS):
            rows = slice(first, first + _ROWS)
            woe = np.stack([np.ones(len(bad[rows])), *(b.woe[p[rows]] for b, p in found)])
            odds, own = at @ woe, 1.0 if weight is None else weight[rows]
            chance = expit(odds)
            loss += float((own * (np.logaddexp(0, odds) - bad[rows] * odds)).sum())
            gradient += woe @ (own * (chance - bad[rows]))
            hessian += (woe * (own * chance * (1 - chance))) @ woe.T
        if loss > least + 1e-9 * abs(least):  # too far: halve the step
            at = (at + best) / 2
            continue
        step = np.linalg.lstsq(hessian, gradient)[0]
        least, best, at = loss, at, at - step
        if np.abs(step).max() < 1e-8:
            break
    return at
