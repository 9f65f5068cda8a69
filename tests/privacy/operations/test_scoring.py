"""What a table of score band × outcome says: figures by hand, by libraries, and their coverage."""

import re
from dataclasses import replace

import numpy as np
import pytest
from factories.noisy import AMOUNT, CUSTOMERS, REGION, Books, answer
from scipy.stats import ks_2samp
from sklearn.metrics import roc_auc_score

import workbench as wb
from workbench.errors import QuestionRefused, UnknownName
from workbench.privacy.columns import Bound, Dimension
from workbench.privacy.operations.scoring import gini, ks, psi
from workbench.privacy.sheets import apply
from workbench.privacy.tables import columns_of, sheet_of

BAND = Dimension("score_band", "Score", "band", ("< 560", "560 to 600", "600 to 640", "≥ 640"))
BAD = Dimension("bad", "Bad", "category", (False, True), exclusive=True)
GOOD_AND_BAD = np.array([[100, 60], [200, 40], [400, 30], [900, 20]], float)


def table(counts, *, sigma=1e-9, by=(BAND, BAD), books=None, number=1):
    cells = [float(each) for each in np.ravel(counts)]
    made = answer(list(by), {"n": cells}, sigma=sigma, measures=(CUSTOMERS,), number=number)
    return (books or Books()).put(made)


def pair_of(draw, sizes, sd):
    """Return two tables in one ledger, and what noisy counts they show."""
    books, seen = Books(), [draw(each) for each in sizes]
    return seen, [
        table(each, sigma=sd, by=[BAND], books=books, number=i + 1) for i, each in enumerate(seen)
    ]


def scores(counts=GOOD_AND_BAD):
    """Return one row a customer: whether bad, and the band, as a library wants them."""
    rows = [
        (bad, band)
        for band, row in enumerate(counts)
        for bad in (0, 1)
        for _ in range(int(row[bad]))
    ]
    return np.array(rows).T


def test_gini_and_ks_are_those_of_libraries():
    bad, band = scores()
    assert gini(GOOD_AND_BAD) == pytest.approx(2 * roc_auc_score(bad, -band) - 1, abs=1e-12)
    apart = ks_2samp(band[bad == 1], band[bad == 0]).statistic
    assert ks(GOOD_AND_BAD) == pytest.approx(apart, abs=1e-12)


def test_psi_by_hand():
    # 10 and 90 become 20 and 80 of 100: 0.1·ln(2) + 0.1·ln(9/8), Siddiqi 2006, p. 139
    assert psi(np.array([10.0, 90.0]), np.array([20.0, 80.0])) == pytest.approx(
        0.1 * np.log(2) + 0.1 * np.log(9 / 8)
    )


def test_margins_of_gini_and_ks_hold_noise_and_who_was_there():
    dice, shares = np.random.default_rng(7), GOOD_AND_BAD / GOOD_AND_BAD.sum()
    held = {"gini": 0, "ks": 0}
    truth = {"gini": gini(GOOD_AND_BAD), "ks": ks(GOOD_AND_BAD)}
    tries = 150
    for _ in range(tries):
        sampled = dice.multinomial(2000, shares.ravel()).astype(float)
        found = table(sampled + dice.normal(0, 8, 8), sigma=8.0).discrimination(
            "bad", measure="customers"
        )
        for name, true in truth.items():
            low, high = (found.columns[f"{name}_{end}"][0] for end in ("low", "high"))
            held[name] += low <= true <= high
    assert min(held.values()) >= 0.90 * tries  # 95 % at the least but for three standard deviations


UNEVEN = (0.939, 0.0256, 0.0098, 0.0256)  # customers by days past due, of the sample bank


@pytest.mark.parametrize(
    ("shares", "sizes", "sds"),
    [
        (GOOD_AND_BAD.sum(axis=1) / GOOD_AND_BAD.sum(), (3000, 1000), (1e-9, 1e-9)),
        (GOOD_AND_BAD.sum(axis=1) / GOOD_AND_BAD.sum(), (3000, 1000), (12.0, 12.0)),
        (UNEVEN, (2760, 2760), (45.0, 25.0)),  # three bands that noise drowns
        (UNEVEN, (2760, 2760), (25.0, 45.0)),
        ((0.6, 0.25, 0.1, 0.04, 0.01), (100, 100), (6.0, 6.0)),
        ((0.6, 0.25, 0.1, 0.04, 0.01), (1000, 100), (4.0, 4.0)),
        ((0.97, 0.01, 0.01, 0.005, 0.005), (10_000, 10_000), (60.0, 60.0)),
    ],
)
def test_where_nothing_changed_five_in_a_hundred_are_beyond(shares, sizes, sds, size):
    tries = 100 if size == "smoke" else 6_000
    dice, bands = np.random.default_rng(5), len(shares)
    axis = Dimension("score_band", "Score", "band", tuple("abcde"[:bands]))
    beyond, above = 0, 0
    for _ in range(tries):
        books = Books()
        drawn = [
            dice.multinomial(n, shares) + dice.normal(0, sd, bands)
            for n, sd in zip(sizes, sds, strict=True)
        ]
        before, now = (
            table(each, sigma=sd, by=[axis], books=books, number=number)
            for number, (each, sd) in enumerate(zip(drawn, sds, strict=True), 1)
        )
        found = now.stability(before, measure="customers").columns
        beyond += found["psi"][0] > found["no_drift"][0]
        above += found["psi_low"][0] > 0
    assert beyond == pytest.approx(above, abs=1 + tries / 200)  # both are told to some digits
    assert above / tries == pytest.approx(0.05, abs=0.06 if size == "smoke" else 0.01)


def test_a_real_drift_is_within_its_margin():
    before, now = np.array([100, 200, 400, 800.0]), np.array([300, 300, 400, 500.0])
    dice, held = np.random.default_rng(5), 0
    for _ in range(100):
        _, pair = pair_of(lambda n: dice.poisson(n) + dice.normal(0, 10, 4), (before, now), 10.0)
        found = pair[1].stability(pair[0], measure="customers").columns
        held += found["psi_low"][0] <= psi(before, now) <= found["psi_high"][0]
    assert held >= 93


@pytest.mark.parametrize(
    ("way", "stored"),
    [  # as stored by the versions that drew with replacement, and took noise off all bands alike
        ({}, (0.0100729614884, 0.000160836138341, 0.0524427616849, 0.0116987724578)),
        (
            {"without_replacement": True},
            (0.0102267954033, 0.000173941598697, 0.0522110038632, 0.0115894462771),
        ),
    ],
)
def test_an_answer_of_before_comes_out_as_it_did(way, stored):
    books, counts = Books(), ([100, 200, 400, 800], [140, 230, 380, 750])
    before, now = (
        table(each, sigma=5.0, by=[BAND], books=books, number=i) for i, each in enumerate(counts, 1)
    )
    again = apply("stability", {"measure": "customers", **way}, [sheet_of(now), sheet_of(before)])
    found = {name: values[0] for name, values in columns_of(again).items() if values[0] is not None}
    assert found == dict(zip(("psi", "psi_low", "psi_high", "no_drift"), stored, strict=True))


def test_who_was_in_another_table_is_another_chance():
    books = Books()
    one, other = (judged(table(GOOD_AND_BAD, books=books, number=n)) for n in (1, 2))
    lead = one.derive(wb.difference("gini", against=other, name="lead")).columns
    each = one.columns["gini_high"][0] - one.columns["gini"][0]
    assert lead["lead"] == [0]
    assert lead["lead_high"][0] == pytest.approx(2**0.5 * each, rel=1e-6)


def test_cutoffs_by_hand():
    found = table(GOOD_AND_BAD).cutoffs("bad", gain=10, loss=40, unit="EUR", measure="customers")
    columns = found.columns
    assert columns["cutoff"] == ["everybody", "from 560", "from 600", "from 640"]
    assert columns["kept_share"] == pytest.approx([1, 1590 / 1750, 1350 / 1750, 920 / 1750])
    assert columns["bad_rate"] == pytest.approx([150 / 1750, 90 / 1590, 50 / 1350, 20 / 920])
    assert columns["profit"] == pytest.approx([10000, 11400, 11000, 8200])
    assert columns["more"] == pytest.approx([0, 1400, 1000, -1800])
    assert columns["more_high"][0] == 0  # everybody is no more than everybody, whatever the noise
    # of 100 good and 60 bad ones drawn: 10² · 100 + 40² · 60
    assert columns["more_high"][1] - 1400 == pytest.approx(1.96 * (10000 + 96000) ** 0.5, rel=1e-3)


def test_what_is_made_of_bounded_counts_says_their_bound():
    bound = Bound(0.0, 1.0, "upper", unit="rows")
    cells = {"n": [float(each) for each in GOOD_AND_BAD.ravel()]}
    made = answer([BAND, BAD], cells, sigma=1e-9, measures=(replace(CUSTOMERS, bound=bound),))
    counted = Books().put(made)
    worth = {"gain": 10, "loss": 40, "measure": "customers"}
    together = counted.derive("customers", over="bad")
    for each in (counted.cutoffs("bad", **worth), judged(counted)):
        assert {measure.bound for measure in each.measures} == {bound}
    assert [x.bound for x in together.stability(together, measure="customers").measures] == [
        bound,
        None,
    ]


def test_the_best_cutoff_has_a_margin_for_having_been_chosen():
    worth = {"gain": 10, "loss": 40, "measure": "customers"}
    every, best = (
        table(GOOD_AND_BAD).cutoffs("bad", **worth, best=each).columns for each in (False, True)
    )
    assert (best["cutoff"], best["profit"]) == ([560], every["profit"][1:2])
    alone = every["profit_high"][1] - every["profit"][1]
    # of four cut-offs all hold at once: 0.95 ** (1 / 4), Šidák
    assert best["profit_high"][0] - best["profit"][0] == pytest.approx(
        alone * 2.491 / 1.96, rel=1e-3
    )
    costly = table(GOOD_AND_BAD).cutoffs("bad", gain=10, loss=1, measure="customers", best=True)
    assert costly.columns["cutoff"] == [None]
    assert costly.notes[-1].startswith("Recommended cut-off: none. Approving everybody")


@pytest.mark.parametrize(("sigma", "least"), [(1e-9, "50"), (30.0, r"\d{3}")])
def test_no_cutoff_is_recommended_while_few_outcomes_are_known(sigma, least):
    few = np.array(GOOD_AND_BAD) // (30 if sigma < 1 else 1)
    made = table(few, sigma=sigma)
    worth = {"gain": 10, "loss": 40, "measure": "customers"}
    best = made.cutoffs("bad", **worth, best=True)
    assert {best.columns[each.name][0] for each in best.measures} == {None}
    said = rf"not known as yet\. About [\d,]+ good and \d+ bad .* chosen by {least} of each"
    assert re.search(said, best.notes[-1])
    assert None not in made.cutoffs("bad", **worth).columns["profit"]
    # a recipe of before comes out as it did
    before = {**worth, "outcome": "bad", "unit": None, "best": True}
    assert made._made("cutoffs", None, **before).columns["cutoff"] != [None]


@pytest.mark.parametrize(("number", "times"), [(2, 2**0.5), (1, 0.0)])
def test_the_chance_of_who_was_there_is_shared_by_figures_of_one_answer_alone(number, times):
    """Two tables are of other customers, so what is between them has the chance of both."""
    books = Books()
    one, other = (
        judged(table(GOOD_AND_BAD, sigma=1.0, books=books, number=each)) for each in (1, number)
    )
    apart = one.derive(wb.difference("gini", against=other))
    assert apart.columns["gini_change_high"][0] == pytest.approx(
        times * (one.columns["gini_high"][0] - one.columns["gini"][0]), abs=1e-9
    )


def test_other_groups_are_judged_one_by_one():
    both = np.array([GOOD_AND_BAD, GOOD_AND_BAD[::-1], GOOD_AND_BAD])
    found = table(both, by=[REGION, BAND, BAD]).discrimination("bad", measure="customers")
    assert found.columns["region"] == ["North", "South", "West"]
    first, second, _ = found.columns["gini"]
    assert first > 0 > second


def judged(made, outcome="bad", measure="customers"):
    return made.discrimination(outcome, measure=measure)


def moved(made):
    return made.stability(made, measure="customers")


def cut(made, gain=1.0):
    return made.cutoffs("bad", gain=gain, loss=1, measure="customers")


@pytest.mark.parametrize(
    ("counts", "sigma", "by", "ask", "message"),
    [
        ([9] * 8, 1.0, [BAND, BAD], lambda r: judged(r, "good"), "good"),
        ([9] * 8, 1.0, [BAND, BAD], lambda r: judged(r, measure="rows"), "'rows' by one column"),
        ([9] * 3, 1.0, [REGION], moved, "this is by region"),
        ([9] * 12, 1.0, [REGION, BAND], moved, "the same bands"),
        ([9] * 8, 1.0, [BAND, BAD], lambda r: cut(r, gain=0), "both above 0"),
    ],
)
def test_what_is_no_table_of_a_score_is_refused(counts, sigma, by, ask, message):
    with pytest.raises((QuestionRefused, UnknownName), match=message):
        ask(table(counts, sigma=sigma, by=by))


def test_what_is_judged_by_too_few_is_not_known_and_says_why():
    both = np.array([GOOD_AND_BAD, GOOD_AND_BAD / 40, GOOD_AND_BAD])
    made = table(both, by=[REGION, BAND, BAD])
    found = judged(made)
    enough = gini(GOOD_AND_BAD)
    assert found.columns["gini"] == pytest.approx([enough, None, enough])
    assert found.columns["ks_high"][1] is None
    assert "About 40 good and 4 bad ones were found" in " ".join(found.notes)
    of_before = {"measure": "customers", "outcome": "bad", "unknown_if_few": True}
    again = columns_of(apply("discrimination", of_before, [sheet_of(made)]))
    assert again == {name: found.columns[name] for name in again}


@pytest.mark.parametrize(
    ("counts", "sigma", "told"),
    [
        ([3] * 8, 1.0, "About 12 good and 12 bad ones were found, and a score is judged by 50 "),
        ([90] * 8, 50.0, "by 500 of each"),  # five times the noise of four cells
    ],
)
def test_too_few_are_few_by_number_or_beside_the_noise(counts, sigma, told):
    found = judged(table(counts, sigma=sigma))
    assert (found.columns["gini"], found.columns["ks"]) == ([None], [None])
    assert told in " ".join(found.notes)


def test_a_score_is_judged_by_counts_alone():
    cells = [float(each) for each in GOOD_AND_BAD.ravel()]
    made = answer([BAND, BAD], {"n": cells, "amount": cells}, measures=(CUSTOMERS, AMOUNT))
    with pytest.raises(QuestionRefused, match="judged by 'amount_sum'"):
        judged(Books().put(made), measure="amount_sum")


def test_of_a_table_with_figures_taken_out_nothing_is_known():
    hidden = table(GOOD_AND_BAD).suppress(min_customers=50)
    bands = table(GOOD_AND_BAD.sum(axis=1), by=[BAND]).suppress(min_customers=300)
    for found in (judged(hidden), moved(bands), cut(hidden)):
        names = [each.name for each in found.measures]
        assert {found.columns[name][0] for name in names} == {None}
