"""Small groups go by their noisy number alone, and the rule is printed."""

import re
from dataclasses import replace

import numpy as np
import pytest
from factories.noisy import (
    CHANNEL,
    CUSTOMERS,
    MONTH,
    REGION,
    Books,
    answer,
    in_ledger,
    ledger,
)
from hypothesis import given
from hypothesis import strategies as st
from support.ledgers import spent

from workbench.errors import QuestionRefused, UnknownName
from workbench.privacy.columns import Dimension
from workbench.privacy.margins import quantile

BAND = Dimension(
    "amount_band", "Amount, band", "band", ("< 50", "50 to 200", "200 to 500", "≥ 500")
)


@pytest.fixture
def books():
    return Books()


def test_small_rows_are_taken_out_and_the_rule_is_printed(books):
    release = books.put(answer([REGION], {"n": [19.9, 20.0, 80.0]}))
    shown = release.suppress(min_customers=20)
    assert shown.columns["customers"] == [None, 20.0, 80.0]
    assert shown.columns["amount_mean_low"][0] is None
    assert shown.columns["amount_sum"] == [None, 2000.0, 8000.0]
    assert shown.notes[-1] == (
        "1 of 3 rows are not shown: their noisy number of customers is below 20."
    )


def test_a_threshold_in_deviations_of_the_noise(books):
    release = books.put(answer([REGION], {"n": [11.9, 12.0, 80.0]}, sigma=4.0))
    assert release.suppress(deviations=3).columns["customers"] == [None, 12.0, 80.0]
    both = release.suppress(min_customers=50, deviations=3)
    assert both.columns["customers"] == [None, None, 80.0]
    assert "below 50 or 3 standard deviations of its noise, whichever is more" in both.notes[-1]


def test_a_rule_is_asked_for(books):
    release = books.put(answer([REGION]))
    with pytest.raises(QuestionRefused, match="min_customers=20, or deviations=3"):
        release.suppress()
    with pytest.raises(QuestionRefused, match="min_customers is a number, 0 or more"):
        release.suppress(min_customers=-1)
    with pytest.raises(QuestionRefused, match="which this release does not show"):
        release.derive("rows").suppress(min_customers=5)
    with pytest.raises(UnknownName, match="region"):
        release.merge_small("regoin", min_customers=5)


def test_small_values_of_a_category_become_one(books):
    regions = replace(REGION, values=("A", "B", "C", "D", "E"))
    release = books.put(answer([regions], {"n": [8.0, 90.0, 9.0, 40.0, 70.0]}, sigma=1.0))
    merged = release.merge_small("region", min_customers=15)
    assert merged.columns["region"] == ["B", "D", "E", "Other"] == list(merged.by[0].values)
    assert merged.columns["customers"] == [90.0, 40.0, 70.0, 17.0]
    assert merged.columns["amount_sum"][3] == 1700.0
    assert merged.columns["amount_mean"][3] == pytest.approx(20.0)
    # three of five values were kept, and ten pairs might have been merged instead of this one
    assert merged.margin("customers")[0] == pytest.approx(quantile(0.95, 5 / 3))
    assert merged.margin("customers")[3] == pytest.approx(quantile(0.95, 10) * 2**0.5)
    assert merged.notes[-1] == (
        "Region: values whose noisy number of customers is below 15 are merged; merged: Other "
        "(A, C)."
    )


def test_one_small_value_takes_the_next_smallest_with_it(books):
    regions = replace(REGION, values=("A", "B", "C", "D"))
    release = books.put(answer([regions], {"n": [8.0, 90.0, 30.0, 70.0]}))
    assert release.merge_small("region", min_customers=15).columns["region"] == ["B", "D", "Other"]
    with pytest.raises(QuestionRefused, match="'B' is already a value of 'region'"):
        release.merge_small("region", min_customers=15, into="B")


def test_neighbouring_bands_are_merged(books):
    release = books.put(answer([replace(BAND, exclusive=True)], {"n": [60.0, 8.0, 9.0, 5.0]}))
    merged = release.merge_small("amount_band", min_customers=15)
    assert merged.columns["amount_band"] == ["< 50", "≥ 50"]
    assert merged.columns["customers"] == [60.0, 22.0]


def test_customers_of_merged_values_are_shown_only_where_nobody_is_twice(books):
    release = books.put(answer([BAND], {"n": [60.0, 8.0, 90.0, 5.0]}))
    merged = release.merge_small("amount_band", min_customers=15)
    assert merged.columns["amount_band"] == ["< 50", "≥ 50"]
    assert merged.columns["customers"] == [60.0, None]
    assert merged.columns["amount_sum"] == [6000.0, 10300.0]
    assert merged.notes[-1] == (
        "Customers: not shown for merged values, because it does not add up over them."
    )


def test_every_row_of_a_merged_column_is_large_enough(books):
    cells = [40.0, 50.0, 60.0, 30.0, 12.0, 20.0, 100.0, 110.0, 120.0]
    release = books.put(answer([REGION, MONTH], {"n": cells}))
    merged = release.merge_small("region", min_customers=25)
    assert list(merged.by[0].values) == ["West", "Other"]
    assert merged.frame[merged.frame.region == "Other"].customers.tolist() == [70.0, 62.0, 80.0]
    assert list(merged.frame.month) == [*MONTH.values] * 2


@given(
    st.lists(st.floats(0, 100), min_size=2, max_size=7),
    st.floats(1, 60),
    st.sampled_from(["category", "band"]),
)
def test_after_merging_no_group_is_small_unless_all_are_one(counts, least, kind):
    axis = Dimension("g", "G", kind, tuple(f"v{i}" for i in range(len(counts))), exclusive=True)
    release = Books().put(answer([axis], {"n": counts}))
    merged = release.merge_small("g", min_customers=least)
    assert sum(merged.columns["rows"]) == pytest.approx(sum(release.derive("rows").columns["rows"]))
    held = merged.columns["customers"]
    assert len(held) == 1 or min(held) >= least * (1 - 1e-9)


def test_what_is_suppressed_or_merged_is_derived_free_and_followed(tmp_path):
    book = ledger(tmp_path)
    paid = in_ledger(answer([REGION], {"n": [8.0, 9.0, 80.0]}, measures=(CUSTOMERS,)), book)
    merged = paid.merge_small("region", min_customers=15).suppress(min_customers=30)
    assert merged.columns["customers"] == [80.0, None]
    assert book.parents(merged.id) == [paid.id]
    assert spent(book) == 10**9
    assert merged.margin("customers")[1] is None
    assert CHANNEL.exclusive is False


# true customers of each group, near the limit of 20 or far from it
GROUPS = {
    "at the limit": [20.0] * 8,
    "below it": [14.0] * 8,
    "mixed": [8, 12, 16, 20, 24, 60, 90, 200],
}


@pytest.mark.parametrize("kind", GROUPS)
@pytest.mark.parametrize("way", ["suppress", "merge_small", "merge neighbours"])
def test_of_what_is_shown_for_its_noise_95_in_100_margins_hold(kind, way, size):
    true = [float(each) for each in GROUPS[kind]]
    names = tuple("ABCDEFGH")
    axis = Dimension("group", "Group", "band" if "neigh" in way else "category", names, True)
    pages = []
    for seed in range(120 if size == "smoke" else 1_000):
        noise = {"n": np.rint(np.random.default_rng(seed).normal(0, 4 * 2**20, 8)).astype(int)}
        release = Books().put(answer([axis], {"n": true}, noise=noise, measures=(CUSTOMERS,)))
        if way == "suppress":
            made, parts = release.suppress(min_customers=20), [[i] for i in range(8)]
        else:
            made = release.merge_small("group", min_customers=20)
            parts = merged_parts(made, names)
        ends = zip(made.columns["customers_low"], made.columns["customers_high"], strict=True)
        hold = [
            low <= sum(true[i] for i in part) <= high
            for part, (low, high) in zip(parts, ends, strict=True)
            if low is not None
        ]
        pages.append(sum(hold) / len(hold) if hold else 1.0)  # which says nothing false
    assert np.mean(pages) > (0.92 if size == "smoke" else 0.94)


def merged_parts(made, names):
    """Return which values each row holds: those not shown alone are together, as the note says."""
    note = next(each for each in made.notes if "are merged" in each)
    found = []
    for label in made.columns["group"]:
        inside = re.search(rf"(?:: |; ){re.escape(label)} \(([^)]*)\)", note)
        members = inside[1].split(", ") if inside else [label]
        found.append([names.index(each) for each in members])
    return found
