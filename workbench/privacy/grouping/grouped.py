"""Values of a column put together under names of the question's own: countries as regions."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from workbench.errors import QuestionRefused, UnknownName
from workbench.privacy.columns import Dimension
from workbench.privacy.grouping.codes import RowCode
from workbench.privacy.grouping.opened import require_value
from workbench.privacy.groups import Group, GroupRule, Scope, named_column


@dataclass(frozen=True)
class Grouped(GroupRule):
    """A column's values by the group each is in, as a group of a question; made by `grouped`."""

    column: str
    groups: tuple[tuple[str, tuple[str | int, ...]], ...]
    rest: str | None = None

    def group(self, scope: Scope) -> Group:
        """Return it resolved against a question."""
        if self.column not in scope.allowed:
            raise UnknownName("column", self.column, scope.allowed)
        column = scope.allowed[self.column]
        kind: type = int
        if column.role in ("subject key", "direct identifier"):
            raise QuestionRefused(f"'{self.column}' is a {column.role}: its values are customers.")
        if column.type == "text":
            kind = str
        elif column.type != "integer":
            raise QuestionRefused(
                f"'{self.column}' is {column.type}; values of text and whole numbers are grouped. "
                f"For ranges use wb.bands('{self.column}', [...])."
            )
        value, code = scope.source[self.column], None
        for _, members in self.groups:
            for each in members:
                if type(each) is not kind:
                    raise QuestionRefused(f"'{self.column}' is {column.type}, and {each!r} is not.")
                require_value(self.column, column, each)
        names = [name for name, _ in self.groups]
        if self.rest is not None:
            code = value.notnull().ifelse(len(names), None)
            names.append(self.rest)
        for place, (_, members) in enumerate(self.groups):
            code = value.isin(list(members)).ifelse(place, code)
        title = column.title or self.column.replace("_", " ").capitalize()
        exclusive = column.values_per_customer == 1
        dimension = Dimension(
            f"{self.column}_group", f"{title}, group", "category", tuple(names), exclusive=exclusive
        )
        most = min(column.values_per_customer or len(names), len(names))
        meaning = ["grouped", self.column, [[str(m) for m in group] for _, group in self.groups]]
        return Group(dimension, most, RowCode(code, [*meaning, self.rest is not None]))

    def given(self) -> Mapping[str, Any]:
        """Return the names and numbers an analyst gave it."""
        names = [name for name, _ in self.groups] + ([] if self.rest is None else [self.rest])
        members = [each for _, group in self.groups for each in group]
        return {
            "names": names + [each for each in members if isinstance(each, str)],
            "numbers": {f"values of '{self.column}'": [m for m in members if isinstance(m, int)]},
        }


def grouped(
    column: str, groups: Mapping[str, Iterable[str | int]], *, rest: str | None = None
) -> Grouped:
    """Group by a column whose values are put together: ``{"Nordics": ["Norway", "Sweden"]}``.

    Parameters
    ----------
    column : str
        A column of text or whole numbers; it needs no declared domain, for the values are given.
    groups : mapping of str to values
        The name of each group, and its values. No value may be in two.
    rest : str, optional
        Where all other values belong; left out, they are in no group. Rows without a value are in
        none either.

    Examples
    --------
    >>> grouped("country", {"Nordics": ["Norway", "Sweden"]}, rest="Elsewhere").rest
    'Elsewhere'
    """
    if not groups:
        raise QuestionRefused('groups are given by name: {"Nordics": ["Norway", "Sweden"]}.')
    if any(isinstance(members, str) for members in groups.values()):
        raise QuestionRefused('a group is a list of values: {"Nordics": ["Norway", "Sweden"]}.')
    given = tuple((str(name), tuple(members)) for name, members in groups.items())
    members = [each for _, group in given for each in group]
    if not all(group for _, group in given):
        raise QuestionRefused("a group without values would always be empty; leave it out.")
    if len(set(members)) != len(members):
        twice = next(each for each in members if members.count(each) > 1)
        raise QuestionRefused(f"'{twice}' is in two groups; a value belongs to one.")
    if rest in groups:
        raise QuestionRefused(f"'{rest}' is a group already; the rest needs a name of its own.")
    return Grouped(named_column(column), given, rest)
