"""What releases cost, in integers: zero-concentrated differential privacy (zCDP).

A cost is a whole number of pico-rho (10⁻¹² rho), so sums are exact. Questions may depend on earlier
answers, and so may their costs: a filter that refuses once the sum of rho would pass a limit fixed
beforehand keeps the whole within that limit (Feldman & Zrnic, *Individual Privacy Accounting via a
Rényi Filter*, 2021, Theorem 4.5; Whitehouse, Ramdas, Rogers & Wu, *Fully-Adaptive Composition in
Differential Privacy*, 2023, Theorem 1). No constant is lost against questions fixed in advance.

A reader is shown ``(epsilon, delta)`` by the conversion of Canonne, Kamath & Steinke, *The Discrete
Gaussian for Differential Privacy*, 2020, Corollary 13, which holds for every alpha; we take the
best one. An epsilon-DP answer is epsilon²/2-zCDP (Bun & Steinke 2016, Proposition 1.4). An answer
that may fail with a probability of its own has that taken out of delta before the conversion.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from decimal import ROUND_FLOOR, Decimal
from fractions import Fraction
from functools import lru_cache
from math import isqrt
from typing import Any

from workbench.errors import InputError, QuestionRefused

PICO = 10**12


def rho_fraction(pico: int) -> Fraction:
    """Return a cost in rho as an exact fraction."""
    return Fraction(pico, PICO)


@lru_cache(maxsize=4096)
def epsilon_of(pico: int, delta: float) -> float:
    """Return the epsilon that ``pico`` of pico-rho means at ``delta``; infinite at delta 0.

    Examples
    --------
    >>> round(epsilon_of(24_340_000_000, 1e-6), 3)
    1.0
    """
    if pico <= 0:
        return 0.0
    if delta <= 0:
        return math.inf
    rho = pico / PICO

    def bound(log_alpha_minus_1: float) -> float:
        gap = math.exp(log_alpha_minus_1)
        alpha = 1 + gap
        return alpha * rho + (-math.log(delta) - math.log(alpha)) / gap + math.log(gap / alpha)

    low, high = -12.0, 30.0
    for _ in range(80):  # ternary search: the bound has one minimum in log(alpha - 1)
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
class Cost:
    """What one answer costs, or several together; exact.

    Attributes
    ----------
    pico : int
        In zCDP, in pico-rho.
    delta : Fraction
        The answers' own probability to fail, as that of revealing a rare group; mostly 0.
    pure_epsilon : Fraction or None
        The epsilon of an answer without any delta, exactly; None for the usual kind.
    """

    pico: int = 0
    delta: Fraction = Fraction(0)
    pure_epsilon: Fraction | None = None

    def __add__(self, other: Cost) -> Cost:
        mine, theirs = self.pure_epsilon, other.pure_epsilon
        pure = None if mine is None or theirs is None else mine + theirs
        return Cost(self.pico + other.pico, self.delta + other.delta, pure)

    def __sub__(self, other: Cost) -> Cost:
        return Cost(self.pico - other.pico, self.delta - other.delta)

    @property
    def rho(self) -> Fraction:
        """The same in rho."""
        return rho_fraction(self.pico)

    def epsilon_at(self, delta: Decimal | Fraction) -> float:
        """Return the epsilon of this cost alone at a shared delta."""
        shown = epsilon_of(self.pico, float(Fraction(delta) - self.delta))
        # why: alone, and only alone, a pure answer may be told by its own epsilon
        return shown if self.pure_epsilon is None else min(shown, float(self.pure_epsilon))

    def at_least(self, other: Cost) -> Cost:
        """Return the larger of the two, part by part."""
        return Cost(max(self.pico, other.pico), max(self.delta, other.delta))

    def covers(self, other: Cost) -> bool:
        """Return whether an answer at this cost serves where another was asked for."""
        return self.pico >= other.pico and self.delta >= other.delta

    def to_json(self) -> dict[str, Any]:
        """Return a sum of costs as a ledger entry holds it."""
        return {"pico": self.pico, "delta": str(self.delta)}

    @classmethod
    def from_json(cls, content: Mapping[str, Any]) -> Cost:
        """Rebuild it from what an entry holds."""
        return cls(int(content["pico"]), Fraction(content["delta"]))


def price(
    epsilon: object = None,
    rho: object = None,
    *,
    delta: Decimal,
    pure: bool = False,
    own_delta: Fraction = Fraction(0),
) -> Cost:
    """Return the price a caller offers for a question, from either ``epsilon`` or ``rho``.

    Parameters
    ----------
    epsilon, rho : number or str
        One of the two.
    delta : Decimal
        The catalog's.
    pure : bool
        The answer is epsilon-differentially private, without a delta: ``epsilon`` is that.
    own_delta : Fraction
        What the answer itself may fail with, taken out of ``delta``.

    Raises
    ------
    QuestionRefused
        Neither or both given, not a number, not above 0, infinite, or too small to matter.

    Examples
    --------
    >>> price(rho="0.1", delta=Decimal("1e-6")) + price(rho="0.2", delta=Decimal("1e-6"))
    Cost(pico=300000000000, delta=Fraction(0, 1), pure_epsilon=None)
    >>> price("0.1", pure=True, delta=Decimal("1e-6"))
    Cost(pico=5000000000, delta=Fraction(0, 1), pure_epsilon=Fraction(1, 10))
    """
    if (epsilon is None) == (rho is None):
        raise QuestionRefused(
            "say what the answer may cost: epsilon=… or rho=…, exactly one of the two. "
            "There is no default."
        )
    name, given = ("epsilon", epsilon) if epsilon is not None else ("rho", rho)
    value = _above_zero(name, given)
    rest = Fraction(delta) - own_delta
    if own_delta < 0 or rest <= 0:
        raise QuestionRefused(
            f"an answer that may fail with probability {float(own_delta):g} does not fit the "
            f"catalog's delta of {delta}. Ask for a smaller one; nothing was spent."
        )
    pure_epsilon = None
    if name == "rho":
        pico = int((value * PICO).to_integral_value(ROUND_FLOOR))
        if pure:  # rounded down: what rho pays for at most
            pure_epsilon = Fraction(isqrt(2 * pico * PICO), PICO)
    elif pure:
        pure_epsilon = Fraction(value)
        pico = math.ceil(pure_epsilon * pure_epsilon / 2 * PICO)
    else:
        pico = pico_of(value, float(rest))
    if pico < 1:
        raise QuestionRefused(f"{name}={given} is too small: its answer would be noise alone.")
    return Cost(pico, own_delta, pure_epsilon)


def _above_zero(name: str, given: object) -> Decimal:
    try:
        value = Decimal(str(given))
    except ArithmeticError:
        raise QuestionRefused(f"{name} must be a number above 0, not {given!r}.") from None
    if not value.is_finite() or value <= 0:
        raise QuestionRefused(f"{name} must be a finite number above 0, not {given}.")
    if value > 1000:
        raise QuestionRefused(f"{name}={given} protects nobody; a year's whole limit is below 10.")
    return value


def pld_epsilon(prices: Iterable[Cost], delta: Decimal | float) -> float:
    """Return the epsilon of several answers together by their privacy loss distributions.

    A second figure, tighter and only informative: it composes answers whose costs were fixed
    beforehand, and the limits hold for questions that depend on earlier answers. Every zCDP cost
    counts as Gaussian noise, every pure one as the worst mechanism of its epsilon, every own
    delta as an outright failure. Computed by Google's dp_accounting.

    Raises
    ------
    InputError
        The package is not installed.
    """
    try:
        from dp_accounting.pld import common
        from dp_accounting.pld import privacy_loss_distribution as distributions
    except ImportError:
        raise InputError(
            "the second figure needs the package dp-accounting, which is an extra: install it "
            "with  pip install 'workbench[accounting]'. The ledger's own figure does not need it."
        ) from None
    paid = list(prices)
    parts = []
    rho = sum(each.pico for each in paid if each.pure_epsilon is None) / PICO
    if rho > 0:  # Gaussian answers together are one Gaussian answer of their summed rho
        parts.append(distributions.from_gaussian_mechanism(math.sqrt(1 / (2 * rho))))
    pure = [each.pure_epsilon for each in paid if each.pure_epsilon is not None]
    for epsilon in sorted(set(pure)):
        one = common.DifferentialPrivacyParameters(float(epsilon), 0.0)
        loss = distributions.from_privacy_parameters(one)
        parts.append(loss.self_compose(pure.count(epsilon)))
    # why not a part: failures add up, and are taken from delta as in the ledger's own figure
    rest = float(Fraction(delta) - sum((each.delta for each in paid), Fraction(0)))
    if rest <= 0:
        return math.inf
    if not parts:
        return 0.0
    whole = parts[0]
    for each in parts[1:]:
        whole = whole.compose(each)
    return float(whole.get_epsilon_for_delta(rest))
