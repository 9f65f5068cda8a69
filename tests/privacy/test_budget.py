"""Limits: what decides is whole numbers, what is shown is epsilon."""

import datetime as dt
import math
from decimal import Decimal
from fractions import Fraction

import pytest
from support.ledgers import DELTA, NOW, WIDE, epsilon_for, make_ledger, reserve, spend, spent

from workbench.catalog import Limits
from workbench.errors import BudgetExhausted
from workbench.privacy.accounting import PICO, Cost, epsilon_of, pico_of, price
from workbench.privacy.budget import Share, Standing, paced_before
from workbench.store.logs import chain

LIMITS = Limits(month=2, year=8, lifetime=24)


def lines(ledger, period="2026-09", now=NOW, share=None):
    return {line.scope: line for line in ledger.status(period, now, share)}


def test_a_tenth_and_two_tenths_fit_in_three_tenths_and_nothing_after(tmp_path):
    limit = epsilon_for(3 * PICO // 10)
    ledger = make_ledger(tmp_path, month=limit)
    spend(ledger, 1, price(rho="0.1", delta=DELTA))
    spend(ledger, 2, price(rho="0.2", delta=DELTA))
    line = lines(ledger)["2026-09"]
    assert (line.spent_pico, line.left_pico, line.left) == (3 * PICO // 10, 0, 0.0)
    with pytest.raises(BudgetExhausted):
        spend(ledger, 3, Cost(1))
    assert spent(ledger) == 3 * PICO // 10


def test_one_pico_too_much_is_refused(tmp_path):
    limit = epsilon_for(3 * PICO // 10)
    ledger = make_ledger(tmp_path, month=limit)
    spend(ledger, 1, price(rho="0.1", delta=DELTA))
    with pytest.raises(BudgetExhausted):
        spend(ledger, 2, price(rho="0.200000000001", delta=DELTA))
    spend(ledger, 3, price(rho="0.2", delta=DELTA))


def test_each_limit_has_its_own_reach(tmp_path):
    ledger = make_ledger(tmp_path, *map(epsilon_for, (100_000, 250_000, 10**6)))
    for number, period in enumerate(("2026-08", "2026-09")):
        spend(ledger, number, 100_000, period=period)
    with pytest.raises(BudgetExhausted, match=r"left for 2026-09"):
        spend(ledger, "more", 1, period="2026-09")
    with pytest.raises(BudgetExhausted, match=r"left for rolling year"):
        spend(ledger, "more", 50_001, period="2026-07")
    later = NOW + dt.timedelta(days=366)
    for number, (period, now) in enumerate((("2027-09", later), ("2027-08", later))):
        spend(ledger, f"later {number}", 100_000, period=period, now=now)
    with pytest.raises(BudgetExhausted, match=r"left for rolling year"):
        spend(ledger, "last", 100_000, period="2027-10", now=later)
    assert spent(ledger, now=later) == 400_000


def test_the_lifetime_is_for_life(tmp_path):
    ledger = make_ledger(tmp_path, lifetime=epsilon_for(2500))
    for year in range(2):
        spend(ledger, year, 1000, period=f"{2026 + year}-09", now=NOW + year * dt.timedelta(400))
    with pytest.raises(BudgetExhausted, match="left for lifetime"):
        spend(ledger, "third", 1000, period="2028-09", now=NOW + dt.timedelta(800))


def test_the_year_rolls_over_after_366_days_by_the_ledgers_own_times(tmp_path):
    ledger = make_ledger(tmp_path)
    spend(ledger, 1)
    just_before = NOW + dt.timedelta(days=366) - dt.timedelta(microseconds=1)
    assert spent(ledger, "rolling year", now=just_before) == 1000
    assert spent(ledger, "rolling year", now=just_before + dt.timedelta(microseconds=1)) == 0
    assert spent(ledger, "lifetime", now=just_before + dt.timedelta(days=9999)) == 1000


def test_a_clock_a_little_behind_does_not_shift_the_year(tmp_path):
    ledger = make_ledger(tmp_path)
    spend(ledger, 1)
    spend(ledger, 2, now=NOW - dt.timedelta(minutes=4))
    assert spent(ledger, "rolling year", now=NOW + dt.timedelta(days=365, hours=23)) == 2000
    times = [entry.at for entry in ledger.chain.entries("spend")]
    assert times == [NOW, NOW]


def test_a_report_has_its_share_within_a_period(tmp_path):
    ledger = make_ledger(tmp_path)
    mine, yours = (Share(name, epsilon_for(1500)) for name in ("mine", "yours"))
    spend(ledger, 1, share=mine)
    with pytest.raises(BudgetExhausted, match=r"left for report mine 2026-09"):
        spend(ledger, 2, share=mine)
    spend(ledger, 3, share=yours)
    spend(ledger, 4, share=mine, period="2026-08")
    spend(ledger, 5)
    assert spent(ledger, "report mine 2026-09", share=mine) == 1000
    assert spent(ledger, "report yours 2026-09", share=yours) == 1000
    assert spent(ledger, "2026-09") == 3000


def test_a_refused_question_leaves_no_trace(tmp_path):
    ledger = make_ledger(tmp_path, month=epsilon_for(1500))
    spend(ledger, 1)
    head = ledger.head()
    with pytest.raises(BudgetExhausted):
        reserve(ledger, 2)
    assert ledger.head() == head


def test_a_refusal_says_what_was_asked_what_is_left_and_what_to_do(tmp_path):
    ledger = make_ledger(tmp_path, month=Decimal("0.5"))
    with pytest.raises(BudgetExhausted) as refusal:
        reserve(ledger, 1, price(1, delta=DELTA), name="spend-by-region")
    text = str(refusal.value)
    assert "needs epsilon 1.00 for 'spend-by-region'; 0.50 of 0.50 is left for 2026-09" in text
    assert "reuse an answer" in text


def test_failures_of_single_answers_shrink_what_delta_is_left_for_the_rest(tmp_path):
    ledger = make_ledger(tmp_path, month=Decimal(1))
    whole = pico_of(Decimal(1), 1e-6)
    spend(ledger, 1, Cost(1000, Fraction(9, 10**7)))
    line = lines(ledger)["2026-09"]
    assert line.limit_pico == pico_of(Decimal(1), float(Fraction(1, 10**7))) < whole
    assert line.spent == epsilon_of(1000, line.delta - line.own_delta)
    with pytest.raises(BudgetExhausted):  # no delta would be left for the conversion
        spend(ledger, 2, Cost(1, Fraction(1, 10**7)))
    with pytest.raises(BudgetExhausted):  # the rest does not fit at what would be left of delta
        spend(ledger, 3, Cost(line.left_pico, Fraction(1, 10**8)))
    spend(ledger, 4, Cost(line.left_pico))


def test_pure_answers_compose_with_the_others(tmp_path):
    ledger = make_ledger(tmp_path, month=epsilon_for(10**10))
    spend(ledger, 1, price("0.1", pure=True, delta=DELTA))
    assert spent(ledger, "2026-09") == 7853982301
    spend(ledger, 2, price(rho="0.002", delta=DELTA))
    with pytest.raises(BudgetExhausted):
        spend(ledger, 3, price("0.02", pure=True, delta=DELTA))
    assert ledger.prices() == [Cost(7853982301, Fraction(0), Fraction(1, 10)), Cost(2 * 10**9)]


def test_480_answers_in_a_year_fit_epsilon_1_and_the_next_does_not():
    standing, each = Standing(), pico_of(Decimal(1), 1e-6) // 480
    limits = Limits(month=1, year=1, lifetime=24)
    for _ in range(480):
        assert all(line.covers(Cost(each)) for line in standing.lines(limits, DELTA, "2026-09"))
        standing = Standing(*(spent + Cost(each) for spent in _three(standing)))
    assert not standing.lines(limits, DELTA, "2026-09")[1].covers(Cost(each))
    assert math.sqrt(1 / (2 * each / PICO)) <= 92.7


def _three(standing):
    return standing.lifetime, standing.year, standing.period


def test_a_loss_counts_for_the_period_and_every_report_in_it():
    standing = Standing(Cost(50), Cost(50), Cost(10), {"known": Cost(3)}, Cost(7))
    for report, expected in (("known", 10), ("unknown", 7)):
        share = Share(report, Decimal(1))
        found = standing.lines(LIMITS, DELTA, "2026-09", share)
        assert [line.spent_pico for line in found] == [expected, 17, 50, 50]


def test_a_loss_may_have_been_about_any_period_but_a_later_one():
    assert paced_before("2026-10", NOW)
    assert paced_before("2019-01", NOW)
    assert not paced_before("2026-11", NOW)
    assert paced_before("2026-W51", NOW)  # not understood, so it counts


@pytest.mark.parametrize("value", [Cost(), Cost(10**15, Fraction(1, 3)), Cost(1, Fraction(0))])
def test_sums_come_back_as_they_were_written(value):
    assert Cost.from_json(value.to_json()) == value


def _from_before(monkeypatch):
    """Write entries as they were before costs were Gaussian."""
    append = chain.Writer.append

    def without(content):
        if not isinstance(content, dict):
            return content
        return {key: without(each) for key, each in content.items() if key != "gaussian"}

    def old(self, kind, body, **more):
        return append(self, kind, without(dict(body)), **more)

    monkeypatch.setattr(chain.Writer, "append", old)


def test_a_ledger_begun_before_costs_were_gaussian_keeps_its_conversion(tmp_path, monkeypatch):
    """Which of two limits holds must not depend on answers: it is told by the first charge."""
    whole = pico_of(Decimal(1), 1e-6, gaussian=False)
    with monkeypatch.context() as patch:
        _from_before(patch)
        spend(make_ledger(tmp_path, month=Decimal(1)), 1, Cost(whole // 2, gaussian=False))
    ledger = make_ledger(tmp_path, month=Decimal(1))
    assert not ledger.gaussian
    for period, now in (("2026-09", NOW), ("2028-09", NOW + 2 * dt.timedelta(days=366))):
        month, year, life = ledger.status(period, now)
        assert month.limit_pico == whole < pico_of(Decimal(1), 1e-6)
        assert year.limit_pico == life.limit_pico == pico_of(WIDE, 1e-6, gaussian=False)
        assert life.spent == epsilon_of(whole // 2, 1e-6, gaussian=False)
    spend(ledger, 2, Cost(whole // 2, gaussian=False))
    with pytest.raises(BudgetExhausted):
        spend(ledger, 3, Cost(2, gaussian=False))
    assert ledger.verify() > 0
    assert [each["epsilon"] for each in ledger.summary()] == [
        round(epsilon_of(whole // 2, 1e-6, gaussian=False), 4)
    ] * 2


def test_a_ledger_begun_today_is_gaussian_and_one_that_spent_nothing_too(tmp_path):
    ledger = make_ledger(tmp_path, month=Decimal(1))
    assert ledger.gaussian
    spend(ledger, 1)
    assert ledger.gaussian
    assert lines(ledger)["2026-09"].limit_pico == pico_of(Decimal(1), 1e-6)
