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
_DIALLED = re.compile(r"[+(]?\d[\d ().+/-]{5,}\d")
_HAN = re.compile(r"[\u3400-\u9fff]{2,6}")


def dialled(text: str) -> str:
    """Return the digits of a telephone number, however it is divided; empty where it is none.

    Examples
    --------
    >>> dialled("+49 (30) 123-4567"), dialled("1990-02-03"), dialled("K-000017")
    ('49301234567', '', '')
    """
    digits = re.sub(r"\D", "", text)
    day = re.fullmatch(r"\d{4}-\d\d-\d\d", text)
    return digits if _DIALLED.fullmatch(text) and len(digits) >= _DIGITS and not day else ""


def forms(text: str) -> Iterator[tuple[bytes, str]]:
    """Yield the bytes a text may stand as, in which encoding; of ASCII, capitals are left out."""
    cases = {text, text.lower(), text.upper(), dialled(text) or text}
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
