"""Rows of a release gathered, described and graded by rules of one's own; costs nothing.

`regroup` adds cells up into named groups, such as "stayed" and "left" of a table of movements;
`describe` sets declared words beside a group, such as what to do for it; `grade` says in a word
between which declared limits a figure surely lies. All look at released figures only.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from workbench.errors import QuestionRefused, UnknownName
from workbench.privacy.derive import why_not_added
from workbench.privacy.expressions import is_number
from workbench.privacy.forms import Find, Key, Sheet, keep, sheet_of
from workbench.privacy.margins import Form, added, interval, quantile
from workbench.privacy.release import Dimension, Release

WORDS_AT_MOST = 60  # characters
UNKNOWN = "not known"


def regroup(
    release: Release,
    columns: Sequence[str],
    into: str,
    groups: Mapping[str, Sequence[Sequence[Any]]],
    title: str | None,
    name: str | None,
) -> Release:
    """Add cells up into named groups; see `Release.regroup`."""
    recipe = {
        "op": "regroup",
        "columns": list(columns),
        "into": into,
        "title": title or into.replace("_", " ").capitalize(),
        # why a list: keys are sorted when they are stored, and groups have an order
        "groups": [[label, [list(cell) for cell in cells]] for label, cells in groups.items()],
    }
    return keep(release, replay(recipe, [release], _find(release)), recipe, name=name)


def describe(
    release: Release,
    column: str,
    into: str,
    words: Mapping[str, str],
    title: str | None,
    name: str | None,
) -> Release:
    """Set declared words beside a group column; see `Release.describe`."""
    long = [word for word in words.values() if len(str(word)) > WORDS_AT_MOST]
    if long:
        raise QuestionRefused(
            f"what describes a group has at most {WORDS_AT_MOST} characters, not '{long[0]}'."
        )
    recipe = {
        "op": "describe",
        "column": column,
        "into": into,
        "title": title or into.replace("_", " ").capitalize(),
        "words": {str(key): str(word) for key, word in words.items()},
    }
    return keep(release, replay(recipe, [release], _find(release)), recipe, name=name)


def grade(
    release: Release,
    measure: str,
    grades: Mapping[str, float],
    into: str,
    title: str | None,
    name: str | None,
) -> Release:
    """Grade a figure by declared limits; see `Release.grade`."""
    limits = list(grades.values())
    if not limits or not all(is_number(limit) for limit in limits):
        raise QuestionRefused("grades are names with the least figure of each: {'A': 0.7, 'B': 0}.")
    if limits != sorted(set(limits), reverse=True):
        raise QuestionRefused("grades are named from the highest limit to the lowest, each once.")
    recipe = {
        "op": "grade",
        "measure": measure,
        "into": into,
        "title": title or into.replace("_", " ").capitalize(),
        "grades": [[label, limit] for label, limit in grades.items()],
    }
    return keep(release, replay(recipe, [release], _find(release)), recipe, name=name)


def replay(recipe: Mapping[str, Any], parents: list[Release], find: Find | None) -> Sheet:
    """Reshape again, as a sheet."""
    sheet = sheet_of(parents[0], find)
    if recipe["op"] == "regroup":
        return _regrouped(sheet, recipe)
    return _described(sheet, recipe) if recipe["op"] == "describe" else _graded(sheet, recipe)


def _find(release: Release) -> Find | None:
    return release.origin.find if release.origin else None


def _regrouped(sheet: Sheet, recipe: Mapping[str, Any]) -> Sheet:
    axes = [sheet.axis(column) for column in recipe["columns"]]
    groups = dict(recipe["groups"])
    label_of: dict[tuple[Any, ...], str] = {}
    for label, cells in groups.items():
        for cell in cells:
            if len(cell) != len(axes):
                raise QuestionRefused(
                    f"a cell of '{label}' has {len(cell)} values for the {len(axes)} columns "
                    f"{', '.join(recipe['columns'])}."
                )
            for axis, value in zip(axes, cell, strict=True):
                known = sheet.by[axis].values
                if value not in known:
                    raise UnknownName(
                        f"value of {sheet.by[axis].name}", str(value), [str(v) for v in known]
                    )
            if tuple(cell) in label_of:
                raise QuestionRefused(
                    f"the cell {', '.join(map(str, cell))} is in '{label_of[tuple(cell)]}' and in "
                    f"'{label}'; it would count twice."
                )
            label_of[tuple(cell)] = label
    dimensions = [sheet.by[axis] for axis in axes]
    members: dict[Key, list[int]] = {}
    rest = [i for i in range(len(sheet.by)) if i not in axes]
    for row, key in enumerate(sheet.keys):
        found = label_of.get(tuple(key[axis] for axis in axes))
        if found is not None:
            members.setdefault((*(key[i] for i in rest), found), []).append(row)
    several = any(len(rows) > 1 for rows in members.values())
    places = [{value: i for i, value in enumerate(sheet.by[axis].values)} for axis in rest]
    order = {label: i for i, label in enumerate(groups)}
    keys = sorted(
        members,
        key=lambda key: (
            [place.get(value, 0) for place, value in zip(places, key[:-1], strict=True)],
            order[key[-1]],
        ),
    )
    forms: dict[str, list[Form]] = {}
    refused: dict[str, str] = {}
    for measure in sheet.measures:
        reason = why_not_added(measure, measure.name in sheet.adds, dimensions)
        if reason and several:
            refused[measure.name] = reason
            continue
        column = sheet.forms[measure.name]
        forms[measure.name] = [added([column[row] for row in members[key]]) for key in keys]
    if not forms:
        raise QuestionRefused(next(iter(refused.values())))
    exclusive = all(each.exclusive for each in dimensions)
    made = Dimension(recipe["into"], recipe["title"], "category", tuple(groups), exclusive)
    return replace(
        sheet,
        by=(*(sheet.by[i] for i in rest), made),
        keys=tuple(keys),
        measures=tuple(each for each in sheet.measures if each.name in forms),
        forms=forms,
        refused={**sheet.refused, **refused},
    )


def _described(sheet: Sheet, recipe: Mapping[str, Any]) -> Sheet:
    axis = sheet.axis(recipe["column"])
    words = recipe["words"]
    known = {str(value) for value in sheet.by[axis].values}
    for each in words:
        if each not in known:
            raise UnknownName(f"value of {recipe['column']}", each, known)
    told = [words.get(str(key[axis]), "–") for key in sheet.keys]
    return _beside(sheet, axis + 1, recipe, told)


def _graded(sheet: Sheet, recipe: Mapping[str, Any]) -> Sheet:
    measure = recipe["measure"]
    sheet.measure(measure)
    z = quantile(0.95, sheet.chosen)
    told = []
    for form in sheet.forms[measure]:
        value, low, _ = interval(form, z)
        least = value if low is None else low
        fitting = [
            label for label, limit in recipe["grades"] if least is not None and least >= limit
        ]
        told.append(fitting[0] if fitting else UNKNOWN)
    rate = sheet.measure(measure).kind == "rate"  # which is read as a percentage
    limits = ", ".join(
        f"{label} from {100 * limit:g}%" if rate else f"{label} from {limit:g}"
        for label, limit in recipe["grades"]
    )
    note = (
        f"{recipe['title']}: by the lower end of the margin of "
        f"{sheet.measure(measure).title[:1].lower()}{sheet.measure(measure).title[1:]}: {limits}."
    )
    made = _beside(sheet, len(sheet.by), recipe, told)
    return replace(made, notes=(*sheet.notes, note))


def _beside(sheet: Sheet, place: int, recipe: Mapping[str, Any], told: Sequence[str]) -> Sheet:
    """Return the sheet with one more group column, of one value a row."""
    values = tuple(dict.fromkeys(told))
    made = Dimension(recipe["into"], recipe["title"], "category", values)
    keys = tuple(
        (*key[:place], word, *key[place:]) for key, word in zip(sheet.keys, told, strict=True)
    )
    return replace(sheet, by=(*sheet.by[:place], made, *sheet.by[place:]), keys=keys)
