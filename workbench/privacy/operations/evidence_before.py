"""Weights of private cards whose points were kept before weights were Fisher's discriminant.

What a ledger holds is computed again from its tables, so the arithmetic of then stays.
"""

from collections.abc import Sequence
from math import sqrt

import numpy as np

from workbench.privacy.operations.evidence import Array, Evidence, weighed


def weights_before(
    found: Sequence[Evidence], products: Array, sd: float, base: float
) -> tuple[Array, float]:
    """Return each feature's weight and the intercept; see `evidence.weights`."""
    total, upper = found[0].customers.sum(), np.triu_indices(len(found), 1)
    spread = np.sqrt([each.variance for each in found])
    kept = max(1e-3, _kept(found))
    pairs = kept * spread[upper[0]] * spread[upper[1]]
    noise = (sd / total / pairs) ** 2 + 1 / total / kept**2
    weight, wider = weighed(products / total / pairs, noise, spread)
    return weight, _intercept(base, sqrt(float(((weight * spread) ** 2).sum()) * wider))


def _kept(found: Sequence[Evidence]) -> float:
    """Return what is left of products in the ball, were features independent: about four fifths."""
    dice = np.random.default_rng(0)  # of released shares alone: the same counts, the same card
    longest = max(1e-9, sum(each.variance for each in found))
    squared = sum(
        dice.choice(each.woe**2, 4000, p=each.customers / each.customers.sum()) for each in found
    )
    return float(np.minimum(squared, longest).mean() / longest)


def _intercept(base: float, spread: float) -> float:
    """Return the intercept at which scores of a normal spread foretell the share of bad ones."""
    from scipy.optimize import brentq

    nodes, shares = np.polynomial.hermite_e.hermegauss(31)
    shares = shares / shares.sum()

    def over(intercept: float) -> float:
        return float(shares @ (1 / (1 + np.exp(-intercept - spread * nodes)))) - base

    return float(brentq(over, -40.0, 40.0))
