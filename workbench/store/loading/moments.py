"""Days and moments written as text: their SQL values, and whether they read back as their text."""

from __future__ import annotations

from typing import TYPE_CHECKING

from workbench.store.quality.rules import literal

if TYPE_CHECKING:
    from workbench.store.loading.values import Form

INSTANT = "TIMESTAMP WITH TIME ZONE"
DAYS = "DATE '1000-01-01'", "DATE '9999-12-31'"
MOMENTS = "TIMESTAMP '1000-01-01'", "TIMESTAMP '9999-12-31 23:59:59.999999'"
_DATE = r"\s*\d{4}-\d{1,2}-\d{1,2}([ T]00:00(:00(\.0+)?)?)?\s*"
_CLOCK = r"([01]?\d|2[0-3]):[0-5]\d(:[0-5]\d(\.\d{1,6}0*)?)?"
_OFFSET = r" ?(Z|[+-](0\d|1[0-4])(:?[0-5]\d)?)"
_TIME = rf"\s*\d{{4}}-\d{{1,2}}-\d{{1,2}}([ T]{_CLOCK}({_OFFSET})?)?\s*"


def unlike(read: str, pattern: str) -> str:
    """Return the condition that a text is of another pattern."""
    return f"NOT regexp_full_match({read}, {literal(pattern)})"


def day(raw: str, read: str, form: Form) -> tuple[str, str]:
    """Return a day's value, and the condition that its text is none."""
    if form.date_format is None:
        return f"TRY_CAST({raw} AS DATE)", unlike(read, _DATE)
    return _formatted(raw, read, form.date_format, "DATE")


def shifted(column: str, found: str, form: Form) -> str:
    """Return the condition that a moment of the zone is not what was read: the clocks changed.

    There is none in the hour that they skip; of the hour that they repeat one instant is kept.
    """
    zone, read = literal(form.zone), f'"read {column}"'
    there = f'"{column}" AT TIME ZONE {zone}'
    other = f'({there}) AT TIME ZONE {zone} <> "{column}"'
    if found == INSTANT:
        other = f"({there}) <> {read}"
    elif found == "VARCHAR":
        told = f"({there}) <> {_instant(read, form)}"
        other = f"CASE WHEN {_offset(read, form)} THEN {told} ELSE {other} END"
    # why a CASE: what lies far beyond has no time in a zone, and would be an error
    return f'CASE WHEN "{column}" BETWEEN {MOMENTS[0]} AND {MOMENTS[1]} THEN {other} END'


def _offset(text: str, form: Form) -> str:
    if form.date_format is None:
        return f"regexp_matches(trim({text}), ':.*{_OFFSET}$')"
    return "true" if form.date_format.endswith("%z") else "false"


def _instant(text: str, form: Form) -> str:
    """Return the instant that a text with an offset tells."""
    if form.date_format is None:  # the engine wants seconds before an offset
        text = rf"regexp_replace(trim({text}), '([ T]\d?\d:\d\d) ?([Z+-])', '\1:00\2')"
        return f"TRY_CAST({text} AS TIMESTAMPTZ)"
    offset = f"nullif(regexp_extract(trim({text}), '{_OFFSET}$', 1), '')"
    body = literal(form.date_format[:-2].strip())
    there = f"try_strptime({_without_offset(text)}, {body})"
    return f"TRY_CAST(strftime({there}, '%Y-%m-%d %H:%M:%S.%f') || {offset} AS TIMESTAMPTZ)"


def _without_offset(text: str) -> str:
    return f"regexp_replace(trim({text}), '{_OFFSET}$', '')"


def moment(raw: str, read: str, form: Form) -> tuple[str, str]:
    """Return a moment's value, and the condition that its text is none."""
    there = f"{_instant(raw, form)} AT TIME ZONE {literal(form.zone)}"
    if form.date_format is None:
        local = f"TRY_CAST(trim({raw}) AS TIMESTAMP)"
        return f"CASE WHEN {_offset(raw, form)} THEN {there} ELSE {local} END", unlike(read, _TIME)
    if not form.date_format.endswith("%z"):
        return _formatted(raw, read, form.date_format, "TIMESTAMP")
    body = form.date_format[:-2].strip()
    local = f"try_strptime({_without_offset(read)}, {literal(body)})"
    return there, _formatted(local, _without_offset(read), body, "TIMESTAMP")[1]


def _formatted(raw: str, read: str, date_format: str, wanted: str) -> tuple[str, str]:
    """Return a day or moment of a form of its own; written again, it is its text."""
    form = literal(date_format)
    value = f"CAST(try_strptime(trim({raw}), {form}) AS {wanted})"
    noughts = r"'(^|\D)0+(\d)', '\1\2', 'g'"
    texts = [f"regexp_replace({each}, {noughts})" for each in
             (f"strftime({raw}, {form})", f"trim({read})")]  # fmt: skip  # why: one list
    return value, f"lower({texts[0]}) <> lower({texts[1]})"
