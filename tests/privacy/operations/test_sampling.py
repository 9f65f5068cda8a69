"""As many records as are said to tell an effect do tell it, 4 times in 5."""

import numpy as np
import pytest

from workbench.privacy.margins import Affine, quantile
from workbench.privacy.operations.sampling import times_as_many


@pytest.mark.parametrize("sigma", [0.01, 3.0, 20.0])
@pytest.mark.parametrize("effect", [0.03, 0.1])
def test_enough_records_tell_an_effect_four_times_in_five(sigma, effect, size):
    draws = 4_000 if size == "smoke" else 200_000
    now, rate = 300.0, 0.2
    chance, noise = np.sqrt(2 * rate * (1 - rate) / now), sigma * np.sqrt(2) / now
    drawn = ("drawn", 0, "")
    gap = Affine(0.0, {drawn: chance, ("r-1", 0, "n"): noise})
    more = times_as_many(gap, drawn, effect)
    sd = np.sqrt(chance**2 / more + noise**2 / more**2)
    seen = np.random.default_rng(7).normal(effect, sd, draws) > quantile(0.95) * sd
    assert seen.mean() == pytest.approx(0.8, abs=0.02)
