"""A total shared out over tenths of the customers, from noisy counts and totals by bands."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from workbench.errors import QuestionRefused
from workbench.privacy.forms import Find, Sheet, keep, sheet_of
from workbench.privacy.margins import Affine, Form, tangent, weighted
from workbench.privacy.release import Dimension, Measure, Release

TENTHS = 10
LABELS = ("top 10 %", *(f"{10 * i} to {10 * i + 10} %" for i in range(1, TENTHS)))


def deciles(release: Release, measure: str, name: str | None = None) -> Release:
    """Share a total out over tenths of the customers; see `Release.deciles`."""
    recipe = {"op": "deciles", "measure": measure}
    find = None if release.origin is None else release.origin.find
    return keep(release, replay(recipe, [release], find), recipe, name=name)


def replay(recipe: Mapping[str, Any], parents: list[Release], find: Find | None) -> Sheet:
    """Share out again, as a sheet."""
    return _shared(sheet_of(parents[0], find), recipe["measure"])


def _shared(sheet: Sheet, name: str) -> Sheet:
    measure = sheet.measure(name)
    wrong = len(sheet.by) != 1 or sheet.by[0].kind != "band" or name not in sheet.adds
    if wrong or "customers" not in sheet.forms:
        raise QuestionRefused(
            f"deciles are of a total by bands of customers, alone: by=wb.bands('amount', …, "
            f"of='customer') and .customers().sum('amount'); '{name}' is none, or by "
            f"{', '.join(each.name for each in sheet.by) or 'nothing'}."
        )
    # the highest band first: the first tenth is the customers with the most
    counts = [tangent(form) for form in reversed(sheet.forms["customers"])]
    totals = [tangent(form) for form in reversed(sheet.forms[name])]
    forms = _forms([*counts, *totals])
    made = replace(measure, name=f"{name}_share"[-63:], kind="rate", unit=None, digits=4)
    made = replace(made, title=f"{measure.title}, share")
    note = "Within a band customers count as equal; margins are first-order approximations."
    dimension = Dimension("decile", "Customers, by tenths", "band", LABELS, exclusive=True)
    return Sheet(
        (dimension,),
        tuple((label,) for label in LABELS),
        (_rated(made),),
        {made.name: forms},
        notes=(*sheet.notes, note),
    )


def _rated(measure: Measure) -> Measure:
    return replace(measure, least=0.0)


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
