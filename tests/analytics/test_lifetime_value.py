"""BG/NBD and gamma-gamma give the published figures, foresee what comes, and refuse bad input."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from workbench.analytics.lifetime_value import BetaGeoModel, GammaGammaModel, lifetime_value
from workbench.analytics.purchases import holdout_check, purchase_summary
from workbench.errors import InputError

datasets = Path(pytest.importorskip("lifetimes").__file__).parent / "datasets"


@pytest.fixture(scope="module")
def sample():
    """Return the 2,357 customers of Fader, Hardie & Lee 2005, in days."""
    weeks = pd.read_csv(datasets / "cdnow_customers_summary_with_transactions.csv", index_col="ID")
    return pd.DataFrame(
        {
            "frequency": weeks["x"],
            "recency_days": weeks["t_x"] * 7,
            "T_days": weeks["T"] * 7,
            "monetary_value": weeks["zbar"],
        }
    )


@pytest.fixture(scope="module")
def rows():
    """Return all purchases of CDNOW's 23,570 customers."""
    names = ["customer_id", "booked_on", "quantity", "amount"]
    kinds = {"customer_id": str, "booked_on": str}
    master = datasets / "CDNOW_master.txt"
    found = pd.read_csv(master, sep=r"\s+", skiprows=1, names=names, dtype=kinds)
    found["booked_on"] = pd.to_datetime(found["booked_on"])
    return found


@pytest.fixture(scope="module")
def fitted(sample):
    return BetaGeoModel().fit(sample), GammaGammaModel().fit(sample)


def test_bg_nbd_on_cdnow_is_fader_hardie_and_lee_2005(fitted, sample):
    model, _ = fitted
    assert round(model.r_, 3) == 0.243
    assert round(model.alpha_ / 7, 3) == 4.414
    assert round(model.a_, 3) == 0.793
    assert round(model.b_, 3) == 2.426
    in_weeks = model.log_likelihood_ + sample["frequency"].sum() * np.log(7)
    assert in_weeks == pytest.approx(-9582.4, abs=0.05)


def test_gamma_gamma_on_cdnow_is_fader_and_hardie_2013(fitted):
    _, model = fitted
    assert (model.p_, model.q_, model.v_) == pytest.approx((6.25, 3.74, 15.44), abs=0.02)
    assert model.correlation_ == pytest.approx(0.11, abs=0.01)
    assert model.n_customers_ == 946


def test_a_customers_future_is_fader_hardie_and_lee_2005(fitted):
    # their section 4: x=2, t_x=30.43, T=38.86 weeks; 39 weeks to come
    model, _ = fitted
    one = pd.DataFrame({"frequency": [2], "recency_days": [30.43 * 7], "T_days": [38.86 * 7]})
    assert model.predict_purchases(one, 39 * 7)[0] == pytest.approx(1.226, abs=0.001)


def test_the_two_ways_to_ask_agree_and_a_year_is_the_default(fitted, sample):
    model, _ = fitted
    head = sample.head(5)
    assert model.predict(head).equals(model.predict_purchases(head, 365))


def test_the_chance_to_be_alive_falls_with_silence(fitted):
    model, _ = fitted
    silent = pd.DataFrame({"frequency": 5, "recency_days": 100.0, "T_days": [100, 150, 250, 400.0]})
    alive = model.predict_alive(silent)
    assert alive.is_monotonic_decreasing
    assert alive.between(0, 1).all()
    never_back = pd.DataFrame({"frequency": [0], "recency_days": [0.0], "T_days": [300.0]})
    assert model.predict_alive(never_back)[0] == 1  # in this model one drops out after a purchase


def test_expected_purchases_are_the_average_of_simulated_ones(fitted):
    # of somebody new, whose rate is gamma and whose chance to drop out is beta
    model, _ = fitted
    rng = np.random.default_rng(0)
    rate = rng.gamma(model.r_, 1 / model.alpha_, 40_000)
    leaves = rng.beta(model.a_, model.b_, rate.size)
    lives = rng.geometric(leaves)
    gaps = rng.exponential(1 / rate[:, None], (rate.size, 60)).cumsum(axis=1)
    made = np.minimum((gaps < 200).sum(axis=1), lives)
    new = pd.DataFrame({"frequency": [0], "recency_days": [0.0], "T_days": [0.0]})
    assert model.predict_purchases(new, 200)[0] == pytest.approx(made.mean(), rel=0.04)


def test_frequent_customers_do_not_overflow(fitted):
    model, _ = fitted
    often = pd.DataFrame({"frequency": [700.0], "recency_days": [900.0], "T_days": [900.0]})
    # one in 900 purchases is somebody's last, so the pace slackens, and never grows
    assert 400 < model.predict_purchases(often, 900)[0] < 700


def test_parameters_are_recovered_within_their_intervals():
    rng = np.random.default_rng(3)
    n, r, alpha, a, b = 6_000, 0.6, 40.0, 0.8, 2.5
    rate, leaves = rng.gamma(r, 1 / alpha, n), rng.beta(a, b, n)
    until = rng.uniform(100, 300, n)
    gaps = rng.exponential(1 / rate[:, None], (n, 80)).cumsum(axis=1)
    x = np.minimum((gaps < until[:, None]).sum(axis=1), rng.geometric(leaves))
    last = np.where(x > 0, gaps[np.arange(n), np.maximum(x, 1) - 1], 0.0)
    t_x = np.maximum(last, np.where(x > 0, x, 0))  # a summary has days: no two on one
    x = np.minimum(x, np.ceil(t_x)).astype(int)
    frame = pd.DataFrame({"frequency": x, "recency_days": np.minimum(t_x, until), "T_days": until})
    found = (
        BetaGeoModel().fit(frame[(frame["frequency"] <= np.ceil(frame["recency_days"]))]).params_
    )
    for name, true in (("r", r), ("a", a), ("b", b)):
        row = found.loc[name]
        assert abs(np.log(true / row["value"])) < 4 * row["standard_error"] / row["value"], name


def test_intervals_hold_the_value_and_shrink_with_customers(fitted, sample):
    model, _ = fitted
    found = model.purchases_interval(sample.head(50), 273, draws=60)
    assert (found["low"] < found["expected_purchases"]).all()
    assert (found["expected_purchases"] < found["high"]).all()
    total = found.attrs["total"]
    assert total["low"] < total["value"] < total["high"]
    assert total["value"] == pytest.approx(found["expected_purchases"].sum())
    few = BetaGeoModel().fit(sample.iloc[::8]).purchases_interval(sample, 273, draws=60)
    many = model.purchases_interval(sample, 273, draws=60)
    width = [each.attrs["total"]["high"] - each.attrs["total"]["low"] for each in (few, many)]
    assert width[0] > 2 * width[1]
    wide = model.purchases_interval(sample.head(50), 273, draws=60, level=0.99)
    assert (wide["high"] > found["high"]).mean() > 0.9


def test_value_is_purchases_times_spend_less_by_discount(fitted, sample):
    model, spend = fitted
    head = sample.head(40)
    plain = lifetime_value(model, spend, head, horizon_days=365, yearly_discount=0, draws=30)
    bought = model.predict_purchases(head, 365) * spend.predict(head)
    assert plain["lifetime_value"].to_numpy() == pytest.approx(bought.to_numpy())
    later = lifetime_value(model, spend, head, horizon_days=365, yearly_discount=0.2, draws=30)
    ratio = later["lifetime_value"] / plain["lifetime_value"]
    assert ratio.between(1 / 1.2, 1).all()
    half = lifetime_value(
        model, spend, head, horizon_days=365, yearly_discount=0, margin=0.5, draws=30
    )
    assert half["lifetime_value"].to_numpy() == pytest.approx(bought.to_numpy() / 2)
    assert plain.attrs["total"]["low"] < plain.attrs["total"]["value"]


def test_spend_lies_between_a_customers_own_and_everybodys(fitted):
    _, model = fitted
    frame = pd.DataFrame(
        {
            "frequency": [0, 1, 40],
            "recency_days": [0.0, 9.0, 90.0],
            "T_days": 99.0,
            "monetary_value": [0.0, 100.0, 100.0],
        }
    )
    everybody, once, often = model.predict(frame)
    assert everybody == pytest.approx(35.2, abs=0.3)
    assert everybody < once < often < 100


def test_39_weeks_ahead_the_error_is_a_fifth_below_the_naive_rates(rows):
    found = holdout_check(rows, split="1997-09-30", until="1998-06-30")
    assert found.horizon_days == 273
    assert found.gain >= 0.20
    assert abs(found.expected_total / found.actual_total - 1) < 0.16
    assert abs(found.naive_total / found.actual_total - 1) > 0.4
    assert found.table["customers"].sum() == 23_570


def test_a_holdout_looks_at_nothing_after_the_split(rows):
    few = rows[rows["customer_id"] < "02000"]
    planted = pd.concat([few, few.assign(booked_on=pd.Timestamp("1998-03-01"))])
    one, two = (
        holdout_check(each, split="1997-09-30", until="1998-06-30") for each in (few, planted)
    )
    assert one.model.params_.equals(two.model.params_)
    with pytest.raises(InputError, match="must lie before until"):
        holdout_check(few, split="1998-06-30", until="1998-06-30")


def test_what_is_not_fitted_says_so(sample):
    with pytest.raises(InputError, match="BetaGeoModel is not fitted yet"):
        BetaGeoModel().predict_purchases(sample, 90)
    with pytest.raises(InputError, match="GammaGammaModel is not fitted yet"):
        GammaGammaModel().predict(sample)


def test_customers_who_are_too_alike_or_too_few_are_refused():
    alike = pd.DataFrame({"frequency": 3, "recency_days": 60.0, "T_days": [90.0] * 200})
    with pytest.raises(InputError, match=r"BetaGeoModel finds no .*best parameters"):
        BetaGeoModel().fit(alike)
    with pytest.raises(InputError, match=r"BetaGeoModel finds no .*best parameters"):
        BetaGeoModel().fit(alike.head(1))
    nobody = alike.assign(frequency=0, recency_days=0.0)
    with pytest.raises(InputError, match="no customer bought on a second day"):
        BetaGeoModel().fit(nobody)
    with pytest.raises(InputError, match="not all the same"):
        GammaGammaModel().fit(alike.assign(monetary_value=20.0))


def test_a_penalty_fits_what_plain_likelihood_cannot():
    alike = pd.DataFrame({"frequency": 3, "recency_days": 60.0, "T_days": [90.0] * 200})
    model = BetaGeoModel(penalty=0.01).fit(alike)
    assert model.predict_purchases(alike.head(1), 90)[0] == pytest.approx(3, abs=2)


def test_spend_without_a_mean_is_refused():
    rng = np.random.default_rng(0)
    x, rate = rng.integers(1, 9, 3000), rng.gamma(0.7, 1, 3000)
    wild = pd.DataFrame(
        {
            "frequency": x,
            "recency_days": 50.0,
            "T_days": 90.0,
            "monetary_value": rng.gamma(2 * x, 1 / (rate * x)),
        }
    )
    with pytest.raises(InputError, match="q below 1"):
        GammaGammaModel().fit(wild)


@pytest.mark.parametrize("horizon", [0, -1, float("nan"), float("inf")])
def test_a_horizon_is_finite_and_above_0(fitted, sample, horizon):
    with pytest.raises(InputError, match="horizon_days must be a finite number above 0"):
        fitted[0].predict_purchases(sample, horizon)


def test_discount_and_level_are_possible_ones(fitted, sample):
    with pytest.raises(InputError, match="yearly_discount must be above -1"):
        lifetime_value(*fitted, sample, horizon_days=90, yearly_discount=-1)
    with pytest.raises(InputError, match="level must lie between 0 and 1"):
        fitted[0].purchases_interval(sample.head(3), 90, level=95, draws=5)


def test_a_summary_can_be_made_and_fitted(rows):
    found = purchase_summary(rows, until="1997-09-30")
    assert len(found) == 23_570
    model = BetaGeoModel().fit(found)
    assert model.n_customers_ == 23_570
    assert 0.2 < model.r_ < 0.3


@pytest.mark.parametrize("factor", [1e-4, 20_000.0, 1e7])
def test_values_and_intervals_scale_with_the_currency(fitted, sample, factor):
    purchases, spend = fitted
    dear = sample.assign(monetary_value=sample["monetary_value"] * factor)
    scaled = GammaGammaModel().fit(dear)
    assert (scaled.p_, scaled.q_, scaled.v_ / factor) == pytest.approx(spend.values(), rel=1e-3)
    some = {"horizon_days": 365, "yearly_discount": 0.1, "draws": 60}
    plain = lifetime_value(purchases, spend, sample[:400], **some)
    found = lifetime_value(purchases, scaled, dear[:400], **some)
    assert (found / factor).to_numpy() == pytest.approx(plain.to_numpy(), rel=0.02)
    assert ((found["low"] <= found["lifetime_value"])
            & (found["lifetime_value"] <= found["high"])).all()  # fmt: skip
