"""What customers' rows say of them as of a date: one lazy expression, computed in the engine.

No row after the date can enter: every table is cut by its time column first, a month of usage
counts once the month is over, and a campaign's outcome once its time to respond has passed. Which
columns there are to count, and which values they may have, the catalog says.

Distinct days and values are counted in bit masks over their span or domain: half the time and a
quarter of the memory that counting distinct values takes.
"""

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

import ibis
import ibis.expr.datatypes as types
import ibis.expr.operations as ops

from workbench.catalog import Catalog, Column, Table
from workbench.errors import InputError, UnknownName, require_known
from workbench.periods import add_months
from workbench.privacy.arguments import checked
from workbench.privacy.grouping.bands import day_of, span_start
from workbench.privacy.grouping.codes import index_of

RESPONSE_DAYS = 30


@dataclass(frozen=True)
class _Source:
    """A table with what the catalog declares of it, and the days that count."""

    rows: Any
    name: str
    declared: Table
    columns: Mapping[str, Column]
    start: dt.date
    end: dt.date
    timezone: str | None

    @property
    def key(self) -> str:
        return str(self.declared.subject_key)

    def first(self, *, role: str, kind: str | None = None) -> str | None:
        """Return the first column of a role, and of a type if given, that is there."""
        found = (
            name
            for name, column in self.columns.items()
            if column.role == role and kind in (None, column.type)
        )
        return next(found, None)

    def column(self, wanted: str, default: str) -> str | None:
        """Return a column by name: a default that is not there is none, another is refused."""
        if wanted in self.columns:
            return wanted
        if wanted == default:
            return None
        raise UnknownName("column", wanted, self.columns)

    def domain(self, name: str) -> Sequence[Any]:
        declared = self.columns[name].domain
        if declared is None:
            raise InputError(
                f"column '{name}' of '{self.name}' has no declared domain, so there is no list of "
                "features to make of it. Declare domain: [...] for it in the catalog."
            )
        return declared


@checked
def features(
    transactions: ibis.Table,
    catalog: Catalog,
    *,
    as_of: str | dt.date,
    months: int = 12,
    customers: ibis.Table | None = None,
    usage: ibis.Table | None = None,
    feedback: ibis.Table | None = None,
    campaigns: ibis.Table | None = None,
    returns: str = "is_refund",
    basket: str = "category",
    mix: Sequence[str] = ("channel",),
    opened: str = "opened_on",
    topics: Sequence[str] | None = None,
    duplicates: Literal["keep", "drop"] = "keep",
    timezone: str | None = None,
) -> ibis.Table:
    """Return one row a customer: how lately, how often, how much, on what, how; as of a date.

    Parameters
    ----------
    transactions : ibis.Table
        From ``ws.open(…)``, or filtered from it.
    catalog : Catalog
        ``ws.catalog``.
    as_of : str or date
        The last day that counts: a date, or a month such as ``"2026-09"`` for its last day.
    months : int
        Months up to ``as_of`` that count.
    customers : ibis.Table, optional
        Gives ``tenure_days``, and a row also to customers without a transaction.
    usage, feedback, campaigns : ibis.Table, optional
        Service usage by month, feedback, campaign contacts.
    returns : str
        A boolean column of transactions that is true where money goes back. Amounts below 0 go
        back by themselves.
    basket : str
        The column of transactions whose distinct values are a basket's breadth.
    mix : sequence of str
        Columns of transactions to take each declared value's share of.
    opened : str
        The date column of customers that tenure is counted from.
    topics : sequence of str, optional
        Topics of feedback to count; the declared ones when left out.
    duplicates : {"keep", "drop"}
        Whether transactions that came twice count once: by the declared unique column where this
        purpose may read it, else where every column is equal.
    timezone : str, optional
        Where days end, such as ``"Asia/Shanghai"``, for a time column that holds UTC times. A
        workspace whose ``time_zone`` is declared holds times of there, and needs none.

    Returns
    -------
    ibis.Table
        Lazy. Columns: the customer, ``recency_days``, ``frequency_days``, ``monetary``,
        ``gap_days`` (mean days between days with a transaction), ``tenure_days``,
        ``transactions``, ``returns_share``, ``basket_breadth``, ``channel_<value>`` (shares, of
        each column of the mix), ``<measure>_monthly`` of usage, ``feedback_count``,
        ``feedback_score``, ``complaints``, ``topic_<value>``, ``contacts``, ``responses``; as far
        as the tables have them. Rows without a customer id are left out. Money is in the
        catalog's currency, what was given back taken off.

    Raises
    ------
    InputError
        A table has no customer, time or money; a time zone is unknown or there is no time of day.
    UnknownName
        A column that was named is not there.

    Examples
    --------
    >>> # wb.features(tx, ws.catalog, as_of="2026-09", customers=cu, usage=su).execute()
    """
    day = day_of(as_of)
    if months < 1:
        raise InputError(f"months is a whole number, 1 or more, not {months}.")

    def source_of(table: ibis.Table) -> _Source:
        return _source(table, catalog, span_start(day, months), day, timezone)

    source = source_of(transactions)
    if duplicates == "drop":
        source = _without_duplicates(source)
    found = _of_transactions(source, (returns, basket), mix)
    key = source.key
    if customers is not None:
        found = _of_customers(source_of(customers), found, key, opened)
    else:
        found = found.mutate(tenure_days=found.first_days).drop("first_days")
    more = []
    if usage is not None:
        more.append(_of_usage(source_of(usage)))
    if feedback is not None:
        more.append(_of_feedback(source_of(feedback), topics))
    if campaigns is not None:
        more.append(_of_campaigns(source_of(campaigns)))
    for each in more:
        counts = [name for name in each.columns if str(each[name].type()).startswith("int")]
        joined = found.left_join(each, found[key] == each.joined_k).drop("joined_k")
        found = joined.mutate(**{name: joined[name].fill_null(0) for name in counts})
    return found


def _source(
    table: ibis.Table, catalog: Catalog, start: dt.date, end: dt.date, timezone: str | None
) -> _Source:
    names = {each.name for each in table.op().find(ops.PhysicalTable)}
    if len(names) != 1:
        raise InputError(
            f"features are of tables from ws.open(…), or filtered from one; this is made of "
            f"{', '.join(sorted(names)) or 'none'}."
        )
    (name,) = names
    declared = catalog.table(name)
    if declared.subject_key is None:
        raise InputError(f"'{name}' is operational; it has no customers to describe.")
    columns = {each: declared.columns[each] for each in table.columns if each in declared.columns}
    return _Source(table, name, declared, columns, start, end, timezone)


def _until(source: _Source) -> tuple[Any, Any]:
    """Return the rows with a customer of the days that count, and their day."""
    rows, time, timezone = source.rows, source.declared.time, source.timezone
    if time is None or time not in source.columns:
        raise InputError(
            f"'{source.name}' has no time column, and without one nobody knows what was known on "
            "a date. Declare time: in the catalog."
        )
    moment = rows[time]
    if timezone is not None:
        moment = local(moment, timezone, f"'{source.name}.{time}'")
    literal = ibis.date if moment.type().is_date() else ibis.timestamp
    since, until = source.start.isoformat(), (source.end + dt.timedelta(1)).isoformat()
    kept = (moment >= literal(since)) & (moment < literal(until))
    rows = rows.filter(rows[source.key].notnull() & kept)
    moment = rows[time] if timezone is None else local(rows[time], timezone, time)
    return rows, moment.cast("date")


def _of_transactions(source: _Source, named: tuple[str, str], mix: Sequence[str]) -> Any:
    money = source.first(role="measure", kind="money")
    if money is None:
        raise InputError(
            f"'{source.name}' has no column of money to add up: declare one with type: money and "
            "role: measure in the catalog, or open it for a purpose that may read it."
        )
    rows, day = _until(source)
    back, basket = source.column(named[0], "is_refund"), source.column(named[1], "category")
    amount = rows[money]
    given_back = amount.fill_null(0) < 0
    if back is not None:
        given_back = given_back | rows[back].fill_null(False)
    net = given_back.ifelse(-amount.abs(), amount)
    wanted: dict[str, Any] = {
        "last_day": day.max(),
        "first_day": day.min(),
        "frequency_days": distinct_days(day, source.start, source.end),
        "monetary": net.sum(),
        "transactions": rows.count(),
        "returns": rows.count(where=given_back),
    }
    if basket is not None:
        domain = source.domain(basket)
        wanted["basket_breadth"] = distinct_places(index_of(rows[basket], domain), len(domain))
    shared = []
    for each in filter(None, (source.column(name, "channel") for name in mix)):
        for value in source.domain(each):
            shared.append(f"{each}_{_plain(value)}")
            wanted[shared[-1]] = rows.count(where=rows[each] == value)
    totals = rows.group_by(source.key).aggregate(**wanted)
    last = ibis.date(source.end.isoformat())
    shares = {name: totals[name] / totals.transactions for name in shared}
    span = totals.last_day.delta(totals.first_day, unit="day")
    return totals.select(
        source.key,
        recency_days=last.delta(totals.last_day, unit="day"),
        frequency_days=totals.frequency_days,
        monetary=totals.monetary.fill_null(0),
        gap_days=(totals.frequency_days > 1).ifelse(span / (totals.frequency_days - 1), None),
        first_days=last.delta(totals.first_day, unit="day"),
        transactions=totals.transactions,
        returns_share=totals.returns / totals.transactions,
        **({"basket_breadth": totals.basket_breadth} if basket is not None else {}),
        **shares,
    )


def _of_customers(source: _Source, found: Any, key: str, opened: str) -> Any:
    """Add tenure, and the customers who have no transaction in the span."""
    require_known("column", source.columns, opened)
    last = ibis.date(source.end.isoformat())
    rows = source.rows
    kept = rows[source.key].notnull() & (rows[opened].cast("date") <= last)
    own = (
        rows.filter(kept)
        .group_by(joined_k=rows[source.key])
        .aggregate(opened_=rows[opened].cast("date").min())
    )
    joined = own.left_join(found, own.joined_k == found[key])
    rest = [name for name in found.columns if name not in (key, "first_days")]
    zero = ("frequency_days", "transactions", "basket_breadth")
    values = {
        name: joined[name].fill_null(0) if name in zero or name == "monetary" else joined[name]
        for name in rest
    }
    return joined.select(
        joined.joined_k.name(key), **values, tenure_days=last.delta(joined.opened_, unit="day")
    )


def _of_usage(source: _Source) -> Any:
    """Return means by month; a month that is not over on the date tells of days after it."""
    over = add_months(source.end + dt.timedelta(days=1), 0) - dt.timedelta(days=1)
    rows, _ = _until(replace(source, start=source.start.replace(day=1), end=over, timezone=None))
    counted = [
        name
        for name, column in source.columns.items()
        if column.role == "measure" and column.type in ("integer", "number")
    ]
    means = {f"{name}_monthly": rows[name].mean() for name in counted}
    return rows.group_by(joined_k=rows[source.key]).aggregate(**means)


def _of_feedback(source: _Source, topics: Sequence[str] | None) -> Any:
    rows, _ = _until(source)
    wanted: dict[str, Any] = {"feedback_count": rows.count()}
    score = source.first(role="measure")
    if score is not None:
        wanted["feedback_score"] = rows[score].mean()
    if "is_complaint" in source.columns:
        wanted["complaints"] = rows.count(where=rows.is_complaint)
    if "topic" in source.columns:
        declared = source.domain("topic")
        for topic in declared if topics is None else topics:
            require_known("topic", declared, topic)
            wanted[f"topic_{_plain(topic)}"] = rows.count(where=rows.topic == topic)
    return rows.group_by(joined_k=rows[source.key]).aggregate(**wanted)


def _of_campaigns(source: _Source) -> Any:
    """Return contacts whose time to respond is over, and responses."""
    rows, _ = _until(replace(source, end=source.end - dt.timedelta(days=RESPONSE_DAYS)))
    outcome = source.first(role="target", kind="boolean")
    wanted: dict[str, Any] = {"contacts": rows.count()}
    if outcome is not None:
        wanted["responses"] = rows.count(where=rows[outcome])
    return rows.group_by(joined_k=rows[source.key]).aggregate(**wanted)


def _without_duplicates(source: _Source) -> _Source:
    unique = source.declared.key_columns
    readable = unique and all(name in source.columns for name in unique)
    by_key: dict[str, Any] = {"on": list(unique), "keep": "first"} if readable else {}
    return replace(source, rows=source.rows.distinct(**by_key))


def _plain(value: Any) -> str:
    """Return a value as a part of a column's name.

    Examples
    --------
    >>> _plain("Web shop")
    'web_shop'
    """
    return "".join(c if c.isalnum() else "_" for c in str(value).lower()).strip("_")


_BITS = 63  # days in one mask: a signed 64-bit integer's, without its sign
_MOST_MASKS = 12  # beyond about two years, distinct days are counted one by one


def local(moment: Any, timezone: str, what: str) -> Any:
    """Return a UTC time as the clock shows it elsewhere."""
    from zoneinfo import ZoneInfo

    if not moment.type().is_timestamp():
        raise InputError(
            f"{what} is {moment.type()}, a day without a time, so timezone='{timezone}' cannot "
            "move it. Leave timezone out."
        )
    try:
        ZoneInfo(timezone)
    except (KeyError, ValueError, OSError):
        raise InputError(
            f"timezone='{timezone}' is not known; write one such as 'Asia/Shanghai'."
        ) from None
    utc = types.Timestamp(timezone="UTC")
    signature = ((types.string, utc), types.timestamp)
    shift = ibis.udf.scalar.builtin(_timezone, name="timezone", signature=signature)
    return shift(timezone, moment.cast(utc))


def _timezone(zone: str, moment: Any) -> Any: ...


def _bit_count(mask: int) -> int:  # type: ignore[empty-body]  # why: the engine's
    ...


def distinct_days(day: Any, start: dt.date, end: dt.date) -> Any:
    """Return the number of distinct days between two, as an aggregate."""
    days = (end - start).days + 1
    if days > _BITS * _MOST_MASKS:
        return day.nunique()
    return distinct_places(day.delta(ibis.date(start.isoformat()), unit="day"), days)


def distinct_places(place: Any, places: int) -> Any:
    """Return how many of the places from 0 on occur, counted as bits of masks."""
    # why int8: what the engine returns; a sum in it would overflow, so each is cast before
    count = ibis.udf.scalar.builtin(
        _bit_count, name="bit_count", signature=((types.int64,), types.int8)
    )
    total: Any = ibis.literal(0, "int64")
    for first in range(0, places, _BITS):
        bit = ibis.literal(1, "int64") << (place - first)
        inside = place.between(first, min(first + _BITS, places) - 1)
        found = inside.ifelse(bit, ibis.null("int64")).bit_or()
        total = total + count(found.fill_null(0)).cast("int64")
    return total
