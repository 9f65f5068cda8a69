"""Who the customers are: identity with invented identifiers, home, consents, what is planted.

Resident numbers lie in area 99, which no province has; IBANs name a bank code that is not issued;
cards start with 99; Chinese mobiles use the prefix 154, which is not in service as far as we know;
British ones the range kept for fiction.
"""

import datetime as dt
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import pyarrow as pa

from workbench.estates.sample import planted
from workbench.estates.sample.planted import Array, Block, Window, choose, segment_values
from workbench.estates.writing import pick

NEVER = np.datetime64("NaT", "D")


@dataclass(frozen=True)
class People:
    """One block's customers as columns; codes point into the lists of `planted`."""

    block: Block
    ids: pa.Array
    phones: list[str]
    segment: Array
    level: Array  # the customer's own factor on frequency
    purse: Array  # the customer's own factor on amounts
    quality: Array  # credit quality, standard normal
    region: Array
    district: Array  # 1 to DISTRICTS_PER_REGION
    tier: Array
    gender: Array
    registration: Array
    born: Array
    opened: Array
    closed: Array  # NaT: open
    retired: Array  # closed long ago, past retention; no activity at all

    def __len__(self) -> int:
        return len(self.segment)

    @property
    def window(self) -> Window:
        """The months covered."""
        return self.block.window

    @cached_property
    def until(self) -> Array:
        """Last day of the account; far in the future while it is open."""
        return np.where(np.isnat(self.closed), np.datetime64("2100-01-01"), self.closed)

    def of(self, rows: Array) -> pa.Array:
        """Return the customer id of each row."""
        return self.ids.take(pa.array(rows))

    def region_of(self, rows: Array) -> pa.Array:
        """Return the home region of each row."""
        return pick(planted.REGIONS, self.region[rows])

    def district_of(self, rows: Array) -> pa.Array:
        """Return the home district of each row."""
        codes = self.region[rows] * planted.DISTRICTS_PER_REGION + self.district[rows] - 1
        return pick(planted.DISTRICTS, codes)


def draw_people(block: Block) -> tuple[People, dict[str, Any]]:
    """Draw one block's customers; return them and their rows of the customers table."""
    dice, window = block.dice(1), block.window
    n = block.size
    segment = choose(dice, np.tile(segment_values("share"), (n, 1)))
    shape = 1 / planted.CUSTOMER_SPREAD**2
    registration = (dice.random(n) >= planted.RURAL_SHARE).astype(int)  # 0 rural, 1 urban
    outer_share = np.where(registration == 0, planted.OUTER_SHARE_RURAL, planted.OUTER_SHARE_URBAN)
    district = np.where(dice.random(n) < outer_share, 3, 1) + dice.integers(0, 2, n)
    opened, closed, retired = _account_dates(dice, window, segment)
    age_days = np.clip(dice.gamma(9.0, 1_750.0, n) + 18 * 365.25, None, 88 * 365.25).astype(int)
    index = block.index
    region = choose(dice, np.tile(planted.REGION_SHARES, (n, 1)))
    european = region == planted.REGIONS.index("Europe")
    phones = [
        british_mobile(i) if abroad else chinese_mobile(i)
        for i, abroad in zip(index, european, strict=True)
    ]
    people = People(
        block=block,
        ids=pa.array([customer_id(i) for i in index]),
        phones=phones,
        segment=segment,
        level=dice.gamma(shape, 1 / shape, n),
        purse=dice.gamma(shape, 1 / shape, n),
        quality=dice.standard_normal(n),
        region=region,
        district=district,
        tier=choose(dice, segment_values("tiers")[segment]),
        gender=choose(dice, np.tile(planted.GENDER_SHARES, (n, 1))),
        registration=registration,
        born=np.minimum(opened, window.start_day) - age_days,
        opened=opened,
        closed=closed,
        retired=retired,
    )
    return people, _identity(people, european)


def _account_dates(
    dice: np.random.Generator, window: Window, segment: Array
) -> tuple[Array, Array, Array]:
    n = len(segment)
    window_days = int((window.end_day - window.start_day).astype(int))
    before = window.start_day - dice.integers(1, 365 * 9, n)
    inside = window.start_day + dice.integers(0, window_days + 1, n)
    opened = np.where(dice.random(n) < planted.OPENED_IN_WINDOW, inside, before)
    lasts_months = dice.geometric(segment_values("closing")[segment])
    closed = np.maximum(opened, window.start_day) + lasts_months * 30 + dice.integers(0, 30, n)
    closed = np.where(closed <= window.end_day, closed, NEVER)
    retired = dice.random(n) < planted.CUSTOMER_PAST_RETENTION_RATE
    gone = window.end_day - (dice.integers(88, 110, n) * 30.44).astype(int)
    closed = np.where(retired, gone, closed)
    opened = np.where(retired, gone - dice.integers(365, 365 * 5, n), opened)
    return opened, closed, retired


def _identity(people: People, european: Array) -> dict[str, Any]:
    """Return the rows of the customers table, planted faults included."""
    dice = people.block.dice(2)
    n, index = len(people), people.block.index
    full_names, handles = _names(dice, european)
    hosts = dice.integers(0, 3, n)
    no_email = dice.random(n) < planted.MISSING_EMAIL_RATE
    bad_phone = dice.random(n) < planted.BAD_PHONE_RATE
    bad_resident = dice.random(n) < planted.BAD_RESIDENT_ID_RATE
    nationality = np.where(dice.random(n) < 0.03, 2, european.astype(int))
    born: list[dt.date] = people.born.astype("datetime64[D]").tolist()
    male = np.where(people.gender == 2, dice.integers(0, 2, n), people.gender) == 1
    residents: list[str | None] = []
    for row, i in enumerate(index):
        number = resident_id(i, born[row], bool(male[row]))
        number = spoiled(number) if bad_resident[row] else number
        residents.append(None if european[row] else number)
    ibans = [iban(i) if european[row] else None for row, i in enumerate(index)]
    phones = [p[:-1] if bad_phone[row] else p for row, p in enumerate(people.phones)]
    emails = [
        None if no_email[row] else f"{handles[row]}.{i}@example.{('com', 'net', 'org')[hosts[row]]}"
        for row, i in enumerate(index)
    ]
    return {
        "customer_id": people.ids,
        "full_name": pa.array(full_names),
        "birth_date": people.born,
        "gender": pick(planted.GENDERS, people.gender),
        "household_registration": pick(planted.REGISTRATIONS, people.registration),
        "nationality_group": pick(("China", "Europe", "other"), nationality),
        "resident_id": pa.array(residents, pa.string()),
        "iban": pa.array(ibans, pa.string()),
        "card_number": pa.array([card_number(i) for i in index]),
        "phone": pa.array(phones),
        "email": pa.array(emails, pa.string()),
        "region": pick(planted.REGIONS, people.region),
        "district": people.district_of(np.arange(n)),
        "tier": pick(planted.TIERS, people.tier),
        "opened_on": people.opened,
        "closed_on": people.closed,
    }


def _names(dice: np.random.Generator, european: Array) -> tuple[list[str], list[str]]:
    """Return full names and e-mail handles; half of the Chinese names are in Latin letters."""
    n = len(european)
    lists = (planted.SURNAMES, planted.GIVEN, planted.EUROPEAN_FIRST, planted.EUROPEAN_LAST)
    drawn = [dice.integers(0, len(each), n) for each in lists]
    latin = dice.random(n) < 0.5
    full_names, handles = [], []
    for i, codes in enumerate(zip(*drawn, strict=True)):
        chosen = [names[code] for names, code in zip(lists, codes, strict=True)]
        (family, family_latin), (given, given_latin), first, last = chosen
        if european[i]:
            full_names.append(f"{first} {last}")
            handles.append(f"{first}.{last}".lower())
            continue
        spelled = f"{family_latin.title()} {given_latin.title()}"
        full_names.append(spelled if latin[i] else f"{family}{given}")
        handles.append(f"{given_latin}.{family_latin}")
    return full_names, handles


def draw_consents(people: People) -> tuple[dict[str, Any], dict[str, tuple[Array, Array]]]:
    """Return the consents table's rows, and of each purpose the first grant's days (or NaT)."""
    dice, window = people.block.dice(3), people.window
    grants: list[tuple[Array, ...]] = []
    first: dict[str, tuple[Array, Array]] = {}
    n = len(people)
    last = np.minimum(people.until, window.end_day)
    never = np.full(n, NEVER)
    for code, (purpose, share) in enumerate(planted.CONSENTS.items()):
        gives = (dice.random(n) < share) & ~people.retired
        given = np.minimum(people.opened + dice.integers(0, 60, n), last)
        span = np.maximum((last - given).astype(int), 1)
        withdraws = gives & (dice.random(n) < planted.WITHDRAWN_RATE)
        withdrawn = np.where(withdraws, given + (dice.random(n) * span).astype(int), NEVER)
        again = withdraws & (dice.random(n) < planted.GIVEN_AGAIN_RATE)
        given_again = np.minimum(withdrawn + dice.integers(5, 200, n), last)
        for who, day, until in ((gives, given, withdrawn), (again, given_again, never)):
            grants.append((np.flatnonzero(who), np.full(who.sum(), code), day[who], until[who]))
        first[purpose] = (np.where(gives, given, NEVER), withdrawn)
    columns = [np.concatenate(column) for column in zip(*grants, strict=True)]
    order = np.argsort(columns[0], kind="stable")
    customer, purposes, given_on, withdrawn_on = (column[order] for column in columns)
    return {
        "customer_id": people.of(customer),
        "purpose": pick(tuple(planted.CONSENTS), purposes),
        "given_on": given_on,
        "withdrawn_on": withdrawn_on,
    }, first


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
