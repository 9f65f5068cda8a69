"""Figures beside the largest of them, which noise hides; a total shared out over tenths."""

from dataclasses import replace

import numpy as np
import pytest
from factories.noisy import AMOUNT, CUSTOMERS, REGION, Books, answer

import workbench as wb
from workbench.analytics.fairness import FOUR_FIFTHS
from workbench.errors import QuestionRefused
from workbench.privacy.columns import Bound, Dimension
from workbench.privacy.operations.ranking import shares
from workbench.privacy.sheets import apply
from workbench.privacy.tables import sheet_of

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


BOUNDED = replace(AMOUNT, bound=Bound(0.0, 200.0, "upper"))
BANDS = Dimension(
    "amount_total_band", "Amount of a customer, band", "band", ("< 10", "10 to 90", "≥ 90")
)
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


# customers of each band and what one has: the low bands drown in noise, a heavy tail, lower edges
KINDS = {
    "even": ([150, 300, 200], [4, 50, 150]),
    "low bands drown": ([900, 40, 25], [2, 40, 120]),
    "heavy tail": ([600, 60, 12], [3, 20, 198]),
    "at the edges": ([150, 300, 200], [0, 10, 90]),
}


@pytest.mark.parametrize("kind", KINDS)
def test_margins_hold_95_times_in_100_in_every_tenth(kind, size):
    draws, dice = (200 if size == "smoke" else 3_000), np.random.default_rng(7)
    counts, each = KINDS[kind]
    amounts = [(one - 100) * n / 100 for n, one in zip(counts, each, strict=True)]
    falling = zip(counts[::-1], each[::-1], strict=True)
    true = np.array(shares([*counts[::-1], *(n * one for n, one in falling)]))
    hits, shown = np.zeros(10), 0
    for _ in range(draws):
        noise = {
            name: np.rint(dice.normal(0, 12.0 * 2**20, 3)).astype(int) for name in ("n", "amount")
        }
        asked = answer(
            (BANDS,),
            {"n": counts, "amount": amounts},
            noise=noise,
            sigma=12.0,
            measures=(CUSTOMERS, BOUNDED),
        )
        made = Books().put(asked).deciles("amount_sum").columns
        if None not in made["amount_sum_share"]:  # where all is noise, no share is told
            shown += 1
            low, high = (np.array(made[f"amount_sum_share_{end}"]) for end in ("low", "high"))
            hits += (low <= true) & (true <= high)
    assert shown > 0.9 * draws
    assert hits.min() / shown > (0.9 if size == "smoke" else 0.93)


def test_a_band_has_no_less_and_no_more_than_its_customers_can_have():
    noise = {"n": [0, 0, 0], "amount": [400 * 2**20, -400 * 2**20, 0]}
    truth = {"n": [400.0, 300.0, 200.0], "amount": [-400.0, -150.0, 100.0]}
    asked = answer((BANDS,), truth, noise=noise, sigma=300.0, measures=(CUSTOMERS, BOUNDED))
    made = Books().put(asked).deciles("amount_sum").columns
    # as drawn, 400 customers of less than 10 each had 40,000, and the next band had less than none
    assert made["amount_sum_share"][9] < 10 * 90 / 45_000
    assert made["amount_sum_share"][4] > 0


def test_edges_say_nothing_of_another_total_or_of_a_part_of_it():
    regional = Dimension("region", "Region", "category", ("North", "South"), exclusive=True)
    truth = {"n": [50.0] * 6, "amount": [-50.0] * 6}
    books = Books()
    both = books.put(answer((regional, BANDS), truth, measures=(CUSTOMERS, BOUNDED)))
    part = both.derive(where={"region": "North"}).deciles("amount_sum")
    # nobody's part is known from their band: all bands have nothing here, but for its bounds
    assert part.columns["amount_sum_share"] == pytest.approx([0.1] * 10, abs=0.01)


def test_tenths_kept_before_edges_were_looked_at_stay_as_they_were():
    given = release()
    old = apply("deciles", {"measure": "amount_sum"}, [sheet_of(given)])
    assert [form.value for form in old.forms["amount_sum_share"]][:2] == pytest.approx(
        [1500 / TOTAL] * 2
    )


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
