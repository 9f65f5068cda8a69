"""Generated customer data of any size, the same on every machine: every value is a hash."""

from __future__ import annotations

from pathlib import Path

REGIONS, MONTHS = 30, 12
CAP = 200  # of one customer's total within one cell
CELLS = 12  # that one customer may fill, months together
MEAN_AMOUNT, SPREAD = 50, 0.8
AT_HOME = 0.5  # of a customer's rows


def write_transactions(path: Path, rows: int, customers: int) -> None:
    """Write a Parquet file of ``customer_id, booked_on, region, amount``.

    Every row's customer and day of 2025 are uniform and independent. `AT_HOME` of its customer's
    rows are in the customer's home region, the others anywhere. The amount is lognormal with mean
    `MEAN_AMOUNT` and sigma `SPREAD`.
    """
    import duckdb

    # why one argument: DuckDB's hashes of (i, 5) and (i, 6) depend on each other
    def hashed(column: int) -> str:
        return f"hash(i * 8 + {column})"

    def uniform(column: int) -> str:  # in (0, 1): the hash's upper 53 bits
        return f"(({hashed(column)} >> 11)::DOUBLE + 0.5) / {2**53}"

    normal = f"sqrt(-2 * ln({uniform(5)})) * cos(2 * pi() * {uniform(6)})"
    with duckdb.connect() as connection:
        connection.execute(
            f"""
            COPY (
                SELECT ({hashed(1)} % {customers})::BIGINT AS customer_id,
                    make_date(2025, 1 + ({hashed(2)} % {MONTHS})::INT,
                        1 + ({hashed(3)} % 28)::INT) AS booked_on,
                    printf('R%02d', (CASE WHEN {uniform(7)} < {AT_HOME}
                        THEN hash({hashed(1)} % {customers}) ELSE {hashed(4)} END
                        % {REGIONS})::INT) AS region,
                    exp(ln({MEAN_AMOUNT}) - {SPREAD * SPREAD / 2} + {SPREAD} * {normal})
                        ::DECIMAL(18, 2) AS amount
                FROM range({rows}) r(i)
            ) TO '{path}' (FORMAT parquet)
            """
        )
