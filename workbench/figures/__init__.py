"""Figures of releases: lines, bars, heat maps, tables, key figures, sentences.

Each takes a release and the names of its columns and returns a display object. In JupyterLab it
shows itself; a published page draws it anew from the ledger by the release's id, so what a reader
sees is what was released, whatever happened to the notebook.

Titles, labels and templates are written in the notebook as plain strings: the page refuses a
string that was computed, because a computed string can hold a value read from a row.
"""

from __future__ import annotations

from workbench.figures.display import (
    Figure,
    bar,
    heatmap,
    indicators,
    kpis,
    line,
    sankey,
    table,
    text,
)
from workbench.figures.draw import Cards, Drawn, Sentence, Sheet, draw
from workbench.figures.specs import MIME

__all__ = [
    "MIME",
    "Cards",
    "Drawn",
    "Figure",
    "Sentence",
    "Sheet",
    "bar",
    "draw",
    "heatmap",
    "indicators",
    "kpis",
    "line",
    "sankey",
    "table",
    "text",
]
