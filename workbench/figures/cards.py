"""Key figures, each compared with the period before; the changes of a page are judged together.

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

from workbench.errors import QuestionRefused
from workbench.figures.bounds import cut
from workbench.figures.language import Language
from workbench.figures.notes import measures_shown
from workbench.figures.specs import KpiSpec, KpisSpec, Spec
from workbench.figures.tables import Card, declared_order, pick
from workbench.figures.values import Series, contrast_of, drawn, is_time, series
from workbench.privacy.forms import sheet_of
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
from workbench.privacy.release import Dimension, Release
from workbench.privacy.shown import decimals

Find = Callable[[str], Release]
_ONE_DRAW = 0.999  # correlation from which two changes are the same one, shown twice
_SHARED = 0.5  # and from which one is no proof of the other


@dataclass(frozen=True)
class Change:
    """A key figure, the one it is compared with, and their noise where it is known.

    ``now`` and ``before`` are as drawn; ``noise`` is that of their difference.
    """

    item: KpiSpec
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
            compared = changes(spec, releases, find) if isinstance(spec, KpisSpec) else []
            for each in (*compared, *_differences(spec, releases, find)):
                if each and each.noisy and all(_alike(each, one) < _ONE_DRAW for one in apart):
                    apart.append(each)
        return cls(quantile(0.95, len(apart)) / quantile(0.95), find)

    def judged(self, release: Release) -> Release:
        """Return a release whose differences have margins that hold with the page's others."""
        columns = dict(release.columns)
        for measure in release.measures:
            if self.wider == 1 or not contrast_of(release, measure):
                continue
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
        shown = set(measures_shown(spec, at, release))
        for measure in release.measures:
            if measure.name in shown and contrast_of(release, measure) not in (None, "gain"):
                item = KpiSpec(release=at, measure=measure.name)
                for row, figure in enumerate(drawn(release, measure)):
                    if None not in figure:
                        noise = _noise(release, measure.name, row, find)
                        yield Change(item, "", figure, (0.0, 0.0, 0.0), noise, 0.0)


def changes(spec: KpisSpec, releases: Sequence[Release], find: Find | None) -> list[Change | None]:
    """Return what each key figure is compared with; None where there is nothing to compare."""
    return [_compared(each, releases, find) for each in spec.items]


def _compared(item: KpiSpec, releases: Sequence[Release], find: Find | None) -> Change | None:
    release = pick(releases, item.release)
    time, rows = one_line(release)
    earlier, row, then = release, rows[-1], ""
    if item.previous is not None:
        earlier = pick(releases, item.previous)
        row = one_line(earlier)[1][-1]
        if earlier.period and earlier.period != release.period:
            then = earlier.period
    elif time is not None and len(rows) > 1:
        row = rows[-2]
        then = str(release.columns[time.name][row])
    else:
        return None
    now, before = _drawn(release, item.measure, rows[-1]), _drawn(earlier, item.measure, row)
    if None in now or None in before:
        return None
    one = _noise(release, item.measure, rows[-1], find)
    other = _noise(earlier, item.measure, row, find)
    if one is None or other is None or not one.variance or not other.variance:
        return Change(item, then, now, before, None, 0.0)
    shared = covariance(one, other) / sqrt(one.variance * other.variance)
    return Change(item, then, now, before, weighted([(1.0, one), (-1.0, other)]), shared)


def _drawn(release: Release, name: str, row: int) -> Interval:
    return drawn(release, series(release, name).measure)[row]


def _noise(release: Release, name: str, row: int, find: Find | None) -> Affine | None:
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


def _alike(one: Change, other: Change) -> float:
    """Return how far the noise of two changes is one and the same, from 0 to 1."""
    if one.noise is None or other.noise is None:
        return float((one.now, one.before) == (other.now, other.before))
    both = one.noise.variance * other.noise.variance
    return abs(covariance(one.noise, other.noise)) / sqrt(both) if both else 0.0


def kpi_cards(
    spec: KpisSpec,
    releases: Sequence[Release],
    language: Language,
    together: Together | None = None,
) -> tuple[Card, ...]:
    """Return key figures, each compared with the period before where one is at hand."""
    together = together or Together.of([(spec, releases)])
    found = changes(spec, releases, together.find)
    measures = [item.measure for item in spec.items]
    cards: list[Card] = []
    for item, change in zip(spec.items, found, strict=True):
        judged = [together.judged(each) for each in releases]
        card = _card(item, judged, language)
        if change is not None and not card.change:
            figures = series(pick(releases, item.release), item.measure)
            card = _judged(card, change, figures, language, together)
        if measures.count(item.measure) > 1:  # of several releases: told apart by their names
            card = replace(card, key=f"{pick(releases, item.release).name}/{item.measure}")
        cards.append(card)
    return tuple(
        replace(card, change_margin=_not_apart(at, cards, found, language))
        for at, card in enumerate(cards)
    )


def _not_apart(
    at: int, cards: Sequence[Card], found: Sequence[Change | None], language: Language
) -> str:
    """Return a card's margin of change, and the earlier arrow that it is no further proof of."""
    card, change = cards[at], found[at]
    if change is not None and card.direction in ("up", "down"):
        for other, one in zip(cards[:at], found[:at], strict=True):
            if one and other.direction in ("up", "down") and _alike(change, one) >= _SHARED:
                return language.word("one draw", margin=card.change_margin, other=other.label)
    return card.change_margin


def one_line(release: Release) -> tuple[Dimension | None, list[int]]:
    """Return a release's time axis, if it has one, and its rows, the last being the figure shown.

    Raises
    ------
    QuestionRefused
        The release is neither one row nor a row a month.
    """
    if not release.by and len(release) == 1:
        return None, [0]
    if len(release.by) == 1 and is_time(release.by[0]) and len(release):
        return release.by[0], declared_order(release)
    raise QuestionRefused(
        f"a key figure needs one row, or one a month; '{release.name}' has {len(release)} rows by "
        f"{', '.join(axis.name for axis in release.by) or 'nothing'}. Release the total, or by a "
        "month alone."
    )


def _card(item: KpiSpec, releases: Sequence[Release], language: Language) -> Card:
    release = pick(releases, item.release)
    figures = series(release, item.measure)
    rows = one_line(release)[1]
    now = figures.values[rows[-1]]
    unknown = figures.unknown(now)
    text, margin = figures.told(now, language, compact=True)
    if figures.currency and now.value is not None and not unknown:
        text = language.money(text, figures.currency)
    title = language.say(item.label) if item.label else language.measure(figures.measure.title)
    points = tuple(figures.plain(figures.values[row].value) for row in rows)
    low, high = figures.plain(now.low), figures.plain(now.high)
    return Card(
        label=title,
        text=text,
        margin=margin,
        full=figures.both(now, language),
        change=language.word("no difference") if unknown else "",
        direction="same" if unknown else "",
        points=points if len(points) > 1 else (),
        value=None if unknown else figures.plain(now.value),
        interval=None if low is None or high is None else (low, high),
        key=item.measure,
        digits=max(0, figures.digits),
        rate=figures.rate,
        light=item.light or "",
        bound=cut(release, figures.measure, rows[-1], language),
    )


def _judged(
    card: Card, change: Change, figures: Series, language: Language, together: Together
) -> Card:
    """Return a card with its change and that one's margin; an arrow only where it is beyond."""
    now, before = change.now[0] or 0.0, change.before[0] or 0.0
    gap, (low, high) = now - before, change.ends(together.wider)
    clear = low > 0 or high < 0
    part = None if figures.rate else change.relative(together.wider)
    size = gap
    if part is not None:
        size, (low, high) = gap / before, part
    half = (high - low) / 2
    digits = decimals([half * 100], 6) if half > 0 else 1
    told = _Told(figures, part is not None, digits, language)
    # why not where it would reach 0: "up 15 % ± 15 %" beside an arrow contradicts it
    even = abs(low + high - 2 * size) <= 0.2 * half and clear == (abs(size) > half)
    margin = f"± {told.size(half)}"
    if not even:
        margin = language.word("range", low=told.signed(low), high=told.signed(high))
    elif not clear:
        margin = f"{told.signed(size)} {margin}"
    then = language.period(change.then) if change.then else language.word("period before")
    way = "same" if not clear else "up" if gap > 0 else "down"
    return replace(
        card,
        change=language.word(
            way, period=then, **({"change": told.size(abs(size))} if clear else {})
        ),
        direction=way,
        change_margin=language.word("change margin", margin=margin) if change.noisy else "",
    )


@dataclass(frozen=True)
class _Told:
    """How the size of a change is said: in percent of the earlier figure, points, or its unit."""

    figures: Series
    relative: bool
    digits: int
    language: Language

    def size(self, value: float) -> str:
        if self.relative:
            return self.language.percent(value, max(1, self.digits))
        if self.figures.rate:
            digits = max(self.figures.digits, self.digits)
            return self.language.word("points", size=self.language.number(value * 100, digits))
        return self.figures.text(value, self.language, compact=True)

    def signed(self, value: float) -> str:
        return f"{'+' if value > 0 else ''}{self.size(value)}"
