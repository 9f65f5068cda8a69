"""What customers do: transactions, campaigns, fraud, use of the services, what they say of them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa

from workbench.estates.sample import planted
from workbench.estates.sample.people import People
from workbench.estates.sample.planted import Array, choose, segment_values
from workbench.estates.writing import pick

MERCHANTS = [f"{each.title()} {house}" for each in planted.CATEGORIES for house in planted.HOUSES]
_CARD = planted.CHANNELS.index("card")


@dataclass(frozen=True)
class Contacts:
    """Campaign contacts of one block: who, which campaign, in which month, which arm."""

    customer: Array
    campaign: Array
    month: Array
    treated: Array


def draw_contacts(people: People, marketing: tuple[Array, Array]) -> Contacts:
    """Draw campaign contacts among the customers whose marketing consent holds that month."""
    dice, window = people.block.dice(4), people.window
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


def contact_rows(people: People, contacts: Contacts, spend_cents: Array) -> dict[str, Any]:
    """Return the rows of the campaign_contacts table."""
    dice, window = people.block.dice(5), people.window
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


def draw_bookings(people: People, contacts: Contacts) -> tuple[Bookings, Array]:
    """Draw the block's transactions, and every customer's spending a month in cents."""
    dice, window = people.block.dice(6), people.window
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
        * np.array(planted.CATEGORY_LEVELS)[category]
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
    bursts = _bursts(people)
    columns = zip(vars(ordinary).values(), vars(bursts).values(), strict=True)
    both = Bookings(*map(np.concatenate, columns))
    return both.take(np.lexsort((both.day, both.customer))), spend


def _bursts(people: People) -> Bookings:
    """Draw the fraud pattern: several round card payments at one merchant within two days."""
    dice, window = people.block.dice(7), people.window
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
    people: People, bookings: Bookings, numbers: dict[str, int]
) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return the transactions with their planted faults, and the fraud cases."""
    dice, window = people.block.dice(8), people.window
    n = len(bookings.day)
    number = numbers["transaction"] + np.arange(n)
    numbers["transaction"] += n
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
    )


def _with_orphans(ids: pa.Array, orphan: Array) -> pa.Array:
    """Return ids where some rows name a customer whom no table knows: first digit 9."""
    texts = ids.to_pylist() if len(orphan) else []
    if not texts:
        return ids
    for row in orphan:
        texts[row] = "C-9" + texts[row][3:]
    return pa.array(texts)


def usage_rows(people: People) -> dict[str, Any]:
    """Return the rows of the service_usage table: one a customer and month of an open account."""
    dice, window = people.block.dice(9), people.window
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


def feedback_rows(people: People) -> dict[str, Any]:
    """Return the rows of the feedback table, with phone numbers and old rows planted."""
    dice, window = people.block.dice(10), people.window
    n = len(people)
    open_days = (
        np.minimum(people.until, window.end_day) - np.maximum(people.opened, window.start_day)
    ).astype(int)
    open_days = np.where(people.retired, 0, np.maximum(open_days, 0))
    counts = dice.poisson(planted.FEEDBACK_A_MONTH * open_days / 30.44)
    customer = np.repeat(np.arange(n), counts)
    day = np.maximum(people.opened, window.start_day)[customer]
    day = day + (dice.random(len(customer)) * open_days[customer]).astype(int)
    old_day = window.end_day - (dice.integers(50, 60, n) * 30.44).astype(int)
    old = np.flatnonzero((dice.random(n) < planted.FEEDBACK_PAST_RETENTION_RATE) & ~people.retired)
    old = old[people.opened[old] <= old_day[old]]
    customer, day = np.concatenate([customer, old]), np.concatenate([day, old_day[old]])
    order = np.lexsort((day, customer))
    customer, day = customer[order], day[order]
    rows = len(customer)
    topic = dice.integers(0, len(planted.TOPICS), rows)
    mean = segment_values("score")[people.segment[customer]]
    after_break = day >= np.datetime64(planted.BREAK_MONTH)
    mean = mean - planted.FEE_DROP * (after_break & (topic == planted.TOPICS.index("fees")))
    score = np.clip(np.rint(mean + 2.0 * dice.standard_normal(rows)), 0, 10).astype(np.int64)
    complaint = (score <= 4) & (dice.random(rows) < planted.COMPLAINT_RATE)
    return {
        "customer_id": people.of(customer),
        "given_on": day,
        "region": people.region_of(customer),
        "topic": pick(planted.TOPICS, topic),
        "score": score,
        "is_complaint": complaint,
        "comment": _comments(dice, people, customer, topic, score),
    }


def _comments(
    dice: np.random.Generator, people: People, customer: Array, topic: Array, score: Array
) -> pa.Array:
    written = dice.random(len(customer)) < planted.COMMENT_RATE
    with_phone = dice.random(len(customer)) < planted.PHONE_IN_COMMENT_RATE
    texts: list[str | None] = []
    for row, who in enumerate(customer):
        text = (planted.ANNOYED if score[row] <= 5 else planted.PLEASED)[topic[row]]
        text += f" {people.phones[who]}" if with_phone[row] else ""
        texts.append(text if written[row] else None)
    return pa.array(texts, pa.string())
