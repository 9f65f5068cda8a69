"""What a page carries so that its script can draw its figures anew: released cells, and how.

Nothing is here that was not released: declared names, noisy totals and their noise as they stand in
the ledger, and the operations on them. Groups that the page suppressed or merged are left out.
"""

import json
from collections.abc import Iterator, Sequence
from typing import Any

from workbench.figures import plotting
from workbench.figures.changes import Together
from workbench.figures.kinds.kpis import KpisSpec, earlier, one_line
from workbench.figures.kinds.table import TableSpec
from workbench.figures.kinds.text import TextSpec, filled
from workbench.figures.language import Language, spoken
from workbench.figures.live.beneath import CONSTANT, Find
from workbench.figures.live.redrawn import CHARTS, picked, unfilled
from workbench.figures.live.states import Tables, alike, lower, way
from workbench.figures.notes import at_least, beside, bounded, shares
from workbench.figures.plotting import ChartSpec
from workbench.figures.spec import Figure
from workbench.figures.values import declared_order, label, series
from workbench.privacy.columns import ADVICE, COUNTS, Dimension, Measure, limits
from workbench.privacy.margins import Fixed
from workbench.privacy.release import Release
from workbench.privacy.sheets import Sheet
from workbench.privacy.tables import keys_of, places_in, plan_of

_FILTERS_AT_MOST = 6
_VALUES_AT_MOST = 60


def embedded(
    figures: Sequence[Figure], language: Language, together: Together, find: Find
) -> dict[str, Any]:
    """Return what a page's script draws from; empty where nothing on it can answer back."""
    shown = [release for each in figures for release in each.releases]
    tables = Tables.of(shown, find)
    offered = list(_offered(figures, tables))[:_FILTERS_AT_MOST]
    changeable = assumed(tables, language)
    if not offered and not changeable:
        return {}
    useful = _useful(tables, shown, [each.name for each in offered])
    single = {name for name, (one, *_) in tables.paid.items() if one.mechanism["kind"] == CONSTANT}
    kept = [name for name in tables.leaves if name in useful | single]

    nodes = {
        name: [each.op, each.arguments, each.parents, each.measures, sorted(each.used)]
        for name, each in tables.nodes.items()
    }
    drawn = [_figure(each, language, together) for each in figures]
    said = json.dumps([nodes, drawn], ensure_ascii=False)
    return {
        "words": {key: language.word(key) for key in spoken("en")["script"]},
        "lang": language.code,
        "short": language.short(),
        "wider": together.wider,
        "filters": [_filter(each, language) for each in offered],
        "assumed": changeable,
        "leaves": {name: _leaf(name, tables, kept, said, language) for name in kept},
        "late": {name: found for name in tables.leaves if (found := _late(name, tables, language))},
        "nodes": nodes,
        "figures": drawn,
    }


def _offered(figures: Sequence[Figure], tables: Tables) -> Iterator[Dimension]:
    """Yield the group columns that figures show and that some released table is by."""
    released = {(each.name, each.values) for sheet in tables.leaves.values() for each in sheet.by}
    seen = set[str]()
    for figure in figures:
        for each in picked(figure.spec, figure.releases):
            plain = each.kind in ("category", "band") and all(
                isinstance(v, str) for v in each.values
            )
            many = 2 <= len(each.values) <= _VALUES_AT_MOST
            if plain and many and each.name not in seen and (each.name, each.values) in released:
                seen.add(each.name)
                yield each


def _filter(column: Dimension, language: Language) -> dict[str, Any]:
    labels = [label(column, value, language) for value in column.values]
    title = language.measure(column.title)
    return {"n": column.name, "t": title, "v": list(column.values), "l": labels}


def assumed(tables: Tables, language: Language) -> list[dict[str, Any]]:
    """Return the sliders and choices of a page, each once."""
    found: dict[str, dict[str, Any]] = {}
    for node in filter(lambda each: each.op, tables.nodes.values()):
        for each in node.arguments.get("assumed", ()):
            value: Any = node.arguments
            for step in each["at"]:
                value = value[step]
            told = {"n": each["name"], "t": language.measure(each["title"]), "at": float(value)}
            if each.get("unit"):
                told["u"] = [*language.around(each["unit"])]
            if "values" in each:
                told["v"] = [[language.say(name), number] for name, number in each["values"]]
            else:
                told |= {key: each[key] for key in ("low", "high", "step")}
                ends = (f"{each[key]:.12g}".partition(".")[2] for key in ("low", "step"))
                told["d"] = max(map(len, ends))
            found.setdefault(each["name"], told)
    return list(found.values())


def _useful(tables: Tables, shown: Sequence[Release], filters: Sequence[str]) -> set[str]:
    """Return the tables that any figure on the page could be computed from."""
    leaves = tables.leaves
    finer = [name for name, each in leaves.items() if {x.name for x in each.by} & set(filters)]
    pairs = [
        (name, other)
        for name in {leaf for each in shown for leaf in tables.beneath(each.id)}
        for other in finer
        if way(*(both := (leaves[name], leaves[other]))) and (alike(*both) or lower(*both))
    ]
    moved = [tables.beneath(each.id) for each in shown if tables.depends(each.id)]
    return {name for pair in (*pairs, *moved) for name in pair}


# ---------------------------------------------------------------------- tables


def _leaf(
    name: str, tables: Tables, kept: Sequence[str], said: str, language: Language
) -> dict[str, Any]:
    sheet, paid = tables.leaves[name], tables.paid[name]
    places = [(0, row) for row in range(len(sheet.keys))]
    if len(paid) > 1 or paid[0].id != name:
        parts = [(each.by, keys_of(each)) for each in paid]
        places = places_in(sheet.by, sheet.keys, parts)
    hidden = {
        place
        for place, *forms in zip(places, *sheet.forms.values(), strict=True)
        if all(form is None for form in forms)
    }
    measures: list[list[Any]] = []
    fixed = {}
    for each in (each for each in sheet.measures if f'"{each.name}"' in said):
        plans = [plan_of(part.mechanism, each.name) for part in paid]
        same = all(plan is not None and plan == plans[0] for plan in plans)
        added = int(each.name in sheet.adds) or -int(each.kind == "customers")
        measures.append([each.name, plans[0] if same else None, added])
        if not same:
            forms = sheet.forms[each.name]
            fixed[each.name] = [
                [form.value, form.low, form.high] if isinstance(form, Fixed) else None
                for form in forms
            ]

    def less(there: Sheet) -> dict[str, str]:
        found = lower(sheet, there)
        return {
            k: bounded(Measure("", "sum", "", None, bound=b), language) for k, b in found.items()
        }

    return {
        "by": [[each.name, each.kind, list(each.values), each.exclusive] for each in sheet.by],
        "keys": [
            [each.values.index(v) for each, v in zip(sheet.by, key, strict=True)]
            for key in sheet.keys
        ],
        "when": sheet.about["period"],
        "m": measures,
        "fixed": fixed,
        "rows": [[-1, -1] if places[row] in hidden else places[row] for row in range(len(places))],
        "parts": [_part(each, at, str(measures), hidden) for at, each in enumerate(paid)],
        "from": [
            [other, alike(sheet, there), *found, less(there)]
            for other in kept
            if (found := way(sheet, there := tables.leaves[other])) is not None
        ],
    }


def _late(name: str, tables: Tables, language: Language) -> list[Any]:
    """Return by which group columns a table is released for other periods, and for which."""
    return [
        [[column.name for column in each.by], language.period(str(each.about["period"]))]
        for each in tables.late(name)
    ]


def _part(release: Release, at: int, used: str, hidden: set[tuple[int, int]]) -> dict[str, Any]:
    mechanism = release.mechanism
    noisy = {
        name: [None if (at, row) in hidden else value for row, value in enumerate(values)]
        for name, values in mechanism.get("noisy", {}).items()
        if repr(name) in used
    }
    drawn = dict.fromkeys(noisy, (release.id, mechanism.get("sigma", 0.0)))
    drawn |= {k: v for k, v in mechanism.get("drawn", {}).items() if k in noisy}
    return {
        "step": mechanism.get("lattice", 1),
        "noisy": noisy,
        "drawn": {name: list(each) for name, each in drawn.items()},
    }


# ---------------------------------------------------------------------- figures


def _figure(figure: Figure, language: Language, together: Together) -> dict[str, Any]:
    """Return how the script draws a figure anew; of another kind, that it does not."""
    spec, releases = figure.spec, figure.releases
    if unfilled(spec, releases):
        return {"k": "", "r": [], "rows": []}
    made: dict[str, Any] = {"k": spec.kind, "r": [each.id for each in releases]}
    made["rows"] = [len(each) for each in releases]
    if spec.numbers() and not isinstance(spec, KpisSpec):
        made["aimed"] = 1
    if isinstance(spec, CHARTS):
        return {**made, **_chart(spec, releases[0], language)}
    if isinstance(spec, TableSpec):
        return {**made, **_table(spec, together.judged(releases[0]), language)}
    if isinstance(spec, KpisSpec):
        items = [_item(spec, at, releases, language) for at in range(len(spec.items))]
        return {**made, "items": items}
    parts = filled(spec.template, releases, language) if isinstance(spec, TextSpec) else None
    if parts is not None:
        return {**made, "parts": [_field(each, releases, language) for each in parts]}
    return {**made, "k": ""}


def _series(release: Release, name: str, language: Language, at: int = 0) -> dict[str, Any]:
    """Return what the script must know of a measure to write its figures."""
    found = series(release, name)
    measure = found.measure
    least, most = limits(measure)
    made: dict[str, Any] = {"n": name, "r": at, "d": measure.digits, "lo": least, "hi": most}
    further: dict[str, Any] = {
        "rate": found.rate,
        "whole": measure.kind in (*COUNTS, "sum"),
        "c": found.contrast,
        "sign": language.money("", found.currency) if found.currency else None,
        "b": bounded(measure, language),
        "least": at_least(measure),
        "nil": [row for row, value in enumerate(release.columns[name]) if value is None],
    }
    made |= {key: value for key, value in further.items() if value}
    if measure.bound is not None:
        made["above"] = "above" if measure.bound.cuts == "upper" else "outside"
        if beyond := shares(release, measure):
            made["s"] = _series(release, beyond.measure.name, language, at)
    return made


def _chart(spec: ChartSpec, release: Release, language: Language) -> dict[str, Any]:
    measure, first, second = spec.axes
    x = plotting.Axis.of(release, first, language)
    colors = plotting.Axis.of(release, second, language) if second else None
    axes = [x.column, *([colors.column] if colors else [])]
    at = {
        key: row
        for row, key in enumerate(zip(*(release.columns[a.name] for a in axes), strict=True))
    }
    chart = spec.plot(release, language)
    return {
        "s": _series(release, measure, language),
        "by": [
            [each.name, list(axis.values)]
            for each, axis in zip(axes, [x, colors] if colors else [x], strict=True)
        ],
        "at": [
            [at.get((v,) if c is None else (v, c), -1) for v in x.values]
            for c in (colors.values if colors else [None])
        ],
        "names": [
            " / ".join(label(a, release.columns[a.name][row], language) for a in axes)
            for row in range(len(release))
        ],
        "t": series(release, measure).title(language),
        "title": language.say(spec.title) if spec.title else "",
        "kind": language.word(chart.kind),
        "margins": language.word(chart.margins),
    }


def _table(spec: TableSpec, release: Release, language: Language) -> dict[str, Any]:
    wanted = spec.columns or [
        *(axis.name for axis in release.by),
        *(measure.name for measure in beside(release)),
    ]
    untold = {each.measure.name for each in spec.untold(release)}
    told = [name for name in wanted if name not in untold]
    columns = [each.name for x in told for each in release.measures if each.name == x]
    order = declared_order(release)
    advice = {}
    if "waits" in release.mechanism and "recommendation" in told:
        words = [language.say(each) for each in ADVICE]
        advice = {"advice": [told.index("recommendation"), *words]}
    return {
        **advice,
        "cols": [_series(release, name, language) for name in columns],
        "order": order,
        "by": [[each.name, list(each.values)] for each in release.by],
        "keys": [[str(release.columns[each.name][row]) for each in release.by] for row in order],
        "cells": [told.index(name) for name in columns],
        "head": next((at for at, name in enumerate(told) if name not in columns), 0),
        "untold": sorted(untold),
    }


def _item(
    spec: KpisSpec, at: int, releases: Sequence[Release], language: Language
) -> dict[str, Any]:
    item = spec.items[at]
    release = releases[item.release]
    made: dict[str, Any] = {"rows": one_line(release)[1]}
    made["s"] = _series(release, item.measure, language, item.release)
    if item.target is not None:
        made["aimed"] = 1
    if compared := earlier(item, releases):
        before, row, then = compared
        made["prev"] = [before, row]
        made["then"] = language.period(then) if then else language.word("period before")
    return made


def _field(part: Any, releases: Sequence[Release], language: Language) -> list[Any]:
    literal, field = part
    if field is None:
        return [literal]
    at, name, margin, form, follows = field
    return [literal, _series(releases[at], name, language, at), int(margin), form, int(follows)]
