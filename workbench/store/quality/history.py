"""What quality was before: every measurement's counts, kept in a chained log, and control limits.

The limits are those of a p-chart: the share over all earlier snapshots, give or take three standard
errors at today's number of rows. A share outside them is not chance.
"""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from workbench.store.logs.events import Events
from workbench.store.quality.result import Check, Quality, Trend

if TYPE_CHECKING:
    import pandas as pd

COUNTS = "quality counts"
LEAST_POINTS = 5  # earlier snapshots that control limits need
_CHANGED = 2.58  # standard errors between two measurements that are no chance, 99 of 100


@dataclass(frozen=True)
class Point:
    """One check's counts at one snapshot."""

    at: dt.datetime
    snapshot: int
    checked: int
    failed: int


class QualityHistory:
    """The history of one workspace's quality, folded from its events."""

    def __init__(self, events: Events) -> None:
        self._events = events

    def record(self, quality: Quality) -> None:
        """Keep a measurement, unless the last one of these tables says the same."""
        body = _body(quality)
        with self._events.writing() as write:
            before = [entry.body for entry in write.entries(COUNTS)]
            same = [each for each in before if set(each["tables"]) == set(body["tables"])]
            if not same or same[-1] != body:
                write.append(COUNTS, body, at=quality.at)

    def points(self) -> dict[tuple[str, str], list[Point]]:
        """Return the counts by (table, check), one a snapshot, the last measured, oldest first."""
        found: dict[tuple[str, str], dict[int, Point]] = {}
        for entry in self._events.entries(COUNTS):
            snapshot = int(entry.body["snapshot"])
            for table, checks in entry.body["tables"].items():
                for name, (checked, failed) in checks["checks"].items():
                    if checked:
                        points = found.setdefault((table, name), {})
                        points.pop(snapshot, None)
                        points[snapshot] = Point(entry.at, snapshot, checked, failed)
        return {key: list(points.values()) for key, points in found.items()}

    def judged(self, quality: Quality) -> Quality:
        """Return a measurement with control limits and trends by what was before."""
        points = self.points()

        def before(check: Check) -> list[Point]:
            return [p for p in points.get((check.table, check.id), []) if p.snapshot
                    != quality.snapshot]  # fmt: skip  # why: one condition

        tables = tuple(
            replace(table, checks=tuple(_judged(check, before(check)) for check in table.checks))
            for table in quality.tables
        )
        return replace(quality, tables=tables)

    def to_frame(self) -> pd.DataFrame:
        """Return a row a check and snapshot: what charts of quality are drawn from."""
        import pandas as pd

        columns = ["at", "snapshot", "table", "check", "checked", "failed", "rate"]
        rows = [
            (p.at, p.snapshot, table, name, p.checked, p.failed, p.failed / p.checked)
            for (table, name), points in self.points().items()
            for p in points
        ]
        return pd.DataFrame(rows, columns=columns)


def limits(points: Sequence[Point], checked: int) -> tuple[float, float] | None:
    """Return the control limits of a share; None where too little is known.

    Examples
    --------
    >>> day = dt.datetime(2026, 1, 1, tzinfo=dt.UTC)
    >>> low, high = limits([Point(day, n, 1000, 10) for n in range(5)], 1000)
    >>> round(low, 4), round(high, 4)
    (0.0006, 0.0194)
    """
    total = sum(point.checked for point in points)
    if len(points) < LEAST_POINTS or not total or not checked:
        return None
    centre = sum(point.failed for point in points) / total
    spread = 3 * math.sqrt(centre * (1 - centre) / checked)
    return max(0.0, centre - spread), min(1.0, centre + spread)


def _judged(check: Check, points: Sequence[Point]) -> Check:
    if check.rate is None or not points or check.checked is None or check.failed is None:
        return check
    return replace(
        check,
        usual=limits(points, check.checked),
        trend=_trend(points[-1], check.checked, check.failed),
    )


def _trend(last: Point, checked: int, failed: int) -> Trend:
    """Compare two shares by their pooled standard error."""
    pooled = (last.failed + failed) / (last.checked + checked)
    spread = math.sqrt(pooled * (1 - pooled) * (1 / last.checked + 1 / checked))
    change = failed / checked - last.failed / last.checked
    if abs(change) <= _CHANGED * spread or change == 0:
        return "steady"
    return "worse" if change > 0 else "better"


def _body(quality: Quality) -> Mapping[str, Any]:
    return {
        "snapshot": quality.snapshot,
        "tables": {
            table.table: {"rows": table.rows, "checks": dict(_counts(table.checks))}
            for table in quality.tables
        },
        "hints": [[hint.table, hint.column, hint.looks_like] for hint in quality.hints],
    }


def _counts(checks: Iterable[Check]) -> Iterable[tuple[str, list[int | None]]]:
    return ((check.id, [check.checked, check.failed]) for check in checks)
