"""A release by two group columns as flows from one to the other: who moved where.

A flow that the noise may explain is not drawn, for its width would be noise; the table beneath has
every figure.
"""

from __future__ import annotations

from typing import Any

from workbench.figures import theme
from workbench.figures.charts import Axis, Chart, chart, hover_bound
from workbench.figures.language import Language
from workbench.figures.specs import SankeySpec
from workbench.figures.values import at, series
from workbench.privacy.release import Release

_ROW_HEIGHT = 46


def sankey(spec: SankeySpec, release: Release, title: str, language: Language) -> Chart:
    """Draw flows from the values of one group column to those of another."""
    source = Axis.of(release, spec.source, language)
    target = Axis.of(release, spec.target, language)
    figures = series(release, spec.value)
    values = at(release, [source.column, target.column], figures)
    links: dict[str, list[Any]] = {"source": [], "target": [], "value": [], "text": [], "color": []}
    left_out = 0
    for i, one in enumerate(source.values):
        for j, other in enumerate(target.values):
            flow = values.get((one, other))
            if flow is None or flow.value is None:
                continue
            if flow.value <= 0 or (flow.low is not None and flow.low <= 0):
                left_out += 1
                continue
            links["source"].append(i)
            links["target"].append(len(source.values) + j)
            links["value"].append(figures.plain(flow.value))
            links["text"].append(figures.both(flow, language))
            links["color"].append(theme.faint(i).replace("0.18", "0.32"))
    # why only those with a flow: a node without one would be drawn somewhere
    used = sorted({*links["source"], *links["target"]})
    place = {node: at for at, node in enumerate(used)}
    labels = [*source.labels, *target.labels]
    shades = [theme.color(i) for i in range(len(source.values))]
    by_value = dict(zip(source.values, shades, strict=True))
    shades += [
        by_value.get(value, theme.color(len(by_value) + i)) for i, value in enumerate(target.values)
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
            "source": [place[node] for node in links["source"]],
            "target": [place[node] for node in links["target"]],
            "value": links["value"],
            "color": links["color"],
            "customdata": links["text"],
            "hovertemplate": "%{source.label} → %{target.label}<br>%{customdata}"
            + hover_bound(figures, language),
        },
        "textfont": {"color": theme.INK, "size": 12},
    }
    rows = max(len(source.values), len(target.values))
    layout = theme.layout(max(300, 60 + rows * _ROW_HEIGHT))
    layout["margin"] = {"l": 8, "r": 8, "t": 12, "b": 12, "pad": 0}
    axes = (spec.value, spec.source, spec.target)
    margins = "flow note" if left_out else "table note"
    return chart("flow chart", margins, title, [trace], layout, axes, release, language)
