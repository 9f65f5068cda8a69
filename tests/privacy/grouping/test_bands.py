"""Bands of the days of a customer's rows: how many there are, how long ago the last is."""

import datetime as dt

import pytest
from support.lab import Lab, cents

import workbench as wb
from workbench.errors import QuestionRefused

DAYS = {
    "u1": [dt.date(2026, 1, 1)],
    "u2": [dt.date(2026, 1, 5), dt.date(2026, 1, 5), dt.date(2026, 2, 28)],  # one day counts once
    "u3": [dt.date(2025, 12, 31), dt.date(2026, 1, 30), dt.date(2026, 2, 1), dt.date(2026, 3, 9)],
    "u4": [dt.date(2026, 3, 1)],  # after the period: in no cell
    "u5": [None],
}
SPAN = ("2026-01", "2026-02")


@pytest.fixture(scope="module")
def lab():
    rows = [{"customer_id": who, "day": day} for who, days in DAYS.items() for day in days]
    return Lab(rows, cells=12)


def counted(lab, column, edges, **options):
    band = wb.bands(column, edges, of="customer")
    rows = lab.ask(wb.query(lab.table, by=band, **options).customers())
    return [row["customers"] for row in rows]


def test_days_with_rows_are_counted_within_the_period_and_each_once(lab):
    assert counted(lab, "frequency_days", [1, 2, 3], period=SPAN) == [0, 1, 2, 0]


def test_without_a_period_all_days_count(lab):
    assert counted(lab, "frequency_days", [1, 2, 3, 4], period=None) == [1, 2, 1, 0, 1]


def test_recency_is_counted_to_the_last_day_of_the_period(lab):
    # last days within the period: u2 on its last day, u3 27 days before, u1 58
    assert counted(lab, "recency_days", [1, 27, 28, 58, 59], period=SPAN) == [1, 0, 1, 0, 1, 0]


def test_both_together_and_with_a_total():
    rows = [{"customer_id": "u1", "day": dt.date(2026, 1, 31), "amount": 5}] * 2
    lab = Lab(rows, cells=12)
    by = [
        wb.bands("frequency_days", [2], of="customer"),
        wb.bands("recency_days", [1], of="customer"),
        wb.bands("amount", [6], of="customer"),
    ]
    rows = lab.ask(wb.query(lab.table, by=by, period="2026-01").customers())
    (full,) = [row for row in rows if row["customers"]]
    assert full["customers"] == 1
    assert [full["frequency_days_band"], full["recency_days_band"], full["amount_total_band"]] == [
        "< 2",
        "< 1",
        "≥ 6",
    ]


def test_the_day_recency_is_counted_to_is_part_of_the_answers_identity(lab):
    def identity(**options):
        band = wb.bands("recency_days", [30], of="customer")
        question = lab.resolve(wb.query(lab.table, by=["month", band], **options).customers())
        return question.parts[0].canonical

    assert identity(period=("2026-01", "2026-02")) != identity(period=("2026-01", "2026-03"))


@pytest.mark.parametrize(
    ("column", "options", "message"),
    [
        ("recency_days", {"of": "customer"}, "counted to the end of a period"),
        ("frequency_days", {"of": "row"}, "say of='customer'"),
    ],
)
def test_what_the_days_of_a_row_do_not_say_is_refused(lab, column, options, message):
    with pytest.raises(QuestionRefused, match=message):
        lab.resolve(wb.query(lab.table, by=wb.bands(column, [30], **options)).customers())


def test_edges_of_days_are_whole(lab):
    band = wb.bands("frequency_days", [1.5], of="customer")
    with pytest.raises(QuestionRefused, match="whole numbers of days"):
        lab.resolve(wb.query(lab.table, by=band, period=SPAN).customers())


def test_a_table_without_a_time_column_has_no_days():
    columns = {"customer_id": {"type": "text", "role": "subject key"}}
    retention = {"months": 84, "after": "customer_id"}
    lab = Lab([], columns=columns, retention=retention)
    with pytest.raises(QuestionRefused, match="declares no time column"):
        lab.resolve(
            wb.query(lab.table, by=wb.bands("frequency_days", [2], of="customer")).customers()
        )


@pytest.mark.parametrize(
    ("column", "edges", "values", "found"),
    [
        ("weight", ["0.0004", "9.9997"], [0, 0.0002, 9.9996, 9.9998], [2, 1, 1]),
        ("weight", [1, "1e30"], [0, 5, 1e29, 1e31], [1, 2, 1]),
        ("amount", [1, "1e17"], [cents(0), cents(999)], [1, 1, 0]),
        ("amount", ["-1e17", "0.0005"], [cents(0), cents(1)], [0, 1, 1]),
        ("level", ["0.99999", "1e30"], [0, 1, 2**63 - 1], [1, 2, 0]),
    ],
)
def test_edges_divide_to_their_last_digit_and_no_row_fails_on_them(column, edges, values, found):
    rows = [{"customer_id": f"u{i}", column: each} for i, each in enumerate(values)]
    lab = Lab(rows, cells=12)
    band = wb.bands(column, edges)
    assert [row["customers"] for row in lab.ask(wb.query(lab.table, by=band).customers())] == found
