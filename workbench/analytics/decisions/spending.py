"""Where a budget should go among released groups, why not elsewhere, and what more of it brings.

Whoever spends where noisy gains are largest expects too much: by how much is found by drawing the
noise again, choosing again, and comparing what was expected with what would come. It is taken off.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from workbench.errors import InputError, NotKnown, QuestionRefused, require_known
from workbench.privacy.arguments import require_currency
from workbench.privacy.columns import Dimension, Measure, noted
from workbench.privacy.expressions import is_number
from workbench.privacy.margins import Affine, Fixed, Form, divided, tangent, weighted
from workbench.privacy.sheets import Sheet, operation
from workbench.privacy.tables import derived

if TYPE_CHECKING:
    from workbench.analytics.decisions.allocation import Allocation
    from workbench.privacy.release import Release

BUDGET = "budget"
_DRAWS = 50  # of the noise, to see what choosing by it is worth
_LIMIT = ("where", "at_least", "at_most", "of")
UNKNOWN, UNPLANNED = "its gain is not known", "nothing is planned"


def allocate(
    gains: Release,
    *,
    cost: float | Mapping[str, float],
    budget: float | None,
    gain: str = "expected_gain",
    limits: Mapping[str, Mapping[str, Any]] | None = None,
    unit: str | None = None,
    name: str | None = None,
) -> Release:
    """Share a budget out over groups so that it gains most under limits; costs nothing.

    Parameters
    ----------
    gains : Release
        ``customers`` by group (personas, channels, or both), and what contacting all of a group
        gains: from `expected_gain`.
    cost : float or mapping of group to float
        Of one contact, declared; each group's, or each channel's.
    budget : float or None
        None: no limit but those below.
    gain : str
        The measure that is the gain of all of a group.
    limits : mapping of str to mapping
        Name to ``where`` (group column to a value or a list of them; all when left out),
        ``at_least`` and ``at_most`` (both: fixed), and ``of``, ``customers`` or ``cost``:
        ``{"branch is booked": {"where": {"channel": "branch"}, "at_least": 900, "at_most": 900,
        "of": "cost"}}``.
    unit, name : str, optional
        The currency's code; what to call the result.

    Returns
    -------
    Release
        ``contacts``, ``spend`` and ``expected_gain`` by group and ``limited_by``: the limit that
        keeps the group from more. Notes say what one more of each limit would gain. Margins of
        gains are of the amounts as they are; what choosing by noisy gains adds is taken off.

    Raises
    ------
    InputError
        Limits contradict each other; said by their names. Where there are only too few customers
        for them, no amount is known, and a note names them.

    Examples
    --------
    >>> # wb.allocate(wb.expected_gain(sizes, value_each=150, effect=effect), cost=4.0,
    >>> #     budget=20_000, limits={"touch": {"where": {"persona": "Loyal"}, "at_least": 200}})
    """
    asked = {**_asked(gains, cost, gain, limits, unit), "budget": budget}
    return derived("allocate", [gains], asked, name or f"{gains.name}-plan")


def frontier(
    gains: Release,
    *,
    cost: float | Mapping[str, float],
    budgets: Sequence[float],
    gain: str = "expected_gain",
    limits: Mapping[str, Mapping[str, Any]] | None = None,
    unit: str | None = None,
    name: str | None = None,
) -> Release:
    """Return what each of several budgets gains at best, and what one more of it would.

    Parameters
    ----------
    budgets : sequence of float
        Rising.
    gains, cost, gain, limits, unit, name
        As of `allocate`.

    Returns
    -------
    Release
        ``expected_gain``, ``contacts`` and ``price`` (of one more of the budget) by ``budget``.
    """
    asked = {**_asked(gains, cost, gain, limits, unit), "budgets": list(budgets)}
    return derived("frontier", [gains], asked, name or f"{gains.name}-frontier")


def _asked(
    gains: Release,
    cost: float | Mapping[str, float],
    gain: str,
    limits: Mapping[str, Mapping[str, Any]] | None,
    unit: str | None,
) -> dict[str, Any]:
    from workbench.analytics.decisions.allocation import ALL_OF_THEM, NO_GAIN, NOBODY

    require_currency(gains, gain, unit)
    taken = {"", BUDGET, ALL_OF_THEM, NO_GAIN, NOBODY, UNKNOWN, UNPLANNED}
    if any(str(name).strip() in taken for name in limits or ()):
        raise InputError(f"a limit has a name of its own, none of {', '.join(sorted(taken))[2:]}.")
    listed = [[name, dict(each)] for name, each in (limits or {}).items()]
    offers = {"cost": cost, "gain": gain, "limits": listed, "by_one": True}
    return {"offers": offers, "unit": unit}


@operation("allocate")
def _allocate(
    sheet: Sheet, *, offers: Mapping[str, Any], budget: float | None, unit: str | None
) -> Sheet:
    table = _Offers(sheet, **offers)
    plan, gains = table.best(None if budget is None else _amount("a budget", budget))
    reasons = [
        why if known else UNPLANNED if sheet.unknown else UNKNOWN
        for why, known in zip(plan.reasons, table.known, strict=True)
    ]
    why = Dimension("limited_by", "Limited by", "category", tuple(dict.fromkeys(reasons)))
    notes = [noted("allocated"), *(noted("alike", where=each) for each in table.alike)]
    for name, price in plan.prices.items():
        if abs(price) > 1e-9:
            key = "limit frees" if price > 0 else "limit binds"
            notes.append(noted(key, limit=name, price=abs(price)))
    made: dict[Measure, list[Form]] = {
        Measure("contacts", "derived", "Contacts", None, 0, 0.0): _exact(plan.amounts),
        Measure("spend", "derived", "Spend", unit, 0, 0.0): _exact(plan.amounts * table.costs),
        Measure("expected_gain", "derived", "Expected gain", unit, 0, contrast="gain"): [*gains],
    }
    keys = tuple((*key, why) for key, why in zip(sheet.keys, reasons, strict=True))
    adds = frozenset(["expected_gain"])
    return sheet.anew((*sheet.by, why), made, *notes, keys=keys, adds=adds)


@operation("frontier")
def _frontier(
    sheet: Sheet, *, offers: Mapping[str, Any], budgets: Sequence[float], unit: str | None
) -> Sheet:
    amounts = [_amount("a budget", each) for each in budgets]
    if not amounts or amounts != sorted(set(amounts)):
        raise InputError("budgets are amounts, each once, the smallest first.")
    table = _Offers(sheet, **offers)
    found = [table.best(amount) for amount in amounts]
    labels = tuple(f"{budget:,.10g}" for budget in budgets)
    if len(set(labels)) < len(labels):
        raise InputError("budgets are amounts that are told apart; two of these read the same.")
    made: dict[Measure, list[Form]] = {
        Measure("expected_gain", "derived", "Expected gain", unit, 0, contrast="gain"): [
            weighted((1.0, each) for each in gains) for _, gains in found
        ],
        Measure("contacts", "derived", "Contacts", None, 0, 0.0): _exact(
            plan.amounts.sum() for plan, _ in found
        ),
        Measure("price", "derived", "One more of the budget gains", None, 2): _exact(
            plan.prices[BUDGET] for plan, _ in found
        ),
    }
    by = (Dimension("budget", "Budget", "band", labels),)
    return sheet.anew(by, made, noted("allocated"))


def _exact(values: Iterable[Any]) -> list[Form]:
    return [Fixed(float(each)) for each in values]


class _Offers:
    """Groups with what one contact gains and costs, how many there are, and the limits on them."""

    def __init__(
        self,
        sheet: Sheet,
        *,
        cost: float | Mapping[str, float],
        gain: str,
        limits: Sequence[Any],
        by_one: bool = False,
    ) -> None:
        import numpy as np

        self._sheet, self._dual = sheet, not by_one  # answers of before have dual prices
        sheet.measure(gain), sheet.measure("customers")
        if not sheet.by:
            raise QuestionRefused("a budget is shared out over groups, such as personas.")
        self.labels = [" / ".join(map(str, key)) for key in sheet.keys]
        self.costs = np.array([_cost(key, cost) for key in sheet.keys])
        self._each: list[Affine] = []
        self.known: list[bool] = []
        sizes = []
        for whole, many in zip(sheet.forms[gain], sheet.forms["customers"], strict=True):
            each = tangent(divided(tangent(whole), tangent(many)))
            size = tangent(many)
            known = each is not None and size is not None
            # why none: a group that is not surely there gains nothing that could be told
            self.known.append(known)
            self._each.append(each if known and each else Affine(0.0))
            sizes.append(size.value if known and size else 0.0)
        self._upper = np.floor(np.maximum(np.array(sizes), 0.0))
        self._limits = [self._limit(name, given) for name, given in limits]
        self.alike: list[str] = []

    def _limit(self, name: str, given: Mapping[str, Any]) -> Any:
        import numpy as np

        from workbench.analytics.decisions.allocation import Limit

        require_known(f"part of the limit '{name}'", _LIMIT, *given)
        ends = {"least": given.get("at_least"), "most": given.get("at_most")}
        of, where = given.get("of", "customers"), given.get("where") or {}
        named = of in ("customers", "cost") and isinstance(where, Mapping)
        if not named or all(each is None for each in ends.values()):
            raise InputError(
                f"the limit '{name}' is at_least= or at_most= so much of 'customers' or 'cost'."
            )
        weights = self.costs.copy() if of == "cost" else np.ones(len(self.costs))
        for column, wanted in where.items():
            axis = self._sheet.axis(column)
            values = wanted if isinstance(wanted, list) else [wanted]
            for value in values:
                self._sheet.require_value(axis, value)
            weights *= [key[axis] in values for key in self._sheet.keys]
        known = {x: _amount(f"'{name}'", each) for x, each in ends.items() if each is not None}
        return Limit(name, weights, **known)

    def best(self, budget: float | None) -> tuple[Allocation, list[Affine]]:
        """Return what to spend on each group, and what it gains, less what the choice adds.

        ``self.alike`` then names groups among which the choice is none.
        """
        import numpy as np

        from workbench.analytics.decisions import allocation as program

        # of a report that is planned nobody is known to be there, and nothing can be kept
        limits = [] if self._sheet.unknown else list(self._limits)
        if budget is not None:
            limits.append(program.Limit(BUDGET, self.costs, most=budget))
        gain = np.array([each.value for each in self._each])
        if program.solved(np.zeros_like(gain), self._upper, limits, whole=True) is None:
            endless = np.full_like(gain, np.inf)
            if program.solved(np.zeros_like(gain), endless, limits, whole=True) is not None:
                asked, few = program.contradicting(self._upper, limits)
                names = [*(each.name for each in asked), *(self.labels[item] for item in few)]
                raise NotKnown(noted("no plan", where=", ".join(names)))
        plan = program.allocation(self.labels, gain, self._upper, limits, dual=self._dual)
        same = program.alike(gain, self._upper, limits, plan.amounts)
        self.alike = [", ".join(self.labels[item] for item in items) for items in same]
        draws = sorted({draw for each in self._each for draw in each.terms})
        slopes = np.array([[each.terms.get(d, 0.0) for d in draws] for each in self._each])
        dice = np.random.default_rng(0)  # of released figures alone: the same figures, the same sum
        more = np.zeros(len(gain))
        for _ in range(_DRAWS if draws else 0):
            off = slopes @ dice.standard_normal(len(draws))
            chosen = program.solved(gain + off, self._upper, limits, whole=False)
            more += off * (0.0 if chosen is None else chosen) / _DRAWS
        told = [weighted([(float(n), g)]) for n, g in zip(plan.amounts, self._each, strict=True)]
        # why scaled: what the choice adds to the sum is taken off where something was chosen
        spread = gain * plan.amounts
        share = spread / spread.sum() if spread.sum() > 0 else np.zeros(len(gain))
        off = float(more.sum()) * share
        return plan, [
            Affine(each.value - float(less), each.terms, approximate=True)
            for each, less in zip(told, off, strict=True)
        ]


def _cost(key: Sequence[Any], cost: float | Mapping[str, float]) -> float:
    if not isinstance(cost, Mapping):
        return _amount("cost", cost)
    found = [cost[str(value)] for value in key if str(value) in cost]
    if len(found) != 1:
        raise InputError(
            f"cost= has {len(found) or 'no'} costs of a contact with {' / '.join(map(str, key))}, "
            "and each has one: name the values of one group column."
        )
    return _amount("cost", found[0])


def _amount(what: str, value: Any) -> float:
    if not is_number(value) or not 0 <= value < 1e15:
        raise InputError(f"{what} is an amount of 0 or more, not {value!r}.")
    return float(value)
