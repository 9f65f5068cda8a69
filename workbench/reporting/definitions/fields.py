"""Fields of a definition with rules of their own: typed parameters, its schedule, its period.

Parameters are declared once and read from what was typed; a schedule is five cron fields, read in a
time zone.
"""

from __future__ import annotations

import datetime as dt
import re
from decimal import Decimal, InvalidOperation
from functools import cached_property
from math import isfinite
from typing import Any, Literal
from zoneinfo import ZoneInfo, available_timezones

from cronsim import CronSim, CronSimError
from pydantic import field_validator, model_validator

from workbench.documents import Strict
from workbench.errors import InputError, ParameterError, suggest
from workbench.periods import Period

ParameterType = Literal["text", "integer", "number", "boolean", "date", "month", "list"]
Scalar = str | int | float
Value = Scalar | list[Scalar] | None


class Parameter(Strict):
    """One typed parameter of a report, as its notebook's parameters cell takes it."""

    type: ParameterType
    default: Any = None
    required: bool = False
    choices: tuple[str | int | float, ...] | None = None
    range: tuple[float, float] | None = None
    help: str = ""

    @model_validator(mode="after")
    def _fits_its_type(self) -> Parameter:
        if self.required and self.default is not None:
            raise ValueError("a required parameter has no default")
        if self.range is not None and self.type not in ("integer", "number"):
            raise ValueError(f"a range is for integers and numbers, not for {self.type}")
        if self.range is not None and not self.range[0] <= self.range[1]:
            raise ValueError(f"the range {self.range[0]:g} to {self.range[1]:g} is reversed")
        for choice in self.choices or ():
            if _convert(self.type, typed(choice)) not in (choice, [choice]):
                raise ValueError(f"the choice {choice!r} is not {self.type}")
        if self.type == "text" and not isinstance(self.default, str | None):
            raise ValueError(
                f"the default {self.default!r} is no text in YAML; put it in quotes to mean text"
            )
        try:
            self.initial()
        except ParameterError as problem:
            raise ValueError(str(problem)) from None
        return self

    def initial(self) -> Value:
        """Return the default as a value of this type; None where there is none."""
        return None if self.default is None else self.read("default", typed(self.default))

    def read(self, name: str, text: str) -> Value:
        """Turn what was typed into a value of this type.

        Raises
        ------
        ParameterError
            It is not of this type, not one of the choices, or out of range.
        """
        value = _convert(self.type, text)
        if value is None:
            raise ParameterError(f"parameter '{name}' takes {FORMS[self.type]}, not '{text}'.")
        if self.choices is not None:
            for each in value if isinstance(value, list) else [value]:
                if each not in self.choices:
                    allowed = [str(choice) for choice in self.choices]
                    hint = suggest(str(each), allowed)
                    raise ParameterError(f"parameter '{name}' does not take '{each}'.{hint}")
        if self.range is not None and isinstance(value, int | float):
            low, high = self.range
            if not low <= value <= high:
                raise ParameterError(f"parameter '{name}' takes {low:g} to {high:g}, not {text}.")
        return value


FORMS = {
    "text": "text",
    "integer": "a whole number such as 5",
    "number": "a number such as 0.25",
    "boolean": "true or false",
    "date": "a date such as 2026-09-30",
    "month": "a month such as 2026-09",
    "list": "names or numbers with commas between, such as region,category",
}


_NUMBER = re.compile(
    r"\s*[+-]?([0-9]{1,400}(\.[0-9]{0,400})?|\.[0-9]{1,400})([eE][+-]?[0-9]{1,3})?\s*",
    re.ASCII,
)
_WRITTEN_DAY = re.compile(
    r"\s*([1-9][0-9]{3})-([0-9]{1,2})-([0-9]{1,2})([ T]00:00(:00(\.0+)?)?)?\s*", re.ASCII
)


def _convert(kind: ParameterType, text: str) -> Value:
    """Return the value, or None when the text is not of this type."""
    try:
        if kind == "integer":
            return _whole(text)
        if kind == "number":
            return _number(text)
        if kind == "boolean":
            return {"true": True, "false": False}.get(text)
        if kind == "date":
            day = _WRITTEN_DAY.fullmatch(text)
            return dt.date(*map(int, day.groups()[:3])).isoformat() if day else None
        if kind == "month":
            return text if Period.parse(text).kind == "month" else None
    except (ValueError, InvalidOperation, InputError):
        return None
    if kind == "list":
        return [_scalar(part.strip()) for part in text.split(",") if part.strip()]
    return text


def _scalar(text: str) -> Scalar:
    """Return an element of a list: a number where it is written as one, else text."""
    if re.fullmatch(r"[+-]?(0|[1-9][0-9]*)", text):  # 007 is a code, not a number
        number: Scalar | None = _whole(text)
    else:
        number = _number(text) if re.fullmatch(r"[+-]?[0-9]+\.[0-9]+", text) else None
    return text if number is None else number  # what is no number of ours is a text, and itself


# A value is taken only if it reads back as itself, as in files: `workbench.store.loading.values`.


def _whole(text: str) -> int | None:
    whole = re.fullmatch(r"\s*([+-]?[0-9]{1,40})(\.0*)?\s*", text, re.ASCII)
    number = int(whole[1]) if whole else 2**63
    return number if -(2**63) <= number < 2**63 else None


def _number(text: str) -> float | None:
    if not _NUMBER.fullmatch(text):
        return None
    number = float(text)
    said = Decimal(text)
    written = (repr(number), f"{number:.16g}", f"{number:.17g}")
    same = isfinite(number) and said in map(Decimal, written)
    return number if same else None


def typed(value: Any) -> str:
    """Return a value of a definition as one would type it after ``-p name=``."""
    if isinstance(value, list | tuple):
        return ",".join(typed(each) for each in value)
    return str(value).lower() if isinstance(value, bool) else str(value)


_TERM = r"(\*|\d+|[a-z]{3})(-(\d+|[a-z]{3}))?(/\d+)?"
_PORTABLE = re.compile(rf"{_TERM}(,{_TERM})*", re.IGNORECASE)
_DAY = dt.timedelta(days=1)


class Schedule(Strict):
    """When a report is due, as cron says it, in a time zone.

    Attributes
    ----------
    cron : str
        Minute, hour, day of month, month, day of week.
    time_zone : str
        Where the clock hangs: ``Asia/Shanghai``.

    Examples
    --------
    >>> morning = Schedule(cron="0 6 5 * *", time_zone="Asia/Shanghai")
    >>> morning.last(dt.datetime(2026, 11, 24, tzinfo=dt.UTC)).isoformat()
    '2026-11-05T06:00:00+08:00'
    """

    cron: str
    time_zone: str

    @field_validator("cron")
    @classmethod
    def _five_fields(cls, cron: str) -> str:
        fields = cron.split()
        if len(fields) != 5:
            raise ValueError(
                f"'{cron}' has {len(fields)} fields; write five: minute, hour, day of month, "
                "month, day of week, such as '0 6 5 * *'"
            )
        if not all(_PORTABLE.fullmatch(each) for each in fields):
            raise ValueError(
                f"'{cron}' is more than every scheduler understands; write numbers, names such as "
                "mon and jan, and * , - /"
            )
        try:
            next(CronSim(cron, dt.datetime(2000, 1, 1, tzinfo=dt.UTC)))
        except CronSimError as problem:
            raise ValueError(f"'{cron}' is no schedule: {str(problem).lower()}") from None
        except StopIteration:
            raise ValueError(f"'{cron}' never comes") from None
        return " ".join(fields)

    @field_validator("time_zone")
    @classmethod
    def _known_zone(cls, name: str) -> str:
        try:
            ZoneInfo(name)
        except (KeyError, ValueError, OSError):
            raise ValueError(f"no time zone named '{name}'.{_near(name)}") from None
        return name

    @cached_property
    def zone(self) -> ZoneInfo:
        """The time zone."""
        return ZoneInfo(self.time_zone)

    def last(self, now: dt.datetime) -> dt.datetime | None:
        """Return the last time it came, ``now`` included; None if it never did."""
        # why forwards from a day before: looked back at from an hour that comes twice, what came
        # when it was there first has not come yet
        now = now.astimezone(dt.UTC)
        day_before = (now - _DAY).astimezone(self.zone)
        last = next(CronSim(self.cron, day_before, reverse=True), None)
        for came in CronSim(self.cron, last or day_before):
            if came.astimezone(dt.UTC) > now:
                break
            last = came
        return last

    def first_on_or_after(self, day: dt.date) -> dt.datetime | None:
        """Return the first time it comes on a day, by its own clock, or later."""
        before = dt.datetime.combine(day - _DAY, dt.time(23, 59, 59), self.zone)
        # why looked at: an hour before midnight may come twice
        return next((each for each in CronSim(self.cron, before) if each.date() >= day), None)


class PeriodRule(Strict):
    """Which period an edition is about.

    Attributes
    ----------
    kind : str
        Length of a period.
    rule : str
        ``last-complete``: the last one that is over. ``previous``: the one before it, for data
        that arrives a period late. A period that is not over cannot be asked about.

    Examples
    --------
    >>> PeriodRule(kind="quarter").on(dt.date(2026, 11, 24)).text
    '2026-Q3'
    >>> PeriodRule(rule="previous").on(dt.date(2026, 11, 24)).text
    '2026-09'
    """

    kind: Literal["month", "week", "quarter", "year"] = "month"
    rule: Literal["last-complete", "previous"] = "last-complete"

    def on(self, day: dt.date) -> Period:
        """Return the period that is due on a day."""
        over = Period.containing(day, self.kind).previous()
        return over.previous() if self.rule == "previous" else over

    def from_day(self, period: Period) -> dt.date:
        """Return the first day on which a period is due."""
        return period.next().end if self.rule == "previous" else period.end


def _near(name: str) -> str:
    known = available_timezones()
    last_word = {each.rpartition("/")[2].casefold(): each for each in sorted(known)}
    exact = last_word.get(name.rpartition("/")[2].replace(" ", "_").casefold())
    if exact:
        return f" Did you mean '{exact}'?"
    hint, _, _ = suggest(name, known).partition(" Known:")
    return hint or " Write one such as Asia/Shanghai, Europe/Berlin or UTC."
