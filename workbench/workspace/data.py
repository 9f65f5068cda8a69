"""The data of a workspace: loaded, and opened for a purpose."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from workbench.errors import AccessRefused
from workbench.periods import local
from workbench.store import Tell, quiet
from workbench.workspace.base import Opened

if TYPE_CHECKING:
    import ibis
    import pandas as pd

    from workbench.store.loading.quarantine import Ingested
    from workbench.store.quality.result import Quality, QualityHistory
    from workbench.store.versions import Snapshot


PURPOSE = "compliance"


class Data(Opened):
    """Tables on their way in and out."""

    def init(self, progress: Tell = quiet, *, reload: Sequence[str] = ()) -> Mapping[str, int]:
        """Make the key and load the estate's files where new or changed; rows per loaded table.

        Tables named in ``reload`` are loaded anew, in place of what was taken in by `ingest`.
        """
        from workbench.store.loading.ingest import load_estate

        catalog, now = self.catalog, self.now()
        self.store.make_key()
        loaded = load_estate(
            self.store,
            catalog,
            self.settings.path("source"),
            today=now.date(),
            progress=progress,
            reload=reload,
            zone=self.settings.time_zone,
        )
        # also where nothing was new: from now on it is known that nothing was
        event = {"tables": sorted(loaded), "snapshot": self.store.latest_snapshot()}
        self.events.record("load", event, now=now)
        return loaded

    def ingest(
        self,
        table: str,
        file: str | Path,
        *,
        encoding: str | None = None,
        sheet: str | None = None,
        date_format: str | None = None,
        decimal: str | None = None,
        thousands: str | None = None,
        progress: Tell = quiet,
    ) -> Ingested:
        """Take a file into a table: good rows in, bad ones aside, as one snapshot.

        Parameters
        ----------
        table : str
        file : path
            ``.csv``, ``.parquet`` or ``.xlsx``, with the table's columns.
        encoding : str, optional
            Of a CSV file, such as ``gb18030``; UTF-8 when left out, or as its first bytes say.
        sheet : str, optional
            Of a workbook; the first when left out.
        date_format : str, optional
            How days and moments are written as text, such as ``%d/%m/%Y``; ISO 8601 when left
            out.
        decimal, thousands : str, optional
            Marks within numbers written as text: ``,`` and ``.`` in half of Europe.

        Returns
        -------
        Ingested
            What became of every row. The same file a second time adds nothing.

        Raises
        ------
        UnknownName
            No such table.
        SourceError
            The file cannot be read or none of its rows taken in; nothing is changed.
        InputError
            An option does not fit the file.
        """
        from workbench.store.loading.intake import take_in
        from workbench.store.loading.options import Options

        self.catalog.table(table)
        self.store.make_key()
        now = self.now()
        taken = take_in(
            self.store,
            self.catalog,
            table,
            Path(file),
            now=now,
            options=Options(encoding, sheet, date_format, decimal, thousands),
            zone=self.settings.time_zone,
            progress=progress,
        )
        counts = {name: value for name, value in vars(taken).items() if isinstance(value, int)}
        event = {"table": table, "digest": taken.digest.partition(" ")[0], **counts}
        event["snapshot"] = self.store.latest_snapshot()
        self.events.record("ingest", event, now=now)
        return taken

    def ingests(self, table: str | None = None) -> list[Ingested]:
        """Return every file that was taken in, oldest first."""
        from workbench.store.loading.quarantine import taken_in

        with self.store.reading() as connection:
            zone = self.settings.zone
            return [replace(e, at=local(e.at, zone)) for e in taken_in(connection, table)]

    def kept_aside(self) -> list[tuple[str, str, str, int]]:
        """Return (table, file, reasons, rows) of what is in the quarantine: counts only."""
        from workbench.store.loading.quarantine import summary

        with self.store.reading() as connection:
            return summary(connection)

    def quarantine(self, table: str, purpose: str) -> pd.DataFrame:
        """Return a table's lines that are kept aside: file, line, reasons, content.

        Parameters
        ----------
        table, purpose : str
            As for `open`. The content has the purpose's columns, and customers under its
            pseudonyms; a line that could not be told apart into columns shows none of it.

        Returns
        -------
        DataFrame
            Recorded in the audit log, with its rows, before it is handed out.

        Raises
        ------
        UnknownName, AccessRefused
            As for `open`; the purpose rests on consent.
        """
        from workbench.store.loading.quarantine import contents

        columns, known_as = self._aside_for(table, purpose)
        key = self.catalog.tables[table].subject_key
        barred = self.store.marks.barred(purpose)
        with self.store.reading() as connection:
            found = contents(
                connection,
                table,
                columns,
                key,
                known_as,
                left_out=lambda subject: bool(barred) and self.store.marks.of(subject) in barred,
            )
        event = {"table": table, "purpose": purpose, "rows": len(found), "columns": columns}
        self.events.record("quarantine opened", event, now=self.now())
        return found

    def possible_duplicates(self, table: str, purpose: str) -> pd.DataFrame:
        """Return pairs of customers that may be one person, found when files came in.

        They are named by the purpose's pseudonyms; recorded in the audit log, with their number,
        before they are handed out.

        Raises
        ------
        UnknownName, AccessRefused
            As for `quarantine`.
        """
        from workbench.store.loading.quarantine import pairs

        _, known_as = self._aside_for(table, purpose)
        with self.store.reading() as connection:
            found = pairs(connection, table)
        if barred := self.store.marks.barred(purpose):
            named = found[["customer", "other"]].map(self.store.marks.of)
            found = found[~named.isin(list(barred)).any(axis=1)].reset_index(drop=True)
        for name in ("customer", "other"):
            found[name] = found[name].map(known_as)
        event = {"table": table, "purpose": purpose, "rows": len(found)}
        self.events.record("possible duplicates opened", event, now=self.now())
        return found

    def _aside_for(self, table: str, purpose: str) -> tuple[list[str], Callable[[str], str]]:
        """Return what a purpose may read of a table's lines aside, and whom it knows people as."""
        now = self.now()
        columns = self.access.admitted(table, purpose, now=now)
        if self.catalog.purposes[purpose].consent is not None:
            event = {"table": table, "purpose": purpose, "why": "AccessRefused"}
            self.events.record("refused", event, now=now)
            raise AccessRefused(
                f"purpose '{purpose}' rests on consent, and of lines kept aside it is not known "
                "who agreed. Open them for another purpose that reads this table."
            )
        return columns, lambda key: self.access.pseudonym(key, purpose)

    def empty_quarantine(self, table: str) -> int:
        """Take a table's kept-aside rows away for good, from every snapshot; return how many.

        Raises
        ------
        Refused
            A legal hold keeps rows of this table.
        """
        from workbench.lifecycle.holds import require_none_of
        from workbench.store.rewriting import Cut, take_away

        self.catalog.table(table)
        now = self.now()
        require_none_of(self.events, table)
        self.events.record("quarantine emptied", {"table": table}, now=now)
        cut = Cut("intake.quarantine", f"table_name = '{table}'")
        gone = take_away(
            self.store, self.catalog, lambda _: [cut], message="quarantine", today=now.date()
        )
        return gone.get(cut.table, 0)

    def open(
        self,
        table: str,
        purpose: str,
        *,
        snapshot: int | None = None,
        as_of: dt.date | str | None = None,
    ) -> ibis.Table:
        """Open a table for a purpose.

        Parameters
        ----------
        table, purpose : str
            Names declared in the catalog.
        snapshot : int, optional
            An older state of the store, as `snapshots` lists them: its rows, of customers who may
            be read now. Today's consents, objections and erasures count, not those of then.
        as_of : date or str, optional
            The same by a day: the last snapshot written until its end.

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
        InputError, StoreMissing
            There is no such snapshot, it has ended, or the table was not there yet.
        """
        return self.access.open(table, purpose, now=self.now(), snapshot=snapshot, as_of=as_of)

    def snapshots(self) -> list[Snapshot]:
        """Return the states of the store that can be opened, oldest first: number, when, what."""
        from workbench.store.versions import snapshots

        return snapshots(self.store, self.settings.zone)

    def quality(self, *tables: str, progress: Tell = quiet) -> Quality:
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
        from workbench.store.quality.measuring import measure

        for name in tables:
            self.catalog.table(name)
        snapshot, now = self.store.latest_snapshot(), self.now()
        event = {"tables": sorted(tables) or "all", "snapshot": snapshot}
        self.events.record("quality measured", event, now=now)
        found = measure(
            self.store, self.catalog, snapshot, now=now, tables=tables or None, progress=progress
        )
        judged = self.quality_history.judged(found)
        self.quality_history.record(found)
        return judged

    @cached_property
    def quality_history(self) -> QualityHistory:
        """Every measurement of quality: ``.points()``, ``.to_frame()``."""
        from workbench.store.quality.result import QualityHistory

        return QualityHistory(self.events)

    def operational(self, table: str) -> pd.DataFrame | None:
        """Return an operational table as a frame; None where the catalog has none of that name.

        Raises
        ------
        AccessRefused
            It is about customers, or no purpose that has not expired may read it.
        """
        declared = self.catalog.tables.get(table)
        if declared is None:
            return None
        if not declared.operational:
            raise AccessRefused(
                f"table '{table}' is about customers; open it with ws.open('{table}', purpose=…)."
            )
        today = self.now().date()
        purposes = [
            name
            for name, purpose in self.catalog.purposes.items()
            if purpose.expires >= today and self.catalog.columns_for(table, name)
        ]
        if not purposes:
            raise AccessRefused(
                f"no purpose may read table '{table}' today. Grant one in the catalog, such as "
                f"'{PURPOSE}'."
            )
        chosen = PURPOSE if PURPOSE in purposes else purposes[0]
        return self.open(table, chosen).execute()

    def rows_of(self, table: str) -> list[Mapping[str, Any]]:
        """Return an operational table's rows, missing values as None; none without the table."""
        import pandas as pd

        frame = self.operational(table)
        if frame is None:
            return []
        plain = frame.astype(object).where(frame.notna(), None)
        return [
            {
                name: value.date() if isinstance(value, pd.Timestamp) else value
                for name, value in row.items()
            }
            for row in plain.to_dict("records")
        ]
