"""A private scorecard: made of released tables, paid once, exactly as the engine counts."""

import datetime as dt
import json
import random
from decimal import Decimal

import duckdb
import ibis
import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from sklearn.base import clone
from sklearn.metrics import roc_auc_score
from support.lab import Lab, catalog_of, exactly
from support.ledgers import spent

import workbench as wb
from workbench.catalog import Column
from workbench.errors import BudgetExhausted, InputError, QuestionRefused, UnknownName
from workbench.privacy.accounting import price
from workbench.privacy.engine import onerow
from workbench.privacy.engine.onerow import LATTICE, Sums
from workbench.privacy.models.bins import Bins, bins_of
from workbench.privacy.models.card_tables import Asked, CardCells, Counted, sizes_of
from workbench.privacy.models.private_scorecard import PrivateScorecard
from workbench.privacy.provenance import provenance
from workbench.reporting import PLAN_FILE
from workbench.store.reading.access import Access

COLUMNS = {
    "customer_id": {"type": "text", "role": "subject key"},
    "day": {"type": "date", "role": "time", "bounds": ["2026-01-01", "2026-12-31"]},
    "home": {"type": "text", "domain": ["own", "rent", "other"]},
    "income": {
        "type": "money",
        "bounds": [500, 20_000],
        "special_codes": {"-1": "not stated"},
    },
    "age": {"type": "integer", "bounds": [18, 98]},
    "late": {"type": "boolean", "role": "target"},
    "calls": {"type": "integer", "role": "after-outcome", "bounds": [0, 30]},
    "free": {"type": "text"},
}
FEATURES = ["home", "income", "age"]


def people(count=3000, seed=0):
    """Return customers, one row each, of whom low incomes and renters are bad more often."""
    rng = np.random.default_rng(seed)
    income = np.exp(rng.normal(7.5, 0.6, count)).clip(500, 20_000).round(2)
    home = rng.choice(["own", "rent", "other"], count, p=[0.5, 0.4, 0.1])
    odds = -1.2 - 1.5 * (np.log(income) - 7.5) + 0.9 * (home == "rent")
    frame = pd.DataFrame(
        {
            "customer_id": [f"c{i}" for i in range(count)],
            "day": dt.date(2026, 3, 5),
            "home": home,
            "income": np.where(rng.random(count) < 0.05, -1, income),
            "age": rng.integers(18, 90, count),
            "late": rng.random(count) < 1 / (1 + np.exp(-odds)),
            "calls": 0,
            "free": "x",
        }
    )
    return frame


def bank(folder, frame, limit=1000):
    """Return a loaded workspace of these rows."""
    content = catalog_of(COLUMNS).model_dump(mode="json", exclude_defaults=True)
    content["tables"]["visits"]["source"] = "visits.parquet"
    content["privacy"]["limits"] = dict.fromkeys(("month", "year", "lifetime"), limit)
    (folder / "data").mkdir(parents=True)
    (folder / "catalog.yaml").write_text(json.dumps(content))
    (folder / "workbench.toml").write_text('catalog = "catalog.yaml"\nsource = "data"\n')
    lab = Lab([], columns=COLUMNS)
    lab.connection.register("frame", frame)
    lab.connection.execute("INSERT INTO reporting.visits BY NAME FROM frame")
    lab.connection.execute(f"COPY reporting.visits TO '{folder}/data/visits.parquet'")
    workspace = wb.open_workspace(folder, now=lambda: dt.datetime(2026, 10, 2, tzinfo=dt.UTC))
    workspace.init()
    return workspace


@pytest.fixture(scope="module")
def frame():
    return people()


@pytest.fixture(scope="module")
def ws(tmp_path_factory, frame):
    return bank(tmp_path_factory.mktemp("bank"), frame)


def gini(card, frame):
    return 2 * roc_auc_score(frame["late"], card.predict_proba(frame)[:, 1]) - 1


def seeded(features, frame, epsilon, seed=0, **options):
    """Return a card of a frame, drawn by dice of its own."""
    card = PrivateScorecard(features=features, **options)
    pico = price(epsilon, delta=Decimal("1e-6")).pico
    tables = Counted(frame, frame["late"], pico, random.Random(seed).randrange)
    declared = catalog_of(COLUMNS).tables["visits"].columns
    return card._fit(tables, declared if isinstance(features, list) else {}, pico)


class TestInAWorkspace:
    def test_it_is_paid_once_and_is_private(self, ws, frame):
        tx = ws.open("visits", purpose="reporting")
        card = PrivateScorecard("late", FEATURES)
        before = spent(ws.ledger)
        card.fit(tx, ws=ws, epsilon=2, name="card")
        paid = spent(ws.ledger)
        assert paid - before == pytest.approx(price(2, delta=Decimal("1e-6")).pico, abs=3)
        again = clone(card).fit(tx, ws=ws, epsilon=2)
        assert spent(ws.ledger) == paid
        assert again.table_.equals(card.table_)
        assert provenance(card).kind == "private"
        assert provenance(card).releases == tuple(each.id for each in card.releases_)
        assert len(card.releases_) == 3
        assert gini(card, people(seed=1)) > 0.4

    def test_the_engine_counts_as_frames_are_counted(self, ws, frame):
        """Bins, missing values, codes and products: by SQL, and by numpy, without noise."""
        tx = ws.open("visits", purpose="reporting")
        columns = ws.catalog.tables["visits"].columns
        bins = [bins_of(name, None, columns[name]) for name in FEATURES]
        pico = 10**30
        asked = Asked(ws, tx, "late", "exact", 10**14, where=(), period=None)
        counted = Counted(frame, frame["late"], pico)
        asked.finest = counted.finest = bins

        def both(what, bins, sums):
            return (each.noisy(what, bins, sums)[0] for each in (asked, counted))

        mine, theirs = both("customers", bins[1:], Sums(sizes_of(bins[1:]), (LATTICE, 0)))
        assert mine == pytest.approx(theirs, abs=8)
        mine, theirs = both("counts", bins, Sums(sizes_of(bins), (2**19, 2**18 + 1)))
        assert mine == pytest.approx(theirs, abs=1)
        assert np.abs(theirs).max() > 100
        rng = np.random.default_rng(0)
        scores = tuple(tuple(rng.integers(-900, 900, len(b.labels)).tolist()) for b in bins)
        for longest in (700**2, 10**9):
            mine, theirs = both("products", bins, Sums(scores=scores, longest_squared=longest))
            assert mine == pytest.approx(theirs, abs=longest / 2**20)
            assert np.abs(theirs).max() > 20 * longest / 2**20 or longest == 10**9

    def test_its_points_are_a_release_of_their_own(self, ws, frame):
        tx = ws.open("visits", purpose="reporting")
        card = PrivateScorecard("late", FEATURES).fit(tx, ws=ws, epsilon=2)
        before = spent(ws.ledger)
        shown = card.shown()
        assert spent(ws.ledger) == before
        assert shown.columns["feature"][:2] == ["Home", "Home"]
        assert shown.columns["bin"] == card.table_["bin"].tolist()
        for name in ("points", "points_low", "points_high"):
            assert shown.columns[name] == card.table_[name].tolist()
        assert shown.columns["bad_rate"] == pytest.approx(card.table_["bad_rate"], abs=1e-9)
        assert ws.ledger.verify() > 0
        with pytest.raises(QuestionRefused, match="is in no ledger"):
            seeded(FEATURES, frame, 3).shown()

    def test_of_noise_alone_its_points_are_not_known_and_it_says_why(self, ws):
        tx = ws.open("visits", purpose="reporting")
        found = []
        for age in (18, 19):  # noise alone seems to be some once in three hundred times
            card = PrivateScorecard("late", FEATURES)
            card.fit(tx, ws=ws, epsilon="0.01", where=tx.age == age, name=f"few-{age}")
            shown = card.shown()
            told = [note for note in shown.notes if note.startswith("Points: not known as yet")]
            unknown = set(shown.columns["points"]) == set(shown.columns["bad_rate"]) == {None}
            assert bool(told) == unknown
            found.append(unknown)
            assert card.bands([500]).label.values == ("< 500", "≥ 500")  # so its page can go on
        assert any(found)

    def test_what_was_answered_of_its_bands_is_known_to_a_plan(self, ws, monkeypatch, tmp_path):
        """Its cuts are drawn, so a plan that did not read them would count all bands as unpaid."""
        tx = ws.open("visits", purpose="reporting")

        def asked():
            card = PrivateScorecard("late", FEATURES).fit(tx, ws=ws, epsilon=2, name="card")
            bands = [card.bands([465, 490, 510, 535]), "late"]
            ws.release(wb.query(tx, by=bands).customers(), name="bands", epsilon=1)
            return card.shown()

        shown, head = asked(), ws.ledger.head()
        monkeypatch.setenv(PLAN_FILE, str(tmp_path / "plan.jsonl"))
        planned = asked()
        assert planned.columns["points"] == shown.columns["points"]
        lines = (tmp_path / "plan.jsonl").read_text().splitlines()
        assert [json.loads(each)["unpaid"] for each in lines] == [[]] * 4
        assert ws.ledger.head() == head

    def test_bands_of_its_score_are_released_and_judged(self, ws, frame):
        tx = ws.open("visits", purpose="reporting")
        card = PrivateScorecard("late", FEATURES).fit(tx, ws=ws, epsilon=2)
        edges = [465, 490, 510, 535]
        group = card.bands(edges)
        assert provenance(group.label).kind == "private"
        counted = [row["customers"] for row in exactly(ws, wb.query(tx, by=group).customers())]
        exact = pd.cut(card.points(frame), [-np.inf, *edges, np.inf], right=False)
        assert counted == exact.value_counts(sort=False).tolist()
        table = ws.release(wb.query(tx, by=[group, "late"]).customers(), name="bands", epsilon=2)
        told = table.discrimination("late", measure="customers").frame
        assert told["gini_low"].item() < gini(card, frame) < told["gini_high"].item() + 0.05
        assert card.chance(card.points(frame)) == pytest.approx(
            card.predict_proba(frame)[:, 1], abs=0.02
        )
        with pytest.raises(QuestionRefused, match="points are whole numbers"):
            card.bands([500.5])
        other = PrivateScorecard(features={"wage": [1000]})
        other.fit(frame.assign(wage=frame["income"]), frame["late"], epsilon=3)
        with pytest.raises(UnknownName, match="wage"):
            ws.release(wb.query(tx, by=other.bands(edges)).customers(), name="bands", epsilon=1)

    def test_what_must_not_enter_is_refused_before_it_is_paid(self, ws):
        tx = ws.open("visits", purpose="reporting")
        before = spent(ws.ledger)
        for features, match in (
            (["calls"], "declared as after-outcome"),
            (["late"], "declared as target"),
            (["free"], "nothing declares the bins of 'free'"),
            (["wage"], "wage"),
            ({"home": [1, 2]}, "the edges of 'home' do not fit a column of type string"),
            ({"age": ["young", "old"]}, "the values of 'age' do not fit a column of type int64"),
            ({"age": [40, 10**30]}, "the edge 10+ of 'age' is beyond what a column"),
        ):
            with pytest.raises((QuestionRefused, UnknownName), match=match):
                PrivateScorecard("late", features).fit(tx, ws=ws, epsilon=1)
        with pytest.raises(QuestionRefused, match="target is a column that is true or false"):
            PrivateScorecard("home", ["age"]).fit(tx, ws=ws, epsilon=1)
        with pytest.raises(InputError, match="name its column as target"):
            PrivateScorecard("late", ["age"]).fit(tx, [1], ws=ws, epsilon=1)
        assert spent(ws.ledger) == before

    def test_a_limit_is_kept(self, tmp_path, frame):
        poor = bank(tmp_path / "poor", frame[:50], limit=1)
        tx = poor.open("visits", purpose="reporting")
        with pytest.raises(BudgetExhausted):
            PrivateScorecard("late", FEATURES).fit(tx, ws=poor, epsilon=5)


def test_it_looks_like_scikit_learn(frame):
    card = PrivateScorecard(features={"home": ["own", "rent"]}, pdo=40)
    assert clone(card).get_params() == card.get_params()
    assert card.fit(frame, frame["late"], epsilon=3) is card
    assert card.predict_proba(frame).sum(axis=1) == pytest.approx(1)
    assert set(card.predict(frame)) <= {0, 1}
    assert card.classes_.tolist() == [0, 1]
    assert card.n_features_in_ == 1
    assert provenance(card).kind == "raw"  # no ledger knows of it


def test_tables_of_other_libraries_are_read(frame):
    table = pa.Table.from_pandas(frame[["home", "late"]])
    card = PrivateScorecard("late", {"home": ["own", "rent"]}).fit(table, epsilon=3)
    assert card.points(table).tolist() == card.points(frame).tolist()


def test_points_double_the_odds_and_add_up(frame):
    card = seeded(FEATURES, frame, 3)
    odds = -card.decision_function(frame)  # of good to bad
    exact = 600 + 20 / np.log(2) * (odds - np.log(50))
    assert card.points(frame).to_numpy() == pytest.approx(exact, abs=2)  # a half a feature
    shown = card.table_
    assert shown["points_low"].le(shown["points"]).all()
    assert shown["points"].le(shown["points_high"]).all()


def test_shares_of_bad_ones_are_right_where_one_bin_has_most_of_them():
    """Log odds of all bins, added up by customers, are then far below those of all customers."""
    rates = np.array([1, 1, 1, 2, 3, 5, 8, 16, 44, 256]) / 1000
    place = np.repeat(np.arange(10), 4000)
    late = np.concatenate([np.arange(4000) < 4000 * rate for rate in rates])
    frame = pd.DataFrame({"balance": place + 0.5, "late": late})
    card = seeded({"balance": [*range(1, 10)]}, frame, 10)
    told = card.table_["bad_rate"].to_numpy()[:10]
    assert told == pytest.approx(rates, rel=0.05, abs=0.002)
    assert card.predict_proba(frame)[:, 1] == pytest.approx(rates[place], rel=0.1, abs=0.002)


def test_more_budget_finds_more(frame):
    fresh = people(seed=2)
    little, much = (
        np.median([gini(seeded(FEATURES, frame, e, seed), fresh) for seed in range(5)])
        for e in ("0.1", "4")
    )
    assert 0.05 < little < much - 0.02
    assert much > 0.42


def test_probabilities_are_calibrated(frame):
    fresh = people(20_000, seed=3)
    card = seeded(FEATURES, people(20_000), 3)
    foretold = card.predict_proba(fresh)[:, 1]
    assert foretold.mean() == pytest.approx(fresh["late"].mean(), abs=0.02)
    low = foretold < np.quantile(foretold, 0.2)
    assert foretold[low].mean() == pytest.approx(fresh["late"][low].mean(), abs=0.03)


def test_features_that_say_the_same_share_their_weight(frame):
    frame = people(20_000).assign(again=lambda f: f["income"])
    edges = [1000, 1500, 2000, 3000, 4000]
    card = seeded({"income": edges, "again": edges}, frame, 8)
    assert card.coefficients_.sum() == pytest.approx(1, abs=0.15)
    alone = seeded({"income": edges, "age": [30, 50]}, frame, 8)
    assert alone.coefficients_["income"] == pytest.approx(1, abs=0.1)


@pytest.mark.parametrize(("trend", "sign"), [("ascending", 1), ("descending", -1)])
def test_a_trend_is_kept(frame, trend, sign):
    card = seeded({"age": [25, 35, 45, 55, 65, 75]}, frame, 3, trend={"age": trend})
    woe = card.table_["woe"].to_numpy()[: card.bins_[0].ordered]
    assert (sign * np.diff(woe) >= -1e-9).all()


def test_intervals_hold_noise_and_sampling(size):
    """Of all WoE of strong and weak features, 95 % lie inside, over draws of people and noise."""
    draws, inside = (60 if size == "smoke" else 600), []
    whole = people(200_000, seed=99)
    for seed in range(draws):
        sample = whole.sample(2000, random_state=seed)
        card = seeded({"home": ["own", "rent", "other"]}, sample, 2, seed)
        truth = whole.groupby("home")["late"].mean()[["own", "rent", "other"]]
        base = whole["late"].mean()
        woe = np.log(truth / (1 - truth)) - np.log(base / (1 - base))
        woe = woe - (woe * whole["home"].value_counts(normalize=True)[woe.index]).sum()
        rows = card.table_[:3]
        inside += list((rows["woe_low"] <= woe.to_numpy()) & (woe.to_numpy() <= rows["woe_high"]))
    assert 0.9 <= np.mean(inside) <= 1


def test_rare_bad_ones_are_ranked_and_their_share_is_not_told_of_noise(frame):
    rng = np.random.default_rng(0)
    x = rng.normal(size=20_000)
    rare = pd.DataFrame({"x": x, "late": rng.random(20_000) < 1 / (1 + np.exp(6.2 - 2 * x))})
    assert 50 < rare["late"].sum() < 400
    dear, cheap = (seeded({"x": [-1, 0, 1, 2]}, rare, e, 1) for e in ("3", "0.05"))
    assert dear.table_["bad_rate"].notna().all()
    assert cheap.table_["bad_rate"].isna().all()
    assert np.isfinite(cheap.table_.drop(columns=["feature", "bin", "bad_rate"])).all(axis=None)
    # of as many as the noise, so that what is not known is not taken for safe
    assert cheap.predict_proba(rare)[:, 1].mean() > 0.5 * rare["late"].mean()
    assert gini(dear, rare) > 0.7


def test_noise_alone_is_refused(frame):
    with pytest.raises(QuestionRefused, match="too few for a card at this price"):
        seeded(FEATURES, frame[:30], "0.1")


@pytest.mark.parametrize(
    ("made", "match"),
    [
        ({}, "needs features="),
        ({"features": "age"}, "needs features="),
        ({"features": {"age": "old"}}, "are edges, such as"),
        ({"features": {"age": [50, 20]}}, "rising"),
        ({"features": {"age": list(range(200))}}, "at most 100"),
        ({"features": {"home": ["own", "own"]}}, "must be different"),
        ({"features": ["age"], "trend": {"home": "ascending"}}, "must name a feature"),
        ({"features": {"age": [40]}, "pdo": 0}, "above 0"),
        ({"features": {"age": [40]}, "base_odds": -1}, "above 0"),
        ({"features": {"age": [40]}, "base_score": "600"}, "above 0"),
        ({"features": ["age"], "trend": {"age": "up"}}, "must name a feature"),
    ],
)
def test_what_is_no_card_is_refused(frame, made, match):
    with pytest.raises(QuestionRefused, match=match):
        PrivateScorecard(**made).fit(frame, frame["late"], epsilon=1)


def test_bad_frames_are_refused(frame):
    card = PrivateScorecard(features={"age": [40]})
    with pytest.raises(InputError, match="lacks the column 'age'"):
        card.fit(frame.drop(columns="age"), frame["late"], epsilon=1)
    with pytest.raises(InputError, match=r"5 outcomes were given for 3,000 rows"):
        card.fit(frame, frame["late"][:5], epsilon=1)


def test_bins_of_the_catalog():
    columns = catalog_of(COLUMNS).tables["visits"].columns
    income = bins_of("income", None, columns["income"])
    assert len(income.edges) == 117
    assert 500 < min(income.edges) < max(income.edges) < 20_000
    assert income.labels[-2:] == ("-1: not stated", "None of these")
    assert bins_of("home", None, columns["home"]).labels == (
        "own", "rent", "other", "None of these",
    )  # fmt: skip
    places = income.places([-1, None, float("nan"), float("inf"), 0, "x"])
    assert places.tolist() == [118, 119, 119, 117, 0, 119]
    assert Bins("home", values=("own",)).places(["own", None, "castle", 3]).tolist() == [0, 1, 1, 1]


def test_small_amounts_are_told_apart_on_both_sides_of_nought():
    owed = Column(type="integer", bounds=[-170_000, 960_000])
    edges = [int(each) for each in bins_of("owed", None, owed).edges]
    assert sum(-20_000 < each < 0 for each in edges) >= 5
    assert sum(0 < each < 20_000 for each in edges) >= 5
    assert max(np.diff(edges)) < 100_000


def test_no_value_of_a_row_raises_an_error(frame):
    """Not among features, nor among outcomes: whoever has it would be known by the error."""
    odd = [["a", "list"], {"a": 1}, 10**400, "text", None, pd.NA, float("inf"), b"\xff", 1j]
    rows = frame.astype(object).copy()
    for i, value in enumerate(odd):
        for column in ("home", "age", "late"):
            rows.at[i, column] = value
    card = seeded({"home": ["own", "rent"], "age": [40]}, rows, 3)
    last = len(card.bins_[0].labels) - 1
    assert card.bins_[0].places(rows["home"])[: len(odd)].tolist() == [last] * len(odd)
    assert np.isfinite(card.predict_proba(rows)).all()


def test_ranges_are_put_together_evenly():
    ten = bins_of("x", list(range(1, 10)))
    assert [int(edge) for edge in ten.merged(3).edges] == [3, 7]
    assert [int(edge) for edge in ten.merged(2).edges] == [5]
    assert ten.merged(20) is ten


def test_ranges_follow_customers_and_what_was_declared():
    """A quarter of the weight is declared ranges: a crowd is told apart, a tail is kept."""
    ten = bins_of("x", list(range(1, 10)))
    crowd = np.array([0, 0, 1000, 1000, 0, 0, 0, 0, 0, 0]) + 1e-9
    assert [int(edge) for edge in ten.merged(4, crowd).edges] == [2, 3, 4]
    card = seeded({"x": list(range(1, 40))}, crowded(), "0.3")
    edges = [float(edge) for edge in card.bins_[0].edges]
    assert np.diff(edges)[:2].tolist() == [1, 1]
    assert np.diff(edges).max() > 3


@pytest.mark.parametrize("kind", ["integer", "number"])
def test_bounds_far_above_most_customers_hide_nothing(kind):
    """Incomes of about 3,000, and shares of one, where bounds allow a thousand times as much."""
    rng, found = np.random.default_rng(1), []
    value = np.exp(rng.normal(8, 1, 8000)) if kind == "integer" else rng.beta(1, 3, 8000)
    rank = value.argsort().argsort() / 8000
    rows = pd.DataFrame({"x": value.round(0 if kind == "integer" else 4)})
    bad = (rng.random(8000) < 0.4 * rank**2).astype(int)
    for times in (1, 1000):
        pico = price(1, delta=Decimal("1e-6")).pico
        tables = Counted(rows, bad, pico, random.Random(0).randrange)
        column = Column(type=kind, bounds=[0, int(value.max() + 1) * times])
        card = PrivateScorecard(features=["x"])._fit(tables, {"x": column}, pico)
        found.append(2 * roc_auc_score(bad, card.predict_proba(rows)[:, 1]) - 1)
    assert min(found) > 2 * roc_auc_score(bad, rank) - 1 - 0.03


def crowded():
    """Return customers of whom nearly all are at the low end of what was declared."""
    rng = np.random.default_rng(0)
    return pd.DataFrame({"x": rng.exponential(2, 4000), "late": rng.random(4000) < 0.3})


@pytest.mark.parametrize("last", [2**8 - 2, 2**8 - 1, 2**8])
def test_of_many_values_none_fails_by_its_place(last):
    """An error would tell that somebody has it."""
    bins = bins_of("free", [f"v{number}" for number in range(last + 1)])
    lab = Lab([{"customer_id": "u", "free": f"v{last}", "late": True}], columns=COLUMNS)
    cells = CardCells((bins,), "late", Sums(sizes_of([bins]), (LATTICE, LATTICE)))
    (totals,) = lab.totals(lab.resolve(wb.query(lab.table, by=cells, cells=1).customers()))
    assert len(totals.vector) == 2 * (1 + len(bins.labels))
    assert totals.vector[2 * (1 + last)] == (LATTICE - LATTICE // len(bins.labels),)


@pytest.mark.parametrize(
    ("kind", "edges", "values"),
    [
        ("BIGINT", ["-1.5", "0", "7"], ["-2", "-1", "0", "6", "7", "9", "999", str(2**62)]),
        ("BIGINT", ["5", str(2**60)], [str(2**60 - 1), str(2**60), str(2**60 + 1), "4"]),
        ("DECIMAL(18,2)", ["0.1", "0.105", "99.99"], ["0.09", "0.1", "0.11", "99.99", "999"]),
        ("DECIMAL(18,6)", ["99999999999.999999"], ["99999999999.999998", "99999999999.999999"]),
        ("DECIMAL(38,9)", ["1e28", "1.000000001"], [str(10**28), "9" * 28, "1.000000001", "1"]),
        ("DOUBLE", ["0.1", "1e300"], ["0.1", "0.09999999999999999", "1e300", "inf", "-inf", "nan"]),
        ("FLOAT", ["0.1", "2"], ["0.1", "2", "1.9999999", "999", "nan"]),
    ],
)
def test_rows_stand_where_questions_place_them(kind, edges, values):
    """Numbers are compared to their last digit, in numpy as in the engine, missing ones too."""
    bins = Bins("v", tuple(map(Decimal, edges)), special=((Decimal(999), "unknown"),))
    lake = duckdb.connect()
    lake.execute(f"CREATE TABLE t AS SELECT unnest(?::VARCHAR[])::{kind} AS v", [[*values, None]])
    table = ibis.duckdb.from_connection(lake).table("t")
    number, standing = bins.read(table.v)
    both = table.select(read=number, place=bins.place(table.v)).execute()
    assert standing(both["read"].to_numpy()).tolist() == both["place"].tolist()
    assert both["place"].nunique() > 2


def test_rows_are_read_once(ws, monkeypatch):
    """Three answers of one fit, each paid for, of the same rows; another fit reads them anew."""
    opened, connect = [], Access.release_connection
    written, write = [], onerow._rows_sql
    monkeypatch.setattr(
        Access, "release_connection", lambda *asked: opened.append(1) or connect(*asked)
    )
    monkeypatch.setattr(onerow, "_rows_sql", lambda *asked: written.append(1) or write(*asked))
    tx = ws.open("visits", purpose="reporting")
    for times, epsilon in enumerate(("2.1", "2.2"), 1):
        card = PrivateScorecard("late", FEATURES).fit(tx, ws=ws, epsilon=epsilon)
        assert (len(card.releases_), len(opened), len(written)) == (3, times, times)


def test_of_rows_on_one_day_a_customers_own_decide():
    """In whatever order they stand, and whoever else is there."""
    rows = [
        {"customer_id": "a", "day": dt.date(2026, 3, 5), "age": age, "late": late}
        for age, late in ((30, True), (50, False), (70, None), (90, True))
    ]
    rows.append({"customer_id": "a", "day": dt.date(2026, 3, 4), "age": 20, "late": False})
    other = {"customer_id": "b", "day": dt.date(2026, 3, 5), "age": 30, "late": False}
    bins = bins_of("age", [25, 40, 60, 80])
    cells = CardCells((bins,), "late", Sums(sizes_of([bins]), (LATTICE, LATTICE)))
    found = []
    for held in ([*rows], rows[::-1], [*rows, other]):
        lab = Lab(held, columns=COLUMNS)
        (totals,) = lab.totals(lab.resolve(wb.query(lab.table, by=cells, cells=1).customers()))
        found.append(np.array([each for (each,) in totals.vector.values()]))
    assert (found[0] == found[1]).all()
    lab = Lab([other], columns=COLUMNS)
    (alone,) = lab.totals(lab.resolve(wb.query(lab.table, by=cells, cells=1).customers()))
    assert (found[2] - found[0] == [each for (each,) in alone.vector.values()]).all()


def test_a_fit_that_is_refused_leaves_the_card_as_it_was():
    people = pd.DataFrame({"age": np.arange(6000) % 60})
    bad = (people["age"] < 15).astype(int)
    card = PrivateScorecard(features={"age": list(range(5, 60, 5))}).fit(people, bad, epsilon=3)
    points, bins = card.points(people), card.bins_
    with pytest.raises(QuestionRefused, match="too few for a card"):
        card.fit(people[:60], bad[:60], epsilon="0.05")
    assert card.bins_ == bins
    assert card.points(people).equals(points)
