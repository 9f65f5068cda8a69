"""Periods: written, read, stepped through."""

import calendar
import datetime as dt

import pytest
from hypothesis import given
from hypothesis import strategies as st

from workbench.errors import PeriodError
from workbench.periods import Period, add_months, months_between

DAYS = st.dates(dt.date(1001, 1, 1), dt.date(2998, 12, 31))
KINDS = st.sampled_from(["month", "quarter", "year", "week"])


@given(DAYS, KINDS)
def test_what_is_written_is_read_back(day, kind):
    period = Period.containing(day, kind)
    assert Period.parse(period.text) == period
    assert period.start <= day < period.end


@given(DAYS, KINDS)
def test_periods_follow_each_other_without_gap_or_overlap(day, kind):
    period = Period.containing(day, kind)
    assert period.next().start == period.end
    assert period.previous().end == period.start
    assert period.next().previous() == period == period.previous().next()
    assert period.previous() < period < period.next()


@given(DAYS)
def test_a_month_is_as_long_as_the_calendar_says(day):
    period = Period.containing(day)
    assert (period.end - period.start).days == calendar.monthrange(day.year, day.month)[1]
    assert period.months() == (period.text,)


@given(DAYS, st.integers(-600, 600))
def test_months_are_added_and_taken_away(day, months):
    there = add_months(day, months)
    assert there.day == 1
    assert add_months(there, -months) == day.replace(day=1)


@pytest.mark.parametrize(
    ("text", "start", "end", "months"),
    [
        ("2026-02", "2026-02-01", "2026-03-01", ("2026-02",)),
        ("2028-02", "2028-02-01", "2028-03-01", ("2028-02",)),
        ("2026-12", "2026-12-01", "2027-01-01", ("2026-12",)),
        ("2026-Q4", "2026-10-01", "2027-01-01", ("2026-10", "2026-11", "2026-12")),
        ("2026", "2026-01-01", "2027-01-01", tuple(f"2026-{m:02d}" for m in range(1, 13))),
        ("2026-W36", "2026-08-31", "2026-09-07", ("2026-08", "2026-09")),
        ("2026-W53", "2026-12-28", "2027-01-04", ("2026-12", "2027-01")),
        ("2020-W53", "2020-12-28", "2021-01-04", ("2020-12", "2021-01")),
        ("2025-W01", "2024-12-30", "2025-01-06", ("2024-12", "2025-01")),
    ],
)
def test_a_period_spans(text, start, end, months):
    period = Period.parse(text)
    assert (period.start.isoformat(), period.end.isoformat()) == (start, end)
    assert period.months() == months


def test_the_week_after_the_53rd_is_the_first():
    assert Period.parse("2026-W53").next().text == "2027-W01"
    assert Period.parse("2025-W01").previous().text == "2024-W52"


def test_a_leap_february_has_29_days():
    assert (Period.parse("2028-02").end - Period.parse("2028-02").start).days == 29


@pytest.mark.parametrize(
    "text",
    [
        "", "2026-13", "2026-00", "2026-9", "26-09", "2026-09-01", "2026/09", "2026-Q5", "2026-Q0",
        "2026-q1", "2025-W53", "2026-W00", "2026-W54", "2026-W1", "0000", "9999", "9999-W52",
        "9999-12", "2026-09 ", "2026-09\n", "last month", "２０２６-09", "-2026",
    ],
)  # fmt: skip
def test_a_malformed_period_is_refused_with_examples(text):
    with pytest.raises(PeriodError, match="Write a month as 2026-09, a quarter as 2026-Q3"):
        Period.parse(text)


def test_something_that_is_no_text_is_refused():
    with pytest.raises(PeriodError, match="'202609' is not a period"):
        Period.parse(202609)


@pytest.mark.parametrize(
    ("text", "today", "last"),
    [
        ("2026-10", "2026-10-31", "2026-09"),
        ("2027-01", "2026-10-02", "2026-09"),
        ("2026-Q4", "2026-10-02", "2026-Q3"),
        ("2026", "2026-12-31", "2025"),
        ("2026-W53", "2027-01-03", "2026-W52"),
    ],
)
def test_a_period_that_is_not_over_is_refused_with_the_last_that_is(text, today, last):
    message = rf"{text} is not over: .*today is {today}\..* is {last}\."
    with pytest.raises(PeriodError, match=message):
        Period.parse(text).require_past(dt.date.fromisoformat(today))


def test_the_last_that_is_loaded_is_named_where_it_is_known():
    loaded = Period.parse("2026-09")
    message = r"today is 2026-11-24\. The last complete month that is loaded is 2026-09\."
    with pytest.raises(PeriodError, match=message):
        Period.parse("2026-11").require_past(dt.date(2026, 11, 24), loaded)


def test_a_period_is_past_from_its_end_on():
    period = Period.parse("2026-09")
    assert period.require_past(dt.date(2026, 10, 1)) is period


def test_no_month_lies_between_a_day_and_itself():
    assert months_between(dt.date(2026, 9, 1), dt.date(2026, 9, 1)) == ()
    assert months_between(dt.date(2026, 9, 30), dt.date(2026, 10, 2)) == ("2026-09", "2026-10")
