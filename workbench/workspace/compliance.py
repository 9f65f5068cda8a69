"""What is typed for compliance: one customer looked up, how well many hide, the summary."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from decimal import Decimal
from typing import TYPE_CHECKING

from workbench.errors import AccessRefused, InputError, require_known
from workbench.periods import Period
from workbench.workspace.data import PURPOSE, Data
from workbench.workspace.privacy import Private

if TYPE_CHECKING:
    import ibis
    import pandas as pd

    from workbench.privacy.query import Query
    from workbench.privacy.release import Release
    from workbench.reporting.summary.summarising import Summary
    from workbench.store.quality.reidentification import Reidentification
    from workbench.store.quality.result import Quality


ROWS_AT_MOST = 1_000  # of each table, the newest


class Customers(Data):
    """Single customers, for whoever may see them."""

    def look_up(self, customer: str, purpose: str, *, reason: str) -> dict[str, pd.DataFrame]:
        """Return what a purpose may read of one customer, after writing down that it was.

        Parameters
        ----------
        customer : str
            A pseudonym under this very purpose, as a table from ``ws.open`` has it.
        purpose : str
            Declared in the catalog. What it may not read is not there.
        reason : str
            Why this customer, such as a complaint's number; stands in the audit log.

        Returns
        -------
        dict
            Table to its rows of that customer, the newest 1,000.

        Raises
        ------
        InputError
            No reason is given or it names a customer, or there is none under this purpose.
        AccessRefused
            The purpose may read no table with customers.
        """
        keys = {
            name: table.subject_key
            for name, table in self.catalog.tables.items()
            if table.subject_key and len(self.catalog.columns_for(name, purpose)) > 1
        }
        if not keys:
            self.catalog.purpose(purpose, self.now().date())
            raise AccessRefused(
                f"purpose '{purpose}' may read no table with customers, so it looks up none."
            )
        now = self.now()
        self.access.admitted(next(iter(keys)), purpose, now=now)  # first: a reason is searched, too
        wanted = "a look-up of one customer needs its reason, for the audit log: reason='…'."
        reason = self.events.said(reason, wanted)
        mark = self.store.marks.of(customer)
        event = {"purpose": purpose, "reason": reason, "mark": mark, "tables": ", ".join(keys)}
        held = self.access.held(keys, at_most=ROWS_AT_MOST)
        self.events.record("look-up", {**event, "held": held}, now=now)
        found = {}
        for name, key in keys.items():
            table = self.access.open(name, purpose, now=now, rows_at_most=ROWS_AT_MOST)
            rows = table.filter(table[key] == customer)
            time = self.catalog.tables[name].time
            if time in table.columns:
                rows = rows.order_by(table[time].desc())
            frame = rows.limit(ROWS_AT_MOST).execute()
            if len(frame):
                found[name] = frame
        if not found:
            raise InputError(
                f"purpose '{purpose}' reads no row of this customer. Give the pseudonym as tables "
                "opened for this purpose have it; another purpose has others."
            )
        return found

    def reidentification_risk(
        self,
        source: ibis.Table | Query,
        *,
        quasi_identifiers: Sequence[str] | None = None,
        sensitive: Sequence[str] | None = None,
        under: int = 5,
    ) -> Reidentification:
        """Measure how well people hide in what would leave: k-anonymity, l-diversity, t-closeness.

        Parameters
        ----------
        source : ibis.Table or Query
            An extract: a table from `open`, or rows and columns of it, with the customer's key:
            everybody whose rows hold the same combinations is a group. Or a release candidate:
            everybody who shares a cell is one.
        quasi_identifiers : sequence of str, optional
            Columns by which people are known from elsewhere; of an extract, by the catalog's roles
            ``quasi-identifier`` and ``protected`` when left out, and every column the catalog
            does not know, being computed or renamed.
        sensitive : sequence of str, optional
            Columns that must not be learned of a person; by the catalog those of sensitivity
            ``sensitive`` that are neither key nor quasi-identifiers, when left out.
        under : int
            A group of fewer people is small.

        Returns
        -------
        Reidentification
            ``.smallest`` (k), ``.share_under``, ``.sensitive[column].l`` and ``.t``. These are
            exact counts of raw rows: for the analyst, not for a page.

        Raises
        ------
        UnknownName
            The extract has no such column.
        InputError
            The extract has no customer's key.
        """
        from workbench.privacy.query import Query
        from workbench.store.quality.reidentification import reidentification

        if isinstance(source, Query):
            return self._risk_of_query(source, under)

        import ibis
        from ibis.expr.operations import DatabaseTable

        tables = {op.name for op in source.op().find(DatabaseTable)} & set(self.catalog.tables)
        declared = {
            name: column
            for table in tables
            for name, column in self.catalog.tables[table].columns.items()
            if name in source.columns
        }
        key = self.catalog.privacy.key
        if key not in source.columns:
            raise InputError(
                f"this extract has no '{key}', so that nobody can count its people. Keep the "
                "column; it holds pseudonyms."
            )
        roles = ("quasi-identifier", "protected")
        quasi = [  # why the unknown too: what they are made of, nobody has declared
            name
            for name in source.columns
            if name != key and (name not in declared or declared[name].role in roles)
        ]
        quasi = quasi if quasi_identifiers is None else list(quasi_identifiers)
        if sensitive is None:
            sensitive = [
                name
                for name, column in declared.items()
                if column.sensitivity == "sensitive" and name not in (key, *quasi)
            ]
        require_known("column of this extract", source.columns, *quasi, *sensitive)
        event = {"table": ", ".join(sorted(tables)), "quasi_identifiers": list(quasi)}
        self.events.record("re-identification measured", event, now=self.now())
        return reidentification(
            source.get_backend().con,
            f"({ibis.to_sql(source, dialect='duckdb')})",
            person=key,
            quasi_identifiers=quasi,
            sensitive=sensitive,
            under=under,
        )

    def _risk_of_query(self, query: Query, under: int) -> Reidentification:
        from workbench.privacy.engine.running import cells_of_people
        from workbench.store.quality.reidentification import reidentification

        now = self.now()
        with cells_of_people(query, self.catalog, self.access, now) as (connection, rows, names):
            event = {"table": query.table.get_name(), "quasi_identifiers": list(names)}
            self.events.record("re-identification measured", event, now=now)
            found = reidentification(
                connection,
                f"({rows})",
                person="k",
                quasi_identifiers=["c"],
                under=under,
                linked=False,  # why: an answer holds counts by cell, and no person's cells together
            )
        return replace(found, quasi_identifiers=names)


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
        from workbench.reporting.summary import estimates

        month = Period.parse(period)
        asked = estimates.past_retention(
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
        from workbench.reporting.summary import estimates
        from workbench.reporting.summary.records import Records

        month, source = Period.parse(period), self.catalog.consents
        found = Records(self, month).reads_on_consent
        if source is None or not found.spans:
            return {}
        table = self.open(source.table, purpose)
        asked = {
            "live": estimates.live_consents(self.catalog, table, found),
            "withdrawn": estimates.withdrawals(self.catalog, table, found, month),
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
