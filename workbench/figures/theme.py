"""One theme for every chart, in JupyterLab and on the page.

Series colours keep a contrast of at least 3:1 on the light and the dark page, so a chart needs no
second set; a test measures it. Text and grid colours are the light page's; the page's style sheet
replaces them when dark.
"""

from __future__ import annotations

from typing import Any

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
