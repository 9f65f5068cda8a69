"""Which released table answers for another under a filter, and what it says."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from workbench.privacy.columns import Bound, Measure
from workbench.privacy.margins import Fixed, Form, Laddered, Ratio, added
from workbench.privacy.sheets import Key, Sheet, why_not_added

_MONTH = re.compile(r"\d{4}-\d{2}")


def answer(
    mine: Sheet, keys: Sequence[Key], other: Sheet, filters: Mapping[str, Any], measure: Measure
) -> list[Form] | None:
    """Return a measure of some rows under a filter, added up from another table by its groups."""
    found = way(mine, other)
    named = {each.name: i for i, each in enumerate(other.by)}
    if found is None or not set(filters) <= set(named):
        return None
    places, month = found
    picked = {**filters, **({month: str(mine.about["period"])} if month else {})}
    kept = {*places, *(named[name] for name in picked)}
    extra = [each for i, each in enumerate(other.by) if i not in kept]
    if why_not_added(other.measure(measure.name), measure.name in other.adds, extra):
        return None
    only = str(other.about["period"])
    groups: dict[Key, list[Form]] = {}
    for key, form in zip(other.keys, other.forms[measure.name], strict=True):
        if all(key[named[name]] == value for name, value in picked.items()):
            place = tuple(only if i < 0 else key[i] for i in places)
            groups.setdefault(place, []).append(form)
    return [_total(groups.get(key, [None])) for key in keys]


def way(mine: Sheet, other: Sheet) -> tuple[list[int], str | None] | None:
    """Return where a table's group columns stand in another of the same rows; None if it is not.

    A table of one month is by that month, wherever it stands: -1 is the place of a month that all
    of the other table is about, and a month that is named is to be picked from it.
    """
    same = all(mine.about[x] == other.about[x] for x in ("table", "purpose"))
    if not same or mine.filters != other.filters:
        return None
    month, theirs = (
        next((e.name for e in each.by if e.kind == "month"), None) for each in (mine, other)
    )
    when, then = str(mine.about["period"]), str(other.about["period"])
    picked = None
    if month != theirs or month is None:
        if month is not None and (theirs is not None or not _MONTH.fullmatch(then)):
            return None
        if month is None and theirs is not None and _MONTH.fullmatch(when):
            picked = theirs
        elif month is None and when != then:
            return None
    named = {each.name: (i, each.values) for i, each in enumerate(other.by)}
    places = []
    for each in mine.by:
        if each.name == month and theirs is None:
            places.append(-1)
            continue
        at, values = named.get(each.name, (-1, ()))
        if at < 0 or (each.name != month and each.values != values):
            return None
        places.append(at)
    return places, picked


def alike(mine: Sheet, other: Sheet) -> list[str]:
    """Return the measures that mean the same in two tables."""
    return [name for name, here, there in _pairs(mine, other) if here == there]


def lower(mine: Sheet, other: Sheet) -> dict[str, Bound]:
    """Return the measures that differ in two tables by a lower bound alone, with that bound."""
    return {
        name: there
        for name, here, there in _pairs(mine, other)
        if here and there and here != there and there.high <= here.high
        and here.cuts == there.cuts == "upper" and (here.low, here.unit) == (there.low, there.unit)
    }  # fmt: skip


def _pairs(mine: Sheet, other: Sheet) -> Iterator[tuple[str, Bound | None, Bound | None]]:
    """Yield what two tables have in common but for its bound, with both bounds."""
    theirs = {each.name: each for each in other.measures}
    for each in mine.measures:
        found = theirs.get(each.name)
        if found is not None and _meaning(each) == _meaning(found):
            yield each.name, _bound(mine, each), _bound(other, found)


def _bound(sheet: Sheet, measure: Measure) -> Bound | None:
    """Return a measure's bound; of the share beyond one, that of the totals it is told beside."""
    of = measure.at_bound_of
    if of is None:
        return measure.bound
    bounds = (e.bound for e in sheet.measures if e.name in (f"{of}_sum", f"{of}_mean"))
    return next(bounds, None)


def _total(forms: Sequence[Form]) -> Form:
    return forms[0] if len(forms) == 1 else added(forms)


def _meaning(measure: Measure) -> tuple[object, ...]:
    return measure.kind, measure.unit, measure.at_bound_of


def variance(form: Form) -> float:
    """Return how noisy a figure is; of a ratio, its top's noise by its bottom's size."""
    if form is None or isinstance(form, Fixed):
        return 0.0
    if isinstance(form, Laddered):
        return variance(form.rungs[-1])
    if isinstance(form, Ratio):
        return form.top.variance / (form.bottom.value * form.bottom.value or 1.0)
    return form.variance
