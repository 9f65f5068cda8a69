"""From bounded totals to a release: noise, figures, margins."""

from __future__ import annotations

import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from itertools import product
from math import sqrt
from typing import Any

from workbench.catalog import Table
from workbench.privacy.accounting import rho_fraction
from workbench.privacy.bounding import LATTICE, norm_squared
from workbench.privacy.mechanisms import RandBelow, discrete_gaussian
from workbench.privacy.question import Coordinate, Question
from workbench.privacy.release import Measure

Z_95 = 1.959963984540054  # two-sided 95 % quantile of the normal distribution


@dataclass(frozen=True)
class Noisy:
    """Noisy lattice totals of one part's cells: all that was drawn, all that figures come from."""

    sigma: float
    n: tuple[int, ...]
    x: Mapping[str, tuple[int, ...]]


def draw(
    question: Question,
    totals: Mapping[int, Sequence[int]],
    pico: int,
    randbelow: RandBelow = secrets.randbelow,
) -> Noisy:
    """Add noise to every cell of one part of a question, empty ones too.

    Parameters
    ----------
    totals : mapping of int to sequence of int
        Cell code to lattice totals: customers first, then the coordinates in order.
    pico : int
        What may be spent on this part, in pico-rho.
    """
    sigma_squared = Fraction(norm_squared(question)) / (2 * rho_fraction(pico))
    width = 1 + len(question.coordinates)
    noise = discrete_gaussian(sigma_squared, question.size * width, randbelow)
    zeros = (0,) * width
    noisy = [
        [exact + noise[cell * width + i] for i, exact in enumerate(totals.get(cell, zeros))]
        for cell in range(question.size)
    ]
    return Noisy(
        float(sigma_squared) ** 0.5,
        tuple(row[0] for row in noisy),
        {
            each.name: tuple(row[1 + i] for row in noisy)
            for i, each in enumerate(question.coordinates)
        },
    )


def measures(question: Question, table: Table, currency: str | None) -> list[Measure]:
    """Return every column of figures the drawn coordinates give: more costs nothing."""
    found = [Measure("customers", "customers", "Customers", "customers")]
    for each in question.coordinates:
        if each.kind == "values":
            continue
        if each.column is None:
            found.append(Measure("rows", "rows", "Rows", "rows"))
            continue
        column = table.columns[each.column]
        title = column.title or each.column.replace("_", " ").capitalize()
        unit = currency if column.type == "money" else column.unit
        found.append(Measure(f"{each.name}_sum", "sum", f"{title}, total", unit, each.digits))
        if any(other.name == f"{each.name}:rows" for other in question.coordinates):
            digits = max(2, each.digits)
            found.append(Measure(f"{each.name}_mean", "mean", f"{title}, mean", unit, digits))
    return found


def figures(question: Question, noisy: Noisy, wanted: Sequence[Measure]) -> dict[str, list[Any]]:
    """Turn one part's noisy lattice totals into columns of values, lows and highs."""
    columns: dict[str, list[Any]] = {dimension.name: [] for dimension in question.within}
    for key in product(*(dimension.values for dimension in question.within)):
        for dimension, value in zip(question.within, key, strict=True):
            columns[dimension.name].append(value)
    for measure in wanted:
        values = [_figure(question, noisy, measure, cell) for cell in range(question.size)]
        for position, suffix in enumerate(("", "_low", "_high")):
            columns[measure.name + suffix] = [_rounded(v[position], measure.digits) for v in values]
    return columns


def _figure(
    question: Question, noisy: Noisy, measure: Measure, cell: int
) -> tuple[float | None, float | None, float | None]:
    count, spread = noisy.n[cell] / LATTICE, noisy.sigma / LATTICE
    if measure.kind == "customers":
        return count, count - Z_95 * spread, count + Z_95 * spread
    by_name = {each.name: each for each in question.coordinates}
    column = measure.name.removesuffix(f"_{measure.kind}")
    top = by_name[column]
    total, total_sd = _total(top, noisy, cell)
    if measure.kind in ("rows", "sum"):
        return total, total - Z_95 * total_sd, total + Z_95 * total_sd
    bottom = by_name[f"{column}:rows"]
    rows, rows_sd = _total(bottom, noisy, cell)
    shared = _centre(top) * _centre(bottom) * spread * spread
    return fieller(total, rows, total_sd**2, rows_sd**2, shared)


def _centre(coordinate: Coordinate) -> float:
    return float(Decimal(coordinate.low + coordinate.high).scaleb(-coordinate.digits)) / 2


def _total(coordinate: Coordinate, noisy: Noisy, cell: int) -> tuple[float, float]:
    """Return a total and its noise's standard deviation, in the unit of the figure."""
    half = (coordinate.high - coordinate.low) / 2 / 10**coordinate.digits
    centre, spread = _centre(coordinate), noisy.sigma / LATTICE
    total = (noisy.x[coordinate.name][cell] * half + noisy.n[cell] * centre) / LATTICE
    return total, spread * sqrt(half * half + centre * centre)


def fieller(
    top: float, bottom: float, var_top: float, var_bottom: float, covariance: float
) -> tuple[float | None, float | None, float | None]:
    """Return a ratio and its 95 % interval by Fieller's theorem.

    Source: Fieller, *Some problems in interval estimation*, JRSS B 16 (1954). Where the bottom is
    not clearly above 0 the interval is unbounded and the ratio is not shown at all.
    """
    z2 = Z_95 * Z_95
    a = bottom * bottom - z2 * var_bottom
    if bottom <= 0 or a <= 0:
        return None, None, None
    b = top * bottom - z2 * covariance
    c = top * top - z2 * var_top
    root = sqrt(max(0.0, b * b - a * c))
    return top / bottom, (b - root) / a, (b + root) / a


def _rounded(value: float | None, digits: int) -> float | int | None:
    if value is None:
        return None
    return round(value) if digits == 0 else round(value, digits)
