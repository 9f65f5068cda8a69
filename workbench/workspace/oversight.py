"""Oversight of a workspace: who read what, incidents, transparency, sharing."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from workbench.errors import AccessRefused, InputError
from workbench.periods import Period
from workbench.store.published_files import require_outside
from workbench.workspace.data import Data

if TYPE_CHECKING:
    import pandas as pd

    from workbench.lifecycle.detection import Detection
    from workbench.lifecycle.incidents import Incident, Incidents
    from workbench.lifecycle.minimisation import Minimisation
    from workbench.lifecycle.reads import Read
    from workbench.lifecycle.register import Register
    from workbench.lifecycle.requests import Request

PURPOSE = "compliance"
EXAMINED_MONTHS = 6


class Oversight(Data):
    """What an officer looks at and keeps records of."""

    @cached_property
    def incidents(self) -> Incidents:
        """The register of incidents."""
        from workbench.lifecycle.incidents import Incidents

        return Incidents(self.private, self.settings.zone)

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

    def requests_of_table(self) -> list[Request]:
        """Return the requests of customers that an operational table holds, as the office's are."""
        from workbench.lifecycle.requests import IN_TABLE, Request

        declared = self.catalog.tables.get(IN_TABLE)
        names = ("request_id", "kind", "law", "received_on", "due_on", "closed_on")
        if not self.store.exists or declared is None or not set(names) <= set(declared.columns):
            return []
        return [
            Request(str(name), kind, law, "", received, due, closed=closed)
            for each in self._rows(IN_TABLE)
            for name, kind, law, received, due, closed in [[each[column] for column in names]]
        ]

    def reads(self) -> list[Read]:
        """Return every read on record: of the audit log, and of tables that are logs of reads."""
        from workbench.lifecycle.reads import COLUMNS, from_audit, from_frame

        found = from_audit(self.audit.chain.entries())
        for name, table in self.catalog.tables.items():
            if table.operational and set(COLUMNS) <= set(table.columns):
                frame = self.operational(name)
                if frame is not None:
                    found += from_frame(frame)
        return sorted(found, key=lambda read: read.at)

    def detect(self, *, until: str | None = None, months: int = EXAMINED_MONTHS) -> Detection:
        """Return unusual reads of the last months, and how often the rule is wrong.

        Parameters
        ----------
        until : str, optional
            Last month examined, ``2026-09``; the last of the log when left out.
        months : int
            How many months are examined; all before them show what is usual.

        Raises
        ------
        InputError
            The log is too short to say what is usual.
        """
        from workbench.lifecycle.detection import detect

        reads = self.reads()
        if not reads:
            raise InputError("no read is on record yet, so nothing can be unusual.")
        last = Period.parse(until) if until else Period.containing(reads[-1].at.date())
        first = last
        for _ in range(months - 1):
            first = first.previous()
        found = detect(reads, first.start, last.end - dt.timedelta(days=1))
        self.audit.record(
            "detection",
            {"until": last.text, "months": months, "found": len(found.found)},
            now=self.now(),
        )
        return found

    def assess(
        self,
        incident: str,
        *,
        severity: str,
        readers: Sequence[str] = (),
        tables: Sequence[str] = (),
        since: dt.date | None = None,
        until: dt.date | None = None,
        high_risk: bool | None = None,
        harm_avoided: bool | None = None,
    ) -> Incident:
        """Work out from the log what an incident may concern, and record it.

        Parameters
        ----------
        incident : str
        severity : {"low", "medium", "high"}
        readers, tables : sequence of str
            Only their reads; all when left out.
        since, until : date, optional
            First and last day of the reads.
        high_risk, harm_avoided : bool, optional
            What the officer judges; decides which clocks apply.
        """
        from workbench.lifecycle.incidents import scope_of
        from workbench.lifecycle.reads import gone, people
        from workbench.store.snapshots import snapshots

        reads, newest = self.reads(), self.store.latest_snapshot()
        left = {each.number for each in snapshots(self.store)}
        before = {(r.table, r.snapshot) for r in reads if r.snapshot in left and not r.refused}
        scope = scope_of(
            reads,
            self.catalog,
            lambda names: people(
                self.store, self.catalog, newest, names, [b for b in before if b[0] in names]
            ),
            gone=lambda read: gone(
                [r for r in read if r.snapshot not in {None, *left}], self.audit.chain.entries()
            ),
            readers=readers,
            tables=tables,
            since=since,
            until=until,
        )
        judged = {"high_risk": high_risk, "harm_avoided": harm_avoided}
        facts = {name: value for name, value in judged.items() if value is not None}
        return self.incidents.assess(
            incident, scope, severity=severity, facts=facts, now=self.now()
        )

    # ------------------------------------------------------------------ transparency

    def privacy_notice(self, *, lang: str = "en", contact: str = "") -> str:
        """Return the plain-language privacy notice, from the catalog, as Markdown.

        Parameters
        ----------
        lang : {"en", "zh"}
            Words of the catalog are put into it by the translations of the report definitions.
        contact : str
            Whom to ask.
        """
        from workbench.lifecycle.notices import privacy_notice

        return privacy_notice(
            self.catalog,
            lang=lang,
            controller=self.settings.title,
            contact=contact,
            today=self.now().date(),
            transfers=self._present_transfers(),
            say=self._words(lang),
        )

    def record_of_processing(self, form: str = "csv", *, contact: str = "") -> str:
        """Return the record of processing (GDPR 30, PIPL 55-56) as CSV or Fides YAML.

        Parameters
        ----------
        form : {"csv", "fides"}
        contact : str
            Of the controller, its representative and data protection officer.
        """
        from workbench.errors import UnknownName
        from workbench.lifecycle.ropa import processings, to_csv, to_fides

        if form not in ("csv", "fides"):
            raise UnknownName("form of the record", form, ("csv", "fides"))
        record = processings(
            self.catalog,
            self.settings.title,
            contact=contact,
            transfers=self._present_transfers(),
            assessments=self._rows("assessments"),
        )
        if form == "csv":
            return to_csv(record)
        return to_fides(self.catalog, record, self.now().date())

    def minimisation(self, months: int = 12) -> Minimisation:
        """Return the columns about customers that no purpose read in the last months."""
        from workbench.lifecycle.minimisation import minimisation

        return minimisation(
            self.catalog, self.audit.chain.entries(), today=self.now().date(), months=months
        )

    def _present_transfers(self) -> list[Mapping[str, Any]]:
        """Return the transfers that have not ended, of the table and of the share register."""
        from workbench.lifecycle.sharing import shares

        today = self.now().date()
        present = [
            each
            for each in self._rows("transfers")
            if each["until"] is None or each["until"] >= today
        ]
        present += [
            each.terms
            for each in shares(self.shares)
            if each.kind == "extract" and dt.date.fromisoformat(each.terms["expires"]) >= today
        ]
        return present

    def _rows(self, table: str) -> list[Mapping[str, Any]]:
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

    def _words(self, lang: str) -> Callable[[str], str]:
        """Return what says a declared word in a language, by the reports' own translations."""
        from workbench.reporting.definition_files import definition_paths, load_definition

        words: dict[str, str] = {}
        if lang != "en":
            notebooks = self.settings.path("notebooks")
            for path in definition_paths(self.settings.path("reports")).values():
                declared = load_definition(path, notebooks).translations
                mine = [each for code, each in declared.items() if code == lang]
                words = {**(mine[0] if mine else {}), **words}
        return lambda text: words.get(text, text)

    # ------------------------------------------------------------------ sharing

    @cached_property
    def shares(self) -> Register:
        """The register of what was handed over."""
        from workbench.lifecycle.sharing import share_register

        return share_register(self.private, self.settings.zone)

    def share(
        self,
        releases: Sequence[str],
        out: str | Path,
        *,
        recipient: str,
        country: str,
        purpose: str,
        terms: str,
        expires: dt.date,
        mechanism: str = "",
    ) -> str:
        """Hand over private tables that are in the ledger; return the share's id.

        Parameters
        ----------
        releases : sequence of str
            Ids of answers, paid for already.
        out : path
            A new folder for the CSV files and ``metadata.json``.
        recipient, country, purpose, terms, mechanism : str
        expires : date

        Raises
        ------
        QuestionRefused
            A word or a number of a release stands neither in a notebook or report of this workspace
            nor in the catalog, or a release is of no private answer.
        LeakFound
            What would be handed over holds an identifier of a customer.
        """
        from workbench.figures.bounds import bounded
        from workbench.figures.language import Language
        from workbench.lifecycle.sharing import Terms, write_tables
        from workbench.reporting.sharing import require_publishable

        now = self.now()
        agreed = Terms(recipient, country, purpose, terms, expires, mechanism)
        agreed.require(self.catalog, now.date())
        if not releases:
            raise InputError("name at least one release to hand over: r-000041.")
        tables = {}
        found = [self.ledger.checked(each) for each in releases]
        require_publishable(
            found,
            agreed.to_json(),
            settings=self.settings,
            catalog=self.catalog,
            lookup=self.ledger.checked,
            find=self.access.find_identifiers,
        )
        for each, release in zip(releases, found, strict=True):
            # why in the head: a table goes on without its metadata, and a bound must go with it
            said = {one.name: bounded(one, Language()) for one in release.measures}
            heads = {name: f"{name} ({words})" for name, words in said.items() if words}
            frame = release.frame.rename(columns=heads)
            about = {
                "name": release.name,
                "period": release.period,
                "columns": list(frame.columns),
                "margins": "m_low and m_high are the ends of m's 95 % interval",
                "epsilon": release.epsilon,
                "delta": release.delta,
                "data_version": self.seal.version(release.data_version),
                "notes": list(release.notes),
            }
            tables[each] = (frame, about)
        name = write_tables(self.shares, agreed, tables, self._apart(out), now=now)
        self._record_share(name, purpose, recipient, rows=None)
        return name

    def share_extract(
        self,
        table: str,
        columns: Sequence[str],
        out: str | Path,
        *,
        recipient: str,
        country: str,
        purpose: str,
        terms: str,
        expires: dt.date,
        people: int,
        mechanism: str = "",
        k: int | None = None,
        l: int | None = None,  # noqa: E741  # why: the letter the field calls it by
        t: float | None = None,
    ) -> str:
        """Hand over a minimised pseudonymised extract, where the purpose allows; return its id.

        Extracts of the same table that the recipient holds already stand in its record, as
        ``joinable_with``: their pseudonyms differ, but columns that both hold join them.

        Parameters
        ----------
        table : str
        columns : sequence of str
            What is handed over, beside a pseudonym of this share.
        out, recipient, country, purpose, terms, expires, mechanism
            As for `share`.
        people : int
            Most people the terms allow it to hold.
        k : int, optional
            Least people with the same combinations of quasi-identifiers over all rows.
        l : int, optional
            Least values that a sensitive column has within each such group.
        t : float, optional
            Most distance of a group's values of a sensitive column from everybody's, up to 1.
            All three are the catalog's ``extract_terms`` of the purpose when left out, and may
            only be stricter.

        Raises
        ------
        AccessRefused
            The purpose does not declare ``share_extracts``.
        QuestionRefused
            A column identifies directly, or people do not hide as agreed.
        """
        import secrets

        from workbench.lifecycle.hiding import agreed as strict
        from workbench.lifecycle.sharing import Terms, extract, write_extract

        now = self.now()
        agreed = Terms(recipient, country, purpose, terms, expires, mechanism, people)
        agreed.require(self.catalog, now.date())
        hidden = strict(self.catalog.purposes[purpose].extract_terms, purpose, k=k, l=l, t=t)
        made = extract(
            self.open(table, purpose),
            self.catalog,
            table,
            purpose,
            columns,
            secret=secrets.token_bytes(32),
            people=people,
            terms=hidden,
        )
        name = write_extract(self.shares, agreed, made, self._apart(out), now=now)
        self._record_share(name, purpose, recipient, rows=len(made.frame), table=table)
        return name

    def _apart(self, out: str | Path) -> Path:
        places = {name: self.settings.path(name) for name in ("private", "published")}
        return require_outside(Path(out), places)

    def _record_share(
        self, name: str, purpose: str, recipient: str, *, rows: int | None, table: str | None = None
    ) -> None:
        event = {"share": name, "purpose": purpose, "recipient": recipient, "rows": rows}
        self.audit.record("share", {**event, "table": table}, now=self.now())

    # ------------------------------------------------------------------ what the store holds

    def columns_held(self) -> list[tuple[str, str]]:
        """Return every table's columns as the store has them, whatever is declared."""
        with self._attached() as connection:
            rows: list[tuple[str, str]] = connection.execute(
                "SELECT table_name, column_name FROM duckdb_columns() WHERE database_name = 'lake' "
                "AND schema_name = 'main' ORDER BY ALL"
            ).fetchall()
            return rows

    def rows_held(self, table: str) -> int:
        """Return how many rows the store has of a table."""
        from workbench.store.engine import in_lake

        with self._attached() as connection:
            sql = f"SELECT count(*) FROM {in_lake(table)}"  # noqa: S608  # why: a declared name
            return int(connection.execute(sql).fetchone()[0])

    def times_loaded(self, table: str) -> list[tuple[int, dt.datetime]]:
        """Return when a table was loaded or found unchanged, and the snapshot since then.

        By the audit log: snapshots go with what is erased from them, and are made by erasures too.
        """
        return [
            (entry.body["snapshot"], entry.at)
            for entry in self.audit.chain.entries()
            if entry.kind == "load"
            or (
                entry.kind == "ingest" and entry.body["table"] == table and "snapshot" in entry.body
            )
        ]

    @contextmanager
    def _attached(self) -> Iterator[Any]:
        connection = self.store.connect()
        try:
            self.store.attach(connection, self.access.snapshot)
            yield connection
        finally:
            connection.close()
