"""A release as a table, its rows in declared order."""

from collections.abc import Iterator, Sequence
from itertools import takewhile
from typing import Literal

from pydantic import Field

from workbench.errors import QuestionRefused, require_known
from workbench.figures.changes import Together
from workbench.figures.drawn import Cell, Grid, Sheet, head_cell, number_cell
from workbench.figures.language import Language
from workbench.figures.notes import beside, beyond
from workbench.figures.spec import Column, Figure, Flag, Spec, figure, the_one
from workbench.figures.values import Series, declared_order, label, series, within
from workbench.privacy.columns import Dimension
from workbench.privacy.release import Release


class TableSpec(Spec):
    """A table of the named columns, or of all."""

    kind: Literal["table"] = "table"
    columns: tuple[Column, ...] | None = Field(None, min_length=1)
    first: Flag | None = None

    def measures(self, at: int, release: Release) -> Iterator[str]:  # why: named
        """Yield the measures shown, with names of group columns among them."""
        yield from self.columns or [each.name for each in release.measures]

    def picture(self, releases: Sequence[Release], language: Language, together: Together) -> Sheet:
        """Return the table, with what stands beneath it."""
        release = the_one(releases, together)
        title = language.say(self.title) if self.title else _title(release, language)
        grid = self._grid(release, title, language)
        has_margins = any(cell.margin for row in grid.rows for cell in row)
        notes = [language.word("cell note")] if has_margins else []
        untold = [each.title(language) for each in self.untold(release)]
        notes += [language.word("untold", title=each) for each in untold]
        return Sheet(title, " · ".join(notes), grid, bool(self.first))

    def _grid(self, release: Release, title: str, language: Language) -> Grid:
        axes = {axis.name: axis for axis in release.by}
        measures = [measure.name for measure in release.measures]
        wanted = self.columns or [*axes, *(measure.name for measure in beside(release))]
        require_known("column", (*axes, *measures), *wanted)
        untold = {each.measure.name for each in self.untold(release)}
        shown: list[Dimension | Series] = [
            axes[name] if name in axes else series(release, name)
            for name in wanted
            if name not in untold
        ]
        left_out = [name for name in axes if name not in wanted]
        if left_out and len(release) > 1:
            raise QuestionRefused(
                f"'{release.name}' has a row for each {' and '.join(axes)}; the table leaves out "
                f"{', '.join(left_out)}. Name every group column, or release the question without "
                "it."
            )
        heads = [
            Cell(language.measure(each.title))
            if isinstance(each, Dimension)
            else head_cell(each, language)
            for each in shown
        ]
        rows = [
            tuple(_cell(each, release, row, language) for each in shown)
            for row in declared_order(release)
        ]
        leading = takewhile(lambda each: isinstance(each, Dimension), shown)
        grid = Grid(title, tuple(heads), tuple(rows), len(list(leading)))
        return grid.or_none(language.word("nothing here"))

    def untold(self, release: Release) -> list[Series]:
        """Return what has no column, since no row's figure is known: said beneath the table."""
        wanted = self.columns or [each.name for each in beside(release)]
        found = [series(release, each.name) for each in release.measures if each.name in wanted]
        left = [each for each in found if each.untold]
        return left if len(left) < len(wanted) else []


def table(
    release: Release,
    *,
    columns: Sequence[str] | None = None,
    title: str | None = None,
    first: bool = False,
) -> Figure:
    """Show a release as a table.

    Parameters
    ----------
    release : Release
        A private answer.
    columns : sequence of str, optional
        Group columns and measures, by default all.
    title : str, optional
        A plain string.
    first : bool
        Show it on the page's first screen, where else the first chart stands; several may.
    """
    return figure(
        TableSpec,
        (release,),
        columns=columns,
        title=title,
        first=first or None,
    )


def _cell(each: Dimension | Series, release: Release, row: int, language: Language) -> Cell:
    """Return a figure, or a group value with the way to an edition that its release has for it."""
    if not isinstance(each, Dimension):
        below = beyond(release, each.measure, row, language)
        return number_cell(each, each.values[row], language, below)
    ways = release.columns.get(f"{each.name}_{language.code}")
    text = label(each, release.columns[each.name][row], language)
    return Cell(text, way=ways[row] if ways else "")


def _title(release: Release, language: Language) -> str:
    """Return a title from declared words, for a table that was given none."""
    measures = [language.measure(each.title) for each in beside(release)]
    names = [within(language.measure(axis.title)) for axis in release.by]
    joined = language.join([measures[0], *map(within, measures[1:])])
    if not names:
        return joined
    return language.word("by", measure=joined, dimension=language.join(names))
