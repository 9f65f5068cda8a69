"""Rows of a sheet: added up, picked, gathered, described, graded and renamed, by declared rules.

The *lift* of a pair is how many times as often it occurs as it would if one value said nothing of
the other. Its margin holds the noise of all four figures it is made of.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from workbench.errors import QuestionRefused, require_known
from workbench.privacy.columns import AND, Dimension, Measure, noted
from workbench.privacy.expressions import is_number
from workbench.privacy.margins import Form, divided, interval, quantile, tangent, times
from workbench.privacy.sheets import Sheet, gathered, grouped, in_order, operation, without

WORDS_AT_MOST = 60  # characters
UNKNOWN = "not known"


@operation("over")
def over(sheet: Sheet, *, columns: Sequence[str]) -> Sheet:
    """Return figures added up over group columns; what must not be added goes, and is said."""
    axes = {sheet.axis(each) for each in columns}
    groups = grouped(without(key, axes) for key in sheet.keys)
    gone = [sheet.by[axis] for axis in sorted(axes)]
    made = gathered(sheet, without(sheet.by, axes), groups, gone)
    told = (reason for name, reason in made.refused.items() if name not in sheet.refused)
    return replace(made, notes=(*sheet.notes, *told))


@operation("where")
def where(sheet: Sheet, *, values: Mapping[str, Any]) -> Sheet:
    """Return the rows with some values; a column of a single value goes."""
    for name, wanted in values.items():
        axis = sheet.axis(name)
        listed = wanted if isinstance(wanted, list) else [wanted]
        for each in listed:
            sheet.require_value(axis, each)
        rows = [row for row, key in enumerate(sheet.keys) if key[axis] in listed]
        by, keys = sheet.by, [sheet.keys[row] for row in rows]
        if isinstance(wanted, list):
            left = tuple(each for each in by[axis].values if each in listed)
            by = (*by[:axis], replace(by[axis], values=left), *by[axis + 1 :])
        else:
            by, keys = without(by, {axis}), [without(key, {axis}) for key in keys]
        forms = {each: [column[row] for row in rows] for each, column in sheet.forms.items()}
        sheet = replace(sheet, by=by, keys=tuple(keys), forms=forms)
    return sheet


@operation("regroup")
def regroup(
    sheet: Sheet,
    *,
    columns: Sequence[str],
    into: str,
    title: str,
    groups: Sequence[tuple[str, Sequence[Sequence[Any]]]],
) -> Sheet:
    """Return cells added up into named groups, such as "stayed" of a table of movements."""
    axes = [sheet.axis(column) for column in columns]
    label_of: dict[tuple[Any, ...], str] = {}
    for label, cells in groups:
        for cell in cells:
            if len(cell) != len(axes):
                raise QuestionRefused(
                    f"a cell of '{label}' has {len(cell)} values for the {len(axes)} columns "
                    f"{', '.join(columns)}."
                )
            for axis, value in zip(axes, cell, strict=True):
                sheet.require_value(axis, value)
            if tuple(cell) in label_of:
                raise QuestionRefused(
                    f"the cell {', '.join(map(str, cell))} is in '{label_of[tuple(cell)]}' and in "
                    f"'{label}'; it would count twice."
                )
            label_of[tuple(cell)] = label
    gone = [sheet.by[axis] for axis in axes]
    labels = tuple(label for label, _ in groups)
    exclusive = all(each.exclusive for each in gone)
    made = Dimension(into, title, "category", labels, exclusive)
    by = (*without(sheet.by, axes), made)
    found = [label_of.get(tuple(key[axis] for axis in axes)) for key in sheet.keys]
    members = grouped(
        None if label is None else (*without(key, axes), label)
        for key, label in zip(sheet.keys, found, strict=True)
    )
    several = any(len(rows) > 1 for rows in members.values())
    return gathered(sheet, by, in_order(members, by), gone if several else [])


@operation("describe")
def describe(
    sheet: Sheet, *, column: str, into: str, title: str, words: Mapping[str, str]
) -> Sheet:
    """Return the sheet with declared words beside a group, such as what to do for it."""
    axis = sheet.axis(column)
    known = {str(value) for value in sheet.by[axis].values}
    for each, word in words.items():
        if len(word) > WORDS_AT_MOST:
            raise QuestionRefused(
                f"what describes a group has at most {WORDS_AT_MOST} characters, not '{word}'."
            )
        require_known(f"value of {column}", known, each)
    told = [words.get(str(key[axis]), "–") for key in sheet.keys]
    return _beside(sheet, axis + 1, into, title, told)


@operation("grade")
def grade(
    sheet: Sheet, *, measure: str, into: str, title: str, grades: Sequence[tuple[str, float]]
) -> Sheet:
    """Return the sheet with a word for each row: between which limits a figure surely lies."""
    limits = [limit for _, limit in grades]
    if not limits or not all(is_number(limit) for limit in limits):
        raise QuestionRefused("grades are names with the least figure of each: {'A': 0.7, 'B': 0}.")
    if limits != sorted(set(limits), reverse=True):
        raise QuestionRefused("grades are named from the highest limit to the lowest, each once.")
    graded = sheet.measure(measure)
    z = quantile(0.95, sheet.chosen)
    told = []
    for form in sheet.forms[measure]:
        value, low, _ = interval(form, z)
        least = value if low is None else low
        fitting = [label for label, limit in grades if least is not None and least >= limit]
        told.append(fitting[0] if fitting else UNKNOWN)
    rate = graded.kind == "rate"  # which is read as a percentage
    said = ", ".join(
        f"{label} from {100 * limit:g}%" if rate else f"{label} from {limit:g}"
        for label, limit in grades
    )
    called = f"{graded.title[:1].lower()}{graded.title[1:]}"
    note = noted("graded", title=title, of=called, grades=said)
    made = _beside(sheet, len(sheet.by), into, title, told)
    return replace(made, notes=(*sheet.notes, note))


def _beside(sheet: Sheet, place: int, into: str, title: str, told: Sequence[str]) -> Sheet:
    """Return the sheet with one more group column, of one value a row."""
    made = Dimension(into, title, "category", tuple(dict.fromkeys(told)))
    keys = tuple(
        (*key[:place], word, *key[place:]) for key, word in zip(sheet.keys, told, strict=True)
    )
    return replace(sheet, by=(*sheet.by[:place], made, *sheet.by[place:]), keys=keys)


@operation("rename")
def rename(sheet: Sheet, *, labels: Mapping[str, str]) -> Sheet:
    """Return the sheet with other names of groups and rates, which an analyst chose."""
    by = tuple(
        replace(
            each,
            name=labels.get(each.name, each.name),
            title=labels.get(each.title, labels.get(each.name, each.title)),
        )
        for each in sheet.by
    )
    made = {each.name: each for each in sheet.measures}
    for old, new in labels.items():
        rate = made.get(f"{old}_rate")
        if rate is not None and rate.kind == "rate":
            title = f"{new.replace('_', ' ').capitalize()}, share"
            made[f"{old}_rate"] = replace(rate, name=f"{new}_rate", title=title)
    return replace(
        sheet,
        by=by,
        measures=tuple(made.values()),
        forms={made[name].name: forms for name, forms in sheet.forms.items()},
        adds=frozenset(made[name].name for name in sheet.adds),
    )


@operation("affinity")
def affinity(sheet: Sheet, whole: Sheet | None = None) -> Sheet:
    """Return of every pair the customers with both, their share of the first's, and the lift."""
    if whole is None or len(sheet.by) != 1 or not sheet.by[0].name.endswith("_pair") or whole.by:
        raise QuestionRefused(
            "affinity is of customers by wb.pairs(column) alone, and of= is all customers of the "
            "same question, without by=."
        )
    at = {str(key[0]): form for key, form in zip(sheet.keys, sheet.forms["customers"], strict=True)}
    every = whole.forms["customers"][0]
    pairs = [pair for pair in at if AND in pair]
    shares, lifts = list[Form](), list[Form]()
    for pair in pairs:
        one, other = pair.split(AND)
        expected = times(tangent(at[one]), tangent(at[other]))
        shares.append(divided(at[pair], at[one]))
        lifts.append(divided(times(at[pair], every), expected))
    both = Measure("customers", "customers", "Customers with both", "customers")
    made = {
        both: [at[pair] for pair in pairs],
        Measure("both_rate", "rate", "Of the first, have both", None, 4): shares,
        Measure("lift", "derived", "Times as often as by chance", None, 2, 0.0): lifts,
    }
    return sheet.anew((replace(sheet.by[0], values=tuple(pairs), exclusive=False),), made)
