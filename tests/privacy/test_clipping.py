"""What bounds cut off is estimated by asking once more with wider bounds."""

from dataclasses import replace

import pytest
from support.lab import Lab
from support.shop import CATALOG

import workbench as wb
from workbench.errors import QuestionRefused
from workbench.privacy.accounting import Cost
from workbench.privacy.clipping import likely_cut
from workbench.privacy.columns import Bound, Measure
from workbench.privacy.release import Release

PERIOD = "2026-09"  # 600 customers buy once, for 10 + i % 90: together 32,700


def asked(shop, high):
    tx = shop.open("transactions", "reporting")
    return wb.query(tx, by="region", period=PERIOD).customers().sum("amount", bounds=(0, high))


@pytest.fixture
def rich(shop):
    """Return the shop with a budget wide enough to see figures nearly without noise."""
    text = CATALOG.replace(
        "{month: 2, year: 8, lifetime: 24}", "{month: 2e3, year: 2e3, lifetime: 2e3}"
    )
    (shop.settings.root / "catalog.yaml").write_text(text)
    return wb.open_workspace(shop.settings.root, now=shop.now)


def test_the_estimate_is_what_the_bound_cuts(rich):
    cut = sum(max(0, 10 + i % 90 - 40) for i in range(600))
    found = rich.clipping(asked(rich, 40), epsilon=200, times=4)
    whole = found.derive(over="region")
    value, high = (
        whole.columns["amount_sum_cut_off"][0],
        whole.columns["amount_sum_cut_off_high"][0],
    )
    assert value == pytest.approx(cut, abs=2 * (high - value) + 1)
    assert high - value < 0.02 * cut
    assert "as seen with bounds 4 times as wide" in whole.measures[-1].title
    names = [each.name for each in found.measures]  # a share beyond a bound is not among them
    assert names == ["customers_cut_off", "amount_sum_cut_off"]


def test_nothing_is_seen_cut_where_bounds_hold_everybody(shop):
    found = shop.clipping(asked(shop, 100), epsilon="0.4", times=2)
    frame = found.frame
    assert (
        (frame["amount_sum_cut_off_low"] < 0) & (frame["amount_sum_cut_off_high"] > 0)
    ).sum() >= 2


def test_customers_of_more_cells_than_allowed_are_seen(rich):
    tx = rich.open("transactions", "reporting")
    # nine months in all three categories, allowed one: each customer counts 1/sqrt(3) in each
    query = wb.query(tx, by="category", period=("2026-01", PERIOD), cells=1).customers()
    found = rich.clipping(query, epsilon=200, times=3)
    for value in found.columns["customers_cut_off"]:
        assert value == pytest.approx(600 * (1 - 3**-0.5), abs=5)


def test_the_bounded_answer_is_free_where_it_was_paid_for(shop):
    shop.release(asked(shop, 40), name="spend", epsilon="0.3")
    before = shop.ledger.head()[0]
    shop.clipping(asked(shop, 40), epsilon="0.3")
    kinds = [entry.kind for entry in shop.ledger.chain.entries() if entry.seq > before]
    assert kinds.count("spend") == 1


@pytest.mark.parametrize(
    ("change", "options", "message"),
    [
        (lambda q: q.mean("amount"), {}, r"not for mean. Ask for the totals"),
        (lambda q: q, {"times": 1}, "times must be a whole number, 2 or more"),
        (lambda q: q, {"times": 2.5}, "times must be a whole number"),
    ],
)
def test_what_cannot_be_estimated_is_refused_and_costs_nothing(shop, change, options, message):
    query = change(wb.query(shop.open("transactions", "reporting"), period=PERIOD).customers())
    with pytest.raises(QuestionRefused, match=message):
        shop.clipping(query, epsilon="0.1", **options)
    assert shop.ledger.head()[0] == 0


def test_a_plan_says_what_bounds_will_likely_cut_from_what_is_declared_and_was_released():
    lab = Lab([])
    narrow = lab.resolve(wb.query(lab.table).sum("amount", bounds=(0, 200)))
    (said,) = likely_cut(narrow, [])
    assert said == (
        "Amount: a customer's total counts from 0 to 200 in a cell, and by its declared bounds "
        "one row alone may have 500."
    )
    assert not list(likely_cut(lab.resolve(wb.query(lab.table).sum("amount", bounds=(0, 500))), []))
    assert not list(likely_cut(lab.resolve(wb.query(lab.table).customers()), []))
    earlier = _with_share_beyond(0.04)
    assert "in r-000001 'earlier' 4% of customers or more" in list(likely_cut(narrow, [earlier]))[1]
    assert len(list(likely_cut(narrow, [_with_share_beyond(-0.01)]))) == 1
    # of five groups the largest is told with the margin of five: 0.06 - 0.01 * 2.569 / 1.960
    five = replace(earlier, columns={name: [0.06] * 5 for name in earlier.columns})
    five.columns["amount_at_bound_low"][:] = [0.05] * 5
    assert "'earlier' 5% of customers" in list(likely_cut(narrow, [five]))[1]
    five.columns["amount_at_bound_low"][:] = [0.045] * 5
    assert "'earlier' 4% of customers" in list(likely_cut(narrow, [five]))[1]
    wide = lab.resolve(wb.query(lab.table).sum("amount", bounds=wb.ladder(100, 800)))
    assert not list(likely_cut(wide, [earlier]))


def _with_share_beyond(low):
    total = Measure("amount_sum", "sum", "Amount", "EUR", 2, 0.0, Bound(0.0, 200.0, "upper"))
    share = Measure("amount_at_bound", "rate", "Beyond", None, 4, at_bound_of="amount")
    columns = {
        f"{name}{end}": [low] for name in (total.name, share.name) for end in ("", "_low", "_high")
    }
    cost = Cost(10**10)
    return Release(
        "r-000001",
        "earlier",
        "visits",
        "reporting",
        "2026-08",
        (),
        (total, share),
        columns,
        cost,
        "v",
    )
