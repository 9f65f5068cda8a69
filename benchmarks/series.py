"""How much less noise a series has that costs once, against monthly answers at the same price."""

from __future__ import annotations

import datetime as dt
import random
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

from benchmarks.harness import Result, Run, benchmark

PRICE = "0.001"  # rho of each series


@benchmark("series", bar="≤ 0.30")
def series(run: Run) -> Iterator[Result]:
    """Root mean square noise over the months of series that cost once, over monthly answers'.

    The same customers at the same price, by month, as first events (``once``), and as stocks
    (``changes=2``), over 12 and 36 months; against the exact figures, so that bias counts too.
    """
    draws = 6 if run.smoke else 4_000
    for months, of_once, of_stocks in ((12, 0.30, 0.60), (36, 0.30, 0.43)):
        noise = _noise(months, draws)
        for name, bar in (("once", of_once), ("changes", of_stocks)):
            yield run.result(
                f"{name}-{months}", noise[name], reference=noise["months"], bar=f"≤ {bar}",
                informative=run.smoke,
            )  # fmt: skip


def _noise(months: int, draws: int) -> dict[str, float]:
    """Return the root mean square error of each way to ask, over months and draws."""
    import duckdb
    import ibis

    from workbench.privacy.accounting import price
    from workbench.privacy.engine.answering import answer, event_of
    from workbench.privacy.engine.running import compute, statements
    from workbench.privacy.engine.stocks import decoded
    from workbench.privacy.query import query
    from workbench.privacy.question import resolve
    from workbench.privacy.releasing import shared

    connection = duckdb.connect()
    connection.execute("CREATE SCHEMA reporting")
    # every customer is there from some month on for some months: one stay
    connection.execute(
        f"CREATE TABLE reporting.loans AS SELECT i AS customer_id, DATE '2023-01-05' "
        f"+ to_months(m::INTEGER)::INTERVAL AS day FROM range(3000) c(i), range({months}) t(m) "
        f"WHERE m >= hash(i) % {months} AND m < hash(i) % {months} + hash(i + 7) % 24 + 1"
    )
    connection.execute("ALTER TABLE reporting.loans ALTER day TYPE DATE")
    table = ibis.duckdb.from_connection(connection).table("loans", database="reporting")
    span = ("2023-01", f"{2023 + (months - 1) // 12}-12")
    ways: dict[str, dict[str, Any]] = {
        "months": {},
        "once": {"once": True},
        "changes": {"changes": 2},
    }
    dice, found = random.Random(14).randrange, {}
    for name, options in ways.items():
        asked = query(table, by="month", period=span, **options).customers()
        question = resolve(asked, _catalog(), dt.date(2026, 10, 2))
        totals = compute(question, statements(question), connection.execute)
        truth = [row[1] for row in connection.execute(_TRUTH[name]).fetchall()]
        cost = shared(price(rho=PRICE, delta=Decimal("1e-6")), question.shares)
        event, squares = event_of(question, cost), 0.0
        for _ in range(draws):
            before = None
            for i, exact in enumerate(truth):
                figures = answer(question, totals[i], event, dice)
                if question.stocks is not None:
                    figures = decoded(question, i, figures, f"r-{i}", before)
                    before = figures.mechanism
                squares += (figures.columns["customers"][0] - exact) ** 2
        found[name] = (squares / draws / months) ** 0.5
    return found


_STOCK = "SELECT date_trunc('month', day) AS m, count(*) FROM reporting.loans GROUP BY m ORDER BY m"
_FIRST = (
    "SELECT m, count_if(m = date_trunc('month', first)) FROM ("
    "SELECT date_trunc('month', day) AS m, min(day) OVER (PARTITION BY customer_id) AS first "
    "FROM reporting.loans) GROUP BY m ORDER BY m"
)
_TRUTH = {"months": _STOCK, "changes": _STOCK, "once": _FIRST}


def _catalog() -> Any:
    from workbench.catalog import Catalog

    table = {
        "kind": "transactions", "title": "Loans", "owner": "benchmarks", "source": "loans.csv",
        "subject_key": "customer_id", "time": "day",
        "retention": {"months": 84, "after": "day"}, "contribution": {"cells": 1, "rows": 1},
        "purposes": ["reporting"],
        "columns": {
            "customer_id": {"type": "integer", "role": "subject key"},
            "day": {"type": "date", "role": "time", "bounds": ["2023-01-01", "2026-01-01"]},
        },
    }  # fmt: skip
    purpose = {
        "title": "Reporting", "basis": "legitimate interests", "audience": "management",
        "expires": "2099-12-31",
    }  # fmt: skip
    limits = {"month": 1000, "year": 1000, "lifetime": 1000}
    return Catalog.model_validate(
        {
            "version": 1, "title": "Generated",
            "privacy": {"key": "customer_id", "delta": "1e-6", "limits": limits},
            "purposes": {"reporting": purpose}, "tables": {"loans": table},
        }
    )  # fmt: skip
