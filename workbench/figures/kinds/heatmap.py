"""A field of cells shaded by value; the margin stands under each figure where it fits."""

from collections.abc import Callable
from typing import Any, Literal

from workbench.figures import plotting
from workbench.figures.language import Language
from workbench.figures.plotting import Axis, ChartSpec, Drawing, extent, hover_bound
from workbench.figures.spec import Column, Figure, figure
from workbench.figures.values import Series, Value, at, series
from workbench.privacy.release import Release


class HeatmapSpec(ChartSpec):
    """A field of rows and columns, shaded by value."""

    kind: Literal["heatmap"] = "heatmap"
    rows: Column
    columns: Column
    value: Column

    @property
    def axes(self) -> tuple[str, str, str | None]:
        """The measure, and the columns it is drawn over."""
        return self.value, self.rows, self.columns

    def plot(self, release: Release, language: Language) -> Drawing:
        """Return the cells."""
        rows = Axis.of(release, self.rows, language)
        columns = Axis.of(release, self.columns, language)
        figures = series(release, self.value)
        values = at(release, [rows.column, columns.column], figures)
        cells = [[values.get((row, column)) for column in columns.values] for row in rows.values]

        def each(told: Callable[[Value | None], Any]) -> list[list[Any]]:
            return [[told(cell) for cell in row] for row in cells]

        low, high = extent(values.values(), ends=False)
        roomy = len(columns.values) <= 9
        data = [
            {
                "type": "heatmap",
                "x": list(columns.labels),
                "y": list(rows.labels),
                "z": each(lambda cell: figures.plain(cell.value) if cell else None),
                "text": each(lambda cell: _cell_text(cell, figures, language, roomy)),
                "customdata": each(lambda cell: figures.both(cell, language) if cell else ""),
                "hovertemplate": "%{y}, %{x}<br>%{customdata}" + hover_bound(figures, language),
                "texttemplate": "%{text}",
                "textfont": {"size": 12 if roomy else 10, "color": plotting.INK},
                "colorscale": [list(stop) for stop in plotting.SHADES],
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
        layout = plotting.layout(
            72 + len(rows.labels) * (46 if roomy else 28),
            xaxis=columns.settings(language) | {"side": "bottom"},
            yaxis=rows.settings(language) | {"autorange": "reversed"},
            **columns.meta(language),
        )
        return Drawing("heat map", "cell note", data, layout)


def heatmap(
    release: Release, *, rows: str, columns: str, value: str, title: str | None = None
) -> Figure:
    """Draw a measure by two group columns as shaded cells, each with its 95 % margin."""
    return figure(HeatmapSpec, (release,), rows=rows, columns=columns, value=value, title=title)


def _cell_text(cell: Value | None, figures: Series, language: Language, roomy: bool) -> str:
    """Return a cell's figure, over its margin where there is room; both stand in the table."""
    if cell is None:
        return ""
    text, margin = figures.told(cell, language, compact=True)
    return f"{text}<br>{margin}" if roomy and margin else text
