"""Bands of a private card's points as a group of a question: the score is a row's own."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from workbench.privacy.columns import Dimension
from workbench.privacy.grouping.codes import RowCode, band_code
from workbench.privacy.groups import Group, GroupRule, Scope
from workbench.privacy.models.bins import Bins
from workbench.privacy.models.card_tables import require_feature
from workbench.privacy.provenance import FittedLabel


@dataclass(frozen=True, eq=False)
class ScoreBands(GroupRule):
    """Bands of points, the riskiest first; made by `PrivateScorecard.bands`."""

    bins: tuple[Bins, ...]
    points: tuple[tuple[int, ...], ...]
    edges: tuple[int, ...]
    label: FittedLabel

    def given(self) -> Mapping[str, Any]:
        """Return the edges and the name."""
        numbers = {f"the edges of {self.label.name}": self.edges}
        return {"numbers": numbers, "names": (self.label.name,)}

    def group(self, scope: Scope) -> Group:
        """Return them resolved against a question."""
        import ibis

        for each in self.bins:
            require_feature(each, scope)
        parts = [
            ibis.array(list(points)).cast("array<int64>")[bins.place(scope.source[bins.column])]
            for bins, points in zip(self.bins, self.points, strict=True)
        ]
        title = self.label.name.replace("_", " ").capitalize()
        dimension = Dimension(self.label.name, title, "band", self.label.values)
        code = band_code(sum(parts[1:], start=parts[0]), self.edges)
        meaning = RowCode(code, ["score", self.label.fingerprint])
        return Group(dimension, len(self.label.values), meaning, label=self.label)
