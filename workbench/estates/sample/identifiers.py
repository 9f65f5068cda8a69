"""Invented identifiers with valid check digits, from ranges that are not given to people.

Resident numbers lie in area 99, which no province has; IBANs name a bank code that is not issued;
cards start with 99; Chinese mobiles use the prefix 154, which is not in service as far as we know;
British ones the range kept for fiction.
"""

from __future__ import annotations

import datetime as dt

_RESIDENT_WEIGHTS = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)
_RESIDENT_CHECKS = "10X98765432"
_FAR_STEP = 7_368_787  # prime to powers of ten, so that stepping visits every number once


def luhn_digit(digits: str) -> str:
    """Return the check digit that makes ``digits`` + it pass the Luhn test.

    Examples
    --------
    >>> luhn_digit("7992739871")
    '3'
    """
    total = 0
    for place, digit in enumerate(reversed(digits)):
        value = int(digit) * (2 if place % 2 == 0 else 1)
        total += value - 9 if value > 9 else value
    return str(-total % 10)


def customer_id(index: int) -> str:
    """Return the customer id of an index: seven digits and their Luhn digit.

    Examples
    --------
    >>> customer_id(421)
    'C-00004218'
    """
    digits = f"{index:07d}"
    return f"C-{digits}{luhn_digit(digits)}"


def resident_id(index: int, born: dt.date, male: bool) -> str:
    """Return a Chinese resident identity number (GB 11643, check digit by MOD 11-2)."""
    area = 990_000 + index // 500 % 10_000
    digits = f"{area}{born:%Y%m%d}{2 * (index % 500) + male:03d}"
    total = sum(int(d) * w for d, w in zip(digits, _RESIDENT_WEIGHTS, strict=True))
    return digits + _RESIDENT_CHECKS[total % 11]


def spoiled(identifier: str) -> str:
    """Return an identifier with its last digit replaced by a wrong one."""
    return identifier[:-1] + ("1" if identifier[-1] == "X" else str((int(identifier[-1]) + 1) % 10))


def iban(index: int) -> str:
    """Return a German IBAN (ISO 13616, MOD 97-10) at a bank code that is not issued."""
    account = f"00000000{index * _FAR_STEP % 10**10:010d}"
    check = 98 - int(account + "131400") % 97  # D is 13, E is 14
    return f"DE{check:02d}{account}"


def card_number(index: int) -> str:
    """Return a 16-digit card number with its Luhn digit."""
    digits = f"99{index * _FAR_STEP % 10**13:013d}"
    return digits + luhn_digit(digits)


def chinese_mobile(index: int) -> str:
    """Return a Chinese mobile number in international form."""
    return f"+86154{index * _FAR_STEP % 10**8:08d}"


def british_mobile(index: int) -> str:
    """Return a mobile number from the range Ofcom keeps for fiction; a thousand exist."""
    return f"+447700900{index * _FAR_STEP % 10**3:03d}"
