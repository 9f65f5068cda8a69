"""Patterns and check digits in SQL, computed inside the engine without a value leaving it.

Most patterns of keys and codes are a row of characters and classes of them. The engine's GLOB
matches these in half the time of a regular expression.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping

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


_RESIDENT_WEIGHTS = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)
_RESIDENT_CHECKS = "10X98765432"
_LUHN_DIGITS_MOST = 19  # ISO/IEC 7812; what fits an unsigned 64-bit integer
_PIECE = 4  # digits of a 16-bit number: the engine divides these twice as fast as 64-bit ones


def resident_id_sql(text: str) -> str:
    """Return SQL that is true for a Chinese resident number (GB 11643: MOD 11-2 and a real day)."""
    sums = []
    for start in range(0, len(_RESIDENT_WEIGHTS), _PIECE):
        weights = _RESIDENT_WEIGHTS[start : start + _PIECE]
        terms = " + ".join(
            f"{weight} * (piece // {10**place} % 10)"
            for place, weight in enumerate(reversed(weights))
        )
        piece = f"TRY_CAST(substr({text}, {start + 1}, {len(weights)}) AS USMALLINT)"
        sums.append(_once("piece", piece, terms))
    check = f"substr('{_RESIDENT_CHECKS}', (({' + '.join(sums)}) % 11 + 1)::INTEGER, 1)"
    return (
        f"coalesce(regexp_full_match({text}, '[0-9]{{17}}[0-9X]') "
        f"AND try_strptime(substr({text}, 7, 8), '%Y%m%d') IS NOT NULL "
        f"AND {check} = substr({text}, 18, 1), false)"
    )


def luhn_sql(text: str) -> str:
    """Return SQL that is true for digits that pass the Luhn test (ISO/IEC 7812)."""

    def digits(first: int) -> str:
        places = range(first, _LUHN_DIGITS_MOST, 2)
        return " + ".join(f"number // {10**place} % 10" for place in places)

    # every second digit is doubled, and the digits of that are added up: 7 becomes 14, becomes 5
    doubled = f"translate({text}, '0123456789', '0246813579')"
    as_it_is = _once("number", f"TRY_CAST({text} AS UBIGINT)", digits(0))
    twice = _once("number", f"TRY_CAST({doubled} AS UBIGINT)", digits(1))
    return (
        f"coalesce(regexp_full_match({text}, '[0-9]{{2,{_LUHN_DIGITS_MOST}}}') "
        f"AND ({as_it_is} + {twice}) % 10 = 0, false)"
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
