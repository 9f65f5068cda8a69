"""Which texts are somebody's subject key or direct identifier, in whatever spelling.

A text and a value are compared in one normal form, `key`: letters and digits without case,
accents, width, spaces and punctuation. Some kinds have shorter forms, with the kind before
a colon: ``phone:`` its last nine digits; ``surname:`` what stands beside a title, ``initial:`` a
first letter and a surname; ``number:`` a key's number without zeros, alone or with the word it
stood beside.

The engine finds most: it normalises plain values and keeps only those that were asked for, so
memory is bounded by what is asked, not by customers. The few values of other characters are
normalised here, by the very function that texts are.
"""

import re
import unicodedata
from collections.abc import Callable, Iterable, Iterator
from itertools import groupby

from workbench.store import Connection

Find = Callable[[set[str]], list[tuple[str, str, str]]]

COMPOUND = (  # surnames of two characters
    *("欧阳", "司马", "上官", "诸葛", "夏侯", "东方", "皇甫", "尉迟", "公孙", "慕容"),
    *("司徒", "令狐", "长孙", "宇文", "端木", "南宫", "百里", "独孤"),
)
_UNSEEN = dict.fromkeys((0xAD, *range(0x200B, 0x2010), 0x2060, 0xFEFF))  # soft hyphens, joiners
_ACCENTS = dict.fromkeys(range(0x300, 0x370))
_CJK = r"\x{3400}-\x{9fff}"
_PLAIN = f"[ -~{_CJK}]*"  # what the engine normalises as `key` does
_LETTERS = f"regexp_replace(lower(value), '[^a-z0-9{_CJK}]', '', 'g')"
_BATCH = 10_000
_KEYED = re.compile(r"([a-z]{0,6})[-_ /.#]?0*([1-9]\d{0,11})")
_PHONE = re.compile(r"[+\d ()/.-]{9,30}")
_PART = r"[^\W\d_][^\W_]*(?:[-'’.]+[^\W_]*)*"
_NAME = re.compile(rf"{_PART}(?:[ ,]+{_PART}){{0,4}}")
_CHINESE_NAME = re.compile("[\u3400-\u9fff]{2,4}")
_NO_WORDS = frozenset(("id", "key", "no", "nr", "number", "code", "num"))
_LETTERS_OF_A_NAME = 60


def normal(text: str) -> str:
    """Return a text in one width and case, without accents and what nobody sees.

    Examples
    --------
    >>> normal("Ｚoë  Straße １２"), normal("so\u00adft")
    ('zoe  strasse 12', 'soft')
    """
    if text.isascii():
        return text.lower()
    apart = unicodedata.normalize("NFKD", text.translate(_UNSEEN)).casefold()
    return unicodedata.normalize("NFKC", apart.translate(_ACCENTS))


def key(value: str) -> str:
    r"""Return a value without case, spaces and punctuation, as candidates are compared.

    Examples
    --------
    >>> key("Li-Wei@Example.com"), key("+86 138 0013 8000"), key("王 伟"), key("Ｋ－０１")
    ('liweiexamplecom', '8613800138000', '王伟', 'k01')
    """
    return "".join(char for char in normal(value) if char.isalnum())


def forms(value: str, column: str, *, subject_key: bool) -> Iterator[str]:
    """Yield every form that a value of a column may be asked for in."""
    plain = normal(value).strip()
    joined = key(plain)
    yield joined
    if subject_key:
        numbered = _KEYED.fullmatch(plain)
        if numbered and numbered[1]:  # of a bare number the plain form is all there is
            prefix, number = numbered.groups()
            yield f"number:{number}"
            for word in (prefix, *column.lower().split("_")):
                if word and word not in _NO_WORDS:
                    yield f"number:{word}:{number}"
        return
    if _PHONE.fullmatch(plain) and 10 <= len(joined) <= 15:
        yield f"phone:{joined[-9:]}"
    elif _CHINESE_NAME.fullmatch(plain):
        yield f"surname:{plain[0]}"
        if plain[:2] in COMPOUND:
            yield f"surname:{plain[:2]}"
    elif len(plain) <= _LETTERS_OF_A_NAME and _NAME.fullmatch(plain):
        parts = [key(part) for part in re.split(r"[ ,]+", plain)]
        for surname in {parts[0], parts[-1], "".join(parts[1:])} - {""}:
            yield f"surname:{surname}"
        if len(parts) > 1:
            yield f"initial:{parts[0][0]} {parts[-1]}"
            yield f"initial:{parts[-1][0]} {parts[0]}"


def remembered(find: Find) -> Find:
    """Return a search of one snapshot that asks about each text once."""
    asked: set[str] = set()
    found: set[tuple[str, str, str]] = set()

    def known(candidates: set[str]) -> list[tuple[str, str, str]]:
        if fresh := candidates - asked:
            found.update(find(fresh))
            asked.update(fresh)
        return sorted(each for each in found.copy() if each[2] in candidates)

    return known


def columns_there(connection: Connection) -> set[tuple[str, str]]:
    """Return the (table, column) pairs that the snapshot attached as ``lake`` holds."""
    rows = connection.execute(
        "SELECT table_name, column_name FROM duckdb_columns() "
        "WHERE database_name = 'lake' AND schema_name = 'main'"
    ).fetchall()
    return {(table, column) for table, column in rows}


def find_identifiers(
    connection: Connection, columns: Iterable[tuple[str, str, bool]], candidates: set[str]
) -> list[tuple[str, str, str]]:
    """Return which texts are values of some columns.

    Parameters
    ----------
    connection : duckdb connection
        With the tables in the schema ``lake``.
    columns : iterable of (table, column, whether it is a subject key)
    candidates : set of str
        Texts as `key` writes them, and further `forms`.

    Returns
    -------
    list of (table, column, text)
    """
    # why no parameter: taking one from Python, the engine imports pandas, for a second
    texts = "\n".join(sorted(each for each in candidates if ":" not in each)).replace("'", "''")
    connection.execute(
        f"CREATE TEMP TABLE candidates AS SELECT unnest(string_split('{texts}', chr(10))) AS text"
    )
    plain = f"regexp_full_match(value, '{_PLAIN}')"
    held = f"({plain} AND {_LETTERS} IN (SELECT text FROM candidates)) OR NOT {plain}"
    conditions = {
        kind: " OR ".join((held, *_conditions(candidates, kind))) for kind in (False, True)
    }
    places = list(columns)
    if not places:
        return []
    looks = []
    for (table, subject_key), several in groupby(enumerate(places), lambda each: each[1][::2]):
        values = {str(at): f'CAST("{column}" AS VARCHAR)' for at, (_, column, _) in several}
        # why several at once: to open a table's files takes longer than to read them
        read = "unnest([{}]), unnest([{}])" if len(values) > 1 else "{}, {}"
        read = read.format(", ".join(values), ", ".join(values.values()))
        looks.append(
            f'SELECT DISTINCT * FROM (SELECT {read} FROM lake."{table}") AS read(place, value) '
            f"WHERE value IS NOT NULL AND ({conditions[subject_key]})"
        )
    found: set[tuple[str, str, str]] = set()
    cursor = connection.execute(" UNION ALL ".join(looks))
    while batch := cursor.fetchmany(_BATCH):
        for at, text in batch:
            table, column, subject_key = places[at]
            mine = candidates.intersection(forms(text, column, subject_key=subject_key))
            found.update((table, column, each) for each in mine)
    return sorted(found)


def _conditions(candidates: set[str], subject_key: bool) -> Iterator[str]:
    """Yield conditions that hold for every plain value with one of the asked-for short forms."""
    asked: dict[str, set[str]] = {}
    for each in candidates:
        kind, _, text = each.partition(":")
        if text:
            asked.setdefault(kind, set()).add(text.rpartition(":")[2])
    if subject_key:
        for several in _some(asked.get("number", ())):
            yield f"regexp_full_match(value, '(?i)[a-z]{{0,6}}[-_ /.#]?0*(?:{several})')"
        return
    if "phone" in asked:
        tails = ", ".join(f"'{each}'" for each in sorted(asked["phone"]))
        digits = "regexp_replace(value, '[^0-9]', '', 'g')"
        yield f"(right({digits}, 9) IN ({tails}) AND regexp_full_match(value, '[+0-9 ()/.-]+'))"
    names = {*asked.get("surname", ()), *(each[2:] for each in asked.get("initial", ()))}
    for several in _some(names):
        # why letters alone: a value may hold "O'Neil" where "oneil" is asked for
        yield f"regexp_matches({_LETTERS}, '{several}')"


def _some(texts: Iterable[str], most: int = 500) -> Iterator[str]:
    """Yield patterns of at most so many texts, of letters and digits alone."""
    plain = sorted(each for each in set(texts) if each.isalnum())
    for start in range(0, len(plain), most):
        yield "|".join(plain[start : start + most])
