"""From noisy tables to a scorecard: weights of evidence, and how features go together.

Everything here sees released figures alone. Of a bin with ``n`` customers, ``c`` more bad than good
ones, and an expected share ``q`` of bad ones, ``c/2 + n·(1/2 - q)`` are bad beyond expectation,
with the variance ``n·q·(1 - q)`` of sampling besides their noise. Under a normal prior of the WoE
the posterior mean shrinks what noise would explain, smooths over neighbouring ranges, and has
its own spread: the intervals. The prior's size is weighed by its likelihood, feature by feature,
after how sizes spread over all features (empirical Bayes, Efron & Morris 1973).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from math import log, sqrt

import numpy as np
import numpy.typing as npt

from workbench.privacy.engine.onerow import LATTICE, Sums
from workbench.privacy.margins import quantile

Array = npt.NDArray[np.floating]

_SIZES = (0.003, 0.01, 0.03, 0.1, 0.3, 1.0)  # variances of WoE: of hardly any to the strongest
_STRAIGHT = 6.0  # how much more than neighbours a straight line explains beforehand
_FARTHEST = 4.0  # log odds; more is no evidence but a rule
_SURELY = 3  # standard deviations of noise
_CAUTION = 5  # times: what is off in a pair is off in the weights of all
_DRAWS = 10_000
_RELATED = (0.04, 0.2)  # spread of correlations of the scores of two features, at least, at most


@dataclass(frozen=True)
class Evidence:
    """What noisy counts tell of one feature's bins: arrays by bin.

    Attributes
    ----------
    woe, spread : array of (bins,)
        Log odds of being bad beside all customers', and their standard deviation by noise and
        sampling.
    customers : array of (bins,)
        Noisy number of customers, never below 0.
    """

    woe: Array
    spread: Array
    customers: Array

    @property
    def ends(self) -> Array:
        """The WoE and its 95 % interval, of shape (3, bins)."""
        far = quantile(0.95) * self.spread
        return np.array([self.woe, self.woe - far, self.woe + far])

    def rates(self, base: float) -> Array:
        """Return the share of bad ones and its 95 % interval, of shape (3, bins)."""
        return np.asarray(1 / (1 + np.exp(-np.log(base / (1 - base)) - self.ends)))

    @property
    def scores(self) -> Array:
        """The WoE less its mean over customers."""
        return np.asarray(self.woe - np.average(self.woe, weights=self.customers))

    @property
    def variance(self) -> float:
        """Of the WoE over customers."""
        return float(np.average(self.scores**2, weights=self.customers)) + 1e-6


@dataclass(frozen=True)
class Counts:
    """Noisy customers, and bad less good ones, of a feature's bins; with their noise.

    Attributes
    ----------
    customers, balance : array of (bins,)
        Their sums are the totals of all features.
    sd : (float, float)
        Standard deviation of the noise of each.
    """

    customers: Array
    balance: Array
    sd: tuple[float, float]


def counts_of(
    noisy: Array, sd: float, sizes: Sequence[int], worth: Array, totals: Array
) -> tuple[list[Counts], Array, Array]:
    """Return counts of each feature's bins, put together from sums; the totals; their noise.

    Parameters
    ----------
    noisy : array
        Two totals, and two sums for each bin, less what all bins of a feature have in common.
    worth, totals : array of (2,)
        What a customer, and bad and good, are worth in the sums of bins and in the totals.
    """
    both = np.maximum(noisy[:2] / totals, (2.0, -np.inf))
    both[1] = np.clip(both[1], -both[0] + 1, both[0] - 1)
    parts = np.split(noisy[2:].reshape(-1, 2) / worth, np.cumsum(sizes)[:-1])
    spread = sd / worth
    found = []
    for part in parts:
        # a feature's sums are 0 but for noise
        customers, balance = (part - part.mean(axis=0) + both / len(part)).T
        found.append(Counts(customers, balance, (float(spread[0]), float(spread[1]))))
    return found, both, sd / totals


@dataclass(frozen=True)
class Card:
    """What the table of good and bad by bins says: of all, their noise, and of each feature."""

    total: float
    balance: float
    noise: Array
    base: float
    found: list[Evidence]

    @property
    def people(self) -> tuple[float, float, float]:
        """Good and bad ones, and the standard deviation of the noise of each."""
        good, bad = (self.total - self.balance) / 2, (self.total + self.balance) / 2
        return good, bad, float(np.hypot(*self.noise)) / 2

    @property
    def known(self) -> int:
        """How many of both, good ones and bad ones, are surely more than noise."""
        good, bad, spread = self.people
        return sum(each >= _SURELY * spread for each in (good, bad))

    @property
    def cautious(self) -> float:
        """The share of bad ones; where it is not known, of no fewer than their noise."""
        _, bad, spread = self.people
        return self.base if self.known == 2 else float(min(max(bad, spread) / self.total, 0.5))


def card_of(
    sums: Array,
    sd: float,
    sizes: Sequence[int],
    worth: Sequence[int],
    ordered: Sequence[int],
    trends: Sequence[str | None],
    centred: bool = False,
) -> Card:
    """Return what noisy sums say; see `counts_of` and `evidence`."""
    totals = Sums(tuple(sizes), (worth[0], worth[1])).totals
    lengths = (np.array(each) / LATTICE for each in (worth, totals))
    counts, (total, balance), noise = counts_of(sums, sd, sizes, *lengths)
    base = float((total + balance) / (2 * total))
    return Card(total, balance, noise, base, evidence(counts, base, ordered, trends, centred))


def points_of(
    found: Sequence[Evidence],
    weight: Array,
    intercept: float,
    *,
    pdo: float,
    base_score: float,
    base_odds: float,
) -> list[Array]:
    """Return whole points of each feature's bins with their 95 % intervals, of shape (3, bins)."""
    factor = pdo / log(2)
    start = (base_score - factor * (log(base_odds) + intercept)) / len(found)
    return [
        np.round(start - by * each.ends[[0, 2, 1]]).astype(int)
        for each, by in zip(found, factor * weight, strict=True)
    ]


def ranges_of(
    noisy: Array, sd: float, total: float, sizes: Sequence[int], ordered: Sequence[int]
) -> list[Array]:
    """Return customers of each feature's ranges: ``noisy`` less what all its bins have in common.

    Bins are parted again and again, first all ranges from what is none, then in halves. Beforehand
    a part's share is even, give or take what a uniform one varies: by a twelfth of the whole,
    squared. Where many customers stand that is far above noise (a Pólya tree, Lavine 1992).
    """

    def shared_out(whole: float, counts: Array, first: int) -> Array:
        if len(counts) == 1:
            return np.array([whole])
        share, before, after = first / len(counts), counts[:first], counts[first:]
        seen = (1 - share) * before.sum() + share * (whole - after.sum())  # with least noise
        room, noise = whole**2 / 12, sd**2 * first * (1 - share) + 1e-9
        own = whole * share + (seen - whole * share) * room / (room + noise)
        own = min(max(own, 0.0), whole)
        parts = (own, before), (whole - own, after)
        return np.concatenate([shared_out(each, part, len(part) // 2) for each, part in parts])

    found = []
    for part, ranges in zip(np.split(noisy, np.cumsum(sizes))[:-1], ordered, strict=True):
        customers = shared_out(total, part - part.mean() + total / len(part), ranges)[:ranges]
        found.append(np.maximum(customers, 0.01 * total / ranges))
    return found


def evidence(
    tables: Sequence[Counts],
    base: float,
    ordered: Sequence[int],
    trends: Sequence[str | None],
    centred: bool = False,
) -> list[Evidence]:
    """Return what counts tell of each feature.

    Parameters
    ----------
    base : float
        Share of bad customers.
    ordered : sequence of int
        How many bins of each, the first ones, are neighbouring ranges.
    trends : sequence of str or None
        ``ascending`` or ``descending`` where the share of bad ones must not fall or rise.
    centred : bool
        Whether the mean WoE is 0, as in cards kept before, and not the share of bad ones right.
    """
    from sklearn.isotonic import isotonic_regression

    middle = float(np.log(base / (1 - base)))
    found = []
    for table, ranges in zip(tables, ordered, strict=True):
        customers = _customers(table)
        found.append((customers, _posteriors(table, customers, middle, ranges)))
    mixed = _mixed(np.array([likelihoods for _, (_, _, likelihoods) in found]))
    cards = []
    for (customers, (means, spreads, _)), weights, ranges, trend in zip(
        found, mixed, ordered, trends, strict=True
    ):
        woe = weights @ means
        variance = weights @ (spreads + (means - woe) ** 2)
        if trend is not None:
            own, rises = woe[:ranges], trend == "ascending"
            own[:] = isotonic_regression(own, sample_weight=customers[:ranges], increasing=rises)
        shares = customers / customers.sum()
        woe -= woe @ shares if centred else middle - _level(base, woe, shares)
        cards.append(Evidence(woe, np.sqrt(variance), customers))
    return cards


def _mixed(likelihoods: Array) -> Array:
    """Return how far each row is of each size: by its log likelihoods, and by all rows."""
    chances = np.exp(likelihoods - likelihoods.max(axis=1, keepdims=True))
    count, sizes = chances.shape
    shares = np.full(sizes, 1 / sizes)
    for _ in range(5):  # expectation and maximisation; one row of each size was there before
        mixed = chances * shares
        mixed /= mixed.sum(axis=1, keepdims=True)
        shares = (mixed.sum(axis=0) + 1) / (count + sizes)
    return np.asarray(mixed)


def _customers(table: Counts) -> Array:
    """Return customers of each bin, drawn towards even shares as noise demands, none below 0."""
    total, even = table.customers.sum(), table.customers.mean()
    signal = even**2 / (even**2 + table.sd[0] ** 2)
    drawn = np.maximum(even + (table.customers - even) * signal, 0.01 * even)
    shares: Array = drawn * total / drawn.sum()
    return shares


def _posteriors(
    table: Counts, customers: Array, middle: float, ranges: int
) -> tuple[Array, Array, Array]:
    """Return mean, variance and log likelihood of a feature's WoE under each size of the prior."""
    alike = np.eye(len(customers))
    if ranges > 2:
        # neighbours are alike, and log odds mostly go one way
        place = np.arange(ranges) / (ranges - 1) - 0.5
        near = np.exp(-np.abs(place[:, None] - place))
        alike[:ranges, :ranges] = near + _STRAIGHT * np.outer(place, place)

    def linear(woe: Array) -> tuple[Array, Array, Array]:
        """Return what bad ones are beyond what is expected, its slope and its whole spread."""
        share = 1 / (1 + np.exp(-middle - woe))
        slope = customers * share * (1 - share)
        noise = (table.sd[1] / 2) ** 2 + ((0.5 - share) * table.sd[0]) ** 2 + slope + 1e-9
        bad = table.balance / 2 + table.customers * (0.5 - share)  # beyond what is expected
        spread = slope[:, :, None] * prior * slope[:, None] + noise[:, :, None] * np.eye(len(alike))
        return (bad + slope * woe)[:, :, None], slope[:, :, None], spread

    prior = np.array(_SIZES)[:, None, None] * alike  # of all sizes at once: (sizes, bins, bins)
    target, slope, spread = linear(np.zeros((len(_SIZES), len(alike))))
    square = (target * np.linalg.solve(spread, target)).sum(axis=(1, 2))
    likelihoods = -(np.linalg.slogdet(spread)[1] + square) / 2
    for _ in range(4):  # Newton's steps: the share of bad ones bends where evidence is strong
        gain = prior @ (slope * np.linalg.inv(spread))
        woe = np.clip((gain @ target)[:, :, 0], -_FARTHEST, _FARTHEST)
        target, slope, spread = linear(woe)
    gain = prior @ (slope * np.linalg.inv(spread))
    left = np.diagonal(prior, axis1=1, axis2=2) - np.einsum("sij,sji->si", gain, slope * prior)
    return woe, np.maximum(left, 0.0), likelihoods


def weights(
    found: Sequence[Evidence], products: Array, sd: float, base: float
) -> tuple[Array, float]:
    """Return each feature's weight, and the intercept: log odds of being bad where all WoE are 0.

    Were features independent among good ones and among bad ones, every weight were 1. How far they
    say the same is measured by the products of two features' WoE, less what independent ones would
    have; each is drawn to none by its noise and sampling, so with much noise the card is the sum of
    WoE, and with little the linear discriminant of them (Fisher 1936).

    Parameters
    ----------
    products : array of (features · (features - 1) / 2,)
        Noisy sums over customers, of each pair in the order of the upper triangle's rows.
    sd : float
        Standard deviation of the noise of each.
    """
    total = found[0].customers.sum()
    spread = np.sqrt([each.variance for each in found])
    upper = np.triu_indices(len(found), 1)
    drawn, bad, apart = _independent(found, base)
    squared = (drawn**2).sum(axis=0)
    inside = np.minimum(1, (spread**2).sum() / np.maximum(squared, 1e-9))  # of the ball
    kept = (inside * squared).mean() / max(squared.mean(), 1e-9)  # about four fifths
    between = base * (1 - base) * np.outer(apart, apart)
    alike = between + (drawn * (inside - 1)) @ drawn.T / _DRAWS
    within = np.sqrt(np.maximum(spread**2 - np.diagonal(between), 0.1 * spread**2))
    pairs = kept * within[upper[0]] * within[upper[1]]
    raw = (products / total - alike[upper]) / pairs
    noise = (sd / total / pairs) ** 2 + 1 / total / kept**2
    weight, wider = weighed(raw, noise, spread)
    # what related features spread, among good ones and among bad ones
    parts = np.split(weight @ drawn, [bad])
    odds = np.concatenate([each.mean() + sqrt(wider) * (each - each.mean()) for each in parts])
    means = np.array([each.woe[0] - each.scores[0] for each in found])
    return weight, _level(base, odds, np.full(_DRAWS, 1 / _DRAWS)) - float(weight @ means)


def weighed(raw: Array, noise: Array, spread: Array) -> tuple[Array, float]:
    """Return each feature's weight, and how many times wider all spread than unrelated ones would.

    Parameters
    ----------
    raw, noise : array of (features · (features - 1) / 2,)
        Noisy correlations of pairs, and the variance of each by noise and sampling.
    spread : array of (features,)
        Standard deviation of each feature's WoE over customers.
    """
    count = len(spread)
    upper, related = np.triu_indices(count, 1), np.eye(count)
    # prior variance of correlations: theirs beyond noise, pairs with much of it counting less
    least, most = _RELATED
    trust = 1 / (noise + least**2) ** 2
    size = np.clip(((raw**2 - noise) * trust).sum() / max(trust.sum(), 1e-12), least**2, most**2)
    trusted = size / (size + _CAUTION * noise)
    related[upper] = np.clip(raw * trusted, -0.95, 0.95)
    related += np.triu(related, 1).T
    # what is not known of pairs spreads eigenvalues so far (Wigner's semicircle): dividing by less
    # would magnify noise; at 1 no difference of features is magnified
    unknown = sqrt(2 * float((size * (1 - trusted)).sum()) / max(count - 1, 1))
    values, axes = np.linalg.eigh(related)
    related = (axes * np.maximum(values, np.clip(unknown, 0.1, 1.0))) @ axes.T
    weight = np.clip(np.linalg.solve(related, spread) / spread, 0.0, 3.0)
    # one scale for all, from the sum of all pairs: far less noisy than any one of them
    scores = weight * spread
    both = scores[upper[0]] * scores[upper[1]]
    shared, off = 2 * (both * raw).sum(), 2 * sqrt((both**2 * noise).sum())
    alone = float((scores**2).sum())
    shared *= alone**2 / (alone**2 + off**2)
    wider = max(1 + shared / alone, 1 / 3)
    return weight * np.clip(float((scores * spread).sum()) / alone / wider, 0.3, 1.2), wider


def _independent(found: Sequence[Evidence], base: float) -> tuple[Array, int, Array]:
    """Return scores, by feature and draw, of features independent among good and among bad ones.

    Then how many draws, the first ones, are bad; and how far means of bad and good ones are apart.
    """
    dice = np.random.default_rng(0)  # of released shares alone: the same counts, the same card
    bad = int(np.clip(round(base * _DRAWS), 1, _DRAWS - 1))
    drawn, apart = np.empty((len(found), _DRAWS)), np.empty(len(found))
    for at, each in enumerate(found):
        rates = each.rates(base)[0]
        shares = each.customers * np.array([rates, 1 - rates])
        shares /= shares.sum(axis=1, keepdims=True)
        apart[at] = (shares[0] - shares[1]) @ each.scores
        parts = np.split(drawn[at], [bad])
        for part, upto in zip(parts, shares.cumsum(axis=1)[:, :-1], strict=True):
            even = (np.arange(len(part)) + 0.5) / len(part)
            part[:] = dice.permutation(each.scores[np.searchsorted(upto, even)])
    return drawn, bad, apart


def _level(base: float, odds: Array, shares: Array) -> float:
    """Return what to add to log odds, of such shares, so that the share of bad ones is right."""
    from scipy.optimize import brentq
    from scipy.special import expit

    far = 40 + float(np.abs(odds).max())
    return float(brentq(lambda at: shares @ expit(at + odds) - base, -far, far))
