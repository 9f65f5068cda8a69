"""Compute further figures from releases alone: ratios, differences, shares, ranks, the top few.

Post-processing of private answers is private (Dwork & Roth 2014, Proposition 2.1), so nothing here
costs anything, and nothing here can see data: only sheets made of released figures.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from workbench.errors import QuestionRefused, UnknownName
from workbench.privacy.expressions import Expression, column, expression, names, read
from workbench.privacy.forms import Find, Key, Sheet, keep, sheet_of
from workbench.privacy.margins import (
    Affine,
    Form,
    added,
    divided,
    is_ratio,
    plus,
    require_noise,
    times,
)
from workbench.privacy.ranking import ranks, top_rows
from workbench.privacy.release import Dimension, Measure, Release
from workbench.privacy.sampling import drawn_apart, telling
from workbench.privacy.shown import limits

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,62}")
_ORDERED = ("month", "date", "band")


def derive(
    release: Release,
    figures: Sequence[Expression | str],
    *,
    name: str | None = None,
    where: Mapping[str, Any],
    over: str | Sequence[str],
    simultaneous: bool = False,
) -> Release:
    """Compute figures from a release and store them; see `Release.derive`."""
    wanted = [expression(each) for each in figures]
    if not wanted and not where and not over and not simultaneous:
        raise QuestionRefused(
            "say what to derive: wb.ratio(…), wb.difference(…), wb.share(…), wb.rank(…), "
            "wb.top(…), or rows with where=… or over=…."
        )
    chosen = {each: _plain(value) for each, value in where.items()}
    recipe: dict[str, Any] = {
        "op": "derive",
        "figures": [each.written() for each in wanted],
        "where": chosen,
        "over": names(over),
    }
    if simultaneous:
        recipe["simultaneous"] = True
    if any(each.op == "top" for each in wanted):
        recipe["among"] = True
    find = None if release.origin is None else release.origin.find
    sheet = _compute(sheet_of(release, find), wanted, chosen, names(over), find, wide=True)
    others = [other for each in wanted for other in each.releases()]
    return keep(release, sheet, recipe, others, name)


def replay(recipe: Mapping[str, Any], parents: list[Release], find: Find) -> Sheet:
    """Compute a derived release again, as a sheet."""
    wanted = [read(each, find) for each in recipe["figures"]]
    sheet = sheet_of(parents[0], find)
    # why: a top that was kept before its margins held for all rows keeps the margins it has
    wide = recipe.get("among", False)
    return _compute(sheet, wanted, recipe["where"], recipe["over"], find, wide=wide)


def _plain(value: Any) -> Any:
    if isinstance(value, list | tuple):
        return [_plain(each) for each in value]
    if value is None or isinstance(value, str | int | float | bool):
        return value
    raise QuestionRefused(f"where=… takes values of group columns, not {value!r}.")


@dataclass(frozen=True)
class _Column:
    """One figure for every row. ``adds``: whether it may be added over any group."""

    measure: Measure
    forms: list[Form]
    adds: bool = False
    notes: tuple[str, ...] = ()


def _compute(
    sheet: Sheet,
    wanted: Sequence[Expression],
    where: Mapping[str, Any],
    over: Sequence[str],
    find: Find | None,
    *,
    wide: bool,
) -> Sheet:
    if over:
        # why: what is left out of figures that were named was never wanted, and needs no word
        whole = added_over(sheet, over)
        sheet = replace(whole, notes=sheet.notes) if wanted else whole
    tops = [each for each in wanted if each.op == "top"]
    if len(tops) > 1:
        raise QuestionRefused("one top at a time: each keeps other rows. Derive them one by one.")
    columns = [
        _evaluate(each.args[0] if each.op == "top" else each, sheet, find)
        for each in wanted or [column(each.name) for each in sheet.measures]
    ]
    for made in columns:
        require_noise(made.measure.name, made.forms)
    called = [each.measure.name for each in columns]
    for each in called:
        if not _NAME.fullmatch(each):
            raise QuestionRefused(f"a figure's name is letters, digits and _, not '{each}'.")
        if called.count(each) > 1 or any(each == axis.name for axis in sheet.by):
            raise QuestionRefused(f"two columns are called '{each}'; give one another name=….")
    result = Sheet(
        sheet.by,
        sheet.keys,
        tuple(each.measure for each in columns),
        {each.measure.name: each.forms for each in columns},
        frozenset(each.measure.name for each in columns if each.adds),
        notes=(*sheet.notes, *(note for each in columns for note in each.notes)),
        among=sheet.among,
        kept=sheet.kept,
    )
    for axis, value in where.items():
        result = _picked(result, axis, value)
    for asked, figure in zip(wanted, columns, strict=False):
        if asked.op == "top":
            # why get: what was ranked before by all layers of ladders stays as it was published
            as_told = asked.options.get("as_told", False)
            n = int(asked.options["n"])
            result = top_rows(result, figure.measure, n, wide=wide, as_told=as_told)
    return result


def _picked(sheet: Sheet, name: str, value: Any) -> Sheet:
    """Keep rows by the value of a group column; a single value takes the column away."""
    axis = sheet.axis(name)
    dimension = sheet.by[axis]
    values = value if isinstance(value, list) else [value]
    for each in values:
        if each not in dimension.values:
            raise UnknownName(f"value of {name}", str(each), [str(v) for v in dimension.values])
    rows = [row for row, key in enumerate(sheet.keys) if key[axis] in values]
    if isinstance(value, list):
        kept = tuple(each for each in dimension.values if each in values)
        by = tuple(
            replace(each, values=kept) if i == axis else each for i, each in enumerate(sheet.by)
        )
        keys = [sheet.keys[row] for row in rows]
    else:
        by = _without(sheet.by, {axis})
        keys = [_without(sheet.keys[row], {axis}) for row in rows]
    forms = {each: [column_[row] for row in rows] for each, column_ in sheet.forms.items()}
    return replace(sheet, by=by, keys=tuple(keys), forms=forms)


def _without(items: tuple[Any, ...], axes: Iterable[int]) -> tuple[Any, ...]:
    return tuple(each for i, each in enumerate(items) if i not in set(axes))


# ---------------------------------------------------------------------- adding up


def added_over(sheet: Sheet, over: Sequence[str]) -> Sheet:
    """Add a sheet's figures up over group columns; what must not be added is refused if asked."""
    axes = {sheet.axis(each) for each in over}
    groups = _groups(sheet.keys, axes)
    forms: dict[str, list[Form]] = {}
    refused: dict[str, str] = {}
    for measure in sheet.measures:
        reason = why_not_added(
            measure, measure.name in sheet.adds, [sheet.by[axis] for axis in sorted(axes)]
        )
        if reason:
            refused[measure.name] = reason
            continue
        figures = sheet.forms[measure.name]
        forms[measure.name] = [added([figures[row] for row in rows]) for rows in groups.values()]
    if not forms:
        raise QuestionRefused(next(iter(refused.values())))
    return replace(
        sheet,
        by=_without(sheet.by, axes),
        keys=tuple(groups),
        measures=tuple(each for each in sheet.measures if each.name in forms),
        forms=forms,
        refused={**sheet.refused, **refused},
        notes=(*sheet.notes, *(refused[each] for each in refused)),
    )


def _groups(keys: Sequence[Key], axes: Iterable[int]) -> dict[Key, list[int]]:
    """Return rows by their key without some axes, in order."""
    groups: dict[Key, list[int]] = {}
    for row, key in enumerate(keys):
        groups.setdefault(_without(key, axes), []).append(row)
    return groups


def why_not_added(measure: Measure, adds: bool, over: Sequence[Dimension]) -> str | None:
    """Return why a measure must not be added up over group columns, or None if it may."""
    if adds:
        return None
    columns = " and ".join(each.name for each in over)
    if measure.kind != "customers":
        return (
            f"'{measure.name}' does not add up over {columns}: it is no total. Ask for it without "
            f"{columns} as one question."
        )
    if all(each.exclusive and each.kind not in ("month", "date") for each in over):
        return None
    months = any(each.kind in ("month", "date") for each in over)
    again = "comes back in another month" if months else "is in several of its groups"
    instead = (
        "for the whole span as one question: period=(first, last) without by='month'"
        if months
        else f"without {columns} as a question of its own, or declare values_per_customer: 1 for "
        "it in the catalog where that is so"
    )
    return (
        f"'{measure.name}' is a number of distinct customers and is not added up over {columns}: "
        f"whoever {again} would count again. Ask {instead}."
    )


# ---------------------------------------------------------------------- expressions


def _evaluate(each: Expression, sheet: Sheet, find: Find | None) -> _Column:
    if each.op not in _OPERATIONS:
        known = ", ".join(sorted(_OPERATIONS))
        raise QuestionRefused(
            "a top stands by itself, not inside another figure."
            if each.op == "top"
            else f"no figure is made by '{each.op}'; known: {known}. Update workbench."
        )
    args = [_evaluate(arg, sheet, find) for arg in each.args]
    found = _OPERATIONS[each.op](each, args, sheet, find)
    words = {
        key: getattr(each, key)
        for key in ("name", "title", "unit", "digits")
        if getattr(each, key) is not None
    }
    return replace(found, measure=replace(found.measure, **words))


def _column(each: Expression, args: list[_Column], sheet: Sheet, find: Find | None) -> _Column:
    name = str(each.options["measure"])
    if each.other is None:
        return _Column(sheet.measure(name), list(sheet.forms[name]), name in sheet.adds)
    return _elsewhere(column(name), each.other, sheet, find)


def _elsewhere(figure: Expression, other: Release, sheet: Sheet, find: Find | None) -> _Column:
    """Return a figure of another release, its rows found by their group values."""
    there = sheet_of(other, find)
    found = _evaluate(figure, there, find)
    here = [each.name for each in sheet.by]
    beyond = [each.name for each in there.by if each.name not in here]
    if beyond:
        raise QuestionRefused(
            f"'{other.name}' has a row for each {' and '.join(beyond)}, this release has not, so "
            "its rows cannot be found. Keep one value with .derive(where=…), add them up with "
            "over=…, or derive the other way round."
        )
    positions = [here.index(each.name) for each in there.by]
    at = dict(zip(there.keys, found.forms, strict=True))
    places = [tuple(key[i] for i in positions) for key in sheet.keys]
    forms = [at.get(place) for place in places]
    if not any(place in at for place in places):
        raise QuestionRefused(f"no row of '{other.name}' has the group values of a row here.")
    return _Column(found.measure, forms, found.adds and len(positions) == len(here))


def _number(each: Expression, args: list[_Column], sheet: Sheet, find: Find | None) -> _Column:
    value = float(each.options["value"])
    measure = Measure("number", "number", f"{value:g}", None, 0, min(0.0, value))
    return _Column(measure, [Affine(value)] * len(sheet.keys))


def _sum(each: Expression, args: list[_Column], sheet: Sheet, find: Find | None) -> _Column:
    one, other = args
    sign = int(each.options["sign"])
    a, b = one.measure, other.measure
    if sign == 1 and a.kind == b.kind == "customers":
        raise QuestionRefused(
            f"'{a.name}' and '{b.name}' are numbers of distinct customers and are not added: "
            "whoever is in both would count twice. Ask for both together as one question."
        )
    if a.unit != b.unit and "number" not in (a.kind, b.kind):
        raise QuestionRefused(
            f"'{a.name}' is in {a.unit or 'no unit'} and '{b.name}' in {b.unit or 'no unit'}: "
            "they are not added or subtracted. A ratio may be meant."
        )
    forms = [plus(x, y, sign) for x, y in zip(one.forms, other.forms, strict=True)]
    word, symbol = ("plus", "+") if sign == 1 else ("minus", "–")
    unit = b.unit if a.kind == "number" else a.unit
    least = 0.0 if sign == 1 and _not_negative(a) and _not_negative(b) else None
    measure = Measure(
        f"{a.name}_{word}_{b.name}"[:63],
        "derived",
        f"{a.title} {symbol} {b.title}",
        unit,
        max(a.digits, b.digits),
        least,
        a.bound or b.bound,
        contrast=_contrast(a, b, sign),
    )
    return _Column(measure, forms, one.adds and other.adds)


def _contrast(one: Measure, other: Measure, sign: int) -> str | None:
    """Return what zero means no difference in, of a sum of figures or their difference."""
    if sign == 1 or "number" in (one.kind, other.kind):
        return one.contrast if one.contrast == other.contrast else None
    return "points" if _percent(one) else "amount"


def _percent(measure: Measure) -> bool:
    return measure.kind == "rate" or measure.unit == "fraction"


def _product(each: Expression, args: list[_Column], sheet: Sheet, find: Find | None) -> _Column:
    one, other = args
    forms = [times(x, y) for x, y in zip(one.forms, other.forms, strict=True)]
    a, b = one.measure, other.measure
    both = _not_negative(a) and _not_negative(b)
    measure = Measure(
        f"{a.name}_times_{b.name}"[:63],
        "derived",
        f"{a.title} × {b.title}",
        a.unit or b.unit,
        max(a.digits, b.digits),
        0.0 if both else None,
        a.bound or b.bound,
        contrast=_scaled(a, b) or _scaled(b, a),
    )
    adds = (one.adds and b.kind == "number") or (other.adds and a.kind == "number")
    straight = not any(is_ratio(form) for form in forms)
    return _Column(measure, forms, adds and straight)


def _scaled(one: Measure, other: Measure) -> str | None:
    """Return the contrast of one figure times, or by, another: an effect on so many is a gain."""
    return one.contrast and (one.contrast if other.kind == "number" else "gain")


def _ratio(each: Expression, args: list[_Column], sheet: Sheet, find: Find | None) -> _Column:
    one, other = args
    forms = [divided(x, y) for x, y in zip(one.forms, other.forms, strict=True)]
    a, b = one.measure, other.measure
    name, title = f"{a.name}_per_{b.name}"[:63], f"{a.title} / {b.title}"
    bound = a.bound or b.bound
    if each.options.get("percent"):
        return _Column(Measure(name, "rate", title, None, 4, bound=bound), forms)
    unit, digits = a.unit, max(2, a.digits)
    if b.unit == a.unit and b.kind != "number":
        unit, digits = None, 3
    elif b.unit not in (None, "customers", "rows"):
        unit = f"{a.unit or '1'}/{b.unit}"
    least = 0.0 if _not_negative(a) and _not_negative(b) else None
    contrast = _scaled(a, b)
    found = Measure(name, "derived", title, unit, digits, least, bound, contrast=contrast)
    return _Column(found, forms)


def _difference(each: Expression, args: list[_Column], sheet: Sheet, find: Find | None) -> _Column:
    now, measure = args[0], args[0].measure
    if each.other is not None:
        before = _elsewhere(each.args[0], each.other, sheet, find).forms
    else:
        before = _shifted(now.forms, sheet, str(each.options["by"]), int(each.options["shift"]))
    pairs = zip(now.forms, before, strict=True)
    if each.options.get("relative"):
        forms = [plus(divided(x, y), Affine(-1.0)) for x, y in pairs]
        found = Measure(
            f"{measure.name}_change_rate"[-63:],
            "derived",
            f"{measure.title}, change",
            "fraction",
            4,
            -1.0 if _not_negative(measure) else None,
            measure.bound,
            contrast="relative",
        )
        return _Column(found, forms)
    found = Measure(
        f"{measure.name}_change"[-63:],
        "derived",
        f"{measure.title}, change",
        "fraction" if measure.kind == "rate" else measure.unit,
        measure.digits,
        bound=measure.bound,
        contrast="points" if _percent(measure) else "amount",
    )
    if each.options.get("sampling"):
        if measure.kind != "rate":
            raise QuestionRefused(
                f"sampling=True is for rates, and '{measure.name}' is none: how much single "
                "customers differ in it was not released."
            )
        place = f"drawn {found.name}"
        drawn = [
            (x, y, drawn_apart(x, y, (place, row, "")), (place, row, ""))
            for row, (x, y) in enumerate(pairs)
        ]
        title = each.title or found.title
        return _Column(found, [gap for _, _, gap, _ in drawn], notes=telling(title, drawn))
    return _Column(found, [plus(x, y, -1.0) for x, y in pairs], now.adds)


def _shifted(forms: Sequence[Form], sheet: Sheet, by: str, shift: int) -> list[Form]:
    axis = sheet.axis(by)
    dimension = sheet.by[axis]
    if dimension.kind not in _ORDERED:
        raise QuestionRefused(
            f"'{by}' has no order, so none of its values comes before another. Compare over months "
            "or bands, or with another release by against=…."
        )
    at = {key: row for row, key in enumerate(sheet.keys)}
    place = {value: i for i, value in enumerate(dimension.values)}
    found: list[Form] = []
    for key in sheet.keys:
        earlier = place[key[axis]] - shift
        inside = 0 <= earlier < len(dimension.values)
        row = at.get((*key[:axis], dimension.values[earlier], *key[axis + 1 :])) if inside else None
        found.append(None if row is None else forms[row])
    return found


def _share(each: Expression, args: list[_Column], sheet: Sheet, find: Find | None) -> _Column:
    part, measure = args[0], args[0].measure
    if any(is_ratio(form) for form in part.forms):
        raise QuestionRefused(
            f"'{measure.name}' is a ratio, which has no total to be a share of. A share is of "
            "customers, rows or a sum."
        )
    if each.other is not None:
        totals = _elsewhere(each.args[0], each.other, sheet, find).forms
    else:
        across = each.options.get("across") or [axis.name for axis in sheet.by]
        axes = {sheet.axis(name) for name in across}
        dimensions = [sheet.by[axis] for axis in sorted(axes)]
        reason = why_not_added(measure, part.adds, dimensions)
        if reason:
            raise QuestionRefused(f"{reason} Its answer is the total of a share: of=….")
        totals = [None] * len(part.forms)
        for rows in _groups(sheet.keys, axes).values():
            total = added([part.forms[row] for row in rows])
            for row in rows:
                totals[row] = total
    forms = [divided(x, y) for x, y in zip(part.forms, totals, strict=True)]
    title = f"{measure.title}, share"
    found = Measure(f"{measure.name}_share"[-63:], "rate", title, None, 4, bound=measure.bound)
    return _Column(found, forms)


def _rank(each: Expression, args: list[_Column], sheet: Sheet, find: Find | None) -> _Column:
    measure, forms = args[0].measure, args[0].forms
    axes = {sheet.axis(name) for name in each.options.get("across") or []}
    found: list[Form] = [None] * len(forms)
    for rows in _groups(sheet.keys, axes or set(range(len(sheet.by)))).values():
        level, as_told = float(each.options["level"]), each.options.get("as_told", False)
        ranked = ranks([forms[row] for row in rows], level, as_told=as_told)
        for row, form in zip(rows, ranked, strict=True):
            found[row] = form
    title = f"{measure.title}, rank"
    return _Column(Measure(f"{measure.name}_rank"[-63:], "derived", title, None, 0, 1.0), found)


def _not_negative(measure: Measure) -> bool:
    least = limits(measure)[0]
    return least is not None and least >= 0


_Operation = Callable[[Expression, list[_Column], Sheet, Find | None], _Column]
_OPERATIONS: dict[str, _Operation] = {
    "column": _column,
    "number": _number,
    "add": _sum,
    "multiply": _product,
    "ratio": _ratio,
    "difference": _difference,
    "share": _share,
    "rank": _rank,
}
