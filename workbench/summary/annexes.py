"""The annexes of the compliance summary: exact figures, no row of a customer, no name of staff."""

from __future__ import annotations

import datetime as dt
import re
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from workbench.errors import DefinitionError
from workbench.privacy.columns import Dimension, Measure
from workbench.privacy.noted import noted
from workbench.privacy.operational import Exact
from workbench.reporting.gate.sharing import written_anywhere

if TYPE_CHECKING:
    import pandas as pd

    from workbench.reporting.notebooks.chosen import Written
    from workbench.store.quality_result import Light
    from workbench.summary.evidence import Evidence

NONE = "none"
LATE = ((7, "up to 7 days"), (30, "8 to 30 days"), (10**6, "more than 30 days"))
_KINDS = {"month": "month", "due": "date", "due_on": "date", "until": "date"}
_SLUG = re.compile(r"[a-z]+(-[a-z]+)*")  # words, no numbers
_NUMBERED = re.compile(r"-\d+$")


def annexes(evidence: Evidence) -> dict[str, Exact]:
    """Return every annex by its name in the summary."""
    from workbench.summary import annex_estimates

    return {
        "overdue": _overdue(evidence),
        "incidents": _incidents(evidence),
        "risks": _risks(evidence),
        "processing": _processing(evidence),
        "transfers": _transfers(evidence),
        "extracts": annex_estimates.extracts(evidence),
        "decisions": annex_estimates.decisions(evidence),
        "retention": annex_estimates.retention(evidence),
        "limits": _limits(evidence),
        "spending": _spending(evidence),
        "accesses": _accesses(evidence),
        "checks": _checks(evidence),
        "quality": _quality(evidence),
    }


def sheet(
    name: str,
    period: str,
    sources: Sequence[str],
    by: dict[str, str],
    measures: dict[str, tuple[str, str | None]],
    rows: Sequence[Sequence[Any]],
    origins: Mapping[str, tuple[str, ...]] | None = None,
) -> Exact:
    """Return rows as exact figures: first the words that head them, then the numbers.

    Parameters
    ----------
    by : mapping of column to title
    measures : mapping of column to (title, unit)
    rows : sequence of rows
        In the order they are shown.
    origins : mapping of column to columns of the source tables, optional
        What heads rows under another name than it has there.
    """
    columns: dict[str, list[Any]] = {each: [] for each in (*by, *measures)}
    for row in rows:
        for column, value in zip(columns.values(), row, strict=True):
            column.append(value)
    axes = tuple(
        Dimension(
            column, title, _KINDS.get(column, "category"), tuple(dict.fromkeys(columns[column]))
        )
        for column, title in by.items()
    )
    figures = tuple(
        Measure(column, "count", title, unit, 2 if unit == "epsilon" else 0)
        for column, (title, unit) in measures.items()
    )
    return Exact(
        name,
        tuple(sources),
        columns,
        by=axes,
        measures=figures,
        period=period,
        origins=origins or {},
    )


def _overdue(evidence: Evidence) -> Exact:
    """Return how many requests are late, by kind and law: none is one customer's line."""
    day = evidence.as_of
    frame = evidence.requests
    found: dict[tuple[str, ...], int] = defaultdict(int)
    if frame is not None:
        for each in frame.to_dict("records"):
            due, closed = _date(each["due_on"]), _date(each["closed_on"])
            if due and due < day and (closed is None or closed > day):
                late = next(word for most, word in LATE if (day - due).days <= most)
                found[each["kind"], each["law"], late] += 1
    made = sheet(
        "requests-overdue",
        evidence.period.text,
        [*_tables(evidence, "subject_requests", frame), "request register"],
        {"kind": "Kind", "law": "Law", "late": "Late"},
        {"requests": ("Requests", None)},
        [(*words, number) for words, number in sorted(found.items())],
        {"late": ("due_on",)},
    )
    return replace(made, notes=(noted("people"),))


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


def _incidents(evidence: Evidence) -> Exact:
    from workbench.analytics.compliance import YEAR

    frame = evidence.incidents
    day = evidence.as_of
    rows = []
    if frame is not None:
        for each in frame.to_dict("records"):
            seen = _time(each["detected_at"])
            began, told = _time(each["occurred_at"]), _time(each["notified_at"])
            if seen is None or not day - YEAR <= seen.date() <= day:
                continue
            notice = "not needed" if not each["notifiable"] else "done" if told else "missing"
            hours = None if told is None else round((told - seen) / dt.timedelta(hours=1))
            rows.append(
                (
                    each["incident_id"],
                    f"{seen:%Y-%m}",
                    each["severity"],
                    notice,
                    band_of(each["subjects_affected"]),
                    None if began is None else round((seen - began) / dt.timedelta(hours=1)),
                    hours,
                )
            )
    by = {"incident": "Incident", "month": "Month", "severity": "Severity", "notice": "Notice"}
    by["people"] = "People"
    made = sheet(
        "incidents-of-twelve-months",
        evidence.period.text,
        [*_tables(evidence, "incidents", frame), "incident register"],
        by,
        {
            "detect_hours": ("Hours to detect", None),
            "notify_hours": ("Hours to notify", None),
        },
        rows,
        {
            "incident": ("incident_id",),
            "month": ("detected_at",),
            "notice": ("notifiable", "notified_at"),
            "people": ("subjects_affected",),
        },
    )
    return replace(made, notes=(noted("people"),))


def _risks(evidence: Evidence) -> Exact:
    rows = [
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
    by = {"id": "No.", "title": "Risk", "owner": "Owner", "treatment": "Treatment", "due": "Due"}
    return sheet(
        "open-risks",
        evidence.period.text,
        ["review register"],
        by,
        {
            "likelihood": ("Likelihood", None),
            "impact": ("Impact", None),
            "severity": ("Severity", None),
        },
        rows,
    )


def _processing(evidence: Evidence) -> Exact:
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
    return sheet(
        "record-of-processing",
        evidence.period.text,
        ["catalog"],
        {"purpose": "Purpose", "basis": "Ground", "audience": "For", "until": "Until"},
        {
            "tables": ("Tables", None),
            "columns": ("Columns", None),
            "sensitive": ("Sensitive columns", None),
            "months": ("Kept at most, months", None),
        },
        rows,
    )


def _transfers(evidence: Evidence) -> Exact:
    frame = evidence.transfers
    day = evidence.as_of
    rows = []
    if frame is not None:
        for each in frame.to_dict("records"):
            since, until = _date(each["since"]), _date(each["until"])
            if since and since <= day and (until is None or until >= day):
                mechanism = each["mechanism"] if isinstance(each["mechanism"], str) else NONE
                words = (each["recipient"], each["country"], each["purpose"], mechanism)
                people = (band_of(each["subjects"]), band_of(each["sensitive_subjects"]))
                rows.append((*words, *people))
    by = {
        "recipient": "To",
        "country": "Country",
        "purpose_name": "Purpose",
        "mechanism": "Mechanism",
        "people": "People",
        "sensitive": "With sensitive data",
    }
    made = sheet(
        "transfers-abroad",
        evidence.period.text,
        [*_tables(evidence, "transfers", frame), "share register"],
        by,
        {},
        rows,
        {
            "purpose_name": ("purpose",),
            "people": ("subjects",),
            "sensitive": ("sensitive_subjects",),
        },
    )
    return replace(made, notes=(noted("people"),))


def _limits(evidence: Evidence) -> Exact:
    """Return every limit as epsilon, for the officer; readers see shares, which add up."""
    lines = evidence.ws.budget(evidence.period.text)
    rows = [
        ("month" if line.scope == evidence.period.text else line.scope, line.limit, line.spent)
        for line in lines
        if not line.scope.startswith("report ")  # the summary's own share, while it runs
    ]
    return sheet(
        "privacy-limits",
        evidence.period.text,
        ["ledger", "catalog"],
        {"limit": "Limit"},
        {"allowed": ("Allowed", "epsilon"), "spent": ("Spent so far", "epsilon")},
        [(scope, round(limit, 4), round(spent, 4)) for scope, limit, spent in rows],
    )


def _spending(evidence: Evidence) -> Exact:
    """Return what was paid for the period, by report and question."""
    written = written_anywhere(evidence.ws.settings, evidence.ws.catalog)
    found: dict[tuple[str, str], list[float]] = defaultdict(list)
    for each in evidence.ws.ledger.summary():
        if each["period"] == evidence.period.text:
            found[each["report"] or "by hand", _question(each, written)].append(each["epsilon"])
    titles = _report_titles(evidence)
    rows = [
        (titles.get(report, report), name, len(costs), round(max(costs), 4))
        for (report, name), costs in sorted(found.items())
    ]
    return sheet(
        "releases-and-their-cost",
        evidence.period.text,
        ["ledger"],
        {"report": "Report", "question": "Question"},
        {"answers": ("Answers", None), "epsilon": ("Dearest", "epsilon")},
        rows,
    )


def _report_titles(evidence: Evidence) -> dict[str, str]:
    """Return what reports are called; one whose definition is wrong keeps its id."""
    from workbench.reporting.definitions.reading import definition_paths, load_definition

    settings, titles = evidence.ws.settings, {}
    for name, path in definition_paths(settings.path("reports")).items():
        try:
            titles[name] = load_definition(path, settings.path("notebooks")).title
        except DefinitionError:
            continue  # why: that report's own run tells of it, this page is about another matter
    return titles


def _question(answer: Mapping[str, Any], written: Written) -> str:
    """Return what a question is called; its id where the name could hold a figure or a row's word.

    A name is chosen by an analyst, in whatever notebook, and may be computed from rows. Of
    questions that were asked as one, ``decisions-1`` and so on, the number is left out.
    """
    name, release = _NUMBERED.sub("", str(answer["name"])), str(answer["release"])
    return name if _SLUG.fullmatch(name) and written.holds(name) else release


def _accesses(evidence: Evidence) -> Exact:
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
    rows = [
        (role, purpose, len(readers[role, purpose]), *numbers)
        for (role, purpose), numbers in sorted(found.items())
    ]
    found_unusual = evidence.detection
    notes: tuple[str, ...] = ()
    if found_unusual is not None:
        said = noted(
            "false alarms",
            alarms=found_unusual.false_alarms,
            weeks=found_unusual.history_weeks,
            most=found_unusual.false_alarm_at_most,
        )
        notes = (said,)
    made = sheet(
        "accesses-by-role-and-purpose",
        evidence.period.text,
        [*_logs(evidence), "audit log"],
        {"reader_role": "Role", "purpose_name": "Purpose"},
        {
            "readers": ("Readers", None),
            "reads": ("Reads", None),
            "refused": ("Refused", None),
        },
        rows,
        {"reader_role": ("role",), "purpose_name": ("purpose",)},
    )
    return replace(made, notes=notes)


def _checks(evidence: Evidence) -> Exact:
    from workbench.summary.evidence import named

    words = {True: "holds", False: "failed", None: "not measured"}
    found: dict[tuple[str, str, str], int] = {}
    for check in evidence.review.checks:
        # what holds is counted, what does not is named
        key = (check.part, "all others" if check.ok else named(check), words[check.ok])
        found[key] = found.get(key, 0) + 1
    rows = [(*key, number) for key, number in found.items()]
    return sheet(
        "security-checks",
        evidence.period.text,
        ["settings", "store", "audit log"],
        {"part": "Part", "check": "Check", "result": "Result"},
        {"checks": ("Checks", None)},
        rows,
    )


def _quality(evidence: Evidence) -> Exact:
    """Return how many checks of each dimension show which light, as far as they may be told."""
    from workbench.store.quality_rules import DIMENSIONS

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
    titles = ("Green", "Amber", "Red", "Not measured", "No threshold")
    return sheet(
        "checks-of-quality",
        evidence.period.text,
        ["quality history", "store", "catalog"],
        {"tables": "Of", "dimension": "Dimension"},
        {
            light.replace(" ", "_"): (title, None)
            for light, title in zip(lights, titles, strict=True)
        },
        rows,
    )


def _tables(evidence: Evidence, name: str, frame: pd.DataFrame | None) -> list[str]:
    """Return the table as a source, where what was looked at can have come from it."""
    table = evidence.ws.catalog.tables.get(name)
    usable = table is not None and frame is not None and set(frame.columns) <= set(table.columns)
    return [name] if usable else []


def _logs(evidence: Evidence) -> list[str]:
    from workbench.lifecycle.incidents.reads import COLUMNS

    return [
        name
        for name, table in evidence.ws.catalog.tables.items()
        if table.operational and set(COLUMNS) <= set(table.columns)
    ]


def _date(value: Any) -> dt.date | None:
    import pandas as pd

    if value is None or pd.isna(value):
        return None
    day: dt.date = pd.Timestamp(value).date()
    return day


def _time(value: Any) -> dt.datetime | None:
    import pandas as pd

    if value is None or pd.isna(value):
        return None
    at: dt.datetime = pd.Timestamp(value).to_pydatetime()
    return at
