"""Columns that are read as numbers."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import ROUND_CEILING, Context, Decimal
from typing import Any

from workbench.catalog import NUMERIC, Column
from workbench.errors import QuestionRefused, UnknownName

_PLAIN = Decimal("0.001")  # what the engine takes a decimal to
_MOST_DIGITS = 38
_WIDE = Context(prec=80)


def numeric(name: str, allowed: Mapping[str, Column], what: str) -> Column:
    """Return a declared number column; refuse others, saying what it was wanted for."""
    if name not in allowed:
        raise UnknownName("column", name, allowed)
    if allowed[name].type not in NUMERIC:
        raise QuestionRefused(f"'{name}' is {allowed[name].type}; only numbers have {what}.")
    return allowed[name]


def number(source: Any, name: str, column: Column) -> Any:
    """Return a number column; where a special code stands, such as "not reported", is no number."""
    import ibis

    value: Any = source[name]
    kind = value.type()
    for code in column.special_codes:
        # why of its type: else the engine takes a decimal to three digits, and fails on a row
        # where that is too long
        same = exactly(Decimal(code), kind)
        value = value if same is None else value.nullif(ibis.literal(same, kind))
    return value


def exactly(number: Decimal, kind: Any) -> Decimal | int | float | None:
    """Return a number as values of an Ibis type have it; None where none of them can be it."""
    whole = in_steps(number, kind)
    return whole if kind.is_floating() or whole == number else None


def below(value: Any, edge: Decimal | int) -> Any:
    """Return whether values of an Ibis column are below a number, however many digits it has."""
    import ibis

    kind = value.type()
    if isinstance(edge, int) or (edge.adjusted() < 15 and edge == edge.quantize(_PLAIN)):
        return value < edge  # why: names of before are the SQL of this
    whole = in_steps(edge, kind)
    return ibis.literal(edge > 0) if whole is None else value < ibis.literal(whole, kind)


def in_steps(number: Decimal, kind: Any) -> Decimal | int | float | None:
    """Return the least value of a type that is no less than a number; None if it has no room."""
    if kind.is_floating():
        return float(number)
    if number.adjusted() > _MOST_DIGITS:
        return None
    scale = (kind.scale or 0) if kind.is_decimal() else 0
    whole = number.quantize(Decimal(1).scaleb(-scale), ROUND_CEILING, _WIDE)
    if kind.is_decimal():
        return whole if whole.adjusted() < (kind.precision or _MOST_DIGITS) - scale else None
    return int(whole) if kind.bounds.lower <= whole <= kind.bounds.upper else None
