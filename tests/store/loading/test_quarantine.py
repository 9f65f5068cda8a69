"""Rows kept aside: as many as there are, each under its own line."""

import duckdb
import pytest

from workbench.errors import SourceError
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


@pytest.mark.parametrize(
    ("end", "within", "encoding", "titles"),
    [
        ("\n", "\n", "utf-8", 0), ("\r\n", "\n", "utf-8-sig", 2), ("\r", "\n", "utf-8", 0),
        ("\r\n", "\r\n", "gb18030", 0), ("\n", "\n", "utf-16", 1),
    ],
)  # fmt: skip
def test_a_line_told_is_the_files_after_values_of_several_lines_and_empty_ones(
    shop, tmp_path, end, within, encoding, titles
):
    lines = [
        *["Report"] * titles, "customer_id,booked_on,region,category,note,amount,is_online",
        'K-000001,2026-10-01,north,food,"a\nb ""c""\n",5,true', "",
        "K-000002,2026-10-01,north,food,n,many,true",  # line 6
        'K-000003,2026-10-01,north,food,"\n\n",5,true',
        'K-000004,2026-10-01,nowhere,food,"x\ny",5,true', "too,few",  # 10 and 12
        'K-000005,2026-99-01,north,food,"5"" x",5,true', '"', 'K-000006,2026-10-01,north,"",n,5,9',
    ]  # fmt: skip
    path = tmp_path / "october.csv"
    text = "".join(line.replace("\n", within) + end for line in lines)
    path.write_bytes(text.encode(encoding))
    shop.ingest("transactions", path, encoding=None if "utf" in encoding else encoding)
    found = shop.quarantine("transactions", purpose="reporting")["line"].tolist()
    assert [line - titles for line in found] == [6, 10, 12, 13, 14, 15]
    (shop.settings.root / "data" / "consents.csv").write_bytes(
        b'customer_id,purpose,given_on,withdrawn_on\nK-000001,"a\nb",2026-01-05,\nK-000002,x\n'
    )
    with pytest.raises(SourceError, match="line 4 has fewer fields"):
        shop.init()
