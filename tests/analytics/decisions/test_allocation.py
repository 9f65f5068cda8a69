"""Best amounts under limits: against brute force, and every zero and contradiction by name."""

from dataclasses import replace
from itertools import product

import numpy as np
import pytest
from scipy.optimize import linprog

from workbench.analytics.decisions.allocation import (
    ALL_OF_THEM,
    NO_GAIN,
    NOBODY,
    Limit,
    allocation,
)  # fmt: skip
from workbench.errors import InputError


def limit(name, weights, least=-np.inf, most=np.inf):
    return Limit(name, np.array(weights, float), least, most)


def case(dice):
    """Return a small problem: items of a few, a budget, and up to two limits that may not fit."""
    n = int(dice.integers(2, 5))
    gain, upper = dice.integers(-3, 10, n).astype(float), dice.integers(0, 4, n).astype(float)
    limits = [limit("budget", dice.integers(1, 6, n), most=float(dice.integers(0, 15)))]
    for at in range(int(dice.integers(0, 3))):
        least = float(dice.integers(0, 4))
        bound = least if dice.random() < 0.5 else -np.inf
        limits.append(
            limit(f"limit {at}", dice.integers(0, 2, n), bound, least + dice.integers(0, 3))
        )
    return gain, upper, limits


def kept(amounts, limits):
    return all(each.least <= each.weights @ amounts <= each.most for each in limits)


def by_force(gain, upper, limits):
    every = (np.array(each) for each in product(*(range(int(many) + 1) for many in upper)))
    return max((float(gain @ each) for each in every if kept(each, limits)), default=None)


def test_the_best_is_what_trying_all_finds(size):
    dice, none = np.random.default_rng(1), 0
    cases = 60 if size == "smoke" else 1000
    for _ in range(cases):
        gain, upper, limits = case(dice)
        labels, wanted = [f"item {at}" for at in range(len(gain))], by_force(gain, upper, limits)
        if wanted is None:
            none += 1
            with pytest.raises(InputError, match="no allocation keeps all of this"):
                allocation(labels, gain, upper, limits)
            continue
        found = allocation(labels, gain, upper, limits)
        assert kept(found.amounts, limits)
        assert gain @ found.amounts == pytest.approx(wanted)
        for amount, many, reason in zip(found.amounts, upper, found.reasons, strict=True):
            known = {ALL_OF_THEM, NO_GAIN, NOBODY, *(each.name for each in limits)}
            assert reason in known
            assert (reason == ALL_OF_THEM) <= (amount == many)
    assert 0 < none < cases / 2


def test_what_is_named_contradicts_itself_and_less_of_it_does_not():
    dice, seen = np.random.default_rng(2), 0
    for _ in range(40):
        gain, upper, limits = case(dice)
        if by_force(gain, upper, limits) is not None:
            continue
        seen += 1
        with pytest.raises(InputError) as refusal:
            allocation([f"item {at}" for at in range(len(gain))], gain, upper, limits)
        named = [each for each in limits if f"'{each.name}'" in str(refusal.value)]
        assert by_force(gain, upper, named) is None
        freed = np.where(
            [f"item {at}" in str(refusal.value) for at in range(len(gain))], upper + 20, upper
        )
        for each in named:
            assert by_force(gain, freed, [x for x in named if x is not each]) is not None
    assert seen > 3


def test_a_price_is_what_one_more_gains():
    labels, gain, upper = ["a", "b", "c"], np.array([3.0, 2, 1]), np.full(3, 10.0)
    limits = [limit("budget", [2, 1, 1], most=14), limit("keep c", [0, 0, 1], least=2)]
    found = allocation(labels, gain, upper, limits)
    assert list(found.amounts) == [1, 10, 2]
    assert found.reasons == ("budget", ALL_OF_THEM, "budget")
    assert found.prices == pytest.approx({"budget": 1.5, "keep c": -0.5})
    more = allocation(labels, gain, upper, [limit("budget", [2, 1, 1], most=16), limits[1]])
    assert gain @ more.amounts - gain @ found.amounts == pytest.approx(2 * 1.5)


def best_in_parts(gain, upper, limits):
    rows = [(sign * x.weights, sign * end) for x in limits
            for sign, end in ((1, x.most), (-1, x.least)) if np.isfinite(end)]  # fmt: skip
    found = linprog(-gain, A_ub=[row for row, _ in rows], b_ub=[end for _, end in rows],
                    bounds=[(0, each) for each in upper])  # fmt: skip
    return -found.fun


def test_every_price_is_the_best_with_one_more_less_the_best(size):
    dice, seen = np.random.default_rng(5), 0
    for _ in range(30 if size == "smoke" else 1000):
        gain, upper, limits = case(dice)
        if by_force(gain, upper, limits) is None:
            continue
        found = allocation([f"item {at}" for at in range(len(gain))], gain, upper, limits)
        for each in limits:
            changed = replace(each, most=each.most + 1), replace(each, least=each.least - 1)
            more, less = (
                best_in_parts(gain, upper, [one if x is each else x for x in limits])
                for one in changed
            )
            assert found.prices[each.name] == pytest.approx(more - less, abs=1e-7)
            seen += more != less
        for amount, one, reason in zip(found.amounts, gain, found.reasons, strict=True):
            assert not (one < 0 < amount and reason == NO_GAIN)
    assert seen > 10


def test_a_budget_that_is_just_enough_for_all_who_gain_has_no_price():
    given = ["a", "b"], np.array([3.0, 8.0]), np.array([10.0, 4.0])
    found = allocation(*given, [limit("budget", [2, 2], most=28)])
    assert found.prices == {"budget": 0.0}
    before = allocation(*given, [limit("budget", [2, 2], most=28)], dual=True)
    assert 0.0 <= before.prices["budget"] <= 1.5


def test_two_obligations_that_one_loss_meets_are_both_its_reason_and_have_no_price_alone():
    both = [limit("touch", [1], least=2), limit("win back", [1], least=2)]
    found = allocation(["a"], np.array([-4.0]), np.array([5.0]), both)
    assert found.reasons[0] in ("touch", "win back")
    assert found.prices == {"touch": 0.0, "win back": 0.0}


@pytest.mark.parametrize(
    ("gain", "upper", "limits", "reasons"),
    [
        ([5, 1], [3, 3], [limit("budget", [1, 1], most=3)], (ALL_OF_THEM, "budget")),
        ([5, -1], [3, 3], [limit("budget", [1, 1], most=9)], (ALL_OF_THEM, NO_GAIN)),
        ([5, 1], [0, 3], [limit("budget", [1, 1], most=9)], (NOBODY, ALL_OF_THEM)),
        ([5, 4], [3, 3], [limit("no post", [0, 1], most=0)], (ALL_OF_THEM, "no post")),
        ([5, 4], [3, 3], [limit("budget", [2, 3], most=7)], (ALL_OF_THEM, "budget")),
        ([5, 4], [3, 3], [limit("budget", [1, 1], most=0)], ("budget", "budget")),
        ([5, -4], [3, 3], [limit("touch", [0, 1], least=2)], (ALL_OF_THEM, "touch")),
    ],
)
def test_every_zero_has_a_reason(gain, upper, limits, reasons):
    found = allocation(["a", "b"], np.array(gain, float), np.array(upper, float), limits)
    assert found.reasons == reasons


def test_what_nothing_limits_is_named():
    with pytest.raises(InputError, match="nothing limits gold: more of it"):
        allocation(
            ["gold", "iron"], np.array([3.0, 2.0]), np.array([np.inf, np.inf]),
            [limit("budget", [0, 1], most=5)],
        )  # fmt: skip


def test_without_limits_all_that_gain_are_contacted():
    found = allocation(["a", "b"], np.array([1.0, -1.0]), np.array([4.0, 4.0]), [])
    assert list(found.amounts) == [4, 0]
