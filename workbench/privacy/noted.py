"""Notes as a key and its values: ``notes.yaml`` says what they say, in each language.

A note is stored as its English sentence, so that whoever opens a ledger can read it; `read` finds
the key and the values again by the same table, for another language.
"""

from __future__ import annotations

import re
import string
from collections.abc import Iterable, Mapping
from functools import cache
from pathlib import Path


@cache
def notes() -> Mapping[str, Mapping[str, str]]:
    """Return key to how a note is stored and how it is read: ``stored``, ``en``, ``zh``."""
    from ruamel.yaml import YAML

    text = Path(__file__).with_name("notes.yaml").read_text(encoding="utf-8")
    found: dict[str, dict[str, str]] = YAML(typ="safe").load(text)
    return {key: {"en": _unformatted(each["stored"]), **each} for key, each in found.items()}


def _unformatted(stored: str) -> str:
    return re.sub(r"\{(\w+):[^}]*\}", r"{\1}", stored)


def noted(key: str, **values: object) -> str:
    """Return a note as it is stored."""
    return notes()[key]["stored"].format(**values)


def read(note: str) -> tuple[str, dict[str, str]] | None:
    """Return a stored note's key and values as they were written; None for one in no table.

    Examples
    --------
    >>> read(noted("hidden", small=2, all=1200, rule="20"))
    ('hidden', {'small': '2', 'all': '1,200', 'rule': '20'})
    """
    for key, form in _forms().items():
        if match := form.fullmatch(note):
            return key, match.groupdict()
    return None


@cache
def _forms() -> Mapping[str, re.Pattern[str]]:
    """Return the pattern of every stored note, made of its sentence."""
    forms = {}
    for key, each in notes().items():
        parts = []
        for literal, name, form, _ in string.Formatter().parse(each["stored"]):
            value = r"[\d,.]+%?" if form else ".*?"
            parts.append(re.escape(literal) + (f"(?P<{name}>{value})" if name else ""))
        forms[key] = re.compile("".join(parts), re.DOTALL)
    return forms


def of_nobody(rows: int | None, period: str | None) -> str:
    """Return what to say of rows without a customer, whose number may be told or not."""
    if rows is None:
        return noted("nobody's")
    if period is None:
        return noted("nobody's counted", rows=rows)
    return noted("nobody's of a period", rows=rows, period=period)


def together(notes: Iterable[str], period: str | None) -> tuple[str, ...]:
    """Return the notes of parts, each once; rows without a customer are added up over them."""
    kept, rows = [], []
    for note in notes:
        key, values = read(note) or ("", {})
        if key == "nobody's of a period":
            rows.append(int(values["rows"].replace(",", "")))
        else:
            kept.append(note)
    added = [of_nobody(sum(rows), period)] if rows else []
    return tuple(dict.fromkeys([*kept, *added]))
