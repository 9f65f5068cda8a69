"""On the sample bank a card finds what was planted, and what would betray the outcome stays out."""

import json

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import roc_auc_score

from workbench.analytics.scoring.guarding import development_sample
from workbench.analytics.scoring.scorecard import Scorecard
from workbench.catalog_files import load_catalog
from workbench.errors import DataError

# planted.yaml: RISK_BUREAU_A_POINT, RISK_ENQUIRY, RISK_EMPLOYMENT_YEAR and so on
RISING = {"enquiries_6m", "overdraft_days_6m", "debt_to_income"}
FALLING = {"bureau_score", "employment_years"}
NOT_PLANTED = {"channel", "loan_purpose", "amount_requested"}
# what each tells by itself, at least: the lender's own price, and two that only defaults bring
LEAKS = {"rate_pct": 0.65, "collection_calls_12m": 0.9, "recovered": 0.9}
WINDOWS = {"observed": "decided_on", "observation_months": 12, "performance_months": 12}


@pytest.fixture(scope="module")
def declared(sample_source):
    return load_catalog(sample_source / "catalog.yaml").table("credit_applications")


@pytest.fixture(scope="module")
def frame(sample_source):
    return pd.read_parquet(sample_source / "credit_applications.parquet")


@pytest.fixture(scope="module")
def development(frame, declared):
    """Return what was known a year before the data's end, to be tried on what came then."""
    known = frame[pd.to_datetime(frame["decided_on"]) <= "2025-09-30"]
    X, y, period, _ = development_sample(known, declared, as_of="2025-09", **WINDOWS)
    return X, y, period


@pytest.fixture(scope="module")
def card(development, declared):
    X, y, _ = development
    return Scorecard(declared=declared).fit(X, y)


def test_planted_drivers_are_found_and_their_direction(card):
    table = card.table_
    table = table[table["bin"].str.contains(r"^[\[(]") & (table["count"] > 0)]
    for names, sign in ((RISING, 1), (FALLING, -1)):
        for name in names:
            rates = table.loc[table["variable"] == name, "bad_rate"]
            assert len(rates) > 1, name
            assert (sign * np.diff(rates) > 0).all(), name


def test_what_was_planted_tells_more_than_what_was_not(card):
    iv = card.table_.groupby("variable")["iv"].sum()
    planted = iv.reindex([*RISING, *FALLING])
    assert planted.idxmax() == "bureau_score"
    assert planted.median() > iv.reindex([*NOT_PLANTED]).fillna(0).max()


def test_no_file_is_a_bin_of_its_own_and_riskier_than_typical(card):
    bins = card.table_.set_index(["variable", "bin"])["woe"]
    assert bins["bureau_score", "-1: no file"] < 0


def test_out_of_time_it_still_tells(card, frame, declared):
    X, y, _, _ = development_sample(frame, declared, as_of="2026-09", **WINDOWS)
    assert 2 * roc_auc_score(~y, card.points(X)) - 1 > 0.35


def test_bins_keep_their_order_over_vintages(card, development):
    X, y, period = development
    quarter = pd.PeriodIndex(period, freq="M").asfreq("Q").astype(str)
    found = card.order(X, y, quarter)
    assert found["pairs"].sum() > 50
    assert found["surely"].sum() <= 1


@pytest.mark.parametrize(("leak", "auc"), LEAKS.items())
def test_each_leak_would_tell_the_outcome_and_is_refused(frame, development, declared, leak, auc):
    X, y, _ = development
    more = X.assign(**{leak: pd.to_numeric(frame.loc[X.index, leak])})
    unguarded = Scorecard().fit(more[[leak]], y)
    assert roc_auc_score(y, unguarded.decision_function(more[[leak]])) > auc
    with pytest.raises(DataError, match=f"'{leak}'"):
        Scorecard(declared=declared).fit(more, y)


def test_a_card_of_a_catalog_comes_back_whole(card, development, tmp_path):
    X, _, _ = development
    card.save(tmp_path / "card.json")
    json.loads((tmp_path / "card.json").read_text(encoding="utf-8"))
    back = Scorecard.load(tmp_path / "card.json")
    assert (back.points(X) == card.points(X)).all()
    assert (back.reasons(X) == card.reasons(X)).all(axis=None)
    assert back.model_card() == card.model_card()
    assert back.declared == card.declared
