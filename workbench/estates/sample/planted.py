"""What is planted in the sample estate, the months it covers, the dice of each block of customers.

`planted.NAME` is what ``planted.yaml`` says of NAME.
"""

import datetime as dt
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from types import SimpleNamespace
from typing import Any

import numpy as np

from workbench.documents import packaged


def read(name: str) -> dict[str, Any]:
    """Return what a file of data beside this module says; its lists as tuples."""
    content: dict[str, Any] = _fixed(packaged(f"estates/sample/{name}.yaml"))
    return content


def _fixed(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _fixed(each) for key, each in value.items()}
    return tuple(_fixed(each) for each in value) if isinstance(value, list) else value


_planted = read("planted")
_faults = _planted.pop("FAULTS")
_planted |= _faults
_planted["SEGMENTS"] = tuple(SimpleNamespace(**each) for each in _planted["SEGMENTS"])
_planted["DISTRICTS"] = tuple(
    f"{code}-{number}"
    for code in _planted["REGION_CODES"]
    for number in range(1, _planted["DISTRICTS_PER_REGION"] + 1)
)


def __getattr__(name: str) -> Any:
    if name not in _planted:
        raise AttributeError(name)
    return _planted[name]


@contextmanager
def without_faults() -> Iterator[None]:
    """Set every fault to nothing while an estate is written."""
    try:
        _planted.update(dict.fromkeys(_faults, 0))
        yield
    finally:
        _planted.update(_faults)


Array = np.ndarray[Any, Any]
BLOCK_CUSTOMERS = 1_000  # customers drawn together; files do not depend on how blocks are grouped


@dataclass(frozen=True)
class Window:
    """Months ``first`` to ``last``, as NumPy months."""

    last: np.datetime64
    months: int

    @cached_property
    def first(self) -> np.datetime64:
        """First month."""
        return self.last - (self.months - 1)

    @cached_property
    def starts(self) -> Array:
        """First day of every month, and of the one after."""
        months = np.arange(self.first, self.last + 2, dtype="datetime64[M]")
        return months.astype("datetime64[D]")

    @cached_property
    def days(self) -> Array:
        """Number of days of every month."""
        return np.diff(self.starts).astype(int)

    @cached_property
    def calendar(self) -> list[dt.date]:
        """First day of every month, as dates."""
        return [dt.date.fromisoformat(str(day)) for day in self.starts[:-1]]

    @property
    def start_day(self) -> np.datetime64:
        """First day covered."""
        return np.datetime64(self.starts[0])

    @property
    def end_day(self) -> np.datetime64:
        """Last day covered."""
        return np.datetime64(self.starts[-1] - 1)


@dataclass(frozen=True)
class Block:
    """Customers ``start`` to ``start + size - 1`` of an estate."""

    window: Window
    seed: int
    number: int
    start: int
    size: int

    @property
    def index(self) -> range:
        """The customers' numbers."""
        return range(self.start, self.start + self.size)

    def dice(self, topic: int) -> np.random.Generator:
        """Return the generator of one topic: topics do not disturb each other's draws."""
        return np.random.default_rng(
            np.random.SeedSequence(self.seed, spawn_key=(self.number, topic))
        )


def segment_values(name: str) -> Array:
    """Return one attribute of every planted segment."""
    return np.array([getattr(segment, name) for segment in _planted["SEGMENTS"]])


def choose(dice: np.random.Generator, shares: Array) -> Array:
    """Draw one code a row from rows of shares.

    Examples
    --------
    >>> choose(np.random.default_rng(0), np.array([[1.0, 0.0], [0.0, 1.0]])).tolist()
    [0, 1]
    """
    edges = np.cumsum(shares, axis=1)[:, :-1]
    drawn: Array = (dice.random(len(shares))[:, None] >= edges).sum(axis=1)
    return drawn
