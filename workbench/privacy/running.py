"""Run a question's bounded totals in the engine, on views that carry the key itself."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping

from workbench.privacy.answering import Computed
from workbench.privacy.bounding import labels_table
from workbench.privacy.question import Question
from workbench.privacy.releasing import compute
from workbench.store.access import Access


def run(
    question: Question, sql: Mapping[str, str], access: Access, now: dt.datetime
) -> list[Computed]:
    """Return the exact bounded totals of every part; they go no further than to the noise."""
    tables = [(table, question.purpose) for table in question.tables]
    connection = access.release_connection(tables, now)
    try:
        for i, group in enumerate(question.groups):
            if group.labels is not None:
                codes = {value: code for code, value in enumerate(group.dimension.values)}
                given = zip(group.labels.customers, group.labels.labels, strict=True)
                access.put_labels(
                    connection,
                    labels_table(i),
                    (question.table, question.purpose, question.key),
                    {str(who): codes[label] for who, label in given if label in codes},
                )
        return compute(question, sql, lambda text: connection.execute(text).fetchall())
    finally:
        connection.close()
