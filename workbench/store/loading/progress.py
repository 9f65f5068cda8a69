"""How far a long query is, told while it runs."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import duckdb

_EVERY_SECONDS = 1.0


@contextmanager
def watched_progress(
    connection: duckdb.DuckDBPyConnection, what: str, tell: Callable[[str], None]
) -> Iterator[None]:
    """Tell ``what: 37 of 100 %`` once a second while a query of this connection runs."""
    done = threading.Event()

    def watch() -> None:
        while not done.wait(_EVERY_SECONDS):
            share = connection.query_progress()
            if share > 0:
                tell(f"{what}: {share:.0f} of 100 %")

    watcher = threading.Thread(target=watch, daemon=True)
    watcher.start()
    try:
        yield
    finally:
        done.set()
        watcher.join()
