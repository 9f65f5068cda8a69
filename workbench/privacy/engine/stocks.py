"""Stocks by month: who stays from when and how long, what is measured of it, and decoding it.

A customer in a stock for one stay changes it twice, however many months they stay. So what is
measured is not the stock but joins less leaves, each weighted by the square root of "all up to
now": the Toeplitz matrix ``C`` of the coefficients ``binom(2k, k)/4^k`` of ``1/sqrt(1 - x)``, whose
square adds months up (Fichtenberger, Henzinger & Upadhyay 2023; Jain et al. 2023, arXiv
2306.06723). A customer moves it by little, and the stock is ``C`` of what is measured, which
spreads the noise as little.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from math import comb, sqrt
from typing import TYPE_CHECKING, Any

from workbench.errors import QuestionRefused
from workbench.periods import Period, months_between
from workbench.privacy.columns import cells
from workbench.privacy.engine.answering import Figures, add, figure
from workbench.privacy.engine.bounding import LATTICE, rows_sql
from workbench.privacy.grouping.codes import PairCode

if TYPE_CHECKING:
    from workbench.privacy.groups import Group
    from workbench.privacy.query import Query
    from workbench.privacy.question import Question

MONTHS_AT_MOST = 120


@dataclass(frozen=True)
class Stocks:
    """The months of a series of stocks, fixed when it begins.

    Attributes
    ----------
    months : tuple of str
        Its horizon, also those that have not come.
    """

    months: tuple[str, ...]

    @property
    def told(self) -> dict[str, object]:
        """What it adds to a question's identity and to what is booked."""
        return {"changes": 2, "horizon": [self.months[0], self.months[-1]]}

    def norm_squared(self, lattice: int) -> int:
        """Return the squared L2 norm of the longest stay: what one customer moves all months by."""
        return _longest(len(self.months), lattice)


@lru_cache(maxsize=64)
def coefficients(months: int, lattice: int) -> tuple[int, ...]:
    """Return the weight of a change so many months later, in whole steps of the lattice.

    Examples
    --------
    >>> coefficients(4, 16)
    (16, 8, 6, 5)
    """
    return tuple(
        (2 * comb(2 * k, k) * lattice + 4**k) // (2 * 4**k) for k in range(months)
    )  # rounded half up


@lru_cache(maxsize=64)
def decoding(months: int, lattice: int) -> tuple[float, ...]:
    """Return by how much each earlier measurement counts in a stock: exactly, but for floats.

    The power series of all up to now, ``1/(1 - x)``, over that of the rounded weights.
    """
    weights = [each / lattice for each in coefficients(months, lattice)]
    found: list[float] = []
    for k in range(months):
        found.append(1.0 - sum(weights[k - i] * found[i] for i in range(k)))
    return tuple(found)


@lru_cache(maxsize=64)
def _longest(months: int, lattice: int) -> int:
    weights = coefficients(months, lattice)
    longest = sum(each * each for each in weights)  # joined in the first month, never left
    for stay in range(1, months):
        left = [0] * stay + list(weights[: months - stay])
        # why from the first month on: a later stay has a part of the same sum
        longest = max(longest, sum((a - b) ** 2 for a, b in zip(weights, left, strict=True)))
    return longest


def stocks_of(
    query: Query, groups: Sequence[Group], axis: int | None, period: Period | None, pure: bool
) -> Stocks | None:
    """Return the months of a series of stocks; None where none is asked for.

    Raises
    ------
    QuestionRefused
        What is asked of it has no such series.
    """
    if query.changes is None:
        if query.until is not None:
            raise QuestionRefused("until= is the last month of a series: give changes=2 with it.")
        return None
    if query.changes != 2:
        raise QuestionRefused(
            f"changes=2 is a customer who joins once and leaves once; {query.changes!r} is not "
            "measured so. Ask by month without it."
        )
    plain = all(each.kind == "customers" for each in query.asks)
    others = [each for i, each in enumerate(groups) if i != axis]
    paired = any(isinstance(each.code, PairCode) for each in others)
    if axis is None or not plain or query.once or pure or paired or len(others) > 1:
        raise QuestionRefused(
            "changes=2 counts customers by month, in one further group of declared values at most: "
            "ask .customers() by 'month' or by ['month', 'grade'], without once, together or pure."
        )
    asked = [str(each) for each in groups[axis].dimension.values]
    whole = period is not None and period.start.day == period.end.day == 1
    if not whole or period is None:
        raise QuestionRefused(
            "changes=2 begins with the first month of its period: give period=('2026-01', "
            "'2026-09'), of whole months."
        )
    last = asked[-1] if query.until is None else Period.parse(query.until).months()[-1]
    months = months_between(period.start, Period.parse(last).end)
    if last < asked[-1] or len(months) > MONTHS_AT_MOST:
        raise QuestionRefused(
            f"a series of stocks goes from {asked[0]} over {asked[-1]} until its last month, "
            f"{MONTHS_AT_MOST} months at most, not until {last}."
        )
    return Stocks(months)


def stays_sql(question: Question) -> str:
    """Return the SQL of ``month, cell, months, customers``: first stays, and how long they were.

    A customer joins the first cell of their first month and leaves in the first month without a
    row in that cell; nothing after counts. So rows of later months move nothing before them.
    """
    size = question.size
    return f"""
        WITH rows_ AS ({rows_sql(question)}),
        seen AS (SELECT DISTINCT k, c FROM rows_ WHERE c IS NOT NULL),
        joins AS (SELECT k, min(c) AS c FROM seen GROUP BY k),
        months AS (
            SELECT joins.k, joins.c, (seen.c - joins.c) // {size} AS after,
                row_number() OVER (PARTITION BY joins.k ORDER BY seen.c) - 1 AS place
            FROM seen JOIN joins
            ON seen.k IS NOT DISTINCT FROM joins.k AND seen.c % {size} = joins.c % {size}
        ),
        stays AS (SELECT k, c, count(*) AS months FROM months WHERE after = place GROUP BY k, c)
        SELECT c // {size}, c % {size}, months, count(*) FROM stays GROUP BY ALL"""


def measured(
    question: Question, stays: Sequence[Sequence[Any]]
) -> list[dict[int, tuple[int, ...]]]:
    """Return what noise is added to in each month's cells: joins less leaves, by their weights."""
    months = len(question.parts)
    weights = coefficients(months, LATTICE)
    changes: dict[tuple[int, int], int] = defaultdict(int)
    for joined, cell, stayed, customers in stays:
        changes[int(joined), int(cell)] += int(customers)
        changes[int(joined) + int(stayed), int(cell)] -= int(customers)
    found: list[dict[int, int]] = [defaultdict(int) for _ in range(months)]
    for (month, cell), count in changes.items():
        for later in range(month, months):
            found[later][cell] += weights[later - month] * count
    return [{cell: (total,) for cell, total in cells.items()} for cells in found]


def decoded(
    question: Question,
    index: int,
    figures: Figures,
    release_id: str,
    before: Mapping[str, Any] | None,
) -> Figures:
    """Return a month's figures, put together from its own draw and those of the months before.

    Parameters
    ----------
    figures : Figures
        As drawn: of joins less leaves.
    before : mapping or None
        The mechanism of the month before.
    """
    month = f"n {question.parts[index].period}"
    mine = figures.mechanism
    noisy = {**(before["noisy"] if before else {}), month: mine["noisy"]["n"]}
    drawn = {**(before["drawn"] if before else {}), month: [release_id, mine["sigma"]]}
    linear = dict(zip(noisy, reversed(decoding(len(noisy), LATTICE)), strict=True))
    spread = sqrt(sum((each * drawn[name][1]) ** 2 for name, each in linear.items()))
    made = Figures([], cells(question.within), {
        **mine, "noisy": noisy, "drawn": drawn, "linear": {"customers": linear}
    }, figures.notes)  # fmt: skip
    values = [
        sum(each * noisy[name][cell] for name, each in linear.items()) / LATTICE
        for cell in range(question.size)
    ]
    plan = {"linear": {"n": 1.0}}
    shown = [figure("customers", plan, {"n": value}, spread) for value in values]
    add(made, figures.measures[0], shown)
    return made


def spread_of(months: int) -> float:
    """Return how many times the noise of one measurement a month's stock has, on average."""
    squares = [each * each for each in decoding(months, LATTICE)]
    return sqrt(sum(sum(squares[: k + 1]) for k in range(months)) / months)
