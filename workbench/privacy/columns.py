"""Columns of an answer with their declared values, its figures, and its notes.

A note is stored as its English sentence, so that whoever opens a ledger can read it; `read` finds
the key and the values again by the same table, for another language.
"""

import re
import string
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import product
from typing import Any

from workbench.documents import packaged

Scalar = str | int | float | bool | None
AND = " + "  # between the two values of a pair


def between(low: str | None, high: str | None, unit: str = "") -> str:
    """Return what values from one end to below another are called, where an end may be open.

    Examples
    --------
    >>> between(None, "50"), between("50", "200"), between("200", None, " days")
    ('< 50', '50 to 200', '≥ 200 days')
    """
    if low is None:
        return f"< {high}{unit}"
    return f"≥ {low}{unit}" if high is None else f"{low} to {high}{unit}"


@dataclass(frozen=True)
class Dimension:
    """A group column of an answer and its declared values, in declared order.

    ``kind`` is ``category``, ``month``, ``date`` or ``band`` (ordered ranges of a number).
    ``exclusive``: one customer is declared to have one value only (``values_per_customer: 1``), so
    that distinct customers may be added over it.
    """

    name: str
    title: str
    kind: str
    values: tuple[Scalar, ...]
    exclusive: bool = False


@dataclass(frozen=True)
class Bound:
    """What one customer's total within one cell counts for at least and at most, in a figure.

    Attributes
    ----------
    low, high : float
        In the figure's unit; of a ladder, ``high`` is its last rung.
    cuts : str
        ``upper``: no value is negative, so that the figure says "at least", or "counting up to
        3,000 a customer"; ``both``: totals below ``low`` may be cut, too.
    rungs : tuple of float
        Bounds of a ladder, rising; the margin's upper end holds what lies up to the last of them.
        Empty for a single bound.
    unit : str or None
        Its own: what is derived from the figure may be in another.
    """

    low: float
    high: float
    cuts: str = "both"
    rungs: tuple[float, ...] = ()
    unit: str | None = None


@dataclass(frozen=True)
class Measure:
    """One column of figures.

    Attributes
    ----------
    name : str
        Column name: ``customers``, ``rows``, ``amount_sum``, ``amount_mean``.
    kind : str
        ``customers``, ``rows``, ``sum``, ``mean``, ``rate``, ``quantile``, ``derived``.
    title : str
        Words for a reader: "Customers", "Amount, total".
    unit : str or None
        ``customers``, ``rows``, a currency such as ``CNY``, a unit from the catalog, or None.
    digits : int
        Decimal digits worth showing.
    least : float or None
        The least it can be; shown no lower, stored as drawn.
    bound : Bound or None
        How one customer's part in it is bounded; None: not at all, or not known (old answers).
    at_bound_of : str or None
        Of ``amount_at_bound``: ``amount``, beside whose totals and means it is said in words: the
        share of customers' totals that lie beyond the bound, a rate with its own margin.
    contrast : str or None
        Of a difference: ``amount``, ``points``, ``relative``, or ``gain``, one times something
        else. Where its margin holds zero it is told as not known, never as nothing.
    """

    name: str
    kind: str
    title: str
    unit: str | None
    digits: int = 0
    least: float | None = None
    bound: Bound | None = None
    at_bound_of: str | None = None
    contrast: str | None = None

    @property
    def columns(self) -> tuple[str, str, str]:
        """Names of its columns: the figure, and the ends of its margin."""
        return self.name, f"{self.name}_low", f"{self.name}_high"


def cells(by: Sequence[Dimension]) -> dict[str, list[Any]]:
    """Return group columns with a row for each combination of their values."""
    keys = list(product(*(each.values for each in by)))
    return {each.name: [key[i] for key in keys] for i, each in enumerate(by)}


@cache
def notes() -> Mapping[str, Mapping[str, str]]:
    """Return key to how a note is stored and how it is read: ``stored``, ``en``, ``zh``."""
    found = packaged("privacy/notes.yaml")
    plain = {key: re.sub(r"\{(\w+):[^}]*\}", r"{\1}", e["stored"]) for key, e in found.items()}
    return {key: {"en": plain[key], **each} for key, each in found.items()}


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


def concerns(note: str, columns: Iterable[Measure | Dimension]) -> bool:
    """Return whether a note is about one of some columns: it begins with a title of theirs.

    "Amount: …" is of "Amount, total", too; how many rows may count is of all but customers.
    """
    if note.startswith("One customer counts for at most "):
        return any(isinstance(each, Measure) and each.kind != "customers" for each in columns)
    head, colon, _ = note.partition(": ")
    titles = {title for each in columns for title in (each.title, each.title.rpartition(", ")[0])}
    return bool(colon) and head in titles


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
