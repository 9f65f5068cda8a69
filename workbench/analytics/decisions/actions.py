"""What to do next for each group: the action that gains most, where any surely gains."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from workbench.errors import QuestionRefused
from workbench.privacy.columns import Dimension, Measure
from workbench.privacy.margins import (
    Affine,
    Fixed,
    Form,
    chance_below_zero,
    quantile,
    tangent,
    weighted,
)
from workbench.privacy.noted import noted
from workbench.privacy.sheets import Sheet, grouped, operation, without
from workbench.privacy.tables import derived

if TYPE_CHECKING:
    from workbench.privacy.release import Release

WAIT = "none is sure: test first"


def next_best_action(
    gains: Release,
    *,
    action: str = "action",
    gain: str = "expected_gain",
    name: str | None = None,
) -> Release:
    """Return for each group the action that gains most; costs nothing.

    Parameters
    ----------
    gains : Release
        What each action gains, net of its cost, by ``action`` and by groups such as personas.
    action, gain : str
        The group column, and the measure.
    name : str, optional
        What to call the result.

    Returns
    -------
    Release
        By group and ``action``: the gain, its margin that of the best of so many; ``lead`` over the
        next best; and ``wrong``, the chance that another would gain more. Where the margin of the
        best reaches nothing, the action is "none is sure: test first".
    """
    asked = {"action": action, "measure": gain}
    return derived("next_best", [gains], asked, name or f"{gains.name}-next")


@operation("next_best")
def _next_best(sheet: Sheet, *, action: str, measure: str) -> Sheet:
    axis, gain = sheet.axis(action), sheet.measure(measure)
    among = len(sheet.by[axis].values)
    keys, best, leads, wrongs = [], list[Form](), list[Form](), list[Form]()
    for key, rows in grouped(without(key, {axis}) for key in sheet.keys).items():
        lines = [(line, row) for row in rows if (line := tangent(sheet.forms[measure][row]))]
        if sheet.unknown:
            lines = [(Affine(0.0), rows[0])]
        if not lines:
            raise QuestionRefused(f"no gain is known of {' / '.join(map(str, key))}.")
        (first, row), *others = sorted(lines, key=lambda each: (-each[0].value, each[1]))
        gaps = [weighted([(1.0, first), (-1.0, other)]) for other, _ in others]
        sure = first.value - quantile(0.95, among) * first.variance**0.5 > 0
        keys.append((*key, sheet.keys[row][axis] if sure else WAIT))
        best.append(None if sheet.unknown else first)
        leads.append(gaps[0] if gaps else None)
        chances = [chance_below_zero(gap.value, gap.variance**0.5) for gap in gaps]
        wrongs.append(Fixed(min(1.0, sum(chances))))
    told = tuple(dict.fromkeys(str(key[-1]) for key in keys))
    made = Dimension(action, sheet.by[axis].title, "category", told)
    measures = (
        gain,
        Measure("lead", "derived", "More than the next best", gain.unit, 0, contrast="amount"),
        Measure("wrong", "rate", "Chance that another gains more", None, 2),
    )
    return replace(
        sheet,
        by=(*without(sheet.by, {axis}), made),
        keys=tuple(keys),
        measures=measures,
        forms={measure: best, "lead": leads, "wrong": wrongs},
        adds=frozenset(),
        refused={},
        among=max(sheet.among, among),
        notes=(*sheet.notes, noted("next best")),
    )
