"""Orders of noisy figures: which ranks the noise leaves open, and how likely an order is wrong.

Ranges of ranks come from all pairwise differences at once: a figure may be of rank ``1 + those
clearly above it`` to ``all - those clearly below it``. With the pairs' level by Šidák's bound, all
ranges of a ranking hold the true rank with the stated chance. The idea is that of Klein, Wright &
Wieczorek, *A joint confidence region for an overall ranking of populations*, JRSS C 69 (2020).
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from itertools import combinations, pairwise
from math import comb, copysign, inf, isinf, sqrt

from workbench.errors import QuestionRefused
from workbench.privacy.columns import Dimension, Measure, noted
from workbench.privacy.margins import (
    NOTHING,
    Affine,
    Fixed,
    Form,
    Noise,
    chance_below_zero,
    covariance,
    divided,
    interval,
    quantile,
    tangent,
    weighted,
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


# ---------------------------------------------------------------------- tenths of customers
# A total shared out over tenths of the customers, from noisy counts and totals by bands.
#
# A band's total is known twice: by its own noisy figure, and by its customers, each of whom has no
# less than the band's lower edge and no more than its upper one. In low bands the second says far
# more. The two are weighed so that the worst error that a total within the edges can have is least:
# with ``h`` half of what the edges leave open and ``s`` the noise, the figure gets ``h²/(h² + s²)``
# of the weight. What the edges then leave open is an error of its own, beside the noise.


TENTHS = 10
LABELS = ("top 10 %", *(f"{10 * i} to {10 * i + 10} %" for i in range(1, TENTHS)))


@operation("deciles")
def deciles(sheet: Sheet, *, measure: str, within_edges: bool = False) -> Sheet:
    """Return a total's shares of tenths of the customers, those with the most first.

    Tenths that were kept before edges were looked at stay as they were published.
    """
    total = sheet.measure(measure)
    wrong = len(sheet.by) != 1 or sheet.by[0].kind != "band" or measure not in sheet.adds
    if wrong or "customers" not in sheet.forms:
        raise QuestionRefused(
            f"deciles are of a total by bands of customers, alone: by=wb.bands('amount', …, "
            f"of='customer') and .customers().sum('amount'); '{measure}' is none, or by "
            f"{', '.join(each.name for each in sheet.by) or 'nothing'}."
        )
    # the highest band first: the first tenth is the customers with the most
    lines = [tangent(form) for x in ("customers", measure) for form in reversed(sheet.forms[x])]
    known = [line for line in lines if line is not None]
    forms: Sequence[Form] = [None] * TENTHS
    if len(known) == len(lines) and within_edges:
        ends = _customer_ends(sheet, total)[::-1]
        forms = _held_forms(known, ends, measure, str(sheet.about["id"])) or forms
    elif len(known) == len(lines) and any(shares([each.value for each in known])):
        forms = carried(shares, known, 1e-3)
    note = noted("tenths" if within_edges else "tenths of equals")
    made = replace(total, name=f"{measure}_share"[-63:], kind="rate", unit=None, digits=4)
    made = replace(made, title=f"{total.title}, share", least=0.0)
    dimension = Dimension("decile", "Customers, by tenths", "band", LABELS, exclusive=True)
    return sheet.anew((dimension,), {made: forms}, note)


def carried(
    way: Callable[[Sequence[float]], Sequence[float]], forms: Sequence[Affine], least: float
) -> list[Affine]:
    """Return what is computed of figures, with the noise of every one that it depends on.

    ``least``: by how much each is moved at least to see what depends on it.
    """
    values, slopes = [each.value for each in forms], []
    for i, each in enumerate(forms):
        step = max(least, sqrt(each.variance) / 10)
        up, down = (way([*values[:i], values[i] + s, *values[i + 1 :]]) for s in (step, -step))
        slopes.append([(high - low) / (2 * step) for high, low in zip(up, down, strict=True)])
    noises = [weighted(zip(each, forms, strict=True)) for each in zip(*slopes, strict=True)]
    return [
        Affine(value, noise.terms, approximate=True)
        for value, noise in zip(way(values), noises, strict=True)
    ]


def _customer_ends(sheet: Sheet, measure: Measure) -> list[tuple[float, float]]:
    """Return the least and the most a customer of each band can have in the total."""
    dimension = sheet.by[0]
    low, high = -inf, inf
    if measure.bound:
        low, high = measure.bound.low, measure.bound.high
    # why alone: of a band and a region, a customer has a part of the band's total in a region
    own = measure.title.removesuffix(", total") == dimension.title.removesuffix(
        " of a customer, band"
    )
    if not own or not sheet.kinds <= {"band", "month"}:
        return [(low, high)] * len(dimension.values)
    found = []
    for label in dimension.values:
        least, most = _ends(str(label))
        found.append((min(max(least, low), high), max(min(most, high), low)))
    return found


def _ends(label: str) -> tuple[float, float]:
    """Return the edges of a band by what it is called; one that is open ends nowhere.

    Examples
    --------
    >>> _ends("< 500"), _ends("1,000 to 2,000"), _ends("≥ 20,000")
    ((-inf, 500.0), (1000.0, 2000.0), (20000.0, inf))
    """
    plain = label.replace(",", "")
    if plain.startswith("< "):
        return -inf, float(plain[2:])
    if plain.startswith("≥ "):
        return float(plain[2:]), inf
    low, high = plain.split(" to ")
    return float(low), float(high)


def _held_forms(
    lines: Sequence[Affine], ends: Sequence[tuple[float, float]], name: str, answer: str
) -> list[Form]:
    """Return the share of each tenth, each band's total held between its customers' ends; or none.

    ``lines``: the customers of each band, then its totals.
    """
    counts, totals = lines[: len(ends)], lines[len(ends) :]
    known = [
        *counts,
        *(
            _held(count, total, *each, (f"{answer}, within edges", place, name))
            for place, (count, total, each) in enumerate(zip(counts, totals, ends, strict=True))
        ),
    ]
    values = [each.value for each in known]
    found = shares(values)
    if not any(found):
        return []
    moved: dict[Noise, dict[int, float]] = {}
    for i, each in enumerate(known):
        for draw, weight in each.terms.items():
            moved.setdefault(draw, {})[i] = weight

    def moved_by(steps: Mapping[Noise, float]) -> list[float]:
        made = list(values)
        for draw, step in steps.items():
            for i, weight in moved[draw].items():
                made[i] += step * weight
        return shares(made)

    far = quantile(0.95)  # how far noise may take a figure: bands may end on the way there
    terms: list[dict[Noise, float]] = [{} for _ in found]
    for draw in moved:
        up, down = moved_by({draw: far}), moved_by({draw: -far})
        for tenth, share in enumerate(found):
            # why the larger: where a band ends within a tenth, one way may say nothing
            rise, fall = up[tenth] - share, down[tenth] - share
            terms[tenth][draw] = copysign(max(abs(rise), abs(fall)) / far, rise - fall)
    made: list[Form] = []
    for tenth, (share, noise) in enumerate(zip(found, terms, strict=True)):
        sd = sqrt(sum(each * each for each in noise.values())) or 1.0
        # why again: some bands only end there when all draws go that way together
        ways = [{draw: far * each / sign / sd for draw, each in noise.items()} for sign in (1, -1)]
        off = max(abs(moved_by(way)[tenth] - share) for way in ways)
        wider = max(1.0, off / far / sd)
        noise = {draw: wider * each for draw, each in noise.items()}
        made.append(Affine(share, noise, approximate=True))
    return made


def _held(count: Affine, total: Affine, low: float, high: float, draw: Noise) -> Affine:
    """Return a band's total by its figure and by what its customers can have, as each weighs."""
    if isinf(low) or isinf(high):
        return total
    middle = weighted([((low + high) / 2, count)])
    off = weighted([(1.0, total), (-1.0, middle)])
    half = (high - low) / 2 * max(count.value, count.variance**0.5)
    trust = half * half / (half * half + off.variance) if half or off.variance else 1.0
    held = weighted([(1.0, middle), (trust, off)])
    return Affine(held.value, {**held.terms, draw: (1 - trust) * half}, approximate=True)


def shares(values: Sequence[float]) -> list[float]:
    """Return each tenth's share of the total, from counts and then totals of falling bands.

    Examples
    --------
    >>> [round(share, 2) for share in shares([10, 90, 500, 500])][:2]
    [0.5, 0.06]
    """
    half = len(values) // 2
    counts = [max(0.0, each) for each in values[:half]]
    totals = [
        max(0.0, total) if count else 0.0
        for count, total in zip(counts, values[half:], strict=True)
    ]
    everyone, everything = sum(counts), sum(totals)
    if everyone <= 0 or everything <= 0:
        return [0.0] * TENTHS
    found, begin = [0.0] * TENTHS, 0.0
    for count, total in zip(counts, totals, strict=True):
        end = begin + count
        for tenth in range(TENTHS):
            low, high = everyone * tenth / TENTHS, everyone * (tenth + 1) / TENTHS
            overlap = min(end, high) - max(begin, low)
            if count > 0 and overlap > 0:
                found[tenth] += total * overlap / count / everything
        begin = end
    return found
