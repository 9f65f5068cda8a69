"""What customers borrow: bureau files, applications, decisions, repayment."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from workbench.estates.sample import planted
from workbench.estates.sample.people import People
from workbench.estates.sample.planted import Array, choose, segment_values
from workbench.estates.writing import pick

NO_FILE = NOT_STATED = -1
SETTLED_EARLY, WRITTEN_OFF, NOT_REPORTED = 997, 998, 999


def bureau_rows(people: People) -> tuple[dict[str, Any], Array]:
    """Return the rows of the bureau table, and every customer's score (-1: no file)."""
    dice, window = people.block.dice(11), people.window
    n = len(people)
    score = np.clip(
        np.rint(620 + 70 * people.quality + 18 * dice.standard_normal(n)), 300, 850
    ).astype(np.int64)
    score = np.where(dice.random(n) < planted.NO_BUREAU_FILE_RATE, NO_FILE, score)
    area = (
        2.4
        - 1.1 * (people.district >= min(planted.OUTER_DISTRICTS))
        + 0.8 * dice.standard_normal(n)
    )
    band = np.clip(np.rint(area), 0, 4).astype(int)
    held = np.flatnonzero(~people.retired)
    return {
        "customer_id": people.of(held),
        "as_of": np.full(len(held), window.start_day),
        "bureau_score": score[held],
        "open_credit_lines": np.minimum(dice.poisson(2.2, n), 20)[held],
        "area_income_band": pick(planted.INCOME_BANDS, band[held]),
    }, score


@dataclass(frozen=True)
class Loans:
    """Approved applications of one block, and how each will go."""

    number: Array
    customer: Array
    decided: Array
    cents: Array
    term: Array
    bad_month: Array  # month on book at which 90 days past due are reached; 0: never


def application_rows(
    people: People, bureau: Array, numbers: dict[str, int]
) -> tuple[dict[str, Any], dict[str, Any], Loans]:
    """Return the applications, their planted truth, and the loans made."""
    dice, window = people.block.dice(12), people.window
    months = window.months + planted.CREDIT_HISTORY_MONTHS
    history_start = (window.first - planted.CREDIT_HISTORY_MONTHS).astype("datetime64[D]")
    start = np.maximum(people.opened + 30, history_start)
    open_days = np.maximum((np.minimum(people.until, window.end_day - 4) - start).astype(int), 0)
    open_days = np.where(people.retired, 0, open_days)
    counts = np.minimum(
        dice.poisson(planted.APPLICATIONS_A_MONTH * open_days / 30.44), max(3, months // 6)
    )
    who = np.repeat(np.arange(len(people)), counts)
    n = len(who)
    applied = start[who] + (dice.random(n) * open_days[who]).astype(int)
    order = np.lexsort((applied, who))
    who, applied = who[order], applied[order]
    number = numbers["application"] + np.arange(n)
    numbers["application"] += n

    income = segment_values("income")[people.segment[who]] * np.exp(0.35 * dice.standard_normal(n))
    income = np.clip(np.rint(income * 100), 100_000, 20_000_000).astype(np.int64)
    term = np.array(planted.TERMS)[dice.integers(0, 3, n)]
    wanted = np.clip(
        np.rint(income / 100 * dice.gamma(3.0, 1.3, n) / 100) * 100, 1_000, 500_000
    ).astype(np.int64)
    debt_to_income = np.clip(dice.gamma(2.2, 0.11, n) + wanted / term / (income / 100), 0, 5).round(
        3
    )
    quality = people.quality[who]
    overdraft = np.minimum(dice.poisson(np.exp(0.2 - 0.6 * quality) * dice.gamma(1.0, 1.0, n)), 184)
    enquiries = np.minimum(dice.poisson(np.exp(0.1 - 0.35 * quality)), 30)
    employment = choose(dice, np.tile(planted.EMPLOYMENT_SHARES, (n, 1)))
    years = np.minimum(dice.gamma(1.6, 4.5, n), 45).astype(np.int64)
    score = bureau[who]
    risk = (
        planted.RISK_INTERCEPT
        + np.where(
            score == NO_FILE, planted.RISK_NO_FILE, planted.RISK_BUREAU_A_POINT * (score - 620)
        )
        + planted.RISK_DEBT_TO_INCOME * (debt_to_income - 0.35)
        + planted.RISK_OVERDRAFT_A_DAY * np.minimum(overdraft, 12)
        + planted.RISK_ENQUIRY * np.minimum(enquiries, 8)
        + planted.RISK_EMPLOYMENT_YEAR * np.minimum(years, 15)
        + np.array(planted.EMPLOYMENT_RISK)[employment]
    )
    probability = 1 / (1 + np.exp(-risk))
    bad = dice.random(n) < probability

    outer = people.district[who] >= min(planted.OUTER_DISTRICTS)
    policy = (
        risk + planted.POLICY_NOISE * dice.standard_normal(n) + planted.DISTRICT_PENALTY * outer
    )
    person = np.abs(policy - planted.POLICY_CUT) < planted.REVIEW_BAND
    flipped = person & (dice.random(n) < planted.REVIEW_FLIP)
    approved = (policy <= planted.POLICY_CUT) ^ flipped
    decided = applied + np.where(person, dice.integers(1, 5, n), 0)
    rate = np.clip(4.35 + 20 / (1 + np.exp(-policy)), 0, 30).round(2)
    matured = approved & (decided.astype("datetime64[M]") + 12 < window.last + 1)
    late_bad = ~bad & (dice.random(n) < 0.03)
    bad_month = np.where(
        bad, dice.integers(4, 13, n), np.where(late_bad, dice.integers(13, 25, n), 0)
    )
    calls = dice.poisson(np.where(bad, 9.0, 0.3))
    recovered = np.where(bad, np.rint(wanted * 100 * dice.beta(2.0, 5.0, n)), 0).astype(np.int64)
    age = ((applied - people.born[who]).astype(int) / 365.25).astype(np.int64)
    rows = {
        "application_id": number,
        "customer_id": people.of(who),
        "applied_on": applied,
        "region": people.region_of(who),
        "district": people.district_of(who),
        "channel": pick(
            planted.LOAN_CHANNELS, choose(dice, np.tile(planted.LOAN_CHANNEL_SHARES, (n, 1)))
        ),
        "loan_purpose": pick(
            planted.LOAN_PURPOSES, dice.integers(0, len(planted.LOAN_PURPOSES), n)
        ),
        "amount_requested": wanted * 100,
        "term_months": term,
        "income_monthly": np.where(
            dice.random(n) < planted.INCOME_NOT_STATED_RATE, NOT_STATED * 100, income
        ),
        "employment": pick(planted.EMPLOYMENTS, employment),
        "employment_years": years,
        "debt_to_income": debt_to_income,
        "bureau_score": score,
        "enquiries_6m": enquiries,
        "overdraft_days_6m": overdraft,
        "app_logins_3m": np.minimum(
            dice.poisson(3 * segment_values("logins")[people.segment[who]]), 600
        ),
        "age": np.clip(age, 18, 100),
        "gender": pick(planted.GENDERS, people.gender[who]),
        "household_registration": pick(planted.REGISTRATIONS, people.registration[who]),
        "decision": pick(("approved", "declined"), (~approved).astype(int)),
        "decided_by": pick(("automatic", "person"), person.astype(int)),
        "decided_on": decided,
        "rate_pct": np.ma.masked_array(rate, ~approved),
        "default_12m": np.ma.masked_array(bad, ~matured),
        "collection_calls_12m": np.ma.masked_array(np.minimum(calls, 60), ~matured),
        "recovered": np.ma.masked_array(recovered, ~matured),
    }
    truth = {
        "application_id": number,
        "default_probability": probability.round(6),
        "would_default_12m": bad,
    }
    kept = np.flatnonzero(approved)
    loans = Loans(
        number[kept], who[kept], decided[kept], wanted[kept] * 100, term[kept], bad_month[kept]
    )
    return rows, truth, loans


def performance_rows(people: People, loans: Loans) -> dict[str, Any]:
    """Return the loan_performance rows that fall into the window; a loan ends at its last row."""
    dice, window = people.block.dice(13), people.window
    start = loans.decided.astype("datetime64[M]")
    age = (window.last - start).astype(int)
    settles = np.where(
        (loans.bad_month == 0) & (dice.random(len(age)) < 0.15), dice.integers(6, 37, len(age)), 99
    )
    written_off = np.where(loans.bad_month > 0, loans.bad_month + 4, 99)
    length = np.minimum.reduce([age, loans.term, settles, written_off])
    length = np.maximum(length, 0)
    loan = np.repeat(np.arange(len(age)), length)
    on_book = np.arange(len(loan)) - np.repeat(np.cumsum(length) - length, length) + 1
    inside = start[loan] + on_book >= window.first
    loan, on_book = loan[inside], on_book[inside]
    rows = len(loan)
    bad_month = loans.bad_month[loan]
    behind = np.where(bad_month > 0, np.clip(90 + 30 * (on_book - bad_month), 0, 180), 0)
    stumble = (behind == 0) & (dice.random(rows) < 0.02)
    days = np.where(stumble, dice.integers(1, 30, rows), behind)
    days = np.where(dice.random(rows) < planted.NOT_REPORTED_RATE, NOT_REPORTED, days)
    days = np.where(on_book == written_off[loan], WRITTEN_OFF, days)
    days = np.where(on_book == settles[loan], SETTLED_EARLY, days)
    paid = np.where(bad_month > 0, np.minimum(on_book, np.maximum(bad_month - 3, 0)), on_book)
    balance = np.rint(loans.cents[loan] * (1 - paid / loans.term[loan])).astype(np.int64)
    ended = (days == SETTLED_EARLY) | (days == WRITTEN_OFF)
    return {
        "application_id": loans.number[loan],
        "customer_id": people.of(loans.customer[loan]),
        "month": (start[loan] + on_book).astype("datetime64[D]"),
        "month_on_book": on_book,
        "balance": np.where(ended, 0, balance),
        "days_past_due": days,
    }
