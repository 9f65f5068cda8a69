"""Keeping exactly so many cells or values of a customer, chosen by a key and nobody else's rows."""

import datetime as dt
import math
from collections import Counter, defaultdict
from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.lab import Lab, cents

import workbench as wb
from workbench.privacy.engine.answering import scores
from workbench.privacy.engine.bounding import WEIGHT, threshold
from workbench.privacy.engine.mechanisms import discrete_gaussian

WHO = ("u1", "u2", "u3", None)
visits = st.lists(
    st.fixed_dictionaries(
        {
            "customer_id": st.sampled_from(WHO),
            "day": st.sampled_from([dt.date(2026, 1, 5), dt.date(2026, 2, 5)]),
            "region": st.sampled_from(["a", "b", "c", "z", None]),
            "kind": st.sampled_from(["p", "q", "r", "s"]),
            "amount": st.none() | st.sampled_from([0, 5, 5, 10, 499, 10**9]).map(cents),
            "note": st.none() | st.sampled_from(["n1", "n2", "n3", "n4"]),
        }
    ),
    max_size=30,
)
many = settings(max_examples=25, deadline=None)
SPAN = {"period": ("2026-01", "2026-02")}
CANDIDATES = [0, 5, 7, 10, 500]


@pytest.fixture(scope="module")
def lab():
    """Return one lab whose rows each example replaces."""
    return Lab([])


def both(lab, question, rows, who):
    """Return the exact totals with everybody, and without one."""
    lab.fill(rows)
    everybody = lab.totals(question)
    lab.fill([row for row in rows if row["customer_id"] != who])
    return zip(everybody, lab.totals(question), strict=True)


@many
@given(rows=visits, who=st.sampled_from(WHO), cells=st.integers(1, 3), pure_rows=st.integers(1, 3))
def test_removing_a_customer_takes_at_most_so_many_cells_and_rows(lab, rows, who, cells, pure_rows):
    query = wb.query(lab.table, by=["month", "region", "kind"], cells=cells, rows=pure_rows, **SPAN)
    question = lab.resolve(query.customers().count(), pure=True)
    for one, other in both(lab, question, rows, who):
        changes = [
            [a - b for a, b in zip(one.vector[cell], other.vector.get(cell, (0, 0)), strict=True)]
            for cell in one.vector
        ]
        assert {*other.vector} <= {*one.vector}
        changed = [each for each in changes if each != [0, 0]]
        assert len(changed) <= cells
        # nobody else's kept cells change: what goes is this customer's and no more
        assert all(customers == 1 and 1 <= n <= pure_rows for customers, n in changed)


@many
@given(rows=visits, cells=st.integers(1, 12))
def test_each_customer_keeps_as_many_cells_as_are_allowed_and_there(lab, rows, cells):
    lab.fill(rows)
    query = wb.query(lab.table, by=["region", "kind"], cells=cells)
    (totals,) = lab.totals(lab.resolve(query.customers(), pure=True))
    filled = defaultdict(set)
    for row in rows:
        if row["region"] in ("a", "b", "c"):
            filled[row["customer_id"]].add((row["region"], row["kind"]))
    kept = sum(customers for (customers,) in totals.vector.values())
    assert kept == sum(min(cells, len(each)) for each in filled.values())


@many
@given(rows=visits, who=st.sampled_from(WHO), most=st.integers(1, 3))
def test_removing_a_customer_changes_distinct_values_by_at_most_their_bound(lab, rows, who, most):
    query = wb.query(lab.table, by=["month", "region"], **SPAN).distinct("note", most=most)
    for one, other in both(lab, lab.resolve(query), rows, who):
        (before,), (after,) = one.distinct, other.distinct
        changes = [before.get(cell, 0) - after.get(cell, 0) for cell in {*before, *after}]
        assert all(change >= 0 for change in changes)
        assert sum(changes) <= most


@many
@given(rows=visits, who=st.sampled_from(WHO), cells=st.integers(1, 3), hundred=st.integers(1, 99))
def test_removing_a_customer_moves_each_score_by_at_most_the_larger_share(
    lab, rows, who, cells, hundred
):
    query = wb.query(lab.table, by=["region", "kind"], cells=cells)
    query = query.quantile("amount", f"{hundred / 100:.2f}", candidates=CANDIDATES)
    question = lab.resolve(query)
    (choice,) = question.choices
    for one, other in both(lab, question, rows, who):
        (before,), (after,) = one.weights, other.weights
        changed = [cell for cell in {*before, *after} if before.get(cell) != after.get(cell)]
        assert len(changed) <= cells
        for cell in changed:
            pairs = zip(
                scores(before.get(cell, {}), len(CANDIDATES), choice.q),
                scores(after.get(cell, {}), len(CANDIDATES), choice.q),
                strict=True,
            )
            assert all(abs(a - b) <= max(hundred, 100 - hundred) * WEIGHT for a, b in pairs)


@many
@given(rows=visits, who=st.sampled_from(WHO), cells=st.integers(1, 3))
def test_removing_a_customer_takes_at_most_so_many_found_values(lab, rows, who, cells):
    query = wb.query(lab.table, by=wb.discovered("note", delta="1e-8"), cells=cells).customers()
    for one, other in both(lab, lab.resolve(query), rows, who):
        changes = Counter(one.found)
        changes.subtract(other.found)
        assert all(change in (0, 1) for change in changes.values())
        assert sum(changes.values()) <= cells


def test_which_cells_are_kept_depends_on_the_key_and_the_customer():
    rows = [
        {"customer_id": f"u{i}", "region": r, "kind": k}
        for i in range(60)
        for r in "abc"
        for k in "pq"
    ]
    lab = Lab(rows)
    query = wb.query(lab.table, by=["region", "kind"], cells=2).customers()

    def kept():
        (totals,) = lab.totals(lab.resolve(query, pure=True))
        return dict(totals.vector)

    first = kept()
    assert kept() == first
    assert len(first) == 6  # not the same two of everybody
    lab.connection.execute("SET VARIABLE truncation = 'another key'")
    assert kept() != first


def test_an_empty_table_has_no_totals(lab):
    lab.fill([])
    by = {"by": ["region", "kind"]}
    query = wb.query(lab.table, **by).median("amount").distinct("note", most=1)
    (totals,) = lab.totals(lab.resolve(query))
    assert (list(totals.weights), list(totals.distinct)) == ([{}], [{}])


@pytest.mark.parametrize("cells", [1, 3, 12])
@pytest.mark.parametrize("sigma_squared", ["1/50", "1", "40", "2500"])
@pytest.mark.parametrize("delta", [1e-3, 1e-6, 1e-10])
def test_a_value_of_one_customer_is_shown_with_a_chance_below_delta(cells, sigma_squared, delta):
    variance = float(Fraction(sigma_squared))
    least = threshold(math.sqrt(variance), cells, delta)
    reach = math.ceil(14 * math.sqrt(variance)) + 60
    weights = {x: math.exp(-x * x / (2 * variance)) for x in range(-reach, reach + 1)}
    shown = math.fsum(w for x, w in weights.items() if 1 + x >= least) / math.fsum(weights.values())
    assert 0 < cells * shown <= delta
    # and no more is hidden than needed, give or take the step of Proposition 25
    lower = math.fsum(w for x, w in weights.items() if 1 + x >= least - 2)
    assert cells * lower / math.fsum(weights.values()) > delta


def test_found_values_below_the_threshold_are_not_shown(size):
    asked = 2_000 if size == "full" else 200
    rows = [{"customer_id": f"u{i}", "note": "common"} for i in range(300)]
    rows += [{"customer_id": "u1", "note": "secret of u1"}]
    lab = Lab(rows, cells=2)
    query = wb.query(lab.table, by=wb.discovered("note", delta="1e-9")).customers()
    for _ in range(asked):
        shown = lab.ask(query, pico=24 * 10**9)
        assert [row["note"] for row in shown] == ["common"]
        assert abs(shown[0]["customers"] - 300) < 8 * math.sqrt(2 / 0.048)


def test_the_threshold_follows_noise_bound_and_delta():
    assert threshold(1.0, 1, 1e-6) < threshold(2.0, 1, 1e-6)
    assert threshold(1.0, 1, 1e-6) < threshold(1.0, 9, 1e-6)
    assert threshold(1.0, 1, 1e-6) < threshold(1.0, 1, 1e-9)
    noise = discrete_gaussian(Fraction(4), 2_000)
    assert max(noise) < threshold(2.0, 1, 1e-9) - 1
