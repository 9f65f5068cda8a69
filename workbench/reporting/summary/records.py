"""A workspace's records, looked at for one period: what the compliance summary rests on.

Everything exact comes from operational tables, registers, the logs, the catalog and the store's
files; what is about customers comes as private answers that the notebook asked for.
"""

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import pandas as pd

from workbench.analytics.compliance import Measured
from workbench.errors import InputError
from workbench.lifecycle.detection import Detection, detect
from workbench.lifecycle.reads import Read
from workbench.lifecycle.review import Review
from workbench.lifecycle.sharing import Share, shares
from workbench.periods import Period
from workbench.privacy.release import Release
from workbench.reporting.summary import estimates
from workbench.reporting.summary.estimates import ReadsOnConsent, Selection, reads_on_consent
from workbench.store.lake_files import in_lake
from workbench.store.quality.result import Quality

EXAMINED_MONTHS = 3


@dataclass(frozen=True)
class Records:
    """A workspace's records, looked at for one period.

    Attributes
    ----------
    ws : Workspace
    period : Period
    decisions : sequence of Release
        Private rates of decisions, one answer a protected attribute.
    retention, consents : mapping of str to Release
        Of ``ws.past_retention`` and ``ws.consents_at_reads``.
    quality : Release or None
        Private rates of rows.
    checks : Quality or None
        A measurement of quality.
    """

    ws: Any  # a workspace, whose room lies above this one
    period: Period
    decisions: Sequence[Release] = ()
    retention: Mapping[str, Release] = field(default_factory=dict)
    consents: Mapping[str, Release] = field(default_factory=dict)
    quality: Release | None = None
    checks: Quality | None = None

    @property
    def today(self) -> dt.date:
        """The day it is."""
        today: dt.date = self.ws.now().date()
        return today

    @property
    def as_of(self) -> dt.date:
        """The period's last day, or today if that comes first."""
        return min(self.period.end - dt.timedelta(days=1), self.today)

    @property
    def private(self) -> list[Release]:
        """Every private answer handed in."""
        asked = [*self.decisions, *self.retention.values(), *self.consents.values(), self.quality]
        return [each for each in asked if each is not None]

    @cached_property
    def since(self) -> dt.date:
        """The first day of the months in which reads are examined."""
        first = self.period
        for _ in range(EXAMINED_MONTHS - 1):
            first = first.previous()
        return first.start

    # ------------------------------------------------------------------ records as frames

    @cached_property
    def _tables(self) -> dict[str, pd.DataFrame | None]:
        return {}

    def table(self, name: str) -> pd.DataFrame | None:
        """Return an operational table, read once; None where there is none of that name."""
        if name not in self._tables:
            self._tables[name] = self.ws.operational(name)
        return self._tables[name]

    @cached_property
    def requests(self) -> pd.DataFrame | None:
        """Requests of customers: of the table, and of the office's own register."""
        columns = ["request_id", "kind", "law", "received_on", "due_on", "closed_on"]
        rows = [
            (each.id, each.kind, each.law, each.received, each.due, each.closed)
            for each in self.ws.office.requests()
        ]
        return _joined(self.table("subject_requests"), columns, rows)

    @cached_property
    def incidents(self) -> pd.DataFrame | None:
        """Incidents: of the table, and of the register."""
        columns = ["incident_id", "occurred_at", "detected_at", "notified_at", "severity"]
        columns += ["notifiable", "subjects_affected"]
        rows = []  # why without people affected: they are counted in customers' rows
        for each in self.ws.office.incidents.all():
            told = [d for d in each.deadlines() if d.clock.to == "authority" and d.done]
            times = (each.occurred_at, each.detected_at, min((d.done for d in told), default=None))
            plain = tuple(t and t.replace(tzinfo=None) for t in times)
            rows.append((each.id, *plain, each.severity or "open", True, None))
        return _joined(self.table("incidents"), columns, rows, times=columns[1:4])

    @cached_property
    def transfers(self) -> pd.DataFrame | None:
        """Transfers abroad: of the table, and extracts that name a mechanism of the register."""
        columns = ["transfer_id", "recipient", "country", "purpose", "mechanism"]
        columns += ["subjects", "sensitive_subjects", "since", "until"]
        rows = []
        for each in self.all_extracts:
            terms = each.terms
            if terms["mechanism"]:
                about = (terms[name] for name in columns[1:5])
                until = dt.date.fromisoformat(terms["expires"])
                rows.append((each.id, *about, each.people_at_most, 0, each.at.date(), until))
        return _joined(self.table("transfers"), columns, rows)

    @cached_property
    def reads(self) -> list[Read]:
        """Every read on record."""
        found: list[Read] = self.ws.office.reads()
        return found

    @cached_property
    def detection(self) -> Detection | None:
        """Unusual reads of the last months; None where the log is too short."""
        try:
            return detect(self.reads, self.since, self.as_of)
        except InputError:
            return None

    @cached_property
    def review(self) -> Review:
        """The workspace as a security review sees it now; this is not recorded as one."""
        found: Review = self.ws.office.look_over()
        return found

    @cached_property
    def facts(self) -> Mapping[str, Any]:
        """What happened to keys, erasures and backups."""
        found: Mapping[str, Any] = self.ws.office.lifecycle_facts()
        return found

    # ------------------------------------------------------------------ customers

    @cached_property
    def past_retention(self) -> dict[str, Measured]:
        """Customers with a row past its time, by table, as private estimates."""
        return estimates.past(self.retention)

    @cached_property
    def rows_past_retention(self) -> dict[str, int]:
        """Rows past their time today that no hold keeps, of operational tables; exact."""
        return {
            due.table: due.rows
            for due in self.ws.office.retention_plan()
            if due.rows is not None and self.operational(due.table)
        }

    @cached_property
    def reads_on_consent(self) -> ReadsOnConsent:
        """Reads of the period on the ground of consent, by the audit log."""
        source = self.ws.catalog.consents
        loaded = self.times_loaded(source.table) if source else []
        opened = self.ws.events.entries("open")
        return reads_on_consent(self.ws.catalog, opened, loaded, self.period, self.as_of)

    @cached_property
    def selections(self) -> list[Selection]:
        """How decisions fell, by protected attribute."""
        return estimates.selections(self.decisions)

    @cached_property
    def all_extracts(self) -> list[Share]:
        """Every extract on record."""
        return [each for each in shares(self.ws.office.shares) if each.kind == "extract"]

    @cached_property
    def extracts(self) -> list[Share]:
        """Extracts handed over within the period."""
        first, last = self.period.start, self.as_of
        return [each for each in self.all_extracts if first <= each.at.date() <= last]

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
        with self._attached() as connection:
            sql = f"SELECT count(*) FROM {in_lake(table)}"  # noqa: S608  # why: a declared name
            return int(connection.execute(sql).fetchone()[0])

    def times_loaded(self, table: str) -> list[tuple[int, dt.datetime]]:
        """Return when a table was loaded or found unchanged, and the snapshot since then.

        By the audit log: snapshots go with what is erased from them, and are made by erasures too.
        """
        return [
            (entry.body["snapshot"], entry.at)
            for entry in self.ws.events.entries()
            if entry.kind == "load"
            or (
                entry.kind == "ingest" and entry.body["table"] == table and "snapshot" in entry.body
            )
        ]

    def _attached(self) -> Any:
        return self.ws.store.reading(self.ws.access.snapshot)

    def operational(self, tables: str) -> bool:
        """Return whether none of some tables is about customers."""
        known = self.ws.catalog.tables
        return all(each in known and known[each].operational for each in tables.split(", "))


def _joined(
    frame: pd.DataFrame | None, columns: list[str], rows: list[Any], times: list[str] | None = None
) -> pd.DataFrame | None:
    """Return a table's columns and further rows below; None where there are neither."""
    if frame is None and not rows:
        return None
    usable = frame is not None and set(columns) <= set(frame.columns)
    if not usable and not rows:
        return None
    parts = [frame[columns]] if frame is not None and usable else []
    if rows:
        parts.append(pd.DataFrame(rows, columns=columns))
    whole = pd.concat([part.astype(object) for part in parts], ignore_index=True)
    for name in times or ():
        whole[name] = pd.to_datetime(whole[name])
    return whole


def rows_of(frame: pd.DataFrame | None) -> list[dict[Any, Any]]:
    """Return a frame's rows; none where there is no frame."""
    return [] if frame is None else frame.to_dict("records")


def time_of(value: Any) -> dt.datetime | None:
    """Return a frame's value as a time; None where it is missing."""
    if value is None or pd.isna(value):
        return None
    at: dt.datetime = pd.Timestamp(value).to_pydatetime()
    return at


def date_of(value: Any) -> dt.date | None:
    """Return a frame's value as a day; None where it is missing."""
    at = time_of(value)
    return at and at.date()
