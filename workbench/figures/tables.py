"""Releases as tables, key figures and sentences: what a reader sees in words."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from workbench.errors import QuestionRefused, UnknownName
from workbench.figures.bounds import beside, beyond, bounded
from workbench.figures.language import Language
from workbench.figures.specs import TableSpec
from workbench.figures.values import Series, Value, at, label, series
from workbench.privacy.release import Dimension, Release


@dataclass(frozen=True)
class Cell:
    """One cell of a table; a number's margin stands apart so that both can be aligned.

    ``below`` is said in small letters beneath; ``light`` is green, amber, red or another light's
    name, which ``text`` says too. ``anchor`` names its place on the page, ``link`` leads to one.
    """

    text: str
    margin: str = ""
    numeric: bool = False
    below: str = ""
    light: str = ""
    anchor: str = ""
    link: str = ""


@dataclass(frozen=True)
class Grid:
    """A table: caption, column heads, and rows whose first ``row_heads`` cells head them."""

    caption: str
    heads: tuple[Cell, ...]
    rows: tuple[tuple[Cell, ...], ...]
    row_heads: int


@dataclass(frozen=True)
class Card:
    """One key figure.

    ``change`` is a clause, ``change_margin`` what stands behind it; ``direction`` is ``up``,
    ``down``, ``same`` or empty. ``points`` are
    its earlier figures and itself, ``value`` and ``interval`` it in numbers, rounded as shown;
    ``key`` is its measure, ``digits`` its decimals, ``rate`` whether it is a percentage. ``light``
    is green, amber, red or another light's name, where the figure counts what has that light.
    ``bound`` says what a bound cuts.
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
    light: str = ""
    change_margin: str = ""
    bound: str = ""


def table_grid(spec: TableSpec, release: Release, title: str, language: Language) -> Grid:
    """Return a release as a table, its rows in declared order."""
    wanted = spec.columns or (
        *(axis.name for axis in release.by),
        *(measure.name for measure in beside(release)),
    )
    axes = {axis.name: axis for axis in release.by}
    measures = {measure.name for measure in release.measures}
    for name in wanted:
        if name not in axes and name not in measures:
            raise UnknownName("column", name, [*axes, *measures])
    heads_of_rows = [name for name in wanted if name in axes]
    left = {each.measure.name for each in untold(spec, release)}
    figures = [series(release, name) for name in wanted if name in measures - left]
    left_out = [name for name in axes if name not in heads_of_rows]
    if left_out and len(release) > 1:
        raise QuestionRefused(
            f"'{release.name}' has a row for each {' and '.join(axes)}; the table leaves out "
            f"{', '.join(left_out)}. Name every group column, or release the question without it."
        )
    heads = (
        *(Cell(language.measure(axes[name].title)) for name in heads_of_rows),
        *(_head(each, language) for each in figures),
    )
    rows = tuple(
        (
            *(
                Cell(label(axes[name], release.columns[name][row], language))
                for name in heads_of_rows
            ),
            *(
                number_cell(
                    each, each.values[row], language, beyond(release, each.measure, row, language)
                )
                for each in figures
            ),
        )
        for row in declared_order(release)
    )
    if not rows and heads:  # said, since an empty table looks like one that failed
        rows = ((Cell(language.word("nothing here")), *(Cell("") for _ in heads[1:])),)
        return Grid(title, heads, rows, 1)
    return Grid(title, heads, rows, len(heads_of_rows))


def untold(spec: TableSpec, release: Release) -> list[Series]:
    """Return what a table has no column of, since no row's figure is known: said beneath it."""
    wanted = spec.columns or [each.name for each in beside(release)]
    found = [series(release, each.name) for each in release.measures if each.name in wanted]
    left = [each for each in found if each.untold]
    return left if len(left) < len(wanted) else []


def _head(figures: Series, language: Language) -> Cell:
    return Cell(figures.title(language), numeric=True, below=bounded(figures.measure, language))


def number_cell(figures: Series, value: Value | None, language: Language, below: str = "") -> Cell:
    """Return one figure as a table's cell."""
    if value is None:
        return Cell(language.word("none"), numeric=True)
    return Cell(*figures.told(value, language), numeric=True, below=below)


def declared_order(release: Release) -> list[int]:
    """Return row numbers in the order the group columns' domains are declared in."""
    places = [
        (release.columns[axis.name], {value: at for at, value in enumerate(axis.values)})
        for axis in release.by
    ]
    return sorted(
        range(len(release)),
        key=lambda row: [order.get(column[row], len(order)) for column, order in places],
    )


def pick(releases: Sequence[Release], index: int) -> Release:
    """Return the release of a figure's number."""
    if index >= len(releases):
        raise QuestionRefused(
            f"the figure names release {index} of {len(releases)}; they are counted from 0."
        )
    return releases[index]


def pivot(
    title: str,
    release: Release,
    rows: Dimension,
    columns: Dimension | None,
    figures: Series,
    language: Language,
) -> Grid:
    """Return one measure by one or two group columns, as the table beneath a chart."""
    axes = [rows] if columns is None else [rows, columns]
    values = at(release, axes, figures)
    across = (
        [None] if columns is None else [v for v in columns.values if any(k[1] == v for k in values)]
    )
    heads = (
        Cell(language.measure(rows.title)),
        *(
            _head(figures, language)
            if columns is None
            else Cell(label(columns, value, language), numeric=True)
            for value in across
        ),
    )
    body = tuple(
        (
            Cell(label(rows, value, language)),
            *(
                number_cell(
                    figures, values.get((value,) if columns is None else (value, other)), language
                )
                for other in across
            ),
        )
        for value in rows.values
        if any(key[0] == value for key in values)
    )
    said = bounded(figures.measure, language)
    caption = language.word("clause").join([title, said]) if said and columns is not None else title
    return Grid(caption, heads, body, 1)
