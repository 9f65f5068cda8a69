"""Totals agree with parts, at no more noise than before, and what did agree stays as it was."""

from dataclasses import replace
from itertools import product
from math import sqrt

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
from hypothesis import given
from hypothesis import strategies as st
from support.ledgers import spent

from workbench.errors import QuestionRefused
from workbench.privacy.consistency import consistent, least_squares, overlaps
from workbench.privacy.forms import sheet_of
from workbench.privacy.margins import quantile
from workbench.privacy.release import Dimension

Z = quantile(0.95)


def variances(release, name):
    return np.array([(margin / Z) ** 2 for margin in release.margin(name)])


def test_a_total_and_its_parts_by_hand():
    """Hay et al. 2010, section 3: total 110 ± 1, parts 30, 30, 30 ± 1: the gap of 20 in four."""
    books = Books()
    total = books.put(answer((), {"n": [110.0]}, sigma=1.0))
    parts = books.put(answer([REGION], {"n": [30.0] * 3}, sigma=1.0, number=2))
    whole, split = consistent([total, parts], "customers")
    assert whole.columns["customers"] == pytest.approx([105.0])
    assert split.columns["customers"] == pytest.approx([35.0] * 3)
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
        books.put(answer(by, sigma=s, noise=drawn(cells, s, seed + i), number=i + 1))
        for i, (by, cells, s) in enumerate(
            [((), 1, one), (region, 3, two), (channel, 2, three), ([*region, *channel], 6, two)]
        )
    ]
    names = ["customers", "amount_sum", "rows"]
    total, regions, channels, cells = (each.frame for each in consistent(given_releases, names))
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
    total = books.put(answer(()))
    parts = books.put(answer([axis], number=2))
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
