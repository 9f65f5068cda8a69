"""From a workspace's records to what the compliance summary's indicators amount to."""

import datetime as dt
import math
from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import cached_property, partial
from typing import Any

import pandas as pd

from workbench.analytics import compliance as amounts
from workbench.analytics.compliance import Measured, count, days_since, share, unmeasured
from workbench.analytics.kpis import Light, has_words
from workbench.lifecycle.law import thresholds
from workbench.lifecycle.reads import Read
from workbench.lifecycle.review import Check as Found
from workbench.lifecycle.review import encrypted_places
from workbench.privacy.budget import Line
from workbench.reporting.summary import estimates
from workbench.reporting.summary.estimates import LEAST_SHARE, rate
from workbench.reporting.summary.records import Records
from workbench.store.quality.result import Check, Quality

BULK_DAYS = 90


class Evidence(Records):
    """What the records of one period amount to."""

    def measured(self) -> dict[str, Measured]:
        """Return every indicator that can be measured."""
        return {**self.of_frames(self.as_of), **self._lawful(), **self._security(), **self._rest()}

    def of_frames(self, day: dt.date) -> dict[str, Measured]:
        """Return the indicators of tables with dates, as they were on a day."""
        limits = thresholds()
        by_threshold = partial(
            amounts.transfers_by_threshold,
            contract=limits["export-contract"]["subjects"],
            assessment=limits["export-assessment"]["subjects"],
            sensitive=limits["export-assessment"]["sensitive_subjects"],
        )
        assessments = self.table("assessments")
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
            ("training", self.table("training"), amounts.training_completed),
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
        return {
            "coverage": self._coverage(),
            "outside-purpose": amounts.reads_outside(
                frame, allowed, expires, self.since, self.as_of
            ),
            "purposes-in-force": amounts.purposes_in_force(expires, late, self.as_of),
            **self._consents(),
        }

    def _coverage(self) -> Measured:
        catalog = self.ws.catalog
        held = self.columns_held()
        declared = sum(
            name in catalog.tables
            and column in catalog.tables[name].columns
            and any(column in catalog.columns_for(name, purpose) for purpose in catalog.purposes)
            for name, column in held
        )
        return share(declared, len(held), "nothing is loaded")

    def _consents(self) -> dict[str, Measured]:
        """Return how consent was applied: by the logs exactly, by person as estimates."""
        why = "no read on the ground of consent"
        found = self.reads_on_consent
        ages = found.ages_hours
        applied, lag = share(len(ages), found.asked, why), unmeasured(why)
        if ages:
            slow = ages[min(len(ages) - 1, math.ceil(0.95 * len(ages)) - 1)]
            lag = Measured(slow, sum(age <= 24 for age in ages), len(ages))
        fresh = applied.value == 1 and lag.value is not None and lag.value <= 24
        live = estimates.live(self.consents.get("live"))
        day, three = estimates.in_time(self.consents.get("withdrawn"))
        if not found.asked:
            live = day = unmeasured(why)
        return {
            "consent-live": _judged(live, alarm=_surely_below(live, 1 - LEAST_SHARE), fine=fresh),
            "withdrawals-in-time": replace(day, light="red", why="surely too many, in 72 hours")
            if _surely_below(three, 0.95)
            else day,
            "consent-applied": applied,
            "withdrawal-lag": lag,
        }

    def _security(self) -> dict[str, Measured]:
        review = self.review
        logs = [check for check in review.checks if check.part == "logs"]
        held = {table for table, _ in self.columns_held()}
        encrypted = encrypted_places(self.ws.private, held)
        return {
            "encryption": share(*encrypted, "nothing is loaded"),
            "key-age": _number(self.facts["key"]["age_days"], "the key's age is not on record"),
            "restore-test": _number(
                self.facts["backups"]["last_test_days"],
                "no backup was ever restored to test it",
                light=None if self.facts["backups"]["last_test_held"] else "red",
            ),
            "logs-whole": replace(
                share(sum(check.ok is True for check in logs), len(logs)),
                failed=tuple(named(check) for check in logs if check.ok is not True),
            ),
            "unusual-readers": self._unusual(),
            **self._reviewed(),
        }

    def _unusual(self) -> Measured:
        if self.detection is None:
            return unmeasured("the log is too short to say what is usual")
        readers = {r.reader for r in self.reads if self.since <= r.at.date() <= self.as_of}
        return count(len(self.detection.readers), len(readers), "nothing was read")

    def _reviewed(self) -> dict[str, Measured]:
        past = self.ws.office.reviews.past()
        last = past[-1] if past else None
        since = self.ws.now() - dt.timedelta(days=BULK_DAYS)
        bulk = [
            entry.at
            for entry in self.ws.events.entries("bulk read")
            if entry.at >= since and not self.operational(entry.body["table"])
        ]
        seen = sum(last is not None and at <= last.at for at in bulk)
        access = days_since(last.at.date() if last else None, self.today, "no review is on record")
        if last is None or last.failed:
            access = Measured(
                access.value,
                light="red",
                why=access.why or "the last review left something failed",
                failed=tuple(dict.fromkeys(map(named, last.failed))) if last else (),
            )
        risks = [risk for risk in self.ws.office.reviews.risks() if not risk.closed]
        grave = [
            risk for risk in risks if risk.level == "high" or (risk.due and risk.due < self.today)
        ]
        return {
            "bulk-reviewed": share(seen, len(bulk), "no bulk read in 90 days"),
            "access-review": access,
            "open-risks": count(len(grave), len(risks), "no risk is on record"),
        }

    def _rest(self) -> dict[str, Measured]:
        applied = self.ws.events.last("retention applied")
        run = days_since(
            applied.at.date() if applied else None,
            self.today,
            "rows past their time were never taken away",
        )
        if run.value is None and self.ws.access.as_of:
            run = Measured(None, light="red", why=run.why)
        unread = self.ws.office.minimisation(12)
        budget = {line.scope: line for line in self.ws.budget(self.period.text)}
        month, year = budget[self.period.text], budget["rolling year"]
        return {
            "retention-run": run,
            **self._past_retention(run),
            "erased-findable": self._erased(),
            "columns-unread": count(len(unread.unread), unread.columns)
            if unread.covered
            else unmeasured("the log is younger than twelve months"),
            **self._quality(),
            **self._hiding(),
            "budget-month": _used(month),
            "budget-year": _used(year),
            **estimates.decided(self.selections),
            "quality-accuracy": rate(self.quality, "accurate_rate"),
            "quality-completeness": rate(self.quality, "complete_rate"),
        }

    def _past_retention(self, run: Measured) -> dict[str, Measured]:
        """Return the estimate; its light rests on whether rows are taken away, see the docs."""
        found = estimates.worst_past(self.past_retention)
        alarm = found.low is not None and found.low > LEAST_SHARE
        rows = self.rows_past_retention
        held = sum(map(self.rows_held, rows))
        fine = run.value is not None and run.value <= 31
        return {
            "past-retention": _judged(found, alarm=alarm, fine=fine),
            "rows-past-retention": share(sum(rows.values()), held, "nothing is loaded"),
        }

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
                check
                for check in self.publishable
                if check.dimension == name and check.light in ("green", "amber", "red")
            ]
            failed = [f"{check.table}: {check.rule}" for check in judged if check.light != "green"]
            none = "no such check is declared"
            found[f"quality-{name}"] = replace(
                share(len(judged) - len(failed), len(judged), none), failed=tuple(failed)
            )
        return {**found, "undeclared-identifiers": self._undeclared(self.checks)}

    def _undeclared(self, checks: Quality) -> Measured:
        """Return hints in operational tables; those in others are counted in customers' rows."""
        held = {(table, column) for table, column in self.columns_held()}
        exact = {each for each in held if self.operational(each[0])}
        hinted = {(hint.table, hint.column) for hint in checks.hints} & exact
        if hinted or exact == held:
            return count(len(hinted), len(exact), "nothing is loaded")
        return unmeasured("checks of customers' rows are for the officer's eyes only")

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

    def _hiding(self) -> dict[str, Measured]:
        """Return how well people hide: in what was published, and as was agreed of extracts."""
        published = self._published_groups()
        telling = [each for each in self.extracts if each.measured.get("sensitive")]
        least = [float(each.k) for each in self.extracts if each.k is not None]
        return {
            "smallest-group": amounts.smallest_group([*published, *least]),
            "small-groups": amounts.in_small_groups(published),
            "extract-diversity": amounts.least_agreed([each.l for each in telling]),
            "extract-closeness": amounts.most_agreed([each.t for each in telling]),
        }

    def _published_groups(self) -> list[float]:
        """Return the sizes of the groups this period's reports published, noise included."""
        sizes: list[float] = []
        for name in self.ws.ledger.releases():
            release = self.ws.ledger.answer(name)
            if release.period != self.period.text or release.purpose == "compliance":
                continue
            if release.by and "customers" in release.columns:
                sizes += [
                    max(0.0, size) for size in release.columns["customers"] if size is not None
                ]
        return sizes


def named(check: Found) -> str:
    """Return what a check of the review is called; its part where its name could hold a file's."""
    return check.what if has_words(check.what) else check.part


def _used(line: Line) -> Measured:
    """Return the share of a limit that is used: of rho, since epsilons do not add up."""
    return replace(share(line.spent_pico, line.limit_pico), numerator=None, denominator=None)


def _judged(found: Measured, *, alarm: bool, fine: bool) -> Measured:
    """Return an estimate with a light of its own: no noisy share can show that it is nobody's.

    Red when it is surely too much, else green when what was done rules it out, else amber.
    """
    if found.value is None:
        return found
    light: Light = "red" if alarm else "green" if fine else "amber"
    whys = {"red": "surely too many", "amber": "what should rule it out was not done in time"}
    return replace(found, light=light, why=found.why or whys.get(light, ""))


def _surely_below(found: Measured, least: float) -> bool:
    return found.high is not None and found.high < least


def _number(days: int | None, why: str, light: Light | None = None) -> Measured:
    if days is not None and days < 0:  # a clock went back: nobody knows
        return unmeasured(why)
    if days is None:
        return Measured(None, light=light, why=why)
    return Measured(float(days), light=light)


def _reads_frame(reads: list[Read]) -> pd.DataFrame:
    names = ("at", "table", "purpose", "refused")
    # why not all: a result is of an opening that is among them, and an export serves a person
    counted = [read for read in reads if read.purpose and not read.among_others]
    rows: Mapping[str, list[Any]] = {n: [getattr(read, n) for read in counted] for n in names}
    frame = pd.DataFrame(rows)
    frame["at"] = pd.to_datetime(frame["at"])
    return frame
