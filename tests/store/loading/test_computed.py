"""Computed columns: arithmetic over one row, in the engine, by init and ingest alike."""

import datetime as dt
import re
from decimal import Decimal

import duckdb
import openpyxl
import pytest

import workbench as wb
from benchmarks.catalogs import catalog_of
from workbench.catalog_files import columns_in, computed_sql
from workbench.errors import CatalogError, InputError

NOW = dt.datetime(2026, 10, 2, 9, tzinfo=dt.UTC)
COLUMNS = """\
line_id: {type: integer, header: Line, rules: [{unique: true}]}
customer_id: {type: text, header: CustomerID, role: subject key, sensitivity: personal}
quantity: {type: integer, header: Quantity}
unit_price: {type: number, scale: 3, header: UnitPrice}
amount: {type: money, role: measure, computed: EXPRESSION}
"""
HEADER = ["Line", "CustomerID", "Quantity", "UnitPrice"]
ROWS = [(1, "K1", 6, "2.55"), (2, "K2", -2, "1.005"), (3, "K1", None, "4.000"), (4, "K3", 0, "9")]
WANTED = {1: Decimal("15.30"), 2: Decimal("-2.01"), 3: None, 4: Decimal("0.00")}


def _shop(folder, suffix="csv", expression="quantity * unit_price", rows=ROWS):
    (folder / "data").mkdir(parents=True)
    (folder / "workbench.toml").write_text("fork_kernels = false\n")
    columns = COLUMNS.replace("EXPRESSION", expression)
    catalog = catalog_of("lines", columns, kept_from="booked", suffix=suffix)
    (folder / "catalog.yaml").write_text(catalog)
    path = folder / "data" / f"lines.{suffix}"
    _write(path, rows)
    return wb.open_workspace(folder, now=lambda: NOW), path


def _write(path, rows):
    if path.suffix == ".xlsx":
        book = openpyxl.Workbook()
        for row in (HEADER, *((a, b, c, float(d)) for a, b, c, d in rows)):
            book.active.append(row)
        book.save(path)
        return
    lines = [",".join("" if v is None else str(v) for v in row) for row in (HEADER, *rows)]
    text = path.with_suffix(".csv")
    text.write_text("\n".join(lines) + "\n")
    if path.suffix == ".parquet":
        duckdb.sql(f"COPY (FROM read_csv('{text}')) TO '{path}'")
        text.unlink()


def _amounts(ws):
    connection = ws.store.connect()
    try:
        ws.store.attach(connection, ws.store.latest_snapshot())
        return dict(connection.execute("SELECT line_id, amount FROM lake.lines").fetchall())
    finally:
        connection.close()


@pytest.mark.parametrize("suffix", ["csv", "xlsx", "parquet"])
def test_init_and_ingest_compute_the_same(tmp_path, suffix):
    ws, path = _shop(tmp_path / "one", suffix)
    ws.init()
    assert _amounts(ws) == WANTED
    other, path = _shop(tmp_path / "two", suffix)
    other.ingest("lines", path)
    assert _amounts(other) == WANTED


def test_a_row_from_which_no_number_comes_is_kept_aside_with_its_own_values(tmp_path):
    ws, path = _shop(tmp_path, expression="unit_price / quantity")
    with pytest.raises(wb.errors.SourceError, match="'amount' in 1 rows"):
        ws.init()
    taken = ws.ingest("lines", path)
    assert (taken.added, taken.quarantined) == (3, 1)
    assert _amounts(ws) == {1: Decimal("0.43"), 2: Decimal("-0.50"), 3: None}
    row = ws.quarantine("lines", "reporting").iloc[0]
    assert "amount: not an amount" in row["reasons"]
    assert "amount" not in row["content"]


def test_it_is_computed_again_when_what_it_is_of_is_corrected(tmp_path):
    ws, _ = _shop(tmp_path)
    ws.init()
    with pytest.raises(InputError, match=r"Correct what it is computed of"):
        ws.office.correct_subject(
            "K1", {"lines.amount": "3.00"}, where={"lines.line_id": "1"}, verified_by="id card"
        )
    ws.office.correct_subject(
        "K1", {"lines.quantity": "10"}, where={"lines.line_id": "1"}, verified_by="id card"
    )
    assert _amounts(wb.open_workspace(tmp_path, now=lambda: NOW))[1] == Decimal("25.50")


@pytest.mark.parametrize(
    ("expression", "told"),
    [
        ("quantity * unitprice", "Did you mean 'unit_price'"),
        ("quantity * customer_id", "not a column of numbers"),
        ("amount + 1", "not a column of numbers"),
        ("'1; DROP TABLE lines'", "only column names"),
        ("quantity); DROP TABLE lines; --", "not arithmetic"),
        ("quantity ** 9", "only column names"),
        ("__import__('os').getpid()", "only column names"),
        ("quantity if unit_price else 0", "only column names"),
        ("quantity[0]", "only column names"),
        ("True * quantity", "only column names"),
        ("1e400 * quantity", "digits"),
        ("2 + 2", "names no column"),
        ("+".join(["quantity"] * 100), "longer than"),
    ],
)
def test_what_is_no_arithmetic_over_the_row_is_refused_with_its_line(tmp_path, expression, told):
    ws, _ = _shop(tmp_path, expression=f'"{expression}"')
    with pytest.raises(CatalogError, match=told) as refusal:
        ws.catalog  # noqa: B018  # why: it is read on first use
    assert re.search(r"catalog.yaml:\d+ \(tables.lines.columns.amount\)", str(refusal.value))


def test_only_names_numbers_and_operations_become_sql():
    assert columns_in("2 * (a - b) / 1.5") == ["a", "b"]
    assert computed_sql("-a * 2.50", lambda name: f'"{name}"') == '((-"a") * 2.5)'
