"""What is planted in the sample estate, as named constants: the README and the tests read these.

Rates are probabilities of independent draws, so a measured rate differs by sampling error only.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

REGIONS = ("Beijing", "Europe", "Guangdong", "Hubei", "Shaanxi", "Shanghai", "Sichuan", "Zhejiang")
REGION_SHARES = (0.15, 0.08, 0.20, 0.09, 0.07, 0.17, 0.11, 0.13)
REGION_CODES = ("BJ", "EU", "GD", "HB", "SN", "SH", "SC", "ZJ")
DISTRICTS_PER_REGION = 4
DISTRICTS = tuple(
    f"{code}-{n}" for code in REGION_CODES for n in range(1, DISTRICTS_PER_REGION + 1)
)

CATEGORIES = (
    "groceries",
    "dining",
    "transport",
    "shopping",
    "housing",
    "utilities",
    "health",
    "education",
    "travel",
    "entertainment",
)
CHANNELS = ("app", "web", "branch", "card")
TIERS = ("basic", "plus", "premium")
GENDERS = ("female", "male", "undisclosed")
GENDER_SHARES = (0.49, 0.49, 0.02)
TOPICS = ("app", "branch", "card", "fees", "loan", "service", "transfer", "other")

# --- the proxy: a protected attribute that a district gives away ---------------------------------
REGISTRATIONS = ("rural", "urban")
RURAL_SHARE = 0.30
OUTER_DISTRICTS = (3, 4)  # the districts numbered 3 and 4 of every region
OUTER_SHARE_RURAL = 0.80  # chance that a rural-registered customer lives in an outer district
OUTER_SHARE_URBAN = 0.25
DISTRICT_PENALTY = 0.90  # logits the approval policy adds for an outer district; no risk behind it


@dataclass(frozen=True)
class Segment:
    """How one planted group of customers behaves, in a plain month."""

    name: str
    share: float
    transactions: float  # expected a month
    amount: float  # median of one transaction, CNY
    categories: tuple[float, ...]  # in the order of CATEGORIES
    channels: tuple[float, ...]  # in the order of CHANNELS
    logins: float  # expected a month
    support_calls: float
    closing: float  # chance a month that the account is closed
    refunds: float  # share of transactions
    score: float  # mean of feedback scores, 0 to 10
    tiers: tuple[float, ...]  # in the order of TIERS
    income: float  # median a month, CNY
    uplift: float  # relative rise of transactions in a campaign month, treated only
    response: float  # chance to respond, above the control group's


SEGMENTS = (
    Segment("everyday", 0.28, 5.0, 130.0,
            (0.30, 0.15, 0.14, 0.14, 0.05, 0.08, 0.05, 0.02, 0.02, 0.05),
            (0.15, 0.08, 0.07, 0.70), 8.0, 0.10, 0.004, 0.015, 7.4,
            (0.70, 0.27, 0.03), 9_000, 0.08, 0.05),
    Segment("saver", 0.18, 2.0, 230.0,
            (0.22, 0.02, 0.03, 0.05, 0.22, 0.26, 0.16, 0.01, 0.02, 0.01),
            (0.04, 0.06, 0.75, 0.15), 2.0, 0.25, 0.003, 0.005, 7.0,
            (0.60, 0.36, 0.04), 7_500, 0.00, 0.01),
    Segment("digital", 0.20, 8.0, 62.0,
            (0.10, 0.26, 0.20, 0.16, 0.01, 0.03, 0.02, 0.02, 0.03, 0.17),
            (0.82, 0.10, 0.01, 0.07), 26.0, 0.08, 0.006, 0.030, 7.9,
            (0.80, 0.19, 0.01), 8_000, 0.25, 0.12),
    Segment("affluent", 0.08, 6.0, 210.0,
            (0.08, 0.20, 0.05, 0.20, 0.04, 0.03, 0.07, 0.03, 0.24, 0.06),
            (0.22, 0.46, 0.04, 0.28), 13.0, 0.18, 0.003, 0.025, 8.1,
            (0.04, 0.32, 0.64), 28_000, 0.10, 0.06),
    Segment("family", 0.16, 6.5, 150.0,
            (0.34, 0.06, 0.08, 0.12, 0.06, 0.08, 0.08, 0.14, 0.02, 0.02),
            (0.42, 0.26, 0.02, 0.30), 15.0, 0.14, 0.003, 0.020, 7.2,
            (0.35, 0.55, 0.10), 14_000, 0.15, 0.08),
    Segment("dormant", 0.10, 0.45, 110.0,
            (0.20, 0.10, 0.10, 0.20, 0.05, 0.15, 0.10, 0.02, 0.03, 0.05),
            (0.20, 0.15, 0.30, 0.35), 0.8, 0.04, 0.010, 0.010, 6.1,
            (0.92, 0.08, 0.00), 6_500, 0.00, 0.01),
)  # fmt: skip  # why: one segment a block, columns comparable by eye
CUSTOMER_SPREAD = 0.18  # coefficient of variation of a customer's own level around the segment's
AMOUNT_SPREAD = 0.55  # log standard deviation of one amount
AMOUNT_LEAST_CNY, AMOUNT_MOST_CNY = 1, 5_000  # every amount lies here, apart from planted slips

# --- time -----------------------------------------------------------------------------------------
SEASON = {2: 1.18, 12: 1.30}  # factor on the number of transactions: Spring Festival, December
GROWTH_A_MONTH = 0.004  # factor on amounts, compounding from the first month
BREAK_MONTH = dt.date(2026, 3, 1)
BREAK_LEVEL = 0.88  # factor on amounts from BREAK_MONTH on: spending falls by 12 % and stays
OPENED_IN_WINDOW = 0.12  # share of customers whose account is opened inside the months generated

# --- quality faults ------------------------------------------------------------------------------
NULL_AMOUNT_RATE = 0.0020  # transactions without an amount
CATEGORY_FAULT_RATE = 0.0030  # transactions with a category outside its domain
CATEGORY_FAULTS = ("Groceries", "unknown", "travl")
AMOUNT_SLIP_RATE = 0.0005  # transactions with the decimal point two places to the right
DUPLICATE_RATE = 0.0010  # transactions booked twice under the same id
ORPHAN_RATE = 0.0005  # transactions whose customer is in no table
MISSING_EMAIL_RATE = 0.02  # customers
BAD_PHONE_RATE = 0.005  # customers: one digit lost
BAD_RESIDENT_ID_RATE = 0.004  # customers outside Europe: wrong check digit
NOT_REPORTED_RATE = 0.005  # loan months with days_past_due 999

# --- identifiers where none are declared ---------------------------------------------------------
PHONE_IN_COMMENT_RATE = 0.04  # feedback comments that end with the customer's phone number

# --- retention -----------------------------------------------------------------------------------
CUSTOMER_PAST_RETENTION_RATE = 0.005  # customers closed 88 to 110 months before the end; kept 84
CUSTOMER_RETENTION_MONTHS = 84
FEEDBACK_PAST_RETENTION_RATE = 0.02  # customers with one feedback 50 to 60 months old; kept 48
FEEDBACK_RETENTION_MONTHS = 48

# --- consents and campaigns ----------------------------------------------------------------------
CONSENTS = {"segmentation": 0.80, "marketing": 0.60, "partner-analytics": 0.20}  # share given
WITHDRAWN_RATE = 0.08  # of consents given
GIVEN_AGAIN_RATE = 0.15  # of consents withdrawn: a second row, given later
CAMPAIGNS = {
    "card-bonus": 13,
    "travel-plus": 9,
    "app-rewards": 5,
    "save-more": 2,
}  # months before the end
CAMPAIGN_SHARE = 0.40  # of the customers whose marketing consent holds
CONTROL_SHARE = 0.30
CONTROL_RESPONSE = 0.03

# --- fraud ---------------------------------------------------------------------------------------
FRAUD_VICTIM_RATE = 0.008  # customers; each suffers one burst
FRAUD_BURST = (5, 9)  # card transactions within two days
FRAUD_AMOUNT_HUNDREDS = (8, 25)  # round amounts, CNY 800 to 2,500
FALSE_ALARM_RATE = 0.0004  # ordinary transactions reported and cleared
FRAUD_CATEGORIES = ("shopping", "travel")

# --- credit --------------------------------------------------------------------------------------
APPLICATIONS_A_MONTH = 0.06  # a customer, while the account is open
CREDIT_HISTORY_MONTHS = 18  # applications reach back this far before the first month
NO_BUREAU_FILE_RATE = 0.05
INCOME_NOT_STATED_RATE = 0.06
TERMS = (12, 24, 36)
LOAN_PURPOSES = ("car", "consumption", "education", "home", "refinance")
EMPLOYMENTS = ("employed", "public sector", "retired", "self-employed", "student", "unemployed")
EMPLOYMENT_SHARES = (0.52, 0.14, 0.10, 0.14, 0.06, 0.04)
EMPLOYMENT_RISK = (0.0, -0.35, -0.10, 0.35, 0.30, 0.80)  # logits
RISK_INTERCEPT = -2.55
RISK_BUREAU_A_POINT = -0.0135  # from 620 points
RISK_NO_FILE = 0.45
RISK_DEBT_TO_INCOME = 1.50  # a unit of debt_to_income above 0.35
RISK_OVERDRAFT_A_DAY = 0.13  # of at most 12 days
RISK_ENQUIRY = 0.16  # each, of at most 8
RISK_EMPLOYMENT_YEAR = -0.05  # each, of at most 15
POLICY_NOISE = 0.90  # what the approval policy does not know, logits
POLICY_CUT = -0.90  # declined above
REVIEW_BAND = 0.35  # within this of the cut a person decides
REVIEW_FLIP = 0.20  # and decides against the policy

# --- the organisation's own work: exact counts ---------------------------------------------------
REQUESTS = 64
REQUESTS_OVERDUE_OPEN = 5
REQUESTS_CLOSED_LATE = 4
INCIDENTS = 9
INCIDENTS_NOTIFIED_LATE = 1
ASSESSMENTS_MISSING = 1
ASSESSMENT_REVIEWS_OVERDUE = 2
TRANSFERS_WITHOUT_MECHANISM = 1
STAFF = 40
COURSES = ("data protection basics", "incident reporting", "secure handling of extracts")
TRAINING_MISSING = 9  # of STAFF × COURSES
UNUSUAL_READER = "contractor-07"
UNUSUAL_READS = 18  # at night, whole tables, over one week of the month before the last
UNUSUAL_REFUSED = 5  # further attempts that were refused
EXPIRED_PURPOSE = "partner-analytics"
EXPIRED_ON = dt.date(2026, 6, 30)

# --- an estate without faults ---------------------------------------------------------------------
_FAULTS = [
    "NULL_AMOUNT_RATE",
    "CATEGORY_FAULT_RATE",
    "AMOUNT_SLIP_RATE",
    "DUPLICATE_RATE",
    "ORPHAN_RATE",
    "MISSING_EMAIL_RATE",
    "BAD_PHONE_RATE",
    "BAD_RESIDENT_ID_RATE",
    "PHONE_IN_COMMENT_RATE",
    "CUSTOMER_PAST_RETENTION_RATE",
    "FEEDBACK_PAST_RETENTION_RATE",
    "DISTRICT_PENALTY",
    "REQUESTS_OVERDUE_OPEN",
    "REQUESTS_CLOSED_LATE",
    "INCIDENTS_NOTIFIED_LATE",
    "ASSESSMENTS_MISSING",
    "ASSESSMENT_REVIEWS_OVERDUE",
    "TRANSFERS_WITHOUT_MECHANISM",
    "TRAINING_MISSING",
    "UNUSUAL_READS",
    "UNUSUAL_REFUSED",
]


@contextmanager
def without_faults() -> Iterator[None]:
    """Set everything planted to nothing while an estate is written."""
    kept = {name: globals()[name] for name in _FAULTS}
    try:
        globals().update(dict.fromkeys(_FAULTS, 0))
        yield
    finally:
        globals().update(kept)
