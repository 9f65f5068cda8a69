"""Small groups: taken out or merged by their noisy number of customers, the rule printed.

The rule looks at released numbers only, so it costs nothing and tells nothing further. A group is
small when its noisy number of customers is below a threshold: a declared number, or so many
standard deviations of that number's noise, whichever is larger.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from math import comb, sqrt
from typing import Any

from workbench.errors import QuestionRefused
from workbench.privacy.columns import Dimension, between, noted
from workbench.privacy.expressions import is_number
from workbench.privacy.margins import Affine, Form, doubted, quantile, tangent, weighted
from workbench.privacy.sheets import (
    ORDERED,
    Key,
    Sheet,
    gathered,
    grouped,
    in_order,
    operation,
    why_not_added,
    without,
)


@dataclass(frozen=True)
class _Rule:
    """When a number of customers is too small."""

    least: float
    deviations: float

    def small(self, number: Affine) -> bool:
        return number.value < max(self.least, self.deviations * sqrt(number.variance))

    @property
    def words(self) -> str:
        declared = f"{self.least:,g}" if self.least else ""
        noise = f"{self.deviations:g} standard deviations of its noise" if self.deviations else ""
        both = " or ".join(filter(None, (declared, noise)))
        return f"{both}, whichever is more" if declared and noise else both


def _rule(min_customers: float, deviations: float) -> _Rule:
    for name, value in (("min_customers", min_customers), ("deviations", deviations)):
        if not is_number(value) or not 0 <= value < 1e12:
            raise QuestionRefused(f"{name} is a number, 0 or more, not {value!r}.")
    if not min_customers and not deviations:
        raise QuestionRefused(
            "say what a small group is: min_customers=20, or deviations=3 for three standard "
            "deviations of the noise on the number of customers."
        )
    return _Rule(float(min_customers), float(deviations))


def _counts(sheet: Sheet) -> list[Affine | None]:
    """Return the noisy number of customers of each row."""
    if all(each.name != "customers" for each in sheet.measures):
        raise QuestionRefused(
            "small groups are found by 'customers', which this release does not show. Derive with "
            "'customers' among the figures, or suppress first."
        )
    return [tangent(form) for form in sheet.forms["customers"]]


@operation("suppress")
def suppress(
    sheet: Sheet, *, min_customers: float, deviations: float, widened: bool = False
) -> Sheet:
    """Return the sheet without the figures of small groups.

    What was kept before margins were ``widened`` for the choice stays as it was published.
    """
    rule = _rule(min_customers, deviations)
    small = [each is None or rule.small(each) for each in _counts(sheet)]
    forms: dict[str, list[Form]] = {
        name: [None if out else form for form, out in zip(column, small, strict=True)]
        for name, column in sheet.forms.items()
    }
    note = noted("hidden", small=sum(small), all=len(small), rule=rule.words)
    candidates = sum(each is not None for each in _counts(sheet))
    kept = _chosen(sheet, len(small) - sum(small), candidates) if widened else sheet
    return replace(kept, forms=forms, notes=(*kept.notes, *([note] if any(small) else [])))


def _chosen(sheet: Sheet, kept: int, of: int) -> Sheet:
    """Return a sheet of which so many rows were kept by their noise, its margins widened for it."""
    if not 0 < kept < of:
        return sheet
    return replace(sheet, kept=sheet.kept * kept / of, notes=(noted("kept"), *sheet.notes))


@operation("merge")
def merge(
    sheet: Sheet,
    *,
    column: str,
    into: str,
    min_customers: float,
    deviations: float,
    widened: bool = False,
) -> Sheet:
    """Return the sheet with small values of a group column merged."""
    rule = _rule(min_customers, deviations)
    axis = sheet.axis(column)
    dimension = sheet.by[axis]
    counts = _counts(sheet)
    rows: dict[Any, dict[Key, int]] = {value: {} for value in dimension.values}
    for row, key in enumerate(sheet.keys):
        rows[key[axis]][without(key, {axis})] = row

    def held(values: Sequence[Any], rest: Key) -> Affine:
        """Return the customers that values surely hold together, within one of the others."""
        cells = [counts[rows[value][rest]] for value in values if rest in rows[value]]
        known = [cell for cell in cells if cell is not None]
        if dimension.exclusive or not known:
            return weighted((1.0, cell) for cell in known)
        return max(known, key=lambda cell: cell.value)  # one customer may be in several

    def enough(values: Sequence[Any]) -> bool:
        return not any(rule.small(held(values, rest)) for rest in rows[values[0]])

    def size(value: Any) -> float:
        return min((held([value], rest).value for rest in rows[value]), default=0.0)

    values = list(dimension.values)
    if dimension.kind in ORDERED:
        groups = _neighbours(values, enough)
        labels = [_band(group) for group in groups]
    else:
        groups = _others(values, size, enough)
        labels = [str(group[0]) if len(group) == 1 else into for group in groups]
        if labels.count(into) > 1:
            raise QuestionRefused(f"'{into}' is already a value of '{column}'; merge into=another.")
    merged = _together(sheet, axis, groups, labels, rule.words)
    return _doubted(merged, axis, groups, labels, dimension) if widened else merged


def _doubted(
    sheet: Sheet,
    axis: int,
    groups: Sequence[Sequence[Any]],
    labels: Sequence[str],
    dimension: Dimension,
) -> Sheet:
    """Return merged rows with margins for their choice: their values came out low, noise and all.

    A merged row's margin holds for every group that might have been made in its place: all runs of
    neighbours, or all choices of as many values.
    """
    values, single = len(dimension.values), sum(len(each) == 1 for each in groups)
    chosen = _chosen(sheet, single, values)
    wider = {}
    for label, group in zip(labels, groups, strict=True):
        if 1 < len(group) < values:
            runs = dimension.kind in ORDERED
            ways = values * (values + 1) // 2 if runs else comb(values, len(group))
            wider[label] = max(1.0, quantile(0.95, ways) / quantile(0.95, chosen.chosen))
    forms = {
        name: [
            doubted(form, wider.get(str(key[axis]), 1.0))
            for form, key in zip(column, chosen.keys, strict=True)
        ]
        for name, column in chosen.forms.items()
    }
    return replace(chosen, forms=forms)


def _neighbours(values: Sequence[Any], enough: Callable[[Sequence[Any]], bool]) -> list[list[Any]]:
    """Return runs of neighbours, each with enough customers, from the first on."""
    groups: list[list[Any]] = []
    run: list[Any] = []
    for value in values:
        run.append(value)
        if enough(run):
            groups.append(run)
            run = []
    if run and groups:
        groups[-1] += run  # the last ones are too few by themselves
    elif run:
        groups.append(run)
    return groups


def _others(
    values: Sequence[Any], size: Callable[[Any], float], enough: Callable[[Sequence[Any]], bool]
) -> list[list[Any]]:
    """Return each large value by itself, in order, and the small ones together at the end."""
    small = [value for value in values if not enough([value])]
    large = [value for value in values if value not in small]
    by_size = sorted(large, key=size)
    # one small value alone would only be renamed, and too few together are still too few
    while small and by_size and (len(small) == 1 or not enough(small)):
        small.append(by_size.pop(0))
    kept = [[value] for value in values if value not in small]
    return [*kept, [value for value in values if value in small]] if small else kept


def _band(values: Sequence[Any]) -> str:
    """Return the label of neighbouring bands or months together.

    Examples
    --------
    >>> _band(["< 50", "50 to 200"]), _band(["50 to 200", "≥ 200"])
    ('< 200', '≥ 50')
    """
    first, last = str(values[0]), str(values[-1])
    if len(values) == 1:
        return first
    low = None if first.startswith("< ") else first.removeprefix("≥ ").split(" to ")[0]
    high = None if last.startswith("≥ ") else last.removeprefix("< ").split(" to ")[-1]
    return "all" if low is None and high is None else between(low, high)


def _together(
    sheet: Sheet, axis: int, groups: list[list[Any]], labels: list[str], rule: str
) -> Sheet:
    """Return the sheet with groups of values added up; what does not add up is not shown."""
    dimension = sheet.by[axis]
    named = list(zip(groups, labels, strict=True))
    label_of = {value: label for group, label in named for value in group}
    made = replace(dimension, values=tuple(labels))
    by = (*sheet.by[:axis], made, *sheet.by[axis + 1 :])
    members = grouped((*key[:axis], label_of[key[axis]], *key[axis + 1 :]) for key in sheet.keys)
    found = gathered(sheet, by, in_order(members, by), [dimension], blank=True)
    left_out = [
        noted("not merged", title=measure.title)
        for measure in sheet.measures
        if why_not_added(measure, measure.name in sheet.adds, [dimension])
        and any(len(rows) > 1 for rows in members.values())
    ]
    merged = [
        f"{label} ({', '.join(str(value) for value in group)})"
        for group, label in named
        if len(group) > 1
    ]
    together = f"merged: {'; '.join(merged)}" if merged else "none had to be merged"
    note = noted("merged", title=dimension.title, rule=rule, groups=together)
    return replace(found, notes=(*sheet.notes, note, *left_out))
