"""The law file: every line has a source, and says whether its wording was compared."""

import datetime as dt

import pytest

from workbench.errors import UnknownName
from workbench.lifecycle import law


def utc(*parts):
    return dt.datetime(*parts, tzinfo=dt.UTC)


def test_every_clock_names_an_act_a_duty_in_both_languages_and_when_it_was_checked():
    for clock in law.clocks():
        assert clock.law in law.laws()
        assert set(clock.says) == {"en", "zh"}
        assert (clock.checked is None) == (clock.checked_in == "")
        times = (clock.hours, clock.days, clock.working_days, clock.months)
        assert sum(time is not None for time in times) == 1


def test_every_act_has_a_source_and_a_day_it_came_into_force():
    for each in law.laws().values():
        assert each.source.startswith("http")
        assert each.in_force <= dt.date.fromisoformat(law.version())


def test_a_line_nobody_compared_is_printed_with_a_star():
    assert law.cite(["GDPR 33", "GDPR 5(1)e"]) == "GDPR 33; GDPR 5(1)e*"


def test_a_provision_is_named_as_the_file_names_it():
    with pytest.raises(UnknownName, match="no provision named 'GDPR 3'"):
        law.cite(["GDPR 3"])


def test_a_clock_is_named_as_the_file_names_it():
    with pytest.raises(UnknownName, match=r"Did you mean 'gdpr-authority'"):
        law.clock("gdpr-autority")


@pytest.mark.parametrize(
    ("clock", "start", "due"),
    [
        ("gdpr-authority", (2026, 3, 28, 10), (2026, 3, 31, 10)),
        ("gdpr-request", (2026, 1, 31), (2026, 2, 28)),  # a calendar month, not 30 days
        ("gdpr-request", (2026, 7, 1), (2026, 8, 1)),
        ("pipl-request", (2026, 9, 4), (2026, 9, 25)),  # 15 working days from a Friday
        ("cirm-operator", (2026, 9, 30, 22), (2026, 10, 1, 2)),
        ("cirm-closing", (2026, 1, 15), (2026, 2, 14)),
        ("pipl-authority", (2026, 5, 5, 5), (2026, 5, 5, 5)),  # at once
    ],
)
def test_clocks_run_out_when_the_law_says(clock, start, due):
    assert law.clock(clock).due(utc(*start)) == utc(*due)


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
