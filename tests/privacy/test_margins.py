"""Margins hold what they say: by hand, and over thousands of draws."""

import random
from fractions import Fraction
from math import inf, sqrt

import numpy as np
import pytest
from factories.noisy import ALL, CUSTOMERS, MEDIAN, MONTH, REGION, Books, answer, drawn

import workbench as wb
from workbench.errors import QuestionRefused, UnknownName
from workbench.privacy.books.answers import handed_out
from workbench.privacy.columns import Dimension
from workbench.privacy.engine.mechanisms import discrete_gaussian
from workbench.privacy.margins import (
    Affine,
    Fixed,
    Ratio,
    added,
    covariance,
    divided,
    fieller,
    interval,
    plus,
    quantile,
    tangent,
    times,
    weighted,
)
from workbench.privacy.tables import columns_of, sheet_of

# 99.9 % band of an observed coverage around 95 %, for as many draws
DRAWS = 4000
BAND = 3.3 * sqrt(0.95 * 0.05 / DRAWS)


def coverage(hits):
    return float(np.mean(hits))


def test_quantiles_are_those_of_the_normal_table():
    assert quantile(0.95) == pytest.approx(1.959963984540054, abs=1e-12)
    assert quantile(0.99) == pytest.approx(2.5758293035489004, abs=1e-12)


def test_sidak_is_tighter_than_bonferroni_and_wide_enough():
    for figures in (2, 30, 10_000):
        bonferroni = quantile(1 - 0.05 / figures)
        assert quantile(0.95) < quantile(0.95, figures) < bonferroni
        assert quantile(0.95, figures) == pytest.approx(bonferroni, rel=0.01)


@pytest.mark.parametrize("level", [0, 1, -0.5, 95, inf])
def test_a_level_is_between_0_and_1(level):
    with pytest.raises(QuestionRefused, match=r"between 0 and 1, such as 0\.95"):
        quantile(level)


@pytest.mark.parametrize("sigma", [40, 2**10])
def test_normal_quantiles_hold_the_discrete_gaussian(sigma):
    """Canonne, Kamath & Steinke 2020: the noise itself, from the mechanism that draws it."""
    dice = random.Random(7)
    noise = np.array(discrete_gaussian(Fraction(sigma * sigma), DRAWS, dice.randrange))
    for level in (0.5, 0.95):
        inside = np.abs(noise) <= quantile(level) * sigma
        band = 3.3 * sqrt(level * (1 - level) / DRAWS) + 0.4 / sigma
        assert coverage(inside) == pytest.approx(level, abs=band)


def test_fieller_by_hand():
    """Fieller 1954: ends solve (t - r b)² = z² (vt - 2 r c + r² vb)."""
    value, low, high = fieller(100.0, 50.0, 4.0, 1.0, 0.5)
    assert value == 2.0
    for end in (low, high):
        left = (100.0 - end * 50.0) ** 2
        right = quantile(0.95) ** 2 * (4.0 - 2 * end * 0.5 + end * end * 1.0)
        assert left == pytest.approx(right, rel=1e-9)


@pytest.mark.parametrize(("bottom", "variance"), [(0.0, 1.0), (-50.0, 1.0), (1.9, 1.0)])
def test_no_ratio_where_the_bottom_may_be_nothing(bottom, variance):
    assert fieller(10.0, bottom, 1.0, variance, 0.0) == (None, None, None)


@pytest.mark.parametrize("bottom", [15.0, 60.0, 400.0])
def test_fieller_covers_where_the_delta_method_does_not_matter(bottom):
    dice = np.random.default_rng(3)
    half, centre, sigma = 100.0, 100.0, 3.0
    n, x = dice.normal(0, sigma, (2, DRAWS))
    true_top, true_bottom = 130.0 * bottom, bottom
    hits = []
    for noise_n, noise_x in zip(n, x, strict=True):
        top = true_top + half * noise_x + centre * noise_n
        low_high = fieller(
            top,
            true_bottom + noise_n,
            sigma**2 * (half**2 + centre**2),
            sigma**2,
            centre * sigma**2,
        )[1:]
        if low_high[0] is not None:
            hits.append(low_high[0] <= true_top / true_bottom <= low_high[1])
    assert coverage(hits) >= 0.95 - BAND


def form(value, **terms):
    return Affine(value, {("r-1", 0, name): weight for name, weight in terms.items()})


def test_shared_noise_cancels():
    whole, part = form(10.0, n=2.0, x=1.0), form(4.0, n=2.0)
    assert covariance(whole, part) == 4.0
    assert plus(whole, part, -1.0).variance == 1.0
    assert weighted([(1.0, whole), (1.0, part)]).variance == 16.0 + 1.0


def test_numbers_shift_and_stretch_a_ratio_and_keep_fieller():
    ratio = Ratio(form(100.0, x=2.0), form(50.0, n=1.0))
    z = quantile(0.95)
    value, low, high = interval(ratio, z)
    for made, expected in (
        (plus(ratio, Affine(-1.0)), (value - 1, low - 1, high - 1)),
        (plus(Affine(1.0), ratio, -1.0), (1 - value, 1 - high, 1 - low)),
        (times(ratio, Affine(100.0)), (100 * value, 100 * low, 100 * high)),
        (divided(ratio, Affine(-2.0)), (-value / 2, -high / 2, -low / 2)),
    ):
        assert interval(made, z) == pytest.approx(expected)


def test_products_and_tangents_are_first_order_and_say_so():
    product = times(form(10.0, x=1.0), form(5.0, n=2.0))
    assert (product.value, product.variance) == (50.0, 5.0**2 + 20.0**2)
    line = tangent(Ratio(form(100.0, x=2.0), form(50.0, n=1.0)))
    assert line.value == 2.0
    assert line.variance == pytest.approx((2.0**2 + (2.0 * 1.0) ** 2) / 50**2)
    assert product.approximate
    assert line.approximate
    assert divided(form(1.0, x=1.0), Affine(0.0)) is None
    assert added([form(1.0), None]) is None


def test_a_figure_without_additive_noise_is_not_computed_with():
    with pytest.raises(QuestionRefused, match="quantile, a spread, a rank"):
        tangent(Fixed(3.0))


def test_margins_of_a_release_by_hand():
    release = answer([REGION], sigma=4.0)
    z = quantile(0.95)
    assert release.margin("customers") == pytest.approx([4 * z] * 3)
    assert release.margin("amount_sum") == pytest.approx([4 * z * sqrt(2) * 100] * 3)
    assert release.margin("customers", 0.99)[0] == pytest.approx(4 * quantile(0.99))
    assert release.covariance("customers", "amount_sum") == pytest.approx([16 * 100.0] * 3)
    with pytest.raises(UnknownName, match="customers"):
        release.margin("customrs")


def repeated(times, seed, *, of=(80.0, 90.0, 120.0), level, figures):
    """Return the columns of so many tables of three cells, one drawn noise each, and the truth."""
    cells = Dimension("cell", "Cell", "category", tuple(range(3 * times)))
    truth = {"n": list(of) * times, "amount": [10.0, -5.0, 0.0] * times}
    truth["rows"] = [-6.0, 0.0, 9.0] * times
    release = answer([cells], truth, sigma=3.0, noise=drawn(3 * times, 3.0, seed))
    return (
        columns_of(sheet_of(release), level, figures),
        columns_of(sheet_of(answer([cells], truth, sigma=3.0))),
    )


def held(columns, exact, name):
    """Return where an interval holds the truth; what is not shown claims nothing."""
    low, high = (np.array(columns[f"{name}_{end}"], dtype=float) for end in ("low", "high"))
    true = np.array(exact[name])
    return np.isnan(low) | ((low <= true) & (true <= high))


@pytest.mark.parametrize("level", [0.8, 0.95])
def test_simultaneous_margins_hold_whole_tables(level):
    """Šidák 1967: also for measures that share a coordinate, and for ratios by Fieller's sets."""
    tables = 1500
    columns, exact = repeated(tables, 4, level=level, figures=3 * len(ALL))
    whole = np.all([held(columns, exact, m.name) for m in ALL], axis=0).reshape(tables, 3)
    band = 3.3 * sqrt(level * (1 - level) / tables)
    assert whole.all(axis=1).mean() >= level - band
    # figures that share no noise: the bound is met, not only kept
    columns, exact = repeated(tables, 5, level=level, figures=3)
    met = held(columns, exact, "customers").reshape(tables, 3).all(axis=1).mean()
    assert met == pytest.approx(level, abs=band)


def test_the_frame_says_what_its_margins_are():
    release = answer([REGION])
    assert release.simultaneous().attrs["margins"] == (
        "95% for all 12 figures at once; 99.5735% each (Šidák)"
    )
    assert release.intervals(0.9).attrs["margins"] == "90% for each figure alone"
    assert list(release.intervals()) == list(release.columns)


def test_each_figure_alone_is_held_95_times_in_100():
    columns, exact = repeated(DRAWS // 3, 6, level=0.95, figures=1)
    for measure in ALL:
        assert coverage(held(columns, exact, measure.name)) == pytest.approx(0.95, abs=BAND)


def test_what_has_no_normal_noise_keeps_its_interval():
    columns = {
        "amount_q50": [12.5],
        "amount_q50_low": [None],
        "amount_q50_high": [None],
    }
    release = answer(measures=(MEDIAN,), columns=columns)
    assert release.intervals()["amount_q50"][0] == 12.5
    assert release.margin("amount_q50") == [None]


def test_selected_values_and_distinct_counts_have_their_own_noise():
    columns = {"town": ["Ax", "By"]}
    for suffix, shift in (("", 0.0), ("_low", -19.6), ("_high", 19.6)):
        columns[f"customers{suffix}"] = [50 + shift, 80 + shift]
    town = Dimension("town", "Town", "category", ("Ax", "By"))
    release = answer(
        [town], measures=(CUSTOMERS,), columns=columns, mechanism={"kind": "selection"}, truth={}
    )
    assert release.margin("customers", 0.95) == pytest.approx([19.6, 19.6])


def test_a_joined_release_takes_its_noise_from_its_parts():
    books = Books()
    for i in range(3):
        books.put(answer([REGION], {"n": [10.0 * i + j for j in range(3)]}, number=i + 1))
    keys = [(region, month) for region in REGION.values for month in MONTH.values]
    columns = {"region": [key[0] for key in keys], "month": [key[1] for key in keys]}
    columns |= {f"{m.name}{s}": [0.0] * 9 for m in ALL for s in ("", "_low", "_high")}
    mechanism = {"kind": "joined", "parts": ["r-000001", "r-000002", "r-000003"]}
    joined = books.put(answer([REGION, MONTH], columns=columns, number=4, mechanism=mechanism))
    frame = joined.intervals().set_index(["region", "month"])
    assert frame.loc[("South", "2026-09"), "customers"] == 21.0
    assert frame.loc[("West", "2026-07"), "customers"] == 2.0


def test_a_joined_release_without_its_ledger_says_what_to_do():
    release = answer([REGION], mechanism={"kind": "joined", "parts": ["r-000001"]})
    with pytest.raises(QuestionRefused, match="Take it from the workspace"):
        release.margin("customers")


def test_paid_answers_say_in_their_mechanism_how_figures_are_put_together(shop):
    """What is computed again from the noisy integers is what was stored, to its last digit."""
    tx = shop.open("transactions", purpose="reporting")
    asked = wb.query(tx, by=["region", "month"], period=("2026-08", "2026-09"))
    asked = asked.customers().count().sum("amount").mean("amount")
    paid = handed_out(shop.release(asked, name="all", rho="0.05"), shop.ledger, shop.now)
    assert paid.mechanism["kind"] == "joined"
    again = paid.intervals()
    for measure in paid.measures:
        step = 10.0**-measure.digits
        for column in (measure.name, f"{measure.name}_low", f"{measure.name}_high"):
            stored = paid.frame[column].astype(float)
            assert again[column].isna().tolist() == stored.isna().tolist()
            assert (again[column].astype(float) - stored).abs().fillna(0).max() <= 0.501 * step, (
                column
            )
