"""What a run needs of its workspace, as one value; workspaces make it."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path

from workbench.catalog import Catalog
from workbench.privacy.books.answers import AnswerLedger
from workbench.privacy.release import Release
from workbench.reporting.definition import Definition
from workbench.reporting.promises import Promises
from workbench.settings import Settings

Find = Callable[[set[str]], list[tuple[str, str, str]]]
Tell = Callable[[str], None]


class Detail(str):
    """A step for whoever watches: a bar shows it, a log is better without it.

    Examples
    --------
    >>> Detail("cell 3 of 7")
    'cell 3 of 7'
    """

    __slots__ = ()


@dataclass(frozen=True)
class Desk:
    """What a run needs of its workspace.

    Attributes
    ----------
    settings : Settings
    catalog : Catalog
    ledger : AnswerLedger
    private : Path
        For executed notebooks and logs.
    data_version, as_of : str
        Of the snapshot the run reads, as shown to readers.
    snapshot : int
        The snapshot the run reads.
    find : callable
        Which of some texts are identifiers of customers.
    now : datetime
    begins : callable
        From a report's definition to the first day of the data it reads.
    promises : Promises
        What the editions of this run may still pay.
    """

    settings: Settings
    catalog: Catalog
    ledger: AnswerLedger
    private: Path
    data_version: str
    as_of: str
    snapshot: int
    find: Find
    now: dt.datetime
    begins: Callable[[Definition], dt.date]
    promises: Promises = field(default_factory=Promises)

    def with_notebooks(self, folder: Path) -> Desk:
        """Return the same desk, whose notebooks lie in another folder."""
        return replace(self, settings=self.settings.model_copy(update={"notebooks": folder}))

    def catalog_words(self) -> frozenset[str]:
        """Return everything the catalog calls tables, columns and values, and its numbers."""
        return catalog_words(self.catalog)

    def names(self) -> set[str]:
        """Return what the catalog calls tables, columns, values and purposes, and the reports."""
        reports = (path.stem for path in self.settings.path("reports").glob("*.yaml"))
        return {*catalog_words(self.catalog), *self.catalog.purposes, *reports}

    def declared_words(self) -> set[str]:
        """Return the catalog's words that may stand on a page, whoever has them as a name."""
        return declared_words(self.catalog)


@dataclass(frozen=True)
class Answers:
    """The look-up of answers in a workspace, for exporters, with what a page is checked by."""

    desk: Desk

    def __call__(self, name: str) -> Release:
        """Return an answer by its id."""
        return self.desk.ledger.checked(name)


def catalog_words(catalog: Catalog) -> frozenset[str]:
    """Return everything a catalog calls tables, columns and values, and its numbers."""
    tables = catalog.tables.values()
    columns = [column for table in tables for column in table.columns.values()]
    names = {name for table in tables for name in table.columns}
    titles = {table.title for table in tables} | {each.title for each in columns if each.title}
    units = {each for each in (catalog.currency, *(c.unit for c in columns)) if each}
    limits = [pair for each in columns for pair in (each.bounds, each.customer_bounds) if pair]
    ends = [end for pair in limits for end in getattr(pair, "ladder", pair)]
    least = [each.contribution for each in tables if each.contribution]
    numbers = {str(n) for each in least for n in (each.cells, each.rows)} | set(map(str, ends))
    return frozenset(names | titles | units | numbers | declared_words(catalog))


def declared_words(catalog: Catalog) -> set[str]:
    """Return a catalog's words that may stand on a page, whoever has them as a name."""
    return {
        str(value)
        for table in catalog.tables.values()
        for column in table.columns.values()
        for value in column.values
    }
