"""Weights of features, held against equal ones where the truth is known."""

import numpy as np
import pytest

from workbench.privacy.engine.onerow import shortened
from workbench.privacy.operations.evidence import Evidence, weights

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
