"""Personas: customers named by declared rules on how lately, how often and how much they buy.

A rule's scores come from cut points that are declared or were released, so the personas are finite
by construction, and each customer has one: what a question counts by them depends, of one customer,
on that customer's own rows alone. They are made inside the engine, where no key leaves it.

The rules are one table that a reader of reports can read::

    persona   | recency | frequency | money | action
    Champions | 4-5     | 4-5       | 4-5   | Invite to premium
    Sleeping  | 1-3     | any       | any   | Win back
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from workbench.catalog import Column
from workbench.errors import QuestionRefused, one_of, require_known
from workbench.periods import months_between
from workbench.privacy.columns import Dimension, noted
from workbench.privacy.grouping.bands import (
    MAX_EDGES,
    Rule,
    asked,
    cut_points,
    day_of,
    read_rules,
    span_months,
    span_start,
)
from workbench.privacy.grouping.codes import CustomerCode, band_code, whole_units
from workbench.privacy.grouping.opened import number, numeric, table_of
from workbench.privacy.groups import Group, GroupRule, Number, Scope, day_literal, in_units, rising
from workbench.privacy.release import Release

if TYPE_CHECKING:
    import ibis

_MOST = 2**62  # of the smallest unit: what a row's amount counts for at most
_NAME = re.compile(r"[a-z][a-z0-9_]{0,59}")


@dataclass(frozen=True, eq=False)
class Personas(GroupRule):
    """Personas as of a date, as a group of a question; made by `personas`.

    Attributes
    ----------
    table : Ibis table
        Whose rows they are made of, from ``ws.open(…)``.
    rules : tuple of Rule
        Mutually exclusive and complete.
    cuts : mapping of str to tuple of Decimal
        Score to rising cut points: days, days with a row, money.
    as_of : date
        The last day that counts; rows after it never do.
    start : date
        The first.
    money, returns : str or None
        Column of amounts; a column that is true for rows that take money back.
    inactive : str or None
        What customers without a row from ``start`` to ``as_of`` are called.
    name, title : str
        Of the group column.
    sources : mapping of str to str
        Score to the release that its cut points were read off.
    """

    table: ibis.Table
    rules: tuple[Rule, ...]
    cuts: Mapping[str, tuple[Decimal, ...]]
    as_of: dt.date
    start: dt.date
    money: str | None
    returns: str | None
    inactive: str | None
    name: str = "persona"
    title: str = "Persona"
    sources: Mapping[str, str] = field(default_factory=dict)

    @property
    def names(self) -> tuple[str, ...]:
        """The personas, in the order of the rules."""
        return tuple(rule.persona for rule in self.rules)

    @property
    def values(self) -> tuple[str, ...]:
        """The personas, and last what inactive customers are called."""
        return self.names if self.inactive is None else (*self.names, self.inactive)

    @property
    def actions(self) -> Mapping[str, str]:
        """Persona to action, where the rules name one."""
        return {rule.persona: rule.action for rule in self.rules if rule.action}

    def words(self, score: str) -> Mapping[str, str]:
        """Return what a score asks of each persona, in words: ``≥ 48 days``.

        Parameters
        ----------
        score : {"recency", "frequency", "money"}
            One the rules use.
        """
        require_known("score", self.cuts, score)
        return {rule.persona: asked(rule, score, self.cuts[score]) for rule in self.rules}

    @property
    def months(self) -> tuple[str, ...]:
        """Months whose rows count."""
        return months_between(self.start, self.as_of + dt.timedelta(days=1))

    def at(self, as_of: str | dt.date, *, name: str, title: str | None = None) -> Personas:
        """Return the same personas as of another date, over a span as long, under another name."""
        day, months = day_of(as_of), span_months(self.start, self.as_of)
        return replace(
            self,
            as_of=day,
            start=span_start(day, months),
            name=_named(name),
            title=title or name.replace("_", " ").capitalize(),
        )

    def given(self) -> Mapping[str, Any]:
        """Return the cut points that were given, the names, and the days they are made of."""
        # why: what was read off a release is released; cut points beside it are not
        typed = {each: found for each, found in self.cuts.items() if each not in self.sources}
        return {
            "numbers": {f"the cut points of {each}": found for each, found in typed.items()},
            "names": (self.name, self.title),
            "days": (self.start.isoformat(), self.as_of.isoformat()),
        }

    def group(self, scope: Scope) -> Group:
        """Return them resolved against a question."""
        name, declared = table_of(self.table, scope, dated="personas")
        self._require_in_time(scope)
        columns = scope.catalog.columns_for(name, scope.purpose)
        digits = 0 if self.money is None else numeric(self.money, columns, "a money score").digits
        _require_returns(self.returns, columns)
        days = (
            day_literal(self.start, declared),
            day_literal(self.as_of + dt.timedelta(days=1), declared),
        )
        time = self.table[declared.time]
        kept = self.table.filter(time >= days[0], time < days[1])
        codes: tuple[str, ...] = ()
        if self.money is not None:
            codes = tuple(sorted(columns[self.money].special_codes))
            kept = kept.mutate(**{self.money: number(kept, self.money, columns[self.money])})
        key = kept[str(declared.subject_key)]
        totals = (
            kept.filter(key.notnull())
            .group_by(joined_k=key)
            .aggregate(**rfm(kept, declared.time, self.as_of, self.money, self.returns, digits))
        )
        scores = {
            each: score(totals[each], each, cuts, digits if each == "money" else 0)
            for each, cuts in self.cuts.items()
        }
        code = self.code(scores).cast("int64")
        values = self.values
        identity = (
            "rule", "personas", name, self.start.isoformat(), self.as_of.isoformat(),
            str(self.money), str(self.returns), str(self.cuts and sorted(
                (each, [str(cut) for cut in cuts]) for each, cuts in self.cuts.items())),
            str([sorted((k, sorted(v)) for k, v in rule.scores.items()) for rule in self.rules]),
            *codes,
        )  # fmt: skip
        read_off = [f"{release} ({each})" for each, release in self.sources.items()]
        rule = CustomerCode(
            totals.select("joined_k", code=code),
            identity,
            self.months,
            None if self.inactive is None else len(values) - 1,
            noted("cut points", title=self.title, sources=", ".join(read_off)) if read_off else "",
        )
        dimension = Dimension(self.name, self.title, "category", values, exclusive=True)
        return Group(dimension, 1, rule, name)

    def code(self, scores: Mapping[str, Any]) -> Any:
        """Return the place of each customer's persona among the rules, as an Ibis expression."""
        import ibis

        code: Any = ibis.null("int64")
        for place, rule in reversed(list(enumerate(self.rules))):
            conditions = [scores[each].isin(sorted(wanted)) for each, wanted in rule.scores.items()]
            holds: Any = ibis.literal(True)
            for condition in conditions:
                holds = holds & condition
            code = holds.ifelse(place, code)
        return code

    def _require_in_time(self, scope: Scope) -> None:
        """Refuse a date after the question's span: a month's budget pays for that month's rows."""
        if scope.period is not None and self.as_of >= scope.period.end:
            raise QuestionRefused(
                f"'{self.name}' looks at rows until {self.as_of}, and the question ends on "
                f"{scope.period.end - dt.timedelta(days=1)}. Take as_of within the question's "
                "period or before it."
            )


def rfm(
    rows: Any, time: str, as_of: dt.date, money: str | None, returns: str | None, digits: int
) -> dict[str, Any]:
    """Return recency, frequency and money of each group of rows, as Ibis aggregates.

    Recency is days from the last row to ``as_of``; frequency the number of days with a row, so
    that a row booked twice counts once; money the total in the smallest unit, what was taken back
    taken off.
    """
    import ibis

    day = rows[time].cast("date")
    found = {
        "recency": ibis.date(as_of.isoformat()).delta(day.max(), unit="day"),
        "frequency": day.nunique(),
    }
    if money is not None:
        amount = whole_units(rows[money], 10**digits)
        if returns is not None:
            # why clipped: the least integer there is has no absolute value, and the engine fails
            amount = (
                rows[returns].fill_null(False).ifelse(-amount.clip(-_MOST, _MOST).abs(), amount)
            )
        found["money"] = amount.sum().fill_null(0)
    return found


def score(
    value: Any, each: str, cuts: Sequence[Decimal], digits: int = 0, *, exact: bool = False
) -> Any:
    """Return a score from 1 (worst) to one more than there are cut points, as an Ibis expression.

    Few days since the last row are good, many days and much money are.

    Parameters
    ----------
    digits : int
        Decimal digits of the value's smallest unit, which it is in.
    exact : bool
        Whether the value is in the cut points' own unit instead.
    """
    edges = cuts if exact else in_units(cuts, digits, f"cut points of {each}")
    code = band_code(value, edges)
    return len(cuts) + 1 - code if each == "recency" else code + 1


def personas(
    table: ibis.Table,
    rules: Sequence[str],
    *,
    as_of: str | dt.date,
    recency: Sequence[Number] | Release | None = None,
    frequency: Sequence[Number] | Release | None = None,
    money: Sequence[Number] | Release | None = None,
    of: str = "amount",
    returns: str | None = None,
    months: int = 12,
    inactive: str | None = "Inactive",
    name: str = "persona",
    title: str | None = None,
) -> Personas:
    """Name customers by declared rules on what their own rows say, as a group of a question.

    Parameters
    ----------
    table : ibis.Table
        From ``ws.open(table, purpose)``: transactions, whatever the question is about.
    rules : sequence of str
        Rows of a table with ``|`` between its columns. The first is its head: ``persona``, one or
        more of ``recency``, ``frequency`` and ``money``, and ``action`` where wanted. A cell says
        which scores the persona holds: ``4-5``, ``3`` or ``any``. Together they must hold every
        combination of scores exactly once.
    as_of : str or date
        The last day that counts: a date, or a month such as ``"2026-09"`` for its last day.
    recency, frequency, money : rising numbers, or a release
        Cut points between scores: days since the last row, days with a row, money in the catalog's
        currency; ``n`` of them make scores from 1 to ``n + 1``, the best highest. Or a release of
        customers by `bands` of the same thing, whose noisy fifths are taken.
    of : str
        Column that money is added up from.
    returns : str, optional
        A boolean column that is true for rows that give money back.
    months : int
        Months up to ``as_of`` that count.
    inactive : str or None
        What customers without a row in these months are called; None leaves them out.
    name, title : str, optional
        Of the group column.

    Returns
    -------
    Personas

    Raises
    ------
    QuestionRefused
        The rules overlap, leave a combination of scores out, or cannot be read.

    Examples
    --------
    >>> rules = ["persona | recency", "Active | 2", "Lost | 1"]
    >>> # wb.query(tx, by=wb.personas(tx, rules, as_of="2026-09", recency=[90])).customers()
    """
    given = {"recency": recency, "frequency": frequency, "money": money}
    cuts: dict[str, tuple[Decimal, ...]] = {}
    sources: dict[str, str] = {}
    for each, found in given.items():
        if found is None:
            continue
        if isinstance(found, Release):
            sources[each] = found.id
            found = cut_points(found)
        if len(found) > MAX_EDGES:
            raise QuestionRefused(f"a score has at most {MAX_EDGES} cut points, not {len(found)}.")
        cuts[each] = tuple(rising(found, f"the cut points of {each}"))
        if each != "money" and any(cut != int(cut) for cut in cuts[each]):
            raise QuestionRefused(f"the cut points of {each} are whole numbers of days.")
    if type(months) is not int or months < 1:
        raise QuestionRefused(f"months is a whole number, 1 or more, not {months}.")
    read = read_rules(rules, {each: len(found) + 1 for each, found in cuts.items()})
    if inactive in [rule.persona for rule in read]:
        raise QuestionRefused(
            f"'{inactive}' is a persona already; call customers without a row otherwise: "
            "inactive='…', or None to leave them out."
        )
    day = day_of(as_of)
    return Personas(
        table,
        read,
        cuts,
        day,
        span_start(day, months),
        of if "money" in cuts else None,
        returns,
        inactive,
        _named(name),
        title or name.replace("_", " ").capitalize(),
        sources,
    )


def _require_returns(name: str | None, columns: Mapping[str, Column]) -> None:
    if name is None:
        return
    kind = one_of("column", columns, name).type
    if kind != "boolean":
        raise QuestionRefused(
            f"returns='{name}' is {kind}; it names a boolean column that is true for "
            "rows that give money back. Negative amounts are taken off by themselves."
        )


def _named(name: str) -> str:
    if not _NAME.fullmatch(name):
        raise QuestionRefused(f"a group's name is small letters, digits and _, not '{name}'.")
    return name
