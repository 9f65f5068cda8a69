"""The README beside a generated estate: every figure in it comes from `planted`."""

from __future__ import annotations

from workbench.catalog import Catalog
from workbench.estates.sample import planted as p
from workbench.estates.sample.window import Window


def readme(catalog: Catalog, counts: dict[str, int], window: Window, seed: int) -> str:
    """Return what was generated and what is planted, as Markdown."""
    return "\n\n".join([_head(counts, window, seed), _tables(catalog, counts), _segments(), _planted()]) + "\n"


def _percent(rate: float) -> str:
    return f"{rate:.4%}".rstrip("0").rstrip(".%") + " %" if rate else "0 %"


def _head(counts: dict[str, int], window: Window, seed: int) -> str:
    months = f"{window.first} to {window.last}"
    return f"""# Sample bank

A retail bank's consumer clients, all invented: {counts["customers"]:,} customers over {window.months} months
({months}), drawn with seed {seed} by `workbench sample`. Money is in CNY. The same seed gives the
same files. Identifiers have valid check digits and can belong to nobody: resident numbers of an
area no province has, IBANs of a bank code that is not issued, e-mail at example.com, .net, .org.

Rates below are probabilities of independent draws; what is measured differs by sampling error.
They live as constants in `workbench/estates/sample/planted.py`, which tests read too."""


def _tables(catalog: Catalog, counts: dict[str, int]) -> str:
    lines = ["## Tables", "", "| table | kind | file | rows |", "| --- | --- | --- | ---: |"]
    lines += [
        f"| {name} | {table.kind} | `{table.source}` | {counts[name]:,} |" for name, table in catalog.tables.items()
    ]
    lines += [
        "",
        "`truth/` holds what was planted in each customer (segment, credit quality, fraud victim) and",
        "application (probability of default, outcome had it been approved). The catalog does not name",
        "it, so no store holds it: it is for tests only.",
    ]
    return "\n".join(lines)


def _segments() -> str:
    lines = [
        "## Segments", "",
        "| segment | share | transactions a month | median amount, CNY | logins a month | campaign uplift |",
        "| --- | ---: | ---: | ---: | ---: | ---: |",
    ]  # fmt: skip
    lines += [
        f"| {s.name} | {s.share:.0%} | {s.transactions:g} | {s.amount:g} | {s.logins:g} | {s.uplift:.0%} |"
        for s in p.SEGMENTS
    ]
    lines += [
        "",
        f"Customers vary around their segment with a coefficient of variation of {p.CUSTOMER_SPREAD:g}; they",
        "differ in channels, categories, tier, income, support calls, refunds and scores as well. The",
        "amount also depends on the category.",
    ]
    return "\n".join(lines)


def _planted() -> str:
    season = ", ".join(f"month {month}: × {factor:g}" for month, factor in p.SEASON.items())
    low, high = p.FRAUD_BURST
    least, most = p.FRAUD_AMOUNT_HUNDREDS
    consents = ", ".join(f"{name} {share:.0%}" for name, share in p.CONSENTS.items())
    campaigns = ", ".join(f"{name} ({months})" for name, months in p.CAMPAIGNS.items())
    return f"""## Time

- Season, factor on the number of transactions: {season}.
- Amounts grow by {_percent(p.GROWTH_A_MONTH)} a month; from {p.BREAK_MONTH:%Y-%m} on they fall to {p.BREAK_LEVEL:.0%} and stay there.
- {p.OPENED_IN_WINDOW:.0%} of the customers open their account inside the months covered.

## Quality faults

| fault | rate | of |
| --- | ---: | --- |
| amount missing | {_percent(p.NULL_AMOUNT_RATE)} | transactions |
| amount a hundred times too large | {_percent(p.AMOUNT_SLIP_RATE)} | transactions |
| category outside its domain | {_percent(p.CATEGORY_FAULT_RATE)} | transactions |
| booked twice under one id | {_percent(p.DUPLICATE_RATE)} | transactions |
| customer unknown | {_percent(p.ORPHAN_RATE)} | transactions |
| e-mail missing | {_percent(p.MISSING_EMAIL_RATE)} | customers |
| phone one digit short | {_percent(p.BAD_PHONE_RATE)} | customers |
| resident number with a wrong check digit | {_percent(p.BAD_RESIDENT_ID_RATE)} | customers outside Europe |

## Fraud

{_percent(p.FRAUD_VICTIM_RATE)} of the customers suffer one burst: {low} to {high} card payments within two days at one merchant
("… Lotus") in {" or ".join(p.FRAUD_CATEGORIES)}, each a round amount of CNY {least * 100:,} to {most * 100:,}. `fraud_cases` labels
them *confirmed*; {_percent(p.FALSE_ALARM_RATE)} of ordinary transactions were reported too and *cleared*.

## Credit

Default within 12 months follows a logistic model of bureau score, debt to income, days overdrawn,
enquiries, years in employment and employment; gender, age, household registration, logins, channel
and purpose have no effect. The target is known only for approved loans at least 12 months old.
Special codes: no bureau file {_percent(p.NO_BUREAU_FILE_RATE)} (-1), income not stated {_percent(p.INCOME_NOT_STATED_RATE)} (-1), days past due not
reported {_percent(p.NOT_REPORTED_RATE)} of loan months (999), written off 998, settled early 997.

**A proxy.** {p.RURAL_SHARE:.0%} of the customers have a rural household registration. {p.OUTER_SHARE_RURAL:.0%} of these, and {p.OUTER_SHARE_URBAN:.0%} of
the others, live in districts numbered 3 and 4. The approval policy adds {p.DISTRICT_PENALTY:g} logits there although no
risk stands behind it, so that rural applicants are declined more often at equal risk.
A person decides within {p.REVIEW_BAND:g} logits of the cut, and against the policy in {p.REVIEW_FLIP:.0%} of these.

## Consents and campaigns

- Given: {consents}; {p.WITHDRAWN_RATE:.0%} of these withdrawn, {p.GIVEN_AGAIN_RATE:.0%} of the withdrawn given again.
- Campaigns (months before the end): {campaigns}. {p.CAMPAIGN_SHARE:.0%} of the consenting customers are
  drawn, {p.CONTROL_SHARE:.0%} of them into the control group; uplift by segment as above, in the month of contact.

## Compliance

- Purpose `{p.EXPIRED_PURPOSE}` expired on {p.EXPIRED_ON}.
- Past retention: {_percent(p.CUSTOMER_PAST_RETENTION_RATE)} of the customers (closed 88 to 110 months ago, kept {p.CUSTOMER_RETENTION_MONTHS}); a feedback 50 to 60 months
  old (kept {p.FEEDBACK_RETENTION_MONTHS}) for {_percent(p.FEEDBACK_PAST_RETENTION_RATE)} of the customers, where the account is old enough.
- Undeclared identifier: `feedback.comment` is declared as plain text; {_percent(p.PHONE_IN_COMMENT_RATE)} of the comments end with
  the customer's phone number.
- Subject requests: {p.REQUESTS}, of which {p.REQUESTS_OVERDUE_OPEN} are open and overdue at the end and {p.REQUESTS_CLOSED_LATE} were closed late.
- Incidents: {p.INCIDENTS}, of which {p.INCIDENTS_NOTIFIED_LATE} was notified later than 72 hours after detection.
- Impact assessments: {p.ASSESSMENTS_MISSING} required one missing, {p.ASSESSMENT_REVIEWS_OVERDUE} reviews overdue.
- Transfers: {p.TRANSFERS_WITHOUT_MECHANISM} without a mechanism.
- Training: {p.TRAINING_MISSING} of {p.STAFF * len(p.COURSES)} courses due were not completed.
- Access log: `{p.UNUSUAL_READER}` reads {p.UNUSUAL_READS} times at night, whole tables, within a week of the month before the last, tables
  no contractor read before, and is refused {p.UNUSUAL_REFUSED} times."""
