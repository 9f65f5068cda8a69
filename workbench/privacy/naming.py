"""What names a question: all that determines its answer besides the data, in a normal form.

Names an analyst chooses, the order of columns and filters, and how a condition is written are no
part of it. Before, conditions were known by the SQL they were printed as; answers that were paid
for then are found by that, and serve where they were right.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from workbench.documents import canonical as canonical_json
from workbench.privacy.groups import Group, Scope
from workbench.privacy.identity import conjunction, named, printed
from workbench.privacy.measuring import Coordinate, Measured


@dataclass(frozen=True, eq=False)
class Known:
    """A resolved question by its names, without its span. ``groups`` are those within a part."""

    scope: Scope
    groups: Sequence[Group]
    predicates: Sequence[Any]
    asked: Measured
    cells: int
    rows: int
    pure: bool

    def canonical(self) -> Mapping[str, Any]:
        """Return what makes it the same question."""
        return {
            **self._shared(),
            "identity": 2,
            "key": self.scope.table.subject_key,
            "by": sorted(_identity(group) for group in self.groups),
            "where": conjunction(self.predicates),
            "measures": sorted(self._measure(each) for each in self.asked.coordinates),
        }

    def labels(self) -> Mapping[str, str]:
        """Return the names the analyst chose, by what they stand for."""
        found = {f"rate {each.name}": each.title for each in self._conditions()}
        for group in self.groups:
            called = named(_identity(group))
            found[f"group {called}"] = group.dimension.name
            if group.rule is not None:
                found[f"title {called}"] = group.dimension.title
        return found

    def earlier(self, span: Sequence[str] | None) -> Mapping[str, Any]:
        """Return what made it the same question over a span, by the SQL of its conditions."""
        names = self._printed()
        measures = []
        # why without: shares at bounds were not asked for then; those answers serve on
        for each in (each for each in self.asked.coordinates if each.kind != "beyond"):
            condition, mark, rest = each.name.partition(":")
            name = names.get(condition, condition) + mark + rest
            measures.append([name, each.kind, each.low, each.high, each.digits])
        return {
            **self._shared(),
            "by": sorted(self._printed_group(group) for group in self.groups),
            "where": sorted(printed(self.scope.source, each) for each in self.predicates),
            "measures": sorted(measures),
            "rows": self.rows,
            "period": span,
        }

    def earlier_labels(self) -> Mapping[str, str]:
        """Return the names the analyst chose, by what stood for them then."""
        names = self._printed()
        found = {f"rate {names[each.name]}": each.title for each in self._conditions()}
        for group in self.groups:
            meaning = "\0".join(self._printed_group(group)).encode()
            found[f"group {hashlib.sha256(meaning).hexdigest()[:24]}"] = group.dimension.name
        return found

    def _shared(self) -> dict[str, Any]:
        choices, distincts = self.asked.choices, self.asked.distincts
        return {
            "table": self.scope.table_name,
            "purpose": self.scope.purpose,
            "others": sorted([*(c.identity for c in choices), *(d.identity for d in distincts)]),
            "counts": self.asked.counts,
            "cells": self.cells,
            "mechanism": (
                "pure, 1" if self.pure else "discrete gaussian, vector scaled to its norm, 2"
            ),
        }

    def _measure(self, each: Coordinate) -> list[Any]:
        found = [each.name, each.kind, each.low, each.high, each.digits]
        if each.kind == "squares":  # of values that are cut to their limits first
            found += self.asked.values[str(each.value)].limits or ()
        return found

    def _conditions(self) -> list[Any]:
        return [each for each in self.asked.values.values() if each.condition]

    def _printed(self) -> dict[str, str]:
        source = self.scope.source
        return {each.name: f"{printed(source, each.expression)}?" for each in self._conditions()}

    def _printed_group(self, group: Group) -> list[str]:
        if group.code is None:
            return _identity(group)
        kind = "pairs" if group.pairs else "own"
        return [kind, printed(self.scope.source, group.code), *map(str, group.dimension.values)]


def _identity(group: Group) -> list[str]:
    """Return what makes a group column the same, whatever it is called."""
    values = [str(value) for value in group.dimension.values]
    if group.discovered is not None:
        return ["discovered", group.discovered]
    if group.total is not None:
        return ["total", group.total[0], *values]
    if group.days is not None:
        return ["days", group.days.kind, group.days.time, str(group.days.until), *values]
    if group.labels is not None:
        return ["labels", canonical_json(group.labels.label.canonical()), *values]
    if group.rule is not None:
        return ["rule", *group.rule.identity, *values]
    if group.joined is not None:
        return ["joined", str(group.table), str(group.meaning), *values]
    return ["pairs" if group.pairs else "own", named(group.meaning), *values]
