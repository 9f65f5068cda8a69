"""Groups are finite by declaration or construction; what is in none of them is in no cell."""

import datetime as dt

import ibis
import pytest
from support.lab import COLUMNS, Lab, cents, exactly

import workbench as wb
from workbench.errors import QuestionRefused, UnknownName
from workbench.privacy.grouping.opened import whole_weeks

DAY = dt.date(2026, 1, 15)


def of(values, column, **more):
    """Return a lab with one customer for each value of one column."""
    rows = [{"customer_id": f"u{i}", column: value, **more} for i, value in enumerate(values)]
    return Lab(rows, cells=12)


def counts(lab, by, name=None, **options):
    """Return customers by group, in the order they are released."""
    query = wb.query(lab.table, by=by, **options).customers()
    (group,) = lab.resolve(query).dimensions
    return {row[name or group.name]: row["customers"] for row in lab.ask(query)}


def test_declared_values_are_all_released_in_their_order_and_others_are_left_out():
    lab = of(["c", "b", "z", "", None, "C", "b "], "region")
    assert counts(lab, "region") == {"a": 0, "b": 1, "c": 1}


def test_whole_numbers_and_booleans_are_groups_too():
    assert counts(of([1, 2, 2, 4, None], "level"), "level") == {1: 1, 2: 2, 3: 0}
    assert counts(of([True, None, False, True], "flag"), "flag") == {False: 1, True: 2}


def test_months_end_where_the_next_begins():
    days = [
        dt.date(2025, 12, 31), dt.date(2026, 1, 1), dt.date(2026, 1, 31), dt.date(2026, 2, 1),
        dt.date(2026, 2, 28), dt.date(2026, 3, 1), None,
    ]  # fmt: skip
    lab = of(days, "day")
    found = counts(lab, "month", "month", period=("2026-01", "2026-02"))
    assert found == {"2026-01": 2, "2026-02": 2}
    assert counts(lab, "month", "month", period="2026-02") == {"2026-02": 2}
    assert lab.ask(wb.query(lab.table, period="2026-01").customers()) == [{"customers": 2}]
    assert lab.ask(wb.query(lab.table, period="2026-Q1").customers()) == [{"customers": 5}]


def test_months_without_a_period_span_the_declared_bounds():
    found = counts(of([dt.date(2026, 12, 30), DAY, dt.date(2027, 1, 1)], "day"), "month", "month")
    assert list(found) == [f"2026-{month:02d}" for month in range(1, 13)]
    assert {month for month, customers in found.items() if customers} == {"2026-01", "2026-12"}


def test_months_together_are_the_same_cells_of_one_part():
    lab = of([DAY, dt.date(2026, 2, 3)], "day")
    options = {"period": ("2026-01", "2026-02")}
    apart = counts(lab, "month", "month", **options)
    together = counts(lab, "month", together=True, **options)
    assert apart == together == {"2026-01": 1, "2026-02": 1}
    assert len(lab.resolve(wb.query(lab.table, by="month", **options).customers()).parts) == 2
    question = wb.query(lab.table, by="month", together=True, **options).customers()
    assert len(lab.resolve(question).parts) == 1


def test_months_of_a_timestamp():
    columns = {**COLUMNS, "day": {**COLUMNS["day"], "type": "timestamp"}}
    late, early = "2026-01-31 23:59:59", "2026-02-01"
    rows = [{"customer_id": "u1", "day": late}, {"customer_id": "u2", "day": early}]
    lab = Lab(rows, columns=columns)
    found = counts(lab, "month", "month", period=("2026-01", "2026-02"))
    assert found == {"2026-01": 1, "2026-02": 1}
    assert sum(counts(lab, lab.table.day.hour()).values()) == 2


@pytest.mark.parametrize("kind", ["date", "timestamp"])
def test_weeks_are_those_that_lie_in_the_span_as_a_whole(kind):
    columns = {**COLUMNS, "day": {**COLUMNS["day"], "type": kind}}
    days = ["2026-01-04", "2026-01-05", "2026-01-11", "2026-01-12", "2026-01-25", "2026-01-26"]
    rows = [
        {"customer_id": f"u{i}", "day": dt.date.fromisoformat(day) if kind == "date" else day}
        for i, day in enumerate(days)
    ]
    lab = Lab(rows, columns=columns, cells=12)
    found = counts(lab, "week", "week", period="2026-01")
    assert found == {"2026-W02": 2, "2026-W03": 1, "2026-W04": 1}
    assert list(counts(lab, "week", "week", period="2026-Q1"))[-1] == "2026-W13"
    with pytest.raises(QuestionRefused, match="no whole week"):
        whole_weeks(dt.date(2026, 1, 6), dt.date(2026, 1, 12))


def test_weekdays_begin_on_monday():
    monday = dt.date(2026, 1, 5)
    days = [monday + dt.timedelta(days=n) for n in (0, 0, 1, 6)]
    found = counts(of([*days, None], "day"), "weekday")
    assert list(found.items())[:2] == [("Monday", 2), ("Tuesday", 1)]
    assert (found["Sunday"], sum(found.values())) == (1, 4)


def test_bands_hold_their_lower_edge():
    amounts = [cents(each) for each in (9.99, 10, 19.99, 20, -3)] + [None]
    found = counts(of(amounts, "amount"), wb.bands("amount", [10, 20]))
    assert found == {"< 10": 2, "10 to 20": 2, "≥ 20": 1}


def test_bands_of_a_float_leave_out_what_is_no_number():
    weights = [1.0, float("nan"), float("inf"), float("-inf"), None, 10.0]
    found = counts(of(weights, "weight"), wb.bands("weight", [10]))
    assert found == {"< 10": 2, "≥ 10": 2}


def test_bands_of_customers_add_up_their_rows_within_the_question():
    rows = [
        {"customer_id": who, "day": day, "amount": cents(amount), "kind": kind}
        for who, day, amount, kind in [
            ("u1", DAY, 60, "p"), ("u1", DAY, 39.99, "q"), ("u2", DAY, 100, "p"),
            ("u3", DAY, 0, "p"), ("u1", dt.date(2026, 2, 1), 500, "p"),
        ]
    ] + [{"customer_id": "u4", "day": DAY, "amount": None, "kind": "p"}]  # fmt: skip
    lab = Lab(rows)
    by = wb.bands("amount", [50, 100], of="customer")
    assert counts(lab, by, period="2026-01") == {"< 50": 2, "50 to 100": 1, "≥ 100": 1}
    by_month = wb.query(lab.table, by=["month", by], period=("2026-01", "2026-02")).customers()
    assert [row["customers"] for row in lab.ask(by_month)] == [2, 1, 1, 0, 0, 1]
    at_once = counts(lab, by, period=("2026-01", "2026-02"))
    assert at_once == {"< 50": 2, "50 to 100": 0, "≥ 100": 2}
    only_p = counts(lab, by, where={"kind": "p"}, period="2026-01")
    assert only_p == {"< 50": 2, "50 to 100": 1, "≥ 100": 1}


def test_bands_of_customers_do_not_fail_on_numbers_that_are_none_or_huge():
    weights = [float("nan"), float("inf"), 1e308, -1e308, 5.0, None]
    found = counts(of(weights, "weight"), wb.bands("weight", [0, 10], of="customer"))
    assert found == {"< 0": 1, "0 to 10": 4, "≥ 10": 1}
    amounts = [cents("9999999999999999.99"), cents("-9999999999999999.99")]
    found = counts(of(amounts, "amount"), wb.bands("amount", [0], of="customer"))
    assert found == {"< 0": 1, "≥ 0": 1}


def test_bands_of_customers_keep_the_digits_of_the_column():
    scores = ["0.499", "0.5", "0.999", "1"]
    found = counts(of(scores, "score"), wb.bands("score", ["0.5", 1], of="customer"))
    assert found == {"< 0.5": 1, "0.5 to 1": 2, "≥ 1": 1}


def test_date_parts_are_finite_by_construction():
    lab = of([DAY, dt.date(2026, 8, 31), None], "day")
    tx = lab.table
    assert list(counts(lab, tx.day.quarter()).values()) == [1, 0, 1, 0]
    assert sum(counts(lab, tx.day.month()).values()) == 2
    assert len(counts(lab, tx.day.day())) == 31
    assert counts(lab, tx.day.day_of_week.index())[3] == 1


def test_buckets_and_conditions_are_finite_by_construction():
    lab = of([cents(each) for each in (5, 50, 150, 200, 999)] + [None], "amount")
    tx = lab.table
    assert counts(lab, tx.amount.bucket([50, 200], include_under=True, include_over=True)) == {
        "< 50": 1, "50 to 200": 3, "≥ 200": 1,
    }  # fmt: skip
    assert counts(lab, (tx.amount > 100).name("large")) == {False: 2, True: 3}


def test_a_column_may_be_called_otherwise():
    lab = of(["a", "b"], "region")
    assert counts(lab, lab.table.region.name("Where we sell"), "where_we_sell") == {
        "a": 1, "b": 1, "c": 0,
    }  # fmt: skip


@pytest.mark.parametrize("closed", ["left", "right"])
def test_buckets_say_which_end_they_hold(closed):
    lab = of([cents(each) for each in (50, 100, 200)], "amount")
    found = counts(lab, lab.table.amount.bucket([50, 100, 200], closed=closed, close_extreme=False))
    assert list(found.values()) == [1, 1]
    assert len(set(found)) == 2


def test_a_group_without_a_finite_domain_is_refused():
    tx = Lab([]).table
    for by, message in [
        ("note", r"no declared domain.*wb\.discovered\('note'"),
        ("amount", r"For ranges use wb\.bands\('amount', \[\.\.\.\]\)"),
        (tx.note.upper(), "could take any value"),
        (tx.amount + 1, "could take any value"),
        (tx.day, "no declared domain"),
        (7, "a column's name, bands, or an Ibis expression, not int"),
    ]:
        with pytest.raises(QuestionRefused, match=message):
            Lab([]).resolve(wb.query(tx, by=[by]).customers())


def test_a_group_column_that_is_not_declared_is_unknown():
    lab = Lab([])
    with pytest.raises(UnknownName, match="Did you mean 'region'"):
        lab.resolve(wb.query(lab.table, by="regoin").customers())
    with pytest.raises(UnknownName, match="no column named 'shoe_size'"):
        lab.resolve(wb.query(lab.table, by=wb.discovered("shoe_size", delta="1e-8")).customers())
    with pytest.raises(UnknownName, match="no column named 'shoe_size'"):
        lab.resolve(wb.query(lab.table, by=wb.bands("shoe_size", [1])).customers())


@pytest.mark.parametrize(
    ("edges", "message"),
    [([], "at least one"), ([2, 1], "rising"), ([1, 1], "rising"), (["x"], "finite numbers"),
     ([float("nan")], "finite"), ([1, float("inf")], "finite")],
)  # fmt: skip
def test_edges_of_bands_are_finite_and_rising(edges, message):
    lab = Lab([])
    with pytest.raises(QuestionRefused, match=message):
        lab.resolve(wb.query(lab.table, by=wb.bands("amount", edges)).customers())


def test_only_numbers_have_bands():
    lab = Lab([])
    with pytest.raises(QuestionRefused, match="'region' is text; only numbers have bands"):
        lab.resolve(wb.query(lab.table, by=wb.bands("region", [1])).customers())


@pytest.mark.parametrize(
    ("column", "message"),
    [
        ("customer_id", "subject key: its values name customers"),
        ("amount", "only text and integers"),
    ],
)
def test_values_that_name_customers_are_never_found(column, message):
    lab = Lab([])
    with pytest.raises(QuestionRefused, match=message):
        lab.resolve(wb.query(lab.table, by=wb.discovered(column, delta="1e-8")).customers())


def test_direct_identifiers_are_never_found():
    columns = {**COLUMNS, "note": {"type": "text", "role": "direct identifier"}}
    lab = Lab([], columns=columns)
    with pytest.raises(QuestionRefused, match="direct identifier: its values name customers"):
        lab.resolve(wb.query(lab.table, by=wb.discovered("note", delta="1e-8")).customers())


@pytest.mark.parametrize("delta", [0, 1, -1, "NaN", 2])
def test_the_delta_of_found_values_lies_between_0_and_1(delta):
    lab = Lab([])
    with pytest.raises(QuestionRefused, match="delta must lie between 0 and 1"):
        lab.resolve(wb.query(lab.table, by=wb.discovered("note", delta=delta)).customers())


@pytest.mark.parametrize("make", ["sum", "window", "random", "subquery"])
def test_a_group_looks_at_its_own_row_only(make):
    lab = Lab([])
    tx = lab.table
    by = {
        "sum": lambda: tx.amount.sum() > 5,
        "window": lambda: tx.amount.sum().over(ibis.window(group_by="region")) > 5,
        "random": lambda: ibis.random() > 0.5,
        "subquery": lambda: tx.region.isin(tx.kind),
    }[make]()
    with pytest.raises(QuestionRefused, match=r"only at its own row"):
        lab.resolve(wb.query(tx, by=[by]).customers())


def test_a_group_named_twice_is_refused():
    lab = Lab([])
    with pytest.raises(QuestionRefused, match="named twice: region, region"):
        lab.resolve(wb.query(lab.table, by=["region", lab.table.region]).customers())


class TestJoinedThroughTheCustomer:
    """Columns of other tables of the sample bank."""

    def test_a_customers_column_groups_their_transactions(self, sample):
        tx, customers = (sample.open(t, "reporting") for t in ("transactions", "customers"))
        query = wb.query(tx, by=customers.tier, period="2026-09", cells=1).customers()
        query = query.sum("amount", bounds=(0, 3000))
        found = exactly(sample, query)
        tiers = customers.select("customer_id", "tier").to_pandas().set_index("customer_id").tier
        rows = tx.filter(tx.booked_on >= "2026-09-01", tx.booked_on < "2026-10-01")
        frame = rows.select("customer_id", "amount").to_pandas()
        totals = frame.groupby("customer_id").amount.sum().astype(float).clip(0, 3000)
        tier = tiers.reindex(totals.index)
        assert [row["tier"] for row in found] == ["basic", "plus", "premium"]
        for row in found:
            assert row["customers"] == (tier == row["tier"]).sum()
            assert row["amount_sum"] == pytest.approx(totals[tier == row["tier"]].sum(), abs=1)

    def test_it_is_refused_across_purposes_and_for_what_is_not_a_column(self, sample):
        tx = sample.open("transactions", "reporting")
        other = sample.open("customers", "marketing")
        with pytest.raises(QuestionRefused, match="cannot be joined across purposes"):
            exactly(sample, wb.query(tx, by=other.tier).customers())
        customers = sample.open("customers", "reporting")
        with pytest.raises(QuestionRefused, match="take a plain column"):
            exactly(sample, wb.query(tx, by=customers.tier == "plus").customers())
        with pytest.raises(QuestionRefused, match="no declared domain"):
            exactly(sample, wb.query(tx, by=customers.opened_on).customers())


@pytest.fixture(scope="module")
def sample(sample_source, tmp_path_factory):
    """Return the sample bank, loaded."""
    folder = tmp_path_factory.mktemp("bank")
    (folder / "workbench.toml").write_text(
        f'title = "Bank"\ncatalog = "{sample_source}/catalog.yaml"\nsource = "{sample_source}"\n'
    )
    bank = wb.open_workspace(folder, now=lambda: dt.datetime(2026, 10, 6, 9, tzinfo=dt.UTC))
    bank.init()
    return bank
