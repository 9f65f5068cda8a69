"""A question's bounded totals: their SQL, run in the engine on views that carry the key itself."""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from workbench.catalog import Catalog
from workbench.errors import QuestionRefused
from workbench.privacy.books.entries import Part
from workbench.privacy.columns import of_nobody
from workbench.privacy.engine import bounding, onerow, stocks
from workbench.privacy.engine.answering import Computed
from workbench.privacy.grouping.grouped import labels_table
from workbench.privacy.query import Query
from workbench.privacy.question import Question, resolve
from workbench.store.lake_files import losses_told
from workbench.store.reading.access import Access

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection as Connection


Run = Callable[[str], Any]  # runs SQL in DuckDB, and returns what rows are fetched from


def statements(question: Question) -> dict[str, str]:
    """Return the SQL a question needs, before anything is paid for it."""
    if question.discovered is not None:
        return {"found": bounding.customers_by_value(question, question.discovered)}
    if question.pure:
        return {"vector": bounding.pure_totals(question)}
    found: dict[str, str] = {}
    if question.stocks is not None:
        return {"stays": stocks.stays_sql(question)}
    if question.one_row is not None:
        return {"vector": onerow.rows_sql(question, question.one_row)}
    if question.counts:
        rows, check = bounding.rows_sql(question), bounding.fits(question)
        found["vector"] = bounding.bounded_totals(question, rows=rows)
        if check is not None:
            found["fits"] = check
            found["wide vector"] = bounding.bounded_totals(question, wide=True, rows=rows)
    found |= {f"choice {c.name}": bounding.weights_below(question, c) for c in question.choices}
    for distinct in question.distincts:
        found[f"distinct {distinct.name}"] = bounding.distinct_values(question, distinct)
    return found


def compute(question: Question, sql: Mapping[str, str], run: Run) -> list[Computed]:
    """Return the exact bounded totals of every part: what noise is added to."""
    chosen = dict(sql)
    check, wide = chosen.pop("fits", None), chosen.pop("wide vector", None)
    if check is not None and wide is not None and not run(check).fetchall()[0][0]:
        chosen["vector"] = wide
    if (code := question.one_row) is not None:
        return [Computed(code.vector(code.standing(run(chosen["vector"]))))]
    rows = {name: run(text).fetchall() for name, text in chosen.items()}
    if question.discovered is not None:
        return [Computed(found={value: int(count) for value, count in rows["found"]})]
    if question.stocks is not None:
        return [Computed(cells) for cells in stocks.measured(question, rows["stays"])]
    vectors: dict[int, dict[int, tuple[int, ...]]] = defaultdict(dict)
    for part, cell, *totals in rows.get("vector", ()):
        vectors[int(part)][int(cell)] = tuple(int(total) for total in totals)
    weights: dict[tuple[int, str], dict[int, dict[tuple[int, bool], int]]] = {}
    for choice in question.choices:
        for part, cell, place, exact, weight in rows[f"choice {choice.name}"]:
            cells = weights.setdefault((int(part), choice.name), {})
            cells.setdefault(int(cell), {})[(int(place), bool(exact))] = int(weight)
    counts: dict[tuple[int, str], dict[int, int]] = defaultdict(dict)
    for distinct in question.distincts:
        for part, cell, count in rows[f"distinct {distinct.name}"]:
            counts[int(part), distinct.name][int(cell)] = int(count)
    return [
        Computed(
            vectors.get(part, {}),
            [weights.get((part, choice.name), {}) for choice in question.choices],
            [counts.get((part, distinct.name), {}) for distinct in question.distincts],
        )
        for part in range(len(question.parts))
    ]


def run(
    question: Question, sql: Mapping[str, str], access: Access, now: dt.datetime
) -> list[Computed]:
    """Return the exact bounded totals of every part; they go no further than to the noise."""
    code, key = question.one_row, (access, sql.get("vector"))
    if code is None:
        with _connected(question, access, now) as connection:
            return compute(question, sql, connection.execute)
    if key not in code.held:  # read for the table before, of the same snapshot
        with _connected(question, access, now) as connection:
            code.held[key] = code.standing(connection.execute(sql["vector"]))
    return [Computed(code.vector(code.held[key]))]


def nobodys(
    question: Question, told: str | None, access: Access, now: dt.datetime, part: Part
) -> str:
    """Return what a reader must know of a part's rows that have no customer; often nothing.

    Their exact number changes with no customer's coming or going, for rows of a customer are not
    among them; it is told only where the catalog allows it.
    """
    if told is None:
        return ""
    if told == "keep":
        return of_nobody(None, None)
    where, time, span = f'"{question.key}" IS NULL', part.canonical["time"], part.period
    if span is not None:
        first, last = part.canonical["period"]  # months, or a first day and the day after the last
        where += (
            f" AND strftime(\"{time}\", '%Y-%m') BETWEEN '{first}' AND '{last}'"
            if len(first) == len("2026-09")
            else f" AND \"{time}\" >= DATE '{first}' AND \"{time}\" < DATE '{last}'"
        )
    with _connected(question, access, now) as connection:
        row = connection.execute(
            f'SELECT count(*) FROM lake."{question.table}" WHERE {where}'
        ).fetchone()
    return of_nobody(int(row[0]) if row else 0, span)


@contextmanager
def cells_of_people(
    query: Query, catalog: Catalog, access: Access, now: dt.datetime
) -> Iterator[tuple[Connection, str, tuple[str, ...]]]:
    """Yield an engine, SQL of ``k, c`` (who is in which cell of a question), and its groups' names.

    Raises
    ------
    QuestionRefused
        The question's cells are found in the data, so that there are none before it is asked.
    """
    question = resolve(query if query.asks else query.customers(), catalog, now.date())
    if question.discovered is not None:
        raise QuestionRefused(
            f"the values of '{question.discovered}' are found when the question is asked; before, "
            "there are no groups to count. Measure the extract of its columns instead."
        )
    names = tuple(dimension.name for dimension in question.dimensions)
    with _connected(question, access, now) as connection:
        inside = "c >= 0 AND k IS NOT NULL"
        yield (
            connection,
            f"SELECT k, c FROM ({bounding.rows_sql(question)}) AS cells WHERE {inside}",
            names,
        )


@contextmanager
def _connected(question: Question, access: Access, now: dt.datetime) -> Iterator[Connection]:
    """Yield an engine that sees what the question's purpose may, with the labels it needs."""
    tables = [(table, question.purpose) for table in question.tables]
    with access.release_connection(tables, now) as connection, losses_told():
        for group in question.groups:
            if group.labels is not None:
                codes = {value: code for code, value in enumerate(group.dimension.values)}
                given = zip(group.labels.customers, group.labels.labels, strict=True)
                access.put_labels(
                    connection,
                    labels_table(group.labels.label),
                    (question.table, question.purpose, question.key),
                    {str(who): codes[label] for who, label in given if label in codes},
                )
        yield connection
