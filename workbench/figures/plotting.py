"""What charts have in common: axes, ticks, margins, titles, one theme, and the words beneath.

Positions, order, ranges and ticks come from declared domains and released figures only. Every
chart is a plain dictionary for Plotly, the same in JupyterLab and on the page, and carries its
95 % margins.

Series colours keep a contrast of at least 3:1 on the light and the dark page, so a chart needs no
second set; a test measures it. Text and grid colours are the light page's; the page's style sheet
replaces them when dark.
"""

from __future__ import annotations

import math
from abc import abstractmethod
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from workbench.figures.changes import Together
from workbench.figures.drawn import Chart, pivot
from workbench.figures.language import Language
from workbench.figures.notes import bounded, in_words
from workbench.figures.spec import Spec, the_one
from workbench.figures.values import Series, Value, at, dimension, label, series, within
from workbench.privacy.columns import Dimension, Scalar, plain
from workbench.privacy.release import Release

Places = dict[tuple[Any, ...], Value]


@dataclass(frozen=True)
class Drawing:
    """A chart's traces and layout, its kind in words, and how it tells its margins."""

    kind: str
    margins: str
    data: list[dict[str, Any]]
    layout: dict[str, Any]


class ChartSpec(Spec):
    """A chart of one measure over one or two group columns."""

    @property
    @abstractmethod
    def axes(self) -> tuple[str, str, str | None]:
        """The measure, and the columns it is drawn over."""

    @abstractmethod
    def plot(self, release: Release, language: Language) -> Drawing:
        """Return its traces and layout."""

    def measures(self, at: int, release: Release) -> Iterator[str]:  # why: named
        """Yield the measure shown."""
        yield self.axes[0]

    def picture(self, releases: Sequence[Release], language: Language, together: Together) -> Chart:
        """Return the chart with its words, and the table that says the same."""
        release = the_one(releases, together)
        measure, first, second = self.axes
        figures, rows = series(release, measure), dimension(release, first)
        columns = dimension(release, second) if second else None
        title = language.say(self.title) if self.title else _title(figures, rows, columns, language)
        drawing = self.plot(release, language)
        said = in_words(release, measure, language)
        note = language.word("clause").join(filter(None, [figures.title(language), said]))
        if figures.empty:
            note += f" · {language.word('no values')}"
        elif figures.has_margins:
            note += f" · {language.word(drawing.margins)}"
        axes = [rows] if columns is None else [rows, columns]
        extent = _extent_words(release, axes, figures, language)
        kind = language.word(drawing.kind)
        alt = language.word("alt", kind=kind, title=title, extent=extent)
        if said and not figures.empty:
            alt = f"{alt} {language.word('sentence', text=f'{said[:1].upper()}{said[1:]}')}"
        grid = pivot(title, release, rows, columns, figures, language)
        picture = {"data": drawing.data, "layout": drawing.layout}
        return Chart(title, note, alt, picture, grid, figures.empty)


def _title(figures: Series, rows: Dimension, columns: Dimension | None, language: Language) -> str:
    """Return a title from declared words, for a chart that was given none."""
    what = language.measure(figures.measure.title)
    by = within(language.measure(rows.title))
    if columns is None:
        return language.word("by", measure=what, dimension=by)
    other = within(language.measure(columns.title))
    return language.word("by two", measure=what, dimension=by, other=other)


@dataclass(frozen=True)
class Axis:
    """A group column as an axis: its declared values that occur, and their labels for Plotly."""

    column: Dimension
    values: tuple[Scalar, ...]
    labels: tuple[str, ...]

    @classmethod
    def of(cls, release: Release, name: str, language: Language) -> Axis:
        """Return a release's group column as an axis."""
        column = dimension(release, name)
        present = set(release.columns[name])
        values = tuple(value for value in column.values if value in present)
        labels = tuple(label(column, value, language) for value in values)
        if len(set(labels)) < len(labels):  # two values translated alike would fall on one place
            labels = tuple(str(value) for value in values)
        return cls(column, values, tuple(map(plain, labels)))

    def meta(self, language: Language) -> dict[str, Any]:
        """Return ticks to use where few fit: each month with its year."""
        if self.column.kind != "month":
            return {}
        return {"meta": {"long": [self._tick(language, v, with_year=True) for v in self.values]}}

    def _tick(self, language: Language, value: Scalar, with_year: bool) -> str:
        return language.month_tick(plain(str(value)), with_year)

    def settings(self, language: Language) -> dict[str, Any]:
        """Return the Plotly axis: a category for each value; a year under its first month."""
        ticks = list(self.labels)
        if self.column.kind == "month":
            years = [str(value)[:4] for value in self.values]
            ticks = [
                self._tick(language, value, with_year=at == 0 or years[at] != years[at - 1])
                for at, value in enumerate(self.values)
            ]
        return axis(
            type="category",
            categoryorder="array",
            categoryarray=list(self.labels),
            tickmode="array",
            tickvals=list(self.labels),
            ticktext=ticks,
            tickangle=0,
            showgrid=False,
        )


def nice_ticks(low: float, high: float, count: int = 5) -> list[float]:
    """Return about ``count`` round numbers that enclose a range.

    Examples
    --------
    >>> nice_ticks(0, 4810)
    [0.0, 1000.0, 2000.0, 3000.0, 4000.0, 5000.0]
    """
    if not high > low:
        high = low + (abs(low) or 1.0)
    rough = (high - low) / count
    power = 10.0 ** math.floor(math.log10(rough))
    step = next(power * nice for nice in (1, 2, 2.5, 5, 10) if power * nice >= rough * 0.999)
    first = math.floor(low / step + 1e-9)
    last = math.ceil(high / step - 1e-9)
    decimals = max(0, 2 - math.floor(math.log10(step)))
    return [round(at * step, decimals) for at in range(first, last + 1)]


def parts(
    axes: tuple[str, str, str | None], release: Release, language: Language
) -> tuple[Axis, list[tuple[Scalar, str]], Series, Places]:
    """Return axis, series of colour (one without name if none), figures and their places."""
    y, x, color = axes
    axis = Axis.of(release, x, language)
    figures = series(release, y)
    if color is None:
        return axis, [(None, "")], figures, at(release, [axis.column], figures)
    by = Axis.of(release, color, language)
    values = at(release, [axis.column, by.column], figures)
    return axis, list(zip(by.values, by.labels, strict=True)), figures, values


def place(x: Scalar, color: Scalar) -> tuple[Scalar, ...]:
    """Return where a figure of a value and a colour is found."""
    return (x,) if color is None else (x, color)


def whiskers(points: Sequence[Value | None], figures: Series, color: str) -> dict[str, Any]:
    """Return margins as whiskers."""

    def reach(point: Value | None, up: bool) -> float | int | None:
        if point is None or point.value is None or point.low is None or point.high is None:
            return None
        return figures.plain(point.high - point.value if up else point.value - point.low)

    return {
        "type": "data",
        "symmetric": False,
        "array": [reach(point, up=True) for point in points],
        "arrayminus": [reach(point, up=False) for point in points],
        "color": color,
        "thickness": 1.5,
        "width": 4,
    }


def named(name: str, index: int) -> dict[str, Any]:
    """Return a trace's entry in the legend, if it has a name."""
    return {"name": name, "legendgroup": str(index)} if name else {"showlegend": False}


def hover(
    points: Sequence[Value | None], axis: str, name: str, figures: Series, language: Language
) -> dict[str, Any]:
    """Return what is said on hover over points of a trace."""
    head = f"{name}<br>" if name else ""
    return {
        "customdata": [figures.both(point, language) if point else "" for point in points],
        # why no <b>: plotly.js sets it with a style attribute, which the page's policy forbids
        "hovertemplate": f"{head}%{{{axis}}}<br>%{{customdata}}{hover_bound(figures, language)}",
    }


def hover_bound(figures: Series, language: Language) -> str:
    """Return the end of what is said on hover: the figure's bound, and nothing of Plotly's own."""
    said = bounded(figures.measure, language)
    return f"<br>{plain(said)}<extra></extra>" if said else "<extra></extra>"


def extent(
    values: Iterable[Value], ends: bool = True, target: float | None = None
) -> tuple[float, float]:
    """Return the lowest and highest released figure, with or without their margins, and target."""
    found = [
        number
        for each in values
        for number in ((each.value, each.low, each.high) if ends else (each.value,))
        if number is not None and each.value is not None
    ]
    if not found:
        return 0.0, 1.0
    found += [] if target is None else [target]
    return min(found), max(found)


def _ticks(
    figures: Series, low: float, high: float, language: Language, count: int = 5
) -> dict[str, Any]:
    at_values = nice_ticks(low, high, count)
    step = at_values[1] - at_values[0]
    digits = next(d for d in range(20) if math.isclose(round(step, d), step))

    least = language.least_beside(max(map(abs, at_values)))  # all of them in one style

    def text(value: float) -> str:
        if figures.rate:
            return language.percent(value, max(0, digits - 2))
        return language.compact(value, digits, least=least)

    return {
        "tickmode": "array",
        "tickvals": at_values,
        "ticktext": [text(value) for value in at_values],
    }


def value_axis(figures: Series, low: float, high: float, language: Language) -> dict[str, Any]:
    """Return the axis of figures, over round numbers that enclose them."""
    ticks = _ticks(figures, low, high, language)
    ends = [ticks["tickvals"][0], ticks["tickvals"][-1]]
    return axis(range=ends, **ticks)


def _extent_words(
    release: Release, axes: Sequence[Dimension], figures: Series, language: Language
) -> str:
    shown = [
        (
            value.value,
            " / ".join(label(axis, part, language) for axis, part in zip(axes, key, strict=True)),
            value,
        )
        for key, value in at(release, axes, figures).items()
        if value.value is not None
    ]
    if not shown:
        return language.word("no values")
    lowest, highest = min(shown, key=lambda each: each[0]), max(shown, key=lambda each: each[0])
    return language.word(
        "extent",
        low=figures.both(lowest[2], language),
        low_at=lowest[1],
        high=figures.both(highest[2], language),
        high_at=highest[1],
    )


# Told apart with the usual colour-vision deficiencies; beyond nine, dashes tell them apart.
PALETTE = (
    "#2878b5",
    "#d0661a",
    "#1f8a6d",
    "#b8529a",
    "#8a7a1c",
    "#6a6fd0",
    "#c2484a",
    "#5f7f8c",
    "#5b9a2f",
)
DASHES = ("solid", "dash", "dot", "dashdot")
SYMBOLS = ("circle", "square", "diamond", "triangle-up", "cross", "x", "star", "pentagon")
SHADES = (  # light to middling, one hue: figures on them stay dark and legible, on either page
    (0.0, "#eef5f9"),
    (0.25, "#d0e4ee"),
    (0.5, "#aed0e1"),
    (0.75, "#88b9d2"),
    (1.0, "#5fa1c2"),
)
INK, MUTED, GRID, WHISKER = "#1c2733", "#5a6775", "#dde3e8", "#56636f"
FONT = (
    "system-ui, -apple-system, 'Segoe UI', Roboto, 'Noto Sans', 'PingFang SC', "
    "'Microsoft YaHei', 'Noto Sans CJK SC', sans-serif"
)


def color(index: int) -> str:
    """Return the colour of the ``index``-th series."""
    return PALETTE[index % len(PALETTE)]


def faint(index: int) -> str:
    """Return the colour of the ``index``-th series' margin band."""
    red, green, blue = (int(color(index)[at : at + 2], 16) for at in (1, 3, 5))
    return f"rgba({red},{green},{blue},0.18)"


def dash(index: int) -> str:
    """Return the dash of the ``index``-th series."""
    return DASHES[index // len(PALETTE) % len(DASHES)]


def axis(**settings: Any) -> dict[str, Any]:
    """Return an axis in the theme: no zoom, so that its ticks can be words."""
    return {
        "automargin": True,
        "fixedrange": True,
        "gridcolor": GRID,
        "linecolor": GRID,
        "zeroline": False,
        "tickfont": {"color": MUTED, "size": 12},
        "ticks": "",
        **settings,
    }


def layout(height: int, **settings: Any) -> dict[str, Any]:
    """Return a chart's layout in the theme."""
    return {
        "height": height,
        "autosize": True,
        "margin": {"l": 8, "r": 12, "t": 8, "b": 8, "pad": 4},
        "paper_bgcolor": "rgba(0,0,0,0)",
        "plot_bgcolor": "rgba(0,0,0,0)",
        "font": {"family": FONT, "size": 13, "color": INK},
        "dragmode": False,
        "hovermode": "closest",
        "hoverlabel": {"bgcolor": "#ffffff", "bordercolor": GRID, "font": {"color": INK}},
        "showlegend": False,
        "legend": {
            "orientation": "h",
            "x": 0,
            "xanchor": "left",
            "y": 1.02,
            "yanchor": "bottom",
            "font": {"color": INK, "size": 12.5},
            "itemclick": "toggle",
            "itemdoubleclick": "toggleothers",
        },
        **settings,
    }
