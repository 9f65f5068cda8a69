"""What customers say: feedback scores, complaints and comments."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa

from workbench.estates.sample import planted
from workbench.estates.sample.people import People
from workbench.estates.sample.window import Array, Block, Window, segment_values
from workbench.estates.writing import pick


def feedback_rows(block: Block, window: Window, people: People) -> dict[str, Any]:
    """Return the rows of the feedback table, with phone numbers and old rows planted."""
    dice = block.dice(10)
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
