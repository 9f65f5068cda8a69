"""Reject inference, judged on accepted cases that were masked."""

import numpy as np
import pandas as pd
import pytest
from scipy.special import expit
from sklearn.linear_model import LogisticRegression
from sklearn.neighbors import KNeighborsClassifier

import workbench as wb
from workbench.errors import InputError


@pytest.fixture(scope="module")
def cases():
    rng = np.random.default_rng(0)
    X = pd.DataFrame(rng.normal(size=(6_000, 3)), columns=["a", "b", "c"])
    y = (rng.random(6_000) < expit(X["a"] + 0.5 * X["b"] - 1.5)).astype(int)
    return X, y, X["a"] + rng.normal(0, 0.5, 6_000)


def test_fuzzy_takes_each_declined_case_as_both():
    X, declined = pd.DataFrame({"a": [1.0, 2.0]}), pd.DataFrame({"a": [5.0, 6.0]})
    found = wb.risk.fuzzy(X, [0, 1], declined, [0.3, 0.9])
    assert found.X["a"].tolist() == [1, 2, 5, 6, 5, 6]
    assert found.y.tolist() == [0, 1, 1, 1, 0, 0]
    assert found.sample_weight.tolist() == pytest.approx([1, 1, 0.3, 0.9, 0.7, 0.1])


@pytest.mark.parametrize("chances", [[0.3], [0.3, 3.0], [0.3, None]])
def test_a_declined_case_without_a_chance_is_said(chances):
    X = pd.DataFrame({"a": [1.0, 2.0]})
    with pytest.raises(InputError):
        wb.risk.fuzzy(X, [0, 1], X, chances)
    with pytest.raises(InputError):
        wb.risk.parcelling(X, [0, 1], [0.1, 0.2], X, chances, factor=1.5)


def test_parcelling_draws_a_factor_of_the_bands_rate(cases):
    X, y, _ = cases
    p = expit(X["a"] + 0.5 * X["b"] - 1.5)
    found = wb.risk.parcelling(X, y, p, X, p, factor=1.5)
    drawn = found.y[len(X) :]
    safest = p <= p.quantile(0.1)
    assert drawn[safest].mean() == pytest.approx(1.5 * y[safest].mean(), rel=0.4)
    assert drawn.mean() == pytest.approx(1.5 * y.mean(), rel=0.08)
    with pytest.raises(InputError, match="factor is above 0"):
        wb.risk.parcelling(X, y, p, X, p, factor=0)


def test_the_benchmark_is_of_masked_cases_and_says_what_it_shows(cases):
    X, y, policy = cases
    found = wb.risk.benchmark_reject_inference(
        LogisticRegression(), X, y, policy, factors={"as good": 1, "twice as bad": 2}
    )
    table = found.table
    assert table.index.tolist() == ["none", "fuzzy", "as good", "twice as bad"]
    assert table.loc["none", "gain"] == 0
    assert (table["observed"] == y[policy > policy.quantile(0.7)].mean()).all()
    assert table.loc["none", "predicted"] == pytest.approx(table.loc["none", "observed"], rel=0.15)
    assert table.loc["twice as bad", "predicted"] > 1.2 * table.loc["none", "predicted"]
    assert found.words.startswith("On 1,800 accepted cases that were masked, no method ranked")


def test_a_model_without_weights_goes_without_fuzzy(cases):
    found = wb.risk.benchmark_reject_inference(KNeighborsClassifier(50), *cases)
    assert found.table.index.tolist() == ["none", "parcelling × 1.5"]


def test_where_no_benchmark_is_possible_a_sentence_says_so(cases):
    X, y, policy = (each[:60] for each in cases)
    found = wb.risk.benchmark_reject_inference(LogisticRegression(), X, y, policy)
    assert found.table.empty
    assert found.words.startswith("No honest benchmark is possible")
    with pytest.raises(InputError, match="between 0 and 1"):
        wb.risk.benchmark_reject_inference(LogisticRegression(), X, y, policy, share_masked=30)
