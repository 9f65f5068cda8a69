"""Bars from zero in declared order, with whiskers for their margins."""

import html
from typing import Literal

from workbench.figures import plotting
from workbench.figures.language import Language
from workbench.figures.marks import AimedSpec
from workbench.figures.plotting import Drawing
from workbench.figures.spec import Figure, Flag, figure
from workbench.figures.values import is_time
from workbench.privacy.release import Release

_LABELS_STAND_UP_TO = 12  # characters under a standing bar


class BarSpec(AimedSpec):
    """Bars, grouped by ``color``; lying down when ``horizontal``, as fits when None."""

    kind: Literal["bar"] = "bar"
    horizontal: Flag | None = None

    def plot(self, release: Release, language: Language) -> Drawing:
        """Return the bars of each colour."""
        x, colors, figures, values = plotting.parts(self.axes, release, language)
        lying = self.horizontal
        if lying is None:
            longest = max((len(html.unescape(each)) for each in x.labels), default=0)
            lying = not is_time(x.column) and (longest > _LABELS_STAND_UP_TO or len(x.labels) > 8)
        data = []
        for index, (value, name) in enumerate(colors):
            points = [values.get(plotting.place(at_x, value)) for at_x in x.values]
            margins = plotting.whiskers(points, figures, plotting.WHISKER)
            heights = [figures.plain(point.value) if point else None for point in points]
            trace = {
                "type": "bar",
                "orientation": "h" if lying else "v",
                "x": heights if lying else list(x.labels),
                "y": list(x.labels) if lying else heights,
                "marker": {"color": plotting.color(index), "cornerradius": 3},
                "error_x" if lying else "error_y": margins,
                "cliponaxis": False,
                **plotting.named(name, index),
                **plotting.hover(points, "y" if lying else "x", name, figures, language),
            }
            data.append(trace)
        low, high = plotting.extent(values.values(), target=self.target)
        values_on = plotting.value_axis(figures, min(low, 0.0), max(high, 0.0), language)
        names = x.settings(language)
        height = 340
        if lying:
            names |= {"autorange": "reversed"}
            height = 64 + len(x.labels) * max(30, 20 * len(colors))
        layout = plotting.layout(
            height,
            xaxis=values_on if lying else names,
            yaxis=names if lying else values_on,
            showlegend=len(colors) > 1,
            barmode="group",
            bargap=0.32,
            bargroupgap=0.08,
            **({} if lying else x.meta(language)),
        )
        if lying:
            layout["legend"] |= {"traceorder": "normal"}
        return Drawing("bar chart", "bar note", data, layout)


def bar(
    release: Release,
    *,
    x: str,
    y: str,
    color: str | None = None,
    title: str | None = None,
    horizontal: bool | None = None,
    target: float | None = None,
) -> Figure:
    """Draw bars in declared order, with 95 % margins; parameters as `line`.

    ``horizontal`` lays the bars down; by default they lie when their labels are long or many.
    """
    spec = {"x": x, "y": y, "color": color, "title": title, "target": target}
    return figure(BarSpec, (release,), **spec, horizontal=horizontal)
