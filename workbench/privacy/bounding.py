"""Bound what each customer adds, inside the engine, in integers.

Within each part of a question (a month, or all of it), per customer and cell: aggregate, clamp each
total to its bounds, centre it, and put it on one integer lattice together with the count. Then
scale the customer's whole vector down to the declared L2 norm if it is longer, rounding towards
zero. Nothing is dropped: a customer in too many cells counts a little less in each instead of not
at all in some.

With ``m`` cells and ``k`` integers a cell, each at most ``LATTICE`` in size, the norm is
``LATTICE·sqrt(m·k)``; adding or removing one customer moves the result by no more than that.
"""

from __future__ import annotations

from math import isqrt
from typing import Any

from workbench.privacy.question import Coordinate, Question

LATTICE = 2**20


def norm_squared(question: Question) -> int:
    """Return the squared L2 norm bound of one customer's vector, in lattice units."""
    return question.cells * (1 + len(question.coordinates)) * LATTICE * LATTICE


def bounded_totals(question: Question) -> Any:
    """Return the lazy table of ``part, cell, n, x0, …``: lattice sums over bounded customers."""
    import ibis

    rows = question.source
    for predicate in question.predicates:
        rows = rows.filter(predicate)
    rows = rows.mutate(part_=_part_code(question), cell_=_cell_code(question))
    rows = rows.filter(rows.part_.notnull() & rows.cell_.notnull())
    per_cell = rows.group_by([question.key, "part_", "cell_"]).aggregate(
        **{f"v{i}": _value(rows, each) for i, each in enumerate(question.coordinates)}
    )
    names = [f"x{i}" for i in range(len(question.coordinates))]
    points = per_cell.mutate(
        **{
            name: _on_lattice(per_cell[f"v{i}"], each)
            for i, (name, each) in enumerate(zip(names, question.coordinates, strict=True))
        }
    )
    squares: Any = ibis.literal(LATTICE * LATTICE)
    for name in names:
        squares = squares + points[name] * points[name]
    points = points.mutate(squares_=squares)
    window = ibis.window(group_by=[question.key, "part_"])
    points = points.mutate(norm2_=points.squares_.sum().over(window).cast("float64"))
    limit = norm_squared(question)
    # why +1: the square root is a float; one more than its ceiling is never too small
    length = points.norm2_.sqrt().ceil().cast("int64") + 1
    longer = points.norm2_ > float(limit)
    cap = isqrt(limit)

    def shrunk(value: Any) -> Any:
        return longer.ifelse(value.sign().cast("int64") * ((value.abs() * cap) // length), value)

    totals = {"n": shrunk(ibis.literal(LATTICE, "int64")).sum()}
    totals |= {name: shrunk(points[name]).sum() for name in names}
    return points.group_by(["part_", "cell_"]).aggregate(**totals)


def _part_code(question: Question) -> Any:
    import ibis

    axis = question.month_axis
    return ibis.literal(0, "int64") if axis is None else question.codes[axis].cast("int64")


def _cell_code(question: Question) -> Any:
    import ibis

    code: Any = ibis.literal(0, "int64")
    for dimension, each in zip(question.dimensions, question.codes, strict=True):
        if dimension.kind != "month":
            code = code * len(dimension.values) + each
    return code.cast("int64")


def _value(rows: Any, coordinate: Coordinate) -> Any:
    """Return one customer's total in one cell, in the smallest unit."""
    if coordinate.column is None:
        return rows.count()
    column = rows[coordinate.column]
    if coordinate.kind == "values":
        return column.count()
    if column.type().is_floating():
        column = column.isnan().ifelse(None, column)
    scaled = (column * 10**coordinate.digits).round().cast("int64")
    return scaled.sum().fill_null(0)


def _on_lattice(value: Any, coordinate: Coordinate) -> Any:
    """Clamp a total, centre it, and put it on the lattice, rounding to the nearest point."""
    clamped = value.clip(lower=coordinate.low, upper=coordinate.high).cast("int64")
    width = coordinate.high - coordinate.low
    doubled = clamped * 2 - (coordinate.low + coordinate.high)
    magnitude = (doubled.abs() * LATTICE * 2 + width) // (2 * width)
    return doubled.sign().cast("int64") * magnitude
