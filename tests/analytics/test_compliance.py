"""The summary's indicators count every planted fault; what is not measured is never green."""

import datetime as dt

import pandas as pd
import pytest

from workbench.analytics import compliance as amounts
from workbench.analytics.kpis import kpi, kpis, sections, word
from workbench.errors import UnknownName
from workbench.estates.sample import planted
from workbench.lifecycle.law import articles
from workbench.reporting.summary import summarising as lines_of
from workbench.store.quality.rules import DIMENSIONS

END = dt.date(2026, 9, 30)


@pytest.fixture(scope="module")
def table(sample_source):
    def read(name, *times):
        return pd.read_csv(sample_source / f"{name}.csv", parse_dates=list(times))

    return read


# ------------------------------------------------------------------ planted faults


def test_overdue_and_late_requests(table):
    requests = table("subject_requests")
    overdue = amounts.requests_overdue(requests, END)
    assert overdue.value == planted.REQUESTS_OVERDUE_OPEN
    on_time = amounts.requests_on_time(requests, END)
    late = on_time.denominator - on_time.numerator
    assert late == planted.REQUESTS_OVERDUE_OPEN + planted.REQUESTS_CLOSED_LATE
    ageing = amounts.requests_ageing(requests, END)
    assert (ageing.value, ageing.light) == (planted.REQUESTS_OVERDUE_OPEN, "red")


@pytest.mark.parametrize(
    ("due_on", "counts"),
    [("2025-09-30", 0), ("2025-10-01", 1), ("2026-09-30", 1), ("2026-10-01", 0)],
)
def test_twelve_months_are_twelve_months_to_the_day(due_on, counts):
    asked = pd.DataFrame({"received_on": [due_on], "due_on": [due_on], "closed_on": [None]})
    assert amounts.requests_on_time(asked, END).denominator == counts
    assert amounts.requests_overdue(asked, END).denominator == counts
    course = pd.DataFrame({"due_on": [due_on], "completed_on": [due_on]})
    assert amounts.training_completed(course, END).denominator == counts


def test_requests_as_they_stood_earlier(table):
    requests = table("subject_requests")
    assert amounts.requests_overdue(requests, dt.date(2026, 7, 31)).value == 0


def test_assessments_transfers_training(table):
    assessments = table("assessments")
    done = amounts.assessments_done(assessments, END)
    assert done.denominator - done.numerator == planted.ASSESSMENTS_MISSING
    current = amounts.assessments_current(assessments, END)
    assert current.denominator - current.numerator == planted.ASSESSMENT_REVIEWS_OVERDUE
    transfers = amounts.transfers_with_mechanism(table("transfers"), END)
    assert transfers.denominator - transfers.numerator == planted.TRANSFERS_WITHOUT_MECHANISM
    training = amounts.training_completed(table("training"), END)
    assert training.denominator == planted.STAFF * len(planted.COURSES)
    assert training.denominator - training.numerator == planted.TRAINING_MISSING


def test_the_late_notice_shows_in_the_year_it_happened(table):
    incidents = table("incidents", "occurred_at", "detected_at", "notified_at")
    assert amounts.notify_hours(incidents, dt.date(2026, 3, 31)).value == 96
    now = amounts.notify_hours(incidents, END)
    assert (now.numerator, now.denominator) == (2, 2)
    assert amounts.detect_hours(incidents, END).value < 24


def test_an_incident_that_was_not_notified_counts_up_to_now():
    seen = pd.Timestamp("2026-09-20 00:00")
    frame = pd.DataFrame(
        {
            "occurred_at": [seen],
            "detected_at": [seen],
            "notified_at": [pd.NaT],
            "notifiable": [True],
        }
    )
    assert amounts.notify_hours(frame, END).value == 11 * 24


@pytest.mark.parametrize(
    ("before", "found"),
    [
        ([2, None], None),  # the other may have begun a year ago
        ([30, None], (30, 0, 2)),
        ([2, 30], (30, 1, 2)),
        ([None], None),
    ],
)
def test_hours_to_detection_are_not_known_where_nobody_said_when_it_began(before, found):
    seen = pd.Timestamp("2026-09-20 00:00")
    began = [pd.NaT if hours is None else seen - pd.Timedelta(hours=hours) for hours in before]
    frame = pd.DataFrame({"occurred_at": began, "detected_at": [seen] * len(before)})
    said = amounts.detect_hours(frame, END)
    assert (None if said.value is None else (said.value, said.numerator, said.denominator)) == found
    assert bool(said.why) == (found is None)


@pytest.mark.parametrize(
    ("sensitive", "expected"),
    [(900, (0.501, 50_100, 100_000)), (9_000, (0.91, 9_100, 10_000))],
)
def test_people_transferred_add_up_from_1_january_as_articles_7_and_8_say(sensitive, expected):
    frame = pd.DataFrame(
        {
            "mechanism": ["x", "x", "x", "x"],
            "subjects": [50_000, 100, 70_000, 70_000],
            "sensitive_subjects": [sensitive, 100, 0, 0],
            "since": ["2025-06-01", "2026-01-01", "2025-06-01", "2026-11-01"],
            "until": [None, "2026-02-01", "2025-12-31", None],  # ended before; not begun
        }
    )
    found = threshold(frame)
    assert (found.value, found.numerator, found.denominator) == expected
    assert found.light is None


def threshold(frame):
    limits = {"contract": 100_000, "assessment": 1_000_000, "sensitive": 10_000}
    return amounts.transfers_by_threshold(frame, END, **limits)


def transfer(mechanism, people, sensitive=0):
    frame = {"mechanism": mechanism, "subjects": people, "sensitive_subjects": sensitive}
    return pd.DataFrame([{**frame, "since": "2026-02-01", "until": None}])


@pytest.mark.parametrize(
    ("mechanism", "people", "sensitive", "value", "light"),
    [
        (None, 99_000, 0, 0.99, None),  # nothing is due yet
        (None, 100_000, 0, 0.1, "red"),
        ("standard contract", 100_000, 0, 0.1, None),  # of the next threshold
        (None, 10, 1, 0.0001, "red"),  # of sensitive data from the first person
        ("standard contract", 1_000_000, 0, 1.0, "red"),
        ("security assessment", 1_000_000, 0, 1.0, "green"),
        ("certification", 20_000, 10_000, 1.0, "red"),
    ],
)
def test_what_is_due_from_a_threshold_is_red_where_it_is_missing(
    mechanism, people, sensitive, value, light
):
    found = threshold(transfer(mechanism, people, sensitive))
    assert (found.value, found.light) == (value, light)
    assert bool(found.why) == (light == "red")
    assert amounts.unmeasured("there is no transfer") == threshold(transfer("x", 1).iloc[:0])


def test_groups_and_what_was_agreed_of_extracts():
    found = amounts.in_small_groups([4.0, 96.0, 0.0])
    assert (found.value, found.numerator, found.denominator) == (0.04, 4, 100)
    assert amounts.in_small_groups([]).value is None
    least = amounts.least_agreed([3, 2])
    assert (least.value, least.numerator, least.denominator) == (2, 2, 2)
    assert amounts.most_agreed([0.2, None]).value == 1  # no limit
    assert (amounts.most_agreed([0.2, 0.3]).value, amounts.most_agreed([]).value) == (0.3, None)


def test_reads_beyond_their_purpose_or_after_its_end():
    reads = pd.DataFrame(
        {
            "at": pd.to_datetime(["2026-09-01", "2026-09-02", "2026-09-03", "2026-09-04"]),
            "table": ["sales", "salaries", "sales", "salaries"],
            "purpose": ["r", "r", "old", "r"],
            "refused": [False, False, False, True],
        }
    )
    expires = {"r": dt.date(2030, 1, 1), "old": dt.date(2026, 8, 31)}
    found = amounts.reads_outside(
        reads, [("sales", "r"), ("sales", "old")], expires, dt.date(2026, 9, 1), END
    )
    assert (found.value, found.denominator) == (2, 3)


def test_an_expired_purpose_is_amber_and_red_when_it_was_read_for():
    expires = {"r": dt.date(2030, 1, 1), "old": dt.date(2026, 8, 31)}
    unread = amounts.purposes_in_force(expires, [], END)
    assert kpi("purposes-in-force").light(unread.value) == "amber"
    assert amounts.purposes_in_force(expires, ["old"], END).light == "red"


# ------------------------------------------------------------------ lights


def lines(measured, **other):
    given = {"previous": {}, "owners": {}, "due": {}, "as_of": {}, "today": END, **other}
    return {each.id: each for each in lines_of.indicators(measured, **given)}


def test_what_nobody_measured_is_there_and_not_green():
    found = lines({})
    assert list(found) == list(kpis())
    assert {each.light for each in found.values()} == {"not measured"}


@pytest.mark.parametrize(
    "empty", [amounts.share(0, 0), amounts.count(0, 0), amounts.Measured(1.0, 0, 0)]
)
def test_nothing_to_divide_by_is_never_green(empty):
    assert lines({"coverage": empty})["coverage"].light != "green"


@pytest.mark.parametrize(
    ("name", "value", "light"),
    [
        ("coverage", 1, "green"),
        ("coverage", 0.999, "amber"),
        ("coverage", 0.94, "red"),
        ("outside-purpose", 0, "green"),
        ("outside-purpose", 1, "red"),
        ("notify-hours", 48, "green"),
        ("notify-hours", 72, "amber"),
        ("notify-hours", 72.5, "red"),
        ("smallest-group", 4, "red"),
        ("human-review", 0.2, "information"),
    ],
)
def test_thresholds_are_their_own_side(name, value, light):
    assert kpi(name).light(value) == light


@pytest.mark.parametrize(
    ("low", "high", "light"),
    [(0.91, 1.1, "green"), (0.5, 0.7, "red"), (0.82, 0.88, "amber"), (0.7, 0.95, "amber")],
)
def test_an_estimate_is_judged_by_its_whole_interval(low, high, light):
    assert kpi("impact-ratio").light((low + high) / 2, low, high) == light


def test_days_are_set_once_and_stay():
    red = {"outside-purpose": amounts.count(3, 10)}
    first = lines(red)["outside-purpose"]
    assert first.due == END + dt.timedelta(days=14)
    later = lines(red, today=END + dt.timedelta(days=30), due={"outside-purpose": first.due})
    assert later["outside-purpose"].due == first.due
    cured = lines({"outside-purpose": amounts.count(0, 10)}, due={"outside-purpose": first.due})
    assert cured["outside-purpose"].due is None


def test_lights_are_counted():
    found = lines_of.lights(tuple(lines({"outside-purpose": amounts.count(3, 10)}).values()))
    assert found["red"] == 1
    assert sum(found.values()) == len(kpis())


# ------------------------------------------------------------------ definitions


def test_every_definition_is_whole_in_two_languages():
    for each in kpis().values():
        assert set(each.title) == set(each.definition) == {"en", "zh"}, each.id
        assert each.section in sections()
        assert each.law
        assert set(each.law) <= set(articles()), each.id
        for text in (*each.source.split(", "), each.owner):
            assert word(text, "zh") != text, text


def test_an_indicator_is_named_as_defined():
    with pytest.raises(UnknownName, match=r"no indicator named 'covrage'.* 'coverage'"):
        kpi("covrage")


def test_what_is_not_measured_as_quality_measures_it_bears_another_name():
    """The dimensions of ``ws.quality`` rest on customers' rows, which no page may count."""
    titles = [title.lower() for each in kpis().values() for title in each.title.values()]
    assert "transactions with declared values" in titles
    for dimension in (*DIMENSIONS, "准确性", "完整性", "及时性", "一致性", "安全性"):
        assert [title for title in titles if title.endswith(dimension)] == []


@pytest.mark.parametrize(
    ("due", "week"),
    [
        ("2026-09-02", "2026-09-06"),  # past: the week it was due in
        ("2026-09-29", "2026-09-30"),  # past, in a week that has not ended: today
        ("2026-10-01", "2026-10-04"),  # not yet
    ],
)
def test_requests_are_due_in_a_week_and_none_tells_its_day(due, week):
    requests = pd.DataFrame(
        {
            "received_on": [pd.Timestamp("2026-08-01"), pd.Timestamp("2026-08-01")],
            "due_on": [pd.Timestamp(due), pd.Timestamp("2026-12-01")],
            "closed_on": [pd.NaT, pd.NaT],
        }
    )
    late, end = dt.date.fromisoformat(due) < END, dt.date.fromisoformat(week)
    assert amounts.requests_ageing(requests, END).due == end
    assert amounts.requests_overdue(requests, END).due == (end if late else None)
    assert amounts.requests_on_time(requests, END).due == (end if late else None)
