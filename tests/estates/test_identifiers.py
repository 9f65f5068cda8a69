"""Check digits hold by checkers written from the standards, not from the generator."""

from __future__ import annotations

import datetime as dt

import pytest

from workbench.estates.sample import people

INDICES = [1, 2, 9, 10, 499, 500, 4_217, 999_999, 5_000_000]


def luhn_holds(number: str) -> bool:
    digits = [int(d) for d in reversed(number)]
    doubled = [sum(divmod(2 * d, 10)) for d in digits[1::2]]
    return (sum(digits[0::2]) + sum(doubled)) % 10 == 0


def resident_id_holds(number: str) -> bool:
    """ISO 7064 MOD 11-2 as GB 11643-1999 uses it: powers of two, weighted sum is 1 modulo 11."""
    values = [10 if d == "X" else int(d) for d in number]
    return sum(v * pow(2, 17 - place, 11) for place, v in enumerate(values)) % 11 == 1


def iban_holds(number: str) -> bool:
    moved = number[4:] + number[:4]
    return int("".join(str(int(c, 36)) for c in moved)) % 97 == 1


def test_checkers_know_the_published_examples():
    assert luhn_holds("79927398713")  # the usual example of the Luhn formula
    assert resident_id_holds("11010519491231002X")  # example in GB 11643-1999
    assert iban_holds("DE89370400440532013000")  # example in the IBAN registry
    assert not luhn_holds("79927398710")
    assert not resident_id_holds("110105194912310021")
    assert not iban_holds("DE88370400440532013000")


@pytest.mark.parametrize("index", INDICES)
def test_check_digits_are_valid(index: int):
    assert luhn_holds(people.customer_id(index).removeprefix("C-"))
    assert luhn_holds(people.card_number(index))
    assert iban_holds(people.iban(index))
    assert resident_id_holds(people.resident_id(index, dt.date(1980, 2, 29), male=True))


@pytest.mark.parametrize("index", INDICES)
def test_a_spoiled_resident_id_no_longer_holds(index: int):
    number = people.resident_id(index, dt.date(1990, 7, 1), male=False)
    assert not resident_id_holds(people.spoiled(number))


def test_a_check_digit_of_ten_is_an_x_and_can_be_spoiled():
    ends = {people.resident_id(i, dt.date(1975, 5, 5), male=True)[-1] for i in range(60)}
    assert "X" in ends
    assert people.spoiled("11010519491231002X") == "110105194912310021"


def test_gender_and_birth_date_stand_in_a_resident_id():
    number = people.resident_id(7, dt.date(1961, 12, 3), male=True)
    assert number[6:14] == "19611203"
    assert int(number[16]) % 2 == 1
    assert number.startswith("99")


def test_no_identifier_comes_twice():
    indices = range(1, 20_001)
    for make in (
        people.customer_id,
        people.card_number,
        people.iban,
        people.chinese_mobile,
    ):
        assert len({make(i) for i in indices}) == len(indices)
