"""What releases cost, in integers: Gaussian differential privacy, its rho added exactly.

A cost is a whole number of pico-rho (10⁻¹² rho), so sums are exact. An answer of ``rho`` tells
neighbours apart no better than one Gaussian draw of that rho does, whose mean they move by
``mu = sqrt(2·rho)`` standard deviations (Dong, Roth & Su, *Gaussian Differential Privacy*, 2022).
Questions may depend on earlier answers, and so may their costs: a filter that refuses once the sum
of rho would pass a limit fixed beforehand keeps the whole within that limit (Smith & Thakurta,
*Fully Adaptive Composition for Gaussian Differential Privacy*, 2022). A reader is shown
``(epsilon, delta)`` by the exact curve of that one draw (Balle & Wang 2018, Theorem 8).

Every such answer is rho-zCDP, too. A ledger begun before costs were Gaussian knows its rho as zCDP
only, and keeps the conversion of Canonne, Kamath & Steinke, *The Discrete Gaussian for Differential
Privacy*, 2020, Corollary 13, for good: which of two limits holds must not depend on answers.

An answer that may fail with a probability of its own has that taken out of delta beforehand. The
proofs are in docs/privacy.md.
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
# What a pure answer, or a choice of bounded range, costs as Gaussian over what it costs as zCDP:
# pi/2, from above (docs/privacy.md, Lemma 2).
PURE_AS_GAUSSIAN = Fraction(355, 226)
SLACK = 1e-9  # of delta: what integers in place of Gaussian draws may add, Lemma 1, and floats
_ROOT_2, _FAR = math.sqrt(2), 36.0


def rho_fraction(pico: int) -> Fraction:
    """Return a cost in rho as an exact fraction."""
    return Fraction(pico, PICO)


@lru_cache(maxsize=4096)
def epsilon_of(pico: int, delta: float, gaussian: bool = True) -> float:
    """Return the epsilon that ``pico`` of pico-rho means at ``delta``; infinite at delta 0.

    Parameters
    ----------
    gaussian : bool
        Whether all of it is Gaussian; else it is known to be zCDP.

    Examples
    --------
    >>> round(epsilon_of(28_000_000_000, 1e-6), 3)
    1.0
    >>> round(epsilon_of(24_340_000_000, 1e-6, gaussian=False), 3)
    1.0
    """
    if pico <= 0:
        return 0.0
    if delta <= 0:
        return math.inf
    above = _zcdp_epsilon(pico / PICO, delta)
    if not gaussian:
        return above
    if _within(0.0, pico, delta):
        return 0.0
    below = 0.0  # why zCDP above: a Gaussian of this rho is no worse
    for _ in range(80):
        middle = (below + above) / 2
        if _within(middle, pico, delta):
            above = middle
        else:
            below = middle
    return above


@lru_cache(maxsize=4096)
def pico_of(epsilon: Decimal, delta: float, gaussian: bool = True) -> int:
    """Return the largest cost, in pico-rho, that stays within ``(epsilon, delta)``."""
    target = float(epsilon)
    low, high = 0, int(PICO * (2 * target + target * target + 1))
    while high - low > 1:
        middle = (low + high) // 2
        if (
            _within(target, middle, delta)
            if gaussian
            else epsilon_of(middle, delta, False) <= target
        ):
            low = middle
        else:
            high = middle
    return low


def _within(epsilon: float, pico: int, delta: float) -> bool:
    """Return whether Gaussian answers of a cost are ``(epsilon, delta)`` together."""
    mu = math.sqrt(2 * pico / PICO)
    near, far = epsilon / mu - mu / 2, epsilon / mu + mu / 2
    # e^epsilon·Phi(-far), and far beyond a float's reach no less than it is (Gordon 1941)
    less = (
        math.exp(epsilon) * math.erfc(far / _ROOT_2) / 2
        if far < _FAR
        else math.exp(-near * near / 2) / math.sqrt(2 * math.pi) * far / (far * far + 1)
    )
    return math.erfc(near / _ROOT_2) / 2 - less <= delta * (1 - SLACK)


def _zcdp_epsilon(rho: float, delta: float) -> float:
    """Return what rho-zCDP means at ``delta``: the corollary's bound at the best alpha."""

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


@dataclass(frozen=True)
class Cost:
    """What one answer costs, or several together; exact.

    Attributes
    ----------
    pico : int
        In pico-rho.
    delta : Fraction
        The answers' own probability to fail, as that of revealing a rare group; mostly 0.
    pure_epsilon : Fraction or None
        The epsilon of an answer without any delta, exactly; None for the usual kind.
    gaussian : bool
        Whether its rho is that of Gaussian differential privacy; else of zCDP.
    """

    pico: int = 0
    delta: Fraction = Fraction(0)
    pure_epsilon: Fraction | None = None
    gaussian: bool = True

    def __add__(self, other: Cost) -> Cost:
        mine, theirs = self.pure_epsilon, other.pure_epsilon
        pure = None if mine is None or theirs is None else mine + theirs
        known = self.gaussian and other.gaussian
        return Cost(self.pico + other.pico, self.delta + other.delta, pure, known)

    def __sub__(self, other: Cost) -> Cost:
        known = self.gaussian and other.gaussian
        return Cost(self.pico - other.pico, self.delta - other.delta, gaussian=known)

    @property
    def rho(self) -> Fraction:
        """The same in rho."""
        return rho_fraction(self.pico)

    def epsilon_at(self, delta: Decimal | Fraction) -> float:
        """Return the epsilon of this cost alone at a shared delta."""
        shown = epsilon_of(self.pico, float(Fraction(delta) - self.delta), self.gaussian)
        # why: alone, and only alone, a pure answer may be told by its own epsilon
        return shown if self.pure_epsilon is None else min(shown, float(self.pure_epsilon))

    def at_least(self, other: Cost) -> Cost:
        """Return the larger of the two, part by part."""
        known = self.gaussian and other.gaussian
        return Cost(max(self.pico, other.pico), max(self.delta, other.delta), gaussian=known)

    def covers(self, other: Cost) -> bool:
        """Return whether an answer at this cost serves where another was asked for."""
        return self.pico >= other.pico and self.delta >= other.delta

    def to_json(self) -> dict[str, Any]:
        """Return a sum of costs as a ledger entry holds it."""
        return {"pico": self.pico, "delta": str(self.delta), "gaussian": self.gaussian}

    @classmethod
    def from_json(cls, content: Mapping[str, Any]) -> Cost:
        """Rebuild it from what an entry holds."""
        pico = int(content["pico"])
        # why not where it does not say: it is from before costs were Gaussian
        return cls(pico, Fraction(content["delta"]), gaussian=content.get("gaussian", not pico))


def price(
    epsilon: object = None,
    rho: object = None,
    *,
    delta: Decimal,
    pure: bool = False,
    own_delta: Fraction = Fraction(0),
    gaussian: bool = True,
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
    gaussian : bool
        How the ledger that pays counts, `workbench.privacy.books.ledger.Ledger.gaussian`.

    Raises
    ------
    QuestionRefused
        Neither or both given, not a number, not above 0, infinite, or too small to matter.

    Examples
    --------
    >>> (price(rho="0.1", delta=Decimal("1e-6")) + price(rho="0.2", delta=Decimal("1e-6"))).pico
    300000000000
    >>> price("0.1", pure=True, delta=Decimal("1e-6")).pico
    7853982301
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
    pure_epsilon, times = None, PURE_AS_GAUSSIAN if gaussian else 1
    if name == "rho":
        pico = int((value * PICO).to_integral_value(ROUND_FLOOR))
        if pure:  # rounded down: what rho pays for at most
            pure_epsilon = Fraction(isqrt(int(2 * pico * PICO / times)), PICO)
    elif pure:
        pure_epsilon = Fraction(value)
        pico = pure_pico(pure_epsilon, gaussian)
    else:
        pico = pico_of(value, float(rest), gaussian)
    if pico < 1:
        raise QuestionRefused(f"{name}={given} is too small: its answer would be noise alone.")
    return Cost(pico, own_delta, pure_epsilon, gaussian)


def pure_pico(epsilon: Fraction, gaussian: bool = True) -> int:
    """Return what an answer of pure epsilon costs: epsilon²/2 as zCDP (Bun & Steinke 2016)."""
    return math.ceil(epsilon * epsilon / 2 * PICO * (PURE_AS_GAUSSIAN if gaussian else 1))


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

    A second figure, computed by Google's dp_accounting and only informative: it composes answers
    whose costs were fixed beforehand, and the limits hold for questions that depend on earlier
    answers. Every cost counts as Gaussian noise, every pure one as the worst mechanism of its
    epsilon, every own delta as an outright failure.

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
