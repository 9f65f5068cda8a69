"""What a measurement of quality is, a light each and no value, and what it was before.

The limits are those of a p-chart: the share over all earlier snapshots, give or take three standard
errors at today's number of rows. A share outside them is not chance.
"""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Literal

from workbench.errors import UnknownName
from workbench.store.quality.rules import DIMENSIONS, Dimension

if TYPE_CHECKING:
    import pandas as pd

    from workbench.store.logs.events import Events


Light = Literal["red", "amber", "not measured", "green", "no threshold"]
Trend = Literal["worse", "steady", "better"]
RED_FROM = 0.01  # a share this far above its tolerance is red, less is amber
NO_ROWS = "no row it is about"
_WORST_FIRST: tuple[Light, ...] = ("red", "amber", "not measured", "green", "no threshold")


@dataclass(frozen=True)
class Check:
    """One rule on one column, or on a table as a whole.

    Attributes
    ----------
    table : str
    column : str or None
        None: the table as a whole.
    dimension : str
        ``accuracy``, ``completeness``, ``timeliness``, ``consistency`` or ``security``.
    rule : str
    checked, failed : int or None
        Rows (or files, columns) it is about, and those at fault. None: not measured.
    tolerance : float or None
        Share that may be at fault; None: nothing is declared, so nothing is judged.
    why : str
        Why it was not measured, or what the figure means.
    usual : tuple of float or None
        Control limits of the share, three standard errors around what it was before.
    trend : str or None
        Against the measurement before.
    """

    table: str
    column: str | None
    dimension: Dimension
    rule: str
    checked: int | None
    failed: int | None
    tolerance: float | None = 0.0
    why: str = ""
    usual: tuple[float, float] | None = None
    trend: Trend | None = None

    @property
    def rate(self) -> float | None:
        """Share at fault; None where nothing was measured."""
        return self.failed / self.checked if self.checked and self.failed is not None else None

    @property
    def light(self) -> Light:
        """``green``, ``amber``, ``red``; ``not measured``, and ``no threshold``, are no green."""
        if self.rate is None:
            return "not measured"
        if self.tolerance is None:
            return "no threshold"
        if self.rate <= self.tolerance:
            return "green"
        unusual = self.usual is not None and self.rate > self.usual[1]
        return "red" if unusual or self.rate >= self.tolerance + RED_FROM else "amber"

    @property
    def id(self) -> str:
        """What this is called in the history."""
        return f"{self.column or '*'}: {self.rule}"


@dataclass(frozen=True)
class TableQuality:
    """One table's checks, and how many rows they are about."""

    table: str
    rows: int | None
    as_of: str | None
    checks: tuple[Check, ...]

    @property
    def light(self) -> Light:
        """The worst of its lights."""
        return worst(check.light for check in self.checks)


@dataclass(frozen=True)
class Hint:
    """A column that is not declared as an identifier and looks like one.

    Attributes
    ----------
    table, column, looks_like : str
    rows, found : int
        Rows looked at that hold a value, and those in which it was found.
    """

    table: str
    column: str
    looks_like: str
    rows: int
    found: int


@dataclass(frozen=True)
class Quality:
    """A measurement of the estate's quality in five dimensions: counts only, never a value.

    Attributes
    ----------
    at : datetime
    snapshot : int
    tables : tuple of TableQuality
    hints : tuple of Hint
        Columns that look like identifiers and are declared as none.
    """

    at: dt.datetime
    snapshot: int
    tables: tuple[TableQuality, ...]
    hints: tuple[Hint, ...] = ()

    @property
    def checks(self) -> tuple[Check, ...]:
        """Every check of every table."""
        return tuple(check for table in self.tables for check in table.checks)

    @property
    def light(self) -> Light:
        """The worst of all lights."""
        return worst(check.light for check in self.checks)

    def table(self, name: str) -> TableQuality:
        """Return one table's checks.

        Raises
        ------
        UnknownName
            It was not measured.
        """
        for each in self.tables:
            if each.table == name:
                return each
        raise UnknownName("measured table", name, [each.table for each in self.tables])

    def dimensions(self) -> dict[Dimension, Light]:
        """Return the worst light of each dimension; ``not measured`` where nothing was."""
        return {name: worst(self._lights(name)) for name in DIMENSIONS}

    def counts(self) -> dict[Dimension, dict[Light, int]]:
        """Return how many checks of each dimension show which light."""
        return {
            name: {light: list(self._lights(name)).count(light) for light in _WORST_FIRST}
            for name in DIMENSIONS
        }

    def to_frame(self) -> pd.DataFrame:
        """Return a row a check."""
        import pandas as pd

        return pd.DataFrame(rows(self.checks), columns=COLUMNS)

    def _lights(self, dimension: Dimension) -> Iterator[Light]:
        return (check.light for check in self.checks if check.dimension == dimension)

    def _repr_html_(self) -> str:
        shown = self.to_frame()
        kept = shown[~shown["light"].isin(["green", "no threshold"])]
        return str(kept.to_html(index=False, border=0))


COLUMNS = [
    *("table", "column", "dimension", "rule", "checked", "failed", "rate", "tolerance", "light"),
    *("usual_low", "usual_high", "trend", "why"),
]


def rows(checks: Iterable[Check]) -> list[dict[str, Any]]:
    """Return checks as plain rows of `COLUMNS`."""
    found = []
    for check in checks:
        ends = dict(zip(("usual_low", "usual_high"), check.usual or (None, None), strict=True))
        found.append({n: ends[n] if n in ends else getattr(check, n) for n in COLUMNS})
    return found


def worst(lights: Iterable[Light]) -> Light:
    """Return the worst of some lights; nothing at all is ``not measured``.

    Examples
    --------
    >>> worst(["green", "not measured", "no threshold"]), worst([])
    ('not measured', 'not measured')
    """
    return min(lights, key=_WORST_FIRST.index, default="not measured")


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
            table.table: {
                "rows": table.rows,
                "checks": {each.id: [each.checked, each.failed] for each in table.checks},
            }
            for table in quality.tables
        },
        "hints": [[hint.table, hint.column, hint.looks_like] for hint in quality.hints],
    }
