"""A release's columns as a reader sees them: no finer than their margin, never below the least.

How far a figure is moved and rounded is `workbench.privacy.columns`'s to say; the ledger keeps the
noisy figures as they were drawn.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil, floor, log10
from typing import Any

from workbench.errors import QuestionRefused, one_of
from workbench.figures.language import Language
from workbench.privacy.columns import (
    AND,
    COUNTS,
    Dimension,
    Measure,
    digits_of,
    longer_side,
    placed,
)
from workbench.privacy.margins import NOTHING, Interval
from workbench.privacy.release import Release
from workbench.privacy.tables import unrounded

CURRENCY = re.compile(r"^[A-Z]{3}$")
_TIMES = ("month", "date")
_DAYS = re.compile(r"(?P<sign>[<≥] )?(?P<low>[\d,]+)(?: to (?P<high>[\d,]+))? days")
_ENDS = re.compile(r"^(\S+) to (\S+)$")  # "50 to 200", a band of a question's own edges


@dataclass(frozen=True)
class Value:
    """One figure with its 95 % interval; all None where it is suppressed or not defined."""

    value: float | None
    low: float | None
    high: float | None

    @property
    def margin(self) -> float | None:
        """Half the interval's width, or its longer side where it is lopsided."""
        return longer_side(self.value, self.low, self.high)


@dataclass(frozen=True)
class Series:
    """One measure of a release: its figures row by row, and the decimals worth showing.

    ``digits`` below zero are tens, hundreds, thousands; of a rate they are those of its percentage.
    ``contrast`` is the measure's: what zero means no difference in.
    """

    measure: Measure
    values: tuple[Value, ...]
    digits: int
    contrast: str | None = None

    @property
    def rate(self) -> bool:
        """Whether figures are fractions, shown as percentages."""
        return self.measure.percent

    @property
    def empty(self) -> bool:
        """Whether there is no figure at all, as in a report that is only planned."""
        return all(value.value is None for value in self.values)

    @property
    def has_margins(self) -> bool:
        """Whether any figure carries a margin; quantiles do not."""
        return any(value.margin is not None for value in self.values)

    @property
    def currency(self) -> str:
        """The currency's code, of amounts of money."""
        unit = self.measure.unit or ""
        return unit if CURRENCY.match(unit) else ""

    def plain(self, value: float | None) -> float | int | None:
        """Return a figure rounded to what is shown, for a chart's data."""
        if value is None:
            return None
        rounded = round(value, self.digits + 2 if self.rate else self.digits)
        return int(rounded) if float(rounded).is_integer() else rounded

    def text(
        self,
        value: float | None,
        language: Language,
        compact: bool = False,
        beside: float | None = None,
    ) -> str:
        """Return a figure in words: thousands separators, percent, no unit.

        ``beside`` is the figure it is a margin of: in Chinese both are in ten thousands or none.
        """
        if value is None:
            return language.word("none")
        if self.rate:
            return language.percent(value, self.digits)
        # why: in short, a number of noise below a hundred would be coarser than its margin
        if not compact or (self.digits >= 0 and any(each.margin for each in self.values)):
            return language.number(value, self.digits)
        least = (
            language.least_beside(beside) if beside is not None and language.code == "zh" else None
        )
        return language.compact(value, self.digits, least)

    def margin(self, value: Value) -> float | None:
        """Return the one margin that is told: the mean of nearly even sides, else the longer."""
        if value.low is None or value.high is None or not self.even(value):
            return value.margin
        # why half: counts are stored whole, so that one side may be longer by rounding alone
        return (value.high - value.low) / 2

    def even(self, value: Value) -> bool:
        """Whether both sides of an interval are nearly as long, so that one margin tells them."""
        if value.value is None or value.low is None or value.high is None:
            return False
        above, below = value.high - value.value, value.value - value.low
        step = 10.0 ** -(self.digits + 2 if self.rate else self.digits)
        return abs(above - below) <= max(step, 0.1 * max(above, below))

    def unknown(self, value: Value) -> bool:
        """Whether a figure is a difference that may as well be nothing, or the other way round."""
        if self.contrast is None or value.low is None or value.high is None:
            return False
        return value.low <= 0 <= value.high and value.low < value.high

    @property
    def untold(self) -> bool:
        """Whether it is what an effect brings, and of no row known: then it is no column."""
        known = [each for each in self.values if each.value is not None]
        return self.contrast == "gain" and bool(known) and all(map(self.unknown, known))

    def between(self, value: Value, language: Language, currency: str = "") -> str:
        """Return "between −7 and +7 points", of what is not known, rounded outwards."""
        low, high = value.low or 0.0, value.high or 0.0
        scale = 100.0 if self.rate else 1.0
        step = 10.0 ** floor(log10((high - low) / 10 * scale))
        digits = round(-log10(step))
        ends = []
        # why the small part: what stands on a step but for the last bit of a float stays there
        for end in (floor(low * scale / step + 1e-6), ceil(high * scale / step - 1e-6)):
            sign = "+" if end > 0 else ""
            ends.append(sign + language.with_unit(language.number(end * step, digits), currency))
        kind = "points" if self.contrast == "points" else "percent" if self.rate else "plain"
        return language.word(f"between {kind}", low=ends[0], high=ends[1])

    def told(
        self, value: Value, language: Language, compact: bool = False, currency: str = ""
    ) -> tuple[str, str]:
        """Return a figure and its margin in words; of a difference that is not known, its range."""
        if self.unknown(value):
            return language.word("not known"), self.between(value, language, currency)
        margin = self.margin_text(value, language, compact)
        return self.text(value.value, language, compact), margin

    def at_limit(self, value: Value) -> bool:
        """Whether a figure stands at an end of its interval: all that is known is the range."""
        if value.margin is None or self.even(value):
            return False
        return self.plain(value.value) in (self.plain(value.low), self.plain(value.high))

    def margin_text(self, value: Value, language: Language, compact: bool = False) -> str:
        """Return "± 30", or the interval's ends where they are lopsided; empty without one."""
        if value.margin is None or value.low == value.high:  # no noise moves it: all beside all
            return ""
        if self.even(value):
            return "± " + self.text(self.margin(value), language, compact, value.value)
        ends = [self.text(end, language, compact, value.value) for end in (value.low, value.high)]
        if compact and ends[0] == ends[1]:  # in short they would look like one
            return self.margin_text(value, language)
        return language.word("range", low=ends[0], high=ends[1])

    def both(self, value: Value, language: Language, currency: str = "") -> str:
        """Return a figure and its margin in words; one at its limit as the range it may be in."""
        if self.unknown(value):
            between = self.between(value, language, currency)
            return language.word("not known: between", between=between)
        margin = self.margin_text(value, language)
        if margin and self.at_limit(value):
            return margin
        if margin and not margin.startswith("±"):  # the ends of a lopsided interval
            margin = f"({margin})"
        return " ".join(filter(None, (self.text(value.value, language), margin)))

    def full(self, value: Value, language: Language) -> str:
        """Return a figure, its margin and its unit in words, for where no title tells the unit."""
        said = self.both(value, language, self.currency)
        if value.value is None or self.unknown(value):
            return said
        return language.with_unit(said, self.unit)

    @property
    def unit(self) -> str:
        """The unit that is said beside a figure: a currency's code or a word; none of counts."""
        unit = self.measure.unit
        return "" if self.rate or not unit or unit in COUNTS else unit

    def title(self, language: Language) -> str:
        """Return the measure's title with its unit, where that says more."""
        title = language.measure(self.measure.title)
        if not self.unit:
            return title
        return language.word("with unit", title=title, unit=language.say(self.unit))


def measure_of(release: Release, name: str) -> Measure:
    """Return one measure of a release, or raise `UnknownName` with a suggestion."""
    return one_of("measure", {each.name: each for each in release.measures}, name)


def series(release: Release, name: str) -> Series:
    """Return one measure of a release.

    Raises
    ------
    UnknownName
        The release has no such measure.
    """
    measure = measure_of(release, name)
    values = tuple(Value(*placed(measure, *triple)) for triple in drawn(release, measure))
    return Series(measure, values, _digits(measure, values), contrast_of(release, measure))


def contrast_of(release: Release, measure: Measure) -> str | None:
    """Return what a measure is a difference in, also where an earlier version derived it."""
    if measure.contrast:
        return measure.contrast
    for each in release.mechanism.get("recipe", {}).get("figures", ()):
        named = each.get("name") == measure.name
        if each["op"] == "difference" and (named or measure.name.endswith("_change")):
            relative = each.get("options", {}).get("relative")
            return "relative" if relative else "points" if measure.percent else "amount"
    return None


def drawn(release: Release, measure: Measure) -> list[Interval]:
    """Return a measure's figures and intervals as they were drawn, wherever they lie."""
    found: list[Interval] = [
        (_float(value), _float(low), _float(high))
        for value, low, high in unrounded(release, measure)
    ]
    # why: the first row of cut-offs is all of all, which no noise moves
    whole = release.mechanism.get("recipe", {}).get("op") == "cutoffs"
    if whole or measure.kind not in ("rate", "var", "std"):
        return found
    # why: earlier versions stored these cut at both ends, so that noise looked like certainty
    return [NOTHING if None is not each[0] == each[1] == each[2] else each for each in found]


def dimension(release: Release, name: str) -> Dimension:
    """Return one group column of a release, or raise `UnknownName` with a suggestion."""
    return one_of("group column", {each.name: each for each in release.by}, name)


def label(axis: Dimension, value: object, language: Language) -> str:
    """Return a group value in words: "Sep 2026" for a month."""
    if value is None:
        return language.word("none")
    if axis.kind in _TIMES:
        return language.period(str(value))
    said = language.say(str(value))
    if AND in said and said == str(value):  # a pair of declared values
        return AND.join(language.say(each) for each in said.split(AND))
    if said == str(value) and (days := _DAYS.fullmatch(said)):  # what a rule asks: "≥ 48 days"
        low, high = days["low"], days["high"]
        sign = days["sign"] or ""
        span = language.word("range", low=low, high=high) if high else f"{sign}{low}"
        return language.word("days", number=span)
    if axis.kind == "band" and (ends := _ENDS.match(said)):
        return language.word("range", low=ends[1], high=ends[2])
    return said


def within(title: str) -> str:
    """Return a title as it stands within a sentence: "Region" is "region", "FICO" stays."""
    return title[0].lower() + title[1:] if title[1:2].islower() else title


def is_time(axis: Dimension) -> bool:
    """Whether a group column is months or days."""
    return axis.kind in _TIMES


def declared_order(release: Release) -> list[int]:
    """Return row numbers in the order the group columns' domains are declared in."""
    places = [
        (release.columns[axis.name], {value: at for at, value in enumerate(axis.values)})
        for axis in release.by
    ]
    return sorted(
        range(len(release)),
        key=lambda row: [order.get(column[row], len(order)) for column, order in places],
    )


def pick(releases: Sequence[Release], index: int) -> Release:
    """Return the release of a figure's number."""
    if index >= len(releases):
        raise QuestionRefused(
            f"the figure names release {index} of {len(releases)}; they are counted from 0."
        )
    return releases[index]


def at(
    release: Release, axes: Sequence[Dimension], figures: Series
) -> dict[tuple[Any, ...], Value]:
    """Return figures by their group values.

    Raises
    ------
    QuestionRefused
        The axes do not name every group column, so that several rows would fall on one place.
    """
    missing = [each.name for each in release.by if each.name not in {axis.name for axis in axes}]
    if missing:
        raise QuestionRefused(
            f"'{release.name}' has a row for each "
            + " and ".join(each.name for each in release.by)
            + f"; the figure leaves out {', '.join(missing)}. Give it an axis or a color, or "
            "release the question without it. Noisy parts are not added up."
        )
    keys = zip(*(release.columns[axis.name] for axis in axes), strict=True) if axes else [()]
    return dict(zip(keys, figures.values, strict=True))


def _digits(measure: Measure, values: Sequence[Value]) -> int:
    digits = digits_of(measure, (value.margin for value in values))
    return max(0, digits - 2) if measure.percent else digits


def _float(value: Any) -> float | None:
    """Return a finite number as float, else None."""
    if value is None:
        return None
    number = float(value)
    return number if abs(number) != float("inf") and number == number else None
