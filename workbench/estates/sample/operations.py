"""The organisation's own work: reads, requests, incidents, assessments, transfers, training.

Row counts do not grow with the number of customers; dates follow the estate's end. The requests
open at the end are the overdue ones, so that they stay as many on any later day.
"""

from __future__ import annotations

import datetime as dt
from typing import Any

import numpy as np

from workbench.estates.sample import planted
from workbench.estates.sample.window import Window

_ROLE_READS = {  # role: (readers, reads a month, tables, purposes, usual rows a customer)
    "analyst": (
        4,
        40,
        ("transactions", "service_usage", "feedback"),
        ("reporting", "segmentation"),
        12.0,
    ),
    "risk": (3, 25, ("credit_applications", "loan_performance", "bureau"), ("credit-risk",), 1.2),
    "fraud desk": (3, 50, ("transactions", "fraud_cases"), ("fraud-prevention",), 0.06),
    "service desk": (
        6,
        90,
        ("customers", "transactions", "feedback"),
        ("customer-service",),
        0.002,
    ),
    "contractor": (2, 8, ("service_usage",), ("reporting",), 0.8),
}
_TRANSFERS = (  # to whom, why, by which mechanism, share of customers, days since begin and end
    ("Group data centre", "Germany", "reporting", "standard contract", 1.0, 700, None),
    ("Card processor", "Ireland", "fraud-prevention", "certification", 0.7, 640, None),
    ("Call centre", "Poland", "customer-service", "standard contract", 0.08, 400, None),
    ("Partner insurer", "Switzerland", "partner-analytics", "adequacy decision", 0.2, 500, 90),
    ("Survey platform", "Singapore", "marketing", "", 0.05, 120, None),
)
_LAWS = ("GDPR", "PIPL")
_OWNERS = ("officer-1", "officer-2", "officer-3")


def operations(window: Window, customers: int, seed: int) -> dict[str, dict[str, Any]]:
    """Return the rows of every operational table."""
    dice = [
        np.random.default_rng(np.random.SeedSequence(seed, spawn_key=(2**32 - 1, i)))
        for i in range(4)
    ]
    end: dt.date = window.end_day.astype(object)
    start: dt.date = window.start_day.astype(object)
    return {
        "access_log": _access_log(window, customers, dice[0]),
        "subject_requests": _subject_requests(start, end, dice[1]),
        "incidents": _incidents(end, dice[2]),
        "assessments": _assessments(end),
        "transfers": _transfers(end, customers),
        "training": _training(end, dice[3]),
    }


def _columns(names: str, rows: list[tuple[Any, ...]]) -> dict[str, Any]:
    return {
        name: np.array(list(column), dtype=object)
        for name, column in zip(names.split(), zip(*rows, strict=True), strict=True)
    }


def _access_log(window: Window, customers: int, dice: np.random.Generator) -> dict[str, Any]:
    reads: list[tuple[Any, ...]] = []
    for role, (readers, a_month, tables, purposes, usual) in _ROLE_READS.items():
        for reader in range(1, readers + 1):
            name = f"{role.replace(' ', '-')}-{reader:02d}"
            for month, first in enumerate(window.calendar):
                for _ in range(dice.poisson(a_month)):
                    at = dt.datetime.combine(first, dt.time(8)) + dt.timedelta(
                        days=int(dice.integers(0, window.days[month])),
                        minutes=int(dice.integers(0, 600)),
                    )
                    rows = 1 + int(usual * customers * dice.lognormal(0.0, 0.5))
                    refused = dice.random() < 0.005
                    reads.append(
                        (
                            at,
                            name,
                            role,
                            tables[dice.integers(0, len(tables))],
                            purposes[dice.integers(0, len(purposes))],
                            0 if refused else rows,
                            "refused" if refused else "allowed",
                        )
                    )
    week = dt.datetime.combine(_months_before(window, 1), dt.time(1, 30))
    unusual = planted.UNUSUAL_READS + planted.UNUSUAL_REFUSED
    for read in range(unusual):
        refused = read >= planted.UNUSUAL_READS
        at = week + dt.timedelta(days=11 + read % 7, minutes=int(dice.integers(0, 150)))
        table, rows_a_customer = (("customers", 1), ("transactions", 80), ("bureau", 1))[read % 3]
        rows = 0 if refused else rows_a_customer * customers
        reads.append(
            (
                at,
                planted.UNUSUAL_READER,
                "contractor",
                table,
                "reporting",
                rows,
                "refused" if refused else "allowed",
            )
        )
    reads.sort(key=lambda read: (read[0], read[1]))
    numbered = [(number, *read) for number, read in enumerate(reads, start=1)]
    return _columns("event_id read_at reader role table_name purpose rows_read outcome", numbered)


def _months_before(window: Window, months: int) -> dt.date:
    first: dt.date = (window.last - months).astype("datetime64[D]").astype(object)
    return first


def _subject_requests(start: dt.date, end: dt.date, dice: np.random.Generator) -> dict[str, Any]:
    kinds = (
        "access",
        "access",
        "access",
        "erasure",
        "erasure",
        "correction",
        "objection",
        "portability",
        "restriction",
    )
    days = (end - start).days
    rows = []
    for number in range(planted.REQUESTS):
        law = _LAWS[int(dice.random() < 0.8)]
        if number < planted.REQUESTS_OVERDUE_OPEN:
            received = end - dt.timedelta(days=int(dice.integers(45, 75)))
        elif number < planted.REQUESTS_OVERDUE_OPEN + planted.REQUESTS_CLOSED_LATE:
            received = end - dt.timedelta(days=int(dice.integers(90, max(91, min(300, days)))))
        else:
            received = end - dt.timedelta(days=int(dice.integers(20, max(21, days))))
        due = received + dt.timedelta(
            days=30 if law == "GDPR" else 21
        )  # own, stricter than a calendar month
        taken = int(dice.integers(2, 20))
        closed: dt.date | None = received + dt.timedelta(days=taken)
        if number < planted.REQUESTS_OVERDUE_OPEN:
            closed = None
        elif number < planted.REQUESTS_OVERDUE_OPEN + planted.REQUESTS_CLOSED_LATE:
            closed = due + dt.timedelta(days=int(dice.integers(3, 20)))
        rows.append(
            (
                received,
                kinds[int(dice.integers(0, len(kinds)))],
                law,
                due,
                closed,
                _OWNERS[int(dice.integers(0, 3))],
            )
        )
    rows.sort(key=lambda row: row[0])
    numbered = [
        (f"SR-{n:04d}", kind, law, received, due, closed, owner)
        for n, (received, kind, law, due, closed, owner) in enumerate(rows, start=1)
    ]
    return _columns("request_id kind law received_on due_on closed_on owner", numbered)


def _incidents(end: dt.date, dice: np.random.Generator) -> dict[str, Any]:
    summaries = (
        "Letter sent to a former address",
        "Laptop lost, disk encrypted",
        "E-mail with open recipients",
        "Extract placed in a shared folder",
        "Phishing answered by one member of staff",
        "Card statements swapped in two envelopes",
        "Test system held production rows",
        "Password shared between two shifts",
        "Archive box missing for a day",
    )
    rows = []
    for number, summary in enumerate(summaries):
        occurred = dt.datetime.combine(end, dt.time(9)) - dt.timedelta(
            days=480 - 52 * number, minutes=int(dice.integers(0, 400))
        )
        detected = occurred + dt.timedelta(hours=int(dice.integers(1, 20)))
        notifiable = number % 3 == 0
        late = number < planted.INCIDENTS_NOTIFIED_LATE * 3
        hours = 96 if late else int(dice.integers(12, 44))
        notified = detected + dt.timedelta(hours=hours) if notifiable else None
        contained = detected + dt.timedelta(hours=int(dice.integers(4, 60)))
        rows.append(
            (
                f"IN-{number + 1:03d}",
                occurred,
                detected,
                notified,
                contained,
                ("low", "medium", "high")[number % 3 if not notifiable else 2],
                notifiable,
                int(dice.integers(1, 400)),
                summary,
            )
        )
    return _columns(
        "incident_id occurred_at detected_at notified_at contained_at severity notifiable "
        "subjects_affected summary",
        rows,
    )


def _assessments(end: dt.date) -> dict[str, Any]:
    def ago(days: int) -> dt.date:
        return end - dt.timedelta(days=days)

    late = 45 if planted.ASSESSMENT_REVIEWS_OVERDUE else -200
    missing = None if planted.ASSESSMENTS_MISSING else ago(60)
    rows = [
        ("Automated credit decisions", "credit-risk", True, ago(300), ago(-65), "officer-1"),
        (
            "Fraud monitoring of transactions",
            "fraud-prevention",
            True,
            ago(410),
            ago(late),
            "officer-2",
        ),
        ("Grouping of customers", "segmentation", True, ago(200), ago(-165), "officer-1"),
        ("Campaigns by app message", "marketing", True, ago(90), ago(-275), "officer-3"),
        (
            "Analyses with the partner insurer",
            "partner-analytics",
            True,
            ago(520),
            ago(late + 110) if late > 0 else ago(late),
            "officer-2",
        ),
        (
            "Recording of service calls",
            "customer-service",
            True,
            missing,
            missing and ago(-300),
            "officer-3",
        ),
        ("Management reports", "reporting", False, None, None, "officer-1"),
    ]
    return _columns("activity purpose required done_on review_due_on owner", rows)


def _transfers(end: dt.date, customers: int) -> dict[str, Any]:
    rows: list[tuple[Any, ...]] = []
    for number, (recipient, country, purpose, mechanism, share, began, ended) in enumerate(
        _TRANSFERS
    ):
        since = end - dt.timedelta(days=began)
        until = end - dt.timedelta(days=ended) if ended else None
        people, sensitive = int(share * customers), int(share * customers * 0.01)
        name = f"TR-{number + 1:02d}"
        if not mechanism and not planted.TRANSFERS_WITHOUT_MECHANISM:
            mechanism = "standard contract"
        named = mechanism or None
        rows.append((name, recipient, country, purpose, named, people, sensitive, since, until))
    return _columns(
        "transfer_id recipient country purpose mechanism subjects sensitive_subjects since until",
        rows,
    )


def _training(end: dt.date, dice: np.random.Generator) -> dict[str, Any]:
    due = end - dt.timedelta(days=30)
    places = planted.STAFF * len(planted.COURSES)
    missing = set(dice.choice(places, planted.TRAINING_MISSING, replace=False).tolist())
    rows: list[tuple[Any, ...]] = []
    for staff in range(planted.STAFF):
        for course in planted.COURSES:
            done = (
                None if len(rows) in missing else due - dt.timedelta(days=int(dice.integers(0, 60)))
            )
            rows.append((f"staff-{staff + 1:02d}", course, due, done))
    return _columns("staff course due_on completed_on", rows)
