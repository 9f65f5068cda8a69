"""What an estate is written as: files of the catalog's columns and types, settings, first reports.

Blocks of columns come in, Parquet or CSV goes out; a new workspace starts with its settings, and
its reports' notebooks and definitions.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet

from workbench.catalog import Table
from workbench.documents import templates
from workbench.errors import InputError

if TYPE_CHECKING:
    from workbench.estates.drafting import Drafted


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
    known = templates(str(template.parent))
    known.filters |= filters
    return known.get_template(template.name).render(facts)


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
            self._writer.write_table(table, len(table))

    def close(self) -> None:
        """Write what waits and end the file."""
        self.flush()
        self._writer.close()


NOTEBOOK = "customer-overview.ipynb"
_STARTERS = Path(__file__).with_name("starters")


def write_settings(out: Path, what: str, title: str, more: str = "") -> None:
    """Write a workspace's settings; ``title`` comes in quotes."""
    settings = rendered(_STARTERS / "workbench.toml.jinja", {}, what=what, title=title, more=more)
    (out / "workbench.toml").write_text(settings, encoding="utf-8")


def notebook_path() -> Path:
    """Return the report's notebook: packaged, or at the top of a checkout."""
    places = [_STARTERS / NOTEBOOK, Path(__file__).parents[2] / "notebooks" / NOTEBOOK]
    for place in places:
        if place.is_file():
            return place
    raise InputError(f"this installation has no {NOTEBOOK}. Install workbench again.")


def write_report(name: str, out: Path) -> None:
    """Put the customer report of data set ``name`` into a workspace; keep one that is there."""
    for source, target in (
        (notebook_path(), out / "notebooks" / NOTEBOOK),
        (_STARTERS / f"{name}.yaml", out / "reports" / "customer-overview.yaml"),
    ):
        if not target.exists():
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(source, target)


GROUPS_MOST = 3  # of the first page: each is paid for


def write_first_reports(out: Path, tables: Sequence[Drafted]) -> list[str]:
    """Write the reports that a drafted catalog has the columns for; return their names.

    They are of the table with a customer that has a time and an amount, as far as there is one.
    """
    fitting = [each for each in tables if each.customer] or list(tables)
    table = max(fitting, key=lambda t: (bool(t.time), bool(t.amount), t.looked.rows))
    has = {"time": bool(table.time), "amount": bool(table.amount), "groups": bool(table.groups)}
    names = ["first-page", *(["personas"] if has["time"] and has["amount"] else [])]
    title = "Active customers" + (" and what they spent" if has["amount"] else "")
    words = {
        "TITLE": title if has["time"] else "Our customers",
        "AMOUNT": table.amount.name if table.amount else "",
        "TABLE": table.name,
        "GROUPS": json.dumps([each.name for each in table.groups[:GROUPS_MOST]]),
    }
    (out / "reports").mkdir(parents=True, exist_ok=True)
    for name in names:
        _write_notebook(name, out / "notebooks" / f"{name}.ipynb", has, words)
        definition = (_STARTERS / f"{name}.yaml").read_text(encoding="utf-8")
        text = definition.replace("TITLE", words["TITLE"])
        (out / "reports" / f"{name}.yaml").write_text(text, encoding="utf-8")
    return names


def _write_notebook(name: str, target: Path, has: dict[str, bool], words: dict[str, str]) -> None:
    """Write a notebook of the cells whose needs a table fulfils, in its columns' words."""
    notebook = json.loads((_STARTERS / f"{name}.ipynb").read_text(encoding="utf-8"))
    kept = []
    for cell in notebook["cells"]:
        needs = cell["metadata"].pop("needs", [])
        if all(has[need.removeprefix("no-")] != need.startswith("no-") for need in needs):
            text = "".join(cell["source"])
            for word, instead in words.items():
                text = text.replace(word, instead)
            kept.append({**cell, "source": text.splitlines(keepends=True)})
    target.parent.mkdir(parents=True, exist_ok=True)
    content = json.dumps({**notebook, "cells": kept}, indent=1, ensure_ascii=False)
    target.write_text(f"{content}\n", encoding="utf-8")
