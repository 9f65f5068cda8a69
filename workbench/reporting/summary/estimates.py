"""What the compliance summary asks about customers, privately, and what the answers estimate.

Times of reads and loads come from the audit log, a record of the organisation's own work. Customers
come into it as rows of their tables only, each looked at by itself, and so every question is one of
the query language.

Where several estimates stand beside each other and the worst is told, its interval is widened so
that all of them hold their figure together (Bonferroni): else the worst of ten would be one that
the noise made so. The ratio of the least to the most of several rates is chosen twice over, so all
rates hold together first, and the ratio lies between the ends they leave to its extremes.
"""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from statistics import NormalDist
from typing import TYPE_CHECKING, Any

import ibis

from workbench.analytics.compliance import Measured, unmeasured
from workbench.catalog import Catalog, ConsentSource
from workbench.periods import Period, add_months
from workbench.privacy.columns import Measure, placed
from workbench.privacy.groups import REST
from workbench.privacy.margins import Affine, Ratio, interval, quantile, weighted
from workbench.privacy.query import Query, query
from workbench.privacy.release import Release

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
    source = _register(catalog)
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
    source = _register(catalog)
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


def _register(catalog: Catalog) -> ConsentSource:
    """Return how the register of consents is declared."""
    assert catalog.consents is not None  # noqa: S101  # why: a purpose on consent declares it
    return catalog.consents


def _days(catalog: Catalog, column: str) -> bool:
    """Return whether a column of the register holds days, and no times."""
    return catalog.tables[_register(catalog).table].columns[column].type == "date"


def _moment(at: dt.datetime, days: bool) -> dt.date | dt.datetime:
    plain = at.replace(tzinfo=None)
    return plain.date() if days else plain


NOT_ASKED = "it was not asked"
TOO_FEW = "too few decisions for an estimate"
TOO_FEW_PEOPLE = "too few people for an estimate"
WIDEST = 0.25  # a group's rate that is less sure than this tells of no difference
LEAST_SHARE = 0.001  # of customers: what no estimate is asked to tell from nobody
_LEVEL = 0.95
Z_95 = quantile(_LEVEL)
_SHARE = Measure("share", "rate", "Share", None)


@dataclass(frozen=True)
class Selection:
    """How decisions fell by one protected attribute.

    Attributes
    ----------
    attribute : str
        Its title.
    ratio : Measured
        The least approved group's rate over the most approved one's.
    person : Measured
        Share of decisions a person took.
    least, most : str or None
        The groups.
    """

    attribute: str
    ratio: Measured
    person: Measured
    least: str | None = None
    most: str | None = None


def selections(decisions: Sequence[Release]) -> list[Selection]:
    """Return the selection-rate ratio of every attribute that decisions were asked by."""
    return [
        Selection(each.by[0].title, unmeasured(NOT_ASKED), unmeasured(NOT_ASKED))
        if each.planned or not len(each)
        else selection(each, _by_person(each))
        for each in decisions
    ]


def selection(release: Release, person: Measured) -> Selection:
    """Return the ratio of one attribute's groups, from their rates ``approved``.

    A group whose rate is not known well is left out: the noise would make it the least approved.
    Whichever groups come out least and most, the ratio of the true extremes is in the interval: all
    rates of the attribute lie in theirs together, the least rate is at most the lowest upper end
    and at least the lowest lower end, and the most likewise.
    """
    axis = release.by[0]
    names = [f"approved_rate{end}" for end in ("", "_low", "_high")]
    rates = [
        (value, low, high, str(group))
        for group, value, low, high in zip(
            release.columns[axis.name], *(release.columns[name] for name in names), strict=True
        )
        if group != REST and None not in (value, low, high) and value > 0
        if (high - low) / 2 <= WIDEST
    ]
    wide = [
        together(Measured(value, low=low, high=high), len(rates)) for value, low, high, _ in rates
    ]
    lows, highs = [each.low or 0.0 for each in wide], [each.high or 0.0 for each in wide]
    if len(rates) < 2 or max(lows) <= 0:
        return Selection(axis.title, unmeasured(TOO_FEW), person)
    least, most = min(rates), max(rates)
    low, high = min(lows) / max(highs), min(1.0, min(highs) / max(lows))
    measured = Measured(least[0] / most[0], low=low, high=high)
    return Selection(axis.title, measured, person, least[3], most[3])


def decided(found: Sequence[Selection]) -> dict[str, Measured]:
    """Return the lowest ratio, with an interval that holds for all, and people's share."""
    known = [each for each in found if each.ratio.value is not None]
    if not known:
        ratio = unmeasured(found[0].ratio.why if found else NOT_ASKED)
    else:
        wide = [together(each.ratio, len(known)) for each in known]
        lowest = min(wide, key=lambda each: each.value or 0.0)
        # of all attributes the lowest is meant, whichever it is
        low, high = (min(getattr(each, end) for each in wide) for end in ("low", "high"))
        ratio = replace(lowest, low=low, high=min(1.0, high))
    persons = [each.person for each in found if each.person.value is not None]
    nothing, whole = unmeasured(NOT_ASKED), 1.0
    person = min(persons, key=lambda m: (m.high or whole) - (m.low or 0.0), default=nothing)
    return {"impact-ratio": ratio, "human-review": person}


def rate(release: Release | None, name: str) -> Measured:
    """Return a private rate of one row, with its interval."""
    if release is None or name not in release.columns or release.columns[name][0] is None:
        return unmeasured(NOT_ASKED)
    drawn = (release.columns[f"{name}{end}"][0] for end in ("", "_low", "_high"))
    value, low, high = placed(_SHARE, *drawn)
    return Measured(value, low=low, high=high)


def past(retention: Mapping[str, Release]) -> dict[str, Measured]:
    """Return for each table the share of customers with a row past its time.

    Parameters
    ----------
    retention : mapping of table to Release
        Of ``ws.past_retention``: the first has those who have none too.
    """
    found: dict[str, Measured] = {}
    everybody: Affine | None = None
    for number, (table, release) in enumerate(retention.items()):
        if not len(release) or release.columns["customers"][0] is None:
            found[table] = unmeasured(NOT_ASKED)
            continue
        columns = [release.columns[f"customers{end}"] for end in ("", "_low", "_high")]
        counts = [
            Affine(value, {(table, number, str(row)): (high - low) / 2 / Z_95})
            for row, (value, low, high) in enumerate(zip(*columns, strict=True))
        ]
        row = 0
        if release.by:
            row = release.columns[release.by[0].name].index(True)
            everybody = weighted((1.0, each) for each in counts)
        if everybody is None:
            found[table] = unmeasured(NOT_ASKED)
            continue
        drawn = interval(Ratio(counts[row], everybody), Z_95)
        if drawn[0] is None:
            found[table] = unmeasured(TOO_FEW_PEOPLE)
            continue
        share, least, most = placed(_SHARE, *drawn)
        found[table] = Measured(share, max(0.0, counts[row].value), everybody.value, least, most)
    return found


def worst_past(found: Mapping[str, Measured]) -> Measured:
    """Return the share of the table that is most surely past its time, among all."""
    known = [each for each in found.values() if each.value is not None]
    if not known:
        return unmeasured(NOT_ASKED)
    worst = max(known, key=lambda each: (each.low or 0.0, each.value or 0.0))
    return together(worst, len(known))


def live(release: Release | None) -> Measured:
    """Return the share of people read on the ground of consent whose consent was live."""
    return _share(release, lambda row: not row[0])


def in_time(release: Release | None) -> tuple[Measured, Measured]:
    """Return the share of withdrawals that took effect within one day, and within three."""
    return _share(release, lambda row: not row[0]), _share(release, lambda row: not row[1])


def together(one: Measured, estimates: int) -> Measured:
    """Return an estimate with the interval it has when several are to hold together."""
    if one.value is None or one.low is None or one.high is None or estimates < 2:
        return one
    wider = NormalDist().inv_cdf(1 - (1 - _LEVEL) / 2 / estimates) / NormalDist().inv_cdf(0.975)
    low = max(0.0, one.value - (one.value - one.low) * wider)
    high = one.value + (one.high - one.value) * wider
    return replace(one, low=low, high=high)


def _share(release: Release | None, kept: Callable[[tuple[Any, ...]], bool]) -> Measured:
    """Return the share of some cells of one answer; their draws are independent of each other."""
    if release is None or not len(release) or release.columns["customers"][0] is None:
        return unmeasured(NOT_ASKED)
    axes = [release.columns[axis.name] for axis in release.by]
    rows = list(zip(*axes, strict=True))
    counts, lows, highs = (release.columns[f"customers{e}"] for e in ("", "_low", "_high"))
    chosen = [at for at, row in enumerate(rows) if kept(row)]
    everybody = sum(counts)
    noise = (highs[0] - lows[0]) / 2  # of every cell the same
    if everybody <= math.sqrt(len(rows)) * noise:
        return unmeasured(TOO_FEW_PEOPLE)
    value = min(1.0, max(0.0, sum(counts[at] for at in chosen) / everybody))
    others = len(rows) - len(chosen)
    spread = noise / everybody * math.sqrt(len(chosen) * (1 - value) ** 2 + others * value**2)
    part = max(0.0, sum(counts[at] for at in chosen))
    ends = (max(0.0, value - spread), min(1.0, value + spread))
    return Measured(value, float(round(part)), float(round(everybody)), *ends)


def _by_person(decisions: Release) -> Measured:
    axis = decisions.by[0].name
    total = decisions.derive("person_rate", over=axis, name="decided-by-a-person")
    if total.columns["person_rate"][0] is None:
        return unmeasured(TOO_FEW)
    return rate(total, "person_rate")
