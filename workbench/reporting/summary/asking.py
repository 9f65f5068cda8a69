"""What the compliance summary asks about customers, as questions that are answered privately.

Times of reads and loads come from the audit log, a record of the organisation's own work. Customers
come into it as rows of their tables only, each looked at by itself, and so every question is one of
the query language.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import ibis

from workbench.catalog import Catalog
from workbench.periods import Period, add_months
from workbench.privacy.query import Query, query

if TYPE_CHECKING:
    from workbench.store.logs.chain import Entry

DAY = dt.timedelta(days=1)
AFTER_DAYS = 4  # loads so long after a period still tell when its last withdrawals took effect
Open = Callable[[str], "ibis.Table"]


def past_retention(
    catalog: Catalog, period: Period, purpose: str, open_table: Open
) -> dict[str, Query]:
    """Return for each table about customers how many have a row past its time at a period's end.

    The first table also asks how many have none: its customers count as everybody. Tables whose
    clock the purpose cannot read are left out.
    """
    asked: dict[str, Query] = {}
    for name, table in catalog.tables.items():
        if table.operational or table.retention.after not in catalog.columns_for(name, purpose):
            continue
        rows = open_table(name)
        cutoff = add_months(period.end, -table.retention.months)
        past = (rows[table.retention.after] < cutoff).fill_null(False)
        question = (
            query(rows, where=past, cells=1)
            if asked
            else query(rows, by=past.name("past"), cells=1)
        )
        asked[name] = question.customers()
    return asked


@dataclass(frozen=True)
class ReadsOnConsent:
    """Reads on the ground of consent within a period, and the register they stood on.

    Attributes
    ----------
    asked : int
        Reads in all.
    ages_hours : list of float
        How old the register of consents was at each read that had one.
    spans : mapping of (consent, time of the register) to time
        The last of the reads for a consent that stood on that register.
    loads : list of datetime
        When the register was loaded, as far as it matters to the period.
    """

    asked: int
    ages_hours: list[float]
    spans: Mapping[tuple[str, dt.datetime], dt.datetime]
    loads: list[dt.datetime]


def reads_on_consent(
    catalog: Catalog,
    opened: Iterable[Entry],
    loaded: Sequence[tuple[int, dt.datetime]],
    period: Period,
    until: dt.date,
) -> ReadsOnConsent:
    """Return what the audit log and the snapshots say of reads on the ground of consent.

    Parameters
    ----------
    opened : iterable of Entry
        Entries ``open`` of the audit log.
    loaded : sequence of (snapshot, time)
        When the register of consents was loaded or found unchanged, and the snapshot since then.
    until : date
        The last day looked at.
    """
    asked = 0
    ages: list[float] = []
    spans: dict[tuple[str, dt.datetime], dt.datetime] = {}
    for entry in opened:
        granted = catalog.purposes.get(entry.body["purpose"])
        table = catalog.tables.get(entry.body["table"])
        if granted is None or granted.consent is None or table is None or table.operational:
            continue
        if not period.start <= entry.at.date() <= until:
            continue
        asked += 1
        seen = entry.body["snapshot"]
        before = [at for snapshot, at in loaded if snapshot <= seen and at <= entry.at]
        if before:
            register = max(before)
            ages.append((entry.at - register) / dt.timedelta(hours=1))
            key = (granted.consent, register)
            spans[key] = max(entry.at, spans.get(key, entry.at))
    last = period.end + AFTER_DAYS * DAY
    loads = [at for _, at in loaded if period.start <= at.date() < last]
    return ReadsOnConsent(asked, sorted(ages), spans, loads)


def live_consents(catalog: Catalog, consents: ibis.Table, reads: ReadsOnConsent) -> Query:
    """Return of how many people read the consent was live, and of how many it was not.

    A consent was read where the register that a read stood on held it, and was not live any more
    where it was withdrawn before the last such read; a withdrawal in a row of its own stands, in
    what is opened, in the row of what it ends. Where the register has days only, a withdrawal
    counts from the end of its day, and a register holds the days before its own.
    """
    source = catalog.consents
    assert source is not None  # noqa: S101  # why: a purpose on consent declares it
    withdrawn, days = consents[source.withdrawn], _days(catalog, source.withdrawn)
    read, stale = [], []
    for (consent, register), last in reads.spans.items():
        held = (consents[source.purpose] == consent) & (
            consents[source.given] <= _moment(register, _days(catalog, source.given))
        )
        at, end = _moment(register, days), _moment(last, days)
        known = withdrawn < at if days else withdrawn <= at
        read.append(held & ~known.fill_null(False))
        later = (withdrawn < end if days else withdrawn <= end).fill_null(False)
        stale.append(held & ~known.fill_null(False) & later)
    return query(
        consents, by=ibis.or_(*stale).name("withdrawn_before"), where=ibis.or_(*read), cells=1
    ).customers()


def withdrawals(
    catalog: Catalog, consents: ibis.Table, reads: ReadsOnConsent, period: Period
) -> Query:
    """Return how many people's withdrawals of a period took effect within one day, and three.

    A withdrawal takes effect when the register is loaded after it: every later read leaves the
    customer out. Withdrawals before the register was first loaded here are left out.
    """
    source = catalog.consents
    assert source is not None  # noqa: S101  # why: a purpose on consent declares it
    withdrawn, days = consents[source.withdrawn], _days(catalog, source.withdrawn)
    needed = sorted({each.consent for each in catalog.purposes.values() if each.consent})

    def later_than(most: int) -> Any:
        ends = [withdrawn.isnull()]  # of those asked about, nobody's
        for load in reads.loads:
            first, last = _moment(load - most * DAY, days), _moment(load, days)
            ends.append((withdrawn >= first) & (withdrawn < last))
        return ~ibis.or_(*ends)

    first = max(period.start, min(reads.loads).date()) if reads.loads else period.start
    return query(
        consents,
        by=[later_than(1).name("after_a_day"), later_than(3).name("after_three_days")],
        where=[
            consents[source.purpose].isin(needed),
            (withdrawn >= first).fill_null(False),
            (withdrawn < period.end).fill_null(False),
        ],
        cells=1,
    ).customers()


def _days(catalog: Catalog, column: str) -> bool:
    """Return whether a column of the register holds days, and no times."""
    source = catalog.consents
    assert source is not None  # noqa: S101  # why: asked only where there is one
    return catalog.tables[source.table].columns[column].type == "date"


def _moment(at: dt.datetime, days: bool) -> dt.date | dt.datetime:
    plain = at.replace(tzinfo=None)
    return plain.date() if days else plain
