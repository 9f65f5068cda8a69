"""A card gives the same points from JSON, in SQL and in PMML; what was altered is refused."""

import json
import math
import sqlite3
from pathlib import Path

import duckdb
import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone
from support.pmml import Reader

from workbench.analytics.scoring import carrying
from workbench.analytics.scoring.scorecard import Scorecard
from workbench.errors import DataError, UnknownName
from workbench.privacy.provenance import RAW

CODES = {"income": {-1: "not stated", -2: "refused"}, "job": ["none"]}
OPTIONS = {
    "plain": {},
    "pair": {"pair": ("income", "home")},
    "decimals": {"decimals": 2},
    "bounds": {"bounds": {"income": [0, 1e9], "debt": [0, 1]}},
}


@pytest.fixture(scope="module", params=OPTIONS, ids=str)
def card(request, applications):
    X, bad = applications
    jobs = X["job"].replace({"clerk": 'clerk "1st\\2nd" o\'clock', "pilot": "none"})
    return Scorecard(special_codes=CODES, **OPTIONS[request.param]).fit(X.assign(job=jobs), bad)


@pytest.fixture(scope="module")
def rows(card):
    """Return rows at, just below and between all edges, with every code and category, and more."""
    bins = {part.name: part for each in card.weighed_ for part in each.bins.parts}
    edges = [each for name in ("income", "debt") for each in bins[name].edges]
    numbers = [*edges, *(math.nextafter(each, -1e300) for each in edges), 0.25, 0, 1, np.nan]
    texts = [*(each for group in bins["job"].groups for each in group), "none", "new", "", None]
    rng = np.random.default_rng(2)
    few = np.array([each for each in numbers if not each > 1])
    return pd.DataFrame(
        {
            "income": rng.choice([*numbers, -1, -2], 3000),
            "debt": rng.choice(few, 3000),
            "job": rng.choice(np.array(texts, dtype=object), 3000),
            "home": rng.choice(np.array([True, False, None], dtype=object), 3000),
        }
    )


def test_json_brings_back_the_same_card(card, rows, applications, tmp_path):
    card.save(tmp_path / "card.json")
    back = Scorecard.load(tmp_path / "card.json")
    assert (back.points(rows) == card.points(rows)).all()
    assert (back.predict_proba(rows) == card.predict_proba(rows)).all()
    pd.testing.assert_frame_equal(back.table_, card.table_)
    assert back.removed_ == card.removed_
    X, bad = applications
    again = clone(back).fit(X, bad)  # its parameters came back, too
    assert (again.points(X) == clone(card).fit(X, bad).points(X)).all()


@pytest.mark.parametrize(
    ("change", "match"),
    [
        (lambda text: text[:-40], "no scorecard, or was cut"),
        (lambda text: "[]", "no scorecard, or was cut"),
        (lambda text: text.replace('"version": 1', '"version": "one"'), "no scorecard"),
        (lambda text: text.replace('"pdo": 20', '"pdo": NaN'), "no scorecard"),
        (lambda text: text.replace('"version": 1', '"version": 2'), "up to version 1. Install"),
        (lambda text: text.replace('"version": 1', '"version": 0'), "up to version 1. Install"),
        (lambda text: "[" * 100_000, "no scorecard, or was cut"),
        (lambda text: text.replace('"pdo": 20', '"pdo": 21'), "was altered since it was saved"),
        (lambda text: text.replace("workbench scorecard", "receipt"), "is 'receipt' of version 1"),
    ],
    ids=[
        "cut",
        "another document",
        "no version",
        "no number",
        "newer",
        "older than the first",
        "deep",
        "altered",
        "another format",
    ],
)
def test_json_that_is_not_what_was_saved_is_refused(applications, tmp_path, change, match):
    path = tmp_path / "card.json"
    Scorecard().fit(*applications).save(path)
    text = change(path.read_text(encoding="utf-8"))
    path.write_text(text, encoding="utf-8")
    with pytest.raises(DataError, match=match):
        Scorecard.load(path)


def test_a_file_that_says_it_is_released_gives_a_card_that_is_raw(applications, tmp_path):
    path = tmp_path / "card.json"
    Scorecard().fit(*applications).save(path)
    whole = json.loads(path.read_text(encoding="utf-8"))
    whole["card"]["kept"] |= {"provenance_": None, "points": None, "weighed_": []}
    whole["sha256"] = carrying._digest(whole["card"])
    path.write_text(json.dumps(whole), encoding="utf-8")
    card = Scorecard.load(path)
    assert card.provenance_ is RAW
    assert card.weighed_
    assert len(card.points(applications[0])) == len(applications[0])


@pytest.mark.parametrize("name", ["none.json", "."])
def test_a_card_that_is_not_there_is_said(tmp_path, name):
    with pytest.raises(DataError, match="there is no card at"):
        Scorecard.load(tmp_path / name)


def test_duckdb_gives_pythons_points(card, rows):
    with duckdb.connect() as connection:
        connection.register(
            "rows", rows.assign(number=range(len(rows)), home=rows["home"].astype("boolean"))
        )
        found = connection.execute(
            f"SELECT points FROM ({card.to_sql(table='rows')}) ORDER BY number"
        ).fetchnumpy()["points"]
    assert (found.astype(float) == card.points(rows)).all()


@pytest.mark.parametrize("edges", [[0.2, 0.5, 0.7], [300, 500, 700]], ids=["broken", "whole"])
@pytest.mark.parametrize("kind", ["DECIMAL(18, 3)", "FLOAT", "DOUBLE", "INTEGER", "HUGEINT"])
def test_a_number_compares_the_same_however_it_is_stored(applications, kind, edges):
    X, bad = applications
    X = X.assign(debt=(X["debt"] * (1000 if edges[0] > 1 else 1)).round(3))
    card = Scorecard(edges={"debt": edges}).fit(X, bad)
    with duckdb.connect() as connection:
        connection.register("x", X)
        connection.execute(f"CREATE TABLE t AS SELECT * REPLACE (debt::{kind} AS debt) FROM x")
        found = connection.execute(card.to_sql(table="t")).df()
    assert (card.points(found[X.columns]) == found["points"]).all()


@pytest.mark.parametrize("kind", ["DOUBLE", "FLOAT", "BIGINT"])
def test_broken_huge_and_infinite_numbers_have_the_same_points_of_whole_edges(applications, kind):
    """Whole edges are compared as the column has them; codes stay apart from what is near them."""
    X, bad = applications
    X = X.assign(debt=(X["debt"] * 1000).round(), income=X["income"].round())
    edges = {"debt": [300, 500], "income": [int(X["income"].median())]}
    card = Scorecard(edges=edges, special_codes={"debt": {-1: "none"}}).fit(X, bad)
    odd = [299.5, 300, 499.75, 500, -1, -0.5, -1e18, 1e18, 2**31, -(2**33), np.nan]
    odd += [1e300, -1e300, np.inf, -np.inf] if kind == "DOUBLE" else []
    rows = X.iloc[[0]].loc[lambda frame: frame.index.repeat(len(odd))].assign(debt=odd)
    with duckdb.connect() as connection:
        connection.register("x", rows)
        replaced = f"* REPLACE (CASE WHEN NOT isnan(debt) THEN debt END::{kind} AS debt)"
        connection.execute(f"CREATE TABLE t AS SELECT {replaced} FROM x")
        found = connection.execute(card.to_sql(table="t")).df()
    finite = ~np.isinf(found["debt"].astype(float))
    assert (card.points(found[X.columns][finite]) == found["points"][finite]).all()
    assert found["points"][~finite].isna().all()


def test_sqlite_gives_pythons_points(card, rows):
    with sqlite3.connect(":memory:") as connection:
        rows.assign(home=rows["home"].astype("Int64")).to_sql("rows", connection, index=False)
        sql = card.to_sql("sqlite", table="rows")
        found = [row[-1] for row in connection.execute(sql)]
    assert (np.array(found, dtype=float).round(2) == card.points(rows)).all()


def test_columns_of_any_name_and_numbers_that_are_none_have_the_same_points(applications):
    """Quotes and Chinese in names; NaN beside NULL, which engines tell apart."""
    X, bad = applications
    X = X.rename(columns={"debt": '负债 "net"', "job": "it's <a> job", "income": "收入"})
    card = Scorecard(special_codes={"收入": [-1]}).fit(X, bad)
    rows = X.head(200)
    assert rows["收入"].isna().any()
    points, reader = card.points(rows).tolist(), Reader(card.to_pmml())
    with duckdb.connect() as connection:
        connection.register("x", rows)
        named = """* REPLACE (coalesce("收入", 'nan'::DOUBLE) AS "收入")"""
        connection.execute(f"CREATE TABLE t AS SELECT {named} FROM x")
        assert connection.execute('SELECT count(*) FROM t WHERE isnan("收入")').fetchone()[0]
        found = connection.execute(card.to_sql(table="t")).fetchnumpy()["points"]
    assert found.tolist() == points
    with sqlite3.connect(":memory:") as connection:
        rows.to_sql("t", connection, index=False)
        assert [row[-1] for row in connection.execute(card.to_sql("sqlite", table="t"))] == points
    plain = rows.astype(object).where(rows.notna(), None).to_dict("records")
    assert [reader.score(row)[0] for row in plain] == points


def test_what_python_refuses_has_no_points_in_sql(applications):
    X, bad = applications
    card = Scorecard(bounds={"debt": (0, 1)}).fit(X, bad)
    three = X.head(4).assign(debt=[1.5, -0.1, np.inf, 0.5])
    for at in range(3):
        with pytest.raises(DataError, match="lie beyond what is allowed"):
            card.points(three.iloc[[at]])
    with duckdb.connect() as connection:
        connection.register("three", three)
        points = connection.execute(card.to_sql(table="three")).df()["points"]
    assert points.isna().tolist() == [True, True, True, False]


def test_a_reader_of_pmml_gives_pythons_points(card, rows):
    reader = Reader(card.to_pmml())
    rows = rows.astype(object).where(rows.notna(), None)
    found = [reader.score(row)[0] for row in rows.to_dict("records")]
    assert (np.round(found, 2) == card.points(rows)).all()


@pytest.mark.parametrize("pair", [None, ("job", "home")], ids=str)
@pytest.mark.parametrize("grouped", [False, True])
def test_quotes_and_backslashes_need_no_escaping_in_pmml(applications, pair, grouped):
    """JPMML and PMML4S each read an array with quotes in its own way, and neither ours."""
    X, bad = applications
    odd = {"clerk": 'a "b" c', "pilot": "x\\y", "student": 'it\'s \\"so\\"'}
    X = X.assign(job=X["job"].replace(odd))
    groups = [[odd["clerk"], "driver"], [odd["pilot"]]]
    edges = {"job": groups} if grouped and pair is None else None
    card = Scorecard(special_codes={"income": [-1, -2]}, pair=pair, edges=edges).fit(X, bad)
    rows = X.head(300).astype(object).where(X.head(300).notna(), None)
    reader = Reader(card.to_pmml())
    scored = [reader.score(row)[0] for row in rows.to_dict("records")]
    assert scored == card.points(rows).tolist()


def test_pmml_gives_no_score_beyond_bounds(applications):
    X, bad = applications
    reader = Reader(Scorecard(bounds={"debt": (0, 1)}).fit(X, bad).to_pmml())
    row = X.dropna().iloc[0].to_dict()
    assert reader.score(row)[0] is not None
    assert reader.score({**row, "debt": 1.5}) == (None, [])


@pytest.mark.parametrize("dialect", ["spark", "postgres", "mysql", "snowflake", "bigquery"])
def test_other_dialects_are_written(card, dialect):
    """Of a number that is none all engines say the same word; functions for it they have not."""
    sql = card.to_sql(dialect, table="applications")
    assert "points" in sql
    assert "= 'nan'" in sql
    assert "ISNAN" not in sql


def test_a_dialect_that_is_none_is_refused(card):
    with pytest.raises(UnknownName, match=r"named 'duckbd'\. Did you mean 'duckdb'"):
        card.to_sql("duckbd", table="t")


def test_many_rows_have_the_same_points_everywhere(applications, size):
    X, bad = applications
    number = 20_000 if size == "smoke" else 1_000_000
    card = Scorecard(special_codes=CODES).fit(X, bad)
    many = X.sample(number, replace=True, random_state=1, ignore_index=True)
    with duckdb.connect() as connection:
        connection.register("many", many)
        found = connection.execute(card.to_sql(table="many")).df()["points"]
    points = card.points(many)
    assert (found == points).all()
    reader = Reader(card.to_pmml())
    plain = many.astype(object).where(many.notna(), None)
    assert [reader.score(row)[0] for row in plain.to_dict("records")] == points.tolist()


def test_the_file_is_json_that_others_can_read(applications, tmp_path):
    path = Path(tmp_path) / "card.json"
    Scorecard().fit(*applications).save(path)
    assert json.loads(path.read_text(encoding="utf-8"))["format"] == "workbench scorecard"
