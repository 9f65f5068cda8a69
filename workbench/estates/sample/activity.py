"""What customers do: transactions, campaigns and their effect, fraud, use of the services."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa

from workbench.estates.sample import planted
from workbench.estates.sample.people import People
from workbench.estates.sample.window import Array, Block, Window, choose, segment_values
from workbench.estates.writing import pick

MERCHANTS = tuple(f"{category.title()} {house}" for category in planted.CATEGORIES
                  for house in ("Jade", "North", "Harbour", "Lotus"))  # fmt: skip
_CARD, _REFUNDABLE = planted.CHANNELS.index("card"), 1
_AMOUNT_BY_CATEGORY = np.array([0.8, 0.7, 0.4, 1.2, 2.2, 1.0, 1.1, 1.6, 2.4, 0.7])


@dataclass(frozen=True)
class Contacts:
    """Campaign contacts of one block: who, which campaign, in which month, which arm."""

    customer: Array
    campaign: Array
    month: Array
    treated: Array


def draw_contacts(
    block: Block, window: Window, people: People, marketing: tuple[Array, Array]
) -> Contacts:
    """Draw campaign contacts among the customers whose marketing consent holds that month."""
    dice = block.dice(4)
    given, withdrawn = marketing
    parts = []
    for code, months_before_end in enumerate(planted.CAMPAIGNS.values()):
        month = window.months - 1 - months_before_end
        drawn = dice.random(len(people)) < planted.CAMPAIGN_SHARE
        treated = dice.random(len(people)) >= planted.CONTROL_SHARE
        if month < 0:
            continue
        day = window.starts[month]
        consented = (given <= day) & ~(withdrawn <= window.starts[month + 1])
        who = np.flatnonzero(drawn & consented & (people.until > window.starts[month + 1]))
        parts.append((who, np.full(len(who), code), np.full(len(who), month), treated[who]))
    if not parts:
        nothing = np.array([], int)
        return Contacts(nothing, nothing, nothing, nothing.astype(bool))
    return Contacts(*(np.concatenate(column) for column in zip(*parts, strict=True)))


def contact_rows(
    block: Block, window: Window, people: People, contacts: Contacts, spend_cents: Array
) -> dict[str, Any]:
    """Return the rows of the campaign_contacts table."""
    dice = block.dice(5)
    segment = people.segment[contacts.customer]
    chance = planted.CONTROL_RESPONSE + contacts.treated * segment_values("response")[segment]
    return {
        "customer_id": people.of(contacts.customer),
        "campaign": pick(tuple(planted.CAMPAIGNS), contacts.campaign),
        "contacted_on": window.starts[contacts.month],
        "region": people.region_of(contacts.customer),
        "arm": pick(("control", "treated"), contacts.treated.astype(int)),
        "responded": dice.random(len(segment)) < chance,
        "spend_after": spend_cents[contacts.customer, contacts.month],
    }


@dataclass
class Bookings:
    """Transactions of one block before faults, as columns of equal length."""

    customer: Array
    day: Array
    category: Array
    channel: Array
    cents: Array
    refund: Array
    merchant: Array
    fraud: Array

    def take(self, rows: Array) -> Bookings:
        """Return these rows, in this order."""
        return Bookings(*(getattr(self, name)[rows] for name in self.__dataclass_fields__))


def draw_bookings(
    block: Block, window: Window, people: People, contacts: Contacts
) -> tuple[Bookings, Array]:
    """Draw the block's transactions, and every customer's spending a month in cents."""
    dice = block.dice(6)
    season = np.array([planted.SEASON.get(month.month, 1.0) for month in window.calendar])
    level = segment_values("transactions")[people.segment] * people.level * ~people.retired
    expected = level[:, None] * season[None, :]
    uplift = segment_values("uplift")[people.segment[contacts.customer]]
    expected[contacts.customer, contacts.month] *= 1 + contacts.treated * uplift
    counts = dice.poisson(expected)
    customer, month = (np.repeat(each.ravel(), counts.ravel()) for each in np.indices(counts.shape))
    day = window.starts[month] + (dice.random(len(month)) * window.days[month]).astype(int)
    kept = (day >= people.opened[customer]) & (day <= people.until[customer])
    customer, month, day = customer[kept], month[kept], day[kept]
    segment = people.segment[customer]
    category = choose(dice, segment_values("categories")[segment])
    trend = np.array(
        [
            (1 + planted.GROWTH_A_MONTH) ** place
            * (planted.BREAK_LEVEL if first >= planted.BREAK_MONTH else 1.0)
            for place, first in enumerate(window.calendar)
        ]
    )
    median = segment_values("amount")[segment] * people.purse[customer] * trend[month]
    drawn = (
        median
        * _AMOUNT_BY_CATEGORY[category]
        * np.exp(planted.AMOUNT_SPREAD * dice.standard_normal(len(day)))
    )
    cents = np.clip(
        np.rint(drawn * 100), planted.AMOUNT_LEAST_CNY * 100, planted.AMOUNT_MOST_CNY * 100
    )
    ordinary = Bookings(
        customer=customer,
        day=day,
        category=category,
        channel=choose(dice, segment_values("channels")[segment]),
        cents=cents.astype(np.int64),
        refund=dice.random(len(day)) < segment_values("refunds")[segment],
        merchant=category * 4 + dice.integers(0, 4, len(day)),
        fraud=np.zeros(len(day), bool),
    )
    spend = np.zeros(counts.shape, np.int64)
    np.add.at(spend, (customer, month), ordinary.cents * ~ordinary.refund)
    bursts = _bursts(block, window, people)
    both = Bookings(
        *(
            np.concatenate([getattr(ordinary, f), getattr(bursts, f)])
            for f in ordinary.__dataclass_fields__
        )
    )
    return both.take(np.lexsort((both.day, both.customer))), spend


def _bursts(block: Block, window: Window, people: People) -> Bookings:
    """Draw the fraud pattern: several round card payments at one merchant within two days."""
    dice = block.dice(7)
    n = len(people)
    start = window.start_day + dice.integers(
        0, int((window.end_day - window.start_day).astype(int)), n
    )
    open_then = (start >= people.opened) & (start + 1 <= people.until)
    victims = np.flatnonzero((dice.random(n) < planted.FRAUD_VICTIM_RATE) & open_then)
    low, high = planted.FRAUD_BURST
    customer = np.repeat(victims, dice.integers(low, high + 1, len(victims)))
    kinds = np.array([planted.CATEGORIES.index(name) for name in planted.FRAUD_CATEGORIES])
    category = kinds[dice.integers(0, len(kinds), n)][customer]
    least, most = planted.FRAUD_AMOUNT_HUNDREDS
    rows = len(customer)
    return Bookings(
        customer=customer,
        day=start[customer] + dice.integers(0, 2, rows),
        category=category,
        channel=np.full(rows, _CARD),
        cents=dice.integers(least, most + 1, rows) * 10_000,
        refund=np.zeros(rows, bool),
        merchant=category * 4 + 3,
        fraud=np.ones(rows, bool),
    )


def transaction_rows(
    block: Block, window: Window, people: People, bookings: Bookings, first_id: int
) -> tuple[dict[str, Any], dict[str, Any], int]:
    """Return the transactions with their planted faults, the fraud cases, and the next free id."""
    dice = block.dice(8)
    n = len(bookings.day)
    number = first_id + np.arange(n)
    alarm = (dice.random(n) < planted.FALSE_ALARM_RATE) & ~bookings.fraud
    cases = np.flatnonzero(bookings.fraud | alarm)
    lag = dice.integers(1, 15, len(cases))
    fraud_cases = {
        "customer_id": people.of(bookings.customer[cases]),
        "transaction_id": number[cases],
        "opened_on": np.minimum(bookings.day[cases] + lag, window.end_day),
        "outcome": pick(("cleared", "confirmed"), bookings.fraud[cases].astype(int)),
    }
    twice = (dice.random(n) < planted.DUPLICATE_RATE).astype(int)
    rows = np.repeat(np.arange(n), 1 + twice)
    booked, number = bookings.take(rows), number[rows]
    slip = dice.random(n) < planted.AMOUNT_SLIP_RATE
    missing = dice.random(n) < planted.NULL_AMOUNT_RATE
    wrong = dice.random(n) < planted.CATEGORY_FAULT_RATE
    wrong_code = len(planted.CATEGORIES) + dice.integers(0, len(planted.CATEGORY_FAULTS), n)
    category = np.where(wrong, wrong_code, bookings.category)[rows]
    orphan = np.flatnonzero((dice.random(n) < planted.ORPHAN_RATE)[rows])
    return (
        {
            "transaction_id": number,
            "customer_id": _with_orphans(people.of(booked.customer), orphan),
            "booked_on": booked.day,
            "region": people.region_of(booked.customer),
            "tier": pick(planted.TIERS, people.tier[booked.customer]),
            "category": pick(planted.CATEGORIES + planted.CATEGORY_FAULTS, category),
            "channel": pick(planted.CHANNELS, booked.channel),
            "amount": np.ma.masked_array(
                np.where(slip[rows], booked.cents * 100, booked.cents), missing[rows]
            ),
            "is_refund": booked.refund,
            "merchant": pick(MERCHANTS, booked.merchant),
        },
        fraud_cases,
        first_id + n,
    )


def _with_orphans(ids: pa.Array, orphan: Array) -> pa.Array:
    """Return ids where some rows name a customer whom no table knows: first digit 9."""
    texts = ids.to_pylist() if len(orphan) else []
    if not texts:
        return ids
    for row in orphan:
        texts[row] = "C-9" + texts[row][3:]
    return pa.array(texts)


def usage_rows(block: Block, window: Window, people: People) -> dict[str, Any]:
    """Return the rows of the service_usage table: one a customer and month of an open account."""
    dice = block.dice(9)
    starts, ends = window.starts[:-1], window.starts[1:]
    there = (
        (people.opened[:, None] < ends[None, :])
        & (people.until[:, None] >= starts[None, :])
        & ~people.retired[:, None]
    )
    customer, month = np.nonzero(there)
    segment = people.segment[customer]
    logins = dice.poisson(segment_values("logins")[segment] * people.level[customer])
    minutes = np.rint(logins * dice.gamma(6.0, 0.4, len(logins)))
    return {
        "customer_id": people.of(customer),
        "month": starts[month],
        "region": people.region_of(customer),
        "logins": np.minimum(logins, 200),
        "app_minutes": np.minimum(minutes, 2_000).astype(np.int64),
        "support_calls": np.minimum(dice.poisson(segment_values("support_calls")[segment]), 20),
    }
