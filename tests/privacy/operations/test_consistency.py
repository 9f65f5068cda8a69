"""Totals agree with parts, at no more noise than before, and what did agree stays as it was."""

from dataclasses import replace
from itertools import product
from math import sqrt
from statistics import NormalDist

import numpy as np
import pytest
from factories.noisy import (
    CHANNEL,
    CUSTOMERS,
    MONTH,
    RATE,
    REGION,
    Books,
    answer,
    drawn,
    in_ledger,
    ledger,
)
from hypothesis import assume, given
from hypothesis import strategies as st
from support.ledgers import spent

from workbench.errors import QuestionRefused
from workbench.privacy.columns import Dimension
from workbench.privacy.margins import quantile
from workbench.privacy.operations.consistency import agreeing, consistent, least_squares, overlaps
from workbench.privacy.tables import sheet_of

Z = quantile(0.95)


def variances(release, name):
    return np.array([(margin / Z) ** 2 for margin in release.margin(name)])


def test_a_total_and_its_parts_by_hand():
    """Hay et al. 2010, section 3: total 92 ± 1, parts 30, 30, 30 ± 1: the gap of 2 in four."""
    books = Books()
    total = books.put(answer((), {"n": [92.0]}, sigma=1.0))
    parts = books.put(answer([REGION], {"n": [30.0] * 3}, sigma=1.0, number=2))
    whole, split = consistent([total, parts], "customers")
    assert whole.columns["customers"] == pytest.approx([91.5])
    assert split.columns["customers"] == pytest.approx([30.5] * 3)
    assert variances(whole, "customers") == pytest.approx([3 / 4])
    assert variances(split, "customers") == pytest.approx([3 / 4] * 3)


def test_an_exact_total_is_not_moved_by_noisy_parts():
    books = Books()
    total = books.put(answer((), {"n": [110.0]}, sigma=1e-6))
    parts = books.put(answer([REGION], {"n": [30.0] * 3}, sigma=5.0, number=2))
    whole, split = consistent([total, parts], "customers")
    assert whole.columns["customers"] == pytest.approx([110.0])
    assert sum(split.columns["customers"]) == pytest.approx(110.0)
    assert variances(split, "customers") == pytest.approx([25 * 2 / 3] * 3)


AXES = (
    REGION,
    CHANNEL,
    Dimension("band", "Band", "band", ("low", "middle", "high", "top")),
)
TABLES = [
    tuple(a for a, on in zip(AXES, picked, strict=True) if on)
    for picked in product((False, True), repeat=3)
]


@st.composite
def tables(draw):
    """Return noise covariance, overlaps and figures of some tables, overlapping in any way."""
    chosen = draw(st.lists(st.sampled_from(TABLES), min_size=2, max_size=5, unique=True))
    sigmas = [draw(st.floats(0.1, 50)) for _ in chosen]
    seed = draw(st.integers(0, 2**32 - 1))
    return chosen, sigmas, seed


def design(chosen):
    """Return the figures as sums of the underlying table's cells, built in full."""
    cells = list(product(*(axis.values for axis in AXES)))
    rows = []
    for table in chosen:
        places = [AXES.index(axis) for axis in table]
        rows += [
            [float(all(cell[p] == k for p, k in zip(places, key, strict=True))) for cell in cells]
            for key in product(*(axis.values for axis in table))
        ]
    return np.array(rows)


@given(tables())
def test_least_squares_agrees_with_the_textbook(given_tables):
    chosen, sigmas, seed = given_tables
    sheets = [
        sheet_of(answer(table, sigma=sigma, number=i))
        for i, (table, sigma) in enumerate(zip(chosen, sigmas, strict=True))
    ]
    dimensions = {axis.name: axis for table in chosen for axis in table}
    full = design(chosen)
    used = [axis for axis in AXES if axis.name in dimensions]
    repeats = np.prod([len(axis.values) for axis in AXES if axis not in used], initial=1)
    assert overlaps(sheets, dimensions) == pytest.approx(full @ full.T / repeats)

    spread = np.concatenate(
        [[sigma] * len(sheet.keys) for sigma, sheet in zip(sigmas, sheets, strict=True)]
    )
    fit = least_squares(np.diag(spread**2), full @ full.T)
    dice = np.random.default_rng(seed)
    figures = dice.normal(0, 100, len(full))
    adjusted = fit.adjust @ figures
    # the textbook: weighted least squares on every underlying cell
    cells = np.linalg.lstsq(full / spread[:, None], figures / spread, rcond=1e-10)[0]
    assert adjusted == pytest.approx(full @ cells, abs=1e-6 * np.abs(figures).max())
    # variance never increases, and is that of the adjusted figures
    assert np.all(fit.after <= fit.before * (1 + 1e-9))
    covariance = fit.adjust @ np.diag(spread**2) @ fit.adjust.T
    assert np.diag(covariance) == pytest.approx(fit.after, rel=1e-6, abs=1e-9)
    # what agrees already stays
    agreeing = full @ dice.normal(0, 100, full.shape[1])
    assert fit.adjust @ agreeing == pytest.approx(agreeing, abs=1e-6 * np.abs(agreeing).max())


@given(st.integers(0, 2**32 - 1), st.floats(0.5, 20), st.floats(0.5, 20), st.floats(0.5, 20))
def test_parts_sum_to_totals_through_the_whole_path(seed, one, two, three):
    books = Books()
    region, channel = [REGION], [replace(CHANNEL, exclusive=True)]
    given_releases = [
        books.put(answer(by, {"n": n}, sigma=s, noise=drawn(len(n), s, seed + i), number=i + 1))
        for i, (by, n, s) in enumerate(
            [
                ((), [300.0], one),
                (region, [90.0, 100.0, 110.0], two),
                (channel, [130.0, 170.0], three),
                ([*region, *channel], [40.0, 50.0, 40.0, 60.0, 50.0, 60.0], two),
            ]
        )
    ]
    names = ["customers", "amount_sum", "rows"]
    made = agreeing(given_releases, names)
    assume(not any("Not made to agree" in each for each in made[0].notes))  # 1 in 700
    total, regions, channels, cells = (each.frame for each in made)
    for name in names:
        size = 1e-9 * (1 + np.abs(cells[name]).max()) * 100
        assert cells.groupby("region")[name].sum().tolist() == pytest.approx(
            regions[name].tolist(), abs=size
        )
        assert cells.groupby("channel")[name].sum().tolist() == pytest.approx(
            channels[name].tolist(), abs=size
        )
        assert channels[name].sum() == pytest.approx(total[name][0], abs=size)
        assert cells[name].sum() == pytest.approx(total[name][0], abs=size)


def test_adjusted_margins_hold_95_times_in_100():
    held = []
    truth = [[300.0], [90.0, 100.0, 110.0]]
    for seed in range(400):
        books = Books()
        total = books.put(answer((), {"n": truth[0]}, sigma=6.0, noise=drawn(1, 6.0, seed)))
        parts = books.put(
            answer([REGION], {"n": truth[1]}, noise=drawn(3, 4.0, seed + 10**6), number=2)
        )
        for made, true in zip(consistent([total, parts], "customers"), truth, strict=True):
            low, high = (made.columns[f"customers_{end}"][0] for end in ("low", "high"))
            held.append(low <= true[0] <= high)
    # the two of a draw are correlated: the band is that of one
    assert np.mean(held) == pytest.approx(0.95, abs=3.3 * sqrt(0.0475 / 400))


def test_means_agree_above_and_below_their_line():
    books = Books()
    total = books.put(answer((), {"n": [300.0], "amount": [9.0]}, noise=drawn(1, 4.0, 1)))
    parts = books.put(answer([REGION], {"n": [100.0] * 3}, noise=drawn(3, 4.0, 2), number=2))
    names = ["amount_sum", "rows", "amount_mean"]
    whole, split = (each.frame for each in consistent([total, parts], names))
    for frame in (whole, split):
        assert (frame.amount_sum / frame.rows).tolist() == pytest.approx(frame.amount_mean.tolist())
    assert split.amount_sum.sum() / split.rows.sum() == pytest.approx(whole.amount_mean[0])


def test_what_is_adjusted_is_derived_free_and_stored_once(tmp_path):
    book = ledger(tmp_path)
    total = in_ledger(answer((), {"n": [110.0]}), book)
    parts = in_ledger(answer([REGION], {"n": [30.0] * 3}, number=2), book)
    before = spent(book)
    first = consistent([total, parts], "customers")
    assert consistent([total, parts], "customers") == first
    assert spent(book) == before
    assert [set(book.parents(each.id)) for each in first] == [{total.id, parts.id}] * 2
    assert all("Adjusted by least squares" in each.notes[-1] for each in first)
    # computed again from the stored recipes, the parts add up to the total and to its margin
    again = first[1].derive("customers", over="region")
    assert again.columns["customers"] == pytest.approx(first[0].columns["customers"])
    assert again.margin("customers") == pytest.approx(first[0].margin("customers"))


def test_other_measures_stay_as_drawn_and_the_note_says_which_were_adjusted():
    books = Books()
    total = books.put(answer((), {"n": [110.0]}))
    parts = books.put(answer([CHANNEL], {"n": [70.0, 60.0]}, number=2))
    made = consistent([total, parts], ["amount_sum", "rows"])[1]
    assert made.measures == parts.measures
    assert made.columns["customers"] == [70.0, 60.0]
    assert made.columns["rows"] != parts.intervals()["rows"].tolist()
    assert made.notes[-1] == (
        "Adjusted by least squares so that totals agree with their parts: Amount, total; Rows."
    )


@pytest.mark.parametrize("axis", [MONTH, CHANNEL])
def test_customers_agree_only_where_nobody_is_twice(axis):
    books = Books()
    parts = books.put(answer([axis], number=2))
    count = len(axis.values)
    total = books.put(answer((), {"n": [100.0 * count + sum(range(count))]}))
    with pytest.raises(QuestionRefused, match=f"not added up over {axis.name}"):
        consistent([total, parts], "customers")
    if axis is CHANNEL:
        made = consistent([total, parts], "customers", exclusive=["channel"])
        assert sum(made[1].columns["customers"]) == pytest.approx(made[0].columns["customers"][0])
    else:
        with pytest.raises(QuestionRefused, match="comes back in another month"):
            consistent([total, parts], "customers", exclusive=["month"])
    sums = consistent([total, parts], "amount_sum")
    assert sum(sums[1].columns["amount_sum"]) == pytest.approx(sums[0].columns["amount_sum"][0])


def test_releases_that_cannot_agree_are_refused():
    books = Books()
    total = books.put(answer(()))
    parts = books.put(answer([REGION], number=2))

    def refused(releases, measure="customers"):
        with pytest.raises(QuestionRefused) as refusal:
            consistent(releases, measure)
        return str(refusal.value)

    assert "two releases or more" in refused([total])
    august = books.put(answer([REGION], number=3, period="2026-08"))
    assert "not about the same period: 2026-09 and 2026-08" in refused([total, august])
    fewer = books.put(answer([replace(REGION, values=("North", "South"))], number=4))
    assert "'region' has other values" in refused([total, parts, fewer])
    assert "Give each paid answer once" in refused([total, parts, parts])
    added = parts.derive("amount_sum", over="region")
    assert "Give each paid answer once" in refused([added, parts], "amount_sum")
    hidden = parts.suppress(min_customers=102)
    assert "suppress small groups after" in refused([total, hidden])
    rates = [
        books.put(answer(by, measures=(CUSTOMERS, RATE), number=5 + len(by)))
        for by in ((), (REGION,))
    ]
    assert "'app_rate' does not add up over region" in refused(rates, "app_rate")
    many = books.put(answer([replace(REGION, values=tuple(range(1200)))], number=9))
    assert "1,201 figures are too many" in refused([total, many])


def test_tables_that_do_not_count_the_same_rows_are_not_made_to_agree():
    """A third of the regions is missing, one has no row: 3,000 in all, 2,000 in parts."""
    total = answer((), {"n": [3000.0]}, sigma=6.0)
    parts = answer([REGION], {"n": [1000.0, 1000.0, 0.0]}, sigma=6.0, number=2)
    books = Books()
    given_releases = [books.put(total), books.put(parts)]
    with pytest.raises(QuestionRefused, match=r"differ by more than their noise.*wb\.marginals"):
        consistent(given_releases, ["customers", "rows"])
    whole, split = agreeing(given_releases, ["customers", "rows"])
    assert whole.columns["customers"] == [3000.0]
    assert split.columns["customers"] == [1000.0, 1000.0, 0.0]
    assert "Not made to agree" in split.notes[-1]
    assert "Customers; Rows" in split.notes[-1]
    # what one measure cannot, another can: each is judged by itself
    same = books.put(answer((), {"n": [3000.0], "rows": [-1000.0]}, sigma=6.0, number=3))
    whole, split = agreeing([same, given_releases[1]], ["customers", "rows"])
    assert split.columns["customers"][2] == 0.0
    assert sum(split.columns["rows"]) == pytest.approx(whole.columns["rows"][0])


def test_other_filters_are_other_rows():
    books = Books()
    total = answer((), {"n": [303.0]})
    one, other = (
        books.put(replace(each, mechanism={**each.mechanism, "where": where}))
        for each, where in ((total, []), (answer([REGION], number=2), ["a filter"]))
    )
    with pytest.raises(QuestionRefused, match=r"other filters each \(where=…\)"):
        consistent([one, other], "customers")


@given(st.integers(0, 2**32 - 1), st.lists(st.integers(0, 3000), min_size=4, max_size=4))
def test_a_residual_of_tables_that_agree_is_plausible_and_of_others_is_not(seed, cells):
    """The chi-square's own distribution: small residuals as often as they should be."""
    rest = replace(REGION, values=(*REGION.values, "None of these"))
    counts = [float(each) for each in cells]
    total = answer((), {"n": [sum(counts)]}, noise=drawn(1, 4.0, seed))
    parts = answer([rest], {"n": counts}, noise=drawn(4, 4.0, seed + 1), number=2)
    sheets = [sheet_of(total), sheet_of(parts)]
    figures = np.array([f.value for sheet in sheets for f in sheet.forms["customers"]])
    fit = least_squares(np.eye(5) * 16.0, overlaps(sheets, {"region": rest}))
    assert fit.freedom == 1
    gap = figures[0] - figures[1:].sum()
    assert fit.plausibility(figures) == pytest.approx(2 * NormalDist().cdf(-abs(gap) / sqrt(80)))


def test_with_a_rest_every_figure_holds_the_truth_95_times_in_100(size):
    draws = 300 if size == "smoke" else 4000
    rest = replace(REGION, values=(*REGION.values, "None of these"))
    truth = [[3000.0], [1000.0, 1000.0, 0.0, 1000.0]]
    held = []
    for seed in range(draws):
        books = Books()
        total = books.put(answer((), {"n": truth[0]}, sigma=6.0, noise=drawn(1, 6.0, seed)))
        noise = drawn(4, 6.0, seed + 10**6)
        parts = books.put(answer([rest], {"n": truth[1]}, sigma=6.0, noise=noise, number=2))
        made = agreeing([total, parts], ["customers"])
        held.append([
            low <= true <= high
            for each, exact in zip(made, truth, strict=True)
            for true, low, high in zip(
                exact, each.columns["customers_low"], each.columns["customers_high"], strict=True
            )
        ])  # fmt: skip
    for each in np.mean(held, axis=0):
        assert each == pytest.approx(0.95, abs=3.5 * sqrt(0.0475 / draws))
