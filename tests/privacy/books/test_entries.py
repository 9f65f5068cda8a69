"""What counts in the rolling year after an officer's word that the clock had been ahead."""

import datetime as dt

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.ledgers import NOW, make_ledger, spend, spent

from workbench.errors import LedgerError

YEARS = dt.timedelta(days=5 * 366)
YEAR = dt.timedelta(days=366)
WORD = {"reason": "The battery died.", "role": "officer"}


def test_after_a_clock_years_ahead_things_go_again_and_what_was_spent_counts(tmp_path):
    ledger = make_ledger(tmp_path)
    spend(ledger, 1)
    spend(ledger, "by the wrong clock", period="2031-10", now=NOW + YEARS)
    with pytest.raises(LedgerError, match=r"2026-10-02.*entry 3 of the ledger.*2031-10.*--clock"):
        spend(ledger, 2)
    assert ledger.set_clock(WORD, NOW) == NOW + YEARS
    assert (spent(ledger, "2026-09"), spent(ledger, "rolling year")) == (1000, 2000)
    assert spent(ledger, "2026-10", period="2026-10") == 1000  # of a month that has not come
    spend(ledger, 2)
    assert spent(ledger, "rolling year") == spent(ledger, "lifetime") == 3000
    assert spent(ledger, "rolling year", now=NOW + YEAR) == 1000  # the late one alone
    assert spent(ledger, "rolling year", now=NOW + YEARS + YEAR) == 0
    assert ledger.set_clock(WORD, NOW) is None
    ledger.verify()


@settings(max_examples=10, deadline=None)
@given(st.lists(st.integers(-900, 900), min_size=1, max_size=8), st.integers(0, 3000))
def test_nothing_ever_leaves_the_year_before_its_time(tmp_path_factory, jumps, later):
    """Whatever clocks show and officers say, what was booked at a time counts for a year after."""
    ledger, now, booked = make_ledger(tmp_path_factory.mktemp("ledger")), NOW, []
    for number, jump in enumerate([0, *jumps]):
        now = max(NOW, now + dt.timedelta(days=jump))
        ledger.set_clock(WORD, now) if booked else None
        spend(ledger, number, 10, now=now)
        booked.append(now)
    at = NOW + dt.timedelta(days=later)
    assert spent(ledger, "rolling year", now=at) == 10 * sum(each > at - YEAR for each in booked)
    assert spent(ledger, "lifetime", now=at) == spent(ledger, now=at) == 10 * len(booked)
    ledger.verify()
