"""One customer looked up, within a purpose, and recorded; and how well many hide."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from workbench.errors import AccessRefused, InputError, UnknownName
from workbench.workspace.data import Data

if TYPE_CHECKING:
    import ibis
    import pandas as pd

    from workbench.privacy.query import Query
    from workbench.store.quality.reidentification import Reidentification

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
            No reason is given, or there is no such customer under this purpose.
        AccessRefused
            The purpose may read no table with customers.
        """
        if not reason.strip():
            raise InputError(
                "a look-up of one customer needs its reason, for the audit log: reason='…'."
            )
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
        mark, now = self.store.marks.of(customer), self.now()
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

        if isinstance(source, Query):
            return self._risk_of_query(source, under)
        return self._risk_of_extract(source, quasi_identifiers, sensitive, under)

    def _risk_of_extract(
        self,
        source: ibis.Table,
        quasi_identifiers: Sequence[str] | None,
        sensitive: Sequence[str] | None,
        under: int,
    ) -> Reidentification:
        import ibis
        from ibis.expr.operations import DatabaseTable

        from workbench.store.quality.reidentification import reidentification

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
        for name in (*quasi, *sensitive):
            if name not in source.columns:
                raise UnknownName("column of this extract", name, source.columns)
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
