"""The data of a workspace: loaded, and opened for a purpose."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from workbench.workspace.base import Opened

if TYPE_CHECKING:
    import ibis


class Data(Opened):
    """Tables on their way in and out."""

    def init(self, progress: Callable[[str], None] = lambda _: None) -> Mapping[str, int]:
        """Make the key and load the estate's files where new or changed; rows per loaded table."""
        from workbench.store.ingest import load_estate

        catalog = self.catalog
        self.store.make_key()
        return load_estate(
            self.store,
            catalog,
            self.settings.path("source"),
            today=self.now().date(),
            progress=progress,
        )

    def open(self, table: str, purpose: str) -> ibis.Table:
        """Open a table for a purpose.

        Parameters
        ----------
        table, purpose : str
            Names declared in the catalog.

        Returns
        -------
        ibis.Table
            Lazy: only the purpose's columns, only customers whose consent holds now where that
            is the basis, customers under the purpose's own pseudonyms. An audit row is written
            before this returns, refusals included.

        Raises
        ------
        UnknownName
            No such table or purpose.
        AccessRefused
            The purpose expired or may not read this table.
        """
        return self.access.open(table, purpose, now=self.now())
