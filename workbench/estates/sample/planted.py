"""What is planted in the sample estate: `planted.NAME` is what ``planted.yaml`` says of NAME."""

from collections.abc import Iterator
from contextlib import contextmanager
from types import SimpleNamespace
from typing import Any

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
