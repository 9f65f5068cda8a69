"""What is typed for the compliance summary: questions about customers, and the summary itself."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import TYPE_CHECKING

from workbench.periods import Period
from workbench.workspace.customers import Customers
from workbench.workspace.data import PURPOSE
from workbench.workspace.privacy import Private

if TYPE_CHECKING:
    from workbench.privacy.query import Query
    from workbench.privacy.release import Release
    from workbench.reporting.summary.summarising import Summary
    from workbench.store.quality.result import Quality


class Compliance(Customers, Private):
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
        from workbench.reporting.summary import asking

        month = Period.parse(period)
        asked = asking.past_retention(
            self.catalog, month, purpose, lambda name: self.open(name, purpose)
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
        from workbench.reporting.summary import asking
        from workbench.reporting.summary.records import Records

        month, source = Period.parse(period), self.catalog.consents
        found = Records(self, month).reads_on_consent
        if source is None or not found.spans:
            return {}
        table = self.open(source.table, purpose)
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
        delta = self.catalog.privacy.delta
        cost = price(epsilon, delta=delta, gaussian=self.ledger.gaussian)
        each = Decimal(cost.pico // len(asked)) / PICO
        return {
            key: self.release(query, name=f"{name}-{key}".replace("_", "-"), rho=each)
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
        from workbench.reporting.summary.evidence import Evidence
        from workbench.reporting.summary.summarising import summarised

        by_attribute = (decisions,) if isinstance(decisions, Release) else tuple(decisions)
        month, past, agreed = Period.parse(period), retention or {}, consents or {}
        return summarised(Evidence(self, month, by_attribute, past, agreed, quality, checks))
