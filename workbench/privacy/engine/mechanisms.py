"""Noise and choices from the system's randomness; no float carries anything out.

The discrete Gaussian is sampled as in Canonne, Kamath & Steinke, *The Discrete Gaussian for
Differential Privacy* (NeurIPS 2020), Algorithms 1–3, in integer arithmetic throughout. Adding it
with parameter ``sigma²`` to an integer vector whose squared L2 norm changes by at most ``Δ²``
between neighbours is ``Δ²/(2 sigma²)``-zCDP (their Theorem 14).
"""

import secrets
from collections.abc import Callable, Sequence
from fractions import Fraction
from math import isqrt
from os import urandom

RandBelow = Callable[[int], int]
_BLOCK_BYTES = 4096


def system_source() -> RandBelow:
    """Return a source of uniform integers below a limit, of many of the system's bytes at a time.

    One is made for each release and kept nowhere: no process that is forked later draws its bytes
    again.
    """
    block, at = b"", 0

    def below(limit: int) -> int:
        nonlocal block, at
        bits = (limit - 1).bit_length()
        size = (bits + 7) // 8
        while True:
            if at + size > len(block):
                block, at = urandom(max(_BLOCK_BYTES, size)), 0
            drawn = int.from_bytes(block[at : at + size], "little") >> (8 * size - bits)
            at += size
            if drawn < limit:
                return drawn

    return below


def discrete_gaussian(
    sigma_squared: Fraction, count: int, randbelow: RandBelow = secrets.randbelow
) -> list[int]:
    """Return ``count`` independent draws of the discrete Gaussian with parameter ``sigma²``.

    Parameters
    ----------
    sigma_squared : Fraction
        The parameter, above 0; the variance of a draw is at most this.
    count : int
        How many draws.
    randbelow : callable
        Source of uniform integers; only tests pass another than the system's.

    Examples
    --------
    >>> noise = discrete_gaussian(Fraction(25), 1000)
    >>> len(noise), all(isinstance(each, int) for each in noise)
    (1000, True)
    """
    if sigma_squared <= 0:
        raise ValueError("sigma_squared must be above 0")
    scale = isqrt(sigma_squared.numerator // sigma_squared.denominator) + 1
    numerator, denominator = sigma_squared.numerator, sigma_squared.denominator
    # accept y with probability exp(-(|y| - sigma²/t)² / (2 sigma²)), a fraction of integers:
    # (|y|·t·d - n)² / (2·n·t²·d) with sigma² = n/d and t = scale
    below = 2 * numerator * scale * scale * denominator
    draws: list[int] = []
    while len(draws) < count:
        candidate = _discrete_laplace(scale, 1, randbelow)
        offset = abs(candidate) * scale * denominator - numerator
        if _bernoulli_exp(offset * offset, below, randbelow):
            draws.append(candidate)
    return draws


def discrete_laplace(
    scale: Fraction, count: int, randbelow: RandBelow = secrets.randbelow
) -> list[int]:
    """Return ``count`` independent draws, each with probability ``∝ exp(-|x| / scale)``.

    Added to integers whose L1 norm changes by at most ``Δ`` between neighbours, at scale ``Δ/ε`` it
    is ``ε``-DP, exactly: every integer can be drawn, with the probability the proof is about
    (Ghosh, Roughgarden & Sundararajan 2012; sampled as in Canonne, Kamath & Steinke 2020,
    Algorithm 2).

    Parameters
    ----------
    scale : Fraction
        Above 0.

    Examples
    --------
    >>> len(discrete_laplace(Fraction(7, 2), 3))
    3
    """
    if scale <= 0:
        raise ValueError("scale must be above 0")
    return [_discrete_laplace(scale.numerator, scale.denominator, randbelow) for _ in range(count)]


def _discrete_laplace(numerator: int, denominator: int, randbelow: RandBelow) -> int:
    """Return a draw with probability ``∝ exp(-|x| · denominator / numerator)``."""
    while True:
        remainder = randbelow(numerator)
        if not _bernoulli_exp(remainder, numerator, randbelow):
            continue
        whole = 0
        while _bernoulli_exp_below_one(1, 1, randbelow):
            whole += 1
        magnitude = (remainder + numerator * whole) // denominator
        negative = randbelow(2) == 1
        if not (negative and magnitude == 0):
            return -magnitude if negative else magnitude


def _bernoulli_exp(numerator: int, denominator: int, randbelow: RandBelow) -> bool:
    """Return True with probability ``exp(-numerator / denominator)``."""
    while numerator > denominator:
        if not _bernoulli_exp_below_one(1, 1, randbelow):
            return False
        numerator -= denominator
    return _bernoulli_exp_below_one(numerator, denominator, randbelow)


def _bernoulli_exp_below_one(numerator: int, denominator: int, randbelow: RandBelow) -> bool:
    """Return True with probability ``exp(-x)`` for ``x = numerator / denominator`` in [0, 1]."""
    k = 1
    while randbelow(denominator * k) < numerator:
        k += 1
    return k % 2 == 1


def exponential_choice(
    utility: Sequence[int],
    epsilon: Fraction,
    sensitivity: int,
    randbelow: RandBelow = secrets.randbelow,
) -> int:
    """Return the place of a candidate, chosen with probability ``∝ exp(epsilon·u / (2·Δ))``.

    The exponential mechanism (McSherry & Talwar 2007), sampled exactly: a candidate drawn evenly is
    kept with the probability its utility falls short of the best. It is ``epsilon``-DP, and since
    its range is bounded by ``epsilon``, ``epsilon²/8``-zCDP (Cesar & Rogers 2021, Lemma 3.2): a
    quarter of the price of permute-and-flip, whose error is at best half.

    Parameters
    ----------
    utility : sequence of int
        Of each candidate, higher is better.
    sensitivity : int
        The most one customer may change any utility by.

    Examples
    --------
    >>> exponential_choice([0, -10**9, -10**9], Fraction(1), 1)
    0
    """
    best = max(utility)
    below = 2 * sensitivity * epsilon.denominator
    while True:
        place = randbelow(len(utility))
        if _bernoulli_exp((best - utility[place]) * epsilon.numerator, below, randbelow):
            return place
