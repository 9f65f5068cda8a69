"""What was spent, read from the sums every charge carries: a few entries of however long a ledger.

A charge is a spend, or a lost end that an officer acknowledged. The sums are in the hashed body of
the charge, so nothing beside the ledger can disagree with it.

A charge counts in the rolling year by the time it carries, which never falls from one to the next
but where an officer said that the clock had been ahead. What was spent until then keeps its times,
the late ones too, so nothing leaves the year by that word; and what was spent on months that had
not come counts in the month of the word as well.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from decimal import Decimal
from fractions import Fraction

from workbench.catalog import Limits
from workbench.errors import LedgerError
from workbench.privacy.budget import YEAR, Spent, Standing, paced_before
from workbench.store.chain import Entry, Reader

SCHEMA = 2
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
    sums = mine.body["sums"] if mine else {"period": Spent().to_json(), "reports": {}}
    lost, ahead = Spent(), Spent()
    for each in words:
        if paced_before(period, each.at):
            lost += Spent.from_json(each.body["lost"])
        if CLOCK in each.body and period == f"{each.at:%Y-%m}":
            ahead = ahead.at_least(Spent.from_json(each.body[CLOCK]["spent"]))
    return Standing(
        lifetime,
        _of_year(read, now, [each.seq - 1 for each in words if CLOCK in each.body], upto),
        Spent.from_json(sums["period"]),
        {name: Spent.from_json(each) for name, each in sums["reports"].items()},
        lost + ahead,
    )


def _of_year(read: Reader, now: dt.datetime, ends: Sequence[int], upto: int | None) -> Spent:
    """Return what is in the rolling year; within each of the ledger's parts times never fall."""
    year, before, after = Spent(), Spent(), 0
    for end in (*ends, upto):
        spent = lifetime_of(read.last(*CHARGES, upto=end))
        old = read.last(*CHARGES, until=now - YEAR, upto=end, after=after)
        year += spent - (before if old is None else lifetime_of(old))
        before, after = spent, end or 0
    return year


def ahead_of(read: Reader, now: dt.datetime) -> Spent:
    """Return what was spent on months that have not come."""
    found = Spent()
    for period in read.refs("spend"):
        last = None if paced_before(period, now) else read.last("spend", ref=period)
        if last is not None:
            found += Spent.from_json(last.body["sums"]["period"])
    return found


def lifetime_of(entry: Entry | None) -> Spent:
    """Return everything spent up to a charge, it included; nothing before the first."""
    return Spent() if entry is None else Spent.from_json(entry.body["sums"]["lifetime"])


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


def charge_upto(read: Reader, seq: int) -> Entry | None:
    """Return the last charge up to an entry."""
    return read.last(*CHARGES, upto=seq)


def in_order(read: Reader, now: dt.datetime) -> dt.datetime:
    """Return the time of a new charge: never before the last, or the rolling year would slip."""
    last = read.last(*CHARGES)
    return now if last is None else max(now, last.at)


def recomputed(entries: Sequence[Entry]) -> Spent:
    """Return what all entries charge together; refuse sums that were not right when written."""
    lifetime = Spent()
    periods: dict[str, Spent] = {}
    for entry in entries:
        if entry.kind not in CHARGES or entry.body.get("schema") != SCHEMA:
            continue
        body = entry.body
        if entry.kind == "spend":
            cost = Spent(body["pico_rho"], Fraction(body["delta"]))
            period = periods.setdefault(body["period"], Spent()) + cost
            periods[body["period"]] = period
            right = Spent.from_json(body["sums"]["period"]) == period
        else:
            cost, right = Spent.from_json(body["lost"]), True
        lifetime += cost
        if not right or lifetime_of(entry) != lifetime:
            raise LedgerError(
                f"entry {entry.seq} of the ledger carries a wrong sum of what was spent. Restore "
                "it from the last backup with 'workbench store restore'."
            )
    return lifetime
