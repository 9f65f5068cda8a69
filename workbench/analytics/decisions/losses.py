"""Losses of a portfolio in many possible years, which all loans share through one common factor.

The one-factor Gaussian copula (Vasicek, *The distribution of loan portfolio value*, Risk 15, 2002):
a loan defaults where a common and an own normal factor together fall below the quantile of its
probability of default. Given the common factor defaults are independent, so that alike loans are
one binomial draw, and of unlike ones only candidates are looked at.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from math import sqrt
from typing import Any

import numpy as np
from scipy.special import ndtr, ndtri

from workbench.analytics.validation.estimates import Array, Estimate
from workbench.errors import InputError
from workbench.privacy.expressions import is_number
from workbench.privacy.margins import quantile

_AT_ONCE = 2_000_000  # binomial draws in memory
_YEARS_AT_MOST = 10_000_000
_BLOCKS = 64  # of loans with much the same probability
_MOST, _COUNT_AT_MOST = 1e30, 1e15
_NEVER = 1e-15  # a chance whose gaps are beyond what an integer holds


@dataclass(frozen=True, eq=False)
class Losses:
    """Losses of simulated years, the least first.

    Attributes
    ----------
    losses : ndarray of shape (draws,)
    expected : float
        The mean loss of all years there may be, not of the simulated ones: it is known exactly.
    """

    losses: Array
    expected: float

    def value_at_risk(self, level: float = 0.999) -> Estimate:
        """Return the loss that is exceeded in one of 1 / (1 - level) years.

        Its 95 % interval is of the simulation alone, by order statistics.
        """
        n, place = len(self.losses), self._place(level)
        around = quantile(0.95) * sqrt(n * level * (1 - level))
        low, high = (round(min(max(place + side, 0), n - 1)) for side in (-around, around))
        at = np.quantile(self.losses, level, method="inverted_cdf")
        return Estimate(float(at), float(self.losses[low]), float(self.losses[high]), n)

    def expected_shortfall(self, level: float = 0.999) -> Estimate:
        """Return the mean loss of the years beyond the value at risk.

        Its simulation error is that of Manistre & Hancock, *Variance of the CTE estimator*, North
        American Actuarial Journal 9 (2005).
        """
        at = self.value_at_risk(level).estimate
        beyond = self.losses[self._place(level) :]
        mean = float(beyond.mean())
        spread = float(beyond.var()) + level * (mean - at) ** 2
        wide = quantile(0.95) * sqrt(spread / len(beyond))
        return Estimate(mean, mean - wide, mean + wide, len(beyond))

    def _place(self, level: float) -> int:
        n = len(self.losses)
        if not is_number(level) or not 0.5 <= level < 1 or n * (1 - level) < 10:
            raise InputError(
                f"at level {level!r} of {n:,} simulated years fewer than 10 are beyond it. Give a "
                "level from 0.5 to below 1, and draws of at least 10 / (1 - level)."
            )
        return int(np.ceil(n * level))


def simulate_losses(
    pd: Any,
    *,
    lgd: Any,
    ead: Any,
    correlation: float,
    count: Any = None,
    factor_shift: float = 0.0,
    draws: int = 10_000,
    seed: int | None = 0,
) -> Losses:
    """Simulate losses of loans, or of groups of alike loans, in one-factor years.

    Parameters
    ----------
    pd, lgd : array-like
        Probability of default in a year, and loss given default, from 0 to 1.
    ead : array-like
        Exposure at default of one loan, 0 or more.
    correlation : float
        Of the loans' worth with the common factor squared, from 0 to below 1: 0.12 to 0.24 for
        companies, 0.03 to 0.16 for retail loans in Basel II.
    count : array-like of int, optional
        How many alike loans each entry stands for; one when left out.
    factor_shift : float
        Where the common factor lies, in its standard deviations: below 0 for bad years.
    draws, seed : int
        Simulated years, and their dice.

    Returns
    -------
    Losses
        Memory is bounded: a million unlike loans take 0.1 GB whatever the number of years.

    Raises
    ------
    InputError
        A negative exposure or count, or a share beyond 0 and 1.

    Examples
    --------
    >>> made = simulate_losses([0.01], lgd=1, ead=1e-6, correlation=0.2, count=[1_000_000])
    >>> round(made.expected, 4), bool(0.10 < made.value_at_risk(0.999).estimate < 0.20)
    (0.01, True)
    """
    try:
        given = [np.atleast_1d(np.asarray(x, float)) for x in (pd, lgd, ead)]
        chance, severity, exposure = np.broadcast_arrays(*given)
        many = None if count is None else np.atleast_1d(np.asarray(count, float))
    except (TypeError, ValueError, OverflowError):
        raise InputError("pd, lgd, ead and count are numbers, or lists of them.") from None
    if chance.ndim != 1:
        raise InputError("pd, lgd and ead are one number, or a list of one for each loan.")
    for name, values, most in (("pd", chance, 1), ("lgd", severity, 1), ("ead", exposure, _MOST)):
        if not ((values >= 0) & (values <= most)).all():
            within = "from 0 to 1" if most == 1 else f"0 or more, up to {most:g},"
            raise InputError(f"{name} is {within} everywhere.")
    if not is_number(correlation) or not 0 <= correlation < 1:
        raise InputError(f"correlation is from 0 to below 1, not {correlation!r}.")
    if not is_number(factor_shift):
        raise InputError(f"factor_shift is a number, below 0 for bad years, not {factor_shift!r}.")
    if type(draws) is not int or not 1 <= draws <= _YEARS_AT_MOST:
        raise InputError(
            f"draws is a number of years, 1 or more, up to {_YEARS_AT_MOST:,}, not {draws!r}."
        )
    if not (seed is None or np.issubdtype(type(seed), np.integer)) or (seed or 0) < 0:
        raise InputError(f"seed is a whole number, 0 or more, not {seed!r}.")
    dice = np.random.default_rng(seed)
    factors = dice.standard_normal(draws) + factor_shift
    worth, reach = severity * exposure, ndtri(chance)
    mean = ndtr(reach - sqrt(correlation) * factor_shift)
    if many is None:
        found = np.fromiter(_unlike(reach, worth, correlation, factors, dice), float, draws)
        return Losses(np.sort(found), float(worth @ mean))
    whole = (many >= 0) & (many <= _COUNT_AT_MOST) & (many == np.rint(many))
    if many.shape != worth.shape or not whole.all():
        raise InputError("count is one whole number, 0 or more, for each entry of pd.")
    several = many.astype(np.int64)
    step = max(1, _AT_ONCE // max(1, len(several)))
    parts = (factors[at : at + step, None] for at in range(0, draws, step))
    found = np.concatenate(
        [dice.binomial(several, _given(reach, correlation, part)) @ worth for part in parts]
    )
    return Losses(np.sort(found), float((worth * several) @ mean))


def _given(reach: Array, correlation: float, factor: Any) -> Array:
    """Return the probability of default given the common factor."""
    return np.asarray(ndtr((reach - sqrt(correlation) * factor) / sqrt(1 - correlation)))


def _unlike(
    reach: Array, worth: Array, correlation: float, factors: Array, dice: np.random.Generator
) -> Iterator[float]:
    """Yield the loss of each year, of loans that are all unlike.

    Candidates of a block are as many as if all had its largest probability; each is kept with its
    own share of that, which is exact (thinning), and looks at few more loans than default.
    """
    order = np.argsort(reach)
    reach, worth = reach[order], worth[order]
    edges = np.unique(np.linspace(0, len(reach), _BLOCKS + 1).astype(int))
    sizes, starts, lasts = np.diff(edges), edges[:-1], edges[1:] - 1
    for factor in factors:
        most = _given(reach[lasts], correlation, factor)
        found = []
        for size, start, chance in zip(sizes, starts, most, strict=True):
            if chance > _NEVER:
                found.append(start + _positions(int(size), float(chance), dice))
        at = np.concatenate(found) if found else np.zeros(0, int)
        block = np.searchsorted(edges, at, side="right") - 1
        kept = dice.random(len(at)) * most[block] < _given(reach[at], correlation, factor)
        yield float(worth[at[kept]].sum())


def _positions(size: int, chance: float, dice: np.random.Generator) -> Array:
    """Return which of so many happen, each with the same chance, by the gaps between them."""
    expected = size * chance
    gaps = dice.geometric(chance, int(expected + 6 * sqrt(expected) + 10))
    at = np.cumsum(gaps) - 1
    while at[-1] < size:  # why: once in a billion, six deviations were not enough
        more = np.cumsum(dice.geometric(chance, len(gaps)))
        at = np.append(at, at[-1] + more)
    return at[at < size]
