"""A private card is validated by one noisy table, with intervals that hold, or not at all."""

import datetime as dt

import numpy as np
import pandas as pd
import pytest
from privacy.models.test_private_scorecard import FEATURES, bank, people
from sklearn.metrics import roc_auc_score

import workbench as wb
from workbench.errors import QuestionRefused
from workbench.privacy.columns import Dimension
from workbench.privacy.models.score_validation import gini, ks, psi, validated
from workbench.privacy.provenance import provenance

BANDS = [465, 480, 490, 500, 510, 520, 535, 550]


@pytest.fixture(scope="module")
def ws(tmp_path_factory):
    frame = people(8000)
    frame["day"] = [dt.date(2026, 3 + i % 2, 5) for i in range(len(frame))]
    return bank(tmp_path_factory.mktemp("bank"), frame)


@pytest.fixture(scope="module")
def card(ws):
    loans = ws.open("visits", purpose="reporting")
    return wb.PrivateScorecard("late", FEATURES).fit(loans, ws=ws, epsilon=2)


def asked(ws, card, epsilon=2, by=("month",), name="validation", edges=BANDS):
    loans = ws.open("visits", purpose="reporting")
    question = wb.query(
        loans, by=[card.bands(edges), "late", *by], period=("2026-03", "2026-04")
    ).customers()
    return ws.release(question, name=name, epsilon=epsilon)


def test_one_table_tells_all(ws, card):
    released = asked(ws, card)
    found = card.validate(released)
    rows = people(8000)
    exact = 2 * roc_auc_score(rows["late"], -card.points(rows)) - 1
    told = found.discrimination
    assert told["period"].tolist() == ["2026-03", "2026-03", "2026-04", "2026-04"]
    for each in told[told["figure"] == "gini"].itertuples():
        assert each.low < exact < each.high
        assert each.value == pytest.approx(exact, abs=0.1)
    assert found.stability["low"].item() == 0  # nothing drifted
    assert found.stability["no_drift"].item() < 0.1
    rates = found.calibration
    assert rates["value"].is_monotonic_decreasing
    middle = rates[(rates["high"] - rates["low"]) < 0.1]
    assert (middle["low"] < middle["foretold_high"] + 0.03).all()
    assert (middle["foretold_low"] - 0.03 < middle["high"]).all()
    assert provenance(card.bands(BANDS).label).kind == "private"


def test_bands_in_the_engine_are_those_of_points(ws, card):
    released = asked(ws, card, epsilon=300, by=(), name="exact")
    by_band = released.frame.groupby("score_band", sort=False)["customers"].sum()
    exact = pd.cut(card.points(people(8000)), [-np.inf, *BANDS, np.inf], right=False)
    assert by_band.to_numpy() == pytest.approx(exact.value_counts(sort=False).to_numpy(), abs=3)


def test_too_few_are_refused_with_the_reason(ws, card):
    with pytest.raises(QuestionRefused, match=r"needs [\d,]+ of each: 50, and 10 times"):
        card.validate(asked(ws, card, epsilon="0.02", edges=[500]))


def test_another_table_is_refused(ws, card):
    loans = ws.open("visits", purpose="reporting")
    other = ws.release(wb.query(loans, by="home").customers(), name="homes", epsilon=1)
    with pytest.raises(QuestionRefused, match="validated by one table of customers by"):
        card.validate(other)
    with pytest.raises(QuestionRefused, match="points are whole numbers"):
        card.bands([500.5])


def test_figures_of_a_table_are_those_of_its_rows():
    """Gini and KS of bands are those of scores with as many values; PSI by hand."""
    table = np.array([[10, 30], [40, 20], [50, 10]])
    score = np.repeat([0, 0, 1, 1, 2, 2], table.ravel())
    bad = np.repeat([0, 1, 0, 1, 0, 1], table.ravel())
    assert gini(table) == pytest.approx(2 * roc_auc_score(bad, -score) - 1)
    assert ks(table) == pytest.approx(0.5 - 0.1)
    # Siddiqi 2006's form: sum of (actual - expected) * ln(actual / expected)
    assert psi(np.array([[50, 50], [60, 40]])) == pytest.approx(
        0.1 * np.log(0.6 / 0.5) - 0.1 * np.log(0.4 / 0.5)
    )


class Told:
    """A release as far as validation looks at one."""

    def __init__(self, counts, sd):
        periods, bands, _ = counts.shape
        self.id, self.period = "r-000001", None
        self.by = [
            Dimension("month", "Month", "month", tuple(range(10, 10 + periods))),
            Dimension("score_band", "Score", "band", tuple(range(20, 20 + bands))),
            Dimension("bad", "Bad", "category", (False, True)),
        ]
        keys = [list(map(int, each)) for each in np.indices(counts.shape).reshape(3, -1)]
        self.columns = {
            each.name: [each.values[i] for i in key]
            for each, key in zip(self.by, keys, strict=True)
        } | {"customers": counts.ravel().tolist()}
        self._sd = sd

    def margin(self, _):
        return [1.959964 * self._sd] * len(self.columns["customers"])


def test_intervals_hold_and_drift_is_not_cried(size):
    """95 in 100 intervals hold the truth; 5 % ± of periods without drift lie above the band."""
    draws, dice, sd = (150 if size == "smoke" else 2000), np.random.default_rng(1), 12.0
    shares = np.array([[0.05, 0.3], [0.1, 0.25], [0.2, 0.2], [0.3, 0.15], [0.35, 0.1]])
    truth = np.stack([shares * [3000, 600]] * 2)
    held, cried, gone = [], 0, []
    for _ in range(draws):
        counts = dice.poisson(truth) + np.round(dice.normal(0, sd, truth.shape))
        found = validated(Told(counts, sd), "score_band", lambda place: (0.0, 1.0))
        for each in found.discrimination.itertuples():
            exact = {"gini": gini, "ks": ks}[each.figure](shares)
            held.append(each.low <= exact <= each.high)
        drift = found.stability.iloc[0]
        both = counts.sum(axis=2)
        cried += psi(both) > drift["no_drift"]
        gone.append(drift["low"] == 0)
    assert np.mean(held) == pytest.approx(0.95, abs=0.035)
    assert cried / draws == pytest.approx(0.05, abs=0.045 if size == "smoke" else 0.015)
    assert np.mean(gone) > 0.9
