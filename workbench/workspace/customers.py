"""One customer looked up, within a purpose, and recorded."""

from __future__ import annotations

from typing import TYPE_CHECKING

from workbench.errors import AccessRefused, InputError
from workbench.workspace.data import Data

if TYPE_CHECKING:
    import pandas as pd

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
        self.audit.record("look-up", {**event, "held": held}, now=now)
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
