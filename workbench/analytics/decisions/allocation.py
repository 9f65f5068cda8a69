"""How to spend under limits so as to gain most, and what each limit costs: by `scipy.optimize`.

Amounts are found by mixed-integer programming; the price of a limit is what the same problem
without whole numbers gains by one more of it, or loses by the last one it asks for. Limits that
contradict each other are named by a deletion filter (Chinneck & Dravnieks, *Locating minimal
infeasible constraint sets in linear programs*, ORSA Journal on Computing 3, 1991).
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from math import inf

import numpy as np
from scipy.optimize import Bounds, LinearConstraint, linprog, milp

from workbench.analytics.validation.estimates import Array
from workbench.errors import InputError

ALL_OF_THEM, NO_GAIN, NOBODY = "all are contacted", "no gain", "nobody is there"


@dataclass(frozen=True, eq=False)
class Limit:
    """What a weighted sum of amounts is at least and at most, by name."""

    name: str
    weights: Array
    least: float = -np.inf
    most: float = np.inf


@dataclass(frozen=True, eq=False)
class Allocation:
    """Amounts, one an item; what keeps each from more; what one more of each limit brings."""

    amounts: Array
    reasons: tuple[str, ...]
    prices: dict[str, float]


def allocation(
    labels: Sequence[str], gain: Array, upper: Array, limits: Sequence[Limit],
    *, whole: bool = True, dual: bool = False,
) -> Allocation:  # fmt: skip
    """Return the amounts that gain most.

    Parameters
    ----------
    labels : sequence of str
        What items are called.
    gain, upper : ndarray of shape (items,)
        What one more brings, and how many there are; infinity where nothing says.
    limits : sequence of Limit
    whole : bool
        Whether amounts are whole numbers.
    dual : bool
        Whether prices are dual figures, as answers of before hold them: where a limit is just about
        to bind, these are any between what one more gains and what one less loses.

    Raises
    ------
    InputError
        Limits contradict each other, or nothing limits an item that gains.
    """
    found = solved(gain, upper, limits, whole)
    if found is None:
        raise InputError(_contradiction(labels, gain, upper, limits, whole))
    prices = (_duals if dual else _prices)(gain, upper, limits)
    reasons = []
    for item, amount in enumerate(found):
        pays = {each.name: prices[each.name] * each.weights[item] for each in limits}
        # why: whole numbers may leave less of a limit than one more takes, at no price
        full = [
            each.name
            for each in limits
            if each.weights[item] > 0 and each.weights @ found + each.weights[item] > each.most
        ]
        asked = [x.name for x in limits if x.weights @ found - x.weights[item] < x.least]
        if dual:
            asked = [name for name, price in pays.items() if price < 0]
        if upper[item] < 1:
            reasons.append(NOBODY)
        elif gain[item] <= 0:
            reasons.append(asked[0] if asked and amount > 0 else NO_GAIN)
        elif amount >= upper[item] - 1e-6:
            reasons.append(ALL_OF_THEM)
        else:
            reasons.append(max(full or pays, key=pays.__getitem__))
    return Allocation(found, tuple(reasons), prices)


def alike(gain: Array, upper: Array, limits: Sequence[Limit], amounts: Array) -> list[list[int]]:
    """Return items that gain and cost the same, where some of them get more, and could get less."""
    columns = np.stack([gain, *(each.weights for each in limits)], axis=1)
    found, left = [], [item for item in range(len(gain)) if upper[item] >= 1 and gain[item] > 0]
    while left:
        same = [x for x in left if np.allclose(columns[x], columns[left[0]], rtol=1e-9, atol=0)]
        if len(same) > 1 and 0 < amounts[same].sum() < np.floor(upper[same]).sum():
            found.append(same)
        left = [item for item in left if item not in same]
    return found


def _rows(limits: Sequence[Limit]) -> Array:
    return np.stack([each.weights for each in limits])


def solved(gain: Array, upper: Array, limits: Sequence[Limit], whole: bool) -> Array | None:
    """Return the best amounts; None where there are none, or no end of them."""
    ends = [each.least for each in limits], [each.most for each in limits]
    found = milp(
        -gain,
        constraints=LinearConstraint(_rows(limits), *ends) if limits else None,
        bounds=Bounds(0, np.floor(upper) if whole else upper),
        integrality=np.full(len(gain), int(whole)),
        options={"mip_rel_gap": 0.0},
    )
    amounts = found.x if found.status == 0 else None
    return None if amounts is None else np.asarray(np.rint(amounts) if whole else amounts)


def _contradiction(
    labels: Sequence[str], gain: Array, upper: Array, limits: Sequence[Limit], whole: bool
) -> str:
    """Return why there are no best amounts, by the names of limits or items."""
    nothing = np.zeros_like(gain)
    if solved(nothing, upper, limits, whole) is not None:
        held = [each.weights > 0 for each in limits if np.isfinite(each.most)]
        open_ = (gain > 0) & np.isinf(upper) & ~np.any([np.zeros(len(gain), bool), *held], axis=0)
        free = [label for label, each in zip(labels, open_, strict=True) if each]
        return (
            f"nothing limits {', '.join(free)}: more of it always gains more. Give a budget and a "
            "cost, or a limit with at_most=."
        )
    needed, few = contradicting(upper, limits, whole)
    named = [f"'{each.name}'" for each in needed]
    named += [f"the {upper[item]:,.0f} there are of {labels[item]}" for item in few]
    way = "Each alone can be kept; loosen one of them."
    if len(named) == 1:
        way = "Its where= names nobody, or no whole number lies from its at_least to its at_most."
    return f"no allocation keeps all of this at once: {', '.join(named)}. {way}"


def contradicting(
    upper: Array, limits: Sequence[Limit], whole: bool = True
) -> tuple[list[Limit], list[int]]:
    """Return limits that cannot all be kept, and the items that there are too few of for them."""
    nothing, needed, most = np.zeros_like(upper), list(limits), upper.copy()
    for each in limits:
        rest = [other for other in needed if other is not each]
        if solved(nothing, most, rest, whole) is None:
            needed = rest
    held = []
    for item in range(len(upper)):
        freed = most.copy()
        freed[item] = np.inf
        if solved(nothing, freed, needed, whole) is None:
            most = freed
        elif np.isfinite(most[item]):
            held.append(item)
    return needed, held


def _prices(gain: Array, upper: Array, limits: Sequence[Limit]) -> dict[str, float]:
    """Return what one more of each limit gains; below 0, what the last one it asks for costs."""

    def best(*given: Limit) -> float:
        found = solved(gain, upper, given, whole=False)
        return inf if found is None else float(gain @ found)

    prices, least = {}, 1e-9 * (1 + abs(best(*limits)))  # solvers differ in the last digits
    for at, each in enumerate(limits):
        more, less = replace(each, most=each.most + 1), replace(each, least=each.least - 1)
        price = best(*limits[:at], more, *limits[at + 1 :])
        price -= best(*limits[:at], less, *limits[at + 1 :])
        prices[each.name] = price if abs(price) > least else 0.0
    return prices


def _duals(gain: Array, upper: Array, limits: Sequence[Limit]) -> dict[str, float]:
    """Return by how much the gain grows with one more of each limit; below 0 of an obligation."""
    if not limits:
        return {}
    rows = _rows(limits)
    sides = [
        (sign * row, sign * end, each.name)
        for each, row in zip(limits, rows, strict=True)
        for sign, end in ((1, each.most), (-1, each.least))
        if np.isfinite(end)
    ]
    found = linprog(
        -gain,
        A_ub=np.stack([row for row, _, _ in sides]),
        b_ub=[end for _, end, _ in sides],
        bounds=[(0, None if np.isinf(each) else each) for each in upper],
    )
    prices = dict.fromkeys((each.name for each in limits), 0.0)
    for (row, _, name), dual in zip(sides, found.ineqlin.marginals, strict=True):
        # one more of what is at most frees; one more of what is at least binds
        prices[name] += -float(dual) if row.max() > 0 else float(dual)
    return prices
