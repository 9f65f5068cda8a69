"""The data of a workspace: loaded, and opened for a purpose."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cached_property
from typing import TYPE_CHECKING

from workbench.workspace.base import Opened

if TYPE_CHECKING:
    import ibis

    from workbench.store.quality_history import QualityHistory
    from workbench.store.quality_result import Quality


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

    def quality(self, *tables: str, progress: Callable[[str], None] = lambda _: None) -> Quality:
        """Measure the data's quality by the catalog's rules, in five dimensions; counts only.

        Parameters
        ----------
        *tables : str
            Which tables; all when none is named.

        Returns
        -------
        Quality
            ``.tables``, ``.checks``, ``.hints``, ``.dimensions()``, ``.to_frame()``; with control
            limits and trends by what was measured before. The measurement is kept, and recorded in
            the audit log.

        Raises
        ------
        UnknownName
            No such table.
        StoreMissing
            Nothing was loaded yet.
        """
        from workbench.store.quality import measure

        for name in tables:
            self.catalog.table(name)
        snapshot, now = self.store.latest_snapshot(), self.now()
        event = {"tables": sorted(tables) or "all", "snapshot": snapshot}
        self.audit.record("quality measured", event, now=now)
        found = measure(
            self.store, self.catalog, snapshot, now=now, tables=tables or None, progress=progress
        )
        judged = self.quality_history.judged(found)
        self.quality_history.record(found)
        return judged

    @cached_property
    def quality_history(self) -> QualityHistory:
        """Every measurement of quality: ``.points()``, ``.to_frame()``."""
        from workbench.store.quality_history import QualityHistory

        return QualityHistory(self.private)
