"""What the sample's README says is planted is in the committed data, at the rates it says."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import duckdb
import pyarrow.parquet
import pytest

from workbench.catalog import Catalog, Column
from workbench.catalog_files import load_catalog
from workbench.estates.sample import planted
from workbench.estates.sample.build import generate

SAMPLE = Path(__file__).parents[2] / "data" / "sample"
Ask = Callable[[str], list[Any]]


@pytest.fixture(scope="module")
def catalog() -> Catalog:
    return load_catalog(SAMPLE / "catalog.yaml")


@pytest.fixture(scope="module")
def ask(catalog: Catalog) -> Iterator[Ask]:
    """First row of a query on the sample's tables, read as the catalog declares them."""
    with duckdb.connect() as connection:
        for name, table in catalog.tables.items():
            connection.execute(f"CREATE VIEW {name} AS FROM '{SAMPLE / table.source}'")
        for name in ("customers", "applications"):
            connection.execute(f"CREATE VIEW truth_{name} AS FROM '{SAMPLE}/truth/{name}.parquet'")
        yield lambda query: list(connection.execute(query).fetchone() or ())


def near(found: float, of: float, rate: float) -> bool:
    """Whether a count lies within four standard deviations of a binomial mean."""
    return abs(found - of * rate) <= 4 * math.sqrt(of * rate * (1 - rate))


def test_the_committed_sample_is_what_the_generator_writes(tmp_path: Path):
    generate(tmp_path)
    made = {str(p.relative_to(tmp_path)) for p in tmp_path.rglob("*") if p.is_file()}
    assert made == {str(p.relative_to(SAMPLE)) for p in SAMPLE.rglob("*") if p.is_file()}
    for name in made:
        if name.endswith(".parquet"):
            read = pyarrow.parquet.read_table
            assert read(tmp_path / name).equals(read(SAMPLE / name)), name
        else:
            assert (tmp_path / name).read_bytes() == (SAMPLE / name).read_bytes(), name


def violations(name: str, column: Column) -> Iterator[tuple[str, str]]:
    """Yield (rule, SQL condition of a violating row) of what SQL can say in one line."""
    quoted = f'"{name}"'
    if column.domain is not None:
        values = ", ".join(f"'{v}'" if isinstance(v, str) else str(v) for v in column.domain)
        yield "domain", f"{quoted} NOT IN ({values})"
    if column.bounds is not None:
        low, high = column.bounds
        codes = ", ".join(column.special_codes) or "NULL"
        if column.type == "date":
            yield "bounds", f"{quoted} NOT BETWEEN DATE '{low}' AND DATE '{high}'"
        else:
            yield (
                "bounds",
                f"{quoted} NOT BETWEEN {low} AND {high} AND ({quoted} IN ({codes})) IS NOT TRUE",
            )
    for rule in column.rules:
        if rule.not_null:
            yield "not_null", f"{quoted} IS NULL"
        if rule.pattern:
            yield "pattern", f"NOT regexp_full_match({quoted}, '{rule.pattern}')"
        if rule.references:
            table, _, key = rule.references.partition(".")
            yield "references", f"{quoted} NOT IN (SELECT {key} FROM {table})"
        if rule.not_after and rule.not_after != "today":
            yield "not_after", f"{quoted} > {rule.not_after}"


def test_every_domain_bound_and_rule_holds_but_the_planted_faults(catalog: Catalog, ask: Ask):
    broken = set()
    for table_name, table in catalog.tables.items():
        checks = [
            (name, rule, condition)
            for name, column in table.columns.items()
            for rule, condition in violations(name, column)
        ]
        counts = ask(
            f"SELECT {', '.join(f'count(*) FILTER ({c})' for *_, c in checks)} FROM {table_name}"
        )
        for (name, rule, _), count in zip(checks, counts, strict=True):
            if count:
                broken.add((table_name, name, rule))
    assert broken == {
        ("customers", "phone", "pattern"),
        ("customers", "email", "not_null"),
        ("transactions", "customer_id", "references"),
        ("transactions", "category", "domain"),
        ("transactions", "amount", "bounds"),
        ("transactions", "amount", "not_null"),
    }


def test_every_unique_column_is_unique_but_transactions_booked_twice(catalog: Catalog, ask: Ask):
    for table_name, table in catalog.tables.items():
        for name, column in table.columns.items():
            if any(rule.unique for rule in column.rules):
                rows, values = ask(
                    f'SELECT count("{name}"), count(DISTINCT "{name}") FROM {table_name}'
                )
                if table_name == "transactions":
                    assert near(rows - values, values, planted.DUPLICATE_RATE)
                else:
                    assert rows == values, (table_name, name)


def test_transaction_faults_come_at_their_rates(ask: Ask):
    rows, no_amount, wrong, orphans, slips, could_slip = ask(
        """SELECT count(*), count(*) FILTER (amount IS NULL),
        count(*) FILTER (category IN ('Groceries', 'unknown', 'travl')),
        count(*) FILTER (customer_id NOT IN (SELECT customer_id FROM customers)),
        count(*) FILTER (amount > 5000), count(*) FILTER (amount > 50) FROM transactions"""
    )
    assert near(no_amount, rows, planted.NULL_AMOUNT_RATE)
    assert near(wrong, rows, planted.CATEGORY_FAULT_RATE)
    assert near(orphans, rows, planted.ORPHAN_RATE)
    assert near(slips, could_slip, planted.AMOUNT_SLIP_RATE)


def test_identity_faults_come_at_their_rates(ask: Ask):
    rows, no_email, short, chinese = ask(
        """SELECT count(*), count(*) FILTER (email IS NULL),
        count(*) FILTER (length(phone) < if(region = 'Europe', 13, 14)),
        count(resident_id) FROM customers"""
    )
    assert near(no_email, rows, planted.MISSING_EMAIL_RATE)
    assert near(short, rows, planted.BAD_PHONE_RATE)
    with duckdb.connect() as connection:
        numbers = connection.execute(
            f"SELECT resident_id FROM '{SAMPLE}/customers.parquet' WHERE resident_id IS NOT NULL"
        ).fetchall()
    wrong = sum(not _resident_id_holds(number) for (number,) in numbers)
    assert near(wrong, chinese, planted.BAD_RESIDENT_ID_RATE)
    assert wrong > 0


def _resident_id_holds(number: str) -> bool:
    values = [10 if d == "X" else int(d) for d in number]
    return sum(v * pow(2, 17 - place, 11) for place, v in enumerate(values)) % 11 == 1


def test_segments_have_their_shares_and_their_pace(ask: Ask):
    for segment in planted.SEGMENTS:
        size, pace = ask(
            f"""WITH mine AS (SELECT customer_id
            FROM truth_customers JOIN customers USING (customer_id)
            WHERE segment = '{segment.name}' AND opened_on < DATE '2025-04-01'
            AND closed_on IS NULL),
            plain AS (SELECT customer_id FROM transactions
            WHERE month(booked_on) NOT IN (2, 12) AND customer_id IN (FROM mine))
            SELECT (SELECT count(*) FROM truth_customers WHERE segment = '{segment.name}'),
            (SELECT count(*) FROM plain) / (SELECT count(*) FROM mine) / 16"""
        )
        assert near(size, 5_000, segment.share), segment.name
        assert pace == pytest.approx(segment.transactions, rel=0.06), segment.name


def test_december_february_and_the_break_are_there(ask: Ask):
    december, february, before, after = ask(
        """SELECT count(*) FILTER (booked_on BETWEEN '2025-12-01' AND '2025-12-31') / 31,
        count(*) FILTER (booked_on BETWEEN '2026-02-01' AND '2026-02-28') / 28,
        avg(amount) FILTER (booked_on BETWEEN '2025-09-01' AND '2026-02-28' AND amount < 5000),
        avg(amount) FILTER (booked_on BETWEEN '2026-03-01' AND '2026-08-31' AND amount < 5000)
        FROM transactions"""
    )
    (plain,) = ask(
        """SELECT count(*) / 61 FROM transactions
        WHERE booked_on BETWEEN '2025-11-01' AND '2025-11-30'
        OR booked_on BETWEEN '2026-01-01' AND '2026-01-31'"""
    )
    assert december / plain == pytest.approx(planted.SEASON[12], rel=0.03)
    # Every month expects the same number of transactions, so a day of February has more.
    assert february / plain == pytest.approx(planted.SEASON[2] * 30.5 / 28, rel=0.03)
    grown = (1 + planted.GROWTH_A_MONTH) ** 6
    assert after / before == pytest.approx(planted.BREAK_LEVEL * grown, rel=0.02)


def test_fraud_is_a_burst_of_round_card_payments(ask: Ask):
    victims, rows, cards, round_ones, most, days = ask(
        """WITH burst AS (SELECT DISTINCT ON (t.transaction_id) t.* FROM transactions t
        JOIN fraud_cases f ON f.transaction_id = t.transaction_id AND outcome = 'confirmed'
        WHERE amount <= 5000 AND t.customer_id IN (SELECT customer_id FROM customers)),
        person AS (SELECT customer_id, count(*) AS n, max(booked_on) - min(booked_on) AS days
        FROM burst GROUP BY ALL)
        SELECT (SELECT count(*) FROM truth_customers WHERE fraud_victim), count(*),
        count(*) FILTER (channel = 'card'), count(*) FILTER (amount % 100 = 0),
        (SELECT max(n) FROM person), (SELECT max(days) FROM person) FROM burst"""
    )
    assert near(victims, 5_000 * 0.97, planted.FRAUD_VICTIM_RATE)
    assert rows == cards == round_ones
    assert most <= planted.FRAUD_BURST[1]
    assert days <= 1


def test_the_district_gives_away_registration_and_costs_approvals(ask: Ask):
    rural, outer_rural, urban, outer_urban = ask(
        """SELECT count(*) FILTER (household_registration = 'rural'),
        count(*) FILTER (household_registration = 'rural' AND district[-1] IN ('3', '4')),
        count(*) FILTER (household_registration = 'urban'),
        count(*) FILTER (household_registration = 'urban' AND district[-1] IN ('3', '4'))
        FROM customers"""
    )
    assert near(rural, 5_000, planted.RURAL_SHARE)
    assert near(outer_rural, rural, planted.OUTER_SHARE_RURAL)
    assert near(outer_urban, urban, planted.OUTER_SHARE_URBAN)
    approved_rural, approved_urban, risk_rural, risk_urban = ask(
        """SELECT avg((decision = 'approved')::INT) FILTER (household_registration = 'rural'),
        avg((decision = 'approved')::INT) FILTER (household_registration = 'urban'),
        avg(default_probability) FILTER (household_registration = 'rural'),
        avg(default_probability) FILTER (household_registration = 'urban')
        FROM credit_applications JOIN truth_applications USING (application_id)"""
    )
    assert approved_rural / approved_urban < 0.9
    assert risk_rural == pytest.approx(risk_urban, abs=0.015)


def test_the_target_is_known_only_where_a_bank_could_know_it(ask: Ask):
    early, declined, known, bad, expected, wrong = ask(
        """SELECT count(*) FILTER (decided_on >= DATE '2025-10-01' AND default_12m IS NOT NULL),
        count(*) FILTER (decision = 'declined' AND default_12m IS NOT NULL),
        count(default_12m), count(*) FILTER (default_12m),
        sum(default_probability) FILTER (default_12m IS NOT NULL),
        count(*) FILTER (default_12m <> would_default_12m)
        FROM credit_applications JOIN truth_applications USING (application_id)"""
    )
    assert early == declined == wrong == 0
    assert near(bad, known, expected / known)


def test_performance_agrees_with_the_target(ask: Ask):
    missed, false_alarms = ask(
        """WITH seen AS (SELECT application_id,
        bool_or(month_on_book <= 12 AND days_past_due BETWEEN 90 AND 360) AS late,
        min(month_on_book) AS first FROM loan_performance
        WHERE days_past_due <> 999 GROUP BY ALL)
        SELECT count(*) FILTER (default_12m AND NOT late AND first = 1),
        count(*) FILTER (NOT default_12m AND late)
        FROM seen JOIN credit_applications USING (application_id)"""
    )
    assert false_alarms == 0
    # 90 days past due are reached in month 12 at the latest; a month not reported can hide one.
    assert missed <= 5


def test_consents_and_campaigns_follow_their_rates(ask: Ask):
    for purpose, share in planted.CONSENTS.items():
        people, withdrawn = ask(
            f"""SELECT count(DISTINCT customer_id), count(withdrawn_on)
            FROM consents WHERE purpose = '{purpose}'"""
        )
        assert near(people, 5_000 * (1 - planted.CUSTOMER_PAST_RETENTION_RATE), share)
        assert near(withdrawn, people, planted.WITHDRAWN_RATE)
    contacts, control, without = ask(
        """SELECT count(*), count(*) FILTER (arm = 'control'), count(*) FILTER (NOT EXISTS (
        FROM consents c WHERE c.customer_id = k.customer_id AND purpose = 'marketing'
        AND given_on <= contacted_on AND coalesce(withdrawn_on > contacted_on, true)))
        FROM campaign_contacts k"""
    )
    assert near(control, contacts, planted.CONTROL_SHARE)
    assert without == 0


def test_nobody_acts_before_opening_or_after_closing(ask: Ask):
    (outside,) = ask(
        """SELECT count(*) FROM transactions JOIN customers USING (customer_id)
        WHERE booked_on < opened_on OR booked_on > closed_on"""
    )
    assert outside == 0


def test_phone_numbers_stand_in_comments(ask: Ask):
    comments, phones, own = ask(
        r"""SELECT count(comment), count(*) FILTER (regexp_matches(comment, '\+\d{12,13}$')),
        count(*) FILTER (contains(comment, phone))
        FROM feedback JOIN customers USING (customer_id)"""
    )
    assert near(phones, comments, planted.PHONE_IN_COMMENT_RATE)
    assert 0 < own <= phones


def test_rows_past_retention_are_there_and_declared_so(catalog: Catalog, ask: Ask):
    assert catalog.tables["customers"].retention.months == planted.CUSTOMER_RETENTION_MONTHS
    assert catalog.tables["feedback"].retention.months == planted.FEEDBACK_RETENTION_MONTHS
    closed, old, could = ask(
        """SELECT
        (SELECT count(*) FROM customers WHERE closed_on < DATE '2026-09-30' - INTERVAL 84 MONTH),
        (SELECT count(*) FROM feedback WHERE given_on < DATE '2026-09-30' - INTERVAL 48 MONTH),
        (SELECT count(*) FROM customers WHERE opened_on < DATE '2026-09-30' - INTERVAL 55 MONTH)"""
    )
    assert near(closed, 5_000, planted.CUSTOMER_PAST_RETENTION_RATE)
    assert near(old, could, planted.FEEDBACK_PAST_RETENTION_RATE)


def test_operational_counts_are_exact(ask: Ask):
    assert ask(
        """SELECT count(*), count(*) FILTER (closed_on IS NULL AND due_on < DATE '2026-09-30'),
        count(*) FILTER (closed_on IS NULL), count(*) FILTER (closed_on > due_on)
        FROM subject_requests"""
    ) == [
        planted.REQUESTS,
        planted.REQUESTS_OVERDUE_OPEN,
        planted.REQUESTS_OVERDUE_OPEN,
        planted.REQUESTS_CLOSED_LATE,
    ]
    assert ask(
        """SELECT count(*),
        count(*) FILTER (notifiable AND notified_at > detected_at + INTERVAL 72 HOUR),
        count(*) FILTER (notifiable AND notified_at IS NULL) FROM incidents"""
    ) == [planted.INCIDENTS, planted.INCIDENTS_NOTIFIED_LATE, 0]
    assert ask(
        """SELECT count(*) FILTER (required AND done_on IS NULL),
        count(*) FILTER (review_due_on < DATE '2026-09-30') FROM assessments"""
    ) == [planted.ASSESSMENTS_MISSING, planted.ASSESSMENT_REVIEWS_OVERDUE]
    assert ask("SELECT count(*) FROM transfers WHERE mechanism IS NULL") == [
        planted.TRANSFERS_WITHOUT_MECHANISM
    ]
    assert ask("SELECT count(*), count(*) FILTER (completed_on IS NULL) FROM training") == [
        planted.STAFF * len(planted.COURSES),
        planted.TRAINING_MISSING,
    ]


def test_one_reader_reads_at_night_and_nobody_else_does(ask: Ask):
    night = "hour(read_at) NOT BETWEEN 7 AND 18"
    assert ask(
        f"""SELECT count(*) FILTER (outcome = 'allowed'), count(*) FILTER (outcome = 'refused'),
        count(DISTINCT reader), min(reader), min(month(read_at)) FROM access_log WHERE {night}"""
    ) == [planted.UNUSUAL_READS, planted.UNUSUAL_REFUSED, 1, planted.UNUSUAL_READER, 8]


def test_the_expired_purpose_has_expired(catalog: Catalog):
    expired = {
        name for name, purpose in catalog.purposes.items() if purpose.expires <= planted.EXPIRED_ON
    }
    assert expired == {planted.EXPIRED_PURPOSE}
    others = set(catalog.purposes) - expired
    assert min(catalog.purposes[name].expires for name in others).year >= 2031


def test_domains_of_catalog_and_generator_are_the_same(catalog: Catalog):
    transactions = catalog.tables["transactions"].columns
    assert transactions["region"].domain == planted.REGIONS
    assert transactions["category"].domain == planted.CATEGORIES
    assert transactions["channel"].domain == planted.CHANNELS
    assert catalog.tables["customers"].columns["district"].domain == planted.DISTRICTS
    assert catalog.tables["customers"].columns["tier"].domain == planted.TIERS
    assert catalog.tables["training"].columns["course"].domain == planted.COURSES


def test_contribution_bounds_are_those_the_comments_claim(catalog: Catalog, ask: Ask):
    table = catalog.tables["transactions"]
    assert table.contribution is not None
    bounds = table.columns["amount"].customer_bounds
    assert isinstance(bounds, tuple)
    category = table.columns["category"].values_per_customer
    channel = table.columns["channel"].values_per_customer
    within_cells, within_rows, within_bounds, within_category, within_channel = ask(
        f"""WITH person AS (SELECT count(DISTINCT (category, channel)) AS cells, count(*) AS n,
        sum(amount) AS total, count(DISTINCT category) AS categories,
        count(DISTINCT channel) AS channels
        FROM transactions GROUP BY customer_id, date_trunc('month', booked_on))
        SELECT avg((cells <= {table.contribution.cells})::INT),
        avg((n <= {table.contribution.rows})::INT), avg((total <= {bounds[1]})::INT),
        avg((categories <= {category})::INT), avg((channels <= {channel})::INT) FROM person"""
    )
    assert within_cells >= 0.999
    assert within_rows >= 0.99
    assert 0.99 <= within_bounds < 1
    assert within_category >= 0.99
    assert within_channel >= 0.95
