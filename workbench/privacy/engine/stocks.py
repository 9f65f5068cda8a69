"""Stocks by month: who stays from when and how long, what is measured of it, and decoding it."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from math import sqrt
from typing import Any

from workbench.privacy.columns import cells
from workbench.privacy.engine.answering import Figures, add, figure
from workbench.privacy.engine.bounding import LATTICE, rows_sql
from workbench.privacy.grouping.stocks import coefficients, decoding
from workbench.privacy.question import Question


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
