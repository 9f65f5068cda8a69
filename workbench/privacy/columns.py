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
from math import floor, log10
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
    def percent(self) -> bool:
        """Whether it is a share, read in percent."""
        return self.kind == "rate" or self.unit == "fraction"

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
    """Return whether a note is about one of some columns: it names a title of theirs.

    "Amount: …" is of "Amount, total", too; how many rows may count is of all but customers.
    """
    head, colon, _ = note.partition(": ")
    key, values = read(note) or ("", {"title": head} if colon else {})
    if key.endswith(("row", "rows")):
        return any(isinstance(each, Measure) and each.kind != "customers" for each in columns)
    titles = {title for each in columns for title in (each.title, each.title.rpartition(", ")[0])}
    return values.get("title", values.get("where", head if colon else None)) in titles


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


# ---------------------------------------------------------------------- how a figure is shown
# Never below what it can be, and no finer than its margin. Only here are noisy figures moved to
# their limits and rounded; what is stored stays as it was drawn. All functions are pure: they take
# numbers and return numbers.


COUNTS = ("customers", "rows", "distinct")
SIGNIFICANT = 2  # digits of a margin worth showing


def limits(measure: Measure) -> tuple[float | None, float | None]:
    """Return the least and most a measure can be: counts are not negative, shares end at 1."""
    if measure.kind == "rate":
        return 0.0, 1.0
    if measure.kind in COUNTS:
        return 0.0, None
    return measure.least, None


def floored(measure: Measure, value: float | None) -> float | None:
    """Return a figure moved to where the measure can be; of an interval, use `placed`.

    Examples
    --------
    >>> floored(Measure("customers", "customers", "Customers", "customers"), -3.2)
    0.0
    """
    if value is None:
        return None
    least, most = limits(measure)
    if least is not None and value < least:
        return least
    return most if most is not None and value > most else value


def placed(
    measure: Measure, value: float | None, low: float | None, high: float | None
) -> tuple[float | None, float | None, float | None]:
    """Return a figure and its interval where the measure can be.

    A figure beyond a limit stands at the limit, and its interval moves with it, so that what was
    not known stays not known: cut at both ends, "-60 ± 48" would become "0 ± 0". The interval holds
    whatever the drawn one holds of possible values.

    Examples
    --------
    >>> placed(Measure("customers", "customers", "Customers", "customers"), -60.0, -108.0, -12.0)
    (0.0, 0.0, 48.0)
    """
    middle = floored(measure, value)
    if value is None or middle is None or low is None or high is None:
        return middle, floored(measure, low), floored(measure, high)
    moved = middle - value
    return middle, floored(measure, low + moved), floored(measure, high + moved)


def longer_side(value: float | None, low: float | None, high: float | None) -> float | None:
    """Return the longer side of an interval, None where there is none."""
    if value is None or low is None or high is None:
        return None
    return max(high - value, value - low, 0.0)


def decimals(margins: Iterable[float | None], most: int) -> int:
    """Return the decimals worth showing beside margins: two significant digits of the smallest.

    Negative means tens, hundreds, thousands: ``round(value, decimals)``. Never more than ``most``.

    Examples
    --------
    >>> decimals([72_009.0], most=2), decimals([1.23], most=2), decimals([0.004], most=2)
    (-3, 1, 2)
    """
    smallest = min((each for each in margins if each is not None and each > 0), default=None)
    if smallest is None:
        return most
    # why the format: 9.96 rounds to 10, which has its first digit one place further left
    leading = floor(log10(float(f"{smallest:.{SIGNIFICANT - 1}e}")))
    return min(most, SIGNIFICANT - 1 - leading)


def digits_of(measure: Measure, margins: Iterable[float | None]) -> int:
    """Return the decimals a measure is shown with beside its margins; see `decimals`.

    Counts and totals have a smallest unit and are no finer; of all others a margin is never "0.00".

    Examples
    --------
    >>> rate = Measure("paid_rate", "rate", "Paid", None, 4)
    >>> digits_of(rate, [0.02]), digits_of(rate, [0.00003])
    (3, 5)
    """
    known = [each for each in margins if each is not None and each > 0]
    digits = decimals(known, measure.digits)
    if not known or measure.kind in (*COUNTS, "sum"):
        return digits
    return max(digits, -floor(log10(min(known))))


def number(value: float, digits: int) -> str:
    """Return a number rounded to ``digits`` decimals, which may be negative.

    Examples
    --------
    >>> number(3_283_417.2, -3), number(0.126, 2)
    ('3,283,000', '0.13')
    """
    rounded = round(value, digits)
    return f"{0.0 if rounded == 0 else rounded:,.{max(0, digits)}f}"


def plain(text: str) -> str:
    """Return a text that Plotly shows as it is: no tag, no entity, no formula, no field.

    Examples
    --------
    >>> plain("<a href='x'>R&D</a> %{x} $y$")
    "&lt;a href='x'&gt;R&amp;D&lt;/a&gt; %&#123;x} &#36;y&#36;"
    """
    for sign, entity in (
        ("&", "&amp;"),
        ("<", "&lt;"),
        (">", "&gt;"),
        ("%{", "%&#123;"),
        ("$", "&#36;"),
    ):
        text = text.replace(sign, entity)
    return text


def with_margin(
    measure: Measure, value: float | None, low: float | None, high: float | None, digits: int
) -> str:
    """Return "3,283,000 ± 72,000"; an uneven interval by its ends; "–" for nothing.

    A figure that stands at its limit is told as the range it may be in.

    Examples
    --------
    >>> amount = Measure("amount_sum", "sum", "Amount", "CNY", 2)
    >>> with_margin(amount, 3_283_417.25, 3_211_408.0, 3_355_426.5, digits=-3)
    '3,283,000 ± 72,000'
    >>> with_margin(Measure("customers", "customers", "Customers", None), -2, -9.0, 5.0, digits=0)
    '0 to 7'
    >>> with_margin(Measure("kept_share", "rate", "Kept", None, 4), 1.0, 1.0, 1.0, digits=4)
    '100.00 %'
    """
    scale, sign = (100.0, " %") if measure.percent else (1.0, "")
    places = digits - 2 if measure.percent else digits

    def text(each: float) -> str:
        return number(each * scale, places)

    middle, least, most = placed(measure, value, low, high)
    if middle is None:
        return "–"
    if least is None or most is None or least == most:  # no noise moves it, or none is known
        return f"{text(middle)}{sign}"
    below, above = middle - least, most - middle
    if abs(above - below) <= 0.1 * (above + below):
        return f"{text(middle)} ± {text((above + below) / 2)}{sign}"
    ends = f"{text(least)} to {text(most)}"
    at_limit = text(middle) in (text(least), text(most))
    return f"{ends}{sign}" if at_limit else f"{text(middle)} ({ends}){sign}"


# Advice by where the whole margin of an expected result lies: around zero, above, below.
ADVICE = ("Wait", "Go ahead", "Leave it")


def advised(low: float | None, high: float | None) -> str:
    """Return what a result's whole margin speaks for: to wait where none is known."""
    if low is None or high is None:
        return ADVICE[0]
    return ADVICE[1 if low > 0 else 2 if high < 0 else 0]
