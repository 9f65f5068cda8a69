"""Pseudonyms: HMAC-SHA-256 of a customer's key under a purpose's own key.

Two purposes cannot be joined, and nobody without the key can go back.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from workbench.store.keys.marks import hmac_sql, padded
from workbench.store.keys.master import derive

if TYPE_CHECKING:
    import duckdb

KEYS = "memory._keys"  # one table of one row a purpose; no purpose's name starts so


def pseudonym_sql(key: str, purpose: str) -> str:
    """Return SQL for HMAC-SHA-256 of a key column; the key material is a row of a table."""
    inner, outer = (f'{KEYS}."{purpose}"._{part}' for part in ("inner", "outer"))
    return f'{hmac_sql(f"""CAST("{key}" AS VARCHAR)""", inner, outer)} AS "{key}"'


def set_pseudonym_key(
    connection: duckdb.DuckDBPyConnection, purpose: str, master_key: bytes
) -> None:
    """Give the engine the padded key of one purpose (RFC 2104), outside any SQL text.

    In a table, for a constant would stand in query plans, which notebooks show.
    """
    inner, outer = padded(derive(master_key, f"purpose:{purpose}"))
    connection.execute(f"CREATE SCHEMA IF NOT EXISTS {KEYS}")
    connection.execute(f'CREATE OR REPLACE TABLE {KEYS}."{purpose}" (_inner BLOB, _outer BLOB)')
    connection.execute(f'INSERT INTO {KEYS}."{purpose}" VALUES (?, ?)', [inner, outer])
