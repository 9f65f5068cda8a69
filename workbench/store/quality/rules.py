"""What the catalog expects of a table as conditions in SQL: whom a rule is about, what breaks it.

The same conditions decide which rows of an ingest are kept and what share of a table is at fault.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from typing import Literal

from workbench.catalog import Column, Table
from workbench.store.quality.patterns import CHECKS, pattern_sql

Dimension = Literal["accuracy", "completeness", "timeliness", "consistency", "security"]
DIMENSIONS: tuple[Dimension, ...] = (
    "accuracy",
    "completeness",
    "timeliness",
    "consistency",
    "security",
)


@dataclass(frozen=True)
class RowRule:
    """One rule that each row keeps or breaks by itself.

    Attributes
    ----------
    column : str
    dimension : str
    rule : str
        Its name: ``range``, ``check_digit luhn``.
    about, fails : str
        SQL conditions: which rows it is about, and which of these break it.
    tolerance : Decimal or None
        Share that may break it; None: nothing is declared, so that it is counted, not judged.
    """

    column: str
    dimension: Dimension
    rule: str
    about: str
    fails: str
    tolerance: Decimal | None = Decimal(0)

    @property
    def holds_back(self) -> bool:
        """Whether a row that breaks it does not become one of the table."""
        return self.tolerance is not None and not self.tolerance


@dataclass(frozen=True)
class Reference:
    """Values of a column that another table's column must hold."""

    column: str
    table: str
    target: str
    tolerance: Decimal

    @property
    def holds_back(self) -> bool:
        """Whether a row that breaks it does not become one of the table."""
        return not self.tolerance

    @property
    def rule(self) -> str:
        """Its name."""
        return f"references {self.table}.{self.target}"


def row_rules(table: Table, today: dt.date) -> list[RowRule]:
    """Return every rule of a table that a row keeps or breaks by itself."""
    return [
        rule
        for name, column in table.columns.items()
        for rule in (*_declared(name, column), *_rules(name, column, today))
    ]


def references(table: Table) -> list[Reference]:
    """Return every reference of a table to another."""
    found = []
    for name, column in table.columns.items():
        for rule in column.rules:
            if rule.references:
                target, _, field = rule.references.partition(".")
                found.append(Reference(name, target, field, rule.tolerance))
    return found


def unique_columns(table: Table) -> dict[tuple[str, ...], Decimal]:
    """Return the sets of columns whose values come once, and the share that may come again."""
    found: dict[tuple[str, ...], Decimal] = {}
    for name, column in table.columns.items():
        for rule in column.rules:
            if rule.unique:
                found[(name,)] = rule.tolerance
    if table.row_key:
        found.setdefault(table.row_key, Decimal(0))
    return found


def _declared(name: str, column: Column) -> Iterator[RowRule]:
    """Yield the rules that domain and bounds are."""
    filled = f'"{name}" IS NOT NULL'
    special = _special(name, column)
    if column.domain is not None and column.closed:
        values = ", ".join(literal(value) for value in column.domain)
        # why a function: of a column stored as a dictionary it is computed once a word, IN is not
        fails = f'NOT list_contains([{values}], "{name}"){special}'
        if set(column.domain) == {True, False}:
            fails = "false"  # a boolean holds nothing else
        yield RowRule(name, "accuracy", "domain", filled, fails)
    if column.bounds is not None:
        low, high = (literal(bound) for bound in column.bounds)
        # why not BETWEEN: the last day of a timestamp's bounds is meant whole
        above = (
            f'"{name}" >= {high} + INTERVAL 1 DAY'
            if column.type == "timestamp"
            else f'"{name}" > {high}'
        )
        yield RowRule(name, "accuracy", "range", filled, f'("{name}" < {low} OR {above}){special}')


def _rules(name: str, column: Column, today: dt.date) -> Iterator[RowRule]:
    filled = f'"{name}" IS NOT NULL'
    text = f'"{name}"' if column.type == "text" else f'CAST("{name}" AS VARCHAR)'
    if not any(rule.not_null for rule in column.rules):
        yield RowRule(name, "completeness", "filled", "true", f'"{name}" IS NULL', None)
    for rule in column.rules:
        if rule.not_null:
            yield RowRule(
                name, "completeness", "not_null", "true", f'"{name}" IS NULL', rule.tolerance
            )
        if rule.pattern is not None:
            fails = f"NOT {pattern_sql(text, rule.pattern)}"
            yield RowRule(name, "accuracy", "pattern", filled, fails, rule.tolerance)
        if rule.check_digit is not None:
            fails = f"{filled} AND NOT {CHECKS[rule.check_digit](text)}"
            label = f"check_digit {rule.check_digit}"
            yield RowRule(name, "accuracy", label, filled, fails, rule.tolerance)
        if rule.not_after == "today":
            fails = f'"{name}" >= {literal(today + dt.timedelta(days=1))}'
            yield RowRule(name, "accuracy", "not_after today", filled, fails, rule.tolerance)
        elif rule.not_after is not None:
            about = f'{filled} AND "{rule.not_after}" IS NOT NULL'
            fails = f'"{name}" > "{rule.not_after}"'
            label = f"not_after {rule.not_after}"
            yield RowRule(name, "consistency", label, about, fails, rule.tolerance)


def _special(name: str, column: Column) -> str:
    """Return the condition that leaves out values that stand for no value."""
    if not column.special_codes:
        return ""
    kinds = {"integer": int, "number": Decimal, "money": Decimal}
    kind = kinds.get(column.type, str)
    codes = ", ".join(literal(kind(code)) for code in column.special_codes)
    return f' AND "{name}" NOT IN ({codes})'


def literal(value: object) -> str:
    """Return a SQL literal of a declared value.

    Examples
    --------
    >>> literal("it's"), literal(3), literal(True), literal(dt.date(2026, 1, 5))
    ("'it''s'", '3', 'true', "DATE '2026-01-05'")
    """
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, dt.date):
        return f"DATE '{value.isoformat()}'"
    if isinstance(value, int | Decimal):
        return f"{value:f}" if isinstance(value, Decimal) else str(value)
    return "'" + str(value).replace("'", "''") + "'"
