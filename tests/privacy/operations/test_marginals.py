"""Tables of one question count the same rows: what is in no declared cell is in the last one."""

import duckdb
import pytest
from conftest import shop_time
from support.lab import exactly
from support.shop import make_shop

import workbench as wb
from workbench.errors import QuestionRefused
from workbench.privacy.replaying import require_replayed

REST = "None of these"
REGIONS = ["north", "south", "west", REST]


@pytest.fixture(scope="module")
def ws(tmp_path_factory):
    """A shop where a third of the rows has no region, and no row has the region west."""
    folder = make_shop(tmp_path_factory.mktemp("shop"))
    file = folder / "data" / "transactions.parquet"
    with duckdb.connect() as connection:
        connection.execute(
            f"""
            CREATE TABLE t AS SELECT * REPLACE (nullif(region, 'west') AS region) FROM '{file}';
            COPY t TO '{file}';
            """
        )
    workspace = wb.open_workspace(folder, now=shop_time)
    workspace.init()
    return workspace


@pytest.fixture(scope="module")
def tables(ws):
    tx = ws.open("transactions", "reporting")
    asked = wb.marginals(tx, [[], "region", ["region", "is_online"]], period="2026-09")
    return ws.release_marginals(
        asked.customers().count().sum("amount"), name="regions", epsilon=1.2
    )


def held(release, measure, truth):
    """Return how many margins each figure is off its truth."""
    columns = [release.columns[measure + end] for end in ("_low", "_high")]
    middle = [(low + high) / 2 for low, high in zip(*columns, strict=True)]
    half = [(high - low) / 2 for low, high in zip(*columns, strict=True)]
    return [abs(m - t) / h for m, t, h in zip(middle, truth, half, strict=True)]


def test_no_row_is_in_a_total_and_in_none_of_its_parts(ws, tables):
    tx = ws.open("transactions", "reporting")
    total, region, both = tables
    (exact,) = exactly(ws, wb.query(tx, period="2026-09").customers().count().sum("amount"))
    assert region.columns["region"] == REGIONS
    # a margin is 1.96 standard deviations: 2.6 of them are passed once in three million
    assert held(total, "rows", [exact["rows"]])[0] < 2.6
    assert held(total, "amount_sum", [exact["amount_sum"]])[0] < 2.6
    assert max(held(region, "rows", [200, 200, 0, 200])) < 2.6
    assert max(held(region, "customers", [200, 200, 0, 200])) < 2.6
    for measure in ("rows", "amount_sum"):
        for table in (region, both):
            assert sum(table.columns[measure]) == pytest.approx(total.columns[measure][0], abs=9)
    assert "Adjusted by least squares" in total.notes[-1]


def test_the_rest_is_of_every_kind_of_group(ws):
    tx = ws.open("transactions", "reporting")
    groups = [
        wb.bands("amount", [50]),
        (tx.region == "north").name("in_north"),
        "weekday",
        wb.bands("amount", [50], of="customer"),
        wb.cohorts(tx, ("2026-02", "2026-03"), every="month"),
    ]
    (all_rows,) = exactly(ws, wb.query(tx, period="2026-09").count())
    for query in wb.marginals(tx, groups, period="2026-09").count().queries:
        rows = exactly(ws, query)
        assert sum(row["rows"] for row in rows) == all_rows["rows"]
        (name,) = [key for key in rows[0] if key != "rows" and key != "customers"]
        assert rows[-1][name] == REST
    # who came in January is in none of the cohorts
    assert rows[-1]["rows"] == all_rows["rows"]


def test_months_beside_no_months_need_a_span(ws):
    tx = ws.open("transactions", "reporting")
    with pytest.raises(QuestionRefused, match="ask over the same rows only within a span"):
        wb.marginals(tx, ["region", ["region", "month"]])


def test_what_was_made_to_agree_comes_out_again(ws, tables):
    for each in tables:
        require_replayed(ws.ledger.answer(each.id), ws.ledger.answer)
    assert ws.ledger.verify() > 0
