"""What is due: read off what is published, with what was missed, oldest first."""

import datetime as dt

import pytest
from factories.pages import page

from workbench.periods import Period
from workbench.reporting.definitions.definition import Definition
from workbench.reporting.definitions.due import Span, due
from workbench.reporting.published import editions, failures

SPAN = Span(dt.date(2026, 1, 1), dt.date(2026, 10, 31))


def _report(cron="0 6 5 * *", zone="Asia/Shanghai", **changes):
    content = {
        "name": "overview",
        "title": "Overview",
        "notebook": "overview.ipynb",
        "audience": "managers",
        "budget": {"epsilon": 1},
        "schedule": {"cron": cron, "time_zone": zone},
    }
    return Definition.model_validate({**content, **changes})


def _due(definition, published, now, span=SPAN):
    found = due([definition], published, dt.datetime.fromisoformat(now), span)
    return [" ".join([each.period.text, each.variant.name, each.state]).split() for each in found]


def _publish(published, *periods, variant=""):
    for period in periods:
        editions.publish(published, "overview", period, page(period=period), variant=variant)


def test_a_period_is_due_once_its_schedule_came_after_its_end(tmp_path):
    _publish(tmp_path, "2026-09")
    assert _due(_report(), tmp_path, "2026-11-04T21:59:59+00:00") == []
    assert _due(_report(), tmp_path, "2026-11-04T22:00:00+00:00") == [["2026-10", "missing"]]
    (one,) = due([_report()], tmp_path, dt.datetime(2026, 11, 24, tzinfo=dt.UTC), SPAN)
    assert one.since.isoformat() == "2026-11-05T06:00:00+08:00"
    assert one.facts() == {
        "report": "overview",
        "period": "2026-10",
        "variant": "",
        "since": "2026-11-05T06:00:00+08:00",
        "state": "missing",
    }


def test_a_report_without_a_schedule_is_never_due(tmp_path):
    assert _due(_report(schedule=None), tmp_path, "2026-11-24T00:00+00:00") == []


def test_a_new_report_begins_with_the_newest_period_there_is_data_of(tmp_path):
    now = "2026-11-24T00:00+00:00"
    assert _due(_report(), tmp_path, now) == [["2026-10", "missing"]]
    short = Span(dt.date(2026, 1, 1), dt.date(2026, 9, 30))
    waiting = ["2026-10", "waiting", "for", "data"]
    assert _due(_report(), tmp_path, now, short) == [["2026-09", "missing"], waiting]


def test_missed_periods_are_due_oldest_first_and_nothing_before_the_first_edition(tmp_path):
    _publish(tmp_path, "2026-07")
    now = "2026-11-24T00:00+00:00"
    assert [words[0] for words in _due(_report(), tmp_path, now)] == [
        "2026-08",
        "2026-09",
        "2026-10",
    ]
    _publish(tmp_path, "2026-08", "2026-10")
    assert _due(_report(), tmp_path, now) == []  # what lies before the last edition was left out


@pytest.mark.parametrize(
    ("catch_up", "periods"),
    [
        (0, ["2026-10"]),
        (2, ["2026-08", "2026-09", "2026-10"]),
        (120, [f"2026-{m:02}" for m in range(1, 11)]),
    ],
)
def test_catch_up_says_how_many_missed_periods_count(tmp_path, catch_up, periods):
    found = _due(_report(catch_up=catch_up), tmp_path, "2026-11-24T00:00+00:00")
    assert [words[0] for words in found] == periods  # and none before the data


def test_at_most_three_missed_periods_are_caught_up_unless_more_are_asked_for(tmp_path):
    _publish(tmp_path, "2026-01")
    found = _due(_report(), tmp_path, "2026-11-24T00:00+00:00")
    assert [words[0] for words in found] == ["2026-07", "2026-08", "2026-09", "2026-10"]


def test_a_failed_period_stays_due_also_when_the_next_one_is(tmp_path):
    failures.record_failure(tmp_path, "overview", "2026-09", "Overview")
    found = _due(_report(), tmp_path, "2026-11-24T00:00+00:00")
    assert found == [["2026-09", "failed"], ["2026-10", "missing"]]


def test_a_failed_period_stays_due_after_the_next_one_is_published(tmp_path):
    failures.record_failure(tmp_path, "overview", "2026-08", "Overview")
    _publish(tmp_path, "2026-09", "2026-10")
    assert _due(_report(), tmp_path, "2026-11-24T00:00+00:00") == [["2026-08", "failed"]]


def test_each_edition_of_a_grid_is_due_for_itself(tmp_path):
    grid = {
        "parameters": {"region": {"type": "text", "required": True, "choices": ["north", "south"]}},
        "grid": {"region": "choices"},
    }
    _publish(tmp_path, "2026-10", variant="region=north")
    failures.record_failure(tmp_path, "overview", "2026-10", "Overview", "region=south")
    found = _due(_report(**grid), tmp_path, "2026-11-24T00:00+00:00")
    assert found == [["2026-10", "region=south", "failed"]]


def test_weeks_and_quarters_are_due_too(tmp_path):
    weekly = _report(cron="0 6 * * mon", period={"kind": "week"})
    waiting = ["2026-W44", "waiting", "for", "data"]
    assert _due(weekly, tmp_path, "2026-11-02T06:00+00:00") == [["2026-W43", "missing"], waiting]
    quarterly = _report(period={"kind": "quarter"}, cron="0 6 10 1,4,7,10 *")
    assert _due(quarterly, tmp_path, "2026-11-24T00:00+00:00") == [["2026-Q3", "missing"]]
    assert _due(quarterly, tmp_path, "2026-10-09T00:00+00:00") == [["2026-Q2", "missing"]]


def test_a_week_must_be_covered_to_its_last_day():
    week = Period.parse("2026-W44")  # ends with Sunday, 1 November
    assert not Span(SPAN.start, dt.date(2026, 10, 31)).covers(week)
    assert Span(SPAN.start, dt.date(2026, 11, 1)).covers(week)


@pytest.mark.parametrize("now", ["2026-03-29T00:59+00:00", "2026-03-29T01:00+00:00"])
def test_a_clock_that_jumps_over_the_schedule_makes_it_due_at_the_jump(tmp_path, now):
    _publish(tmp_path, "2026-01")
    report = _report(cron="30 2 29 * *", zone="Europe/Berlin")
    found = due([report], tmp_path, dt.datetime.fromisoformat(now), SPAN)
    newest = [each.period.text for each in found if each.period.text == "2026-02"]
    assert newest == (["2026-02"] if now.endswith("01:00+00:00") else [])


def test_a_clock_set_back_makes_nothing_due_twice(tmp_path):
    _publish(tmp_path, "2026-09", "2026-10")
    for now in ("2026-11-24T00:00+00:00", "2026-10-20T00:00+00:00", "2020-01-01T00:00+00:00"):
        assert _due(_report(), tmp_path, now) == []


def test_a_report_that_is_due_stays_due_in_the_hour_that_comes_twice(tmp_path):
    _publish(tmp_path, "2026-08")
    report = _report(cron="30 2 25 * *", zone="Europe/Berlin")
    for now in ("00:29", "00:30", "00:59", "01:00", "01:29", "01:30", "02:00"):
        found = _due(report, tmp_path, f"2026-10-25T{now}+00:00")
        assert found == ([] if now == "00:29" else [["2026-09", "missing"]])
