"""Figures of releases: lines, bars, heat maps, tables, key figures, sentences.

Each takes a release and the names of its columns and returns a display object. In JupyterLab it
shows itself; a published page draws it anew from the ledger by the release's id, so what a reader
sees is what was released, whatever happened to the notebook.

Titles, labels and templates are written in the notebook as plain strings: the page refuses a
string that was computed, because a computed string can hold a value read from a row.
"""

from workbench.figures.controls import choice, explore, slider
from workbench.figures.drawn import Cards, Chart, Drawn, Sentence, Sheet
from workbench.figures.kinds.bar import bar
from workbench.figures.kinds.heatmap import heatmap
from workbench.figures.kinds.indicators import indicators
from workbench.figures.kinds.kpis import kpis
from workbench.figures.kinds.line import line
from workbench.figures.kinds.sankey import sankey
from workbench.figures.kinds.table import table
from workbench.figures.kinds.text import text
from workbench.figures.spec import MIME, Figure

__all__ = [
    "MIME",
    "Cards",
    "Chart",
    "Drawn",
    "Figure",
    "Sentence",
    "Sheet",
    "bar",
    "choice",
    "explore",
    "heatmap",
    "indicators",
    "kpis",
    "line",
    "sankey",
    "slider",
    "table",
    "text",
]
