"""Flows from the values of one group column to those of another: who moved where.

A flow that the noise may explain is not drawn, for its width would be noise; the table beneath has
every figure.
"""

from typing import Any, Literal

from workbench.figures import plotting
from workbench.figures.language import Language
from workbench.figures.plotting import Axis, ChartSpec, Drawing, hover_bound
from workbench.figures.spec import Column, Figure, figure
from workbench.figures.values import at, series
from workbench.privacy.release import Release

_ROW_HEIGHT = 46


class SankeySpec(ChartSpec):
    """Flows from the values of one group column to those of another."""

    kind: Literal["sankey"] = "sankey"
    source: Column
    target: Column
    value: Column

    @property
    def axes(self) -> tuple[str, str, str | None]:
        """The measure, and the columns it is drawn over."""
        return self.value, self.source, self.target

    def plot(self, release: Release, language: Language) -> Drawing:
        """Return the flows, and those values that have one."""
        source = Axis.of(release, self.source, language)
        target = Axis.of(release, self.target, language)
        figures = series(release, self.value)
        values = at(release, [source.column, target.column], figures)
        links: list[dict[str, Any]] = []
        left_out = 0
        for i, one in enumerate(source.values):
            for j, other in enumerate(target.values):
                flow = values.get((one, other))
                if flow is None or flow.value is None:
                    continue
                if flow.value <= 0 or (flow.low is not None and flow.low <= 0):
                    left_out += 1
                    continue
                link = {
                    "source": i,
                    "target": len(source.values) + j,
                    "value": figures.plain(flow.value),
                    "color": plotting.faint(i).replace("0.18", "0.32"),
                    "customdata": figures.both(flow, language),
                }
                links.append(link)
        # why only those with a flow: a node without one would be drawn somewhere
        used = sorted({link[end] for link in links for end in ("source", "target")})
        place = {node: at for at, node in enumerate(used)}
        labels = [*source.labels, *target.labels]
        shades = [plotting.color(i) for i in range(len(source.values))]
        by_value = dict(zip(source.values, shades, strict=True))
        shades += [
            by_value.get(value, plotting.color(len(by_value) + i))
            for i, value in enumerate(target.values)
        ]
        trace = {
            "type": "sankey",
            "orientation": "h",
            "arrangement": "fixed",
            "node": {
                "label": [labels[node] for node in used],
                "color": [shades[node] for node in used],
                "pad": 12,
                "thickness": 14,
                "line": {"width": 0},
                "hoverinfo": "none",
            },
            "link": {
                "source": [place[link["source"]] for link in links],
                "target": [place[link["target"]] for link in links],
                **{key: [link[key] for link in links] for key in ("value", "color", "customdata")},
                "hovertemplate": "%{source.label} → %{target.label}<br>%{customdata}"
                + hover_bound(figures, language),
            },
            "textfont": {"color": plotting.INK, "size": 12},
        }
        rows = max(len(source.values), len(target.values))
        layout = plotting.layout(max(300, 60 + rows * _ROW_HEIGHT))
        layout["margin"] = {"l": 8, "r": 8, "t": 12, "b": 12, "pad": 0}
        margins = "flow note" if left_out else "table note"
        return Drawing("flow chart", margins, [trace], layout)


def sankey(
    release: Release, *, source: str, target: str, value: str, title: str | None = None
) -> Figure:
    """Draw flows from the values of one group column to those of another.

    Flows that the noise may explain are not drawn; the table beneath has them, with their margins.
    """
    return figure(SankeySpec, (release,), source=source, target=target, value=value, title=title)
