"""One density from noisy counts at several resolutions: it agrees, is never negative, and helps."""

import numpy as np
import pytest

from workbench.privacy.models.density import NoisyCounts, density, refined


def halved(counts):
    for axis in range(counts.ndim):
        shape = list(counts.shape)
        shape[axis : axis + 1] = [shape[axis] // 2, 2]
        counts = counts.reshape(shape).sum(axis=axis + 1)
    return counts


def levels_of(truth, sd, rng, count=3):
    levels = [truth]
    for _ in range(count - 1):
        levels.insert(0, halved(levels[0]))
    return [NoisyCounts(each + rng.normal(0, sd, each.shape), sd**2) for each in levels]


@pytest.fixture
def truth():
    counts = np.zeros((8, 8))
    counts[1, 1], counts[1, 2], counts[6, 5] = 300, 200, 400
    return counts


def test_without_noise_it_is_the_counts(truth):
    found = density(levels_of(truth, 1e-6, np.random.default_rng(0)))
    assert np.allclose(found, truth, atol=1e-3)


def test_it_is_never_negative_and_adds_up_to_the_coarsest_level(truth):
    rng = np.random.default_rng(1)
    levels = levels_of(truth, 5, rng)
    found = density(levels)
    assert found.min() >= 0
    assert found.sum() == pytest.approx(900, abs=60)


def test_it_is_far_closer_to_the_truth_than_the_noisy_counts_are(truth):
    rng = np.random.default_rng(2)
    ratios = []
    for _ in range(20):
        levels = levels_of(truth, 9, rng)
        ours = ((density(levels) - truth) ** 2).sum()
        ratios.append(ours / ((levels[-1].counts - truth) ** 2).sum())
    assert np.median(ratios) < 0.5


def test_axes_may_differ_in_length():
    truth = np.zeros((4, 8, 12))
    truth[0, 7, 3] = 50
    found = density(levels_of(truth, 1e-6, np.random.default_rng(3), count=2))
    assert np.unravel_index(found.argmax(), found.shape) == (0, 7, 3)


def test_cut_cells_keep_their_customers_and_lean_to_crowded_neighbours():
    counts = np.array([100.0, 20.0, 0.0])
    cut = refined(counts, 2)
    assert cut.reshape(3, 2).sum(axis=1) == pytest.approx(counts)
    assert cut[2] > cut[3]
