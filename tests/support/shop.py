"""A tiny shop of known content: small enough to count by hand, real enough for every layer."""

from __future__ import annotations

from pathlib import Path

import duckdb

CATALOG = """\
version: 1
title: Corner shop
currency: EUR
privacy:
  unit: customer
  key: customer_id
  delta: 1e-6
  limits: {month: 2, year: 8, lifetime: 24}
consents: {table: consents, purpose: purpose, given: given_on, withdrawn: withdrawn_on}
purposes:
  reporting:
    title: Aggregate reporting to management
    basis: legitimate interests
    audience: managers
    expires: 2035-12-31
  marketing:
    title: Offers to those who agreed
    basis: consent
    consent: marketing
    audience: marketing
    expires: 2035-12-31
  service:
    title: Answer a customer's call
    basis: contract
    audience: service desk
    expires: 2035-12-31
  old-partner:
    title: A partnership that ended
    basis: legitimate interests
    audience: partner
    expires: 2025-12-31
tables:
  customers:
    kind: identity
    title: Customers
    owner: sales
    source: customers.parquet
    subject_key: customer_id
    retention: {months: 84, after: opened_on}
    contribution: {cells: 1, rows: 1}
    purposes: [service]
    columns:
      customer_id: {type: text, role: subject key, purposes: [service, reporting, marketing]}
      full_name: {type: text, role: direct identifier, sensitivity: personal}
      email: {type: text, role: direct identifier, sensitivity: personal}
      opened_on: {type: date, rules: [{not_null: true}]}
  transactions:
    kind: transactions
    title: Purchases
    owner: sales
    source: transactions.parquet
    subject_key: customer_id
    time: booked_on
    retention: {months: 84, after: booked_on}
    contribution: {cells: 12, rows: 20}
    purposes: [reporting, marketing, old-partner]
    columns:
      customer_id: {type: text, role: subject key}
      booked_on: {type: date, role: time, bounds: [2026-01-01, 2027-01-01]}
      region: {type: text, domain: [north, south, west], values_per_customer: 1}
      category: {type: text, domain: [food, home, toys]}
      note: {type: text}
      amount: {type: money, role: measure, title: Spend, bounds: [0, 500], customer_bounds: [0, 200]}
      is_online: {type: boolean}
  consents:
    kind: identity
    title: Consents
    owner: legal
    source: consents.csv
    subject_key: customer_id
    retention: {months: 84, after: given_on}
    contribution: {cells: 1, rows: 5}
    purposes: [service]
    columns:
      customer_id: {type: text, role: subject key}
      purpose: {type: text}
      given_on: {type: date}
      withdrawn_on: {type: date}
  incidents:
    kind: operational
    title: Incidents
    owner: security
    source: incidents.csv
    operational: true
    retention: {months: 36, after: opened_on}
    purposes: [reporting]
    columns:
      incident_id: {type: text}
      opened_on: {type: date}
"""  # noqa: E501  # why: tests of messages look for the line of a column

SETTINGS = """\
title = "Corner shop"
catalog = "catalog.yaml"
source = "data"
fork_kernels = false
"""  # why: a process to fork from would cost more than most tests


def make_shop(folder: Path, customers: int = 600) -> Path:
    """Write a shop's workspace into ``folder``: settings, catalog, source files.

    Customer ``i`` lives in region ``i % 3``, buys once in each of the months January to September
    2026 for ``10 + i % 90`` euros, in category ``(i + month) % 3``. Every second customer agreed
    to marketing; of these every fifth took it back in March.
    """
    data = folder / "data"
    data.mkdir(parents=True)
    (folder / "workbench.toml").write_text(SETTINGS)
    (folder / "catalog.yaml").write_text(CATALOG)
    (data / "incidents.csv").write_text("incident_id,opened_on\nI-1,2026-02-03\n")
    with duckdb.connect() as connection:
        connection.execute(
            f"""
            CREATE TABLE people AS SELECT i, 'K-' || lpad(i::VARCHAR, 6, '0') AS customer_id
            FROM range({customers}) r(i);
            COPY (SELECT customer_id, 'Given' || i || ' Family' || i AS full_name,
                'person' || i || '@example.org' AS email,
                DATE '2025-01-01' + i::INT % 300 AS opened_on
                FROM people ORDER BY i) TO '{data}/customers.parquet';
            COPY (SELECT customer_id, make_date(2026, m::INT, 1 + i::INT % 28) AS booked_on,
                ['north', 'south', 'west'][1 + i % 3] AS region,
                ['food', 'home', 'toys'][1 + (i + m) % 3] AS category,
                'note ' || i AS note, (10 + i % 90)::DECIMAL(18, 2) AS amount,
                i % 4 = 0 AS is_online
                FROM people, range(1, 10) r(m) ORDER BY i, m) TO '{data}/transactions.parquet';
            COPY (SELECT customer_id, 'marketing' AS purpose, DATE '2026-01-05' AS given_on,
                CASE WHEN i % 10 = 0 THEN DATE '2026-03-01' END AS withdrawn_on
                FROM people WHERE i % 2 = 0 ORDER BY i) TO '{data}/consents.csv' (HEADER);
            """
        )
    return folder
