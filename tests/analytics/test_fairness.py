"""Fairness: rates, ratios and gaps by hand, limits for the worst group, planted proxies."""

import duckdb
import numpy as np
import pandas as pd
import pytest
from scipy import stats
from sklearn.compose import make_column_selector, make_column_transformer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder

import workbench as wb
from workbench.errors import InputError, UnknownName


@pytest.fixture(scope="module")
def applications(sample_source):
    return duckdb.sql(f"SELECT * FROM '{sample_source}/credit_applications.parquet'").df()


def test_rates_and_ratios_by_hand():
    attribute = ["a"] * 100 + ["b"] * 200
    approved = [1] * 80 + [0] * 20 + [1] * 100 + [0] * 100
    table = wb.risk.fairness(approved, attribute)
    assert table["n"].to_dict() == {"a": 100, "b": 200}
    assert table["selection_rate"].to_dict() == {"a": 0.8, "b": 0.5}
    assert table.loc["b", "impact_ratio"] == pytest.approx(0.625)
    # Katz et al. 1978: the spread of log ratio is √(1/x − 1/n + 1/y − 1/m), here a half added
    spread = np.sqrt(1 / 80.5 - 1 / 100.5 + 1 / 100.5 - 1 / 200.5)
    ratio = (100.5 / 200.5) / (80.5 / 100.5)
    limits = table.loc["b", ["impact_lower", "impact_upper"]].tolist()
    assert limits == pytest.approx(
        [ratio * np.exp(-1.959964 * spread), ratio * np.exp(1.959964 * spread)]
    )
    assert table["light"].to_dict() == {"a": "green", "b": "red"}
    assert table.loc["a", ["impact_lower", "impact_upper"]].tolist() == [1, 1]


def test_equal_opportunity_is_of_those_who_paid():
    attribute, approved = list("aaaabbbb"), [1, 1, 0, 1, 1, 0, 0, 1]
    table = wb.risk.fairness(approved, attribute, y_true=[0, 0, 0, 1, 0, 0, None, 1])
    assert table["goods"].tolist() == [3, 2]
    assert table["good_selection_rate"].tolist() == pytest.approx([2 / 3, 1 / 2])
    assert table.loc["b", "opportunity_gap"] == pytest.approx(-1 / 6)
    assert table.loc["b", "gap_lower"] < -1 / 6 < table.loc["b", "gap_upper"]


def test_limits_hold_for_the_worst_of_many_groups(size):
    """All groups alike: the worst ratio's interval reaches 1; one for a single pair does not."""
    draws = 80 if size == "smoke" else 3_000
    rng, held = np.random.default_rng(0), np.zeros(2)
    attribute = np.repeat(np.arange(8), 400)
    for _ in range(draws):
        table = wb.risk.fairness(rng.random(3_200) < 0.6, attribute)
        middle = np.sqrt(table["impact_lower"] * table["impact_upper"])
        wide = stats.norm.isf(0.025 / 28)  # of all pairs of eight groups
        narrow = middle * (table["impact_upper"] / middle) ** (1.959964 / wide)
        held += table["impact_upper"].min() >= 1, narrow.min() >= 1
    widened, narrow = held / draws
    assert widened >= 0.94
    assert narrow < 0.8


@pytest.mark.parametrize("sizes", [(500, 20, 5), (200, 30, 30, 10)], ids=str)
def test_limits_hold_where_a_few_cases_are_the_best_group(sizes, size):
    draws, rate = 25 if size == "smoke" else 1_000, 0.8
    rng, held = np.random.default_rng(1), np.zeros(2)
    attribute = np.repeat(np.arange(len(sizes)), sizes)
    for _ in range(draws):
        approved = rng.random(len(attribute)) < rate
        table = wb.risk.fairness(approved, attribute, y_true=np.zeros(len(attribute)))
        assert "red" not in set(table["light"])
        held += [
            table[f"{each}_lower"].max() <= alike <= table[f"{each}_upper"].min()
            for each, alike in (("impact", 1), ("gap", 0))
        ]
    assert (held / draws).min() >= (0.84 if size == "smoke" else 0.935)


@pytest.mark.parametrize(
    "approved", [["approved", "declined"], [True, None], [1.0, np.nan], [1, 2]], ids=str
)
def test_a_decision_that_is_none_is_no_approval(approved):
    with pytest.raises(InputError, match="True or False of each"):
        wb.risk.fairness(approved, ["a", "b"])


def test_the_sample_bank_approves_rural_customers_less_often(applications):
    approved = applications["decision"] == "approved"
    table = wb.risk.fairness(approved, applications["household_registration"])
    assert table.loc["rural", "impact_upper"] < 1
    alike = wb.risk.fairness(approved, applications["gender"])
    assert (alike["light"] == "green").all()


def test_the_district_is_found_as_the_proxy_that_was_planted(applications):
    features = ["district", "region", "debt_to_income", "employment_years", "overdraft_days_6m"]
    last = applications.drop_duplicates("customer_id", keep="last")
    table = wb.risk.proxies(last[features], last["household_registration"])
    assert table.index[0] == "district"
    assert table["proxy"].to_dict() == {
        "district": True,
        "region": False,
        "debt_to_income": False,
        "employment_years": False,
        "overdraft_days_6m": False,
        "all together": True,
    }
    assert table.loc["district", "auc"] == pytest.approx(0.775, abs=0.02)  # (1 + 0.80 − 0.25) / 2


def test_leaving_the_proxy_out_raises_the_impact_ratio(applications):
    X = applications[["district", "debt_to_income", "overdraft_days_6m", "enquiries_6m"]]
    words = make_column_selector(dtype_exclude="number")
    encoder = make_column_transformer((OneHotEncoder(), words), remainder="passthrough")
    table = wb.risk.effect_of_leaving_out(
        make_pipeline(encoder, LogisticRegression(solver="newton-cholesky")),
        X,
        applications["decision"] == "declined",  # what the policy of then decided
        applications["household_registration"],
        ["district", "enquiries_6m"],
        approval_rate=0.7,
    )
    with_all, without = table.loc["all features"], table.loc["without district"]
    assert without["impact_ratio"] > with_all["impact_ratio"] + 0.05
    assert without["change_upper"] < 0
    assert with_all["gini_change"] == 0
    assert table.loc["without all of these", "gini"] < without["gini"]


def test_calibration_is_told_by_group():
    rng = np.random.default_rng(1)
    p, group = rng.beta(2, 8, 6_000), rng.choice(["a", "b"], 6_000)
    y = rng.random(6_000) < np.where(group == "b", 1.5 * p, p)
    table = wb.risk.calibration_by_group(y, p, group)
    assert table.loc["a", "lower"] < table.loc["a", "predicted"] < table.loc["a", "upper"]
    assert table.loc["b", "predicted"] < table.loc["b", "lower"]


def test_the_attribute_never_enters_scoring(applications):
    X, attribute = applications[["debt_to_income", "gender"]], applications["gender"]
    ask = {"features": ["gender"], "approval_rate": 0.5}
    with pytest.raises(InputError, match="gender is the protected attribute itself"):
        wb.risk.proxies(X, attribute)
    renamed = X.assign(sex=attribute.map({"female": 2, "male": 1, "undisclosed": 0})).drop(
        columns="gender"
    )
    with pytest.raises(InputError, match="the feature sex is the protected attribute"):
        wb.risk.effect_of_leaving_out(
            LogisticRegression(), renamed, [0, 1], attribute.to_numpy(), **ask
        )


def test_the_notice_names_both_laws_in_both_languages():
    assert "GDPR Article 22(3); PIPL Article 24" in wb.risk.automated_decision_notice()
    assert "《个人信息保护法》第二十四条" in wb.risk.automated_decision_notice("zh")
    with pytest.raises(UnknownName, match="no language named 'fr'"):
        wb.risk.automated_decision_notice("fr")


def test_one_group_and_unknown_features_are_said():
    with pytest.raises(InputError, match="one value"):
        wb.risk.fairness([1, 0], ["a", "a"])
    with pytest.raises(InputError, match="no outcome is known to be good"):
        wb.risk.fairness([1, 0], ["a", "b"], y_true=[None, 1])
    with pytest.raises(InputError, match=r"the rarest has 1\. Join"):
        wb.risk.proxies(pd.DataFrame({"x": range(9)}), list("aaaaaaaab"))
    with pytest.raises(InputError, match="nobody was approved"):
        wb.risk.fairness([0, 0], ["a", "b"])
    with pytest.raises(InputError, match="or False and True"):
        wb.risk.fairness([1, 0], ["a", "b"], y_true=["good", "bad"])
    X = pd.DataFrame({"x": [1.0, 2.0, 3.0]})
    with pytest.raises(InputError, match="share approved, between 0 and 1"):
        wb.risk.effect_of_leaving_out(
            LogisticRegression(), X, [0, 1, 0], list("aba"), ["x"], approval_rate=50
        )
    with pytest.raises(UnknownName, match="no feature named 'z'"):
        wb.risk.effect_of_leaving_out(
            LogisticRegression(), X, [0, 1, 0], list("aba"), ["z"], approval_rate=0.5
        )
