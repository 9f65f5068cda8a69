"""kill -9 anywhere in an ingest: nothing is lost, nothing is half done, running again completes."""

import random
import shutil

import duckdb
import pytest
from support.killing import run_and_kill

import workbench as wb

GOOD, BAD, THERE = 40_000, 50, 5400


@pytest.fixture
def given(shop, tmp_path):
    """Return a file of good and bad purchases, of which the shop knows none."""
    path = tmp_path / "october.csv"
    with duckdb.connect() as connection:
        connection.execute(
            f"""
            COPY (SELECT 'K-' || lpad((i % 600)::VARCHAR, 6, '0') AS customer_id,
                DATE '2026-10-01' AS booked_on,
                CASE WHEN i < {BAD} THEN 'nowhere' ELSE 'north' END AS region,
                'food' AS category, 'note ' || i AS note, 5 AS amount, true AS is_online
                FROM range({GOOD + BAD}) r(i)) TO '{path}' (HEADER)
            """
        )
    return path


def counted(ws):
    with ws.store.reading() as connection:
        (rows,) = connection.execute("SELECT count(*) FROM lake.transactions").fetchone()
    return rows, len(ws.ingests()), sum(each[3] for each in ws.kept_aside())


def files(ws):
    """Return data files on disk, and those the newest snapshot's history names."""
    with ws.store.reading() as connection:
        named = connection.execute(
            "SELECT path FROM __ducklake_metadata_lake.ducklake_data_file"
        ).fetchall()
    there = {path.name for path in (ws.store.folder / "data").rglob("*.parquet")}
    return there, {row[0].rsplit("/", 1)[-1] for row in named}


def test_an_ingest_that_is_killed_is_done_or_was_never_begun(shop, tmp_path, given, size):
    code = f"ws.ingest('transactions', {str(given)!r})"
    whole = tmp_path / "whole"
    shutil.copytree(shop.settings.root, whole)
    seconds = run_and_kill(whole, code, shop.now())
    assert counted(wb.open_workspace(whole, now=shop.now)) == (THERE + GOOD, 1, BAD)
    times, dice, seen = 6 if size == "smoke" else 50, random.Random(5), set()
    for number in range(times):
        folder = tmp_path / f"try-{number}"
        shutil.copytree(shop.settings.root, folder)
        share = (number + dice.random()) / times  # of its time: early and late kills, both
        run_and_kill(folder, code, shop.now(), share * seconds * 1.1)
        ws = wb.open_workspace(folder, now=shop.now)
        found = counted(ws)
        assert found in {(THERE, 0, 0), (THERE + GOOD, 1, BAD)}
        seen.add(found[1])
        taken = ws.ingest("transactions", given)
        assert counted(ws) == (THERE + GOOD, 1, BAD)
        assert taken.rows == GOOD + BAD
        there, named = files(ws)
        assert there == named
        assert ws.ingest("transactions", given).known
        shutil.rmtree(folder)
    assert 0 in seen
