"""Figures beside the largest of them, which noise hides."""

import numpy as np
import pytest
from factories.noisy import CUSTOMERS, Books, answer

import workbench as wb
from workbench.analytics.fairness import FOUR_FIFTHS
from workbench.privacy.columns import Dimension

AGE = Dimension("age_band", "Age", "band", ("< 60", "60 to 75", "≥ 75"), exclusive=True)
DECISION = Dimension("decision", "Decision", "category", ("approved", "declined"), exclusive=True)


def judged(counts, sigma):
    cells = [float(each) for each in np.ravel(counts)]
    made = Books().put(answer([AGE, DECISION], {"n": cells}, sigma=sigma, measures=(CUSTOMERS,)))
    rates = made.derive(
        wb.share("customers", across="decision", name="approved"), where={"decision": "approved"}
    )
    return rates.impact("approved").columns


def test_impact_is_each_rate_beside_the_largest():
    found = judged([[60, 40], [80, 20], [40, 60]], 1e-9)
    assert found["approved"] == pytest.approx([0.6, 0.8, 0.4])
    assert found["impact"] == pytest.approx([0.75, 1, 0.5])
    assert found["impact_low"] == pytest.approx([0.75, 1, 0.5], abs=1e-6)


@pytest.mark.parametrize("rates", [(0.7, 0.7, 0.7), (0.8, 0.7, 0.56), (0.6, 0.61, 0.6)])
def test_the_interval_holds_the_ratio_to_the_group_that_is_largest_in_truth(rates, size):
    tries, dice = 40 if size == "smoke" else 1_000, np.random.default_rng(3)
    counts = np.array([[400 * rate, 400 * (1 - rate)] for rate in rates])
    held, cleared = 0, 0
    for _ in range(tries):
        found = judged(counts + dice.normal(0, 15, counts.shape), 15.0)
        ends = zip(found["impact_low"], found["impact_high"], rates, strict=True)
        held += all(low <= rate / max(rates) <= high for low, high, rate in ends)
        cleared += found["impact_low"][2] > FOUR_FIFTHS
    assert held >= tries * (0.85 if size == "smoke" else 0.945)
    if rates[2] < FOUR_FIFTHS * max(rates):
        assert cleared <= tries * 0.05


def test_beside_a_group_that_noise_drowns_nothing_is_known():
    found = judged([[60, 40], [3, 2], [40, 60]], 20.0)
    assert found["impact"] == [None, None, None]
