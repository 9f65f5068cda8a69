"""Releases as Plotly figures: plain dictionaries, the same in JupyterLab and on the page.

Positions, order, ranges and ticks come from declared domains and released figures only. Every
chart carries its 95 % margins.
"""

from __future__ import annotations

import html
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from workbench.figures import theme
from workbench.figures.bounds import bounded, in_words
from workbench.figures.language import Language
from workbench.figures.specs import BarSpec, HeatmapSpec, LineSpec
from workbench.figures.tables import Grid, pivot
from workbench.figures.values import Series, Value, at, dimension, is_time, label, series
from workbench.privacy.release import Dimension, Release, Scalar
from workbench.privacy.shown import plain

_BANDS_UP_TO = 4  # more bands lie over each other; then whiskers
_LABELS_STAND_UP_TO = 12  # characters under a standing bar


@dataclass(frozen=True)
class Chart:
    """A chart, its words, and the table that says the same.

    Attributes
    ----------
    title, note, alt : str
        Heading, what is measured and how margins are drawn, and the text for who cannot see it.
    figure : dict
        ``data`` and ``layout`` of a Plotly figure.
    grid : Grid
        The same figures as a table.
    empty : bool
        Whether there is nothing to draw: every figure is suppressed, or only planned.
    """

    title: str
    note: str
    alt: str
    figure: dict[str, Any]
    grid: Grid
    empty: bool = False


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
        return theme.axis(
            type="category",
            categoryorder="array",
            categoryarray=list(self.labels),
            tickmode="array",
            tickvals=list(self.labels),
            ticktext=ticks,
            tickangle=0,
            showgrid=False,
        )


def line(spec: LineSpec, release: Release, title: str, language: Language) -> Chart:
    """Draw lines over an ordered column, with bands or whiskers for their margins."""
    x, colors, figures, values = _parts(spec.x, spec.y, spec.color, release, language)
    banded = len(colors) <= _BANDS_UP_TO
    data: list[dict[str, Any]] = []
    for index, (value, name) in enumerate(colors):
        points = [values.get(_key(at_x, value)) for at_x in x.values]
        if banded:
            data.extend(_bands(x.labels, points, figures, index))
        trace = {
            "type": "scatter",
            "mode": "lines+markers",
            "x": list(x.labels),
            "y": [figures.plain(point.value) if point else None for point in points],
            "line": {"color": theme.color(index), "width": 2.25, "dash": theme.dash(index)},
            "marker": {"color": theme.color(index), "size": 6, "symbol": _symbol(index)},
            "connectgaps": False,
            "cliponaxis": False,
            **_named(name, index),
            **_hover(points, "x", name, figures, language),
        }
        if not banded:
            trace["error_y"] = _whiskers(points, figures, theme.color(index))
        data.append(trace)
    low, high = _extent(list(values.values()))
    zero = low <= 0.4 * high
    layout = theme.layout(
        340,
        xaxis=x.settings(language),
        yaxis=_value_axis(figures, 0.0 if zero else low, high, language),
        showlegend=len(colors) > 1,
        **x.meta(language),
    )
    return chart(
        "line chart",
        "band note" if banded else "bar note",
        title,
        data,
        layout,
        (spec.y, spec.x, spec.color or ""),
        release,
        language,
    )


def bar(spec: BarSpec, release: Release, title: str, language: Language) -> Chart:
    """Draw bars from zero, with whiskers for their margins."""
    x, colors, figures, values = _parts(spec.x, spec.y, spec.color, release, language)
    lying = spec.horizontal
    if lying is None:
        longest = max((len(html.unescape(each)) for each in x.labels), default=0)
        lying = not is_time(x.column) and (longest > _LABELS_STAND_UP_TO or len(x.labels) > 8)
    data = []
    for index, (value, name) in enumerate(colors):
        points = [values.get(_key(at_x, value)) for at_x in x.values]
        heights = [figures.plain(point.value) if point else None for point in points]
        data.append(
            {
                "type": "bar",
                "orientation": "h" if lying else "v",
                "x": heights if lying else list(x.labels),
                "y": list(x.labels) if lying else heights,
                "marker": {"color": theme.color(index), "cornerradius": 3},
                "error_x" if lying else "error_y": _whiskers(points, figures, theme.WHISKER),
                "cliponaxis": False,
                **_named(name, index),
                **_hover(points, "y" if lying else "x", name, figures, language),
            }
        )
    low, high = _extent(list(values.values()))
    value_axis = _value_axis(figures, min(low, 0.0), max(high, 0.0), language)
    names = x.settings(language)
    height = 340
    if lying:
        names |= {"autorange": "reversed"}
        height = 64 + len(x.labels) * max(30, 20 * len(colors))
    layout = theme.layout(
        height,
        xaxis=value_axis if lying else names,
        yaxis=names if lying else value_axis,
        showlegend=len(colors) > 1,
        barmode="group",
        bargap=0.32,
        bargroupgap=0.08,
        **({} if lying else x.meta(language)),
    )
    if lying:
        layout["legend"] |= {"traceorder": "normal"}
    axes = (spec.y, spec.x, spec.color or "")
    return chart("bar chart", "bar note", title, data, layout, axes, release, language)


def heatmap(spec: HeatmapSpec, release: Release, title: str, language: Language) -> Chart:
    """Draw a field of cells shaded by value; the margin stands under each figure where it fits."""
    rows = Axis.of(release, spec.rows, language)
    columns = Axis.of(release, spec.columns, language)
    figures = series(release, spec.value)
    values = at(release, [rows.column, columns.column], figures)
    cells = [[values.get((row, column)) for column in columns.values] for row in rows.values]
    low, high = _extent(list(values.values()), ends=False)
    roomy = len(columns.values) <= 9
    data = [
        {
            "type": "heatmap",
            "x": list(columns.labels),
            "y": list(rows.labels),
            "z": [[figures.plain(cell.value) if cell else None for cell in row] for row in cells],
            "text": [[_cell_text(cell, figures, language, roomy) for cell in row] for row in cells],
            "customdata": [
                [figures.both(cell, language) if cell else "" for cell in row] for row in cells
            ],
            "hovertemplate": "%{y}, %{x}<br>%{customdata}" + hover_bound(figures, language),
            "texttemplate": "%{text}",
            "textfont": {"size": 12 if roomy else 10, "color": theme.INK},
            "colorscale": [list(stop) for stop in theme.SHADES],
            "zmin": figures.plain(min(low, high)),
            "zmax": figures.plain(high if high > low else low + 1),
            "xgap": 2,
            "ygap": 2,
            "hoverongaps": False,
            # why no colour bar: figures stand in the cells, and plotly.js draws the bar with a
            # style attribute, which the page's policy forbids
            "showscale": False,
        }
    ]
    layout = theme.layout(
        72 + len(rows.labels) * (46 if roomy else 28),
        xaxis=columns.settings(language) | {"side": "bottom"},
        yaxis=rows.settings(language) | {"autorange": "reversed"},
        **columns.meta(language),
    )
    axes = (spec.value, spec.rows, spec.columns)
    return chart("heat map", "cell note", title, data, layout, axes, release, language)


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


def _parts(
    x: str, y: str, color: str | None, release: Release, language: Language
) -> tuple[Axis, list[tuple[Scalar, str]], Series, dict[tuple[Any, ...], Value]]:
    """Return axis, series of colour (one without name if none), figures and their places."""
    axis = Axis.of(release, x, language)
    figures = series(release, y)
    if color is None:
        return axis, [(None, "")], figures, at(release, [axis.column], figures)
    by = Axis.of(release, color, language)
    values = at(release, [axis.column, by.column], figures)
    return axis, list(zip(by.values, by.labels, strict=True)), figures, values


def _key(x: Scalar, color: Scalar) -> tuple[Scalar, ...]:
    return (x,) if color is None else (x, color)


def _bands(
    labels: Sequence[str], points: Sequence[Value | None], figures: Series, index: int
) -> list[dict[str, Any]]:
    """Return a filled outline for each unbroken run of points with a margin."""
    runs: list[list[tuple[str, float, float]]] = [[]]
    for name, point in zip(labels, points, strict=True):
        if point is None or point.value is None or point.low is None or point.high is None:
            runs.append([])
        else:
            runs[-1].append((name, point.low, point.high))
    return [
        {
            "type": "scatter",
            "mode": "lines",
            "x": [name for name, _, _ in run] + [name for name, _, _ in reversed(run)],
            "y": [figures.plain(high) for _, _, high in run]
            + [figures.plain(low) for _, low, _ in reversed(run)],
            "fill": "toself",
            "fillcolor": theme.faint(index),
            "line": {"width": 0},
            "hoverinfo": "skip",
            "showlegend": False,
            "legendgroup": str(index),
            "cliponaxis": False,
        }
        for run in runs
        if run
    ]


def _whiskers(points: Sequence[Value | None], figures: Series, color: str) -> dict[str, Any]:
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


def _named(name: str, index: int) -> dict[str, Any]:
    return {"name": name, "legendgroup": str(index)} if name else {"showlegend": False}


def _hover(
    points: Sequence[Value | None], axis: str, name: str, figures: Series, language: Language
) -> dict[str, Any]:
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


def _symbol(index: int) -> str:
    return theme.SYMBOLS[index % len(theme.SYMBOLS)]


def _cell_text(cell: Value | None, figures: Series, language: Language, roomy: bool) -> str:
    """Return a cell's figure, over its margin where there is room; both stand in the table."""
    if cell is None:
        return ""
    text, margin = figures.told(cell, language, compact=True)
    return f"{text}<br>{margin}" if roomy and margin else text


def _extent(values: Sequence[Value], ends: bool = True) -> tuple[float, float]:
    """Return the lowest and highest released figure, with or without their margins."""
    found = [
        number
        for each in values
        for number in ((each.value, each.low, each.high) if ends else (each.value,))
        if number is not None and each.value is not None
    ]
    return (min(found), max(found)) if found else (0.0, 1.0)


def _ticks(
    figures: Series, low: float, high: float, language: Language, count: int = 5
) -> dict[str, Any]:
    at_values = nice_ticks(low, high, count)
    step = at_values[1] - at_values[0]
    digits = max(0, -math.floor(math.log10(step) + 1e-9))

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


def _value_axis(figures: Series, low: float, high: float, language: Language) -> dict[str, Any]:
    ticks = _ticks(figures, low, high, language)
    ends = [ticks["tickvals"][0], ticks["tickvals"][-1]]
    return theme.axis(range=ends, **ticks)


def chart(
    kind: str,
    margins: str,
    title: str,
    data: list[dict[str, Any]],
    layout: dict[str, Any],
    axes: tuple[str, str, str],
    release: Release,
    language: Language,
) -> Chart:
    """Return a chart with its words and table; ``axes`` are measure, rows and columns or ""."""
    measure, first, second = axes
    figures = series(release, measure)
    columns = dimension(release, second) if second else None
    rows = dimension(release, first)
    said = in_words(release, measure, language)
    note = language.word("clause").join(filter(None, [figures.title(language), said]))
    if figures.empty:
        note += f" · {language.word('no values')}"
    elif figures.has_margins:
        note += f" · {language.word(margins)}"
    alt = language.word(
        "alt",
        kind=language.word(kind),
        title=title,
        extent=_extent_words(release, rows, columns, figures, language),
    )
    if said and not figures.empty:
        alt = f"{alt} {language.word('sentence', text=f'{said[:1].upper()}{said[1:]}')}"
    grid = pivot(title, release, rows, columns, figures, language)
    return Chart(title, note, alt, {"data": data, "layout": layout}, grid, figures.empty)


def _extent_words(
    release: Release,
    rows: Dimension,
    columns: Dimension | None,
    figures: Series,
    language: Language,
) -> str:
    axes = [rows] if columns is None else [rows, columns]
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
