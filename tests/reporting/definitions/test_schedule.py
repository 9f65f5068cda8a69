"""Schedules: five fields in a time zone, clock changes and month ends, and what is no schedule."""

import datetime as dt

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from workbench.periods import Period
from workbench.reporting.definitions.fields import PeriodRule, Schedule


def _at(text):
    return dt.datetime.fromisoformat(text).replace(tzinfo=dt.UTC)


def _last(cron, zone, now):
    found = Schedule(cron=cron, time_zone=zone).last(_at(now))
    return found.isoformat()


@pytest.mark.parametrize(
    ("cron", "zone", "now", "last"),
    [
        ("0 6 5 * *", "Asia/Shanghai", "2026-11-04T22:00", "2026-11-05T06:00:00+08:00"),
        ("0 6 5 * *", "Asia/Shanghai", "2026-11-04T21:59", "2026-10-05T06:00:00+08:00"),
        ("0 6 5 * *", "America/New_York", "2026-11-05T10:30", "2026-10-05T06:00:00-04:00"),
        ("0 0 31 * *", "UTC", "2026-12-01T00:00", "2026-10-31T00:00:00+00:00"),
        ("0 0 29 2 *", "UTC", "2026-12-01T00:00", "2024-02-29T00:00:00+00:00"),
        # half past two does not come on 29 March 2026 in Berlin, and comes twice on 25 October
        ("30 2 * * *", "Europe/Berlin", "2026-03-29T05:00", "2026-03-29T03:00:00+02:00"),
        ("30 2 * * *", "Europe/Berlin", "2026-10-25T05:00", "2026-10-25T02:30:00+02:00"),
        ("0 6 * * mon", "Europe/Berlin", "2026-11-24T00:00", "2026-11-23T06:00:00+01:00"),
    ],
)
def test_the_last_time_it_came(cron, zone, now, last):
    assert _last(cron, zone, now) == last


def test_a_time_that_comes_twice_counts_once():
    schedule = Schedule(cron="30 2 25 10 *", time_zone="Europe/Berlin")
    times = [_at("2026-10-25T00:30"), _at("2026-10-25T01:30")]
    assert {schedule.last(now).isoformat() for now in times} == {"2026-10-25T02:30:00+02:00"}


@pytest.mark.parametrize("cron", [
    "30 2 * * *", "30 2 25 * *", "0 2-3 * * *", "15 1,2 * * *", "*/20 2 * * *", "30 * * * *",
    "45 23 * * *", "0 0 * * *", "59 1 * * *", "0 12 * * sun",
])  # fmt: skip  # why: one line
@pytest.mark.parametrize(("zone", "changes"), [
    ("Europe/Berlin", "2026-10-25T01:00"), ("Europe/Berlin", "2026-03-29T01:00"),
    ("America/New_York", "2026-11-01T06:00"), ("Australia/Lord_Howe", "2026-04-04T15:00"),
    ("America/Havana", "2026-11-01T05:00"), ("Atlantic/Azores", "2026-10-25T01:00"),
])  # fmt: skip  # why: one line a change
def test_what_came_is_not_undone_while_clocks_change(cron, zone, changes):
    schedule, start = Schedule(cron=cron, time_zone=zone), _at(changes) - dt.timedelta(hours=3)
    now = [start + dt.timedelta(minutes=each) for each in range(0, 6 * 60, 7)]
    last = [schedule.last(each).astimezone(dt.UTC) for each in now]
    assert last == sorted(last)
    assert all(came <= each for came, each in zip(last, now, strict=True))
    local = [schedule.last(each.astimezone(schedule.zone)) for each in now[::9]]
    assert [each.astimezone(dt.UTC) for each in local] == last[::9]
    for day in {each.astimezone(schedule.zone).date() for each in now}:
        assert schedule.first_on_or_after(day).date() >= day


@given(st.integers(0, 10 * 365 * 24 * 60))
def test_it_never_came_later_than_now_and_always_within_a_month(minutes):
    now = dt.datetime(2020, 1, 1, tzinfo=dt.UTC) + dt.timedelta(minutes=minutes)
    last = Schedule(cron="15 3 1 * *", time_zone="America/Sao_Paulo").last(now)
    assert last <= now
    assert now - last <= dt.timedelta(days=32)
    assert (last.day, last.hour, last.minute) == (1, 3, 15)


@pytest.mark.parametrize(
    ("cron", "message"),
    [
        ("0 6 5 *", "has 4 fields; write five: minute, hour"),
        ("0 0 6 5 * *", "has 6 fields"),
        ("@monthly", "has 1 fields"),
        ("61 6 5 * *", "is no schedule: bad minute"),
        ("0 25 5 * *", "is no schedule: bad hour"),
        ("0 6 30 2 *", "is no schedule: bad day-of-month"),
        ("0 6 * * tus", "is no schedule: bad day-of-week"),
        ("0 6 L * *", "is more than every scheduler understands"),
        ("0 6 * * 5#2", "is more than every scheduler understands"),
        ("0 6 5-1 * *", "is no schedule"),
        ("*/0 6 5 * *", "is no schedule"),
        ("a b c d e", "is more than every scheduler understands"),
    ],
)
def test_nonsense_is_told(cron, message):
    with pytest.raises(ValidationError) as refusal:
        Schedule(cron=cron, time_zone="UTC")
    assert message in str(refusal.value)


@pytest.mark.parametrize(
    ("zone", "message"),
    [
        ("Asia/Shangai", "no time zone named 'Asia/Shangai'. Did you mean 'Asia/Shanghai'?"),
        ("Shanghai", "Did you mean 'Asia/Shanghai'?"),
        ("new york", "Did you mean 'America/New_York'?"),
        ("nowhere at all", "Write one such as Asia/Shanghai, Europe/Berlin or UTC"),
        ("../etc/passwd", "no time zone named"),
        ("", "no time zone named"),
    ],
)
def test_an_unknown_time_zone_is_told(zone, message):
    with pytest.raises(ValidationError) as refusal:
        Schedule(cron="0 6 5 * *", time_zone=zone)
    assert message in str(refusal.value)


@pytest.mark.parametrize(
    ("kind", "rule", "day", "period", "from_day"),
    [
        ("month", "last-complete", "2026-03-01", "2026-02", "2026-03-01"),
        ("month", "last-complete", "2026-02-28", "2026-01", "2026-02-01"),
        ("month", "previous", "2026-03-31", "2026-01", "2026-03-01"),
        ("quarter", "last-complete", "2026-04-01", "2026-Q1", "2026-04-01"),
        ("week", "last-complete", "2026-01-05", "2026-W01", "2026-01-05"),
        ("year", "previous", "2026-06-01", "2024", "2026-01-01"),
    ],
)
def test_a_day_is_about_a_period(kind, rule, day, period, from_day):
    about = PeriodRule(kind=kind, rule=rule)
    assert about.on(dt.date.fromisoformat(day)) == Period.parse(period)
    assert about.from_day(Period.parse(period)).isoformat() == from_day
    assert about.on(about.from_day(Period.parse(period))).text == period
