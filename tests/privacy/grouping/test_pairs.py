"""Pairs of values of one customer, and how much more often than by chance they go together."""

import numpy as np
import pytest
from factories.noisy import CUSTOMERS, Books, answer
from support.lab import COLUMNS, Lab

import workbench as wb
from workbench.errors import QuestionRefused, UnknownName
from workbench.privacy.columns import Dimension

PAIR = Dimension("kind_pair", "Kind, pair", "category", ("p", "p + q", "q"))
HELD = {"u1": "pq", "u2": "ppr", "u3": "p", "u4": "s", None: "pq"}


def test_a_customer_counts_once_for_every_two_values_they_have():
    rows = [{"customer_id": who, "kind": each} for who, kinds in HELD.items() for each in kinds]
    lab = Lab(rows, cells=12)
    found = lab.ask(wb.query(lab.table, by=wb.pairs("kind"), cells=10).customers())
    assert {row["kind_pair"]: row["customers"] for row in found if row["customers"]} == {
        "p": 4, "p + q": 2, "p + r": 1, "q": 2, "r": 1, "s": 1,
    }  # fmt: skip
    assert len(found) == 10


def test_a_filter_and_another_group_hold_for_both_of_a_pair():
    rows = [{"customer_id": "u1", "kind": k, "level": n} for k, n in (("p", 1), ("q", 2), ("r", 2))]
    lab = Lab(rows, cells=12)
    asked = wb.query(lab.table, by=wb.pairs("kind"), where={"level": 2}, cells=10).customers()
    assert {row["kind_pair"] for row in lab.ask(asked) if row["customers"]} == {"q", "q + r", "r"}
    by = wb.query(lab.table, by=[wb.pairs("kind"), "level"], cells=30).customers()
    assert {(r["kind_pair"], r["level"]) for r in lab.ask(by) if r["customers"]} == {
        ("p", 1), ("q", 2), ("q + r", 2), ("r", 2),
    }  # fmt: skip


def test_totals_by_pairs_are_refused():
    tx = Lab([]).table
    for asked in (
        wb.query(tx, by=wb.pairs("kind")).sum("amount"),
        wb.query(tx, by=wb.pairs("kind")).count(),
        wb.query(tx, by=wb.pairs("kind")).distinct("note", most=2),
    ):
        with pytest.raises(QuestionRefused, match="counts customers, and a row is in every pair"):
            Lab([]).resolve(asked)


def test_columns_without_pairs_are_refused():
    lab = Lab([])
    with pytest.raises(UnknownName, match="Did you mean 'kind'"):
        lab.resolve(wb.query(lab.table, by=wb.pairs("kidn")).customers())
    with pytest.raises(QuestionRefused, match="no declared domain"):
        lab.resolve(wb.query(lab.table, by=wb.pairs("note")).customers())
    lab = Lab([], columns={**COLUMNS, "kind": {"type": "text", "domain": ["a + b", "c"]}})
    with pytest.raises(QuestionRefused, match="stands between two of a pair"):
        lab.resolve(wb.query(lab.table, by=wb.pairs("kind")).customers())


class TestAffinity:
    def lifts(self, books=None, **changes):
        books = books or Books()
        pairs = answer([PAIR], {"n": [400.0, 160.0, 200.0]}, measures=(CUSTOMERS,), **changes)
        whole = answer([], {"n": [1000.0]}, measures=(CUSTOMERS,), number=2, sigma=1.0)
        return books.put(pairs).affinity(books.put(whole), name="together")

    def test_the_lift_is_observed_over_expected(self):
        lifts = self.lifts()
        assert lifts.columns["kind_pair"] == ["p + q"]
        assert lifts.columns["customers"] == [160.0]
        assert lifts.columns["both_rate"] == [0.4]
        assert lifts.columns["lift"] == [2.0]  # 0.16 observed, 0.4 × 0.2 expected

    def test_its_margin_holds_95_times_in_100(self, size):
        draws, sigma, dice = 300 if size == "smoke" else 5_000, 4.0, np.random.default_rng(5)
        hits = 0
        for _ in range(draws):
            noise = {"n": np.rint(dice.normal(0, sigma * 2**20, 3)).astype(int)}
            lifts = self.lifts(noise=noise, sigma=sigma)
            hits += lifts.columns["lift_low"][0] <= 2 <= lifts.columns["lift_high"][0]
        assert 0.90 < hits / draws < 0.99

    def test_what_is_derived_from_lifts_knows_their_noise(self):
        lifts = self.lifts()
        more = lifts.derive(wb.column("lift") - 1)
        width = lifts.columns["lift_high"][0] - lifts.columns["lift_low"][0]
        again = more.columns[more.measures[0].name + "_high"][0]
        assert again - more.columns[more.measures[0].name + "_low"][0] == pytest.approx(width, 0.01)

    def test_other_releases_have_none(self):
        books = Books()
        whole = books.put(answer([], {"n": [1000.0]}, measures=(CUSTOMERS,), number=2))
        with pytest.raises(QuestionRefused, match="affinity is of customers by"):
            whole.affinity(whole)
