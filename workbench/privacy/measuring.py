"""Measures of a question as bounded integers, and how figures are put together from totals."""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from itertools import pairwise
from typing import Any

from workbench.catalog import Column, Ladder
from workbench.errors import QuestionRefused, one_of
from workbench.privacy.columns import Measure
from workbench.privacy.engine.coordinates import Coordinate, Value, vector_measures
from workbench.privacy.grouping.opened import number, numeric, require_declared, row_by_row
from workbench.privacy.groups import Scope, in_units, rising
from workbench.privacy.identity import fingerprint
from workbench.privacy.query import Ask, Query

_LARGEST_RANGE = 2**41  # of a measure in its smallest unit: a double holds every product exactly
_GRID = 400  # candidates of a quantile when none are given
MOST_RUNGS = 8  # 128 times the first bound; each rung more costs noise in all of them


@dataclass(frozen=True)
class Choice:
    """A quantile: chosen among public candidates, in the smallest unit of its value."""

    name: str
    value: str
    q: Decimal
    candidates: tuple[int, ...]
    digits: int
    title: str
    unit: str | None

    @property
    def identity(self) -> str:
        """What makes it the same question."""
        return f"quantile {self.value} {self.q} of {','.join(map(str, self.candidates))}"

    @property
    def measure(self) -> Measure:
        """The figure it is."""
        return Measure(self.name, "quantile", self.title, self.unit, self.digits)


@dataclass(frozen=True)
class Distinct:
    """A number of distinct values of a column, of which one customer adds at most ``most``."""

    name: str
    column: str
    most: int
    title: str

    @property
    def identity(self) -> str:
        """What makes it the same question."""
        return f"distinct {self.column} {self.most}"

    @property
    def measure(self) -> Measure:
        """The figure it is."""
        return Measure(self.name, "distinct", self.title, None)


@dataclass(frozen=True, eq=False)
class Measured:
    """Everything a query asks for, resolved."""

    values: Mapping[str, Value]
    coordinates: tuple[Coordinate, ...]
    choices: tuple[Choice, ...]
    distincts: tuple[Distinct, ...]
    counts: bool

    @property
    def vector(self) -> list[tuple[Measure, dict[str, Any]]]:
        """The figures of the vector, and how each is put together from its integers."""
        return vector_measures(self.coordinates, self.values)

    @property
    def measures(self) -> list[Measure]:
        """Every figure of an answer."""
        vector = self.vector if self.counts else []
        own = [each.measure for each in self.choices] + [each.measure for each in self.distincts]
        return [measure for measure, _ in vector] + own


def measured(query: Query, scope: Scope, rows: int) -> Measured:
    """Resolve a query's measures.

    Raises
    ------
    QuestionRefused, UnknownName
    """
    values: dict[str, Value] = {}
    found: dict[str, Coordinate] = {}
    choices: dict[str, Choice] = {}
    distincts: dict[str, Distinct] = {}
    counts = False
    for ask in query.asks:
        if ask.kind == "quantile":
            _once(choices, _choice(ask, scope, values))
        elif ask.kind == "distinct":
            _once(distincts, _distinct(ask, scope))
        else:
            counts = True
            for each in _coordinates(ask, scope, rows, values):
                _once(found, each)
    return Measured(
        values,
        tuple(found[name] for name in sorted(found)),
        tuple(choices[name] for name in sorted(choices)),
        tuple(distincts[name] for name in sorted(distincts)),
        counts,
    )


def _once(known: dict[str, Any], each: Choice | Distinct | Coordinate) -> None:
    """Take up what is asked; refuse another of the same name."""
    if known.setdefault(each.name, each) != each:
        raise QuestionRefused(
            f"'{each.name}' is asked twice, with different bounds or candidates; ask for one of "
            "them, and the other in a question of its own."
        )


def _coordinates(ask: Ask, scope: Scope, rows: int, values: dict[str, Value]) -> list[Coordinate]:
    if ask.kind == "customers":
        return []
    if ask.kind == "rows":
        return [Coordinate("rows", None, "rows", *_in_range("rows", 0, rows))]
    name = str(ask.column)
    if ask.kind == "rate":
        value = _condition(name, ask.condition, scope)
        earlier = values.setdefault(value.name, value)
        if earlier.title != name or any(
            each.condition and each.title == name and each.name != value.name
            for each in values.values()
        ):
            raise QuestionRefused(
                f"the rate '{name}' is asked twice: one name for one condition, and the reverse."
            )
        return [
            Coordinate(value.name, value.name, "sum", 0, rows),
            Coordinate(f"{value.name}:values", value.name, "values", 0, rows),
        ]
    column = numeric(name, scope.allowed, "totals and means")
    values[name] = _value(name, column, scope)
    # why: n is the customers and rows are the rows, whatever columns are called
    called = f"{name}:sum" if name in ("n", "rows") else name
    total, *layers = _layers(called, name, column, ask)
    low, high = total.ends
    beyond = Coordinate(f"{called}:beyond", name, "beyond", low, high, column.digits)
    found = [total, *layers, beyond]
    if ask.kind != "sum":
        found.append(Coordinate(f"{called}:values", name, "values", 0, rows))
    if ask.kind in ("var", "std"):
        found.append(_squares(f"{called}:squares", values[name], total))
    return found


def _layers(called: str, name: str, column: Column, ask: Ask) -> list[Coordinate]:
    """Return the coordinates of a total: one, or one for each layer of a ladder."""
    given = ask.bounds or column.customer_bounds
    if not isinstance(given, Ladder):
        return [Coordinate(called, name, "sum", *_bounds(name, given, column, ask), column.digits)]
    rungs = _rungs(name, given, column.digits)
    kind = "layer both ways" if given.negative else "layer"
    low = -rungs[0] if given.negative else 0
    return [
        Coordinate(called, name, "sum", low, rungs[0], column.digits, rungs),
        *(
            Coordinate(f"{called}:layer{i}", name, kind, below, rung, column.digits)
            for i, (below, rung) in enumerate(pairwise(rungs), 2)
        ),
    ]


def _rungs(name: str, ladder: Ladder, digits: int) -> tuple[int, ...]:
    """Return a ladder's bounds in the smallest unit: doubled as long as they are below the last."""
    rung, last = in_units(ladder.ladder, digits, f"the bounds of '{name}'")
    _in_range(name, -last, last)
    found: list[int] = []
    while 0 < rung < last and len(found) < MOST_RUNGS:
        found.append(rung)
        rung *= 2
    if not 1 <= len(found) < MOST_RUNGS:
        first, end = ladder.ladder
        raise QuestionRefused(
            f"a ladder of '{name}' from {first} to {end} has {len(found) + 1} bounds or more, each "
            f"twice the one before; 2 to {MOST_RUNGS} are answered. Begin nearer to the last; "
            "nothing was spent."
        )
    return (*found, last)


def _value(name: str, column: Column, scope: Scope) -> Value:
    limits = None
    if column.bounds is not None:
        low, high = (Decimal(str(end)).scaleb(column.digits) for end in column.bounds)
        limits = int(low), int(high)
    title = column.title or name.replace("_", " ").capitalize()
    unit = scope.catalog.currency if column.type == "money" else column.unit
    value = number(scope.source, name, column)
    return Value(name, value, column.digits, limits, title=title, unit=unit)


def _condition(name: str, condition: Any, scope: Scope) -> Value:
    from ibis.expr.types import BooleanValue

    if not name.isidentifier():
        raise QuestionRefused(f"a rate's name must be a plain word, not '{name}'.")
    if not isinstance(condition, BooleanValue):
        raise QuestionRefused(f"the rate '{name}' needs a condition, such as tx.amount > 100.")
    row_by_row(condition, scope.source)
    require_declared(condition, scope.allowed)
    holds = condition.cast("int8")
    # why not its name: the analyst chose that, and may choose another next time
    meaning = f"{fingerprint(condition)}?"
    return Value(meaning, holds, 0, (0, 1), condition=True, title=name)


def _bounds(name: str, given: Any, column: Column, ask: Ask) -> tuple[int, int]:
    if given is None:
        raise QuestionRefused(
            f"a total of '{name}' needs a contribution bound: the least and most one customer "
            f"counts for within one cell. Declare customer_bounds: [low, high] in the catalog or "
            f"give .{ask.kind}('{name}', bounds=(low, high)), or bounds=wb.ladder(first, last); "
            "never from the data."
        )
    try:
        ends = [] if isinstance(given, str) else [Decimal(str(end)) for end in given]
    except (ArithmeticError, TypeError):
        raise QuestionRefused(f"the bounds of '{name}' must be numbers, not {given}.") from None
    if len(ends) != 2 or not all(end.is_finite() for end in ends):
        raise QuestionRefused(f"the bounds of '{name}' must be two finite numbers, not {given}.")
    low, high = in_units(ends, column.digits, f"the bounds of '{name}'")
    if low >= high:
        raise QuestionRefused(f"the bounds of '{name}' are reversed or equal: {tuple(given)}.")
    return _in_range(name, low, high)


def _in_range(name: str, low: int, high: int) -> tuple[int, int]:
    if high - low > _LARGEST_RANGE or max(abs(low), abs(high)) > _LARGEST_RANGE:
        raise QuestionRefused(
            f"the bounds of '{name}' span more than {_LARGEST_RANGE:,} of its smallest unit; sums "
            "would overflow. Use tighter bounds or a smaller scale; nothing was spent."
        )
    return low, high


def _squares(called: str, value: Value, total: Coordinate) -> Coordinate:
    name = value.name
    if value.limits is None:
        raise QuestionRefused(
            f"the variance of '{name}' needs the bounds of one row's value. Declare bounds: "
            "[low, high] for it in the catalog."
        )
    row_most = max(abs(end) for end in value.limits)
    total_most = max(abs(end) for end in total.ends)
    _in_range(f"{name} squared", 0, row_most * max(row_most, total_most))
    high = row_most * total_most
    return Coordinate(called, name, "squares", 0, high, 2 * value.digits)


def _choice(ask: Ask, scope: Scope, values: dict[str, Value]) -> Choice:
    name = str(ask.column)
    column = numeric(name, scope.allowed, "quantiles")
    q = ask.quantile or Decimal(0)
    if not (q.is_finite() and 0 < q < 1) or q.scaleb(2) != int(q.scaleb(2)):
        raise QuestionRefused(f"a quantile lies between 0 and 1, to two digits, not {q}.")
    values[name] = value = _value(name, column, scope)
    if ask.candidates is not None:
        given = rising(ask.candidates, "candidates")
        candidates = in_units(given, value.digits, f"candidates of '{name}'")
    elif value.limits is not None:
        candidates = grid(*value.limits)
    else:
        raise QuestionRefused(
            f"a quantile of '{name}' is chosen among public values. Declare bounds: [low, high] "
            f"for it in the catalog, or give candidates=[...]; never from the data."
        )
    return Choice(
        f"{name}_q{int(q.scaleb(2)):02d}",
        name,
        q,
        tuple(dict.fromkeys(candidates)),
        value.digits,
        f"{value.title}, {'median' if q == Decimal('0.5') else f'{q:%} quantile'}",
        value.unit,
    )


def grid(low: int, high: int, points: int = _GRID) -> list[int]:
    """Return public candidates over bounds: even near 0, then growing by equal ratios.

    Examples
    --------
    >>> grid(0, 10)
    [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10]
    """
    if high - low <= points:
        return list(range(low, high + 1))
    if low < 0:
        step = (high - low) / points
        return sorted({round(low + i * step) for i in range(points + 1)})
    ratio = ((high + 1) / (low + 1)) ** (1 / points)
    return sorted({*(round((low + 1) * ratio**i) - 1 for i in range(points + 1)), low, high})


def _distinct(ask: Ask, scope: Scope) -> Distinct:
    name = str(ask.column)
    column = one_of("column", scope.allowed, name)
    if name == scope.table.subject_key:
        raise QuestionRefused("distinct customers are .customers().")
    if type(ask.most) is not int or ask.most < 1:
        raise QuestionRefused(
            f"distinct values of '{name}' need most=…: how many of one customer's count at most."
        )
    title = column.title or name.replace("_", " ").capitalize()
    return Distinct(f"{name}_distinct", name, ask.most, f"{title}, distinct")
