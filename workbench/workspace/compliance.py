"""The compliance summary of a workspace: indicators and annexes, each kept in the ledger."""

from __future__ import annotations

import datetime as dt
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from workbench.periods import Period
from workbench.reporting import environment
from workbench.workspace.data import PURPOSE, Data

if TYPE_CHECKING:
    from workbench.analytics.indicators import Indicator
    from workbench.privacy.operational import Exact
    from workbench.privacy.query import Query
    from workbench.privacy.release import Release
    from workbench.store.quality_result import Quality
    from workbench.workspace import Workspace
    from workbench.workspace.evidence import Evidence

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


class Compliance(Data):
    """The monthly summary."""

    def past_retention(
        self, period: str, *, epsilon: object, purpose: str = PURPOSE
    ) -> dict[str, Release]:
        """Ask privately how many customers have a row past its time, in every table.

        Parameters
        ----------
        period : str
            At its end.
        epsilon : number or str
            What all tables cost together; each gets an equal share.
        purpose : str
            It must be allowed to read the column each table's clock starts at.

        Returns
        -------
        dict of table to Release
            For `compliance`.
        """
        from workbench.workspace import asking

        ws = cast("Workspace", self)
        month = Period.parse(period)
        asked = asking.past_retention(
            self.catalog, month, purpose, lambda name: ws.open(name, purpose)
        )
        return self._ask(asked, "past-retention", epsilon)

    def consents_at_reads(
        self, period: str, *, epsilon: object, purpose: str = PURPOSE
    ) -> dict[str, Release]:
        """Ask privately of how many people read in a period the consent was live.

        The reads are those of the audit log; the people, those whose consent the register held
        then. A second question asks how many withdrawals of the period took effect within a day,
        and within three.

        Parameters
        ----------
        period : str
            A month.
        epsilon : number or str
            What both cost together.
        purpose : str
            It must be allowed to read the register of consents.

        Returns
        -------
        dict of str to Release
            For `compliance`; empty, at no cost, where nothing was read on the ground of consent.
        """
        from workbench.workspace import asking
        from workbench.workspace.records import Records

        ws = cast("Workspace", self)
        month, source = Period.parse(period), self.catalog.consents
        found = Records(ws, month).reads_on_consent
        if source is None or not found.spans:
            return {}
        table = ws.open(source.table, purpose)
        asked = {
            "live": asking.live_consents(self.catalog, table, found),
            "withdrawn": asking.withdrawals(self.catalog, table, found, month),
        }
        return self._ask(asked, "consents", epsilon)

    def _ask(self, asked: Mapping[str, Query], name: str, epsilon: object) -> dict[str, Release]:
        """Return answers to questions that share a price equally."""
        from workbench.privacy.accounting import PICO, price

        if not asked:
            return {}
        ws = cast("Workspace", self)
        cost = price(epsilon, delta=self.catalog.privacy.delta)
        each = Decimal(cost.pico // len(asked)) / PICO
        return {
            key: ws.release(query, name=f"{name}-{key}".replace("_", "-"), rho=each)
            for key, query in asked.items()
        }

    def compliance(
        self,
        period: str,
        *,
        decisions: Release | Sequence[Release] = (),
        retention: Mapping[str, Release] | None = None,
        consents: Mapping[str, Release] | None = None,
        quality: Release | None = None,
        checks: Quality | None = None,
    ) -> Summary:
        """Return the compliance summary of a month.

        Parameters
        ----------
        period : str
            ``2026-09``.
        decisions : Release or sequence of Release, optional
            Private rates ``approved`` and ``person`` of decisions, each by one protected attribute.
        retention : mapping of table to Release, optional
            What `past_retention` returned.
        consents : mapping of str to Release, optional
            What `consents_at_reads` returned.
        quality : Release, optional
            Private rates ``accurate`` and ``complete`` of rows.
        checks : Quality, optional
            What ``ws.quality()`` returned. Of tables about customers only what says nothing of
            their rows is shown: whether files are encrypted and columns classified.

        Returns
        -------
        Summary
            Exact figures of operational tables, logs and registers, and what was computed from the
            private answers handed in; all of it in the ledger, at no further cost.
        """
        from workbench.privacy.release import Release
        from workbench.workspace.annexes import annexes
        from workbench.workspace.evidence import Evidence

        by_attribute = (decisions,) if isinstance(decisions, Release) else tuple(decisions)
        ws = cast("Workspace", self)
        evidence = Evidence(
            ws, Period.parse(period), by_attribute, retention or {}, consents or {}, quality, checks
        )
        lines = self._lines(evidence)
        private = evidence.private
        kept = {name: self._keep(each) for name, each in annexes(evidence).items()}
        return Summary(
            counts=self._keep(_counts(lines, period, private)),
            indicators=self._keep(_indicators(lines, period, private)),
            **kept,
        )

    def _lines(self, evidence: Evidence) -> tuple[Indicator, ...]:
        """Return the indicators with what they were before, who answers, and by when."""
        from workbench.analytics.indicators import indicators
        from workbench.privacy.operational import kept

        period = evidence.period
        measured = evidence.measured()
        before = period.previous()
        past = [release for _, release in kept(self.ledger, NAME) if release.period is not None]
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
            owners=self._owners(),
            due=_due_before(past),
            as_of=dict.fromkeys(dated, evidence.as_of),
            today=evidence.today,
        )

    def _owners(self) -> dict[str, str]:
        """Return who the catalog says answers for the table an indicator is counted from."""
        from workbench.analytics.kpis import kpis

        tables = self.catalog.tables
        return {
            name: tables[first].owner
            for name, definition in kpis().items()
            if (first := definition.source.split(", ")[0]) in tables
        }

    def _keep(self, exact: Exact) -> Release:
        """Keep exact figures in the ledger; in a plan, return them without keeping."""
        from workbench.privacy.books.answers import handed_out
        from workbench.privacy.operational import KIND, operational
        from workbench.privacy.planning import keep_blank

        made = operational(exact, self.catalog, self.access.versions.of_all())
        if environment.PLAN_FILE in os.environ:
            return keep_blank(made, Path(os.environ[environment.PLAN_FILE]), start="e")
        release = self.ledger.derive(made, list(exact.private), self.now(), kind=KIND)
        return handed_out(release, self.ledger, self.now)


def _counts(lines: Sequence[Indicator], period: str, private: Sequence[Release]) -> Exact:
    from workbench.analytics.indicators import lights
    from workbench.privacy.columns import Measure
    from workbench.privacy.noted import noted
    from workbench.privacy.operational import Exact

    found = {name.replace(" ", "_"): number for name, number in lights(lines).items()}
    found["measured"] = found["green"] + found["amber"] + found["red"]
    titles = {
        "green": "Green",
        "amber": "Amber",
        "red": "Red",
        "not_measured": "Not measured",
        "information": "For information",
        "measured": "Measured",
    }
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
    from workbench.lifecycle import law
    from workbench.privacy.noted import noted

    recalled = "*" in law.cite(list(provisions))
    return noted("law recalled" if recalled else "law file", version=law.version())


def _indicators(lines: Sequence[Indicator], period: str, private: Sequence[Release]) -> Exact:
    from workbench.analytics.indicators import columns_of
    from workbench.analytics.kpis import kpi
    from workbench.privacy.columns import Dimension
    from workbench.privacy.noted import noted
    from workbench.privacy.operational import Exact

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
