"""Features of ten million transactions, ours against the SQL an analyst would write by hand."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from benchmarks.harness import Result, Run, benchmark, interleaved, measure

CATEGORIES = ("dining", "education", "entertainment", "groceries", "health", "housing", "shopping",
              "transport", "travel", "utilities")  # fmt: skip
CHANNELS = ("app", "branch", "card", "web")
ROWS_A_CUSTOMER = 50
AS_OF = "2025-12-31"
BY_HAND = """
    SELECT customer_id,
        date_diff('day', max(booked_on), DATE '{as_of}') AS recency_days,
        count(DISTINCT booked_on) AS frequency_days,
        sum(CASE WHEN is_refund OR amount < 0 THEN -abs(amount) ELSE amount END) AS monetary,
        date_diff('day', min(booked_on), max(booked_on))
            / nullif(count(DISTINCT booked_on) - 1, 0) AS gap_days,
        date_diff('day', min(booked_on), DATE '{as_of}') AS tenure_days,
        count(*) AS transactions,
        avg((is_refund OR amount < 0)::INT) AS returns_share,
        count(DISTINCT category) AS basket_breadth, {channels}
    FROM '{file}'
    WHERE booked_on BETWEEN DATE '2025-01-01' AND DATE '{as_of}' AND customer_id IS NOT NULL
    GROUP BY customer_id"""


@benchmark("rfm", bar="≤ 1.2", smoke_informative=True)
def rfm(run: Run) -> Iterator[Result]:
    """CPU time of customers' features from Parquet to Parquet, against hand-written DuckDB SQL.

    The hand-written query counts distinct days and categories as one would; both write the same
    figures, and that they are the same is checked. Peak memory is of the whole process.
    """
    source = run.folder / "transactions.parquet"
    _write(source, 100_000 if run.smoke else 10_000_000)
    found = {name: run.folder / f"{name}.parquet" for name in ("ours", "by-hand")}

    def child(name: str) -> list[str]:
        return [sys.executable, "-m", "benchmarks.rfm", name, str(source), str(found[name])]

    peaks: dict[str, list[int]] = {name: [] for name in found}

    def cpu_seconds(name: str) -> float:
        measured = measure(child(name))
        peaks[name].append(measured.peak_bytes)
        return measured.cpu_seconds

    cpu = interleaved(
        {name: lambda name=name: cpu_seconds(name) for name in found},  # type: ignore[misc]  # why: mypy wants no default
        repeats=1 if run.smoke else 3,
        warm_up=0 if run.smoke else 1,
    )
    yield run.result("cpu", cpu["ours"], reference=cpu["by-hand"])
    yield run.result("peak-mb", max(peaks["ours"]) / 1e6, bar="≤ 300 MB")
    yield run.result("customers-differing", _differing(found), bar="= 0 customers")


def _write(path: Path, rows: int) -> None:
    """Write transactions of 2025; every value is a hash."""
    import duckdb

    def hashed(column: int) -> str:
        return f"hash(i * 8 + {column})"

    customers = max(1, rows // ROWS_A_CUSTOMER)
    with duckdb.connect() as connection:
        connection.execute(
            f"""
            COPY (
                SELECT 'C-' || lpad(({hashed(1)} % {customers})::VARCHAR, 8, '0') AS customer_id,
                    DATE '2025-01-01' + ({hashed(2)} % 365)::INT AS booked_on,
                    {list(CATEGORIES)}[1 + ({hashed(3)} % {len(CATEGORIES)})::INT] AS category,
                    {list(CHANNELS)}[1 + ({hashed(4)} % {len(CHANNELS)})::INT] AS channel,
                    (1 + {hashed(5)} % 50000 / 100.0)::DECIMAL(18, 2) AS amount,
                    {hashed(6)} % 50 = 0 AS is_refund
                FROM range({rows}) r(i)
            ) TO '{path}' (FORMAT parquet)
            """
        )


def catalog() -> Any:
    """Return the catalog of the generated table."""
    from workbench.catalog import Catalog

    table = {
        "kind": "transactions",
        "title": "Transactions",
        "owner": "benchmarks",
        "source": "transactions.parquet",
        "subject_key": "customer_id",
        "time": "booked_on",
        "retention": {"months": 12, "after": "booked_on"},
        "contribution": {"cells": 12, "rows": 20},
        "purposes": ["segmentation"],
        "columns": {
            "customer_id": {"type": "text", "role": "subject key"},
            "booked_on": {"type": "date"},
            "category": {"type": "text", "domain": list(CATEGORIES)},
            "channel": {"type": "text", "domain": list(CHANNELS)},
            "amount": {"type": "money", "role": "measure"},
            "is_refund": {"type": "boolean"},
        },
    }
    purpose = {
        "title": "Segmentation",
        "basis": "legitimate interests",
        "audience": "customer relations",
        "expires": "2099-12-31",
    }
    limits = {"month": 1, "year": 8, "lifetime": 24}
    return Catalog.model_validate(
        {
            "version": 1,
            "title": "Generated",
            "privacy": {"key": "customer_id", "delta": "1e-6", "limits": limits},
            "purposes": {"segmentation": purpose},
            "tables": {"transactions": table},
        }
    )


def _ours(source: str) -> str:
    """Return the SQL of our expression."""
    import duckdb
    import ibis

    from workbench.analytics.features import features
    from workbench.store.reading.watching import watched

    connection = duckdb.connect()
    # why a view: a table read by name carries the name the catalog knows it by
    connection.execute(f"CREATE VIEW transactions AS SELECT * FROM '{source}'")
    backend = watched(connection, 0, print)  # as `Access.open` reads it
    expression = features(backend.table("transactions"), catalog(), as_of=AS_OF)
    return str(ibis.to_sql(expression, dialect="duckdb"))


def _by_hand(source: str) -> str:
    shares = ", ".join(f"avg((channel = '{each}')::INT) AS channel_{each}" for each in CHANNELS)
    return BY_HAND.format(as_of=AS_OF, file=source, channels=shares)


def _differing(found: dict[str, Path]) -> int:
    """Return how many customers have another figure."""
    import duckdb

    names = ["frequency_days", "monetary", "recency_days", "tenure_days", "transactions",
             "basket_breadth"]  # fmt: skip
    floats = ["gap_days", "returns_share", *(f"channel_{each}" for each in CHANNELS)]
    apart = [f"a.{name} IS DISTINCT FROM b.{name}" for name in names]
    apart += [f"abs(coalesce(a.{name}, -1) - coalesce(b.{name}, -1)) > 1e-9" for name in floats]
    with duckdb.connect() as connection:
        rows = connection.execute(
            f"SELECT count(*) FROM '{found['ours']}' a FULL JOIN '{found['by-hand']}' b "
            f"USING (customer_id) WHERE {' OR '.join(apart)}"
        ).fetchone()
    return int(rows[0]) if rows else -1


def _child(which: str, source: str, out: str) -> None:
    import duckdb

    sql = _ours(source) if which == "ours" else _by_hand(source)
    with duckdb.connect() as connection:
        # as the engine of a release is set, see Access.release_connection
        connection.execute("SET preserve_insertion_order = false")
        connection.execute(f"CREATE VIEW transactions AS SELECT * FROM '{source}'")
        connection.execute(f"COPY ({sql}) TO '{out}' (FORMAT parquet)")


if __name__ == "__main__":
    _child(*sys.argv[1:])
