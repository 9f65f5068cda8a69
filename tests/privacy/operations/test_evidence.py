"""Weights of features, held against equal ones where the truth is known."""

import numpy as np
import pytest

from workbench.privacy.columns import Dimension, Measure
from workbench.privacy.engine.onerow import LATTICE, Sums, shortened
from workbench.privacy.margins import Affine
from workbench.privacy.operations.evidence import Evidence, ranges_of, weights
from workbench.privacy.operations.scoring import points
from workbench.privacy.sheets import Sheet

CUSTOMERS, TWINS, ALONE = 4000, 4, 8


@pytest.mark.parametrize(("noise", "least"), [(0.003, 1.08), (0.1, 1.1), (0.3, 1.04), (3, 1)])
def test_weights_explain_more_than_equal_ones_however_noisy_pairs_are(noise, least):
    """Twins tell the same; each one's evidence is off by 15 %, which nothing may magnify.

    A score that is ``z`` times features' own parts explains ``(z · truth)² / z'Rz`` of outcomes.
    """
    dice, count = np.random.default_rng(0), 2 * TWINS + ALONE
    truth, related = np.full(count, 0.3), np.eye(count)
    for twin in range(0, 2 * TWINS, 2):
        related[twin, twin + 1] = related[twin + 1, twin] = 1
    pairs = np.triu_indices(count, 1)
    sd = noise * CUSTOMERS * 0.04

    def explained(parts):
        return (parts @ truth) ** 2 / (parts @ related @ parts)

    gains = []
    for _ in range(40):
        found = truth * (1 + 0.15 * dice.normal(size=count))
        # half of them in each of two bins, a feature's size away from all
        bins, none = np.array([-1, 1]), np.zeros(2)
        tables = [Evidence(size * bins, none, np.full(2, CUSTOMERS / 2)) for size in found]
        products = related[pairs] * np.outer(truth, truth)[pairs] * CUSTOMERS
        products += dice.normal(0, sd, len(products))
        weight, _ = weights(tables, products, sd, 0.2)
        gains.append(explained(weight * found) / explained(found))
    assert np.mean(gains) >= least


@pytest.mark.parametrize("share", [0.05, 0.5])
@pytest.mark.parametrize("apart", [0.5, 3.0])
def test_features_that_have_the_outcome_alone_in_common_count_in_full(apart, share):
    """Of strong ones the products of all customers are large: good ones low, bad ones high."""
    dice, features = np.random.default_rng(0), 12
    # of each ten good ones, so many are in the risky bin; of bad ones, with odds `apart` higher
    good = 0.3
    bad = 1 / (1 + (1 - good) / good * np.exp(-apart))
    risky = share * bad + (1 - share) * good
    woe = np.log([(1 - bad) / (1 - good), bad / good])
    each = Evidence(woe, np.zeros(2), CUSTOMERS * np.array([1 - risky, risky]))
    outcome = dice.random(10 * CUSTOMERS) < share
    rows = dice.random((features, len(outcome))) < np.where(outcome, bad, good)
    longest = features * each.variance
    whole = shortened((1e4 * each.scores[rows.astype(int)]).round(), round(1e8 * longest))
    products = (whole @ whole.T)[np.triu_indices(features, 1)] / 1e8 / 10
    weight, intercept = weights([each] * features, products, 0.0, share)
    assert np.abs(weight - 1).max() < 0.1
    odds = intercept + weight @ each.woe[rows.astype(int)]
    assert np.mean(1 / (1 + np.exp(-odds))) == pytest.approx(outcome.mean(), rel=0.05)


def _sheet(values, sd):
    names = tuple(values)
    by = (Dimension("sum", "Sum", "category", names),)
    whole = (Measure("sums", "sum", "Sums", None, 0),)
    forms = [Affine(values[name], {("noise", name): sd}) for name in names]
    return Sheet(by, tuple((name,) for name in names), whole, {"sums": forms})


def test_points_kept_before_weights_were_a_discriminant_come_out_as_they_were():
    """The figures of then, as the arithmetic of then gave them."""
    sizes, worth, customers, share = (4, 3, 2), (LATTICE // 3, LATTICE // 2), 3000.0, 0.2
    dice, lengths = np.random.default_rng(5), np.array((LATTICE // 3, LATTICE // 2)) / LATTICE
    totals = np.array([customers, customers * (2 * share - 1)])
    sums = list(totals * Sums(sizes, worth).totals / LATTICE)
    for bins in sizes:
        counts = dice.dirichlet([8] * bins) * customers
        part = np.array([counts, counts * (2 * np.linspace(0.1, 0.35, bins) - 1)]).T
        sums += list(((part - part.mean(axis=0)) * lengths).ravel())
    places = ["all", *(f"{f}: {at}" for f, n in zip("abc", sizes, strict=True) for at in range(n))]
    names = [f"{place}, {told}" for place in places for told in ("customers", "bad less good")]
    noisy = (np.array(sums) + dice.normal(0, 4, len(sums))).round(2)
    tables = (
        _sheet(dict(zip(names, noisy, strict=True)), 4.0),
        _sheet({"a by b": 20.0, "a by c": -5.0, "b by c": 8.0}, 3.0),
    )
    card = {"sizes": sizes, "ordered": (4, 3, 0), "trends": (None, "ascending", None)}
    scale = {"pdo": 20, "base_score": 600, "base_odds": 50}
    before = points(*tables, **card, worth=worth, scale=scale)
    told = [(each.value, each.low, each.high) for each in before.forms["points"]]
    assert told == [
        (210, 197, 223), (188, 182, 194), (169, 165, 173), (160, 155, 165), (199, 193, 205),
        (172, 168, 177), (154, 150, 159), (202, 196, 208), (154, 151, 157),
    ]  # fmt: skip
    rates = [each.value for each in before.forms["bad_rate"]]
    assert rates[:3] == pytest.approx([0.076847, 0.153432, 0.261219], abs=1e-6)
    now = points(*tables, **card, worth=worth, scale=scale, discriminant=True)
    assert now.forms["points"] != before.forms["points"]


@pytest.mark.parametrize("counts", [[900, 60, 30, 10, 0, 0], [0, 0, 0, 0, 0, 1000], [100] * 6])
@pytest.mark.parametrize("missing", [0, 40])
def test_customers_of_ranges_are_even_of_noise_alone_and_theirs_without(counts, missing):
    """The last bin is no range: what is missing."""
    total = sum(counts) + missing
    seen = np.array([*counts, missing]) - total / 7
    exact = ranges_of(seen, 1e-6, total, [7], [6])[0]
    assert exact == pytest.approx(np.maximum(counts, 0.01 * total / 6), rel=1e-3, abs=1e-3)
    assert ranges_of(seen, 1e6, total, [7], [6])[0] == pytest.approx([total / 7] * 6, rel=1e-3)


def test_a_crowd_is_found_though_noise_of_a_range_is_more_than_an_even_share():
    """Of 128 ranges one holds 700 of 1,000 customers; noise of each is 20."""
    counts, dice = np.full(129, 300 / 128), np.random.default_rng(0)
    counts[90] += 700
    held = []
    for _ in range(50):
        noisy = counts + dice.normal(0, 20, 129)
        (found,) = ranges_of(noisy - noisy.mean(), 20, 1000, [129], [128])
        assert found.min() > 0
        held.append(found[90])
    assert np.mean(held) == pytest.approx(700, rel=0.15)
