"""Integers that every customer adds to a cell, and how figures are put together from their sums."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from workbench.privacy.columns import Bound, Measure

BESIDE = 0.25  # of the lattice: what the share at a bound is worth beside the totals themselves


@dataclass(frozen=True, eq=False)
class Value:
    """A number of every row: a column, or whether a condition holds.

    Attributes
    ----------
    expression : Ibis expression
    digits : int
        Decimal digits of its smallest unit.
    limits : (int, int) or None
        Declared bounds of one row's value, in the smallest unit.
    title : str
        What readers call it; of a condition, the name the analyst chose.
    """

    name: str
    expression: Any
    digits: int
    limits: tuple[int, int] | None
    condition: bool = False
    title: str = ""
    unit: str | None = None


@dataclass(frozen=True)
class Coordinate:
    """One integer that every customer adds to every cell they are in.

    Attributes
    ----------
    name : str
        ``rows``, ``amount`` (a total), ``amount:values`` (rows with a value), ``amount:squares``,
        ``amount:beyond`` (whether the total is beyond its bounds), ``amount:layer2`` (its second
        layer of a ladder; the first is ``amount``).
    value : str or None
        The value it is made of; None counts rows.
    kind : str
        ``rows``, ``values``, ``sum``, ``squares``, ``beyond``, ``layer``, or ``layer both ways``
        where a ladder grows below 0, too.
    low, high : int
        Contribution bound of one customer in one cell, in the smallest unit (cents, rows).
    digits : int
        Decimal digits of the smallest unit.
    rungs : tuple of int
        Of the first layer of a ladder: its bounds, rising.
    """

    name: str
    value: str | None
    kind: str
    low: int
    high: int
    digits: int = 0
    rungs: tuple[int, ...] = ()

    @property
    def weight(self) -> float:
        """How much of the lattice it has: its largest size over one customer's being there."""
        return BESIDE if self.kind == "beyond" else 1.0

    @property
    def ends(self) -> tuple[int, int]:
        """Least and most of one customer's total in a cell, over all layers of a ladder."""
        if not self.rungs:
            return self.low, self.high
        return (-self.rungs[-1] if self.low < 0 else 0), self.rungs[-1]

    @property
    def half(self) -> float:
        """Half the width of what it adds, in the figure's unit."""
        width = float(Decimal(self.high - self.low).scaleb(-self.digits))
        return width if self.kind == "layer both ways" else width / 2

    @property
    def centre(self) -> float:
        """Middle of the bounds, in the figure's unit."""
        return float(Decimal(self.high + self.low).scaleb(-self.digits)) / 2

    @property
    def linear(self) -> dict[str, float]:
        """How its total is put together from noisy integers over the lattice."""
        return {self.name: self.half, "n": self.centre} if self.centre else {self.name: self.half}


def vector_measures(
    coordinates: Sequence[Coordinate], values: Mapping[str, Value]
) -> list[tuple[Measure, dict[str, Any]]]:
    """Return every figure the vector gives, and how it is put together from its integers.

    More figures cost nothing. A figure is ``{"linear": …}``, ``{"top": …, "bottom": …}`` for a
    ratio, or ``{"squares": …, "top": …, "bottom": …}`` for a variance; each inner mapping says by
    how much to multiply each noisy integer over the lattice. ``{"ladder": […]}`` are totals up to
    each rung, ``under`` whether those below the last are surely no more than it, and ``bottom``
    what they are over.
    """
    found: list[tuple[Measure, dict[str, Any]]] = [
        (Measure("customers", "customers", "Customers", "customers"), {"linear": {"n": 1.0}})
    ]
    by_name = {each.name: each for each in coordinates}
    for each in coordinates:
        if each.kind == "rows":
            bound = Bound(0.0, float(each.high), "upper", unit="rows")
            counted = Measure("rows", "rows", "Rows", "rows", bound=bound)
            found.append((counted, {"linear": each.linear}))
        if each.kind != "sum" or each.value is None:
            continue
        value = values[each.value]
        rows = by_name.get(f"{each.name}:values")
        if value.condition:
            title = f"{value.title.replace('_', ' ').capitalize()}, share"
            measure = Measure(f"{value.title}_rate", "rate", title, None, 4)
            if rows is not None:
                found.append((measure, {"top": each.linear, "bottom": rows.linear}))
            continue
        title, unit, digits = value.title, value.unit, each.digits
        least = 0.0 if each.low >= 0 else None
        climb = _climb(each, coordinates)
        whole, under = climb[-1], each.low >= 0
        bound = _bound(each, value)
        total = Measure(f"{each.value}_sum", "sum", f"{title}, total", unit, digits, least, bound)
        words = f"{title}, customers beyond the bound"
        share = Measure(f"{each.value}_at_bound", "rate", words, None, 4, at_bound_of=each.value)
        beyond = by_name[f"{each.name}:beyond"].name
        found += [
            (total, {"ladder": climb, "under": under} if each.rungs else {"linear": whole}),
            (share, {"top": {beyond: 0.5 / BESIDE, "n": 0.5}, "bottom": {"n": 1.0}}),
        ]
        if rows is None:
            continue
        ratio = {"top": whole, "bottom": rows.linear}
        digits = max(2, digits)
        mean = Measure(f"{each.value}_mean", "mean", f"{title}, mean", unit, digits, least, bound)
        steps = {"ladder": climb, "under": under, "bottom": rows.linear}
        found.append((mean, steps if each.rungs else ratio))
        squares = by_name.get(f"{each.name}:squares")
        if squares is not None:
            spread = {**ratio, "squares": squares.linear}
            words = f"{title}, standard deviation"
            found += [
                (
                    Measure(f"{each.value}_var", "var", f"{title}, variance", None, digits, 0.0),
                    spread,
                ),
                (Measure(f"{each.value}_std", "std", words, unit, digits, 0.0), spread),
            ]
    return found


def _bound(total: Coordinate, value: Value) -> Bound:
    """Return how a total is bounded, as readers are told."""
    low, high, *rungs = (
        float(Decimal(end).scaleb(-total.digits)) for end in (*total.ends, *total.rungs)
    )
    never_negative = value.limits is not None and value.limits[0] >= 0 and low <= 0
    cuts = "upper" if never_negative else "both"
    return Bound(low, high, cuts, tuple(rungs), value.unit)


def _climb(total: Coordinate, coordinates: Sequence[Coordinate]) -> list[dict[str, float]]:
    """Return how a total up to each rung of its ladder is put together; of one bound, only it.

    A layer from one rung to the next adds its half times itself, and half its width for being
    there, so that all halves up to a rung are half of that rung.
    """
    layers = {c.name: c for c in coordinates if c.value == total.value}
    steps = [dict(total.linear)]
    for i, rung in enumerate(total.rungs[1:], 2):
        layer = layers[f"{total.name}:layer{i}"]
        step = {**steps[-1], layer.name: layer.half}
        if layer.kind == "layer":
            step["n"] = float(Decimal(rung).scaleb(-total.digits)) / 2
        steps.append(step)
    return steps
