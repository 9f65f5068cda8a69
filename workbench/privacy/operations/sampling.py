"""The chance of who was drawn into a group, beside noise: its margin, and what would tell more."""

from collections.abc import Sequence
from math import floor, log10, sqrt
from statistics import NormalDist

from workbench.privacy.columns import noted
from workbench.privacy.margins import Affine, Form, Noise, Ratio, interval, plus, quantile

SEEN = quantile(0.95) + NormalDist().inv_cdf(0.8)
"""How many standard deviations an effect has that is seen 4 times in 5, at 95 % certainty."""


def drawn_into(*figures: Affine) -> Noise:
    """Return the chance of who was drawn into some figures as a draw of its own.

    It is named by the noise beneath them, so that what is told of other answers, months or groups
    does not share it, and the same figures do wherever they stand.
    """
    return f"drawn {[sorted(each.terms.items()) for each in figures]}", 0, ""


def drawn_apart(one: Form, other: Form, draw: Noise) -> Form:
    """Return the difference of two rates of separate rows, with the chance of who was drawn.

    To the noise comes the variance of each rate over as many rows, p(1 - p)/n from released
    figures, as a draw of its own.
    """
    gap = plus(one, other, -1.0)
    if not isinstance(gap, Affine) or not isinstance(one, Ratio) or not isinstance(other, Ratio):
        return None
    variance = sum(
        drawn_variance(rate.top.value / rate.bottom.value, rate.bottom.value)
        for rate in (one, other)
    )
    return Affine(gap.value, {**gap.terms, draw: sqrt(variance)}, approximate=True)


def drawn_variance(share: float, rows: float) -> float:
    """Return the variance of a share of so many rows by the chance of who was drawn."""
    # why + 1: none of few is no proof of never (Wilson's correction, to first order)
    shown = (min(1.0, max(0.0, share)) * rows + 1) / (rows + 2)
    return shown * (1 - shown) / rows


def times_as_many(gap: Affine, draw: Noise, effect: float) -> float:
    """Return how many times as many records would tell an effect from none, 4 times in 5.

    At 95 % certainty. With k times the records the chance of who was drawn has a variance of 1/k,
    and what noise adds to a rate one of 1/k².

    Examples
    --------
    >>> drawn = ("drawn", 0, "")
    >>> round(times_as_many(Affine(0.0, {drawn: 0.01}), drawn, effect=0.01), 2)
    7.85
    """
    chance = gap.terms.get(draw, 0.0) ** 2
    noise = gap.variance - chance
    enough = (effect / SEEN) ** 2
    return (chance + sqrt(chance * chance + 4 * noise * enough)) / (2 * enough)


def telling(title: str, gaps: Sequence[tuple[Form, Form, Form, Noise]]) -> tuple[str, ...]:
    """Say how many records would tell effects that are not known: of all rows, the most."""
    needed: list[tuple[float, float, float]] = []
    for one, other, gap, draw in gaps:
        _, low, high = interval(gap, quantile(0.95))
        if low is None or high is None or not low <= 0 <= high:
            continue
        if (
            not isinstance(gap, Affine)
            or not isinstance(one, Ratio)
            or not isinstance(other, Ratio)
        ):
            continue
        worth = float(f"{(high - low) / 4:.1g}")  # half of a margin: too small to be seen as yet
        now = one.bottom.value + other.bottom.value
        needed.append((now * times_as_many(gap, draw, worth), now, worth))
    if not needed:
        return ()
    most, now, worth = max(needed)
    words = {"needed": _about(most), "now": _about(now), "points": 100 * worth}
    return (noted("telling", title=title, **words),)


def _about(number: float) -> float:
    """Return a number to two digits: what is estimated is not told to the last."""
    return round(number, 1 - floor(log10(number)))
