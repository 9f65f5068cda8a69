"""Rows kept aside: as many as there are, each under its own line."""

import duckdb

from workbench.store.loading import quarantine

MORE = 2 * quarantine._BUFFERED + 700


def test_more_bad_rows_than_are_held_at_once(shop, tmp_path):
    path = tmp_path / "october.csv"
    with duckdb.connect() as connection:
        connection.execute(
            f"""
            COPY (SELECT 'K-' || lpad((i % 600)::VARCHAR, 6, '0') AS customer_id,
                DATE '2026-10-01' AS booked_on,
                CASE WHEN i % 3 = 0 THEN 'north' ELSE 'no''where "at" all' END AS region,
                'food' AS category, 'note ' || i AS note, 5 AS amount, true AS is_online
                FROM range({MORE * 3 // 2}) r(i)) TO '{path}' (HEADER)
            """
        )
    taken = shop.ingest("transactions", path)
    assert (taken.added, taken.quarantined) == (MORE // 2, MORE)
    kept = shop.quarantine("transactions", "reporting")
    assert list(kept.line) == [i + 2 for i in range(MORE * 3 // 2) if i % 3]
    assert set(kept.reasons) == {"region: domain"}
    for line, content in zip(kept.line, kept.content, strict=True):
        assert f'"note {line - 2}"' in content
