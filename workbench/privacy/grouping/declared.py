"""Declared columns as groups of a question: their domain, and where a value stands in it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from workbench.catalog import NUMERIC, Column
from workbench.errors import QuestionRefused
from workbench.privacy.columns import Dimension


def _domain(name: str, column: Column) -> tuple[Any, ...]:
    if column.type == "boolean":
        return column.domain or (False, True)
    if column.domain is not None:
        return column.values
    hint = f" For ranges use wb.bands('{name}', [...])." if column.type in NUMERIC else ""
    raise QuestionRefused(
        f"column '{name}' has no declared domain, and reading its values off the data would "
        f"tell who is in it. Declare domain: [...] for it in the catalog, or find its common "
        f"values privately with wb.discovered('{name}', delta=...).{hint}"
    )


def declared_group(name: str, column: Column) -> tuple[Dimension, int]:
    """Return a declared column as a dimension, and how many of its values a customer has."""
    values = _domain(name, column)
    title = column.title or name.replace("_", " ").capitalize()
    most = min(column.values_per_customer or len(values), len(values))
    exclusive = column.values_per_customer == 1
    return Dimension(name, title, "category", tuple(values), exclusive=exclusive), most


def meaning_of(name: str, column: Column) -> list[Any]:
    """Return what tells the same values apart: a rest is more than a value of that name."""
    return ["of", name] if column.rest is None else ["of", name, "rest", str(column.rest)]


def declared_code(value: Any, name: str, column: Column) -> Any:
    """Return the place of a column's value in its domain; others are the rest, where it has one."""
    values = _domain(name, column)
    code = index_of(value, values)
    if column.rest is None:
        return code
    return code.isnull().ifelse(value.notnull().ifelse(values.index(column.rest), None), code)


def index_of(column: Any, values: Sequence[Any]) -> Any:
    """Return the place of a column's value among declared ones; NULL outside them."""
    import ibis

    # why not CASE: DuckDB looks a list up once per dictionary entry, thirteen times faster
    return ibis.array(list(values)).index(column).nullif(-1)
