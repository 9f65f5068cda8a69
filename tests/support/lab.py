"""One table in memory with the catalog that declares it: questions in milliseconds."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from decimal import Decimal
from fractions import Fraction
from typing import Any

import duckdb
import ibis

from workbench.catalog import Catalog
from workbench.privacy.accounting import Cost
from workbench.privacy.books.entries import Event
from workbench.privacy.engine.answering import Computed, answer, event_of
from workbench.privacy.engine.running import compute, statements
from workbench.privacy.engine.stocks import decoded
from workbench.privacy.question import Question, resolve

TODAY = dt.date(2026, 10, 2)
PRICELESS = 10**40  # pico-rho at which no noise is left
COLUMNS: Mapping[str, Mapping[str, Any]] = {
    "customer_id": {"type": "text", "role": "subject key"},
    "day": {"type": "date", "role": "time", "bounds": ["2026-01-01", "2026-12-31"]},
    "region": {"type": "text", "domain": ["a", "b", "c"]},
    "kind": {"type": "text", "domain": ["p", "q", "r", "s"]},
    "note": {"type": "text"},
    "amount": {"type": "money", "bounds": [0, 500], "customer_bounds": [0, 200]},
    "score": {"type": "number", "scale": 3, "bounds": [-1, 1], "customer_bounds": [-2, 2]},
    "weight": {"type": "number", "customer_bounds": [-50, 150]},
    "level": {"type": "integer", "domain": [1, 2, 3], "bounds": [1, 3]},
    "flag": {"type": "boolean"},
}
_SQL = {
    "text": "VARCHAR",
    "date": "DATE",
    "money": "DECIMAL(18,2)",
    "integer": "BIGINT",
    "boolean": "BOOLEAN",
    "timestamp": "TIMESTAMP",
}


def catalog_of(
    columns: Mapping[str, Mapping[str, Any]], *, cells: int = 2, **changes: Any
) -> Catalog:
    """Return a catalog of one table 'visits' read for the purpose 'reporting'."""
    time = "day" if "day" in columns else None
    table = {
        "kind": "transactions",
        "title": "Visits",
        "owner": "front desk",
        "source": "visits.csv",
        "subject_key": "customer_id",
        "time": time,
        "retention": {"months": 84, "after": "day"},
        "contribution": {"cells": cells, "rows": 3},
        "purposes": ["reporting"],
        "columns": columns,
        **changes,
    }
    return Catalog.model_validate(
        {
            "version": 1,
            "title": "Lab",
            "currency": "EUR",
            "privacy": {
                "unit": "customer",
                "key": "customer_id",
                "delta": "1e-6",
                "limits": {"month": 1000, "year": 1000, "lifetime": 1000},
            },
            "purposes": {
                "reporting": {
                    "title": "Reporting",
                    "basis": "legitimate interests",
                    "audience": "managers",
                    "expires": "2035-12-31",
                }
            },
            "tables": {"visits": table},
        }
    )


class Lab:
    """A table 'visits' of given rows, each a mapping; columns left out are NULL."""

    def __init__(
        self,
        rows: Sequence[Mapping[str, Any]],
        *,
        columns: Mapping[str, Mapping[str, Any]] = COLUMNS,
        threads: int = 1,
        **catalog: Any,
    ) -> None:
        self.catalog = catalog_of(columns, **catalog)
        self.connection = duckdb.connect(config={"threads": threads})
        # as the release engine's: see store/reading/access.py
        self.connection.execute("SET disabled_optimizers = 'top_n_window_elimination'")
        self.connection.execute("SET VARIABLE truncation = 'a key'")
        self.connection.execute("CREATE SCHEMA reporting")
        names = ", ".join(f"{name} {_type(column)}" for name, column in columns.items())
        self.connection.execute(f"CREATE TABLE reporting.visits ({names})")
        self.fill(rows)
        self.table = ibis.duckdb.from_connection(self.connection).table(
            "visits", database="reporting"
        )

    def fill(self, rows: Sequence[Mapping[str, Any]]) -> None:
        """Replace the rows."""
        columns = list(self.catalog.tables["visits"].columns)
        self.connection.execute("DELETE FROM reporting.visits")
        if rows:
            marks = ", ".join("?" for _ in columns)
            values = [[row.get(name) for name in columns] for row in rows]
            one = f"({marks})"
            self.connection.execute(
                f"INSERT INTO reporting.visits VALUES {', '.join([one] * len(values))}",
                [each for row in values for each in row],
            )

    def resolve(self, query: Any, *, pure: bool = False) -> Question:
        """Return the resolved question."""
        return resolve(query, self.catalog, TODAY, pure=pure)

    def totals(self, question: Question) -> list[Computed]:
        """Return the exact bounded totals of every part."""
        return compute(
            question,
            statements(question),
            self.connection.execute,
        )

    def ask(self, query: Any, *, pico: int = PRICELESS, pure: bool = False) -> list[dict[str, Any]]:
        """Return the rows of every part, by default without noise."""
        question = self.resolve(query, pure=pure)
        return _rows(question, self.totals(question), pico)


def exactly(workspace: Any, query: Any, *, pure: bool = False) -> list[dict[str, Any]]:
    """Return the rows of a question to a workspace without noise; nothing is spent or stored."""
    now = workspace.now()
    question = resolve(query, workspace.catalog, now.date(), pure=pure)
    tables = [(table, question.purpose) for table in question.tables]
    connection = workspace.access.release_connection(tables, now)
    with connection:
        sql = statements(question)
        totals = compute(question, sql, connection.execute)
    return _rows(question, totals, PRICELESS)


def booked(question: Question, pico: int, epsilon: Fraction | None = None) -> Event:
    """Return what is drawn for one part of a question at a price."""
    delta = sum((Fraction(each.delta or 0) for each in question.groups), Fraction(0))
    # as zCDP no variance is added for the integers, so that none is left where there is no price
    return event_of(question, Cost(pico, delta, epsilon, pico < PRICELESS))


def _rows(question: Question, totals: Sequence[Computed], pico: int) -> list[dict[str, Any]]:
    event = booked(question, pico, Fraction(10**9) if question.pure else None)
    found, before = [], None
    for i, (part, each) in enumerate(zip(question.parts, totals, strict=True)):
        figures = answer(question, each, event)
        if question.stocks is not None:
            figures = decoded(question, i, figures, f"r-{i}", before)
            before = figures.mechanism
        columns = figures.columns
        names = [name for name in columns if not name.endswith(("_low", "_high"))]
        for values in zip(*(columns[name] for name in names), strict=True):
            row = dict(zip(names, values, strict=True))
            found.append(row if question.month_axis is None else {"month": part.period} | row)
    return found


def _type(column: Mapping[str, Any]) -> str:
    if column["type"] == "number":
        scale = column.get("scale")
        return "DOUBLE" if scale is None else f"DECIMAL(18,{scale})"
    return _SQL[column["type"]]


def cents(amount: float | str) -> Decimal:
    """Return an amount of money as the store holds it."""
    return Decimal(str(amount)).quantize(Decimal("0.01"))
