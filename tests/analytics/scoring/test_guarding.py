"""What must not enter a card stays out: columns by their role, rows by their windows."""

import datetime as dt
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import roc_auc_score

import workbench as wb
from workbench.analytics.scoring.guarding import WHY_NOT, development_sample
from workbench.analytics.scoring.scorecard import Scorecard
from workbench.catalog_files import load_catalog
from workbench.errors import DataError, InputError

CATALOG = Path(wb.__file__).parent / "estates" / "sample" / "catalog.yaml"
WINDOWS = {"as_of": "2026-09", "observation_months": 12, "performance_months": 12}


@pytest.fixture(scope="module")
def declared():
    return load_catalog(CATALOG).table("credit_applications")


@pytest.fixture(scope="module")
def frame():
    """Return 3,000 applications with all that an analyst may have beside the features."""
    rng, rows = np.random.default_rng(0), 3000
    days = pd.date_range("2024-07-01", "2026-09-30", periods=rows)
    score = rng.normal(620, 60, rows).round()
    bad = rng.random(rows) < 1 / (1 + np.exp(1.5 + (score - 620) / 50))
    return pd.DataFrame(
        {
            "application_id": range(rows),
            "customer_id": [f"c{i}" for i in range(rows)],
            "applied_on": days,
            "decided_on": days.date,
            "decision": "approved",
            "decided_by": "person",
            "bureau_score": score,
            "income_monthly": np.where(
                rng.random(rows) < 0.1, -1, rng.uniform(9e3, 2e4, rows) - 4e3 * bad
            ),
            "age": rng.integers(18, 80, rows),
            "rate_pct": 5 + 10 * bad,
            "collection_calls_12m": bad * rng.integers(1, 9, rows),
            "default_12m": pd.array(bad, dtype="boolean"),
        }
    )


ALLOWED = ["bureau_score", "income_monthly"]


@pytest.mark.parametrize("role", WHY_NOT)
def test_a_column_is_refused_by_its_role(declared, frame, role):
    columns = [name for name, each in declared.columns.items() if each.role == role]
    if role == "direct identifier":  # applications have none: the customers' table has
        declared = load_catalog(CATALOG).table("customers")
        columns = [name for name, each in declared.columns.items() if each.role == role]
    assert columns
    X = frame[["bureau_score"]].assign(**{columns[0]: 1.0})
    with pytest.raises(DataError, match=rf"'{columns[0]}' \({role}, {WHY_NOT[role]}\)"):
        Scorecard(declared=declared).fit(X, frame["default_12m"])


def test_without_the_guard_what_was_after_the_outcome_would_foretell_it(declared, frame):
    """The trap itself: a Gini of 1 from calls that are made to those who went bad."""
    bad = frame["default_12m"].astype(bool)
    leaking = frame[["bureau_score", "collection_calls_12m"]]
    unguarded = Scorecard().fit(leaking, bad)
    assert roc_auc_score(bad, unguarded.decision_function(leaking)) > 0.999
    with pytest.raises(DataError, match="is known only after the decision or the outcome"):
        Scorecard(declared=declared).fit(leaking, bad)
    X, y, _, _ = development_sample(frame, declared, **WINDOWS)
    guarded = Scorecard(declared=declared).fit(X, y)
    assert roc_auc_score(y, guarded.decision_function(X)) < 0.9


@pytest.mark.parametrize("column", ["decision", "decided_by", "decided_on"])
def test_what_was_decided_is_no_feature_of_the_sample(declared, frame, column):
    with pytest.raises(DataError, match=f"'{column}'"):
        Scorecard(declared=declared).fit(frame[["bureau_score", column]], frame["default_12m"])
    X, _, _, _ = development_sample(frame, declared, **WINDOWS)
    assert column not in X


def test_the_target_among_features_is_refused_also_without_a_catalog(frame):
    with pytest.raises(DataError, match=r"'default_12m' .* is the target itself"):
        Scorecard().fit(frame[["bureau_score", "default_12m"]], frame["default_12m"])
    fine = np.where(frame["default_12m"], "no", "yes")
    with pytest.raises(DataError, match=r"'fine' .* is the target itself"):
        Scorecard().fit(frame[["bureau_score"]].assign(fine=fine), frame["default_12m"])


def test_a_sample_has_allowed_columns_and_matured_rows(declared, frame):
    X, y, period, left_out = development_sample(frame, declared, observed="decided_on", **WINDOWS)
    assert list(X.columns) == ALLOWED
    assert sorted(period.unique()) == sorted(
        f"{2024 + (9 + i) // 12}-{(9 + i) % 12 + 1:02d}" for i in range(12)
    )
    assert len(X) + sum(left_out.values()) == len(frame)
    assert y.dtype == bool


def test_whoever_defaulted_before_others_could_is_left_out(declared, frame):
    """Early defaults of young loans are known, early good ones are not: both stay out."""
    last = pd.Timestamp("2025-09-30")
    early = frame.copy()
    young = early["applied_on"] > last + pd.Timedelta(days=1)
    early["default_12m"] = early["default_12m"].where(~young | early["default_12m"], pd.NA)
    X, y, _, _ = development_sample(early, declared, **WINDOWS)
    assert early.loc[X.index, "applied_on"].max() < last + pd.Timedelta(days=1)
    known = early["default_12m"].dropna().astype(bool)
    assert known.mean() > y.mean() + 0.1  # without the window the rate would be this wrong


def test_windows_are_of_months_to_the_day(declared):
    days = [dt.date(2024, 9, 30), dt.date(2024, 10, 1), dt.date(2025, 9, 30), dt.date(2025, 10, 1)]
    rows = pd.DataFrame({"applied_on": days, "bureau_score": 1.0, "default_12m": True})
    X, _, _, left_out = development_sample(rows, declared, **WINDOWS)
    assert list(X.index) == [1, 2]
    assert list(left_out.values()) == [1, 1, 0]


@pytest.mark.parametrize(
    ("options", "match"),
    [
        ({"as_of": "2026-08"}, "rows are of after 2026-08-31 by 'applied_on'"),
        ({"observed": "booked_on"}, "no column observed='booked_on'"),
        ({"target": "bad"}, "no column target='bad'"),
        ({"performance_months": 0}, "whole numbers, 1 or more"),
        ({"performance_months": 60}, "no row observed from 2020-10-01 to before 2021-10-01"),
    ],
)
def test_a_sample_that_cannot_be_is_refused(declared, frame, options, match):
    with pytest.raises(DataError, match=match):
        development_sample(frame, declared, **{**WINDOWS, **options})


def test_outcomes_in_words_are_refused_and_numbers_read(declared, frame):
    words = frame.assign(default_12m=frame["default_12m"].map({True: "bad", False: "good"}))
    with pytest.raises(InputError, match="or False and True"):
        wb.development_sample(words, declared, **WINDOWS)
    numbers = frame.assign(default_12m=frame["default_12m"].map({True: "1", False: "0"}))
    found, wanted = (
        wb.development_sample(each, declared, **WINDOWS).y for each in (numbers, frame)
    )
    assert found.equals(wanted)
    young = frame["applied_on"] > pd.Timestamp("2025-10-01")
    pending = frame.assign(default_12m=frame["default_12m"].astype(object).mask(young, "pending"))
    assert wb.development_sample(pending, declared, **WINDOWS).y.equals(wanted)


def test_special_codes_bounds_and_titles_are_those_declared(declared, frame):
    X, y, _, _ = development_sample(frame, declared, **WINDOWS)
    card = Scorecard(declared=declared).fit(X, y)
    found = card.table_[card.table_["variable"] == "income_monthly"]
    assert "-1: not stated" in set(found["bin"])
    with pytest.raises(DataError, match=r"'income_monthly': 1 of .* \(1000 to 200000"):
        card.points(X.head(3).assign(income_monthly=[-1, 5000, -7]))
