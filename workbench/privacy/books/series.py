"""A series that costs once: a customer is in one of its months, so its months share one price.

Months are disjoint only while they are told by the same rows. So each entry of a series holds which
months were drawn, and the version of every month's rows that told them apart. A month is free while
the rows up to it, or up to the last month drawn, are what they were, and it was not drawn before;
else the series is paid anew, and begins anew.

What was drawn for nothing within the last year counts in it with the series' price, also once the
charge itself is older: the sums of every spend name the series that are not over by that.
"""

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from workbench.privacy.accounting import Cost
from workbench.privacy.budget import YEAR
from workbench.store.logs.chain import Entry, Reader

Open = dict[str, dict[str, Any]]  # by the number of the entry that paid


@dataclass(frozen=True)
class Series:
    """One month of a series.

    Attributes
    ----------
    identity : str
        Of the series: its question, whatever the month.
    month : str
    rows : mapping of str to str
        Version of the rows of each month up to it, where there are any; under "" of whatever else
        tells who is in it.
    """

    identity: str
    month: str
    rows: Mapping[str, str]

    def follows(self, drawn: Mapping[str, Any]) -> bool:
        """Return whether no customer of this month can be in one that was drawn."""
        months = drawn["months"]
        last = min(self.month, max(months))
        mine, theirs = (
            {month: version for month, version in rows.items() if month <= last}
            for rows in (self.rows, drawn["rows"])
        )
        return self.month not in months and mine == theirs


def open_series(last: Entry | None, at: dt.datetime | None) -> Open:
    """Return the series that a spend's sums name; at a time, of those drawn from within a year."""
    known: Open = {} if last is None else last.body["sums"].get("series", {})
    return {
        paid: each
        for paid, each in known.items()
        if at is None or dt.datetime.fromisoformat(each["drawn"]) > at - YEAR
    }


def paid_for(
    read: Reader, last: Entry | None, series: Series, at: dt.datetime | None
) -> Entry | None:
    """Return the newest entry of a series that pays for a month of it, if there is one.

    Parameters
    ----------
    last : Entry or None
        The ledger's last charge. No series goes on that was drawn of before an officer's word, for
        what was drawn in a part that is lost nobody knows.
    """
    word = read.last("acknowledged", subject="acknowledged")
    for each in reversed(open_series(last, at).values()):
        mine = each["of"] == series.identity and (word is None or each["entry"] > word.seq)
        entry = read.entry(each["entry"]) if mine else None
        if entry is not None and series.follows(entry.body["series"]):
            return entry
    return None


def drawn_with(series: Series, before: Entry | None, seq: int) -> dict[str, Any]:
    """Return what the entry ``seq`` holds of its series: the months drawn, told by which rows."""
    begun: dict[str, Any] = {"paid": seq, "months": [], "rows": {}}
    known = begun if before is None else before.body["series"]
    months = sorted([*known["months"], series.month])
    rows = series.rows if series.month == months[-1] else known["rows"]
    return {"paid": known["paid"], "months": months, "rows": dict(rows)}


def still_open(
    known: Open, series: Series, drawn: Mapping[str, Any], price: Cost, seq: int, at: dt.datetime
) -> Open:
    """Return the open series once the entry ``seq`` drew a month of one."""
    paid = str(drawn["paid"])
    since = known[paid]["since"] if paid in known else at.isoformat()
    mine = {"of": series.identity, "entry": seq, "since": since, "drawn": at.isoformat()}
    return {**known, paid: {**mine, "price": price.to_json()}}


def of_year(last: Entry | None, now: dt.datetime) -> Cost:
    """Return the prices of series drawn from within the year whose charge is no longer in it."""
    prices = (
        Cost.from_json(each["price"])
        for each in open_series(last, now).values()
        if dt.datetime.fromisoformat(each["since"]) <= now - YEAR
    )
    return sum(prices, start=Cost())


def free(cost: Cost) -> Cost:
    """Return what a month costs that its series paid for."""
    return replace(cost, pico=0, delta=cost.delta * 0, pure_epsilon=None)
