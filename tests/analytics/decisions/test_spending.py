"""A budget over released groups: limits by name, gains less what the choice adds, a frontier."""

from dataclasses import replace

import numpy as np
import pytest
from factories.noisy import CUSTOMERS, Books, answer, in_ledger, ledger

import workbench as wb
from workbench.errors import InputError, QuestionRefused, UnknownName
from workbench.privacy.columns import Dimension, Measure

PERSONA = Dimension("persona", "Persona", "category", ("Loyal", "New", "Lapsed"), exclusive=True)
CHANNEL = Dimension("channel", "Channel", "category", ("post", "app"))
GAIN = Measure("amount_sum", "sum", "Expected gain", "CNY", 2)
SIZES, EACH = np.array([1000.0, 400.0, 600.0]), np.array([3.0, 8.0, -1.0])


def gains(*, sigma=1e-6, sizes=SIZES, each=EACH, by=(PERSONA,), noise=None):
    """Return customers and the gain of contacting all of them, by group."""
    whole = sizes * each + (0 if noise is None else noise)
    made = answer(
        by, {"n": list(sizes), "amount": list(whole / 100)}, sigma=sigma, measures=(CUSTOMERS, GAIN)
    )
    linear = {"customers": {"n": 1.0}, "amount_sum": {"amount": 100.0}}
    return replace(made, mechanism={**made.mechanism, "linear": linear})


def planned(release=None, **options):
    given = {"cost": 2.0, "budget": 1000.0, "gain": "amount_sum", **options}
    asked = release or gains()
    return wb.allocate(asked if asked.origin else Books().put(asked), **given)


def test_a_budget_goes_where_a_unit_of_it_gains_most_and_says_why_not_elsewhere():
    found = planned().frame.set_index("persona")
    assert dict(found.contacts) == {"Loyal": 100, "New": 400, "Lapsed": 0}
    assert dict(found.limited_by) == {
        "Loyal": "budget", "New": "all are contacted", "Lapsed": "no gain",
    }  # fmt: skip
    assert dict(found.spend) == {"Loyal": 200, "New": 800, "Lapsed": 0}
    assert found.expected_gain.sum() == pytest.approx(100 * 3 + 400 * 8, rel=1e-4)
    assert "One more of 'budget' would gain 1.50." in planned().notes


def test_limits_of_groups_and_of_channels_are_kept():
    both = gains(
        by=(PERSONA, CHANNEL), sizes=np.full(6, 100.0), each=np.array([5.0, 4, 3, 2, 1, 0.5])
    )
    booked = {"where": {"channel": "post"}, "at_least": 400, "at_most": 400, "of": "cost"}
    found = planned(
        both,
        cost={"post": 4.0, "app": 1.0},
        limits={
            "post is booked": booked,
            "win back": {"where": {"persona": "Lapsed"}, "at_least": 120},
        },
    ).frame  # fmt: skip
    assert found[found.channel == "post"].spend.sum() == 400
    assert found[found.persona == "Lapsed"].contacts.sum() >= 120
    assert found.spend.sum() <= 1000


def test_a_zero_budget_buys_nothing_and_says_that_it_is_the_budget():
    found = planned(budget=0.0).frame
    assert list(found.contacts) == [0, 0, 0]
    assert list(found.limited_by) == ["budget", "budget", "no gain"]


def test_without_a_budget_all_who_gain_are_contacted():
    assert list(planned(budget=None).frame.contacts) == [1000, 400, 0]


def test_one_group_gets_all_there_is():
    one = gains(sizes=SIZES[:1], each=EACH[:1], by=(replace(PERSONA, values=("Loyal",)),))
    assert list(planned(one).frame.contacts) == [500]


def test_margins_hold_what_would_come_though_the_largest_were_chosen(size):
    dice, tries, sigma = np.random.default_rng(3), 12 if size == "smoke" else 500, 8.0
    by = (Dimension("persona", "Persona", "category", tuple("ABCDEFGH"), exclusive=True),)
    each, sizes = np.full(8, 4.0), np.full(8, 500.0)  # all alike: only noise tells them apart
    held, plain = 0, 0
    for _ in range(tries):
        noise = 100 * dice.normal(0, sigma, 8)
        asked = gains(sigma=sigma, by=by, sizes=sizes, each=each, noise=noise)
        found = planned(asked, budget=3000.0)
        told = found.derive("expected_gain", over=["persona", "limited_by"]).columns
        truth = 4.0 * sum(found.columns["contacts"])
        held += told["expected_gain_low"][0] <= truth <= told["expected_gain_high"][0]
        plain += float(np.dot(found.columns["contacts"], each + noise / sizes)) > truth
    assert held >= 0.92 * tries - 3 * np.sqrt(0.05 * 0.95 * tries)
    assert plain > 0.9 * tries  # what was not corrected expects too much nearly always


def test_a_frontier_rises_less_and_less_and_its_price_is_its_slope():
    found = wb.frontier(
        Books().put(gains()), cost=2.0, budgets=[0, 400, 800, 1200, 5000], gain="amount_sum"
    )
    gained = found.frame.expected_gain.to_numpy(float)
    assert list(found.frame.budget) == ["0", "400", "800", "1,200", "5,000"]
    np.testing.assert_allclose(gained, [0, 1600, 3200, 3800, 6200], rtol=1e-3)
    assert found.columns["price"][0] == 4.0
    assert found.columns["price"][3:] == [1.5, 0.0]
    wb.figures.line(found, x="budget", y="expected_gain")


def test_what_stands_on_a_page_is_computed_again(tmp_path):
    book = ledger(tmp_path)
    asked = in_ledger(gains(sigma=2.0), book)
    wb.allocate(asked, cost=2.0, budget=500.0, gain="amount_sum")
    wb.frontier(asked, cost=2.0, budgets=[100.0, 500.0], gain="amount_sum")
    assert book.verify() > 0


def test_a_gain_from_a_campaigns_effect_is_shared_out():
    books = Books()
    sizes = books.put(gains(sigma=2.0))
    gained = wb.expected_gain(sizes, value_each=150, assumed=0.02)
    found = wb.allocate(gained, cost=1.0, budget=600.0)
    assert sum(found.columns["contacts"]) == 600


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"budget": -1.0}, InputError, "a budget is an amount of 0 or more"),
        ({"cost": -2.0}, InputError, "cost is an amount of 0 or more"),
        ({"cost": None}, InputError, "cost is an amount of 0 or more, not None"),
        ({"cost": {"Loyal": 2.0}}, InputError, "no costs of a contact with New"),
        ({"gain": "profit"}, UnknownName, "profit"),
        ({"limits": {"x": {"where": {"persona": "Gold"}, "at_least": 1}}}, UnknownName, "Gold"),
        ({"limits": {"x": {"where": {"tier": "Gold"}, "at_least": 1}}}, UnknownName, "tier"),
        ({"limits": {"x": {"minimum": 1}}}, UnknownName, "at_least"),
        ({"limits": {" ": {"at_most": 1}}}, InputError, "a name of its own"),
        ({"limits": {"no gain": {"at_most": 1}}}, InputError, "a name of its own, none of all are"),
        ({"limits": {"x": {}}}, InputError, "'x' is at_least= or at_most="),
        ({"limits": {"x": {"at_most": -1}}}, InputError, "'x' is an amount of 0 or more"),
        ({"limits": {"x": {"at_most": 1, "of": "money"}}}, InputError, "'customers' or 'cost'"),
        ({"limits": {"budget": {"at_most": 1}}}, InputError, "a name of its own"),
        (
            {"limits": {"many": {"at_least": 900}, "few": {"at_most": 100}}, "budget": None},
            InputError,
            "at once: 'many', 'few'. Each alone",
        ),
        (
            {"limits": {"odd": {"at_least": 9, "at_most": 8}}},
            InputError,
            "at once: 'odd'. Its where= names nobody, or no whole number lies from",
        ),
        (
            {"limits": {"nobody": {"where": {"persona": []}, "at_least": 1}}},
            InputError,
            "'nobody'. Its where= names nobody",
        ),
        (
            {"limits": {"much": {"at_least": 1500, "of": "cost"}}},
            InputError,
            "at once: 'much', 'budget'",
        ),
    ],
)
def test_what_cannot_be_shared_out_is_refused_by_name(options, error, message):
    with pytest.raises(error, match=message):
        planned(**options)


@pytest.mark.parametrize("way", [planned, lambda **given: fronted(**given)])
def test_where_there_are_too_few_for_a_limit_there_is_no_plan_and_a_note_names_both(way):
    found = way(limits={"all new": {"where": {"persona": "New"}, "at_least": 450}})
    assert "too few customers to keep all of this at once: all new, New." in found.notes[-1]
    assert {value for each in found.measures for value in found.columns[each.name]} == {None}
    assert set(found.columns.get("limited_by", ["nothing is planned"])) == {"nothing is planned"}
    wb.figures.table(found)


def fronted(limits, **more):
    return wb.frontier(
        Books().put(gains()), cost=2.0, budgets=[2000.0], gain="amount_sum", limits=limits, **more
    )


def test_a_group_whose_gain_is_not_known_gets_nothing_and_says_why():
    few = gains(sizes=np.array([1000.0, 4.0, 600.0]), sigma=10.0)
    found = planned(Books().put(few).suppress(min_customers=50), budget=None).frame
    assert list(found.limited_by) == ["all are contacted", "its gain is not known", "no gain"]
    assert list(found.contacts) == [1000, 0, 0]


@pytest.mark.parametrize("budget", [None, "all", -1.0, True])
def test_a_budget_of_a_frontier_is_an_amount(budget):
    with pytest.raises(InputError, match="a budget is an amount of 0 or more"):
        wb.frontier(Books().put(gains()), cost=1.0, budgets=[5, budget], gain="amount_sum")


def test_a_total_has_no_groups_to_share_among():
    with pytest.raises(QuestionRefused, match="over groups"):
        planned(gains(by=(), sizes=SIZES[:1], each=EACH[:1]))


@pytest.mark.parametrize("budgets", [[], [5, 1], [1, 1], [1.0, 1.0 + 1e-12]])
def test_budgets_of_a_frontier_rise(budgets):
    with pytest.raises(InputError, match=r"the smallest first|two of these read the same"):
        wb.frontier(Books().put(gains()), cost=1.0, budgets=budgets, gain="amount_sum")


@pytest.mark.parametrize("way", [planned, lambda **given: fronted({}, **given)])
def test_currencies_are_not_mixed(way):
    with pytest.raises(InputError, match="'amount_sum' is in CNY, and unit= says EUR"):
        way(unit="EUR")


def test_among_groups_that_are_alike_the_choice_is_said_to_be_no_finding():
    found = planned(gains(each=np.array([3.0, 3.0, -1.0])))
    assert "Alike in gain, cost and limits: Loyal, New. Which of them" in " ".join(found.notes)
    dear = {"Loyal": 2, "New": 1, "Lapsed": 2}
    for each, more in (
        ([3, 8, -1], {}),
        ([3, 3, -1], {"budget": None}),
        ([3, 3, 1], {"cost": dear}),
    ):
        told = planned(gains(each=np.array(each, float)), **more)
        assert not any(note.startswith("Alike") for note in told.notes)
