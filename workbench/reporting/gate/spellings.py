"""What in a text could be an identifier, in every ordinary spelling of each kind.

Texts and the store's values meet in the forms of `workbench.store.reading.identifying`. A sequence
of words is a whole value; names are tried with their parts in any order, with a title, and with an
initial; phones by their last nine digits; keys by their number beside a word such as "customer".
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from itertools import permutations

from workbench.store.reading.identifying import COMPOUND, normal

_CJK = "\u3400-\u9fff\uf900-\ufaff"
_CHINESE = re.compile(f"[{_CJK}]")
_WORD = re.compile(rf"[{_CJK}]+|[^\W_{_CJK}]+")
_WORDS_AT_MOST = 8  # an address in words
_LENGTH_AT_MOST = 100
_LONE_LETTERS = 6
_LONE_DIGITS = 6
_CHINESE_NAME = range(2, 5)
_PARTS_OF_A_NAME = (2, 3, 4)  # four are turned about, as in "O'Neil, Anne-Marie"
_PHONE_DIGITS = range(9, 16)
_NAMING = re.compile("customers?|clients?|ids?|no|nr|number|account|key|客户号?|编号|号|账户|账号")
_LINKS = frozenset(("no", "nr", "num", "number", "id", "code", "编号", "号"))
_PERSONS = "customer|client|member|subscriber|cardholder|policyholder|patient|borrower"
_PEOPLE = "(?:客户|顾客|会员|储户|持卡人)(?:编?号)?"
_PERSON = re.compile(f"{_PERSONS}|[{_CJK}]*{_PEOPLE}")
_TITLES = frozenset(
    (
        *("mr", "mrs", "ms", "miss", "mx", "dr", "prof", "professor", "sir", "madam", "dame"),
        *("herr", "frau", "monsieur", "madame", "mme", "mlle", "senor", "senora", "signor"),
    )
)
_CHINESE_TITLED = re.compile(
    f"([{_CJK}]{{1,2}}) ?(?:先生|女士|小姐|太太|夫人|博士|教授|老师|经理|医生|律师)"
)
_LETTER, _NAME = r"[^\W\d_]", r"[^\W\d_]{2,30}"  # why so many at most: no text may take long
_INITIAL = re.compile(
    rf"(?<!{_LETTER})(?:({_LETTER})\. ?({_NAME})(?!{_LETTER})|({_NAME}), ?({_LETTER})\.)"
)
_CHINESE_MOBILE = re.compile(r"(86)?1[3-9]\d{9}")
_OPEN, _CLOSE = r"\s?[(\[{<]\s?", r"\s?[)\]}>]\s?"
_AT = re.compile(rf"{_OPEN}at{_CLOSE}|\sat\s(?=[\w-]{{1,60}}(?:\.|\sdot\s|{_OPEN}dot))")
_DOT = re.compile(rf"{_OPEN}dot{_CLOSE}|\sdot\s")

_GROUPED = r"[1-9]\d{0,2}(?:,\d{3})+(?![\w,-])"
_MONEY = "[€$£¥￥]|(?:eur|usd|gbp|cny|rmb)\\b"
_UNIT = (
    rf"{_MONEY}|[%元笔条户人万亿]|(?:euros?|dollars?|pounds?|yuan|percent|people|persons|rows"
    r"|records|customers|accounts)\b"
)
_AMOUNT = re.compile(
    rf"((?<![a-z])(?:{_NAMING.pattern}|{_PERSONS}|{_PEOPLE})\W{{0,3}})?(?<![a-z\d.,-])"
    rf"(?:(?:{_MONEY})\s?[1-9][\d,.]*|{_GROUPED}|[1-9]\d{{0,14}}(?:[,.'’\s]\d{{2,3}}){{0,4}}\s?(?:{_UNIT}))",
    re.IGNORECASE,
)

Window = list[tuple[str, str]]
"""The last words of a text, each with its place."""


def spelled(text: str, place: str, window: Window, *, released: bool) -> Iterator[tuple[str, str]]:
    """Yield (candidate, place) of a text; word sequences run on from those in the window.

    ``released``: figures stand in the text, so a number is none of a customer's unless it is
    written as one.
    """
    if not window and text.isascii() and text.isdigit():  # of an array: there may be very many
        window.append((text, place))
        if len(text) >= _LONE_DIGITS and not released:
            yield from _ending(window, released=False)
        return
    text = normal(text)
    before = list(window)
    for word in _WORD.findall(text):
        window.append((word, place))
        del window[:-_WORDS_AT_MOST]
        yield from _ending(window, released=released)
    if "." in text or not text.isascii():
        for candidate in _beside(text):
            yield candidate, place
    plain = _AT.sub("@", text) if "at" in text else text
    if plain != text:
        plain = _DOT.sub(".", plain)
        for word in _WORD.findall(plain):
            before.append((word, place))
            del before[:-_WORDS_AT_MOST]
            yield from _ending(before, released=released)


def without_amounts(text: str) -> list[str]:
    """Return the parts of a text between its amounts: of money, of a unit, or in groups of digits.

    Beside a word such as "customer" a number is no amount.

    Examples
    --------
    >>> without_amounts("200,001 euros were lost"), without_amounts("customer 200,001 called")
    (['', ' euros were lost'], ['customer 200,001 called'])
    """
    return _AMOUNT.sub(lambda found: found[0] if found[1] else "\0", text).split("\0")


def _beside(text: str) -> Iterator[str]:
    """Yield names that an initial or a Chinese title stands beside."""
    for match in _INITIAL.finditer(text):
        first, surname, other, last = match.groups()
        yield f"initial:{first or last} {surname or other}"
    for match in _CHINESE_TITLED.finditer(text):
        name = match[1]
        yield f"surname:{name[-1]}"
        if name in COMPOUND:
            yield f"surname:{name}"


def _ending(window: Window, *, released: bool) -> Iterator[tuple[str, str]]:
    """Yield the candidates that end with the window's last word."""
    word, place = window[-1]
    if _CHINESE.match(word):
        for size in _CHINESE_NAME:
            for at in range(len(word) - size + 1):
                yield word[at : at + size], place
    joined = ""
    for count, (each, _) in enumerate(reversed(window), start=1):
        joined = each + joined
        if len(joined) > _LENGTH_AT_MOST:
            break
        if released and joined.isdigit():
            continue
        if _counts(joined, count):
            yield joined, place
            if _CHINESE_MOBILE.fullmatch(joined):  # with and without the country's code
                yield joined.removeprefix("86") if len(joined) > 11 else f"86{joined}", place
    if word.isdigit():
        yield from ((each, place) for each in _numbers(window, released=released))
    elif _is_part(word):
        yield from ((each, place) for each in _names(window))


def _counts(joined: str, words: int) -> bool:
    if joined.isdigit():
        return len(joined) >= _LONE_DIGITS
    if _CHINESE.search(joined):
        return len(joined) >= 2
    if words > 1 and joined.isalpha():
        return len(joined) >= 4
    return len(joined) >= _LONE_LETTERS


def _names(window: Window) -> Iterator[str]:
    """Yield the last words as a name whose parts stand in another order, or beside a title."""
    words = [word for word, _ in window]
    for size in _PARTS_OF_A_NAME:
        parts = words[-size:]
        orders: Iterable[Sequence[str]]
        if len(parts) < size or not all(map(_is_part, parts)):
            break
        orders = (
            permutations(parts) if size < 4 else (parts[at:] + parts[:at] for at in range(size))
        )
        for order in orders:
            if list(order) != parts and len(joined := "".join(order)) >= 4:
                yield joined
    for size in (1, 2, 3):  # van der Berg, O'Neil
        parts = words[-size:]
        rest = words[-size - 2 : -size]
        titled = bool(rest) and (
            rest[-1] in _TITLES or (len(rest) == 2 and len(rest[1]) == 1 and rest[0] in _TITLES)
        )
        if titled and all(_is_part(part) and part not in _TITLES for part in parts):
            yield f"surname:{''.join(parts)}"


def _is_part(word: str) -> bool:
    return not word.isdigit() and not _CHINESE.match(word)


def _numbers(window: Window, *, released: bool) -> Iterator[str]:
    """Yield the last word as a key's number beside its word, and the last digits as a phone."""
    words = [word for word, _ in window]
    number = words[-1].lstrip("0")
    before = words[-2] if len(words) > 1 else ""
    if _NAMING.fullmatch(before) and not released:
        yield words[-1]
    if before in _LINKS and len(words) > 2:
        before = words[-3]
    if number and before and not before.isdigit() and not released:  # "a customer, 4.0 %"
        if _PERSON.fullmatch(before):
            yield f"number:{number}"
        elif before.isalpha():
            yield f"number:{before}:{number}"
    digits = ""
    for word in reversed(words):
        if not word.isdigit():
            break
        digits = word + digits
        if len(digits) in _PHONE_DIGITS and (not released or digits.startswith("0")):
            yield f"phone:{digits[-9:]}"
            break
