"""A feature's declared bins, in the engine and in frames alike; never learned from data."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from decimal import Decimal
from functools import partial
from math import copysign
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa

from workbench.catalog import NUMERIC, Column
from workbench.errors import InputError, QuestionRefused
from workbench.privacy.columns import Scalar
from workbench.privacy.grouping.bands import MAX_EDGES, band_labels
from workbench.privacy.grouping.codes import index_of
from workbench.privacy.grouping.opened import exactly, in_steps
from workbench.privacy.groups import REST, rising

Array = npt.NDArray[np.floating]

_RANGES = 40  # between bounds, where no edges were given: at even steps of each of three roots
_ROOTS = (1, 3, 9)
_APART = 10**15  # digits of a float
_BY_RANGES = 0.25  # of a merged range's size; the rest is its customers


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

    def merged(self, most: int, customers: Array | None = None) -> Bins:
        """Return it with so many ranges at most, cut where declared ranges end.

        Each has as much of the whole: a quarter of that are declared ranges, the rest is their
        noisy ``customers``, where these are known.
        """
        count = len(self.edges) + 1
        if count <= most:
            return self
        held = np.ones(count) if customers is None else customers
        part = _BY_RANGES / count + (1 - _BY_RANGES) * held / held.sum()
        upto = np.cumsum(part)[:-1]
        nearest = np.searchsorted((upto[1:] + upto[:-1]) / 2, np.arange(1, most) / most)
        edges = dict.fromkeys(self.edges[end] for end in nearest)
        return replace(self, edges=tuple(edges))

    def require(self, kind: Any) -> None:
        """Refuse bins of numbers for a column of another type, and values of another than its."""
        fits = kind.is_numeric() if self.ordered or self.edges else not kind.is_numeric()
        if not fits:
            told = "edges" if self.edges else "values"
            raise QuestionRefused(
                f"the {told} of '{self.column}' do not fit a column of type {kind}. Numbers have "
                "edges; text, and what is true or false, has values."
            )

    def place(self, value: Any) -> Any:
        """Return where an Ibis column's values stand, never NULL."""
        import ibis

        last, kind = len(self.labels) - 1, value.type()
        if not self.edges:
            return index_of(value, self.values).fill_null(last)
        none = value.isnull() | value.isnan() if kind.is_floating() else value.isnull()
        tests = [(none, last)]
        for same, number, place in self._steps(kind):
            other = ibis.literal(number, kind)
            tests.append((value == other if same else value < other, place))
        return ibis.cases(*tests, else_=self.ordered - 1)

    def read(self, value: Any) -> tuple[Any, Callable[[np.ndarray], np.ndarray]]:
        """Return what to read of an Ibis column, as numbers, and where such stand."""
        kind, steps = value.type(), list(self._steps(value.type()))
        scale = (kind.scale or 0) if kind.is_decimal() else 0
        # why: so far floats tell such numbers apart, and none takes the place of another
        told = all(abs(number) * 10**scale < _APART for _, number, _ in steps)
        narrow = not kind.is_decimal() or (kind.precision or 38) <= 18  # as the engine divides
        if not self.edges or not (kind.is_floating() or (told and narrow)):
            return self.place(value), partial(np.asarray, dtype=self._kept)
        edges = [float(number) for same, number, _ in steps if not same]
        codes = [(float(number), at) for same, number, at in steps if same]
        return value.cast("float64"), partial(self._standing, edges, codes)

    def _steps(self, kind: Any) -> Iterator[tuple[bool, Any, int]]:
        """Yield codes to be equal to, then edges to be below, as a kind has them, with a place.

        To compare kinds, the engine would cast every value. What lies between two of a kind's
        steps becomes the upper: the same values are below it.
        """
        for place, (code, _) in enumerate(self.special, self.ordered):
            if (number := exactly(code, kind)) is not None:
                yield True, number, place
        for place, edge in enumerate(self.edges):
            if (number := in_steps(edge, kind)) is None:
                raise QuestionRefused(
                    f"the edge {edge} of '{self.column}' is beyond what a column of type {kind} "
                    "holds. Give edges that its values can reach."
                )
            yield False, number, place

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
        codes = [(float(code), at) for at, (code, _) in enumerate(self.special, self.ordered)]
        return self._standing([float(each) for each in self.edges], codes, numbers_of(values))

    def _standing(
        self, edges: Sequence[float], codes: Sequence[tuple[float, int]], numbers: np.ndarray
    ) -> np.ndarray:
        place = np.zeros(len(numbers), self._kept)
        for edge in edges:  # why not searched: of a few edges, ten times as fast
            place += numbers >= edge
        for code, at in codes:
            place[numbers == code] = at
        place[np.isnan(numbers)] = len(self.labels) - 1
        return place

    @property
    def _kept(self) -> np.dtype[Any]:
        """The smallest kind of number that tells all places."""
        return np.min_scalar_type(len(self.labels))

    def within(self, fine: Bins) -> np.ndarray:
        """Return where each place of the column's finest bins, of which these are made, goes."""
        ranges = [0, *(bisect_right(self.edges, edge) for edge in fine.edges)]
        first = ranges if self.edges else range(len(self.values))
        rest = len(self.special) + 1
        return np.array([*first, *range(len(self.labels) - rest, len(self.labels))], self._kept)


def numbers_of(values: Any) -> np.ndarray:
    """Return a frame's numbers; what is none is missing, for an error would tell who has it."""
    series = pd.Series(values)
    if pd.api.types.is_numeric_dtype(series):
        return np.asarray(series.to_numpy(dtype=float, na_value=np.nan))
    found = np.full(len(series), np.nan)
    for at, value in enumerate(series):
        with suppress(TypeError, ValueError, OverflowError):
            found[at] = float(value)
    return found


def bins_of(name: str, given: Any = None, column: Column | None = None) -> Bins:
    """Return a feature's bins: as given, else of the catalog's domain or bounds.

    Parameters
    ----------
    given : sequence, optional
        Edges, or values, which are text.
    column : Column, optional
        As the catalog has it, for whatever was not given, and for special codes.
    """
    special: tuple[tuple[Decimal, str], ...] = ()
    if column is not None and column.type in NUMERIC:
        special = tuple((Decimal(code), told) for code, told in column.special_codes.items())
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
    digits = column.digits if column.type != "number" or column.scale is not None else 6
    found = {Decimal(0), Decimal(1).scaleb(-digits)}  # nought is apart
    for root in _ROOTS:  # why: bounds are declared for the largest, and most may be far below
        first, last = (copysign(abs(end) ** (1 / root), end) for end in (low, high))
        steps = (first + (last - first) * i / _RANGES for i in range(1, _RANGES))
        found |= {round(Decimal(copysign(abs(each) ** root, each)), digits) for each in steps}
    inside = sorted(each for each in found if low < each < high)
    return Bins(name, edges=tuple(inside), special=special)


def framed(given: Any) -> Any:
    """Return another library's table, of Polars or Arrow, as a DataFrame; all else as it is."""
    if isinstance(given, pd.DataFrame) or not hasattr(given, "__arrow_c_stream__"):
        return given
    return pa.table(given).to_pandas()


def values_of(frame: Any, column: str) -> Any:
    """Return a frame's column, or say which it lacks."""
    if column not in getattr(frame, "columns", ()):
        raise InputError(
            f"the frame lacks the column '{column}'. Give a DataFrame with the card's features."
        )
    return frame[column]
