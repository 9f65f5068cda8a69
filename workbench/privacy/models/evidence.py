"""From noisy tables to a scorecard: weights of evidence, and how features go together.

Everything here sees released figures alone. Of a bin with ``n`` customers, ``b`` of them bad, log
odds ``alpha + woe`` and expected share ``q`` of bad ones, ``b - n·q`` has the variance
``n·q·(1 - q)`` of sampling and ``sd²·((1 - q)² + q²)`` of noise. Under a normal prior of the WoE
their posterior mean shrinks what noise would explain, smooths over neighbouring ranges, and has
its own spread: the intervals. The prior's size is weighed by its likelihood, feature by feature,
after how sizes spread over all features (empirical Bayes, Efron & Morris 1973).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import sqrt
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    Array = npt.NDArray[np.floating]

_SIZES = (0.003, 0.01, 0.03, 0.1, 0.3, 1.0)  # variances of WoE: of hardly any to the strongest
_FARTHEST = 4.0  # log odds; more is no evidence but a rule
_BASE_RATES = (0.002, 0.998)
_RELATED = 0.08  # prior spread of correlations of scores of two features, given the outcome


@dataclass(frozen=True)
class Evidence:
    """What noisy counts tell of one feature's bins: arrays by bin.

    Attributes
    ----------
    woe, spread : array of (bins,)
        Log odds of being bad beside all customers', and their standard deviation by noise and
        sampling.
    customers, rate : array of (bins,)
        Noisy number of customers, never below 0, and share of bad ones as the card has it.
    """

    woe: Array
    spread: Array
    customers: Array
    rate: Array

    @property
    def variance(self) -> float:
        """Of the WoE over customers."""
        return float((self.customers * self.woe**2).sum() / self.customers.sum()) + 1e-6


def agreed(tables: Sequence[Array]) -> list[Array]:
    """Return tables of the same customers, bins × outcomes, with the same totals.

    By least squares for equal noise in every cell: a total of ``k`` cells weighs ``1/k``, and what
    a table is off is spread evenly over its cells.
    """
    import numpy as np

    weights = np.array([1 / len(each) for each in tables])
    sums = np.array([each.sum(axis=0) for each in tables])
    totals = np.maximum((weights[:, None] * sums).sum(axis=0) / weights.sum(), 1.0)
    return [each - (each.sum(axis=0) - totals) / len(each) for each in tables]


def evidence(
    tables: Sequence[Array], sd: float, ordered: Sequence[int], trends: Sequence[str | None]
) -> tuple[list[Evidence], float]:
    """Return what tables of bins × (good, bad) tell of each feature, and the share of bad ones.

    Parameters
    ----------
    tables : sequence of array of (bins, 2)
        Noisy counts, of the same totals.
    sd : float
        Standard deviation of the noise of each.
    ordered : sequence of int
        How many bins of each, the first ones, are neighbouring ranges.
    trends : sequence of str or None
        ``ascending`` or ``descending`` where the share of bad ones must not fall or rise.
    """
    import numpy as np

    good, bad = tables[0].sum(axis=0)
    base = float(np.clip(bad / (good + bad), *_BASE_RATES))
    middle = float(np.log(base / (1 - base)))
    found = []
    for table, ranges in zip(tables, ordered, strict=True):
        customers = _customers(table.sum(axis=1), sd)
        found.append((customers, _posteriors(table, customers, middle, sd, ranges)))
    likelihoods = np.array([[each[2] for each in posteriors] for _, posteriors in found])
    chances = np.exp(likelihoods - likelihoods.max(axis=1, keepdims=True))
    shares = np.full(len(_SIZES), 1 / len(_SIZES))
    for _ in range(5):
        mixed = chances * shares / (chances * shares).sum(axis=1, keepdims=True)
        shares = (mixed.sum(axis=0) + 1) / (len(tables) + len(_SIZES))
    mixed = chances * shares / (chances * shares).sum(axis=1, keepdims=True)
    cards = []
    for (customers, posteriors), weights, ranges, trend in zip(
        found, mixed, ordered, trends, strict=True
    ):
        means = np.array([mean for mean, _, _ in posteriors])
        spreads = np.array([variance for _, variance, _ in posteriors])
        woe = weights @ means
        variance = weights @ (spreads + (means - woe) ** 2)
        if trend is not None:
            woe[:ranges] = _monotone(woe[:ranges], customers[:ranges], trend)
        woe = woe - (woe * customers).sum() / customers.sum()
        rate = 1 / (1 + np.exp(-middle - woe))
        cards.append(Evidence(woe, np.sqrt(variance), customers, rate))
    return cards, base


def _customers(noisy: Array, sd: float) -> Array:
    """Return customers of each bin, drawn towards even shares as noise demands, none below 0."""
    import numpy as np

    total, even = noisy.sum(), noisy.sum() / len(noisy)
    signal = even**2 / (even**2 + 2 * sd**2)
    drawn = np.maximum(even + (noisy - even) * signal, 0.01 * even)
    shares: Array = drawn * total / drawn.sum()
    return shares


def _posteriors(
    table: Array, customers: Array, middle: float, sd: float, ranges: int
) -> Sequence[tuple[Array, Array, float]]:
    """Return mean, variance and log likelihood of a feature's WoE under each size of the prior."""
    import numpy as np

    alike = np.eye(len(table))
    if ranges > 2:
        place = np.arange(ranges) / (ranges - 1)
        alike[:ranges, :ranges] = np.exp(-np.abs(place[:, None] - place[None]))
    good, bad = table.T

    def linear(woe: Array) -> tuple[Array, Array, Array]:
        share = 1 / (1 + np.exp(-middle - woe))
        slope = customers * share * (1 - share)
        noise = sd**2 * ((1 - share) ** 2 + share**2) + slope + 1e-9
        return bad * (1 - share) - good * share + slope * woe, slope, noise

    found = []
    for size in _SIZES:
        prior, woe = size * alike, np.zeros(len(table))
        target, slope, noise = linear(woe)
        spread = slope[:, None] * prior * slope + np.diag(noise)
        _, log_size = np.linalg.slogdet(spread)
        likelihood = -(log_size + target @ np.linalg.solve(spread, target)) / 2
        for _ in range(4):  # Newton's steps: the share of bad ones bends where evidence is strong
            gain = prior @ (slope[:, None] * np.linalg.inv(spread))
            woe = np.clip(gain @ target, -_FARTHEST, _FARTHEST)
            target, slope, noise = linear(woe)
            spread = slope[:, None] * prior * slope + np.diag(noise)
        gain = prior @ (slope[:, None] * np.linalg.inv(spread))
        left = np.diag(prior) - np.einsum("ij,ji->i", gain, slope[:, None] * prior)
        found.append((woe, np.maximum(left, 0.0), float(likelihood)))
    return found


def _monotone(woe: Array, customers: Array, trend: str) -> Array:
    from sklearn.isotonic import IsotonicRegression

    fitted = IsotonicRegression(increasing=trend == "ascending")
    values: Array = fitted.fit_transform(range(len(woe)), woe, sample_weight=customers)
    return values


def weights(
    found: Sequence[Evidence], products: Array, sd: float, base: float
) -> tuple[Array, float]:
    """Return each feature's weight, and the intercept: log odds of being bad where all WoE are 0.

    Were features independent, every weight were 1. How far they say the same is measured by the
    products of two features' WoE; each is drawn to none by its noise and sampling, so with much
    noise the card is the sum of WoE, and with little the regression on them.

    Parameters
    ----------
    products : array of (features · (features - 1) / 2,)
        Noisy sums over customers, of each pair in the order of the upper triangle's rows.
    sd : float
        Standard deviation of the noise of each.
    """
    import numpy as np

    count, total = len(found), found[0].customers.sum()
    own = np.array([each.variance for each in found])
    size = np.sqrt(own)
    upper = np.triu_indices(count, 1)
    pairs = size[upper[0]] * size[upper[1]]
    noise = (sd / total / pairs) ** 2 + 1 / total
    kept = _kept(found)
    raw, noise = products / total / pairs / kept, noise / kept**2
    related = np.eye(count)
    related[upper] = np.clip(raw * _RELATED**2 / (_RELATED**2 + noise), -0.95, 0.95)
    related += np.triu(related, 1).T
    values, axes = np.linalg.eigh(related)
    related = (axes * np.maximum(values, 0.1)) @ axes.T
    weight = np.clip(np.linalg.solve(related, size) / size, 0.0, 3.0)
    # one scale for all, from the sum of all pairs: far less noisy than any one of them
    scores = weight * size
    both = scores[upper[0]] * scores[upper[1]]
    shared, spread = 2 * (both * raw).sum(), 2 * sqrt((both**2 * noise).sum())
    alone = float((scores**2).sum())
    shared *= alone**2 / (alone**2 + spread**2)
    scale = np.clip(float((scores * size).sum()) / max(alone + shared, alone / 3), 0.3, 1.2)
    weight = weight * scale
    return weight, _intercept(base, float(scale * sqrt(max(alone + shared, alone / 3))))


def _kept(found: Sequence[Evidence]) -> float:
    """Return what is left of products in the ball, were features independent: about four fifths."""
    import numpy as np

    dice = np.random.default_rng(0)  # of released shares alone: the same counts, the same card
    longest = sum(each.variance for each in found)
    squared = sum(
        dice.choice(each.woe**2, 4000, p=each.customers / each.customers.sum()) for each in found
    )
    return float(np.minimum(squared, longest).mean() / longest)


def _intercept(base: float, spread: float) -> float:
    """Return the intercept at which scores of a normal spread foretell the share of bad ones."""
    import numpy as np
    from scipy.optimize import brentq

    nodes, shares = np.polynomial.hermite_e.hermegauss(31)
    shares = shares / shares.sum()

    def over(intercept: float) -> float:
        return float(shares @ (1 / (1 + np.exp(-intercept - spread * nodes)))) - base

    return float(brentq(over, -40.0, 40.0))
