"""Costs: whole numbers, sums that are exact, and conversions that published figures agree with."""

import math
import sys
from decimal import Decimal
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.special import log_ndtr, ndtr, ndtri

from workbench.errors import InputError, QuestionRefused
from workbench.privacy.accounting import (
    PICO,
    PURE_AS_GAUSSIAN,
    SLACK,
    Cost,
    epsilon_of,
    pico_of,
    pld_epsilon,
    price,
    rho_fraction,
)
from workbench.privacy.engine.answering import ROUNDING

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
    ours = epsilon_of(PICO // 2, delta, gaussian=False)
    for alpha in (1.5, 2, 4, 6.25, 8, 20, 100):
        # delta = exp((a-1)(a rho - epsilon)) / (a-1) * (1 - 1/a)^a, solved for epsilon
        theirs = alpha * rho + (alpha * math.log1p(-1 / alpha) - math.log((alpha - 1) * delta)) / (
            alpha - 1
        )
        assert ours <= theirs + 1e-9


@pytest.mark.parametrize(("rho", "delta"), [(0.001, 1e-6), (0.1, 1e-5), (0.5, 1e-6), (2.0, 1e-9)])
def test_conversion_of_zcdp_lies_between_the_exact_gaussian_and_bun_steinke_2016(rho, delta):
    """Gaussian noise of this rho has an exact curve (Balle & Wang 2018, Theorem 8): a floor."""
    epsilon = epsilon_of(int(rho * PICO), delta, gaussian=False)
    assert (
        epsilon_of(int(rho * PICO), delta)
        < epsilon
        < rho + 2 * math.sqrt(rho * math.log(1 / delta))
    )
    assert _gaussian_delta(epsilon, rho) <= delta
    assert _gaussian_delta(epsilon * 0.85, rho) > delta


def _gaussian_delta(epsilon, rho):
    shift = math.sqrt(2 * rho)  # sensitivity over sigma
    upper = math.erfc((epsilon / shift - shift / 2) / math.sqrt(2)) / 2
    lower = math.erfc((epsilon / shift + shift / 2) / math.sqrt(2)) / 2
    return upper - math.exp(epsilon) * lower


@pytest.mark.parametrize("rho", [0.0001, 0.02434, 0.5, 1.7])
@pytest.mark.parametrize("delta", [1e-6, 1e-9])
def test_conversion_of_zcdp_agrees_with_dp_accounting(rho, delta):
    rdp = pytest.importorskip("dp_accounting.rdp")
    orders = [1 + math.exp(step / 50) for step in range(-300, 700)]
    theirs, _ = rdp.compute_epsilon(orders, [order * rho for order in orders], delta)
    ours = epsilon_of(int(rho * PICO), delta, gaussian=False)
    assert ours == pytest.approx(theirs, rel=2e-3)
    assert ours <= theirs + 1e-6  # theirs looks at a grid of orders, ours at all


@pytest.mark.parametrize("rho", [1e-7, 0.0001, 0.028, 1.2, 7.0, 150.0, 400.0])
@pytest.mark.parametrize("delta", [1e-4, 1e-6, 1e-9, 1e-12])
def test_conversion_of_gaussian_answers_is_balle_wang_2018_theorem_8(rho, delta):
    """The curve, by log-probabilities of SciPy, which know no underflow: met, and never passed."""
    epsilon = epsilon_of(int(rho * PICO), delta)
    mu = math.sqrt(2 * int(rho * PICO) / PICO)

    def curve(at):
        far = float(log_ndtr(-at / mu - mu / 2))
        return float(ndtr(-at / mu + mu / 2)) - math.exp(at + far)

    assert curve(epsilon) <= delta
    # beyond the reach of floats it is taken for a little more than it is
    assert epsilon == 0 or curve(epsilon * (1 - 1e-6) if rho < 300 else epsilon * 0.99) > delta


@pytest.mark.parametrize(
    ("epsilon", "gain"), [("1", 1.150), ("2", 1.140), ("3", 1.134), ("8", 1.115)]
)
def test_gaussian_accounting_is_worth_11_to_15_percent_of_the_budget(epsilon, gain):
    now, before = (pico_of(Decimal(epsilon), 1e-6, known) for known in (True, False))
    assert now / before == pytest.approx(gain, abs=6e-4)


@given(st.decimals("0.01", "30", places=3), st.sampled_from([1e-5, 1e-6, 1e-9]), st.booleans())
def test_the_largest_cost_within_an_epsilon_is_found(epsilon, delta, gaussian):
    pico = pico_of(epsilon, delta, gaussian)
    assert epsilon_of(pico, delta, gaussian) <= float(epsilon) + 1e-12
    assert float(epsilon) < epsilon_of(pico + 1 + pico // 10**9, delta, gaussian)


@pytest.mark.parametrize(("spread", "above"), [(0.25, 0.001), (0.5, 1e-5), (1.0, 1e-10)])
def test_a_discrete_draw_is_a_gaussian_one_rounded_at_random(spread, above):
    """Lemma 1: the factor between them is within its bound, at worst a good part of it."""
    variance, points = spread + 1.5, np.arange(-40, 41)
    discrete = np.exp(-(points**2) / (2 * variance))
    discrete /= discrete.sum()
    at = np.arange(-30, 30, 1 / 512)  # equal steps: exact for what falls off so fast
    rounded = np.exp(-((points[:, None] - at) ** 2) / (2 * spread))
    rounded /= rounded.sum(axis=0)
    drawn = np.exp(-(at**2) / (2 * 1.5)) / math.sqrt(2 * math.pi * 1.5) / 512
    found = np.abs(np.log(rounded @ drawn / discrete))[30:51].max()
    bound = 4.1 * math.exp(-2 * math.pi**2 * spread)
    assert above * bound < found < bound


@pytest.mark.parametrize("epsilon", [1e-4, 0.01, 0.5, 1.0, 4.0, 8.0, 24.0])
@pytest.mark.parametrize("delta", [1e-5, 1e-6, 1e-9])
def test_what_rounding_adds_fits_into_its_share_of_delta(epsilon, delta):
    """Lemma 1 over 2⁵⁰ integers drawn: epsilon + 2·slack at delta·e^slack."""
    slack = 2**50 * 4.1 * math.exp(-2 * math.pi**2 * ROUNDING)
    mu = math.sqrt(2 * pico_of(Decimal(str(epsilon)), delta) / PICO)
    # the curve's slope is e^epsilon·Phi(-epsilon/mu - mu/2), and it never gets steeper
    slope = math.exp(epsilon + float(log_ndtr(-epsilon / mu - mu / 2)))
    assert 2 * slack * slope + slack * delta < SLACK * delta / 10


@given(st.floats(1e-3, 20), st.floats(0.001, 0.999))
def test_a_choice_of_bounded_range_is_gaussian_at_half_pi_its_price(epsilon, share):
    """Lemma 2: of all pairs whose losses lie in [t - epsilon, t], and of pure ones, twice that."""
    t = share * epsilon
    here = math.expm1(epsilon - t) / -math.expm1(-epsilon) * math.exp(t - epsilon)
    there = here * math.exp(-t)
    if min(here, 1 - here, there, 1 - there) < 1e-12:
        return  # floats do not tell them from 0 and 1
    mu = float(ndtri(here) - ndtri(there))
    assert mu**2 / 2 <= float(PURE_AS_GAUSSIAN) * epsilon**2 / 8 * (1 + 1e-9)
    pure = price(repr(epsilon), pure=True, delta=DELTA)
    assert 2 * float(ndtri(1 / (1 + math.exp(-epsilon)))) ** 2 <= pure.pico / PICO * (1 + 1e-9)


def test_nothing_costs_nothing_and_no_delta_promises_nothing():
    assert epsilon_of(0, 1e-6) == 0.0
    assert epsilon_of(1, 0.0) == math.inf


def test_480_answers_in_a_year_fit_epsilon_1_with_noise_below_92_7():
    each = pico_of(Decimal(1), 1e-6) // 480
    noise_sd = math.sqrt(1 / (2 * each / PICO))
    assert 92.5 < noise_sd <= 92.7
    assert epsilon_of(480 * each, 1e-6) <= 1


@pytest.mark.parametrize(("gaussian", "times"), [(True, Fraction(355, 226)), (False, 1)])
def test_a_pure_answer_costs_half_its_square_times_its_kind_rounded_up(gaussian, times):
    """Bun & Steinke 2016, Proposition 1.4; as Gaussian Lemma 2."""
    tenth = price("0.1", pure=True, delta=DELTA, gaussian=gaussian)
    pico = math.ceil(5 * 10**9 * times)
    assert tenth == Cost(pico, Fraction(0), Fraction(1, 10), gaussian)
    third = price("0.333333333", pure=True, delta=DELTA, gaussian=gaussian)
    costs = third.pure_epsilon**2 / 2 * times
    assert rho_fraction(third.pico - 1) < costs <= rho_fraction(third.pico)


@pytest.mark.parametrize(("gaussian", "times"), [(True, Fraction(355, 226)), (False, 1)])
def test_a_pure_answer_offered_rho_gets_no_more_than_it_pays_for(gaussian, times):
    offered = price(rho="0.1", pure=True, delta=DELTA, gaussian=gaussian)
    assert offered.pure_epsilon**2 / 2 * times <= Fraction(1, 10)
    assert float(offered.pure_epsilon) == pytest.approx(math.sqrt(0.2 / times))


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


@pytest.mark.parametrize(("rho", "times"), [("0.001", 24), ("0.0244", 1), ("0.1", 12)])
def test_the_second_figure_is_ours_for_gaussian_answers(rho, times):
    pytest.importorskip("dp_accounting")
    paid = [price(rho=rho, delta=DELTA)] * times
    ours = epsilon_of(times * paid[0].pico, 1e-6)
    assert pld_epsilon(paid, DELTA) == pytest.approx(ours, rel=1e-5)
    before = epsilon_of(times * paid[0].pico, 1e-6, gaussian=False)
    assert before / ours == pytest.approx(1.072, rel=0.03)


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
