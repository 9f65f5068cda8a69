"""Lines over an ordered group column, with bands or whiskers for their margins."""

from collections.abc import Sequence
from typing import Any, Literal

from workbench.figures import plotting
from workbench.figures.language import Language
from workbench.figures.marks import AimedSpec
from workbench.figures.plotting import Drawing
from workbench.figures.spec import Figure, figure
from workbench.figures.values import Series, Value
from workbench.privacy.release import Release

_BANDS_UP_TO = 4  # more bands lie over each other; then whiskers


class LineSpec(AimedSpec):
    """A line over an ordered column, one a value of ``color``."""

    kind: Literal["line"] = "line"

    def plot(self, release: Release, language: Language) -> Drawing:
        """Return a trace for each colour, over its bands."""
        x, colors, figures, values = plotting.parts(self.axes, release, language)
        banded = len(colors) <= _BANDS_UP_TO
        data: list[dict[str, Any]] = []
        for index, (value, name) in enumerate(colors):
            points = [values.get(plotting.place(at_x, value)) for at_x in x.values]
            if banded:
                data.extend(_bands(x.labels, points, figures, index))
            symbol = plotting.SYMBOLS[index % len(plotting.SYMBOLS)]
            trace = {
                "type": "scatter",
                "mode": "lines+markers",
                "x": list(x.labels),
                "y": [figures.plain(point.value) if point else None for point in points],
                "line": {
                    "color": plotting.color(index),
                    "width": 2.25,
                    "dash": plotting.dash(index),
                },
                "marker": {"color": plotting.color(index), "size": 6, "symbol": symbol},
                "connectgaps": False,
                "cliponaxis": False,
                **plotting.named(name, index),
                **plotting.hover(points, "x", name, figures, language),
            }
            if not banded:
                trace["error_y"] = plotting.whiskers(points, figures, plotting.color(index))
            data.append(trace)
        low, high = plotting.extent(values.values(), target=self.target)
        layout = plotting.layout(
            340,
            xaxis=x.settings(language),
            yaxis=plotting.value_axis(figures, 0.0 if low <= 0.4 * high else low, high, language),
            showlegend=len(colors) > 1,
            **x.meta(language),
        )
        return Drawing("line chart", "band note" if banded else "bar note", data, layout)


def line(
    release: Release,
    *,
    x: str,
    y: str,
    color: str | None = None,
    title: str | None = None,
    target: float | None = None,
) -> Figure:
    """Draw lines over months or another ordered group column, with 95 % margins.

    Parameters
    ----------
    release : Release
        A private answer, grouped by ``x`` and, if given, ``color``.
    x, color : str
        Group columns.
    y : str
        A measure, such as ``customers`` or ``amount_sum``.
    title : str, optional
        A plain string; by default from the catalog's titles.
    target : float, optional
        A number to compare with, drawn across; of a rate, a fraction. On a page it must stand
        written in the notebook, a parameter or the catalog.

    Returns
    -------
    Figure

    Raises
    ------
    UnknownName
        The release has no such column.
    QuestionRefused
        The release has a row for more than the axes named.

    Examples
    --------
    >>> line(spend, x="month", y="amount_sum", color="region")  # doctest: +SKIP
    """
    return figure(LineSpec, (release,), x=x, y=y, color=color, title=title, target=target)


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
            "fillcolor": plotting.faint(index),
            "line": {"width": 0},
            "hoverinfo": "skip",
            "showlegend": False,
            "legendgroup": str(index),
            "cliponaxis": False,
        }
        for run in runs
        if run
    ]
