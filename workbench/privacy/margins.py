"""Margins of noisy figures: quantiles, simultaneous levels, Fieller, and how noise carries over.

A figure is followed by its *form*: how it is put together from the independent noise of the paid
answers beneath it. Forms of figures that share noise know their covariance exactly, however they
were derived, so the difference of a part and its total has the margin it should have.

The noise is a discrete Gaussian on a lattice whose step is far below its scale: with a standard
deviation of s steps the chance of any interval differs from the normal's by less than 0.4/s, and
lattices have 2²⁰ steps to a customer. Normal quantiles are therefore exact to every digit shown.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from math import expm1, log, sqrt
from statistics import NormalDist
from typing import Any, TypeGuard

from workbench.errors import QuestionRefused

Interval = tuple[float | None, float | None, float | None]
NOTHING: Interval = (None, None, None)
_NORMAL = NormalDist()


def quantile(level: float, figures: float = 1) -> float:
    """Return how many standard deviations hold ``figures`` noisy figures, all at once.

    For several figures this is Šidák's bound: each alone gets the level ``level^(1/figures)``. For
    figures whose noise is jointly normal it holds whatever their correlation (Šidák, *Rectangular
    confidence regions for the means of multivariate normal distributions*, JASA 62, 1967), and it
    is never wider than Bonferroni's.

    Examples
    --------
    >>> round(quantile(0.95), 6), round(quantile(0.95, figures=30), 4)
    (1.959964, 3.1368)
    """
    if not 0 < level < 1:
        raise QuestionRefused(f"a level lies between 0 and 1, such as 0.95, not {level}.")
    beyond = -expm1(log(level) / max(1, figures))  # 1 - level^(1/figures), without cancellation
    return -_NORMAL.inv_cdf(beyond / 2)


def chance_below_zero(mean: float, sd: float) -> float:
    """Return the chance that a normal variable is below 0.

    Examples
    --------
    >>> chance_below_zero(0.0, 1.0), round(chance_below_zero(1.96, 1.0), 3)
    (0.5, 0.025)
    """
    if sd <= 0:
        return 0.0 if mean > 0 else 1.0 if mean < 0 else 0.5
    return _NORMAL.cdf(-mean / sd)


def fieller(
    top: float,
    bottom: float,
    var_top: float,
    var_bottom: float,
    covariance: float,
    z: float = quantile(0.95),
) -> Interval:
    """Return a ratio and its interval by Fieller's theorem.

    Source: Fieller, *Some problems in interval estimation*, JRSS B 16 (1954). Where the bottom is
    not clearly above 0 the interval is unbounded and the ratio is not shown at all.

    Examples
    --------
    >>> [round(end, 3) for end in fieller(100.0, 50.0, 4.0, 1.0, 0.0)]
    [2.0, 1.892, 2.114]
    """
    z2 = z * z
    a = bottom * bottom - z2 * var_bottom
    if bottom <= 0 or a <= 0:
        return NOTHING
    b = top * bottom - z2 * covariance
    c = top * top - z2 * var_top
    root = sqrt(max(0.0, b * b - a * c))
    return top / bottom, (b - root) / a, (b + root) / a


Noise = tuple[str, int, str]
"""One independent draw: paid answer, row, coordinate."""


@dataclass(frozen=True)
class Affine:
    """A figure whose noise is a weighted sum of independent draws.

    ``terms``: of each draw, its weight times its standard deviation, in the figure's unit.
    ``approximate``: whether a curve was replaced by its tangent on the way.
    """

    value: float
    terms: Mapping[Noise, float] = field(default_factory=dict)
    approximate: bool = False

    @property
    def variance(self) -> float:
        """Variance of the figure's noise."""
        return sum(weight * weight for weight in self.terms.values())


@dataclass(frozen=True)
class Ratio:
    """A figure ``offset + top / bottom``; its interval is Fieller's."""

    top: Affine
    bottom: Affine
    offset: float = 0.0


@dataclass(frozen=True)
class Fixed:
    """A figure that no longer adds or divides: a quantile, a rank, a chance."""

    value: float
    low: float | None = None
    high: float | None = None


@dataclass(frozen=True)
class Laddered:
    """A figure up to each rung of its ladder; the last one, of all layers, is without bias.

    How far up it is told is decided by `chosen`, from these noisy figures alone.

    Attributes
    ----------
    rungs : tuple of Affine or Ratio
    under : bool
        Whether a lower rung is surely no more than the last, but for noise: so it is with totals
        of what is not negative, and not with differences.
    at : int or None
        The rung that is told where it was chosen together with other figures.
    """

    rungs: tuple[Affine | Ratio, ...]
    under: bool = True
    at: int | None = None


Form = Affine | Ratio | Laddered | Fixed | None  # None: suppressed, or not defined
LOWER_SHARE = 0.2  # of the chance that an interval of a ladder misses: below its lower end


def weighted(pairs: Iterable[tuple[float, Affine]]) -> Affine:
    """Return a weighted sum of figures.

    Examples
    --------
    >>> one = Affine(5.0, {("r-1", 0, "n"): 2.0})
    >>> weighted([(1.0, one), (-1.0, one)]).variance
    0.0
    """
    value, terms, approximate = 0.0, dict[Noise, float](), False
    for weight, form in pairs:
        value += weight * form.value
        approximate = approximate or form.approximate
        for draw, each in form.terms.items():
            terms[draw] = terms.get(draw, 0.0) + weight * each
    return Affine(value, terms, approximate)


def covariance(one: Affine, other: Affine) -> float:
    """Return the covariance of two figures' noise, through the draws they share."""
    if len(other.terms) < len(one.terms):
        one, other = other, one
    return sum(weight * other.terms.get(draw, 0.0) for draw, weight in one.terms.items())


def interval(form: Form, z: float) -> Interval:
    """Return a figure and the ends of its interval, ``z`` standard deviations wide."""
    if form is None:
        return NOTHING
    if isinstance(form, Fixed):
        return form.value, form.low, form.high
    if isinstance(form, Laddered):
        return _of_ladder(form, z)
    if isinstance(form, Affine):
        half = z * sqrt(form.variance)
        return form.value, form.value - half, form.value + half
    top, bottom = form.top, form.bottom
    ends = fieller(
        top.value, bottom.value, top.variance, bottom.variance, covariance(top, bottom), z
    )
    value, low, high = ends
    if value is None or low is None or high is None:
        return NOTHING
    return form.offset + value, form.offset + low, form.offset + high


def form_of(plan: Mapping[str, Any], affine: Callable[[Mapping[str, float]], Affine]) -> Form:
    """Return the form of a figure by how it is put together from noisy integers."""
    if "linear" in plan:
        return affine(plan["linear"])
    if "ladder" not in plan:
        return Ratio(affine(plan["top"]), affine(plan["bottom"]), float(plan.get("offset", 0.0)))
    tops = [affine(each) for each in plan["ladder"]]  # of each rung
    bottom = affine(plan["bottom"]) if "bottom" in plan else None
    rungs = tuple(top if bottom is None else Ratio(top, bottom) for top in tops)
    return Laddered(rungs, plan["under"])


def is_ratio(form: Form) -> bool:
    """Whether a figure is a ratio, up to one rung or all of a ladder."""
    return isinstance(form.rungs[-1] if isinstance(form, Laddered) else form, Ratio)


def doubted(form: Form, wider: float) -> Form:
    """Return a figure whose noise is told ``wider`` times as large, since it was chosen by it."""

    def more(line: Affine) -> Affine:
        return replace(line, terms={draw: wider * each for draw, each in line.terms.items()})

    if isinstance(form, Affine):
        return more(form)
    if isinstance(form, Ratio):
        return replace(form, top=more(form.top), bottom=more(form.bottom))
    if isinstance(form, Laddered):
        rungs = [doubted(each, wider) for each in form.rungs]
        known = tuple(each for each in rungs if isinstance(each, Affine | Ratio))
        return replace(form, rungs=known, at=rung_of(form))
    return form


def rung_of(form: Laddered) -> int:
    """Return how far up a ladder's figure is told: to the first rung with no more than noise above.

    What the layers above hold is an estimate with noise of its own; as long as it is within one
    standard deviation of that, to add it would cost more than it is known to be worth.
    """
    straight = [tangent(rung) for rung in form.rungs]
    whole = straight[-1]
    if form.at is not None:
        return form.at
    for index, line in enumerate(straight):
        if whole is None or line is None:
            break
        above = weighted([(1.0, whole), (-1.0, line)])
        if (above.value if form.under else abs(above.value)) <= sqrt(above.variance):
            return index
    return len(straight) - 1


def _of_ladder(form: Laddered, z: float) -> Interval:
    """Return the figure up to the chosen rung; its upper end holds what may lie above that.

    The upper end is that of all layers together, whose level no choice can spoil. The lower one is
    of the chosen rung, which may be any; it gets a fifth of the chance to miss, so that with what
    the choice adds both ends together miss as rarely as they say. Where lower rungs may be above
    the truth, both ends are those of all layers.
    """
    told, whole = form.rungs[rung_of(form)], form.rungs[-1]
    value = interval(told, z)[0]
    below, above = z, z
    if form.under:
        miss = 2 * _NORMAL.cdf(-z)
        below = -_NORMAL.inv_cdf(miss * LOWER_SHARE)
        above = -_NORMAL.inv_cdf(miss * (1 - LOWER_SHARE))
    low = interval(told if form.under else whole, below)[1]
    high = interval(whole, above)[2]
    if value is None or low is None or high is None:
        return NOTHING
    return value, min(low, value), max(high, value)


def each_rung(
    compute: Callable[[Sequence[Form]], Form], forms: Sequence[Form], under: bool
) -> Form:
    """Return what is computed from figures of ladders, rung by rung; one without has one value."""
    ladders = [form.rungs if isinstance(form, Laddered) else (form,) for form in forms]
    rungs: list[Affine | Ratio] = []
    for i in range(max(len(ladder) for ladder in ladders)):
        found = compute([ladder[min(i, len(ladder) - 1)] for ladder in ladders])
        if not isinstance(found, Affine | Ratio):
            return None
        rungs.append(found)
    return Laddered(tuple(rungs), under)


def _under(*forms: Form) -> bool:
    return all(form.under for form in forms if isinstance(form, Laddered))


def _any_ladder(*forms: Form) -> bool:
    return any(isinstance(form, Laddered) for form in forms)


def is_approximate(form: Form) -> bool:
    """Whether a curve was replaced by its tangent somewhere beneath a figure."""
    if isinstance(form, Laddered):
        return is_approximate(form.rungs[-1])
    if isinstance(form, Ratio):
        return form.top.approximate or form.bottom.approximate
    return isinstance(form, Affine) and form.approximate


def tangent(form: Form) -> Affine | None:
    """Return a figure as a weighted sum of draws; a ratio by its tangent (the delta method).

    A ratio whose bottom is not clearly above 0 has none. Of a ladder it is that of all layers.

    Raises
    ------
    QuestionRefused
        The figure is a quantile, a rank or a chance: its noise does not add up.
    """
    if form is None or isinstance(form, Affine):
        return form
    if isinstance(form, Laddered):
        return tangent(form.rungs[-1])
    if isinstance(form, Fixed):
        raise QuestionRefused(
            "this figure's noise does not add up (a quantile, a spread, a rank or a chance), so "
            "nothing can be computed from it. Compute from customers, rows, sums, means or rates."
        )
    if interval(form, quantile(0.95))[0] is None:
        return None
    ratio, bottom = form.top.value / form.bottom.value, form.bottom.value
    slope = weighted([(1 / bottom, form.top), (-ratio / bottom, form.bottom)])
    exact = not form.bottom.terms and not slope.approximate
    return Affine(form.offset + ratio, slope.terms, not exact)


def added(forms: Sequence[Form]) -> Form:
    """Return the total of figures; means and rates of rows as those of all rows together."""
    if any(form is None for form in forms):
        return None
    if _any_ladder(*forms):
        return each_rung(added, forms, _under(*forms))
    ratios = [form for form in forms if isinstance(form, Ratio)]
    if ratios and len(ratios) == len(forms) and len({form.offset for form in ratios}) == 1:
        return Ratio(
            weighted((1.0, form.top) for form in ratios),
            weighted((1.0, form.bottom) for form in ratios),
            ratios[0].offset,
        )
    straight = [tangent(form) for form in forms]
    return weighted((1.0, form) for form in straight if form is not None)


def plus(one: Form, other: Form, sign: float = 1.0) -> Form:
    """Return the sum of two figures, or with ``sign`` -1 their difference."""
    if _any_ladder(one, other):
        under = _under(one, other) and (sign > 0 or not isinstance(other, Laddered))
        return each_rung(lambda pair: plus(pair[0], pair[1], sign), (one, other), under)
    if isinstance(one, Ratio) and _is_number(other):
        return replace(one, offset=one.offset + sign * other.value)
    if isinstance(other, Ratio) and _is_number(one):
        top = weighted([(sign, other.top)])
        return Ratio(top, other.bottom, one.value + sign * other.offset)
    a, b = tangent(one), tangent(other)
    return None if a is None or b is None else weighted([(1.0, a), (sign, b)])


def _is_number(form: Form) -> TypeGuard[Affine]:
    return isinstance(form, Affine) and not form.terms


def times(one: Form, other: Form) -> Form:
    """Return the product of two figures, to first order where both are noisy."""
    if _any_ladder(one, other):
        factors = [form for form in (one, other) if isinstance(form, Affine)]
        under = _under(one, other) and len(factors) == 1 and factors[0].value >= 0
        return each_rung(lambda pair: times(*pair), (one, other), under)
    for form, number in ((one, other), (other, one)):
        if _is_number(number):
            if isinstance(form, Ratio):
                factor = number.value
                return Ratio(weighted([(factor, form.top)]), form.bottom, factor * form.offset)
            a = tangent(form)
            return None if a is None else weighted([(number.value, a)])
    a, b = tangent(one), tangent(other)
    if a is None or b is None:
        return None
    slope = weighted([(b.value, a), (a.value, b)])
    return Affine(a.value * b.value, slope.terms, approximate=True)


def divided(one: Form, other: Form) -> Form:
    """Return the ratio of two figures."""
    if _any_ladder(one, other) and not _is_number(other):
        under = _under(one) and not isinstance(other, Laddered)
        return each_rung(lambda pair: divided(*pair), (one, other), under)
    if _is_number(other):
        return None if other.value == 0 else times(one, Affine(1 / other.value))
    a, b = tangent(one), tangent(other)
    return None if a is None or b is None else Ratio(a, b)
