"""The regression finds what scikit-learn's finds."""

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression

from workbench.analytics.scoring.scorecard import likeliest
from workbench.analytics.scoring.woe import WoeEncoder


@pytest.mark.parametrize("weighted", [False, True], ids=["plain", "weighted"])
def test_coefficients_are_scikit_learns(applications, weighted):
    X, bad = applications
    X = X.loc[np.arange(40_000) % len(X)]  # more than are looked up at once
    bad = np.tile(bad, 10)
    weight = np.random.default_rng(0).integers(1, 4, len(bad)) / 10 if weighted else None
    encoder = WoeEncoder()
    woe = encoder.fit_transform(X, bad, sample_weight=weight)
    places = [each.place({name: X[name] for name in X}) for each in encoder.bins_]
    found = likeliest(
        list(zip(encoder.bins_, places, strict=True)), bad, weight, np.array([0.0] + [-1.0] * 4)
    )
    theirs = LogisticRegression(solver="newton-cholesky", tol=1e-10).fit(woe, bad, weight)
    assert found == pytest.approx([*theirs.intercept_, *theirs.coef_[0]], abs=1e-6)


def test_a_start_far_away_and_data_that_part_well_still_come_to_an_end():
    x = np.repeat([0.0, 1.0, 2.0], 200)[:, None]
    bad = np.repeat([False, True, True], 200)
    encoder = WoeEncoder().fit(x, bad)
    found = [(encoder.bins_[0], encoder.bins_[0].place({"x0": x[:, 0]}))]
    starts = ([0.0, -1.0], [30.0, -40.0], [-5.0, 9.0])
    ends = [likeliest(found, bad, None, np.array(start)) for start in starts]
    assert ends[1] == pytest.approx(ends[0], abs=1e-6)
    assert ends[2] == pytest.approx(ends[0], abs=1e-6)
