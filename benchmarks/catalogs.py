"""Catalogs of one table, for benchmarks and tests that need a few columns of their own."""

from __future__ import annotations

import textwrap

_CATALOG = """\
version: 1
title: {title}
{currency}privacy: {{unit: customer, key: customer_id, delta: 1e-6, limits: {limits}}}
purposes:
  reporting: {{title: R, basis: legitimate interests, audience: managers, expires: 2099-12-31}}
tables:
  {name}:
    kind: transactions
    title: {title}
    owner: sales
    source: {name}.{suffix}
    subject_key: customer_id
{more}    retention: {{months: 84, after: {kept_from}}}
    contribution: {{cells: {cells}, rows: {rows}}}
    purposes: [reporting]
    columns:
{columns}"""


def catalog_of(
    name: str,
    columns: str,
    *,
    kept_from: str = "day",
    cells: int = 12,
    rows: int = 20,
    suffix: str = "csv",
    more: str = "",
    limits: str = "{month: 2, year: 8, lifetime: 24}",
    currency: str = "",
) -> str:
    """Return a catalog of one table: its columns one a line, ``more`` what else is said of it."""
    return _CATALOG.format(
        title=name.capitalize(),
        currency=currency and f"currency: {currency}\n",
        limits=limits,
        name=name,
        suffix=suffix,
        more=more and f"    {more}\n",
        kept_from=kept_from,
        cells=cells,
        rows=rows,
        columns=textwrap.indent(columns, " " * 6),
    )
