"""The card: published points, signs, two-way tables, samples side by side, and what is refused."""

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from sklearn.base import clone
from sklearn.metrics import roc_auc_score
from sklearn.model_selection import cross_val_score

from workbench.analytics.scoring.scorecard import Scorecard
from workbench.errors import DataError, UnknownName
from workbench.privacy.provenance import provenance

CODES = {"income": {-1: "not stated"}}


@pytest.fixture(scope="module")
def card(applications):
    return Scorecard(special_codes=CODES).fit(*applications)


def test_tables_of_other_libraries_and_arrays_are_read_by_name(card, applications):
    """Polars and Arrow hand out the same stream; an array has the columns in their order."""
    X, bad = applications
    points = card.points(X)
    assert card.points(pa.Table.from_pandas(X)).tolist() == points.tolist()
    with pytest.warns(UserWarning, match="does not have valid feature names"):
        assert card.points(X.to_numpy()).tolist() == points.tolist()
    other = clone(card).fit(pa.Table.from_pandas(X), bad)
    assert other.points(X).tolist() == points.tolist()
    assert other.feature_names_in_.tolist() == X.columns.tolist()


def test_points_scale_as_siddiqi_shows():
    """Siddiqi 2006: 600 points at odds 50:1, 20 to double: factor 28.8539, offset 487.123."""
    x = np.repeat([0.0, 1.0], [510, 510])[:, None]
    bad = np.concatenate([np.arange(510) < 10, np.arange(510) < 255])  # odds 50:1 and 1:1
    card = Scorecard(decimals=3).fit(x, bad)
    odds = -card.decision_function(x[[0, -1]])
    assert card.points(x[[0, -1]]).tolist() == pytest.approx(
        (487.123 + 28.8539 * odds).tolist(), abs=0.01
    )


@pytest.mark.parametrize("decimals", [0, 2])
def test_a_score_is_the_sum_of_rounded_points(applications, decimals):
    X, bad = applications
    card = Scorecard(special_codes=CODES, decimals=decimals).fit(X, bad)
    points = card.table_["points"]
    assert (points.round(decimals) == points).all()
    exact = 487.123 - 28.8539 * card.decision_function(X)
    apart = np.abs(card.points(X) - exact)
    assert apart.max() <= 0.5 * len(card.weighed_) / 10**decimals + 0.01


def test_twenty_points_double_the_odds(applications):
    X, bad = applications
    plain, wide = (Scorecard(pdo=pdo, decimals=6).fit(X, bad) for pdo in (20, 40))
    spread = [np.ptp(each.points(X)) for each in (plain, wide)]
    assert spread[1] == pytest.approx(2 * spread[0], abs=1e-3)


def test_more_points_are_safer(card, applications):
    X, bad = applications
    assert 2 * roc_auc_score(~bad, card.points(X)) - 1 > 0.4
    assert (card.coefficients_ < 0).all()


def test_chances_are_calibrated_where_it_was_fitted(card, applications):
    X, bad = applications
    assert card.predict_proba(X)[:, 1].mean() == pytest.approx(bad.mean(), abs=1e-3)


def test_a_feature_that_repeats_another_leaves_with_words(applications):
    X, bad = applications
    rng = np.random.default_rng(0)
    echo = X["debt"] + rng.normal(0, 0.05, len(X))
    more = X.assign(echo=echo, mirrored=echo + rng.normal(0, 0.2, len(X)))
    card = Scorecard(special_codes=CODES).fit(more, bad)
    assert (card.coefficients_ < 0).all()
    for name, why in card.removed_.items():
        assert name not in set(card.table_["variable"])
        assert "wrong sign" in why
    assert card.removed_


@pytest.mark.parametrize(
    ("column", "trend", "why"),
    [
        (lambda n, bad: np.ones(n), "auto", "it is constant"),
        (lambda n, bad: np.full(n, np.nan), "auto", "every value is missing"),
        (lambda n, bad: [f"id{i}" for i in range(n)], "auto", "none of its 4,000 categories tells"),
        (
            lambda n, bad: np.where(bad, 1.0, 0.0) + np.arange(n) % 2,
            "descending",
            "not go that way",
        ),
    ],
    ids=["constant", "missing", "identifiers", "against its trend"],
)
def test_a_column_that_cannot_tell_leaves_with_words(applications, column, trend, why):
    X, bad = applications
    more = X.assign(new=column(len(X), bad))
    card = Scorecard(special_codes=CODES, trend={"new": trend}).fit(more, bad)
    assert why in card.removed_["new"]
    with pytest.raises(DataError, match=f"no feature is left for a card. 'new': .*{why}"):
        Scorecard(trend=trend).fit(more[["new"]], bad)


def test_ten_thousand_categories_are_others_but_for_the_common_ones():
    """Were rare categories sorted by their own bad rate, noise would look like a perfect card."""
    rng = np.random.default_rng(0)
    code = np.where(rng.random(20_000) < 0.5, rng.integers(0, 10_000, 20_000), -1)
    bad = rng.random(20_000) < np.where(code < 0, 0.1, 0.2)
    card = Scorecard().fit(pd.DataFrame({"code": code.astype(str)}), bad)
    assert card.table_["bin"].tolist() == ["-1", "other categories", "missing"]


@pytest.mark.parametrize(
    ("labels", "options"),
    [
        (("good", "bad"), {}),
        (("paid", "Default"), {}),
        (("A", "B"), {}),
        (("good", "awful"), {"bad": "awful"}),
        ((1, 0), {"bad": 0}),
    ],
    ids=str,
)
def test_whichever_label_is_bad_points_and_metrics_are_the_same(applications, labels, options):
    X, bad = applications
    y = np.where(bad, labels[1], labels[0])
    named = Scorecard(special_codes=CODES, **options).fit(X, y)
    plain = Scorecard(special_codes=CODES).fit(X, bad)
    assert named.bad_ == labels[1]
    assert (named.points(X) == plain.points(X)).all()
    chance = named.predict_proba(X)[:, list(named.classes_).index(labels[1])]
    assert chance == pytest.approx(plain.predict_proba(X)[:, 1])
    score = {"scoring": "roc_auc", "cv": 3}
    assert cross_val_score(named, X, y, **score) == pytest.approx(
        cross_val_score(plain, X, bad, **score)
    )
    assert (named.table({"same": (X, y)})["same"]["bads"] == plain.table_["bads"].to_numpy()).all()


def test_outcomes_are_read_though_some_were_missing_once(applications):
    X, bad = applications
    outcome = pd.Series(bad, X.index, dtype=bool).astype(object)
    named = Scorecard(special_codes=CODES).fit(X, outcome)
    assert (named.points(X) == Scorecard(special_codes=CODES).fit(X, bad).points(X)).all()


def test_a_label_that_is_not_there_is_refused(applications):
    X, bad = applications
    with pytest.raises(UnknownName, match="no class named 'default'"):
        Scorecard(bad="default").fit(X, np.where(bad, "bad", "good"))


def test_samples_stand_side_by_side(card, applications):
    X, bad = applications
    late = (X.tail(1000), bad[-1000:])
    found = card.table(on={"train": (X, bad), "late": late})
    assert list(found.columns.get_level_values(0).unique()) == ["train", "late", "card"]
    own = card.table_.set_index(["variable", "bin"])
    assert (found["train"]["woe"] == own["woe"]).all()
    assert found["late"]["count"].groupby("variable").sum().eq(1000).all()
    assert (found["card"]["points"] == own["points"]).all()


def test_a_pair_is_one_two_way_table(applications):
    rng, rows = np.random.default_rng(4), 6000
    a, b = rng.integers(0, 3, rows), rng.integers(0, 3, rows)
    bad = rng.random(rows) < np.where((a == 2) ^ (b == 2), 0.5, 0.1)  # one of both, not both
    X = pd.DataFrame({"a": a, "b": b, "c": rng.random(rows) - 0.1 * bad}).astype(float)
    alone, both = Scorecard().fit(X, bad), Scorecard(pair=("a", "b")).fit(X, bad)
    gini = [2 * roc_auc_score(bad, each.decision_function(X)) - 1 for each in (alone, both)]
    assert gini[1] > gini[0] + 0.1
    three = pd.DataFrame({"a": [2, 2, 0], "b": [2, 0, 2], "c": 0.5}).astype(float)
    together, first, second = both.points(three)
    assert together > max(first, second) + 20
    assert set(both.table_["variable"]) == {"a × b", "c"}


def test_a_cell_without_rows_has_what_its_row_and_column_foretell():
    rng, rows = np.random.default_rng(4), 6000
    a, b = rng.integers(0, 3, rows), rng.integers(0, 3, rows)
    b = np.where(a == 2, np.minimum(b, 1), b)  # never 2 with 2
    bad = rng.random(rows) < 0.1 + 0.1 * (a + b)
    card = Scorecard(pair=("a", "b")).fit(pd.DataFrame({"a": a, "b": b}), bad)
    bins = card.weighed_[0].bins
    cell = bins.labels.index("[2, ∞) & [2, ∞)")
    assert bins.counts.rows[cell] == 0
    assert bins.woe[cell] < bins.woe[bins.labels.index("[2, ∞) & [1, 2)")] < 0


@pytest.mark.parametrize("pair", [("debt", "age"), ("debt", "debt")])
def test_a_pair_that_is_none_is_refused(applications, pair):
    with pytest.raises(
        (UnknownName, DataError), match=r"no column named 'age'|a pair is of two features"
    ):
        Scorecard(pair=pair).fit(*applications)


@pytest.mark.parametrize(
    "options", [{"pdo": 0}, {"pdo": np.inf}, {"base_odds": -1}, {"base_score": np.nan}]
)
def test_points_that_cannot_be_are_refused(applications, options):
    with pytest.raises(DataError, match="are above 0"):
        Scorecard(**options).fit(*applications)


def test_noise_tells_nothing_across_folds():
    """A card finds its bins anew in each fold; were they kept, noise would seem to tell much."""
    rng = np.random.default_rng(1)
    X = pd.DataFrame({f"f{i}": rng.integers(0, 25, 1000).astype(str) for i in range(12)})
    bad = rng.random(1000) < 0.3
    inside = cross_val_score(Scorecard(), X, bad, scoring="roc_auc", cv=5)
    assert inside.mean() == pytest.approx(0.5, abs=0.06)
    kept = Scorecard().fit(X, bad)
    assert roc_auc_score(bad, kept.decision_function(X)) > 0.65


def test_a_card_is_raw_and_a_copy_of_it_unfitted(card):
    assert provenance(card).kind == "raw"
    assert not hasattr(clone(card), "weighed_")
