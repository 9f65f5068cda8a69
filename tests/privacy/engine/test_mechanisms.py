"""Noise has exactly the distribution its proof is about."""

import json
import math
import random
import secrets
import subprocess
import sys
from collections import Counter
from fractions import Fraction

import numpy as np
import pytest
from diffprivlib.mechanisms import Geometric
from scipy import stats

from workbench.privacy.engine.bounding import LATTICE
from workbench.privacy.engine.mechanisms import (
    discrete_gaussian,
    discrete_laplace,
    exponential_choice,
    system_source,
)

IMPROBABLE = 1e-6  # a chance no run of these tests meets


def pmf(sigma_squared, reach):
    """Return the exact probabilities of the discrete Gaussian from -reach to reach."""
    weights = {x: math.exp(-x * x / (2 * float(sigma_squared))) for x in range(-reach, reach + 1)}
    total = math.fsum(weights.values())
    return {x: weight / total for x, weight in weights.items()}


def require_distribution(draws, expected):
    """Compare draws with probabilities by a chi-square test, rare outcomes put together."""
    counts, count = Counter(draws), len(draws)
    common = {x: p for x, p in expected.items() if p * count >= 10}
    observed = [counts[x] for x in common]
    wanted = [p * count for p in common.values()]
    rest = max(1e-12, 1 - math.fsum(common.values()))
    if rest * count >= 5:
        observed.append(count - sum(observed))
        wanted.append(rest * count)
    else:  # what should not happen hardly does
        assert count - sum(observed) <= stats.poisson.isf(IMPROBABLE, rest * count)
        scale = sum(observed) / sum(wanted)
        wanted = [each * scale for each in wanted]
    if len(observed) > 1:
        assert stats.chisquare(observed, wanted).pvalue > IMPROBABLE


@pytest.fixture
def draws(size):
    """Return how many draws a distribution is compared by."""
    return 200_000 if size == "full" else 5_000


@pytest.mark.parametrize(
    "sigma_squared",
    ["1/1000", "1/9", "1/2", "1", "5/3", "4", "17/2", "100", "123456789/10007"],
)
def test_the_discrete_gaussian_has_its_exact_distribution(sigma_squared, draws):
    variance = Fraction(sigma_squared)
    reach = math.ceil(12 * math.sqrt(variance)) + 2
    require_distribution(discrete_gaussian(variance, draws), pmf(variance, reach))


def test_on_the_lattice_it_is_a_gaussian_of_the_same_width(draws):
    sigma_squared = Fraction(24 * LATTICE**2 * 10**12, 2 * 24_340_000_000)
    sigma = math.sqrt(sigma_squared)
    noise = [each / sigma for each in discrete_gaussian(sigma_squared, draws)]
    assert stats.kstest(noise, "norm").pvalue > IMPROBABLE
    # the low bits are those of a fair coin: no grid coarser than 1 shows
    low = Counter(each % 16 for each in discrete_gaussian(sigma_squared, draws))
    assert stats.chisquare([low[i] for i in range(16)]).pvalue > IMPROBABLE


@pytest.mark.parametrize("sigma_squared", ["1/9", "2", "10000"])
def test_its_variance_is_at_most_the_parameter(sigma_squared, draws):
    variance = Fraction(sigma_squared)
    exact = math.fsum(x * x * p for x, p in pmf(variance, 2000).items())
    assert exact <= variance
    noise = discrete_gaussian(variance, draws)
    assert sum(noise) / draws == pytest.approx(0, abs=5 * math.sqrt(variance / draws))
    mean_square = sum(each * each for each in noise) / draws
    assert mean_square == pytest.approx(exact, rel=5 * math.sqrt(3 / draws) / min(1, exact))


@pytest.mark.parametrize("sigma", [0.4, 1.0, 7.5])
def test_its_tails_are_below_the_continuous_ones_one_step_nearer(sigma):
    # Canonne, Kamath & Steinke 2020, Proposition 25: what the threshold of found values stands on
    exact = pmf(Fraction(sigma * sigma), 200)
    for t in range(1, 60):
        tail = math.fsum(p for x, p in exact.items() if x >= t)
        assert tail <= 0.5 * math.erfc((t - 1) / sigma / math.sqrt(2)) + 1e-15


def test_draws_are_whole_numbers_however_large():
    assert all(type(each) is int for each in discrete_gaussian(Fraction(10**40), 20))
    assert discrete_gaussian(Fraction(1), 0) == []


@pytest.mark.parametrize("sigma_squared", [0, -1, Fraction(-1, 7)])
def test_no_noise_is_not_noise(sigma_squared):
    with pytest.raises(ValueError, match="above 0"):
        discrete_gaussian(Fraction(sigma_squared), 1)


def test_it_is_decided_by_its_source_of_integers_alone():
    first, second, third = (
        discrete_gaussian(Fraction(50), 100, random.Random(seed).randrange) for seed in (1, 1, 2)
    )
    assert first == second != third


@pytest.mark.parametrize("limit", [1, 2, 3, 255, 256, 257, 2**64 + 1])
def test_a_source_of_many_bytes_at_a_time_draws_evenly(limit):
    below, count = system_source(), 30_000
    draws = [below(limit) for _ in range(count)]
    assert all(0 <= each < limit for each in draws)
    cells = min(limit, 300)
    found = np.bincount([each * cells // limit for each in draws], minlength=cells)
    assert stats.chisquare(found).pvalue > 1e-6 if cells > 1 else found == [count]


def test_no_two_sources_draw_the_same():
    firsts = {tuple(system_source()(2**32) for _ in range(4)) for _ in range(20)}
    assert len(firsts) == 20


def test_the_source_is_the_systems_and_nothing_else_is_offered():
    for mechanism in (discrete_gaussian, discrete_laplace, exponential_choice):
        assert mechanism.__defaults__ == (secrets.randbelow,)
    random.seed(1)
    first = discrete_gaussian(Fraction(10**12), 20)
    random.seed(1)
    assert discrete_gaussian(Fraction(10**12), 20) != first


FORKS = """
import json, os
from fractions import Fraction
from workbench.privacy.engine.mechanisms import discrete_gaussian, discrete_laplace
from workbench.privacy.engine.mechanisms import exponential_choice
discrete_gaussian(Fraction(7), 3), discrete_laplace(Fraction(1), 3)  # a warm kernel drew before
for _ in range(2):
    if os.fork() == 0:
        noise = discrete_gaussian(Fraction(10**12), 8)
        noise += discrete_laplace(Fraction(10**6), 1)
        noise += [exponential_choice([0] * 10**6, Fraction(1), 1)]
        print(json.dumps(noise), flush=True)
        os._exit(0)
    os.wait()
"""


def test_two_forks_draw_different_noise():
    # in a process of its own: a fork of one with threads is warned of
    told = subprocess.run([sys.executable, "-c", FORKS], capture_output=True, text=True, check=True)
    one, other = map(json.loads, told.stdout.splitlines())
    assert len(one) == len(other) == 10
    assert all(mine != theirs for mine, theirs in zip(one, other, strict=True))


@pytest.mark.parametrize("scale", ["1/50", "1/3", "2", "7/2", "123456/10007"])
def test_the_discrete_laplace_has_its_exact_distribution(scale, draws):
    # Ghosh, Roughgarden & Sundararajan 2012: (1 - a) / (1 + a) · a^|x| with a = exp(-1/scale)
    a = math.exp(-1 / float(Fraction(scale)))
    expected = {x: (1 - a) / (1 + a) * a ** abs(x) for x in range(-400, 401)}
    require_distribution(discrete_laplace(Fraction(scale), draws // 4), expected)


def test_it_is_the_noise_of_diffprivlib_where_that_is_no_float_short(draws):
    """Its Geometric inverts a 53-bit float: alike in the middle, but its tail ends."""
    oracle = Geometric(epsilon=0.5, sensitivity=3)
    theirs = [oracle.randomise(0) for _ in range(draws // 4)]
    mine = discrete_laplace(Fraction(6), draws // 4)
    assert stats.ks_2samp(mine, theirs).pvalue > IMPROBABLE


class Given:
    """A source of integers that gives what it was given, and then any."""

    def __init__(self, *given):
        self.given, self.rest = list(given), random.Random(1).randrange

    def __call__(self, below):
        return self.given.pop(0) if self.given else self.rest(below)


def test_no_integer_is_out_of_reach():
    """A 53-bit float ends at 36 scales, as does an inverted one: here a tail has no end."""
    heads = [0, 0, 1] * 500  # a coin of exp(-1), 500 times
    (draw,) = discrete_laplace(Fraction(1), 1, Given(0, 0, *heads))
    assert abs(draw) >= 500


def test_a_scale_is_above_zero():
    with pytest.raises(ValueError, match="above 0"):
        discrete_laplace(Fraction(0), 1)


@pytest.mark.parametrize("utility", [[0, 0, 0], [0, -1, -2, -7], [-5, -3, -4], [0, -(10**9)]])
@pytest.mark.parametrize("epsilon", ["1/10", "2"])
def test_a_choice_has_its_exact_distribution(utility, epsilon, draws):
    # McSherry & Talwar 2007
    weights = [math.exp(float(Fraction(epsilon)) * u / (2 * 3)) for u in utility]
    expected = {place: w / sum(weights) for place, w in enumerate(weights)}
    chosen = [exponential_choice(utility, Fraction(epsilon), 3) for _ in range(draws // 4)]
    require_distribution(chosen, expected)


@pytest.mark.parametrize("epsilon", ["1/2", "3"])
def test_the_probability_of_a_choice_changes_within_a_range_of_epsilon(epsilon):
    # Durfee & Rogers 2019: log-ratios of neighbours lie in an interval of length epsilon, which is
    # epsilon²/8-zCDP by Cesar & Rogers 2021, Lemma 3.2. Worst case: half go up, half down.
    rate = float(Fraction(epsilon)) / 2
    one, other = [0, 0, 0, 0], [1, 1, -1, -1]

    def probabilities(utility):
        weights = [math.exp(rate * u) for u in utility]
        return [w / sum(weights) for w in weights]

    p, q = probabilities(one), probabilities(other)
    ratios = [math.log(a / b) for a, b in zip(p, q, strict=True)]
    assert max(ratios) - min(ratios) == pytest.approx(float(Fraction(epsilon)))
    for alpha in (1.01, 2, 5, 50):
        terms = [a**alpha * b ** (1 - alpha) for a, b in zip(p, q, strict=True)]
        divergence = math.log(math.fsum(terms)) / (alpha - 1)
        assert divergence <= alpha * float(Fraction(epsilon)) ** 2 / 8
