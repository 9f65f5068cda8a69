"""Patterns in SQL: a regular expression where it must be one, a cheaper comparison where it may.

Most patterns of keys and codes are a row of characters and classes of them. The engine's GLOB
matches these in half the time of a regular expression.
"""

from __future__ import annotations

import re

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
