"""What did not become a row: kept aside in the encrypted store, with reason and source line.

Three tables of a schema of their own, written in the same transaction as the data: every file taken
in, every row kept aside, every pair of rows that may be one person. Purposes do not reach them.
"""

from __future__ import annotations

import datetime as dt
import json
import threading
from bisect import bisect_left
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from workbench.documents import parse_json
from workbench.store.quality.rules import literal, number

if TYPE_CHECKING:
    import duckdb
    import pandas as pd

SCHEMA = "intake"
FILES, ASIDE, PAIRS = (f"lake.{SCHEMA}.{name}" for name in ("files", "quarantine", "same_person"))
# each line kept aside, ``a``, with the file it came in, ``f``
ASIDE_BY_FILE = (
    f"{ASIDE} AS a LEFT JOIN (SELECT DISTINCT ON (table_name, digest) * FROM {FILES}) AS f "
    "USING (table_name, digest)"
)
HANDED = "handed"  # rows handed over as texts: columns line, t0, t1, …
_BUFFERED, _BUFFERED_BYTES = 20_000, 10_000_000  # kept in Python before the engine takes them
_COLUMNS = "line BIGINT, reasons VARCHAR, subject VARCHAR, content VARCHAR"
_BESIDE = "beside"
_ROWS_ASIDE = f"{_BESIDE}.main.aside"
_TABLES = {
    FILES: 'table_name VARCHAR, digest VARCHAR, file VARCHAR, "at" TIMESTAMP, "rows" BIGINT, '
    "added BIGINT, updated BIGINT, unchanged BIGINT, repeated BIGINT, quarantined BIGINT, "
    "erased BIGINT, possible_duplicates BIGINT",
    ASIDE: f"table_name VARCHAR, digest VARCHAR, {_COLUMNS}",
    PAIRS: "table_name VARCHAR, digest VARCHAR, subject VARCHAR, other VARCHAR, agree VARCHAR",
}


@dataclass(frozen=True)
class Ingested:
    """One file that was taken in; its counts add up to its rows.

    Attributes
    ----------
    table, file, digest : str
    at : datetime
    rows : int
        What the file holds.
    added, updated, unchanged : int
        New rows; rows whose key was there with other content, which they replace; rows that are
        there already.
    repeated : int
        Rows that the file itself holds more than once.
    quarantined : int
        Rows kept aside.
    erased : int
        Rows of customers who were erased, which are left out.
    possible_duplicates : int
        Pairs of customers that may be one person, of which this file brought at least one.
    not_compared : int
        Customers who share their dates with so many that they were compared with those only who
        stand next to them in the alphabet; not kept.
    known : bool
        Whether the file had been taken in before, so that nothing was done.
    """

    table: str
    file: str
    digest: str
    at: dt.datetime
    rows: int
    added: int
    updated: int = 0
    unchanged: int = 0
    repeated: int = 0
    quarantined: int = 0
    erased: int = 0
    possible_duplicates: int = 0
    not_compared: int = 0
    known: bool = False


def prepare(connection: duckdb.DuckDBPyConnection) -> None:
    """Make the tables in the attached lake where they are not there."""
    connection.execute(f"CREATE SCHEMA IF NOT EXISTS lake.{SCHEMA}")
    for name, columns in _TABLES.items():
        connection.execute(f"CREATE TABLE IF NOT EXISTS {name} ({columns})")


def has_intake(connection: duckdb.DuckDBPyConnection) -> bool:
    """Return whether anything was ever taken in, in the attached lake."""
    where = f"database_name = 'lake' AND schema_name = {literal(SCHEMA)}"
    return bool(number(connection, f"SELECT count(*) FROM duckdb_tables() WHERE {where}"))


def taken_in(connection: duckdb.DuckDBPyConnection, table: str | None = None) -> list[Ingested]:
    """Return every file that was taken in, oldest first."""
    if not has_intake(connection):
        return []
    where = "" if table is None else f" WHERE table_name = {literal(table)}"
    rows = connection.execute(
        'SELECT table_name, file, digest, "at", "rows", added, updated, unchanged, repeated, '
        f"quarantined, erased, possible_duplicates FROM {FILES}{where} ORDER BY rowid"
    ).fetchall()
    return [
        Ingested(table, file, digest, at.replace(tzinfo=dt.UTC), *counts)
        for table, file, digest, at, *counts in rows
    ]


def note(connection: duckdb.DuckDBPyConnection, taken: Ingested) -> None:
    """Write down that a file was taken in."""
    at = taken.at.astimezone(dt.UTC).replace(tzinfo=None).isoformat(sep=" ")
    values = {**vars(taken), "at": at}
    del values["known"], values["not_compared"]
    columns = {"table_name": values.pop("table"), **values}
    named = ", ".join(f'"{column}"' for column in columns)
    # why no parameters: they would import pandas
    given = ", ".join(literal(value) for value in columns.values())
    connection.execute(f"INSERT INTO {FILES} ({named}) VALUES ({given})")


def forget_files(connection: duckdb.DuckDBPyConnection, table: str) -> None:
    """Forget what was taken into a table, whose content is replaced as a whole."""
    if has_intake(connection):
        for name in _TABLES:
            connection.execute(f"DELETE FROM {name} WHERE table_name = {literal(table)}")


def forget_aside(connection: duckdb.DuckDBPyConnection, table: str, digest: str) -> None:
    """Forget what was kept aside of a file that is read again."""
    connection.execute(
        f"DELETE FROM {ASIDE} WHERE table_name = {literal(table)} AND digest = {literal(digest)}"
    )


def summary(connection: duckdb.DuckDBPyConnection) -> list[tuple[str, str, str, int]]:
    """Return (table, file, reasons, rows) of what is kept aside: counts, no content."""
    if not has_intake(connection):
        return []
    rows: list[tuple[str, str, str, int]] = connection.execute(
        f"""
        SELECT a.table_name, coalesce(any_value(f.file), a.digest[:12]), a.reasons, count(*)
        FROM {ASIDE_BY_FILE}
        GROUP BY a.table_name, a.digest, a.reasons ORDER BY ALL
        """
    ).fetchall()
    return rows


def rows_aside(connection: duckdb.DuckDBPyConnection) -> Mapping[str, int]:
    """Return how many lines of each table are kept aside."""
    if not has_intake(connection):
        return {}
    query = f"SELECT table_name, count(*) FROM {ASIDE} GROUP BY table_name"
    return dict(connection.execute(query).fetchall())


def contents(
    connection: duckdb.DuckDBPyConnection,
    table: str,
    columns: Collection[str],
    key: str | None,
    known_as: Callable[[str], str],
    left_out: Callable[[str], bool] = lambda _: False,
) -> pd.DataFrame:
    """Return the rows of a table that are kept aside: file, line, reasons, content.

    Parameters
    ----------
    columns : collection of str
        What of the content is shown; of a line that is no row nothing can be.
    key : str, optional
        The column that names a customer.
    known_as, left_out : callable
        The name a customer is shown under; whether one is not shown at all.
    """
    import pandas as pd

    def shown(subject: str | None, content: str | None) -> str | None:
        try:
            row = parse_json(content or "null")
        except ValueError:
            return None
        if not isinstance(row, dict):
            return None
        if row.get(key) is not None:
            row[key] = known_as(subject or str(row[key]))
        kept = {name: value for name, value in row.items() if name in columns}
        return json.dumps(kept, ensure_ascii=False)

    names = ["file", "line", "reasons", "content"]
    if not has_intake(connection):
        return pd.DataFrame(columns=names)
    rows = connection.execute(
        f"""
        SELECT f.file, a.line, a.reasons, a.subject, a.content FROM {ASIDE_BY_FILE}
        WHERE a.table_name = {literal(table)} ORDER BY ALL
        """
    ).fetchall()
    told = [
        (file, line, reasons, shown(subject, content))
        for file, line, reasons, subject, content in rows
        if subject is None or not left_out(subject)
    ]
    return pd.DataFrame(told, columns=names)


def pairs(connection: duckdb.DuckDBPyConnection, table: str) -> pd.DataFrame:
    """Return pairs of customers that may be one person: both keys, and what agrees."""
    import pandas as pd

    columns = ["customer", "other", "agree"]
    if not has_intake(connection):
        return pd.DataFrame(columns=columns)
    rows = connection.execute(
        f"SELECT DISTINCT subject, other, agree FROM {PAIRS} "
        f"WHERE table_name = {literal(table)} ORDER BY ALL"
    ).fetchall()
    return pd.DataFrame(rows, columns=columns)


def whose_sql(key: str, texts: Iterable[str], columns: int) -> str:
    """Return SQL of the customer of a row kept aside, from SQL of its key and of its texts.

    A value with as many separators as a row, on two lines, may hold another's row: whose the line
    is, nobody knows then, and the first customer must not be handed the second's.
    """
    # why a CASE: of an AND both sides are computed, of every text
    several = (
        "CASE WHEN contains(x, chr(10)) OR contains(x, chr(13)) THEN "
        f"length(regexp_replace(x, '[^,;|\\t]', '', 'g')) >= {columns - 1} END "
        f"FOR x IN [{', '.join(texts)}]::VARCHAR[]"
    )
    return f"CASE WHEN list_bool_or([{several}]) THEN NULL ELSE {key} END"


class Aside:
    """Rows kept aside while a file is read, in a database beside the lake: memory stays bounded.

    Parameters
    ----------
    side : DuckDBPyConnection
        Another connection to the engine that reads the file, for the engine calls while it does.

    Attributes
    ----------
    told : str
        SQL of `workbench.store.loading.sifting`: what is wrong with rows handed over as texts.
    rows : int
        How many are kept aside.
    """

    def __init__(self, side: duckdb.DuckDBPyConnection) -> None:
        # why a database of its own: the transaction that reads the file sees what is committed
        # to it meanwhile, since it has not looked at it before
        side.execute(f"ATTACH ':memory:' AS {_BESIDE}")
        side.execute(f"CREATE TABLE {_ROWS_ASIDE} ({_COLUMNS})")
        self._side = side
        self._lock = threading.Lock()  # the engine calls from several threads
        self._handed: list[str] = []
        self._handed_bytes = 0
        self._waiting: list[tuple[int, str, str | None, str | None]] = []
        self._erased: list[int] = []
        self.told = ""
        self.rows = 0

    @property
    def erased(self) -> int:
        """How many rows were of erased customers, and are not kept."""
        return len(self._erased)

    def take(self, line: int, texts: str | None) -> None:
        """Keep a row aside.

        Parameters
        ----------
        texts : str
            The line and its values as a JSON list of texts; None for a row of an erased customer,
            which is not kept.
        """
        with self._lock:
            if texts is None:
                self._erased.append(line)
                return
            self._handed.append(texts)
            self._handed_bytes += len(texts)
            self.rows += 1
            if len(self._handed) >= _BUFFERED or self._handed_bytes >= _BUFFERED_BYTES:
                self._flush()

    def add(self, line: int, reasons: str, subject: str | None, content: str | None) -> None:
        """Keep one row aside of which is known what is wrong."""
        self.rows += 1
        self._waiting.append((line, reasons, subject, content))
        if len(self._waiting) >= _BUFFERED:
            self._flush()

    def renumber(self, above: int, lines: Sequence[int]) -> None:
        """Turn the places of rows among those that were read into lines of the file.

        Parameters
        ----------
        above : int
            Lines above the first row, the last of which has the column names.
        lines : sequence of int
            Lines that were not read as rows.
        """
        before = [line - above - place for place, line in enumerate(lines, 1)]
        self._erased = [n + above + bisect_left(before, n) for n in self._erased]
        self._flush()
        jumps = {threshold: place for place, threshold in enumerate(before, 1)}
        given = self._given(json.dumps(list(jumps.items())))
        self._side.execute(
            f"CREATE TEMP TABLE jumps AS SELECT CAST(l[1] AS BIGINT) AS reached, "
            f"CAST(l[2] AS BIGINT) AS place FROM {given}"
        )
        self._side.execute(
            f"CREATE TEMP TABLE numbered AS SELECT line + {above} + coalesce(place, 0) AS line, "
            f"a.* EXCLUDE line FROM {_ROWS_ASIDE} a ASOF LEFT JOIN jumps ON reached < line"
        )
        self._side.execute(f"CREATE OR REPLACE TABLE {_ROWS_ASIDE} AS SELECT * FROM numbered")
        self._side.execute("DROP TABLE numbered")

    def move(self, lines: Mapping[int, int]) -> None:
        """Turn places of rows into the lines of the file on which they begin."""
        given = self._given(json.dumps(list(lines.items())))
        self._side.execute(
            f"UPDATE {_ROWS_ASIDE} SET line = CAST(l[2] AS BIGINT) FROM {given} AS moved "
            "WHERE line = CAST(l[1] AS BIGINT)"
        )

    def lines(self) -> list[int]:
        """Return the lines of everything that did not become a row, in order."""
        self._flush()
        rows = self._side.execute(f"SELECT line FROM {_ROWS_ASIDE}").fetchall()
        return sorted([*self._erased, *(int(row[0]) for row in rows)])

    def _flush(self) -> None:
        """Hand what waits to the engine."""
        if self._handed:
            places = range(2, len(json.loads(self._handed[0])) + 1)
            texts = "".join(f", l[{place}] AS t{place - 2}" for place in places)
            given = self._given(f"[{','.join(self._handed)}]")
            self._handed, self._handed_bytes = [], 0
            rows = f"(SELECT CAST(l[1] AS BIGINT) AS line{texts} FROM {given})"
            self._side.execute(f"WITH {HANDED} AS {rows} INSERT INTO {_ROWS_ASIDE} {self.told}")
        if self._waiting:
            given = self._given(json.dumps(self._waiting, ensure_ascii=False))
            self._waiting = []
            self._side.execute(
                f"INSERT INTO {_ROWS_ASIDE} "
                f"SELECT CAST(l[1] AS BIGINT), l[2], l[3], l[4] FROM {given}"
            )

    def _given(self, rows: str) -> str:
        """Give the engine rows, a JSON list of lists; return SQL of them as lists ``l`` of texts.

        As JSON: parameters, Arrow tables and what a function of ours returns would import pandas,
        for a third of a second. By way of a table: of a constant in the query itself the engine
        makes a value of every cell.
        """
        self._side.execute("CREATE OR REPLACE TEMP TABLE _given (rows VARCHAR)")
        self._side.execute(f"INSERT INTO temp._given VALUES ({literal(rows)})")
        return "(SELECT unnest(from_json(rows, '[[\"VARCHAR\"]]')) AS l FROM temp._given)"

    def write(self, connection: duckdb.DuckDBPyConnection, table: str, digest: str) -> None:
        """Write everything kept aside into the lake, by line."""
        self._flush()
        if self.rows:
            connection.execute(
                f"INSERT INTO {ASIDE} SELECT {literal(table)}, {literal(digest)}, * "
                f"FROM {_ROWS_ASIDE} ORDER BY line"
            )

    def reasons(self) -> list[tuple[str, int]]:
        """Return how many rows were kept aside for what, most first."""
        self._flush()
        rows: list[tuple[str, int]] = self._side.execute(
            f"SELECT reasons, count(*) AS n FROM {_ROWS_ASIDE} "
            "GROUP BY reasons ORDER BY n DESC, reasons"
        ).fetchall()
        return rows
