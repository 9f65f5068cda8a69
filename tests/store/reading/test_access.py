"""A table for a purpose: its columns, those who agree, under pseudonyms nobody can turn back."""

import datetime as dt
import hashlib
import hmac
import json

import duckdb
import ibis
import pytest
from support.shop import CATALOG

import workbench as wb
from workbench.errors import AccessRefused
from workbench.reporting.gate import leaks
from workbench.store.keys.master import derive

KEYS = [f"K-{number:06d}" for number in range(600)]


def pseudonym(shop, purpose, key):
    secret = derive(shop.store.master_key, f"purpose:{purpose}")
    return hmac.new(secret, key.encode(), hashlib.sha256).hexdigest()


def pseudonyms(table):
    return set(table.select("customer_id").distinct().execute()["customer_id"])


def agreeing(shop, now):
    """Return how many customers marketing may read at a time."""
    table = shop.access.open("transactions", "marketing", now=now)
    return int(table.customer_id.nunique().execute())


def with_consents(shop, rows, catalog=CATALOG):
    header = "customer_id,purpose,given_on,withdrawn_on\n"
    (shop.settings.path("source") / "consents.csv").write_text(header + rows)
    shop.settings.path("catalog").write_text(catalog)
    shop = wb.open_workspace(shop.settings.root, now=shop.now)
    shop.init()
    return shop


@pytest.mark.parametrize(
    ("table", "purpose", "columns"),
    [
        ("customers", "service", ("customer_id", "full_name", "email", "opened_on")),
        ("transactions", "reporting",
         ("customer_id", "booked_on", "region", "category", "note", "amount", "is_online")),
        ("incidents", "reporting", ("incident_id", "opened_on")),
    ],
)  # fmt: skip
def test_a_purpose_reads_its_columns(shop, table, purpose, columns):
    assert shop.open(table, purpose).columns == columns


def test_a_column_may_be_narrower_than_its_table(shop):
    catalog = CATALOG.replace("note: {type: text}", "note: {type: text, purposes: [marketing]}")
    shop.settings.path("catalog").write_text(catalog)
    shop = wb.open_workspace(shop.settings.root, now=shop.now)
    assert "note" not in shop.open("transactions", "reporting").columns
    assert "note" in shop.open("transactions", "marketing").columns


@pytest.mark.parametrize(
    ("table", "purpose", "message"),
    [
        ("consents", "reporting",
         "purpose 'reporting' may not read table 'consents'. It may read: transactions, incidents"),
        ("incidents", "marketing", "may not read table 'incidents'. It may read: transactions"),
        ("customers", "marketing", "may not read table 'customers'. It may read: transactions"),
        ("transactions", "old-partner", "expired on 2025-12-31; today is 2026-10-02"),
    ],
)  # fmt: skip
def test_a_purpose_without_a_right_is_refused(shop, table, purpose, message):
    with pytest.raises(AccessRefused, match=message):
        shop.open(table, purpose)


def test_a_purpose_expires_by_the_workspaces_clock(shop):
    table = shop.access.open(
        "transactions", "old-partner", now=dt.datetime(2025, 12, 31, 23, tzinfo=dt.UTC)
    )
    assert table.count().execute() == 5400


def test_rows_are_those_of_the_source(shop):
    table = shop.open("transactions", "reporting")
    assert table.count().execute() == 5400
    path = shop.settings.path("source") / "transactions.parquet"
    with duckdb.connect() as connection:
        (total,) = connection.execute(f"SELECT sum(amount) FROM '{path}'").fetchone()
    assert table.amount.sum().execute() == total


@pytest.mark.parametrize(
    ("now", "count"),
    [
        ("2026-01-04T23:59:59+00:00", 0),
        ("2026-01-05T00:00:00+00:00", 300),
        ("2026-02-28T23:59:59+00:00", 300),
        ("2026-03-01T00:00:00+00:00", 240),
        ("2026-03-01T07:30:00+08:00", 300),
        ("2026-10-02T09:00:00+00:00", 240),
    ],
)
def test_consent_holds_from_when_it_is_given_to_when_it_is_withdrawn(shop, now, count):
    assert agreeing(shop, dt.datetime.fromisoformat(now)) == count


def test_consent_is_looked_up_customer_by_customer(shop):
    shop = with_consents(
        shop,
        "K-000001,marketing,2026-01-05,\n"  # holds
        "K-000002,marketing,2026-01-05,2026-09-30\n"  # withdrawn
        "K-000003,marketing,2026-10-03,\n"  # given tomorrow
        "K-000004,marketing,2026-01-05,2026-10-03\n"  # withdrawn tomorrow, holds today
        "K-000005,other,2026-01-05,\n"  # for something else
        "K-000006,marketing,2026-01-05,2026-02-01\nK-000006,marketing,2026-03-01,\n"  # came back
        "K-000007,marketing,,\n"  # never given
        "K-000008,marketing,2026-01-05,\n"  # the register was added to, not changed: withdrawn
        "K-000008,marketing,2026-01-05,2026-09-30\n"
        "K-000009,marketing,2026-01-05,\nK-000009,marketing,2026-03-01,2026-09-30\n"
        "K-000010,marketing,2026-01-05,2026-09-30\nK-000010,marketing,2026-09-30,\n",  # came back
    )
    expected = {pseudonym(shop, "marketing", KEYS[number]) for number in (1, 4, 6, 10)}
    assert pseudonyms(shop.open("transactions", "marketing")) == expected


def test_consent_does_not_matter_on_another_basis(shop):
    shop = with_consents(shop, "K-000001,marketing,2026-01-05,2026-01-06\n")
    assert shop.open("transactions", "reporting").customer_id.nunique().execute() == 600
    assert shop.open("transactions", "marketing").count().execute() == 0


def test_a_consent_key_may_hold_any_sign(shop):
    catalog = CATALOG.replace("consent: marketing", 'consent: it\'s "fine"')
    shop = with_consents(shop, 'K-000001,"it\'s ""fine""",2026-01-05,\n', catalog)
    assert shop.open("transactions", "marketing").customer_id.nunique().execute() == 1


def test_the_engine_of_releases_sees_the_same_rows_with_the_key_itself(shop):
    connection = shop.access.release_connection([("transactions", "marketing")], shop.now())
    keys = connection.execute("SELECT DISTINCT customer_id FROM marketing.transactions").fetchall()
    connection.close()
    assert {pseudonym(shop, "marketing", key) for (key,) in keys} == pseudonyms(
        shop.open("transactions", "marketing")
    )
    assert len(keys) == 240


def test_pseudonyms_are_hmac_sha256_under_the_purposes_own_key(shop):
    expected = {pseudonym(shop, "reporting", key) for key in KEYS}
    assert pseudonyms(shop.open("transactions", "reporting")) == expected


def test_pseudonyms_join_within_a_purpose_and_not_across(shop):
    people, consents = shop.open("customers", "service"), shop.open("consents", "service")
    assert people.join(consents, "customer_id").count().execute() == 300
    others = pseudonyms(shop.open("transactions", "reporting"))
    assert pseudonyms(people) & others == set()
    assert pseudonyms(shop.open("transactions", "marketing")) & others == set()


def test_pseudonyms_stay_the_same_from_day_to_day(shop):
    later = wb.open_workspace(shop.settings.root, now=lambda: shop.now() + dt.timedelta(days=9))
    assert pseudonyms(later.open("transactions", "reporting")) == pseudonyms(
        shop.open("transactions", "reporting")
    )


def test_an_unknown_customer_stays_unknown(shop):
    path = shop.settings.path("source") / "transactions.parquet"
    with duckdb.connect() as connection:
        connection.execute(f"CREATE TABLE t AS SELECT * FROM '{path}'")
        connection.execute("UPDATE t SET customer_id = NULL WHERE customer_id = 'K-000001'")
        connection.execute(f"COPY t TO '{path}'")
    catalog = shop.settings.path("catalog")
    kept = "source: transactions.parquet\n    without_customer: keep"
    catalog.write_text(catalog.read_text().replace("source: transactions.parquet", kept))
    shop = wb.open_workspace(shop.settings.root, now=shop.now)
    shop.init()
    table = shop.open("transactions", "reporting")
    assert table.customer_id.isnull().sum().execute() == 9


def test_the_key_stands_in_no_text_an_analyst_may_print(shop):
    tables = [shop.open("transactions", purpose) for purpose in ("reporting", "marketing")]
    tables.append(shop.open("customers", "service"))
    connection = tables[0].get_backend().con
    texts = [repr(table) + ibis.to_sql(table) for table in tables]
    for query in (
        "SELECT sql FROM duckdb_views()",
        "SELECT sql FROM duckdb_tables()",
        "SELECT name || coalesce(value, '') FROM duckdb_settings()",
    ):
        texts += [row[0] or "" for row in connection.execute(query).fetchall()]
    for select in (
        "SELECT * FROM reporting.transactions",
        "SELECT * FROM reporting.transactions WHERE customer_id < 'a'",
        "SELECT customer_id, sum(amount) FROM reporting.transactions GROUP BY ALL ORDER BY 1",
        "SELECT * FROM reporting.transactions a JOIN reporting.transactions b USING (customer_id) "
        "WHERE a.customer_id || b.note > 'b'",
    ):
        for explain in ("EXPLAIN (FORMAT json)", "EXPLAIN (ANALYZE, FORMAT json)"):
            plan = connection.execute(f"{explain} {select}").fetchall()
            texts += [json.dumps(json.loads(row[1]), ensure_ascii=False) for row in plan]
    everything = "\n".join(texts).lower()
    assert "hash" in everything
    for needle in secrets(shop, connection):
        assert needle.lower() not in everything


def test_a_constant_in_a_plan_would_be_found(shop):
    """The control of the test above: the same needles, in the plan that must not be."""
    shop.open("transactions", "reporting")
    connection = shop.access._connection
    inner = connection.execute("SELECT _inner FROM memory._keys.reporting").fetchone()[0]
    connection.execute("SET VARIABLE k = ?", [inner])
    hashed = "sha256(getvariable('k') || encode(note))"
    select = f"SELECT * FROM reporting.transactions WHERE {hashed} < 'a'"
    ((_, plan),) = connection.execute(f"EXPLAIN (FORMAT json) {select}").fetchall()
    text = json.dumps(json.loads(plan), ensure_ascii=False).lower()
    assert any(needle.lower() in text for needle in secrets(shop, connection))


def secrets(shop, connection):
    """Return the keys as they would be printed: in hexadecimal, and as DuckDB prints bytes."""
    found = []
    keys = [derive(shop.store.master_key, f"purpose:{p}") for p in ("reporting", "marketing")]
    for key in [shop.store.master_key, *keys]:
        for mask in (0, 0x36, 0x5C):
            padded = bytes(byte ^ mask for byte in key)
            (printed,) = connection.execute("SELECT ?::BLOB::VARCHAR", [padded[:12]]).fetchone()
            found += [padded.hex()[:24], printed, json.dumps(printed)[1:-1]]
    return found


def test_identifiers_are_found_among_texts(shop):
    texts = ["K-000002", "Given7  Family7", "Person8@example.org", "nobody", "north", "k-9"]
    candidates = {leaks.key(text) for text in texts}
    assert sorted(shop.access.find_identifiers(candidates)) == [
        ("consents", "customer_id", "k000002"),
        ("customers", "customer_id", "k000002"),
        ("customers", "email", "person8exampleorg"),
        ("customers", "full_name", "given7family7"),
        ("transactions", "customer_id", "k000002"),
    ]
