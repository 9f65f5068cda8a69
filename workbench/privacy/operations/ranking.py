"""Orders of noisy figures: which ranks the noise leaves open, and how likely an order is wrong.

Ranges of ranks come from all pairwise differences at once: a figure may be of rank ``1 + those
clearly above it`` to ``all - those clearly below it``. With the pairs' level by Šidák's bound, all
ranges of a ranking hold the true rank with the stated chance. The idea is that of Klein, Wright &
Wieczorek, *A joint confidence region for an overall ranking of populations*, JRSS C 69 (2020).
"""

from collections.abc import Sequence
from dataclasses import replace
from itertools import combinations, pairwise
from math import comb, inf, sqrt

from workbench.errors import QuestionRefused
from workbench.privacy.columns import Measure, noted
from workbench.privacy.margins import (
    NOTHING,
    Affine,
    Fixed,
    Form,
    chance_below_zero,
    covariance,
    divided,
    interval,
    quantile,
    tangent,
)
from workbench.privacy.sheets import Sheet, operation

MAX_RANKED = 1000  # pairs grow with the square
_OPEN = 0.5  # bounds of chances from here on are told in words


def ranks(forms: Sequence[Form], level: float, *, as_told: bool) -> list[Form]:
    """Return the rank of each figure, the largest being 1, with the ranks its noise leaves open.

    ``as_told``: a figure of a ladder has the rank of what is told of it; what is clearly above is
    so by all layers.
    """
    if len(forms) > MAX_RANKED:
        raise QuestionRefused(
            f"{len(forms):,} figures are too many for one ranking; at most {MAX_RANKED:,}. Rank "
            "within groups with across=…, or fewer with where=…."
        )
    ranked = {i: line for i, form in enumerate(forms) if (line := tangent(form)) is not None}
    told = _told(forms, as_told)
    z = quantile(level, len(forms) * (len(forms) - 1) // 2)
    above, surely_above, surely_below = (dict.fromkeys(ranked, 0) for _ in range(3))
    for (i, one), (j, other) in combinations(ranked.items(), 2):
        if told[i] != told[j]:
            above[j if told[i] > told[j] else i] += 1
        gap, sd = one.value - other.value, deviation(one, other)
        low, high = (j, i) if gap > 0 else (i, j)
        if abs(gap) > z * sd:
            surely_above[low] += 1
            surely_below[high] += 1
    found: list[Form] = [None] * len(forms)
    for i in ranked:
        rank, first, last = above[i] + 1, surely_above[i] + 1, len(ranked) - surely_below[i]
        found[i] = Fixed(float(rank), float(min(first, rank)), float(max(last, rank)))
    return found


def _told(forms: Sequence[Form], as_told: bool) -> list[float]:
    """Return the values figures are ordered by: of a ladder those told, or those of all layers."""
    lines = forms if as_told else [tangent(form) for form in forms]
    values = (interval(form, quantile(0.95))[0] for form in lines)
    return [-inf if each is None else each for each in values]


def deviation(one: Affine, other: Affine) -> float:
    """Return the standard deviation of the noise of a difference."""
    return sqrt(max(0.0, one.variance + other.variance - 2 * covariance(one, other)))


@operation("top")
def top(sheet: Sheet, *, measure: str, n: int, wide: bool, as_told: bool = False) -> Sheet:
    """Return the ``n`` rows with the largest figures, in order, with rank and order risk.

    ``wide``: with margins that hold for all rows they were picked from. What was ranked before by
    all layers of ladders stays as it was published.
    """
    if len(sheet.by) != 1:
        columns = " and ".join(each.name for each in sheet.by) or "nothing"
        raise QuestionRefused(
            f"a top {n} is of the values of one group column; these are rows by {columns}. Keep "
            "one value of the others with where=…, or add them up with over=…."
        )
    title = sheet.measure(measure).title
    shown = [(form, row) for row, form in enumerate(map(tangent, sheet.forms[measure])) if form]
    told = _told(sheet.forms[measure], as_told)
    order = sorted(shown, key=lambda each: (-told[each[1]], each[1]))
    risks = [_swapped(one, other) for (one, _), (other, _) in pairwise(order)]
    places = [row for _, row in order[:n]]
    # the last row has no next one
    risk_of = {row: Fixed(risk) for (_, row), risk in zip(order, risks, strict=False)}
    ranked = Measure(f"{measure}_rank", "derived", f"{title}, rank", None, 0, 1.0)
    swapped = f"{title}, chance that the next is larger"
    made: dict[Measure, Sequence[Form]] = {
        ranked: ranks(sheet.forms[measure], 0.95, as_told=as_told),
        Measure(f"{measure}_order_risk", "rate", swapped, None, 4): [
            risk_of.get(row) for row in range(len(told))
        ],
    }
    all_forms = {**sheet.forms, **{each.name: figures for each, figures in made.items()}}
    return replace(
        sheet,
        by=(replace(sheet.by[0], values=tuple(sheet.keys[row][0] for row in places)),),
        keys=tuple(sheet.keys[row] for row in places),
        measures=(*sheet.measures, *made),
        forms={name: [column[row] for row in places] for name, column in all_forms.items()},
        notes=(*sheet.notes, _note(order, risks, n)),
        # why all: the largest of many figures is the one its noise helped most
        among=max(sheet.among, len(shown)) if wide else sheet.among,
    )


@operation("impact")
def impact(sheet: Sheet, *, measure: str) -> Sheet:
    """Return figures with each one's ratio to the largest, whichever of them that is in truth."""
    of, forms = sheet.measure(measure), sheet.forms[measure]
    z, found = quantile(0.95, max(1, comb(max(len(forms), sheet.among), 2))), list[Form]()
    for one in forms:
        # why the least: of the ratios to all, to itself too, that to the largest is the least
        pairs = [interval(divided(one, other), z) for other in forms if other is not one]
        ends = zip((1.0, 1.0, 1.0), *pairs, strict=True)
        least = [min(end for end in each if end is not None) for each in ends]
        found.append(None if one is None or NOTHING in pairs else Fixed(*least))
    made = Measure("impact", "derived", "Beside the largest", None, 2, 0.0, of.bound)
    return sheet.anew(sheet.by, {of: forms, made: found}, noted("impact"), keys=sheet.keys)


def _swapped(one: Affine, other: Affine) -> float:
    """Return the chance that ``other`` is in truth above ``one``, nothing else being known."""
    return chance_below_zero(one.value - other.value, deviation(one, other))


def _note(order: Sequence[tuple[Affine, int]], risks: Sequence[float], n: int) -> str:
    """Say how likely the order and the choice are wrong: sums of chances, so at most that."""
    inside, outside = order[:n], order[n:]
    wrong = min(1.0, sum(risks[: max(0, len(inside) - 1)]))
    missed = min(1.0, sum(_swapped(one, other) for one, _ in inside for other, _ in outside))
    if max(wrong, missed) >= _OPEN:  # a bound this weak says nothing but that
        return noted("order open" if missed < _OPEN else "choice open", top=len(inside))
    if not outside:
        return noted("order", top=len(inside), wrong=wrong)
    return noted("order and choice", top=len(inside), wrong=wrong, missed=missed)
