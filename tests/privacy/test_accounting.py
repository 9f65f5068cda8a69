"""Costs: whole numbers, sums that are exact, and conversions that published figures agree with."""

import math
import sys
from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from workbench.errors import InputError, QuestionRefused
from workbench.privacy.accounting import (
    PICO,
    Cost,
    epsilon_of,
    pico_of,
    pld_epsilon,
    price,
    rho_fraction,
)

DELTA = Decimal("1e-6")


def test_a_tenth_and_two_tenths_are_three_tenths():
    parts = [price(rho=each, delta=DELTA) for each in ("0.1", 0.2)]
    assert sum(part.pico for part in parts) == price(rho="0.3", delta=DELTA).pico == 3 * PICO // 10
    assert rho_fraction(parts[0].pico) + rho_fraction(parts[1].pico) == Fraction(3, 10)


@given(st.lists(st.integers(1, 999_999_999_999), min_size=1, max_size=50))
def test_sums_of_rho_are_exact_in_any_order(picos):
    texts = [str(Decimal(each).scaleb(-12)) for each in picos]
    total = Cost(0)
    for text in reversed(texts):
        total += price(rho=text, delta=DELTA)
    assert rho_fraction(total.pico) == sum(map(Fraction, texts))


def test_conversion_matches_canonne_kamath_steinke_2020_corollary_13_at_any_alpha():
    """The best alpha is no worse than any other, and the bound is the corollary's own formula."""
    rho, delta = 0.5, 1e-6
    ours = epsilon_of(PICO // 2, delta)
    for alpha in (1.5, 2, 4, 6.25, 8, 20, 100):
        # delta = exp((a-1)(a rho - epsilon)) / (a-1) * (1 - 1/a)^a, solved for epsilon
        theirs = alpha * rho + (alpha * math.log1p(-1 / alpha) - math.log((alpha - 1) * delta)) / (
            alpha - 1
        )
        assert ours <= theirs + 1e-9


@pytest.mark.parametrize(("rho", "delta"), [(0.001, 1e-6), (0.1, 1e-5), (0.5, 1e-6), (2.0, 1e-9)])
def test_conversion_lies_between_the_exact_gaussian_and_bun_steinke_2016(rho, delta):
    """Gaussian noise of this rho has an exact curve (Balle & Wang 2018, Theorem 8): a floor."""
    epsilon = epsilon_of(int(rho * PICO), delta)
    assert epsilon < rho + 2 * math.sqrt(rho * math.log(1 / delta))
    assert _gaussian_delta(epsilon, rho) <= delta
    assert _gaussian_delta(epsilon * 0.85, rho) > delta


def _gaussian_delta(epsilon, rho):
    shift = math.sqrt(2 * rho)  # sensitivity over sigma
    upper = math.erfc((epsilon / shift - shift / 2) / math.sqrt(2)) / 2
    lower = math.erfc((epsilon / shift + shift / 2) / math.sqrt(2)) / 2
    return upper - math.exp(epsilon) * lower


@pytest.mark.parametrize("rho", [0.0001, 0.02434, 0.5, 1.7])
@pytest.mark.parametrize("delta", [1e-6, 1e-9])
def test_conversion_agrees_with_dp_accounting(rho, delta):
    rdp = pytest.importorskip("dp_accounting.rdp")
    orders = [1 + math.exp(step / 50) for step in range(-300, 700)]
    theirs, _ = rdp.compute_epsilon(orders, [order * rho for order in orders], delta)
    ours = epsilon_of(int(rho * PICO), delta)
    assert ours == pytest.approx(theirs, rel=2e-3)
    assert ours <= theirs + 1e-6  # theirs looks at a grid of orders, ours at all


@given(st.decimals("0.01", "30", places=3), st.sampled_from([1e-5, 1e-6, 1e-9]))
def test_the_largest_cost_within_an_epsilon_is_found(epsilon, delta):
    pico = pico_of(epsilon, delta)
    assert epsilon_of(pico, delta) <= float(epsilon) < epsilon_of(pico + 1 + pico // 10**9, delta)


def test_nothing_costs_nothing_and_no_delta_promises_nothing():
    assert epsilon_of(0, 1e-6) == 0.0
    assert epsilon_of(1, 0.0) == math.inf


def test_480_answers_in_a_year_fit_epsilon_1_with_noise_below_99_4():
    each = pico_of(Decimal(1), 1e-6) // 480
    noise_sd = math.sqrt(1 / (2 * each / PICO))
    assert 99.2 < noise_sd <= 99.4
    assert epsilon_of(480 * each, 1e-6) <= 1


def test_a_pure_answer_costs_half_its_square_rounded_up():
    """Bun & Steinke 2016, Proposition 1.4."""
    assert price("0.1", pure=True, delta=DELTA) == Cost(5 * 10**9, Fraction(0), Fraction(1, 10))
    third = price("0.333333333", pure=True, delta=DELTA)
    assert rho_fraction(third.pico - 1) < third.pure_epsilon**2 / 2 <= rho_fraction(third.pico)


def test_a_pure_answer_offered_rho_gets_no_more_than_it_pays_for():
    offered = price(rho="0.1", pure=True, delta=DELTA)
    assert offered.pure_epsilon**2 / 2 <= Fraction(1, 10)
    assert float(offered.pure_epsilon) == pytest.approx(math.sqrt(0.2))


def test_a_pure_answer_alone_is_told_by_its_own_epsilon():
    small = price("0.1", pure=True, delta=DELTA)
    assert small.epsilon_at(DELTA) == 0.1 < epsilon_of(small.pico, 1e-6)
    assert (small + small).pure_epsilon == Fraction(1, 5)
    assert (small + price("0.1", delta=DELTA)).pure_epsilon is None


def test_a_failure_of_its_own_comes_out_of_delta():
    half = price(1, delta=DELTA, own_delta=Fraction(1, 2 * 10**6))
    assert half.delta == Fraction(1, 2_000_000)
    assert half.pico == pico_of(Decimal(1), 5e-7) < price(1, delta=DELTA).pico
    assert half.epsilon_at(DELTA) == pytest.approx(1, abs=1e-6)
    assert (half + half).epsilon_at(DELTA) == math.inf


@pytest.mark.parametrize("own", [Fraction(1, 10**6), Fraction(1), Fraction(-1, 10**9)])
def test_a_failure_as_likely_as_delta_is_refused(own):
    with pytest.raises(QuestionRefused, match=r"does not fit the catalog's delta"):
        price(1, delta=DELTA, own_delta=own)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({}, "exactly one of the two"),
        ({"epsilon": 1, "rho": 1}, "exactly one of the two"),
        ({"epsilon": 0}, "above 0"),
        ({"epsilon": -0.5}, "above 0"),
        ({"epsilon": float("nan")}, "finite number above 0"),
        ({"epsilon": float("inf")}, "finite number above 0"),
        ({"rho": "much"}, "must be a number above 0, not 'much'"),
        ({"epsilon": True}, "must be a number above 0"),
        ({"epsilon": 1001}, "protects nobody"),
        ({"rho": "1e-13"}, "too small"),
    ],
)
def test_prices_that_are_none_are_refused(given, message):
    with pytest.raises(QuestionRefused, match=message):
        price(**given, delta=DELTA)


def test_the_second_figure_is_tighter_for_gaussian_answers():
    pytest.importorskip("dp_accounting")
    paid = [price(rho="0.001", delta=DELTA)] * 24
    ours = epsilon_of(24 * paid[0].pico, 1e-6)
    assert 0.9 * ours < pld_epsilon(paid, DELTA) < ours
    assert pld_epsilon(paid, DELTA) == pytest.approx(ours / 1.072, rel=0.03)  # see Balle & Wang


def test_the_second_figure_composes_pure_answers_and_failures():
    pytest.importorskip("dp_accounting")
    pure = [price("0.1", pure=True, delta=DELTA)]
    assert pld_epsilon(pure, DELTA) == pytest.approx(0.1, abs=1e-3)
    assert pld_epsilon(pure * 3, DELTA) == pytest.approx(0.3, abs=1e-3)
    gaussian = [price(rho="0.001", delta=DELTA)]
    alone = pld_epsilon(gaussian, DELTA)
    assert alone < pld_epsilon(gaussian + pure, DELTA) < alone + 0.1
    failing = [Cost(gaussian[0].pico, Fraction(1, 2 * 10**6))]
    assert pld_epsilon(failing, DELTA) == pytest.approx(pld_epsilon(gaussian, 5e-7), rel=1e-6)
    assert pld_epsilon(failing * 2, DELTA) == math.inf
    assert pld_epsilon([], DELTA) == 0.0


def test_the_second_figure_says_how_to_install_it(monkeypatch):
    monkeypatch.setitem(sys.modules, "dp_accounting", None)
    monkeypatch.setitem(sys.modules, "dp_accounting.pld", None)
    with pytest.raises(InputError, match=r"pip install 'workbench\[accounting\]'"):
        pld_epsilon([Cost(1)], DELTA)
