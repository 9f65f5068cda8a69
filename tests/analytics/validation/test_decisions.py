"""Cut-offs by profit, bands, overrides, swap sets and split cards."""

import numpy as np
import pandas as pd
import pytest
from scipy.special import expit
from sklearn.linear_model import LogisticRegression

import workbench as wb
from workbench.errors import InputError


def drawn(rng, n):
    p = expit(rng.normal(-1.5, 1.2, n))
    return (rng.random(n) < p).astype(int), p


def test_the_best_cutoff_of_right_chances_is_where_gain_and_loss_meet():
    y, p = drawn(np.random.default_rng(0), 40_000)
    found = wb.risk.best_cutoff(y, p, gain_good=100, loss_bad=400)
    assert found.lower <= 0.2 <= found.upper  # 100 × (1 − p) = 400 × p
    approved = p < found.cutoff
    by_hand = np.where(approved, np.where(y == 1, -400, 100), 0).mean()
    assert found.table["profit"].max() <= by_hand + 1e-9
    assert found.profit.estimate <= by_hand
    assert found.approval_rate.estimate == approved.mean()
    assert found.bad_rate.estimate == pytest.approx(y[approved].mean())
    half = p < 0.5
    assert by_hand > 1.1 * np.where(half, np.where(y == 1, -400, 100), 0).mean()


def test_the_profit_of_a_chosen_cutoff_holds_on_new_cases(size):
    """The choice flatters itself; the figure does not."""
    draws = 80 if size == "smoke" else 1_000
    rng = np.random.default_rng(1)
    fresh_y, fresh_p = drawn(rng, 200_000)
    worth, held, flattered = np.where(fresh_y == 1, -4.0, 1.0), 0, []
    for _ in range(draws):
        y, p = drawn(rng, 300)
        found = wb.risk.best_cutoff(y, p, gain_good=1, loss_bad=4)
        truth = np.where(fresh_p < found.cutoff, worth, 0).mean()
        held += found.profit.lower <= truth <= found.profit.upper
        plain = np.where(p < found.cutoff, np.where(y == 1, -4, 1), 0).mean()
        flattered.append((plain - truth, found.profit.estimate - truth))
    assert held / draws > 0.88
    plain, honest = np.mean(flattered, axis=0)
    assert plain > 0.01
    assert abs(honest) < 0.6 * plain


def test_where_nothing_pays_nobody_is_approved():
    y, p = drawn(np.random.default_rng(2), 500)
    found = wb.risk.best_cutoff(y, p, gain_good=1, loss_bad=100_000)
    assert found.approval_rate.estimate < 0.1
    worst = wb.risk.best_cutoff([1, 1, 0], [0.1, 0.2, 0.3], gain_good=1, loss_bad=9)
    assert worst.approval_rate.estimate == 0
    assert (str(worst.bad_rate.estimate), worst.bad_rate.n) == ("nan", 0)  # of nobody: not known
    assert worst.cutoff == 0.1


def test_bands_approve_refer_and_decline():
    p, y = [0.01, 0.05, 0.1, 0.2, 0.5], [0, 1, 0, None, None]
    ask = {"approve_below": 0.1, "decline_from": 0.2}
    assert wb.risk.decide(p, **ask).tolist() == ["approve"] * 2 + ["refer"] + ["decline"] * 2
    table = wb.risk.decision_bands(p, y_true=y, **ask)
    assert table["n"].tolist() == [2, 1, 2]
    assert table["known"].tolist() == [2, 1, 0]
    assert table.loc["approve", "bad_rate"] == 0.5
    assert np.isnan(table.loc["decline", "upper"])


def test_overrides_are_told_by_their_side():
    card = [True, True, False, False, False]
    final = [True, False, True, True, False]
    table = wb.risk.override_table(card, final, [0, None, 1, 0, None])
    assert table["n"].to_dict() == {
        "approved as recommended": 1,
        "high-side override": 1,
        "low-side override": 2,
        "declined as recommended": 1,
    }
    assert table.loc["low-side override", "bad_rate"] == 0.5
    assert table.loc["high-side override", "known"] == 0


def test_a_swap_set_has_as_many_in_as_out():
    rng = np.random.default_rng(3)
    y, p = drawn(rng, 3_000)
    champion = p + rng.normal(0, 0.2, 3_000)
    table = wb.risk.swap_set(champion, p, approval_rate=0.6, y_true=y)
    assert table.loc["swapped in", "n"] == table.loc["swapped out", "n"] > 100
    assert table.loc[["both approve", "swapped in"], "n"].sum() == 1_800
    assert table.loc["swapped in", "upper"] < table.loc["swapped out", "lower"]
    unknown = wb.risk.swap_set(champion, p, approval_rate=0.6)
    assert unknown["known"].sum() == 0


def test_a_split_gains_where_segments_differ_and_not_where_they_do_not():
    rng = np.random.default_rng(4)
    X = pd.DataFrame(rng.normal(size=(3_000, 2)), columns=["a", "b"])
    segment = rng.choice(["new", "old"], 3_000)
    turned = np.where(segment == "new", 1, -1)
    differing = rng.random(3_000) < expit(1.5 * turned * X["a"] - 1)
    alike = rng.random(3_000) < expit(1.5 * X["a"] - 1)
    model = LogisticRegression()
    assert wb.risk.split_gain(model, X, differing, segment).lower > 0.3
    none = wb.risk.split_gain(model, X, alike, segment)
    assert none.lower < 0 < none.upper + 0.005
    assert none.upper < 0.02


@pytest.mark.parametrize(
    ("ask", "words"),
    [
        (lambda: wb.risk.best_cutoff([0, 1], [0.1, 0.9], gain_good=1, loss_bad=-4), "above 0"),
        (lambda: wb.risk.decide([0.1], approve_below=0.5, decline_from=0.2), "bands need"),
        (lambda: wb.risk.swap_set([1, 2], [1, 2], approval_rate=60), "share approved"),
        # what is missing, or in words, is no decision, no outcome and no chance
        (lambda: wb.risk.decide([np.nan], approve_below=0.1, decline_from=0.2), "missing"),
        (lambda: wb.risk.decide([550], approve_below=0.1, decline_from=0.2), "Points are not"),
        (lambda: wb.risk.swap_set([1, None], [1, 2], approval_rate=0.5), "missing"),
        (lambda: wb.risk.override_table(["approve"], ["decline"]), "True or False of each"),
        (lambda: wb.risk.override_table([True, None], [True, True]), "True or False of each"),
        (lambda: wb.risk.override_table([True], [True], [2]), "0 \\(good\\) and 1"),
        (lambda: wb.risk.override_table([True], [True], ["bad"]), "0 \\(good\\) and 1"),
        (
            lambda: wb.risk.split_gain(
                LogisticRegression(),
                pd.DataFrame({"a": range(9)}),
                [0, 1] * 4 + [0],
                list("xxxxxxxxy"),
            ),
            "Join small segments",
        ),
        (
            lambda: wb.risk.split_gain(
                LogisticRegression(),
                pd.DataFrame({"a": range(40)}),
                [0, 1] * 20,
                [None] + ["x"] * 39,
            ),
            "each case a segment",
        ),
    ],
)
def test_what_cannot_be_decided_is_said(ask, words):
    with pytest.raises(InputError, match=words):
        ask()
