"""The limits of one body of customers, and how far each is used: sums in, lines out.

A period's limit paces, a report's share divides, the rolling year and the lifetime protect. None is
ever refreshed: what was spent stays spent, and the year rolls over 366 days by the ledger's own
times.
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from fractions import Fraction
from typing import Any

from workbench.catalog import Limits
from workbench.privacy.accounting import Price, epsilon_of, pico_of

YEAR = dt.timedelta(days=366)
_MONTH = re.compile(r"\d{4}-\d{2}")


@dataclass(frozen=True)
class Spent:
    """A sum of costs: pico-rho, and the answers' own probabilities to fail; both exact."""

    pico: int = 0
    delta: Fraction = Fraction(0)

    def __add__(self, other: Spent | Price) -> Spent:
        return Spent(self.pico + other.pico, self.delta + other.delta)

    def __sub__(self, other: Spent) -> Spent:
        return Spent(self.pico - other.pico, self.delta - other.delta)

    def to_json(self) -> dict[str, Any]:
        """Return it as a ledger entry holds it."""
        return {"pico": self.pico, "delta": str(self.delta)}

    @classmethod
    def from_json(cls, content: Mapping[str, Any]) -> Spent:
        """Rebuild it from what an entry holds."""
        return cls(int(content["pico"]), Fraction(content["delta"]))

    def at_least(self, other: Spent) -> Spent:
        """Return the larger of the two, part by part."""
        return Spent(max(self.pico, other.pico), max(self.delta, other.delta))


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
    """

    scope: str
    limit: float
    limit_pico: int
    spent_pico: int
    delta: float
    own_delta: float = 0.0

    @property
    def spent(self) -> float:
        """What is used, as epsilon at the ledger's delta."""
        return epsilon_of(self.spent_pico, self.delta - self.own_delta)

    @property
    def left(self) -> float:
        """What one single answer could still cost, as epsilon; epsilons do not add up, rho does."""
        return epsilon_of(self.left_pico, self.delta)

    @property
    def left_pico(self) -> int:
        """What is left, exactly."""
        return max(0, self.limit_pico - self.spent_pico)

    def covers(self, cost: Price) -> bool:
        """Return whether a cost still fits."""
        return self.spent_pico + cost.pico <= self.limit_pico


@dataclass(frozen=True)
class Standing:
    """What was spent so far, by everything a limit may look at.

    ``lost`` is what a lost end of the ledger may have spent on this period and on any report: it
    is in ``year`` and ``lifetime`` already, and counts in full for each of the others.
    """

    lifetime: Spent = Spent()
    year: Spent = Spent()
    period: Spent = Spent()
    reports: Mapping[str, Spent] = field(default_factory=dict)
    lost: Spent = Spent()

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
            mine = self.reports.get(share.report, Spent()) + self.lost
            wanted.insert(0, (f"report {share.report} {period}", share.epsilon, mine))
        found = []
        for scope, limit, spent in wanted:
            # why: failure probabilities of single answers are taken out of the shared delta first
            rest = float(Fraction(delta) - spent.delta - extra_delta)
            limit_pico = pico_of(limit, rest) if rest > 0 else 0
            found.append(
                Line(scope, float(limit), limit_pico, spent.pico, float(delta), float(spent.delta))
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


def refusal(line: Line, cost: Price, label: str, name: str) -> str:
    """Return what a caller is told when a limit does not cover a cost."""
    return (
        f"{label} needs epsilon {epsilon_of(cost.pico, line.delta):.2f} for '{name}'; "
        f"{line.left:.2f} of {line.limit:.2f} is left for {line.scope}. Group by fewer columns "
        "and ask at a smaller epsilon, or reuse an answer that is already paid for "
        "('workbench office budget' lists them)."
    )
