"""Losses of released grades: by hand, by the law's formula, margins that hold, replayed."""

from dataclasses import replace

import numpy as np
import pytest
from factories.noisy import CUSTOMERS, Books, answer, in_ledger, ledger

import workbench as wb
from workbench.errors import InputError, NotKnown, QuestionRefused, UnknownName
from workbench.privacy.columns import Dimension, Measure
from workbench.privacy.sheets import OPERATIONS
from workbench.privacy.tables import sheet_of

GRADE = Dimension("grade", "Grade", "band", ("A", "B", "C"), exclusive=True)
BAD = Measure("app_rate", "rate", "Bad, share", None, 4)
COUNTS, RATES = np.array([5000.0, 3000.0, 1000.0]), np.array([0.01, 0.04, 0.15])
ASSUMED = {"pd": "app_rate", "lgd": 0.4, "ead": 10.0, "correlation": 0.15}


def grades(*, sigma=1e-6, counts=COUNTS, rates=RATES, by=(GRADE,), noise=None):
    """Return customers and their bad rate by grade; ``noise`` in customers, of both figures."""
    bad = counts * rates
    if noise is not None:
        counts, bad = counts + noise[0], bad + noise[1]
    truth = {"n": list(counts), "app": list(bad)}
    return answer(by, truth, sigma=sigma, measures=(CUSTOMERS, BAD))


def book(release, **options):
    return wb.Portfolio(Books().put(release), **{**ASSUMED, **options})


def losses(release, **options):
    asked = {x: options.pop(x) for x in ("scenarios", "draws") if x in options}
    return book(release, **options).losses(**{"draws": 20_000, **asked})


def test_the_expected_loss_by_hand_and_the_value_at_risk_by_the_laws_formula():
    found = losses(grades(), draws=100_000).columns
    assert found["expected_loss"] == [pytest.approx(0.4 * 10 * (COUNTS * RATES).sum(), rel=1e-5)]
    # unexpected loss plus expected: capital of a retail mortgage, whose correlation is 0.15
    weight = wb.risk.irb_risk_weight(RATES, lgd=0.4, asset_class="residential mortgage")
    wanted = (10 * COUNTS * (weight / 12.5 + 0.4 * RATES)).sum()
    (low,), (high,) = found["value_at_risk_low"], found["value_at_risk_high"]
    assert low <= wanted <= high
    assert found["expected_shortfall"][0] > found["value_at_risk"][0] > found["expected_loss"][0]


def test_scenarios_stand_beside_each_other_and_are_worse_by_what_they_assume():
    scenarios = {"twice": {"pd_times": 2.0}, "downturn": {"factor_shift": -1.0, "lgd_times": 1.2}}
    found = losses(grades(), scenarios=scenarios)
    assert list(found.frame.scenario) == ["as released", "twice", "downturn"]
    base, twice, down = found.columns["expected_loss"]
    assert twice == pytest.approx(2 * base)
    assert down > 1.5 * base
    assert any("in no margin" in each for each in found.notes)


def test_an_exposure_that_was_released_is_taken_as_it_is():
    amount = Measure("rows", "rows", "Exposure", "rows")
    made = grades()
    mechanism = {**made.mechanism, "linear": {**made.mechanism["linear"], "rows": {"n": 7.0}}}
    given = replace(
        made, measures=(*made.measures, amount), mechanism=mechanism,
        columns={**made.columns, "rows": [1.0] * 3, "rows_low": [1.0] * 3, "rows_high": [1.0] * 3},
    )  # fmt: skip
    assert losses(given, ead="rows").columns["expected_loss"] == pytest.approx(
        losses(grades(), ead=7.0).columns["expected_loss"], rel=1e-6
    )


def test_a_loss_given_default_may_be_each_grades_own():
    found = losses(grades(), lgd={"A": 0.0, "B": 0.5, "C": 1.0}).columns["expected_loss"]
    assert found == [pytest.approx(10 * (0.5 * 120 + 150), rel=1e-5)]


def held_share(figure, rates, sigma, tries, seed):
    """Return how often, of so many tables and noises, a loss's margin held what is true."""
    dice = np.random.default_rng(seed)
    truth = losses(grades(rates=rates), draws=200_000, level=0.99).columns[figure][0]
    held = 0
    for _ in range(tries):
        drawn = dice.binomial(COUNTS.astype(int), rates) / COUNTS
        noisy = grades(sigma=sigma, rates=drawn, noise=dice.normal(0, sigma, (2, 3)))
        found = losses(noisy, draws=2000, level=0.99).columns
        held += found[f"{figure}_low"][0] <= truth <= found[f"{figure}_high"][0]
    return held / tries


@pytest.mark.parametrize("figure", ["expected_loss", "value_at_risk", "expected_shortfall"])
def test_margins_hold_the_noise_and_who_was_in_the_table(figure, size):
    tries = 40 if size == "smoke" else 1000
    held = held_share(figure, RATES, sigma=15.0, tries=tries, seed=4)
    assert held >= 0.94 - 3 * np.sqrt(0.05 * 0.95 / tries)


@pytest.mark.parametrize("rates", [[0.0, 0.0, 0.0], [-0.01, -0.02, 0.0], [0.002, 0.0, 0.004]])
def test_where_hardly_any_default_no_margin_goes_beyond_all_that_can_be_lost(rates):
    found = losses(grades(sigma=30.0, rates=np.array(rates)))
    for figure in ("expected_loss", "value_at_risk", "expected_shortfall"):
        assert found.columns[f"{figure}_high"][0] < 0.4 * 10 * COUNTS.sum()
    assert found.columns["value_at_risk_high"][0] > 0  # none of few is no proof of never


@pytest.mark.parametrize("figure", ["value_at_risk", "expected_shortfall"])
def test_margins_hold_where_hardly_any_default(figure, size):
    tries = 60 if size == "smoke" else 1000
    rates = np.array([0.001, 0.003, 0.01])
    held = held_share(figure, rates, sigma=10.0, tries=tries, seed=5)
    assert held >= 0.94 - 3 * np.sqrt(0.05 * 0.95 / tries)


def test_an_answer_of_before_has_the_margin_it_had():
    few = sheet_of(grades(sigma=30.0, rates=np.array([0.002, 0.0, 0.004])))
    given = {**ASSUMED, "count": "customers", "level": 0.999, "unit": None}
    asked = {"draws": 20_000, "scenarios": []}
    before, now = (
        OPERATIONS["portfolio_loss"](few, book=given | more, **asked).forms["value_at_risk"][0]
        for more in ({}, {"by_ends": True})
    )
    assert before.value == now.value
    assert before.variance > 2 * now.variance


def test_a_tornado_tells_noise_model_and_assumption_apart():
    spans = {"lgd": 0.1, "correlation": 0.05, "factor": 0.5, "pd": 0.2, "ead": 0.1}
    found = book(grades(sigma=15.0)).tornado(spans, of="expected_loss")
    frame = found.frame.pivot(index="input", columns="end", values="change")
    base = 0.4 * 10 * (COUNTS * RATES).sum()
    for label in ("assumption: loss given default", "assumption: exposure"):
        np.testing.assert_allclose(frame.loc[label, ["less", "more"]], [-0.1 * base, 0.1 * base])
    np.testing.assert_allclose(frame.loc["assumption: probability of default", "more"], 0.2 * base)
    assert frame.loc["model: correlation"].abs().max() < 1e-6 * base  # it moves no mean
    assert frame.loc["noise of the releases", "more"] > 0
    assert next(iter(found.frame.input)) in ("assumption: state of the economy",)
    wb.figures.bar(found, x="input", y="change", color="end")


def test_what_stands_on_a_page_is_computed_again(tmp_path):
    kept = ledger(tmp_path)
    asked = in_ledger(grades(sigma=15.0), kept)
    made = wb.Portfolio(asked, **ASSUMED)
    made.losses({"bad": {"factor_shift": -1.0}}, draws=20_000)
    made.tornado({"lgd": 0.1})
    assert kept.verify() > 0


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"lgd": 1.5}, InputError, "lgd is a number from 0 to 1, not 1.5"),
        ({"lgd": {"A": 0.4}}, UnknownName, "'B'"),
        ({"ead": -1.0}, InputError, "ead is a number from 0"),
        ({"ead": "balance"}, UnknownName, "balance"),
        ({"correlation": 1.0}, InputError, "correlation of .as released. is a number from 0"),
        ({"pd": "customers"}, QuestionRefused, "pd= is a rate"),
        ({"pd": "bad_rate"}, UnknownName, "app_rate"),
        ({"draws": 2_000_000}, InputError, "draws is a number from 1 to 1e"),
        ({"level": 0.3}, InputError, "level"),
        ({"scenarios": {"x": {"gdp": -2}}}, UnknownName, "pd_times"),
        ({"scenarios": {"as released": {}}}, InputError, "call a scenario otherwise"),
        ({"scenarios": {"": {}}}, InputError, "call a scenario otherwise"),
        ({"scenarios": {"x": {"pd_times": -1}}}, InputError, "pd_times of 'x'"),
    ],
)
def test_what_is_no_portfolio_is_refused(options, error, message):
    with pytest.raises(error, match=message):
        losses(grades(), **options)


def test_of_a_grade_that_is_not_known_no_loss_is_and_a_note_names_it(tmp_path):
    few = in_ledger(grades(sigma=100.0, counts=np.array([5000.0, 3000.0, 20.0])), ledger(tmp_path))
    made = wb.Portfolio(few, **ASSUMED)
    lost, moved = (
        made.losses({"bad": {"factor_shift": -1.0}}, draws=1000),
        made.tornado({"lgd": 0.1}),
    )
    assert list(lost.columns["scenario"]) == ["as released", "bad"]
    for found, name in ((lost, "value_at_risk"), (lost, "expected_loss"), (moved, "change")):
        assert set(found.columns[name]) == {None}
        assert "of C the rate of defaults is suppressed" in found.notes[-1]
    wb.figures.table(lost)
    assert few.origin.find(lost.id).notes == lost.notes


def test_what_the_figures_leave_open_is_raised_as_a_note():
    few = sheet_of(grades(sigma=100.0, counts=np.array([5000.0, 3000.0, 20.0])))
    given = {**ASSUMED, "count": "customers", "level": 0.999, "unit": None}
    with pytest.raises(NotKnown, match="Losses are not known: of C the rate"):
        OPERATIONS["tornado"](few, book=given, spans=[["lgd", 0.1]], of="expected_loss")


def test_grades_by_more_than_one_column_are_refused():
    two = (GRADE, Dimension("region", "Region", "category", ("N",)))
    with pytest.raises(QuestionRefused, match="is by grade, region"):
        losses(grades(by=two))


@pytest.mark.parametrize(
    ("by", "message"), [({"gdp": 1.0}, "gdp"), ({"lgd": 0.0}, "span"), ({"lgd": -0.1}, "span")]
)
def test_a_span_is_known_and_above_nothing(by, message):
    with pytest.raises((InputError, UnknownName), match=message):
        book(grades()).tornado(by)


def test_one_grade_is_a_portfolio():
    one = replace(GRADE, values=("A",))
    found = losses(grades(counts=COUNTS[:1], rates=RATES[:1], by=(one,)))
    assert found.columns["value_at_risk"][0] > found.columns["expected_loss"][0]


def test_what_is_assumed_to_be_at_its_end_has_no_margin_beyond_all_that_can_be_lost():
    found = losses(
        grades(sigma=15.0), scenarios={"all": {"pd_times": 1000.0}}, draws=2000, level=0.99
    )
    whole = 0.4 * 10 * COUNTS.sum()
    for figure in ("expected_loss", "value_at_risk", "expected_shortfall"):
        assert found.columns[figure][1] == pytest.approx(whole, rel=1e-6)
        assert found.columns[f"{figure}_high"][1] == pytest.approx(whole, rel=0.01)  # of counts


@pytest.mark.parametrize("what", ["count", "ead"])
def test_a_rate_is_no_number_of_loans_and_no_exposure(what):
    with pytest.raises(QuestionRefused, match="'app_rate' is no total of a grade"):
        losses(grades(), **{what: "app_rate"})


def test_currencies_are_not_mixed():
    amount = Measure("rows", "rows", "Exposure", "CNY")
    made = replace(grades(), measures=(*grades().measures, amount))
    with pytest.raises(InputError, match="'rows' is in CNY, and unit= says EUR"):
        losses(made, ead="rows", unit="EUR")


def test_the_level_of_a_value_at_risk_is_said_as_it_is():
    assert "99.99% of years lose less" in " ".join(
        losses(grades(), draws=200_000, level=0.9999).notes
    )
