"""What customers say: feedback scores, complaints and comments."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa

from workbench.estates.sample import planted
from workbench.estates.sample.people import People, segment_values
from workbench.estates.sample.window import Array, Block, Window
from workbench.estates.writing import pick

FEEDBACK_A_MONTH = 0.05
COMMENT_RATE = 0.45
COMPLAINT_RATE = 0.6  # of scores of 4 and less
FEE_DROP = 2.0  # points that feedback on fees loses from the trend break on

_PLEASED = {
    "app": "The app opens quickly now.",
    "branch": "柜台服务很热情。",
    "card": "Card arrived within two days.",
    "fees": "Clear list of fees.",
    "loan": "贷款审批很快。",
    "service": "Friendly answer on the phone.",
    "transfer": "Transfer arrived the same day.",
    "other": "一切都好。",
}
_ANNOYED = {
    "app": "The app signs me out all the time.",
    "branch": "排队时间太长。",
    "card": "Card was declined abroad.",
    "fees": "Fees went up without a word.",
    "loan": "Nobody explains why the loan was declined.",
    "service": "客服一直打不通。",
    "transfer": "Transfer took four days.",
    "other": "Please call me back.",
}


def feedback_rows(block: Block, window: Window, people: People) -> dict[str, Any]:
    """Return the rows of the feedback table, with phone numbers and old rows planted."""
    dice = block.dice(10)
    n = len(people)
    open_days = (
        np.minimum(people.until, window.end_day) - np.maximum(people.opened, window.start_day)
    ).astype(int)
    open_days = np.where(people.retired, 0, np.maximum(open_days, 0))
    counts = dice.poisson(FEEDBACK_A_MONTH * open_days / 30.44)
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
    mean = mean - FEE_DROP * (after_break & (topic == planted.TOPICS.index("fees")))
    score = np.clip(np.rint(mean + 2.0 * dice.standard_normal(rows)), 0, 10).astype(np.int64)
    complaint = (score <= 4) & (dice.random(rows) < COMPLAINT_RATE)
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
    written = dice.random(len(customer)) < COMMENT_RATE
    with_phone = dice.random(len(customer)) < planted.PHONE_IN_COMMENT_RATE
    texts: list[str | None] = []
    for row, who in enumerate(customer):
        if not written[row]:
            texts.append(None)
            continue
        name = planted.TOPICS[topic[row]]
        text = _ANNOYED[name] if score[row] <= 5 else _PLEASED[name]
        texts.append(f"{text} {people.phones[who]}" if with_phone[row] else text)
    return pa.array(texts, pa.string())
