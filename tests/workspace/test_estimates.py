"""From private answers to the summary's estimates: what leads, and intervals that hold together."""

import pytest
from factories.releases import CUSTOMERS, release

from workbench.privacy.release import Dimension, Measure
from workbench.workspace import estimates

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
