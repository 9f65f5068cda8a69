"""What the compliance summary's indicators amount to: pure functions over frames.

Each takes the organisation's own records as frames, and the day they are looked at, and returns a
value with what it was divided from. Nothing to divide by means that nothing was measured: such an
indicator is never green.
"""

import datetime as dt
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import pandas as pd

from workbench.analytics.kpis import Light

_HOUR = dt.timedelta(hours=1)


@dataclass(frozen=True)
class Measured:
    """One indicator's figures at one day.

    Attributes
    ----------
    value : float or None
        None: not measured.
    numerator, denominator : float or None
    low, high : float or None
        Ends of the 95 % interval of an estimate.
    light : str or None
        Where the definition says more than thresholds can.
    why : str
        Why it was not measured, or what its light rests on beside thresholds; a fixed sentence.
    failed : tuple of str
        Which checks failed, where it counts checks.
    due : date or None
        The day its records set, which may be past; never that of one customer's request.
    """

    value: float | None
    numerator: float | None = None
    denominator: float | None = None
    low: float | None = None
    high: float | None = None
    light: Light | None = None
    why: str = ""
    failed: tuple[str, ...] = ()
    due: dt.date | None = None


def unmeasured(why: str) -> Measured:
    """Return that nothing was measured, and why."""
    return Measured(None, why=why)


def share(numerator: float, denominator: float, why: str = "nothing to divide by") -> Measured:
    """Return a share; not measured without a denominator.

    Examples
    --------
    >>> share(3, 4).value, share(0, 0).value
    (0.75, None)
    """
    if denominator <= 0:
        return Measured(None, numerator, denominator, why=why)
    return Measured(numerator / denominator, numerator, denominator)


def count(number: float, of: float, why: str = "nothing to look at") -> Measured:
    """Return a number of faults among what was looked at; not measured where nothing was.

    Examples
    --------
    >>> count(0, 12).value, count(0, 0).value
    (0, None)
    """
    return Measured(number if of > 0 else None, number, of, why="" if of > 0 else why)


def year_to(as_of: dt.date) -> dt.date:
    """Return the first day of the twelve months that end with a day.

    Examples
    --------
    >>> year_to(dt.date(2026, 9, 30)), year_to(dt.date(2028, 2, 29))
    (datetime.date(2025, 10, 1), datetime.date(2027, 3, 1))
    """
    leap = as_of.month == 2 and as_of.day == 29
    before = as_of.replace(year=as_of.year - 1, day=28 if leap else as_of.day)
    return before + dt.timedelta(days=1)


def requests_on_time(requests: pd.DataFrame, as_of: dt.date) -> Measured:
    """Return requests answered by their day, of those due in the twelve months to ``as_of``."""
    due = _within_year(requests, "due_on", as_of)
    met = _days(due, "closed_on") <= _days(due, "due_on")
    found = share(int(met.sum()), len(due), "no request was due")
    return replace(found, due=_week(_open(due, as_of), as_of))


def _week(requests: pd.DataFrame, as_of: dt.date) -> dt.date | None:
    """Return the end of the week in which the first of some requests is due, or ``as_of`` if past.

    The very day would be one customer's.
    """
    first = _first(_days(requests, "due_on"))
    if first is None:
        return None
    end = first + dt.timedelta(days=6 - first.weekday())
    return min(end, as_of) if first < as_of else end


def requests_overdue(requests: pd.DataFrame, as_of: dt.date) -> Measured:
    """Return requests open past their day, of those received in twelve months."""
    still = _open(requests, as_of)
    late = still[_days(still, "due_on") < _stamp(as_of)]
    found = count(len(late), _received(requests, as_of), "no request was received")
    return replace(found, due=_week(late, as_of))


def requests_ageing(requests: pd.DataFrame, as_of: dt.date) -> Measured:
    """Return requests open for more than 21 days, of those received in twelve months."""
    still = _open(requests, as_of)
    age = (_stamp(as_of) - _days(still, "received_on")).dt.days
    old = still[age > 21]
    found = count(len(old), _received(requests, as_of), "no request was received")
    found = replace(found, due=_week(old, as_of))
    if found.value is not None and bool((age > 28).any()):
        return replace(found, light="red", why="one is open for more than 28 days")
    return found


def detect_hours(incidents: pd.DataFrame, as_of: dt.date) -> Measured:
    """Return the longest hours to detection in twelve months; detected within 24, of all.

    Where nobody said when one began it may have been longer: that is none within 24 hours.
    """
    recent = _within_year(incidents, "detected_at", as_of)
    hours = (recent["detected_at"] - recent["occurred_at"]) / _HOUR
    if not len(recent):
        return unmeasured("no incident in twelve months")
    if hours.isna().any() and not (hours > 24).any():
        return unmeasured("of an incident nobody said when it began")
    return Measured(float(hours.max()), int((hours <= 24).sum()), len(recent))


def notify_hours(incidents: pd.DataFrame, as_of: dt.date) -> Measured:
    """Return the longest hours to the notice; an incident not notified yet counts up to now."""
    recent = _within_year(incidents, "detected_at", as_of)
    recent = recent[recent["notifiable"].astype(bool)]
    if not len(recent):
        return unmeasured("no incident to be notified in twelve months")
    end = _stamp(as_of) + dt.timedelta(days=1)
    notified = recent["notified_at"].where(recent["notified_at"] < end).fillna(end)
    hours = (notified - recent["detected_at"]) / _HOUR
    return Measured(float(hours.max()), int((hours <= 72).sum()), len(recent))


def assessments_done(assessments: pd.DataFrame, as_of: dt.date) -> Measured:
    """Return required impact assessments done by ``as_of``, of all required."""
    required = assessments[assessments["required"].astype(bool)]
    done = _days(required, "done_on") <= _stamp(as_of)
    return share(int(done.sum()), len(required), "no assessment is required")


def assessments_current(assessments: pd.DataFrame, as_of: dt.date) -> Measured:
    """Return assessments whose review is not overdue, of those done."""
    done = assessments[_days(assessments, "done_on") <= _stamp(as_of)]
    days = _days(done, "review_due_on")
    current = ~(days < _stamp(as_of))
    found = share(int(current.sum()), len(done), "no assessment is done")
    return replace(found, due=_first(days[~current]))


def transfers_with_mechanism(transfers: pd.DataFrame, as_of: dt.date) -> Measured:
    """Return present transfers with a mechanism, of all present ones."""
    began = _days(transfers, "since") <= _stamp(as_of)
    present = transfers[began & ~(_days(transfers, "until") < _stamp(as_of))]
    named = present["mechanism"].fillna("").astype(str).str.len() > 0
    return share(int(named.sum()), len(present), "there is no transfer")


def transfers_by_threshold(
    transfers: pd.DataFrame, as_of: dt.date, *, contract: int, assessment: int, sensitive: int
) -> Measured:
    """Return how close the people transferred since 1 January come to the next threshold.

    The sum over all transfers of the calendar year, ended ones too (Provisions on Promoting and
    Regulating Cross-border Data Flows, articles 7 and 8), is an upper bound of the people: whoever
    is in two of them counts twice. Red when what is due is missing: an assessment from the upper
    thresholds on, any mechanism from the lower one on or where data are sensitive.

    Parameters
    ----------
    contract, assessment : int
        People from which a contract or certification is due, and a security assessment.
    sensitive : int
        People with sensitive data from which an assessment is due.
    """
    year = transfers[
        (_days(transfers, "since") <= _stamp(as_of))
        & ~(_days(transfers, "until") < _stamp(as_of.replace(month=1, day=1)))
    ]
    if not len(year):
        return unmeasured("there is no transfer")
    people, hidden = int(year["subjects"].sum()), int(year["sensitive_subjects"].sum())
    following = contract if people < contract else assessment
    near, of = max((people, following), (hidden, sensitive), key=lambda each: each[0] / each[1])
    found = Measured(near / of, near, of)
    mechanism = year["mechanism"].fillna("").astype(str)
    if people >= assessment or hidden >= sensitive:
        held = bool((mechanism == "security assessment").all())
        why = "" if held else "a transfer has no security assessment"
        return replace(found, light="green" if held else "red", why=why)
    needed = (year["sensitive_subjects"] > 0) | (people >= contract)
    if bool((needed & (mechanism == "")).any()):
        return replace(found, light="red", why="a transfer names no mechanism")
    return found


def training_completed(training: pd.DataFrame, as_of: dt.date) -> Measured:
    """Return courses completed, of those due in the twelve months to ``as_of``."""
    due = _within_year(training, "due_on", as_of)
    done = _days(due, "completed_on") <= _stamp(as_of)
    found = share(int(done.sum()), len(due), "no course was due")
    return replace(found, due=_first(_days(due, "due_on")[~done]))


def reads_outside(
    reads: pd.DataFrame,
    allowed: Iterable[tuple[str, str]],
    expires: Mapping[str, dt.date],
    since: dt.date,
    until: dt.date,
) -> Measured:
    """Return reads let through that the purpose does not allow, of all reads let through.

    Parameters
    ----------
    reads : DataFrame
        ``at``, ``table``, ``purpose``, ``refused``.
    allowed : iterable of (table, purpose)
    expires : mapping of purpose to date
    since, until : date
        Both included.
    """
    span = reads[(reads["at"] >= _stamp(since)) & (reads["at"] < _stamp(until + dt.timedelta(1)))]
    span = span[~span["refused"].astype(bool)]
    known = set(allowed)
    pairs = zip(span["at"], span["table"], span["purpose"], strict=True)
    outside = sum(
        (table, purpose) not in known or at.date() > expires[purpose]
        for at, table, purpose in pairs
    )
    return count(outside, len(span), "nothing was read")


def purposes_in_force(
    expires: Mapping[str, dt.date], used: Iterable[str], as_of: dt.date
) -> Measured:
    """Return purposes that have not expired, of all; red when an expired one was read for.

    Parameters
    ----------
    used : iterable of str
        Purposes that data was read for after they had expired.
    """
    valid = sum(day >= as_of for day in expires.values())
    found = share(valid, len(expires), "no purpose is declared")
    found = replace(found, due=min((day for day in expires.values() if day < as_of), default=None))
    if set(used) & set(expires):
        return replace(found, light="red", why="data was read for an expired purpose")
    return found


def smallest_group(groups: Sequence[float]) -> Measured:
    """Return the smallest group; how many groups have fewer than 5 people, of all."""
    if not groups:
        return unmeasured("no group was published")
    return Measured(float(min(groups)), sum(size < 5 for size in groups), len(groups))


def in_small_groups(groups: Sequence[float]) -> Measured:
    """Return the share of people in groups of fewer than 5."""
    small = float(round(sum(size for size in groups if size < 5)))
    return share(small, float(round(sum(groups))), "no group was published")


def least_agreed(terms: Sequence[int | None]) -> Measured:
    """Return the least l agreed of extracts with a sensitive column."""
    agreed = [each for each in terms if each is not None]
    if not agreed:
        return unmeasured("no extract with a sensitive column")
    return Measured(float(min(agreed)), sum(each >= 2 for each in agreed), len(terms))


def most_agreed(terms: Sequence[float | None]) -> Measured:
    """Return the largest t agreed of extracts with a sensitive column; 1 where none was."""
    if not terms:
        return unmeasured("no extract with a sensitive column")
    reached = [1.0 if each is None else each for each in terms]
    return Measured(max(reached), sum(each is not None for each in terms), len(terms))


def days_since(day: dt.date | None, as_of: dt.date, why: str) -> Measured:
    """Return the days since something was done; not measured when it never was."""
    return unmeasured(why) if day is None else Measured(float((as_of - day).days))


def _open(requests: pd.DataFrame, as_of: dt.date) -> pd.DataFrame:
    """Return the requests received and not answered by the end of a day."""
    closed = _days(requests, "closed_on")
    here = _days(requests, "received_on") <= _stamp(as_of)
    return requests[here & ~(closed <= _stamp(as_of))]


def _received(requests: pd.DataFrame, as_of: dt.date) -> int:
    return len(_within_year(requests, "received_on", as_of))


def _within_year(frame: pd.DataFrame, column: str, as_of: dt.date) -> pd.DataFrame:
    when, end = _days(frame, column), _stamp(as_of) + dt.timedelta(days=1)
    return frame[(when >= _stamp(year_to(as_of))) & (when < end)]


def _days(frame: pd.DataFrame, column: str) -> Any:
    """Return a column of dates as timestamps, so that missing ones compare as false."""
    return pd.to_datetime(frame[column])


def _first(days: Any) -> dt.date | None:
    """Return the earliest of some days."""
    known = days.dropna()
    return known.min().date() if len(known) else None


def _stamp(day: dt.date) -> Any:
    return pd.Timestamp(day)
