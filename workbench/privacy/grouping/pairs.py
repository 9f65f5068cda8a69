"""Pairs of values that one customer has, for `Release.affinity`.

Customers with both of two values are counted privately, all pairs at once; a customer has many, so
the bound on cells decides how much each counts.
"""

from __future__ import annotations

from dataclasses import dataclass

from workbench.errors import QuestionRefused, UnknownName
from workbench.privacy.columns import AND, Dimension
from workbench.privacy.grouping.codes import PairCode
from workbench.privacy.grouping.declared import declared_code, declared_group, meaning_of
from workbench.privacy.groups import Group, GroupRule, Scope, named_column


@dataclass(frozen=True)
class Pairs(GroupRule):
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
        return Group(dimension, most * (most + 1) // 2, PairCode(code, meaning, len(values)))


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
