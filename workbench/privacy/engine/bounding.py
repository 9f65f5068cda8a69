"""Bound what each customer adds, inside the engine, in integers, in one pass over the rows.

Within each part of a question (a month, or all of it), per customer and cell: aggregate, clamp each
total to its bounds, centre it, and put it on one integer lattice together with the count. Then
scale the customer's whole vector down to the declared L2 norm if it is longer, rounding towards
zero. Nothing is dropped: a customer in too many cells counts a little less in each instead of not
at all in some.

With ``m`` cells and ``k`` integers a cell, each at most ``LATTICE`` in size, the norm is
``LATTICE·sqrt(m·k)``; adding or removing one customer moves the result by no more than that.

The rows come from Ibis; what follows is one SQL statement, written for DuckDB. Sums run in double
precision over whole numbers as long as all of them together stay below 2⁵³, which is exact and so
the same in any order; otherwise in 128-bit integers (`fits`). A sum that depended on the order of
rows would let one customer's presence change another's part. Every value that counts is clamped or
rounded to an integer after its sum.
"""

from __future__ import annotations

from math import erfc, isqrt, sqrt
from typing import TYPE_CHECKING, Any

from workbench.catalog import NUMERIC
from workbench.privacy.engine.coordinates import Coordinate
from workbench.privacy.grouping.codes import HUGE, PairCode
from workbench.privacy.grouping.opened import number

if TYPE_CHECKING:
    from workbench.privacy.measuring import Choice, Distinct
    from workbench.privacy.question import Question

LATTICE = 2**20
_EXACT = 2**53  # a double holds every whole number below


def norm_squared(question: Question) -> int:
    """Return the squared L2 norm bound of one customer's vector, in lattice units."""
    if question.one_row is not None:
        return question.one_row.sums.norm_squared
    if question.stocks is not None:
        return question.stocks.norm_squared(LATTICE)
    # why exact: weights are powers of two, and so are the lattice's ends
    each = sum(int(c.weight * LATTICE) ** 2 for c in question.coordinates)
    return question.cells * (LATTICE * LATTICE + each)


def fits(question: Question) -> str | None:
    """Return the SQL that says whether sums in double precision are exact; None if always.

    It is one look at the least and largest value of the whole table, whatever is asked of it.
    """
    import ibis

    summed = {each.value for each in question.coordinates if each.kind in ("sum", "squares")}
    values = [question.values[name] for name in sorted(filter(None, summed))]
    values = [value for value in values if not value.condition]
    if not values:
        return None
    wanted = {f"a{i}": value.expression for i, value in enumerate(values)}
    rows = ibis.to_sql(question.source.select(**wanted), dialect="duckdb")
    sums = [
        f"greatest(-(min(a{i})::DOUBLE), max(a{i})::DOUBLE) * {10**value.digits} * count(*)"
        f" < {_EXACT}"
        for i, value in enumerate(values)
    ]
    squared = {each.value for each in question.coordinates if each.kind == "squares"}
    limits = [v.limits for v in values if v.name in squared and v.limits is not None]
    sums += [f"{max(map(abs, each)) ** 2}.0::DOUBLE * count(*) < {_EXACT}" for each in limits]
    return f"SELECT coalesce({' AND '.join(sums)}, true) FROM ({rows}) AS rows_"


def bounded_totals(question: Question, *, wide: bool = False, rows: str | None = None) -> str:
    """Return the SQL of ``part, cell, n, x0, x1, …``: lattice sums over bounded customers.

    Rows without a customer id count together as one customer's.

    Parameters
    ----------
    wide : bool
        Sum each customer's values in 128-bit integers, slower; see `fits`.
    rows : str, optional
        What `rows_sql` returned, where it is at hand.
    """
    names = [f"x{i}" for i in range(len(question.coordinates))]
    values = "".join(
        f", {_on_lattice(_total(each, question, wide), each)} AS {name}"
        for name, each in zip(names, question.coordinates, strict=True)
    )
    sums = "".join(f", sum({name}::DOUBLE)::HUGEINT AS {name}" for name in names)
    # why rows in no cell leave last: the engine would ask row by row, and compute each cell twice
    points = f"""
        SELECT k, c{values}
        FROM ({rows or rows_sql(question)}) AS rows_
        GROUP BY k, c"""
    whole = f"""
            SELECT c, count(*)::HUGEINT * {LATTICE} AS n{sums}
            FROM points WHERE c IS NOT NULL GROUP BY c"""
    size = question.size
    if size <= question.cells:  # nobody can be in more cells than there are
        totals = f"WITH points AS ({points}) {whole}"
    else:
        limit, cap = norm_squared(question), isqrt(norm_squared(question))
        # a customer in every cell, all of them at their ends, has the longest vector there is
        longest = size * (1 + len(names)) * LATTICE * LATTICE
        number, point = ("DOUBLE", ".0") if longest < _EXACT else ("BIGINT", "")
        fixed, uneven = LATTICE * LATTICE, []
        for name, each in zip(names, question.coordinates, strict=True):
            # why at their full length: all layers of a ladder but one are full or empty; to take
            # that one for full makes nobody longer than allowed, and saves the squares of all
            if each.kind in ("beyond", "layer", "layer both ways") or each.rungs:
                fixed += int(each.weight * LATTICE) ** 2
            else:
                uneven.append(f"{name}::{number} * {name}")
        squared = f"count(c)::{'DOUBLE' if point else 'HUGEINT'} * {fixed}"
        if uneven:  # why one sum: two aggregates cost more than an addition
            each_squared = " + ".join([f"{fixed}{point}::{number}", *uneven])
            squared = f"sum({each_squared}) FILTER (c IS NOT NULL)"
        # why + 1: the square root is a float; one more than its ceiling is never too small
        less = "".join(
            f", sum(sign({name}) * (abs({name}::BIGINT) * {cap} // length) - {name})::HUGEINT"
            for name in names
        )
        again = "".join(f", sum({name}) AS {name}" for name in names)
        parted = len(question.parts) > 1
        part, by_part = (f", c // {size} AS p", ", p") if parted else ("", "")
        same_part = f" AND points.c // {size} = longer.p" if parted else ""
        totals = f"""
        WITH points AS MATERIALIZED ({points}),
        longer AS (
            SELECT k{by_part}, ceil(sqrt(squared::DOUBLE))::BIGINT + 1 AS length
            FROM (
                SELECT k{part}, {squared} AS squared FROM points
                GROUP BY k{by_part} HAVING squared > {limit}{point}
            ) AS sums
        ),
        parts_ AS ({whole}
            UNION ALL
            SELECT c, sum({LATTICE * cap} // length - {LATTICE})::HUGEINT{less}
            FROM points JOIN longer ON points.k IS NOT DISTINCT FROM longer.k{same_part}
            WHERE c IS NOT NULL GROUP BY c
        )
        SELECT c, sum(n) AS n{again} FROM parts_ GROUP BY c"""
    picked = "".join(f", {name}" for name in names)
    return f"SELECT c // {size}, c % {size}, n{picked} FROM ({totals}) AS t"


def rows_sql(question: Question, extra: str | None = None) -> str:
    """Return the SQL of ``k, c, a0, a1, …``: customer, part and cell as one number, values.

    Rows without a customer have no ``k``, which is nobody's id: any text or number may be one's.

    Parameters
    ----------
    extra : str, optional
        A column of the table to carry along as ``extra``.
    """
    import ibis

    source = question.source
    wanted: dict[str, Any] = {"k": source[question.key]}
    codes = {f"g{i}": group.code for i, group in enumerate(question.groups) if group.code}
    for name, code in codes.items():
        carried = code.carried(source)
        if carried is not None:
            wanted[name] = carried
    for i, value in enumerate(question.values.values()):
        wanted[f"a{i}"] = value.expression
    if extra is not None:
        column = question.scope.allowed[extra]
        numeric = column.type in NUMERIC
        wanted["extra"] = number(source, extra, column) if numeric else source[extra]
    rows = source
    for predicate in question.predicates:
        rows = rows.filter(predicate)
    rows = rows.select(**wanted)
    if question.discovered is not None:  # its values are the cells, and they are not numbered
        return str(ibis.to_sql(rows, dialect="duckdb"))
    month = question.month_axis
    within = ["k"] if month is None else ["k", f"g{month}"]
    # pairs last: a row is in many, and would count as often in its customer's total
    for name in sorted(codes, key=lambda each: isinstance(codes[each], PairCode)):
        rows = codes[name].placed(rows, name, within)
    for i, group in enumerate(question.groups):
        if group.rest:
            last = len(group.dimension.values) - 1
            rows = rows.mutate(**{f"g{i}": rows[f"g{i}"].fill_null(last)})
    kept = [name for name in rows.columns if name[0] != "g"]
    return str(ibis.to_sql(rows.select(*kept, c=_code(rows, question)), dialect="duckdb"))


def _code(rows: Any, question: Question) -> Any:
    """Return one number for part and cell: the month first, the other groups after it."""
    import ibis

    axis = question.month_axis
    code = ibis.literal(0, "int64") if axis is None else rows[f"g{axis}"]
    for i, dimension in enumerate(question.dimensions):
        if i != axis:
            code = code * len(dimension.values) + rows[f"g{i}"]
    largest = question.size * len(question.parts)
    return code.cast("int16" if largest < 2**15 else "int32")


def unit_sql(question: Question, name: str, *, wide: bool = True) -> str:
    """Return SQL for a value in its smallest unit, a whole number; NULL where it is no number.

    Parameters
    ----------
    wide : bool
        As a 128-bit integer, whatever the value; else as a double, faster where `fits` is true.
        Elsewhere that fails, and a failure would tell of the row that caused it.
    """
    index, digits = list(question.values).index(name), question.values[name].digits
    kind = question.values[name].expression.type()
    if kind.is_floating():
        # why: a NaN would turn the customer's total into nothing that can be bounded
        whole = f"CASE WHEN isfinite(a{index}) THEN round(a{index} * {10**digits}) END::DOUBLE"
        return f"({_clamped(whole, -HUGE, HUGE)})::HUGEINT" if wide else whole
    if not wide:
        return f"(a{index} * {10**digits})::DOUBLE" if digits else f"a{index}::DOUBLE"
    if not digits:
        return f"a{index}::HUGEINT"
    return f"(a{index}::DECIMAL(38, {kind.scale or 0}) * {10**digits})::HUGEINT"


def _total(coordinate: Coordinate, question: Question, wide: bool) -> str:
    """Return one customer's total in one cell, in the smallest unit, as a whole double."""
    if coordinate.value is None:
        return "count(*)::DOUBLE"
    value = unit_sql(question, coordinate.value, wide=wide)
    if coordinate.kind == "values":
        return f"count({value})::DOUBLE"
    if coordinate.kind == "squares":
        low, high = question.values[coordinate.value].limits or (0, 0)
        clamped = _clamped(value, low, high)
        if wide:
            clamped = f"({clamped})::HUGEINT"
        return f"coalesce(sum(({clamped}) * ({clamped})), 0)::DOUBLE"
    return f"coalesce(sum({value}), 0)::DOUBLE"


def _clamped(value: str, low: int, high: int) -> str:
    # why CASE: least() and greatest() pass a NULL over, and it would count as the highest value
    inside = f"greatest({low}.0::DOUBLE, least({high}.0::DOUBLE, {value}))"
    return f"CASE WHEN {value} IS NOT NULL THEN {inside} END"


def _on_lattice(total: str, coordinate: Coordinate) -> str:
    """Clamp a total, centre it, and put it on the lattice, rounding to the nearest point."""
    low, high = f"{coordinate.low}.0::DOUBLE", f"{coordinate.high}.0::DOUBLE"
    width = coordinate.high - coordinate.low
    if coordinate.kind == "beyond":
        most = int(coordinate.weight * LATTICE)
        return f"CASE WHEN {total} < {low} OR {total} > {high} THEN {most} ELSE -{most} END"
    if coordinate.kind == "layer both ways":
        step = f"(abs({total}) - {low}) * {LATTICE / width!r}::DOUBLE"
        inside, least = f"sign({total}) * round({step})", f"-{high}"
        nothing = f" WHEN abs({total}) <= {low} THEN 0"
    else:
        middle, steps = (coordinate.low + coordinate.high) / 2, 2 * LATTICE / width
        inside, least = f"round(({total} - {middle!r}) * {steps!r}::DOUBLE)", low
        nothing = ""
    # why ends first: most totals lie at an end of most layers, and need no arithmetic there
    return (
        f"CASE WHEN {total} >= {high} THEN {LATTICE} WHEN {total} <= {least} THEN -{LATTICE}"
        f"{nothing} ELSE ({inside})::INTEGER END"
    )


# ---------------------------------------------------------------------- where scaling is not enough
# Pure differential privacy, quantiles, distinct values and unknown domains need a bound on how
# *many* cells a customer is in: exactly so many cells or values are kept of each. Which, is chosen
# by a hash under a key of the workspace, of the customer and the cell alone, in a total order: the
# choice for one customer never depends on another.


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
