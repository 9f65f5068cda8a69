"""Numbers, months, money and fixed words as a reader of one language expects them."""

import datetime as dt
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache, cached_property
from math import floor, log10
from typing import Any

from workbench.documents import packaged
from workbench.errors import require_known

Number = int | float
LANGUAGES = ("en", "zh")  # each with its words in words.CODE.yaml
_JOINED = (" × ", " + ", " – ", " / ")  # how one title is made of others
_MONTH = re.compile(r"^(\d{4})-(\d{2})$")
_DAY = re.compile(r"^(\d{4})-(\d{2})-(\d{2})$")
_QUARTER = re.compile(r"^(\d{4})-?Q([1-4])$")
_OF_A_CUSTOMER = " of a customer"
COMPACT_PLACES = 3


def spoken(code: str) -> Mapping[str, Any]:
    """Return a language's own words, and how it counts."""
    return packaged(f"figures/words.{code}.yaml")


@dataclass(frozen=True)
class Language:
    """One language of a page.

    Parameters
    ----------
    code : str
        ``en`` or ``zh``.
    translations : mapping of str to str, optional
        Declared words (titles, values of a domain, templates) in this language.

    Examples
    --------
    >>> Language("en").number(1234567.891, 2)
    '1,234,567.89'
    >>> Language("zh").period("2026-09")
    '2026年9月'
    """

    code: str = "en"
    translations: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        require_known("language", LANGUAGES, self.code)

    @property
    def tag(self) -> str:
        """The language tag of the page's ``lang`` attribute."""
        return str(spoken(self.code)["tag"])

    @cached_property
    def locale(self) -> str:
        """Babel's name of the language."""
        return str(spoken(self.code)["locale"])

    def word(self, key: str, **names: object) -> str:
        """Return one fixed word or sentence, filled."""
        text = str(spoken(self.code)["messages"][key])
        return text.format(**names) if names else text

    def say(self, text: str) -> str:
        """Return a declared word, or one of the product's own, in this language; else as it is."""
        return self.translations.get(text) or str(spoken(self.code)["words"].get(text, text))

    def measure(self, title: str) -> str:
        """Return a measure's title, whole or by its parts: "Amount, total" is "金额总计".

        Examples
        --------
        >>> Language("zh", {"Amount": "金额"}).measure("Amount, total")
        '金额总计'
        """
        if self.code == "en" or self.say(title) != title:
            return self.say(title)
        for between in _JOINED:
            first, joined, second = title.partition(between)
            if joined:
                return f"{self.measure(first)}{between}{self.measure(second)}"
        if title.endswith(_OF_A_CUSTOMER):
            words = self.measure(title.removesuffix(_OF_A_CUSTOMER))
            return str(spoken(self.code)["of a customer"]).format(title=words)
        base, comma, figure = title.rpartition(", ")
        known = spoken(self.code)["figures"].get(figure) if comma else None
        return title if known is None else f"{self.measure(base)}{known}"

    def join(self, words: list[str]) -> str:
        """Return words as an enumeration."""
        return self.word("comma").join(words)

    def number(self, value: Number, digits: int = 0) -> str:
        """Return a number with thousands separators and ``digits`` decimals; −3 are thousands."""
        shown = _plain_zero(round(value, digits), digits)
        return _minus(_pattern(digits).apply(shown, self.locale))

    def percent(self, value: Number, digits: int = 1) -> str:
        """Return a fraction as a percentage: 0.123 is 12.3%."""
        from babel.numbers import format_percent

        pattern = "#,##0" + ("." + "0" * digits if digits else "") + "%"
        return _minus(
            format_percent(_plain_zero(value, digits + 2), format=pattern, locale=self.locale)
        )

    @property
    def compact_from(self) -> int:
        """From where a number is said in short."""
        return int(spoken(self.code)["compact"]["from"])

    def least_beside(self, value: Number) -> int:
        """Return from where numbers beside a value are said in short, so that all are in one style.

        Examples
        --------
        >>> zh = Language("zh")
        >>> zh.compact(73_000, least=zh.least_beside(3_389_000))
        '7.3万'
        """
        short = abs(value) >= self.compact_from
        return int(spoken(self.code)["compact"]["unit"]) if short else self.compact_from

    def compact(self, value: Number, digits: int = 0, least: float | None = None) -> str:
        """Return a number of at least ``least`` in short: 12.35M, 1235万; a smaller one in full."""
        from babel.numbers import format_compact_decimal

        value = round(value, digits)
        if abs(value) < (self.compact_from if least is None else least):
            return self.number(value, digits)
        # why: what is said in short must stay finer than its margin, of which digits tells
        size = floor(log10(abs(value)) + 1e-9)
        unit = size // 4 * 4 if self.code == "zh" else size // 3 * 3
        places = max(2, unit + digits - 1) if digits < 0 else 2
        if places > COMPACT_PLACES:
            return self.number(value, digits)
        return _minus(format_compact_decimal(value, locale=self.locale, fraction_digits=places))

    def money(self, text: str, currency: str) -> str:
        """Put a currency's sign before an amount that is already text."""
        from babel.numbers import get_currency_symbol

        sign = get_currency_symbol(currency, self.locale)
        return f"−{sign}{text[1:]}" if text.startswith("−") else f"{sign}{text}"

    def with_unit(self, text: str, unit: str) -> str:
        """Return a number that is already text with its unit; see `around`."""
        if re.fullmatch("[A-Z]{3}", unit):
            return self.money(text, unit)
        return f"{text} {self.say(unit)}" if unit else text

    def around(self, unit: str) -> tuple[str, str]:
        """Return what stands before and after a number of a unit: a currency's sign, or a word."""
        from babel.numbers import get_currency_symbol

        if re.fullmatch("[A-Z]{3}", unit):
            return get_currency_symbol(unit, self.locale), ""
        return "", f" {self.say(unit)}"

    def short(self) -> list[Any]:
        """Return how numbers are said in short: from where, by which unit, and with which words."""
        from babel import Locale

        forms = Locale.parse(self.locale).compact_decimal_formats["short"]["other"]
        steps = []
        for magnitude in sorted(map(int, forms), reverse=True):
            pattern = forms[str(magnitude)].pattern
            if pattern != "0":
                zeros = pattern.count("0")
                steps.append([magnitude // 10 ** (zeros - 1), magnitude, pattern.strip("0")])
        return [self.compact_from, int(spoken(self.code)["compact"]["unit"]), steps]

    def period(self, value: str, full: bool = False) -> str:
        """Return ``2026-09``, ``2026-09-30``, ``2026-Q3`` or ``2026-07..2026-09`` in words.

        Months are told in full if asked.
        """
        from babel.dates import format_date, format_skeleton

        if ".." in value:
            low, high = (self.period(each, full) for each in value.split("..", 1))
            return self.word("range", low=low, high=high)
        try:
            if match := _MONTH.match(value):
                day = dt.date(int(match[1]), int(match[2]), 1)
                return str(format_skeleton("yMMMM" if full else "yMMM", day, locale=self.locale))
            if _DAY.match(value):
                return str(format_date(dt.date.fromisoformat(value), "medium", locale=self.locale))
        except ValueError:  # such as month 13: shown as it was declared
            return value
        if match := _QUARTER.match(value):
            return f"{match[1]}年{match[2]}季度" if self.code == "zh" else f"Q{match[2]} {match[1]}"
        return value

    def month_tick(self, value: str, with_year: bool) -> str:
        """Return a month for an axis: its year only where asked."""
        from babel.dates import format_skeleton

        match = _MONTH.match(value)
        if match is None or not 1 <= int(match[2]) <= 12:
            return value
        month = str(format_skeleton("MMM", dt.date(2000, int(match[2]), 1), locale=self.locale))
        return f"{month}<br>{match[1]}" if with_year else month


def _plain_zero(value: Number, digits: int) -> Number:
    """Return 0 for what would print as minus zero."""
    return 0 if round(value, digits) == 0 else value


@cache
def _pattern(digits: int) -> Any:
    from babel.numbers import parse_pattern  # why cached: it takes longer than writing a number

    return parse_pattern("#,##0" + ("." + "0" * digits if digits > 0 else ""))


def _minus(text: str) -> str:
    return text.replace("-", "−")
