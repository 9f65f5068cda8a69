"""An engine for analysts that tells of reads: results handed to Python or files, with their rows.

It sees what goes through Ibis: ``execute``, ``to_pandas``, ``to_pyarrow``, ``to_polars``, batches,
and files written by ``to_parquet``, ``to_csv``, ``to_json`` and the like. SQL sent to the engine's
own connection (``table.get_backend().con``) it does not see.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import cache
from typing import TYPE_CHECKING, Any

from workbench.errors import WorkbenchError
from workbench.store import Connection
from workbench.store.lake_files import losses_told

if TYPE_CHECKING:
    import ibis

Told = Callable[[int, list[tuple[str, str]], bool], None]


def watched(
    connection: Connection,
    limit_rows: int,
    tell: Told,
    ended: Callable[[], WorkbenchError | None] = lambda: None,
) -> ibis.BaseBackend:
    """Return an Ibis backend that tells of reads before handing them on.

    Parameters
    ----------
    limit_rows : int
        More than these are many.
    tell : callable
        Told the number of rows, the (table, purpose) pairs they came from, and whether the rows
        are many.
    ended : callable
        Returns the error of a read whose files are gone for they were removed for good.
    """
    backend = _kind().from_connection(connection)
    backend._limit_rows, backend._tell, backend._ended = limit_rows, tell, ended
    return backend


@cache
def _kind() -> Any:
    import ibis
    from ibis.backends.duckdb import Backend

    class Watched(Backend):
        _limit_rows: int
        _tell: Told
        _ended: Callable[[], WorkbenchError | None]

        def get_schema(self, table_name: str, **within: str | None) -> Any:
            # why: Ibis fetches it by Arrow, half a second's import and 50 MB that few reports need
            place = ".".join(f'"{each}"' for each in (*within.values(), table_name) if each)
            kinds = self.compiler.type_mapper
            rows = self.con.execute(f"DESCRIBE {place}").fetchall()
            return ibis.schema(
                {n: kinds.from_string(k, nullable=x == "YES") for n, k, x, *_ in rows}
            )

        def _noted(self, expr: Any, rows: int) -> None:
            if sources := _sources(expr):  # why: what comes of no table is nobody's
                for all_of in _gathered(expr):  # one value may hold every row's
                    rows = max(rows, int(super().execute(all_of.count())))
                self._tell(rows, sources, rows > self._limit_rows)

        def execute(self, expr: Any, /, **options: Any) -> Any:
            with losses_told(self._ended):
                result = super().execute(expr, **options)
                self._noted(expr, _length(result))
            return result

        def to_pyarrow(self, expr: Any, /, **options: Any) -> Any:
            with losses_told(self._ended):
                result = super().to_pyarrow(expr, **options)
                self._noted(expr, _length(result))
            return result

        def to_pyarrow_batches(self, expr: Any, /, **options: Any) -> Any:
            with losses_told(self._ended):
                self._count(expr)
                found = super().to_pyarrow_batches(expr, **options)

            def batches() -> Iterator[Any]:
                with losses_told(self._ended):  # of rows that are read when they are asked for
                    yield from found

            return type(found).from_batches(found.schema, batches())

        def _count(self, expr: Any) -> None:
            """Count what is handed on piece by piece, or written, before it is."""
            self._noted(expr, int(super().execute(expr.as_table().count())))

    def counted(name: str) -> Any:
        def write(self: Watched, expr: Any, /, *rest: Any, **options: Any) -> Any:
            with losses_told(self._ended):
                self._count(expr)
                return getattr(Backend, name)(self, expr, *rest, **options)

        return write

    for name in ("torch", "geo", "parquet", "csv", "json", "xlsx"):
        setattr(Watched, f"to_{name}", counted(f"to_{name}"))
    return Watched


def _length(result: Any) -> int:
    return len(result) if hasattr(result, "__len__") and not isinstance(result, str | bytes) else 1


def _gathered(expr: Any) -> Iterator[Any]:
    """Yield the tables of which an expression puts many rows' values into one."""
    from ibis.expr.operations import ArrayCollect, GroupConcat

    for op in expr.op().find((ArrayCollect, GroupConcat)):
        yield from (each.to_expr() for each in op.relations)


def _sources(expr: Any) -> list[tuple[str, str]]:
    """Return the (table, purpose) pairs an expression reads."""
    from ibis.expr.operations import DatabaseTable

    return sorted({(op.name, op.namespace.database or "") for op in expr.op().find(DatabaseTable)})
