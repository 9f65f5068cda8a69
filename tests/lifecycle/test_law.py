"""The law file: every line has a source, and says whether its wording was compared."""

import datetime as dt

import pytest

from workbench.analytics.kpis import kpis
from workbench.errors import UnknownName
from workbench.lifecycle import law


def utc(*parts):
    return dt.datetime(*parts, tzinfo=dt.UTC)


def lines():
    """Every line of the file that says something a law says, by a name to show."""
    yield from ((name, dict(line)) for name, line in law.articles().items())
    yield from ((name, dict(line)) for name, line in law.thresholds().items())
    yield from ((each.id, vars(each)) for each in law.clocks())


def test_every_clock_names_an_act_a_duty_in_both_languages_and_one_time():
    for clock in law.clocks():
        assert clock.law in law.laws()
        assert set(clock.says) == {"en", "zh"}
        times = (clock.hours, clock.days, clock.working_days, clock.months)
        assert sum(time is not None for time in times) == 1


def test_every_act_has_a_source_and_a_day_it_came_into_force():
    for each in law.laws().values():
        assert each.source.startswith("http")
        assert each.in_force <= dt.date.fromisoformat(law.version())


def test_every_provision_is_of_an_act_of_the_file():
    acts = {name.split()[0] for name in law.articles()}
    assert acts == set(law.laws())


@pytest.mark.parametrize("clock", law.clocks(), ids=lambda clock: clock.id)
def test_every_clock_rests_on_provisions_of_the_file(clock):
    assert {clock.article, *clock.rests_on} <= set(law.articles())
    assert clock.article.split()[0] == clock.law


@pytest.mark.parametrize("name", law.thresholds())
def test_every_threshold_rests_on_a_provision_of_the_file(name):
    line = law.thresholds()[name]
    assert line["article"] in law.articles()
    assert line["article"].split()[0] == line["law"]


@pytest.mark.parametrize("indicator", kpis().values(), ids=lambda indicator: indicator.id)
def test_every_indicator_points_to_provisions_that_were_compared(indicator):
    assert indicator.law
    assert "*" not in law.cite(indicator.law)


def test_a_line_was_compared_on_a_day_in_a_copy_or_neither():
    version = dt.date.fromisoformat(law.version())
    used = set()
    for name, line in lines():
        checked, where = line.get("checked"), line.get("checked_in", "")
        assert (checked is None) == (where == ""), name
        if where:
            assert where in law.copies(), name
            assert checked <= version, name
            used.add(where)
    assert used == set(law.copies()) - {"days-off"}  # that one is of the calendar


def test_clocks_and_thresholds_were_all_compared():
    recalled = [name for name, line in lines() if line.get("checked") is None]
    assert recalled == ["NDSR 12", "NDSR 21", "NDSR 23", "NDSR 27"]  # their text is not at hand


def test_a_line_nobody_compared_is_printed_with_a_star():
    assert law.cite(["GDPR 33", "NDSR 23"]) == "GDPR 33; NDSR 23*"


def test_a_provision_is_named_as_the_file_names_it():
    with pytest.raises(UnknownName, match="no provision named 'GDPR 3'"):
        law.cite(["GDPR 3"])


def test_a_clock_is_named_as_the_file_names_it():
    with pytest.raises(UnknownName, match=r"Did you mean 'gdpr-authority'"):
        law.clock("gdpr-autority")


@pytest.mark.parametrize(
    ("clock", "start", "due"),
    [
        ("gdpr-authority", (2026, 3, 28, 10), (2026, 3, 31, 10)),  # through a weekend
        ("cirm-operator", (2026, 9, 30, 22), (2026, 10, 1, 2)),  # into a holiday
        ("cirm-critical", (2026, 12, 31, 23, 30), (2027, 1, 1, 0, 30)),
        ("cirm-closing", (2026, 1, 15), (2026, 2, 14)),  # 30 days, whatever the month
        ("pipl-authority", (2026, 5, 5, 5), (2026, 5, 5, 5)),  # at once
    ],
)
def test_incident_clocks_run_through_nights_weekends_and_holidays(clock, start, due):
    assert law.clock(clock).due(utc(*start)) == utc(*due)


@pytest.mark.parametrize(
    ("start", "due"),
    [
        ((2026, 7, 1), (2026, 8, 3)),  # 1 August is a Saturday
        ((2025, 1, 31), (2025, 2, 28)),  # a calendar month, not 30 days
        ((2026, 1, 31), (2026, 3, 2)),  # 28 February is a Saturday
        ((2028, 1, 31), (2028, 2, 29)),
        ((2026, 8, 31), (2026, 9, 30)),
    ],
)
def test_a_month_ends_as_regulation_1182_71_article_3_says(start, due):
    assert law.clock("gdpr-request").due(utc(*start)) == utc(*due)


def test_holidays_of_the_place_put_a_month_off_as_regulation_1182_71_article_3_4_says():
    easter = [dt.date(2026, 4, 3), dt.date(2026, 4, 6)]  # Good Friday, Easter Monday
    assert law.clock("gdpr-request").due(utc(2026, 3, 3), easter) == utc(2026, 4, 7)


@pytest.mark.parametrize(
    ("start", "due"),
    [
        ((2026, 2, 10), (2026, 3, 9)),  # nine days of Spring Festival, two Saturdays worked
        ((2026, 9, 1), (2026, 9, 21)),  # Sunday 20 September is worked
        ((2026, 9, 4), (2026, 9, 24)),
        ((2026, 9, 21), (2026, 10, 19)),  # Mid-Autumn, National Day, Saturday 10 October worked
        ((2025, 9, 26), (2025, 10, 23)),  # eight days, Sunday 28 September and 11 October worked
    ],
)
def test_working_days_are_those_of_the_state_councils_notices_for_2025_and_2026(start, due):
    assert law.clock("pipl-request").due(utc(*start)) == utc(*due)


def test_a_calendars_year_is_not_changed_by_holidays_of_another_place():
    christmas = [dt.date(2026, 12, 24), dt.date(2026, 12, 25)]
    assert law.clock("pipl-request").due(utc(2026, 12, 8), christmas) == utc(2026, 12, 29)


def test_a_year_without_a_notice_leaves_out_weekends_and_the_workspaces_holidays():
    spring = [dt.date(2027, 2, day) for day in range(5, 13)]
    assert law.clock("pipl-request").due(utc(2027, 2, 1)) == utc(2027, 2, 22)
    assert law.clock("pipl-request").due(utc(2027, 2, 1), spring) == utc(2027, 3, 2)


def test_a_notice_names_thirty_three_days_off_for_2026():
    days = [dt.date(2026, 1, 1) + dt.timedelta(each) for each in range(365)]
    worked = [day for day in days if law.is_working_day(day, calendar="CN")]
    weekends = sum(day.weekday() >= 5 for day in days)
    # 33 days are named, 14 of them Saturdays or Sundays; six weekend days are worked instead
    assert len(worked) == 365 - weekends - 19 + 6
    assert dt.date(2026, 2, 16) not in worked


@pytest.mark.parametrize(
    ("clock", "facts", "applies"),
    [
        ("cirm-operator", {"subjects": 999_999}, False),
        ("cirm-operator", {"subjects": 1_000_000}, True),
        ("cirm-operator", {"subjects": None}, True),  # not known: the worse case
        ("cirm-operator", {"cyber": False}, False),
        ("cirm-operator", {"critical_infrastructure": True, "subjects": 10**7}, False),
        ("cirm-critical", {"critical_infrastructure": True}, True),
        ("gdpr-subjects", {"high_risk": False}, False),
        ("gdpr-subjects", {}, True),
    ],
)
def test_clocks_apply_by_the_facts(clock, facts, applies):
    assert law.clock(clock).applies({"personal_data": True, **facts}) is applies
