"""Weights of private cards whose points were kept before weights were Fisher's discriminant.

What a ledger holds is computed again from its tables, so the arithmetic of then stays.
"""

from collections.abc import Sequence
from math import sqrt

import numpy as np

from workbench.privacy.operations.evidence import CAUTION, RELATED, Array, Evidence


def weights_before(
    found: Sequence[Evidence], products: Array, sd: float, base: float
) -> tuple[Array, float]:
    """Return each feature's weight and the intercept; see `evidence.weights`."""
    count, total = len(found), found[0].customers.sum()
    spread = np.sqrt([max(1e-9, each.variance) for each in found])  # none where bins are alike
    upper = np.triu_indices(count, 1)
    pairs = spread[upper[0]] * spread[upper[1]]
    noise = (sd / total / pairs) ** 2 + 1 / total
    kept = max(1e-3, _kept(found))
    raw, noise = products / total / pairs / kept, noise / kept**2
    related = np.eye(count)
    # prior variance of correlations: theirs beyond noise, pairs with much of it counting less
    least, most = RELATED
    trust = 1 / (noise + least**2) ** 2
    size = np.clip(((raw**2 - noise) * trust).sum() / max(trust.sum(), 1e-12), least**2, most**2)
    drawn = size / (size + CAUTION * noise)
    related[upper] = np.clip(raw * drawn, -0.95, 0.95)
    related += np.triu(related, 1).T
    # what is not known of pairs spreads eigenvalues so far (Wigner's semicircle): dividing by less
    # would magnify noise; at 1 no difference of features is magnified
    unknown = sqrt(2 * float((size * (1 - drawn)).sum()) / max(count - 1, 1))
    values, axes = np.linalg.eigh(related)
    related = (axes * np.maximum(values, np.clip(unknown, 0.1, 1.0))) @ axes.T
    weight = np.clip(np.linalg.solve(related, spread) / spread, 0.0, 3.0)
    # one scale for all, from the sum of all pairs: far less noisy than any one of them
    scores = weight * spread
    both = scores[upper[0]] * scores[upper[1]]
    shared, off = 2 * (both * raw).sum(), 2 * sqrt((both**2 * noise).sum())
    alone = float((scores**2).sum())
    shared *= alone**2 / (alone**2 + off**2)
    scale = np.clip(float((scores * spread).sum()) / max(alone + shared, alone / 3), 0.3, 1.2)
    return weight * scale, _intercept(base, float(scale * sqrt(max(alone + shared, alone / 3))))


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
