"""A column without declared values as a group: they are found, and only common ones are shown."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from workbench.errors import QuestionRefused, UnknownName
from workbench.privacy.columns import Dimension
from workbench.privacy.groups import Group, GroupRule, Number, Scope, decimal_of, named_column


@dataclass(frozen=True)
class Discovered(GroupRule):
    """A column without a declared domain, whose values are found privately."""

    column: str
    delta: Decimal

    def given(self) -> Mapping[str, Any]:
        """Return the chance of a false value."""
        return {"numbers": {f"the delta of '{self.column}'": (self.delta,)}}

    def group(self, scope: Scope) -> Group:
        """Return it resolved against a question."""
        if self.column not in scope.allowed:
            raise UnknownName("column", self.column, scope.allowed)
        column = scope.allowed[self.column]
        if column.role in ("subject key", "direct identifier"):
            raise QuestionRefused(
                f"'{self.column}' is a {column.role}: its values name customers and are never "
                "found."
            )
        if column.type not in ("text", "integer"):
            raise QuestionRefused(
                f"'{self.column}' is {column.type}; only text and integers are found."
            )
        if not (self.delta.is_finite() and 0 < self.delta < 1):
            raise QuestionRefused(f"delta must lie between 0 and 1, not {self.delta}.")
        title = column.title or self.column.replace("_", " ").capitalize()
        return Group(
            Dimension(self.column, title, "category", ()),
            column.values_per_customer or 2**31,
            discovered=self.column,
            delta=self.delta,
        )


def discovered(column: str, *, delta: Number | str) -> Discovered:
    """Group by a column whose values are not declared; only values many customers share appear.

    Parameters
    ----------
    column : str
        A text or integer column.
    delta : number
        The chance, taken out of the customers' delta, that a value one customer alone has is
        shown. It has no default.

    Examples
    --------
    >>> discovered("merchant", delta="1e-8").column
    'merchant'
    """
    return Discovered(named_column(column), decimal_of("delta", delta))
