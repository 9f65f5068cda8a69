"""A question on a Parquet file, the whole way of a release: resolve, pay, bound, draw, store.

The file stands where a workspace's table would be, so that ours and hand-written SQL read the same.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any

from benchmarks.data import CAP, CELLS, MONTHS, REGIONS

NOW = dt.datetime(2026, 11, 1, tzinfo=dt.UTC)
EPSILON, DELTA = "1", Decimal("1e-6")
PLAIN = """
    SELECT region, date_trunc('month', booked_on) AS month, count(DISTINCT {key}), sum(amount)
    FROM '{file}' GROUP BY ALL"""


def catalog(key: str) -> Any:
    """Return the catalog of the generated table, its customers under ``key``."""
    from workbench.catalog import Catalog

    regions = [f"R{i:02d}" for i in range(REGIONS)]
    table = {
        "kind": "transactions",
        "title": "Transactions",
        "owner": "benchmarks",
        "source": "transactions.parquet",
        "subject_key": key,
        "time": "booked_on",
        "retention": {"months": 12, "after": "booked_on"},
        "contribution": {"cells": CELLS, "rows": 20},
        "purposes": ["reporting"],
        "columns": {
            key: {"type": "text", "role": "subject key"},
            "booked_on": {"type": "date", "role": "time", "bounds": ["2025-01-01", "2026-01-01"]},
            "region": {"type": "text", "domain": regions},
            "amount": {"type": "money", "bounds": [0, 5000], "customer_bounds": [0, CAP]},
        },
    }
    purpose = {
        "title": "Reporting",
        "basis": "legitimate interests",
        "audience": "management",
        "expires": "2099-12-31",
    }
    limits = {"month": 1000, "year": 1000, "lifetime": 1000}
    return Catalog.model_validate(
        {
            "version": 1,
            "title": "Generated",
            "privacy": {"key": key, "delta": str(DELTA), "limits": limits},
            "purposes": {"reporting": purpose},
            "tables": {"transactions": table},
        }
    )


class Desk:
    """One engine on one file, and a ledger; asks the same question as often as wanted."""

    def __init__(
        self, file: Path, folder: Path, key: str = "customer_id", bounds: Any = None
    ) -> None:
        import duckdb
        import ibis

        from workbench.privacy.books.answers import AnswerLedger

        self.catalog, self._number, self._bounds = catalog(key), 0, bounds
        self.connection = duckdb.connect()
        # as the release engine is set, see Access.release_connection
        self.connection.execute("SET preserve_insertion_order = false")
        self.connection.execute("CREATE SCHEMA reporting")
        self.connection.execute(f"CREATE VIEW reporting.transactions AS SELECT * FROM '{file}'")
        backend = ibis.duckdb.from_connection(self.connection)
        self.table = backend.table("transactions", database="reporting")
        self.ledger = AnswerLedger(folder, self.catalog.privacy.limits, DELTA)

    def question(self) -> Any:
        """Return customers and spend by region and month, all months together."""
        from workbench.privacy.query import query
        from workbench.privacy.question import resolve

        asked = query(self.table, by=["region", "month"], together=True)
        return resolve(asked.customers().sum("amount", self._bounds), self.catalog, NOW.date())

    def ask(self) -> Any:
        """Answer it anew, paid and stored; every call is a question on new data."""
        from workbench.privacy.accounting import price
        from workbench.privacy.engine.running import compute, statements
        from workbench.privacy.releasing import Asked, Payer, release

        self._number += 1
        question = self.question()
        sql = statements(question)
        asked = Asked(
            "benchmark",
            question,
            [f"version {self._number}"],
            price(EPSILON, delta=DELTA),
            totals=lambda: compute(question, sql, self.connection.execute),
        )
        return release([asked], payer=Payer(self.ledger, None, NOW))[0]

    def run(self, sql: str) -> Sequence[tuple[Any, ...]]:
        """Run one statement."""
        return self.connection.execute(sql).fetchall()

    def truth(self) -> tuple[dict[tuple[str, int], int], dict[tuple[str, int], float]]:
        """Return the exact customers and spend of every cell."""
        rows = self.run(
            "SELECT region, month(booked_on), count(DISTINCT customer_id), sum(amount)::DOUBLE "
            "FROM reporting.transactions GROUP BY ALL"
        )
        return (
            {(region, month): count for region, month, count, _ in rows},
            {(region, month): total for region, month, _, total in rows},
        )


def cells() -> int:
    """Return how many cells the question has."""
    return REGIONS * MONTHS
