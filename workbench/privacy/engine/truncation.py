"""Where scaling is not enough: keep exactly so many cells or values of each customer.

Pure differential privacy, quantiles, distinct values and unknown domains need a bound on how *many*
cells a customer is in. Which are kept is chosen by a hash under a key of the workspace, of the
customer and the cell alone, in a total order: the choice for one customer never depends on another.
"""

from math import erfc, sqrt

from workbench.privacy.engine.bounding import rows_sql, unit_sql
from workbench.privacy.measuring import Choice, Distinct
from workbench.privacy.question import Question

WEIGHT = 2**20  # of one customer within one cell of a quantile
_KEYED = "md5(getvariable('truncation') || coalesce(k::VARCHAR, '') || '/' || {of}::VARCHAR)"
_SAME = "k IS NOT DISTINCT FROM kept_k AND c = kept_c"  # rows without a customer have no k


def _kept(question: Question) -> str:
    """Return SQL of ``k, c``: each customer's cells, at most ``cells`` of each part."""
    cells = "SELECT DISTINCT k AS kept_k, c AS kept_c FROM rows_ WHERE c IS NOT NULL"
    if question.size <= question.cells:
        return cells
    order = f"{_KEYED.format(of='c')}, c"
    cells = "SELECT DISTINCT k, c FROM rows_ WHERE c IS NOT NULL"
    return f"""
        SELECT k AS kept_k, c AS kept_c FROM (
            SELECT k, c, row_number() OVER (
                PARTITION BY k, c // {question.size} ORDER BY {order}) AS place
            FROM ({cells}) AS cells_
        ) AS ranked WHERE place <= {question.cells}"""


def pure_totals(question: Question) -> str:
    """Return the SQL of ``part, cell, n[, rows]``: exact counts over truncated customers."""
    size = question.size
    rows = f", sum(least(rows_in, {question.rows}))" if question.coordinates else ""
    return f"""
        WITH rows_ AS MATERIALIZED ({rows_sql(question)}), kept AS ({_kept(question)}),
        points AS (SELECT k, c, count(*) AS rows_in FROM rows_ WHERE c IS NOT NULL GROUP BY k, c)
        SELECT c // {size}, c % {size}, count(*){rows}
        FROM points JOIN kept ON {_SAME} GROUP BY c"""


def weights_below(question: Question, choice: Choice) -> str:
    """Return the SQL of ``part, cell, place, exact, weight`` for a quantile.

    Each customer's rows in a cell weigh `WEIGHT` together, rounded down. ``place`` is the index of
    the last candidate not above the value (-1 before all), ``exact`` whether it equals it.
    """
    size, value = question.size, unit_sql(question, choice.value)
    grid = ", ".join(f"({i}, {each}.0::DOUBLE)" for i, each in enumerate(choice.candidates))
    return f"""
        WITH rows_ AS MATERIALIZED ({rows_sql(question)}), kept AS ({_kept(question)}),
        weighed AS (
            SELECT c, {value}::DOUBLE AS v, {WEIGHT} // count({value}) OVER (PARTITION BY k, c) AS w
            FROM rows_ JOIN kept ON {_SAME} WHERE {value} IS NOT NULL
        ),
        grid AS (SELECT * FROM (VALUES {grid}) AS g(place, edge))
        SELECT c // {size}, c % {size}, coalesce(place, -1), coalesce(edge = v, false),
            sum(w)::HUGEINT
        FROM weighed ASOF LEFT JOIN grid ON weighed.v >= grid.edge
        GROUP BY ALL"""


def distinct_values(question: Question, distinct: Distinct) -> str:
    """Return the SQL of ``part, cell, count``: values that occur, few of each customer's."""
    size = question.size
    order = f"{_KEYED.format(of='(c::VARCHAR || chr(31) || extra)')}, c, extra"
    return f"""
        WITH pairs AS (
            SELECT DISTINCT k, c, extra FROM (
                SELECT k, c, extra::VARCHAR AS extra FROM ({rows_sql(question, distinct.column)})
            ) AS rows_ WHERE c IS NOT NULL AND extra IS NOT NULL
        ),
        ranked AS (
            SELECT c, extra, row_number() OVER (
                PARTITION BY k, c // {size} ORDER BY {order}) AS place FROM pairs
        )
        SELECT c // {size}, c % {size}, count(DISTINCT extra)
        FROM ranked WHERE place <= {distinct.most} GROUP BY c"""


def customers_by_value(question: Question, column: str) -> str:
    """Return the SQL of ``value, customers`` for a column whose values are to be found."""
    order = f"{_KEYED.format(of='extra')}, extra"
    return f"""
        WITH pairs AS (
            SELECT DISTINCT k, extra FROM ({rows_sql(question, column)}) AS rows_
            WHERE extra IS NOT NULL
        ),
        ranked AS (
            SELECT extra, row_number() OVER (PARTITION BY k ORDER BY {order}) AS place FROM pairs
        )
        SELECT extra, count(*) FROM ranked WHERE place <= {question.cells} GROUP BY extra"""


def threshold(sigma: float, cells: int, delta: float) -> int:
    """Return the noisy count from which a found value may be shown.

    A value that one customer alone has is at most 1; it is shown when its noise reaches
    ``threshold - 1``. One customer has at most ``cells`` such values, so the chance that any is
    shown is at most ``cells · P(noise ≥ threshold - 1)``, and that is held below ``delta``. The
    discrete Gaussian's tail from ``t`` on is below the continuous one's from ``t - 1`` on
    (Canonne, Kamath & Steinke 2020, Proposition 25).

    Examples
    --------
    >>> threshold(10.0, 1, 1e-8)
    59
    """
    t = 1
    while cells * 0.5 * erfc((t - 1) / sigma / sqrt(2)) > delta:
        t += 1
    return 1 + t
