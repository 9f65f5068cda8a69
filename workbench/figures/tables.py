"""Releases as tables, key figures and sentences: what a reader sees in words."""

from __future__ import annotations

import re
import string
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass

from workbench.errors import QuestionRefused, UnknownName
from workbench.figures.language import Language
from workbench.figures.specs import TableSpec, TextSpec
from workbench.figures.values import Series, Value, at, label, series
from workbench.privacy.release import Dimension, Release

_FIELD = re.compile(r"^(?:(\d{1,2})\.)?([A-Za-z_]\w*)$")
_FORMAT = re.compile(r"^[ +,]{0,2}\d{0,2},?(\.\d)?[dfgn%]?$")


@dataclass(frozen=True)
class Cell:
    """One cell of a table; a number's margin stands apart so that both can be aligned.

    ``below`` is said in small letters beneath; ``light`` is green, amber, red or another light's
    name, which ``text`` says too.
    """

    text: str
    margin: str = ""
    numeric: bool = False
    below: str = ""
    light: str = ""


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


def table_grid(spec: TableSpec, release: Release, title: str, language: Language) -> Grid:
    """Return a release as a table, its rows in declared order."""
    wanted = spec.columns or (
        *(axis.name for axis in release.by),
        *(measure.name for measure in release.measures if measure.at_bound_of is None),
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
        *(Cell(each.title(language), numeric=True) for each in figures),
    )
    rows = tuple(
        (
            *(
                Cell(label(axes[name], release.columns[name][row], language))
                for name in heads_of_rows
            ),
            *(number_cell(each, each.values[row], language) for each in figures),
        )
        for row in declared_order(release)
    )
    if not rows and heads:  # said, since an empty table looks like one that failed
        rows = ((Cell(language.word("nothing here")), *(Cell("") for _ in heads[1:])),)
        return Grid(title, heads, rows, 1)
    return Grid(title, heads, rows, len(heads_of_rows))


def untold(spec: TableSpec, release: Release) -> list[Series]:
    """Return what a table has no column of, since no row's figure is known: said beneath it."""
    # why: shares at bounds are said in words, and no column
    wanted = spec.columns or [m.name for m in release.measures if m.at_bound_of is None]
    found = [series(release, each.name) for each in release.measures if each.name in wanted]
    left = [each for each in found if each.untold]
    return left if len(left) < len(wanted) else []


def number_cell(figures: Series, value: Value | None, language: Language) -> Cell:
    """Return one figure as a table's cell."""
    if value is None:
        return Cell(language.word("none"), numeric=True)
    return Cell(*figures.told(value, language), numeric=True)


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


def fields(template: str) -> Iterator[tuple[str, str, str]]:
    """Yield (literal, field, format) of a sentence's template.

    Raises
    ------
    QuestionRefused
        The template is not one: an unclosed brace, an expression, or an unknown format.
    """
    try:
        parts = list(string.Formatter().parse(template))
    except ValueError as problem:
        raise QuestionRefused(
            f"the sentence's template is not one: {problem}. Write fields as {{customers:,}}, and "
            "a brace that is meant as {{ or }}."
        ) from None
    for literal, name, format_spec, conversion in parts:
        if name is None:
            yield literal, "", ""
            continue
        if conversion or not _FIELD.match(name) or not _FORMAT.match(format_spec or ""):
            raise QuestionRefused(
                "a field of a sentence is a measure's name, with a format such as ',' or ',.0f' or "
                "'.1%': {customers:,}, {amount_sum_margin:,.0f}, {period}. With several releases, "
                "{0.customers} is the first one's. Expressions and conversions are not evaluated."
            )
        yield literal, name, format_spec or ""


def sentence(spec: TextSpec, releases: Sequence[Release], language: Language) -> str:
    """Return a sentence filled from releases."""
    for release in releases:
        if len(release) != 1:
            raise QuestionRefused(
                f"a sentence is filled from releases of one row; '{release.name}' has "
                f"{len(release)} rows. Release the total without by=, or draw a table."
            )
    parts = list(fields(language.say(spec.template)))
    told = {name for _, name, _ in parts}
    return "".join(
        literal + (_filled(name, format_spec, releases, language, told) if name else "")
        for literal, name, format_spec in parts
    )


def _filled(
    name: str,
    format_spec: str,
    releases: Sequence[Release],
    language: Language,
    told: Collection[str],
) -> str:
    match = _FIELD.match(name)
    assert match is not None  # noqa: S101  # why: fields() yields no other name
    number, measure = match[1], match[2]
    chosen = [pick(releases, int(number))] if number else list(releases)
    if measure == "period":
        periods = [release.period for release in chosen if release.period]
        if periods:
            return language.period(periods[0])
    known = [(release, each.name) for release in chosen for each in release.measures]
    base = measure.removesuffix("_margin") if measure.endswith("_margin") else measure
    names = [each for _, each in known]
    wanted = measure if measure in names else base
    holding = [release for release, each in known if each == wanted]
    if not holding:
        raise UnknownName(
            "field", measure, [*names, *(f"{each}_margin" for each in names), "period"]
        )
    if len(holding) > 1:
        raise QuestionRefused(
            f"'{wanted}' is a measure of {len(holding)} releases of this sentence. Say which: "
            f"{{0.{measure}}} is the first one's, {{1.{measure}}} the second's."
        )
    figures = series(holding[0], wanted)
    value = figures.values[0]
    if figures.unknown(value):
        word, between = figures.told(value, language)
        if wanted != measure:
            return between
        return word if f"{name}_margin" in told else figures.both(value, language)
    shown = figures.margin(value) if wanted != measure else value.value
    if shown is None:
        return language.word("none")
    if not format_spec:
        # a Chinese sentence counts in ten thousands, as the key figures below it do
        short = language.code == "zh"
        text = figures.text(shown, language, compact=short, beside=value.value)
        plain = wanted != measure or not figures.currency  # a margin follows its figure
        return text if plain else language.money(text, str(figures.currency))
    whole = format_spec.endswith("d")
    return format(round(shown) if whole else _whole(shown), format_spec).replace("-", "−")


def _whole(value: float) -> float | int:
    """Return whole numbers as int, so that ``{customers:,}`` shows no decimals."""
    return int(value) if value.is_integer() else value


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
            Cell(
                figures.title(language) if columns is None else label(columns, value, language),
                numeric=True,
            )
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
    return Grid(title, heads, body, 1)
