"""What releases cost, in integers: zero-concentrated differential privacy (zCDP).

A cost is a whole number of pico-rho (10⁻¹² rho), so sums are exact. Costs of adaptive questions
add up, and a filter that refuses once the sum would pass a limit is itself a valid guarantee
(Feldman & Zrnic 2021). A reader is shown ``(epsilon, delta)`` by the conversion of Canonne, Kamath
& Steinke 2020, Corollary 13, which holds for every alpha; we take the best one.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from decimal import ROUND_FLOOR, Decimal
from fractions import Fraction
from functools import lru_cache

from workbench.errors import QuestionRefused

PICO = 10**12


def rho_fraction(pico: int) -> Fraction:
    """Return a cost in rho as an exact fraction."""
    return Fraction(pico, PICO)


@lru_cache(maxsize=4096)
def epsilon_of(pico: int, delta: float) -> float:
    """Return the epsilon that ``pico`` of pico-rho means at ``delta``.

    Examples
    --------
    >>> round(epsilon_of(24_340_000_000, 1e-6), 3)
    1.0
    """
    if pico <= 0:
        return 0.0
    rho = pico / PICO

    def bound(log_alpha_minus_1: float) -> float:
        gap = math.exp(log_alpha_minus_1)
        alpha = 1 + gap
        return alpha * rho + (-math.log(delta) - math.log(alpha)) / gap + math.log(gap / alpha)

    low, high = -12.0, 30.0
    for _ in range(200):  # ternary search: the bound has one minimum in log(alpha - 1)
        left, right = low + (high - low) / 3, high - (high - low) / 3
        if bound(left) < bound(right):
            high = right
        else:
            low = left
    return max(0.0, bound((low + high) / 2))


@lru_cache(maxsize=4096)
def pico_of(epsilon: Decimal, delta: float) -> int:
    """Return the largest cost, in pico-rho, that stays within ``(epsilon, delta)``."""
    target = float(epsilon)
    low, high = 0, int(PICO * (2 * target + target * target + 1))
    while high - low > 1:
        middle = (low + high) // 2
        if epsilon_of(middle, delta) <= target:
            low = middle
        else:
            high = middle
    return low


@dataclass(frozen=True)
class Price:
    """What one question costs: zCDP in pico-rho, plus a failure probability of its own."""

    pico: int
    delta: Fraction = Fraction(0)

    def __add__(self, other: Price) -> Price:
        return Price(self.pico + other.pico, self.delta + other.delta)


def price(epsilon: object = None, rho: object = None, *, delta: Decimal) -> Price:
    """Return the price a caller offers for a question, from either ``epsilon`` or ``rho``.

    Raises
    ------
    QuestionRefused
        Neither or both given, not a number, not above 0, infinite, or too small to matter.
    """
    if (epsilon is None) == (rho is None):
        raise QuestionRefused(
            "say what the answer may cost: epsilon=… or rho=…, exactly one of the two. "
            "There is no default."
        )
    name, given = ("epsilon", epsilon) if epsilon is not None else ("rho", rho)
    try:
        value = Decimal(str(given))
    except ArithmeticError:
        raise QuestionRefused(f"{name} must be a number above 0, not {given!r}.") from None
    if not value.is_finite() or value <= 0:
        raise QuestionRefused(f"{name} must be a finite number above 0, not {given}.")
    if value > 1000:
        raise QuestionRefused(f"{name}={given} protects nobody; a year's whole limit is below 10.")
    if name == "epsilon":
        pico = pico_of(value, float(delta))
    else:
        pico = int((value * PICO).to_integral_value(ROUND_FLOOR))
    if pico < 1:
        raise QuestionRefused(f"{name}={given} is too small: its answer would be noise alone.")
    return Price(pico)
