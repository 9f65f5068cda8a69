"""Columns that are read as numbers."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from workbench.catalog import NUMERIC, Column
from workbench.errors import QuestionRefused, UnknownName


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
    for code in column.special_codes:
        value = value.nullif(ibis.literal(Decimal(code)).cast(value.type()))
    return value
