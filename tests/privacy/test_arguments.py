"""Wrong types are told by what is declared, and only where Python trips on them."""

import pickle
from collections.abc import Mapping, Sequence

import numpy as np
import pytest

import workbench as wb
from workbench.errors import DataError, InputError
from workbench.privacy.arguments import checked


@checked
def door(*parts: int, rate: float | None = None, of: Sequence[str] = (), by: Mapping[str, int]):
    """Trip on whatever is no number."""
    if rate == -1:
        raise DataError("rate is 0 or more")
    return sum(parts) + (rate or 0) + sum(by.values()) + len("".join(of))


@pytest.mark.parametrize(
    ("parts", "given", "said"),
    [
        ((1, "2"), {}, "parts= takes int, not this tuple."),
        ((), {"rate": "60"}, "rate= takes float | None, not '60'."),
        ((), {"of": 7}, "of= takes Sequence[str], not 7."),
        ((), {"of": ["a", 1]}, "of= takes Sequence[str], not this list."),
        ((), {"by": {"a": "b"}}, "by= takes Mapping[str, int], not this dict."),
        ((), {"rate": -1}, "rate is 0 or more"),
    ],
)
def test_what_trips_is_told_by_its_name(parts, given, said):
    with pytest.raises(InputError) as told:
        door(*parts, **{"by": {}, **given})
    assert str(told.value) == said


def test_what_works_is_not_refused_and_a_fault_of_our_own_is_not_the_callers():
    assert door(1, rate=True, by={}) == 2
    broken = checked(lambda of: [][len(of)])
    with pytest.raises(IndexError):
        broken("x")
    with pytest.raises(TypeError, match="takes 1 positional argument but 2"):
        broken("x", "y")


def test_an_array_is_a_sequence_and_names_of_the_door_can_be_pickled():
    listed = checked(lambda of: float(of[0]))
    listed.__wrapped__.__annotations__ = {"of": Sequence[str]}
    with pytest.raises(ValueError, match="could not convert string to float"):
        listed(np.array(["x"]))
    assert pickle.loads(pickle.dumps(wb.query)) is wb.query  # noqa: S301  # why: our own
