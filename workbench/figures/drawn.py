"""What a figure draws: a chart, key figures, a sentence or a table, and a table's cells.

A published page sets them itself, and never reads what they show in JupyterLab.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from typing import Any

from workbench.figures.language import Language
from workbench.figures.notes import bounded
from workbench.figures.values import Series, Value, at, label
from workbench.privacy.columns import Dimension, Scalar, plain
from workbench.privacy.release import Release

PLOTLY_MIME = "application/vnd.plotly.v1+json"


@dataclass(frozen=True)
class Cell:
    """One cell of a table; a number's margin stands apart so that both can be aligned.

    ``below`` is said in small letters beneath; ``light`` is green, amber, red or another light's
    name, which ``text`` says too. ``anchor`` names its place on the page, ``link`` leads to one,
    and ``way`` to a page of the published folder.
    """

    text: str
    margin: str = ""
    numeric: bool = False
    below: str = ""
    light: str = ""
    anchor: str = ""
    link: str = ""
    way: str = ""


@dataclass(frozen=True)
class Grid:
    """A table: caption, column heads, and rows whose first ``row_heads`` cells head them."""

    caption: str
    heads: tuple[Cell, ...]
    rows: tuple[tuple[Cell, ...], ...]
    row_heads: int

    def or_none(self, words: str) -> Grid:
        """Return the table, with words in place of rows where there are none.

        They are said, since an empty table looks like one that failed.
        """
        if self.rows or not self.heads:
            return self
        row = (Cell(words), *(Cell("") for _ in self.heads[1:]))
        return Grid(self.caption, self.heads, (row,), 1)

    def html(self) -> str:
        """Return the table for a notebook."""
        body = "".join(self._row(row) for row in self.rows)
        return (
            f"<table><caption>{escape(self.caption)}</caption>"
            f"<thead>{self._row(self.heads, head=True)}</thead><tbody>{body}</tbody></table>"
        )

    def _row(self, row: Sequence[Cell], head: bool = False) -> str:
        parts = []
        for place, cell in enumerate(row):
            tag = "th" if head or place < self.row_heads else "td"
            align = "right" if cell.numeric else "left"
            words = escape(f"{cell.text} {cell.margin}".strip())
            below = f"<br><small>{escape(cell.below)}</small>" if cell.below else ""
            parts.append(f"<{tag} style='text-align:{align}'>{words}{below}</{tag}>")
        return f"<tr>{''.join(parts)}</tr>"


@dataclass(frozen=True)
class Card:
    """One key figure.

    ``change`` is a clause, ``change_margin`` what stands behind it; ``direction`` is ``up``,
    ``down``, ``same`` or empty. ``points`` are its earlier figures and itself, ``value`` and
    ``interval`` it in numbers, rounded as shown; ``key`` is its measure, ``digits`` its decimals,
    ``rate`` whether it is a percentage, ``unit`` what is said beside it. ``light`` is green, amber,
    red or another light's name, where the figure counts what has that light. ``bound`` says what a
    bound cuts, ``target`` where the figure stands beside its target; ``step`` is what it is rounded
    to, and an ``exact`` one has no margin since it has no noise.
    """

    label: str
    text: str
    margin: str
    full: str
    change: str
    direction: str
    points: tuple[float | int | None, ...]
    value: float | int | None
    interval: tuple[float | int, float | int] | None
    key: str
    digits: int
    rate: bool
    unit: str = ""
    light: str = ""
    change_margin: str = ""
    bound: str = ""
    target: str = ""
    step: float = 0.0
    exact: bool = False


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

    def live(self) -> dict[str, Any]:
        """Return what JupyterLab shows."""
        words = {
            "text": f"<b>{plain(self.title)}</b><br>{plain(self.note)}",
            "x": 0,
            "xref": "container",
            "pad": {"l": 12},
            "font": {"size": 15},
        }
        layout = {
            **self.figure["layout"],
            "title": words,
            "margin": {"l": 12, "r": 12, "t": 96, "b": 12, "pad": 4},
            "height": self.figure["layout"]["height"] + 90,
            "paper_bgcolor": "#ffffff",
        }
        figure = {"data": self.figure["data"], "layout": layout, "config": {"displaylogo": False}}
        return {PLOTLY_MIME: figure, "text/plain": self.alt}


@dataclass(frozen=True)
class Cards:
    """A row of key figures."""

    title: str
    cards: tuple[Card, ...]

    def live(self) -> dict[str, Any]:
        """Return what JupyterLab shows."""
        rows = "".join(
            f"<tr><th style='text-align:left'>{escape(card.label)}</th>"
            f"<td style='text-align:right'><b>{escape(card.text)}</b></td>"
            f"<td style='text-align:left'>{escape(f'{card.margin} {card.bound}')}</td>"
            f"<td style='text-align:left'>{escape(f'{card.change} {card.change_margin}')}</td>"
            f"<td style='text-align:left'>{escape(card.target)}</td></tr>"
            for card in self.cards
        )
        html = f"<table><caption>{escape(self.title)}</caption>{rows}</table>"
        return {"text/html": html, "text/plain": self.title}


@dataclass(frozen=True)
class Sentence:
    """A sentence filled from releases."""

    text: str

    def live(self) -> dict[str, Any]:
        """Return what JupyterLab shows."""
        return {"text/html": f"<p>{escape(self.text)}</p>", "text/plain": self.text}


@dataclass(frozen=True)
class Sheet:
    """A table of its own; ``first``: it belongs on a page's first screen."""

    title: str
    note: str
    grid: Grid
    first: bool = False

    def live(self) -> dict[str, Any]:
        """Return what JupyterLab shows."""
        return {"text/html": self.grid.html(), "text/plain": self.title}


Drawn = Chart | Cards | Sentence | Sheet


def head_cell(figures: Series, language: Language) -> Cell:
    """Return a measure's title as a column's head, over what a bound cuts of it."""
    return Cell(figures.title(language), numeric=True, below=bounded(figures.measure, language))


def number_cell(figures: Series, value: Value | None, language: Language, below: str = "") -> Cell:
    """Return one figure as a table's cell."""
    if value is None:
        return Cell(language.word("none"), numeric=True)
    return Cell(*figures.told(value, language), numeric=True, below=below)


def pivot(
    title: str,
    release: Release,
    rows: Dimension,
    columns: Dimension | None,
    figures: Series,
    language: Language,
) -> Grid:
    """Return one measure by one or two group columns, as the table beneath a chart."""
    places: list[list[tuple[Scalar, ...]]]
    corner = Cell(language.measure(rows.title))
    if columns is None:
        values = at(release, [rows], figures)
        heads = [head_cell(figures, language)]
        places = [[(row,)] for row in rows.values if (row,) in values]
    else:
        values = at(release, [rows, columns], figures)
        across = [value for value in columns.values if any(key[1] == value for key in values)]
        heads = [Cell(label(columns, value, language), numeric=True) for value in across]
        held = [row for row in rows.values if any(key[0] == row for key in values)]
        places = [[(row, value) for value in across] for row in held]
        said = bounded(figures.measure, language)
        title = language.word("clause").join(filter(None, [title, said]))
    body = tuple(
        (
            Cell(label(rows, line[0][0], language)),
            *(number_cell(figures, values.get(place), language) for place in line),
        )
        for line in places
    )
    return Grid(title, (corner, *heads), body, 1)
