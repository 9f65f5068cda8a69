"""How a row finds its place among the values of a group: by itself, its customer, or by pairs.

A row has a place of its own; or one that it shares with all rows of its customer, read in a table
of customers or off the customer's rows; or the places of all pairs of values its customer has.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import cache, partial
from typing import TYPE_CHECKING, Any, ClassVar

from workbench.catalog import NUMERIC, Column
from workbench.errors import QuestionRefused
from workbench.privacy.columns import Dimension
from workbench.privacy.grouping.opened import below
from workbench.privacy.identity import named, printed

if TYPE_CHECKING:
    import ibis


HUGE = 2**62  # a float beyond is cut to it where sums run in integers


class Code:
    """What gives rows a place."""

    told: tuple[str, ...]

    @property
    def identity(self) -> list[str]:
        """What makes it the same, besides the values it tells apart and the data."""
        return list(self.told)

    def earlier(self, source: ibis.Table) -> list[str]:
        """Return what made it the same when conditions were known by their SQL."""
        return self.identity

    def carried(self, source: ibis.Table) -> Any:
        """Return the column of a row that its place is made of; None where it has none."""

    def placed(self, rows: Any, name: str, within: Sequence[str]) -> Any:
        """Return rows with their place, or no place, as a column ``name``.

        ``within``: columns that tell a customer's rows of one part from all others.
        """
        return rows


@dataclass(frozen=True, eq=False)
class RowCode(Code):
    """A row's own place. ``meaning`` is plain JSON: what ``code`` tells apart.

    ``before`` makes it as it was written when answers were known by its SQL, where that differs.
    """

    code: Any
    meaning: Any
    before: Callable[[], Any] | None = None
    kind: ClassVar[str] = "own"

    @property
    def identity(self) -> list[str]:
        """See `Code`."""
        return [self.kind, named(self.meaning)]

    def earlier(self, source: ibis.Table) -> list[str]:
        """See `Code`."""
        return [self.kind, printed(source, self.before() if self.before else self.code)]

    def carried(self, source: ibis.Table) -> Any:
        """See `Code`."""
        return self.code.cast("int64")


@dataclass(frozen=True, eq=False)
class PairCode(RowCode):
    """All pairs of ``size`` values that a customer has, each value by itself as well."""

    size: int = field(kw_only=True)
    kind: ClassVar[str] = "pairs"

    def placed(self, rows: Any, name: str, within: Sequence[str]) -> Any:
        """See `Code`; a row is in many pairs, and would count as often in its customer's total."""
        one = rows.filter(rows[name].notnull()).distinct()
        others = [each for each in rows.columns if each != name]
        other = one.view()
        # why: rows without a customer are one's, and each column of customers with no value empty
        same = [one[each].identical_to(other[each]) for each in others]
        both = one.join(other, [*same, one[name] <= other[name]], rname="{name}_2")
        low, high = both[name], both[f"{name}_2"]
        place = low * self.size - low * (low - 1) // 2 + high - low
        return both.select(*others, place.name(name))


@dataclass(frozen=True, eq=False)
class CustomerCode(Code):
    """A place that a table gives each customer: ``joined_k`` and ``code``, one row a customer.

    Attributes
    ----------
    codes : Ibis table
        Made of each customer's own rows alone, or of declared columns.
    told : tuple of str
        All that determines the codes, besides the data.
    months : tuple of str or None
        Of codes that rules make: the months whose rows matter; none named, all of them.
    ever : bool
        Whether rows of the months before them matter, too.
    otherwise : int or None
        The place of customers who have no row there; None leaves them in no cell.
    note : str
        What a reader must know of the rules.
    """

    codes: Any
    told: tuple[str, ...]
    months: tuple[str, ...] | None = None
    otherwise: int | None = None
    note: str = ""
    ever: bool = False

    def placed(self, rows: Any, name: str, within: Sequence[str]) -> Any:
        """See `Code`; rows without a customer are in no cell."""
        joined = rows.left_join(self.codes, rows.k == self.codes.joined_k)
        code = joined.code
        if self.otherwise is not None:
            code = rows.k.notnull().ifelse(code.fill_null(self.otherwise), None)
        return joined.select(*rows.columns, code.name(name))


@dataclass(frozen=True, eq=False)
class CustomerBand(Code):
    """The band that a number of a customer's rows falls into: a total, or days.

    Attributes
    ----------
    value : Ibis expression
        Of each row.
    kind : str
        ``total``, ``frequency_days`` or ``recency_days``.
    edges : tuple of int
        In the smallest unit.
    told : tuple of str
    until : date or None
        The day recency is counted to, the last of the period asked about.
    """

    value: Any
    kind: str
    edges: tuple[int, ...]
    told: tuple[str, ...]
    until: dt.date | None = None

    def carried(self, source: ibis.Table) -> Any:
        """See `Code`."""
        return self.value

    def placed(self, rows: Any, name: str, within: Sequence[str]) -> Any:
        """See `Code`."""
        import ibis

        each, own = rows[name], ibis.window(group_by=list(within))
        if self.kind == "total":
            kind = self.value.type()
            unit = 10 ** int((kind.scale or 0) if kind.is_decimal() else 0)
            number = whole_units(each, unit).sum().over(own).fill_null(0)
        elif self.until is None:
            number = each.nunique().over(own)
        else:
            last = each.max().over(own)
            number = ibis.date(self.until.isoformat()).delta(last, unit="day")
        return rows.mutate(**{name: band_code(number, self.edges).cast("int64")})


def band_code(value: Any, edges: Sequence[Any]) -> Any:
    """Return the index of the band a value falls into; NULL for NULL and NaN."""
    code: Any = len(edges)
    for index, edge in reversed(list(enumerate(edges))):
        code = below(value, edge).ifelse(index, code)
    none = value.isnull()
    if value.type().is_floating():
        none = none | value.isnan()  # why: the engine sorts NaN above all numbers
    return none.ifelse(None, code)


def whole_units(value: Any, unit: int) -> Any:
    """Return a value in its smallest unit; a float that is no number counts nothing."""
    kind = value.type()
    if kind.is_floating():
        none = value.isnan() | value.isinf()
        value = none.ifelse(None, value.clip(-float(HUGE), float(HUGE)).round())
    elif kind.is_decimal():  # wide enough for any value it may hold
        value = value.cast(f"decimal(38, {kind.scale or 0})") * unit
    return value.cast("int64")


def _domain(name: str, column: Column) -> tuple[Any, ...]:
    if column.type == "boolean":
        return column.domain or (False, True)
    if column.domain is not None:
        return column.values
    hint = f" For ranges use wb.bands('{name}', [...])." if column.type in NUMERIC else ""
    raise QuestionRefused(
        f"column '{name}' has no declared domain, and reading its values off the data would "
        f"tell who is in it. Declare domain: [...] for it in the catalog, or find its common "
        f"values privately with wb.discovered('{name}', delta=...).{hint}"
    )


def declared_group(name: str, column: Column) -> tuple[Dimension, int]:
    """Return a declared column as a dimension, and how many of its values a customer has."""
    values = _domain(name, column)
    title = column.title or name.replace("_", " ").capitalize()
    most = min(column.values_per_customer or len(values), len(values))
    exclusive = column.values_per_customer == 1
    return Dimension(name, title, "category", tuple(values), exclusive=exclusive), most


def meaning_of(name: str, column: Column) -> list[Any]:
    """Return what tells the same values apart: a rest is more than a value of that name."""
    return ["of", name] if column.rest is None else ["of", name, "rest", str(column.rest)]


def index_of(column: Any, values: Sequence[Any]) -> Any:
    """Return the place of a column's value among declared ones; NULL outside them."""
    import ibis

    # why not CASE: DuckDB looks a list up once per dictionary entry, thirteen times faster; and why
    # not .index(): around the same function it asks of every row whether it is NULL or 0
    listed = ibis.array(list(values))
    return _list_position(listed.type(), column.type())(listed, column) - 1


@cache  # why: of two functions of one name, Ibis takes what they return for two expressions
def _list_position(listed: Any, value: Any) -> Any:
    import ibis

    def list_position(listed: Any, value: Any) -> Any: ...  # from 1; NULL outside

    return ibis.udf.scalar.builtin(list_position, signature=((listed, value), "int32"))


def index_before(column: Any, values: Sequence[Any]) -> Any:
    """Return `index_of` as it was written when answers were known by its SQL."""
    import ibis

    return ibis.array(list(values)).index(column).nullif(-1)


def declared_code(value: Any, name: str, column: Column, place: Any = index_of) -> Any:
    """Return the place of a column's value in its domain; others are the rest, where it has one."""
    values = _domain(name, column)
    code = place(value, values)
    if column.rest is None:
        return code
    return code.isnull().ifelse(value.notnull().ifelse(values.index(column.rest), None), code)


def declared_places(value: Any, name: str, column: Column) -> dict[str, Any]:
    """Return what `RowCode` is made of for a column."""
    return {
        "code": declared_code(value, name, column),
        "meaning": meaning_of(name, column),
        "before": partial(declared_code, value, name, column, index_before),
    }
