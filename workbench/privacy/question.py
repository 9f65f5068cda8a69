"""Resolve a question against the catalog: every group finite, every measure bounded, or refused.

The result says all that determines an answer besides the data, so its canonical form is half of an
answer's identity. Names chosen by the analyst and the order of columns are not part of it.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache, partial
from math import prod
from typing import TYPE_CHECKING, Any

from workbench.catalog import NUMERIC, Catalog, Table
from workbench.errors import PeriodError, QuestionRefused
from workbench.periods import Period
from workbench.privacy import identity
from workbench.privacy.books.entries import Part
from workbench.privacy.columns import Dimension, Measure
from workbench.privacy.engine.onerow import OneRow
from workbench.privacy.engine.stocks import Stocks, stocks_of
from workbench.privacy.given import Given, filters_of, given, in_first_month, period_predicates
from workbench.privacy.grouping.codes import PairCode
from workbench.privacy.grouping.opened import source_of
from workbench.privacy.groups import Group, Scope, resolve_group, with_rest
from workbench.privacy.measuring import Measured, measured
from workbench.privacy.query import Query

if TYPE_CHECKING:
    import ibis

MAX_CELLS = 1_000_000


@dataclass(frozen=True, eq=False)
class Question(Measured):
    """A question that can be answered: resolved, bounded, finite.

    Attributes
    ----------
    scope : Scope
        What it is asked of.
    groups : tuple of Group
        Group columns, resolved.
    filters : tuple of Ibis boolean expressions
        Besides the span's.
    cells, rows : int
        Cells one customer may fill within one part, and rows that count within one cell.
    month_axis : int or None
        Position of the month among the dimensions, where each month is a part of its own.
    pure : bool
        Answered with pure differential privacy: cells beyond the bound are left out.
    given : mapping
        Numbers, names and days that an analyst gave it; see `workbench.privacy.given`.
    once : bool
        Each customer is in the month of their first row alone, and the months share one price.
    stocks : Stocks or None
        The months of a series of stocks, which share one price, too.
    parts : tuple of Part
        One a month where it is grouped by month, else one.
    """

    scope: Scope
    groups: tuple[Group, ...]
    filters: tuple[Any, ...]
    cells: int
    rows: int
    month_axis: int | None
    pure: bool
    given: Given
    once: bool = False
    stocks: Stocks | None = None
    parts: tuple[Part, ...] = field(init=False)

    def __post_init__(self) -> None:
        """Name its parts; what cannot be named is refused."""
        object.__setattr__(self, "parts", tuple(_parts(self)))

    @property
    def source(self) -> ibis.Table:
        """The table it is asked of."""
        return self.scope.source

    @property
    def table(self) -> str:
        """Name of that table."""
        return self.scope.table_name

    @property
    def purpose(self) -> str:
        """What it is asked for."""
        return self.scope.purpose

    @property
    def key(self) -> str:
        """The column that names a row's customer."""
        return self.scope.key

    @property
    def coded(self) -> dict[str, list[str]]:
        """Columns it reads as numbers, with their special codes, which are none."""
        columns = self.scope.allowed
        read = {*self.values, *(each.number for each in self.groups)}
        read |= {d.column for d in self.distincts if columns[d.column].type in NUMERIC}
        return {
            name: sorted(column.special_codes)
            for name, column in sorted(columns.items())
            if name in read and column.special_codes
        }

    @property
    def period(self) -> str | None:
        """The span asked about."""
        return None if self.scope.period is None else self.scope.period.text

    @property
    def predicates(self) -> tuple[Any, ...]:
        """What a row must meet: filters, to be its customer's first of all, and the span."""
        first = (in_first_month(self.scope),) if self.once else ()
        return (*self.filters, *first, *period_predicates(self.scope))

    @property
    def shares(self) -> int:
        """How many equal parts its price is shared by."""
        return 1 if self.once or self.stocks else len(self.parts)

    @property
    def tables(self) -> tuple[str, ...]:
        """Every table it looks at, its own first."""
        others = (group.table for group in self.groups if group.table)
        return tuple(dict.fromkeys([self.table, *others]))

    @property
    def own_groups(self) -> tuple[Group, ...]:
        """The groups inside one part."""
        return tuple(group for i, group in enumerate(self.groups) if i != self.month_axis)

    @property
    def dimensions(self) -> tuple[Dimension, ...]:
        """Group columns with their values."""
        return tuple(group.dimension for group in self.groups)

    @property
    def within(self) -> tuple[Dimension, ...]:
        """The dimensions inside one part."""
        return tuple(group.dimension for group in self.own_groups)

    @property
    def size(self) -> int:
        """How many cells are released within one part, empty ones too."""
        return prod(len(dimension.values) for dimension in self.within)

    @property
    def one_row(self) -> OneRow | None:
        """What one row of each customer adds to all cells at once, if it is asked for."""
        return next((g.code for g in self.groups if isinstance(g.code, OneRow)), None)

    @property
    def vector(self) -> list[tuple[Measure, dict[str, Any]]]:
        """See `Measured`."""
        return super().vector if self.one_row is None else self.one_row.figures

    @property
    def discovered(self) -> str | None:
        """The column whose values are found privately, if there is one."""
        return next((group.discovered for group in self.groups if group.discovered), None)

    @property
    def blocks(self) -> int:
        """Mechanisms that share the price: the vector, each quantile, each distinct count."""
        return int(self.counts) + len(self.choices) + len(self.distincts)


def resolve(query: Query, catalog: Catalog, today: dt.date, *, pure: bool = False) -> Question:
    """Check a query against the catalog.

    Raises
    ------
    QuestionRefused
        It cannot be answered privately as asked; the message says what would do.
    UnknownName
        It names a column that is not declared for this purpose.
    """
    name, purpose = source_of(query.table)
    table = catalog.table(name)
    if table.subject_key is None or table.contribution is None:
        raise QuestionRefused(
            f"table '{name}' is operational: it has no privacy unit and nobody to protect. Read "
            "its exact figures from ws.open(…); they are no releases."
        )
    if not query.asks:
        raise QuestionRefused(
            "the question asks for nothing. Add .customers(), .count(), .sum(…) or .mean(…)."
        )
    period = _period(query.period, table, today)
    scope = Scope(query.table, catalog, table, name, purpose, period, today)
    predicates = filters_of(query, scope.allowed)
    groups = tuple(resolve_group(each, scope) for each in query.by)
    if query.rest:
        groups = tuple(with_rest(each) for each in groups)
    _require_come(groups, today)
    names = [group.dimension.name for group in groups]
    if len(set(names)) != len(names):
        raise QuestionRefused(f"a group column is named twice: {', '.join(names)}.")
    size = prod(len(group.dimension.values) or 1 for group in groups)
    if size > MAX_CELLS:
        raise QuestionRefused(
            f"the question has {size:,} cells; at most {MAX_CELLS:,} are answered at once, and "
            "noise would drown so many anyway. Group by fewer columns or coarser values."
        )
    kinds = [group.dimension.kind for group in groups]
    axis = kinds.index("month") if "month" in kinds and not query.together else None
    if query.once and axis is None:
        raise QuestionRefused(
            "once=True counts customers in the month of their first row, and its price is that of "
            "all months: group by 'month', without together=True."
        )
    reachable = prod(group.most for i, group in enumerate(groups) if i != axis)
    cells = min(_positive("cells", query.cells, table.contribution.cells), reachable)
    rows = _positive("rows", query.rows, table.contribution.rows)
    asked = measured(query, scope, rows)
    figures = {name for each in asked.measures for name in each.columns}
    for each in names:
        if each in figures:
            raise QuestionRefused(
                f"the group column '{each}' is called like a figure of the answer. Name an "
                "expression otherwise with .name('…'), or the column in the catalog."
            )
    _require_combinable(groups, asked, pure)
    return Question(
        **vars(asked),
        scope=scope,
        groups=groups,
        filters=tuple(predicates),
        cells=cells,
        rows=rows,
        month_axis=axis,
        pure=pure,
        given=given(query),
        once=query.once,
        stocks=stocks_of(query, groups, axis, period, pure),
    )


def _positive(name: str, given: int | None, declared: int) -> int:
    value = declared if given is None else given
    if type(value) is not int or value < 1:
        raise QuestionRefused(f"{name} must be a whole number, 1 or more, not {value!r}.")
    return value


def _require_combinable(groups: Sequence[Group], asked: Measured, pure: bool) -> None:
    """Refuse combinations no mechanism here answers."""
    others = bool(asked.choices or asked.distincts)
    if any(group.discovered for group in groups) and (
        len(groups) > 1 or asked.coordinates or others
    ):
        raise QuestionRefused(
            "wb.discovered(…) finds values with their customers, alone: ask .customers() by it "
            "only, then declare what it found as a domain for other questions."
        )
    if any(isinstance(group.code, PairCode) for group in groups) and (asked.coordinates or others):
        raise QuestionRefused(
            "wb.pairs(…) counts customers, and a row is in every pair of its customer: ask "
            ".customers() by it, and totals in a question of their own."
        )
    if any(isinstance(group.code, OneRow) for group in groups) and (
        len(groups) > 1 or asked.coordinates or others or pure
    ):
        raise QuestionRefused(
            "a scorecard's tables count one row of each customer in many cells, and are asked for "
            "alone: ask .customers() by them only."
        )
    if pure and (others or any(group.discovered for group in groups)):
        raise QuestionRefused(
            "pure=True answers counts by declared groups. Quantiles, distinct and found values "
            "have mechanisms of their own; leave it out for them."
        )
    if pure and any(each.kind != "rows" for each in asked.coordinates):
        raise QuestionRefused(
            "pure=True answers .customers() and .count() only. Leave it out for sums and means."
        )


def _require_come(groups: Sequence[Group], today: dt.date) -> None:
    """Refuse rules on days to come: they would be paid from a month that is nobody's yet."""
    for group in groups:
        last = group.rule.months[-1] if group.rule and group.rule.months else ""
        if last > f"{today:%Y-%m}":
            complete = Period.containing(today.replace(day=1) - dt.timedelta(days=1)).text
            raise PeriodError(
                f"'{group.dimension.name}' looks at rows until {last}, and today is {today}. End "
                f"it within what has come; the last complete month is {complete}."
            )


def _parts(question: Question) -> Iterator[Part]:
    scope, groups, axis = question.scope, question.groups, question.month_axis
    table, period = scope.table, scope.period
    # why: a rule looks at rows of its own months, so the latest of them is the month that pays
    ruled = [group.rule.months[-1] for group in groups if group.rule and group.rule.months]
    canonical = {**identity.canonical(question), "time": table.time}
    if table.without_customer:
        canonical["without_customer"] = table.without_customer

    def before(span: list[str] | None) -> Callable[[], Mapping[str, Any]] | None:
        # why none: answers of before counted all of nobody's rows as one customer
        none = table.without_customer or question.once or question.stocks
        return None if none else cache(partial(identity.earlier, question, span))

    if axis is not None:
        if question.once or question.stocks:  # the last month pays, for all of them
            ruled.append(str(groups[axis].dimension.values[-1]))
        for text in (str(value) for value in groups[axis].dimension.values):
            month = asked = Period.parse(text)
            if period is not None and not period.start <= month.start < month.end <= period.end:
                start, end = max(month.start, period.start), min(month.end, period.end)
                asked = Period(start, end, f"{start}..{end - dt.timedelta(days=1)}", "span")
            # why no earlier name: part of a month was stored as the whole of it then
            earlier = before([text, text]) if asked is month else None
            span = _span(asked)
            # why not later than now: a catalog's bounds may reach into years to come
            paced_by = min(max([text, *ruled]), f"{scope.today:%Y-%m}")
            yield Part(asked.text, paced_by, (text,), {**canonical, "period": span}, earlier)
        return
    if period is None:
        yield Part(None, None, None, {**canonical, "period": None}, before(None))
        return
    last = Period.containing(period.end - dt.timedelta(days=1)).text
    span, paced_by = _span(period), max([last, *ruled])
    yield Part(period.text, paced_by, period.months(), {**canonical, "period": span}, before(span))


def _span(period: Period) -> list[str]:
    """Return a span's first and last month, or first and last day where they are cut."""
    if period.start.day == period.end.day == 1:
        months = period.months()
        return [months[0], months[-1]]
    return [str(period.start), str(period.end)]


def _period(given: str | tuple[str, str] | None, table: Table, today: dt.date) -> Period | None:
    if given is None:
        return None
    if table.time is None:
        raise QuestionRefused("this table declares no time column, so it has no periods.")
    if isinstance(given, str):
        return Period.parse(given).require_past(today)
    pair: Any = given
    if not isinstance(pair, Sequence) or len(pair) != 2:
        raise QuestionRefused(
            f"a period is one, such as '2026-09', or a first and a last one, not {given!r}."
        )
    first, last = (Period.parse(each).require_past(today) for each in pair)
    if last.end <= first.start:
        raise QuestionRefused(f"the periods are reversed: {first.text} is after {last.text}.")
    text = first.text if first == last else f"{first.text}..{last.text}"
    return Period(first.start, last.end, text, "span")
