"""Figures computed from figures: ratios, differences, shares, ranks; `derive` joins them.

Each figure is a sheet of one measure, over the rows of the sheet it was computed from.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from workbench.errors import QuestionRefused
from workbench.privacy.columns import Measure, limits
from workbench.privacy.margins import Affine, Form, Ratio, added, divided, is_ratio, plus, times
from workbench.privacy.operations.ranking import ranks
from workbench.privacy.operations.sampling import drawn_apart, drawn_into, telling
from workbench.privacy.sheets import (
    ORDERED,
    Sheet,
    apply,
    grouped,
    operation,
    why_not_added,
    without,
)

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,62}")
_FIGURES = ("add", "column", "difference", "multiply", "number", "rank", "ratio", "share")


@operation("derive")
def derive(
    sheet: Sheet,
    *others: Sheet,
    figures: Sequence[Mapping[str, Any]],
    where: Mapping[str, Any],
    over: Sequence[str],
    among: bool = False,
    simultaneous: bool = False,  # said of the margins that are stored
) -> Sheet:
    """Return computed figures of rows that are added up, then picked, then the largest of."""
    if over:
        # why: what is left out of figures that were named was never wanted, and needs no word
        whole = apply("over", {"columns": over}, [sheet])
        sheet = replace(whole, notes=sheet.notes) if figures else whole
    tops = [each for each in figures if each["op"] == "top"]
    if len(tops) > 1:
        raise QuestionRefused("one top at a time: each keeps other rows. Derive them one by one.")
    known = {str(each.about["id"]): each for each in (*others, sheet)}
    wanted = [each["args"][0] if each["op"] == "top" else each for each in figures]
    wanted = wanted or [{"op": "column", "options": {"measure": m.name}} for m in sheet.measures]
    result = _beside(sheet, [figure(each, sheet, known) for each in wanted])
    result = apply("where", {"values": where}, [result])
    for each, measure in zip(figures, result.measures, strict=False):
        if each["op"] == "top":
            # why: a top that was kept before its margins held for all rows keeps the ones it has
            arguments = {"measure": measure.name, "wide": among, **each["options"]}
            result = apply("top", arguments, [result])
    return result


def _beside(sheet: Sheet, columns: Sequence[Sheet]) -> Sheet:
    """Return figures side by side, each with a name of its own."""
    measures = [each.measures[0] for each in columns]
    called = [each.name for each in measures]
    for name, each in zip(called, columns, strict=True):
        _require_noise(name, each.forms[name])
    for name in called:
        if not _NAME.fullmatch(name):
            raise QuestionRefused(f"a figure's name is letters, digits and _, not '{name}'.")
        if called.count(name) > 1 or any(name == axis.name for axis in sheet.by):
            raise QuestionRefused(f"two columns are called '{name}'; give one another name=….")
    return replace(
        sheet,
        measures=tuple(measures),
        forms={name: each.forms[name] for name, each in zip(called, columns, strict=True)},
        adds=frozenset[str]().union(*(each.adds for each in columns)),
        refused={},
        notes=(*sheet.notes, *(note for each in columns for note in each.notes)),
    )


def _require_noise(name: str, forms: Sequence[Form]) -> None:
    """Refuse a figure with no noise in it: it is a number of somebody's, not a release.

    A figure less itself is nought, which tells nothing.
    """
    found = [form for form in forms if form is not None]
    plain = [form.value for form in found if isinstance(form, Affine) and form.variance == 0]
    if found and len(plain) == len(found) and any(plain):
        raise QuestionRefused(
            f"'{name}' holds nothing of a release: all its noise cancels out, and a plain number "
            "would stand as a private figure. Write a number that is no answer into the text."
        )


def figure(written: Mapping[str, Any], sheet: Sheet, known: Mapping[str, Sheet]) -> Sheet:
    """Return a figure of a sheet, as it was written: an operation, its options and arguments.

    Parameters
    ----------
    known : mapping of str to Sheet
        Other releases that it may take figures from, by their id.
    """
    op, options = written["op"], dict(written.get("options", {}))
    if op not in _FIGURES:
        raise QuestionRefused(
            "a top stands by itself, not inside another figure."
            if op == "top"
            else f"no figure is made by '{op}'; known: {', '.join(_FIGURES)}. Update workbench."
        )
    args = [figure(each, sheet, known) for each in written.get("args", ())]
    if "other" in written:
        inner = written["args"][0] if args else {"op": op, "options": options}
        there = known[written["other"]]
        args.append(_found(figure(inner, there, known), there, sheet))
    if op == "column" and args:
        found = args[0]
    else:
        if options.get("sampling"):
            options["title"] = written.get("title")
        found = apply(op, options, args or [sheet])
    words = {key: written[key] for key in ("name", "title", "unit", "digits") if key in written}
    measure, forms, adds = _only(found)
    if words.get("unit") and measure.contrast == "points":  # they were made something else
        words["contrast"] = "amount"
    return _made(found, replace(measure, **words), forms, adds, found.notes)


def _only(sheet: Sheet) -> tuple[Measure, Sequence[Form], bool]:
    """Return the figure of a sheet of one, and whether it may be added over any group."""
    (measure,) = sheet.measures
    return measure, sheet.forms[measure.name], measure.name in sheet.adds


def _made(
    sheet: Sheet,
    measure: Measure,
    forms: Sequence[Form],
    adds: bool = False,
    notes: Sequence[str] = (),
) -> Sheet:
    """Return a sheet of one figure, over the rows of another."""
    return replace(
        sheet,
        measures=(measure,),
        forms={measure.name: forms},
        adds=frozenset([measure.name] if adds else ()),
        notes=tuple(notes),
    )


def _found(figure_: Sheet, there: Sheet, sheet: Sheet) -> Sheet:
    """Return a figure of another release, its rows found by their group values."""
    here = [each.name for each in sheet.by]
    beyond = [each.name for each in there.by if each.name not in here]
    if beyond:
        raise QuestionRefused(
            f"'{there.about['name']}' has a row for each {' and '.join(beyond)}, this release has "
            "not, so its rows cannot be found. Keep one value with .derive(where=…), add them up "
            "with over=…, or derive the other way round."
        )
    positions = [here.index(each.name) for each in there.by]
    measure, forms, adds = _only(figure_)
    at = dict(zip(there.keys, forms, strict=True))
    places = [tuple(key[i] for i in positions) for key in sheet.keys]
    if not any(place in at for place in places):
        raise QuestionRefused(
            f"no row of '{there.about['name']}' has the group values of a row here."
        )
    aligned = [at.get(place) for place in places]
    return _made(sheet, measure, aligned, adds and len(positions) == len(here))


# ---------------------------------------------------------------------- one figure each


@operation("column")
def _column(sheet: Sheet, *, measure: str) -> Sheet:
    return _made(sheet, sheet.measure(measure), sheet.forms[measure], measure in sheet.adds)


@operation("number")
def _number(sheet: Sheet, *, value: float) -> Sheet:
    measure = Measure("number", "number", f"{value:g}", None, 0, min(0.0, value))
    return _made(sheet, measure, [Affine(float(value))] * len(sheet.keys))


@operation("add")
def _sum(one: Sheet, other: Sheet, *, sign: int) -> Sheet:
    (a, left, adds), (b, right, adds_too) = _only(one), _only(other)
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
    forms = [plus(x, y, sign) for x, y in zip(left, right, strict=True)]
    word, symbol = ("plus", "+") if sign == 1 else ("minus", "–")
    measure = Measure(
        f"{a.name}_{word}_{b.name}"[:63],
        "derived",
        f"{a.title} {symbol} {b.title}",
        b.unit if a.kind == "number" else a.unit,
        max(a.digits, b.digits),
        0.0 if sign == 1 and _not_negative(a) and _not_negative(b) else None,
        a.bound or b.bound,
        contrast=_contrast(a, b, sign),
    )
    return _made(one, measure, forms, adds and adds_too)


def _contrast(one: Measure, other: Measure, sign: int) -> str | None:
    """Return what zero means no difference in, of a sum of figures or their difference."""
    if sign == 1 or "number" in (one.kind, other.kind):
        return one.contrast if one.contrast == other.contrast else None
    return "points" if one.percent else "amount"


@operation("multiply")
def _product(one: Sheet, other: Sheet) -> Sheet:
    (a, left, adds), (b, right, adds_too) = _only(one), _only(other)
    forms = [times(x, y) for x, y in zip(left, right, strict=True)]
    measure = Measure(
        f"{a.name}_times_{b.name}"[:63],
        "derived",
        f"{a.title} × {b.title}",
        a.unit or b.unit,
        max(a.digits, b.digits),
        0.0 if _not_negative(a) and _not_negative(b) else None,
        a.bound or b.bound,
        contrast=_scaled(a, b) or _scaled(b, a),
    )
    scaled = (adds and b.kind == "number") or (adds_too and a.kind == "number")
    return _made(one, measure, forms, scaled and not any(is_ratio(form) for form in forms))


def _scaled(one: Measure, other: Measure) -> str | None:
    """Return the contrast of one figure times, or by, another: an effect on so many is a gain."""
    return one.contrast and (one.contrast if other.kind == "number" else "gain")


@operation("ratio")
def _ratio(one: Sheet, other: Sheet, *, percent: bool = False) -> Sheet:
    (a, top, _), (b, bottom, _) = _only(one), _only(other)
    forms = [divided(x, y) for x, y in zip(top, bottom, strict=True)]
    name, title = f"{a.name}_per_{b.name}"[:63], f"{a.title} / {b.title}"
    bound = a.bound or b.bound
    if percent:
        return _made(one, Measure(name, "rate", title, None, 4, bound=bound), forms)
    unit, digits = a.unit, max(2, a.digits)
    if b.unit == a.unit and b.kind != "number":
        unit, digits = None, 3
    elif b.unit not in (None, "customers", "rows"):
        unit = f"{a.unit or '1'}/{b.unit}"
    least = 0.0 if _not_negative(a) and _not_negative(b) else None
    measure = Measure(name, "derived", title, unit, digits, least, bound, contrast=_scaled(a, b))
    return _made(one, measure, forms)


@operation("difference")
def _difference(
    sheet: Sheet,
    against: Sheet | None = None,
    *,
    relative: bool,
    by: str = "",
    shift: int = 1,
    sampling: bool = False,
    title: str | None = None,
) -> Sheet:
    measure, now, adds = _only(sheet)
    before = _shifted(sheet, now, by, shift) if against is None else _only(against)[1]
    pairs = list(zip(now, before, strict=True))
    found = replace(
        measure,
        name=f"{measure.name}_change"[-63:],
        kind="derived",
        title=f"{measure.title}, change",
        unit="fraction" if measure.kind == "rate" else measure.unit,
        least=None,
        at_bound_of=None,
        contrast="points" if measure.percent else "amount",
    )
    if relative:
        least = -1.0 if _not_negative(measure) else None
        name = f"{measure.name}_change_rate"[-63:]
        found = replace(
            found, name=name, unit="fraction", digits=4, least=least, contrast="relative"
        )
        return _made(sheet, found, [plus(divided(x, y), Affine(-1.0)) for x, y in pairs])
    if not sampling:
        return _made(sheet, found, [plus(x, y, -1.0) for x, y in pairs], adds)
    if measure.kind != "rate":
        raise QuestionRefused(
            f"sampling=True is for rates, and '{measure.name}' is none: how much single "
            "customers differ in it was not released."
        )
    rates = [[each for each in pair if isinstance(each, Ratio)] for pair in pairs]
    draws = [drawn_into(*(x for each in pair for x in (each.top, each.bottom))) for pair in rates]
    drawn = [
        (x, y, drawn_apart(x, y, draw), draw) for (x, y), draw in zip(pairs, draws, strict=True)
    ]
    notes = telling(title or found.title, drawn)
    return _made(sheet, found, [gap for _, _, gap, _ in drawn], notes=notes)


def _shifted(sheet: Sheet, forms: Sequence[Form], by: str, shift: int) -> list[Form]:
    axis = sheet.axis(by)
    dimension = sheet.by[axis]
    if dimension.kind not in ORDERED:
        raise QuestionRefused(
            f"'{by}' has no order, so none of its values comes before another. Compare over months "
            "or bands, or with another release by against=…."
        )
    at = dict(zip(sheet.keys, forms, strict=True))
    earlier = {
        value: dimension.values[i - shift]
        for i, value in enumerate(dimension.values)
        if 0 <= i - shift < len(dimension.values)
    }
    return [at.get((*k[:axis], earlier.get(k[axis]), *k[axis + 1 :])) for k in sheet.keys]


@operation("share")
def _share(
    sheet: Sheet, whole: Sheet | None = None, *, across: Sequence[str] | None = None
) -> Sheet:
    measure, part, adds = _only(sheet)
    if any(is_ratio(form) for form in part):
        raise QuestionRefused(
            f"'{measure.name}' is a ratio, which has no total to be a share of. A share is of "
            "customers, rows or a sum."
        )
    if whole is not None:
        totals = _only(whole)[1]
    else:
        axes = {sheet.axis(name) for name in across or [axis.name for axis in sheet.by]}
        reason = why_not_added(measure, adds, [sheet.by[axis] for axis in sorted(axes)])
        if reason:
            raise QuestionRefused(f"{reason} Its answer is the total of a share: of=….")
        keys = [without(key, axes) for key in sheet.keys]
        sums = {k: added([part[row] for row in rows]) for k, rows in grouped(keys).items()}
        totals = [sums[key] for key in keys]
    forms = [divided(x, y) for x, y in zip(part, totals, strict=True)]
    name, title = f"{measure.name}_share"[-63:], f"{measure.title}, share"
    return _made(sheet, Measure(name, "rate", title, None, 4, bound=measure.bound), forms)


@operation("rank")
def _rank(
    sheet: Sheet, *, level: float, across: Sequence[str] | None = None, as_told: bool = False
) -> Sheet:
    measure, forms, _ = _only(sheet)
    axes = {sheet.axis(name) for name in across or [axis.name for axis in sheet.by]}
    found: list[Form] = [None] * len(forms)
    for rows in grouped(without(key, axes) for key in sheet.keys).values():
        ranked = ranks([forms[row] for row in rows], float(level), as_told=as_told)
        for row, form in zip(rows, ranked, strict=True):
            found[row] = form
    name, title = f"{measure.name}_rank"[-63:], f"{measure.title}, rank"
    return _made(sheet, Measure(name, "derived", title, None, 0, 1.0), found)


def _not_negative(measure: Measure) -> bool:
    least = limits(measure)[0]
    return least is not None and least >= 0
