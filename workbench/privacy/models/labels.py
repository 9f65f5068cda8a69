"""Clusters of customers as a group of a question: features and labels are made inside the engine.

A label is a customer's own: it is computed from that customer's rows alone, on scales that were
declared, by centres that were released. A feature that looks at others, such as an amount scaled by
the largest one, would move everybody's label with one customer more.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass
from functools import reduce
from operator import add
from typing import TYPE_CHECKING, Any

from workbench.errors import QuestionRefused
from workbench.periods import Period, months_between
from workbench.privacy.columns import Dimension
from workbench.privacy.grouping.codes import CustomerCode
from workbench.privacy.grouping.opened import number, numeric, table_of
from workbench.privacy.grouping.personas import rfm
from workbench.privacy.groups import Group, GroupRule, Scope, day_literal
from workbench.privacy.models.axes import Axis
from workbench.privacy.provenance import FittedLabel

if TYPE_CHECKING:
    import ibis

_DAYS = {"frequency_days": "frequency", "recency_days": "recency"}


@dataclass(frozen=True, eq=False)
class NearestCentre(GroupRule):
    """The nearest of a model's centres, as a group of a question; made by `GridKMeans.label`.

    Attributes
    ----------
    table : Ibis table
        Whose rows features are made of, from ``ws.open(…)``.
    period : str or pair of str
        Rows of which span count.
    axes : tuple of Axis
        Features with their declared scales.
    centres : tuple of tuple of float
        Places of the centres on the axes.
    label : FittedLabel
    """

    table: ibis.Table
    period: str | tuple[str, str]
    axes: tuple[Axis, ...]
    centres: tuple[tuple[float, ...], ...]
    label: FittedLabel

    def given(self) -> Mapping[str, Any]:
        """Return what an analyst gave the model and its labels: bounds, name, days."""
        numbers = {f"the bounds of axis '{axis.column}'": axis.numbers for axis in self.axes}
        first, last = (Period.parse(each) for each in self._ends)
        days = (first.start.isoformat(), (last.end - dt.timedelta(days=1)).isoformat())
        numbers["the number of clusters"] = (len(self.centres),)
        return {"numbers": numbers, "names": (self.label.name,), "days": days}

    @property
    def _ends(self) -> tuple[str, str]:
        return (self.period, self.period) if isinstance(self.period, str) else self.period

    def group(self, scope: Scope) -> Group:
        """Return it resolved against a question."""
        name, declared = table_of(self.table, scope, dated="labels")
        first, last = (Period.parse(each).require_past(scope.today) for each in self._ends)
        start, end = first.start, last.end
        if end <= start:
            raise QuestionRefused(f"the periods are reversed: {first.text} is after {last.text}.")
        time, key = self.table[declared.time], self.table[str(declared.subject_key)]
        rows = self.table.filter(
            time >= day_literal(start, declared), time < day_literal(end, declared), key.notnull()
        )
        columns = scope.catalog.columns_for(name, scope.purpose)
        named = sorted({axis.column for axis in self.axes} & set(columns))
        codes = [code for each in named for code in sorted(columns[each].special_codes)]
        if codes:
            rows = rows.mutate(**{each: number(rows, each, columns[each]) for each in named})
        features = {
            f"f{i}": self._feature(axis, rows, declared.time, end - dt.timedelta(days=1), columns)
            for i, axis in enumerate(self.axes)
        }
        made = rows.group_by(joined_k=rows[str(declared.subject_key)]).aggregate(**features)
        rule = CustomerCode(
            made.select("joined_k", code=self._code(made)),
            ("rule", "label", name, str(start), str(end), str(self.label.canonical()), *codes),
            months_between(start, end),
        )
        title = self.label.name.replace("_", " ").capitalize()
        dimension = Dimension(self.label.name, title, "category", self.label.values, exclusive=True)
        return Group(dimension, 1, rule, name, label=self.label)

    def _feature(self, axis: Axis, rows: Any, time: str, until: dt.date, columns: Any) -> Any:
        """Return a feature of each customer in its own unit, exact until it is one number."""
        if axis.column in _DAYS and axis.column not in columns:
            return rfm(rows, time, until, None, None, 0)[_DAYS[axis.column]].cast("float64")
        digits = numeric(axis.column, columns, "an axis").digits
        total = rfm(rows, time, until, axis.column, None, digits)["money"]
        return total.cast("float64") / 10.0**digits

    def _code(self, made: Any) -> Any:
        """Return the index of the nearest centre; of two as near, the first."""
        import ibis

        places = [axis.place_of(made[f"f{i}"]) for i, axis in enumerate(self.axes)]
        squares = [
            reduce(add, ((p - c) * (p - c) for p, c in zip(places, centre, strict=True)))
            for centre in self.centres
        ]
        nearest = ibis.least(*squares)
        return ibis.cases(*((each <= nearest, at) for at, each in enumerate(squares)))
