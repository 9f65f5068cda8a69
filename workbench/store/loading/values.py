"""A value is taken only if it reads back as itself: how what a file holds becomes a column's value.

Of every column two pieces of SQL: its value, and whether what was read is none. The common case of
a text, that the value written again is the very text, is looked at first, since it costs the least.
"""

import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from workbench.catalog import Column
from workbench.catalog_files import columns_in, computed_sql
from workbench.errors import InputError
from workbench.store.loading.moments import DAYS, INSTANT, MOMENTS, day, moment, shifted, unlike
from workbench.store.quality.rules import as_glob, literal

# a workbook's cell that shows no value, nor a key: what stands behind it says why
NO_VALUE = "=\ue000"
_FLOATING = ("FLOAT", "DOUBLE")
_NUMBERED = re.compile(r"VARCHAR|U?(TINY|SMALL|BIG|HUGE)?INT(EGER)?|UUID")  # what keys are kept as
_SMALLEST_DOUBLE = "2.2250738585072014e-308"  # below it digits are lost
# Words that programs write for nothing, and that people write below a column: no customer's key.
_NO_KEYS = frozenset(
    r"null nul nil none nan nat na n/a n.a #n/a \n (null) (none) (blank) (empty) <null> <na> "  # noqa: SIM905  # why: a list of words is read faster as one
    "<none> (leer) #ref! #value! #name? #num! #null! #div/0! undefined unknown "
    "missing empty unbekannt inconnu desconocido total totals subtotal sub-total sum gesamt summe "
    "insgesamt gesamtsumme zwischensumme totale totaux sous-total итого всего "
    "合计 总计 小计 汇总 总和 无 空 未知 缺失 合計 總計 小計 無 不明 なし 합계 총계 없음".split()
) | {"grand total", "total general", "total général"}
# with a digit it is none of the words above, and without a point or a quote no number
_SIMPLE = r"!$-&(-*,\-/-<>-_a-~"
_PLAIN_KEY = rf"[{_SIMPLE}]*[0-9][{_SIMPLE}]*"
_PLAIN_GLOB = re.compile(rf"(?=.*\[0-9\])(?!.*[*?])[{_SIMPLE}]+")  # matches such keys only
# signs that nobody sees, though they are letters, marks or symbols
_IGNORED = "\u034f\u115f\u1160\u17b4\u17b5\u180b\u180c\u180d\u180f\u2800\u3164\uffa0" + "".join(
    map(chr, (*range(0xFE00, 0xFE10), *range(0xE0100, 0xE01F0)))
)
_UNSEEN = rf"\s\p{{Z}}\p{{C}}{_IGNORED}"
_EDGES = f"^[{_UNSEEN}]+|[{_UNSEEN}]+$"
_KEY = rf"[^='\"`{_UNSEEN}][^{_UNSEEN}]*( [^{_UNSEEN}]+)*"
_NAMES = r"[\p{L}\p{N}]"  # a key has one
_NUMBER = r"[0-9]+\.0+|[0-9.]+[eE]\+[0-9]+"  # as programs write numbers, which were keys before
_ALIKE = {" ": " \u00a0\u202f", "'": "'’"}  # thousands marks that programs write for each other
_WIDE = "".join(map(chr, range(0xFF01, 0xFF5F)))
_NARROW = "".join(map(chr, range(0x21, 0x7F)))


@dataclass(frozen=True)
class Form:
    """How a file writes days, moments and numbers, where it does not say so itself.

    Attributes
    ----------
    date_format : str or None
        Of days in text; ISO 8601 without one.
    decimal, thousands : str
        The marks within numbers.
    zone : str
        The workspace's time zone, in which moments are kept and days begin.
    cells : bool
        Whether texts are what a workbook's cells show, some of which show no value.
    """

    date_format: str | None = None
    decimal: str = "."
    thousands: str = ""
    zone: str = "UTC"
    cells: bool = False


def require_marks(decimal: str, thousands: str) -> None:
    """Refuse marks within numbers that could not be told apart.

    Raises
    ------
    InputError
    """
    if (
        decimal not in (".", ",")
        or thousands not in ("", ".", ",", "'", " ")
        or (decimal == thousands)
    ):
        raise InputError(
            "a decimal mark is . or , and a thousands mark another one of . , ' or a blank; got "
            f"{decimal!r} and {thousands!r}."
        )


def sql_type(column: Column) -> str:
    """Return the store's type of a declared column; money and scaled numbers are exact."""
    if column.type == "number":
        return "DOUBLE" if column.scale is None else f"DECIMAL(18,{column.scale})"
    named = {"text": "VARCHAR", "integer": "BIGINT", "money": "DECIMAL(18,2)"}
    return named.get(column.type, column.type.upper())


def normal_key(text: str) -> str | None:
    r"""Return a customer's key as it is kept, or None where it is none.

    Full-width signs become plain ones, letters with marks one sign, blanks and invisible signs at
    its ends go. What then holds one of these inside, begins with ``=`` or a quote, has no letter
    and no digit, is a number as programs write it, or a word for nothing or for a sum, is no key.

    Examples
    --------
    >>> normal_key(" Ｃ001\u200b"), normal_key("N/A"), normal_key("1001.0"), normal_key("C\t1")
    ('C001', None, None, None)
    """
    text = unicodedata.normalize("NFC", text.translate(str.maketrans(_WIDE, _NARROW)))
    edge = {i for i, sign in enumerate(text) if not _unseen(sign)}
    text = text[min(edge) : max(edge) + 1] if edge else ""
    inside = text.replace(" ", "")
    if text.startswith(("=", "'", '"', "`")) or "  " in text or any(map(_unseen, inside)):
        return None
    named = any(unicodedata.category(sign)[0] in "LN" for sign in text)
    none = not named or re.fullmatch(_NUMBER, text) or text.lower().rstrip(" :.") in _NO_KEYS
    return None if none else text


def _unseen(sign: str) -> bool:
    kind = unicodedata.category(sign)  # Cn is of signs that came after the table of them
    return sign.isspace() or sign in _IGNORED or (kind[0] in "ZC" and kind != "Cn")


def taken(column: str, declared: Column, found: str, form: Form) -> tuple[str, str]:
    """Return SQL of a column's value, and of whether what was read is not one.

    Parameters
    ----------
    column : str
        The first is of ``"column"`` as it was read, the second of ``"read column"`` and the value,
        then ``"column"``.
    found : str
        SQL type that it was read as.
    """
    wanted = sql_type(declared)
    value, wrong = (_from_text if found == "VARCHAR" else _from_typed)(
        f'"{column}"', f'"read {column}"', declared, found, form
    )
    if wanted in ("DATE", "TIMESTAMP"):
        low, high = DAYS if wanted == "DATE" else MOMENTS
        wrong.append(f'"{column}" < {low}')
        wrong.append(f'"{column}" > {high}')
        if wanted == "TIMESTAMP" and form.zone != "UTC":
            wrong.append(shifted(column, found, form))
    elif wanted == "DOUBLE":
        wrong.append(f'NOT isfinite("{column}")')
    told = " OR ".join(f"({each})" for each in wrong) or "false"
    sure = surely(column, declared, found, form)
    # why a CASE: of an OR both sides are computed for every row
    return value, f"CASE WHEN {sure} THEN false ELSE {told} END" if sure else told


def surely(column: str, declared: Column, found: str, form: Form) -> str:
    """Return the condition, soon looked at, that a text is filled and reads back as itself.

    It holds for the common ways to write a value; empty where there is none.
    """
    value, read, wanted = f'"{column}"', f'"read {column}"', sql_type(declared)
    if found != "VARCHAR":
        return ""
    if wanted == "BOOLEAN":
        return f"{value} IS NOT NULL"
    if wanted == "DATE" and form.date_format is None:
        # why enough: of a year of four digits, what is a day and has this form has no other one
        return f"{value} >= {DAYS[0]} AND {read} GLOB '????-??-?[0-9]'"
    if (wanted == "BIGINT" or wanted.startswith("DECIMAL")) and form.decimal == ".":
        return f"CAST({value} AS VARCHAR) = {read}"
    return ""


def value_of(declared: Column, text: str, zone: str) -> tuple[str, Any] | None:
    """Return what somebody typed as a file's column would take it; None where it would not.

    Returns
    -------
    text, value
        The text reads back as the value, in the workspace's time zone where it is a moment.
    """
    import duckdb

    value, wrong = taken("v", declared, "VARCHAR", Form(zone=zone))
    with duckdb.connect() as connection:
        connection.execute("SET TimeZone = 'UTC'")
        row = connection.execute(
            f'SELECT CAST("v" AS VARCHAR), "v" FROM (SELECT "v" AS "read v", {value} AS "v" '
            f'FROM (SELECT CAST(? AS VARCHAR) AS "v")) WHERE "v" IS NOT NULL AND NOT ({wrong})',
            [text],
        ).fetchone()
    return row


def computed(declared: Column, values: Mapping[str, str]) -> str:
    """Return SQL of a computed column's value, from SQL of the values it is computed of.

    It is rounded to the decimals that its type has; NULL where one of them is, or it has no value.
    """
    text = computed_sql(declared.computed or "", lambda name: f"({values[name]})")
    return f"TRY(CAST({text} AS {sql_type(declared)}))"


def not_computed(column: str, declared: Column) -> str:
    """Return the condition that all is there and no value comes of it, such as over a nought."""
    filled = " AND ".join(f'"{name}" IS NOT NULL' for name in columns_in(declared.computed or ""))
    return f'"{column}" IS NULL AND {filled}'


def _from_typed(
    raw: str, read: str, declared: Column, found: str, form: Form
) -> tuple[str, list[str]]:
    wanted = sql_type(declared)
    key = declared.role == "subject key"
    if found == wanted and not key:
        return raw, []
    if found == INSTANT:
        at = f"({raw} AT TIME ZONE {literal(form.zone)})"
        again = f"({read} AT TIME ZONE {literal(form.zone)})"
    else:
        at, again = raw, read
    exact = found.startswith("DECIMAL")
    if wanted == "VARCHAR" and (found in _FLOATING or (key and exact)):
        whole = f"{raw} % 1 = 0 AND abs({raw}) < 1e15"
        whole = whole if exact else f"isfinite({raw}) AND {whole}"
        value = f"CASE WHEN {whole} THEN CAST(CAST({raw} AS BIGINT) AS VARCHAR)"
        value += " END" if key else f" ELSE CAST({raw} AS VARCHAR) END"
        return value, [_none(raw, read), "false" if exact else f"NOT isfinite({read})"]
    value = f"TRY_CAST({at} AS {wanted})"
    if found == "BLOB" and wanted == "VARCHAR":  # of a program that does not say that it is text
        value = f"TRY(decode({raw}))"
    elif (key and wanted == "VARCHAR" and not _NUMBERED.fullmatch(found)) or (
        found in ("BLOB", "BOOLEAN") and wanted not in ("VARCHAR", "BOOLEAN")
    ):
        return f"CAST(NULL AS {wanted})", [_none(raw, read)]
    if wanted == "VARCHAR":
        # what has parts is itself only if it can be told apart again
        again = f"TRY_CAST({raw} AS {found}) IS DISTINCT FROM {read}"
        parts = [again] if set("([") & set(found) and not key else []
        return (_key_sql(value, declared) if key else value), [_none(raw, read), *parts]
    back = "TIMESTAMP" if found == INSTANT else found
    return value, [_none(raw, read), f"TRY_CAST({raw} AS {back}) <> {again}"]


def _from_text(
    raw: str, read: str, declared: Column, found: str, form: Form
) -> tuple[str, list[str]]:
    wanted = sql_type(declared)
    if wanted == "VARCHAR":
        if declared.role == "subject key":
            return _key_sql(raw, declared), [_none(raw, read)]
        # why compared first: that costs next to nothing, and words stand above '='
        shows_none = f"{read} < '>' AND starts_with({read}, '{NO_VALUE}')"
        return raw, [shows_none] if form.cells else []
    if wanted in ("DATE", "TIMESTAMP"):
        value, other = (day if wanted == "DATE" else moment)(raw, read, form)
    elif wanted == "BOOLEAN":
        # why by words first: a cast looks at every letter
        words = " ".join(f"WHEN {raw} = '{word}' THEN {word}" for word in ("false", "true"))
        return f"CASE {words} ELSE TRY_CAST({raw} AS BOOLEAN) END", [_none(raw, read)]
    else:
        value, other = _number(raw, read, declared, form)
        if wanted != "DOUBLE" or form.decimal != ".":
            return value, [_none(raw, read), other]
    same = f"CAST({raw} AS VARCHAR) = {read}"
    return value, [f"CASE WHEN {same} THEN false ELSE ({_none(raw, read)}) OR {other} END"]


def _none(raw: str, read: str) -> str:
    return f"{read} IS NOT NULL AND {raw} IS NULL"


def _number(raw: str, read: str, declared: Column, form: Form) -> tuple[str, str]:
    wanted = sql_type(declared)
    point, mark = re.escape(form.decimal), f"[{_ALIKE.get(form.thousands, form.thousands)}]"
    text, again = raw, read
    if form.thousands:
        signs = literal(_ALIKE.get(form.thousands, form.thousands))
        text, again = (f"translate({each}, {signs}, '')" for each in (raw, read))
    if form.decimal != ".":
        text, again = (f"replace({each}, {literal(form.decimal)}, '.')" for each in (text, again))
    value = f"TRY_CAST({text} AS {wanted})"
    whole = rf"(\d+|\d{{1,3}}({mark}\d{{3}})+)" if form.thousands else r"\d+"
    power = r"[eE][+-]?\d{1,3}"
    if wanted == "DOUBLE":
        pattern = rf"\s*[+-]?({whole}({point}\d*)?|{point}\d+)({power})?\s*"
        # why so: what is written with 16 digits or 17 need not be what the double is
        written = ", ".join(
            map(
                _figures,
                (f"CAST({raw} AS VARCHAR)", *(f"printf('%.{each}g', {raw})" for each in (16, 17))),
            )
        )
        other = f"length({_figures(again)}) > 15 AND {_figures(again)} NOT IN ({written})"
        small = f"abs({raw}) < {_SMALLEST_DOUBLE} AND {_figures(again)} <> ''"
        return value, f"{unlike(read, pattern)} OR ({other}) OR ({small})"
    places = 0 if declared.type == "integer" else declared.digits
    some = rf"|{point}\d{{1,{places}}}0*" if places else ""
    pattern = rf"\s*[+-]?({whole}({point}\d{{0,{places}}}0*)?{some})\s*"
    wrong = unlike(read, pattern)
    if declared.type == "money":
        return value, wrong
    # 15e2 is whole and 15e-1 is not; of so few digits a wide decimal holds every one
    short = rf"\s*[+-]?(\d{{1,12}}({point}\d{{0,9}})?|{point}\d{{1,9}}){power}\s*"
    exact = f"TRY_CAST({again} AS DECIMAL(38, 18)) = {raw}"
    return value, f"{wrong} AND ({unlike(read, short)} OR ({exact}) IS NOT true)"


def _figures(number: str) -> str:
    """Return SQL of a number's digits without the noughts at their ends, without its power."""
    plain = rf"regexp_replace(regexp_replace({number}, '[eE].*', ''), '\D', '', 'g')"
    return f"trim({plain}, '0')"


def plain_key(raw: str, declared: Column) -> str:
    """Return the condition that a text is a customer's key as it stands, and fits its pattern.

    Empty where the pattern does not say as much.
    """
    globs = (as_glob(rule.pattern) for rule in declared.rules if rule.pattern)
    glob = next((each for each in globs if each and _PLAIN_GLOB.fullmatch(each)), None)
    return f"{raw} GLOB '{glob}'" if glob else ""


def _key_sql(raw: str, declared: Column) -> str:
    """Return SQL of `normal_key`: what is plain is looked at once, by the key's own pattern."""
    plain = plain_key(raw, declared) or f"regexp_full_match({raw}, {literal(_PLAIN_KEY)})"
    # why another sign for NUL, as little seen: the engine's normal form ends there
    narrow = f"translate(replace({raw}, chr(0), chr(1)), '{_WIDE}', {literal(_NARROW)})"
    trimmed = f"regexp_replace(nfc_normalize({narrow}), {literal(_EDGES)}, '', 'g')"
    words = ", ".join(literal(word) for word in sorted(_NO_KEYS))
    # its column's names are no key: where files were put together, each has its own line of them
    own = ", ".join(literal(name) for name in (raw.strip('"'), declared.header) if name)
    fit = (
        f"regexp_full_match(key, {literal(_KEY)}) AND regexp_matches(key, {literal(_NAMES)}) AND "
        f"NOT regexp_full_match(key, {literal(_NUMBER)}) AND rtrim(lower(key), ' :.') NOT IN "
        f"({words}) AND key NOT IN ({own})"
    )
    # why a list: what stands twice the engine computes of every row, before it looks at the CASE
    return f"(CASE WHEN {plain} THEN {raw} ELSE list_filter([{trimmed}], lambda key: {fit})[1] END)"


def kind_of(declared: str) -> str:
    """Return a type in words.

    Examples
    --------
    >>> kind_of("integer")
    'a whole number'
    """
    if declared == "date":
        return "a date (2026-09-30; another form is named with --date-format)"
    words = {"integer": "a whole number", "money": "an amount"}
    words["timestamp"] = "a date and time (2026-09-30 14:05:00; none that a change of clocks skips)"
    return words.get(declared, f"a {declared}")
