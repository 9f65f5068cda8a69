"""Who agrees to what, by the register of consents: one answer for every place that asks."""

from __future__ import annotations

import datetime as dt

from workbench.catalog import Catalog, ConsentSource


def agreeing_sql(
    catalog: Catalog, source: ConsentSource, now: dt.datetime, lake: str = "lake"
) -> str:
    """Return SQL of who agrees to what at a moment, each ``person`` with each ``purpose``.

    The newest agreement that is not withdrawn in its own row must be younger than every one that
    was, and than every withdrawal that stands in a row of its own. What is not known to have come
    after a withdrawal counts as withdrawn.

    Parameters
    ----------
    now : datetime
        As the clocks of the workspace's time zone show it, in which moments stand in tables.
    lake : str
        Which snapshot.
    """
    table = catalog.tables[source.table]
    given, withdrawn = (f'CAST("{each}" AS TIMESTAMP)' for each in (source.given, source.withdrawn))
    moment = f"TIMESTAMP '{now.replace(tzinfo=None).isoformat(sep=' ')}'"
    over = f"{withdrawn} <= {moment}"
    agreed = f"max({given}) FILTER ({given} <= {moment} AND ({over}) IS NOT TRUE)"
    kinds = [table.columns[each].type for each in (source.given, source.withdrawn)]
    # why the end of its day: of a withdrawal without a time nobody can say that it came first
    until = f"{withdrawn} + INTERVAL 1 DAY" if kinds == ["timestamp", "date"] else withdrawn
    # why by customer: a register without a key has a withdrawal in a row of its own
    return (
        f'SELECT person, purpose FROM (SELECT "{table.subject_key}" AS person, '
        f'CAST("{source.purpose}" AS VARCHAR) AS purpose, {agreed} AS agreed, '
        f"max({until}) FILTER ({over}) AS last_withdrawn, "
        f"max(coalesce({given}, {withdrawn})) FILTER ({over}) AS last_over "
        f'FROM {lake}."{source.table}" GROUP BY ALL) WHERE agreed IS NOT NULL '
        "AND coalesce(agreed >= last_withdrawn, true) AND coalesce(agreed > last_over, true)"
    )
