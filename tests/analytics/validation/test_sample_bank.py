"""The planted truth of the sample bank, found out-of-time; its leakage traps, reproduced."""

import duckdb
import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

import workbench as wb
from workbench.errors import InputError

DRIVERS = [
    "bureau_score",
    "no_file",
    "debt_to_income",
    "overdraft_days_6m",
    "enquiries_6m",
    "employment_years",
]


@pytest.fixture(scope="module")
def loans(sample_source):
    frame = duckdb.sql(
        f"""SELECT * FROM '{sample_source}/credit_applications.parquet'
        JOIN '{sample_source}/truth/applications.parquet' USING (application_id)
        WHERE decision = 'approved'"""
    ).df()
    no_file = frame["bureau_score"] < 0  # a special code, not a score
    overdraft = frame["overdraft_days_6m"].clip(upper=12)
    return frame.assign(
        no_file=no_file.astype(int),
        bureau_score=frame["bureau_score"].mask(no_file, 620),
        overdraft_days_6m=overdraft,
    )


@pytest.fixture(scope="module")
def scored(loans):
    """Return outcomes and chances of train and out-of-time cases, split by the day of decision."""
    known = loans[loans["default_12m"].notna()]
    late = known["decided_on"] >= "2025-01-01"
    model = make_pipeline(StandardScaler(), LogisticRegression()).fit(
        known.loc[~late, DRIVERS], known.loc[~late, "default_12m"].astype(int)
    )
    samples = {"train": known[~late], "out-of-time": known[late]}
    return model, {
        name: (each["default_12m"].astype(int), model.predict_proba(each[DRIVERS])[:, 1])
        for name, each in samples.items()
    }


def test_planted_drivers_have_their_planted_signs(scored):
    weights = dict(zip(DRIVERS, scored[0][-1].coef_[0], strict=True))
    assert weights["bureau_score"] < 0
    assert weights["employment_years"] < 0
    assert (
        min(weights[each] for each in ("debt_to_income", "overdraft_days_6m", "enquiries_6m")) > 0
    )


def test_gini_out_of_time_is_near_that_of_the_planted_chances(scored, loans):
    table = wb.risk.discrimination(scored[1])
    late = loans[loans["default_12m"].notna() & (loans["decided_on"] >= "2025-01-01")]
    best = wb.risk.gini(late["default_12m"].astype(int), late["default_probability"]).estimate
    row = table.loc["out-of-time"]
    assert row["gini_lower"] < best
    assert row["gini"] > best - 0.06
    assert row["ks_lower"] > 0.2


def test_its_chances_are_right_out_of_time_and_its_grades_hold(scored):
    y, p = scored[1]["out-of-time"]
    assert wb.risk.hosmer_lemeshow(y, p, fresh=True).p_value > 0.01
    slope = wb.risk.cox(y, p).slope
    assert slope.lower < 1.05
    assert slope.upper > 0.9
    scale = wb.risk.master_scale(0.01, 0.4, 6)
    grades = wb.risk.assign_grades(p, scale)
    sizes = np.bincount(grades, minlength=7)[1:]
    bads = np.bincount(grades, weights=y, minlength=7)[1:]
    kept = sizes > 0
    table = wb.risk.backtest_grades(sizes[kept], bads[kept], scale["pd"].to_numpy()[kept])
    assert not (table["light"] == "red").any()


def test_the_score_does_not_drift_by_month_of_approval(loans):
    late = loans[loans["decided_on"] >= "2025-01-01"]
    found = wb.risk.csi(
        loans.loc[loans["decided_on"] < "2025-01-01", DRIVERS],
        late[DRIVERS],
        late["decided_on"].dt.strftime("%Y-%m"),
    )
    assert found["drift"].mean() < 0.12
    assert found["drift_all"].sum() == 0


def test_what_is_known_after_the_outcome_gives_itself_away(loans, scored):
    known = loans[loans["default_12m"].notna()]
    y = known["default_12m"].astype(int)
    assert wb.risk.gini(y, known["collection_calls_12m"].astype(float)).lower > 0.97
    assert wb.risk.gini(*scored[1]["out-of-time"]).upper < 0.8


def test_loans_that_have_not_matured_have_no_outcome(loans):
    with pytest.raises(InputError, match="An outcome is known once its performance window is over"):
        wb.risk.gini(loans["default_12m"], loans["default_probability"])
