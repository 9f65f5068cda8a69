"""The annexes of the compliance summary: exact figures, no row of a customer, no name of staff."""

import datetime as dt
import re
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from workbench.analytics.compliance import Measured, year_to
from workbench.documents import packaged
from workbench.lifecycle.reads import COLUMNS
from workbench.privacy.columns import Dimension, Measure, noted
from workbench.privacy.operational import Exact
from workbench.reporting.definitions.reading import sound
from workbench.reporting.gate.sharing import written_anywhere
from workbench.reporting.notebooks.chosen import Written
from workbench.reporting.summary.evidence import Evidence, named
from workbench.reporting.summary.records import date_of, rows_of, time_of
from workbench.store.quality.result import Light
from workbench.store.quality.rules import DIMENSIONS

Row = Sequence[Any]  # words that head it, then its figures; an estimate with its two ends
NONE = "none"
LATE = ((7, "up to 7 days"), (30, "8 to 30 days"), (10**6, "more than 30 days"))
_KINDS = {"month": "month", "due": "date", "due_on": "date", "until": "date"}
_SLUG = re.compile(r"[a-z]+(-[a-z]+)*")  # words, no numbers
_NUMBERED = re.compile(r"-\d+$")


def annexes(evidence: Evidence) -> dict[str, Exact]:
    """Return every annex by its name in the summary."""
    declared = packaged("reporting/summary/data/annexes.yaml")
    made = {name: _annex(evidence, each, ROWS[name](evidence)) for name, each in declared.items()}
    ids = tuple(each.id for each in evidence.decisions)
    made["decisions"] = replace(made["decisions"], private=ids, notes=(noted("mixed"),))
    if ids := tuple(each.id for each in evidence.retention.values()):
        made["retention"] = replace(made["retention"], private=ids, notes=(noted("mixed"),))
    if unusual := evidence.detection:
        said = noted(
            "false alarms",
            alarms=unusual.false_alarms,
            weeks=unusual.history_weeks,
            most=unusual.false_alarm_at_most,
        )
        made["accesses"] = replace(made["accesses"], notes=(said,))
    return made


def _annex(evidence: Evidence, declared: Mapping[str, Any], rows: Sequence[Row]) -> Exact:
    """Return rows as exact figures, in the order they are shown."""
    by, measures, ends = declared["by"], declared["measures"], declared.get("ends", ())
    columns: dict[str, list[Any]] = {each: [] for each in (*by, *measures)}
    columns |= {f"{each}{end}": [] for each in ends for end in ("_low", "_high")}
    for row in rows:
        for column, value in zip((*by, *measures), row, strict=True):
            if column in ends:
                for end, one in zip(("", "_low", "_high"), value, strict=True):
                    columns[f"{column}{end}"].append(one)
            else:
                columns[column].append(value)
    axes = tuple(
        Dimension(
            column, title, _KINDS.get(column, "category"), tuple(dict.fromkeys(columns[column]))
        )
        for column, title in by.items()
    )
    figures = tuple(
        Measure(
            column,
            each.get("kind", "count"),
            each["title"],
            each.get("unit"),
            each.get("digits", 0),
        )
        for column, each in measures.items()
    )
    return Exact(
        declared["name"],
        (*_sources(evidence, declared), *declared["sources"]),
        columns,
        by=axes,
        measures=figures,
        period=evidence.period.text,
        notes=(noted("people"),) if declared.get("people") else (),
        origins={name: tuple(each) for name, each in declared.get("origins", {}).items()},
    )


def _sources(evidence: Evidence, declared: Mapping[str, Any]) -> list[str]:
    """Return the tables that rows can have come from."""
    tables = evidence.ws.catalog.tables
    if declared.get("logs"):
        return [
            name
            for name, table in tables.items()
            if table.operational and set(COLUMNS) <= set(table.columns)
        ]
    if not (records := declared.get("records")):
        return []
    table, frame = tables.get(records["table"]), getattr(evidence, records["of"])
    usable = table is not None and frame is not None and set(frame.columns) <= set(table.columns)
    return [records["table"]] if usable else []


def _overdue(evidence: Evidence) -> Sequence[Row]:
    """Return how many requests are late, by kind and law: none is one customer's line."""
    day = evidence.as_of
    found: dict[tuple[str, ...], int] = defaultdict(int)
    for each in rows_of(evidence.requests):
        due, closed = date_of(each["due_on"]), date_of(each["closed_on"])
        if due and due < day and (closed is None or closed > day):
            late = next(word for most, word in LATE if (day - due).days <= most)
            found[each["kind"], each["law"], late] += 1
    return [(*words, number) for words, number in sorted(found.items())]


def band_of(people: float | None) -> str:
    """Return how many people it is, by powers of ten.

    Examples
    --------
    >>> [band_of(each) for each in (None, 0, 9, 4211, 2_000_000)]
    ['not known', 'fewer than 10', 'fewer than 10', '1,000 to 9,999', '1,000,000 or more']
    """
    if people is None or people != people:
        return "not known"
    if people >= 1_000_000:
        return "1,000,000 or more"
    least = 10 ** (len(str(int(people))) - 1)
    return "fewer than 10" if least < 10 else f"{least:,} to {least * 10 - 1:,}"


def _incidents(evidence: Evidence) -> Sequence[Row]:
    day, hour = evidence.as_of, dt.timedelta(hours=1)
    rows = []
    for each in rows_of(evidence.incidents):
        seen = time_of(each["detected_at"])
        began, told = time_of(each["occurred_at"]), time_of(each["notified_at"])
        if seen is None or not year_to(day) <= seen.date() <= day:
            continue
        rows.append(
            (
                each["incident_id"],
                f"{seen:%Y-%m}",
                each["severity"],
                "not needed" if not each["notifiable"] else "done" if told else "missing",
                band_of(each["subjects_affected"]),
                None if began is None else round((seen - began) / hour),
                None if told is None else round((told - seen) / hour),
            )
        )
    return rows


def _risks(evidence: Evidence) -> Sequence[Row]:
    return [
        (
            risk.id,
            risk.title,
            risk.owner,
            risk.treatment,
            risk.due.isoformat() if risk.due else NONE,
            risk.likelihood,
            risk.impact,
            risk.severity,
        )
        for risk in evidence.ws.office.reviews.risks()
        if not risk.closed
    ]


def _processing(evidence: Evidence) -> Sequence[Row]:
    catalog = evidence.ws.catalog
    rows = []
    for name, purpose in catalog.purposes.items():
        mine = [
            (table, column, each)
            for table, declared in catalog.tables.items()
            if not declared.operational
            for column, each in catalog.columns_for(table, name).items()
            if column != declared.subject_key
        ]
        tables = {table for table, _, _ in mine}
        months = max((catalog.tables[table].retention.months for table in tables), default=0)
        sensitive = sum(each.sensitivity == "sensitive" for _, _, each in mine)
        words = (purpose.title, purpose.basis, purpose.audience, purpose.expires.isoformat())
        rows.append((*words, len(tables), len(mine), sensitive, months))
    return rows


def _transfers(evidence: Evidence) -> Sequence[Row]:
    day = evidence.as_of
    rows = []
    for each in rows_of(evidence.transfers):
        since, until = date_of(each["since"]), date_of(each["until"])
        if since and since <= day and (until is None or until >= day):
            mechanism = each["mechanism"] if isinstance(each["mechanism"], str) else NONE
            words = (each["recipient"], each["country"], each["purpose"], mechanism)
            people = (band_of(each["subjects"]), band_of(each["sensitive_subjects"]))
            rows.append((*words, *people))
    return rows


def _extracts(evidence: Evidence) -> Sequence[Row]:
    """Return the extracts handed over and not expired, with what was agreed of them."""
    return [
        (
            each.id,
            each.terms["recipient"],
            each.terms["country"],
            each.terms["expires"],
            each.people_at_most,
            each.k,
            each.l if each.measured.get("sensitive") else None,
            each.t if each.measured.get("sensitive") else None,
        )
        for each in evidence.all_extracts
        if each.at.date() <= evidence.as_of and each.terms["expires"] >= evidence.as_of.isoformat()
    ]


def _decisions(evidence: Evidence) -> Sequence[Row]:
    """Return how decisions fell by every protected attribute, the lowest ratio first."""
    found = sorted(
        evidence.selections, key=lambda each: (each.ratio.value is None, each.ratio.value)
    )
    return [
        (
            each.attribute,
            each.least or NONE,
            each.most or NONE,
            *((one.value, one.low, one.high) for one in (each.ratio, each.person)),
        )
        for each in found
    ]


def _retention(evidence: Evidence) -> Sequence[Row]:
    """Return what is past its time by table: customers estimated, operational rows counted."""
    customers, rows = evidence.past_retention, evidence.rows_past_retention
    return [
        (table.title, table.retention.months, _number_of(customers.get(name)), rows.get(name))
        for name, table in evidence.ws.catalog.tables.items()
        if name in customers or name in rows
    ]


def _number_of(found: Measured | None) -> tuple[float | None, ...]:
    """Return a share of customers as their number, with its interval."""
    if found is None or found.value is None or found.denominator is None:
        return (None, None, None)
    everybody = found.denominator
    return tuple(
        float(round((end or 0.0) * everybody)) for end in (found.value, found.low, found.high)
    )


def _limits(evidence: Evidence) -> Sequence[Row]:
    """Return every limit as epsilon, for the officer; readers see shares, which add up."""
    lines = evidence.ws.budget(evidence.period.text)
    rows = [
        ("month" if line.scope == evidence.period.text else line.scope, line.limit, line.spent)
        for line in lines
        if not line.scope.startswith("report ")  # the summary's own share, while it runs
    ]
    return [(scope, round(limit, 4), round(spent, 4)) for scope, limit, spent in rows]


def _spending(evidence: Evidence) -> Sequence[Row]:
    """Return what was paid for the period, by report and question."""
    written = written_anywhere(evidence.ws.settings, evidence.ws.catalog)
    found: dict[tuple[str, str], list[float]] = defaultdict(list)
    for each in evidence.ws.ledger.summary():
        if each["period"] == evidence.period.text:
            found[each["report"] or "by hand", _question(each, written)].append(each["epsilon"])
    # why not of all: a report whose definition is wrong keeps its id, its own run tells of it
    titles = {each.name: each.title for each in sound(evidence.ws.settings)}
    return [
        (titles.get(report, report), name, len(costs), round(max(costs), 4))
        for (report, name), costs in sorted(found.items())
    ]


def _question(answer: Mapping[str, Any], written: Written) -> str:
    """Return what a question is called; its id where the name could hold a figure or a row's word.

    A name is chosen by an analyst, in whatever notebook, and may be computed from rows. Of
    questions that were asked as one, ``decisions-1`` and so on, the number is left out.
    """
    name, release = _NUMBERED.sub("", str(answer["name"])), str(answer["release"])
    return name if _SLUG.fullmatch(name) and written.holds(name) else release


def _accesses(evidence: Evidence) -> Sequence[Row]:
    span = [r for r in evidence.reads if evidence.since <= r.at.date() <= evidence.as_of]
    # why not how many rows: of a customers' table one customer's rows would change the number
    found: dict[tuple[str, str], list[int]] = defaultdict(lambda: [0, 0])
    readers: dict[tuple[str, str], set[str]] = defaultdict(set)
    for read in span:
        key = (read.role, read.purpose or NONE)
        readers[key].add(read.reader)
        numbers = found[key]
        numbers[0] += not read.refused
        numbers[1] += read.refused
    return [
        (role, purpose, len(readers[role, purpose]), *numbers)
        for (role, purpose), numbers in sorted(found.items())
    ]


def _checks(evidence: Evidence) -> Sequence[Row]:
    words = {True: "holds", False: "failed", None: "not measured"}
    found: dict[tuple[str, str, str], int] = {}
    for check in evidence.review.checks:
        # what holds is counted, what does not is named
        key = (check.part, "all others" if check.ok else named(check), words[check.ok])
        found[key] = found.get(key, 0) + 1
    return [(*key, number) for key, number in found.items()]


def _quality(evidence: Evidence) -> Sequence[Row]:
    """Return how many checks of each dimension show which light, as far as they may be told."""
    lights: tuple[Light, ...] = ("green", "amber", "red", "not measured", "no threshold")
    rows = []
    for operational, whose in ((True, "operational tables"), (False, "tables about customers")):
        for dimension in DIMENSIONS:
            mine = [
                check.light
                for check in evidence.publishable
                if check.dimension == dimension
                and evidence.ws.catalog.tables[check.table].operational == operational
            ]
            if mine:
                rows.append((whose, dimension, *(mine.count(light) for light in lights)))
    return rows


ROWS: Mapping[str, Callable[[Evidence], Sequence[Row]]] = {
    "overdue": _overdue,
    "incidents": _incidents,
    "risks": _risks,
    "processing": _processing,
    "transfers": _transfers,
    "extracts": _extracts,
    "decisions": _decisions,
    "retention": _retention,
    "limits": _limits,
    "spending": _spending,
    "accesses": _accesses,
    "checks": _checks,
    "quality": _quality,
}
