"""What was spent, read from the sums every charge carries: a few entries of however long a ledger.

A charge is a spend, or a lost end that an officer acknowledged. The sums are in the hashed body of
the charge, so nothing beside the ledger can disagree with it.

A charge counts in the rolling year by the time it carries, which never falls from one to the next
but where an officer said that the clock had been ahead. What was spent until then keeps its times,
the late ones too, so nothing leaves the year by that word; and what was spent on months that had
not come counts in the month of the word as well.
"""

import datetime as dt
import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from decimal import Decimal
from fractions import Fraction
from typing import Any

from workbench.catalog import Limits
from workbench.documents import canonical
from workbench.errors import LedgerError
from workbench.periods import Period, ends_of
from workbench.privacy.accounting import Cost
from workbench.privacy.budget import YEAR, Series, Standing, free, of_year, paced_before
from workbench.store.logs.chain import Entry, Reader

SCHEMA = 2
DERIVED = 3  # schema of derived entries: since it, the ends of intervals are compared as well
CHARGES = ("spend", "acknowledged")
CLOCK = "clock"  # in the body of an officer's word that the clock is right
RAISED = (
    " The catalog's limits were raised since; they count once an officer says why: "
    "'workbench office acknowledge --reason … --role officer'."
)


def standing_of(read: Reader, period: str, now: dt.datetime, upto: int | None = None) -> Standing:
    """Return what was spent so far, or up to an entry, from the sums of a few entries."""
    lifetime = lifetime_of(read.last(*CHARGES, upto=upto))
    words = [
        each
        for each in read.entries("acknowledged", subject="acknowledged")
        if upto is None or each.seq <= upto
    ]
    mine = read.last("spend", ref=period, upto=upto)
    sums = mine.body["sums"] if mine else {"period": Cost().to_json(), "reports": {}}
    lost, ahead = Cost(), Cost()
    for each in words:
        if paced_before(period, each.at):
            lost += Cost.from_json(each.body["lost"])
        if CLOCK in each.body and period == f"{each.at:%Y-%m}":
            ahead = ahead.at_least(Cost.from_json(each.body[CLOCK]["spent"]))
    return Standing(
        lifetime,
        _of_year(read, now, [each.seq - 1 for each in words if CLOCK in each.body], upto)
        + of_year(read.last("spend", upto=upto), now),
        Cost.from_json(sums["period"]),
        {name: Cost.from_json(each) for name, each in sums["reports"].items()},
        lost + ahead,
    )


def _of_year(read: Reader, now: dt.datetime, ends: Sequence[int], upto: int | None) -> Cost:
    """Return what is in the rolling year; within each of the ledger's parts times never fall."""
    year, before, after = Cost(), Cost(), 0
    for end in (*ends, upto):
        spent = lifetime_of(read.last(*CHARGES, upto=end))
        old = read.last(*CHARGES, until=now - YEAR, upto=end, after=after)
        year += spent - (before if old is None else lifetime_of(old))
        before, after = spent, end or 0
    return year


def ahead_of(read: Reader, now: dt.datetime) -> Cost:
    """Return what was spent on months that have not come."""
    found = Cost()
    for period in read.refs("spend"):
        last = None if paced_before(period, now) else read.last("spend", ref=period)
        if last is not None:
            found += Cost.from_json(last.body["sums"]["period"])
    return found


def lifetime_of(entry: Entry | None) -> Cost:
    """Return everything spent up to a charge, it included; nothing before the first."""
    return Cost() if entry is None else Cost.from_json(entry.body["sums"]["lifetime"])


def in_force(
    read: Reader, limits: Limits, delta: Decimal, upto: int | None = None
) -> tuple[Limits, Decimal]:
    """Return the limits and delta that count: the catalog's, but where they were raised the old.

    Each charge carries what counted then; what is above it needs an officer's word first.
    """
    last = read.last(*CHARGES, upto=upto)
    known = None if last is None else last.body.get("limits")
    if known is None:  # nothing was spent yet, or by a version that did not note them
        return limits, delta
    least = {name: min(value, Decimal(known[name])) for name, value in limits}
    return Limits(**least), min(delta, Decimal(known["delta"]))


def limits_json(limits: Limits, delta: Decimal) -> dict[str, str]:
    """Return limits and delta as a charge carries them."""
    return {**{name: str(value) for name, value in limits}, "delta": str(delta)}


def in_order(read: Reader, now: dt.datetime) -> dt.datetime:
    """Return the time of a new charge: never before the last, or the rolling year would slip."""
    last = read.last(*CHARGES)
    return now if last is None else max(now, last.at)


def recomputed(entries: Sequence[Entry]) -> Cost:
    """Return what all entries charge together; refuse sums that were not right when written."""
    lifetime = Cost()
    periods: dict[str, Cost] = {}
    for entry in entries:
        if entry.kind not in CHARGES or entry.body.get("schema") != SCHEMA:
            continue
        body = entry.body
        if entry.kind == "spend":
            cost = replace(price_of(entry), pure_epsilon=None)
            period = periods.setdefault(body["period"], Cost()) + cost
            periods[body["period"]] = period
            right = Cost.from_json(body["sums"]["period"]) == period
        else:
            cost, right = Cost.from_json(body["lost"]), True
        lifetime += cost
        if not right or lifetime_of(entry) != lifetime:
            raise LedgerError(
                f"entry {entry.seq} of the ledger carries a wrong sum of what was spent. Restore "
                "it from the last backup with 'workbench store restore'."
            )
    return lifetime


Event = Mapping[str, Mapping[str, Any]]


@dataclass(frozen=True)
class Part:
    """What is paid for and stored by itself: one month of a question grouped by month, or all.

    Splitting by month costs the same noise as asking at once, and a month that was answered
    before costs nothing again. ``earlier`` returns what named the same question before names were
    read off expressions; None where no answer of then is surely one to this span.
    """

    period: str | None
    paced_by: str | None
    months: tuple[str, ...] | None
    canonical: Mapping[str, Any]
    earlier: Callable[[], Mapping[str, Any]] | None = field(default=None, compare=False)


@dataclass(frozen=True)
class Order:
    """One part of a question that is to be paid for, unless it was answered.

    Attributes
    ----------
    name : str
        What the analyst calls the answer.
    part : Part
    data_version : str
    cost : Cost
        What is offered for it.
    event : callable
        What is drawn at a price: mechanisms with all their parameters.
    series : Series or None
        Of what it is a month, where months share one price.
    """

    name: str
    part: Part
    data_version: str
    cost: Cost
    event: Callable[[Cost], Event]
    series: Series | None = None


@dataclass(frozen=True)
class Reservation:
    """An answer that is paid for and not drawn yet, or the answer that was already there.

    ``answer`` is its text; ``cost`` and ``event`` are what was booked: a draw takes its parameters
    from there alone.
    """

    seq: int
    identity: str
    answer: str | None
    cost: Cost
    event: Event

    @property
    def release_id(self) -> str:
        """Id of the answer that is paid for by it."""
        return f"r-{self.seq:06d}"


def identity_of(question: Mapping[str, Any], data_version: str) -> str:
    """Return the identity of an answer: what was asked of which data, by which mechanism."""
    return digest({"question": question, "data_version": data_version})


def digest(content: Mapping[str, Any]) -> str:
    """Return what stands for a content, whatever its order."""
    return hashlib.sha256(canonical(content).encode()).hexdigest()


def stored_answer(
    read: Reader, order: Order, canonical: Mapping[str, Any], earlier: bool = False
) -> Reservation | None:
    """Return the most exact answer to a question on the same data, if it is exact enough.

    One that was paid for and not drawn is taken up only where what would be drawn is what was
    booked, and no officer's word came since: a part that is lost may have held its answer.
    ``earlier``: where there is none, the newest one on data before it changed.
    """
    identity = identity_of(canonical, order.data_version)
    asked = read.entries("spend", subject=digest(canonical))
    spends = [(each, paid) for each in asked if (paid := drawn_at(each)).covers(order.cost)]
    same = [each for each in spends if each[0].body["identity"] == identity]
    for each, paid in sorted(same, key=lambda pair: (-pair[1].pico, -pair[1].delta, pair[0].seq)):
        answer = answer_to(read, identity, each.seq)
        if answer is not None:
            return Reservation(each.seq, identity, answer, price_of(each), {})
        word = read.last("acknowledged", subject="acknowledged")
        if word is not None and each.seq < word.seq:
            continue
        event = order.event(paid)
        # why: entries from before events were kept hold the price alone, which tells all of it
        if each.body.get("event", event) == event:
            return Reservation(each.seq, identity, None, price_of(each), event)
    for each, _ in reversed(spends) if earlier else ():
        answer = answer_to(read, each.body["identity"], each.seq)
        if answer is not None:
            return Reservation(each.seq, each.body["identity"], answer, price_of(each), {})
    return None


def order_answered(read: Reader, order: Order, earlier: bool = False) -> Reservation | None:
    """Return the answer to a part of a question as `stored_answer` does, by either of its names."""
    found = stored_answer(read, order, order.part.canonical, earlier)
    if found is not None or order.part.earlier is None or not named_by_sql(read):
        return found
    canonical = order.part.earlier()
    found = stored_answer(read, order, canonical, earlier)
    known = found and found.answer and _of_its_span(read, found, canonical["period"])
    return found if known else None


def named_by_sql(read: Reader) -> bool:
    """Return whether a ledger was begun when questions were known by the SQL of their conditions.

    One begun since holds no such name, and to write a question's SQL takes longer than to ask here.
    """
    first = read.last("spend", first=True)
    return first is not None and "identity" not in first.body["question"]


def _of_its_span(read: Reader, found: Reservation, span: Sequence[str] | None) -> bool:
    """Return whether an answer of before is to its whole span: a week was stored as its month.

    Months of one question were put together in the same moment, under the period that was asked.
    """
    if span is None or len(span[0]) != len("2026-09") or span[0] != span[1]:
        return True
    for answer in read.entries("answer", subject=found.identity):
        if answer.body["spend"] != found.seq:
            continue
        names = {answer.body["release"]}
        at = answer.at.isoformat(timespec="microseconds")
        for each in read.entries("derived", answer.seq, at=at):
            if names.isdisjoint(each.body["parents"]):
                continue
            made = json.loads(each.body["answer"])
            if made["mechanism"].get("kind") == "joined":
                return _holds(made, span[0])
            names.add(made["id"])  # the same under other labels
    return True


def _holds(joined: Mapping[str, Any], month: str) -> bool:
    """Return whether the period of an answer by month holds a month from end to end."""
    if joined["period"] is None:  # the last month ended where the catalog's bounds did
        months = next(each["values"] for each in joined["by"] if each["kind"] == "month")
        return bool(month != months[-1])
    asked, (first, last) = Period.parse(month), ends_of(joined["period"])
    return first.start <= asked.start and asked.end <= last.end


def price_of(spend: Entry) -> Cost:
    """Return what a spend charged."""
    return _cost(spend.body)


def drawn_at(spend: Entry) -> Cost:
    """Return the price at which a spend is drawn: what it charged, or its series did."""
    return _cost(spend.body.get("drawn_at", spend.body))


def charge_of(
    read: Reader, order: Order, last: Entry | None, at: dt.datetime | None
) -> tuple[Cost, Cost, Entry | None]:
    """Return what an order is charged, at which price it is drawn, and which entry paid for it."""
    if order.series is not None:
        before = order.series.paid_by(read, last, at)
        if before is not None and drawn_at(before).covers(order.cost):
            price = drawn_at(before)
            return free(price), price, before
    return order.cost, order.cost, None


def sums_json(standing: Standing, cost: Cost, report: str | None) -> dict[str, Any]:
    """Return the sums that a charge carries, itself included."""
    reports = dict(standing.reports)
    if report is not None:
        reports[report] = reports.get(report, Cost()) + cost
    return {
        "lifetime": (standing.lifetime + cost).to_json(),
        "period": (standing.period + cost).to_json(),
        "reports": {name: each.to_json() for name, each in reports.items()},
    }


def cost_json(cost: Cost) -> dict[str, Any]:
    """Return a cost as a spend's entry holds it."""
    pure = cost.pure_epsilon
    return {
        "pico_rho": cost.pico,
        "delta": str(cost.delta),
        "pure_epsilon": None if pure is None else str(pure),
        "gaussian": cost.gaussian,
    }


def _cost(body: Mapping[str, Any]) -> Cost:
    pure = body["pure_epsilon"]
    epsilon = None if pure is None else Fraction(pure)
    return Cost(body["pico_rho"], Fraction(body["delta"]), epsilon, body.get("gaussian", False))


def answer_to(read: Reader, identity: str, spend: int) -> str | None:
    """Return the text of the answer that a spend paid for, if it was stored."""
    for each in read.entries("answer", subject=identity):
        if each.body["spend"] == spend:
            return str(each.body["answer"])
    return None
