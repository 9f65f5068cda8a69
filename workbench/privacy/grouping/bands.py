"""Ordered ranges of a number as a group, of a row or a customer; cut points, rules of scores."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from itertools import pairwise, product
from typing import TYPE_CHECKING, Any

from workbench.errors import PeriodError, QuestionRefused
from workbench.periods import Period, add_months
from workbench.privacy.columns import Dimension, between
from workbench.privacy.grouping.codes import CustomerBand, RowCode, band_code
from workbench.privacy.grouping.opened import number, numeric
from workbench.privacy.groups import (
    Group,
    GroupRule,
    Number,
    Scope,
    in_units,
    listed,
    named_column,
    rising,
)

if TYPE_CHECKING:
    from workbench.privacy.release import Release

MAX_EDGES = 100
# What the days of a customer's rows say, and how a reader is told.
CUSTOMER_DAYS = {
    "frequency_days": "Days with a row of a customer, band",
    "recency_days": "Days since the last row of a customer, band",
}


@dataclass(frozen=True)
class Bands(GroupRule):
    """Ordered ranges of a number column, used as a group: finite because its edges are given.

    A value ``x`` falls into ``[edge, next edge)``; below the first edge and from the last edge on
    there are two open bands. With ``of="customer"`` the number is each customer's total.
    ``made_of``: what edges were reckoned from that nobody wrote, such as the bounds of an axis.
    """

    column: str
    edges: tuple[Number, ...]
    of: str = "row"
    made_of: tuple[Number, ...] = ()

    @property
    def name(self) -> str:
        """Name of the group column: ``<column>_band``, ``<column>_total_band`` for customers."""
        total = self.of == "customer" and self.column not in CUSTOMER_DAYS
        return f"{self.column}_total_band" if total else f"{self.column}_band"

    def given(self) -> Mapping[str, Any]:
        """Return the edges."""
        return {"numbers": {f"the edges of {self.name}": self.made_of or self.edges}}

    def group(self, scope: Scope) -> Group:
        """Return them resolved against a question."""
        if self.column in CUSTOMER_DAYS and self.column not in scope.allowed:
            return self._customer_days(scope)
        column = numeric(self.column, scope.allowed, "bands")
        edges, labels = _edges(self)
        value = number(scope.source, self.column, column)
        title = column.title or self.column.replace("_", " ").capitalize()
        of_customer = self.of == "customer"
        words = f"{title} of a customer, band" if of_customer else f"{title}, band"
        dimension = Dimension(self.name, words, "band", tuple(labels))
        if of_customer:
            units = tuple(in_units(edges, column.digits, f"the edges of bands of '{self.column}'"))
            band = CustomerBand(value, "total", units, ("total", self.column))
            return Group(dimension, 1, band, number=self.column)
        code = RowCode(band_code(value, edges), ["bands", self.column])
        return Group(dimension, len(labels), code, number=self.column)

    def _customer_days(self, scope: Scope) -> Group:
        """Resolve bands of how many days a customer has rows on, or of the days since the last."""
        time = scope.table.time
        if time is None:
            raise QuestionRefused(
                f"'{self.column}' is counted from the days of rows, and table "
                f"'{scope.table_name}' declares no time column."
            )
        if self.of != "customer":
            raise QuestionRefused(
                f"'{self.column}' is a customer's, not a row's: say of='customer'."
            )
        until = None
        if self.column == "recency_days":
            if scope.period is None:
                raise QuestionRefused(
                    "'recency_days' is counted to the end of a period that is the same for "
                    "everybody: give period=('2026-01', '2026-09')."
                )
            until = scope.period.end - dt.timedelta(days=1)
        edges, labels = _edges(self)
        if any(edge != int(edge) for edge in edges):
            raise QuestionRefused(f"the edges of '{self.column}' are whole numbers of days.")
        dimension = Dimension(self.name, CUSTOMER_DAYS[self.column], "band", tuple(labels))
        whole = tuple(int(edge) for edge in edges)
        told = ("days", self.column, time, str(until))
        day = scope.source[time].cast("date")
        return Group(dimension, 1, CustomerBand(day, self.column, whole, told, until))


def _edges(each: Bands) -> tuple[list[Decimal], list[str]]:
    """Return the edges of bands, and what each band is called."""
    if len(each.edges) > MAX_EDGES:
        raise QuestionRefused(
            f"bands have at most {MAX_EDGES} edges, not {len(each.edges):,}: in finer ones noise "
            "would drown every figure."
        )
    edges = rising(each.edges, "the edges of bands")
    return edges, band_labels(edges)


def band_labels(edges: Sequence[Decimal]) -> list[str]:
    """Return what the bands between rising edges are called."""
    ends = [None, *(f"{edge:,}" for edge in edges), None]
    return [between(low, high) for low, high in pairwise(ends)]


def bands(column: str, edges: Sequence[Number], *, of: str = "row") -> Bands:
    """Group a number by declared ranges.

    Parameters
    ----------
    column : str
        A number, integer or money column; with ``of="customer"`` also ``"frequency_days"``, the
        number of days the customer has rows on, and ``"recency_days"``, the days from the last of
        them to the last day of the period.
    edges : sequence of numbers
        Where one band ends and the next begins, rising.
    of : {"row", "customer"}
        Whether the number is one row's, or the customer's total over the rows asked about.

    Examples
    --------
    >>> bands("amount", [50, 200]).name
    'amount_band'
    >>> bands("amount", [500, 2000], of="customer").name
    'amount_total_band'
    """
    if of not in ("row", "customer"):
        raise QuestionRefused(f"bands are of='row' or of='customer', not of='{of}'.")
    return Bands(named_column(column), listed("edges", edges), of)


# ---------------------------------------------------------------------- rules of scores
# The table of rules that personas are, and cut points read off a release.

SCORED = ("recency", "frequency", "money")
_ANY = ("any", "*", "")
_RANGE = re.compile(r"([0-9]+)(?:\s*[-–]\s*([0-9]+))?")  # why: both are typed
_NAME_AT_MOST = 60  # characters of a persona or its action, as a page shows them


@dataclass(frozen=True)
class Rule:
    """One persona: the scores it holds, from 1 (worst) up, and what to do for it."""

    persona: str
    scores: Mapping[str, frozenset[int]]
    action: str = ""


def read_rules(rows: Sequence[str], scores: Mapping[str, int]) -> tuple[Rule, ...]:
    """Read a table of rules; refuse any that overlap or leave a combination of scores out.

    Parameters
    ----------
    scores : mapping of str to int
        Score to how many there are.

    Examples
    --------
    >>> [rule.persona for rule in read_rules(["persona | money", "A | 2", "B | 1"], {"money": 2})]
    ['A', 'B']
    """
    if isinstance(rows, str) or len(rows) < 2:
        raise QuestionRefused(
            "the rules of personas are rows of text: a head such as 'persona | recency | money', "
            "then a row a persona."
        )
    head, *body = ([cell.strip() for cell in str(row).split("|")] for row in rows)
    known = ("persona", *SCORED, "action")
    if head[:1] != ["persona"] or len(set(head)) != len(head) or set(head) - set(known):
        raise QuestionRefused(
            f"the head of the rules is 'persona', then some of {', '.join(known[1:])}, "
            f"with | between; not '{rows[0]}'."
        )
    missing = [each for each in head if each in SCORED and each not in scores]
    unused = [each for each in scores if each not in head]
    if missing or unused:
        raise QuestionRefused(
            f"the rules name {', '.join(each for each in head if each in SCORED) or 'no score'} "
            f"and cut points are given for {', '.join(scores) or 'none'}; give one for each."
        )
    found = tuple(_rule(head, cells, scores) for cells in body)
    names = [rule.persona for rule in found]
    if len(set(names)) != len(names):
        raise QuestionRefused(f"two personas have one name: {', '.join(names)}.")
    _require_partition(found, scores)
    return found


def _rule(head: Sequence[str], cells: Sequence[str], scores: Mapping[str, int]) -> Rule:
    if len(cells) != len(head):
        raise QuestionRefused(
            f"the row of '{cells[0]}' has {len(cells)} columns and the head has {len(head)}."
        )
    row = dict(zip(head, cells, strict=True))
    for each in (row["persona"], row.get("action", "")):
        if len(each) > _NAME_AT_MOST:
            raise QuestionRefused(
                f"a persona or action has at most {_NAME_AT_MOST} characters; '{each}' has more."
            )
    if not row["persona"]:
        raise QuestionRefused("a persona has no name.")
    wanted = {each: _scores(row[each], row["persona"], each, scores[each]) for each in scores}
    return Rule(row["persona"], wanted, row.get("action", ""))


def _scores(cell: str, persona: str, each: str, most: int) -> frozenset[int]:
    if cell in _ANY:
        return frozenset(range(1, most + 1))
    match = _RANGE.fullmatch(cell)
    low, high = (int(match[1]), int(match[2] or match[1])) if match else (0, 0)
    if not 1 <= low <= high <= most:
        raise QuestionRefused(
            f"'{persona}' has {each} '{cell}'; write scores from 1 to {most}: '{most}', "
            f"'1-{most}' or 'any'."
        )
    return frozenset(range(low, high + 1))


def _require_partition(rules: Sequence[Rule], scores: Mapping[str, int]) -> None:
    for combination in product(*(range(1, most + 1) for most in scores.values())):
        at = dict(zip(scores, combination, strict=True))
        holding = [
            rule.persona
            for rule in rules
            if all(value in rule.scores[each] for each, value in at.items())
        ]
        if len(holding) != 1:
            words = ", ".join(f"{each} {value}" for each, value in at.items())
            belongs = f"belongs to {' and '.join(holding)}" if holding else "belongs to no persona"
            raise QuestionRefused(
                f"the rules must hold every customer once: {words} {belongs}. Change a row."
            )


def asked(rule: Rule, score: str, cuts: Sequence[Decimal]) -> str:
    """Return in words what a score asks of a customer.

    Examples
    --------
    >>> rule = Rule("Champions", {"money": frozenset({2, 3})})
    >>> asked(rule, "money", [Decimal(1000), Decimal(4000)])
    '≥ 1,000'
    """
    least, most, best = min(rule.scores[score]), max(rule.scores[score]), len(cuts) + 1
    rising = [f"{cut:,f}" for cut in cuts]
    if score == "recency":  # few days are the best score
        low = None if most == best else rising[best - most - 1]
        high = None if least == 1 else rising[best - least]
    else:
        low = None if least == 1 else rising[least - 2]
        high = None if most == best else rising[most - 1]
    unit = "" if score == "money" else " days"
    return "any" if low is None and high is None else between(low, high, unit)


def cut_points(release: Release, shares: Sequence[float] = (0.2, 0.4, 0.6, 0.8)) -> list[Decimal]:
    """Return the edges of a release's bands that come nearest to shares of its customers.

    Computed from noisy numbers alone, so it costs nothing; take bands finer than the shares.

    Parameters
    ----------
    release : Release
        Customers by `bands` alone.
    shares : sequence of float
        Rising, between 0 and 1.

    Raises
    ------
    QuestionRefused
        The release is not by bands, or too coarse to tell the shares apart.
    """
    if len(release.by) != 1 or release.by[0].kind != "band" or "customers" not in release.columns:
        raise QuestionRefused(
            f"cut points are read off customers by bands, alone; '{release.name}' is by "
            f"{', '.join(each.name for each in release.by) or 'nothing'}. Release "
            "wb.query(tx, by=wb.bands(…, of='customer'), …).customers()."
        )
    labels = [str(value) for value in release.by[0].values]
    edges = [Decimal(label.removeprefix("≥ ").split(" to ")[0].replace(",", "")) for label in
             labels[1:]]  # fmt: skip
    counts = [max(0.0, float(each or 0)) for each in release.columns["customers"]]
    whole = sum(counts)
    if release.planned or not whole:
        step = len(edges) / (len(shares) + 1)
        return [edges[int(step * (i + 1))] for i in range(len(shares))]
    below = [sum(counts[: i + 1]) / whole for i in range(len(edges))]
    found = [min((abs(at - share), i) for i, at in enumerate(below))[1] for share in shares]
    if len(set(found)) != len(found):
        raise QuestionRefused(
            f"the bands of '{release.name}' are too coarse for {len(shares)} cut points: two fall "
            "on one edge. Ask for finer bands, or declare the cut points."
        )
    return [edges[i] for i in found]


def day_of(as_of: str | dt.date) -> dt.date:
    """Return a day, or the last one of a month."""
    if isinstance(as_of, dt.datetime):
        return as_of.date()
    if isinstance(as_of, dt.date):
        return as_of
    try:
        return dt.date.fromisoformat(as_of)
    except ValueError:
        period = Period.parse(as_of)
        return period.end - dt.timedelta(days=1)
    except TypeError:
        raise PeriodError(
            f"as_of is a day such as 2026-09-30 or a month such as 2026-09, not {as_of!r}."
        ) from None


def span_start(as_of: dt.date, months: int) -> dt.date:
    """Return the first of so many months that end on a day."""
    after = as_of + dt.timedelta(days=1)
    first = add_months(after, -months)
    last = add_months(first, 1) - dt.timedelta(days=1)
    return first.replace(day=min(after.day, last.day))


def span_months(start: dt.date, as_of: dt.date) -> int:
    """Return how many months there are from a first day to a last one."""
    after = as_of + dt.timedelta(days=1)
    return (after.year - start.year) * 12 + after.month - start.month
