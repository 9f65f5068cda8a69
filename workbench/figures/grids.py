"""Released figures as cells of a table, and a chart's figures as the table beneath it."""

from __future__ import annotations

from workbench.figures.bounds import bounded
from workbench.figures.drawn import Cell, Grid
from workbench.figures.language import Language
from workbench.figures.values import Series, Value, at, label
from workbench.privacy.columns import Dimension, Scalar
from workbench.privacy.release import Release


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
