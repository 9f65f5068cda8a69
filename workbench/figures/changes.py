"""Changes and differences; those of a page are judged together.

A difference that a table or a chart shows is a change as well, and judged with them.

One change in twenty goes beyond its own 95 % margin by noise alone, so a page of ten cards would
show an arrow that is noise every other month. The margins of all changes of a page therefore hold
together (Šidák), those on the very same draws counted once; what two figures' noise has in common
is in the margin of their difference.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from math import sqrt
from typing import TYPE_CHECKING

from workbench.figures.values import contrast_of, drawn, measure_of
from workbench.privacy.margins import (
    Affine,
    Fixed,
    Interval,
    covariance,
    fieller,
    quantile,
    tangent,
    weighted,
)
from workbench.privacy.release import Release
from workbench.privacy.tables import sheet_of

if TYPE_CHECKING:
    from workbench.figures.spec import Spec

Find = Callable[[str], Release]
_ONE_DRAW = 0.999  # correlation from which two changes are the same one, shown twice


@dataclass(frozen=True)
class Change:
    """A key figure, the one it is compared with, and their noise where it is known.

    ``now`` and ``before`` are as drawn; ``noise`` is that of their difference.
    """

    then: str
    now: Interval
    before: Interval
    noise: Affine | None
    shared: float

    @property
    def noisy(self) -> bool:
        """Whether noise is in it: of exact figures every change is one."""
        sides = (*_sides(self.now), *_sides(self.before))
        return any(side > 0 for side in sides)

    def like(self, other: Change) -> float:
        """Return how far the noise of two changes is one and the same, from 0 to 1."""
        if self.noise is None or other.noise is None:
            return float((self.now, self.before) == (other.now, other.before))
        both = self.noise.variance * other.noise.variance
        return abs(covariance(self.noise, other.noise)) / sqrt(both) if both else 0.0

    def ends(self, wider: float) -> tuple[float, float]:
        """Return the interval of the difference, from the sides of both figures.

        Of what both share, too (Zou & Donner, *Statistics in Medicine* 27, 2008); where the noise
        is normal it is exact.
        """
        gap = (self.now[0] or 0.0) - (self.before[0] or 0.0)
        down, up = (
            wider * sqrt(max(0.0, x * x + y * y - 2 * self.shared * x * y))
            for x, y in self._facing()
        )
        return gap - down, gap + up

    def relative(self, wider: float) -> tuple[float, float] | None:
        """Return the interval of the change as a part of the earlier figure, by Fieller.

        It holds 0 where `ends` does. None where the earlier figure is not clearly above 0.
        """
        now, before = self.now[0] or 0.0, self.before[0] or 0.0
        found = [
            fieller(now, before, x * x, y * y, self.shared * x * y, wider)[side]
            for side, (x, y) in zip((1, 2), self._facing(), strict=True)
        ]
        low, high = found
        return None if low is None or high is None else (low - 1, high - 1)

    def _facing(self) -> tuple[tuple[float, float], tuple[float, float]]:
        (a, b), (c, d) = _sides(self.now), _sides(self.before)
        return (a, d), (b, c)


@dataclass(frozen=True)
class Together:
    """What the changes of a page, or of one figure, are judged by.

    Attributes
    ----------
    wider : float
        How many times as wide as alone their margins are.
    find : callable or None
        From a release's id to the release.
    """

    wider: float = 1.0
    find: Find | None = None

    @classmethod
    def of(
        cls, figures: Iterable[tuple[Spec, Sequence[Release]]], find: Find | None = None
    ) -> Together:
        """Return how the changes of several figures are judged."""
        apart: list[Change] = []
        for spec, releases in figures:
            found = (*spec.changes(releases, find), *_differences(spec, releases, find))
            for each in found:
                if each and each.noisy and all(each.like(one) < _ONE_DRAW for one in apart):
                    apart.append(each)
        return cls(quantile(0.95, len(apart)) / quantile(0.95), find)

    def judged(self, release: Release) -> Release:
        """Return a release whose differences have margins that hold with the page's others."""
        apart = [each for each in release.measures if contrast_of(release, each)]
        if self.wider == 1 or not apart:
            return release
        columns = dict(release.columns)
        for measure in apart:
            ends = [_wider(each, self.wider) for each in drawn(release, measure)]
            for side, end in ((1, "_low"), (2, "_high")):
                columns[measure.name + end] = [each[side] for each in ends]
        return replace(release, columns=columns)


def _wider(figure: Interval, wider: float) -> Interval:
    value, low, high = figure
    if value is None or low is None or high is None:
        return figure
    return value, value - wider * (value - low), value + wider * (high - value)


def _differences(spec: Spec, releases: Sequence[Release], find: Find | None) -> Iterator[Change]:
    """Yield the differences a figure shows, as changes from nothing.

    What an effect brings is the effect again, times something: no further proof of it.
    """
    for at, release in enumerate(releases):
        shown = set(spec.measures(at, release))
        for measure in release.measures:
            if measure.name in shown and contrast_of(release, measure) not in (None, "gain"):
                for row, figure in enumerate(drawn(release, measure)):
                    if None not in figure:
                        noise = noise_of(release, measure.name, row, find)
                        yield Change("", figure, (0.0, 0.0, 0.0), noise, 0.0)


def change(
    now: tuple[Release, int], before: tuple[Release, int], name: str, then: str, find: Find | None
) -> Change | None:
    """Return what a measure of one release's row is, compared with that of another's."""
    one, other = (drawn(release, measure_of(release, name))[row] for release, row in (now, before))
    if None in one or None in other:
        return None
    mine, theirs = (noise_of(release, name, row, find) for release, row in (now, before))
    if mine is None or theirs is None or not mine.variance or not theirs.variance:
        return Change(then, one, other, None, 0.0)
    shared = covariance(mine, theirs) / sqrt(mine.variance * theirs.variance)
    return Change(then, one, other, weighted([(1.0, mine), (-1.0, theirs)]), shared)


def noise_of(release: Release, name: str, row: int, find: Find | None) -> Affine | None:
    """Return a figure as a sum of draws; None where that is not known."""
    stands_on_others = release.mechanism.get("kind") in ("joined", "derived")
    if stands_on_others and find is None and release.origin is None:
        return None
    form = sheet_of(release, find).forms[name][row]
    return None if isinstance(form, Fixed) else tangent(form)


def _sides(figure: Interval) -> tuple[float, float]:
    value, low, high = figure
    if value is None or low is None or high is None:
        return 0.0, 0.0
    return max(0.0, value - low), max(0.0, high - value)
