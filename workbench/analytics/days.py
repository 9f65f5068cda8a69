"""Days of rows in the engine: by the clock of a place, and how many distinct ones.

They are counted in bit masks over the span, as values are over a declared domain: half the time
and a quarter of the memory that counting distinct values takes.
"""

from __future__ import annotations

import datetime as dt
from typing import Any

from workbench.errors import InputError

_BITS = 63  # days in one mask: a signed 64-bit integer's, without its sign
_MOST_MASKS = 12  # beyond about two years, distinct days are counted one by one


def local(moment: Any, timezone: str, what: str) -> Any:
    """Return a UTC time as the clock shows it elsewhere."""
    from zoneinfo import ZoneInfo

    import ibis
    import ibis.expr.datatypes as types

    if not moment.type().is_timestamp():
        raise InputError(
            f"{what} is {moment.type()}, a day without a time, so timezone='{timezone}' cannot "
            "move it. Leave timezone out."
        )
    try:
        ZoneInfo(timezone)
    except (KeyError, ValueError, OSError):
        raise InputError(
            f"timezone='{timezone}' is not known; write one such as 'Asia/Shanghai'."
        ) from None
    utc = types.Timestamp(timezone="UTC")
    signature = ((types.string, utc), types.timestamp)
    shift = ibis.udf.scalar.builtin(_timezone, name="timezone", signature=signature)
    return shift(timezone, moment.cast(utc))


def _timezone(zone: str, moment: Any) -> Any: ...


def _bit_count(mask: int) -> int:  # type: ignore[empty-body]  # why: the engine's
    ...


def distinct_days(day: Any, start: dt.date, end: dt.date) -> Any:
    """Return the number of distinct days between two, as an aggregate."""
    import ibis

    days = (end - start).days + 1
    if days > _BITS * _MOST_MASKS:
        return day.nunique()
    return distinct_places(day.delta(ibis.date(start.isoformat()), unit="day"), days)


def distinct_places(place: Any, places: int) -> Any:
    """Return how many of the places from 0 on occur, counted as bits of masks."""
    import ibis
    import ibis.expr.datatypes as types

    # why int8: what the engine returns; a sum in it would overflow, so each is cast before
    count = ibis.udf.scalar.builtin(
        _bit_count, name="bit_count", signature=((types.int64,), types.int8)
    )
    total: Any = ibis.literal(0, "int64")
    for first in range(0, places, _BITS):
        bit = ibis.literal(1, "int64") << (place - first)
        inside = place.between(first, min(first + _BITS, places) - 1)
        found = inside.ifelse(bit, ibis.null("int64")).bit_or()
        total = total + count(found.fill_null(0)).cast("int64")
    return total
