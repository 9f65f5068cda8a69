"""Large reads are told of before they are handed on, however they are asked for."""

import duckdb
import pytest

import workbench as wb
from workbench.errors import StorageError
from workbench.store.reading.watching import watched

WAYS = {
    "execute": lambda table, _: table.execute(),
    "to_pandas": lambda table, _: table.to_pandas(),
    "to_pyarrow": lambda table, _: table.to_pyarrow(),
    "batches": lambda table, _: list(table.to_pyarrow_batches(chunk_size=1000)),
    "pandas_batches": lambda table, _: list(table.to_pandas_batches(chunk_size=1000)),
    "column": lambda table, _: table.customer_id.execute(),
    "to_parquet": lambda table, path: table.to_parquet(path / "x.parquet"),
    "to_csv": lambda table, path: table.to_csv(path / "x.csv"),
    "to_json": lambda table, path: table.to_json(path / "x.json"),
}


def bulk_reads(ws):
    return [entry.body for entry in ws.events.entries("bulk read")]


@pytest.fixture
def narrow(shop):
    """Return the shop with reads of more than 3,000 rows called bulk reads."""
    path = shop.settings.root / "workbench.toml"
    path.write_text(path.read_text() + "bulk_rows = 3000\n")
    return wb.open_workspace(shop.settings.root, now=shop.now)


@pytest.mark.parametrize("way", WAYS)
def test_each_way_to_take_many_rows_is_recorded_once(narrow, tmp_path, way):
    WAYS[way](narrow.open("transactions", "reporting"), tmp_path)
    (read,) = bulk_reads(narrow)
    assert (read["table"], read["purpose"]) == ("transactions", "reporting")
    assert 3000 < read["rows"] <= 5400


def test_few_rows_are_no_bulk_read(narrow):
    table = narrow.open("transactions", "reporting")
    assert table.count().execute() == 5400
    assert len(table.limit(3000).execute()) == 3000
    assert len(table.group_by("region").agg(n=table.count()).execute()) == 3
    assert bulk_reads(narrow) == []


def test_a_joined_read_names_every_table(narrow):
    transactions = narrow.open("transactions", "marketing")
    both = transactions.union(narrow.open("transactions", "reporting"))
    both.execute()
    (read,) = bulk_reads(narrow)
    assert read["purpose"] == "marketing, reporting"


def test_what_is_read_is_what_was_read_before(narrow, shop):
    columns = ["customer_id", "booked_on"]
    watched = narrow.open("transactions", "reporting").order_by(columns).execute()
    plain = shop.open("transactions", "reporting").order_by(columns).execute()
    assert watched.equals(plain)


def test_the_entry_is_written_at_the_workspaces_time(narrow):
    narrow.open("transactions", "reporting").execute()
    assert narrow.events.entries("bulk read")[0].at == narrow.now()


@pytest.mark.parametrize("way", ["to_pyarrow_batches", "to_pandas_batches"])
def test_a_loss_that_shows_after_the_first_rows_is_told_too(tmp_path, way):
    path = tmp_path / "ducklake-1.parquet"
    with duckdb.connect() as connection:
        made = "SELECT i, hash(i) AS h FROM range(400_000) AS r(i)"
        connection.execute(f"COPY ({made}) TO '{path}' (ROW_GROUP_SIZE 2048)")
        content = bytearray(path.read_bytes())
        at = len(content) * 9 // 10
        content[at : at + 40_000] = bytes(40_000)
        path.write_bytes(content)
        connection.execute(f"CREATE VIEW rows AS FROM '{path}'")
        connection.execute("SET threads = 1")
        table = watched(connection, 1, lambda *_: None).table("rows")
        batches = iter(getattr(table, way)(chunk_size=1000))
        assert len(next(batches)) == 1000
        with pytest.raises(StorageError, match="data is lost: a data file is gone or damaged"):
            list(batches)
