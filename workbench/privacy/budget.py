"""The limits of one body of customers, and how far each is used: sums in, lines out.

A period's limit paces, a report's share divides, the rolling year and the lifetime protect. None is
ever refreshed: what was spent stays spent, and the year rolls over 366 days by the ledger's own
times.
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from decimal import Decimal
from fractions import Fraction
from typing import TYPE_CHECKING, Any

from workbench.catalog import Limits
from workbench.privacy.accounting import Cost, epsilon_of, pico_of
from workbench.store.logs.chain import Entry, Reader

if TYPE_CHECKING:
    from workbench.privacy.books.ledger import Ledger
    from workbench.privacy.planning import PlannedAnswer


YEAR = dt.timedelta(days=366)
NOTHING = Cost()
_MONTH = re.compile(r"\d{4}-\d{2}")


@dataclass(frozen=True)
class Share:
    """A report's own limit within one period, in epsilon at the ledger's delta."""

    report: str
    epsilon: Decimal


@dataclass(frozen=True)
class Line:
    """One limit and how far it is used.

    Attributes
    ----------
    scope : str
        ``2026-09``, ``rolling year``, ``lifetime``, or ``report NAME 2026-09``.
    limit : float
        Epsilon at the ledger's delta.
    limit_pico, spent_pico : int
        Exact pico-rho, which decide.
    delta, own_delta : float
        The ledger's delta, and how much of it single answers used up.
    gaussian : bool
        Whether all answers are Gaussian; else, in a ledger of before, zCDP.
    """

    scope: str
    limit: float
    limit_pico: int
    spent_pico: int
    delta: float
    own_delta: float = 0.0
    gaussian: bool = True

    @property
    def spent(self) -> float:
        """What is used, as epsilon at the ledger's delta."""
        return epsilon_of(self.spent_pico, self.delta - self.own_delta, self.gaussian)

    @property
    def left(self) -> float:
        """What one single answer could still cost, as epsilon; epsilons do not add up, rho does."""
        return epsilon_of(self.left_pico, self.delta, self.gaussian)

    @property
    def left_pico(self) -> int:
        """What is left, exactly."""
        return max(0, self.limit_pico - self.spent_pico)

    def covers(self, cost: Cost) -> bool:
        """Return whether a cost still fits."""
        return self.spent_pico + cost.pico <= self.limit_pico


@dataclass(frozen=True)
class Standing:
    """What was spent so far, by everything a limit may look at.

    ``lost`` is what a lost end of the ledger may have spent on this period and on any report: it
    is in ``year`` and ``lifetime`` already, and counts in full for each of the others.
    """

    lifetime: Cost = NOTHING
    year: Cost = NOTHING
    period: Cost = NOTHING
    reports: Mapping[str, Cost] = field(default_factory=dict)
    lost: Cost = NOTHING

    def lines(
        self,
        limits: Limits,
        delta: Decimal,
        period: str,
        share: Share | None = None,
        extra_delta: Fraction = Fraction(0),
    ) -> tuple[Line, ...]:
        """Return every limit a question about ``period`` meets, tightest scope first.

        Parameters
        ----------
        extra_delta : Fraction
            Own delta of the question that is about to be asked.
        """
        wanted = [
            (period, limits.month, self.period + self.lost),
            ("rolling year", limits.year, self.year),
            ("lifetime", limits.lifetime, self.lifetime),
        ]
        if share is not None:
            mine = self.reports.get(share.report, Cost()) + self.lost
            wanted.insert(0, (f"report {share.report} {period}", share.epsilon, mine))
        found, known = [], self.lifetime.gaussian
        for scope, limit, spent in wanted:
            # why: failure probabilities of single answers are taken out of the shared delta first
            rest = float(Fraction(delta) - spent.delta - extra_delta)
            limit_pico = pico_of(limit, rest, known) if rest > 0 else 0
            found.append(
                Line(
                    scope,
                    float(limit),
                    limit_pico,
                    spent.pico,
                    float(delta),
                    float(spent.delta),
                    known,
                )
            )
        return tuple(found)


def paced_before(period: str, at: dt.datetime) -> bool:
    """Return whether something paid at a time may have been about a period: none is of the future.

    Examples
    --------
    >>> paced_before("2026-09", dt.datetime(2026, 10, 2)), paced_before(
    ...     "2026-11", dt.datetime(2026, 10, 2)
    ... )
    (True, False)
    """
    # why a day more: where days begin earlier than the ledger's, the month may have begun
    return not _MONTH.fullmatch(period) or period <= f"{at + dt.timedelta(days=1):%Y-%m}"


def refusal(line: Line, cost: Cost, label: str, name: str) -> str:
    """Return what a caller is told when a limit does not cover a cost."""
    needed = epsilon_of(cost.pico, line.delta, line.gaussian)
    return (
        f"{label} needs epsilon {needed:.2f} for '{name}'; "
        f"{line.left:.2f} of {line.limit:.2f} is left for {line.scope}. Group by fewer columns "
        "and ask at a smaller epsilon, or reuse an answer that is already paid for "
        "('workbench office budget' lists them)."
    )


_HUNDREDTHS = 100


@dataclass(frozen=True)
class Need:
    """What is yet to be paid for one report.

    Attributes
    ----------
    share : Share
        The report's own share of a period.
    periods : mapping of str to Cost
        By the period that paces it.
    anywhere : Cost
        What may be of any period: at most so much together.
    """

    share: Share
    periods: Mapping[str, Cost] = field(default_factory=dict)
    anywhere: Cost = field(default_factory=Cost)

    def of(self, period: str) -> Cost:
        """Return the most it may cost of one period."""
        return self.periods.get(period, Cost()) + self.anywhere

    @property
    def whole(self) -> Cost:
        """What it may cost in all."""
        return sum(self.periods.values(), start=self.anywhere)


@dataclass(frozen=True)
class Short:
    """A limit that does not cover what is needed.

    Attributes
    ----------
    line : Line
        As it stands.
    pico : int
        What is needed within it, in pico-rho.
    """

    line: Line
    pico: int

    @property
    def epsilon(self) -> float:
        """What is needed, as the epsilon of one answer that costs as much."""
        return epsilon_of(self.pico, self.line.delta, self.line.gaussian)

    @property
    def enough(self) -> float:
        """The smallest limit that would do, in hundredths of epsilon."""
        rest = self.line.delta - self.line.own_delta
        whole = epsilon_of(self.line.spent_pico + self.pico, rest, self.line.gaussian)
        return int(whole * _HUNDREDTHS + 1) / _HUNDREDTHS


def need_of(share: Share, answers: Iterable[PlannedAnswer]) -> Need:
    """Return what the answers of a plan cost, asked in order: the same part is paid once."""
    paid: dict[str, list[Cost]] = {}
    periods: dict[str, Cost] = {}
    for identity, period, cost in (part for answer in answers for part in answer.unpaid):
        before = paid.setdefault(identity, [])
        if not any(each.covers(cost) for each in before):
            before.append(cost)
            periods[period] = periods.get(period, Cost()) + cost
    return Need(share, periods)


def shortfalls(
    ledger: Ledger, need: Need, now: dt.datetime, others: Sequence[Need] = ()
) -> tuple[Short, ...]:
    """Return every limit that does not cover what is needed, the tightest scope first.

    Parameters
    ----------
    ledger : Ledger
    need : Need
    now : datetime
    others : sequence of Need
        What else is about to be paid, by editions that are being made.
    """
    periods = set(need.periods)
    if need.anywhere.pico:
        # why two more: months that nothing was spent on stand alike, but for a lost end, which
        # counts in full for every month before it
        periods |= {*ledger.periods(), f"{now:%Y-%m}", "0001-01"}
    mates = [each for each in others if each.share.report == need.share.report]
    found: dict[str, Short] = {}
    limits, delta = ledger.in_force()
    for period, standing in ledger.standings(sorted(periods), now).items():
        before = standing.lines(limits, delta, period, need.share)
        whole = _sum(each.whole for each in (need, *others))
        reports = dict(standing.reports)
        mine = reports.get(need.share.report, Cost())
        reports[need.share.report] = mine + _sum(each.of(period) for each in (need, *mates))
        after = replace(
            standing,
            lifetime=standing.lifetime + whole,
            year=standing.year + whole,
            period=standing.period + _sum(each.of(period) for each in (need, *others)),
            reports=reports,
        ).lines(limits, delta, period, need.share)
        costs = (need.of(period), need.of(period), need.whole, need.whole)
        for was, then, cost in zip(before, after, costs, strict=True):
            if then.spent_pico > then.limit_pico:
                found.setdefault(was.scope, Short(was, cost.pico))
    return tuple(found.values())


def _sum(costs: Iterable[Cost]) -> Cost:
    return sum(costs, start=Cost())


# ---------------------------------------------------------------------- series that cost once
# A customer is in one of a series' months, so its months share one price. They are disjoint only
# while they are told by the same rows. So each entry of a series holds which months were drawn, and
# the version of every month's rows that told them apart. A month is free while the rows up to it,
# or up to the last month drawn, are what they were, and it was not drawn before; else the series is
# paid anew, and begins anew.
#
# What was drawn for nothing within the last year counts in it with the series' price, also once the
# charge itself is older: the sums of every spend name the series that are not over by that.


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

    def paid_by(self, read: Reader, last: Entry | None, at: dt.datetime | None) -> Entry | None:
        """Return the newest entry of the series that pays for this month, if there is one.

        Parameters
        ----------
        last : Entry or None
            The ledger's last charge. No series goes on that was drawn of before an officer's word,
            for what was drawn in a part that is lost nobody knows.
        """
        word = read.last("acknowledged", subject="acknowledged")
        for each in reversed(open_series(last, at).values()):
            mine = each["of"] == self.identity and (word is None or each["entry"] > word.seq)
            entry = read.entry(each["entry"]) if mine else None
            if entry is not None and self.follows(entry.body["series"]):
                return entry
        return None

    def drawn_with(self, before: Entry | None, seq: int) -> dict[str, Any]:
        """Return what the entry ``seq`` holds of the series: its months, and told by which rows."""
        begun: dict[str, Any] = {"paid": seq, "months": [], "rows": {}}
        known = begun if before is None else before.body["series"]
        months = sorted([*known["months"], self.month])
        rows = self.rows if self.month == months[-1] else known["rows"]
        return {"paid": known["paid"], "months": months, "rows": dict(rows)}

    def still_open(
        self, known: Open, drawn: Mapping[str, Any], price: Cost, seq: int, at: dt.datetime
    ) -> Open:
        """Return the open series once the entry ``seq`` drew this month."""
        paid = str(drawn["paid"])
        since = known[paid]["since"] if paid in known else at.isoformat()
        mine = {"of": self.identity, "entry": seq, "since": since, "drawn": at.isoformat()}
        return {**known, paid: {**mine, "price": price.to_json()}}


def open_series(last: Entry | None, at: dt.datetime | None) -> Open:
    """Return the series that a spend's sums name; at a time, of those drawn from within a year."""
    known: Open = {} if last is None else last.body["sums"].get("series", {})
    return {
        paid: each
        for paid, each in known.items()
        if at is None or dt.datetime.fromisoformat(each["drawn"]) > at - YEAR
    }


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
