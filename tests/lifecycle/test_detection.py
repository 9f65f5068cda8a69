"""Unusual reads: the planted reader is found, honest readers are not, and the rate is measured."""

import datetime as dt

import pandas as pd
import pytest

from workbench.errors import InputError
from workbench.estates.sample import planted
from workbench.lifecycle.detection import detect, upper_rate
from workbench.lifecycle.reads import Read, from_audit, from_frame
from workbench.store.logs.chain import Entry

SINCE, UNTIL = dt.date(2026, 7, 1), dt.date(2026, 9, 30)


@pytest.fixture(scope="module")
def log():
    source = pd.read_csv("data/sample/access_log.csv", parse_dates=["read_at"])
    return from_frame(source)


def test_the_planted_reader_is_found_and_nobody_else(log):
    found = detect(log, SINCE, UNTIL)
    assert found.readers == (planted.UNUSUAL_READER,)
    assert sum(each.reads for each in found.found) == planted.UNUSUAL_READS
    assert sum(each.refused for each in found.found) == planted.UNUSUAL_REFUSED
    assert found.found[0].signals == ("volume", "hour", "new table", "refused")


def test_honest_readers_are_left_alone_and_the_rate_is_stated(log):
    honest = [read for read in log if read.reader != planted.UNUSUAL_READER]
    found = detect(honest, dt.date(2025, 7, 1), UNTIL)
    assert found.found == ()
    assert found.weeks > 1_000
    assert found.false_alarms / found.history_weeks <= 0.01
    assert found.false_alarm_at_most == upper_rate(found.false_alarms, found.history_weeks)


def test_what_comes_after_the_span_does_not_count(log):
    assert detect(log, dt.date(2026, 5, 1), dt.date(2026, 7, 31)).found == ()


@pytest.mark.parametrize(
    ("change", "signal"),
    [
        ({"rows": 10**7}, "volume"),
        ({"hour": 3}, "hour"),
        ({"table": "salaries"}, "new table"),
        ({"refused": True}, "refused"),
    ],
)
def test_each_signal_is_seen_by_itself(change, signal):
    day = dt.datetime.fromisoformat("2026-01-05T10:00")
    usual = [
        Read(
            day + dt.timedelta(days=n // 4, hours=n % 4),
            "a",
            "analyst",
            "sales",
            "r",
            90 + n % 20,
            False,
        )
        for n in range(600)
    ]
    at = dt.datetime.fromisoformat(f"2026-06-15T{change.get('hour', 10):02d}:00")
    odd = [
        Read(
            at + dt.timedelta(minutes=n),
            "b",
            "analyst",
            change.get("table", "sales"),
            "r",
            change.get("rows", 100),
            change.get("refused", False),
        )
        for n in range(12)
    ]
    found = detect([*usual, *odd], dt.date(2026, 6, 15), dt.date(2026, 6, 21))
    signals = {s for each in found.found for s in each.signals}
    # a single signal flags only when it is extreme; volume and refusals here are
    assert signals == ({signal} if signal in ("volume", "refused") else set())


def entries(kind, *days, who="ana", rows=None, held=5400, table="sales"):
    body = {
        "who": who,
        "role": "analyst",
        "table": table,
        "purpose": "r",
        "held": [(table, 1, held)],
    }
    body |= {} if rows is None else {"rows": rows}
    return [Entry(0, day, kind, body, "") for day in days]


@pytest.mark.parametrize(
    ("kind", "size", "signals"),
    [
        ("read", {"rows": 9_000}, ("volume",)),  # far fewer than any limit of bulk reads
        ("bulk read", {"rows": 40_000}, ("volume",)),
        ("quarantine opened", {"rows": 9_000}, ("volume",)),
        ("look-up", {"held": 10**9}, ()),  # a bound alone flags nobody
        ("open", {"held": 10**9}, ()),
        ("open", {"held": 10**9, "table": "salaries"}, ("volume", "new table")),
        ("read", {"rows": 40}, ()),
    ],
)
def test_the_workspaces_own_log_shows_volume(kind, size, signals):
    first = dt.datetime(2026, 1, 5, 10, tzinfo=dt.UTC)
    days = [first + dt.timedelta(hours=12 * n) for n in range(300)]
    days = [day.replace(hour=10) for day in days]
    log = [each for n, day in enumerate(days) for each in entries("read", day, rows=30 + n % 20)]
    log += entries("open", *days)
    log += entries(kind, dt.datetime(2026, 6, 15, 10, tzinfo=dt.UTC), who="eve", **size)
    found = detect(from_audit(log), dt.date(2026, 6, 15), dt.date(2026, 6, 21)).found
    assert [each.signals for each in found] == ([signals] if signals else [])
    for each in found:
        assert each.rows == size.get("rows", size.get("held"))


def test_too_short_a_log_says_so():
    with pytest.raises(InputError, match="there are 0 reads before 2026-07-01"):
        detect([], SINCE, UNTIL)


def test_no_history_promises_nothing():
    assert upper_rate(0, 0) == 1.0
