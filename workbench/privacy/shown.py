"""How a figure is shown: never below what it can be, and no finer than its margin.

Only here are noisy figures moved to their limits and rounded; what is stored stays as it was drawn.
All functions are pure: they take numbers and return numbers.
"""

from collections.abc import Iterable
from math import floor, log10

from workbench.privacy.columns import Measure

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
    percent = measure.kind == "rate" or measure.unit == "fraction"
    scale, sign = (100.0, " %") if percent else (1.0, "")
    places = digits - 2 if percent else digits

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
