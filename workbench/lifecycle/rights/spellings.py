"""How else a value may be written: divided otherwise, in other capitals, escaped, encoded."""

import contextlib
import html
import json
import re
import unicodedata
from collections.abc import Iterator
from html.entities import codepoint2name
from urllib.parse import quote

WIDE = {"utf-16-le": 2, "utf-16-be": 2, "utf-32-le": 4, "utf-32-be": 4}  # bytes of a sign
_NARROW = (
    "utf-8", "gb18030", "big5", "cp1252", "cp1250", "cp1251", "shift_jis", "euc_jp", "euc_kr",
)  # fmt: skip  # why: a list
_ENCODINGS = (*_NARROW, *WIDE)
_DIGITS = 7  # of a telephone number; a shorter one stands in other numbers
_LONGEST_NATIONAL = 11  # digits; a longer one without a plus or nought begins with its country
_LONG = 10  # digits, of a number that stands in no other, whatever divides that
_DIALLED = re.compile(r"[+(]{0,2}\d[\d ().+/\u00a0\u2010-\u2015-]{5,}\d")
# country codes as Recommendation ITU-T E.164 assigns them
_COUNTRY = r"(?:1|7|2[07]|3[0-469]|4[013-9]|5[1-8]|6[0-6]|8[1246]|9[0-58]|\d{3})"
# why alternatives: a pattern of bytes knows no class of signs of several bytes
_BLANK = "(?:[ \t]|\u00a0|\u3000|\u2009|\u202f)"
_DIVIDER = "(?:[ \t().+/_\\x00-]|\u00a0|\u3000|\u2009|\u202f|\u2010|\u2011|\u2012|\u2013|\u2014)"
_BETWEEN = '(?:[\\s,;."_-]|&nbsp;|\\\\n|\u00a0|\u3000|\u2009|\u202f|\uff0c|\u00b7)'
_DIVIDING = re.compile("[\\s,;()._+/\u00a0\u3000\u2009\u202f\u2010-\u2015-]")
_DIVIDING_BYTES = b" \t\r\n,;()._+/-\x00\xa0\xc2\xe2\xe3\x80\x89\x90\x91\x92\x93\x94\x95\xaf\xa1"
_HAN = re.compile(r"[\u3400-\u9fff]{2,6}")


def undivided(block: bytes) -> bytes:
    """Return bytes in small letters, without those that divide numbers and names."""
    return block.lower().translate(None, _DIVIDING_BYTES)


def undivided_sql(text: str) -> str:
    """Return SQL of a text in small letters, without signs that divide numbers and names."""
    return f"regexp_replace(lower({text}), '{_DIVIDING.pattern}', '', 'g')"


def spelled(text: str) -> tuple[str, str]:
    r"""Return a pattern of how else a telephone number, a day or a name is written, and a guard.

    The pattern is one of `re` and of the engine; both are empty of another text. The guard stands
    wherever the pattern does once what divides is taken out, and is quick to look for.

    Examples
    --------
    >>> spelled("+86 138-0013-8000")[0], spelled("0049 (0)30 1234567")[0], spelled("K-000017")
    ('13800138000', '301234567', ('', ''))
    >>> [bool(re.search(spelled("1990-02-03")[1], day)) for day in ("3.2.1990", "4.2.1990")]
    [True, False]
    """
    if re.fullmatch(r"\d{4}-\d\d-\d\d", text):
        return _of_day(*text.split("-"))
    if _DIALLED.fullmatch(text):
        return _dialled(text)
    if _HAN.fullmatch(text):  # names of two signs are padded to three
        return text, f"{_BLANK}{{0,3}}".join(text)
    words = re.findall(r'[^\s,"]+', text.lower())
    if len(words) < 2 or re.search(r"\d", text):
        return "", ""
    orders = (words, [words[-1], *words[:-1]])
    either = "|".join(f"{_BETWEEN}{{1,6}}".join(map(re.escape, order)) for order in orders)
    guard = max((_DIVIDING.sub("", word) for word in words), key=len)
    return guard, f"(?i)(?:^|[^0-9a-z])(?:{either})(?:[^0-9a-z]|$)"


def _of_day(year: str, month: str, day: str) -> tuple[str, str]:
    named = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
    name = f"{named[int(month) % 13 - 1]}[a-z]{{0,6}}"
    m, d = f"0?{int(month)}", f"0?{int(day)}"
    forms = (
        f"{year}[-./ ]{m}[-./ ]{d}|{year}{month}{day}|{year} ?年 ?{m} ?月 ?{d}|{m}/{d}/{year}",
        f"{d}[-./ ]{m}[-./ ]{year}|{d}[-. ]{{1,2}}{name}[-. ]{{1,2}}{year}|{name} {d},? {year}",
    )
    return year, f"(?i)(?:^|[^0-9])(?:{'|'.join(forms)})(?:[^0-9]|$)"


def _dialled(text: str) -> tuple[str, str]:
    """Return a telephone number without its country and a leading zero, and its pattern."""
    compact, country, sign = re.sub(r"[^\d+]", "", text), _COUNTRY, r"(?:\+|00)"
    if len(text) < _LONG and text.isdigit() and text[0] != "0":
        return "", ""  # a key, or a number as good as any
    if compact.startswith(("+", "00")) or (len(compact) > _LONGEST_NATIONAL and compact[0] != "0"):
        compact = compact.lstrip("+0")
        country, sign = next(iter(re.findall(f"^{_COUNTRY}", compact)), ""), "0{0,2}"
        compact = compact.removeprefix(country)
    digits = compact.lstrip("0")
    if len(digits) < _DIGITS:
        return "", ""
    joined, front = f"{_DIVIDER}{{0,6}}".join(digits), "(?:^|[^0-9])"
    if len(digits) < _LONG:  # what divides may stand in front of it, but no digits before that
        front = f"(?:^|[^0-9 \t().+/_\\x00-]){_DIVIDER}{{0,3}}"
    else:
        sign = "0{0,2}"
    abroad = f"(?:{sign}{country}{_DIVIDER}{{0,3}}(?:0{_DIVIDER}{{0,3}})?)?"
    return digits, f"{front}{abroad}0?{joined}(?:[^0-9]|$)"


def forms(text: str) -> Iterator[tuple[bytes, str]]:
    """Yield the bytes a text may stand as, in which encoding; of ASCII, capitals are left out."""
    cases = {text, text.lower(), text.upper()}
    plain = {unicodedata.normalize(form, each) for form in ("NFC", "NFD") for each in cases}
    written = {text, *plain}
    if _HAN.fullmatch(text):
        written |= {blank.join(text) for blank in (" ", "  ", "\u3000", "\u3000\u3000", "\u00a0")}
    for each in plain:
        written |= {html.escape(each), html.escape(each, quote=False), each.replace('"', '""')}
        escaped = json.dumps(each)[1:-1]
        written |= {json.dumps(each, ensure_ascii=False)[1:-1], escaped, json.dumps(escaped)[1:-1]}
        written |= {each.encode("ascii", "xmlcharrefreplace").decode()}
        named = (f"&{codepoint2name.get(ord(c), f'#x{ord(c):x}')};" for c in each)
        written.add("".join(c if c.isascii() else n for c, n in zip(each, named, strict=True)))
        written.add("".join(c if c.isascii() else f"&#x{ord(c):x};" for c in each))
        for encoding in _NARROW:
            with contextlib.suppress(UnicodeEncodeError):
                quoted = quote(each, safe="", encoding=encoding, errors="strict")
                written |= {quoted.replace("%", sign) for sign in ("%", "=", "\\x")}
        written |= {each.encode(encoding).hex() for encoding in ("utf-8", "utf-16-be")}
    for each in written:
        for encoding in _ENCODINGS:
            with contextlib.suppress(UnicodeEncodeError):  # it has no such sign
                yield each.encode(encoding), encoding


def folded_sql(text: str) -> str:
    """Return SQL of a text without what two spellings of a value may differ in.

    Which are capitals, composed letters, the number of blanks, and the quotes and escapes of JSON.
    """
    plain = f"""regexp_replace(translate({text}, '"\\', ''), '[\\s\\pZ]+', ' ', 'g')"""
    return f"nfc_normalize(lower({plain}))"
