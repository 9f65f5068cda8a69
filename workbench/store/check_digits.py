"""Check digits as SQL, computed inside the engine, row by row, without a value leaving it."""

from __future__ import annotations

from collections.abc import Callable, Mapping

_RESIDENT_WEIGHTS = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)
_RESIDENT_CHECKS = "10X98765432"
_LUHN_DIGITS_MOST = 19  # ISO/IEC 7812; what fits an unsigned 64-bit integer


def resident_id_sql(text: str) -> str:
    """Return SQL that is true for a Chinese resident number (GB 11643: MOD 11-2 and a real day)."""
    number = f"TRY_CAST(substr({text}, 1, 17) AS BIGINT)"
    total = " + ".join(
        f"{weight} * ({number} // {10 ** (16 - place)} % 10)"
        for place, weight in enumerate(_RESIDENT_WEIGHTS)
    )
    check = f"substr('{_RESIDENT_CHECKS}', (({total}) % 11 + 1)::INTEGER, 1)"
    return (
        f"coalesce(regexp_full_match({text}, '[0-9]{{17}}[0-9X]') "
        f"AND try_strptime(substr({text}, 7, 8), '%Y%m%d') IS NOT NULL "
        f"AND {check} = substr({text}, 18, 1), false)"
    )


def luhn_sql(text: str) -> str:
    """Return SQL that is true for digits that pass the Luhn test (ISO/IEC 7812)."""
    number = f"TRY_CAST({text} AS UBIGINT)"
    terms = []
    for place in range(_LUHN_DIGITS_MOST):
        digit = f"({number} // {10**place} % 10)::INTEGER"
        terms.append(f"(2 * {digit} - CASE WHEN {digit} > 4 THEN 9 ELSE 0 END)"
                     if place % 2 else digit)  # fmt: skip  # why: odd places are doubled
    return (
        f"coalesce(regexp_full_match({text}, '[0-9]{{2,{_LUHN_DIGITS_MOST}}}') "
        f"AND ({' + '.join(terms)}) % 10 = 0, false)"
    )


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
