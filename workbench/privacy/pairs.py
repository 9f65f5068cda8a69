"""Pairs of values that one customer has, and which of them go together more than by chance.

Customers with both of two values are counted privately, all pairs at once; a customer has many, so
the bound on cells decides how much each counts. The *lift* of a pair is how many times as often it
occurs as it would if one value said nothing of the other.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from workbench.errors import QuestionRefused, UnknownName
from workbench.privacy.domains import declared_code, declared_group, meaning_of
from workbench.privacy.forms import Find, Sheet, keep, sheet_of
from workbench.privacy.groups import Group, Scope
from workbench.privacy.margins import Form, divided, tangent, times
from workbench.privacy.query import CustomerRule, named_column
from workbench.privacy.release import Dimension, Measure, Release

AND = " + "


@dataclass(frozen=True)
class Pairs(CustomerRule):
    """Pairs of a column's values, as a group of a question; made by `pairs`."""

    column: str

    def group(self, scope: Scope) -> Group:
        """Return them resolved against a question."""
        if self.column not in scope.allowed:
            raise UnknownName("column", self.column, scope.allowed)
        single, most = declared_group(self.column, scope.allowed[self.column])
        values = single.values
        if any(AND in str(value) for value in values):
            raise QuestionRefused(
                f"a value of '{self.column}' holds '{AND}', which stands between two of a pair."
            )
        both = tuple(
            str(one) if i == j else f"{one}{AND}{values[j]}"
            for i, one in enumerate(values)
            for j in range(i, len(values))
        )
        dimension = Dimension(f"{self.column}_pair", f"{single.title}, pair", "category", both)
        column = scope.allowed[self.column]
        code = declared_code(scope.source[self.column], self.column, column)
        meaning = meaning_of(self.column, column)
        return Group(dimension, most * (most + 1) // 2, code=code, pairs=True, meaning=meaning)


def pairs(column: str) -> Pairs:
    """Group by two values of a column that one customer has, for `Release.affinity`.

    Parameters
    ----------
    column : str
        A column with a declared domain. The question asks for ``.customers()`` by it alone.

    Examples
    --------
    >>> pairs("category").column
    'category'
    """
    return Pairs(named_column(column))


def affinity(release: Release, of: Release, name: str | None = None) -> Release:
    """Compute the lift of every pair; see `Release.affinity`."""
    recipe = {"op": "affinity"}
    find = None if release.origin is None else release.origin.find
    sheet = _lifts(sheet_of(release, find), sheet_of(of, find))
    return keep(release, sheet, recipe, [of], name)


def replay(recipe: Mapping[str, Any], parents: list[Release], find: Find) -> Sheet:
    """Compute lifts again, as a sheet."""
    return _lifts(sheet_of(parents[0], find), sheet_of(parents[-1], find))


def _lifts(sheet: Sheet, whole: Sheet) -> Sheet:
    if len(sheet.by) != 1 or not sheet.by[0].name.endswith("_pair") or whole.by:
        raise QuestionRefused(
            "affinity is of customers by wb.pairs(column) alone, and of= is all customers of the "
            "same question, without by=."
        )
    axis = sheet.by[0]
    at = {str(key[0]): form for key, form in zip(sheet.keys, sheet.forms["customers"], strict=True)}
    every = whole.forms["customers"][0]
    keys, both, shares, lifts = [], list[Form](), list[Form](), list[Form]()
    for pair, form in at.items():
        if AND not in pair:
            continue
        one, other = pair.split(AND)
        expected = times(tangent(at[one]), tangent(at[other]))
        keys.append((pair,))
        both.append(form)
        shares.append(divided(form, at[one]))
        lifts.append(divided(times(form, every), expected))
    dimension = replace(axis, values=tuple(key[0] for key in keys), exclusive=False)
    measures = (
        Measure("customers", "customers", "Customers with both", "customers"),
        Measure("both_rate", "rate", "Of the first, have both", None, 4),
        Measure("lift", "derived", "Times as often as by chance", None, 2, 0.0),
    )
    return Sheet(
        (dimension,),
        tuple(keys),
        measures,
        {"customers": both, "both_rate": shares, "lift": lifts},
        notes=sheet.notes,
    )
