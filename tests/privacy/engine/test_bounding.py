"""One customer moves the vector by no more than the declared norm, in exact integers."""

import datetime as dt
from collections import defaultdict
from decimal import Decimal
from fractions import Fraction
from itertools import product
from math import isqrt

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from support.lab import COLUMNS, Lab, cents

import workbench as wb
from workbench.privacy.engine.bounding import LATTICE, bounded_totals, fits, norm_squared

REGIONS, KINDS = ("a", "b", "c"), ("p", "q", "r", "s")
MONTHS = ("2026-01", "2026-02", "2026-03")
HUGE = Decimal("9999999999999999.99")


@pytest.fixture(scope="module")
def lab():
    """Return one lab whose rows each example replaces; a bounding test reads no randomness."""
    return Lab([])


amounts = st.one_of(
    st.none(),
    st.decimals(-300, 300, places=2),
    st.decimals(-HUGE, HUGE, places=2),
    st.sampled_from([HUGE, -HUGE, Decimal(0), Decimal(200), Decimal("200.01"), Decimal("-0.01")]),
)
weights = st.one_of(
    st.none(),
    st.floats(-200, 200),
    st.sampled_from([float("nan"), float("inf"), float("-inf"), 1e308, -1e308, 2.0**60, 1e-9]),
)
visits = st.fixed_dictionaries(
    {
        "customer_id": st.sampled_from(["u1", "u2", "u3", None]),
        "day": st.sampled_from([dt.date(2026, m, d) for m in (1, 2, 3) for d in (1, 28)])
        | st.sampled_from([None, dt.date(2025, 12, 31), dt.date(2026, 4, 1)]),
        "region": st.sampled_from([*REGIONS, "z", None]),
        "kind": st.sampled_from([*KINDS, "", None]),
        "amount": amounts,
        "weight": weights,
    }
)
tables = st.lists(visits, max_size=40)
asked = st.fixed_dictionaries(
    {
        "by": st.sets(st.sampled_from(["region", "kind", "month"])).map(sorted),
        "cells": st.integers(1, 8),
        "rows": st.integers(1, 4),
        "together": st.booleans(),
        "measures": st.sets(
            st.sampled_from(["count", "sum", "mean", "var", "weight", "rate"]), min_size=1
        ).map(sorted),
    }
)
bounds = st.sampled_from(
    [
        (0, 200),
        (-300, -100),
        (-0.01, 0),
        (0, "10000000000.00"),
        (-7, 11),
        (-(10**10), 10**10),
        wb.ladder(50, 400),
        wb.ladder("0.01", "0.05"),
        wb.ladder(100, 700, negative=True),
        wb.ladder(10**8, 10**10, negative=True),
    ]
)
many = settings(
    max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None
)


def build(lab, options, limits):
    """Return the query of drawn options."""
    tx = lab.table
    if "var" in options["measures"]:  # squares of wider bounds would be refused
        limits = (0, 200)
    query = wb.query(
        tx,
        by=options["by"],
        period=(MONTHS[0], MONTHS[-1]),
        cells=options["cells"],
        rows=options["rows"],
        together=options["together"],
    )
    for each in options["measures"]:
        query = {
            "count": lambda q: q.count(),
            "sum": lambda q: q.sum("amount", bounds=limits),
            "mean": lambda q: q.mean("amount", bounds=limits),
            "var": lambda q: q.var("amount", bounds=limits),
            "weight": lambda q: q.mean("weight"),
            "rate": lambda q: q.rate(big=tx.amount > 100),
        }[each](query)
    return query


def vectors(lab, question):
    """Return one vector a part: cell and coordinate to integer, none where it is 0."""
    return [
        {
            (cell, place): value
            for cell, values in part.vector.items()
            for place, value in enumerate(values)
            if value
        }
        for part in lab.totals(question)
    ]


def difference(one, other):
    """Return the squared L2 distance of two vectors."""
    return sum((one.get(at, 0) - other.get(at, 0)) ** 2 for at in {*one, *other})


def half_up(number):
    """Round as the engine rounds a double: halves away from zero."""
    sign = -1 if number < 0 else 1
    return sign * int(abs(number) + Fraction(1, 2))


def unit(name, value):
    """Return a value in its smallest unit, None where it is no number."""
    if value is None:
        return None
    if name == "amount":
        return int(value * 100)
    if value != value or abs(value) == float("inf"):
        return None
    return half_up(Fraction(value))


def reference(rows, question):
    """Bound slowly, in exact fractions, one customer after another."""
    axis = question.month_axis
    dimensions = [d for i, d in enumerate(question.dimensions) if i != axis]
    parts = MONTHS if axis is not None else (None,)
    cells = list(product(*(d.values for d in dimensions)))
    found = [defaultdict(int) for _ in parts]
    customers = defaultdict(list)
    for row in rows:
        if row["day"] is not None and dt.date(2026, 1, 1) <= row["day"] < dt.date(2026, 4, 1):
            customers[row["customer_id"]].append(row)
    for theirs, (number, part) in product(customers.values(), enumerate(parts)):
        inside = defaultdict(list)
        for row in theirs:
            month = f"{row['day']:%Y-%m}"
            key = tuple(month if d.name == "month" else row[d.name] for d in dimensions)
            if key in cells and part in (None, month):
                inside[cells.index(key)].append(row)
        vector = {}
        for cell, members in inside.items():
            vector[cell, 0] = LATTICE
            for place, each in enumerate(question.coordinates, 1):
                vector[cell, place] = on_lattice(members, each)
        squared = sum(value * value for value in vector.values())
        for (_, place), value in vector.items():  # layers count as full ones in the length
            each = question.coordinates[place - 1] if place else None
            if each is not None and (each.rungs or each.kind.startswith("layer")):
                squared += LATTICE * LATTICE - value * value
        if squared > norm_squared(question):
            root = isqrt(squared)
            length = root + (root * root < squared) + 1
            cap = isqrt(norm_squared(question))
            vector = {
                at: (abs(value) * cap // length) * (1 if value > 0 else -1)
                for at, value in vector.items()
            }
        for at, value in vector.items():
            found[number][at] += value
    return [{at: value for at, value in part.items() if value} for part in found]


def on_lattice(rows, coordinate):
    """Return one customer's coordinate in one cell."""
    if coordinate.kind == "rows":
        total = len(rows)
    else:
        if "?" in coordinate.value:  # the only condition asked: amount > 100
            values = [None if r["amount"] is None else int(r["amount"] > 100) for r in rows]
        else:
            values = [unit(coordinate.value, row[coordinate.value]) for row in rows]
        values = [value for value in values if value is not None]
        if coordinate.kind == "values":
            total = len(values)
        elif coordinate.kind == "squares":
            total = sum(min(50000, max(0, value)) ** 2 for value in values)
        else:
            total = sum(values)
    if coordinate.kind == "beyond":
        outside = not coordinate.low <= total <= coordinate.high
        return LATTICE // 4 if outside else -LATTICE // 4
    if coordinate.kind == "layer both ways":
        size = min(coordinate.high, max(coordinate.low, abs(total))) - coordinate.low
        width = coordinate.high - coordinate.low
        return half_up(Fraction(size * LATTICE * (1 if total > 0 else -1), width))
    clamped = min(coordinate.high, max(coordinate.low, total))
    centred = clamped - Fraction(coordinate.low + coordinate.high, 2)
    return half_up(centred * 2 * LATTICE / (coordinate.high - coordinate.low))


@many
@given(rows=tables, options=asked, limits=bounds, who=st.sampled_from(["u1", "u2", "u3", None]))
def test_removing_any_one_customer_moves_each_part_by_at_most_the_norm(
    lab, rows, options, limits, who
):
    question = lab.resolve(build(lab, options, limits))
    lab.fill(rows)
    everybody = vectors(lab, question)
    lab.fill([row for row in rows if row["customer_id"] != who])
    for one, other in zip(everybody, vectors(lab, question), strict=True):
        assert difference(one, other) <= norm_squared(question)


@many
@given(rows=tables, options=asked, limits=bounds)
def test_it_is_what_a_slow_reference_says(lab, rows, options, limits):
    question = lab.resolve(build(lab, options, limits))
    lab.fill(rows)
    ours, theirs = vectors(lab, question), reference(rows, question)
    for one, other in zip(ours, theirs, strict=True):
        # each of four customers may lie on the border of two lattice points and round either way
        assert all(abs(one.get(at, 0) - other.get(at, 0)) <= 4 for at in {*one, *other})


@many
@given(rows=tables, options=asked, limits=bounds)
def test_sums_in_double_precision_and_in_wide_integers_are_the_same_where_they_fit(
    lab, rows, options, limits
):
    question = lab.resolve(build(lab, options, limits))
    lab.fill(rows)
    check = fits(question)
    if check is None or lab.connection.execute(check).fetchone()[0]:
        fast = sorted(lab.connection.execute(bounded_totals(question)).fetchall())
        wide = sorted(lab.connection.execute(bounded_totals(question, wide=True)).fetchall())
        assert fast == wide


@many
@given(rows=tables, options=asked)
def test_a_customer_alone_is_never_scaled_up_and_within_the_norm_not_at_all(lab, rows, options):
    options = {**options, "measures": ["count", "mean"]}
    theirs = [{**row, "customer_id": "u1"} for row in rows]
    lab.fill(theirs)
    bounded = lab.resolve(build(lab, options, (0, 200)))
    free = lab.resolve(build(lab, {**options, "cells": 36}, (0, 200)))
    for one, whole in zip(vectors(lab, bounded), vectors(lab, free), strict=True):
        assert all(abs(one.get(at, 0)) <= abs(value) for at, value in whole.items())
        assert all(one.get(at, 0) * value >= 0 for at, value in whole.items())
        assert sum(value * value for value in one.values()) <= norm_squared(bounded)
        if sum(value * value for value in whole.values()) <= norm_squared(bounded):
            assert one == whole


def _in_cells(count, customer="u1"):
    days = [dt.date(2026, 1, 1)] * count
    cells = list(product(REGIONS, KINDS))[:count]
    return [
        {"customer_id": customer, "day": day, "region": r, "kind": k, "amount": cents(200)}
        for day, (r, k) in zip(days, cells, strict=True)
    ]


def test_a_customer_in_too_many_cells_counts_less_in_each_and_nothing_is_dropped():
    lab = Lab(_in_cells(8))
    question = lab.resolve(wb.query(lab.table, by=["region", "kind"], cells=2).customers())
    (vector,) = vectors(lab, question)
    assert len(vector) == 8
    assert len(set(vector.values())) == 1
    # sqrt(2)·2^20 over a length of sqrt(8)·2^20, rounded up, and one
    assert set(vector.values()) == {LATTICE * isqrt(2 * LATTICE**2) // (isqrt(8 * LATTICE**2) + 2)}
    assert sum(value**2 for value in vector.values()) <= 2 * LATTICE**2


def test_a_customer_at_the_bound_is_not_changed():
    lab = Lab(_in_cells(2))
    (vector,) = vectors(
        lab,
        lab.resolve(wb.query(lab.table, by=["region", "kind"], cells=2).customers().sum("amount")),
    )
    assert set(vector.values()) == {LATTICE, -LATTICE // 4}  # there, all of it, and not beyond


def test_scaling_looks_at_the_vector_and_not_at_the_number_of_cells():
    # three cells of two allowed; but their totals lie in the middle of the bounds and count nothing
    rows = [{**row, "amount": cents(100)} for row in _in_cells(3)]
    lab = Lab(rows)
    (vector,) = vectors(
        lab,
        lab.resolve(wb.query(lab.table, by=["region", "kind"], cells=2).customers().sum("amount")),
    )
    assert set(vector.values()) == {LATTICE, -LATTICE // 4}  # 3·(1 + 1/16) ≤ 2·(2 + 1/16)


def test_each_month_is_bounded_by_itself_and_together_all_at_once():
    rows = [
        {"customer_id": "u1", "day": dt.date(2026, month, 1), "region": "a", "kind": "p"}
        for month in (1, 2, 3)
    ]
    lab = Lab(rows, cells=1)
    span = {"period": (MONTHS[0], MONTHS[-1])}
    apart = lab.resolve(wb.query(lab.table, by=["month"], **span).customers())
    assert [len(part) for part in vectors(lab, apart)] == [1, 1, 1]
    assert all(set(part.values()) == {LATTICE} for part in vectors(lab, apart))
    at_once = lab.resolve(wb.query(lab.table, by=["month"], together=True, **span).customers())
    (vector,) = vectors(lab, at_once)
    assert len(vector) == 3
    assert sum(value**2 for value in vector.values()) <= LATTICE**2


def test_rows_without_a_customer_count_as_one_customers():
    rows = [{"customer_id": None, "day": dt.date(2026, 1, 1), "region": "a"}] * 50
    lab = Lab([*rows, {"customer_id": "u1", "region": "a"}])
    assert lab.ask(wb.query(lab.table, by="region").customers().count())[0] == {
        "region": "a", "customers": 2, "rows": 4,
    }  # fmt: skip


def test_rows_without_a_customer_in_a_whole_number_column_count_as_one_too():
    columns = {**COLUMNS, "customer_id": {"type": "integer", "role": "subject key"}}
    lab = Lab([{"customer_id": None, "region": "a"}] * 5, columns=columns)
    assert lab.ask(wb.query(lab.table, by="region").customers())[0]["customers"] == 1


@pytest.mark.parametrize(
    ("kind", "ids"), [("text", ["", None, "0"]), ("integer", [-(2**63), None, 0, 2**63 - 1])]
)
def test_an_id_that_is_empty_or_the_least_is_a_customers_of_its_own(kind, ids):
    """Rows without an id are one customer's; whoever's id looks like none is another customer."""
    columns = {**COLUMNS, "customer_id": {"type": kind, "role": "subject key"}}
    rows = [
        {"customer_id": each, "region": "a", "kind": "pq"[i % 2], "amount": cents(100)}
        for each in ids
        for i in range(2)
    ]
    lab = Lab(rows, columns=columns)
    query = wb.query(lab.table, by="region").customers().sum("amount").median("amount")
    (row, *_) = lab.ask(query)
    assert (row["customers"], row["amount_sum"]) == (len(ids), 200 * len(ids))
    pairs = lab.ask(wb.query(lab.table, by=wb.pairs("kind"), cells=9).customers())
    assert {r["kind_pair"]: r["customers"] for r in pairs}["p + q"] == len(ids)
    found = lab.ask(wb.query(lab.table, by="region", cells=1).customers().count(), pure=True)
    assert (found[0]["customers"], found[0]["rows"]) == (len(ids), 2 * len(ids))


@pytest.mark.parametrize("threads", [1, 4])
def test_huge_amounts_that_cancel_do_so_exactly_in_any_order(threads):
    # doubles lose the cent: (10^16 + 0.01) - 10^16 is 0 or 2 by the order of rows
    terms = [HUGE, -HUGE, Decimal("123.45"), HUGE, -HUGE]
    for turn in range(len(terms)):
        rows = [
            {"customer_id": "u1", "amount": terms[(turn + i) % len(terms)]}
            for i in range(len(terms))
        ]
        lab = Lab(rows, threads=threads)
        question = lab.resolve(wb.query(lab.table).sum("amount"))
        assert lab.connection.execute(fits(question)).fetchone() == (False,)
        assert lab.ask(wb.query(lab.table).sum("amount")) == [
            {"customers": 1, "amount_sum": 123.45, "amount_at_bound": 0.0}
        ]


def test_ordinary_amounts_are_summed_the_fast_way():
    lab = Lab([{"customer_id": "u1", "amount": cents(1)}])
    question = lab.resolve(wb.query(lab.table).sum("amount"))
    assert lab.connection.execute(fits(question)).fetchone() == (True,)
    assert fits(lab.resolve(wb.query(lab.table).customers().count())) is None


def test_vectors_of_very_many_cells_are_measured_in_whole_numbers():
    many_cells = 2100  # of five integers, each at most 2^20: squares of more than 2^53 together
    domain = [f"v{i}" for i in range(many_cells)]
    columns = {**COLUMNS, "region": {"type": "text", "domain": domain}}
    lab = Lab([], columns=columns, cells=many_cells - 1)
    lab.connection.execute(
        "INSERT INTO reporting.visits (customer_id, region, amount) "
        f"SELECT 'u1', 'v' || i, 200 FROM range({many_cells}) r(i)"
    )
    question = lab.resolve(wb.query(lab.table, by="region", rows=1).count().mean("amount"))
    assert "x0::BIGINT * x0" in bounded_totals(question)
    (vector,) = vectors(lab, question)
    assert len(vector) == 5 * many_cells
    assert 0 < norm_squared(question) - sum(v * v for v in vector.values()) < 2**44


def test_vectors_of_few_cells_are_measured_in_doubles_which_is_faster(lab):
    question = lab.resolve(wb.query(lab.table, by=["region", "kind"]).sum("amount"))
    assert "x0::DOUBLE * x0" in bounded_totals(question)


LADDERS = {
    "of a customer in every cell at the last rung": wb.ladder(50, 400),
    "with returns": wb.ladder(50, 400, negative=True),
    "of two rungs": wb.ladder(100, 150),
}


@pytest.mark.parametrize("ladder", LADDERS.values(), ids=LADDERS)
@pytest.mark.parametrize("total", ["0", "50", "100", "400", "400.01", "-400.01", "9999999.99"])
def test_at_the_ends_of_a_ladder_a_customer_is_as_long_as_is_booked_and_never_longer(ladder, total):
    rows = [{**row, "amount": Decimal(total)} for row in _in_cells(2)]
    lab = Lab(rows)
    question = lab.resolve(
        wb.query(lab.table, by=["region", "kind"], cells=2).sum("amount", bounds=ladder)
    )
    (vector,) = vectors(lab, question)
    rungs = len(next(each.rungs for each in question.coordinates if each.rungs))
    assert norm_squared(question) == 2 * (16 * (1 + rungs) + 1) * LATTICE**2 // 16
    length = sum(value * value for value in vector.values())
    assert length <= norm_squared(question)
    if total == "9999999.99" or (total == "-400.01" and ladder.negative):
        assert length == norm_squared(question)  # the layers of one customer fill one by one, all
