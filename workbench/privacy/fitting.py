"""Whether everything that is yet to be asked fits the limits together, before any of it is paid.

A ledger refuses one question at a time, so the last of several may be refused after the others
were paid for. Here all of them are added to what was spent, exactly, and compared with each limit.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from fractions import Fraction

from workbench.privacy.accounting import epsilon_of
from workbench.privacy.budget import Line, Share, Spent
from workbench.privacy.ledger import Ledger
from workbench.privacy.planning import PlannedAnswer

_HUNDREDTHS = 100


@dataclass(frozen=True)
class Need:
    """What is yet to be paid for one report.

    Attributes
    ----------
    share : Share
        The report's own share of a period.
    periods : mapping of str to Spent
        By the period that paces it.
    anywhere : Spent
        What may be of any period: at most so much together.
    """

    share: Share
    periods: Mapping[str, Spent] = field(default_factory=dict)
    anywhere: Spent = field(default_factory=Spent)

    def of(self, period: str) -> Spent:
        """Return the most it may cost of one period."""
        return self.periods.get(period, Spent()) + self.anywhere

    @property
    def whole(self) -> Spent:
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
        return epsilon_of(self.pico, self.line.delta)

    @property
    def enough(self) -> float:
        """The smallest limit that would do, in hundredths of epsilon."""
        whole = epsilon_of(self.line.spent_pico + self.pico, self.line.delta - self.line.own_delta)
        return int(whole * _HUNDREDTHS + 1) / _HUNDREDTHS


def need_of(share: Share, answers: Iterable[PlannedAnswer]) -> Need:
    """Return what the answers of a plan cost, asked in order: the same part is paid once."""
    paid: dict[str, list[Spent]] = {}
    periods: dict[str, Spent] = {}
    for each in (part for answer in answers for part in answer.unpaid):
        cost, before = Spent(each.pico, Fraction(each.delta)), paid.setdefault(each.identity, [])
        if not any(b.pico >= cost.pico and b.delta >= cost.delta for b in before):
            before.append(cost)
            periods[each.period] = periods.get(each.period, Spent()) + cost
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
        mine = reports.get(need.share.report, Spent())
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


def _sum(costs: Iterable[Spent]) -> Spent:
    return sum(costs, start=Spent())
