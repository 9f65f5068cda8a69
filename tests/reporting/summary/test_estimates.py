"""From private answers to the summary's estimates: what leads, and intervals that hold together."""

import numpy as np
import pytest
from factories.releases import CUSTOMERS, release

from workbench.privacy.columns import Dimension, Measure
from workbench.reporting.summary import estimates

RATES = (Measure("approved_rate", "rate", "Approved, share", None, 4),)


def counted(counts, axes=(), margin=10.0):
    """Return an answer of customers by cell, with equal noise."""
    made = release(axes, (CUSTOMERS,))
    columns = {axis.name: made.columns[axis.name] for axis in axes}
    columns |= {"customers": list(counts)}
    columns |= {"customers_low": [c - margin for c in counts]}
    columns |= {"customers_high": [c + margin for c in counts]}
    return release(axes, (CUSTOMERS,), columns=columns)


PAST = Dimension("past", "Past", "category", (False, True))


def test_the_surest_table_leads_and_its_interval_holds_for_all_of_them():
    found = estimates.past(
        {
            "people": counted([990, 10], [PAST]),
            "loans": counted([60]),
            "logs": counted([65], margin=40),
        }
    )
    assert found["people"].value == pytest.approx(0.01)
    assert found["loans"].denominator == found["logs"].denominator == 1000
    worst = estimates.worst_past(found)
    assert worst.value == pytest.approx(0.06)  # 65 may be 25
    wider = 2.394 / 1.96  # Bonferroni: three of them at 95 % together
    assert worst.high == pytest.approx(0.06 + 0.01 * wider, abs=1e-4)
    assert worst.low == pytest.approx(0.06 - 0.01 * wider, abs=1e-4)


def test_one_estimate_alone_keeps_its_interval():
    one = estimates.past({"people": counted([990, 10], [PAST])})
    assert estimates.worst_past(one) == one["people"]
    assert estimates.worst_past({}).value is None


STALE = Dimension("withdrawn_before", "x", "category", (False, True))


def test_of_people_read_the_share_with_a_live_consent():
    found = estimates.live(counted([950, 50], [STALE]))
    assert (found.value, found.numerator, found.denominator) == (0.95, 950, 1000)
    # of a part and the rest: noise of each weighs as the other is large
    assert found.high - found.value == pytest.approx(0.01 * (0.05**2 + 0.95**2) ** 0.5)
    assert estimates.live(counted([6, 2], [STALE])).why == "too few people for an estimate"
    assert estimates.live(None).value is None


def test_withdrawals_within_one_day_and_three():
    axes = [
        Dimension(n, "x", "category", (False, True)) for n in ("after_a_day", "after_three_days")
    ]
    day, three = estimates.in_time(counted([800, 0, 100, 100], axes))
    assert (day.value, three.value) == (0.8, 0.9)
    assert [each.value for each in estimates.in_time(None)] == [None, None]


def decisions(attribute, rates, margin=0.04):
    """Return rates of approval by an attribute's groups."""
    axis = Dimension(attribute, attribute.title(), "category", tuple(rates))
    known = list(rates.values())
    columns = {attribute: list(rates), "approved_rate": known}
    for end, sign in (("low", -1), ("high", 1)):
        columns[f"approved_rate_{end}"] = [None if r is None else r + sign * margin for r in known]
    return release([axis], RATES, columns=columns)


PERSON = estimates.Measured(0.2, low=0.1, high=0.3)


def by_attribute(*asked):
    return [estimates.selection(decisions(*each), PERSON) for each in asked]


def test_the_lowest_ratio_of_all_attributes_leads():
    found = by_attribute(
        ("gender", {"female": 0.8, "male": 0.82, "undisclosed": None}),
        ("registration", {"rural": 0.6, "urban": 0.8}),
    )
    assert [(e.least, e.most) for e in found] == [("female", "male"), ("rural", "urban")]
    led = estimates.decided(found)["impact-ratio"]
    assert led.value == pytest.approx(0.75)
    alone = found[1].ratio
    assert led.high - led.value == pytest.approx(
        (alone.high - alone.value) * 2.2414 / 1.96, abs=1e-4
    )
    assert estimates.decided(found)["human-review"].value == 0.2


def test_groups_nobody_can_tell_apart_from_noise_lead_nowhere():
    (vague,) = by_attribute(("age", {"< 30": 0.1, "≥ 30": 0.8}, 0.3))
    assert (vague.ratio.value, vague.ratio.why) == (None, "too few decisions for an estimate")
    assert estimates.decided([vague])["impact-ratio"].why == "too few decisions for an estimate"
    assert estimates.decided([])["impact-ratio"].why == "it was not asked"


@pytest.mark.parametrize("groups", [2, 3, 4, 6, 8, 10])
@pytest.mark.parametrize("apart", [0.0, 0.02, 0.15], ids=["equal", "close", "apart"])
def test_the_ratio_of_the_extremes_is_held_whichever_the_noise_makes_extreme(groups, apart, size):
    draws = 1_500 if size == "smoke" else 20_000
    dice = np.random.default_rng(groups)
    true = 0.7 - apart * np.arange(groups) / groups
    ratio, noise = true.min() / true.max(), 0.02
    names = [f"g{i}" for i in range(groups)]
    held = []
    for drawn in true + dice.normal(0, noise, (draws, groups)):
        rates = dict(zip(names, drawn.tolist(), strict=True))
        found = estimates.selection(decisions("group", rates, 1.96 * noise), PERSON).ratio
        held.append(found.low <= ratio <= found.high)
    assert np.mean(held) >= 0.94


def test_the_lowest_of_several_attributes_is_held_too():
    dice, noise, held = np.random.default_rng(8), 0.02, []
    for drawn in 0.7 + dice.normal(0, noise, (1_000, 5, 4)):
        found = [
            estimates.selection(
                decisions(f"a{i}", dict(zip("wxyz", rates.tolist(), strict=True)), 1.96 * noise),
                PERSON,
            )
            for i, rates in enumerate(drawn)
        ]
        led = estimates.decided(found)["impact-ratio"]
        held.append(led.low <= 1 <= led.high)
    assert np.mean(held) >= 0.94


def test_what_has_no_declared_group_is_no_group_of_people():
    (found,) = by_attribute(("gender", {"female": 0.8, "male": 0.82, "None of these": 0.2}))
    assert (found.least, found.most) == ("female", "male")


def test_a_share_past_its_time_knows_the_noise_of_everybody(size):
    draws = 2_000 if size == "smoke" else 20_000
    dice, sd = np.random.default_rng(3), 20.0
    held = []
    for none, some, loans in np.array([400, 100, 300]) + dice.normal(0, sd, (draws, 3)):
        asked = {
            "people": counted([none, some], [PAST], margin=1.96 * sd),
            "loans": counted([loans], margin=1.96 * sd),
        }
        found = estimates.past(asked)
        true = {"people": 0.2, "loans": 0.6}
        held.append([found[t].low <= each <= found[t].high for t, each in true.items()])
    # of 60 % of 500 people the denominator's noise is no small part of it
    assert np.mean(held, axis=0) == pytest.approx([0.95, 0.95], abs=0.016)


def test_of_hardly_anybody_no_share_is_told():
    found = estimates.past({"people": counted([4, 3], [PAST])})
    assert found["people"].why == "too few people for an estimate"
