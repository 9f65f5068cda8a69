"""Which columns nobody read for how long: candidates to stop collecting."""

import datetime as dt
from collections.abc import Iterable
from dataclasses import dataclass

from workbench.catalog import Catalog
from workbench.lifecycle.law import add_months
from workbench.store.logs.chain import Entry


@dataclass(frozen=True)
class Unread:
    """One column no purpose read.

    ``last_read`` is None where it was never read as far as the log goes back.
    """

    table: str
    column: str
    sensitivity: str
    last_read: dt.date | None


@dataclass(frozen=True)
class Minimisation:
    """Columns about customers that were not read in a span.

    Attributes
    ----------
    unread : tuple of Unread
    columns : int
        Columns about customers in all, keys left out.
    since : date
        Begin of the span.
    log_begins : date or None
        First entry of the log; later than ``since``, the span is not covered yet.
    """

    unread: tuple[Unread, ...]
    columns: int
    since: dt.date
    log_begins: dt.date | None

    @property
    def covered(self) -> bool:
        """Whether the log goes back as far as the span."""
        return self.log_begins is not None and self.log_begins <= self.since


def minimisation(
    catalog: Catalog, entries: Iterable[Entry], *, today: dt.date, months: int
) -> Minimisation:
    """Return the columns no purpose opened in the last months, by the audit log.

    Subject keys are left out: every read needs them.
    """
    since = add_months(dt.datetime.combine(today, dt.time()), -months).date()
    last: dict[tuple[str, str], dt.date] = {}
    begins: dt.date | None = None
    for entry in entries:
        day = entry.at.date()
        begins = begins or day
        if entry.kind == "open":
            for column in entry.body.get("columns", ()):
                last[entry.body["table"], column] = day
    columns = [
        (table_name, name, column)
        for table_name, table in catalog.tables.items()
        if not table.operational
        for name, column in table.columns.items()
        if name != table.subject_key
    ]
    unread = tuple(
        Unread(table, name, column.sensitivity, last.get((table, name)))
        for table, name, column in columns
        if last.get((table, name), dt.date.min) < since
    )
    return Minimisation(unread, len(columns), since, begins)
