"""Marks: keyed, stable, the same in the engine as in Python, and refused when broken."""

import datetime as dt

import pytest

from workbench.errors import StorageError
from workbench.store.keys.marks import Mark, marked_sql

NOW = dt.datetime(2026, 10, 2, 9, tzinfo=dt.UTC)


def test_a_mark_is_the_same_in_the_engine(shop):
    marks = shop.store.marks
    connection = shop.store.connect()
    marks.prepare(connection, [marks.of("K-7"), marks.of("客户-1"), marks.of("it's")])
    connection.execute("CREATE TABLE t AS SELECT * FROM (VALUES ('K-7'), ('K-8'), ('客户-1'), "
                       "('it''s'), (NULL)) AS v(k)")  # fmt: skip
    rows = connection.execute(f"SELECT k FROM t WHERE {marked_sql('k')} ORDER BY k").fetchall()
    assert rows == [("K-7",), ("it's",), ("客户-1",)]
    connection.close()


def test_no_marks_are_nobodys(shop):
    connection = shop.store.connect()
    shop.store.marks.prepare(connection, [])
    sql = f"SELECT count(*) FROM (SELECT 'K-7' AS k) WHERE {marked_sql('k')}"
    assert connection.execute(sql).fetchone() == (0,)
    connection.close()


def test_marks_say_nothing_without_their_secret(shop, tmp_path):
    from workbench.store.engine import Store

    other = Store(tmp_path / "other")
    other.make_key()
    assert other.marks.of("K-7") != shop.store.marks.of("K-7")
    assert shop.store.marks.of("K-7") == shop.store.marks.of("K-7")
    shop.store.marks.add("erased", shop.store.marks.of("K-7"), at=NOW)
    assert b"K-7" not in shop.store.marks.path.read_bytes()
    assert shop.store.marks.path.stat().st_mode & 0o777 == 0o600


def test_a_later_line_lifts_an_earlier_one(shop):
    shop.store.marks.secret()
    marks = shop.store.marks
    later = NOW + dt.timedelta(days=1)
    marks.add("restricted", "a", at=NOW, purposes=["*"])
    marks.add("objected", "b", at=NOW, purposes=["marketing"])
    marks.add("erased", "c", at=NOW)
    assert marks.barred("reporting") == {"a": {"restricted"}}
    assert marks.barred("marketing").keys() == {"a", "b"}
    marks.add("lifted", "a", at=later, purposes=["*"])
    assert marks.barred("reporting") == {}
    assert set(marks.erased()) == {"c"}


def test_lines_that_are_there_are_not_added_again(shop):
    shop.store.marks.secret()
    line = Mark("erased", "a", NOW.isoformat())
    assert shop.store.marks.merge([line, line]) == 1
    assert shop.store.marks.merge([line]) == 0
    assert shop.store.marks.all() == [line]


@pytest.mark.parametrize(
    "line", ["{", "{}", '{"kind": "erased"}', "[1]", '{"purposes": [], "x": 1}']
)
def test_a_broken_line_is_refused_with_its_number(shop, line):
    shop.store.marks.add("erased", "a", at=NOW)
    with shop.store.marks.path.open("a") as file:
        file.write(line + "\n")
    with pytest.raises(StorageError, match=r"line 2 is not a mark. Put the file back"):
        shop.store.marks.erased()
