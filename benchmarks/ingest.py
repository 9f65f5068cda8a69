"""What taking a file in costs, row by row checked, against copying it without a look."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

from benchmarks.catalogs import catalog_of
from benchmarks.harness import Measured, Result, Run, benchmark, interleaved, measure, script

CATALOG = catalog_of(
    "transactions",
    """\
transaction_id: {type: integer, rules: [{not_null: true}, {unique: true}]}
customer_id: {type: text, role: subject key, sensitivity: personal, rules: [{not_null: true}, {pattern: '^C-[0-9]{8}$'}]}
booked_on: {type: date, role: time, bounds: [2023-01-01, 2030-12-31], rules: [{not_null: true}]}
region: {type: text, domain: [north, south, west], rules: [{not_null: true}]}
category: {type: text, domain: [groceries, dining, transport, shopping], rules: [{not_null: true}]}
channel: {type: text, domain: [app, web, branch, card], rules: [{not_null: true}]}
amount: {type: money, role: measure, bounds: [1, 5000], rules: [{not_null: true}]}
is_refund: {type: boolean, rules: [{not_null: true}]}
""",  # noqa: E501  # why: one column a line
    kept_from="booked_on",
    rows=15,
    more="time: booked_on",
)
BAD_SHARE = 0.006  # of the rows: missing amounts, categories outside the domain, slipped amounts
_PLAIN = """
import sys
from pathlib import Path
import duckdb
from workbench.store.engine import Store
folder, file = map(Path, sys.argv[1:])
connection = Store(folder).connect()  # for its extensions; the lake is made here, the plain way
(folder / "data").mkdir(parents=True)
connection.execute(
    f"ATTACH 'ducklake:{folder}/plain.ducklake' AS lake (DATA_PATH '{folder}/data', ENCRYPTED)"
)
connection.execute(
    "CREATE TABLE lake.transactions (transaction_id BIGINT, customer_id VARCHAR, booked_on DATE, "
    "region VARCHAR, category VARCHAR, channel VARCHAR, amount DECIMAL(18,2), is_refund BOOLEAN)"
)
connection.execute(f"COPY lake.transactions FROM '{file}' (HEADER)")
"""


@benchmark("ingest", bar="≤ 1.3", smoke_informative=True)
def ingest(run: Run) -> Iterator[Result]:
    """CPU time of ``workbench data ingest`` against DuckDB's ``COPY`` into an encrypted table.

    The same CSV file of 10 M rows, of which 0.6 % break a rule. Ours checks every rule and key,
    keeps bad rows aside and names the content of every month; the plain copy looks at nothing.
    ``flat`` is the peak memory at 10 M rows against that at a quarter of them.
    """
    rows = 100_000 if run.smoke else 10_000_000
    file, quarter = run.folder / "transactions.csv", run.folder / "quarter.csv"
    write_csv(file, rows)
    write_csv(quarter, rows // 4)
    peaks: list[int] = []

    def ours() -> float:
        measured = _ours(run.folder / "ours", file)
        peaks.append(measured.peak_bytes)
        return measured.cpu_seconds

    def plain() -> float:
        folder = run.folder / "plain"
        shutil.rmtree(folder, ignore_errors=True)
        return measure([sys.executable, "-c", _PLAIN, folder, file]).cpu_seconds

    cpu = interleaved(
        {"ours": ours, "plain": plain},
        repeats=1 if run.smoke else 3,
        warm_up=0 if run.smoke else 1,
    )
    yield run.result("cpu", cpu["ours"], reference=cpu["plain"])
    small = _ours(run.folder / "ours", quarter).peak_bytes
    yield run.result("flat", max(peaks) / 1e6, reference=small / 1e6, bar="≤ 1.5")


def _ours(folder: Path, file: Path) -> Measured:
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    (folder / "workbench.toml").write_text("")
    (folder / "catalog.yaml").write_text(CATALOG)
    return measure(
        [script("workbench"), "data", "ingest", "transactions", file, "-w", folder, "--json"]
    )


def write_csv(path: Path, rows: int) -> None:
    """Write transactions of a tenth as many customers over nine months, `BAD_SHARE` at fault."""
    import duckdb

    def one_of(values: list[str], salt: int) -> str:
        return f"{values}[1 + (hash(i * 8 + {salt}) % {len(values)})::INT]"

    with duckdb.connect() as connection:
        connection.execute(
            f"""
            COPY (
                SELECT i AS transaction_id,
                    'C-' || lpad((hash(i * 8) % {rows // 10 + 1})::VARCHAR, 8, '0') AS customer_id,
                    DATE '2026-01-01' + (hash(i * 8 + 1) % 270)::INT AS booked_on,
                    {one_of(["north", "south", "west"], 2)} AS region,
                    CASE WHEN fault = 0 THEN 'travl' ELSE
                        {one_of(["groceries", "dining", "transport", "shopping"], 3)} END
                        AS category,
                    {one_of(["app", "web", "branch", "card"], 4)} AS channel,
                    CASE WHEN fault = 1 THEN NULL WHEN fault = 2 THEN 9000
                        ELSE 1 + (hash(i * 8 + 5) % 499900) / 100.0 END::DECIMAL(18, 2) AS amount,
                    hash(i * 8 + 6) % 50 = 0 AS is_refund
                FROM (SELECT i, hash(i * 8 + 7) % 500 AS fault FROM range({rows}) r(i))
            ) TO '{path}' (HEADER)
            """
        )
