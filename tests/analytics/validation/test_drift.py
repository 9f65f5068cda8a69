"""Drift: a band that holds 95 of 100 periods without drift, at every size, private or not."""

import numpy as np
import pandas as pd
import pytest
from scipy import stats

import workbench as wb
from workbench.errors import InputError


@pytest.mark.parametrize(
    ("n", "noise_sd"), [(100, 0), (1_000, 0), (10_000, 0), (100, 4), (1_000, 8), (10_000, 20)]
)
def test_five_of_a_hundred_periods_without_drift_are_beyond_the_limit(n, noise_sd, size):
    draws = 100 if size == "smoke" else 6_000
    rng, alarms = np.random.default_rng(n + noise_sd), 0
    for _ in range(draws):
        shares = rng.dirichlet(np.full(8, 10.0))
        reference, current = (rng.multinomial(each, shares).astype(float) for each in (5_000, n))
        if noise_sd:
            reference, current = (
                each + noise_sd * rng.standard_normal(8) for each in (reference, current)
            )
        alarms += wb.risk.psi(reference, current, noise_sd=noise_sd)["drift"].item()
    assert alarms / draws == pytest.approx(0.05, abs=0.06 if size == "smoke" else 0.01)


def test_a_fixed_threshold_would_find_drift_in_most_small_months():
    rng = np.random.default_rng(0)
    pairs = rng.multinomial(100, [0.1] * 10, (100, 2))
    found = pd.concat(wb.risk.psi(*pair) for pair in pairs)
    assert (found["psi"] > 0.1).mean() > 0.7
    assert found["drift"].mean() < 0.12
    months = wb.risk.psi(np.full(10, 1_000), pairs[:40, 0])
    assert not months["drift_all"].any()


def test_the_index_is_its_formula_and_its_band_chi_square_in_large_samples():
    # Yurdakul & Naranjo 2020: PSI ~ (1/n + 1/m) χ² with bins − 1 degrees of freedom
    reference, current = np.array([40_000, 30_000, 30_000]), np.array([9_000, 6_000, 5_000])
    one, other = reference / reference.sum(), current / current.sum()
    found = wb.risk.psi(reference, current).iloc[0]
    assert found["psi"] == pytest.approx(((other - one) * np.log(other / one)).sum(), rel=1e-3)
    scale = 1 / 100_000 + 1 / 20_000
    assert found["no_drift"] == pytest.approx(2 * scale, rel=0.05)
    assert found["limit"] == pytest.approx(scale * stats.chi2.isf(0.05, 2), rel=0.06)
    one, many = (
        wb.risk.psi(reference, current, looked_at=each)["limit_all"].item() for each in (1, 50)
    )
    assert one == pytest.approx(found["limit"])
    assert many == pytest.approx(scale * stats.chi2.isf(1 - 0.95 ** (1 / 50), 2), rel=0.1)


def test_noise_widens_the_band():
    counts = np.full(5, 200)
    exact, noisy = (wb.risk.psi(counts, counts, noise_sd=sd)["limit"].item() for sd in (0, 30))
    assert noisy > 1.5 * exact


def test_drift_of_a_score_and_its_features_is_found_in_its_month():
    rng = np.random.default_rng(1)
    reference = pd.DataFrame(
        {"age": rng.normal(40, 9, 4_000), "job": rng.choice(["a", "b"], 4_000)}
    )
    frame = pd.DataFrame({"age": rng.normal(40, 9, 1_200), "job": rng.choice(["a", "b"], 1_200)})
    month = np.repeat(["2026-01", "2026-02", "2026-03"], 400)
    frame.loc[month == "2026-03", "age"] += 5
    frame.loc[month == "2026-02", "job"] = "c"  # unseen before
    found = wb.risk.csi(reference, frame, month)
    assert found.index.names == ["feature", "period"]
    drifted = found.index[found["drift_all"]].tolist()
    assert drifted == [("age", "2026-03"), ("job", "2026-02")]
    alone = wb.risk.psi_by_period(reference["age"], frame["age"], month)
    assert alone["psi"].tolist() == found.loc["age", "psi"].tolist()
    assert (alone["limit_all"] < found.loc["age", "limit_all"]).all()


def test_what_is_missing_is_a_bin_of_its_own():
    rng = np.random.default_rng(2)
    reference, values = rng.normal(size=1_000), rng.normal(size=300)
    values[:60] = np.nan
    assert wb.risk.psi_by_period(reference, values, np.zeros(300))["drift"].item()
    words = np.array(["a", "b"])[rng.integers(0, 2, 300)].astype(object)
    words[:60] = None
    assert wb.risk.psi_by_period(["a", "b"] * 500, words, np.zeros(300))["drift"].item()


def test_a_bin_is_known_by_its_name():
    before, now = pd.Series({"a": 50, "b": 100}), pd.Series({"b": 100, "a": 50})
    assert wb.risk.psi(before, now)["psi"].item() == 0
    assert wb.risk.psi(before, now.to_frame().T)["psi"].item() == 0
    assert wb.risk.psi(before, now.to_numpy())["psi"].item() > 0.4


@pytest.mark.parametrize(
    ("ask", "words"),
    [
        (lambda: wb.risk.psi([1, 2], [[1, 2, 3]]), "reference has 2 bins and the periods 3"),
        (lambda: wb.risk.psi([5, -1], [3, 4]), "give its standard deviation, noise_sd"),
        (lambda: wb.risk.psi([5, np.nan], [3, 4]), "counts are finite"),
        (lambda: wb.risk.psi([0, 0], [0, 0]), "has no case"),
        (lambda: wb.risk.psi([5, 5], [[1, 2], [0, 0]]), "has no case"),
        (lambda: wb.risk.psi([0, 0], [1, 2]), "has no case"),
        (lambda: wb.risk.psi([5, 5], [1, 2], noise_sd=np.nan), "counts are finite"),
    ],
)
def test_what_cannot_be_compared_is_said(ask, words):
    with pytest.raises(InputError, match=words):
        ask()
