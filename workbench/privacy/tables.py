"""From a release to the sheet of its figures, whatever it was derived from, and back.

Paid answers say in their mechanism how figures are put together from noisy integers; joined ones
are put together from their parts; derived ones by applying their operation again.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any

from workbench.errors import QuestionRefused
from workbench.privacy.accounting import Cost
from workbench.privacy.columns import Dimension, Measure, cells, concerns, noted
from workbench.privacy.expressions import assumptions
from workbench.privacy.margins import (
    NOTHING,
    Affine,
    Fixed,
    Form,
    Interval,
    form_of,
    interval,
    is_approximate,
    quantile,
)
from workbench.privacy.sheets import OPERATIONS, Key, On, Sheet, any_of, apply, stands_on, without

if TYPE_CHECKING:  # why: a release's methods are these functions, and pandas is slow to import
    from workbench.privacy.release import Release

Find = Callable[[str], "Release"]
_SHEET = "_sheet"


def sheet_of(release: Release, find: Find | None = None) -> Sheet:
    """Return a release as a sheet; a derived one by applying its operation again, once.

    Parameters
    ----------
    find : callable, optional
        Id to release; that of the release's own origin when left out.

    Raises
    ------
    QuestionRefused
        It stands on other releases, and nobody says where they are.
    """
    if _SHEET not in release.__dict__:  # why: figures ask for it row by row
        object.__setattr__(release, _SHEET, _sheet_of(release, find))
    sheet: Sheet = release.__dict__[_SHEET]
    return sheet


def restated(release: Release, sheet: Sheet, columns: Mapping[str, list[Any]]) -> Release:
    """Return a release with other figures, which stand in no ledger, and their sheet."""
    made = replace(release, columns=columns, origin=None)
    object.__setattr__(made, _SHEET, sheet)
    return made


def _sheet_of(release: Release, find: Find | None) -> Sheet:
    find = find or (release.origin.find if release.origin else None)
    mechanism = release.mechanism
    kind = mechanism.get("kind")
    about = {x: getattr(release, x) for x in ("id", "name", "table", "purpose", "period")}
    kinds = frozenset(each.kind for each in release.by)
    if kind not in ("joined", "derived"):
        forms = {each.name: paid(release, each) for each in release.measures}
        adds = frozenset(each.name for each in release.measures if _adds(release, each))
        filters = frozenset([tuple(mechanism.get("where", ()))])
        made = Sheet(release.by, keys_of(release), release.measures, forms, adds)
        own = {each.name: On([each, *release.by]) for each in release.measures}
        return replace(made, about=about, filters=filters, kinds=kinds, stands_on=own)
    if find is None:
        raise QuestionRefused(
            f"{release.id} stands on other answers, and this copy of it does not say in which "
            "ledger they are. Take it from the workspace, where nothing is paid twice."
        )
    below = mechanism["parts" if kind == "joined" else "parents"]
    sheets = [sheet_of(find(each), find) for each in below]
    made = _joined(release, sheets) if kind == "joined" else apply(*recipe_of(release), sheets)
    filters = frozenset[tuple[str, ...]]().union(*(each.filters for each in sheets))
    kinds = kinds.union(*(each.kinds for each in sheets))
    below_it = stands_on(mechanism.get("recipe", {}), sheets, made)
    return replace(made, about=about, filters=filters, kinds=kinds, stands_on=below_it)


def recipe_of(release: Release) -> tuple[str, Mapping[str, Any]]:
    """Return by which operation, with which arguments, a derived release was made."""
    arguments = dict(release.mechanism["recipe"])
    name: str = arguments.pop("op")
    arguments.pop("assumed", None)  # where a reader may put other numbers
    if name not in OPERATIONS:
        raise QuestionRefused(
            f"{release.id} was derived by '{name}', which this version does not know. "
            "Update workbench."
        )
    if isinstance(arguments.get("groups"), Mapping):  # as stored when their order was lost
        order = next(each.values for each in release.by if each.name == arguments["into"])
        arguments["groups"] = [[each, arguments["groups"][each]] for each in order]
    return name, arguments


def keys_of(release: Release) -> tuple[Key, ...]:
    """Return the group values of each row."""
    if not release.by:
        return ((),) * len(release)
    return tuple(zip(*(release.columns[each.name] for each in release.by), strict=True))


def paid(release: Release, measure: Measure) -> list[Form]:
    """Return the forms of one measure of a paid answer."""
    mechanism, name = release.mechanism, measure.name
    plan = plan_of(mechanism, name)
    if plan is not None:
        return [form_of(plan, partial(_affine, release, row)) for row in range(len(release))]
    triples = list(zip(*(release.columns[each] for each in measure.columns), strict=True))
    if measure.kind == "distinct" or mechanism.get("kind") == "selection":
        # an integer with Gaussian noise of its own: its stored interval says how much
        z = quantile(0.95)
        return [
            None
            if value is None or low is None or high is None
            else Affine(float(value), {(release.id, row, name): (high - low) / 2 / z})
            for row, (value, low, high) in enumerate(triples)
        ]
    return [None if triple[0] is None else Fixed(*triple) for triple in triples]


def plan_of(mechanism: Mapping[str, Any], name: str) -> Mapping[str, Any] | None:
    """Return how a figure is put together from noisy integers; None for one that is not."""
    if name in mechanism.get("linear", {}):
        return {"linear": mechanism["linear"][name]}
    ratios: Mapping[str, Any] = {**mechanism.get("ratio", {}), **mechanism.get("ladder", {})}
    return ratios.get(name)


def _affine(release: Release, row: int, coefficients: Mapping[str, float]) -> Affine:
    mechanism = release.mechanism
    noisy, step, sigma = mechanism["noisy"], mechanism["lattice"], mechanism["sigma"]
    value = sum(each * (noisy[name][row] / step) for name, each in coefficients.items())
    # why by what was drawn: months of a stock are put together from the same draws
    drawn = dict.fromkeys(coefficients, (release.id, sigma)) | mechanism.get("drawn", {})
    terms = {
        (drawn[name][0], row, name): each * drawn[name][1]
        for name, each in coefficients.items()
        if each
    }
    return Affine(float(value), terms)


def _adds(release: Release, measure: Measure) -> bool:
    if measure.kind in ("rows", "sum") or measure.at_bound_of:
        return True  # at a bound lie totals in a cell, so that it is a share of customers' cells
    plan = plan_of(release.mechanism, measure.name) or {}
    # a mean or rate of rows adds up above and below the line; one of customers does not
    return "bottom" in plan and measure.kind in ("mean", "rate") and set(plan["bottom"]) != {"n"}


def _joined(release: Release, parts: Sequence[Sheet]) -> Sheet:
    """Put the parts of a release over months together: each month's rows from its part."""
    keys = keys_of(release)
    places = places_in(release.by, keys, [(part.by, part.keys) for part in parts])
    forms = {
        each.name: [parts[month].forms[each.name][row] for month, row in places]
        for each in release.measures
    }
    adds = frozenset.intersection(*(part.adds for part in parts))
    return Sheet(release.by, keys, release.measures, forms, adds)


def joined_columns(by: Sequence[Dimension], parts: Sequence[Release]) -> dict[str, list[Any]]:
    """Return the columns of a release over months, each month's rows from its part."""
    columns = cells(by)
    keys = tuple(zip(*columns.values(), strict=True))
    places = places_in(by, keys, [(part.by, keys_of(part)) for part in parts])
    for name in parts[0].columns:
        # why of all: a month answered before shares at bounds were does not know them
        if name not in columns and all(name in part.columns for part in parts):
            columns[name] = [parts[month].columns[name][row] for month, row in places]
    return columns


def places_in(
    by: Sequence[Dimension],
    keys: Sequence[Key],
    parts: Sequence[tuple[Sequence[Dimension], Sequence[Key]]],
) -> list[tuple[int, int]]:
    """Return of each row over months which month's part it is in, and where in that."""
    axis = next(i for i, each in enumerate(by) if each.kind == "month")
    at: list[dict[Key, int]] = []
    for own, rows in parts:
        # why by name: a part may have been answered before, with its groups in another order
        named = [each.name for each in own]
        order = [named.index(each.name) for i, each in enumerate(by) if i != axis]
        at.append({tuple(key[i] for i in order): row for row, key in enumerate(rows)})
    months = [by[axis].values.index(key[axis]) for key in keys]
    return [
        (month, at[month][without(key, {axis})]) for month, key in zip(months, keys, strict=True)
    ]


def columns_of(sheet: Sheet, level: float = 0.95, figures: float = 1) -> dict[str, list[Any]]:
    """Return a sheet's columns: group values, then value, low and high of each measure."""
    z = quantile(level, figures)
    columns: dict[str, list[Any]] = {
        each.name: [key[i] for key in sheet.keys] for i, each in enumerate(sheet.by)
    }
    for measure in sheet.measures:
        triples = [interval(form, z) for form in sheet.forms[measure.name]]
        for position, name in enumerate(measure.columns):
            columns[name] = [_stored(each[position]) for each in triples]
    return columns


def unrounded(release: Release, measure: Measure) -> list[Interval]:
    """Return a measure's figures and intervals as what is derived from them stands on them.

    A paid answer stores its ends rounded, so that its margin would be another than that of the same
    figure in what is derived from it.
    """
    kind, recipe = release.mechanism.get("kind"), release.mechanism.get("recipe", {})
    stored = list(zip(*(release.columns[each] for each in measure.columns), strict=True))
    computed = kind == "derived" and recipe["op"] != "rename"  # which has another's very columns
    alone = release.origin is None and _SHEET not in release.__dict__
    if computed or (alone and kind in ("joined", "derived")):
        return stored
    sheet = sheet_of(release)
    z = quantile(0.95, sheet.together(recipe))
    return [
        NOTHING if each[0] is None else interval(form, z)
        for each, form in zip(stored, sheet.forms[measure.name], strict=True)
    ]


def _stored(value: float | None) -> float | None:
    """Return a number at 12 significant digits: parts still add up, machines still agree."""
    return None if value is None else float(f"{value:.12g}") + 0.0


def renamed_columns(stored: Release, sheet: Sheet) -> dict[str, list[Any]]:
    """Return the very columns of an answer under the names they have in a sheet of it."""
    names = [
        pair
        for old, new in zip(stored.measures, sheet.measures, strict=True)
        for pair in zip(old.columns, new.columns, strict=True)
    ]
    names += [(old.name, new.name) for old, new in zip(stored.by, sheet.by, strict=True)]
    return {new: stored.columns[old] for old, new in names}


# ---------------------------------------------------------------------- to releases


def derived(
    name: str, parents: Sequence[Release], arguments: Mapping[str, Any], called: str | None = None
) -> Release:
    """Apply an operation to releases and store what it makes; its arguments are plain JSON.

    Raises
    ------
    QuestionRefused
        The operation refuses, or the first parent was not handed out by a workspace.
    """
    try:
        plain = json.loads(json.dumps(arguments, allow_nan=False))
    except (TypeError, ValueError):
        raise QuestionRefused(
            f"{name} takes values of group columns, names and finite numbers, not {arguments!r}."
        ) from None
    origin = parents[0].origin
    find = origin.find if origin else None
    known = {each.id: each for each in reversed(parents)}
    sheets = [sheet_of(known[each], find) for each in dict.fromkeys(p.id for p in parents)]
    made = apply(name, plain, sheets)
    assumed = list(assumptions(arguments))
    return kept(name, parents, {**plain, "assumed": assumed} if assumed else plain, made, called)


def kept(
    name: str,
    parents: Sequence[Release],
    arguments: Mapping[str, Any],
    sheet: Sheet,
    called: str | None = None,
    columns: Mapping[str, list[Any]] | None = None,
) -> Release:
    """Store what an operation made, parents named; the same derivation is stored once.

    Parameters
    ----------
    columns : mapping, optional
        The sheet's very figures, where nothing was computed.
    """
    first = parents[0]
    origin = first.origin
    if origin is None:
        raise QuestionRefused(
            f"{first.id} was not handed out by a workspace, so there is no ledger to keep "
            "what is derived from it. Take it from ws.release(…): nothing is paid twice."
        )
    ids = list(dict.fromkeys(each.id for each in parents))
    sheets = [sheet_of(each, origin.find) for each in parents]
    left = any_of(stands_on(arguments, sheets, sheet).values())
    gone = any_of(on for each in sheets for on in each.stands_on.values()) - left
    notes = [x for y in parents for x in y.notes if concerns(x, left) or not concerns(x, gone)]
    together = sheet.together(arguments)
    if columns is None:
        notes += _notes(sheet, arguments, together)
        columns = columns_of(sheet, figures=together)

    made = replace(
        first,
        id="",
        name=called or first.name,
        table="+".join(dict.fromkeys(each.table for each in parents)),
        period=_period(first, sheet, arguments),
        by=sheet.by,
        measures=sheet.measures,
        columns=columns,
        cost=Cost(),
        epsilon=0.0,
        data_version="+".join(dict.fromkeys(each.data_version for each in parents)),
        notes=tuple(dict.fromkeys(notes)),
        mechanism={"kind": "derived", "recipe": {"op": name, **arguments}, "parents": ids},
        left={},
        origin=None,
    )
    return replace(origin.keep(made, ids), origin=origin)


def _period(first: Release, sheet: Sheet, arguments: Mapping[str, Any]) -> str | None:
    """Return which period a derived answer is about: one month, where one was picked."""
    month = next((each.name for each in first.by if each.kind == "month"), None)
    if month is None or any(each.kind == "month" for each in sheet.by):
        return first.period
    period: str | None = arguments.get("where", {}).get(month) or first.period
    return period


def _notes(sheet: Sheet, arguments: Mapping[str, Any], together: float) -> list[str]:
    """Return what a reader must know of figures that were computed."""
    notes = [noted("chosen", rows=sheet.among)] if sheet.among > 1 else []
    titles = "; ".join(dict.fromkeys(each["title"] for each in arguments.get("assumed", ())))
    notes += [noted("assumed", titles=titles)] if titles else []
    notes += sheet.notes
    if arguments.get("simultaneous") and together > 1:
        notes.append(noted("at once", figures=together))
    if any(is_approximate(form) for each in sheet.measures for form in sheet.forms[each.name]):
        notes.append(noted("approximate"))
    return notes
