"""Groups beside columns: values put together, found, handed in by a model, paired, or cohorts.

Customers with both of two values are counted privately, all pairs at once; a customer has many, so
the bound on cells decides how much each counts.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Literal

from workbench.catalog import Column
from workbench.documents import canonical
from workbench.errors import PeriodError, QuestionRefused, UnknownName, one_of
from workbench.periods import Period, add_months, months_between
from workbench.privacy.columns import AND, Dimension
from workbench.privacy.grouping.codes import (
    CustomerCode,
    PairCode,
    RowCode,
    declared_group,
    declared_places,
)
from workbench.privacy.grouping.opened import require_value, table_of
from workbench.privacy.groups import Group, GroupRule, Number, Scope, decimal_of, named_column
from workbench.privacy.provenance import FittedLabel, Provenance

if TYPE_CHECKING:
    import ibis


def _of_values(name: str, scope: Scope) -> Column:
    """Return a column whose values may be groups though no domain of them is declared."""
    column = one_of("column", scope.allowed, name)
    if column.role in ("subject key", "direct identifier"):
        raise QuestionRefused(f"'{name}' is a {column.role}: its values name customers.")
    if column.type not in ("text", "integer"):
        raise QuestionRefused(
            f"'{name}' is {column.type}; only text and integers have values to group by. For "
            f"ranges use wb.bands('{name}', [...])."
        )
    return column


@dataclass(frozen=True)
class Grouped(GroupRule):
    """A column's values by the group each is in, as a group of a question; made by `grouped`."""

    column: str
    groups: tuple[tuple[str, tuple[str | int, ...]], ...]
    rest: str | None = None

    def group(self, scope: Scope) -> Group:
        """Return it resolved against a question."""
        column = _of_values(self.column, scope)
        kind: type = str if column.type == "text" else int
        value, code = scope.source[self.column], None
        for _, members in self.groups:
            for each in members:
                if type(each) is not kind:
                    raise QuestionRefused(f"'{self.column}' is {column.type}, and {each!r} is not.")
                require_value(self.column, column, each)
        names = [name for name, _ in self.groups]
        if self.rest is not None:
            code = value.notnull().ifelse(len(names), None)
            names.append(self.rest)
        for place, (_, members) in enumerate(self.groups):
            code = value.isin(list(members)).ifelse(place, code)
        title = column.title or self.column.replace("_", " ").capitalize()
        exclusive = column.values_per_customer == 1
        dimension = Dimension(
            f"{self.column}_group", f"{title}, group", "category", tuple(names), exclusive=exclusive
        )
        most = min(column.values_per_customer or len(names), len(names))
        meaning = ["grouped", self.column, [[str(m) for m in group] for _, group in self.groups]]
        return Group(dimension, most, RowCode(code, [*meaning, self.rest is not None]))

    def given(self) -> Mapping[str, Any]:
        """Return the names and numbers an analyst gave it."""
        names = [name for name, _ in self.groups] + ([] if self.rest is None else [self.rest])
        members = [each for _, group in self.groups for each in group]
        return {
            "names": names + [each for each in members if isinstance(each, str)],
            "numbers": {f"values of '{self.column}'": [m for m in members if isinstance(m, int)]},
        }


def grouped(
    column: str, groups: Mapping[str, Iterable[str | int]], *, rest: str | None = None
) -> Grouped:
    """Group by a column whose values are put together: ``{"Nordics": ["Norway", "Sweden"]}``.

    Parameters
    ----------
    column : str
        A column of text or whole numbers; it needs no declared domain, for the values are given.
    groups : mapping of str to values
        The name of each group, and its values. No value may be in two.
    rest : str, optional
        Where all other values belong; left out, they are in no group. Rows without a value are in
        none either.

    Examples
    --------
    >>> grouped("country", {"Nordics": ["Norway", "Sweden"]}, rest="Elsewhere").rest
    'Elsewhere'
    """
    if not groups:
        raise QuestionRefused('groups are given by name: {"Nordics": ["Norway", "Sweden"]}.')
    if any(isinstance(members, str) for members in groups.values()):
        raise QuestionRefused('a group is a list of values: {"Nordics": ["Norway", "Sweden"]}.')
    given = tuple((str(name), tuple(members)) for name, members in groups.items())
    members = [each for _, group in given for each in group]
    if not all(group for _, group in given):
        raise QuestionRefused("a group without values would always be empty; leave it out.")
    if len(set(members)) != len(members):
        twice = next(each for each in members if members.count(each) > 1)
        raise QuestionRefused(f"'{twice}' is in two groups; a value belongs to one.")
    if rest in groups:
        raise QuestionRefused(f"'{rest}' is a group already; the rest needs a name of its own.")
    return Grouped(named_column(column), given, rest)


# Why labels that are handed in are raw, whatever model they are of.
_FRAME = "labels were handed in, and what the features beneath them look at is not known"


@dataclass(frozen=True, eq=False)
class Labelled(GroupRule):
    """A group column whose values a model gave to customers, with where the model comes from."""

    label: FittedLabel
    customers: Any
    labels: Any

    def given(self) -> Mapping[str, Any]:
        """Return the name."""
        return {"names": (self.label.name,)}

    def group(self, scope: Scope) -> Group:
        """Return them resolved; the release engine alone knows whose they are."""
        import ibis

        label, kind = self.label, scope.source[scope.key].type()
        given = ibis.table({scope.key: kind, "code": "int64"}, name=labels_table(label))
        codes = given.select(joined_k=given[scope.key], code=given.code)
        code = CustomerCode(codes, ("labels", canonical(label.canonical())))
        title = label.name.replace("_", " ").capitalize()
        dimension = Dimension(label.name, title, "category", label.values)
        return Group(dimension, 1, code, label=label, labels=self)


def labels_table(label: FittedLabel) -> str:
    """Return the name of the engine's table of a label's values: the key and ``code``."""
    return f"fitted_labels_{label.fingerprint}"


def labelled(label: FittedLabel, customers: Any, labels: Any) -> Labelled:
    """Group by labels that a model gave to customers, such as segments.

    Parameters
    ----------
    label : FittedLabel
        Name and values of the labels. Labels that are handed in count as raw, whatever model gave
        them, since a feature may look at other customers; they are refused when they are asked
        about, and an officer may approve an exception with ``ws.office.approve``. Labels of a
        private model are made inside the engine: ``model.label(tx, period=…)``.
    customers : sequence of str
        Pseudonyms, as in the table the model was given; under the question's own purpose.
    labels : sequence of str
        The label of each.
    """
    unknown = {each for each in labels if isinstance(each, str)} - set(label.values)
    if unknown:
        raise UnknownName(f"value of {label.name}", min(unknown), label.values)
    if len(customers) != len(labels):
        raise QuestionRefused(
            f"there are {len(customers):,} customers and {len(labels):,} labels; give one each."
        )
    words = "; ".join(filter(None, (label.provenance.description, _FRAME)))
    return Labelled(replace(label, provenance=Provenance("raw", (), words)), customers, labels)


@dataclass(frozen=True)
class Discovered(GroupRule):
    """A column without a declared domain, whose values are found privately."""

    column: str
    delta: Decimal

    def given(self) -> Mapping[str, Any]:
        """Return the chance of a false value."""
        return {"numbers": {f"the delta of '{self.column}'": (self.delta,)}}

    def group(self, scope: Scope) -> Group:
        """Return it resolved against a question."""
        column = _of_values(self.column, scope)
        if not (self.delta.is_finite() and 0 < self.delta < 1):
            raise QuestionRefused(f"delta must lie between 0 and 1, not {self.delta}.")
        title = column.title or self.column.replace("_", " ").capitalize()
        return Group(
            Dimension(self.column, title, "category", ()),
            column.values_per_customer or 2**31,
            discovered=self.column,
            delta=self.delta,
        )


def discovered(column: str, *, delta: Number | str) -> Discovered:
    """Group by a column whose values are not declared; only values many customers share appear.

    Parameters
    ----------
    column : str
        A text or integer column.
    delta : number
        The chance, taken out of the customers' delta, that a value one customer alone has is
        shown. It has no default.

    Examples
    --------
    >>> discovered("merchant", delta="1e-8").column
    'merchant'
    """
    return Discovered(named_column(column), decimal_of("delta", delta))


@dataclass(frozen=True)
class Pairs(GroupRule):
    """Pairs of a column's values, as a group of a question; made by `pairs`."""

    column: str

    def group(self, scope: Scope) -> Group:
        """Return them resolved against a question."""
        column = one_of("column", scope.allowed, self.column)
        single, most = declared_group(self.column, column)
        values = single.values
        if any(AND in str(value) for value in values):
            raise QuestionRefused(
                f"a value of '{self.column}' holds '{AND}', which stands between two of a pair."
            )
        both = tuple(
            str(one) if i == j else f"{one}{AND}{values[j]}"
            for i, one in enumerate(values)
            for j in range(i, len(values))
        )
        dimension = Dimension(f"{self.column}_pair", f"{single.title}, pair", "category", both)
        places = declared_places(scope.source[self.column], self.column, column)
        code = PairCode(**places, size=len(values))
        return Group(dimension, most * (most + 1) // 2, code)


def pairs(column: str) -> Pairs:
    """Group by two values of a column that one customer has, for `Release.affinity`.

    Parameters
    ----------
    column : str
        A column with a declared domain. The question asks for ``.customers()`` by it alone.

    Examples
    --------
    >>> pairs("category").column
    'category'
    """
    return Pairs(named_column(column))


# ---------------------------------------------------------------------- cohorts
# Customers by the span in which a date of theirs first lies.

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
        import ibis

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
