"""What is marked across a figure: a target, and periods that a note is about.

A figure is above its target, or below, only where the whole of its 95 % interval is; where the
interval holds the target nothing is known, wherever the figure itself lies.
"""

import datetime as dt
import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from workbench.errors import PeriodError
from workbench.figures import plotting
from workbench.figures.changes import Together
from workbench.figures.drawn import Chart
from workbench.figures.language import Language
from workbench.figures.plotting import Axis, ChartSpec
from workbench.figures.spec import Column, Number, Spec
from workbench.figures.values import Series, Value, is_time, series
from workbench.periods import Period
from workbench.privacy.columns import plain
from workbench.privacy.operational import KIND
from workbench.privacy.release import Release

_DIGITS_AT_MOST, _ROOM_ABOVE = 9, 18


class AimedSpec(ChartSpec):
    """A chart over one column, by ``color``, that may have a target."""

    target: Number | None = None
    x: Column
    y: Column
    color: Column | None = None

    @property
    def axes(self) -> tuple[str, str, str | None]:
        """The measure, and the columns it is drawn over."""
        return self.y, self.x, self.color

    def numbers(self) -> tuple[float, ...]:
        """Every number of the specification that a reader would see."""
        return () if self.target is None else (self.target,)

    def picture(self, releases: Sequence[Release], language: Language, together: Together) -> Chart:
        """Return the chart, its target as a line across it and in its words."""
        chart = super().picture(releases, language, together)
        if self.target is None or chart.empty:
            return chart
        release = together.judged(releases[0])
        figures = series(release, self.axes[0])
        stands = Counter(_stands(each, self.target, release) for each in figures.values)
        text = target_text(figures, self.target, language)
        counted = {key: language.number(stands[key]) for key in ("above", "below")}
        rest = language.number(len(figures.values) - stands["above"] - stands["below"])
        said = language.word("target chart", target=text, rest=rest, **counted)
        across, along = ("x", "y") if _lies(chart) else ("y", "x")
        line: dict[str, Any] = {f"{across}0": self.target, f"{across}1": self.target}
        line |= {f"{along}0": 0, f"{along}1": 1, f"{along}ref": "paper"}
        side: dict[str, Any] = {across: self.target, along: 1, f"{along}ref": "paper"}
        lies = across == "x"  # then its words stand above the bars, not over them
        side |= {"xanchor": "center" if lies else "right", "yanchor": "bottom"}
        told = replace(chart, note=f"{chart.note} · {said}", alt=f"{chart.alt} {said}.")
        side["text"] = plain(language.word("target", target=text))
        return _drawn(told, line, side, "dash", _ROOM_ABOVE if lies else 0)


def beside_target(
    figures: Series, value: Value, target: float, release: Release, language: Language
) -> str:
    """Return "target 5,000: above", or that it is not known."""
    text = target_text(figures, target, language)
    return language.word(f"target {_stands(value, target, release)}", target=text)


def target_text(figures: Series, target: float, language: Language) -> str:
    """Return a target as it was written, in a figure's unit."""
    return language.with_unit(as_written(target, figures.rate, language), figures.unit)


def as_written(number: float, rate: bool, language: Language) -> str:
    """Return a number that a person wrote with the decimals it was written with."""
    shown = number * 100 if rate else number
    digits = next((n for n in range(_DIGITS_AT_MOST) if math.isclose(round(shown, n), shown)), 2)
    return language.percent(number, digits) if rate else language.number(number, digits)


def _stands(value: Value, target: float, release: Release) -> str:
    low, high = value.low, value.high
    if release.mechanism.get("kind") == KIND:  # exact, so no margin
        low = high = value.value
    if value.value is None or low is None or high is None:
        return "unsaid"
    if low == high == target:
        return "met"
    return "above" if low > target else "below" if high < target else "unknown"


def noted(
    chart: Chart, spec: Spec, release: Release, notes: Mapping[str, str], language: Language
) -> tuple[Chart, tuple[str, ...]]:
    """Return a chart over time with a mark at each period that has a note, and the notes' words.

    Parameters
    ----------
    notes : mapping of str to str
        Period to note, such as ``2026-03`` to "Branch closed".
    """
    if not isinstance(spec, AimedSpec) or chart.empty:
        return chart, ()
    axis = Axis.of(release, spec.axes[1], language)
    if not is_time(axis.column):
        return chart, ()
    told: list[str] = []
    for text, note in sorted(notes.items(), key=lambda each: Period.parse(each[0])):
        about = Period.parse(text)
        met = (at for at, day in enumerate(axis.values) if _meets(str(day), about))
        place = next(met, None)
        if place is None:
            continue
        period, said = language.period(text), language.say(note)
        number = language.number(len(told) + 1)
        told.append(language.word("note at", number=number, period=period, note=said))
        along, across = ("y", "x") if _lies(chart) else ("x", "y")
        label = axis.labels[place]
        line: dict[str, Any] = {f"{along}0": label, f"{along}1": label}
        line |= {f"{across}0": 0, f"{across}1": 1, f"{across}ref": "paper"}
        side: dict[str, Any] = {along: label, across: 1, f"{across}ref": "paper"}
        late = 2 * place > len(axis.values)
        side |= {"xanchor": "right" if late or along == "y" else "left", "yanchor": "top"}
        chart = _drawn(chart, line, {**side, "text": number}, "dot")
    return chart, tuple(told)


def _meets(day: str, about: Period) -> bool:
    """Whether a place on an axis of months or days lies in a period, or holds it."""
    try:
        here = Period.parse(day)
        return here.start < about.end and about.start < here.end
    except PeriodError:
        return about.start <= dt.date.fromisoformat(day[:10]) < about.end


def _lies(chart: Chart) -> bool:
    return any(trace.get("orientation") == "h" for trace in chart.figure["data"])


def _drawn(
    chart: Chart, line: Mapping[str, Any], side: Mapping[str, Any], dash: str, above: int = 0
) -> Chart:
    """Return a chart with a line across it, and a word beside the line."""
    layout = chart.figure["layout"]
    shape = {"type": "line", **line, "line": {"color": plotting.MUTED, "width": 1.25, "dash": dash}}
    word = {"showarrow": False, "font": {"color": plotting.MUTED, "size": 12}, **side}
    margin = layout["margin"]
    more = {
        "height": layout["height"] + above,
        "margin": {**margin, "t": margin["t"] + above},
        "shapes": [*layout.get("shapes", ()), shape],
        "annotations": [*layout.get("annotations", ()), word],
    }
    return replace(chart, figure={**chart.figure, "layout": {**layout, **more}})
