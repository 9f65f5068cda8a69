"""Noise is added to every cell at the stated scale, and figures are put together from it alone."""

import math
import random
import statistics
from collections import Counter
from fractions import Fraction

import pytest
from scipy import stats
from support.lab import Lab, booked, cents

import workbench as wb
from workbench.privacy.engine import answering
from workbench.privacy.engine.answering import Computed, answer, sigma_of
from workbench.privacy.engine.bounding import LATTICE, norm_squared
from workbench.privacy.margins import fieller

RHO_ONE = 10**12


@pytest.fixture(scope="module")
def lab():
    return Lab([{"customer_id": f"u{i}", "region": "a", "amount": cents(i)} for i in range(50)])


def totals(lab, question):
    """Return the exact totals of a question of one part."""
    (computed,) = lab.totals(question)
    return computed


def test_every_declared_cell_is_answered_empty_ones_too(lab):
    question = lab.resolve(wb.query(lab.table, by=["region", "kind"]).customers().sum("amount"))
    figures = answer(question, Computed(), booked(question, RHO_ONE))
    assert len(figures.columns["customers"]) == 12
    assert figures.columns["region"] == ["a"] * 4 + ["b"] * 4 + ["c"] * 4
    assert figures.columns["kind"] == list("pqrs") * 3
    assert len(set(figures.mechanism["noisy"]["n"])) == 12  # noise in each
    assert {type(each) for each in figures.mechanism["noisy"]["amount"]} == {int}


@pytest.mark.parametrize("pico", [24 * 10**9, RHO_ONE, 7])
def test_the_noise_has_the_scale_its_price_asks_for(lab, pico, size):
    query = wb.query(lab.table, by=["region", "kind"], cells=2).customers().sum("amount")
    question = lab.resolve(query)
    # there, the total, and half the lattice for whether it is beyond the bound
    sigma = math.sqrt(2 * (2 + 1 / 16) / (2 * pico / 10**12))
    draws = []
    for _ in range(1000 if size == "full" else 40):
        mechanism = answer(question, Computed(), booked(question, pico)).mechanism
        assert mechanism["sigma"] == pytest.approx(sigma) == pytest.approx(sigma_of(question, pico))
        draws += [each / LATTICE for name in ("n", "amount") for each in mechanism["noisy"][name]]
    assert abs(statistics.fmean(draws)) < 5 * sigma / math.sqrt(len(draws))
    chi = sum(each * each for each in draws) / sigma**2
    assert 1e-6 < stats.chi2.cdf(chi, len(draws)) < 1 - 1e-6


def test_a_price_is_shared_by_the_mechanisms_of_one_answer(lab):
    one = lab.resolve(wb.query(lab.table, by="region").customers().sum("amount"))
    three = lab.resolve(
        wb.query(lab.table, by="region")
        .customers()
        .sum("amount")
        .median("amount")
        .distinct("note", most=2)
    )
    assert (one.blocks, three.blocks) == (1, 3)
    sigma = answer(one, Computed(), booked(one, RHO_ONE)).mechanism["sigma"]
    shared = answer(three, Computed(weights=({},), distinct=({},)), booked(three, 3 * RHO_ONE))
    assert shared.mechanism["sigma"] == pytest.approx(sigma)
    low, high = (shared.columns["note_distinct" + each][0] for each in ("_low", "_high"))
    assert (high - low) / 2 / 1.959964 == pytest.approx(2 / math.sqrt(2), abs=0.4)  # of whole ones


def test_a_quantiles_choices_cost_no_more_than_its_price(lab, monkeypatch):
    spent = []

    def spy(utility, epsilon, sensitivity, randbelow):
        spent.append((epsilon, sensitivity))
        return 0

    monkeypatch.setattr(answering, "exponential_choice", spy)
    question = lab.resolve(wb.query(lab.table, by=["region", "kind"], cells=5).median("amount"))
    answer(question, Computed(weights=({},)), booked(question, RHO_ONE))
    assert len(spent) == 12  # each cell; but one customer is in 5 of them
    assert sum(epsilon**2 / 8 for epsilon, _ in spent[:5]) * math.pi / 2 <= 1
    assert sum(epsilon**2 / 8 for epsilon, _ in spent[:5]) * math.pi / 2 == pytest.approx(1)


def test_the_answer_is_decided_by_totals_and_the_source_of_integers(lab):
    question = lab.resolve(
        wb.query(lab.table, by="region").mean("amount").median("amount").distinct("note", most=1)
    )
    exact = totals(lab, question)
    first, second, third = (
        answer(question, exact, booked(question, RHO_ONE), randbelow=random.Random(seed).randrange)
        for seed in (1, 1, 2)
    )
    assert first == second
    assert first.columns != third.columns


def test_figures_are_put_together_from_noisy_integers_alone(lab):
    query = wb.query(lab.table, by="region").sum("amount", bounds=(-50, 150))
    question = lab.resolve(query)
    figures = answer(question, Computed(), booked(question, RHO_ONE))
    noisy, columns = figures.mechanism["noisy"], figures.columns
    for row, (n, x) in enumerate(zip(noisy["n"], noisy["amount"], strict=True)):
        assert columns["customers"][row] == round(n / LATTICE)
        assert columns["amount_sum"][row] == pytest.approx((x * 100 + n * 50) / LATTICE, abs=0.01)
    margin = 1.959964 * figures.mechanism["sigma"] * math.hypot(100, 50)
    half = (columns["amount_sum_high"][0] - columns["amount_sum_low"][0]) / 2
    assert half == pytest.approx(margin, abs=0.0051)  # ends are stored in cents


def test_intervals_hold_the_exact_figure_95_times_in_100(size):
    dice = random.Random(5)
    rows = [
        {"customer_id": f"u{i}", "amount": cents(round(dice.uniform(20, 180), 2))}
        for i in range(2000)
    ]
    lab = Lab(rows)
    query = wb.query(lab.table, rows=1).count().std("amount").rate(big=lab.table.amount > 120)
    question = lab.resolve(query)
    exact = totals(lab, question)
    truth = answer(question, exact, booked(question, 10**40)).columns
    runs = 4000 if size == "full" else 400
    held = Counter()
    for _ in range(runs):
        columns = answer(question, exact, booked(question, RHO_ONE // 4)).columns
        for name in ("customers", "rows", "amount_sum", "amount_mean", "amount_std", "big_rate"):
            held[name] += columns[f"{name}_low"][0] <= truth[name][0] <= columns[f"{name}_high"][0]
    for name, count in held.items():
        # an interval of rounded ends may hold a little more
        assert stats.binom.cdf(count, runs, 0.95) > 1e-5, name
        assert stats.binom.sf(count, runs, 0.975) > 1e-5, name


def test_a_ratio_over_nearly_nobody_is_not_shown(lab):
    question = lab.resolve(wb.query(lab.table, by="region").std("amount"))
    columns = answer(question, Computed(), booked(question, RHO_ONE // 1000)).columns
    for name in ("amount_mean", "amount_var", "amount_std"):
        assert None in columns[name]  # noise alone looks like somebody 25 times in 1,000


def test_fieller_1954():
    # by hand: 10 ± 1 over 5 ± 0.5, no covariance
    value, low, high = fieller(10, 5, 1, 0.25, 0)
    z2 = 1.959964**2
    a, b, c = 25 - z2 * 0.25, 50, 100 - z2
    root = math.sqrt(b * b - a * c)
    assert (value, low, high) == pytest.approx((2, (b - root) / a, (b + root) / a))
    assert low < 2 < high
    assert fieller(10, 0.5, 1, 1, 0) == (None, None, None)
    assert fieller(10, -5, 1, 0.25, 0) == (None, None, None)


class TestPure:
    @pytest.fixture
    def question(self, lab):
        return lab.resolve(
            wb.query(lab.table, by=["region", "kind"], cells=2, rows=4).customers().count(),
            pure=True,
        )

    def test_the_noise_is_for_all_that_one_customer_adds(self, question):
        figures = answer(question, Computed(), booked(question, 0, Fraction(1, 2)))
        assert figures.mechanism["sensitivity"] == 2 * (1 + 4)
        assert figures.mechanism["epsilon"] == "1/2"

    @pytest.mark.parametrize("epsilon", ["1/2", "5", "40"])
    def test_margins_hold_at_least_95_in_100_and_the_next_smaller_do_not(self, question, epsilon):
        columns = answer(question, Computed(), booked(question, 0, Fraction(epsilon))).columns
        margin = columns["customers_high"][0] - columns["customers"][0]
        a = math.exp(-float(Fraction(epsilon)) / 10)

        def outside(m):
            return 2 * a ** (m + 1) / (1 + a)

        assert outside(margin) <= 0.05
        assert margin == 0 or outside(margin - 1) > 0.05

    def test_it_takes_its_noise_from_the_system(self, question):
        answers = [
            answer(question, Computed(), booked(question, 0, Fraction(1, 10))).columns
            for _ in range(2)
        ]
        assert answers[0]["customers"] != answers[1]["customers"]


class TestFound:
    def test_they_are_in_order_of_their_names_and_not_of_their_size(self, lab):
        query = wb.query(lab.table, by=wb.discovered("note", delta="1e-8")).customers()
        question = lab.resolve(query)
        found = Computed(found={"z": 900, "b": 500, "m": 700})
        figures = answer(question, found, booked(question, RHO_ONE))
        assert figures.columns["note"] == ["b", "m", "z"]
        assert figures.mechanism["threshold"] > 5
        assert "noisy count" in figures.notes[0]

    def test_the_margin_is_that_of_its_noise(self, lab):
        query = wb.query(lab.table, by=wb.discovered("note", delta="1e-8"), cells=4).customers()
        question = lab.resolve(query)
        event = booked(question, RHO_ONE // 2**20)
        figures = answer(question, Computed(found={"b": 10**6}), event)
        sigma = math.sqrt(4 * 2**20 / 2)
        assert figures.mechanism["sigma"] == pytest.approx(sigma, rel=1e-5)
        half = (figures.columns["customers_high"][0] - figures.columns["customers_low"][0]) / 2
        assert half == pytest.approx(1.96 * sigma, rel=1e-3)


def test_the_norm_is_in_the_units_of_the_lattice(lab):
    question = lab.resolve(
        wb.query(lab.table, by=["region", "kind"], cells=3).count().mean("amount")
    )
    # rows, total, values; being there; and a quarter of the lattice for the share at the bound
    assert norm_squared(question) * 16 == 3 * (16 * (1 + 3) + 1) * LATTICE**2


@pytest.mark.parametrize("kind", ["var", "std"])
@pytest.mark.parametrize("squares", [10.0, 90.0, 100.0, 101.0, 900.0])
def test_a_spread_near_nought_keeps_the_length_of_its_margin(kind, squares):
    plan = {"top": {"v": 1.0}, "squares": {"s": 1.0}, "bottom": {"n": 1.0}}
    at = {"n": 100.0, "v": 100.0, "s": squares}
    value, low, high = answering.figure(kind, plan, at, spread=2.0)
    assert 0 <= low <= value < high
    root = 1 if kind == "var" else 2
    noise = answering.Z_95 * 2.0 * math.sqrt((2 - squares / 100) ** 2 + 4 + 1) / 100
    assert high**root - value**root == pytest.approx(noise)


def test_a_share_is_stored_as_it_was_drawn():
    plan = {"top": {"a": 1.0}, "bottom": {"n": 1.0}}
    value, low, high = answering.figure("rate", plan, {"n": 100.0, "a": 104.0}, spread=1.0)
    assert 1 < value == 1.04
    assert high - value == pytest.approx(value - low, rel=0.1)
