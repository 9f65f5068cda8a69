"""Source files: loaded once, checked against the catalog, refused without a value from a row."""

import datetime as dt
import re
import threading

import duckdb
import pytest
from support.shop import CATALOG, make_shop

import workbench as wb
from workbench.catalog import Column
from workbench.catalog_files import load_catalog
from workbench.errors import SourceError
from workbench.store.engine import Store
from workbench.store.loading.ingest import load_estate, sql_type
from workbench.store.versions import DataVersions, changes_of

HEADER = b"customer_id,purpose,given_on,withdrawn_on\n"
GOOD = b"K-000001,marketing,2026-01-05,\n"


def versions(shop):
    connection = shop.store.connect()
    shop.store.attach(connection, shop.store.latest_snapshot())
    found = DataVersions(changes_of(connection))
    connection.close()
    return found


def rewrite(folder, table, select):
    """Replace a Parquet source file by a SELECT from itself, ``t``."""
    path = folder / "data" / f"{table}.parquet"
    with duckdb.connect() as connection:
        connection.execute(f"CREATE TABLE t AS SELECT * FROM '{path}'")
        connection.execute(f"COPY ({select}) TO '{path}'")


def count(shop, table):
    connection = shop.store.connect()
    shop.store.attach(connection, shop.store.latest_snapshot())
    (rows,) = connection.execute(f"SELECT count(*) FROM lake.{table}").fetchone()
    connection.close()
    return rows


def stored(store):
    return sorted((p.name, p.stat().st_size) for p in (store.folder / "data").rglob("*.*"))


@pytest.fixture
def folder(tmp_path):
    """Return a shop of sixty customers that is not loaded yet."""
    return make_shop(tmp_path / "shop", 60)


def load(folder, table, catalog=CATALOG):
    """Load one table of a shop."""
    (folder / "catalog.yaml").write_text(catalog)
    declared = load_catalog(folder / "catalog.yaml")
    alone = declared.model_copy(update={"tables": {table: declared.tables[table]}})
    store = Store(folder / ".workbench")
    store.make_key()
    return load_estate(store, alone, folder / "data", today=dt.date(2026, 10, 2))[table]


def refused(folder, table, match, catalog=CATALOG):
    """Load one table, expect a refusal, hold that nothing is left; return the message."""
    with pytest.raises(SourceError, match=match) as caught:
        load(folder, table, catalog)
    store = Store(folder / ".workbench")
    assert not store.exists
    assert stored(store) == []
    return str(caught.value)


@pytest.mark.parametrize(
    ("declared", "expected"),
    [
        ({"type": "text"}, "VARCHAR"),
        ({"type": "integer"}, "BIGINT"),
        ({"type": "number"}, "DOUBLE"),
        ({"type": "number", "scale": 4}, "DECIMAL(18,4)"),
        ({"type": "money"}, "DECIMAL(18,2)"),
        ({"type": "date"}, "DATE"),
        ({"type": "timestamp"}, "TIMESTAMP"),
        ({"type": "boolean"}, "BOOLEAN"),
    ],
)
def test_money_and_scaled_numbers_are_exact(declared, expected):
    assert sql_type(Column(**declared)) == expected


def test_a_second_load_of_the_same_files_does_nothing(shop):
    before = stored(shop.store), shop.store.latest_snapshot()
    assert shop.init() == {}
    assert (stored(shop.store), shop.store.latest_snapshot()) == before


def test_only_the_changed_file_is_loaded_and_only_its_months_get_a_new_version(shop):
    before = versions(shop)
    rewrite(
        shop.settings.root, "transactions",
        "SELECT * REPLACE (amount + CASE WHEN month(booked_on) = 9 THEN 1 ELSE 0 END AS amount)"
        "FROM t ORDER BY booked_on",
    )  # fmt: skip
    told = []
    assert shop.init(told.append) == {"transactions": 5400}
    assert told == ["loading transactions"]
    after = versions(shop)
    assert after.of("transactions") != before.of("transactions")
    assert after.of("transactions", ["2026-09"]) != before.of("transactions", ["2026-09"])
    assert after.of("transactions", ["2026-08"]) == before.of("transactions", ["2026-08"])
    assert after.of("customers") == before.of("customers")
    assert after.of_all() != before.of_all()


def test_rows_in_another_order_are_the_same_months(shop):
    before = versions(shop)
    rewrite(shop.settings.root, "transactions", "SELECT * FROM t ORDER BY amount DESC, customer_id")
    shop.init()
    months = [f"2026-{month:02d}" for month in range(1, 10)]
    assert versions(shop).of("transactions", months) == before.of("transactions", months)


@pytest.mark.parametrize(
    "change",
    ["amount - 1", "CASE customer_id WHEN 'K-000001' THEN amount + 1 WHEN 'K-000004' "
     "THEN amount - 1 ELSE amount END"],
)  # fmt: skip
def test_a_changed_value_is_another_version_even_when_the_sum_is_not(shop, change):
    before = versions(shop)
    rewrite(
        shop.settings.root,
        "transactions",
        f"SELECT * REPLACE (({change})::DECIMAL(18,2) AS amount) FROM t",
    )
    shop.init()
    assert versions(shop).of("transactions", ["2026-01"]) != before.of("transactions", ["2026-01"])


def test_rows_of_the_future_do_not_say_what_is_complete(shop):
    later = "SELECT * REPLACE (DATE '2027-01-01' AS booked_on) FROM t WHERE is_online"
    rewrite(shop.settings.root, "transactions", f"{later} UNION ALL SELECT * FROM t")
    shop.init()
    assert dt.date.fromisoformat(shop.access.as_of["transactions"]) == dt.date(2026, 9, 28)


def test_of_two_loads_at_once_one_does_it(shop):
    rewrite(shop.settings.root, "transactions", "SELECT * FROM t WHERE amount > 20")
    before, loaded = shop.store.latest_snapshot(), []
    start = threading.Barrier(2)

    def load():
        mine = wb.open_workspace(shop.settings.root, now=shop.now)
        start.wait()
        loaded.append(mine.init())

    threads = [threading.Thread(target=load) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(loaded, key=len) == [{}, {"transactions": count(shop, "transactions")}]
    assert shop.store.latest_snapshot() == before + 1


@pytest.mark.parametrize("keep", [0, 4, 300, -8, -1])
def test_a_cut_parquet_file_is_refused(folder, keep):
    path = folder / "data" / "transactions.parquet"
    path.write_bytes(path.read_bytes()[:keep])
    refused(
        folder,
        "transactions",
        re.escape(str(path)) + " is (empty|corrupt or truncated) ?.*nothing was (loaded|taken in)",
    )


def test_a_parquet_file_with_a_damaged_page_is_refused(folder):
    path = folder / "data" / "transactions.parquet"
    content = path.read_bytes()
    path.write_bytes(content[:300] + bytes(200) + content[500:])
    refused(folder, "transactions", "transactions.parquet is corrupt or truncated")


def test_a_cut_csv_file_is_refused(folder):
    path = folder / "data" / "consents.csv"
    path.write_bytes(path.read_bytes()[:1000])
    refused(folder, "consents", r"consents.csv is corrupt or truncated: line \d+ has no end")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "is empty"),
        (HEADER, "holds no rows; table 'consents' needs some"),
        (GOOD * 2, "none of the columns.*starts with a line of column names"),
        (b"K-000001,marketing,2026-01-05,2026-01-05\n", "does not start with|none of the columns"),
        (HEADER + GOOD + b"K-000002,marketing\n", "corrupt or truncated"),
        (HEADER + GOOD + b"K-000002,marketing,2026-01-05,,x\n", "corrupt or truncated"),
        (HEADER + b'"K-000001,marketing,2026-01-05,\n' + GOOD, "corrupt or truncated"),
        (HEADER + GOOD.replace(b"marketing", b"m\xe4rketing"), r"is not utf-8 text \(line 2\)"),
        (HEADER.replace(b"purpose", b"p\xfcrpose") + GOOD, r"is not utf-8 text \(line 1\)"),
        (HEADER.replace(b"given_on", b"purpose") + GOOD, "column names, each there once"),
        (b"a\n1\n", "none of the columns of table 'consents': 'customer_id', 'purpose'"),
        (b"K-000001\nK-000002\n", "none of the columns"),
    ],
)
def test_a_broken_csv_file_is_refused_without_showing_its_rows(folder, content, message):
    (folder / "data" / "consents.csv").write_bytes(content)
    assert "K-0000" not in refused(folder, "consents", f"consents.csv.*{message}")


@pytest.mark.parametrize(
    "content",
    [
        HEADER + GOOD,
        HEADER.replace(b",", b";") + GOOD.replace(b",", b";"),
        b"\xef\xbb\xbf" + (HEADER + GOOD).replace(b"\n", b"\r\n"),
        b'"customer_id","purpose","given_on","withdrawn_on"\n' + GOOD,
        b"withdrawn_on,given_on,customer_id,purpose\n,2026-01-05,K-000001,marketing\n",
        HEADER + b'K-000001,"mark, ""et""\ning",2026-01-05,\n',
        HEADER + GOOD + b"\n",
        b"\n" + HEADER + GOOD,
        b"Consents of 2026\n\n" + HEADER + GOOD,
        b"sep=;\n" + (HEADER + GOOD).replace(b",", b";"),
        (HEADER + GOOD).replace(b"\n", b",\n"),
        (HEADER + GOOD).replace(b"\n", b"\r"),
        "\ufeff".encode("utf-16-be") + (HEADER + GOOD).decode().encode("utf-16-be"),
    ],
)
def test_a_csv_file_may_be_written_as_spreadsheets_do(folder, content):
    (folder / "data" / "consents.csv").write_bytes(content)
    assert load(folder, "consents") == 1


def test_an_empty_table_is_refused(folder):
    rewrite(folder, "transactions", "SELECT * FROM t WHERE false")
    refused(
        folder, "transactions", "holds no rows; table 'transactions' needs some. Nothing was loaded"
    )


def test_an_operational_table_may_be_empty(folder):
    (folder / "data" / "incidents.csv").write_text("incident_id,opened_on\n")
    assert load(folder, "incidents") == 0


@pytest.mark.parametrize(
    ("column", "kind"),
    [("amount", "DECIMAL(18,2)"), ("customer_id", "VARCHAR"), ("booked_on", "DATE")],
)
def test_a_column_of_nulls_is_refused(folder, column, kind):
    rewrite(folder, "transactions", f"SELECT * REPLACE (NULL::{kind} AS {column}) FROM t")
    said = f"column '{column}' of table 'transactions' is empty in all 540 rows"
    if column == "customer_id":  # they would be nobody's
        said = "'customer_id' is empty in 540 rows of table 'transactions', which are then nobody's"
    refused(folder, "transactions", said)


@pytest.mark.parametrize(
    ("select", "message"),
    [
        ("* EXCLUDE (amount)", r"\(missing: 'amount'\)"),
        ("*, 1 AS extra", r"\(not declared: 'extra'\). Known: 'amount', 'booked_on'"),
        ("* RENAME (amount AS amont)",
         r"\(missing: 'amount'; not declared: 'amont'\). Did you mean 'amount'\?"),
    ],
)  # fmt: skip
def test_other_columns_than_declared_are_refused(folder, select, message):
    rewrite(folder, "transactions", f"SELECT {select} FROM t")
    refused(
        folder,
        "transactions",
        "transactions.parquet does not match table 'transactions' " + message,
    )


@pytest.mark.parametrize(
    ("column", "value", "kind"),
    [("amount", "'SECRET'", "money"), ("booked_on", "'SECRET'", "date"),
     ("booked_on", "20260101", "date"), ("booked_on", "true", "date"),
     ("amount", "{'a': 1}", "money"), ("is_online", "'SECRET'", "boolean"),
     ("amount", "1e30", "money")],
)  # fmt: skip
def test_a_wrong_type_is_counted_and_not_shown(folder, column, value, kind):
    rewrite(folder, "transactions", f"SELECT * REPLACE ({value} AS {column}) FROM t")
    message = refused(folder, "transactions", f"'{column}' in 540 rows is not {kind}")
    assert "SECRET" not in message


def test_wrong_values_are_counted_column_by_column(folder):
    rows = b"K-1,m,soon,\nK-2,m,2026-13-01,\nK-3,m,2026-01-05,SECRET\n"
    (folder / "data" / "consents.csv").write_bytes(HEADER + rows)
    message = refused(
        folder, "consents", "'given_on' in 2 rows is not date; 'withdrawn_on' in 1 rows is not date"
    )
    assert "SECRET" not in message
    assert "soon" not in message


def test_a_fraction_is_no_whole_number(folder):
    rewrite(folder, "transactions", "SELECT * REPLACE (CASE WHEN is_online THEN '12.7' ELSE '12' "
        "END AS note) FROM t")  # fmt: skip
    catalog = CATALOG.replace("note: {type: text}", "note: {type: integer}")
    refused(folder, "transactions", "'note' in 135 rows is not integer", catalog)


def test_a_missing_file_is_refused(folder):
    path = folder / "data" / "customers.parquet"
    path.unlink()
    refused(
        folder,
        "customers",
        re.escape(str(path)) + " cannot be read: No such file.*correct 'source'",
    )
    path.mkdir()
    refused(folder, "customers", "cannot be read: Is a directory")


def test_a_file_of_another_kind_is_refused(folder):
    (folder / "data" / "consents.xlsx").write_bytes(b"x")
    catalog = CATALOG.replace("consents.csv", "consents.xlsx")
    refused(folder, "consents", "corrupt or truncated, or no .xlsx file", catalog)
    catalog = CATALOG.replace("consents.csv", "consents.json")
    (folder / "data" / "consents.json").write_bytes(b"[]")
    refused(folder, "consents", "only .csv, .parquet and .xlsx files are read", catalog)


def test_a_later_table_that_fails_takes_the_earlier_ones_back(shop):
    rewrite(shop.settings.root, "customers", "SELECT * FROM t LIMIT 10")
    consents = shop.settings.path("source") / "consents.csv"
    consents.write_bytes(HEADER)
    before = stored(shop.store), shop.store.latest_snapshot()
    with pytest.raises(SourceError, match=r"consents.csv holds no rows"):
        shop.init()
    assert (stored(shop.store), shop.store.latest_snapshot()) == before
    assert count(shop, "customers") == 600
    consents.write_bytes(HEADER + GOOD)
    assert shop.init() == {"customers": 10, "consents": 1}
