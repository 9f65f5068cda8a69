"""A total shared out over tenths of the customers, from noisy counts and totals by bands.

A band's total is known twice: by its own noisy figure, and by its customers, each of whom has no
less than the band's lower edge and no more than its upper one. In low bands the second says far
more. The two are weighed so that the worst error that a total within the edges can have is least:
with ``h`` half of what the edges leave open and ``s`` the noise, the figure gets ``h²/(h² + s²)``
of the weight. What the edges then leave open is an error of its own, beside the noise.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from math import copysign, inf, isinf, sqrt

from workbench.errors import QuestionRefused
from workbench.privacy.columns import Dimension, Measure, noted
from workbench.privacy.margins import Affine, Form, Noise, quantile, tangent, weighted
from workbench.privacy.sheets import Sheet, operation

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
    counts = [tangent(form) for form in reversed(sheet.forms["customers"])]
    totals = [tangent(form) for form in reversed(sheet.forms[measure])]
    if not within_edges:
        forms = _forms([*counts, *totals])
        note = noted("tenths of equals")
    else:
        ends = _customer_ends(sheet, total)
        forms = _held_forms(counts, totals, ends[::-1], measure, str(sheet.about["id"]))
        note = noted("tenths")
    made = replace(total, name=f"{measure}_share"[-63:], kind="rate", unit=None, digits=4)
    made = replace(made, title=f"{total.title}, share", least=0.0)
    dimension = Dimension("decile", "Customers, by tenths", "band", LABELS, exclusive=True)
    return Sheet(
        (dimension,),
        tuple((label,) for label in LABELS),
        (made,),
        {made.name: forms},
        notes=(*sheet.notes, note),
    )


def _forms(inputs: Sequence[Affine | None]) -> list[Form]:
    """Return the share of each tenth, with the noise of every count and total it depends on."""
    known = [each for each in inputs if each is not None]
    if len(known) < len(inputs):
        return [None] * TENTHS
    values = [each.value for each in known]
    found = shares(values)
    if not any(found):
        return [None] * TENTHS
    slopes = []
    for i, each in enumerate(known):
        step = max(1e-3, each.variance**0.5 / 10)
        up, down = ([*values[:i], values[i] + s, *values[i + 1 :]] for s in (step, -step))
        pairs = zip(shares(up), shares(down), strict=True)
        slopes.append([(high - low) / (2 * step) for high, low in pairs])
    made: list[Form] = []
    for tenth in range(TENTHS):
        noise = weighted((slopes[i][tenth], each) for i, each in enumerate(known))
        made.append(Affine(found[tenth], noise.terms, approximate=True))
    return made


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
    counts: Sequence[Affine | None],
    totals: Sequence[Affine | None],
    ends: Sequence[tuple[float, float]],
    name: str,
    answer: str,
) -> list[Form]:
    """Return the share of each tenth, each band's total held between its customers' ends."""
    held: list[Affine] = []
    for place, (count, total, (low, high)) in enumerate(zip(counts, totals, ends, strict=True)):
        if count is None or total is None:
            return [None] * TENTHS
        held.append(_held(count, total, low, high, (f"{answer}, within edges", place, name)))
    known = [*(each for each in counts if each is not None), *held]
    values = [each.value for each in known]
    found = shares(values)
    if not any(found):
        return [None] * TENTHS
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
