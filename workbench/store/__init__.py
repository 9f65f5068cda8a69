"""Encrypted data at exact snapshots, opened for a purpose, audited."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import duckdb

    Connection = duckdb.DuckDBPyConnection
else:  # why: much is done without an engine, and should not wait for its import
    Connection = Any

THEN = "@"  # between a purpose and the older snapshot it reads; no purpose's name has one
Tell = Callable[[str], None]  # takes each step of what takes long, in words


def quiet(_: str) -> None:
    """Tell nobody."""
