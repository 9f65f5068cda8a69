"""A series is paid once; a month of it is free exactly while nobody can be in two of its months."""

import datetime as dt
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.ledgers import NOW, answer_for, epsilon_for, make_ledger, order, spent

from workbench.errors import BudgetExhausted
from workbench.privacy.accounting import Cost
from workbench.privacy.budget import Series

ROWS = {"2026-07": "a", "2026-08": "b", "2026-09": "c"}
YEAR = dt.timedelta(days=366)


def month(text, rows=ROWS, cost=1000, version="v1", series="s"):
    """Return an order for one month of a series, told by versions of the months up to it."""
    told = {each: rows[each] for each in rows if each <= text}
    asked = order([series, text], cost, period=text, version=f"{version} {told}")
    return replace(asked, series=Series(series, text, told))


def drawn(ledger, *orders, now=NOW):
    """Pay for months and store their answers; return what each cost."""
    found = ledger.reserve(orders, share=None, now=now, label="it")
    ledger.store([(each, answer_for(each).to_json()) for each in found if not each.answer], now)
    return [each.cost.pico if each.answer is None else None for each in found]


@pytest.fixture
def ledger(tmp_path):
    return make_ledger(tmp_path)


def test_a_series_is_paid_once_however_many_months_and_in_whatever_order(ledger):
    assert drawn(ledger, month("2026-08"), month("2026-09")) == [1000, 0]
    assert drawn(ledger, month("2026-07")) == [0]
    later = {**ROWS, "2026-10": "d"}
    assert drawn(ledger, month("2026-10", later), month("2026-09", later)) == [0, None]
    assert spent(ledger) == 1000
    spends = list(ledger.chain.entries("spend"))
    assert [each.body["series"]["months"] for each in spends] == [
        ["2026-08"],
        ["2026-08", "2026-09"],
        ["2026-07", "2026-08", "2026-09"],
        ["2026-07", "2026-08", "2026-09", "2026-10"],
    ]
    assert {each.body["drawn_at"]["pico_rho"] for each in spends} == {1000}
    assert ledger.verify() > 0


@pytest.mark.parametrize(
    ("then", "why"),
    [
        (month("2026-09", {**ROWS, "2026-07": "late rows"}), "an earlier month changed"),
        (month("2026-09", {"2026-06": "x", **ROWS}), "there are rows of before now"),
        (month("2026-09", {"2026-08": "b", "2026-09": "c"}), "rows of before are gone"),
        (month("2026-08", version="v2"), "that month was drawn"),
        (month("2026-07", {"2026-07": "late rows"}), "a month before the drawn one changed"),
        (month("2026-09", cost=1001), "more exact"),
        (month("2026-09", series="another"), "another series"),
        (month("2026-09", {"": "another table", **ROWS}), "something else tells who is in it"),
    ],
)
def test_what_may_put_a_customer_into_two_months_is_a_series_of_its_own(ledger, then, why):
    assert drawn(ledger, month("2026-08")) == [1000]
    assert drawn(ledger, then) == [then.cost.pico], why


def test_rows_after_the_drawn_months_may_change(ledger):
    assert drawn(ledger, month("2026-08")) == [1000]
    assert drawn(ledger, month("2026-07")) == [0]
    assert drawn(ledger, month("2026-09", {**ROWS, "2026-09": "more"})) == [0]


def test_a_series_that_began_anew_goes_on_anew(ledger):
    drawn(ledger, month("2026-07"), month("2026-08"))
    changed = {**ROWS, "2026-07": "late rows"}
    assert drawn(ledger, *(month(each, changed) for each in sorted(changed))) == [1000, 0, 0]
    assert spent(ledger) == 2000
    assert drawn(ledger, month("2026-09")) == [0]  # of the first one, as its rows were


def test_a_smaller_price_is_served_by_the_dear_series(ledger):
    drawn(ledger, month("2026-08", cost=2000))
    assert drawn(ledger, month("2026-09", cost=500)) == [0]
    last = list(ledger.chain.entries("spend"))[-1]
    assert last.body["drawn_at"]["pico_rho"] == 2000


def test_free_months_stay_in_the_rolling_year_with_their_series_price(ledger):
    """The charge leaves the year; what was drawn by it within the year does not."""
    rows = {f"2026-{number:02}": "x" for number in range(1, 13)}
    drawn(ledger, month("2026-01", rows), now=NOW)
    half = NOW + YEAR / 2
    drawn(ledger, month("2026-02", rows), now=half)
    for now, expected in (
        (NOW + YEAR - dt.timedelta(seconds=1), 1000),
        (NOW + YEAR, 1000),
        (half + YEAR - dt.timedelta(seconds=1), 1000),
        (half + YEAR, 0),
    ):
        assert spent(ledger, "rolling year", now=now) == expected
    assert spent(ledger, now=half + YEAR) == 1000


def test_after_a_year_without_a_month_a_series_is_paid_anew(ledger):
    drawn(ledger, month("2026-07"))
    assert drawn(ledger, month("2026-08"), now=NOW + YEAR - dt.timedelta(seconds=1)) == [0]
    assert drawn(ledger, month("2026-09"), now=NOW + 2 * YEAR) == [1000]
    assert spent(ledger, "rolling year", now=NOW + 2 * YEAR) == 1000
    assert spent(ledger, now=NOW + 2 * YEAR) == 2000


def test_after_an_officers_word_no_series_goes_on(tmp_path):
    """What was drawn in a part that is lost nobody knows."""
    ledger = make_ledger(tmp_path)
    drawn(ledger, month("2026-08"))
    drawn(ledger, month("2026-07"))
    word = {"reason": "the clock was ahead by a day", "role": "officer", "who": "o"}
    ledger.set_clock(word, NOW - dt.timedelta(days=1))
    ledger.reserve([order("another", 5)], share=None, now=NOW, label="it")  # its sums name series
    assert drawn(ledger, month("2026-09"), now=NOW) == [1000]
    assert spent(ledger, now=NOW) == 2005


def test_a_crash_before_a_free_month_is_stored_is_taken_up(tmp_path):
    ledger = make_ledger(tmp_path)
    asked = [month("2026-08"), month("2026-09")]
    first = ledger.reserve(asked, share=None, now=NOW, label="it")
    again = make_ledger(tmp_path).reserve(asked, share=None, now=NOW, label="it")
    assert [each.seq for each in again] == [each.seq for each in first]
    assert [each.cost.pico for each in again] == [1000, 0]


def test_a_limit_that_does_not_cover_the_series_refuses_all_of_it(tmp_path):
    ledger = make_ledger(tmp_path, lifetime=epsilon_for(1500))
    drawn(ledger, month("2026-07"), month("2026-08"))
    with pytest.raises(BudgetExhausted):
        drawn(ledger, month("2026-09", {**ROWS, "2026-07": "late rows"}))
    assert drawn(ledger, month("2026-09")) == [0]  # also where nothing more would fit


def test_what_would_be_paid_is_told_before(ledger):
    asked = [month("2026-08"), month("2026-09")]
    assert [period for _, period in ledger.unanswered(asked, now=NOW)] == ["2026-08"]
    drawn(ledger, asked[0])
    assert ledger.unanswered(asked, now=NOW) == []
    assert len(ledger.unanswered(asked, now=NOW + 2 * YEAR)) == 1


def test_an_edition_with_a_free_month_stands_on_the_charge_of_its_series(ledger):
    drawn(ledger, month("2026-08"))
    before = ledger.head()[0]
    drawn(ledger, month("2026-09"))
    free = ledger.releases()[-1]
    assert ledger.spent_by([free]) == 1000
    assert ledger.spent_by([free], after=before) == 0
    assert ledger.spent_by(ledger.releases()) == 1000
    assert [each.pico for each in ledger.prices()] == [1000, 0]


@st.composite
def histories(draw):
    """Return what happens: rows that come and go, and months that are asked."""
    months = [f"2026-{number:02}" for number in range(1, 6)]
    return [
        (draw(st.sampled_from(["ask", "ask", "ask", "change"])), draw(st.sampled_from(months)),
         draw(st.frozensets(st.sampled_from("uvw"))))
        for _ in range(draw(st.integers(1, 14)))
    ]  # fmt: skip


@given(histories())
def test_nobody_is_in_two_months_of_one_charge_whatever_rows_come_and_go(tmp_path_factory, steps):
    """Who is counted in a month is those who are in it first of all months, as rows then were."""
    ledger = make_ledger(tmp_path_factory.mktemp("ledger"))
    people, counted = {}, {}
    for what, text, who in steps:
        if what == "change":
            people[text] = who
            continue
        rows = {each: str(sorted(some)) for each, some in people.items() if some}
        asked = month(text, rows)
        (reserved,) = ledger.reserve([asked], share=None, now=NOW, label="it")
        if reserved.answer is not None:
            continue
        ledger.store([(reserved, answer_for(reserved).to_json())], NOW)
        entry = list(ledger.chain.entries("spend"))[-1]
        before = frozenset().union(*(some for each, some in people.items() if each < text))
        first = people.get(text, frozenset()) - before
        mates = counted.setdefault(entry.body["series"]["paid"], set())
        assert not mates & first
        mates |= first
    assert spent(ledger) == 1000 * len(counted)
    assert ledger.verify() >= 0


def test_sums_without_a_series_hold_none(ledger):
    ledger.reserve([order("q", Cost(5))], share=None, now=NOW, label="it")
    (spend,) = ledger.chain.entries("spend")
    assert "series" not in spend.body["sums"]
    assert "series" not in spend.body
