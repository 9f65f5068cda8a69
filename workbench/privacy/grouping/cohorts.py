"""Cohorts: customers by the span in which a date of theirs first lies, as a group of a question."""

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

import ibis

from workbench.errors import PeriodError, QuestionRefused, one_of
from workbench.periods import Period, add_months, months_between
from workbench.privacy.columns import Dimension
from workbench.privacy.grouping.codes import CustomerCode
from workbench.privacy.grouping.personas import table_of
from workbench.privacy.groups import Group, GroupRule, Scope, named_column

Span = Literal["month", "quarter", "year"]


@dataclass(frozen=True, eq=False)
class Cohorts(GroupRule):
    """Cohorts of customers, as a group of a question; made by `cohorts`."""

    table: ibis.Table
    spans: tuple[Period, ...]
    column: str | None
    name: str

    def given(self) -> Mapping[str, Any]:
        """Return the name, and the first and last day of a cohort."""
        last = self.spans[-1].end - dt.timedelta(days=1)
        return {"names": (self.name,), "days": (self.spans[0].start.isoformat(), last.isoformat())}

    def group(self, scope: Scope) -> Group:
        """Return them resolved against a question."""
        name, declared = table_of(self.table, scope)
        column = self.column or declared.time
        columns = scope.catalog.columns_for(name, scope.purpose)
        if column is None:
            raise QuestionRefused(
                f"cohorts are by a date, and table '{name}' declares no time column. Name one: "
                "column='…'."
            )
        kind = one_of("column", columns, column).type
        if kind not in ("date", "timestamp"):
            raise QuestionRefused(f"'{column}' is {kind}; cohorts are by a date.")
        last, coming = self.spans[-1], add_months(scope.today.replace(day=1), 1)
        if last.start > scope.today:
            raise PeriodError(
                f"cohort {last.text} begins on {last.start}, and today is {scope.today}: nobody is "
                f"in it. The last to ask for is {last.containing(scope.today, last.kind).text}."
            )
        key = self.table[str(declared.subject_key)]
        first = (
            self.table.filter(key.notnull())
            .group_by(joined_k=key)
            .aggregate(first=self.table[column].min().cast("date"))
        )
        code: Any = ibis.null("int64")
        for place, span in reversed(list(enumerate(self.spans))):
            # why not days to come: a question is paid from the months it looks at
            inside = (first.first >= span.start) & (first.first < min(span.end, coming))
            code = inside.ifelse(place, code)
        # why only of the table's time: rows of any month may hold another date, the first of all
        bounds, months = columns[column].bounds, tuple[str, ...]()
        if column == declared.time:
            start = self.spans[0].start
            if bounds is not None and isinstance(bounds[0], dt.date):
                start = min(start, bounds[0])
            months = months_between(start, min(last.end, coming))
        codes = first.select("joined_k", code=code)
        rule = CustomerCode(codes, ("rule", "cohorts", name, column), months, ever=True)
        title = f"Cohort by {self.spans[0].kind}"
        values = tuple(span.text for span in self.spans)
        dimension = Dimension(self.name, title, "band", values, exclusive=True)
        return Group(dimension, 1, rule, name)


def cohorts(
    table: ibis.Table,
    span: tuple[str, str],
    *,
    every: Span = "quarter",
    column: str | None = None,
    name: str = "cohort",
) -> Cohorts:
    """Group customers by when they came: the span that holds their first date.

    Parameters
    ----------
    table : ibis.Table
        From ``ws.open(table, purpose)``.
    span : pair of str
        First and last month, quarter or year; customers who came before or after are in no cohort.
    every : {"month", "quarter", "year"}
        How long a cohort is.
    column : str, optional
        A date column, such as the day an account was opened; the table's time when left out.
    name : str
        Of the group column.

    Examples
    --------
    >>> # wb.query(tx, by=[wb.cohorts(cu, ("2024", "2026"), every="year", column="opened_on"), …])
    """
    if every not in ("month", "quarter", "year"):
        raise QuestionRefused(f"cohorts are every month, quarter or year, not every '{every}'.")
    pair: Any = span
    if isinstance(pair, str) or len(pair) != 2:
        raise QuestionRefused(f"cohorts are from a first span to a last one, not {span!r}.")
    first, last = (Period.parse(each) for each in span)
    if last.end <= first.start:
        raise QuestionRefused(f"the cohorts are reversed: {first.text} is after {last.text}.")
    spans = [Period.containing(first.start, every)]
    while spans[-1].end < last.end:
        spans.append(spans[-1].next())
    return Cohorts(table, tuple(spans), None if column is None else named_column(column), name)
