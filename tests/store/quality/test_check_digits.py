"""Check digits in SQL against the standards' examples and against plain Python."""

import datetime as dt

import duckdb
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from workbench.estates.sample import people
from workbench.store.quality.rules import CHECKS


@pytest.mark.parametrize(
    ("kind", "good", "bad"),
    [
        (
            "cn-resident-id",
            "11010519491231002X",
            "110105194912310021",
        ),  # the standard's own example
        ("cn-resident-id", "440524188001010014", "440524188013010014"),
        ("luhn", "4111111111111111", "4111111111111112"),
        ("luhn", "79927398713", "79927398710"),
        ("iban", "DE89370400440532013000", "DE89370400440532013001"),
        ("iban", "GB82 WEST 1234 5698 7654 32", "GB82 TEST 1234 5698 7654 32"),
        ("cn-mobile", "+8613812345678", "+861381234567"),
        ("cn-mobile", "19912345678", "12912345678"),
    ],
)
def test_check_digits(kind, good, bad):
    with duckdb.connect() as connection:
        sql = ", ".join(CHECKS[kind](name) for name in ("a", "b", "c", "d"))
        row = connection.execute(
            f"SELECT {sql} FROM (SELECT ? AS a, ? AS b, '' AS c, NULL::VARCHAR AS d)", [good, bad]
        ).fetchone()
    assert row == (True, False, False, False)


def test_check_digits_find_every_single_slip():
    card = people.card_number(4711)
    slips = [card[:i] + d + card[i + 1 :] for i in range(16) for d in "0123456789" if d != card[i]]
    with duckdb.connect() as connection:
        connection.execute("CREATE TABLE t AS SELECT unnest(?) AS x", [[card, *slips]])
        (found,) = connection.execute(
            f"SELECT count(*) FILTER ({CHECKS['luhn']('x')}) FROM t"
        ).fetchone()
    assert found == 1


@pytest.fixture(scope="module")
def engine():
    with duckdb.connect() as connection:
        yield connection


def verdicts(engine, kind, texts):
    sql = f"SELECT {CHECKS[kind]('x')} FROM (SELECT unnest(?::VARCHAR[]) AS x)"
    return [found for (found,) in engine.execute(sql, [texts]).fetchall()]


@given(st.lists(st.text("0123456789", min_size=1, max_size=21), min_size=1, max_size=200))
@settings(max_examples=20)
def test_luhn_is_what_adding_digit_by_digit_finds(engine, numbers):
    def passes(number):
        doubled = [2 * int(digit) for digit in number[-2::-2]]
        total = sum(map(int, number[-1::-2])) + sum(each // 10 + each % 10 for each in doubled)
        return 2 <= len(number) <= 19 and total % 10 == 0

    assert verdicts(engine, "luhn", numbers) == [passes(number) for number in numbers]


@given(st.dates(dt.date(1900, 1, 1), dt.date(2030, 1, 1)), st.integers(0, 10**6))
@settings(max_examples=20)
def test_a_resident_number_passes_and_a_slip_of_any_digit_does_not(engine, born, index):
    number = people.resident_id(index, born, male=index % 2 == 0)
    slips = [
        f"{number[:place]}{digit}{number[place + 1 :]}"
        for place in range(17)
        for digit in "0123456789"
        if digit != number[place]
    ]
    assert verdicts(engine, "cn-resident-id", [number, *slips]) == [True] + [False] * len(slips)


@given(st.lists(st.text("0123456789X Aé", max_size=18), min_size=1, max_size=200))
@settings(max_examples=20)
def test_any_other_text_fails_without_an_error(engine, texts):
    others = [text + "A" for text in texts]
    for kind in ("cn-resident-id", "luhn"):
        assert verdicts(engine, kind, others) == [False] * len(others)
