"""Parts and totals that agree: the map's algebra, and what it is good for."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from workbench.analytics.forecasting.rules import mapped, shrunk_correlation

SUMS = np.array([[1.0, 0, 0], [0, 1, 0], [0, 0, 1], [1, 1, 1]])


@given(st.lists(st.floats(0.01, 100), min_size=4, max_size=4), st.integers(0, 2**32 - 1))
def test_totals_equal_sums_of_parts_and_what_agrees_stays(sd, seed):
    dice = np.random.default_rng(seed)
    found = mapped(SUMS, np.array(sd), shrunk_correlation(dice.normal(size=(20, 4))))
    told = found @ dice.normal(0, 50, 4)
    np.testing.assert_allclose(told[3], told[:3].sum(), atol=1e-6)
    agreeing = SUMS @ dice.normal(0, 50, 3)
    np.testing.assert_allclose(found @ agreeing, agreeing, atol=1e-6)


def test_independent_errors_are_weighed_by_their_variance():
    # a total of equal variance with three parts of variance 1: each part takes a quarter of the gap
    found = mapped(SUMS, np.ones(4), np.eye(4)) @ np.array([1.0, 1, 1, 7])
    np.testing.assert_allclose(found, [2, 2, 2, 6])


def test_without_errors_seen_nothing_is_taken_as_alike():
    np.testing.assert_array_equal(shrunk_correlation(np.zeros((0, 3))), np.eye(3))


def test_errors_that_go_together_are_seen_to():
    common = np.random.default_rng(1).normal(size=(200, 1))
    found = shrunk_correlation(common + 0.3 * np.random.default_rng(2).normal(size=(200, 3)))
    assert 0.6 < found[0, 1] <= 0.9
