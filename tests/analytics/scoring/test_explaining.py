"""Reasons, the smallest change, order over time, and the model card."""

import itertools
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import workbench as wb
from workbench.analytics.scoring.scorecard import Scorecard
from workbench.catalog_files import load_catalog
from workbench.errors import InputError, UnknownName

CODES = {"income": {-1: "not stated"}}
CATALOG = Path(wb.__file__).parent / "estates" / "sample" / "catalog.yaml"


@pytest.fixture(scope="module")
def card(applications):
    return Scorecard(special_codes=CODES).fit(*applications)


@pytest.fixture
def one():
    return pd.DataFrame({"income": [1500.0], "debt": [0.9], "job": ["student"], "home": [False]})


def test_reasons_are_in_order_of_points_lost(card, applications):
    X, _ = applications
    found = card.reasons(X)
    columns = {name: X[name] for name in X}
    lost = {
        each.bins.name: (each.points.max() - each.points)[each.bins.place(columns)]
        for each in card.weighed_
    }
    lost = pd.DataFrame(lost, index=X.index)
    for rank in range(1, 5):
        codes = found[f"code_{rank}"]
        mine = [lost.at[row, code] if code else 0 for row, code in codes.items()]
        assert mine == np.sort(lost.to_numpy(), axis=1)[:, -rank].tolist()


@pytest.mark.parametrize(
    ("change", "code", "english", "chinese"),
    [
        ({"income": [1500.0]}, "income", "income: too low", "收入：偏低"),
        ({"income": [-1.0]}, "income", "income: not stated", "收入：未说明"),
        ({"income": [np.nan]}, "income", "income: not given", "收入：未提供"),
        ({"debt": [0.99]}, "debt", "debt: too high", "debt：偏高"),
        ({"job": ["student"]}, "job", "job: of a kind that", "job：属于违约较多的类别"),
    ],
)
def test_a_reason_says_what_is_wrong(card, change, code, english, chinese):
    best = {"income": [50_000.0], "debt": [0.0], "job": ["clerk"], "home": [True]}
    row = pd.DataFrame({**best, **change})
    words = {"income": "收入", "not stated": "未说明"}
    english_found = card.reasons(row).iloc[0]
    at = next(i for i in range(1, 5) if english_found[f"code_{i}"] == code)
    assert english_found[f"reason_{at}"].startswith(english)
    assert card.reasons(row, language="zh", words=words).iloc[0][f"reason_{at}"] == chinese


def test_the_best_row_has_no_reason(card):
    points = {each.bins.name: each.points.argmax() for each in card.weighed_}
    labels = {each.bins.name: each.bins.labels[points[each.bins.name]] for each in card.weighed_}
    assert labels["home"] == "True"
    best = pd.DataFrame(
        {"income": [50_000.0], "debt": [0.0], "job": [labels["job"].split(",")[0]], "home": [True]}
    )
    assert (card.reasons(best) == "").all(axis=None)


def test_features_of_one_title_are_one_reason(applications):
    X, bad = applications
    table = load_catalog(CATALOG).table("credit_applications")
    column = table.columns["bureau_score"]
    declared = table.model_copy(
        update={"columns": {**table.columns, "income": column, "debt": column}}
    )
    codes = {"income": {-1: ""}, "debt": {}}
    bounds = {"income": (0, 1e9), "debt": (0, 1)}
    card = Scorecard(declared=declared, special_codes=codes, bounds=bounds).fit(X, bad)
    found = card.reasons(X)
    reasons = found.filter(like="reason")
    assert reasons.shape[1] == 3
    told = reasons.apply(lambda row: sum(column.title in each for each in row), axis=1)
    assert told.max() == 1


def test_no_reason_cannot_be_asked_for(card, one):
    with pytest.raises(InputError, match="1 or more, not -1"):
        card.reasons(one, n=-1)


def test_a_language_that_is_none_is_refused(card, one):
    with pytest.raises(UnknownName, match="no language named 'fr'"):
        card.reasons(one, language="fr")


@pytest.mark.parametrize("raised", [5, 25, 60])
def test_the_smallest_change_is_the_smallest(card, one, raised):
    """Every allowed combination is tried: none with fewer features, or fewer bins, passes."""
    allowed = {"income": "up", "debt": "down", "job": "any"}
    cutoff = card.points(one)[0] + raised
    found = card.counterfactuals(one, cutoff, allowed)
    columns = {name: one[name] for name in one}
    options = []
    for each in card.weighed_:
        at, bins = int(each.bins.place(columns)[0]), each.bins
        ends = {
            "income": range(at, bins.regular),
            "debt": range(at + 1),
            "job": range(bins.regular),
        }
        options.append(
            [
                (
                    each.points[to],
                    to != at,
                    abs(to - at) if bins.edges is not None else int(to != at),
                )
                for to in ends.get(bins.name, [at])
            ]
        )
    passing = [
        (sum(moved for _, moved, _ in way), sum(steps for *_, steps in way))
        for way in itertools.product(*options)
        if sum(points for points, *_ in way) >= cutoff
    ]
    assert passing
    assert len(found) == min(passing)[0]
    assert found["gain"].sum() + card.points(one)[0] >= cutoff
    moved = 0
    for line in found.itertuples(index=False):
        bins = next(each.bins for each in card.weighed_ if each.bins.name == line.feature)
        steps = abs(
            bins.labels.index(line.to) - bins.labels.index(getattr(line, "_2", None) or line[2])
        )
        moved += steps if bins.edges is not None else 1
    assert moved == min(passing)[1]


def test_only_what_is_allowed_changes_and_the_way_it_may(card, applications):
    X, _ = applications
    some = X.head(300)
    found = card.counterfactuals(some, 560, {"debt": "down"})
    real = found[found["feature"] != ""]
    assert set(real["feature"]) == {"debt"}
    labels = next(each.bins.labels for each in card.weighed_ if each.bins.name == "debt")
    assert all(
        labels.index(b) < labels.index(a) for a, b in zip(real["from"], real["to"], strict=True)
    )
    assert (found.loc[found["feature"] == "", "to"] == "no allowed change is enough").all()
    assert set(found["row"]) == set(some.index[card.points(some) < 560])


def test_a_two_way_table_may_change_in_one_of_its_features(applications):
    X, bad = applications
    card = Scorecard(special_codes=CODES, pair=("income", "debt")).fit(X, bad)
    row = X.head(1).assign(income=1000.0, debt=0.99)
    found = card.counterfactuals(row, card.points(row).iloc[0] + 1, {"debt": "down"})
    before, after = found["from"].iloc[0].split(" & "), found["to"].iloc[0].split(" & ")
    assert before[0] == after[0]
    assert before[1] != after[1]


def test_a_cutoff_that_is_no_number_is_said(card, one):
    with pytest.raises(InputError, match="a cut-off is a number of points, such as 550, not nan"):
        card.counterfactuals(one, float("nan"), {"debt": "down"})


@pytest.mark.parametrize(
    ("allowed", "match"),
    [({"age": "up"}, "no feature of the card named 'age'"), ({"debt": "less"}, "no direction")],
)
def test_a_change_that_is_none_is_refused(card, one, allowed, match):
    with pytest.raises(UnknownName, match=match):
        card.counterfactuals(one, 600, allowed)


def test_a_bin_that_turns_in_one_vintage_is_seen(card, applications):
    X, bad = applications
    rng = np.random.default_rng(8)
    period = np.where(np.arange(len(X)) < 2000, "2025", "2026")
    turned = bad.copy()
    late = np.flatnonzero(period == "2026")
    high = X["debt"].to_numpy()[late] > 0.5
    turned[late] = rng.random(len(late)) < np.where(high, 0.1, 0.4)
    found = card.order(X, turned, period)
    assert found.loc[("debt", "2026"), "surely"] > 0
    assert found.loc[("debt", "2025"), "surely"] == 0
    assert found.loc[("debt", "2026"), "pairs"] >= found.loc[("debt", "2026"), "reversed"] > 0


def test_order_gives_no_alarm_where_nothing_changed(size):
    draws, alarms = 30 if size == "smoke" else 1000, 0
    rng = np.random.default_rng(1)
    for _ in range(draws):
        x = rng.uniform(size=3000)
        bad = rng.random(3000) < 0.1 + 0.3 * x
        card = Scorecard(edges={"x0": [0.25, 0.5, 0.75]}).fit(x[:, None], bad)
        fresh = rng.uniform(size=3000)
        late = rng.random(3000) < 0.1 + 0.3 * fresh
        alarms += card.order(fresh[:, None], late, np.arange(3000) % 4)["surely"].sum() > 0
    assert alarms / draws <= 0.05 + 3 * np.sqrt(0.05 * 0.95 / draws)


def test_a_model_card_has_the_headings_and_leaves_people_theirs(applications):
    X, bad = applications
    text = Scorecard(special_codes=CODES).fit(X.assign(same=1), bad).model_card()
    for heading in (
        "Identification and risk tier",
        "Purpose and use",
        "Data",
        "Design and conceptual soundness",
        "Performance",
        "Assumptions, limitations and uncertainty",
        "Independent validation",
        "Implementation",
        "Monitoring",
        "Governance and approval",
    ):
        assert f"\n## {heading}\n" in text
    assert "4,000 rows to learn from" in text
    assert "Taken out: same, since it is constant" in text
    assert "debt missing" in text
    assert text.count("- _") == 11
    assert "{{" not in text
