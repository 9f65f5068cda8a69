"""Who agrees to what, by the register of consents: one answer for every place that asks."""

from __future__ import annotations

import datetime as dt

from workbench.catalog import Catalog, ConsentSource


def recorded_sql(catalog: Catalog, source: ConsentSource, lake: str) -> str:
    """Return SQL of the register's rows, each with the withdrawal recorded of what it says.

    Where its own row has none it is the person's first for that purpose that did not come before
    the agreement: what looks at one row sees a withdrawal that stands in a row of its own.
    """
    table = catalog.tables[source.table]
    same = " AND ".join(f'w."{c}" = own."{c}"' for c in (str(table.subject_key), source.purpose))
    kinds = [table.columns[each].type for each in (source.given, source.withdrawn)]
    given = f'own."{source.given}"'
    # why its day: of a withdrawal without a time nobody can say that it came first
    given = f"CAST({given} AS DATE)" if kinds == ["timestamp", "date"] else given
    first = (
        f'SELECT min(w."{source.withdrawn}") FROM {lake}."{source.table}" AS w '
        f'WHERE {same} AND w."{source.withdrawn}" >= {given}'
    )
    return (
        f'(SELECT * REPLACE (coalesce("{source.withdrawn}", ({first})) AS "{source.withdrawn}") '
        f'FROM {lake}."{source.table}" AS own)'
    )


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
