"""What the catalog expects of a table as conditions in SQL: whom a rule is about, what breaks it.

The same conditions decide which rows of an ingest are kept and what share of a table is at fault.

Most patterns of keys and codes are a row of characters and classes of them. The engine's GLOB
matches these in half the time of a regular expression.
"""

import datetime as dt
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Literal, get_args

from workbench.catalog import Column, Table

Dimension = Literal["accuracy", "completeness", "timeliness", "consistency", "security"]
DIMENSIONS: tuple[Dimension, ...] = get_args(Dimension)


@dataclass(frozen=True)
class RowRule:
    """One rule that each row keeps or breaks by itself.

    Attributes
    ----------
    column : str
    dimension : str
    rule : str
        Its name: ``range``, ``check_digit luhn``.
    about, fails : str
        SQL conditions: which rows it is about, and which of these break it.
    tolerance : Decimal or None
        Share that may break it; None: nothing is declared, so that it is counted, not judged.
    """

    column: str
    dimension: Dimension
    rule: str
    about: str
    fails: str
    tolerance: Decimal | None = Decimal(0)

    @property
    def holds_back(self) -> bool:
        """Whether a row that breaks it does not become one of the table."""
        return self.tolerance is not None and not self.tolerance


@dataclass(frozen=True)
class Reference:
    """Values of a column that another table's column must hold."""

    column: str
    table: str
    target: str
    tolerance: Decimal

    @property
    def holds_back(self) -> bool:
        """Whether a row that breaks it does not become one of the table."""
        return not self.tolerance

    @property
    def rule(self) -> str:
        """Its name."""
        return f"references {self.table}.{self.target}"


def row_rules(table: Table, today: dt.date) -> list[RowRule]:
    """Return every rule of a table that a row keeps or breaks by itself."""
    return [
        rule
        for name, column in table.columns.items()
        for rule in (*_declared(name, column), *_rules(name, column, today))
    ]


def references(table: Table) -> list[Reference]:
    """Return every reference of a table to another."""
    found = []
    for name, column in table.columns.items():
        for rule in column.rules:
            if rule.references:
                target, _, field = rule.references.partition(".")
                found.append(Reference(name, target, field, rule.tolerance))
    return found


def unique_columns(table: Table) -> dict[tuple[str, ...], Decimal]:
    """Return the sets of columns whose values come once, and the share that may come again."""
    found: dict[tuple[str, ...], Decimal] = {}
    for name, column in table.columns.items():
        for rule in column.rules:
            if rule.unique:
                found[(name,)] = rule.tolerance
    if table.row_key:
        found.setdefault(table.row_key, Decimal(0))
    return found


def _declared(name: str, column: Column) -> Iterator[RowRule]:
    """Yield the rules that domain and bounds are."""
    filled = f'"{name}" IS NOT NULL'
    special = _special(name, column)
    if column.domain is not None and column.closed:
        values = ", ".join(literal(value) for value in column.domain)
        # why a function: of a column stored as a dictionary it is computed once a word, IN is not
        fails = f'NOT list_contains([{values}], "{name}"){special}'
        if set(column.domain) == {True, False}:
            fails = "false"  # a boolean holds nothing else
        yield RowRule(name, "accuracy", "domain", filled, fails)
    if column.bounds is not None:
        low, high = (literal(bound) for bound in column.bounds)
        # why not BETWEEN: the last day of a timestamp's bounds is meant whole
        above = (
            f'"{name}" >= {high} + INTERVAL 1 DAY'
            if column.type == "timestamp"
            else f'"{name}" > {high}'
        )
        yield RowRule(name, "accuracy", "range", filled, f'("{name}" < {low} OR {above}){special}')


def _rules(name: str, column: Column, today: dt.date) -> Iterator[RowRule]:
    filled = f'"{name}" IS NOT NULL'
    text = f'"{name}"' if column.type == "text" else f'CAST("{name}" AS VARCHAR)'
    if not any(rule.not_null for rule in column.rules):
        yield RowRule(name, "completeness", "filled", "true", f'"{name}" IS NULL', None)
    for rule in column.rules:
        if rule.not_null:
            yield RowRule(
                name, "completeness", "not_null", "true", f'"{name}" IS NULL', rule.tolerance
            )
        if rule.pattern is not None:
            fails = f"NOT {pattern_sql(text, rule.pattern)}"
            yield RowRule(name, "accuracy", "pattern", filled, fails, rule.tolerance)
        if rule.check_digit is not None:
            fails = f"{filled} AND NOT {CHECKS[rule.check_digit](text)}"
            label = f"check_digit {rule.check_digit}"
            yield RowRule(name, "accuracy", label, filled, fails, rule.tolerance)
        if rule.not_after == "today":
            fails = f'"{name}" >= {literal(today + dt.timedelta(days=1))}'
            yield RowRule(name, "accuracy", "not_after today", filled, fails, rule.tolerance)
        elif rule.not_after is not None:
            about = f'{filled} AND "{rule.not_after}" IS NOT NULL'
            fails = f'"{name}" > "{rule.not_after}"'
            label = f"not_after {rule.not_after}"
            yield RowRule(name, "consistency", label, about, fails, rule.tolerance)


def _special(name: str, column: Column) -> str:
    """Return the condition that leaves out values that stand for no value."""
    if not column.special_codes:
        return ""
    kinds = {"integer": int, "number": Decimal, "money": Decimal}
    kind = kinds.get(column.type, str)
    codes = ", ".join(literal(kind(code)) for code in column.special_codes)
    return f' AND "{name}" NOT IN ({codes})'


def number(connection: Any, sql: str, given: Sequence[Any] | None = None) -> int:
    """Return the whole number that a statement comes to; 0 where it comes to none."""
    row = connection.execute(sql, given).fetchone()
    return int(row[0]) if row and row[0] is not None else 0


def literal(value: object) -> str:
    """Return a SQL literal of a declared value.

    Examples
    --------
    >>> literal("it's"), literal(3), literal(True), literal(dt.date(2026, 1, 5))
    ("'it''s'", '3', 'true', "DATE '2026-01-05'")
    """
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, dt.date):
        return f"DATE '{value.isoformat()}'"
    if isinstance(value, int | Decimal):
        return f"{value:f}" if isinstance(value, Decimal) else str(value)
    return "'" + str(value).replace("'", "''") + "'"


_ATOM = re.compile(
    r"(?P<plain>[A-Za-z0-9 _@/:#,;=-])|\\(?P<escaped>[.+\-/])|(?P<digit>\\d)"
    r"|\[(?P<class>(?:[A-Za-z0-9]-[A-Za-z0-9]|[A-Za-z0-9])+)\]"
)
_TIMES = re.compile(r"\{(\d+)\}")
_REPEATED = ("*", "+", "?", "{")
_LONGEST = 200  # a pattern that unfolds to more stays a regular expression


def pattern_sql(text: str, pattern: str) -> str:
    """Return the condition that a pattern is found anywhere in a text.

    Parameters
    ----------
    text : str
        SQL of a text.
    pattern : str
        A regular expression as the engine has them (RE2).

    Examples
    --------
    >>> pattern_sql("code", "^C-[0-9]{2}$")
    "code GLOB 'C-[0-9][0-9]'"
    >>> pattern_sql("code", "^(A|B)")
    "regexp_full_match(code, '(?s:.*)(?:^(A|B))(?s:.*)')"
    """
    simple = as_glob(pattern)
    if simple is not None:
        return f"{text} GLOB '{simple}'"
    # why of the whole text: of a column stored as a dictionary the engine computes that once a
    # word, a search once a row
    whole = f"(?s:.*)(?:{pattern})(?s:.*)".replace("'", "''")
    return f"regexp_full_match({text}, '{whole}')"


def as_glob(pattern: str) -> str | None:
    r"""Return what matches the same texts as a regular expression finds; None where nothing does.

    Examples
    --------
    >>> as_glob("^[A-F]{2}\\d$"), as_glob("-x"), as_glob("^a+$")
    ('[A-F][A-F][0-9]', '*-x*', None)
    """
    whole, begins = pattern, pattern.startswith("^")
    if begins:
        whole = whole[1:]
    ends = whole.endswith("$") and not whole.endswith("\\$")
    if ends:
        whole = whole[:-1]
    parts, place = [] if begins else ["*"], 0
    while place < len(whole):
        atom = _ATOM.match(whole, place)
        if atom is None:
            return None
        place, times = atom.end(), 1
        if counted := _TIMES.match(whole, place):
            place, times = counted.end(), int(counted[1])
        if whole.startswith(_REPEATED, place):
            return None
        parts.append(_glob(atom) * min(times, _LONGEST + 1))
    found = "".join([*parts, "" if ends else "*"])
    return found if len(found) <= _LONGEST else None


def _glob(atom: re.Match[str]) -> str:
    if atom["class"]:
        return f"[{atom['class']}]"
    return "[0-9]" if atom["digit"] else atom["plain"] or atom["escaped"]


_RESIDENT_CHECKS = "10X98765432"
# A text of digits, read as a hexadecimal number, has one digit every four bits of it. So all of
# them are added, doubled and weighed at once, a byte each, where a division a digit takes 10 times
# as long. Of bytes that add up to less than 255, the remainder by 255 is the sum.
_DIGITS, _ONES = 0x0F0F0F0F0F0F0F0F, 0x0101010101010101
_EVERY_SECOND = f"((number >> 4) & {_DIGITS})"


def resident_id_sql(text: str) -> str:
    """Return SQL that is true for a Chinese resident number (GB 11643: MOD 11-2 and a real day)."""
    # the digit before weighs 2 times as much, or, from the left, 6 times as little, modulo 11; two
    # digits on it is 36 times, as in a number of bytes: both 36 and 256 are 3
    weighed = f"((number & {_DIGITS}) + 6 * {_EVERY_SECOND}) % 11"
    first = _once("number", f"TRY_CAST('0x' || reverse(left({text}, 16)) AS UBIGINT)", weighed)
    total = f"7 * {first} + 2 * TRY_CAST(substr({text}, 17, 1) AS UBIGINT)"
    check = f"substr('{_RESIDENT_CHECKS}', (({total}) % 11 + 1)::INTEGER, 1)"
    return (
        f"coalesce(regexp_full_match({text}, '[0-9]{{17}}[0-9X]') "
        f"AND try_strptime(substr({text}, 7, 8), '%Y%m%d') IS NOT NULL "
        f"AND {check} = substr({text}, 18, 1), false)"
    )


def luhn_sql(text: str) -> str:
    """Return SQL that is true for 2 to 19 digits that pass the Luhn test (ISO/IEC 7812)."""
    # every second digit is doubled, and the digits of that are added up: 7 becomes 14, becomes 5
    above_4 = f"(({_EVERY_SECOND} + {3 * _ONES}) >> 3) & {_ONES}"
    doubled = f"2 * {_EVERY_SECOND} - 9 * ({above_4})"

    def total(digits: str) -> str:
        number = f"TRY_CAST('0x' || {digits} AS UBIGINT)"
        return _once("number", number, f"((number & {_DIGITS}) + {doubled}) % 255")

    longer = f"{total(f'right({text}, 16)')} + {total(f'left({text}, -16)')}"
    return (
        f"coalesce(CASE WHEN regexp_full_match({text}, '[0-9]{{2,16}}') THEN {total(text)} "
        f"WHEN regexp_full_match({text}, '[0-9]{{17,19}}') THEN {longer} END % 10 = 0, false)"
    )


def _once(name: str, value: str, within: str) -> str:
    """Return SQL of an expression in which a value has a name, so that it is computed once."""
    return f"list_transform([{value}], lambda {name}: {within})[1]"


def iban_sql(text: str) -> str:
    """Return SQL that is true for an IBAN (ISO 13616: MOD 97-10); spaces are left out."""
    plain = f"replace({text}, ' ', '')"
    turned = f"substr({plain}, 5) || substr({plain}, 1, 4)"
    value = "CASE WHEN c BETWEEN '0' AND '9' THEN ascii(c) - 48 ELSE ascii(c) - 55 END"
    remainder = (
        f"list_reduce(list_transform(string_split({turned}, ''), lambda c: ({value})::INTEGER), "
        "lambda a, b: ((a * CASE WHEN b > 9 THEN 100 ELSE 10 END + b) % 97)::INTEGER)"
    )
    return (
        f"coalesce(CASE WHEN regexp_full_match({plain}, '[A-Z]{{2}}[0-9]{{2}}[A-Z0-9]{{11,30}}') "
        f"THEN {remainder} = 1 ELSE false END, false)"
    )


def mobile_sql(text: str) -> str:
    """Return SQL that is true for a mobile number of mainland China, with or without +86."""
    return f"coalesce(regexp_full_match({text}, '(\\+?86[ -]?)?1[3-9][0-9]{{9}}'), false)"


CHECKS: Mapping[str, Callable[[str], str]] = {
    "cn-resident-id": resident_id_sql,
    "luhn": luhn_sql,
    "iban": iban_sql,
    "cn-mobile": mobile_sql,
}
