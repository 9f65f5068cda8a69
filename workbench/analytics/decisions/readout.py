"""What a campaign brought, whom it moved, and the action to take next for each group."""

from dataclasses import replace
from math import sqrt
from statistics import NormalDist
from typing import Any

from workbench.errors import InputError, NotKnown, QuestionRefused
from workbench.privacy.columns import Dimension, Measure, noted
from workbench.privacy.margins import (
    Affine,
    Fixed,
    Form,
    Ratio,
    chance_below_zero,
    quantile,
    tangent,
    weighted,
)
from workbench.privacy.operations.sampling import SEEN, drawn_apart, drawn_into
from workbench.privacy.release import Release
from workbench.privacy.sheets import Sheet, grouped, operation, without
from workbench.privacy.tables import derived

_RANDOM, _RANKED = "at random", "by score"


def readout(
    arms: Release,
    *,
    measure: str = "responded_rate",
    arm: str = "arm",
    treated: str = "treated",
    control: str = "control",
    worth: float | None = None,
    name: str | None = None,
) -> Release:
    """Say what a campaign changed, with its margin, and how much it could have seen.

    Parameters
    ----------
    arms : Release
        A rate by ``arm``, and by other groups where wanted.
    measure, arm, treated, control : str
        The rate, the group column, and its two values.
    worth : float, optional
        The least effect that would be worth its cost: adds the chance of seeing it, ``power``.
    name : str, optional
        What to call the result.

    Returns
    -------
    Release
        By the other groups: ``treated`` and ``control`` rates, ``effect`` with a margin of noise
        and of who was drawn, and ``detectable``, the effect seen 4 times in 5 at 95 %.
    """
    if worth is not None and not 0 < worth <= 1:
        raise InputError(
            f"worth is the least effect that pays, above 0 and up to 1, not {worth}: 0.01 for one "
            "response more in a hundred."
        )
    asked = {"measure": measure, "arm": arm, "values": _two(treated, control), "worth": worth}
    return derived("readout", [arms], asked, name or f"{arms.name}-readout")


def qini(
    arms: Release,
    *,
    measure: str = "responded_rate",
    arm: str = "arm",
    treated: str = "treated",
    control: str = "control",
    name: str | None = None,
) -> Release:
    """Say how many more responses contacting the best-scored first brings than a random order.

    Parameters
    ----------
    arms : Release
        A rate by bands of a score and by ``arm``; the highest band is contacted first.
    measure, arm, treated, control, name
        As of `readout`.

    Returns
    -------
    Release
        ``more_responses`` by ``line`` (``by score``, ``at random``) and ``contacted``, the share of
        customers. The margin of the random line is where 95 of 100 random orders would lie, noise
        included: a score whose line is within it ranks no better than dice.

    References
    ----------
    Radcliffe, *Using control groups to target on predicted lift*, Direct Marketing Analytics
    Journal 1 (2007).
    """
    asked = {"measure": measure, "arm": arm, "values": _two(treated, control)}
    return derived("qini", [arms], asked, name or f"{arms.name}-qini")


def _two(treated: str, control: str) -> list[str]:
    if treated == control:
        raise InputError(f"treated= and control= are two arms, and both are '{treated}'.")
    return [treated, control]


@operation("readout")
def _readout(
    sheet: Sheet, *, measure: str, arm: str, values: list[Any], worth: float | None
) -> Sheet:
    others, keys, pairs = _pairs(sheet, measure, arm, values)
    effects, least, powers = list[Form](), list[Form](), list[Form]()
    for pair in pairs:
        drawn = [x for each in pair or () for x in (each.top, each.bottom)]
        gap = drawn_apart(*pair, drawn_into(*drawn)) if pair else None
        effects.append(gap)
        sd = sqrt(gap.variance) if isinstance(gap, Affine) else 0.0
        least.append(Fixed(SEEN * sd) if sd else None)
        chance = NormalDist().cdf((worth or 0.0) / sd - quantile(0.95)) if sd else 0.0
        powers.append(Fixed(chance) if sd else None)
    made: dict[Measure, list[Form]] = {
        Measure("treated", "rate", "Treated", None, 4): [each and each[0] for each in pairs],
        Measure("control", "rate", "Control", None, 4): [each and each[1] for each in pairs],
        Measure("effect", "derived", "Effect", "fraction", 4, contrast="points"): effects,
        Measure("detectable", "derived", "Would be seen from", "fraction", 4): least,
    }
    if worth is not None:
        made[Measure("power", "rate", "Chance of seeing what pays", None, 2)] = powers
    return sheet.anew(others, made, noted("readout"), keys=keys)


@operation("qini")
def _qini(sheet: Sheet, *, measure: str, arm: str, values: list[Any]) -> Sheet:
    others, keys, pairs = _pairs(sheet, measure, arm, values)
    if len(others) != 1 or others[0].kind != "band" or len(keys) < 2:
        raise QuestionRefused(
            "a Qini is of one table by bands of a score and by arm: wb.query(…, by=[score bands, "
            "'arm']).rate(responded=…)."
        )
    if sheet.unknown:
        labels = tuple(f"{100 * step / len(keys):.0f} %" for step in range(len(keys) + 1))
        return _lines(sheet, labels, [None] * (2 * len(labels)))
    known = [each for each in pairs if each]
    if len(known) < len(pairs):
        raise NotKnown(noted("bands not known"))
    order = sorted(range(len(keys)), key=lambda row: -others[0].values.index(keys[row][0]))
    sums: list[list[Affine]] = []  # customers and responses, treated and control, so far
    for row in order:
        ones = [x for each in known[row] for x in (each.bottom, each.top)]
        before = sums[-1] if sums else [Affine(0.0)] * 4
        sums.append([weighted([(1.0, a), (1.0, b)]) for a, b in zip(before, ones, strict=True)])
    many_t, all_t, many_c, all_c = sums[-1]
    if tangent(Ratio(all_t, many_t)) is None or tangent(Ratio(all_c, many_c)) is None:
        raise NotKnown(noted("bands not known"))
    ranked: list[Form] = [Affine(0.0)]
    random: list[Form] = [Fixed(0.0, 0.0, 0.0)]
    shares = [0.0]
    whole = _brought(sums[-1], many_t.value)
    rates = [min(1.0, max(0.0, r.value / n.value)) for n, r in ((many_t, all_t), (many_c, all_c))]
    for each in sums:
        share = each[0].value / many_t.value
        line = _brought(each, each[0].value)
        by_chance = weighted([(1.0, line), (-share, whole)])
        # of a random order: who of the responders comes first is drawn without putting back
        drawn = sum(
            many_t.value**2 / n.value * p * (1 - p) * share * (1 - share)
            for n, p in zip((many_t, many_c), rates, strict=True)
        )
        wide = quantile(0.95) * sqrt(max(0.0, by_chance.variance + drawn))
        at = share * whole.value
        ranked.append(line)
        random.append(Fixed(at, at - wide, at + wide))
        shares.append(share)
    labels = tuple(f"{100 * share:.0f} %" for share in shares)
    if len(set(labels)) < len(labels):
        raise NotKnown(noted("bands not known"))
    return _lines(sheet, labels, [*ranked, *random])


def _lines(sheet: Sheet, labels: tuple[str, ...], forms: list[Form]) -> Sheet:
    by = (
        Dimension("line", "Line", "category", (_RANKED, _RANDOM)),
        Dimension("contacted", "Contacted", "band", labels),
    )
    more = Measure("more_responses", "derived", "More responses", None, 0)
    return sheet.anew(by, {more: forms}, noted("qini"))


def _brought(sums: list[Affine], treated: float) -> Affine:
    """Return responses of the treated beyond those that as many controls would have had."""
    _, responded, many, without_it = sums
    rate = tangent(Ratio(without_it, many))
    if rate is None:
        raise NotKnown(noted("controls not known"))
    return weighted([(1.0, responded), (-treated, rate)])


def _pairs(
    sheet: Sheet, measure: str, arm: str, values: list[Any]
) -> tuple[tuple[Dimension, ...], tuple[Any, ...], list[tuple[Ratio, Ratio] | None]]:
    """Return other groups, their keys, and of each the rates of the treated and the controls."""
    axis = sheet.axis(arm)
    for value in values:
        sheet.require_value(axis, value)
    at = dict(zip(sheet.keys, sheet.forms[sheet.measure(measure).name], strict=True))
    keys = tuple(dict.fromkeys(without(key, {axis}) for key in sheet.keys))
    pairs: list[tuple[Ratio, Ratio] | None] = []
    for key in keys:
        one, other = (at.get((*key[:axis], value, *key[axis:])) for value in values)
        if any(each and not isinstance(each, Ratio) for each in (one, other)):
            raise QuestionRefused(f"'{measure}' is no rate; ask for one, such as .rate(…).")
        pairs.append((one, other) if isinstance(one, Ratio) and isinstance(other, Ratio) else None)
    return without(sheet.by, {axis}), keys, pairs


WAIT = "none is sure: test first"


def next_best_action(
    gains: Release, *, action: str = "action", gain: str = "expected_gain", name: str | None = None
) -> Release:
    """Return for each group the action that gains most; costs nothing.

    Parameters
    ----------
    gains : Release
        What each action gains, net of its cost, by ``action`` and by groups such as personas.
    action, gain : str
        The group column, and the measure.
    name : str, optional
        What to call the result.

    Returns
    -------
    Release
        By group and ``action``: the gain, its margin that of the best of so many; ``lead`` over the
        next best; and ``wrong``, the chance that another would gain more. Where the margin of the
        best reaches nothing, the action is "none is sure: test first".
    """
    asked = {"action": action, "measure": gain}
    return derived("next_best", [gains], asked, name or f"{gains.name}-next")


@operation("next_best")
def _next_best(sheet: Sheet, *, action: str, measure: str) -> Sheet:
    axis, gain = sheet.axis(action), sheet.measure(measure)
    among = len(sheet.by[axis].values)
    keys, figures = [], list[tuple[Form, Form, Form]]()
    for key, rows in grouped(without(key, {axis}) for key in sheet.keys).items():
        lines = [(line, row) for row in rows if (line := tangent(sheet.forms[measure][row]))]
        if not lines:
            keys.append((*key, WAIT))
            figures.append((None, None, None))
            continue
        (first, row), *others = sorted(lines, key=lambda each: (-each[0].value, each[1]))
        gaps = [weighted([(1.0, first), (-1.0, other)]) for other, _ in others]
        sure = first.value - quantile(0.95, among) * first.variance**0.5 > 0
        keys.append((*key, sheet.keys[row][axis] if sure else WAIT))
        chances = [chance_below_zero(gap.value, gap.variance**0.5) for gap in gaps]
        wrong = Fixed(min(1.0, sum(chances)))
        figures.append((first, gaps[0] if gaps else None, wrong))
    values = tuple(dict.fromkeys(str(key[-1]) for key in keys))
    made = Dimension(action, sheet.by[axis].title, "category", values)
    measures = (
        gain,
        Measure("lead", "derived", "More than the next best", gain.unit, 0, contrast="amount"),
        Measure("wrong", "rate", "Chance that another gains more", None, 2),
    )
    by = (*without(sheet.by, {axis}), made)
    columns = dict(zip(measures, zip(*figures, strict=True), strict=True))
    told = sheet.anew(by, columns, noted("next best"), keys=keys)
    return replace(told, among=max(sheet.among, among), kept=sheet.kept)
