"""Numbers that are assumed: each says between which values a reader may change it.

In a recipe stand the number itself, which is what Python computes with, and under ``assumed`` where
it stands and what it may be instead.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

Place = tuple[str | int, ...]


class Assumed(float):
    """A number of an operation that a reader may change; arithmetic on it gives a plain number.

    ``about``: its name and title; ``low``, ``high``, ``step`` of a slider, ``values`` of a choice.
    """

    about: Mapping[str, Any]

    def __new__(cls, value: float, about: Mapping[str, Any] | None = None) -> Assumed:
        """Return a number with what it may be instead."""
        made = super().__new__(cls, value)
        made.about = about or {}
        return made


def assumptions(arguments: Any, place: Place = ()) -> Iterator[dict[str, Any]]:
    """Yield the assumed numbers of an operation's arguments, each with where it stands."""
    if isinstance(arguments, Assumed):
        yield {"at": list(place), **arguments.about}
    elif isinstance(arguments, Mapping):
        for key, part in arguments.items():
            yield from assumptions(part, (*place, str(key)))
    elif isinstance(arguments, Sequence) and not isinstance(arguments, str):
        for index, part in enumerate(arguments):
            yield from assumptions(part, (*place, index))


def restated(arguments: Mapping[str, Any], values: Mapping[str, float]) -> dict[str, Any]:
    """Return a recipe's arguments with other numbers in place of those that are assumed."""
    made = {key: part for key, part in arguments.items() if key != "assumed"}
    for each in arguments.get("assumed", ()):
        if each["name"] in values:
            made = _put(made, each["at"], values[each["name"]])
    return made


def _put(content: Any, place: Sequence[str | int], value: float) -> Any:
    if not place:
        return value
    first, *rest = place
    if isinstance(content, Mapping):
        return {k: _put(v, rest, value) if k == first else v for k, v in content.items()}
    return [_put(v, rest, value) if i == first else v for i, v in enumerate(content)]
