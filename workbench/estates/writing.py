"""Sinks: blocks of columns in, Parquet or CSV of exactly the catalog's columns and types out."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet

from workbench.catalog import Table

Columns = Mapping[str, Any]  # column name to NumPy (masked) array or Arrow array, of one length

_ARROW_TYPES = {
    "text": pa.string(),
    "integer": pa.int64(),
    "number": pa.float64(),
    "money": pa.decimal128(18, 2),
    "date": pa.date32(),
    "timestamp": pa.timestamp("us"),
    "boolean": pa.bool_(),
}


def pick(values: Sequence[str], codes: np.ndarray[Any, Any]) -> pa.Array:
    """Return the text of each code: ``values[code]``."""
    return pa.array(values, pa.string()).take(pa.array(codes))


def schema(table: Table) -> pa.Schema:
    """Return the Arrow schema of a declared table."""
    return pa.schema([(name, _ARROW_TYPES[column.type]) for name, column in table.columns.items()])


def as_arrow(values: Any, kind: pa.DataType) -> pa.Array:
    """Return values as an Arrow array; money comes as integer cents, NULL as a mask or NaT."""
    if isinstance(values, pa.Array | pa.ChunkedArray):
        return values.cast(kind)
    mask = np.ma.getmaskarray(values) if isinstance(values, np.ma.MaskedArray) else None
    plain = np.ma.getdata(values)
    if pa.types.is_decimal(kind):
        cents = pa.array(plain.astype(np.int64), mask=mask).cast(pa.decimal128(19, 0))
        return pa.Array.from_buffers(kind, len(cents), cents.buffers(), offset=cents.offset)
    if plain.dtype == object:
        return pa.array(plain.tolist(), kind)
    return pa.array(plain, mask=mask).cast(kind)


def rendered(template: Path, filters: Mapping[str, Callable[..., str]], **facts: Any) -> str:
    """Return a text template of our own, filled in."""
    import jinja2  # why: not needed before there is something to write

    environment = jinja2.Environment(
        undefined=jinja2.StrictUndefined,
        autoescape=False,  # noqa: S701  # why: Markdown and YAML, no page
        keep_trailing_newline=True,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters.update(filters)
    return environment.from_string(template.read_text(encoding="utf-8")).render(**facts)


class Sink:
    """One table's file, written a chunk of customers at a time."""

    def __init__(self, folder: Path, table: Table) -> None:
        self.rows = 0
        self._schema = schema(table)
        self._waiting: list[pa.Table] = []
        path = folder / table.source
        self._writer: Any
        if path.suffix == ".csv":
            self._writer = pyarrow.csv.CSVWriter(
                path, self._schema, write_options=pyarrow.csv.WriteOptions(quoting_style="needed")
            )
        else:
            text = [field.name for field in self._schema if pa.types.is_string(field.type)]
            self._writer = pyarrow.parquet.ParquetWriter(
                path,
                self._schema,
                compression="zstd",
                compression_level=9,
                use_dictionary=text,
                column_encoding={
                    field.name: "DELTA_BINARY_PACKED"
                    for field in self._schema
                    if pa.types.is_integer(field.type) or pa.types.is_date(field.type)
                },
                store_decimal_as_integer=True,
            )

    def add(self, columns: Columns) -> None:
        """Take one block of rows; the names must be exactly the catalog's."""
        unexpected = set(columns) ^ set(self._schema.names)
        if unexpected:
            raise ValueError(f"columns differ from the catalog's: {sorted(unexpected)}")
        arrays = [as_arrow(columns[field.name], field.type) for field in self._schema]
        self._waiting.append(pa.Table.from_arrays(arrays, schema=self._schema))

    def flush(self) -> None:
        """Write what waits as one row group."""
        if not self._waiting:
            return
        table = pa.concat_tables(self._waiting).combine_chunks()
        self._waiting = []
        self.rows += len(table)
        if len(table):
            if isinstance(self._writer, pyarrow.parquet.ParquetWriter):
                self._writer.write_table(table, row_group_size=len(table))
            else:
                self._writer.write_table(table)

    def close(self) -> None:
        """Write what waits and end the file."""
        self.flush()
        self._writer.close()
