"""From a checked specification and its releases to what is drawn: one function, no side effects."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from workbench.errors import QuestionRefused
from workbench.figures import charts, flows, indicators, tables
from workbench.figures.bounds import beside
from workbench.figures.cards import Together, kpi_cards
from workbench.figures.charts import Chart
from workbench.figures.language import Language
from workbench.figures.sentences import sentence
from workbench.figures.specs import (
    BarSpec,
    HeatmapSpec,
    IndicatorsSpec,
    KpisSpec,
    LineSpec,
    SankeySpec,
    Spec,
    TableSpec,
    TextSpec,
)
from workbench.figures.values import dimension, series
from workbench.privacy.release import Release


@dataclass(frozen=True)
class Cards:
    """A row of key figures."""

    title: str
    cards: tuple[tables.Card, ...]


@dataclass(frozen=True)
class Sentence:
    """A sentence filled from releases."""

    text: str


@dataclass(frozen=True)
class Sheet:
    """A table of its own; ``first``: it belongs on a page's first screen."""

    title: str
    note: str
    grid: tables.Grid
    first: bool = False


Drawn = Chart | Cards | Sentence | Sheet


def draw(
    spec: Spec,
    releases: Sequence[Release],
    language: Language | None = None,
    together: Together | None = None,
) -> Drawn:
    """Return what a specification draws from its releases: the same inputs, the same result.

    Parameters
    ----------
    together : Together, optional
        How the changes of a whole page are judged; those of the figure alone when left out.

    Raises
    ------
    UnknownName
        A column, measure or field the release does not have.
    QuestionRefused
        The release does not fit the figure.
    """
    language = language or Language()
    together = together or Together.of([(spec, releases)])
    if isinstance(spec, KpisSpec):
        title = language.say(spec.title) if spec.title else language.word("key figures")
        return Cards(title, kpi_cards(spec, releases, language, together))
    releases = [together.judged(each) for each in releases]
    if isinstance(spec, TextSpec):
        return Sentence(sentence(spec, releases, language))
    if len(releases) != 1:
        raise QuestionRefused(f"this figure draws one release; it was given {len(releases)}.")
    release = releases[0]
    if isinstance(spec, IndicatorsSpec):
        grid = indicators.grid(spec, release, language)
        return Sheet(grid.caption, "", grid, bool(spec.first))
    title = language.say(spec.title) if spec.title else _title(spec, release, language)
    if isinstance(spec, LineSpec):
        return charts.line(spec, release, title, language)
    if isinstance(spec, BarSpec):
        return charts.bar(spec, release, title, language)
    if isinstance(spec, HeatmapSpec):
        return charts.heatmap(spec, release, title, language)
    if isinstance(spec, SankeySpec):
        return flows.sankey(spec, release, title, language)
    if isinstance(spec, TableSpec):
        grid = tables.table_grid(spec, release, title, language)
        has_margins = any(cell.margin for row in grid.rows for cell in row)
        notes = [language.word("cell note")] if has_margins else []
        untold = [each.title(language) for each in tables.untold(spec, release)]
        notes += [language.word("untold", title=each) for each in untold]
        return Sheet(title, " · ".join(notes), grid, bool(spec.first))
    raise TypeError(f"no drawing for {type(spec).__name__}")


def _title(spec: Spec, release: Release, language: Language) -> str:
    """Return a title from declared words, for a figure that was given none."""
    if isinstance(spec, HeatmapSpec):
        measure, first, second = spec.value, spec.rows, spec.columns
    elif isinstance(spec, SankeySpec):
        measure, first, second = spec.value, spec.source, spec.target
    elif isinstance(spec, LineSpec | BarSpec):
        measure, first, second = spec.y, spec.x, spec.color or ""
    else:
        measures = [language.measure(each.title) for each in beside(release)]
        names = [_within(language.measure(axis.title)) for axis in release.by]
        joined = language.join([measures[0], *map(_within, measures[1:])])
        if not names:
            return joined
        return language.word("by", measure=joined, dimension=language.join(names))
    what = language.measure(series(release, measure).measure.title)
    by = _within(language.measure(dimension(release, first).title))
    if not second:
        return language.word("by", measure=what, dimension=by)
    other = _within(language.measure(dimension(release, second).title))
    return language.word("by two", measure=what, dimension=by, other=other)


def _within(title: str) -> str:
    """Return a title as it stands within a sentence: "Region" is "region", "FICO" stays."""
    return title[0].lower() + title[1:] if title[1:2].islower() else title
