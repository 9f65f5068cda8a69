"""The organisation's own work: reads, requests, incidents, assessments, transfers, training.

Row counts do not grow with the number of customers; dates follow the estate's end. The requests
open at the end are the overdue ones, so that they stay as many on any later day.
"""

import datetime as dt
from typing import Any

import numpy as np

from workbench.estates.sample import planted
from workbench.estates.sample.planted import Window

Row = dict[str, Any]
_WORK = planted.read("operations")


def operations(window: Window, customers: int, seed: int) -> dict[str, dict[str, Any]]:
    """Return the rows of every operational table."""
    dice = [
        np.random.default_rng(np.random.SeedSequence(seed, spawn_key=(2**32 - 1, i)))
        for i in range(4)
    ]
    end: dt.date = window.end_day.astype(object)
    tables = {
        "access_log": _access_log(window, customers, dice[0]),
        "subject_requests": _subject_requests(window, end, dice[1]),
        "incidents": _incidents(end, dice[2]),
        "assessments": _assessments(end),
        "transfers": _transfers(end, customers),
        "training": _training(end, dice[3]),
    }
    return {
        name: {column: np.array([row[column] for row in rows], dtype=object) for column in rows[0]}
        for name, rows in tables.items()
    }


def _before(end: dt.date, days: int | None) -> dt.date | None:
    return None if days is None else end - dt.timedelta(days=days)


def _access_log(window: Window, customers: int, dice: np.random.Generator) -> list[Row]:
    reads: list[tuple[Any, ...]] = []
    for role, usual in _WORK["reads"].items():
        tables, purposes = usual["tables"], usual["purposes"]
        for reader in range(1, usual["readers"] + 1):
            name = f"{role.replace(' ', '-')}-{reader:02d}"
            for month, first in enumerate(window.calendar):
                for _ in range(dice.poisson(usual["a_month"])):
                    at = dt.datetime.combine(first, dt.time(8)) + dt.timedelta(
                        days=int(dice.integers(0, window.days[month])),
                        minutes=int(dice.integers(0, 600)),
                    )
                    rows = 1 + int(usual["rows"] * customers * dice.lognormal(0.0, 0.5))
                    refused = dice.random() < 0.005
                    table = tables[dice.integers(0, len(tables))]
                    purpose = purposes[dice.integers(0, len(purposes))]
                    reads.append((at, name, role, table, purpose, rows, refused))
    month_before: dt.date = (window.last - 1).astype("datetime64[D]").astype(object)
    night = dt.datetime.combine(month_before, dt.time(1, 30))
    for read in range(planted.UNUSUAL_READS + planted.UNUSUAL_REFUSED):
        at = night + dt.timedelta(days=11 + read % 7, minutes=int(dice.integers(0, 150)))
        table, a_customer = _WORK["unusual"][read % 3]
        rows, refused = a_customer * customers, read >= planted.UNUSUAL_READS
        who = (planted.UNUSUAL_READER, "contractor")
        reads.append((at, *who, table, "reporting", rows, refused))
    reads.sort(key=lambda read: (read[0], read[1]))
    return [
        {
            "event_id": number,
            "read_at": at,
            "reader": reader,
            "role": role,
            "table_name": table,
            "purpose": purpose,
            "rows_read": 0 if refused else rows,
            "outcome": "refused" if refused else "allowed",
        }
        for number, (at, reader, role, table, purpose, rows, refused) in enumerate(reads, start=1)
    ]


def _subject_requests(window: Window, end: dt.date, dice: np.random.Generator) -> list[Row]:
    days = (window.end_day - window.start_day).astype(int)
    still_open, late = planted.REQUESTS_OVERDUE_OPEN, planted.REQUESTS_CLOSED_LATE
    rows = []
    for number in range(planted.REQUESTS):
        law = list(_WORK["days_to_answer"])[int(dice.random() < 0.8)]
        if number < still_open:
            since = dice.integers(45, 75)
        elif number < still_open + late:
            since = dice.integers(90, max(91, min(300, days)))
        else:
            since = dice.integers(20, max(21, days))
        received = end - dt.timedelta(days=int(since))
        due = received + dt.timedelta(days=_WORK["days_to_answer"][law])
        closed: dt.date | None = received + dt.timedelta(days=int(dice.integers(2, 20)))
        if number < still_open:
            closed = None
        elif number < still_open + late:
            closed = due + dt.timedelta(days=int(dice.integers(3, 20)))
        row = {
            "kind": _WORK["requests"][dice.integers(0, len(_WORK["requests"]))],
            "law": law,
            "received_on": received,
            "due_on": due,
            "closed_on": closed,
            "owner": _WORK["owners"][dice.integers(0, 3)],
        }
        rows.append(row)
    rows.sort(key=lambda row: row["received_on"])
    return [{"request_id": f"SR-{n:04d}", **row} for n, row in enumerate(rows, start=1)]


def _incidents(end: dt.date, dice: np.random.Generator) -> list[Row]:
    rows = []
    for number, summary in enumerate(_WORK["incidents"]):
        occurred = dt.datetime.combine(end, dt.time(9)) - dt.timedelta(
            days=480 - 52 * number, minutes=int(dice.integers(0, 400))
        )
        detected = occurred + dt.timedelta(hours=int(dice.integers(1, 20)))
        notifiable = number % 3 == 0
        late = number < planted.INCIDENTS_NOTIFIED_LATE * 3
        hours = 96 if late else int(dice.integers(12, 44))
        row = {
            "incident_id": f"IN-{number + 1:03d}",
            "occurred_at": occurred,
            "detected_at": detected,
            "notified_at": detected + dt.timedelta(hours=hours) if notifiable else None,
            "contained_at": detected + dt.timedelta(hours=int(dice.integers(4, 60))),
            "severity": "high" if notifiable else ("low", "medium", "high")[number % 3],
            "notifiable": notifiable,
            "subjects_affected": int(dice.integers(1, 400)),
            "summary": summary,
        }
        rows.append(row)
    return rows


def _assessments(end: dt.date) -> list[Row]:
    rows = []
    for each in _WORK["assessments"]:
        missing = each.get("missing") and planted.ASSESSMENTS_MISSING
        late = planted.ASSESSMENT_REVIEWS_OVERDUE and each.get("overdue")
        row = {
            "activity": each["activity"],
            "purpose": each["purpose"],
            "required": each["required"],
            "done_on": None if missing else _before(end, each.get("done")),
            "review_due_on": None if missing else _before(end, late or each.get("review")),
            "owner": each["owner"],
        }
        rows.append(row)
    return rows


def _transfers(end: dt.date, customers: int) -> list[Row]:
    without = None if planted.TRANSFERS_WITHOUT_MECHANISM else "standard contract"
    return [
        {
            "transfer_id": f"TR-{number:02d}",
            "recipient": each["recipient"],
            "country": each["country"],
            "purpose": each["purpose"],
            "mechanism": each["mechanism"] or without,
            "subjects": int(each["share"] * customers),
            "sensitive_subjects": int(each["share"] * customers * 0.01),
            "since": _before(end, each["began"]),
            "until": _before(end, each.get("ended")),
        }
        for number, each in enumerate(_WORK["transfers"], start=1)
    ]


def _training(end: dt.date, dice: np.random.Generator) -> list[Row]:
    due = end - dt.timedelta(days=30)
    places = [(staff, course) for staff in range(planted.STAFF) for course in planted.COURSES]
    missing = set(dice.choice(len(places), planted.TRAINING_MISSING, replace=False).tolist())
    rows = []
    for place, (staff, course) in enumerate(places):
        done = None if place in missing else due - dt.timedelta(days=int(dice.integers(0, 60)))
        name = f"staff-{staff + 1:02d}"
        rows.append({"staff": name, "course": course, "due_on": due, "completed_on": done})
    return rows
