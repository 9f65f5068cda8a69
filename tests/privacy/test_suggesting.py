"""Bounds that are learned privately are right: hardly anybody is cut, and they are no wider."""

from decimal import Decimal

import numpy as np
import pytest
from support.lab import COLUMNS, Lab, catalog_of

import workbench as wb
from workbench.errors import QuestionRefused
from workbench.privacy.accounting import Cost
from workbench.privacy.clipping import edges_of, read_off
from workbench.privacy.columns import Dimension, Measure
from workbench.privacy.release import Release

COUNTED = Measure("customers", "customers", "Customers", "customers")
DICE = np.random.default_rng(5)
SHOPS = {
    "light": DICE.gamma(4.0, 60.0, 4000),
    "heavy": DICE.lognormal(5.0, 1.2, 4000),
    "very heavy": 40 * DICE.pareto(1.3, 4000),
    "with returns": DICE.lognormal(5.0, 1.2, 4000) * np.where(DICE.random(4000) < 0.15, -0.5, 1),
    "as much back as out": DICE.standard_t(2.0, 4000) * 100,
}


def counted(totals, edges, noise, dice):
    """Return noisy customers by bands of their total."""
    bands = np.searchsorted([float(edge) for edge in edges], totals, side="right")
    counts = np.bincount(bands, minlength=len(edges) + 1)
    noisy = [round(float(each)) for each in counts + dice.normal(0, noise, len(counts))]
    margin = 1.96 * noise
    columns = {
        "band": [str(i) for i in range(len(counts))],
        "customers": noisy,
        "customers_low": [each - margin for each in noisy],
        "customers_high": [each + margin for each in noisy],
    }
    by = (Dimension("band", "Band", "band", tuple(columns["band"])),)
    cost = Cost(10**10)
    return Release("r-1", "x", "t", "p", None, by, (COUNTED,), columns, cost, "v")


@pytest.mark.parametrize("shop", SHOPS)
def test_few_are_cut_whatever_the_tail_and_the_bound_is_no_wider_than_it_must_be(shop):
    totals = SHOPS[shop]
    low = -5000 if totals.min() < 0 else 0
    columns = {**COLUMNS, "amount": {"type": "money", "bounds": [low, 5000]}}
    edges = edges_of("amount", catalog_of(columns).tables["visits"])
    dice = np.random.default_rng(7)
    cut, spare = [], []
    for _ in range(200):
        found = read_off(counted(totals, edges, 4.0, dice), "amount", edges, 0.98)
        high, least = float(found.high), float(found.low)
        cut.append(np.mean((totals > high) | (totals < least)))
        narrower = float(edges[max(0, edges.index(found.high) - 2)])
        spare.append(np.mean(totals > narrower))
        assert (least < 0) == (shop in ("with returns", "as much back as out"))
        assert found.share == pytest.approx(1 - cut[-1], abs=0.012)
    assert np.quantile(cut, 0.95) <= 0.025
    # two steps lower, a factor of 2 to 5, would have cut more than may be
    assert np.quantile(spare, 0.05) > 0.02 / (1 + (low < 0)) * 0.9


def test_negative_totals_are_counted_in_bands_below_nought():
    columns = {**COLUMNS, "score": {**COLUMNS["score"], "bounds": [-10, 10], "scale": 0}}
    lab = Lab(
        [{"customer_id": f"u{i}", "score": v} for i, v in enumerate([-7, -1, 0, 3])],
        columns=columns,
    )
    edges = edges_of("score", lab.catalog.tables["visits"])
    assert edges == sorted(edges)
    assert [-each for each in reversed(edges)] == edges
    asked = wb.query(lab.table, by=wb.bands("score", edges, of="customer")).customers()
    bands = {row["score_total_band"]: row["customers"] for row in lab.ask(asked)}
    assert {band for band, count in bands.items() if count} == {
        "-10 to -5",
        "-1 to 0",
        "0 to 1",
        "2 to 5",
    }


@pytest.mark.parametrize(("noise", "share"), [(60.0, 0.98), (4.0, 0.9999)])
def test_what_may_be_cut_is_refused_where_it_is_no_more_than_noise(noise, share):
    edges = [Decimal(10), Decimal(100), Decimal(1000)]
    found = counted(SHOPS["light"], edges, noise, np.random.default_rng(3))
    with pytest.raises(QuestionRefused, match="hardly more than noise"):
        read_off(found, "amount", edges, share)
