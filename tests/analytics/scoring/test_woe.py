"""Weights of evidence: published figures, trends, bins of their own, and what is refused."""

from decimal import Decimal

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.base import clone
from sklearn.datasets import load_breast_cancer
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import cross_val_score
from sklearn.pipeline import make_pipeline

from workbench.analytics.scoring.woe import WoeEncoder
from workbench.errors import DataError, UnknownName

CODES = {"income": {-1: "not stated"}}


def table(encoder, name):
    found = encoder.table_
    return found[found["variable"] == name].set_index("bin")


def regular(encoder, name):
    found = table(encoder, name)
    return found[found.index.str.contains(r"^[\[(]")]


def test_iv_of_mean_radius_as_optbinning_publishes_it():
    """optbinning's tutorial on binary targets: IV 5.04392547 of its own splits, bad is benign."""
    data = load_breast_cancer(as_frame=True)
    splits = [11.42500019, 12.32999992, 13.09499979, 13.70499992, 15.04500008, 16.92500019]
    encoder = WoeEncoder(edges={"mean radius": splits})
    encoder.fit(data.data[["mean radius"]], data.target)
    assert encoder.iv_["mean radius"] == pytest.approx(5.04392547, abs=5e-9)
    assert encoder.table_["count"].tolist() == [118, 79, 68, 49, 83, 54, 118, 0]


def test_woe_and_its_interval_by_hand():
    x = np.repeat([0.0, 1.0], [60, 40])[:, None]
    bad = np.repeat([1, 0, 1, 0], [10, 50, 20, 20])
    found = WoeEncoder().fit(x, bad).table_.iloc[0]
    woe = np.log((50 / 70) / (10 / 30))
    error = np.sqrt(1 / 50 - 1 / 70 + 1 / 10 - 1 / 30)
    assert found["woe"] == pytest.approx(woe)
    assert found["woe_low"] == pytest.approx(woe - 1.959964 * error)
    assert found["woe_high"] == pytest.approx(woe + 1.959964 * error)
    assert found["iv"] == pytest.approx((50 / 70 - 10 / 30) * woe)


def test_intervals_hold_the_truth_as_often_as_they_say(size):
    rng, rows = np.random.default_rng(3), 2000
    draws = 300 if size == "smoke" else 20_000
    share, rate = np.array([0.3, 0.5, 0.2]), np.array([0.1, 0.2, 0.4])
    goods, bads = share * (1 - rate), share * rate
    truth = np.log(goods / goods.sum()) - np.log(bads / bads.sum())
    held = 0
    for _ in range(draws):
        x = rng.choice(3, rows, p=share)
        bad = rng.random(rows) < rate[x]
        found = WoeEncoder(edges={"x0": [1, 2]}).fit(x[:, None].astype(float), bad).table_[:3]
        held += ((found["woe_low"] <= truth) & (truth <= found["woe_high"])).sum()
    slack = 4 * np.sqrt(0.95 * 0.05 / (3 * draws))
    assert held / (3 * draws) == pytest.approx(0.95, abs=slack)


@pytest.mark.parametrize("trend", ["auto", "descending", {"income": "descending"}])
def test_bad_rates_keep_to_the_trend(applications, trend):
    X, bad = applications
    encoder = WoeEncoder(trend=trend, special_codes=CODES).fit(X, bad)
    found = regular(encoder, "income")
    assert len(found) > 4
    assert (np.diff(found["bad_rate"]) < 0).all()
    assert (found["share"] >= 0.05).all()


def test_no_trend_follows_a_valley():
    x = np.linspace(-1, 1, 2000)
    bad = np.random.default_rng(0).random(2000) < 0.1 + 0.6 * x**2
    rates = WoeEncoder(trend="none").fit(x[:, None], bad).table_["bad_rate"][:-1]
    assert 0 < rates.argmin() < len(rates) - 1


@settings(deadline=None, max_examples=60)
@given(
    st.lists(
        st.tuples(st.integers(-5, 5), st.booleans(), st.integers(1, 3)), min_size=8, max_size=80
    ),
    st.sampled_from(["ascending", "descending", "auto"]),
    st.sampled_from([0.05, 0.2, 0.5]),
)
def test_bins_are_in_order_large_enough_and_hold_every_row(rows, trend, share):
    x, bad, weight = (np.array(each) for each in zip(*rows, strict=True))
    if bad.all() or not bad.any():
        return
    encoder = WoeEncoder(trend=trend, min_bin_share=share)
    found = encoder.fit(x[:, None].astype(float), bad, weight).table_[:-1]
    assert found["count"].sum() == weight.sum()
    assert found["bads"].sum() == weight[bad].sum()
    if len(found) > 1:
        assert (found["share"] >= share - 1e-12).all()
        steps = np.diff(found["bad_rate"])
        assert (steps > -1e-12).all() or (steps < 1e-12).all()
        if trend != "auto":
            assert ((steps if trend == "ascending" else -steps) > -1e-12).all()


def test_special_codes_and_missing_have_bins_of_their_own(applications):
    X, bad = applications
    found = table(WoeEncoder(special_codes=CODES).fit(X, bad), "income")
    assert found.loc["-1: not stated", "count"] == (X["income"] == -1).sum()
    assert found.loc["missing", "count"] == X["income"].isna().sum()
    assert found.loc["missing", "bads"] == bad[X["income"].isna()].sum()


def test_bins_without_rows_at_fit_are_neutral_and_say_so(applications):
    X, bad = applications
    encoder = WoeEncoder(special_codes={"debt": [-9]}).fit(X, bad)
    found = table(encoder, "debt").loc[["-9", "missing"]]
    assert (found["woe"] == 0).all()
    assert (found["note"] == "no rows at fit: neutral").all()
    row = X.head(2).assign(debt=[-9, np.nan])
    assert (encoder.transform(row)[:, 1] == 0).all()


def test_rare_and_unseen_categories_are_others(applications):
    X, bad = applications
    encoder = WoeEncoder().fit(X, bad)
    found = table(encoder, "job")
    assert found.loc["other categories", "count"] == (X["job"] == "pilot").sum()
    woe = encoder.transform(X.head(3).assign(job=["pilot", "astronaut", None]))[:, 2]
    assert woe[0] == woe[1] == found.loc["other categories", "woe"]
    assert woe[2] == found.loc["missing", "woe"] == 0


def test_categories_may_be_grouped_by_hand(applications):
    X, bad = applications
    groups = [["driver", "clerk"], "student"]
    found = table(WoeEncoder(edges={"job": groups}).fit(X, bad), "job")
    assert list(found.index[:2]) == ["driver, clerk", "student"]
    assert found["count"].iloc[0] == X["job"].isin(["driver", "clerk"]).sum()


@pytest.mark.parametrize(
    "dtype", ["object", "category", "string"], ids=["objects", "categorical", "nullable"]
)
def test_a_text_is_read_the_same_however_pandas_holds_it(applications, dtype):
    X, bad = applications
    plain = WoeEncoder().fit_transform(X, bad)
    assert (WoeEncoder().fit_transform(X.astype({"job": dtype}), bad) == plain).all()


def test_a_number_is_read_the_same_however_pandas_holds_it(applications):
    X, bad = applications
    plain = WoeEncoder().fit_transform(X, bad)
    nullable = X.astype({"income": "Float64", "home": "boolean"})
    exact = X.assign(debt=[Decimal(str(each)) for each in X["debt"]])
    assert (WoeEncoder().fit_transform(nullable, bad) == plain).all()
    assert (WoeEncoder().fit_transform(exact, bad) == plain).all()


def test_transform_gives_what_fit_transform_gave(applications):
    X, bad = applications
    encoder = WoeEncoder(special_codes=CODES)
    found = encoder.fit_transform(X, bad)
    assert (encoder.transform(X) == found).all()
    assert list(encoder.get_feature_names_out()) == list(X.columns)


def test_edges_are_short_and_cut_where_the_long_ones_would():
    x = np.array([0.123456789] * 50 + [0.123987654] * 50)
    bad = np.repeat([True, False, True, False], [40, 10, 10, 40])
    bins = WoeEncoder().fit(x[:, None], bad).bins_[0]
    assert bins.edges == (0.1239,)


def test_an_encoder_that_saw_the_outcome_before_the_folds_deceives():
    """In the folds noise tells nothing; fitted before them the same noise seems to tell much."""
    rng = np.random.default_rng(1)
    X = pd.DataFrame({f"f{i}": rng.integers(0, 25, 1000).astype(str) for i in range(12)})
    bad = rng.random(1000) < 0.3
    before = WoeEncoder().fit_transform(X, bad)
    inside = make_pipeline(WoeEncoder(), LogisticRegression())
    auc = {"scoring": "roc_auc", "cv": 5}
    assert cross_val_score(LogisticRegression(), before, bad, **auc).mean() > 0.6
    assert cross_val_score(inside, X, bad, **auc).mean() == pytest.approx(0.5, abs=0.06)


@pytest.mark.parametrize(
    ("options", "kind", "match"),
    [
        ({"trend": {"incom": "ascending"}}, UnknownName, "Did you mean 'income'"),
        ({"trend": "rising"}, UnknownName, "no trend named 'rising'"),
        ({"min_bin_share": 0}, DataError, "above 0 and at most 0.5"),
        ({"edges": {"debt": [0.5, 0.2]}}, DataError, "must rise"),
        ({"edges": {"debt": ["half"]}}, DataError, "are numbers, not 'half'"),
        ({"edges": {"job": [["clerk"], ["clerk", "driver"]]}}, DataError, "category twice"),
        ({"special_codes": {"debt": ["none"]}}, DataError, "special codes are numbers"),
        ({"special_codes": {"age": [-1]}}, UnknownName, "no column named 'age'"),
        ({"bounds": {"income": (0, np.nan)}}, DataError, "its least and its most"),
        ({"bounds": {"income": (1e6, 0)}}, DataError, "its least and its most"),
        ({"bounds": {"income": (0, 1e6)}}, DataError, r"values lie beyond .* no special code"),
        ({"edges": {"debt": [-5]}}, DataError, r"has 0 goods and 0 bads, too few"),
    ],
)
def test_what_cannot_be_asked_is_refused(applications, options, kind, match):
    X, bad = applications
    with pytest.raises(kind, match=match):
        WoeEncoder(**options).fit(X, bad)


def test_bounds_without_an_end_let_no_infinite_value_in(applications):
    X, bad = applications
    X = X.assign(income=X["income"].where(X.index > 0, np.inf))
    with pytest.raises(DataError, match="infinity never"):
        WoeEncoder(bounds={"income": (-np.inf, np.inf)}).fit(X, bad)


@pytest.mark.parametrize(
    ("column", "match"),
    [
        ([[1]] * 10, "neither number nor text"),
        ([np.inf] + [1.0] * 9, "infinity never"),
        (pd.to_datetime(["2026-01-01"] * 10), "dates or times"),
        (["a", 1] * 5, "mixes text and numbers"),
    ],
)
def test_columns_that_cannot_be_read_are_refused(column, match):
    with pytest.raises(DataError, match=match):
        WoeEncoder().fit(pd.DataFrame({"x": column}), [0, 1] * 5)


def test_one_class_is_refused(applications):
    X, _ = applications
    with pytest.raises(DataError, match="only one class"):
        WoeEncoder().fit(X, np.zeros(len(X)))


def test_a_column_of_another_kind_at_scoring_is_refused(applications):
    X, bad = applications
    encoder = WoeEncoder().fit(X, bad)
    with pytest.raises(DataError, match="held numbers at fit and holds categories now"):
        encoder.transform(X.assign(debt="high"))


def test_mismatched_columns_at_scoring_are_refused(applications):
    X, bad = applications
    encoder = WoeEncoder().fit(X, bad)
    with pytest.raises(ValueError, match=r"(?s)seen at fit time, yet now missing.*debt"):
        encoder.transform(X.drop(columns="debt"))


def test_a_message_tells_no_value_of_a_row():
    secret = 271828.0
    X = pd.DataFrame({"x": [1.0] * 9 + [secret]})
    with pytest.raises(DataError) as caught:
        WoeEncoder(bounds={"x": (0, 10)}).fit(X, [0, 1] * 5)
    assert "271828" not in str(caught.value)


def test_outcomes_that_are_not_known_are_counted(applications):
    X, bad = applications
    unknown = np.where(np.arange(len(bad)) < 7, np.nan, bad)
    with pytest.raises(DataError, match=f"7 of {len(bad):,} outcomes are not known"):
        WoeEncoder().fit(X, unknown)


def test_rows_without_weight_are_not_learned_from_and_have_their_evidence(applications):
    X, bad = applications
    weight = (np.arange(len(X)) % 2).astype(float)
    encoder = WoeEncoder(special_codes=CODES)
    found = encoder.fit_transform(X, bad, sample_weight=weight)
    assert len(found) == len(X)
    assert (found == clone(encoder).fit(X[weight > 0], bad[weight > 0]).transform(X)).all()
