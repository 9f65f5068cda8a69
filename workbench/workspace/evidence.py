"""From a workspace's records to what the compliance summary's indicators amount to.

Everything exact comes from operational tables, registers, the logs, the catalog and the store's
files; what is about customers comes as private answers that the notebook asked for.
"""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

from workbench.analytics import compliance as amounts
from workbench.analytics.compliance import Measured, count, days_since, share, unmeasured
from workbench.analytics.kpis import Light
from workbench.errors import InputError
from workbench.periods import Period
from workbench.workspace.estimates import decided, rate, share_of_true

if TYPE_CHECKING:
    import pandas as pd

    from workbench.lifecycle.detection import Detection
    from workbench.lifecycle.reads import Read
    from workbench.lifecycle.review import Review
    from workbench.privacy.release import Release
    from workbench.store.quality_result import Check, Quality
    from workbench.workspace import Workspace

EXAMINED_MONTHS = 3
BULK_DAYS = 90


@dataclass(frozen=True)
class Evidence:
    """A workspace's records, looked at for one period.

    Attributes
    ----------
    ws : Workspace
    period : Period
    decisions, retention, quality : Release or None
        Private answers about customers.
    checks : Quality or None
        A measurement of quality.
    """

    ws: Workspace
    period: Period
    decisions: Release | None = None
    retention: Release | None = None
    quality: Release | None = None
    checks: Quality | None = None

    @property
    def today(self) -> dt.date:
        """The day it is."""
        return self.ws.now().date()

    @property
    def as_of(self) -> dt.date:
        """The period's last day, or today if that comes first."""
        return min(self.period.end - dt.timedelta(days=1), self.today)

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

    def _table(self, name: str) -> pd.DataFrame | None:
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
            for each in self.ws.requests()
        ]
        return _joined(self._table("subject_requests"), columns, rows)

    @cached_property
    def incidents(self) -> pd.DataFrame | None:
        """Incidents: of the table, and of the register."""
        columns = ["incident_id", "occurred_at", "detected_at", "notified_at", "severity"]
        columns += ["notifiable", "subjects_affected"]
        rows = []
        for each in self.ws.incidents.all():
            told = [d for d in each.deadlines() if d.clock.to == "authority" and d.done]
            people = None  # why: counted in customers' rows; the register has it
            times = (each.occurred_at, each.detected_at, min((d.done for d in told), default=None))  # type: ignore[type-var]  # why: those without a time were left out
            plain = tuple(t and t.astimezone(dt.UTC).replace(tzinfo=None) for t in times)
            rows.append((each.id, *plain, each.severity or "open", True, people))
        return _joined(self._table("incidents"), columns, rows, times=columns[1:4])

    @cached_property
    def transfers(self) -> pd.DataFrame | None:
        """Transfers abroad: of the table, and extracts that name a mechanism of the register."""
        from workbench.lifecycle.sharing import shares

        columns = ["transfer_id", "recipient", "country", "purpose", "mechanism"]
        columns += ["subjects", "sensitive_subjects", "since", "until"]
        rows = []
        for each in shares(self.ws.shares):
            terms = each.terms
            if each.kind == "extract" and terms["mechanism"]:
                about = (terms[name] for name in columns[1:5])
                until = dt.date.fromisoformat(terms["expires"])
                rows.append((each.id, *about, each.people_at_most, 0, each.at.date(), until))
        return _joined(self._table("transfers"), columns, rows)

    @cached_property
    def reads(self) -> list[Read]:
        """Every read on record."""
        return self.ws.reads()

    @cached_property
    def detection(self) -> Detection | None:
        """Unusual reads of the last months; None where the log is too short."""
        from workbench.lifecycle.detection import detect

        try:
            return detect(self.reads, self.since, self.as_of)
        except InputError:
            return None

    @cached_property
    def review(self) -> Review:
        """The workspace as a security review sees it now; this is not recorded as one."""
        return self.ws.look_over()

    @cached_property
    def facts(self) -> Mapping[str, Any]:
        """What happened to keys, erasures and backups."""
        return self.ws.lifecycle_facts()

    # ------------------------------------------------------------------ indicators

    def measured(self) -> dict[str, Measured]:
        """Return every indicator that can be measured."""
        return {**self.of_frames(self.as_of), **self._lawful(), **self._security(), **self._rest()}

    def of_frames(self, day: dt.date) -> dict[str, Measured]:
        """Return the indicators of tables with dates, as they were on a day."""
        from workbench.lifecycle.law import thresholds

        limits = thresholds()

        def by_threshold(frame: pd.DataFrame, at: dt.date) -> Measured:
            return amounts.transfers_by_threshold(
                frame,
                at,
                contract=limits["export-contract"]["subjects"],
                sensitive=limits["export-assessment"]["sensitive_subjects"],
            )

        assessments = self._table("assessments")
        table: list[tuple[str, pd.DataFrame | None, Callable[[Any, dt.date], Measured]]] = [
            ("requests-on-time", self.requests, amounts.requests_on_time),
            ("requests-overdue", self.requests, amounts.requests_overdue),
            ("requests-ageing", self.requests, amounts.requests_ageing),
            ("detect-hours", self.incidents, amounts.detect_hours),
            ("notify-hours", self.incidents, amounts.notify_hours),
            ("assessments", assessments, amounts.assessments_done),
            ("assessment-reviews", assessments, amounts.assessments_current),
            ("transfer-mechanism", self.transfers, amounts.transfers_with_mechanism),
            ("transfer-thresholds", self.transfers, by_threshold),
            ("training", self._table("training"), amounts.training_completed),
        ]
        return {
            name: unmeasured("no table of that name") if frame is None else measure(frame, day)
            for name, frame, measure in table
        }

    def _lawful(self) -> dict[str, Measured]:
        catalog = self.ws.catalog
        expires = {name: purpose.expires for name, purpose in catalog.purposes.items()}
        allowed = [
            (table, purpose)
            for table in catalog.tables
            for purpose in catalog.purposes
            if catalog.columns_for(table, purpose)
        ]
        frame = _reads_frame(self.reads)
        late = [
            read.purpose
            for read in self.reads
            if not read.refused
            and self.since <= read.at.date() <= self.as_of
            and read.purpose in expires
            and read.at.date() > expires[read.purpose]
        ]
        applied, lag = self._consents()
        return {
            "coverage": self._coverage(),
            "outside-purpose": amounts.reads_outside(
                frame, allowed, expires, self.since, self.as_of
            ),
            "purposes-in-force": amounts.purposes_in_force(expires, late, self.as_of),
            "consent-applied": applied,
            "withdrawal-lag": lag,
        }

    def _coverage(self) -> Measured:
        catalog = self.ws.catalog
        held = self.ws.columns_held()
        declared = sum(
            name in catalog.tables
            and column in catalog.tables[name].columns
            and any(column in catalog.columns_for(name, purpose) for purpose in catalog.purposes)
            for name, column in held
        )
        return share(declared, len(held), "nothing is loaded")

    def _consents(self) -> tuple[Measured, Measured]:
        """Return whether consent was applied to reads that need it, and how old it was then."""
        why = "no read on the ground of consent"
        source = self.ws.catalog.consents
        based = {n for n, each in self.ws.catalog.purposes.items() if each.consent is not None}
        loaded = self.ws.times_loaded(source.table) if source else []
        ages: list[float] = []
        asked = 0
        for entry in self.ws.audit.chain.entries("open"):
            day = entry.at.date()
            table = self.ws.catalog.tables.get(entry.body["table"])
            if entry.body["purpose"] not in based or not self.period.start <= day <= self.as_of:
                continue
            if table is None or table.operational:
                continue
            asked += 1
            before = [at for snapshot, at in loaded if snapshot <= entry.body["snapshot"]]
            if before:
                ages.append((entry.at - max(before)) / dt.timedelta(hours=1))
        if not ages:
            return share(0, asked, why), unmeasured(why)
        ages.sort()
        slow = ages[min(len(ages) - 1, math.ceil(0.95 * len(ages)) - 1)]
        fresh = sum(age <= 24 for age in ages)
        return share(len(ages), asked, why), Measured(slow, fresh, len(ages))

    def _security(self) -> dict[str, Measured]:
        review = self.review
        logs = [check for check in review.checks if check.part == "logs"]
        return {
            "encryption": share(review.encrypted, review.files, "nothing is loaded"),
            "key-age": _number(self.facts["key"]["age_days"], "the key's age is not on record"),
            "restore-test": _number(
                self.facts["backups"]["last_test_days"],
                "no backup was ever restored to test it",
                light=None if self.facts["backups"]["last_test_held"] else "red",
            ),
            "logs-whole": share(sum(check.ok is True for check in logs), len(logs)),
            "unusual-readers": self._unusual(),
            **self._reviewed(),
        }

    def _unusual(self) -> Measured:
        if self.detection is None:
            return unmeasured("the log is too short to say what is usual")
        readers = {r.reader for r in self.reads if self.since <= r.at.date() <= self.as_of}
        return count(len(self.detection.readers), len(readers), "nothing was read")

    def _reviewed(self) -> dict[str, Measured]:
        past = self.ws.reviews.past()
        last = past[-1] if past else None
        since = self.ws.now() - dt.timedelta(days=BULK_DAYS)
        bulk = [
            entry.at
            for entry in self.ws.audit.chain.entries("bulk read")
            if entry.at >= since and not self._operational(entry.body["table"])
        ]
        seen = sum(last is not None and at <= last.at for at in bulk)
        access = days_since(last.at.date() if last else None, self.today, "no review is on record")
        if last is None or last.failed:
            access = Measured(
                access.value, light="red", why=access.why or "the last review left something failed"
            )
        risks = [risk for risk in self.ws.reviews.risks() if not risk.closed]
        grave = [
            risk for risk in risks if risk.level == "high" or (risk.due and risk.due < self.today)
        ]
        return {
            "bulk-reviewed": share(seen, len(bulk), "no bulk read in 90 days"),
            "access-review": access,
            "open-risks": count(len(grave), len(risks), "no risk is on record"),
        }

    def _operational(self, tables: str) -> bool:
        """Return whether none of some tables is about customers."""
        known = self.ws.catalog.tables
        return all(each in known and known[each].operational for each in tables.split(", "))

    def _rest(self) -> dict[str, Measured]:
        applied = self.ws.journal.last("retention applied")
        run = days_since(
            applied.at.date() if applied else None,
            self.today,
            "rows past their time were never taken away",
        )
        if run.value is None and self.ws.access.as_of:
            run = Measured(None, light="red", why=run.why)
        unread = self.ws.minimisation(12)
        budget = {line.scope: line for line in self.ws.budget(self.period.text)}
        month, year = budget[self.period.text], budget["rolling year"]
        return {
            "retention-run": run,
            "past-retention": self._past_retention(run),
            "erased-findable": self._erased(),
            "columns-unread": count(len(unread.unread), unread.columns)
            if unread.covered
            else unmeasured("the log is younger than twelve months"),
            **self._quality(),
            "smallest-group": amounts.smallest_group(self._groups()),
            "budget-month": share(month.spent, float(month.limit)),
            "budget-year": share(year.spent, float(year.limit)),
            **decided(self.decisions),
            "quality-accuracy": rate(self.quality, "accurate_rate"),
            "quality-completeness": rate(self.quality, "complete_rate"),
        }

    def _past_retention(self, run: Measured) -> Measured:
        """Return the estimate; its light rests on whether rows are taken away, see the docs."""
        found = share_of_true(self.retention)
        if found.value is None:
            return found
        applied = run.value is not None and run.value <= 31
        alarm = found.low is not None and found.low > 0.001
        light: Light = "red" if alarm else "green" if applied else "amber"
        return Measured(
            found.value, found.numerator, found.denominator, found.low, found.high, light=light
        )

    def _erased(self) -> Measured:
        found = self.facts["erasures"]
        if not found["customers"]:
            return unmeasured("nobody was erased yet")
        return count(sum(found["findable"].values()), found["customers"])

    def _quality(self) -> dict[str, Measured]:
        """Return what checks of quality say, leaving out all that counts rows of customers."""
        names = ("timeliness", "consistency", "security")
        why = "quality was not measured"
        if self.checks is None:
            told = {f"quality-{name}": unmeasured(why) for name in names}
            return {**told, "undeclared-identifiers": unmeasured(why)}
        found = {}
        for name in names:
            judged = [
                check.light
                for check in self.publishable
                if check.dimension == name and check.light in ("green", "amber", "red")
            ]
            none = "no such check is declared"
            found[f"quality-{name}"] = share(judged.count("green"), len(judged), none)
        return {**found, "undeclared-identifiers": self._undeclared(self.checks)}

    def _undeclared(self, checks: Quality) -> Measured:
        """Return hints in operational tables; those in others are counted in customers' rows."""
        held = {(table, column) for table, column in self.ws.columns_held()}
        exact = {each for each in held if self._operational(each[0])}
        hinted = {(hint.table, hint.column) for hint in checks.hints} & exact
        if hinted or exact == held:
            return count(len(hinted), len(exact), "nothing is loaded")
        return unmeasured("tables about customers are not told of here: see 'workbench quality'")

    @cached_property
    def publishable(self) -> list[Check]:
        """Checks of operational tables, and of others those that look at no row of a customer.

        The newest day of a table is left out as well: one customer's row may be the newest.
        """
        if self.checks is None:
            return []
        tables = self.ws.catalog.tables
        return [
            check
            for check in self.checks.checks
            if tables[check.table].operational or check.rule in ("encrypted files", "classified")
        ]

    def _groups(self) -> list[float]:
        """Return the sizes of the groups this period's reports published, and of extracts."""
        from workbench.lifecycle.sharing import shares

        sizes: list[float] = []
        for name in self.ws.ledger.releases():
            release = self.ws.ledger.answer(name)
            if release.period != self.period.text or release.purpose == "compliance":
                continue
            if release.by and "customers" in release.columns:
                sizes += [
                    max(0.0, size) for size in release.columns["customers"] if size is not None
                ]
        sizes += [
            float(each.k)
            for each in shares(self.ws.shares)
            if each.k is not None and self.period.start <= each.at.date() <= self.as_of
        ]
        return sizes


def _number(days: int | None, why: str, light: Light | None = None) -> Measured:
    if days is not None and days < 0:  # a clock went back: nobody knows
        return unmeasured(why)
    if days is None:
        return Measured(None, light=light, why=why)
    return Measured(float(days), light=light)


def _joined(
    frame: pd.DataFrame | None, columns: list[str], rows: list[Any], times: list[str] | None = None
) -> pd.DataFrame | None:
    """Return a table's columns and further rows below; None where there are neither."""
    import pandas as pd

    if frame is None and not rows:
        return None
    more = pd.DataFrame(rows, columns=columns)
    usable = frame is not None and set(columns) <= set(frame.columns)
    if frame is not None and not usable and not rows:
        return None
    parts = [more] if frame is None or not usable else [frame[columns], more] if rows else [frame]
    whole = pd.concat([part.astype(object) for part in parts], ignore_index=True)
    for name in times or ():
        whole[name] = pd.to_datetime(whole[name])
    return whole


def _reads_frame(reads: list[Read]) -> pd.DataFrame:
    import pandas as pd

    names = ("at", "table", "purpose", "refused")
    rows: Mapping[str, list[Any]] = {n: [getattr(read, n) for read in reads] for n in names}
    frame = pd.DataFrame(rows)
    frame["at"] = pd.to_datetime(frame["at"])
    return frame
