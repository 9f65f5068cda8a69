"""A total shared out over tenths of the customers."""

import numpy as np
import pytest
from factories.noisy import AMOUNT, CUSTOMERS, REGION, Books, answer

from workbench.errors import QuestionRefused
from workbench.privacy.deciles import shares
from workbench.privacy.release import Dimension

BANDS = Dimension("amount_total_band", "Amount, band", "band", ("< 10", "10 to 90", "≥ 90"))
# 50 customers with 4 each, 30 with 50, 20 with 150; the answer's amounts are from 100 each
COUNTS = [50.0, 30.0, 20.0]
AMOUNTS = [(4 - 100) * 50 / 100, (50 - 100) * 30 / 100, (150 - 100) * 20 / 100]
TOTAL = 50 * 4 + 30 * 50 + 20 * 150


def release(by=(BANDS,), noise=None, sigma=1.0, counts=COUNTS):
    truth = {"n": counts, "amount": AMOUNTS}
    return Books().put(answer(by, truth, noise=noise, sigma=sigma, measures=(CUSTOMERS, AMOUNT)))


def test_the_first_tenth_has_the_most():
    made = release().deciles("amount_sum")
    found = made.columns["amount_sum_share"]
    assert found[:2] == pytest.approx([1500 / TOTAL] * 2)
    assert found[2:5] == pytest.approx([500 / TOTAL] * 3)
    assert found[5:] == pytest.approx([40 / TOTAL] * 5)
    assert made.columns["decile"][0] == "top 10 %"


def test_margins_hold_95_times_in_100(size):
    draws, dice, hits = (150 if size == "smoke" else 3_000), np.random.default_rng(7), 0
    for _ in range(draws):
        noise = {
            name: np.rint(dice.normal(0, 1.0 * 2**20, 3)).astype(int) for name in ("n", "amount")
        }
        made = release(noise=noise).deciles("amount_sum").columns
        hits += made["amount_sum_share_low"][0] <= 1500 / TOTAL <= made["amount_sum_share_high"][0]
    assert hits / draws > 0.88


def test_bands_that_noise_made_negative_hold_nobody():
    assert shares([-3, 50, 10, 30]) == pytest.approx([0.1] * 10)
    assert shares([-3, -5, 10, 10]) == [0.0] * 10
    nothing = release(counts=[-5.0, -5.0, -5.0]).deciles("amount_sum")
    assert nothing.columns["amount_sum_share"] == [None] * 10


def test_other_releases_have_none():
    with pytest.raises(QuestionRefused, match="deciles are of a total by bands of customers"):
        release([REGION]).deciles("amount_sum")
    with pytest.raises(QuestionRefused, match="'customers' is none"):
        release().deciles("customers")
