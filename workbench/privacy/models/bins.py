"""A feature's declared bins, in the engine and in frames alike; never learned from data."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import ROUND_CEILING, Decimal
from typing import Any

import numpy as np
import pandas as pd

from workbench.catalog import NUMERIC, Column
from workbench.errors import InputError, QuestionRefused
from workbench.privacy.columns import Scalar
from workbench.privacy.grouping.bands import MAX_EDGES, band_labels
from workbench.privacy.grouping.declared import index_of
from workbench.privacy.grouping.numbers import exactly
from workbench.privacy.groups import REST, rising

_RANGES = 40  # between bounds, where no edges were given
_WIDE = 20  # times: from there on ranges grow by equal ratios


@dataclass(frozen=True)
class Bins:
    """Ranges between edges, or values; then special codes, each by itself; then all else.

    The last bin holds what is missing and what was not declared, so that no value of one customer
    has a bin of its own.

    Attributes
    ----------
    column : str
    edges : tuple of Decimal
        Where one range ends and the next begins; the first and last are open.
    values : tuple
        In place of edges.
    special : mapping of Decimal to str
        Codes that stand among numbers and are none, with what they mean.
    """

    column: str
    edges: tuple[Decimal, ...] = ()
    values: tuple[Scalar, ...] = ()
    special: tuple[tuple[Decimal, str], ...] = ()

    @property
    def labels(self) -> tuple[str, ...]:
        """What its bins are called."""
        ranges = band_labels(self.edges) if self.edges else [str(each) for each in self.values]
        return (*ranges, *(f"{code}: {told}" for code, told in self.special), REST)

    @property
    def ordered(self) -> int:
        """How many of its bins, the first ones, are neighbouring ranges."""
        if self.edges:
            return len(self.edges) + 1
        numbers = all(isinstance(each, int) and not isinstance(each, bool) for each in self.values)
        return len(self.values) if numbers else 0

    def merged(self, most: int) -> Bins:
        """Return it with so many ranges at most, each of as many as were declared."""
        count = len(self.edges) + 1
        if count <= most:
            return self
        return replace(self, edges=tuple(self.edges[count * i // most - 1] for i in range(1, most)))

    def place(self, value: Any) -> Any:
        """Return where an Ibis column's values stand, never NULL."""
        if self.edges:
            code = _range(value, [_of_kind(each, value.type()) for each in self.edges])
            none = value.isnull() | value.isnan() if value.type().is_floating() else value.isnull()
            code = none.ifelse(None, code)
        else:
            code = index_of(value, self.values)
        for place, (special, _) in enumerate(self.special, self.ordered):
            same = exactly(special, value.type())
            code = code if same is None else (value == same).ifelse(place, code)
        return code.fill_null(len(self.labels) - 1)

    def places(self, values: Any) -> np.ndarray:
        """Return where a frame's values stand."""
        last = len(self.labels) - 1
        if not self.edges:
            known = {each: place for place, each in enumerate(self.values)}
            try:
                found = pd.Series(values).map(known)
            except TypeError:  # why: a value that no table can look up would tell of itself
                found = pd.Series(
                    [known.get(v) if isinstance(v, str | int) else None for v in values]
                )
            return np.asarray(found.fillna(last), dtype=int)
        numbers = numbers_of(values)
        place = np.searchsorted([float(each) for each in self.edges], numbers, side="right")
        for at, (special, _) in enumerate(self.special, self.ordered):
            place = np.where(numbers == float(special), at, place)
        return np.where(np.isnan(numbers), last, place)


def numbers_of(values: Any) -> np.ndarray:
    """Return a frame's numbers; what is none is missing, for an error would tell who has it."""
    series = pd.Series(values)
    if pd.api.types.is_numeric_dtype(series):
        return np.asarray(series.to_numpy(dtype=float, na_value=np.nan))
    return np.array([_number(each) for each in series], dtype=float)


def _number(value: Any) -> float:
    try:
        return float(value)
    except (TypeError, ValueError, OverflowError):
        return float("nan")


def _range(value: Any, edges: Sequence[Any], first: int = 0) -> Any:
    """Return the range an Ibis number is in, by halves: few comparisons, however many ranges."""
    if not edges:
        return first
    middle = len(edges) // 2
    below = _range(value, edges[:middle], first)
    return (value < edges[middle]).ifelse(
        below, _range(value, edges[middle + 1 :], first + middle + 1)
    )


def _of_kind(number: Decimal, kind: Any) -> Any:
    """Return a number as a column's kind has it: to compare kinds, the engine casts every value.

    What lies between two of a column's steps becomes the upper: the same values are below it.
    """
    import ibis

    if kind.is_floating():
        return float(number)
    scale = (kind.scale or 0) if kind.is_decimal() else 0
    whole = number.quantize(Decimal(1).scaleb(-scale), ROUND_CEILING)
    return ibis.literal(whole, kind) if kind.is_decimal() else int(whole)


def bins_of(name: str, given: Any = None, column: Column | None = None) -> Bins:
    """Return a feature's bins: as given, else of the catalog's domain or bounds.

    Parameters
    ----------
    given : sequence, optional
        Edges, or values, which are text.
    column : Column, optional
        As the catalog has it, for whatever was not given, and for special codes.
    """
    special = () if column is None else _special(column)
    if given is None:
        return _declared(name, column, special)
    if isinstance(given, str | Mapping) or not isinstance(given, Sequence) or not given:
        raise QuestionRefused(
            f"the bins of '{name}' are edges, such as [12, 24, 48], or values, such as "
            f"['own', 'rent'], not {given!r}."
        )
    if all(isinstance(each, str | bool) for each in given):
        if len(set(given)) != len(given) or REST in given:
            raise QuestionRefused(f"the values of '{name}' must be different, none '{REST}'.")
        return Bins(name, values=tuple(given))
    edges = rising(given, f"the edges of '{name}'")
    if len(edges) > MAX_EDGES:
        raise QuestionRefused(f"'{name}' has {len(edges)} edges; at most {MAX_EDGES} make sense.")
    return Bins(name, edges=tuple(edges), special=special)


def _special(column: Column) -> tuple[tuple[Decimal, str], ...]:
    if column.type not in NUMERIC:
        return ()
    return tuple((Decimal(code), told) for code, told in column.special_codes.items())


def _declared(name: str, column: Column | None, special: tuple[tuple[Decimal, str], ...]) -> Bins:
    if column is not None and column.type == "boolean":
        return Bins(name, values=column.domain or (False, True))
    if column is not None and column.domain is not None:
        return Bins(name, values=column.values)
    if column is None or column.bounds is None or column.type not in NUMERIC:
        raise QuestionRefused(
            f"nothing declares the bins of '{name}', and they are never read off the data. Give "
            f"edges or values, features={{'{name}': [...]}}, or declare bounds or a domain for it "
            "in the catalog."
        )
    low, high = (float(end) for end in column.bounds)  # type: ignore[arg-type]  # why: numbers
    steps = range(1, _RANGES)
    if low >= 0 and (high + 1) / (low + 1) > _WIDE:
        found = [(high + 1) ** (i / _RANGES) * (low + 1) ** (1 - i / _RANGES) - 1 for i in steps]
    else:
        found = [low + (high - low) * i / _RANGES for i in steps]
    digits = column.digits if column.type != "number" or column.scale is not None else 6
    rounded = {round(Decimal(each), digits) for each in found}
    inside = sorted(each for each in rounded if low < each < high)
    return Bins(name, edges=tuple(inside), special=special)


def values_of(frame: Any, column: str) -> Any:
    """Return a frame's column, or say which it lacks."""
    if column not in getattr(frame, "columns", ()):
        raise InputError(
            f"the frame lacks the column '{column}'. Give a DataFrame with the card's features."
        )
    return frame[column]
