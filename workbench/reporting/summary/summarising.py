"""The compliance summary of a month: indicators with lights, and annexes, kept in the ledger."""

from __future__ import annotations

import datetime as dt
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from workbench import reporting
from workbench.analytics.compliance import Measured, unmeasured
from workbench.analytics.kpis import Light, kpi, kpis
from workbench.catalog import Catalog
from workbench.lifecycle import law
from workbench.privacy.books.answers import handed_out
from workbench.privacy.columns import Dimension, Measure, noted
from workbench.privacy.operational import KIND, Exact, kept, operational
from workbench.privacy.planning import keep_blank
from workbench.privacy.release import Release
from workbench.reporting.summary.annexes import annexes
from workbench.reporting.summary.evidence import Evidence

NAME = "compliance-indicators"


@dataclass(frozen=True)
class Summary:
    """What `ws.compliance` returns; every part is drawn by ``wb.figures``.

    Attributes
    ----------
    counts : Release
        One row: how many indicators are ``green``, ``amber``, ``red``, ``not_measured``.
    indicators : Release
        For ``wb.figures.indicators``.
    overdue, incidents, risks, processing, transfers, extracts : Release
    decisions, retention, limits, spending, accesses, checks, quality : Release
        Annexes, for ``wb.figures.table``: requests past their day; incidents of twelve months;
        open risks; the record of processing by purpose; transfers; extracts and what was agreed
        of them; decisions by protected attribute; what is past retention, by table; limits in
        epsilon; releases and their cost; reads by role and purpose; what the security review looks
        at; checks of quality.
    """

    counts: Release
    indicators: Release
    overdue: Release
    incidents: Release
    risks: Release
    processing: Release
    transfers: Release
    extracts: Release
    decisions: Release
    retention: Release
    limits: Release
    spending: Release
    accesses: Release
    checks: Release
    quality: Release


def summarised(evidence: Evidence) -> Summary:
    """Return the summary of what was looked at."""
    lines, period = _lines(evidence), evidence.period.text
    private = evidence.private
    kept = {name: keep(evidence.ws, each) for name, each in annexes(evidence).items()}
    return Summary(
        counts=keep(evidence.ws, _counts(lines, period, private)),
        indicators=keep(evidence.ws, _indicators(lines, period, private)),
        **kept,
    )


def _lines(evidence: Evidence) -> tuple[Indicator, ...]:
    """Return the indicators with what they were before, who answers, and by when."""
    period = evidence.period
    measured = evidence.measured()
    before = period.previous()
    past = [release for _, release in kept(evidence.ws.ledger, NAME) if release.period is not None]
    earlier = [each for each in past if each.period == before.text]
    previous: dict[str, float | None] = {}
    if earlier:
        columns = earlier[-1].columns
        previous |= dict(zip(columns["indicator"], columns["value"], strict=True))
    then = evidence.of_frames(min(before.end - dt.timedelta(days=1), evidence.today))
    previous |= {name: each.value for name, each in then.items()}
    dated = [*evidence.of_frames(evidence.as_of), "outside-purpose", "purposes-in-force"]
    dated += ["consent-live", "withdrawals-in-time", "consent-applied", "withdrawal-lag"]
    dated += ["unusual-readers", "impact-ratio", "human-review", "past-retention"]
    dated += ["quality-accuracy", "quality-completeness", "smallest-group", "small-groups"]
    dated += ["extract-diversity", "extract-closeness", "budget-month"]
    return indicators(
        measured,
        previous=previous,
        owners=_owners(evidence.ws.catalog),
        due=_due_before(past),
        as_of=dict.fromkeys(dated, evidence.as_of),
        today=evidence.today,
    )


def _owners(catalog: Catalog) -> dict[str, str]:
    """Return who the catalog says answers for the table an indicator is counted from."""
    tables = catalog.tables
    return {
        name: tables[first].owner
        for name, definition in kpis().items()
        if (first := definition.source.split(", ")[0]) in tables
    }


def keep(ws: Any, exact: Exact) -> Release:
    """Keep exact figures in the ledger; in a plan, return them without keeping."""
    made = operational(exact, ws.catalog, ws.access.versions.of_all())
    if reporting.PLAN_FILE in os.environ:
        return keep_blank(made, Path(os.environ[reporting.PLAN_FILE]), start="e")
    release = ws.ledger.derive(made, list(exact.private), ws.now(), kind=KIND)
    return handed_out(release, ws.ledger, ws.now)


def _counts(lines: Sequence[Indicator], period: str, private: Sequence[Release]) -> Exact:
    found = {name.replace(" ", "_"): number for name, number in lights(lines).items()}
    found["measured"] = found["green"] + found["amber"] + found["red"]
    titles = {name: name.replace("_", " ").capitalize() for name in found}
    titles["information"] = "For information"
    return Exact(
        "compliance-lights",
        ("catalog", "ledger", "audit log"),
        {name: [number] for name, number in found.items()},
        measures=tuple(Measure(name, "count", titles[name], None) for name in found),
        period=period,
        private=tuple(each.id for each in private),
        notes=(noted("mixed"),) if private else (),
    )


def law_note(provisions: Sequence[str]) -> str:
    """Return what stands under a table that names provisions; the star where one carries it."""
    recalled = "*" in law.cite(list(provisions))
    return noted("law recalled" if recalled else "law file", version=law.version())


def _indicators(lines: Sequence[Indicator], period: str, private: Sequence[Release]) -> Exact:
    columns = columns_of(lines)
    axis = Dimension("indicator", "Indicator", "category", tuple(columns["indicator"]))
    return Exact(
        NAME,
        ("catalog", "ledger", "audit log", "store"),
        columns,
        by=(axis,),
        period=period,
        private=tuple(each.id for each in private),
        notes=(
            *([noted("mixed")] if private else []),
            noted("people"),
            law_note([name for line in lines for name in kpi(line.id).law]),
        ),
    )


def _due_before(past: Sequence[Release]) -> Mapping[str, dt.date]:
    """Return the days set for what the last summary did not find green: they stay."""
    if not past:
        return {}
    columns: Mapping[str, list[Any]] = past[-1].columns
    return {
        name: dt.date.fromisoformat(day)
        for name, day in zip(columns["indicator"], columns["due"], strict=True)
        if day
    }


DUE_DAYS = {"red": 14, "amber": 45}


@dataclass(frozen=True)
class Indicator:
    """One line of the summary."""

    id: str
    measured: Measured
    light: Light
    previous: float | None
    owner: str
    due: dt.date | None
    as_of: dt.date


def indicators(
    measured: Mapping[str, Measured],
    *,
    previous: Mapping[str, float | None],
    owners: Mapping[str, str],
    due: Mapping[str, dt.date],
    as_of: Mapping[str, dt.date],
    today: dt.date,
) -> tuple[Indicator, ...]:
    """Return the summary's lines, in order; what nobody measured is not left out.

    Parameters
    ----------
    measured : mapping of indicator to Measured
    previous : mapping
        The value one period before.
    owners : mapping
        Department that answers for it; the definition's own when left out.
    due : mapping
        Days that were set earlier for what is still not green: they stay.
    as_of : mapping
        The day each is looked at.
    today : date
        New days are reckoned from it.
    """
    found = []
    for name, definition in kpis().items():
        mine = measured.get(name, unmeasured("no record of it"))
        light = mine.light or definition.light(mine.value, mine.low, mine.high)
        if light == "green" and mine.denominator is not None and mine.denominator <= 0:
            light = "not measured"
        days = DUE_DAYS.get(light)
        fresh = today + dt.timedelta(days=days) if days else None
        found.append(
            Indicator(
                name,
                mine,
                light,
                previous.get(name),
                owners.get(name, definition.owner),
                (mine.due or due.get(name, fresh)) if days else None,
                as_of.get(name, today),
            )
        )
    return tuple(found)


def columns_of(lines: Sequence[Indicator]) -> dict[str, list[Any]]:
    """Return lines as plain columns, as they are kept."""
    measured = ("value", "low", "high", "numerator", "denominator")
    return {
        "indicator": [line.id for line in lines],
        **{name: [getattr(line.measured, name) for line in lines] for name in measured},
        **{
            name: [getattr(line, name) for line in lines] for name in ("light", "previous", "owner")
        },
        "due": [line.due.isoformat() if line.due else None for line in lines],
        "as_of": [line.as_of.isoformat() for line in lines],
        "why": [line.measured.why for line in lines],
        "failed": [list(line.measured.failed) for line in lines],
    }


def lights(lines: Sequence[Indicator]) -> dict[str, int]:
    """Return how many lines have each light."""
    return {
        light: sum(line.light == light for line in lines)
        for light in ("green", "amber", "red", "not measured", "information")
    }
