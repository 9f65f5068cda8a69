"""Bound what each customer adds, inside the engine, in integers, in one pass over the rows.

Within each part of a question (a month, or all of it), per customer and cell: aggregate, clamp each
total to its bounds, centre it, and put it on one integer lattice together with the count. Then
scale the customer's whole vector down to the declared L2 norm if it is longer, rounding towards
zero. Nothing is dropped: a customer in too many cells counts a little less in each instead of not
at all in some.

With ``m`` cells and ``k`` integers a cell, each at most ``LATTICE`` in size, the norm is
``LATTICE·sqrt(m·k)``; adding or removing one customer moves the result by no more than that.

The rows come from Ibis; what follows is one SQL statement, written for DuckDB. Sums run in double
precision over whole numbers below 2⁵³, which is exact and so the same in any order; every value
that counts is clamped or rounded to an integer after its sum.
"""

from __future__ import annotations

from math import isqrt

from workbench.privacy.question import Coordinate, Question

LATTICE = 2**20


def norm_squared(question: Question) -> int:
    """Return the squared L2 norm bound of one customer's vector, in lattice units."""
    return question.cells * (1 + len(question.coordinates)) * LATTICE * LATTICE


def bounded_totals(question: Question) -> str:
    """Return the SQL of ``part, cell, n, x0, x1, …``: lattice sums over bounded customers.

    Rows without a customer id count together as one customer's.
    """
    names = [f"x{i}" for i in range(len(question.coordinates))]
    values = "".join(
        f", {_on_lattice(_total(i, each, question), each)} AS {name}"
        for i, (name, each) in enumerate(zip(names, question.coordinates, strict=True))
    )
    sums = "".join(f", sum({name}::DOUBLE)::HUGEINT AS {name}" for name in names)
    points = f"""
        SELECT k, c{values}
        FROM ({_rows(question)}) AS rows_
        GROUP BY k, c HAVING c IS NOT NULL"""
    whole = f"SELECT c, count(*)::HUGEINT * {LATTICE} AS n{sums} FROM points GROUP BY c"
    if question.size <= question.cells:  # nobody can be in more cells than there are
        totals = f"WITH points AS ({points}) {whole}"
    else:
        limit, cap = norm_squared(question), isqrt(norm_squared(question))
        squares = " + ".join(
            [f"{LATTICE * LATTICE}.0::DOUBLE", *(f"{name}::DOUBLE * {name}" for name in names)]
        )
        # why + 1: the square root is a float; one more than its ceiling is never too small
        less = "".join(
            f", sum(sign({name}) * (abs({name}::BIGINT) * {cap} // length) - {name})::HUGEINT"
            for name in names
        )
        again = "".join(f", sum({name}) AS {name}" for name in names)
        size = question.size
        totals = f"""
        WITH points AS MATERIALIZED ({points}),
        longer AS (
            SELECT k, p, ceil(sqrt(squared))::BIGINT + 1 AS length
            FROM (
                SELECT k, c // {size} AS p, sum({squares}) AS squared FROM points
                GROUP BY k, p HAVING count(*) > {question.cells} AND squared > {limit}.0
            ) AS sums
        ),
        parts_ AS (
            {whole}
            UNION ALL
            SELECT c, sum({LATTICE * cap} // length - {LATTICE})::HUGEINT{less}
            FROM points JOIN longer ON points.k = longer.k AND points.c // {size} = longer.p
            GROUP BY c
        )
        SELECT c, sum(n) AS n{again} FROM parts_ GROUP BY c"""
    picked = "".join(f", {name}" for name in names)
    return f"SELECT c // {question.size}, c % {question.size}, n{picked} FROM ({totals}) AS t"


def _rows(question: Question) -> str:
    """Return the SQL of ``k, c, a0, a1, …``: customer, part and cell as one number, raw values."""
    import ibis

    rows = question.source
    for predicate in question.predicates:
        rows = rows.filter(predicate)
    key = rows[question.key]
    nobody = ibis.literal("") if key.type().is_string() else ibis.literal(-(2**63))
    wanted = {"k": ibis.coalesce(key, nobody), "c": _code(question)}
    for i, each in enumerate(question.coordinates):
        if each.column is not None:
            wanted[f"a{i}"] = rows[each.column]
    return str(ibis.to_sql(rows.select(**wanted), dialect="duckdb"))


def _code(question: Question) -> object:
    """Return one number for part and cell: the month first, the other groups after it."""
    import ibis

    axis = question.month_axis
    code = ibis.literal(0, "int64") if axis is None else question.codes[axis]
    for i, (dimension, each) in enumerate(zip(question.dimensions, question.codes, strict=True)):
        if i != axis:
            code = code * len(dimension.values) + each
    largest = question.size * len(question.parts)
    return code.cast("int16" if largest < 2**15 else "int32")


def _total(index: int, coordinate: Coordinate, question: Question) -> str:
    """Return one customer's total in one cell, in the smallest unit, as a whole double."""
    if coordinate.column is None:
        return "count(*)::DOUBLE"
    if coordinate.kind == "values":
        return f"count(a{index})::DOUBLE"
    value = f"(a{index} * {10**coordinate.digits})" if coordinate.digits else f"a{index}"
    if question.source[coordinate.column].type().is_floating():
        # why: a NaN would turn the customer's total into nothing that can be bounded
        value = f"CASE WHEN isfinite({value}) THEN round({value}) END"
    return f"coalesce(sum({value}::DOUBLE), 0.0)"


def _on_lattice(total: str, coordinate: Coordinate) -> str:
    """Clamp a total, centre it, and put it on the lattice, rounding to the nearest point."""
    width = coordinate.high - coordinate.low
    low, high = f"{coordinate.low}.0::DOUBLE", f"{coordinate.high}.0::DOUBLE"
    clamped = f"greatest({low}, least({high}, {total}))"
    # at either end the product is 2**20 up to the last bit of a double, and rounds to it
    step = f"{2 * LATTICE / width!r}::DOUBLE"
    return f"round(({clamped} - {(coordinate.low + coordinate.high) / 2!r}) * {step})::INTEGER"
